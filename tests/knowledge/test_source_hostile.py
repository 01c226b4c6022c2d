"""Sites that want to keep us busy, fill the memory, or end the look; each once ended or hung one."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from inhouse.kernel.errors import BadRequest, Unavailable
from inhouse.knowledge.edge.connect import web
from inhouse.knowledge.edge.connect.fetch import Fetcher, FetchFailed, Reply
from inhouse.knowledge.edge.connect.look import Ask, Seen
from inhouse.knowledge.edge.connect.main_text import MainText
from inhouse.knowledge.edge.connect.web import MOST_SILENT, WebConnector
from inhouse.knowledge.source import Source
from inhouse.knowledge.source_pages import PageFacts, page_facts
from inhouse.knowledge.source_robots import MOST_PLACES, read_robots, read_sitemap
from inhouse.knowledge.source_urls import address_refused, linked, read_url
from tests.knowledge.site import NAME, Page, Site, page, serving

NOW = 1_900_000_000.0


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as running:
        yield running


@pytest.fixture
def ask(site: Site, tmp_path: Path) -> Ask:
    site.pages["/guide/"] = page("Guide", "All about leave and pay in our company.", "leave")
    site.pages["/guide/leave"] = page("Leave", "Twenty eight days of leave a year.", "/guide/deep")
    site.pages["/guide/deep"] = page("Deep", "Only the page about leave leads to this one.")
    options = {"delay_s": "0", "main_text": "no"}
    source = Source("web", "web", f"{site.address}/guide/", "", frozenset({"all"}), options=options)
    return Ask(source, dict, tmp_path, 5_000_000, {}, NOW, site.private)


def look(site: Site, ask: Ask) -> Seen:
    return WebConnector(resolve=site.resolve).look(ask)


def again(ask: Ask, seen: Seen) -> Ask:
    return replace(ask, source=replace(ask.source, cursor=seen.cursor), now=ask.now + 60)


def documents(seen: Seen) -> list[str]:
    return [file.document.partition("/")[2] for file in seen.walk.files]


@contextmanager
def answering(content: bytes) -> Iterator[int]:
    """A server that gives every caller these bytes, whatever HTTP says; its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def work() -> None:
        while True:
            try:
                caller, _ = listening.accept()
            except OSError:
                return
            with caller:
                caller.recv(65_536)
                caller.sendall(content)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def failing(port: int, **more: object) -> str:
    asking = Fetcher("test", {(NAME, port)}, resolve=lambda _host, _port: ["127.0.0.1"])
    with pytest.raises(FetchFailed) as caught:
        asking.get(read_url(f"http://{NAME}:{port}/"), max_bytes=100_000, **more)  # type: ignore[arg-type]
    return str(caught.value)


# ---- what is read by patterns


def test_a_pattern_of_many_stars_costs_no_more_than_its_length() -> None:
    """Trying every way to share out a path among twelve stars would take years."""
    robots = read_robots(b"User-agent: *\nDisallow: /" + b"*a" * 12 + b"*b\nDisallow: /*x*y$\n", "inhouse")
    started = time.process_time()
    assert robots.allows("/" + "a" * 2_000)
    assert not robots.allows("/" + "a" * 2_000 + "b")
    assert not robots.allows("/1x2y")
    assert robots.allows("/1x2y3")
    assert time.process_time() - started < 5


def test_a_sitemap_of_spaces_costs_no_more_than_its_length() -> None:
    """A place that never ends is left; those after it are read, with the usual decorations."""
    hostile = (
        b"<urlset><loc>" + b" " * 5_000 + b"x<loc>\n <![CDATA[ http://h/a ]]> </loc><x:loc>http://h/b</x:loc>"
    )
    started = time.process_time()
    assert read_sitemap(hostile) == (False, ["http://h/a", "http://h/b"])
    assert time.process_time() - started < 5


def test_a_sitemap_names_no_more_pages_than_its_protocol_says() -> None:
    """Fifty thousand."""
    assert len(read_sitemap(b"<loc>h</loc>" * (MOST_PLACES + 5))[1]) == MOST_PLACES


@pytest.mark.parametrize("content", [b"<![foo[ x ]]>", b"<![if !x]><![temp[", b"<!\xff[", b"<!DOCTYPE ["])
def test_a_page_that_is_broken_is_read_up_to_there(content: bytes) -> None:
    """The library takes some mistakes for its own; the links before them count."""
    assert page_facts(b"<title>T</title><a href=x>x</a>" + content, "").links == ("x",)


@pytest.mark.parametrize("charset", ["undefined", "idna", "punycode", "a\0b", "no such", "x" * 9_999, "hex"])
def test_a_charset_that_is_none_is_passed_over(charset: str) -> None:
    """Some codecs of the language raise what nobody expects of a charset."""
    assert page_facts("<title>Отпуск</title>".encode(), charset).title == "Отпуск"


def test_a_link_that_cannot_be_joined_is_passed_over() -> None:
    """`//[` is an error of the library below, not of ours."""
    start = read_url("http://h/")
    assert [str(url) for url in linked(start, ["//[", "//[::1", "http://a]b/", "ok"])] == ["http://h/ok"]
    with pytest.raises(BadRequest):
        read_url("//[", start)


@pytest.mark.parametrize("address", ["168.63.129.16", "169.254.170.23", "fd20:ce::254", "fd00:ec2::23"])
def test_more_places_where_keys_are_handed_out(address: str) -> None:
    """Azure's is a public address; none is allowed, also when it is named."""
    url = read_url("http://h/")
    assert "keys" in address_refused(url, [address], {("h", 80)})


# ---- what comes over the wire


def test_a_chunk_of_a_negative_length_is_refused(site: Site) -> None:
    """Read as the library does, it is all that comes until the time is over, whatever the limit."""
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        yield b"-1\r\n"
        while True:
            sent.append(1)
            yield b"x" * 65_536

    site.pages["/"] = Page(headers={"Transfer-Encoding": "chunked"}, pieces=endless)
    asking = Fetcher("test", site.private, resolve=site.resolve, total_s=2.0)
    with pytest.raises(FetchFailed, match="gave no answer"):
        asking.get(read_url(f"{site.address}/"), max_bytes=100_000)
    assert len(sent) < 1_000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 5_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500,
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 200_000,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00garbage",
        b"HTTP/1.1 302 Found\r\nLocation: //[\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://a\tb/\r\n\r\n",
    ],
)
def test_nonsense_is_a_failed_request(content: bytes) -> None:
    """Never another error, and never an answer."""
    with answering(content) as port:
        assert failing(port)


def test_what_a_server_says_is_told_short_and_plain() -> None:
    """A line that is no HTTP is repeated in lists and terminals: no control signs, no 60,000 letters."""
    with answering(b"\x1b[2J\x1b]0;owned\x07" + b"A" * 60_000 + b"\r\n") as port:
        told = failing(port)
    assert told.isprintable()
    assert len(told) < 400


def test_no_redirect_leads_from_https_to_http() -> None:
    """Anybody on the way could change what comes; the other way round is usual."""
    asking = Fetcher("test", resolve=lambda _host, _port: [])
    start = read_url("https://h.test/")

    class Once(Fetcher):
        def _ask(self, url: object, **_more: object) -> Reply:
            return Reply(start, 302, {"location": "http://h.test/"}, b"")

    with pytest.raises(FetchFailed, match="not protected"):
        Once(asking.agent).get(start, max_bytes=10)


def test_a_long_robots_txt_is_read_as_far_as_it_counts(site: Site, ask: Ask) -> None:
    """Two megabytes: the rules at its beginning hold, and the site is read."""
    rules = b"User-agent: *\nDisallow: /guide/deep\n"
    site.pages["/robots.txt"] = Page(rules + b"# more\n" * 300_000, "text/plain")
    assert documents(look(site, ask)) == ["guide/index.html", "guide/leave.html"]


def test_a_robots_txt_that_fails_is_asked_for_once(site: Site, ask: Ask) -> None:
    """Not once for each page of the host."""
    other = "other.test"
    site.pages["/guide/"] = page("Guide", "x", *(f"http://{other}:{site.port}/guide/{n}" for n in range(9)))
    asked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return site.resolve(host, port)

    options = {**ask.source.options, "hosts": f"{other}:{site.port}"}
    WebConnector(resolve=resolve).look(replace(ask, source=replace(ask.source, options=options)))
    assert asked.count(other) == 1


def test_a_host_that_falls_silent_is_not_asked_for_each_page(site: Site, ask: Ask) -> None:
    """After ten requests without an answer the rest of its pages is kept as it was."""
    site.pages["/guide/"] = page("Guide", "x", *(f"/guide/{n}" for n in range(40)))
    for number in range(40):
        site.pages[f"/guide/{number}"] = page(str(number), f"page {number}")
    first = look(site, ask)
    lies = {"Transfer-Encoding": "chunked"}
    for number in range(40):
        site.pages[f"/guide/{number}"] = Page(b"zz", headers=lies)
    site.asked.clear()
    second = look(site, again(ask, first))
    assert len([path for path in site.paths() if path != "/guide/"]) == MOST_SILENT
    assert documents(second) == documents(first)


def test_links_without_an_end_are_not_remembered_without_an_end(
    site: Site, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A calendar links to ever new pages; beyond a number they are left out, and what is known is kept."""
    first = look(site, ask)
    monkeypatch.setattr(web, "LEAST_ADDRESSES", 3)
    monkeypatch.setattr(web, "ADDRESSES_FOR_PAGE", 0)
    links = [f"/guide/day{n}" for n in range(50)]
    site.pages["/guide/"] = page("Guide", "x", *links)
    second = look(site, again(ask, first))
    assert set(documents(first)) <= set(documents(second))
    assert any("left out" in word for word in second.words)


# ---- nothing is removed that is still there


def test_what_lies_behind_a_page_that_fails_stays(site: Site, ask: Ask) -> None:
    """Only the page about leave leads to the deep one; while it answers 500, the deep one is there."""
    first = look(site, ask)
    site.pages["/guide/leave"] = Page(b"", status=500)
    assert documents(look(site, again(ask, first))) == documents(first)


def test_a_start_page_under_maintenance_empties_nothing(site: Site, ask: Ask) -> None:
    """It answers 200 and leads nowhere; the other pages are asked for, and go when their server says so."""
    first = look(site, ask)
    site.pages["/guide/"] = page("Back soon", "We are under maintenance.")
    second = look(site, again(ask, first))
    assert documents(second) == documents(first)
    del site.pages["/guide/deep"]
    assert documents(look(site, again(ask, second))) == ["guide/index.html", "guide/leave.html"]


def test_a_sitemap_that_fails_empties_nothing(site: Site, ask: Ask) -> None:
    """A page that only the sitemap names stays while the sitemap is out of reach."""
    site.pages["/guide/hidden"] = page("Hidden", "No link leads here.")
    listed = f"<urlset><url><loc>{site.address}/guide/hidden</loc></url></urlset>"
    site.pages["/sitemap.xml"] = Page(listed.encode(), "application/xml")
    first = look(site, ask)
    assert "guide/hidden.html" in documents(first)
    site.pages["/sitemap.xml"] = Page(b"", status=503)
    assert documents(look(site, again(ask, first))) == documents(first)


def test_a_page_that_does_not_say_what_it_is_stays(site: Site, ask: Ask) -> None:
    """No Content-Type today is a fault of the server, not the end of the page."""
    first = look(site, ask)
    site.pages["/guide/deep"] = replace(site.pages["/guide/deep"], media_type="")
    assert documents(look(site, again(ask, first))) == documents(first)


def test_two_pages_of_one_name_are_two_documents(site: Site, ask: Ask) -> None:
    """`a` and `a.html` would both be `a.html`; a page that is reached twice is one."""
    site.pages["/guide/"] = page("Guide", "x", "a", "a.html", "moved")
    site.pages["/guide/a"] = page("A", "The page without an ending.")
    site.pages["/guide/a.html"] = page("A", "The page with an ending.")
    site.pages["/guide/moved"] = Page(status=301, headers={"Location": "/guide/a"})
    first = look(site, ask)
    assert len(documents(first)) == 3
    assert documents(look(site, again(ask, first))) == documents(first)


def test_a_page_that_became_a_picture_meanwhile_is_no_document(site: Site, ask: Ask) -> None:
    """Listed as a page, fetched as something else: refused, like a page that is gone."""
    for path in ("/guide/", "/guide/leave", "/guide/deep"):
        site.pages[path].etag = f'"{path}"'
    second = look(site, again(ask, look(site, ask)))
    site.pages["/guide/leave"] = Page(b"\x89PNG", "image/png")
    file = next(one for one in second.walk.files if one.document.endswith("leave.html"))
    assert file.fetch is not None
    with pytest.raises(OSError, match="no document"):
        file.fetch(file.path)


def test_the_main_parts_of_pages_are_not_mixed_up() -> None:
    """Several threads ask at once, as an ingest does; each gets the page that it gave."""
    text = MainText()
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(5):
            words = f"This is the page with the number {number} and nothing else. " * (5 + 40 * number)
            content = f"<html><body><main><p>{words}</p></main></body></html>".encode()
            if f"number {number} and".encode() not in text.of(content, PageFacts(title="T")):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text.close()
    assert wrong == []


def test_a_site_that_is_gone_altogether_still_fails(site: Site, ask: Ask) -> None:
    """The control of all that is kept: nothing answers, so the look is a failure and says so."""
    first = look(site, ask)
    for path in list(site.pages):
        site.pages[path] = Page(b"", status=500)
    with pytest.raises(Unavailable):
        look(site, again(ask, first))
