"""Sheets in OpenDocument (ODS), with the address of every cell, as text and layout.

Values are what the file states, in the spelling of `cellformat`: the decimals and signs of the cell, no signs
between thousands, dates as 2018-09-20. Hidden sheets are named only, as in workbooks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from xml.etree import ElementTree as ET

from inhouse.knowledge.edge.parse.cellformat import general
from inhouse.knowledge.edge.parse.draft import Draft, cell_words
from inhouse.knowledge.edge.parse.drawn import MAX_PICTURE_BYTES, Pictures
from inhouse.knowledge.edge.parse.grid import (
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_ROWS,
    GridRow,
    Merge,
    SheetContent,
    address,
    write_sheet,
)
from inhouse.knowledge.edge.parse.opendoc import (
    OFFICE,
    STYLE,
    TABLE,
    TEXT,
    comment,
    properties,
    whole,
)
from inhouse.knowledge.edge.parse.package import Package
from inhouse.knowledge.edge.parse.parsed import Means, Parsed
from inhouse.knowledge.layout import SheetLayout, write_layout

__all__ = ["read_open_sheets"]

_TIME = re.compile(r"(-?)P(?:(\d+)D)?T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,]\d+)?S)?")
_SHOWN = re.compile(r"(?P<before>[^\d.,-]*)-?\s*(?P<digits>\d(?:[\d\s.,'’]*\d)?)(?P<after>\D*)", re.DOTALL)
_REPEATED_ROWS = 1_000
"""A row with words that is repeated more often than this is a fill, and stands in the text this often."""
_BEAT_ROWS = 50_000
_HIDDEN = 0


@dataclass(slots=True)
class _Sheets:
    """What the reading of one file has come to."""

    found: list[tuple[int, SheetContent]] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    hidden_styles: set[str] = field(default_factory=set)
    left: int = MAX_CELLS
    number: int = 0
    row: int = 0


def read_open_sheets(path: Path, media_type: str, means: Means) -> Parsed:
    """Sheets as pages, with their cells in the layout.

    Raises:
        KeyError, zipfile.BadZipFile, xml.etree.ElementTree.ParseError: if the archive is damaged.
    """
    state = _Sheets()
    with Package(path) as package:
        with package.stream("content.xml") as stream:
            for event, element in ET.iterparse(stream, ("start", "end")):  # noqa: S314  as in package.py
                if event == "start":
                    _start(state, element)
                elif element.tag == f"{TABLE}table-row":
                    _row(state, element)
                    element.clear()
                    if state.row % _BEAT_ROWS == 0:
                        means.beat()
                elif any(part.get(f"{TABLE}display") == "false" for part in element):
                    state.hidden_styles.add(element.get(f"{STYLE}name", ""))
        title, modified_at = properties(package)
        drawn = _pictures(package, means)
    draft, sheets = Draft(), []
    for number, content in state.found:
        sheet = write_sheet(draft, number, content)
        sheets += [sheet] if sheet else []
    if state.hidden and sheets:
        draft.block(f"[Hidden sheets that were left out: {', '.join(state.hidden)}]")
    for words in drawn:
        draft.block(words)
    layout = write_layout(SheetLayout(tuple(sheets))) if sheets else ""
    pages, doubts = tuple(draft.pages), tuple(draft.doubts)
    return Parsed(draft.text(), "markdown", media_type, pages, title, modified_at, layout, doubts)


def _pictures(package: Package, means: Means) -> list[str]:
    reader = Pictures(means)
    members = sorted(name for name in package.names if name.startswith("Pictures/"))
    small = [one for one in members if package.size(one) <= MAX_PICTURE_BYTES]
    return [reader.words(package.data(one)) for one in small if reader.more]


def _start(state: _Sheets, element: ET.Element) -> None:
    if element.tag != f"{TABLE}table":
        return
    state.number += 1
    state.row = 0
    name = element.get(f"{TABLE}name", "")
    if element.get(f"{TABLE}style-name", "") in state.hidden_styles:
        state.hidden.append(name)
        state.found.append((_HIDDEN, SheetContent(name)))
    else:
        state.found.append((state.number, SheetContent(name)))


def _row(state: _Sheets, element: ET.Element) -> None:
    repeated = whole(element, f"{TABLE}number-rows-repeated")
    first, state.row = state.row + 1, state.row + repeated
    if not state.found or state.found[-1][0] == _HIDDEN:
        return
    content = state.found[-1][1]
    if content.cut.startswith("Rows"):
        return
    cells = _cells(element, first, content)
    if not cells:
        return
    for number in range(first, first + min(repeated, _REPEATED_ROWS)):
        if len(content.rows) >= MAX_ROWS or state.left < len(cells):
            content.cut = f"Rows from {number} on are left out: the sheet is too long"
            return
        state.left -= len(cells)
        content.rows.append(GridRow(number, tuple(cells)))


def _cells(row: ET.Element, number: int, content: SheetContent) -> list[tuple[int, str, bool]]:
    cells: list[tuple[int, str, bool]] = []
    column = 1
    for cell in row:
        if cell.tag not in (f"{TABLE}table-cell", f"{TABLE}covered-table-cell"):
            continue
        repeated = whole(cell, f"{TABLE}number-columns-repeated")
        words, is_figure = _value(cell)
        tall, wide = whole(cell, f"{TABLE}number-rows-spanned"), whole(cell, f"{TABLE}number-columns-spanned")
        if tall > 1:
            content.merges.append(Merge(number, column, number + tall - 1, column + wide - 1))
        for remark in cell.findall(f"{OFFICE}annotation"):
            said = comment(remark, f" on {address(number, column)}")
            content.remarks += [said] if said else []
        if words:
            last = min(column + repeated - 1, MAX_COLUMNS)
            cells += [(at, words, is_figure) for at in range(column, last + 1)]
            if column + repeated - 1 > MAX_COLUMNS:
                left_out = address(1, MAX_COLUMNS + 1)[:-1]
                content.cut = f"Columns from {left_out} on are left out: the sheet is too wide"
        column += repeated
    return cells


def _value(cell: ET.Element) -> tuple[str, bool]:
    """The words of a cell, and whether it holds a figure."""
    shown = " ".join("".join(_pieces(part)) for part in cell if part.tag in (f"{TEXT}p", f"{TEXT}h"))
    kind = cell.get(f"{OFFICE}value-type", "")
    if kind == "date":
        stated = cell.get(f"{OFFICE}date-value", "")
        return cell_words(stated.removesuffix("T00:00:00").replace("T", " ") or shown), True
    if kind == "time":
        return cell_words(_time(cell.get(f"{OFFICE}time-value", "")) or shown), True
    if kind in ("float", "currency", "percentage"):
        return cell_words(_number(cell.get(f"{OFFICE}value", ""), shown, percent=kind == "percentage")), True
    return cell_words(shown), kind == "boolean"


def _pieces(element: ET.Element) -> list[str]:
    pieces = [element.text or ""]
    for child in element:
        if child.tag in (f"{TEXT}s", f"{TEXT}tab", f"{TEXT}line-break"):
            pieces.append(" ")
        elif child.tag != f"{OFFICE}annotation":
            pieces += _pieces(child)
        pieces.append(child.tail or "")
    return pieces


def _time(stated: str) -> str:
    """`PT37H30M00S` as `37:30`."""
    match = _TIME.fullmatch(stated)
    if not match:
        return ""
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    end = f":{seconds:02}" if seconds else ""
    return f"{match.group(1)}{days * 24 + hours:02}:{minutes:02}{end}"


def _number(stated: str, shown: str, *, percent: bool) -> str:
    """The stated value with as many decimals as the cell shows, and the words around it."""
    try:
        value = Decimal(stated) * (100 if percent else 1)
    except (InvalidOperation, ValueError):
        return shown
    match = _SHOWN.fullmatch(shown.strip())
    if not value.is_finite() or abs(value.adjusted()) > 30:
        return shown or stated
    if not match:
        return shown if shown.strip() else general(f"{value}")
    digits = re.sub(r"\D", "", match.group("digits"))
    for places in range(min(len(digits), 12)):
        rounded = f"{abs(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}"
        if rounded.replace(".", "") == digits:
            minus = "-" if value < 0 and rounded.strip("0.") else ""
            before, after = match.group("before").strip("( "), match.group("after").rstrip(") ")
            after = after.replace("\u00a0", " ").replace("\u202f", " ")
            return f"{minus}{before}{rounded}{after}"
    return shown
