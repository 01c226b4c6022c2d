"""Pages as they look, of PDF and picture files, and where a quote stands on them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inhouse.knowledge.edge.parse.ocr import laid_picture, picture_document
from inhouse.knowledge.edge.parse.parsed import Means
from inhouse.knowledge.edge.parse.pdf import is_picture
from inhouse.knowledge.edge.parse.pdf_boxes import quote_boxes
from inhouse.knowledge.edge.parse.pdf_page import Laid, page_at, read_layer
from inhouse.knowledge.edge.parse.pdf_scan import scan_text, scanned
from inhouse.knowledge.edge.parse.pdf_words import Box, letters, turned_box
from inhouse.knowledge.edge.parse.pictures import MAX_PIXELS, png

__all__ = ["Boxes", "draw_page", "find_boxes"]

Boxes = list[Box]
_Key = tuple[str, int, int, int, str]
"""Path, time and size of the file, number of the page, languages of OCR."""
_NO_OCR = Means()
_SEEN: OrderedDict[_Key, Laid] = OrderedDict()
_MOST_SEEN = 8
"""Pages whose words are remembered, as several quotes of one page are marked one after another. In the
child's memory only; who may not read the document does not come this far."""


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, bool]]:
    """A pdfium document, closed at the end, None if there is none; and whether it is a picture file."""
    import pypdfium2 as pdfium

    with path.open("rb") as stream:
        is_pdf = b"%PDF" in stream.read(1_024)
    source: Path | bytes = path if is_pdf else picture_document(path.read_bytes())
    if not source:
        yield None, True
        return
    try:
        document = pdfium.PdfDocument(source)
    except pdfium.PdfiumError:
        yield None, not is_pdf
        return
    try:
        yield document, not is_pdf
    finally:
        document.close()


def draw_page(path: Path, page_number: int, *, width_px: int) -> bytes:
    """A page (counted from 1) as PNG, `width_px` wide but never more than `MAX_PIXELS` in all.

    b"" if there is no such page or it cannot be drawn.
    """
    import pypdfium2 as pdfium

    with _opened(path) as (document, _):
        if document is None or not 1 <= page_number <= len(document):
            return b""
        try:
            page, _ = page_at(document, page_number - 1)
            width, height = page.get_size()
            scale = min(width_px / max(width, 1), (MAX_PIXELS / max(width * height, 1)) ** 0.5)
            pixels = page.render(scale=scale, rev_byteorder=True).to_numpy()
            return png(pixels[:, :, :3])
        except pdfium.PdfiumError:
            return b""


def find_boxes(path: Path, page_number: int, quote: str, *, at: int = 0, means: Means = _NO_OCR) -> Boxes:
    """Where `quote` stands on the page, one box per line, as shares (left, top, right, bottom).

    `at` is how many letters and digits of the page come before it. Pages that are pictures are read by OCR
    once more; the last ones are remembered. Empty when the page does not hold the quote.

    Raises:
        subprocess.TimeoutExpired: if OCR took too long.
    """
    import pypdfium2 as pdfium

    stat = path.stat()
    key = (str(path), stat.st_mtime_ns, stat.st_size, page_number, means.languages)
    laid = _SEEN.get(key)
    if laid is None:
        with _opened(path) as (document, is_plain):
            if document is None or not 1 <= page_number <= len(document):
                return []
            try:
                laid = _laid(document, page_number - 1, means, is_plain)
            except pdfium.PdfiumError:
                return []
        _remember(key, laid)
    return _on_page(laid, quote, at)


def _remember(key: _Key, laid: Laid) -> None:
    _SEEN[key] = laid
    while len(_SEEN) > _MOST_SEEN:
        _SEEN.popitem(last=False)


def _laid(document: Any, index: int, means: Means, is_plain: bool) -> Laid:
    if is_plain:
        return laid_picture(document[index], means)
    page, notes = page_at(document, index)
    layer = read_layer(page, notes)
    if means.languages and is_picture(page, layer):
        found = scanned(page, means)
        if letters(scan_text(found.lines).text) > layer.letters:
            found.lines.extend(line for line in layer.laid.lines if line.kind == "note")
            return found
    return layer.laid


def _on_page(laid: Laid, quote: str, at: int) -> Boxes:
    """Boxes of the quote as shares of the page as it is shown."""
    wide, high = (laid.height, laid.width) if laid.turn in (90, 270) else (laid.width, laid.height)
    out: Boxes = []
    for left, top, right, bottom in quote_boxes(laid.lines, quote, at=at):
        fall = laid.slope * (left + right) / 2
        box = (left, top + fall, right, bottom + fall)
        shown = turned_box(box, (360 - laid.turn) % 360, laid.width, laid.height)
        shares = (shown[0] / wide, shown[1] / high, shown[2] / wide, shown[3] / high)
        one, two, three, four = (min(max(value, 0.0), 1.0) for value in shares)
        out.append((one, two, three, four))
    return out
