"""The head of a reply as bytes, checked: no value can end its line and begin another one.

Names are looked at once and remembered; the values of one head are looked at together.
"""

from __future__ import annotations

import http
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

__all__ = ["Head", "plain_reply", "write_head"]

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
"""Source: RFC 9110, section 5.6.2 (token)."""
_CONTROLS = bytes([*range(9), *range(10, 32), 127])
"""What no value may hold; a tab may stand in one. Source: RFC 9110, section 5.5."""
_LENGTH, _CODING, _CONNECTION = b"\r\ncontent-length: ", b"\r\ntransfer-encoding: ", b"\r\nconnection: "
_FRAMING = frozenset({_LENGTH, _CODING, _CONNECTION})
_MOST_NAMES = 500
_leads: dict[bytes, bytes] = {}
"""What stands before the value of a header, by its name: the end of the line before it, and the name."""
_NO_BODY = frozenset({204, 304})


class Head(NamedTuple):
    """The bytes, and how the body after them ends.

    `length` is what Content-Length says; None where it says nothing. `chunked`: in chunks. With neither the
    end of the connection is the end of the body. `silent`: no body follows, whatever its length would be.
    """

    data: bytes
    length: int | None
    chunked: bool
    silent: bool
    keep_alive: bool


def write_head(
    status: int,
    headers: Iterable[tuple[bytes, bytes]],
    *,
    method: str = "GET",
    version: str = "1.1",
    keep_alive: bool = True,
    always: Sequence[tuple[bytes, bytes]] = (),
) -> Head:
    """The head of a reply to a request of that method and version; `always` stands in every head.

    Source: RFC 9112, sections 6.1 (no chunks for HTTP/1.0), 6.3 and 9.6.

    Raises:
        ValueError: if a header is none.
    """
    lines = [_status_line(status)]
    length: int | None = None
    chunked = False
    silent = method == "HEAD" or status in _NO_BODY
    told_close = False
    for name, value in (*always, *headers):
        lead = _leads.get(name) or _lead(name)
        lines += (lead, value)
        if lead in _FRAMING:
            if lead == _LENGTH:
                length = int(value)
            elif lead == _CODING:
                chunked = value.lower() == b"chunked"
            elif b"close" in [each.strip() for each in value.lower().split(b",")]:
                keep_alive, told_close = False, True
    if chunked:
        length = None
    elif length is None and not silent:
        if version == "1.1":
            chunked = True
            lines += (_CODING, b"chunked")
        else:
            keep_alive = False
    if not keep_alive and not told_close:
        lines += (_CONNECTION, b"close")
    lines.append(b"\r\n\r\n")
    data = b"".join(lines)
    # The line ends that were written here are all that may control anything: one of each header, two more.
    if len(data) - len(data.translate(None, _CONTROLS)) != 2 * (len(lines) // 2 + 1):
        raise ValueError("the value of a header holds a control character")
    return Head(data, length, chunked, silent, keep_alive)


def plain_reply(status: int, code: str, message: str, hint: str) -> bytes:
    """A whole reply from below the application, after which the connection is closed."""
    body = b'{"error":{"code":"%s","message":"%s","hint":"%s"}}' % (
        code.encode(),
        message.encode(),
        hint.encode(),
    )
    headers = ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)))
    return write_head(status, headers, keep_alive=False).data + body


@lru_cache(maxsize=128)
def _status_line(status: int) -> bytes:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}".encode()


def _lead(name: bytes) -> bytes:
    if not _NAME.match(name):
        raise ValueError(f"{name[:40]!r} is no name of a header")
    lead = b"\r\n%b: " % name.lower()
    if len(_leads) < _MOST_NAMES:
        _leads[name] = lead
    return lead
