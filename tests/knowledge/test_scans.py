"""Scans, photographs and picture files: words, doubts, page pictures and boxes."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inhouse.knowledge.edge.parse import ocr, ocr_words, pdf
from inhouse.knowledge.edge.parse.ocr_upright import has_even_light, is_blank, laid_by, skew_of, straightened
from inhouse.knowledge.edge.parse.parsed import Means, Parsed, ParseLimits, Refused
from inhouse.knowledge.edge.parse.pdf_flow import Line
from inhouse.knowledge.edge.parse.pdf_page import laid_out
from inhouse.knowledge.edge.parse.pdf_scan import scan_text
from inhouse.knowledge.edge.parse.pdf_shown import draw_page, find_boxes
from inhouse.knowledge.edge.parse.pdf_words import Word
from inhouse.knowledge.edge.parse.pictures import MAX_PIXELS, as_pdf, gray, picture_size
from inhouse.knowledge.edge.parse.pool import Parsers
from inhouse.knowledge.edge.parse.read import read
from tests.knowledge import pixels
from tests.knowledge.pdfs import Page
from tests.knowledge.pdfs import pdf as made

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

MEANS = Means("eng")
LETTER = (
    "The supplier delivers the goods on Monday.",
    "The price of each desk is 45900 rubles.",
    "Payment is due within 14 days of the bill.",
)


def letter(*lines: str) -> Page:
    """A short letter in large type."""
    page = Page(width=420, height=300)
    for number, words in enumerate(lines or LETTER):
        page.text(40, 240 - 30 * number, words, size=16)
    return page


def scan(*, dpi: int = 200, turn: int = 0) -> Page:
    """The letter as a picture on a page, turned by the scanner."""
    picture = pixels.laid_back(pixels.drawn(made(letter()), dpi=dpi), turn)
    height, width = picture.shape
    wide, high = (420, 300) if turn in (0, 180) else (300, 420)
    page = Page(width=wide, height=high, picture=(width, height, picture.tobytes()))
    page.show(0, 0, wide, high)
    return page


def parsed(folder: Path, name: str, content: bytes) -> Parsed:
    path = folder / name
    path.write_bytes(content)
    found = read(path, name, text_chars=100_000, means=MEANS)
    assert isinstance(found, Parsed), found
    return found


@pytest.mark.slow
def test_no_page_is_read_more_often_than_it_must_be() -> None:
    """An empty one never, a clear one once, one in uneven light (the control) again; a reading beats."""
    import numpy

    def readings(picture: NDArray[uint8]) -> int:
        beats: list[int] = []
        ocr_words.read_gray(picture, "eng", beat=lambda: beats.append(1))
        return len(beats)

    clear = pixels.drawn(made(letter()))
    light = numpy.linspace(1.0, 0.3, clear.shape[1])[None, :]
    empty = pixels.noisy(numpy.full_like(clear, 250), seed=1, noise=4, blur=1)
    assert (readings(empty), readings(clear)) == (0, 1)
    assert readings((clear * light).astype(numpy.uint8)) > 1


def test_empty_pages_and_those_in_uneven_light() -> None:
    """A single small letter is no empty page, neither is light print on a dark one."""
    import numpy

    paper = numpy.full((600, 400), 255, dtype=numpy.uint8)
    assert is_blank(paper)
    assert is_blank(255 - paper)
    paper[100:112, 50:60] = 0
    assert not is_blank(paper)
    assert not is_blank(255 - paper)
    assert has_even_light(paper)
    assert not has_even_light((paper * numpy.linspace(1.0, 0.5, 400)[None, :]).astype(numpy.uint8))


# ---- without tesseract


def word(text: str, line: int, left: float, *, sure: float = 96.0) -> Word:
    """A word of a scan; lines are 20 points apart."""
    top = 100 + 20 * line
    return Word(text, left, top, left + 6 * len(text), top + 10, line, 10.0, False, 0, sure)


def text_lines(words: list[Word]) -> list[Line]:
    return laid_out(words, None, 595, 842).lines


def test_doubts_are_figures_that_were_not_read_for_sure() -> None:
    """Offsets hold the digits; words without digits and figures read for sure are no doubts."""
    words = [
        word("Fee", 0, 60, sure=20),
        word("77175", 0, 90, sure=60),
        word("and", 0, 140),
        word("12,5", 0, 170),
        word("3O.06", 1, 60, sure=ocr_words.DOUBT_BELOW - 1),
    ]
    found = scan_text(text_lines(words))
    assert found.text == "Fee 77175 and 12,5\n3O.06"
    assert [found.text[start:end] for start, end in found.doubts] == ["77175", "3O.06"]


def test_doubts_in_tables() -> None:
    """A scan in columns becomes rows, and its doubts stand at their cells."""
    rows = [
        ("Part", "Count", "Price"),
        ("A-1", "450", "12.50"),
        ("A-2", "289", "7.25"),
        ("A-3", "1|1", "9.00"),
    ]
    words = [
        word(text, number, 60 + 120 * column, sure=30 if column == 1 else 96)
        for number, row in enumerate(rows)
        for column, text in enumerate(row)
    ]
    found = scan_text(text_lines(words))
    assert found.text.split("\n")[2:4] == ["| A-1 | 450 | 12.50 |", "| A-2 | 289 | 7.25 |"]
    assert [found.text[start:end] for start, end in found.doubts] == ["450", "289", r"1\|1"]


def test_two_readings_that_differ_are_doubts() -> None:
    """Of a figure at the same place; words, and figures that agree, stay as sure as they are."""
    first = [word("7117", 0, 60), word("450", 1, 60), word("Fee", 2, 60)]
    second = [word("7717", 0, 60), word("450", 1, 60), word("Foe", 2, 60)]
    reading = ocr_words._Reading(second, 1_000.0, 90.0)
    assert [one.sure for one in ocr_words._compared(first, [reading])] == [0.0, 96.0, 96.0]


@pytest.mark.parametrize("degrees", [-4, 3])
def test_pages_askew_are_straightened(degrees: int) -> None:
    """The slope is found, undone, and zero after that; a straight page has none (the control)."""
    import math

    straight = pixels.drawn(made(letter()), dpi=100)
    slope = math.tan(math.radians(degrees))
    askew = straightened(straight, -slope)
    assert skew_of(straight) == 0.0
    assert skew_of(askew) == pytest.approx(slope, abs=0.012)
    assert skew_of(straightened(askew, skew_of(askew))) == 0.0


def test_the_way_a_photograph_was_held() -> None:
    """The camera's mark turns the page; without one it lies as its pixels do."""
    mark = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00" + struct.pack("<HHII", 0x112, 3, 1, 6) + b"\x00" * 4
    size = b"\xff\xc0\x00\x0b\x08\x00\x40\x00\x80\x01\x01\x11\x00"
    camera = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(mark) + 2) + mark + size + b"\xff\xd9" + b"\x00" * 9
    plain = b"\xff\xd8" + size + b"\xff\xd9" + b"\x00" * 9
    assert picture_size(camera) == (128, 64)
    assert b"/Rotate 90" in as_pdf(camera, 128, 64)
    assert b"/Rotate 90" not in as_pdf(plain, 128, 64)


def test_pages_of_any_size_are_drawn_within_the_cap(tmp_path: Path) -> None:
    """A page of 5 metres, asked for at 3,000 pixels and read at 300 dpi, stays within the most pixels."""
    import pypdfium2

    page = Page(width=14_400, height=14_400)
    page.text(60, 700, "Words")
    path = tmp_path / "giant.pdf"
    path.write_bytes(made(page))
    document = pypdfium2.PdfDocument(path)
    height, width = gray(document[0], 300 / 72).shape
    document.close()
    assert MAX_PIXELS * 0.9 < height * width <= MAX_PIXELS * 1.01
    drawn = draw_page(path, 1, width_px=3_000)
    assert picture_size(drawn) == (3_000, 3_000)


# ---- with tesseract


@pytest.mark.slow
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_scans_are_read_whichever_way_they_lie(tmp_path: Path, turn: int) -> None:
    """The words, the place of a quote on the page as it is shown, and the figure without a needless doubt."""
    content = made(scan(turn=turn))
    found = parsed(tmp_path, "scan.pdf", content)
    assert "The price of each desk is 45900 rubles." in found.text
    assert [found.text[start:end] for start, end in found.doubts] in ([], ["45900"], ["14"])
    path = tmp_path / "scan.pdf"
    (box,) = find_boxes(path, 1, "price of each desk", means=MEANS)
    picture = pixels.gray_of(draw_page(path, 1, width_px=900))
    upright = laid_by(picture, turn)
    height, width = upright.shape
    dark = [row for row in range(height) if (upright[row] < 128).any()]
    second = min(dark) + 30 * width / 420  # one line below the first
    shown = pixels.turned_share(box, turn)
    assert abs(shown[1] * height - second) < 12
    assert 0.1 < shown[0] < shown[2] < 0.6
    assert find_boxes(path, 1, "price of each desk") == []  # without OCR nothing is known


@pytest.mark.slow
def test_scanned_pages_among_others(tmp_path: Path) -> None:
    """Each page is read in its own way, and doubts count from the beginning of the text."""
    page = Page()
    page.text(60, 700, "This page has words of its own.")
    found = parsed(tmp_path, "mixed.pdf", made(page, scan(dpi=60), page))
    texts = [found.text[one.start : one.end] for one in found.pages]
    assert texts[0] == texts[2] == "This page has words of its own."
    assert "supplier" in texts[1]
    assert all(any(char.isdigit() for char in found.text[start:end]) for start, end in found.doubts)


@pytest.mark.slow
def test_picture_files_have_pages_and_boxes(tmp_path: Path) -> None:
    """A TIFF file of two pages: its text, both page pictures, and a box on the second."""
    first, second = (
        pixels.drawn(made(letter(*lines)), dpi=200) for lines in (LETTER, ("Second page of it",))
    )
    found = parsed(tmp_path, "fax.tif", pixels.tiff(first, second))
    assert [found.text[one.start : one.end] for one in found.pages][1] == "Second page of it"
    path = tmp_path / "fax.tif"
    for number in (1, 2):
        assert (pixels.gray_of(draw_page(path, number, width_px=600)) < 100).sum() > 100
    assert draw_page(path, 3, width_px=600) == b""
    (box,) = find_boxes(path, 2, "Second page", means=MEANS)
    assert box == pytest.approx((40 / 420, 48 / 300, 145 / 420, 64 / 300), abs=0.03)


@pytest.mark.slow
def test_a_real_child_marks_quotes_on_pictures(tmp_path: Path) -> None:
    """Through the pool: a page picture and boxes of a PNG file."""
    path = tmp_path / "letter.png"
    path.write_bytes(pixels.written(pixels.drawn(made(letter()), dpi=200)))
    pool = Parsers(ParseLimits(), workers=1)
    try:
        assert (pool.draw(path, 1, width_px=300) or b"").startswith(b"\x89PNG")
        assert len(pool.boxes(path, 1, "45900 rubles", at=60)) == 1
    finally:
        pool.close()


def test_only_so_many_scans_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond the cap is named in the text, not dropped without a word; no page was read twice."""
    read_pages: list[int] = []

    def scanned(*_: object) -> object:
        read_pages.append(1)
        return laid_out([word("Words of this scanned page", 0, 60)], None, 595, 842)

    monkeypatch.setattr(pdf, "MOST_SCANS", 2)
    monkeypatch.setattr(pdf, "scanned", scanned)
    page = scan(dpi=20)
    found = parsed(tmp_path, "long.pdf", made(page, page, page))
    assert len(read_pages) == 2
    assert found.text.endswith("[Page 3 was not read: more than 2 scanned pages]")


def test_a_page_that_takes_too_long_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone it ends the file with `timed_out`; beside a page with words these are kept."""
    import subprocess

    def slow(*_: object) -> object:
        raise subprocess.TimeoutExpired("tesseract", 100.0)

    monkeypatch.setattr(pdf, "scanned", slow)
    path = tmp_path / "slow.pdf"
    path.write_bytes(made(scan(dpi=20)))
    found = read(path, "slow.pdf", text_chars=1_000, means=MEANS)
    assert isinstance(found, Refused)
    assert found.code == "timed_out"
    words = Page()
    words.text(60, 700, "Words that are there anyway")
    assert parsed(tmp_path, "both.pdf", made(words, scan(dpi=20))).text.startswith("Words that are there")


def test_pictures_without_tesseract(tmp_path: Path) -> None:
    """A plain PNG is drawn without it; nothing is read."""
    path = tmp_path / "letter.png"
    path.write_bytes(pixels.written(pixels.drawn(made(letter()), dpi=50)))
    assert draw_page(path, 1, width_px=100).startswith(b"\x89PNG")
    found = read(path, "letter.png", text_chars=1_000, means=Means())
    assert isinstance(found, Refused)
    assert found.code == "needs_ocr"
    assert ocr.read_bytes(b"not a picture", "") == ""
