"""Which addresses of the web may be asked for, and which machines may answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.kernel.errors import BadRequest
from inhouse.knowledge.source_urls import (
    Scope,
    address_refused,
    document_of,
    host_port_in,
    linked,
    port_refused,
    read_url,
)

PAGE = read_url("https://www.example.com/a/b.html")


@pytest.mark.parametrize(
    "text",
    [
        "http://2130706433/",
        "http://017700000001/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://1.2.3/",
        "http://0177.0.0.1/",
        "http://127.0.0.1.0x0/",
        "http://[::1%25lo]/",
        "http://[127.0.0.1]/",
        "http://user@example.com/",
        "http://user:pass@example.com/",
        "http://example.com\\@10.0.0.1/",
        "http://exa mple.com/",
        "http://exam\tple.com/",
        "http://example.com/\r\nHost: x",
        "file:///etc/passwd",
        "gopher://example.com/",
        "ftp://example.com/",
        "//example.com/",
        "example.com",
        "http://",
        "http://-example.com/",
        "http://exa..mple.com/",
        "http://example.com:99999/",
        "http://" + "a" * 3000,
        "",
    ],
)
def test_what_is_no_address_of_the_web(text: str) -> None:
    """Numbers in disguise, users, other schemes, and whatever two programs could read in two ways."""
    with pytest.raises(BadRequest):
        read_url(text)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("HTTP://Example.COM:80", "http://example.com/"),
        ("https://example.com:443/a/../b/./c", "https://example.com/b/c"),
        ("https://example.com/%2e%2E/x", "https://example.com/x"),
        ("http://example.com/a//b/?q=1&utm_source=x", "http://example.com/a/b/?q=1"),
        ("http://пример.рф/Путь", "http://xn--e1afmkfd.xn--p1ai/%D0%9F%D1%83%D1%82%D1%8C"),
        ("http://example.com./", "http://example.com/"),
        ("http://[2001:DB8::1]:8080/", "http://[2001:db8::1]:8080/"),
    ],
)
def test_one_spelling_for_each_address(text: str, canonical: str) -> None:
    """Spellings of one address become one, and reading it again changes nothing."""
    assert str(read_url(text)) == canonical
    assert str(read_url(canonical)) == canonical


@given(st.text(max_size=60))
def test_reading_twice_is_reading_once(text: str) -> None:
    """Whatever is accepted has a spelling that is read as itself, with a host and no user."""
    try:
        url = read_url(f"http://example.com/{text}")
    except BadRequest:
        return
    assert read_url(str(url)) == url
    assert url.host == "example.com"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "192.0.2.5",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:10.0.0.1",
        "::10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "2002:0a00:0001::1",
    ],
)
def test_inner_addresses_are_refused(address: str) -> None:
    """Private, loopback, link-local, shared, documentation, and each of these inside another form."""
    assert address_refused(PAGE, [address], ())
    assert address_refused(PAGE, ["93.184.216.34", address], ())


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "8.8.8.8"])
def test_public_addresses_may_be_asked(address: str) -> None:
    """The control: these are not refused."""
    assert address_refused(PAGE, [address], ()) == ""


def test_a_private_host_is_an_exact_pair() -> None:
    """Host and port together; the same host at another port, and a host below it, stay refused."""
    pairs = {host_port_in("intranet.example.com:8080")}
    assert pairs == {("intranet.example.com", 8080)}
    inside = read_url("http://intranet.example.com:8080/")
    assert (port_refused(inside, pairs), address_refused(inside, ["10.0.0.1"], pairs)) == ("", "")
    other = read_url("http://intranet.example.com/")
    assert address_refused(other, ["10.0.0.1"], pairs)
    below = read_url("http://x.intranet.example.com:8080/")
    assert port_refused(below, pairs)


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254"])
def test_where_keys_are_handed_out_is_never_allowed(address: str) -> None:
    """Not even as a private host."""
    url = read_url("http://intranet.example.com:8080/")
    assert "keys" in address_refused(url, [address], {("intranet.example.com", 8080)})


@pytest.mark.parametrize("text", ["intranet", "intranet:", "intranet:0", "intranet:99999", ":80", "a b:80"])
def test_what_is_no_pair_of_host_and_port(text: str) -> None:
    """Each is refused with the way to write it."""
    with pytest.raises(BadRequest):
        host_port_in(text)


def test_only_the_usual_ports() -> None:
    """80 and 443, whatever the scheme."""
    assert port_refused(read_url("http://example.com:443/"), ()) == ""
    assert "22" in port_refused(read_url("http://example.com:22/"), ())


def test_what_a_scope_holds() -> None:
    """A folder and all below it, on its hosts only; a name that begins alike is outside."""
    scope = Scope(frozenset({"example.com"}), ("/guide", "/руководство"))
    inside = [
        "http://example.com/guide",
        "https://example.com/guide/a?b=c",
        "http://example.com/руководство/x",
    ]
    outside = [
        "http://example.com/guidebook",
        "http://www.example.com/guide",
        "http://example.com/guide/../x",
    ]
    assert [scope.holds(read_url(text)) for text in inside] == [True, True, True]
    assert [scope.holds(read_url(text)) for text in outside] == [False, False, False]


def test_links_of_a_page() -> None:
    """Relative ones are joined, each once; what leads nowhere on the web is left out."""
    links = ["c.html", "./c.html#part", "/d", "mailto:x@y", "javascript:alert(1)", "http://10.1/", "//e.com/"]
    assert [str(url) for url in linked(PAGE, links)] == [
        "https://www.example.com/a/c.html",
        "https://www.example.com/d",
        "https://e.com/",
    ]


@pytest.mark.parametrize(
    ("text", "html", "document"),
    [
        ("https://example.com/", True, "example.com/index.html"),
        ("https://example.com/guide/", True, "example.com/guide/index.html"),
        ("https://example.com/guide/leave", True, "example.com/guide/leave.html"),
        ("https://example.com/a.pdf", False, "example.com/a.pdf"),
        ("https://example.com/p?id=4", True, "example.com/p?id=4.html"),
        ("https://example.com/%D0%9E%D1%82%D0%BF%D1%83%D1%81%D0%BA", True, "example.com/Отпуск.html"),
        ("https://example.com/a%2F..%2Fb", False, "example.com/a/b"),
    ],
)
def test_a_page_as_a_path(text: str, html: bool, document: str) -> None:
    """Host, then path, readable, without a step upwards."""
    assert document_of(read_url(text), html=html) == document
