"""Stretches of a text that are likely to stand nowhere else, to look for it after its deletion. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["samples_of"]

SAMPLE_CHARACTERS = 80
SHORTEST = 12
PLACES = 24
"""Stretches that are offered: the first few often are letterheads that many documents share."""


def samples_of(text: str) -> Iterator[str]:
    """Verbatim stretches of single lines, from all over the text, long ones first; none twice.

    A stretch is cut at words where there are any, and has at least 12 characters.
    """
    lines = [line.strip() for line in text.split("\n")]
    pieces = list(dict.fromkeys(_stretch(line) for line in lines if len(line) >= SHORTEST))
    pieces = [piece for piece in pieces if len(piece) >= SHORTEST]
    step = max(1, len(pieces) // PLACES)
    spread = pieces[step // 2 :: step] or pieces
    yield from sorted(spread, key=len, reverse=True)[:PLACES]


def _stretch(line: str) -> str:
    """The middle of a line: its ends are what forms and lists have in common."""
    if len(line) <= SAMPLE_CHARACTERS:
        return line
    at = (len(line) - SAMPLE_CHARACTERS) // 2
    cut = line[at : at + SAMPLE_CHARACTERS]
    whole = re.search(r"\s(.*)\s", cut, re.DOTALL)
    return whole.group(1).strip() if whole and len(whole.group(1).strip()) >= SHORTEST else cut
