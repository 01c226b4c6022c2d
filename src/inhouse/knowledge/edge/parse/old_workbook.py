"""Workbooks of Excel 97 to 2003 (XLS), with the address and the format of every cell.

Reads the records of the stream `Workbook` and skips those that hold no words. Older kinds (Excel 5, in the
stream `Book`) are left to kreuzberg.
Source: [MS-XLS] 2.4 (records), 2.5.293-294 (strings).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from inhouse.knowledge.edge.parse.cellformat import BUILT_IN, general, show
from inhouse.knowledge.edge.parse.draft import Draft, cell_words
from inhouse.knowledge.edge.parse.grid import (
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_ROWS,
    GridRow,
    Merge,
    SheetContent,
    write_sheet,
)
from inhouse.knowledge.edge.parse.ole import Ole
from inhouse.knowledge.edge.parse.package import Locked
from inhouse.knowledge.edge.parse.parsed import Means, Parsed
from inhouse.knowledge.layout import SheetLayout, write_layout

__all__ = ["TooOld", "read_old_workbook"]

_BOF, _EOF, _SHEET, _SST, _CONTINUE, _FORMAT, _XF = 0x809, 0x0A, 0x85, 0xFC, 0x3C, 0x41E, 0xE0
_LOCKED, _FROM_1904, _MERGED = 0x2F, 0x22, 0xE5
_SHARED, _LABEL, _NUMBER, _RK, _RKS, _FORMULA, _STRING, _BOOL = (
    0xFD,
    0x204,
    0x203,
    0x27E,
    0xBD,
    0x06,
    0x207,
    0x205,
)
_ERRORS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
_MOST_STRINGS = 1_000_000


class TooOld(Exception):
    """A workbook from before Excel 97."""


@dataclass(slots=True)
class _Book:
    strings: list[str] = field(default_factory=list)
    formats: dict[int, str] = field(default_factory=dict)
    styles: list[int] = field(default_factory=list)
    sheets: list[tuple[int, str, bool]] = field(default_factory=list)
    from_1904: bool = False
    left: int = MAX_CELLS

    def shown(self, value: float, style: int) -> str:
        """A number as the cell shows it."""
        number = self.styles[style] if style < len(self.styles) else 0
        code = self.formats.get(number, BUILT_IN.get(number, ""))
        return show(repr(value), code, from_1904=self.from_1904) if code else general(repr(value))


def read_old_workbook(path: Path, media_type: str, means: Means) -> Parsed:
    """Sheets as pages, with their cells in the layout.

    Raises:
        TooOld: if it is from before Excel 97.
        Locked: if it is protected by a password.
        ValueError, struct.error: if the file is damaged.
    """
    stream = Ole(path.read_bytes()).root.stream("Workbook")
    if stream[:2] != b"\x09\x08" or stream[4:6] != b"\x00\x06":
        raise TooOld
    book = _Book()
    _read_globals(book, stream)
    draft, sheets = Draft(), []
    for number, (start, name, is_hidden) in enumerate(book.sheets, 1):
        if not is_hidden:
            sheet = write_sheet(draft, number, _read_sheet(book, stream, start, name))
            sheets += [sheet] if sheet else []
            means.beat()
    hidden = [name for _, name, is_hidden in book.sheets if is_hidden]
    if hidden and sheets:
        draft.block(f"[Hidden sheets that were left out: {', '.join(hidden)}]")
    layout = write_layout(SheetLayout(tuple(sheets))) if sheets else ""
    return Parsed(draft.text(), "markdown", media_type, tuple(draft.pages), layout=layout)


def _records(stream: bytes, at: int) -> Iterator[tuple[int, bytes, int]]:
    """Kind, content and end of each record of this part of the stream, but not of charts inside it."""
    depth = 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        at += 4
        depth += (kind == _BOF) - (kind == _EOF)
        if depth <= 1:
            yield kind, stream[at : at + size], at + size
        at += size
        if kind == _EOF and depth <= 0:
            return


def _read_globals(book: _Book, stream: bytes) -> None:
    for kind, data, end in _records(stream, 0):
        if kind == _LOCKED:
            raise Locked
        if kind == _FROM_1904:
            book.from_1904 = data[:1] == b"\x01"
        elif kind == _FORMAT:
            words, _ = _Pieces([data]).words(2, 16)
            book.formats[struct.unpack_from("<H", data)[0]] = words
        elif kind == _XF:
            book.styles.append(struct.unpack_from("<H", data, 2)[0])
        elif kind == _SHEET:
            start, state, sort = struct.unpack_from("<IBB", data)
            if sort == 0:  # not a chart, not a macro
                book.sheets.append((start, _Pieces([data]).words(6, 8)[0], state & 3 != 0))
        elif kind == _SST:
            book.strings = _Pieces([data, *_continued(stream, end)]).shared()


def _continued(stream: bytes, at: int) -> Iterator[bytes]:
    for kind, data, _ in _records(stream, at):
        if kind != _CONTINUE:
            return
        yield data


class _Pieces:
    """Strings that may go on in following records; each record says anew how wide its letters are."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces, self._piece, self._at = pieces, 0, 0

    def words(self, at: int, length_bits: int) -> tuple[str, int]:
        """One string that begins at this place of the first piece, and where it ends."""
        self._at = at
        return self._one(length_bits), self._at

    def shared(self) -> list[str]:
        """All strings of the table that cells point into."""
        count = min(struct.unpack_from("<I", self._pieces[0], 4)[0], _MOST_STRINGS)
        self._at = 8
        found: list[str] = []
        for _ in range(count):
            if self._piece >= len(self._pieces):
                break
            found.append(self._one(16))
        return found

    def _take(self, size: int) -> bytes:
        """Bytes that are no letters; they may lie on both sides of a border."""
        out = b""
        while len(out) < size and self._piece < len(self._pieces):
            piece = self._pieces[self._piece]
            part = piece[self._at : self._at + size - len(out)]
            out += part
            self._at += len(part)
            if self._at >= len(piece):
                self._piece, self._at = self._piece + 1, 0
        return out.ljust(size, b"\x00")

    def _one(self, length_bits: int) -> str:
        left = self._take(2)[0:2] if length_bits == 16 else self._take(1)
        count, flags = int.from_bytes(left, "little"), self._take(1)[0]
        runs = int.from_bytes(self._take(2), "little") if flags & 8 else 0
        extra = int.from_bytes(self._take(4), "little") if flags & 4 else 0
        wide, out = flags & 1, []
        while count > 0 and self._piece < len(self._pieces):
            piece = self._pieces[self._piece]
            size = 2 if wide else 1
            here = min(count, (len(piece) - self._at) // size)
            part = piece[self._at : self._at + here * size]
            out.append(part.decode("utf-16-le" if wide else "latin-1", "replace"))
            self._at += here * size
            count -= here
            if count > 0 or self._at >= len(piece):
                self._piece, self._at = self._piece + 1, 0
                if count > 0 and self._piece < len(self._pieces):
                    wide = self._take(1)[0] & 1
        self._skip(4 * runs + extra)
        return "".join(out)

    def _skip(self, size: int) -> None:
        while size > 0 and self._piece < len(self._pieces):
            here = min(size, len(self._pieces[self._piece]) - self._at)
            self._at, size = self._at + here, size - here
            if self._at >= len(self._pieces[self._piece]):
                self._piece, self._at = self._piece + 1, 0


def _read_sheet(book: _Book, stream: bytes, start: int, name: str) -> SheetContent:
    content = SheetContent(name)
    rows: dict[int, dict[int, tuple[int, str, bool]]] = {}
    pending: tuple[int, int] | None = None
    for kind, data, _ in _records(stream, start):
        if kind == _STRING and pending:
            found = [(*pending, _Pieces([data]).words(0, 16)[0], False)]
            pending = None
        elif kind == _MERGED:
            content.merges += _merges(data)
            continue
        else:
            found = list(_cells(book, kind, data))
            if kind == _FORMULA and len(data) >= 14 and data[12:14] == b"\xff\xff" and data[6] == 0:
                row, column = struct.unpack_from("<HH", data)
                pending = (row, column)
        for row, column, words, is_figure in found:
            if not words:
                continue
            if column >= MAX_COLUMNS:
                content.cut = f"Columns beyond the {MAX_COLUMNS}th are left out: the sheet is too wide"
            elif len(rows) >= MAX_ROWS or book.left <= 0:
                content.cut = f"Rows from {row + 1} on are left out: the sheet is too long"
            else:
                book.left -= 1
                rows.setdefault(row, {})[column] = (column + 1, cell_words(words), is_figure)
    content.rows = [
        GridRow(row + 1, tuple(cell for _, cell in sorted(cells.items())))
        for row, cells in sorted(rows.items())
    ]
    return content


def _cells(book: _Book, kind: int, data: bytes) -> Iterator[tuple[int, int, str, bool]]:
    """Row, column (both from 0), words, and whether it is a figure."""
    if kind not in (_SHARED, _LABEL, _NUMBER, _RK, _RKS, _FORMULA, _BOOL):
        return
    row, column, style = struct.unpack_from("<HHH", data)
    if kind == _SHARED:
        at = struct.unpack_from("<I", data, 6)[0]
        yield row, column, book.strings[at] if at < len(book.strings) else "", False
    elif kind == _LABEL:
        yield row, column, _Pieces([data]).words(6, 16)[0], False
    elif kind == _NUMBER:
        yield row, column, book.shown(struct.unpack_from("<d", data, 6)[0], style), True
    elif kind == _RK:
        yield row, column, book.shown(_packed(struct.unpack_from("<I", data, 6)[0]), style), True
    elif kind == _RKS:
        for number, at in enumerate(range(4, len(data) - 7, 6)):
            style, value = struct.unpack_from("<HI", data, at)
            yield row, column + number, book.shown(_packed(value), style), True
    elif kind == _BOOL:
        value, is_error = data[6], data[7]
        yield row, column, _ERRORS.get(value, "#N/A") if is_error else ("TRUE" if value else "FALSE"), True
    elif data[12:14] != b"\xff\xff":
        yield row, column, book.shown(struct.unpack_from("<d", data, 6)[0], style), True
    elif data[6] == 1:
        yield row, column, "TRUE" if data[8] else "FALSE", True
    elif data[6] == 2:
        yield row, column, _ERRORS.get(data[8], "#N/A"), True


def _packed(value: int) -> float:
    """A number in four bytes: the head of a float or a whole one, perhaps in hundredths."""
    if value & 2:
        whole = (value >> 2) - (1 << 30 if value & 0x80000000 else 0)
        number = float(whole)
    else:
        number = float(struct.unpack("<d", b"\x00\x00\x00\x00" + struct.pack("<I", value & 0xFFFFFFFC))[0])
    return number / 100 if value & 1 else number


def _merges(data: bytes) -> Iterator[Merge]:
    count = struct.unpack_from("<H", data)[0]
    for at in range(2, min(2 + 8 * count, len(data) - 7), 8):
        first_row, last_row, first_column, last_column = struct.unpack_from("<HHHH", data, at)
        yield Merge(first_row + 1, first_column + 1, last_row + 1, last_column + 1)
