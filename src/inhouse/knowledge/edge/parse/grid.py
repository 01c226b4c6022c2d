"""Rows of cells to text: tables with their headers, and the place of every cell.

A sheet holds several things: a title, tables, remarks. An empty row ends a table, unless the rows below go on
with figures in the same columns. Lines of one cell above and below a table are paragraphs. Columns without a
word are left out of the text; the layout has the true addresses.

Limits (a workbook is taken in up to there, and its text says where it was cut):

    MAX_ROWS     of a sheet, as 100,000 lines are a database, not a document
    MAX_COLUMNS  of a row; a calendar of a year has 365
    MAX_CELLS    of a workbook: some 5 MB of text, and 100 MB while it is read
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from inhouse.knowledge.edge.parse.draft import Draft, Span, cell_words
from inhouse.knowledge.layout import Cell, Row, Sheet

__all__ = [
    "MAX_CELLS",
    "MAX_COLUMNS",
    "MAX_ROWS",
    "GridRow",
    "Merge",
    "SheetContent",
    "address",
    "write_sheet",
]

MAX_ROWS = 100_000
MAX_COLUMNS = 400
MAX_CELLS = 400_000
MAX_JOINED_ROWS = 1_000_000
"""Of all joined labels of a sheet together; a file can name the same rows a hundred thousand times."""
_LONG = 120
"""A single cell longer than this is prose, not the entry of a list."""


@dataclass(frozen=True, slots=True)
class GridRow:
    """A row that has words, counted from 1; `cells` by rising column as (column, words, is a figure)."""

    number: int
    cells: tuple[tuple[int, str, bool], ...]


@dataclass(frozen=True, slots=True)
class Merge:
    """Cells joined into one that shows the words of its first; rows and columns inclusive."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


@dataclass(slots=True)
class SheetContent:
    """What a reader found in one sheet. `cut` says in words what was left out, "" for nothing."""

    name: str
    rows: list[GridRow] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    cut: str = ""


def write_sheet(draft: Draft, page: int, content: SheetContent) -> Sheet | None:
    """Put a sheet into the draft as page `page`; None for one without words."""
    remarks = [one for one in (*content.remarks, f"[{content.cut}]" if content.cut else "") if one.strip()]
    if not content.rows and not remarks:
        return None
    draft.start_page(page)
    name = cell_words(content.name).replace("\\|", "|")
    draft.block(f"## {name}")
    placed: dict[int, list[Cell]] = {}

    def place(row: int, column: int, span: Span) -> None:
        if span[1] > span[0]:
            placed.setdefault(row, []).append(Cell(column, *span))

    for block in _blocks(_with_joined_labels(content.rows, content.merges)):
        _write_block(draft, block, place)
    for remark in remarks:
        draft.block(remark)
    draft.end_page()
    rows = tuple(Row(number, tuple(cells)) for number, cells in sorted(placed.items()))
    return Sheet(page, name, rows, bool(content.cut))


def address(row: int, column: int) -> str:
    """`B3` for row 3, column 2."""
    letters = ""
    while column > 0:
        column, letter = divmod(column - 1, 26)
        letters = chr(65 + letter) + letters
    return f"{letters}{row}"


def _with_joined_labels(rows: Sequence[GridRow], merges: Iterable[Merge]) -> list[GridRow]:
    """A label that spans several rows stands in each of them: a row must say by itself what it is about."""
    tall = [one for one in merges if one.last_row > one.first_row and one.last_row - one.first_row < 500]
    if not tall:
        return list(rows)
    left = MAX_JOINED_ROWS
    by_number = {row.number: {cell[0]: cell for cell in row.cells} for row in rows}
    for merge in tall:
        label = by_number.get(merge.first_row, {}).get(merge.first_column)
        if not label or len(label[1]) > _LONG:
            continue
        for number in range(merge.first_row + 1, merge.last_row + 1):
            if number in by_number:
                by_number[number].setdefault(merge.first_column, label)
        left -= merge.last_row - merge.first_row
        if left <= 0:
            break
    return [GridRow(number, tuple(cells[at] for at in sorted(cells))) for number, cells in by_number.items()]


def _blocks(rows: Sequence[GridRow]) -> Iterable[list[GridRow]]:
    block: list[GridRow] = []
    for row in rows:
        if block and row.number > block[-1].number + 1 and not _goes_on(block, row):
            yield block
            block = []
        block.append(row)
    if block:
        yield block


def _goes_on(block: Sequence[GridRow], row: GridRow) -> bool:
    """True when the row below an empty one belongs to the same table: figures, in columns that it has."""
    if len(row.cells) < 2 or not any(is_figure for _, _, is_figure in row.cells):
        return False
    return {cell[0] for cell in row.cells} <= {cell[0] for one in block for cell in one.cells}


def _write_block(draft: Draft, block: Sequence[GridRow], place: Callable[[int, int, Span], None]) -> None:
    wide = [at for at, row in enumerate(block) if len(row.cells) > 1]
    if wide:
        first, last = wide[0], wide[-1]
    elif len(block) > 1 and all(len(row.cells[0][1]) <= _LONG for row in block):
        first, last = 0, len(block) - 1  # a list: one column, with its header
    else:
        first, last = len(block), -1
    for row in block[:first]:
        _write_line(draft, row, place)
    table = block[first : last + 1]
    if table:
        columns = sorted({column for row in table for column, _, _ in row.cells})
        index = {column: at for at, column in enumerate(columns)}
        lines = []
        for row in table:
            line = [""] * len(columns)
            for column, words, _ in row.cells:
                line[index[column]] = words
            lines.append(line)
        for row, spans in zip(table, draft.table(lines), strict=True):
            for column, _, _ in row.cells:
                place(row.number, column, spans[index[column]])
    for row in block[max(last + 1, first) :]:
        _write_line(draft, row, place)


def _write_line(draft: Draft, row: GridRow, place: Callable[[int, int, Span], None]) -> None:
    column, words, _ = row.cells[0]
    place(row.number, column, draft.block(words.replace("\\|", "|")))
