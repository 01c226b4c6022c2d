"""Words that stand beside each other on a page: rows, and the pieces of a row between wide gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from inhouse.knowledge.edge.parse.pdf_words import Word

__all__ = ["WIDE_GAP", "Band", "Segment", "bands", "cut_at", "width_of"]

WIDE_GAP = 0.95
"""Of the size of the letters. Spaces between words take 0.2 to 0.35 of it, in justified lines up to 0.8."""
LINE_GAP = 0.5
"""The same where the file itself ends a line between the words, as it does for columns."""


@dataclass(slots=True)
class Segment:
    """Words without a wide gap between them."""

    words: list[Word]
    left: float
    right: float


@dataclass(slots=True)
class Band:
    """The words of one row, from left to right."""

    words: list[Word]
    middle: float
    height: float
    segments: list[Segment]


def bands(words: Sequence[Word]) -> list[Band]:
    """The rows from top to bottom; words are in one row when they share most of their height."""
    rows: list[list[Word]] = []
    tops: list[tuple[float, float]] = []
    for word in sorted(words, key=lambda one: one.top + one.bottom):
        middle = (word.top + word.bottom) / 2
        if rows and tops[-1][0] <= middle <= tops[-1][1]:
            rows[-1].append(word)
        else:
            half = 0.25 * max(word.bottom - word.top, word.size * 0.7)
            rows.append([word])
            tops.append((middle - half, middle + 2 * half))
    return [_band(row) for row in rows]


def _band(row: list[Word]) -> Band:
    row.sort(key=lambda word: word.left)
    segments: list[Segment] = []
    for word in row:
        last = segments[-1] if segments else None
        if last and word.left - last.right < _gap(last.words[-1], word):
            last.words.append(word)
            last.right = max(last.right, word.right)
        else:
            segments.append(Segment([word], word.left, word.right))
    middle = sum(word.top + word.bottom for word in row) / (2 * len(row))
    return Band(row, middle, max(word.size for word in row), segments)


def _gap(before: Word, after: Word) -> float:
    size = max(min(before.size, after.size), 4.0)
    return (WIDE_GAP if before.line == after.line else LINE_GAP) * size


def cut_at(segment: Segment, columns: Sequence[tuple[float, float]]) -> list[Segment]:
    """The segment in pieces where a space between its words falls between two columns that are known."""
    parts: list[Segment] = []
    start = 0
    for index in range(1, len(segment.words)):
        before, after = segment.words[index - 1], segment.words[index]
        for (_, end), (begin, _) in pairwise(columns):
            if before.right <= begin and after.left >= max(end, begin - 2) and after.left - before.right > 1:
                parts.append(_segment(segment.words[start:index]))
                start = index
                break
    parts.append(_segment(segment.words[start:]))
    return parts


def _segment(words: list[Word]) -> Segment:
    return Segment(words, min(word.left for word in words), max(word.right for word in words))


def width_of(segment: Segment) -> float:
    """In points."""
    return segment.right - segment.left
