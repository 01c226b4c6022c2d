"""RTF made ready for kreuzberg (4.10), which believes its head and knows few of its signs.

Letters beyond ASCII are to be escaped, and many old programs wrote them as they are. What an escaped byte
means depends on its font; kreuzberg takes the encoding of the head, which is Western in many Russian files.
"""

from __future__ import annotations

import re

from inhouse.knowledge.edge.parse.decode import is_cyrillic

__all__ = ["mended_rtf"]

_SIGNS = re.compile(rb"\\\\|\\[~_-]|[\x80-\xff]")
_ESCAPED = re.compile(rb"\\'([0-9a-fA-F]{2})")
_COMMANDS = re.compile(rb"\\u-?\d+ ?(?:\\'[0-9a-fA-F]{2}|\?)?|\\[a-zA-Z]+-?\d* ?|[{}]")
_CODE_PAGE = re.compile(rb"\\ansicpg\d+")
_HEAD = re.compile(rb"\{\\rtf\d*")
_RUSSIAN_FONT = b"\\fcharset204"
_RUSSIAN = b"\\ansicpg1251"


def mended_rtf(data: bytes) -> bytes:
    """The same document with its letters escaped, and an encoding in its head that fits them."""
    data = _SIGNS.sub(_spelled, data)
    stated = _CODE_PAGE.search(data)
    if stated and stated.group() == _RUSSIAN:
        return data
    if _RUSSIAN_FONT not in data and stated:
        return data
    words = _ESCAPED.sub(lambda byte: bytes.fromhex(byte.group(1).decode()), _COMMANDS.sub(b"", data))
    if not is_cyrillic(words):
        return data
    if stated:
        return data[: stated.start()] + _RUSSIAN + data[stated.end() :]
    return _HEAD.sub(lambda head: head.group() + rb"\ansi" + _RUSSIAN, data, count=1)


def _spelled(sign: re.Match[bytes]) -> bytes:
    """Spaces and hyphens that only say where a line may end, and letters beyond ASCII."""
    found = sign.group()
    if found == rb"\\":
        return found
    if found[:1] == b"\\":
        return {b"~": b" ", b"_": b"-", b"-": b""}[found[1:]]
    return b"\\'%02x" % found[0]
