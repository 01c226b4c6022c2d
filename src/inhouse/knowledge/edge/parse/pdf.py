"""PDF with pdfium: text with paragraphs and headings, page pictures, and where a quote stands.

Own reading of the text layer, not kreuzberg's: its markdown has no page marks for PDF (4.10.4), so the
page of a quote would be a guess, and it changes letters (`world!` came out as `worldfi`); here a quote is
found again on its page because both come from the same text layer.
"""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from inhouse.kernel.documents import PageSpan
from inhouse.knowledge.edge.parse import ocr
from inhouse.knowledge.edge.parse.parsed import Means, Parsed, Refused, refusal
from inhouse.knowledge.edge.parse.pictures import MAX_PIXELS, gray, png

__all__ = ["Boxes", "draw_page", "find_boxes", "read_pdf"]

MEDIA_TYPE = "application/pdf"
OCR_DPI = 300
FEW_LETTERS = 16
"""A page with fewer letters and digits than this in its text layer is a picture of a page."""

STAMP_LETTERS = 120
"""A page that one picture covers, with fewer letters than this, is a scan with a stamp of its scanner."""
SCAN_SHARE = 0.8

Box = tuple[float, float, float, float]
Boxes = list[Box]
_BULLET = re.compile(r"[•▪◦●■–—*-]\s|\(?\d{1,3}[.)]\s|\(?[a-zа-я][.)]\s")
_PDF_DATE = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:([+-])(\d\d)'?(\d\d)?)?")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the text layer. `top` and `bottom` are points from the bottom of the page."""

    text: str
    size: float
    bold: bool
    top: float
    bottom: float


def read_pdf(path: Path, name: str, means: Means) -> Parsed | Refused:
    """The text of a PDF, page by page; pages without a text layer are read by OCR where it is installed."""
    import pypdfium2 as pdfium

    try:
        # An inner file has no name on the disk that pdfium could resolve (inner.read_inner).
        document = pdfium.PdfDocument(path.read_bytes() if means.depth else path)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            return refusal("encrypted", name, media_type=MEDIA_TYPE)
        return refusal("damaged", name, str(error), media_type=MEDIA_TYPE)
    try:
        return _read(document, name, means)
    finally:
        document.close()


def _read(document: Any, name: str, means: Means) -> Parsed | Refused:
    import pypdfium2 as pdfium

    pages: list[list[_Line] | str] = []
    unread = 0
    for number in range(len(document)):
        try:
            page = _page(document, number)
        except pdfium.PdfiumError as error:
            if len(document) == 1:
                return refusal("damaged", name, str(error), media_type=MEDIA_TYPE)
            pages.append("")
            continue
        lines = list(_lines(page))
        letters = _letters(_joined(lines))
        if (letters < FEW_LETTERS and _is_drawn(page)) or (letters < STAMP_LETTERS and _is_scan(page)):
            if means.languages:
                found = ocr.read_gray(gray(page, OCR_DPI / 72), means.languages)
                pages.append(found if _letters(found) > letters else lines)
            else:
                unread += 1
                pages.append(lines)
        else:
            pages.append(lines)
        page.close()
        means.beat()
    text, spans = _assembled(pages)
    if unread and not text.strip():
        return refusal("needs_ocr", name, media_type=MEDIA_TYPE)
    return Parsed(text, "markdown", MEDIA_TYPE, spans, _meta(document, "Title"), _modified(document))


def _page(document: Any, index: int) -> Any:
    """A page (counted from 0) with the values of its form fields and its visible notes as part of its text.

    In memory only: pdfium keeps them apart from the text layer until they are printed into the page.
    """
    from pypdfium2 import raw

    page = document[index]
    if raw.FPDFPage_GetAnnotCount(page.raw) <= 0:
        return page
    if raw.FPDFPage_Flatten(page.raw, raw.FLAT_NORMALDISPLAY) != raw.FLATTEN_SUCCESS:
        return page
    page.close()
    return document[index]


# ---- lines, paragraphs, headings


def _lines(page: Any) -> Iterator[_Line]:
    from pypdfium2 import raw

    layer = page.get_textpage()
    whole = layer.get_text_range()
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    at = 0
    for part in re.split(r"(\r\n|\n|\r)", whole):
        text = part.strip()
        if text and text not in ("\r", "\n"):
            first = at + len(part) - len(part.lstrip())
            raw.FPDFText_GetCharBox(layer.raw, first, left, right, bottom, top)
            yield _Line(
                text=text.replace("\x00", ""),
                size=round(raw.FPDFText_GetFontSize(layer.raw, first) * _scale(layer, raw, first), 1),
                bold=raw.FPDFText_GetFontWeight(layer.raw, first) >= 600,
                top=top.value,
                bottom=bottom.value,
            )
        at += len(part)
    layer.close()


def _scale(layer: Any, raw: Any, index: int) -> float:
    """Many producers set size 1 and scale by the text matrix."""
    matrix = raw.FS_MATRIX()
    if not raw.FPDFText_GetMatrix(layer.raw, index, matrix):
        return 1.0
    return float((matrix.c**2 + matrix.d**2) ** 0.5) or 1.0


def _assembled(pages: list[list[_Line] | str]) -> tuple[str, tuple[PageSpan, ...]]:
    sizes: Counter[float] = Counter()
    for page in pages:
        if not isinstance(page, str):
            for line in page:
                sizes[line.size] += len(line.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    text, spans = "", []
    parts: list[str] = []
    length = 0
    for number, page in enumerate(pages, 1):
        words = page.strip() if isinstance(page, str) else _paragraphs(page, body)
        if parts:
            parts.append("\n\n")
            length += 2
        spans.append(PageSpan(number, length, length + len(words)))
        parts.append(words)
        length += len(words)
    text = "".join(parts)
    return text, tuple(spans)


def _paragraphs(lines: list[_Line], body: float) -> str:
    if not lines:
        return ""
    lengths = sorted(len(line.text) for line in lines if abs(line.size - body) < 0.6)
    full = lengths[min(int(0.9 * len(lengths)), len(lengths) - 1)] if lengths else 0
    out: list[str] = []
    previous: _Line | None = None
    for line in lines:
        mark = _heading_mark(line, body)
        if previous is None:
            out.append(mark + line.text)
        elif mark or _heading_mark(previous, body):
            same = mark and mark == _heading_mark(previous, body) and _is_near(previous, line)
            out.append((" " if same else "\n\n" + mark) + line.text)
        elif _goes_on(previous, line, full):
            _append_word(out, line.text)
        else:
            out.append(("\n" if _is_near(previous, line) else "\n\n") + line.text)
        previous = line
    return re.sub("[\ufffe\x02\xad](?=\\s|$)", "-", "".join(out)).replace("\ufffe", "").replace("\x02", "")


def _append_word(out: list[str], text: str) -> None:
    """Join a broken line; a hyphen that pdfium knows to be soft (U+FFFE) goes away."""
    if out[-1] and out[-1][-1] in "\ufffe\x02\xad":
        out[-1] = out[-1][:-1]
        out.append(text)
    else:
        out.append(" " + text)


def _heading_mark(line: _Line, body: float) -> str:
    if len(line.text) > 160 or not body or not any(char.isalpha() for char in line.text):
        return ""
    ratio = line.size / body
    if ratio >= 1.6:
        return "# "
    if ratio >= 1.3:
        return "## "
    return "### " if ratio >= 1.12 else ""


def _goes_on(previous: _Line, line: _Line, full: int) -> bool:
    """True when the line is the same paragraph: the one before was full, and nothing new begins."""
    if abs(previous.size - line.size) > 0.6 or not _is_near(previous, line) or _BULLET.match(line.text):
        return False
    if previous.text[-1] in "\ufffe\x02\xad":
        return True
    if full < 30 or len(previous.text) < 0.72 * full:
        return False
    return not (previous.text[-1] in ".!?:" and len(previous.text) < 0.85 * full)


def _is_near(previous: _Line, line: _Line) -> bool:
    gap = previous.bottom - line.top
    return -2 * line.size < gap < 0.9 * max(line.size, previous.size)


def _joined(lines: list[_Line]) -> str:
    return " ".join(line.text for line in lines)


def _letters(text: str) -> int:
    return sum(char.isalnum() for char in text)


def _is_drawn(page: Any) -> bool:
    """True when there is anything on the page that could be a picture of text."""
    return next(iter(page.get_objects(max_depth=2)), None) is not None


def _is_scan(page: Any) -> bool:
    """True when one picture covers nearly the whole page."""
    from pypdfium2 import raw

    width, height = page.get_size()
    for picture in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=2):
        left, bottom, right, top = picture.get_bounds()
        if (right - left) * (top - bottom) >= SCAN_SHARE * width * height:
            return True
    return False


# ---- pictures


def draw_page(path: Path, page_number: int, *, width_px: int) -> bytes:
    """A page (counted from 1) as PNG, `width_px` wide but never more than `MAX_PIXELS` in all.

    b"" if there is no such page or it cannot be drawn.
    """
    import pypdfium2 as pdfium

    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError:
        return b""
    try:
        if not 1 <= page_number <= len(document):
            return b""
        page = _page(document, page_number - 1)
        width, height = page.get_size()
        scale = min(width_px / max(width, 1), (MAX_PIXELS / max(width * height, 1)) ** 0.5)
        pixels = page.render(scale=scale, rev_byteorder=True).to_numpy()
        return png(pixels[:, :, :3])
    except pdfium.PdfiumError:
        return b""
    finally:
        document.close()


def find_boxes(path: Path, page_number: int, quote: str) -> Boxes:
    """Where `quote` stands on the page, one box per line, as shares (left, top, right, bottom).

    Only letters and digits are compared, so line breaks, hyphens and our heading marks do not matter.
    Empty when the page's text layer does not hold it.
    """
    import pypdfium2 as pdfium

    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError:
        return []
    try:
        return _boxes(_page(document, page_number - 1), quote) if 1 <= page_number <= len(document) else []
    except pdfium.PdfiumError:
        return []
    finally:
        document.close()


def _boxes(page: Any, quote: str) -> Boxes:
    layer = page.get_textpage()
    whole = layer.get_text_range()
    places = [index for index, char in enumerate(whole) if char.isalnum()]
    compact = "".join(whole[index] for index in places)
    wanted = "".join(char for char in quote if char.isalnum())
    at = compact.find(wanted) if wanted else -1
    if at < 0:
        return []
    first, last = places[at], places[at + len(wanted) - 1]
    count = layer.count_rects(first, last - first + 1)
    boxes = [_share(page, layer.get_rect(number)) for number in range(count)]
    return _merged(boxes)


def _share(page: Any, rect: Box) -> Box:
    """A rectangle in page space (left, bottom, right, top; points) on the page as it is shown."""
    left0, bottom0, right0, top0 = page.get_bbox()
    width, height = max(right0 - left0, 1.0), max(top0 - bottom0, 1.0)
    left, bottom, right, top = rect
    x0, x1 = (left - left0) / width, (right - left0) / width
    y0, y1 = (top0 - top) / height, (top0 - bottom) / height
    turned = {
        0: (x0, y0, x1, y1),
        90: (1 - y1, x0, 1 - y0, x1),
        180: (1 - x1, 1 - y1, 1 - x0, 1 - y0),
        270: (y0, 1 - x1, y1, 1 - x0),
    }[page.get_rotation() % 360]
    left, top, right, bottom = (min(max(value, 0.0), 1.0) for value in turned)
    return left, top, right, bottom


def _merged(boxes: Boxes) -> Boxes:
    """Boxes of one line become one; letters of a line that runs up or down the page, too."""
    out: Boxes = []
    for box in boxes:
        last = out[-1] if out else None
        if last and (_is_beside(last, box) or _is_beside(_turned(last), _turned(box), widest=0.03)):
            out[-1] = (
                min(last[0], box[0]),
                min(last[1], box[1]),
                max(last[2], box[2]),
                max(last[3], box[3]),
            )
        else:
            out.append(box)
    return out


def _is_beside(last: Box, box: Box, *, widest: float = 1.0) -> bool:
    """True when two boxes share most of their height and nearly touch; none is higher than `widest`."""
    shared = min(last[3], box[3]) - max(last[1], box[1])
    lower = min(last[3] - last[1], box[3] - box[1])
    gap = max(box[0] - last[2], last[0] - box[2])
    return shared > 0.5 * lower and gap < 0.04 and max(last[3] - last[1], box[3] - box[1]) < widest


def _turned(box: Box) -> Box:
    return box[1], box[0], box[3], box[2]


# ---- metadata


def _meta(document: Any, key: str) -> str:
    value = str(document.get_metadata_value(key) or "").replace("\x00", "").strip()
    # What producers write when the author wrote nothing.
    is_noise = value.lower() in ("untitled", "(anonymous)", "(unspecified)") or value.startswith(
        "Microsoft Word -"
    )
    return "" if is_noise else value


def _modified(document: Any) -> float | None:
    for key in ("ModDate", "CreationDate"):
        match = _PDF_DATE.match(_meta(document, key))
        if not match:
            continue
        numbers = [
            int(group) if group else default
            for group, default in zip(match.groups()[:6], _FIRST, strict=True)
        ]
        try:
            moment = datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type, misc]  # six ints
        except ValueError:
            continue
        sign, hours, minutes = match.group(7), int(match.group(8) or 0), int(match.group(9) or 0)
        offset = timedelta(hours=hours, minutes=minutes) * (-1 if sign == "-" else 1)
        return (moment - offset).timestamp()
    return None


_FIRST = (1970, 1, 1, 0, 0, 0)
