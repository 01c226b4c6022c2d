"""Workbooks, open sheets and CSV: values as shown, addresses of cells, limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from inhouse.knowledge.edge.parse import grid, workbook
from inhouse.knowledge.edge.parse.csv_table import separator
from inhouse.knowledge.edge.parse.grid import address
from inhouse.knowledge.layout import SheetLayout, read_layout
from tests.knowledge import samples
from tests.knowledge.office_samples import book
from tests.knowledge.test_read import text_of


def cells_of(folder: Path, name: str, data: bytes) -> dict[str, str]:
    """Sheet and address of each cell to its words, by the offsets of the layout."""
    parsed = text_of(folder, name, data)
    layout = read_layout(parsed.layout)
    assert isinstance(layout, SheetLayout)
    return {
        f"{sheet.name}!{address(row.row, cell.column)}": parsed.text[cell.start : cell.end]
        for sheet in layout.sheets
        for row in sheet.rows
        for cell in row.cells
    }


def sheet(*rows: str, after: str = "") -> str:
    return f"<sheetData>{''.join(rows)}</sheetData>{after}"


def row(number: int, **cells: str | float) -> str:
    inner = "".join(
        f'<c r="{column}{number}" t="str"><v>{value}</v></c>'
        if isinstance(value, str)
        else f'<c r="{column}{number}"><v>{value}</v></c>'
        for column, value in cells.items()
    )
    return f'<row r="{number}">{inner}</row>'


def test_cells_have_their_addresses(tmp_path: Path) -> None:
    """A title, a table that begins far from the corner, a remark below: cells are where the file has them."""
    content = sheet(
        row(2, B="Report | 2024"),
        row(5, C="Town", E="Sum"),
        row(6, C="Omsk", E=5.0),
        row(8, C="Tomsk", E=6.5),
        row(9, C="all figures net"),
    )
    data = book({"R&amp;D": content})
    assert cells_of(tmp_path, "b.xlsx", data) == {
        "R&D!B2": "Report | 2024",
        "R&D!C5": "Town",
        "R&D!E5": "Sum",
        "R&D!C6": "Omsk",
        "R&D!E6": "5",
        "R&D!C8": "Tomsk",
        "R&D!E8": "6.5",
        "R&D!C9": "all figures net",
    }
    assert text_of(tmp_path, "b.xlsx", data).text == (
        "## R&D\n\nReport | 2024\n\n| Town | Sum |\n| --- | --- |\n| Omsk | 5 |\n| Tomsk | 6.5 |\n\n"
        "all figures net\n"
    )


def test_kinds_of_values(tmp_path: Path) -> None:
    """Shared and rich strings, booleans, errors, formulas with and without a value, injections as text."""
    strings = "<si><t>plain</t></si><si><r><t>ri</t></r><r><t>ch</t></r><rPh><t>no</t></rPh></si>"
    content = sheet(
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c>'
        '<c r="C1" t="s"><v>99</v></c></row>'
        '<row r="2"><c r="A2" t="b"><v>1</v></c><c r="B2" t="e"><v>#N/A</v></c></row>'
        '<row r="3"><c r="A3"><f>1+1</f><v>2</v></c><c r="B3"><f>HYPERLINK("http://x")</f></c></row>'
        '<row r="4"><c r="A4" t="inlineStr"><is><t>=cmd|/C calc!A0</t></is></c>'
        '<c r="B4" t="d"><v>2024-05-01</v></c></row>'
    )
    parsed = text_of(tmp_path, "b.xlsx", book({"S": content}, strings=strings))
    assert "| plain | rich |" in parsed.text
    assert "| TRUE | #N/A |" in parsed.text
    assert "| 2 |  |" in parsed.text
    assert "| =cmd\\|/C calc!A0 | 2024-05-01 |" in parsed.text
    assert "[1 formulas without a stored value are not in the text]" in parsed.text


def test_numbers_as_the_sheet_shows_them(tmp_path: Path) -> None:
    """Percent, currency and dates of the workbook's own formats."""
    formats = {164: "0.0%", 165: "#,##0.00\\ &quot;₽&quot;", 166: "dd.mm.yyyy"}
    cells = "".join(
        f'<c r="{column}1" s="{style}"><v>{value}</v></c>'
        for column, style, value in (("A", 1, 0.075), ("B", 2, 1234.5), ("C", 3, 43363))
    )
    data = book({"S": sheet(f'<row r="1">{cells}</row>')}, formats=formats)
    assert "| 7.5% | 1234.50 ₽ | 2018-09-20 |" in text_of(tmp_path, "b.xlsx", data).text


def test_joined_labels_stand_in_each_row(tmp_path: Path) -> None:
    """A label over several rows; one over several columns stands once."""
    content = sheet(
        row(1, A="Region", B="Year 2024"),
        row(2, A="North", B="Q1", C=1.0),
        row(3, B="Q2", C=2.0),
        after='<mergeCells><mergeCell ref="A2:A3"/><mergeCell ref="B1:C1"/></mergeCells>',
    )
    text = text_of(tmp_path, "b.xlsx", book({"S": content})).text
    assert "| North | Q1 | 1 |\n| North | Q2 | 2 |" in text
    assert text.count("Year 2024") == 1


def test_hidden_sheets_are_named_only(tmp_path: Path) -> None:
    """Nobody who opens the file would see them; hidden rows are folded or filtered, and are read."""
    folded = '<row r="1" hidden="1"><c r="A1" t="str"><v>folded</v></c></row>'
    data = book({"A": sheet(folded), "B": sheet(row(1, A="secret"))}, states={"B": "veryHidden"})
    text = text_of(tmp_path, "b.xlsx", data).text
    assert "folded" in text
    assert "secret" not in text
    assert "[Hidden sheets that were left out: B]" in text


def test_comments_on_cells(tmp_path: Path) -> None:
    """Marked as such, with address and author."""
    comments = (
        f'<comments xmlns="{samples.SHEET}"><authors><author>Anna</author></authors><commentList>'
        '<comment ref="B3" authorId="0"><text><t>Anna:\nnot final</t></text></comment>'
        "</commentList></comments>"
    )
    parts = {
        "comments1.xml": comments,
        "worksheets/_rels/sheet1.xml.rels": f'<Relationships xmlns="{samples.PACKAGE}/relationships">'
        '<Relationship Id="c" Type="x/comments" Target="../comments1.xml"/></Relationships>',
    }
    text = text_of(tmp_path, "b.xlsx", book({"S": sheet(row(3, B=7.0))}, parts=parts)).text
    assert text == "## S\n\n7\n\n[Comment on B3 by Anna: not final]\n"


def test_long_and_wide_sheets_are_cut_aloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text says where, and the layout knows; within the limits nothing is cut (the control)."""
    rows = [row(number, A=f"n{number}", B=1.0) for number in range(1, 8)]
    data = book({"S": sheet(*rows)})
    whole = text_of(tmp_path, "b.xlsx", data)
    monkeypatch.setattr(workbook, "MAX_ROWS", 3)
    cut = text_of(tmp_path, "b.xlsx", data)
    assert ("left out" in whole.text, '"cut":true' in whole.layout) == (False, False)
    assert "[Rows from 4 on are left out: the sheet is too long]" in cut.text
    assert '"cut":true' in cut.layout
    wide = '<row r="1"><c r="A1" t="str"><v>a</v></c><c r="XFD1" t="str"><v>far</v></c></row>'
    text = text_of(tmp_path, "w.xlsx", book({"S": sheet(wide)})).text
    assert "far" not in text
    assert "[Columns from OK on are left out: the sheet is too wide]" in text
    assert grid.MAX_COLUMNS == 400


@pytest.mark.slow
def test_a_million_empty_rows(tmp_path: Path) -> None:
    """They take no text, and what stands behind them is found."""
    rows = "".join(f'<row r="{number}"/>' for number in range(1, 1_000_000))
    data = book({"S": sheet(rows, row(1_000_000, A="end"))})
    assert cells_of(tmp_path, "b.xlsx", data) == {"S!A1000000": "end"}


def test_open_sheets(tmp_path: Path) -> None:
    """Addresses behind repeated rows and cells; values as stated, not as a country writes them."""
    cell = '<table:table-cell office:value-type="{}" {}><text:p>{}</text:p></table:table-cell>'
    gap = '<table:table-cell table:number-columns-repeated="2"/>'
    rows = (
        '<table:table-row table:number-rows-repeated="3"><table:table-cell/></table:table-row>'
        "<table:table-row>"
        + cell.format("string", "", "Sum")
        + gap
        + cell.format("currency", 'office:value="1234.5"', "1\u00a0234,50 ₽")
        + "</table:table-row><table:table-row>"
        + cell.format("date", 'office:date-value="2018-09-20"', "20.09.18")
        + gap
        + cell.format("time", 'office:time-value="PT37H30M00S"', "37:30")
        + cell.format("percentage", 'office:value="0.075"', "7,5%")
        + cell.format("float", 'office:value="-1234567"', "-1.234.567")
        + "</table:table-row>"
        '<table:table-row table:number-rows-repeated="1048570"><table:table-cell/></table:table-row>'
    )
    data = samples.open_document("spreadsheet", f'<table:table table:name="A">{rows}</table:table>')
    assert cells_of(tmp_path, "b.ods", data) == {
        "A!A4": "Sum",
        "A!D4": "1234.50 ₽",
        "A!A5": "2018-09-20",
        "A!D5": "37:30",
        "A!E5": "7.5%",
        "A!F5": "-1234567",
    }


def test_csv_keeps_its_text_and_knows_its_cells(tmp_path: Path) -> None:
    """Quotes, separators and line breaks inside cells; empty lines count as rows."""
    source = 'Имя;Город\n"Анна ""А""";"Ом;ск"\n\nИван;"две\nстроки"\n'
    assert text_of(tmp_path, "t.csv", source.encode()).text == source
    assert cells_of(tmp_path, "t.csv", source.encode()) == {
        "t!A1": "Имя",
        "t!B1": "Город",
        "t!A2": 'Анна ""А""',
        "t!B2": "Ом;ск",
        "t!A4": "Иван",
        "t!B4": "две\nстроки",
    }


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n", ";"),
        ("a\tb\n1\t2\n", "\t"),
        ('a|b\n"x,y,z"|2\n', "|"),
        ("one column\nonly\n", ","),
        ("", ","),
    ],
)
def test_signs_between_cells(text: str, sign: str) -> None:
    """The sign that the lines agree on."""
    assert separator(text) == sign


def test_a_quote_that_never_ends(tmp_path: Path) -> None:
    """The rest of the file is one cell, and it does not take long."""
    source = 'a,b\n"' + "x" * 50_000
    assert cells_of(tmp_path, "t.csv", source.encode())["t!B1"] == "b"
