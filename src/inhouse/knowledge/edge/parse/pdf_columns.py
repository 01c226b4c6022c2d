"""Tables without lines, told from words that stand below each other in columns.

Values in, values out. They are believed when they cannot be prose in columns, a list or a table of contents:
three rows at least, cells that do not run to the end of their column line after line, and a row of names
above figures where there are two columns only. What is not believed stays lines of text.

Not known: columns closer together than half a letter.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from inhouse.knowledge.edge.parse.pdf_rows import Band, Segment, bands, cut_at, width_of
from inhouse.knowledge.edge.parse.pdf_tables import Table
from inhouse.knowledge.edge.parse.pdf_words import Word

__all__ = ["aligned"]

FEWEST_ROWS = 3
WIDEST_PITCH = 3.6
"""Rows of a table without lines stand at most this many letter heights apart."""
OVERLAP = 0.25
"""Words that reach over less than this share of a second column are not in it."""
MOST_LONELY = 2
"""Rows of one cell in a row; after more of them the table is over."""

_FIGURE = re.compile(
    r"[^\w]*[$€£₽¥]?\s*[-+−–(]?\s*\d[\d\s.,:/%'’()+−–-]*\s*(?:%|[$€£₽¥]|[a-zа-я.²³]{1,4})?[^\w]*$",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:19|20)\d\d(?:\s?г\.?)?$|[QК1-4]{2}\s|(?:I|II|III|IV)\s")
_ITEM = re.compile(r"[•▪◦●■–—*-]$|\(?\d{1,3}(?:\.\d{1,2})*[.)]?$|\(?[a-zа-я][.)]$", re.IGNORECASE)
_LEADER = re.compile(r"(?:\.\s?){4,}|…{2,}|_{4,}")

Column = tuple[float, float]


@dataclass(slots=True)
class _Run:
    """Rows that share columns: each row with its pieces and the number of the column that each is in."""

    columns: list[Column]
    rows: list[tuple[Band, list[tuple[int, Segment]]]]
    end: int
    is_prose: bool = False


def aligned(words: Sequence[Word], unbroken: Collection[int] = ()) -> list[Table]:
    """The tables, from top to bottom; lines that are `unbroken` (`pdf_rows.stretched`) have no columns."""
    rows = bands(words, unbroken)
    if sum(1 for row in rows if len(row.segments) >= 2) < FEWEST_ROWS:
        return []
    found: list[Table] = []
    at = 0
    while at < len(rows):
        if len(rows[at].segments) < 2:
            at += 1
            continue
        run = _run(rows, at)
        table = _believed(run) if len(run.rows) >= FEWEST_ROWS else None
        if table:
            found.append(table)
        at = run.end if table or run.is_prose else at + 1
    return found


def _run(rows: list[Band], at: int) -> _Run:
    first = rows[at]
    columns = [(one.left, one.right) for one in first.segments]
    run = _Run(columns, [(first, list(enumerate(first.segments)))], at + 1)
    lonely = 0
    for row in rows[at + 1 :]:
        last = run.rows[-1][0]
        if row.middle - last.middle > WIDEST_PITCH * max(row.height, last.height, 6.0):
            break
        segments = row.segments
        if len(segments) != len(run.columns):
            segments = [part for one in segments for part in cut_at(one, run.columns)]
        lonely = lonely + 1 if len(segments) == 1 else 0
        if lonely > MOST_LONELY or not _take(run, row, segments):
            break
    while len(run.rows[-1][1]) == 1 and not _goes_on(run, len(run.rows) - 1):
        run.rows.pop()
        run.end -= 1
    return run


def _take(run: _Run, row: Band, segments: list[Segment]) -> bool:
    """Add a row to the run; False, and nothing is changed, if its words do not fit the columns."""
    columns = list(run.columns)
    places: list[int] = []
    added: list[int] = []
    for number, one in enumerate(segments):
        place = number if len(segments) == len(columns) >= 3 and not added else _column_of(one, columns)
        if place is None or (places and place <= places[-1]):
            return False
        if place < len(columns) and _shared(one, columns[place]) > 0:
            left, right = columns[place]
            columns[place] = (min(left, one.left), max(right, one.right))
        elif place < len(columns) and len(segments) == len(run.columns) and not added:
            return False
        else:
            columns.insert(place, (one.left, one.right))
            added.append(place)
        places.append(place)
    for place in added:
        run.rows = [(band, [(at + (at >= place), one) for at, one in cells]) for band, cells in run.rows]
    run.columns = columns
    run.rows.append((row, list(zip(places, segments, strict=True))))
    run.end += 1
    return True


def _column_of(one: Segment, columns: Sequence[Column]) -> int | None:
    """The column that the words stand in, or where a new one is to be put in; None if they are in two."""
    touched = []
    for index, column in enumerate(columns):
        shared = _shared(one, column)
        if shared > 0:
            share = shared / max(min(width_of(one), column[1] - column[0]), 1.0)
            touched.append((share, index))
    if not touched:
        return sum(1 for left, _ in columns if left < one.left)
    touched.sort(reverse=True)
    if len(touched) > 1 and touched[1][0] >= OVERLAP:
        return None
    return touched[0][1]


def _shared(one: Segment, column: Column) -> float:
    return min(one.right, column[1]) - max(one.left, column[0])


def _goes_on(run: _Run, index: int) -> bool:
    """True when the row is the second line of cells of the row above it."""
    if not index:
        return False
    row, cells = run.rows[index]
    above, _ = run.rows[index - 1]
    pitch = row.middle - above.middle
    if pitch > 1.6 * max(row.height, above.height) + 1.5:
        return False
    if len(cells) == 1 and cells[0][0] > 0:
        return True
    return pitch < 0.7 * median(after[0].middle - before[0].middle for before, after in pairwise(run.rows))


def _believed(run: _Run) -> Table | None:
    count = len(run.columns)
    grid: list[list[list[Word]]] = []
    for index, (_, cells) in enumerate(run.rows):
        if not grid or not _goes_on(run, index):
            grid.append([[] for _ in range(count)])
        for column, one in cells:
            grid[-1][column] += one.words
    full = sum(1 for row in grid if sum(1 for cell in row if cell) >= 2)
    if full < FEWEST_ROWS or full < 0.6 * len(grid):
        return None
    columns = [[_said(row[column]) for row in grid if row[column]] for column in range(count)]
    if any(_LEADER.search(cell) for column in columns for cell in column):
        return None
    if count == 2 and all(_ITEM.match(cell) for cell in columns[0]):
        return None
    prose = [_is_prose(run, column) for column in range(count)]
    run.is_prose = sum(prose) >= 2
    if run.is_prose or sum(map(len, columns)) < 0.35 * count * len(grid):
        return None
    has_head = _has_head(grid)
    if count == 2 and (not has_head or prose[0]):
        return None
    return Table(tuple(tuple(tuple(cell) for cell in row) for row in grid), has_head)


def _is_prose(run: _Run, column: int) -> bool:
    """True when the words of a column run to its end again and again, as lines of a paragraph do."""
    left, right = run.columns[column]
    cells = [one for _, placed in run.rows for at, one in placed if at == column]
    if len(cells) < 3 or sum(len(one.words) for one in cells) < 3.5 * len(cells):
        return False
    wide = sum(1 for one in cells if width_of(one) >= 0.75 * (right - left))
    return wide >= 0.5 * len(cells)


def _has_head(grid: list[list[list[Word]]]) -> bool:
    """True when the first row names the columns: it is set apart, or has words where figures stand below.

    A table of words alone is taken to begin with the names of its columns, if these are short.
    """
    head, body = grid[0], grid[1:]
    share = 0.5 if len(head) > 2 else 0.7  # names and their values in two columns have no head
    named = [_said(cell) for cell in head]
    if sum(1 for cell in named if cell) < 0.5 * len(named):
        return False
    if any(_FIGURE.match(cell) and not _YEAR.match(cell) for cell in named if cell):
        return False
    if all(word.bold for cell in head for word in cell):
        return not all(word.bold for row in body for cell in row for word in cell)
    for column, name in enumerate(named):
        below = [_said(row[column]) for row in body if row[column]]
        if name and below and sum(1 for cell in below if _FIGURE.match(cell)) >= share * len(below):
            return True
    is_words = not any(_FIGURE.match(_said(cell)) for row in body for cell in row if cell)
    return is_words and len(named) > 2 and all(0 < len(cell) <= 3 for cell in head)


def _said(cell: Sequence[Word]) -> str:
    return " ".join(word.text for word in cell)
