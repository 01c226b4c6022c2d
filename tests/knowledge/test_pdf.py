"""PDF files to text: tables, order, what is hidden, what is attached, and where quotes stand."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from inhouse.knowledge.edge.parse.parsed import Means, Parsed, Refused
from inhouse.knowledge.edge.parse.pdf import is_picture
from inhouse.knowledge.edge.parse.pdf_page import page_at, read_layer
from inhouse.knowledge.edge.parse.pdf_shown import draw_page, find_boxes
from inhouse.knowledge.edge.parse.read import read
from tests.knowledge.pdfs import Page, escaped, pdf

STOCK = [
    ("Part", "Place", "Count", "Price"),
    ("SKU-1001", "A-12", "450", "12.50"),
    ("SKU-1002", "", "289", "7.25"),
    ("SKU-1003", "C-15", "", "99.00"),
    ("SKU-1004", "D-22", "156", "3.10"),
]
ROWS = [
    "| Part | Place | Count | Price |",
    "| --- | --- | --- | --- |",
    "| SKU-1001 | A-12 | 450 | 12.50 |",
    "| SKU-1002 |  | 289 | 7.25 |",
    "| SKU-1003 | C-15 |  | 99.00 |",
    "| SKU-1004 | D-22 | 156 | 3.10 |",
]
PROSE = (
    "The supplier delivers the goods within ten days of the order and bears the risk until they are"
    " handed over at the place that the contract names, unless both sides agree on another one. "
)


def parsed(folder: Path, content: bytes) -> Parsed:
    found = reading(folder, content)
    assert isinstance(found, Parsed), found
    return found


def reading(folder: Path, content: bytes) -> Parsed | Refused:
    path = folder / "content.pdf"
    path.write_bytes(content)
    return read(path, "content.pdf", text_chars=1_000_000, means=Means())


def place(page: Page, *, by_column: bool = False, top: float = 700) -> None:
    """The table `STOCK` without lines, row by row or column by column."""
    cells = [(row, column) for row in range(len(STOCK)) for column in range(4)]
    for row, column in sorted(cells, key=lambda at: at[::-1]) if by_column else cells:
        if STOCK[row][column]:
            page.text(60 + 110 * column, top - 18 * row, STOCK[row][column])


def rule(page: Page, *, top: float = 715) -> None:
    """Lines around the cells of `place`."""
    for row in range(len(STOCK) + 1):
        page.line(55, top - 18 * row, 495, top - 18 * row)
    for column in range(5):
        page.line(55 + 110 * column, top, 55 + 110 * column, top - 18 * len(STOCK))


def write(page: Page, text: str, *, x: float = 60, y: float = 700, letters: int = 40) -> None:
    """Prose in lines of about so many letters."""
    line = ""
    for word in [*text.split(), ""]:
        if not word or len(line) + len(word) > letters:
            page.text(x, y, line)
            line, y = "", y - 14
        line = f"{line} {word}".strip()


@pytest.mark.parametrize("by_column", [False, True], ids=["rows", "columns"])
@pytest.mark.parametrize("ruled", [False, True], ids=["aligned", "ruled"])
def test_tables_are_rows(tmp_path: Path, by_column: bool, ruled: bool) -> None:
    """With lines and without, in whatever order the file draws the cells; words around it stay outside."""
    page = Page()
    page.text(60, 760, "Stock of the year")
    place(page, by_column=by_column)
    if ruled:
        rule(page)
    page.text(60, 560, "Counted in December.")
    text = parsed(tmp_path, pdf(page)).text
    assert text == "\n".join(["Stock of the year", "", *ROWS, "", "Counted in December."])


def test_a_table_on_a_turned_page(tmp_path: Path) -> None:
    """A page that is shown turned, and one whose text runs upwards, give the same rows."""
    turned = Page(rotate=90)
    place(turned)
    upwards = Page()
    for row, cells in enumerate(STOCK):
        for column, words in enumerate(cells):
            x, y = 100 + 18 * row, 60 + 110 * column
            upwards.raw(f"BT /F 11 Tf 0 1 -1 0 {x} {y} Tm ({words}) Tj ET")
    text = parsed(tmp_path, pdf(turned, upwards)).text
    assert text == "\n".join([*ROWS, "", *ROWS])


@pytest.mark.parametrize("columns", [2, 3])
def test_columns_of_prose_are_no_table(tmp_path: Path, columns: int) -> None:
    """Neither drawn column by column nor line by line; the control is the same page with short cells."""
    page = Page()
    for column in range(columns):
        write(page, PROSE * 3, x=40 + 540 / columns * column, letters=80 // columns)
    text = parsed(tmp_path, pdf(page)).text
    assert "|" not in text
    control = Page()
    place(control)
    assert "|" in parsed(tmp_path, pdf(control)).text


def set_to_width(lines: Sequence[str], width: float, size: float = 10) -> Page:
    """Lines whose spaces are widened; of letters that Helvetica draws 0.556 wide (`abdeghnopqu`)."""
    page = Page()
    for number, line in enumerate(lines):
        spaces = line.count(" ")
        room = width - 0.556 * size * (len(line) - spaces) - 0.278 * size * spaces
        page.raw(f"BT /F {size} Tf {room / spaces:.4f} Tw 50 {700 - 13 * number} Td ({escaped(line)}) Tj ET")
    return page


def test_widened_spaces_are_no_columns(tmp_path: Path) -> None:
    """A narrow column set to its width is one paragraph, however wide its spaces are."""
    lines = ["nodogangboden han dagenden", "un hondenpand an bedogen", "pandebog on gepande beande"]
    lines += ["hondeband ondebogen un", "banden hondenpandebogen", "gebanden ob naden"]
    text = parsed(tmp_path, pdf(set_to_width(lines, 190))).text
    assert text.strip() == " ".join(lines)
    table = Page()
    for number, row in enumerate((("een", "unos", "duo"), ("100", "200", "300"), ("40", "50", "60"))):
        for place, cell in enumerate(row):
            table.text(50 + 60 * place, 700 - 13 * number, cell, size=10)
    assert "| 100 | 200 | 300 |" in parsed(tmp_path, pdf(table)).text


def test_letters_without_names_are_read_from_the_picture(tmp_path: Path) -> None:
    """A page whose font does not say what its letters are counts as a picture; a named one does not."""
    import pypdfium2

    def is_read_by_ocr(letters: dict[str, str]) -> bool:
        page = Page()
        page.raw(f"BT /C 12 Tf 50 700 Td ({'abcde' * 12}) Tj ET")
        page.text(50, 650, "7701234567 and 1542 of 2025: 3500 and 4201")
        document = pypdfium2.PdfDocument(pdf(page, letters=letters))
        try:
            shown, notes = page_at(document, 0)
            return is_picture(shown, read_layer(shown, notes))
        finally:
            document.close()

    assert is_read_by_ocr({code: chr(0xE000 + number) for number, code in enumerate("abcde")})
    assert not is_read_by_ocr(dict(zip("abcde", "абвгд", strict=True)))


def test_lists_and_contents_are_no_tables(tmp_path: Path) -> None:
    """Numbers before words, and names with dots before the number of a page."""
    page = Page()
    for number in range(1, 6):
        page.text(60, 700 - 16 * number, f"{number}.")
        page.text(90, 700 - 16 * number, f"Read the part {number} of the rules")
        page.text(60, 500 - 16 * number, f"Chapter {number} " + "." * 40)
        page.text(420, 500 - 16 * number, f"{number * 7}")
    assert "|" not in parsed(tmp_path, pdf(page)).text


def test_wrapped_cells_and_years_as_names(tmp_path: Path) -> None:
    """A cell of two lines is one cell; figures in brackets and right-aligned ones are figures."""
    orders = Page()
    rows = [
        ("Pos", "Description", "Price"),
        ("1", "Oak desk with drawers", "450.00"),
        ("", "and a cable channel", ""),
        ("2", "Lamp", "35.50"),
        ("3", "Office chair", "120.00"),
    ]
    years = [("RUB million", "2023", "2022"), ("Revenue", "1,250", "1,100"), ("Cost", "(830)", "(79)")]
    for number, row in enumerate(rows):
        for x, words in zip((60, 100, 420), row, strict=True):
            orders.text(x, 700 - 14 * number, words)
    for number, row in enumerate([*years, ("Profit", "420", "310")]):
        for x, words in zip((60, 300, 400), row, strict=True):
            orders.text(x - 5.5 * len(words) if x > 60 else x, 500 - 14 * number, words)
    lines = parsed(tmp_path, pdf(orders)).text.split("\n")
    assert "| 1 | Oak desk with drawers and a cable channel | 450.00 |" in lines
    assert "| RUB million | 2023 | 2022 |" in lines
    assert "| Cost | (830) | (79) |" in lines


def test_names_and_values_stay_lines(tmp_path: Path) -> None:
    """Two columns without a head are no table, and no sentence that runs on either."""
    page = Page()
    pairs = [("Name", "Ivan Petrov"), ("Department", "Purchasing of all boards and fittings"), ("Grade", "7")]
    for number, (name, value) in enumerate(pairs):
        page.text(60, 700 - 15 * number, name)
        page.text(220, 700 - 15 * number, value)
    assert parsed(tmp_path, pdf(page)).text.split("\n") == [f"{name} {value}" for name, value in pairs]


def test_heavy_letters_name_columns_and_sections(tmp_path: Path) -> None:
    """A row of heavy letters is the head of a table of words, a heavy line above plain ones a heading."""
    page = Page()
    page.text(60, 760, "Who does what", bold=True)
    write(page, PROSE, y=744, letters=80)
    rows = [("Role", "Person", "Place"), ("Chair", "Anna", "Berlin"), ("Clerk", "Boris", "Moscow")]
    for number, row in enumerate([*rows, ("Guard", "Clara", "Minsk")]):
        for column, words in enumerate(row):
            page.text(60 + 140 * column, 600 - 16 * number, words, bold=not number)
    text = parsed(tmp_path, pdf(page)).text
    assert text.startswith("### Who does what\n\nThe supplier")
    assert "| Role | Person | Place |\n| --- | --- | --- |\n| Chair | Anna | Berlin |" in text


def test_a_frame_around_prose_is_no_table(tmp_path: Path) -> None:
    """A box with one column of words stays words."""
    page = Page()
    write(page, PROSE * 2, letters=70)
    for y in (720, 600):
        page.line(50, y, 540, y)
    for x in (50, 540):
        page.line(x, 720, x, 600)
    assert "|" not in parsed(tmp_path, pdf(page)).text


def test_cells_over_several_columns_and_with_bars(tmp_path: Path) -> None:
    """A cell without a line inside stands at the first of its places; a bar in a cell does not end it."""
    page = Page()
    for y in (700, 680, 660, 640):
        page.line(50, y, 350, y)
    for x in (50, 350):
        page.line(x, 700, x, 640)
    for x in (150, 250):
        page.line(x, 680, x, 640)
    page.text(60, 685, "Prices of both halves")
    for column, words in enumerate(("Desk", "10|20", "30")):
        page.text(60 + 100 * column, 665, words)
        page.text(60 + 100 * column, 645, words)
    lines = parsed(tmp_path, pdf(page)).text.split("\n")
    assert lines[0] == "| Prices of both halves |  |  |"
    assert lines[2] == r"| Desk | 10\|20 | 30 |"


def test_a_quoted_row_is_found(tmp_path: Path) -> None:
    """With its bars, in a table that was drawn column by column: one box for each cell, all in one row."""
    page = Page()
    place(page, by_column=True)
    text = parsed(tmp_path, pdf(page)).text
    row = next(line for line in text.split("\n") if "1004" in line)
    boxes = find_boxes(tmp_path / "content.pdf", 1, row)
    assert len(boxes) == 4
    assert all(abs(box[1] - boxes[0][1]) < 0.01 for box in boxes)
    assert [round(box[0] * 595) for box in boxes] == pytest.approx([61, 171, 281, 391], abs=3)
    rows = "\n".join(text.split("\n")[2:4])
    assert len(find_boxes(tmp_path / "content.pdf", 1, rows)) == 7


def test_the_right_one_of_equal_quotes_is_marked(tmp_path: Path) -> None:
    """`at` says which of two equal lines is meant."""
    page = Page()
    for y in (700, 600, 500):
        page.text(60, y, "The fee is 40 euros.")
    content = pdf(page)
    text = parsed(tmp_path, content).text
    tops = [
        find_boxes(tmp_path / "content.pdf", 1, "fee is 40", at=sum(map(str.isalnum, text[:at])))[0][1]
        for at in (text.index("fee"), text.rindex("fee"))
    ]
    assert tops == pytest.approx([(842 - 708) / 842, (842 - 508) / 842], abs=0.01)


def test_boxes_on_turned_pages(tmp_path: Path) -> None:
    """The box holds the dark pixels of the words, however the page is turned."""
    from tests.knowledge.pixels import gray_of

    for rotate in (0, 90, 180, 270):
        page = Page(rotate=rotate)
        page.text(60, 700, "Only these words")
        path = tmp_path / "turned.pdf"
        path.write_bytes(pdf(page))
        (box,) = find_boxes(path, 1, "Only these words")
        pixels = gray_of(draw_page(path, 1, width_px=800))
        height, width = pixels.shape
        left, top = int(box[0] * width) - 2, int(box[1] * height) - 2
        inside = pixels[top : int(box[3] * height) + 3, left : int(box[2] * width) + 3]
        assert (inside < 128).sum() == (pixels < 128).sum() > 50


# ---- what a person does not see


def test_hidden_words_are_left_out(tmp_path: Path) -> None:
    """White on white, invisible, tiny, off the page, under a box; what can be seen stays (the control)."""
    page = Page()
    page.text(60, 780, "Plain words")
    page.raw("1 g BT /F 11 Tf 60 740 Td (white secret) Tj ET 0 g")
    page.raw("BT 3 Tr /F 11 Tf 60 700 Td (invisible secret) Tj 0 Tr ET")
    page.text(60, 660, "tiny secret", size=0.8)
    page.text(700, 640, "outside secret")
    page.text(60, 600, "covered secret")
    page.box(50, 590, 300, 30, 1)
    page.box(50, 540, 300, 30, 0.1)
    page.raw("1 g BT /F 11 Tf 60 550 Td (White on black) Tj ET 0 g")
    page.raw("0.97 g BT /F 11 Tf 60 500 Td (nearly white secret) Tj ET 0 g")
    page.raw("0.7 g BT /F 11 Tf 60 460 Td (Gray words) Tj ET 0 g")
    text = parsed(tmp_path, pdf(page)).text
    assert "secret" not in text
    assert text.split("\n\n") == ["Plain words", "White on black", "Gray words"]


def test_the_layer_of_a_scanner_is_used(tmp_path: Path) -> None:
    """Invisible words over a picture of the page are its text; without the picture they are hidden."""
    words = "BT 3 Tr /F 11 Tf 60 700 Td (These are the words of the scanned letter) Tj ET"
    scan = Page(picture=(60, 84, bytes([200, 255]) * 2_520))
    scan.show(0, 0, 595, 842)
    scan.raw(words)
    bare = Page()
    bare.raw(words)
    assert parsed(tmp_path, pdf(scan)).text == "These are the words of the scanned letter"
    found = reading(tmp_path, pdf(bare))
    assert isinstance(found, Refused)
    assert found.code in ("no_text", "needs_ocr")


# ---- letters and lines


def test_right_to_left(tmp_path: Path) -> None:
    """Hebrew that is drawn from its last letter to its first is read from the first."""
    page = Page()
    page.raw("BT /C 12 Tf 60 700 Td (dcba gfe) Tj ET")
    letters = dict(zip("abcdefg", "שלוםעלי", strict=True))
    content = pdf(page, letters=letters)
    assert parsed(tmp_path, content).text == "עלי שלום"
    assert len(find_boxes(tmp_path / "content.pdf", 1, "שלום")) == 1


def test_ligatures_and_forms_of_letters(tmp_path: Path) -> None:
    """`ﬁ` is `fi`, forms of Arabic letters are the letters; nothing of no width stays."""
    page = Page()
    page.raw("BT /C 12 Tf 60 700 Td (abc) Tj ET")
    assert parsed(tmp_path, pdf(page, letters={"a": "\ufb01", "b": "\u200b", "c": "n"})).text == "fin"


def test_broken_words_are_joined(tmp_path: Path) -> None:
    """The hyphen at a line's end goes, unless the document spells the word with it."""
    page = Page()
    lines = [
        "The well-known rules of this house are valid for every em-",
        "ployee and for guests. They are written in a well-",
        "known book that is on the table of the main of-",
        "fice on the second floor of the main building here.",
    ]
    for number, line in enumerate(lines):
        page.text(60, 700 - 14 * number, line)
    text = parsed(tmp_path, pdf(page)).text
    assert "every employee and" in text
    assert "in a well-known book" in text
    assert "main office on" in text


def test_running_heads_are_kept_once(tmp_path: Path) -> None:
    """Heads and feet of all pages stand on the first one, also when a number in them changes."""
    pages = []
    for number in range(1, 6):
        page = Page()
        page.text(60, 810, "Rules of the house, 2026")
        page.text(60, 600, f"What part {'abcde'[number - 1]} says.")
        page.text(280, 30, f"Page {number} of 5")
        pages.append(page)
    found = parsed(tmp_path, pdf(*pages))
    assert found.text.count("Rules of the house") == 1
    assert found.text.count("of 5") == 1
    assert [found.text[one.start : one.end] for one in found.pages[1:]] == [
        f"What part {letter} says." for letter in "bcde"
    ]


def test_the_outline_names_headings(tmp_path: Path) -> None:
    """A line that the outline names is a heading of its level, though its letters are as small as all."""
    page = Page()
    page.text(60, 760, "Terms of delivery")
    write(page, PROSE, letters=70)
    assert parsed(tmp_path, pdf(page, titles=[("Terms of delivery", 0)])).text.startswith("# Terms of")
    assert parsed(tmp_path, pdf(page)).text.startswith("Terms of")


# ---- beside the pages


def test_notes_are_marked(tmp_path: Path) -> None:
    """What was noted on a page stands below its words, as a comment, and has a box."""
    page = Page()
    page.text(60, 700, "The price is 40 euros.")
    page.note("Text", "Ask Anna (legal) first")
    content = pdf(page)
    assert parsed(tmp_path, content).text == "The price is 40 euros.\n\nComment: Ask Anna (legal) first"
    assert len(find_boxes(tmp_path / "content.pdf", 1, "Ask Anna (legal)")) == 1


def test_values_of_fields_without_a_look(tmp_path: Path) -> None:
    """A field that no program has drawn yet says its name and its value."""
    page = Page()
    page.text(60, 700, "Application")
    page.note("Widget", "", "/FT /Tx /T (surname) /V (Petrova)")
    assert parsed(tmp_path, pdf(page)).text == "Application\n\nsurname: Petrova"


def test_attached_files_are_read(tmp_path: Path) -> None:
    """Below the pages, each under its name; one in another one, too, and none of what cannot be read."""
    inner = Page()
    inner.text(60, 700, "Words of the inner file")
    page = Page()
    page.text(60, 700, "See the files.")
    files = {"terms.pdf": pdf(inner), "note.txt": b"Call back on Monday.", "x.bin": bytes(range(256)) * 9}
    found = parsed(tmp_path, pdf(page, files=files))
    assert found.text == (
        "See the files.\n\n## Attachment: terms.pdf\n\nWords of the inner file"
        "\n\n## Attachment: note.txt\n\nCall back on Monday."
    )
    assert found.text[found.pages[-1].start : found.pages[-1].end] == "See the files."


# ---- bad files


def test_scripts_are_not_run_and_not_read(tmp_path: Path) -> None:
    """An action of the file neither happens nor is its text."""
    page = Page()
    page.text(60, 700, "Words")
    catalog = "/OpenAction << /S /JavaScript /JS (app.alert\\('now'\\)) >>"
    assert parsed(tmp_path, pdf(page, catalog=catalog)).text == "Words"


def test_damaged_files_give_reasons(tmp_path: Path) -> None:
    """Cut off and changed at random: text or a reason, no other end; 300 files from a fixed seed."""
    page = Page()
    place(page)
    rule(page)
    page.note("Text", "noted")
    whole = pdf(page, files={"a.txt": b"attached"}, titles=[("Part", 0)])
    chance = random.Random(7)
    codes = set()
    for number in range(300):
        data = bytearray(whole)
        if number % 3 == 0:
            del data[chance.randrange(len(data)) :]
        for _ in range(chance.randrange(1, 30) if data else 0):
            data[chance.randrange(len(data))] = chance.randrange(256)
        found = reading(tmp_path, bytes(data))
        codes.add(found.code if isinstance(found, Refused) else "text")
    assert {"text", "damaged"} <= codes <= {
        "text", "damaged", "no_text", "needs_ocr", "encrypted", "empty_file", "binary", "not_supported"
    }  # fmt: skip
