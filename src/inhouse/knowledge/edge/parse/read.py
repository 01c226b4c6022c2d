"""Reads one file, whatever it is. Runs inside the child process only.

Limits of time and memory are the parent's; this file keeps to those of size: how far an archive may
unpack, and how much text comes out.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from inhouse.knowledge.chunk import TextKind
from inhouse.knowledge.edge.parse import ocr, office, pdf
from inhouse.knowledge.edge.parse.csv_table import table_layout
from inhouse.knowledge.edge.parse.decode import decode, looks_like_text, normal_newlines
from inhouse.knowledge.edge.parse.mail import read_mail
from inhouse.knowledge.edge.parse.markup import render
from inhouse.knowledge.edge.parse.parsed import Means, Parsed, Refused, refusal
from inhouse.knowledge.edge.parse.sniff import Format, Sniffed, sniff
from inhouse.knowledge.edge.parse.unseen import visible
from inhouse.knowledge.layout import write_layout

__all__ = ["means_of_reading", "read"]

UNPACKED_BYTES = 1 << 30
RATIO = 200
RATIO_FROM_BYTES = 100 << 20
MEMBERS = 20_000

Result = Parsed | Refused
_ZIPPED: frozenset[Format] = frozenset(
    {"docx", "xlsx", "xlsb", "pptx", "odt", "ods", "odp", "epub", "archive"}
)
_OWN_TEXT: frozenset[Format] = frozenset({"text", "markdown", "csv"})
_PROMISES = {
    ".docx": "a Word document",
    ".epub": "a book",
    ".odp": "slides",
    ".ods": "a spreadsheet",
    ".odt": "a text document",
    ".pdf": "a PDF",
    ".pptx": "slides",
    ".xlsx": "a workbook",
}
"""Names that plain text never has on purpose. Web pages and tables named .doc or .xls are common exports."""
_JSON = frozenset({".geojson", ".ipynb", ".json", ".jsonl", ".ndjson"})
_ESCAPED = re.compile(
    r"(?<!\\)(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4})"
)
_SEPARATOR_LINE = re.compile(r'\A"?sep=[;,|\t]"?\n', re.IGNORECASE)
"""What Excel wants to be told, and does not show, above the first row of a CSV file."""
_PICTURES: frozenset[Format] = frozenset({"png", "jpeg", "tiff", "gif", "bmp", "webp"})


def read(path: Path, name: str, *, text_chars: int, means: Means = Means()) -> Result:  # noqa: B008  frozen
    """The text of the file at `path`, whose own name is `name`.

    Raises:
        Exception: anything the parsers raise; the child turns it into a reason.
    """
    means = means_of_reading(means)
    sniffed = sniff(path, name)
    refused = _refused(path, name, sniffed)
    if refused:
        return refused
    size = path.stat().st_size
    if sniffed.format in _OWN_TEXT and size > 4 * text_chars:  # no encoding takes more for a character
        return _too_much(name, f"{size:,} bytes of text", text_chars, sniffed)
    result = _reader(sniffed.format)(path, name, sniffed, means)
    if isinstance(result, Refused):
        return result
    if len(result.text) > text_chars:
        return _too_much(name, f"{len(result.text):,} characters", text_chars, sniffed)
    if not result.text.strip():
        return refusal("no_text", name, media_type=sniffed.media_type)
    return result


def means_of_reading(means: Means) -> Means:
    """The same means, with this reader for files that lie inside others."""
    return replace(means, reader=_read_inside) if means.reader is None else means


def _read_inside(path: Path, name: str, text_chars: int, means: Means) -> Result:
    return read(path, name, text_chars=text_chars, means=means)


def _too_much(name: str, amount: str, text_chars: int, sniffed: Sniffed) -> Refused:
    detail = f"{amount}, more than {text_chars:,} characters"
    return refusal("too_much_text", name, detail, media_type=sniffed.media_type)


def _refused(path: Path, name: str, sniffed: Sniffed) -> Refused | None:
    media_type = sniffed.media_type
    if sniffed.format == "empty":
        return refusal("empty_file", name)
    if sniffed.format == "binary":
        return refusal("binary", name)
    if sniffed.format == "damaged_zip":
        return refusal("damaged", name, sniffed.detail, media_type=media_type)
    promised = _PROMISES.get(Path(name).suffix.lower())
    if promised and sniffed.format == "text":
        detail = f"plain text where its name promises {promised}"
        return refusal("damaged", name, detail, media_type=media_type)
    if sniffed.format == "encrypted_office":
        return refusal("encrypted", name, media_type=media_type)
    if sniffed.format in _ZIPPED and (detail := _bomb(path)):
        return refusal("bomb", name, detail, media_type=media_type)
    if sniffed.format in ("archive", "foreign"):
        return refusal("not_supported", name, sniffed.detail, media_type=media_type)
    return None


def _bomb(path: Path) -> str:
    """Why a zip is a bomb, from its own directory; the memory limit guards against one that lies."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    total = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members) or 1
    if total > UNPACKED_BYTES or (total > RATIO_FROM_BYTES and total > RATIO * packed):
        return f"{total:,} bytes from {packed:,}"
    if len(members) > MEMBERS:
        return f"{len(members):,} parts"
    return ""


def _reader(kind: Format) -> Callable[[Path, str, Sniffed, Means], Result]:
    if kind in _OWN_TEXT:
        return _read_text
    if kind == "html":
        return _read_html
    if kind == "eml":
        return lambda path, _name, _sniffed, means: read_mail(path.read_bytes(), means)
    if kind == "pdf":
        return lambda path, name, _sniffed, means: pdf.read_pdf(path, name, means)
    if kind in _PICTURES:
        return lambda path, name, sniffed, means: ocr.read_picture(path, name, sniffed.media_type, means)
    return office.read_office


def _read_text(path: Path, name: str, sniffed: Sniffed, _means: Means) -> Result:
    data = path.read_bytes()
    # Binary may begin like text: look at the middle and the end, too.
    for at in (len(data) // 2, max(len(data) - 65_536, 0)):
        if at > 65_536 and not looks_like_text(data[at // 2 * 2 : at // 2 * 2 + 65_536]):
            return refusal("binary", name)
    text = decode(data)
    if Path(name).suffix.lower() in _JSON:
        text = _ESCAPED.sub(_written_out, text)
    text = normal_newlines(text)
    if sniffed.format == "csv":
        text = _SEPARATOR_LINE.sub("", text)
    kinds: dict[str, TextKind] = {"csv": "table", "markdown": "markdown"}
    layout = write_layout(table_layout(text, Path(name).stem)) if sniffed.format == "csv" else ""
    return Parsed(text, kinds.get(sniffed.format, "text"), sniffed.media_type, layout=layout)


def _written_out(escaped: re.Match[str]) -> str:
    """Letters beyond ASCII as letters; a half of a pair, or a backslash that is itself escaped, stays."""
    letters = b"".join(bytes.fromhex(code) for code in escaped.group().split("\\u")[1:])
    try:
        words = letters.decode("utf-16-be")
    except UnicodeDecodeError:
        return escaped.group()
    return words if words.isprintable() and not words.isascii() else escaped.group()


def _read_html(path: Path, _name: str, sniffed: Sniffed, _means: Means) -> Result:
    page = render(decode(path.read_bytes(), declared=True))
    text = visible(normal_newlines(page.text))
    return Parsed(text, "markdown", sniffed.media_type, title=visible(page.title))
