"""Words that stand beside each other on a page: rows, and the pieces of a row between wide gaps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from inhouse.knowledge.edge.parse.pdf_words import Word

__all__ = ["WIDE_GAP", "Band", "Segment", "bands", "cut_at", "stretched", "width_of"]

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


def stretched(words: Sequence[Word]) -> frozenset[int]:
    """The lines (`Word.line`) whose spaces were widened so that they end where their neighbours end.

    Such spaces are no gaps between columns: all in a line are equally wide, and they do not stand below those
    of the next line, as the gaps of a table with columns of one width do.
    """
    lines: dict[int, list[Word]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word)
    even = {number for number, line in lines.items() if len(line) >= 3 and _is_even(line)}
    found = {
        number
        for number in even
        if any(near in even and _ends_alike(lines[number], lines[near]) for near in (number - 1, number + 1))
    }
    between = {
        number
        for number, line in lines.items()
        if len(line) == 2
        and {number - 1, number + 1} & found
        and all(near in lines and _ends_alike(line, lines[near]) for near in (number - 1, number + 1))
    }
    return frozenset(found | between)


def _is_even(line: Sequence[Word]) -> bool:
    gaps = [after.left - before.right for before, after in pairwise(line)]
    return min(gaps) > 0 and max(gaps) - min(gaps) <= 0.15 * sum(gaps) / len(gaps) + 0.15 * line[0].size


def _ends_alike(line: Sequence[Word], other: Sequence[Word]) -> bool:
    """True for lines of one paragraph that was set to a width; the first may be indented."""
    size = max(line[0].size, other[0].size)
    if abs(line[-1].right - other[-1].right) > 0.2 * size or abs(line[0].left - other[0].left) > 5 * size:
        return False
    if abs(line[0].top - other[0].top) > 2.5 * size or line[0].turn or other[0].turn:
        return False
    inner = [word.left for word in line[1:-1]]
    same = sum(any(abs(left - word.left) < 0.15 * size for word in other[1:-1]) for left in inner)
    return not inner or same < 0.5 * len(inner)


def bands(words: Sequence[Word], unbroken: Collection[int] = ()) -> list[Band]:
    """The rows from top to bottom; words are in one row when they share most of their height.

    The spaces of `unbroken` lines are never gaps.
    """
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
    return [_band(row, unbroken) for row in rows]


def _band(row: list[Word], unbroken: Collection[int]) -> Band:
    row.sort(key=lambda word: word.left)
    segments: list[Segment] = []
    for word in row:
        last = segments[-1] if segments else None
        is_one = last is not None and word.line == last.words[-1].line and word.line in unbroken
        if last and (is_one or word.left - last.right < _gap(last.words[-1], word)):
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
