"""What a PDF holds beside its pages: title and dates, outline, attached files."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from inhouse.knowledge.edge.parse.inner import MAX_BYTES, MAX_FILES, InnerFile
from inhouse.knowledge.edge.parse.pdf_boxes import compact

__all__ = ["attached", "modified", "outline", "title"]

MOST_TITLES = 5_000
_PDF_DATE = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:([+-])(\d\d)'?(\d\d)?)?")
_FIRST = (1970, 1, 1, 0, 0, 0)


def title(document: Any) -> str:
    """The title that the author gave; "" if there is none."""
    value = _meta(document, "Title")
    # What producers write when the author wrote nothing.
    is_noise = value.lower() in ("untitled", "(anonymous)", "(unspecified)")
    return "" if is_noise or value.startswith("Microsoft Word -") else value


def _meta(document: Any, key: str) -> str:
    return str(document.get_metadata_value(key) or "").replace("\x00", "").strip()


def modified(document: Any) -> float | None:
    """UNIX seconds of the last change that the file states."""
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


def outline(document: Any) -> dict[int, dict[str, int]]:
    """For each page (counted from 0) the titles of the outline that lead there, with their level from 1.

    Titles are letters and digits only, in small letters.
    """
    import pypdfium2 as pdfium

    found: dict[int, dict[str, int]] = {}
    try:
        for mark in islice(document.get_toc(max_depth=6), MOST_TITLES):
            goal = mark.get_dest()
            page = goal.get_index() if goal else None
            name = compact(mark.get_title() or "").casefold()
            if page is not None and page >= 0 and len(name) > 2:
                found.setdefault(page, {}).setdefault(name, mark.level + 1)
    except (pdfium.PdfiumError, UnicodeDecodeError, ValueError, RecursionError):
        return found  # a broken outline is no reason to lose the pages
    return found


def attached(document: Any) -> list[InnerFile]:
    """Files in the PDF, those pinned to a page by a note as well, each once; too large ones without data."""
    files: dict[tuple[str, int], InnerFile] = {}
    for handle in _attachments(document):
        one = _inner(handle)
        files.setdefault((one.name, one.size_bytes), one)
    return list(files.values())


def _attachments(document: Any) -> Iterator[Any]:
    from pypdfium2 import raw

    for index in range(min(raw.FPDFDoc_GetAttachmentCount(document.raw), 4 * MAX_FILES)):
        handle = raw.FPDFDoc_GetAttachment(document.raw, index)
        if handle:
            yield handle


def _inner(handle: Any) -> InnerFile:
    from pypdfium2 import raw

    size = raw.FPDFAttachment_GetName(handle, None, 0)
    name = ""
    if 2 < size <= 4_096:
        letters = ctypes.create_string_buffer(size)
        wide = ctypes.cast(letters, ctypes.POINTER(ctypes.c_ushort))
        raw.FPDFAttachment_GetName(handle, wide, size)
        name = letters.raw[: size - 2].decode("utf-16-le", "replace")
    length = ctypes.c_ulong()
    if not raw.FPDFAttachment_GetFile(handle, None, 0, length) or not length.value:
        return InnerFile(name or "attachment", b"")
    if length.value > MAX_BYTES:
        return InnerFile(name or "attachment", b"", whole_size=length.value)
    data = ctypes.create_string_buffer(length.value)
    raw.FPDFAttachment_GetFile(handle, data, length.value, length)
    return InnerFile(name or "attachment", data.raw[: length.value])
