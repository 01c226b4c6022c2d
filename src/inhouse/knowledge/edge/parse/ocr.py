"""Pictures of text to text, with the `tesseract` program (Russian and English).

Debian's tesseract is called as a program, one page at a time: it stays within 200 MB where a library
backend took 640, and a page that kills it kills only it.
"""

from __future__ import annotations

import functools
import os
import shutil
import struct
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.knowledge.edge.parse.parsed import Parsed, Refused, refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from numpy import uint8

__all__ = ["MAX_PIXELS", "installed", "picture_size", "read_bytes", "read_gray", "read_picture"]

MAX_PIXELS = 24_000_000
"""Largest picture handed to tesseract: A3 at 300 dpi is 17 million, and it takes 10 bytes for each."""
REFUSED_PIXELS = 200_000_000
SMALL_PX = 1_800
"""A picture whose longer side is below this is also read enlarged, as screens have 96 dpi and tesseract
wants 300. On office/cfsample.jpg (1280 px) the number 7717586110 is read as 7117586110 without; factors of
1, 1.5, 2, 2.5, 3 were tried, and only the last two gave every expected phrase (bench/office.py)."""
ENLARGED = 3.0
_LOOK_ALIKE = frozenset("АВЕКМНОРСТУХаеорсухкмнгпит")
PAGE_TIMEOUT_S = 100.0


@functools.cache
def _languages() -> frozenset[str]:
    program = shutil.which("tesseract")
    if not program:
        return frozenset()
    listed = subprocess.run(
        [program, "--list-langs"], capture_output=True, text=True, timeout=20, check=False
    )
    return frozenset(listed.stdout.split("\n")[1:]) - {""}


def installed() -> bool:
    """True when tesseract is here with at least one of our languages."""
    return bool(_languages() & {"rus", "eng"})


def read_picture(path: Path, name: str, media_type: str) -> Parsed | Refused:
    """The text on a picture file, as one page."""
    if not installed():
        return refusal("needs_ocr", name, media_type=media_type)
    data = path.read_bytes()
    width, height = picture_size(data)
    if width * height > REFUSED_PIXELS:
        return refusal("bomb", name, f"{width:,} x {height:,} pixels", media_type=media_type)
    return Parsed(read_bytes(data), "text", media_type)


def read_bytes(data: bytes) -> str:
    """The text on an encoded picture (PNG, JPEG, TIFF, …); empty when there is none."""
    from inhouse.knowledge.edge.parse import pdf

    width, height = picture_size(data)
    longer = max(width, height)
    wrapped = _as_pdf(data, width, height) if longer < SMALL_PX or width * height > MAX_PIXELS else b""
    if width * height > MAX_PIXELS:
        return read_gray(pdf.draw(wrapped, scale=1.0)) if wrapped else ""
    if not wrapped:
        return _read_best(data)
    return _read_best(data, _portable(pdf.draw(wrapped, scale=ENLARGED)))


def read_gray(pixels: NDArray[uint8]) -> str:
    """The text on a (height, width) picture of gray values."""
    return _read_best(_portable(pixels))


def _portable(pixels: NDArray[uint8]) -> bytes:
    height, width = pixels.shape
    return b"P5\n%d %d\n255\n" % (width, height) + pixels.tobytes()


@dataclass(frozen=True, slots=True)
class _Reading:
    """Words as tesseract saw them. `score` grows with letters and with how sure it is of them."""

    text: str
    score: float


def _read_best(*pictures: bytes) -> str:
    """Read each version of a picture, and once more in English alone what is not clearly Russian.

    Together the two languages mix look-alikes: an English line came out as `Нарру Мем Уеаг`.
    """
    both = "+".join(language for language in ("rus", "eng") if language in _languages())
    readings = [(_tesseract(picture, both), picture) for picture in pictures]
    best, picture = max(readings, key=lambda pair: pair[0].score)
    if both == "rus+eng" and not _is_clearly_russian(best.text):
        english = _tesseract(picture, "eng")
        best = english if english.score >= 0.97 * best.score else best
    return best.text


def _is_clearly_russian(text: str) -> bool:
    letters = [char for char in text if char.isalpha()]
    cyrillic = [char for char in letters if "\u0400" <= char <= "\u04ff"]
    if len(cyrillic) < 0.3 * len(letters):
        return False
    return any(char not in _LOOK_ALIKE for char in cyrillic)


def _tesseract(data: bytes, languages: str) -> _Reading:
    layout = "1" if "osd" in _languages() else "3"  # 1 turns a page that lies on its side
    ran = subprocess.run(
        ["tesseract", "stdin", "stdout", "-l", languages, "--psm", layout, "--dpi", "300", "tsv"],
        input=data,
        capture_output=True,
        timeout=PAGE_TIMEOUT_S,
        check=False,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    )
    lines: list[str] = []
    place, score = ("", "", ""), 0.0
    for row in ran.stdout.decode("utf-8", "replace").split("\n")[1:]:
        cells = row.rstrip("\r").split("\t")
        if len(cells) < 12 or not cells[11].strip():
            continue
        score += (float(cells[10]) - 40) * sum(char.isalnum() for char in cells[11])
        if (cells[2], cells[3], cells[4]) == place:
            lines[-1] += " " + cells[11]
        else:
            lines += [""] if lines and (cells[2], cells[3]) != place[:2] else []
            lines.append(cells[11])
            place = (cells[2], cells[3], cells[4])
    return _Reading("\n".join(lines), score)


def picture_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels as the header says, (0, 0) when it is not understood."""
    try:
        if data.startswith(b"\x89PNG"):
            return struct.unpack_from(">II", data, 16)
        if data.startswith(b"GIF8"):
            return struct.unpack_from("<HH", data, 6)
        if data.startswith(b"BM"):
            width, height = struct.unpack_from("<ii", data, 18)
            return width, abs(height)
        if data.startswith(b"\xff\xd8"):
            return _jpeg_size(data)
        if data[:4] in (b"II*\x00", b"MM\x00*"):
            return _tiff_size(data)
    except struct.error:
        return 0, 0
    return 0, 0


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 < len(data):
        marker, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + length
    return 0, 0


def _tiff_size(data: bytes) -> tuple[int, int]:
    order = "<" if data.startswith(b"II") else ">"
    first = struct.unpack_from(order + "I", data, 4)[0]
    size = {256: 0, 257: 0}
    for index in range(struct.unpack_from(order + "H", data, first)[0]):
        tag, kind = struct.unpack_from(order + "HH", data, first + 2 + 12 * index)
        if tag in size:
            value = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, first + 10 + 12 * index)
            size[tag] = value[0]
    return size[256], size[257]


def _as_pdf(data: bytes, width: int, height: int) -> bytes:
    """A one-page PDF around a JPEG or a plain PNG, so that pdfium can scale it; b"" for other kinds."""
    if data.startswith(b"\xff\xd8"):
        gray = _jpeg_components(data) == 1
        if _jpeg_components(data) not in (1, 3):
            return b""
        space, code, body = ("/DeviceGray" if gray else "/DeviceRGB"), "/Filter /DCTDecode", data
    elif data.startswith(b"\x89PNG"):
        depth, colour, _, _, interlaced = struct.unpack_from("5B", data, 24)
        if colour not in (0, 2, 3) or interlaced:
            return b""
        chunks = _png_chunks(data)
        palette = chunks.get(b"PLTE", b"")
        space = {0: "/DeviceGray", 2: "/DeviceRGB"}.get(
            colour, f"[/Indexed /DeviceRGB {len(palette) // 3 - 1} <{palette.hex()}>]"
        )
        colours = 3 if colour == 2 else 1
        code = (
            "/Filter /FlateDecode /DecodeParms"
            f" << /Predictor 15 /Colors {colours} /BitsPerComponent {depth} /Columns {width} >>"
        )
        body = chunks.get(b"IDAT", b"")
        return _pdf(width, height, f"/ColorSpace {space} /BitsPerComponent {depth} {code}", body)
    else:
        return b""
    return _pdf(width, height, f"/ColorSpace {space} /BitsPerComponent 8 {code}", body)


def _jpeg_components(data: bytes) -> int:
    at = 2
    while at + 9 < len(data):
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return data[at + 9]
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return 0


def _png_chunks(data: bytes) -> dict[bytes, bytes]:
    parts: dict[bytes, bytes] = {}
    at = 8
    while at + 8 <= len(data):
        length = struct.unpack_from(">I", data, at)[0]
        kind = data[at + 4 : at + 8]
        parts[kind] = parts.get(kind, b"") + data[at + 8 : at + 8 + length]
        at += 12 + length
    return parts


def _pdf(width: int, height: int, image: str, body: bytes) -> bytes:
    """The smallest PDF with one picture. Source: ISO 32000-1, 8.9.5 and 7.5."""
    drawing = f"q {width} 0 0 {height} 0 0 cm /I Do Q".encode()
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}]"
        " /Resources << /XObject << /I 5 0 R >> >> /Contents 4 0 R >>".encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing),
        f"<< /Type /XObject /Subtype /Image /Width {width} /Height {height} {image}"
        f" /Length {len(body)} >>\nstream\n".encode()
        + body
        + b"\nendstream",
    ]
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, part in enumerate(parts, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n" + table
    out += b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start
    return bytes(out)


def png(pixels: NDArray[uint8]) -> bytes:
    """A (height, width, 3) picture as PNG. Source: PNG specification (third edition), 5 and 11."""
    import numpy as np

    height, width, _ = pixels.shape
    rows = np.zeros((height, width * 3 + 1), dtype=np.uint8)  # the first byte of a row: no filter
    rows[:, 1:] = pixels.reshape(height, width * 3)

    def part(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(rows.tobytes(), 6)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", packed) + part(b"IEND", b"")
