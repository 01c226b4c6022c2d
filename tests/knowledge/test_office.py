"""Office files read from their own XML: words, and what stands beside them."""

from __future__ import annotations

from pathlib import Path

from tests.knowledge import samples
from tests.knowledge.test_read import text_of


def test_word_keeps_signs_and_hyphens(tmp_path: Path) -> None:
    """`&`, `<`, tabs and unbreakable hyphens stay; hidden words do not show."""
    words = "R&amp;D &lt; 5 &#8364;</w:t><w:tab/><w:t>2024</w:t><w:noBreakHyphen/><w:t>2025"
    hidden = "</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r><w:r><w:t> end"
    parsed = text_of(tmp_path, "d.docx", samples.docx(words + hidden))
    assert parsed.text.strip() == "R&D < 5 € 2024-2025 end"


def test_percentages_are_percentages(tmp_path: Path) -> None:
    """A share that the workbook shows as a percentage is one here."""
    data = samples.xlsx({"S": [["Rate", 0.075, 0.15, 1.0]]}, dates=True, number_format=10)
    assert "| Rate | 7.50% | 15.00% | 100.00% |" in text_of(tmp_path, "b.xlsx", data).text


def test_percentages_of_open_sheets(tmp_path: Path) -> None:
    """As the sheet shows them."""
    cell = '<table:table-cell office:value-type="percentage" office:value="0.35"><text:p>35%</text:p>'
    row = f"<table:table-row>{cell}</table:table-cell></table:table-row>"
    table = f'<table:table table:name="A">{row}</table:table>'
    assert "35%" in text_of(tmp_path, "b.ods", samples.open_document("spreadsheet", table)).text


def test_sheets_with_signs_in_their_names(tmp_path: Path) -> None:
    """The sheet is found again below its name, behind an empty one."""
    parsed = text_of(tmp_path, "b.xlsx", samples.xlsx({"Empty": [], "R&amp;D #3": [["x"]], "Z": [["y"]]}))
    assert [(span.page, parsed.text[span.start : span.end].split("\n")[0]) for span in parsed.pages] == [
        (2, "## R&D #3"),
        (3, "## Z"),
    ]


def test_open_text_keeps_its_spaces(tmp_path: Path) -> None:
    """A space that is an element is a space."""
    parsed = text_of(tmp_path, "t.odt", samples.open_document("text", "<text:p>five<text:s/>days</text:p>"))
    assert parsed.text.strip() == "five days"


def test_open_slides(tmp_path: Path) -> None:
    """Words, tables and notes by slide."""
    row = "<table:table-row>" + "<table:table-cell><text:p>{}</text:p></table:table-cell>" * 2
    table = "<table:table>" + (row + "</table:table-row>").format("a", "b") + "</table:table>"
    note = "<presentation:notes><text:p>say this</text:p></presentation:notes>"
    body = f"<draw:page><text:p>One<text:s/>two</text:p></draw:page><draw:page>{table}{note}</draw:page>"
    parsed = text_of(tmp_path, "s.odp", samples.open_document("presentation", body))
    assert [parsed.text[span.start : span.end] for span in parsed.pages] == [
        "One two",
        "| a | b |\n| --- | --- |\n\nsay this",
    ]
