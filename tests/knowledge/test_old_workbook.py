"""Workbooks of Excel 97: strings over borders of records, formats, formulas, hidden sheets."""

from __future__ import annotations

import struct
from pathlib import Path

from inhouse.knowledge.edge.parse.parsed import Refused
from tests.knowledge.office_samples import ole
from tests.knowledge.test_read import reading, text_of
from tests.knowledge.test_workbook import cells_of


def record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def text(words: str, *, bits: int = 16) -> bytes:
    """A string in two bytes for each letter."""
    return len(words).to_bytes(bits // 8, "little") + b"\x01" + words.encode("utf-16-le")


def cell(row: int, column: int, style: int, data: bytes) -> bytes:
    return struct.pack("<HHH", row, column, style) + data


BOF, EOF = record(0x809, b"\x00\x06\x05\x00" + b"\x00" * 12), record(0x0A, b"")


def xls(sheet: bytes, *, hidden: bytes = b"", locked: bool = False) -> bytes:
    """A workbook with the strings `Town` and `Новосибирск`, the second cut by a border, and two formats."""
    strings = struct.pack("<II", 2, 2) + b"\x04\x00\x00Town" + b"\x0b\x00\x01" + "Ново".encode("utf-16-le")
    rest = b"\x01" + "сибирск".encode("utf-16-le")
    middle = record(0x41E, struct.pack("<H", 164) + text("dd.mm.yyyy"))
    middle += b"".join(record(0xE0, struct.pack("<HH", 0, number) + b"\x00" * 16) for number in (0, 10, 164))
    middle += record(0xFC, strings) + record(0x3C, rest)
    middle += record(0x2F, b"\x01\x00") if locked else b""

    def listed(start: int, name: str, state: int) -> bytes:
        return record(0x85, struct.pack("<IBB", start, state, 0) + text(name, bits=8))

    size = len(BOF + middle + listed(0, "Лист", 0) + listed(0, "Тайна", 1) + EOF)
    first, second = BOF + sheet + EOF, BOF + hidden + EOF
    head = BOF + middle + listed(size, "Лист", 0) + listed(size + len(first), "Тайна", 1) + EOF
    return ole({"Workbook": head + first + second})


def test_cells_of_old_workbooks(tmp_path: Path) -> None:
    """Shared strings, packed numbers, percent, dates, formulas; a chart inside is passed over."""
    shared = struct.pack("<I", 1)
    sheet = (
        record(0xFD, cell(0, 1, 0, struct.pack("<I", 0)))
        + record(0xFD, cell(0, 2, 0, shared))
        + record(0x27E, cell(1, 1, 0, struct.pack("<I", 12345 << 2 | 3)))
        + record(
            0xBD,
            cell(
                1, 2, 1, struct.pack("<I", 0x3FC00000) + struct.pack("<HI", 2, 43363 << 2 | 2) + b"\x03\x00"
            ),
        )
        + record(0x203, cell(2, 1, 0, struct.pack("<d", -1.5)))
        + record(0x06, cell(2, 2, 0, b"\x00" * 6 + b"\xff\xff" + b"\x00" * 8))
        + record(0x207, text("result"))
        + record(0x205, cell(2, 3, 0, b"\x01\x00"))
        + BOF
        + record(0x203, cell(9, 9, 0, struct.pack("<d", 99.0)))
        + EOF
        + record(0xE5, struct.pack("<HHHHH", 1, 1, 1, 5, 6))
    )
    hidden = record(0x203, cell(0, 0, 0, struct.pack("<d", 77.0)))
    data = xls(sheet, hidden=hidden)
    assert cells_of(tmp_path, "b.xls", data) == {
        "Лист!B1": "Town",
        "Лист!C1": "Новосибирск",
        "Лист!B2": "123.45",
        "Лист!C2": "12.50%",
        "Лист!D2": "2018-09-20",
        "Лист!B3": "-1.5",
        "Лист!C3": "result",
        "Лист!D3": "TRUE",
    }
    assert "[Hidden sheets that were left out: Тайна]" in text_of(tmp_path, "b.xls", data).text


def test_locked_old_workbooks(tmp_path: Path) -> None:
    """They say so; the same without a password is read (the control)."""
    sheet = record(0x203, cell(0, 0, 0, struct.pack("<d", 5.0)))
    result = reading(tmp_path, "b.xls", xls(sheet, locked=True))
    assert isinstance(result, Refused)
    assert result.code == "encrypted"
    assert "5" in text_of(tmp_path, "b.xls", xls(sheet)).text
