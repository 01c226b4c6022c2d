"""Rows of tables as people say them: `Role: Fitter · Days: 28` for a row below the header `| Role | Days |`.

A row alone is a list of values without meaning. Said with its header it can be found by the words of both,
and a model for vectors or reranking understands it. Only indexed, never quoted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["delimiter_of", "pipe_cells", "row_said", "separated_cells"]

LONGEST_CELL = 200
DELIMITERS = "\t;,|"
_SEPARATOR = re.compile(r"[\s|:+-]+$")
_UNESCAPED_PIPE = re.compile(r"(?<!\\)\|")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def pipe_cells(row: str) -> tuple[str, ...]:
    """The cells of `| a | b |`; empty for the line of dashes below a header."""
    if _SEPARATOR.match(row):
        return ()
    inner = row.strip().removeprefix("|").removesuffix("|")
    return tuple(_plain(cell) for cell in _UNESCAPED_PIPE.split(inner))


def delimiter_of(header: str) -> str:
    """What separates the columns of a table file, by its first line; "" when it has one column."""
    counts = {each: header.count(each) for each in DELIMITERS}
    best = max(DELIMITERS, key=lambda each: counts[each])
    return best if counts[best] else ""


def separated_cells(line: str, delimiter: str) -> tuple[str, ...]:
    """The cells of a line of a table file; a delimiter inside double quotes separates nothing."""
    if not delimiter:
        return (_plain(line),)
    cells, start, quoted = [], 0, False
    for at, character in enumerate(line):
        if character == '"':
            quoted = not quoted
        elif character == delimiter and not quoted:
            cells.append(line[start:at])
            start = at + 1
    cells.append(line[start:])
    return tuple(_plain(cell.strip().strip('"').replace('""', '"')) for cell in cells)


def row_said(header: Sequence[str], cells: Sequence[str]) -> str:
    """`header: value` for each cell that has both; "" for the header itself or a table of one column."""
    if len(header) < 2 or tuple(cells) == tuple(header):
        return ""
    pairs = zip(header, cells, strict=False)
    return " · ".join(f"{name}: {value[:LONGEST_CELL]}" for name, value in pairs if name and value)


def _plain(cell: str) -> str:
    return " ".join(re.sub(r"[*_`]{1,3}", "", _LINK.sub(r"\1", cell)).split())
