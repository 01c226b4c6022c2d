"""Files of every kind to text, in this process; the child process has its own tests."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from inhouse.knowledge.edge.parse import ocr, ocr_words, pdf_shown
from inhouse.knowledge.edge.parse.parsed import Means, Parsed, Refused
from inhouse.knowledge.edge.parse.read import read
from tests.knowledge import samples


def text_of(folder: Path, name: str, content: bytes, *, languages: str = "") -> Parsed:
    result = reading(folder, name, content, languages=languages)
    assert isinstance(result, Parsed), result
    return result


def reading(folder: Path, name: str, content: bytes, *, languages: str = "") -> Parsed | Refused:
    path = folder / "content"
    path.write_bytes(content)
    return read(path, name, text_chars=100_000, means=Means(languages))


@pytest.mark.parametrize(("name", "kind"), [("a.md", "markdown"), ("a.txt", "text"), ("a.csv", "table")])
def test_plain_text_is_its_own_text(tmp_path: Path, name: str, kind: str) -> None:
    """Decoded, one kind of newline, nothing else changed."""
    parsed = text_of(tmp_path, name, "Отпуск;28\r\nдней;!\r\n".encode("cp1251"))
    assert (parsed.text, parsed.kind) == ("Отпуск;28\nдней;!\n", kind)


def test_web_page(tmp_path: Path) -> None:
    """The encoding that the page states is used, and its title."""
    page = '<html><head><meta charset="koi8-r"><title>Цены</title></head><body><h1>Столы</h1></body></html>'
    parsed = text_of(tmp_path, "p.html", page.encode("koi8-r"))
    assert (parsed.text, parsed.title) == ("# Столы\n", "Цены")


def test_mail(tmp_path: Path) -> None:
    """Headers that people look for, then the words; the date is the letter's own."""
    parsed = text_of(tmp_path, "m.eml", samples.mail("Отпуск Ивана", "С первого июля.\n"))
    assert parsed.text.startswith("Subject: Отпуск Ивана\nFrom: Anna <anna@example.org>\n")
    assert parsed.text.endswith("\n\nС первого июля.\n")
    assert (parsed.title, parsed.modified_at) == ("Отпуск Ивана", 1671228256.0)


def test_mail_with_bare_bytes_in_its_headers(tmp_path: Path) -> None:
    """Old programs write the subject without saying in which encoding."""
    letter = "Subject: Срочная заявка\r\nFrom: a@b.ru\r\nTo: c@d.ru\r\n\r\nНужен картридж.\r\n"
    parsed = text_of(tmp_path, "m.eml", letter.encode("cp1251"))
    assert parsed.title == "Срочная заявка"
    assert parsed.text.endswith("\n\nНужен картридж.\n")


def test_json_letters_are_letters(tmp_path: Path) -> None:
    """Escapes of letters are undone, those of quotes and of backslashes stay."""
    data = rb'{"a": "\u0448\u043b\u044e\u0437 \ud83d\ude00 \u0022 \\u0448 \ud83d"}'
    assert text_of(tmp_path, "c.json", data).text == r'{"a": "шлюз 😀 \u0022 \\u0448 \ud83d"}'


def test_encrypted_mail_gives_its_headers(tmp_path: Path) -> None:
    """Nothing of the encrypted body."""
    parsed = text_of(tmp_path, "m.eml", samples.mail("Secret", "hQEMA0cipher", encrypted=True))
    assert "Subject: Secret" in parsed.text
    assert "cipher" not in parsed.text


def test_word(tmp_path: Path) -> None:
    """Headings, paragraphs without markdown escapes, and the running header."""
    data = samples.docx("# Rules", "Use a_b * 2 (now)!", header="Confidential")
    parsed = text_of(tmp_path, "d.docx", data)
    assert parsed.text == "Confidential\n\n# Rules\n\nUse a_b * 2 (now)!\n"


def test_workbook(tmp_path: Path) -> None:
    """Sheets are pages with their names as headings."""
    data = samples.xlsx({"Prices": [["Desk", 45900.0]], "Terms": [["Delivery", "3 days"]]})
    parsed = text_of(tmp_path, "x.xlsx", data)
    pages = [parsed.text[page.start : page.end] for page in parsed.pages]
    assert pages[0].startswith("## Prices")
    assert "45900" in pages[0]
    assert pages[1].startswith("## Terms")


def test_dates_are_dates(tmp_path: Path) -> None:
    """A date cell is no serial number and has no midnight."""
    parsed = text_of(tmp_path, "x.xlsx", samples.xlsx({"S": [["when"], [43363.0]]}, dates=True))
    assert "| 2018-09-20 |" in parsed.text


def test_slides_and_notes(tmp_path: Path) -> None:
    """Each slide is a page, its notes stand below its words."""
    parsed = text_of(tmp_path, "s.pptx", samples.pptx(("Plan", "say hello"), ("Budget", "")))
    pages = [(page.page, parsed.text[page.start : page.end]) for page in parsed.pages]
    assert [number for number, _ in pages] == [1, 2]
    assert "Plan" in pages[0][1]
    assert "say hello" in pages[0][1]
    assert "Budget" in pages[1][1]
    assert "say hello" not in pages[1][1]


def test_pdf_pages_headings_and_paragraphs(tmp_path: Path) -> None:
    """Broken lines are joined, large letters are a heading, each page has its span."""
    line = "The annual leave of every employee lasts twenty eight calendar"
    first = f"# Annual leave\n{line}\ndays in a year and is paid.\n \nShort line"
    parsed = text_of(tmp_path, "p.pdf", samples.pdf(first, "Second page"))
    pages = [parsed.text[page.start : page.end] for page in parsed.pages]
    assert pages[0].startswith("# Annual leave\n\n")
    assert f"{line} days in a year" in pages[0]
    assert pages[1] == "Second page"


def test_filled_forms(tmp_path: Path) -> None:
    """What stands in the fields of a form is text of its page, and is found on it."""
    data = samples.pdf("Name of the employee", field="Ivan Petrov")
    parsed = text_of(tmp_path, "f.pdf", data)
    assert parsed.text == "Name of the employee\n\nIvan Petrov"
    assert len(pdf_shown.find_boxes(tmp_path / "content", 1, "Ivan Petrov")) == 1


def test_rtf_in_an_old_encoding(tmp_path: Path) -> None:
    """Escaped cp1251 letters become Russian."""
    words = "".join(f"\\'{byte:02x}" for byte in "Договор поставки".encode("cp1251"))
    parsed = text_of(tmp_path, "r.rtf", rf"{{\rtf1\ansi\ansicpg1251 {words}\par}}".encode())
    assert "Договор поставки" in parsed.text
    plain = rb"{\rtf1\ansi\ansicpg1251 " + "Срок аренды".encode("cp1251") + rb"\par}"
    assert "Срок аренды" in text_of(tmp_path, "plain.rtf", plain).text


def test_rtf_whose_head_names_another_encoding(tmp_path: Path) -> None:
    """The letters decide where a font is Russian; Western letters and those in Unicode stay."""
    words = "".join(f"\\'{byte:02x}" for byte in "Договор № 5 от 1 мая".encode("cp1251"))
    head = r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset204 Arial;}}"
    assert "Договор № 5 от 1 мая" in text_of(tmp_path, "a.rtf", f"{head}{words}\\par}}".encode()).text
    western = rf"{head}caf\'e9, na\'efve, d\'e9j\'e0\par}}".encode()
    assert "café, naïve, déjà" in text_of(tmp_path, "b.rtf", western).text
    wide = r"\u1044\'c4\u1086\'ee 5\~000 \_ a\-b \\~"
    assert "До 5 000 - ab \\~" in text_of(tmp_path, "c.rtf", f"{head}{wide}\\par}}".encode()).text


def test_the_line_that_tells_excel_the_separator(tmp_path: Path) -> None:
    """It is no row of the table: the names of the columns come first."""
    parsed = text_of(tmp_path, "t.csv", b"sep=;\r\nname;price\r\ndesk;28\r\n")
    assert parsed.text == "name;price\ndesk;28\n"
    assert text_of(tmp_path, "u.csv", b"sep;price\r\n").text == "sep;price\n"


def test_the_content_is_believed(tmp_path: Path) -> None:
    """A PDF with another ending is read as PDF."""
    assert text_of(tmp_path, "wrong.docx", samples.pdf("Right words")).text == "Right words"


REFUSED = [
    ("empty.md", b"", "empty_file"),
    ("blank.txt", b" \n \n", "no_text"),
    ("noise.txt", bytes(range(256)) * 8, "binary"),
    ("late-noise.txt", b"words " * 20_000 + b"\x00\x01\x02" * 70_000, "binary"),
    ("program.txt", b"\x7fELF\x02" + b"\x00" * 64, "not_supported"),
    ("things.zip", samples.archive({"a.txt": "x"}), "not_supported"),
    ("locked.xlsx", samples.ole("EncryptionInfo", "EncryptedPackage"), "encrypted"),
    ("locked.pdf", samples.pdf("secret", encrypt=True), "encrypted"),
    ("cut.docx", samples.docx("words" * 100)[:300], "damaged"),
    ("cut.pdf", b"%PDF-1.4\n1 0 obj\n<< /Type", "damaged"),
    ("not-a-zip.odt", b"plain words", "damaged"),
    ("bomb.docx", samples.archive({"word/document.xml": b"\x00" * (101 << 20)}), "bomb"),
    ("scan.png", samples.png(200, 200), "needs_ocr"),
    ("long.txt", b"words " * 20_000, "too_much_text"),
    ("endless.txt", b"words " * 100_000, "too_much_text"),
    ("nothing.pdf", samples.pdf(""), "no_text"),
]


@pytest.mark.parametrize(("name", "content", "code"), REFUSED, ids=[case[0] for case in REFUSED])
def test_reasons(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    """Each bad file has its reason, and the words name the file."""
    result = reading(tmp_path, name, content)
    assert isinstance(result, Refused)
    assert (result.code, name in result.message) == (code, True)


@pytest.mark.parametrize(
    "members",
    [{"word/document.xml": b"\x00" * (101 << 20)}, {f"word/{n}": b"" for n in range(20_001)}],
    ids=["ratio", "parts"],
)
@pytest.mark.slow
def test_archives_that_explode(tmp_path: Path, members: dict[str, bytes]) -> None:
    """The archive's own directory gives a bomb away; nothing is unpacked."""
    content = samples.archive({"word/document.xml": b"", **members})
    result = reading(tmp_path, "bomb.docx", content)
    assert isinstance(result, Refused)
    assert result.code == "bomb"


def test_entities_do_not_explode(tmp_path: Path) -> None:
    """A billion laughs in a Word document ends in a reason or in harmless text."""
    laughs = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
    body = f'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY l0 "ha">{laughs}]><w:p>&l9;</w:p>'
    members = {"[Content_Types].xml": "<Types/>", "word/document.xml": body, "word/header1.xml": body}
    try:
        result = reading(tmp_path, "laughs.docx", samples.archive(dict(members)))
    except SyntaxError:  # what expat raises; the child turns it into a reason
        return
    assert isinstance(result, Refused) or len(result.text) < 10_000


def test_a_giant_picture_is_a_bomb(tmp_path: Path) -> None:
    """The stated size decides before anything is unpacked."""
    content = samples.png(4, 4, claimed=(100_000, 100_000))
    result = reading(tmp_path, "giant.png", content, languages="eng")
    assert isinstance(result, Refused)
    assert result.code == "bomb"


@pytest.mark.slow
def test_a_scanned_page_is_read(tmp_path: Path) -> None:
    """A page without a text layer goes through tesseract; the control without OCR says `needs_ocr`."""
    from inhouse.knowledge.edge.parse.pdf_shown import draw_page

    assert ocr.installed("eng"), "run: apt-get install tesseract-ocr tesseract-ocr-rus"
    plain = tmp_path / "plain.pdf"
    plain.write_bytes(samples.pdf("# Happy New Year 2003 to all of you"))
    picture = draw_page(plain, 1, width_px=1600)
    found = text_of(tmp_path, "scan.png", picture, languages=ocr.usable("rus+eng"))
    assert "Happy New Year 2003" in found.text
    control = reading(tmp_path, "scan.png", picture)
    assert isinstance(control, Refused)
    assert control.code == "needs_ocr"


@pytest.mark.slow
def test_a_picture_that_was_cut_off_is_damaged(tmp_path: Path) -> None:
    """It is not said to hold no text; a whole one without words is (the control)."""
    whole = samples.png(400, 400)
    cut = reading(tmp_path, "cut.png", whole[:60], languages="eng")
    blank = reading(tmp_path, "blank.png", whole, languages="eng")
    assert isinstance(cut, Refused)
    assert isinstance(blank, Refused)
    assert (cut.code, blank.code) == ("damaged", "no_text")


@pytest.mark.slow
def test_a_page_photographed_in_uneven_light_is_read(tmp_path: Path) -> None:
    """The dark side, too; with one threshold for the whole page it is black (the control)."""
    import numpy
    import pypdfium2

    from inhouse.knowledge.edge.parse.pictures import gray

    plain = tmp_path / "plain.pdf"
    plain.write_bytes(samples.pdf("\n".join(["The supplier delivers on Monday and Friday evening"] * 2)))
    document = pypdfium2.PdfDocument(plain)
    pixels = gray(document[0], 3.0)[:600]
    document.close()
    light = numpy.linspace(1.0, 0.2, pixels.shape[1])[None, :]
    dim = (pixels * light).astype(numpy.uint8)
    control = ocr_words._tesseract(ocr_words._picture(dim, 1.0), "eng")
    assert "Friday evening" not in " ".join(word.text for word in control.words)
    found = ocr_words.read_gray(dim, "eng")
    assert "Friday evening" in " ".join(word.text for word in found.words)


def test_results_can_cross_the_pipe(tmp_path: Path) -> None:
    """Every field of a reason is a plain value."""
    result = reading(tmp_path, 'odd "name"\n.md', b"")
    assert isinstance(result, Refused)
    assert all(isinstance(value, str) for value in dataclasses.asdict(result).values())
    assert "\n" not in result.message
