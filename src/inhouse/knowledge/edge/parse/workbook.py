"""Workbooks (XLSX, XLSM) read from their own XML: every cell with its address, values as they are shown.

Formulas give the value that was stored with them; nothing is calculated, nothing is fetched. Rows and columns
that are hidden are read, because a filter or a folded group hides them; sheets that are hidden are not, only
their names stand in the text: nobody who opens the file would see the evidence.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from inhouse.knowledge.edge.parse.cellformat import BUILT_IN, general, show
from inhouse.knowledge.edge.parse.chart import chart_title
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
from inhouse.knowledge.edge.parse.package import A, Package, local
from inhouse.knowledge.edge.parse.parsed import Means, Parsed
from inhouse.knowledge.layout import SheetLayout, write_layout

__all__ = ["read_workbook"]

_ADDRESS = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_THREADED = re.compile(r"\A\[Threaded comment\].*?\n(?:Comment|Комментарий|Примечание):\s*", re.DOTALL)
_BEAT_ROWS = 10_000


@dataclass(slots=True)
class _Book:
    package: Package
    strings: list[str]
    formats: list[str]
    from_1904: bool
    left: int = MAX_CELLS
    unstored: int = 0
    means: Means = field(default_factory=Means)
    pictures: Pictures = field(default_factory=lambda: Pictures(Means()))


def read_workbook(path: Path, media_type: str, means: Means) -> Parsed:
    """Sheets as pages, with their cells in the layout.

    Raises:
        KeyError, zipfile.BadZipFile, xml.etree.ElementTree.ParseError: if the archive is damaged.
    """
    draft = Draft()
    sheets = []
    with Package(path) as package:
        member = next(iter(package.related("", "officeDocument")), "xl/workbook.xml")
        root = package.xml(member)
        if root is None:
            raise KeyError(member)
        book = _open(package, member, root, means)
        hidden: list[str] = []
        listed = [one for one in root.iter() if local(one.tag) == "sheet"]
        for number, entry in enumerate(listed, 1):
            key = next((value for name, value in entry.items() if local(name) == "id"), "")
            relation = package.relations(member).get(key)
            name = entry.get("name", "")
            if relation is None or relation.target not in package.names:
                continue
            if entry.get("state", "visible") != "visible":
                hidden.append(name)
                continue
            sheet = write_sheet(draft, number, _read_sheet(book, relation.target, name))
            sheets += [sheet] if sheet else []
        if hidden and sheets:
            draft.block(f"[Hidden sheets that were left out: {', '.join(hidden)}]")
        title, modified_at = package.properties()
    layout = write_layout(SheetLayout(tuple(sheets))) if sheets else ""
    pages, doubts = tuple(draft.pages), tuple(draft.doubts)
    return Parsed(draft.text(), "markdown", media_type, pages, title, modified_at, layout, doubts)


def _open(package: Package, member: str, root: ET.Element, means: Means) -> _Book:
    strings: list[str] = []
    for target in package.related(member, "sharedStrings"):
        with package.stream(target) as stream:
            for _, element in ET.iterparse(stream):  # noqa: S314  as in package.py
                if local(element.tag) == "si":
                    strings.append(_string(element))
                    element.clear()
    dates = next((one for one in root if local(one.tag) == "workbookPr"), None)
    from_1904 = dates is not None and dates.get("date1904", "") in ("1", "true")
    styles = next(iter(package.related(member, "styles")), "")
    return _Book(
        package, strings, _formats(package.xml(styles)), from_1904, means=means, pictures=Pictures(means)
    )


def _formats(styles: ET.Element | None) -> list[str]:
    """The number format of each cell style."""
    if styles is None:
        return []
    own: dict[int, str] = {}
    for one in styles.iter():
        if local(one.tag) == "numFmt":
            own[_int(one.get("numFmtId"))] = one.get("formatCode", "")
    cells = next((one for one in styles if local(one.tag) == "cellXfs"), ())
    numbers = [_int(one.get("numFmtId")) for one in cells if local(one.tag) == "xf"]
    return [own.get(number, BUILT_IN.get(number, "")) for number in numbers]


def _read_sheet(book: _Book, member: str, name: str) -> SheetContent:
    content = SheetContent(name)
    book.unstored = 0
    with book.package.stream(member) as stream:
        for row in _rows(book, stream, content):
            content.rows.append(row)
    if book.unstored:
        content.remarks.append(f"[{book.unstored} formulas without a stored value are not in the text]")
    content.remarks += [*_comments(book.package, member), *_drawn(book, member)]
    return content


def _rows(book: _Book, stream: object, content: SheetContent) -> Iterator[GridRow]:
    parents: list[ET.Element] = []
    number = 0
    for event, element in ET.iterparse(stream, ("start", "end")):  # type: ignore[call-overload]  # noqa: S314
        kind = local(element.tag)
        if event == "start":
            if kind == "sheetData":
                parents.append(element)
            continue
        if kind == "mergeCell":
            content.merges += _merge(element.get("ref", ""))
        if kind != "row":
            continue
        number = _int(element.get("r")) or number + 1
        row = _row(book, element, number, content)
        for parent in parents:
            parent.clear()
        if number % _BEAT_ROWS == 0:
            book.means.beat()
        if row is None:
            continue
        if len(content.rows) >= MAX_ROWS or book.left < len(row.cells):
            content.cut = f"Rows from {number} on are left out: the sheet is too long"
            return
        book.left -= len(row.cells)
        yield row


def _row(book: _Book, element: ET.Element, number: int, content: SheetContent) -> GridRow | None:
    cells: dict[int, tuple[int, str, bool]] = {}
    column = 0
    for cell in element:
        if local(cell.tag) != "c":
            continue
        place = _ADDRESS.fullmatch(cell.get("r", ""))
        column = _column(place.group(1)) if place else column + 1
        words, is_figure = _value(book, cell)
        if words and column <= MAX_COLUMNS:
            cells[column] = (column, words, is_figure)
        elif words:
            content.cut = (
                f"Columns from {address(1, MAX_COLUMNS + 1)[:-1]} on are left out: the sheet is too wide"
            )
    return GridRow(number, tuple(cells[at] for at in sorted(cells))) if cells else None


def _value(book: _Book, cell: ET.Element) -> tuple[str, bool]:
    """The words of a cell, and whether it holds a figure."""
    kind = cell.get("t", "n")
    value, formula = "", False
    for part in cell:
        name = local(part.tag)
        if name == "v":
            value = part.text or ""
        elif name == "is":
            return cell_words(_string(part)), False
        elif name == "f":
            formula = True
    if not value:
        book.unstored += formula
        return "", False
    if kind == "s":
        at = _int(value, -1)
        return (cell_words(book.strings[at]) if 0 <= at < len(book.strings) else ""), False
    if kind == "b":
        return ("TRUE" if value.strip() in ("1", "true") else "FALSE"), True
    if kind in ("str", "e"):
        return cell_words(_ESCAPED.sub(_unescaped, value)), False
    if kind == "d":
        return cell_words(value.replace("T00:00:00", "").replace("T", " ")), True
    style = _int(cell.get("s"))
    code = book.formats[style] if style < len(book.formats) else ""
    shown = show(value.strip(), code, from_1904=book.from_1904) if code else general(value.strip())
    return cell_words(shown), True


def _string(element: ET.Element) -> str:
    """The words of a string; how they are pronounced (`rPh`) is left out."""
    words = []
    for part in element:
        name = local(part.tag)
        if name == "t":
            words.append(part.text or "")
        elif name == "r":
            words += [run.text or "" for run in part if local(run.tag) == "t"]
    return _ESCAPED.sub(_unescaped, "".join(words))


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match.group(1), 16))


def _merge(reference: str) -> list[Merge]:
    corners = [_ADDRESS.fullmatch(corner) for corner in reference.split(":")]
    if len(corners) != 2 or not corners[0] or not corners[1]:
        return []
    first, last = corners[0], corners[1]
    rows = int(first.group(2)), int(last.group(2))
    return [Merge(rows[0], _column(first.group(1)), rows[1], _column(last.group(1)))]


@functools.lru_cache(maxsize=1_000)
def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - 64
    return number


def _comments(package: Package, member: str) -> Iterator[str]:
    """Remarks on cells, marked as such, with who wrote them."""
    for target in package.related(member, "comments"):
        root = package.xml(target)
        if root is None:
            continue
        authors = [one.text or "" for one in root.iter() if local(one.tag) == "author"]
        for one in root.iter():
            if local(one.tag) != "comment":
                continue
            at = _int(one.get("authorId"), -1)
            author = authors[at] if 0 <= at < len(authors) and not authors[at].startswith("tc=") else ""
            body = next((part for part in one if local(part.tag) == "text"), None)
            words = " ".join(_THREADED.sub("", _string(body)).split()) if body is not None else ""
            words = words.removeprefix(f"{author}:").strip()
            if words:
                yield f"[Comment on {one.get('ref', '')}{f' by {author}' if author else ''}: {words}]"


def _drawn(book: _Book, member: str) -> Iterator[str]:
    """Words in the boxes and on the pictures that lie on a sheet, and the titles of its charts."""
    package = book.package
    for target in package.related(member, "drawing"):
        root = package.xml(target)
        for shape in root.iter() if root is not None else ():
            if local(shape.tag) == "txBody":
                lines = (
                    "".join(run.text or "" for run in line.iter(f"{A}t")) for line in shape.iter(f"{A}p")
                )
                words = "\n".join(line for line in lines if line.strip())
                if words:
                    yield words
        for chart in package.related(target, "chart"):
            title = chart_title(package.xml(chart))
            if title:
                yield f"[Chart: {title}]"
        for picture in package.related(target, "image"):
            if book.pictures.more and package.size(picture) <= MAX_PICTURE_BYTES:
                yield book.pictures.words(package.data(picture))


def _int(value: str | None, otherwise: int = 0) -> int:
    if not value:
        return otherwise
    try:
        return int(value)
    except ValueError:
        return otherwise
