"""Pictures as bytes and as pixels: their size, their way through pdfium, and PNG.

pdfium draws and scales; no imaging library is needed, since a JPEG or a plain PNG can be wrapped into a
one-page PDF as it is.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

__all__ = ["MAX_PIXELS", "as_pdf", "draw", "gray", "picture_size", "png"]

MAX_PIXELS = 24_000_000
"""Largest picture handed to tesseract: A3 at 300 dpi is 17 million, and it takes 10 bytes for each."""


def draw(data: bytes, *, scale: float) -> NDArray[uint8]:
    """The first page of a PDF in memory as gray values, within `MAX_PIXELS`."""
    import pypdfium2 as pdfium

    document = pdfium.PdfDocument(data)
    try:
        return gray(document[0], scale)
    finally:
        document.close()


def gray(page: Any, scale: float) -> NDArray[uint8]:
    """A pdfium page as gray values, scaled down where it would be more than `MAX_PIXELS`."""
    width, height = page.get_size()
    scale = min(scale, (MAX_PIXELS / max(width * height, 1)) ** 0.5)
    pixels: NDArray[uint8] = page.render(scale=scale, grayscale=True).to_numpy()
    return pixels if pixels.ndim == 2 else pixels[:, :, 0]


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


def as_pdf(data: bytes, width: int, height: int) -> bytes:
    """A one-page PDF around a JPEG or a plain PNG, so that pdfium can scale it; b"" for other kinds."""
    turn = 0
    if data.startswith(b"\xff\xd8"):
        gray = _jpeg_components(data) == 1
        if _jpeg_components(data) not in (1, 3):
            return b""
        space, code, body = ("/DeviceGray" if gray else "/DeviceRGB"), "/Filter /DCTDecode", data
        turn = _held(data)
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
        return _pdf((width, height, turn), f"/ColorSpace {space} /BitsPerComponent {depth} {code}", body)
    else:
        return b""
    return _pdf((width, height, turn), f"/ColorSpace {space} /BitsPerComponent 8 {code}", body)


def _jpeg_components(data: bytes) -> int:
    at = 2
    while at + 9 < len(data):
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return data[at + 9]
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return 0


_HELD = {3: 180, 6: 90, 8: 270}
"""What the camera wrote (EXIF orientation), and how far the page is turned to the right for it."""


def _held(data: bytes) -> int:
    """How a camera was held. Source: Exif 2.32, 4.6.4 (tag 0x0112)."""
    at = 2
    while at + 14 < len(data) and data[at] == 0xFF and data[at + 1] not in (0xDA, 0xD9):
        length = struct.unpack_from(">H", data, at + 2)[0]
        if data[at + 1] == 0xE1 and data[at + 4 : at + 10] == b"Exif\x00\x00":
            return _HELD.get(_orientation(data[at + 10 : at + 2 + length]), 0)
        at += 2 + length
    return 0


def _orientation(block: bytes) -> int:
    order = "<" if block.startswith(b"II") else ">"
    try:
        first = struct.unpack_from(order + "I", block, 4)[0]
        for index in range(min(struct.unpack_from(order + "H", block, first)[0], 200)):
            tag, _, _, value = struct.unpack_from(order + "HHIH", block, first + 2 + 12 * index)
            if tag == 0x112:
                return int(value)
    except struct.error:
        return 0
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


def _pdf(look: tuple[int, int, int], image: str, body: bytes) -> bytes:
    """The smallest PDF with one picture (width, height, turn). Source: ISO 32000-1, 8.9.5 and 7.5."""
    width, height, turn = look
    drawing = f"q {width} 0 0 {height} 0 0 cm /I Do Q".encode()
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Rotate {turn}"
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
