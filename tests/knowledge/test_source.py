"""What a source may be, when it is due, and what its address may hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inhouse.kernel.errors import BadRequest
from inhouse.knowledge.acl_rules import Rule
from inhouse.knowledge.source import (
    KINDS,
    Outcome,
    Source,
    check_name,
    options_in,
    outcome_from_json,
    outcome_to_json,
    read_kind,
)
from inhouse.knowledge.source_mail import Mailbox, decode_name, read_list, read_messages
from inhouse.knowledge.source_pages import page_facts
from inhouse.knowledge.source_robots import read_robots, read_sitemap
from inhouse.knowledge.source_schedule import due_at, next_due, pause_in_words, read_pause

SOURCE = Source("a", "folder", "/a", "me", frozenset({"all"}), every_s=60, created_at=1000.0)
DONE = Outcome("done", 1990.0, 2000.0)
FAILED = Outcome("failed", 1990.0, 2000.0, failures=1)


@pytest.mark.parametrize(
    ("kind", "options", "address"),
    [
        ("web", {"max_pges": "5"}, "https://example.com"),
        ("web", {"max_pages": "many"}, "https://example.com"),
        ("imap", {"password": "hunter2"}, "imaps://mail.example.com"),
        ("imap", {"password": "env:"}, "imaps://mail.example.com"),
        ("s3", {"secret": "file:relative"}, "s3://bucket"),
        ("s3", {}, "s3://Bucket!"),
        ("imap", {}, "imaps://me:hunter2@mail.example.com"),
        ("webdav", {}, "https://me:hunter2@files.example.com/"),
        ("smb", {}, "smb://host"),
        ("smb", {}, "smb://host/share/../other"),
        ("folder", {}, "relative"),
        ("web", {}, "ftp://example.com"),
        ("web", {}, ""),
    ],
)
def test_what_a_source_cannot_be_told(kind: str, options: dict[str, str], address: str) -> None:
    """Each is refused, and a secret is never repeated."""
    with pytest.raises(BadRequest) as error:
        options_in(read_kind(kind), options, address)
    assert "hunter2" not in str(error.value)


def test_options_are_kept_where_they_differ() -> None:
    """A default is not written down, an empty value goes back to it."""
    given = {"max_pages": "1000", "delay_s": "2", "hosts": ""}
    assert options_in("web", given, "https://example.com") == {"delay_s": "2"}


def test_the_nearest_option_is_named() -> None:
    """A slip of the finger is answered with what was meant."""
    with pytest.raises(BadRequest, match="max_pages"):
        options_in("web", {"max_page": "5"}, "https://example.com")


def test_every_default_is_possible() -> None:
    """The table of kinds keeps its own rules."""
    for kind, about in KINDS.items():
        if kind in ("folder", "upload"):
            continue
        given = {name: option.default for name, option in about.options.items() if option.default}
        assert options_in(kind, given, about.address) == {}


@pytest.mark.parametrize("name", ["", "  ", "a/b", "a\nb", "x" * 201])
def test_what_cannot_name_a_source(name: str) -> None:
    """SOURCE/PATH has to name one document."""
    with pytest.raises(BadRequest):
        check_name(name)


def test_readers_of_a_document() -> None:
    """Rules first, then the source's own groups."""
    source = replace(SOURCE, rules=(Rule("hr", frozenset({"hr"})),))
    assert source.readers_of("hr/pay.md")[0] == {"hr"}
    assert source.readers_of("menu.md")[0] == {"all"}


def test_an_outcome_is_kept_as_it_was() -> None:
    """Through JSON and back; of very many notes the first ones."""
    outcome = replace(DONE, words=("один", "two"), added=3)
    assert outcome_from_json(outcome_to_json(outcome)) == outcome
    many = outcome_from_json(outcome_to_json(replace(DONE, words=("x",) * 1000)))
    assert many is not None
    assert len(many.words) == 20


@pytest.mark.parametrize(
    ("source", "at"),
    [
        (SOURCE, 1000.0),
        (replace(SOURCE, looked_at=2000.0, outcome=DONE), 2060.0),
        (replace(SOURCE, looked_at=2000.0, outcome=FAILED), 2060.0),
        (replace(SOURCE, looked_at=2000.0, outcome=replace(FAILED, failures=4)), 2480.0),
        (replace(SOURCE, looked_at=2000.0, outcome=replace(FAILED, failures=99)), 2000.0 + 21_600),
        (replace(SOURCE, every_s=86_400, looked_at=2000.0, outcome=FAILED), 2000.0 + 86_400),
        (replace(SOURCE, paused=True), None),
        (replace(SOURCE, every_s=0), None),
    ],
)
def test_when_a_source_is_due(source: Source, at: float | None) -> None:
    """At once when it is new, then after its pause; after failures later and later, up to six hours."""
    assert due_at(source, 2000.0) == at


def test_a_clock_that_was_set_back_makes_a_source_due() -> None:
    """A last look in the future, or a source added in it, is looked at now and not in years."""
    assert due_at(replace(SOURCE, looked_at=9e9, outcome=DONE), 2000.0) == 2000.0
    assert due_at(replace(SOURCE, looked_at=9e9, outcome=FAILED), 2000.0) == 2000.0
    assert due_at(replace(SOURCE, created_at=9e9), 2000.0) == 2000.0
    assert due_at(replace(SOURCE, looked_at=2030.0, outcome=DONE), 2000.0) == 2090.0


def test_the_source_that_waits_longest_is_next() -> None:
    """By time, and by name where the time is the same."""
    later = replace(SOURCE, name="b", created_at=1500.0)
    assert next_due([later, SOURCE], 1500.0) == (1000.0, SOURCE)
    assert next_due([replace(SOURCE, paused=True)], 1500.0) is None


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("15m", 900), ("1h", 3600), ("2d", 172_800), ("never", 0)]
)
def test_pauses(text: str, seconds: int) -> None:
    """As people write them, and back."""
    assert read_pause(text) == seconds
    assert pause_in_words(seconds) == text


@pytest.mark.parametrize("text", ["1s", "5", "m", "-5m", "1.5h", "99999999d", ""])
def test_what_is_no_pause(text: str) -> None:
    """Too short, too long or no time."""
    with pytest.raises(BadRequest):
        read_pause(text)


# ---- robots.txt and sitemaps


@pytest.mark.parametrize(
    ("rules", "target", "allowed"),
    [
        ("User-agent: *\nDisallow: /a", "/a/b", False),
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b", True),
        ("User-agent: *\nDisallow: /a\nAllow: /a", "/a", True),
        ("User-agent: *\nDisallow:", "/a", True),
        ("User-agent: *\nDisallow: /*.pdf$", "/x/y.pdf", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/x/y.pdf?a", True),
        ("User-agent: *\nDisallow: /\n\nUser-agent: inhouse\nAllow: /", "/a", True),
        ("User-agent: other\nDisallow: /", "/a", True),
        ("User-agent: other\nUser-agent: InHouse\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow: /%D0%B0", "/%d0%b0", False),
        ("User-agent: inhouse\nDisallow: /a\nUser-agent: inhouse\nDisallow: /b", "/b", False),
        ("nonsense\n\x00: : :\nDisallow: /", "/a", True),
        ("", "/a", True),
    ],
)
def test_what_robots_txt_allows(rules: str, target: str, allowed: bool) -> None:
    """The group for us or for all, the longest line, `*` and `$`. Source: RFC 9309 section 2.2."""
    assert read_robots(rules.encode(), "inhouse").allows(target) is allowed


def test_what_else_robots_txt_says() -> None:
    """A pause, up to half a minute, and where the sitemaps are."""
    told = read_robots(b"Sitemap: https://e.com/s.xml\nUser-agent: *\nCrawl-delay: 3600\n", "inhouse")
    assert (told.delay_s, told.sitemaps) == (30.0, ("https://e.com/s.xml",))


def test_sitemaps() -> None:
    """Pages, other sitemaps, plain lists; entities that would grow are not even read."""
    pages = b"<urlset><url><loc> https://e.com/a?x=1&amp;y=2 </loc></url><url><loc><![CDATA[https://e.com/b]]></loc></url></urlset>"
    assert read_sitemap(pages) == (False, ["https://e.com/a?x=1&y=2", "https://e.com/b"])
    assert read_sitemap(b"<sitemapindex><sitemap><loc>u</loc></sitemap></sitemapindex>") == (True, ["u"])
    assert read_sitemap(b"https://e.com/a\nhttps://e.com/b\n")[1] == ["https://e.com/a", "https://e.com/b"]
    assert read_sitemap(b'<!DOCTYPE x [<!ENTITY a "aaaa">]><urlset><loc>&a;&a;</loc></urlset>')[1] == [
        "&a;&a;"
    ]


def test_facts_of_a_page() -> None:
    """Title, links and base, whatever alphabet it is written in; links that say `nofollow` are left out."""
    page = (
        '<base href="/x/"><title> Отпуск\n и оплата</title><a href="a">1</a><a rel="nofollow" href="b">2</a>'
        '<meta name="robots" content="NOINDEX, nofollow"><a href="c"'
    )
    facts = page_facts(page.encode("cp1251"), "windows-1251")
    assert (facts.title, facts.base, facts.links) == ("Отпуск и оплата", "/x/", ("a",))
    assert (facts.keep, facts.follow) == (False, False)
    assert page_facts(b'<meta charset="windows-1251"><title>\xcf</title>', "").title == "П"
    assert page_facts(b"<title>x</title>", "no-such-alphabet").title == "x"


# ---- mail


@pytest.mark.parametrize(
    ("wire", "name"),
    [("INBOX", "INBOX"), ("&BB8EPgRHBEIEMA-", "Почта"), ("R&-D", "R&D"), ("~peter/&U,BTFw-", "~peter/台北")],
)
def test_names_of_folders(wire: str, name: str) -> None:
    """Modified UTF-7. Source: RFC 3501 section 5.1.3, with its examples."""
    assert decode_name(wire) == name


def test_a_list_of_folders() -> None:
    """Flags, separators and names in quotes, atoms and literals; other lines are passed over."""
    lines: list[bytes | tuple[bytes, bytes] | None] = [
        b'(\\HasNoChildren) "." "INBOX.Old \\"x\\""',
        b'(\\Noselect) "/" Hub',
        (b'() "/" {5}', b"a\\b/c"),
        None,
        b"nonsense",
    ]
    assert read_list(lines) == [
        Mailbox("Hub", "Hub", "Hub", left_out=True),
        Mailbox('INBOX.Old "x"', 'INBOX.Old "x"', 'INBOX/Old "x"'),
        Mailbox("a\\b/c", "a\\b/c", "a\\b/c"),
    ]


def test_a_list_of_messages() -> None:
    """UID, size and the time it came, with its zone; damaged times are none."""
    lines = [
        b'1 (UID 9 RFC822.SIZE 12 INTERNALDATE " 1-Jan-2030 00:00:00 +0300")',
        b'2 (INTERNALDATE "31-Feb-2030 00:00:00 +0000" UID 4 RFC822.SIZE 7)',
        b"3 (FLAGS (\\Seen))",
    ]
    assert [(one.uid, one.size_bytes, one.received_at) for one in read_messages(lines)] == [
        (4, 7, 0.0),
        (9, 12, 1_893_445_200.0),
    ]
