"""Office files, old and new, through kreuzberg; what it leaves out is read from the archive itself.

kreuzberg 4.10.4 drops running headers and footers of DOCX and the notes of slides, escapes punctuation in
markdown, keeps no sheet spans, and writes midnight behind every date: all of that is mended here.
"""

from __future__ import annotations

import html
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree as ET

from inhouse.kernel.documents import PageSpan
from inhouse.knowledge.edge.parse import ocr
from inhouse.knowledge.edge.parse.decode import normal_newlines
from inhouse.knowledge.edge.parse.impress import read_slides
from inhouse.knowledge.edge.parse.parsed import Means, Parsed, ReasonCode, Refused, refusal
from inhouse.knowledge.edge.parse.pictures import picture_size
from inhouse.knowledge.edge.parse.repack import repacked, restored
from inhouse.knowledge.edge.parse.sniff import Sniffed

__all__ = ["read_office"]

_PLAIN = frozenset({"doc", "msg", "ppt"})
"""Formats whose line breaks kreuzberg loses in markdown."""
_PAGE_MARK = re.compile(r"\n*\\?<\\?!-- PAGE (\d+) --\\?>\n*")
_PICTURES = ("word/media/", "ppt/media/", "Pictures/", "xl/media/")
MAX_PICTURES = 20
MIN_PICTURE_PX = 80
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
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
    """The text of a document that kreuzberg can read; slides and sheets are pages."""
    from kreuzberg import KreuzbergError

    if sniffed.format == "odp":
        return _read_open_slides(path, name, sniffed, means)
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
        text, pages = _mended(path, text, result.metadata, sniffed)
    text = restored(text)
    if sniffed.format == "docx":
        text = _with_running_lines(path, text)
    if means.languages:
        text += _picture_text(path, means.languages, after=text)
    return Parsed(
        text=text,
        kind="text" if sniffed.format in _PLAIN or sniffed.format == "rtf" else "markdown",
        media_type=sniffed.media_type,
        pages=pages,
        title=_title(result.metadata),
        modified_at=_date(result.metadata),
    )


def _read_open_slides(path: Path, name: str, sniffed: Sniffed, means: Means) -> Parsed | Refused:
    try:
        text, pages = read_slides(path)
    except (KeyError, ET.ParseError, zipfile.BadZipFile) as error:
        return refusal("damaged", name, str(error)[:200], media_type=sniffed.media_type)
    if means.languages:
        text += _picture_text(path, means.languages, after=text)
    return Parsed(text=text, kind="markdown", media_type=sniffed.media_type, pages=pages)


def _extract(path: Path, sniffed: Sniffed) -> Any:  # kreuzberg's result has no stable type to name
    from kreuzberg import ContentFilterConfig, ExtractionConfig, PageConfig, extract_bytes_sync

    config = ExtractionConfig(  # type: ignore[call-arg]  # its stub lags behind
        use_cache=False,
        disable_ocr=True,
        enable_quality_processing=False,
        output_format="plain" if sniffed.format in _PLAIN else "markdown",
        pages=PageConfig(
            extract_pages=True,
            insert_page_markers=sniffed.format == "pptx",
            marker_format="\n\n<!-- PAGE {page_num} -->\n\n",
        ),
        content_filter=ContentFilterConfig(
            include_headers=True, include_footers=True, strip_repeating_text=False
        ),
    )
    return extract_bytes_sync(repacked(path, sniffed.format), sniffed.media_type, config)


def _mended(
    path: Path, text: str, metadata: dict[str, Any], sniffed: Sniffed
) -> tuple[str, tuple[PageSpan, ...]]:
    if sniffed.format == "pptx":
        pieces = _slides(text, _notes(path))
    elif sniffed.format in ("xlsx", "xlsb", "xls", "ods"):
        pieces = _sheets(_EMPTY_ROW.sub("", text), metadata.get("sheet_names") or ())
    else:
        return _raised(_mend(_without_marks_of_notes(text))), ()
    parts: list[str] = []
    spans: list[PageSpan] = []
    at = 0
    for number, piece in pieces:
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


def _slides(text: str, notes: dict[int, str]) -> Iterator[tuple[int, str]]:
    """Slides by the marks that kreuzberg put between them, each with its notes below."""
    pieces = _PAGE_MARK.split(text)
    numbered = [(1, pieces[0])] if pieces[0].strip() else []
    numbered += [(int(number), words) for number, words in zip(pieces[1::2], pieces[2::2], strict=True)]
    for number, words in numbered:
        yield number, words + (f"\n\n{notes[number]}" if number in notes else "")


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


def _notes(path: Path) -> dict[int, str]:
    """Speaker notes by slide number, in the order of the presentation."""
    notes: dict[int, str] = {}
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        targets = _relations(archive, "ppt/presentation.xml")
        order = [
            targets.get(slide.get(_RELATION_ID, ""), "")
            for slide in _xml(archive, "ppt/presentation.xml").iter(f"{_PRESENTATION}sldId")
        ]
        for number, slide in enumerate(order, 1):
            for target in _relations(archive, slide).values() if slide in names else ():
                if "/notesSlides/" in target and target in names:
                    words = _note_words(_xml(archive, target))
                    if words:
                        notes[number] = words
    return notes


_PRESENTATION = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_RELATION_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def _note_words(root: ET.Element) -> str:
    paragraphs: list[str] = []
    for shape in root.iter(f"{_PRESENTATION}sp"):
        kind = shape.find(f".//{_PRESENTATION}ph")
        if kind is None or kind.get("type") == "body":
            paragraphs += [
                "".join(run.text or "" for run in paragraph.iter(f"{_DRAWING}t"))
                for paragraph in shape.iter(f"{_DRAWING}p")
            ]
    return "\n".join(line for line in paragraphs if line.strip())


def _relations(archive: zipfile.ZipFile, member: str) -> dict[str, str]:
    """Relation id to the member that it points to."""
    where = PurePosixPath(member)
    listed = str(where.parent / "_rels" / f"{where.name}.rels")
    if listed not in archive.namelist():
        return {}
    targets: dict[str, str] = {}
    for relation in _xml(archive, listed):
        target = relation.get("Target", "")
        joined = PurePosixPath(target.lstrip("/")) if target.startswith("/") else where.parent / target
        parts: list[str] = []
        for part in joined.parts:
            if part == "..":
                del parts[-1:]
            else:
                parts.append(part)
        targets[relation.get("Id", "")] = "/".join(parts)
    return targets


def _xml(archive: zipfile.ZipFile, member: str) -> ET.Element:
    # Entities cannot explode: expat >= 2.4.1 stops amplification, and the child has its own limits.
    return ET.fromstring(archive.read(member))  # noqa: S314


def _with_running_lines(path: Path, text: str) -> str:
    """Headers above and footers below the text, each wording once, unless the text has it."""
    above: list[str] = []
    below: list[str] = []
    with zipfile.ZipFile(path) as archive:
        for member in sorted(archive.namelist()):
            match = re.fullmatch(r"word/(header|footer)\d*\.xml", member)
            if not match:
                continue
            where = above if match.group(1) == "header" else below
            for paragraph in _xml(archive, member).iter(f"{_WORD}p"):
                words = "".join(run.text or "" for run in paragraph.iter(f"{_WORD}t")).strip()
                if words and words not in where and words not in text:
                    where.append(words)
    return "\n\n".join(part for part in (*above, text.strip(), *below) if part) + "\n"


def _picture_text(path: Path, languages: str, *, after: str) -> str:
    """What stands on the pictures inside a document, as far as OCR can tell."""
    if not zipfile.is_zipfile(path):
        return ""
    found: list[str] = []
    with zipfile.ZipFile(path) as archive:
        members = [one for one in archive.infolist() if one.filename.startswith(_PICTURES)]
        for member in members[:MAX_PICTURES]:
            if member.file_size > 30 << 20:
                continue
            data = archive.read(member)
            width, height = picture_size(data)
            if min(width, height) >= MIN_PICTURE_PX or (width >= 2 * MIN_PICTURE_PX and height >= 20):
                words = ocr.read_bytes(data, languages)
                if _is_prose(words) and words not in after:
                    found.append(words)
    return "".join(f"\n\n{words}\n" for words in found)


def _is_prose(words: str) -> bool:
    """OCR of a photograph gives crumbs of letters; text gives words."""
    long = re.findall(r"[^\W\d_]{3,}", words)
    return len(long) >= 2 and sum(map(len, long)) >= 0.5 * sum(not char.isspace() for char in words)


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
