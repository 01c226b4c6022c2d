"""Where the cells of a CSV file stand. The text stays the decoded file; this only finds its places.

Source: RFC 4180, and the `;`, tabs and `|` that offices write instead of commas.
"""

from __future__ import annotations

import re
from collections import Counter

from inhouse.knowledge.edge.parse.grid import MAX_CELLS, MAX_COLUMNS
from inhouse.knowledge.layout import Cell, Row, Sheet, SheetLayout

__all__ = ["separator", "table_layout"]

_SEPARATORS = ";\t,|"
_SAMPLE_CHARS = 20_000
_SAMPLE_LINES = 50


def separator(text: str) -> str:
    """The sign between cells: the one that most lines hold equally often, outside quotes."""
    sample = re.sub(r'"[^"]*+"', "", text[:_SAMPLE_CHARS])
    lines = [line for line in sample.split("\n")[:_SAMPLE_LINES] if line.strip()]
    best, most = ",", 0.0
    for sign in _SEPARATORS:
        counts = Counter(line.count(sign) for line in lines)
        usual, agreed = max(
            counts.items(), key=lambda pair: (pair[1] * (pair[0] > 0), pair[0]), default=(0, 0)
        )
        score = agreed / max(len(lines), 1) + 0.001 * usual if usual else 0.0
        if score > most:
            best, most = sign, score
    return best


def table_layout(text: str, name: str) -> SheetLayout:
    """The cells of the file by row (empty lines count, as in a spreadsheet) and column."""
    sign = re.escape(separator(text))
    field = re.compile(rf'[ \t]*+"([^"]*+(?:""[^"]*+)*+)"[^{sign}\n]*+|([^{sign}\n]*+)')
    rows: list[Row] = []
    cells: list[Cell] = []
    at, row, column, count, is_cut = 0, 1, 1, 0, False
    while at <= len(text):
        match = field.match(text, at)
        if match is None:  # the second half of the pattern matches anything
            break
        start, end = match.span(1) if match.group(1) is not None else match.span(2)
        words = text[start:end]
        if words.strip():
            start, end = start + len(words) - len(words.lstrip()), end - len(words) + len(words.rstrip())
            if column <= MAX_COLUMNS:
                cells.append(Cell(column, start, end))
                count += 1
            else:
                is_cut = True
        at, column = match.end() + 1, column + 1
        if match.end() >= len(text) or text[match.end()] == "\n":
            if cells:
                rows.append(Row(row, tuple(cells)))
            cells, column, row = [], 1, row + 1
            if count >= MAX_CELLS:
                is_cut = is_cut or at < len(text)
                break
    return SheetLayout((Sheet(1, name, tuple(rows), is_cut),))
