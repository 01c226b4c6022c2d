"""Office files, each by its reader: today's formats by our own, the old ones (DOC, PPT) through kreuzberg.

Formats that are archives of XML are read from that XML: their cells, boxes, comments, notes and numbers are
known nowhere else. The old binary formats are kreuzberg's.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inhouse.kernel.documents import PageSpan
from inhouse.knowledge.edge.parse.book import read_book
from inhouse.knowledge.edge.parse.decode import normal_newlines
from inhouse.knowledge.edge.parse.impress import read_open_slides
from inhouse.knowledge.edge.parse.inner import PARSER_ERRORS
from inhouse.knowledge.edge.parse.old_workbook import TooOld, read_old_workbook
from inhouse.knowledge.edge.parse.open_sheets import read_open_sheets
from inhouse.knowledge.edge.parse.open_text import read_open_text
from inhouse.knowledge.edge.parse.outlook import read_outlook
from inhouse.knowledge.edge.parse.package import Locked
from inhouse.knowledge.edge.parse.parsed import Means, Parsed, ReasonCode, Refused, refusal
from inhouse.knowledge.edge.parse.rich_text import mended_rtf
from inhouse.knowledge.edge.parse.slides import read_presentation
from inhouse.knowledge.edge.parse.sniff import Format, Sniffed
from inhouse.knowledge.edge.parse.unseen import visible
from inhouse.knowledge.edge.parse.word import read_word
from inhouse.knowledge.edge.parse.workbook import read_workbook

__all__ = ["read_office"]

_PLAIN = frozenset({"doc", "ppt"})
"""Formats whose line breaks kreuzberg loses in markdown."""
_MENDED = (
    (re.compile(r"\\?!\[[^\]\n]*\]\([^)\n]*\)"), ""),
    (re.compile(r"\[([^\]\n]+)\]\((?:[^()\n]|\([^()\n]*\))*\)"), r"\1"),
    (re.compile(r"\\([!-/:-@\[\\\]^_`{}~])"), r"\1"),  # every escape but that of `|`, which keeps cells apart
    (re.compile(r"\*\*([^*\n]+)\*\*"), r"\1"),
    (re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])"), r"\1"),
    (re.compile(r"(\d{4}-\d\d-\d\d) 00:00:00\b"), r"\1"),
    (re.compile(r"\b1899-12-3[01] (\d\d:\d\d:\d\d)\b"), r"\1"),  # a time of day without a date
    (re.compile(r"#ERR: NA\b"), "#N/A"),
    (re.compile(r"\n{3,}"), "\n\n"),
)
_EMPTY_ROW = re.compile(r"^\|(?:\s*\|)+[ \t]*\n", re.MULTILINE)


def read_office(path: Path, name: str, sniffed: Sniffed, means: Means) -> Parsed | Refused:
    """The text of an office document; slides and sheets are pages."""
    own = _OWN.get(sniffed.format)
    if own is None:
        return _read_old(path, name, sniffed)
    try:
        return own(path, sniffed.media_type, means)
    except TooOld:
        return _read_old(path, name, sniffed)
    except Locked:
        return refusal("encrypted", name, media_type=sniffed.media_type)
    except PARSER_ERRORS as error:
        if sniffed.format == "xls":  # kreuzberg forgives more than we do
            return _read_old(path, name, sniffed)
        detail = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return refusal("damaged", name, detail, media_type=sniffed.media_type)


_OWN: dict[Format, Callable[[Path, str, Means], Parsed]] = {
    "docx": read_word,
    "epub": read_book,
    "msg": read_outlook,
    "odp": read_open_slides,
    "ods": read_open_sheets,
    "odt": read_open_text,
    "pptx": read_presentation,
    "xls": read_old_workbook,
    "xlsx": read_workbook,
}


def _read_old(path: Path, name: str, sniffed: Sniffed) -> Parsed | Refused:
    from kreuzberg import KreuzbergError

    try:
        result = _extract(path, sniffed)
    except KreuzbergError as error:
        words = " ".join(str(error).split())
        protected = re.search(r"password|encrypt|protected", words, re.IGNORECASE)
        code: ReasonCode = "encrypted" if protected else "damaged"
        return refusal(code, name, words[:200], media_type=sniffed.media_type)
    text = normal_newlines(result.content)
    pages: tuple[PageSpan, ...] = ()
    if sniffed.format not in _PLAIN:
        text, pages = _mended(text, result.metadata, sniffed)
    return Parsed(
        text=visible(text),
        kind="text" if sniffed.format in _PLAIN or sniffed.format == "rtf" else "markdown",
        media_type=sniffed.media_type,
        pages=pages,
        title=_title(result.metadata),
        modified_at=_date(result.metadata),
    )


def _extract(path: Path, sniffed: Sniffed) -> Any:  # kreuzberg's result has no stable type to name
    from kreuzberg import ContentFilterConfig, ExtractionConfig, PageConfig, extract_bytes_sync

    config = ExtractionConfig(  # type: ignore[call-arg]  # its stub lags behind
        use_cache=False,
        disable_ocr=True,
        enable_quality_processing=False,
        output_format="plain" if sniffed.format in _PLAIN else "markdown",
        pages=PageConfig(extract_pages=True),
        content_filter=ContentFilterConfig(
            include_headers=True, include_footers=True, strip_repeating_text=False
        ),
    )
    data = path.read_bytes()
    if sniffed.format == "rtf":
        data = mended_rtf(data)
    return extract_bytes_sync(data, sniffed.media_type, config)


def _mended(text: str, metadata: dict[str, Any], sniffed: Sniffed) -> tuple[str, tuple[PageSpan, ...]]:
    if sniffed.format not in ("xlsb", "xls"):
        return _raised(_mend(_without_marks_of_notes(text))), ()
    parts: list[str] = []
    spans: list[PageSpan] = []
    at = 0
    for number, piece in _sheets(_EMPTY_ROW.sub("", text), metadata.get("sheet_names") or ()):
        words = _mend(piece).strip()
        if parts:
            parts.append("\n\n")
            at += 2
        spans.append(PageSpan(number, at, at + len(words)))
        parts.append(words)
        at += len(words)
    return "".join(parts), tuple(spans)


def _mend(text: str) -> str:
    text = html.unescape(text)
    for pattern, replacement in _MENDED:
        text = pattern.sub(replacement, text)
    return text


def _without_marks_of_notes(text: str) -> str:
    """Footnotes stand below the text without their numbers: kreuzberg counts them anew, and twice."""
    text = re.sub(r"^\[\^\d+\]:\s*", "", text, flags=re.MULTILINE)
    return re.sub(r"\[\^\d+\]", "", text)


def _raised(text: str) -> str:
    """kreuzberg keeps `#` for a title that most documents do not have: the first level moves up."""
    return text if re.search("^# ", text, re.MULTILINE) else re.sub("(?m)^#(?=#+ )", "", text)


def _sheets(text: str, names: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Sheets by their headings, in the order of the workbook; an empty sheet has no heading."""
    at = 0
    starts: list[tuple[int, int]] = []
    for number, name in enumerate(names, 1):
        shown = "".join(rf"\\?{re.escape(char)}" for char in str(name))  # kreuzberg escapes `&`, `#`, …
        found = re.compile(rf"^## {shown}[ \t]*$", re.MULTILINE).search(text, at)
        if found:
            starts.append((number, found.start()))
            at = found.end()
    if not starts:
        yield 1, text
        return
    ends = [start for _, start in starts[1:]] + [len(text)]
    for (number, start), end in zip(starts, ends, strict=True):
        yield number, text[start:end]


def _title(metadata: dict[str, Any]) -> str:
    title = metadata.get("title") or metadata.get("subject") or ""
    if "\\'" in str(title):  # RTF escapes that kreuzberg did not undo
        return ""
    return " ".join(str(title).split())[:300]


def _date(metadata: dict[str, Any]) -> float | None:
    for key in ("modified_at", "created_at"):
        try:
            moment = datetime.fromisoformat(str(metadata.get(key) or ""))
        except ValueError:
            continue
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return None
