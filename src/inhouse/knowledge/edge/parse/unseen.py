"""Characters that nobody sees: dropped from every text that we write ourselves.

Zero-width signs, tags and marks of direction hide words from a reader and not from a model, and they split
words that a search looks for. Files whose text is the source itself (Markdown, text, CSV) keep theirs,
because offsets count in the source.
"""

from __future__ import annotations

import re

__all__ = ["visible"]

_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b"
    "\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"
    "\U000e0000-\U000e0fff\ud800-\udfff]"
)
_JOINERS = re.compile("(?<![\u0590-\u1cff\u20e3\u2190-\u2bff\ufe0f\U0001f000-\U0001ffff])[\u200c\u200d]+")
"""Joiners mean something behind letters of Asia and behind pictures; behind all others they only hide."""
_LINES = re.compile("\r\n|[\r\x85\u2028\u2029]")


def visible(text: str) -> str:
    """The text without signs that have no width, without control characters, and with `\\n` between lines."""
    if text.isascii() and text.isprintable():
        return text
    return _JOINERS.sub("", _UNSEEN.sub("", _LINES.sub("\n", text)))
