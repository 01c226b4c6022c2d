"""Where a quote stands on a page: the words that it is made of, and the boxes around them.

Letters and digits are compared and nothing else, so that line ends, hyphens, bars of table rows and heading
marks in the quote do not matter.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from inhouse.knowledge.edge.parse.pdf_flow import Line
from inhouse.knowledge.edge.parse.pdf_words import Box, Word

__all__ = ["compact", "quote_boxes"]

SHORTEST_PIECE = 4
"""Letters; shorter pieces of a quote are not looked for on their own, they stand everywhere."""

Place = tuple[Word, Box]


def compact(text: str) -> str:
    """Its letters and digits."""
    return "".join([char for char in text if char.isalnum()])


def quote_boxes(lines: Sequence[Line], quote: str, *, at: int = 0) -> list[Box]:
    """Boxes in points, one for each line that the quote touches, in its order.

    `at` is how many letters and digits of the page come before the quote: where the same words stand
    several times on the page, the nearest is meant. A quote that does not stand there in one piece is looked
    for line by line and cell by cell.
    """
    words = [word for line in lines for word in line.words]
    starts: list[int] = []
    parts: list[str] = []
    length = 0
    for word in words:
        part = compact(word.text)
        starts.append(length)
        parts.append(part)
        length += len(part)
    whole = "".join(parts)
    wanted = compact(quote)
    if not wanted:
        return []
    first = _nearest(whole, wanted, at)
    if first >= 0:
        return _merged(_covered(words, starts, parts, (first, first + len(wanted))))
    boxes: list[Box] = []
    for piece in re.split(r"\n|(?<!\\)\|", quote):
        wanted = compact(piece)
        first = _nearest(whole, wanted, at) if len(wanted) >= SHORTEST_PIECE else -1
        if first >= 0:
            boxes += _covered(words, starts, parts, (first, first + len(wanted)))
            at = first + len(wanted)
    return _merged(boxes)


def _nearest(whole: str, wanted: str, at: int) -> int:
    best, found = -1, whole.find(wanted)
    while found >= 0:
        if best < 0 or abs(found - at) < abs(best - at):
            best = found
        if found > at:
            break
        found = whole.find(wanted, found + 1)
    return best


def _covered(
    words: Sequence[Word], starts: Sequence[int], parts: Sequence[str], span: tuple[int, int]
) -> list[Box]:
    first = max(bisect_right(starts, span[0]) - 1, 0)
    out: list[Box] = []
    for index in range(first, len(words)):
        if starts[index] >= span[1]:
            break
        size = len(parts[index])
        if not size:
            continue
        start, end = max(span[0] - starts[index], 0), min(span[1] - starts[index], size)
        if end > start:
            out.append(_part(words[index], start / size, end / size))
    return out


def _part(word: Word, start: float, end: float) -> Box:
    """The part of a word between two shares of its length."""
    left, top, right, bottom = word.box
    if (start, end) == (0.0, 1.0):
        return left, top, right, bottom
    wide, high = right - left, bottom - top
    if word.turn == 90:
        return left, bottom - end * high, right, bottom - start * high
    if word.turn == 270:
        return left, top + start * high, right, top + end * high
    if word.turn == 180 or _is_right_to_left(word.text):
        start, end = 1 - end, 1 - start
    return left + start * wide, top, left + end * wide, bottom


def _is_right_to_left(text: str) -> bool:
    return any("\u0590" <= char <= "\u08ff" for char in text)


def _merged(boxes: Sequence[Box]) -> list[Box]:
    """Boxes of one line become one; words of a line that runs up or down the page, too."""
    out: list[Box] = []
    for box in boxes:
        last = out[-1] if out else None
        if last and (_is_beside(last, box) or _is_beside(_turned(last), _turned(box), highest=20.0)):
            out[-1] = (
                min(last[0], box[0]),
                min(last[1], box[1]),
                max(last[2], box[2]),
                max(last[3], box[3]),
            )
        else:
            out.append(box)
    return out


def _is_beside(last: Box, box: Box, *, highest: float = 200.0) -> bool:
    """True when two boxes share most of their height and stand close; none is higher than `highest`."""
    shared = min(last[3], box[3]) - max(last[1], box[1])
    lower = min(last[3] - last[1], box[3] - box[1])
    gap = max(box[0] - last[2], last[0] - box[2])
    high = max(last[3] - last[1], box[3] - box[1])
    return shared > 0.5 * lower and gap < 2.5 * max(lower, 4.0) and high < highest


def _turned(box: Box) -> Box:
    return box[1], box[0], box[3], box[2]
