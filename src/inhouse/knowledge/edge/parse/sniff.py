"""Says what a file is by its content; the name is only a hint between kinds of plain text."""

from __future__ import annotations

import re
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from inhouse.knowledge.edge.parse.decode import looks_like_text

__all__ = ["Format", "Sniffed", "sniff"]

Format = Literal[
    "archive",
    "binary",
    "bmp",
    "csv",
    "damaged_zip",
    "doc",
    "docx",
    "empty",
    "encrypted_office",
    "epub",
    "eml",
    "foreign",
    "gif",
    "html",
    "jpeg",
    "markdown",
    "msg",
    "odp",
    "ods",
    "odt",
    "pdf",
    "png",
    "ppt",
    "pptx",
    "rtf",
    "text",
    "tiff",
    "webp",
    "xls",
    "xlsb",
    "xlsx",
]

HEAD_BYTES = 65_536
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAGIC: tuple[tuple[bytes, Format, str], ...] = (
    (b"{\\rtf", "rtf", "application/rtf"),
    (b"\x89PNG\r\n\x1a\n", "png", "image/png"),
    (b"\xff\xd8\xff", "jpeg", "image/jpeg"),
    (b"II*\x00", "tiff", "image/tiff"),
    (b"MM\x00*", "tiff", "image/tiff"),
    (b"GIF8", "gif", "image/gif"),
    (b"BM", "bmp", "image/bmp"),
    (b"RIFF", "webp", "image/webp"),
)
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "a shortcut to another file"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"AT&TFORM", "a DjVu book"),
    (b"!BDN", "an Outlook mailbox"),
    (b"SQLite format 3\x00", "a database"),
    (b"OggS", "a sound or film"),
    (b"ID3", "a sound"),
    (b"fLaC", "a sound"),
    (b"\x1aE\xdf\xa3", "a film"),
    (b"%!PS", "a PostScript file"),
)
_MEDIA_TYPES: dict[str, str] = {
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "eml": "message/rfc822",
    "epub": "application/epub+zip",
    "html": "text/html",
    "markdown": "text/markdown",
    "msg": "application/vnd.ms-outlook",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "pdf": "application/pdf",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "text": "text/plain",
    "xls": "application/vnd.ms-excel",
    "xlsb": "application/vnd.ms-excel.sheet.binary.macroenabled.12",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_MAIL_HEADER = re.compile(
    rb"\A(?:[\x21-\x39\x3b-\x7e]+:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n)*?"
    rb"(?:received|from|return-path|message-id|mime-version|delivered-to|to|subject|date):",
    re.IGNORECASE,
)
_HTML = re.compile(
    rb"<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]|"
    rb"<(?:div|p|table|h[1-6]|ul|ol|span|br|meta|title|a\s+href)[\s>/]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sniffed:
    """The kind of a file, and in words what it is when it is not for us (`detail`)."""

    format: Format
    media_type: str = "application/octet-stream"
    detail: str = ""


def sniff(path: Path, name: str) -> Sniffed:
    """What the content of `path` is; `name` is the file's own name.

    Raises:
        OSError: if the file cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if not head:
        return Sniffed("empty")
    if b"%PDF-" in head[:1024]:
        return _known("pdf")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _sniff_zip(path)
    if head.startswith(_OLE):
        return _sniff_ole(path, name)
    for magic, kind, media_type in _MAGIC:
        if head.startswith(magic) and (kind not in ("bmp", "webp") or _is_picture(kind, head)):
            return Sniffed(kind, media_type)
    if not looks_like_text(head) or head.startswith(b"%!PS"):
        return _foreign(head)
    return _sniff_text(head, Path(name).suffix.lower())


def _is_picture(kind: Format, head: bytes) -> bool:
    """Their first letters alone could begin a text, or a sound."""
    return head[8:12] == b"WEBP" if kind == "webp" else not looks_like_text(head)


def _foreign(head: bytes) -> Sniffed:
    for magic, words in _FOREIGN:
        if head.startswith(magic):
            return Sniffed("foreign", detail=words)
    if head[257:262] == b"ustar":
        return Sniffed("foreign", "application/x-tar", "a tar archive")
    if head[4:8] == b"ftyp":
        brands = head[8:64]
        if any(brand in brands for brand in (b"heic", b"heix", b"mif1", b"avif")):
            return Sniffed("foreign", "image/heic", "a HEIC or AVIF picture")
        return Sniffed("foreign", detail="a film or sound")
    return Sniffed("binary")


def _known(kind: Format) -> Sniffed:
    return Sniffed(kind, _MEDIA_TYPES[kind])


def _sniff_text(head: bytes, suffix: str) -> Sniffed:
    plain = head.replace(b"\x00", b"") if head[:2] in (b"\xff\xfe", b"\xfe\xff") else head
    start = plain.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if suffix in (".md", ".markdown", ".mdx"):
        return _known("markdown")
    if suffix in (".csv", ".tsv"):
        return _known("csv")
    if suffix in (".eml", ".mht", ".mhtml") and _MAIL_HEADER.match(start):
        return _known("eml")
    lowered = start[:2048].lower()
    if lowered.startswith((b"<!doctype html", b"<html")) or (
        suffix in (".html", ".htm", ".xhtml") and _HTML.search(start)
    ):
        return _known("html")
    if lowered.startswith(b"<") and b"<html" in lowered:
        return _known("html")
    if suffix not in (".txt", ".log", ".rst", ".json", ".yaml", ".yml") and _is_mail(start):
        return _known("eml")
    return _known("text")


def _is_mail(start: bytes) -> bool:
    """Mail without its file ending: at least three well-known headers before the first empty line."""
    headers = re.split(rb"\r?\n\r?\n", start[:16_384], maxsplit=1)[0]
    known = re.findall(
        rb"^(received|from|to|subject|date|message-id|mime-version|return-path):",
        headers,
        re.IGNORECASE | re.MULTILINE,
    )
    return len({name.lower() for name in known}) >= 3 and bool(_MAIL_HEADER.match(start))


def _sniff_zip(path: Path) -> Sniffed:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            declared = (
                archive.read("mimetype")[:100].decode("ascii", "replace") if "mimetype" in names else ""
            )
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        return Sniffed("damaged_zip", "application/zip", str(error))
    for prefix, kind in (
        ("application/epub+zip", "epub"),
        ("application/vnd.oasis.opendocument.text", "odt"),
        ("application/vnd.oasis.opendocument.spreadsheet", "ods"),
        ("application/vnd.oasis.opendocument.presentation", "odp"),
    ):
        if declared.startswith(prefix):
            return _known(_format(kind))
    for member, kind in (
        ("word/document.xml", "docx"),
        ("xl/workbook.bin", "xlsb"),
        ("xl/workbook.xml", "xlsx"),
        ("ppt/presentation.xml", "pptx"),
        ("META-INF/container.xml", "epub"),
    ):
        if member in names:
            return _known(_format(kind))
    if any(name.startswith("word/") for name in names) and "[Content_Types].xml" in names:
        return _known("docx")
    return Sniffed("archive", "application/zip", "an archive (unpack it and take in the folder)")


def _format(kind: str) -> Format:
    return next(known for known in get_args(Format) if known == kind)


def _sniff_ole(path: Path, name: str) -> Sniffed:
    """Old Office files and Outlook messages: told apart by the streams in their directory."""
    try:
        streams = _ole_streams(path.read_bytes())
    except (struct.error, IndexError) as error:
        return Sniffed("damaged_zip", "application/x-ole-storage", f"its directory is unreadable: {error}")
    if "EncryptedPackage" in streams or "EncryptionInfo" in streams:
        return Sniffed("encrypted_office", "application/x-ole-storage")
    if any(stream.startswith("__properties_version") for stream in streams):
        return _known("msg")
    found: list[Format] = []
    if "WordDocument" in streams:
        found.append("doc")
    if "PowerPoint Document" in streams:
        found.append("ppt")
    if streams & {"Workbook", "Book"}:
        found.append("xls")
    if not found:
        return Sniffed("foreign", "application/x-ole-storage", "an unknown kind of Office file")
    hinted = Path(name).suffix.lower()[1:4]
    return _known(next((kind for kind in found if kind == hinted), found[0]))


def _ole_streams(data: bytes) -> set[str]:
    """Names in the directory of an OLE file. Source: [MS-CFB] 2.2-2.6."""
    shift = struct.unpack_from("<H", data, 30)[0]
    size = 1 << min(shift, 16)
    entries_per_sector = size // 4
    fat_sectors = [n for n in struct.unpack_from("<109I", data, 76) if n < 0xFFFFFFFA]
    names: set[str] = set()
    sector = struct.unpack_from("<I", data, 48)[0]
    for _ in range(1024):  # a damaged chain may be a ring
        if sector >= 0xFFFFFFFA:
            break
        at = (sector + 1) * size
        for entry in range(at, min(at + size, len(data) - 127), 128):
            length = struct.unpack_from("<H", data, entry + 64)[0]
            if 2 <= length <= 64:
                names.add(data[entry : entry + length - 2].decode("utf-16-le", "replace"))
        fat = fat_sectors[sector // entries_per_sector]
        sector = struct.unpack_from("<I", data, (fat + 1) * size + 4 * (sector % entries_per_sector))[0]
    return names
