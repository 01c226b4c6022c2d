"""Picture files (scans, photographs, screenshots) to text, page by page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inhouse.kernel.documents import PageSpan
from inhouse.knowledge.edge.parse.ocr_words import installed, run_tesseract, usable
from inhouse.knowledge.edge.parse.parsed import Means, Parsed, Refused, refusal
from inhouse.knowledge.edge.parse.pdf_page import Laid
from inhouse.knowledge.edge.parse.pdf_scan import ScanText, Span, scan_text, scanned
from inhouse.knowledge.edge.parse.pictures import as_pdf, picture_size

__all__ = [
    "REFUSED_PIXELS",
    "installed",
    "laid_picture",
    "picture_document",
    "read_bytes",
    "read_marked",
    "read_picture",
    "usable",
]

REFUSED_PIXELS = 200_000_000
MOST_PAGES = 400
"""Pages of one file (TIFF) that are read, as of scanned PDF files."""
SMALL_PX = 1_800
"""A picture whose longer side is below this is also read enlarged, as screens have 96 dpi and tesseract
wants 300. On office/cfsample.jpg (1280 px) the number 7717586110 is read as 7117586110 without; factors of
1, 1.5, 2, 2.5, 3 were tried, and only the last two gave every expected phrase (bench/office.py)."""
ENLARGED = 3.0


def read_picture(path: Path, name: str, media_type: str, means: Means) -> Parsed | Refused:
    """The text on a picture file; a TIFF file may have several pages."""
    if not means.languages:
        return refusal("needs_ocr", name, media_type=media_type)
    data = path.read_bytes()
    width, height = picture_size(data)
    if width * height > REFUSED_PIXELS:
        return refusal("bomb", name, f"{width:,} x {height:,} pixels", media_type=media_type)
    pages = _pages(data, means)
    if pages is None or not (any(page.text for page in pages) or _is_whole(data)):
        return refusal("damaged", name, "the picture cannot be decoded", media_type=media_type)
    text, spans, doubts = "", [], []
    for number, page in enumerate(pages, 1):
        text += "\n\n" if number > 1 else ""
        spans.append(PageSpan(number, len(text), len(text) + len(page.text)))
        doubts += [(start + len(text), end + len(text)) for start, end in page.doubts]
        text += page.text
    return Parsed(text, "markdown", media_type, tuple(spans), doubts=tuple(doubts))


def _is_whole(data: bytes) -> bool:
    """False when tesseract cannot open the picture at all, as one that was cut off in mid-transfer."""
    return run_tesseract(data, "eng", "--psm", "13").returncode == 0


def read_bytes(data: bytes, languages: str) -> str:
    """The text on an encoded picture (PNG, JPEG, TIFF, …); empty when there is none."""
    return read_marked(data, Means(languages)).text


def read_marked(data: bytes, means: Means) -> ScanText:
    """Like `read_bytes`, with the doubts."""
    pages = _pages(data, means) or []
    text, doubts = "", list[Span]()
    for page in pages:
        if not page.text:
            continue
        text += "\n\n" if text else ""
        doubts += [(start + len(text), end + len(text)) for start, end in page.doubts]
        text += page.text
    return ScanText(text, tuple(doubts))


def picture_document(data: bytes) -> bytes:
    """A PDF with the picture on its pages, so that pdfium can draw it; b"" if it cannot be decoded.

    A JPEG or a plain PNG is wrapped as it is. All others go through tesseract, which writes PDF: one line of
    it is read on the way, as its quickest mode.

    Raises:
        subprocess.TimeoutExpired: if that took too long.
    """
    width, height = picture_size(data)
    if width * height > REFUSED_PIXELS:
        return b""
    wrapped = as_pdf(data, width, height)
    if wrapped or not installed("eng"):
        return wrapped
    written = run_tesseract(data, "eng", "--psm", "13", output="pdf").stdout
    return written if written.startswith(b"%PDF") else b""


def laid_picture(page: Any, means: Means) -> Laid:
    """The lines on a page of `picture_document`, read at the size that the picture has."""
    scale = _pixels_per_point(page)
    longer = max(page.get_size()) * scale
    return scanned(page, means, scale=scale, enlarge=ENLARGED if longer < SMALL_PX else 0.0)


def _pixels_per_point(page: Any) -> float:
    """Of the first picture on the page."""
    from pypdfium2 import raw

    for item in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=2):
        left, _, right, _ = item.get_bounds()
        pixels = item.get_px_size()[0]
        turned = item.get_px_size()[1] if page.get_rotation() % 180 else pixels
        return float(max(pixels, 1) / max(right - left, 1.0)) if turned else 1.0
    return 1.0


def _pages(data: bytes, means: Means) -> list[ScanText] | None:
    """The text of each page; None when the picture cannot be decoded."""
    import pypdfium2 as pdfium

    wrapped = picture_document(data)
    if not wrapped:
        return None
    try:
        document = pdfium.PdfDocument(wrapped)
    except pdfium.PdfiumError:
        return None
    out = []
    try:
        for index in range(min(len(document), MOST_PAGES)):
            page = document[index]
            out.append(scan_text(laid_picture(page, means).lines))
            means.beat()
    finally:
        document.close()
    return out
