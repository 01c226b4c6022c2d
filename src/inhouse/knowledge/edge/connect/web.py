"""Pages of the web: one, several, or a site; politely, and only where the administrator said.

Goes along links and sitemaps below the addresses, asks robots.txt first, pauses between requests, and asks
only for what has changed (ETag, Last-Modified). A page that cannot be read today is kept as it was; one that
is gone (404, 410) goes. Files among the pages (PDF, office) are documents as they are; of a page the main
part is kept, where the extra `sources` is installed.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import ssl
import threading
import zlib
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePath
from urllib.parse import unquote

import inhouse
from inhouse.kernel.errors import BadRequest, Unavailable
from inhouse.knowledge.edge.connect.fetch import Fetcher, FetchFailed, Reply, Resolve, resolve
from inhouse.knowledge.edge.connect.look import Ask, Seen, write_limited
from inhouse.knowledge.edge.connect.main_text import MainText
from inhouse.knowledge.plan import Found, Walk
from inhouse.knowledge.source import Source, option_flag, option_list, option_number
from inhouse.knowledge.source_pages import PageFacts, is_html, is_readable, leads_to_page, page_facts
from inhouse.knowledge.source_robots import MOST_BYTES, Robots, read_robots, read_sitemap
from inhouse.knowledge.source_urls import Scope, Url, document_of, linked, read_url

__all__ = ["WebConnector", "scope_of"]

PRODUCT = "inhouse"
AGENT = f"{PRODUCT}/{inhouse.__version__} (a company's own search; honours robots.txt)"
GONE = (404, 410)
MOST_SITEMAPS = 50
SITEMAP_BYTES = 20_000_000
MOST_WORDS = 10
LEAST_ADDRESSES, ADDRESSES_FOR_PAGE = 20_000, 20
"""Addresses that are remembered in a look: a calendar links to new ones without end."""
MOST_SILENT = 10
"""A host that gave no answer so many times in a row is not asked again in this look."""
STEP_S = 0.5
"""A pause is taken in steps, so that a look that is to end does so at once."""


@dataclass(slots=True)
class _Page:
    """What is remembered of a page: what its server said of its version, and where it led."""

    document: str
    size_bytes: int
    mtime_ns: int
    sha256: str
    etag: str = ""
    modified: str = ""
    links: tuple[str, ...] = ()


class WebConnector:
    """`look.Connector` for pages. `wait` lets the seconds pass that it is given."""

    def __init__(
        self,
        *,
        resolve: Resolve = resolve,
        wait: Callable[[float], object] | None = None,
        total_s: float = 60.0,
    ) -> None:
        self._resolve = resolve
        self._wait = wait or threading.Event().wait
        self._total_s = total_s

    def check(self, source: Source) -> None:
        """See `Connector.check`."""
        scope_of(source)
        _trust(source)

    def look(self, ask: Ask) -> Seen:
        """See `Connector.look`."""
        fetcher = Fetcher(AGENT, ask.private_hosts, _trust(ask.source), self._resolve, self._total_s)
        main_text = MainText()
        try:
            return _Crawl(ask, fetcher, main_text, self._wait).run()
        finally:
            main_text.close()  # a page that the ingest asks for again starts it anew, until `Seen.close`


def scope_of(source: Source) -> Scope:
    """Where a source may go: the hosts and folders of its addresses, and what its options add.

    Raises:
        BadRequest: if an address, a host or a path cannot be.
    """
    starts = _starts(source)
    hosts = {start.authority for start in starts}
    for host in option_list(source, "hosts"):
        hosts |= {read_url(f"{start.scheme}://{host}").authority for start in starts}
    paths = option_list(source, "paths")
    wrong = next((path for path in paths if not path.startswith("/")), None)
    if wrong is not None:
        raise BadRequest(f"{wrong[:80]!r} is no beginning of a path", hint="it begins with /")
    folders = {unquote(start.path.rpartition("/")[0]) or "/" for start in starts}
    return Scope(frozenset(hosts), tuple(paths) or tuple(sorted(folders)))


def _starts(source: Source) -> list[Url]:
    return [read_url(text.partition("#")[0]) for text in source.address.split()]


def _trust(source: Source) -> ssl.SSLContext | None:
    path = source.options.get("ca_file", "")
    if not path:
        return None
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        why = error.strerror or "it holds no certificate"
        raise BadRequest(f"{path!r} cannot be used: {why}", hint="give a PEM file") from None


@dataclass(slots=True)
class _Crawl:
    """One look: what is waiting to be read, what was found, what went wrong."""

    ask: Ask
    fetcher: Fetcher
    main_text: MainText
    wait: Callable[[float], object]
    found: dict[str, _Page] = field(default_factory=dict)
    files: dict[str, Found] = field(default_factory=dict)
    robots: dict[str, Robots] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    _asked: set[str] = field(default_factory=set)
    _answered: int = 0
    _before: Mapping[str, _Page] = field(default_factory=dict)
    _scope: Scope = field(default_factory=lambda: Scope(frozenset(), ()))
    _seen_at: dict[str, str] = field(default_factory=dict)
    _waiting: deque[tuple[Url, int]] = field(default_factory=deque)
    _known: set[str] = field(default_factory=set)
    _silent: Counter[str] = field(default_factory=Counter)
    _closed: dict[str, Unavailable] = field(default_factory=dict)
    _cut: bool = False
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> Seen:
        source = self.ask.source
        self._before = _remembered(source.cursor)
        self._scope = scope_of(source)
        starts = _starts(source)
        for start in starts:
            if not self._robots_of(start).allows(start.target):
                raise Unavailable(f"{start.host} forbids to read {start}", hint="see its robots.txt")
        follow = option_flag(source, "follow")
        limit = int(option_number(source, "max_pages"))
        most = max(LEAST_ADDRESSES, ADDRESSES_FOR_PAGE * limit)
        self._note((*starts, *(self._sitemaps(starts, most) if follow else ())), 0, most)
        deepest = int(option_number(source, "max_depth"))
        reached = self._along(limit, deepest if follow else 0, most)
        if follow:
            # A page that nothing leads to today is gone when its server says so: else a start page that is
            # "under maintenance" for an hour would empty the source.
            self._note([read_url(key) for key in self._before if key not in self._asked], 0, most)
            self._along(limit - reached, 0, most)
        if self.wrong and not self._answered:
            raise Unavailable(f"Nothing could be read: {self.wrong[0]}", hint="is the address right?")
        return self._seen(cut=self._cut or bool(self._waiting))

    def _note(self, urls: Iterable[Url], depth: int, most: int) -> None:
        for url in urls:
            key = str(url)
            if key in self._known:
                continue
            if len(self._known) >= most:
                self._cut = True
                return
            self._known.add(key)
            self._waiting.append((url, depth))

    def _along(self, limit: int, deepest: int, most: int) -> int:
        """Read what is waiting, and what it leads to; how many pages that was."""
        reached = 0
        while self._waiting and reached < limit:
            self.ask.check()
            url, depth = self._waiting.popleft()
            if not self._may_read(url):
                continue
            reached += 1
            links = self._read(url)
            if depth < deepest:
                self._note(links, depth + 1, most)
        return reached

    def _seen(self, *, cut: bool) -> Seen:
        words = [f"{len(self.wrong)} pages could not be read: {self.wrong[0]}"] if self.wrong else []
        if cut:
            words.append(f"more than {len(self.found)} pages: the rest is left out (max_pages)")
            for key, page in self._before.items():
                if key not in self._asked:  # not looked at is not gone
                    self._keep(key, page)
        files = sorted(self.files.values(), key=lambda file: file.document)
        words += self.wrong[1:MOST_WORDS]
        return Seen(
            Walk(tuple(files)), words=tuple(words), cursor=_memory(self.found), close=self.main_text.close
        )

    # ---- one page

    def _may_read(self, url: Url) -> bool:
        if not self._scope.holds(url) or not leads_to_page(url.path):
            return False
        try:
            return self._robots_of(url).allows(url.target)
        except Unavailable as error:
            self._fail(url, str(error.message))
            return False

    def _read(self, url: Url) -> Sequence[Url]:
        """Ask for a page, note it, and return where it leads."""
        key = str(url)
        self._asked.add(key)
        before = self._before.get(key)
        try:
            reply = self._get(url, before)
        except FetchFailed as error:
            return self._fail(url, str(error))
        self._answered += reply.status < 500
        if reply.status == 304 and before is not None:
            return self._keep(key, before)
        if reply.status in GONE:
            return ()
        if reply.status != 200:
            return self._fail(url, f"it answered {reply.status}")
        if not reply.media_type:
            return self._fail(url, "it does not say what it is")
        if not is_readable(reply.media_type):
            return ()
        return self._take(url, reply, before)

    def _get(self, url: Url, before: _Page | None) -> Reply:
        headers = {}
        if before is not None and before.etag:
            headers["If-None-Match"] = before.etag
        if before is not None and before.modified:
            headers["If-Modified-Since"] = before.modified
        with self._turn:  # the pause is between any two requests, also those that the ingest makes
            return self._asked_for(url, headers)

    def _asked_for(self, url: Url, headers: Mapping[str, str]) -> Reply:
        if self._silent[url.authority] >= MOST_SILENT:
            raise FetchFailed(f"{url.host} gave no answer {MOST_SILENT} times and was not asked again")
        self._pause(url)
        try:
            reply = self.fetcher.get(
                url, max_bytes=_page_bytes(self.ask), headers=headers, allowed=self._follows
            )
        except FetchFailed as error:
            self._silent[url.authority] += not error.refused
            raise
        self._silent[url.authority] = 0
        return reply

    def _follows(self, url: Url) -> bool:
        try:
            return self._scope.holds(url) and self._robots_of(url).allows(url.target)
        except Unavailable:
            return False

    def _take(self, url: Url, reply: Reply, before: _Page | None) -> Sequence[Url]:
        html = is_html(reply.media_type)
        facts = page_facts(reply.content, reply.charset) if html else PageFacts()
        # A page that was moved is known by where it is now; the old address leads to the same document.
        links = linked(_base(reply.url, facts), facts.links) if facts.follow else []
        inside = tuple(str(link) for link in links if self._scope.holds(link) and leads_to_page(link.path))
        content = _content(self.ask, self.main_text, reply)
        sha256 = hashlib.sha256(content).hexdigest()
        modified = reply.headers.get("last-modified", "")
        page = _Page(
            document=_name(reply.url, self._seen_at, html=html) if facts.keep else "",
            size_bytes=len(content),
            mtime_ns=_mtime_ns(modified, self.ask.now),
            sha256=sha256,
            etag=reply.headers.get("etag", ""),
            modified=modified,
            links=inside,
        )
        if before is not None and before.sha256 == sha256:
            page.mtime_ns = before.mtime_ns  # asked again, and it says the same
        self.found[str(url)] = page
        if page.document and page.document not in self.files:
            path = self.ask.incoming / sha256
            write_limited(path, (content,), self.ask.max_bytes + len(content))
            self.files[page.document] = Found(page.document, path, page.size_bytes, page.mtime_ns)
        return [read_url(link) for link in inside]

    def _keep(self, key: str, page: _Page) -> Sequence[Url]:
        """A page as it was when it was last read; its bytes are asked for only if they are needed again."""
        self.found[key] = page
        url = read_url(key)
        if page.document and page.document not in self.files:
            path = self.ask.incoming / page.sha256
            self.files[page.document] = Found(
                page.document, path, page.size_bytes, page.mtime_ns, lambda target: self._again(url, target)
            )
        return [read_url(link) for link in page.links]

    def _again(self, url: Url, target: PurePath) -> None:
        try:
            reply = self._get(url, None)
        except FetchFailed as error:
            raise OSError(str(error)) from None
        if reply.status != 200:
            raise OSError(f"it answered {reply.status}")
        if not is_readable(reply.media_type):
            raise OSError(f"it came as {reply.media_type[:40]!r}, which is no document")
        content = _content(self.ask, self.main_text, reply)
        write_limited(Path(target), (content,), self.ask.max_bytes)

    def _fail(self, url: Url, words: str) -> Sequence[Url]:
        """Keep a page as it was, and return where it led: what lies behind it is not gone either."""
        self.wrong.append(f"{url}: {words}")
        before = self._before.get(str(url))
        return self._keep(str(url), before) if before is not None else ()

    # ---- manners

    def _pause(self, url: Url) -> None:
        told = self.robots[url.authority].delay_s if url.authority in self.robots else 0.0
        left = max(option_number(self.ask.source, "delay_s"), told)
        self.ask.check()
        while left > 0:
            self.wait(min(left, STEP_S))
            left -= STEP_S
            self.ask.check()

    def _robots_of(self, url: Url) -> Robots:
        """Raises Unavailable if the site cannot even say what may be read: RFC 9309, 2.3.1.4."""
        if url.authority in self._closed:
            raise self._closed[url.authority]
        if url.authority not in self.robots:
            try:
                self.robots[url.authority] = _read_robots(self.fetcher, url)
            except Unavailable as error:
                self._closed[url.authority] = error  # once in a look, not once for each of its pages
                raise
        return self.robots[url.authority]

    def _sitemaps(self, starts: Sequence[Url], most: int) -> list[Url]:
        """Pages that the sitemaps of these sites name; a site without one is no failure."""
        pages: dict[str, Url] = {}
        for start in {start.authority: start for start in starts}.values():
            told = linked(start, self._robots_of(start).sitemaps) or [read_url("/sitemap.xml", start)]
            waiting, read = deque(told[:MOST_SITEMAPS]), 0
            while waiting and read < MOST_SITEMAPS and len(pages) < most:
                self.ask.check()
                read += 1
                place = waiting.popleft()
                if place.authority not in self._scope.hosts:
                    continue
                self._pause(place)
                index, urls = read_sitemap(_sitemap(self.fetcher, place, self._scope.hosts))
                found = linked(place, urls)
                if index:
                    waiting.extend(found[:MOST_SITEMAPS])
                else:
                    pages |= {str(page): page for page in found if self._scope.holds(page)}
        return list(pages.values())


def _read_robots(fetcher: Fetcher, url: Url) -> Robots:
    place = read_url("/robots.txt", url)
    try:
        reply = fetcher.get(
            place, max_bytes=MOST_BYTES, allowed=lambda to: to.authority == url.authority, cut=True
        )
    except FetchFailed as error:
        words = f"{url.host} cannot be read: {error}"
        inside = "hosts of the own network are named in sources.private_hosts"
        raise Unavailable(words, hint=inside if error.refused else "is the address right?") from None
    if reply.status >= 500 or reply.status == 429:
        raise Unavailable(f"{url.host} answers {reply.status}", hint="it is asked again later")
    content = reply.content if reply.status == 200 and not is_html(reply.media_type) else b""
    return read_robots(content, PRODUCT)


def _name(url: Url, seen_at: dict[str, str], *, html: bool) -> str:
    """The page as a path; a second page that would be called the same has a number of its own."""
    name = document_of(url, html=html)
    if seen_at.setdefault(name, str(url)) == str(url):
        return name
    stem, dot, ending = name.rpartition(".")
    mark = hashlib.sha256(str(url).encode()).hexdigest()[:8]
    return f"{stem} ({mark}){dot}{ending}" if dot and "/" not in ending else f"{name} ({mark})"


def _unpacked(content: bytes) -> bytes:
    """A sitemap may be a gzip file, whatever its server says."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        with gzip.open(io.BytesIO(content)) as stream:
            return stream.read(SITEMAP_BYTES)
    except (OSError, EOFError, zlib.error):
        return b""


def _sitemap(fetcher: Fetcher, place: Url, hosts: Collection[str]) -> bytes:
    try:
        reply = fetcher.get(place, max_bytes=SITEMAP_BYTES, allowed=lambda to: to.authority in hosts)
    except FetchFailed:
        return b""
    return b"" if reply.status != 200 or is_html(reply.media_type) else _unpacked(reply.content)


def _page_bytes(ask: Ask) -> int:
    return min(int(option_number(ask.source, "max_page_mb")) << 20, ask.max_bytes)


def _content(ask: Ask, main_text: MainText, reply: Reply) -> bytes:
    """What is kept: of a page its main part, where that is wanted."""
    if not is_html(reply.media_type) or not option_flag(ask.source, "main_text"):
        return reply.content
    return main_text.of(reply.content, page_facts(reply.content, reply.charset))


def _base(url: Url, facts: PageFacts) -> Url:
    if not facts.base:
        return url
    try:
        return read_url(facts.base, url)
    except BadRequest:
        return url


def _mtime_ns(modified: str, now: float) -> int:
    try:
        return int(parsedate_to_datetime(modified).timestamp()) * 1_000_000_000
    except (ValueError, TypeError, OverflowError):
        return int(now) * 1_000_000_000


def _memory(pages: Mapping[str, _Page]) -> str:
    """What is remembered, as JSON; addresses stand in it once, links are their numbers."""
    addresses: dict[str, int] = {}

    def number(address: str) -> int:
        return addresses.setdefault(address, len(addresses))

    kept = [
        [
            number(key),
            page.document,
            page.size_bytes,
            page.mtime_ns,
            page.sha256,
            page.etag,
            page.modified,
            [number(link) for link in page.links],
        ]
        for key, page in pages.items()
    ]
    return json.dumps({"addresses": list(addresses), "pages": kept}, ensure_ascii=False)


def _remembered(cursor: str) -> dict[str, _Page]:
    if not cursor:
        return {}
    kept = json.loads(cursor)
    addresses = kept["addresses"]
    return {
        addresses[at]: _Page(
            document, size, mtime, sha256, etag, modified, tuple(addresses[to] for to in links)
        )
        for at, document, size, mtime, sha256, etag, modified, links in kept["pages"]
    }
