"""Pages that are pictures: their words by OCR, laid out like those of a text layer, with doubts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from inhouse.knowledge.edge.parse import ocr_words as ocr
from inhouse.knowledge.edge.parse.parsed import Means
from inhouse.knowledge.edge.parse.pdf_flow import Line
from inhouse.knowledge.edge.parse.pdf_hyphens import keeps_hyphen
from inhouse.knowledge.edge.parse.pdf_page import Laid, laid_out
from inhouse.knowledge.edge.parse.pdf_words import SOFT, Word
from inhouse.knowledge.edge.parse.pictures import gray

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

__all__ = ["OCR_DPI", "ScanText", "scan_text", "scanned"]

OCR_DPI = 300

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ScanText:
    """The text of a scanned page and its doubts, as offsets into it."""

    text: str
    doubts: tuple[Span, ...]


def scanned(page: Any, means: Means, *, scale: float = OCR_DPI / 72, enlarge: float = 0.0) -> Laid:
    """The lines of a pdfium page that is a picture, places in points.

    `scale` is in pixels a point; with `enlarge` the page is also read that many times larger.

    Raises:
        subprocess.TimeoutExpired: if tesseract took too long for it.
    """
    pixels = gray(page, scale)
    larger: Callable[[], NDArray[uint8]] | None = None
    if enlarge:
        larger = lambda: gray(page, scale * enlarge)  # noqa: E731  a closure over the page
    scan = ocr.read_gray(pixels, means.languages, enlarged=larger, beat=means.beat)
    drawn = max(page.get_size()[0], 1.0) / pixels.shape[1]
    words = [_in_points(word, drawn) for word in _whole(scan.words)]
    laid = laid_out(words, None, scan.width * drawn, scan.height * drawn)
    return replace(laid, turn=scan.turn, slope=scan.slope)


def _in_points(word: Word, scale: float) -> Word:
    return word._replace(
        left=word.left * scale,
        top=word.top * scale,
        right=word.right * scale,
        bottom=word.bottom * scale,
        size=word.size * scale,
    )


def _whole(words: list[Word]) -> list[Word]:
    """Words that were broken at the end of a line, marked so that they become one."""
    out = list(words)
    for index in range(len(out) - 1):
        word, after = out[index], out[index + 1]
        if after.line != word.line + 1 or len(word.text) < 3 or word.text[-1] not in "-‐¬":
            continue
        if word.text[-2].isalpha() and after.text[0].islower():
            kept = keeps_hyphen(word.text[:-1].rsplit("-", 1)[-1], after.text)
            out[index] = word._replace(text=word.text if kept else word.text[:-1] + SOFT[0])
    return out


def scan_text(lines: list[Line]) -> ScanText:
    """Lines under each other as on the page, paragraphs apart, tables as pipe rows."""
    writer = _Writer()
    previous: Line | None = None
    for line in lines:
        if line.kind in ("head", "row"):
            writer.put("\n\n" if previous and line.kind == "head" else "\n" if previous else "")
            writer.row(line)
        elif line.kind == "note" or not line.words:
            writer.put(("\n\n" if previous else "") + line.text)
        else:
            if previous and previous.kind == "text" and previous.words:
                broken = previous.words[-1].text.endswith(SOFT[0])
                near = line.words[0].line - previous.words[-1].line <= 1
                writer.put("" if broken else "\n" if near else "\n\n")
            elif previous:
                writer.put("\n\n")
            writer.words(line.words)
        previous = line
    return ScanText("".join(writer.parts), tuple(writer.doubts))


class _Writer:
    """Text in the making that knows where it stands."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.doubts: list[Span] = []
        self._at = 0

    def put(self, text: str) -> None:
        """Add what was not read."""
        self.parts.append(text)
        self._at += len(text)

    def words(self, words: tuple[Word, ...]) -> None:
        """Add words with spaces between them."""
        for index, word in enumerate(words):
            if index and not words[index - 1].text.endswith(SOFT[0]):
                self.put(" ")
            self._word(word, word.text.rstrip(SOFT))

    def row(self, line: Line) -> None:
        """Add a row of a table: its text is made of its words, with bars between."""
        at = self._at
        text = line.text.replace(SOFT[0], "")
        self.put(text)
        seek = 0
        for word in line.words:
            shown = word.text.rstrip(SOFT).replace("|", "\\|")
            found = text.find(shown, seek)
            if found >= 0:
                seek = found + len(shown)
                self._doubt(word, at + found, at + seek)
        if line.kind == "head":
            self.put("\n|" + " --- |" * (text.replace("\\|", "").count("|") - 1))

    def _word(self, word: Word, text: str) -> None:
        start = self._at
        self.put(text)
        self._doubt(word, start, self._at)

    def _doubt(self, word: Word, start: int, end: int) -> None:
        if word.sure < ocr.DOUBT_BELOW and any(char.isdigit() for char in word.text):
            self.doubts.append((start, end))
