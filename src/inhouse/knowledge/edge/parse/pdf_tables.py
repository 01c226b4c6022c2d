"""Tables of a page that are drawn with ruling lines.

Values in, values out. A grid is believed when at least two of its rows have two filled cells, and when no
cell is a column of the page. Cells that reach over several places of the grid stand at the first of them.

Not known: cells that go on over a page (the rows of the next page are a table of their own), and tables
inside cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inhouse.knowledge.edge.parse.pdf_rows import bands
from inhouse.knowledge.edge.parse.pdf_words import Word

__all__ = ["Cell", "Rules", "Table", "ruled"]

Cell = tuple[Word, ...]
NEAR = 3.0
"""Points by which lines of one grid may miss each other."""
MOST_CROSSINGS = 400_000
"""Above this many pairs of lines a page is a drawing."""
PROSE_WORDS = 60
"""A cell with more words is a column of a page inside a frame."""
FEWEST_ROWS = 3
"""Lines of words in a row without lines of its own, from which on it is taken for several rows."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Lines on a page as (y, x0, x1) and (x, y0, y1)."""

    across: tuple[tuple[float, float, float], ...] = ()
    down: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of equal length. `has_head` is False when the first row looks like all others."""

    rows: tuple[tuple[Cell, ...], ...]
    has_head: bool = True

    def words(self) -> Iterator[Word]:
        """All words, row by row."""
        for row in self.rows:
            for cell in row:
                yield from cell


def ruled(words: Sequence[Word], rules: Rules) -> list[Table]:
    """Tables drawn with lines."""
    across, down = _joined(rules.across), _joined(rules.down)
    if len(across) < 2 or not down or len(across) * len(down) > MOST_CROSSINGS:
        return []
    found = []
    for lying, standing in _grids(across, down):
        table = _grid_table(words, lying, standing)
        if table:
            found.append(table)
    return found


Line = tuple[float, float, float]


def _joined(lines: Sequence[Line]) -> list[Line]:
    """Pieces of one line become one; double lines, too."""
    out: list[Line] = []
    for at, start, end in sorted(lines):
        for index in range(len(out) - 1, -1, -1):
            other = out[index]
            if at - other[0] > NEAR:
                out.append((at, start, end))
                break
            if start <= other[2] + NEAR and end >= other[1] - NEAR:
                out[index] = (other[0], min(other[1], start), max(other[2], end))
                break
        else:
            out.append((at, start, end))
    return [line for line in out if line[2] - line[1] > 4]


def _grids(across: list[Line], down: list[Line]) -> Iterator[tuple[list[Line], list[Line]]]:
    """Lines that meet, together."""
    group = list(range(len(across) + len(down)))

    def root(one: int) -> int:
        while group[one] != one:
            group[one] = group[group[one]]
            one = group[one]
        return one

    for number, (y, x0, x1) in enumerate(across):
        for other, (x, y0, y1) in enumerate(down, len(across)):
            if x0 - NEAR <= x <= x1 + NEAR and y0 - NEAR <= y <= y1 + NEAR:
                group[root(number)] = root(other)
    members: dict[int, tuple[list[Line], list[Line]]] = {}
    for number, line in enumerate(across):
        members.setdefault(root(number), ([], []))[0].append(line)
    for number, line in enumerate(down, len(across)):
        members.setdefault(root(number), ([], []))[1].append(line)
    for lying, standing in members.values():
        if len(lying) >= 2 and standing:
            yield lying, standing


def _steps(values: Sequence[float]) -> list[float]:
    out: list[float] = []
    for value in sorted(values):
        if not out or value - out[-1] > NEAR:
            out.append(value)
    return out


def _grid_table(words: Sequence[Word], lying: list[Line], standing: list[Line]) -> Table | None:
    xs = _steps([x for x, _, _ in standing] + [min(one[1] for one in lying), max(one[2] for one in lying)])
    ys = _steps([y for y, _, _ in lying])
    if len(xs) < 3 or len(ys) < 2:
        return None
    columns, rows = len(xs) - 1, len(ys) - 1
    owner = _cells(xs, ys, lying, standing)
    filled: dict[tuple[int, int], list[Word]] = {}
    for word in words:
        column = _place(xs, (word.left + word.right) / 2)
        row = _place(ys, (word.top + word.bottom) / 2)
        if column >= 0 and row >= 0:
            filled.setdefault(owner[row, column], []).append(word)
    grid = [[tuple(filled.get((row, column), ())) for column in range(columns)] for row in range(rows)]
    if rows <= 3:
        grid = [split for row in grid for split in _split_row(row)]
    grid = [row for row in grid if any(row)]
    full = [sum(1 for cell in row if cell) for row in grid]
    if sum(1 for count in full if count >= 2) < 2:
        return None
    sizes = [len(cell) for row in grid for cell in row if cell]
    if max(sizes) > PROSE_WORDS and max(sizes) > 0.4 * sum(sizes):
        return None
    kept = [column for column in range(columns) if any(row[column] for row in grid)]
    if len(kept) < 2:
        return None
    return Table(tuple(tuple(row[column] for column in kept) for row in grid))


def _place(steps: Sequence[float], value: float) -> int:
    """Which step holds the value, -1 for none."""
    if not steps[0] - 1 <= value <= steps[-1] + 1:
        return -1
    for index in range(len(steps) - 1):
        if value <= steps[index + 1]:
            return index
    return len(steps) - 2


def _cells(
    xs: list[float], ys: list[float], lying: list[Line], standing: list[Line]
) -> dict[tuple[int, int], tuple[int, int]]:
    """For each place of the grid the upper left place of its cell: places without a line between are one."""
    walls: dict[int, list[tuple[float, float]]] = {}
    floors: dict[int, list[tuple[float, float]]] = {}
    for x, y0, y1 in standing:
        walls.setdefault(_nearest(xs, x), []).append((y0, y1))
    for y, x0, x1 in lying:
        floors.setdefault(_nearest(ys, y), []).append((x0, x1))
    owner: dict[tuple[int, int], tuple[int, int]] = {}
    for row in range(len(ys) - 1):
        middle_y = (ys[row] + ys[row + 1]) / 2
        for column in range(len(xs) - 1):
            middle_x = (xs[column] + xs[column + 1]) / 2
            above, left = owner.get((row - 1, column)), owner.get((row, column - 1))
            if above and not any(x0 <= middle_x <= x1 for x0, x1 in floors.get(row, ())):
                owner[row, column] = above
            elif left and not any(y0 <= middle_y <= y1 for y0, y1 in walls.get(column, ())):
                owner[row, column] = left
            else:
                owner[row, column] = (row, column)
    return owner


def _nearest(steps: list[float], value: float) -> int:
    return min(range(len(steps)), key=lambda index: abs(steps[index] - value))


def _split_row(row: list[Cell]) -> list[list[Cell]]:
    """A body whose rows have no lines between them: one row for each line of its words."""
    stacked = [bands(cell) for cell in row]
    filled = [stack for stack in stacked if stack]
    most = max((len(stack) for stack in filled), default=0)
    if most < FEWEST_ROWS or len(filled) < 2 or sum(1 for stack in filled if len(stack) == most) < 2:
        return [row]
    ways = next(stack for stack in filled if len(stack) == most)
    out: list[list[list[Word]]] = [[[] for _ in row] for _ in ways]
    for column, stack in enumerate(stacked):
        for band in stack:
            at = min(range(most), key=lambda index: abs(ways[index].middle - band.middle))
            if abs(ways[at].middle - band.middle) > band.height:
                return [row]
            out[at][column] += band.words
    return [[tuple(cell) for cell in one] for one in out]
