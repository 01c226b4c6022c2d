"""Heads of replies: what stands in them, and what can never."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.serve.heads import plain_reply, write_head


def test_a_head_says_how_its_body_ends() -> None:
    """By the length, in chunks, or with the connection; the names of headers are lower case."""
    whole = write_head(200, [(b"Content-Length", b"5"), (b"X", b"a\tb")], always=[(b"date", b"now")])
    assert whole.data == b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 5\r\nx: a\tb\r\n\r\n"
    assert (whole.length, whole.chunked, whole.silent, whole.keep_alive) == (5, False, False, True)
    stream = write_head(200, [])
    assert stream.data == b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    assert (stream.length, stream.chunked, stream.keep_alive) == (None, True, True)
    old = write_head(200, [], version="1.0")
    assert old.data == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"
    assert (old.chunked, old.keep_alive) == (False, False)


@pytest.mark.parametrize(("status", "method"), [(204, "GET"), (304, "GET"), (200, "HEAD")])
def test_some_replies_have_no_body(status: int, method: str) -> None:
    """No Content-Length and no chunks are made up for them."""
    head = write_head(status, [], method=method)
    assert head.silent
    assert head.data.count(b"\r\n") == 2
    assert write_head(status, [(b"content-length", b"7")], method=method).length == 7


@pytest.mark.parametrize("value", [b"close", b"Close", b"x, close", b"close,x"])
def test_an_application_may_end_the_connection(value: bytes) -> None:
    """Its word stands once; another word does not end it."""
    head = write_head(200, [(b"connection", value), (b"content-length", b"0")])
    assert not head.keep_alive
    assert head.data.count(b"connection:") == 1
    assert write_head(200, [(b"connection", b"keep-alive")]).keep_alive


def test_other_codings_are_the_applications_own() -> None:
    """Chunks that the application names itself win over a length. Source: RFC 9112, section 6.3."""
    head = write_head(200, [(b"transfer-encoding", b"chunked"), (b"content-length", b"5")])
    assert (head.chunked, head.length) == (True, None)


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"a\r\nb", b"\xe4", b"a\x00"])
def test_names_are_tokens(name: bytes) -> None:
    """Refused, also when asked again."""
    for _ in range(2):
        with pytest.raises(ValueError, match="name of a header"):
            write_head(200, [(name, b"x")])


@given(st.lists(st.binary(max_size=20), max_size=5), st.booleans(), st.booleans())
def test_no_value_ends_its_line(values: list[bytes], keep_alive: bool, sized: bool) -> None:
    """A head either has one line for each header, or is refused; also where line ends hide among others."""
    headers = [(b"x-%d" % at, value) for at, value in enumerate(values)]
    if sized:
        headers.append((b"content-length", b"0"))
    good = all((each >= 32 and each != 127) or each == 9 for value in values for each in value)
    if not good:
        with pytest.raises(ValueError, match="control character"):
            write_head(200, headers, keep_alive=keep_alive)
        return
    head = write_head(200, headers, keep_alive=keep_alive)
    more = (not keep_alive) + (not sized)
    assert head.data.count(b"\r\n") == len(headers) + more + 2


def test_replies_from_below_the_application() -> None:
    """Whole, in the shape of all errors, and the last of their connection."""
    reply = plain_reply(408, "request_timeout", "too slow", "try again")
    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"connection: close" in head
    assert f"content-length: {len(body)}".encode() in head
    assert body == b'{"error":{"code":"request_timeout","message":"too slow","hint":"try again"}}'
