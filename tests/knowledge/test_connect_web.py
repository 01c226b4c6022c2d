"""Pages of a real site on loopback, under the rules that keep a fetcher out of the network."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from inhouse.kernel.errors import BadRequest, Unavailable
from inhouse.knowledge.edge.connect.fetch import Fetcher, FetchFailed
from inhouse.knowledge.edge.connect.look import Ask, Seen
from inhouse.knowledge.edge.connect.web import WebConnector
from inhouse.knowledge.source import Source
from inhouse.knowledge.source_urls import read_url
from tests.knowledge.site import NAME, Page, Site, page, serving

NOW = 1_900_000_000.0
BOMB = b"0" * 3_000_000


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as running:
        yield running


@pytest.fixture
def ask(site: Site, tmp_path: Path) -> Ask:
    site.pages["/guide/"] = page("Guide", "All about leave and pay in our company.", "leave", "/other/")
    site.pages["/guide/leave"] = page("Leave", "Twenty eight days of leave a year for everybody here.", "./")
    site.pages["/other/"] = page("Other", "This is outside of the guide and must not be read.")
    options = {"delay_s": "0", "main_text": "no"}
    source = Source("web", "web", f"{site.address}/guide/", "", frozenset({"all"}), options=options)
    return Ask(source, dict, tmp_path, 5_000_000, {}, NOW, site.private)


def look(site: Site, ask: Ask, **more: object) -> Seen:
    return WebConnector(resolve=site.resolve, **more).look(ask)  # type: ignore[arg-type]  # its own options


def again(ask: Ask, seen: Seen) -> Ask:
    return replace(ask, source=replace(ask.source, cursor=seen.cursor), now=ask.now + 60)


def documents(seen: Seen) -> list[str]:
    return [file.document.partition("/")[2] for file in seen.walk.files]


def with_option(ask: Ask, **options: str) -> Ask:
    return replace(ask, source=replace(ask.source, options={**ask.source.options, **options}))


def test_a_site_is_read_along_its_links(site: Site, ask: Ask) -> None:
    """Pages below the address are documents with their bytes; what lies beside it is never asked for."""
    seen = look(site, ask)
    assert documents(seen) == ["guide/index.html", "guide/leave.html"]
    assert b"Twenty eight days" in Path(seen.walk.files[1].path).read_bytes()
    assert site.paths() == ["/guide/", "/guide/leave"]
    assert "inhouse/" in site.asked[0][1]["user-agent"]


def test_an_unchanged_page_is_not_sent_again(site: Site, ask: Ask) -> None:
    """With an ETag the server answers 304; the document has the same time, and its links still lead on."""
    for path in ("/guide/", "/guide/leave"):
        site.pages[path].etag = f'"{path}"'
    first = look(site, ask)
    site.asked.clear()
    second = look(site, again(ask, first))
    assert [headers.get("if-none-match") for path, headers in site.asked if path in site.paths()] == [
        '"/guide/"',
        '"/guide/leave"',
    ]
    assert [(one.document, one.mtime_ns) for one in first.walk.files] == [
        (one.document, one.mtime_ns) for one in second.walk.files
    ]
    fetch = second.walk.files[1].fetch
    assert fetch is not None
    fetch(second.walk.files[1].path)
    assert b"Twenty eight days" in Path(second.walk.files[1].path).read_bytes()


def test_a_page_without_a_version_keeps_its_time_while_it_says_the_same(site: Site, ask: Ask) -> None:
    """Neither ETag nor Last-Modified: equal content is no change, other content is one."""
    first = look(site, ask)
    same = look(site, again(ask, first))
    assert [one.mtime_ns for one in same.walk.files] == [one.mtime_ns for one in first.walk.files]
    site.pages["/guide/leave"] = page("Leave", "Thirty days of leave a year for everybody here.", "./")
    other = look(site, again(ask, same))
    assert [one.mtime_ns > NOW * 1e9 for one in other.walk.files] == [False, True]


def test_robots_txt_is_obeyed(site: Site, ask: Ask) -> None:
    """A forbidden page is not asked for; a wholly forbidden site is an error that says so."""
    site.pages["/robots.txt"] = Page(b"User-agent: *\nDisallow: /guide/leave\n", "text/plain")
    assert documents(look(site, ask)) == ["guide/index.html"]
    assert "/guide/leave" not in site.paths()
    site.pages["/robots.txt"] = Page(b"User-agent: inhouse\nDisallow: /\n", "text/plain")
    with pytest.raises(Unavailable, match="forbids"):
        look(site, ask)


def test_a_site_that_cannot_say_what_may_be_read_is_not_read(site: Site, ask: Ask) -> None:
    """A robots.txt that answers 500 means no to everything; one that is missing means yes."""
    site.pages["/robots.txt"] = Page(b"", "text/plain", 500)
    with pytest.raises(Unavailable, match="500"):
        look(site, ask)
    assert site.paths() == []


def test_pauses_between_requests(site: Site, ask: Ask) -> None:
    """The longer of what we were told and what the site asks for, before each page and sitemap."""
    site.pages["/robots.txt"] = Page(b"User-agent: *\nCrawl-delay: 2\n", "text/plain")
    waited: list[float] = []
    look(site, with_option(ask, delay_s="1"), wait=waited.append)
    assert (sum(waited), max(waited)) == (6.0, 0.5)


def test_a_sitemap_names_pages_that_no_link_leads_to(site: Site, ask: Ask) -> None:
    """Its pages are read when they are inside, and so are those of a sitemap of sitemaps."""
    site.pages["/guide/hidden"] = page("Hidden", "No link leads to this page of the guide.")
    index = f"<sitemapindex><sitemap><loc>{site.address}/more.xml</loc></sitemap></sitemapindex>"
    listed = "".join(f"<url><loc>{site.address}{path}</loc></url>" for path in ("/guide/hidden", "/other/"))
    site.pages["/sitemap.xml"] = Page(index.encode(), "application/xml")
    site.pages["/more.xml"] = Page(f"<urlset>{listed}</urlset>".encode(), "application/xml")
    assert documents(look(site, ask)) == ["guide/hidden.html", "guide/index.html", "guide/leave.html"]
    assert "/other/" not in site.paths()


def test_a_page_that_is_gone_goes_and_one_that_fails_stays(site: Site, ask: Ask) -> None:
    """404 leaves the page out, 500 keeps it as it was and says so."""
    first = look(site, ask)
    site.pages["/guide/leave"] = Page(b"", status=500)
    failing = look(site, again(ask, first))
    assert documents(failing) == ["guide/index.html", "guide/leave.html"]
    assert "answered 500" in failing.words[0]
    del site.pages["/guide/leave"]
    assert documents(look(site, again(ask, failing))) == ["guide/index.html"]


def test_a_site_that_is_down_is_an_error(site: Site, ask: Ask) -> None:
    """No connection and an unknown name are errors of the look, so that nothing is removed."""
    nobody = replace(ask, source=replace(ask.source, address=f"http://nobody.test:{site.port}/"))
    with pytest.raises(Unavailable, match="not known"):
        look(site, replace(nobody, private_hosts={("nobody.test", site.port)}))
    site.pages.clear()
    site.pages["/guide/"] = Page(b"", status=503)
    with pytest.raises(Unavailable, match="503"):
        look(site, ask)


def test_no_more_pages_than_were_said(site: Site, ask: Ask) -> None:
    """`max_pages` ends the look with a word, and what was known beyond it is kept."""
    first = look(site, ask)
    cut = look(site, with_option(again(ask, first), max_pages="1"))
    assert documents(cut) == ["guide/index.html", "guide/leave.html"]
    assert "max_pages" in cut.words[0]


def test_one_page_alone(site: Site, ask: Ask) -> None:
    """With `follow=none` only the addresses that were named are read."""
    assert documents(look(site, with_option(ask, follow="none"))) == ["guide/index.html"]


def test_files_among_the_pages_are_documents(site: Site, ask: Ask) -> None:
    """A PDF keeps its name and bytes; a picture is not even asked for, and other types are left out."""
    site.pages["/guide/"] = page("Guide", "Files.", "plan.pdf", "logo.png", "data")
    site.pages["/guide/plan.pdf"] = Page(b"%PDF-1.4 x", "application/pdf")
    site.pages["/guide/data"] = Page(b"{}", "application/json")
    assert documents(look(site, ask)) == ["guide/index.html", "guide/plan.pdf"]
    assert "/guide/logo.png" not in site.paths()


def test_a_page_that_wants_no_copy_is_only_followed(site: Site, ask: Ask) -> None:
    """`noindex` keeps it out of the documents, its links still count; `nofollow` is the reverse."""
    start = site.pages["/guide/"].content
    meta = b'<head><meta name="robots" content="noindex">'
    site.pages["/guide/"] = Page(start.replace(b"<head>", meta))
    assert documents(look(site, ask)) == ["guide/leave.html"]
    site.pages["/guide/"] = Page(start.replace(b"<head>", meta.replace(b"noindex", b"nofollow")))
    assert documents(look(site, ask)) == ["guide/index.html"]


@pytest.mark.slow
def test_the_main_part_of_a_page_is_kept(site: Site, ask: Ask) -> None:
    """Title and paragraph stay, menu and footer go; without the option the page stays whole."""
    words = "Every employee may take twenty eight calendar days of leave each year. " * 5
    site.pages["/guide/"] = page("Leave", words, "leave")
    kept = Path(look(site, with_option(ask, main_text="yes")).walk.files[0].path).read_bytes()
    assert b"<title>Leave</title>" in kept
    assert b"twenty eight calendar days" in kept
    assert b"All rights reserved" not in kept
    assert b"All rights reserved" in Path(look(site, ask).walk.files[0].path).read_bytes()


# ---- the rules that keep it out of the network


def fetcher(site: Site, addresses: Sequence[str] = ("127.0.0.1",), **more: object) -> Fetcher:
    return Fetcher("test", site.private, resolve=lambda _host, _port: addresses, **more)  # type: ignore[arg-type]


def failing(call: Callable[[], object]) -> str:
    with pytest.raises(FetchFailed) as error:
        call()
    return str(error.value)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.8", "169.254.169.254", "::1", "::ffff:127.0.0.1"])
def test_a_name_that_leads_inside_is_refused(site: Site, address: str) -> None:
    """Nothing is connected to: the site on this very address and port hears nothing."""
    url = read_url(f"http://public.test:{site.port}/guide/")
    asking = Fetcher("test", {("public.test", 1)}, resolve=lambda _host, _port: [address])
    assert "not one of 80 and 443" in failing(lambda: asking.get(url, max_bytes=10))
    plain = read_url("http://public.test/guide/")
    told = failing(lambda: asking.get(plain, max_bytes=10))
    assert "leads to" in told
    assert site.asked == []


def test_one_inner_address_among_several_is_enough() -> None:
    """A name with a public and a private address is refused before any connection."""
    url = read_url("http://public.test/")
    asking = Fetcher("test", resolve=lambda _host, _port: ["93.184.216.34", "10.0.0.1"])
    assert "10.0.0.1" in failing(lambda: asking.get(url, max_bytes=10))


def test_the_place_where_machines_get_their_keys_is_never_allowed() -> None:
    """Not even when an administrator names it among the private hosts."""
    url = read_url("http://169.254.169.254/latest/")
    asking = Fetcher("test", {("169.254.169.254", 80)}, resolve=lambda host, _port: [host])
    assert "keys" in failing(lambda: asking.get(url, max_bytes=10))


def test_a_name_that_changes_its_mind_is_asked_once(site: Site) -> None:
    """DNS rebinding: the address that was looked at is the one that is connected to.

    The control: whoever asks for the name again, as a plain client does, is given the other address.
    """
    answers = iter([["127.0.0.1"], ["10.255.255.1"]])
    asking = replace(fetcher(site), resolve=lambda _host, _port: next(answers))
    site.pages["/"] = page("Home", "Here.")
    assert asking.get(read_url(f"{site.address}/"), max_bytes=10_000).status == 200
    assert next(answers) == ["10.255.255.1"]


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("http://127.0.0.1/", "inside a network"),
        ("http://2130706433/", "disguise"),
        ("http://[::ffff:10.0.0.1]/", "inside a network"),
        ("http://user@elsewhere.test/", "may not be asked"),
        ("file:///etc/passwd", "may not be asked"),
        ("http://elsewhere.test:22/", "not one of 80 and 443"),
    ],
)
def test_redirects_are_looked_at_again(site: Site, target: str, why: str) -> None:
    """A page that sends us inside is refused; the redirect itself did arrive."""
    site.pages["/go"] = Page(status=302, headers={"Location": target})

    def resolved(host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"] if host in (NAME, "elsewhere.test") else [host]

    asking = replace(fetcher(site), resolve=resolved)
    told = failing(lambda: asking.get(read_url(f"{site.address}/go"), max_bytes=10))
    assert why in told
    assert site.paths() == ["/go"]


def test_a_redirect_out_of_what_may_be_read_is_refused(site: Site, ask: Ask) -> None:
    """The page it leads to is not asked for, although its host is allowed."""
    site.pages["/guide/leave"] = Page(status=301, headers={"Location": "/other/"})
    seen = look(site, ask)
    assert documents(seen) == ["guide/index.html"]
    assert "may not be read" in seen.words[0]
    assert "/other/" not in site.paths()


def test_redirects_end(site: Site) -> None:
    """A circle is left after five steps."""
    site.pages["/go"] = Page(status=302, headers={"Location": "/go"})
    told = failing(lambda: fetcher(site).get(read_url(f"{site.address}/go"), max_bytes=10))
    assert "more than 5 times" in told
    assert site.paths() == ["/go"] * 6


def test_bytes_are_counted_after_unpacking(site: Site) -> None:
    """Three megabytes come packed in 3,000 bytes: refused at the limit; within the limit they come whole."""
    site.pages["/bomb"] = Page(BOMB, "text/plain", packed=True)
    url = read_url(f"{site.address}/bomb")
    assert "more than 100,000 bytes" in failing(lambda: fetcher(site).get(url, max_bytes=100_000))
    assert fetcher(site).get(url, max_bytes=len(BOMB)).content == BOMB


def test_a_huge_page_is_left_in_the_middle(site: Site) -> None:
    """A page without an end is refused at the limit, long before the other side stops sending."""
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            sent.append(1)
            yield b"x" * 65_536

    site.pages["/huge"] = Page(b"", "text/plain", pieces=endless)
    url = read_url(f"{site.address}/huge")
    assert "more than 1,000,000 bytes" in failing(lambda: fetcher(site).get(url, max_bytes=1_000_000))
    assert 10 < len(sent) < 1_000


def test_a_slow_page_ends_in_time(site: Site) -> None:
    """A server that sends a byte and then nothing is left when the time is over, not when it likes."""
    free = threading.Event()

    def slow() -> Iterator[bytes]:
        yield b"x"
        free.wait(30)

    site.pages["/slow"] = Page(b"", "text/plain", pieces=slow)
    asking = fetcher(site, total_s=0.2)
    told = failing(lambda: asking.get(read_url(f"{site.address}/slow"), max_bytes=1_000))
    free.set()
    assert "0.2 s" in told


def test_other_packing_is_refused(site: Site) -> None:
    """Only gzip was asked for; what cannot be counted is not unpacked."""
    site.pages["/br"] = Page(b"abc", "text/plain", headers={"Content-Encoding": "br"})
    told = failing(lambda: fetcher(site).get(read_url(f"{site.address}/br"), max_bytes=10))
    assert "br" in told


def test_an_address_with_a_password_is_refused_without_showing_it(ask: Ask) -> None:
    """Neither the source nor the message holds it."""
    source = replace(ask.source, address="http://me:hunter2@intranet.test/")
    with pytest.raises(BadRequest) as error:
        WebConnector().check(source)
    assert "hunter2" not in str(error.value)
