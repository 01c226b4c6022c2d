"""PDF with pdfium: text with paragraphs, headings and tables.

Own reading of the text layer, not kreuzberg's: its markdown has no page marks for PDF (4.10.4), so the
page of a quote would be a guess, and it changes letters (`world!` came out as `worldfi`); here a quote is
found again on its page because both come from the same words (`pdf_page`, `pdf_scan`).
"""

from __future__ import annotations

import gc
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inhouse.kernel.documents import PageSpan
from inhouse.knowledge.edge.parse.draft import Draft
from inhouse.knowledge.edge.parse.inner import append
from inhouse.knowledge.edge.parse.parsed import Means, Parsed, Refused, refusal
from inhouse.knowledge.edge.parse.pdf_extras import attached, modified, outline, title
from inhouse.knowledge.edge.parse.pdf_flow import PageLines, assembled
from inhouse.knowledge.edge.parse.pdf_page import Layer, page_at, read_layer
from inhouse.knowledge.edge.parse.pdf_scan import Span, scan_text, scanned
from inhouse.knowledge.edge.parse.pdf_words import letters

__all__ = ["is_picture", "read_pdf"]

MEDIA_TYPE = "application/pdf"
FEW_LETTERS = 16
"""A page with fewer letters and digits than this in its text layer is a picture of a page."""

STAMP_LETTERS = 120
"""A page that one picture covers, with fewer letters than this, is a scan with a stamp of its scanner."""
SCAN_SHARE = 0.8
MOST_SCANS = 400
"""Scanned pages of one file that are read: at 3 to 6 s each, 400 are within the 40 minutes of a file."""


def read_pdf(path: Path, name: str, means: Means) -> Parsed | Refused:
    """The text of a PDF, page by page; pages without a text layer are read by OCR where it is installed."""
    import pypdfium2 as pdfium

    try:
        # An inner file (inner.py) has no name on the disk that pdfium could resolve.
        document = pdfium.PdfDocument(path.read_bytes() if means.depth else path)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            return refusal("encrypted", name, media_type=MEDIA_TYPE)
        return refusal("damaged", name, str(error), media_type=MEDIA_TYPE)
    collecting = gc.isenabled()
    # Thousands of small tuples a page and no cycles among them: looking for some takes a third of the time.
    gc.disable()
    try:
        return _Reading(document, name, means).result()
    finally:
        if collecting:
            gc.enable()
        document.close()


@dataclass(slots=True)
class _Reading:
    """One file on its way to text. A page is `PageLines`, or text already where OCR read it."""

    document: Any  # pdfium's, without types
    name: str
    means: Means
    pages: list[PageLines | str] = field(default_factory=list)
    doubts: dict[int, tuple[Span, ...]] = field(default_factory=dict)
    scans: int = 0
    unread: int = 0
    slow: str = ""
    error: str = ""

    def result(self) -> Parsed | Refused:
        titles = outline(self.document)
        for index in range(len(self.document)):
            self._page(index, titles.get(index, {}))
            self.means.beat()
        text, spans, doubts = self._joined()
        if not text.strip() and self.slow:
            return refusal("timed_out", self.name, self.slow, media_type=MEDIA_TYPE)
        files = attached(self.document)
        if not text.strip() and not files:
            if self.unread:
                return refusal("needs_ocr", self.name, media_type=MEDIA_TYPE)
            if self.error:
                return refusal("damaged", self.name, self.error, media_type=MEDIA_TYPE)
        if files:
            draft = Draft()
            append(draft, files, self.means, title="Attachment")
            words = draft.text().rstrip("\n")
            shift = len(text) + (2 if text and words else 0)
            doubts += [(start + shift, end + shift) for start, end in draft.doubts]
            text += ("\n\n" if text and words else "") + words
        return Parsed(
            text,
            "markdown",
            MEDIA_TYPE,
            spans,
            title(self.document),
            modified(self.document),
            doubts=tuple(doubts),
        )

    def _page(self, index: int, titles: dict[str, int]) -> None:
        import pypdfium2 as pdfium

        try:
            page, notes = page_at(self.document, index)
        except pdfium.PdfiumError as error:
            self.error = str(error)
            self.pages.append("")
            return
        try:
            layer = read_layer(page, notes)
            self.pages.append(layer.laid.page(titles))
            if is_picture(page, layer):
                self._scan(page, layer, index)
        except pdfium.PdfiumError as error:
            self.error = str(error)
            self.pages[index:] = [""]
        finally:
            page.close()

    def _scan(self, page: Any, layer: Layer, index: int) -> None:
        if not self.means.languages:
            self.unread += 1
            return
        self.scans += 1
        if self.scans > MOST_SCANS:
            self.pages[index] = f"[Page {index + 1} was not read: more than {MOST_SCANS} scanned pages]"
            return
        try:
            laid = scanned(page, self.means)
        except subprocess.TimeoutExpired as error:
            self.slow = f"{error.timeout:g} s for one page"
            return
        laid.lines.extend(line for line in layer.laid.lines if line.kind == "note")
        found = scan_text(laid.lines)
        if letters(found.text) > layer.letters:
            self.pages[index] = found.text
            self.doubts[index] = found.doubts

    def _joined(self) -> tuple[str, tuple[PageSpan, ...], list[Span]]:
        spans: list[PageSpan] = []
        doubts: list[Span] = []
        at = 0
        texts = assembled(self.pages)
        for index, text in enumerate(texts):
            at += 2 if index else 0
            spans.append(PageSpan(index + 1, at, at + len(text)))
            doubts += [(start + at, end + at) for start, end in self.doubts.get(index, ())]
            at += len(text)
        return "\n\n".join(texts), tuple(spans), doubts


def is_picture(page: Any, layer: Layer) -> bool:
    """True when OCR is to read the page: nearly no words can be seen, and something is drawn."""
    if layer.letters < FEW_LETTERS:
        return layer.drawn.objects > len(layer.drawn.text_order) or _has_marks(page)
    return layer.letters < STAMP_LETTERS and layer.drawn.picture_share(layer.frame) >= SCAN_SHARE


def _has_marks(page: Any) -> bool:
    """True when there is anything on the page that could be a picture of text."""
    return next(iter(page.get_objects(max_depth=2)), None) is not None
