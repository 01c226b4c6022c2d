"""Words broken at the end of a line: put together again, unless the hyphen belongs to the word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from inhouse.knowledge.edge.parse.pdf_words import SOFT

__all__ = ["keeps_hyphen", "without_hyphens"]

_BROKEN = re.compile(rf"([\w'’-]*)[{SOFT}]([\w’']*)")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+|[^\W\d_]{2,}")
_PARTICLES = frozenset({"то", "либо", "нибудь", "таки", "ка"})
_PREFIXES = frozenset({"кое", "кой", "во", "из", "интернет", "self", "well", "ex", "e", "vice", "x"})
_PO = re.compile(r"\w+(?:ому|ему|ски|цки|ьи)$")


def without_hyphens(texts: Sequence[str]) -> list[str]:
    """The texts (pages of one document) without marks of broken words.

    How the document writes the word elsewhere decides; else the rules of `keeps_hyphen`.
    """
    if not any(sign in text for text in texts for sign in SOFT):
        return list(texts)
    known: Counter[str] = Counter()
    for text in texts:
        known.update(word.casefold() for word in _WORD.findall(text))

    def whole(found: re.Match[str]) -> str:
        before, after = found.group(1), found.group(2)
        last = before.rsplit("-", 1)[-1]
        if last and after:
            hyphened, plain = known[f"{last}-{after}".casefold()], known[f"{last}{after}".casefold()]
            if hyphened != plain:
                return before + ("-" if hyphened > plain else "") + after
        return before + ("-" if keeps_hyphen(last, after) else "") + after

    return [_BROKEN.sub(whole, text) for text in texts]


def keeps_hyphen(before: str, after: str) -> bool:
    """True when a hyphen between these parts is one of spelling, not of the line's end."""
    if not before or not after or not before[-1].isalpha() or not after[0].islower():
        return True
    low = before.casefold()
    if after.casefold() in _PARTICLES or low in _PREFIXES:
        return True
    return low == "по" and bool(_PO.match(after.casefold()))
