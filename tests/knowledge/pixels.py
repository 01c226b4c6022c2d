"""Pictures for tests of scans: pages as pixels, turned, askew, with noise, and as files."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import pypdfium2

from inhouse.knowledge.edge.parse.pictures import gray

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

__all__ = ["drawn", "gray_of", "laid_back", "noisy", "tiff", "turned_share", "written"]


def drawn(content: bytes, *, dpi: int = 200) -> NDArray[uint8]:
    """The first page of a PDF as gray pixels."""
    document = pypdfium2.PdfDocument(content)
    try:
        return gray(document[0], dpi / 72)
    finally:
        document.close()


def gray_of(png: bytes) -> NDArray[uint8]:
    """The pixels of a PNG that `pictures.png` wrote, as gray."""
    import numpy as np

    width, height = struct.unpack_from(">II", png, 16)
    start = png.index(b"IDAT") + 4
    (length,) = struct.unpack_from(">I", png, start - 8)
    rows = np.frombuffer(zlib.decompress(png[start : start + length]), np.uint8).reshape(height, -1)
    pixels: NDArray[uint8] = rows[:, 1:].reshape(height, width, 3).mean(axis=2).astype(np.uint8)
    return pixels


def noisy(pixels: NDArray[uint8], *, seed: int, noise: float, blur: int) -> NDArray[uint8]:
    """As a bad scanner gives it: blurred over so many pixels, with noise of this deviation."""
    import numpy as np

    soft = pixels.astype(np.float64)
    for axis in (0, 1):
        shifted = [np.roll(soft, shift, axis) for shift in range(-blur, blur + 1)]
        soft = np.mean(shifted, axis=0)
    soft += np.random.default_rng(seed).normal(0, noise, soft.shape)
    return soft.clip(0, 255).astype(np.uint8)


def written(pixels: NDArray[uint8]) -> bytes:
    """A gray PNG."""

    def part(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = pixels.shape
    rows = b"".join(b"\x00" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")
    )


def tiff(*pages: NDArray[uint8], dpi: int = 200) -> bytes:
    """A TIFF file of uncompressed gray pages. Source: TIFF 6.0, section 2."""
    out = bytearray(b"II*\x00\x00\x00\x00\x00")
    link = 4
    for pixels in pages:
        height, width = pixels.shape
        at = len(out)
        out += pixels.tobytes() + b"\x00" * (pixels.size % 2)
        resolution = len(out)
        out += struct.pack("<II", dpi, 1)
        struct.pack_into("<I", out, link, len(out))
        entries = [
            (256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, at),
            (277, 3, 1), (278, 4, height), (279, 4, pixels.size), (282, 5, resolution), (283, 5, resolution),
            (296, 3, 2),
        ]  # fmt: skip
        out += struct.pack("<H", len(entries))
        for tag, kind, value in entries:
            out += struct.pack("<HHII", tag, kind, 1, value)
        link = len(out)
        out += b"\x00\x00\x00\x00"
    return bytes(out)


def laid_back(pixels: NDArray[uint8], turn: int) -> NDArray[uint8]:
    """The opposite of `ocr_upright.laid_by`: an upright picture as a scanner gives it that was fed askew."""
    import numpy as np

    return np.ascontiguousarray(np.rot90(pixels, {0: 0, 90: 1, 180: 2, 270: -1}[turn]))


def turned_share(box: tuple[float, float, float, float], turn: int) -> tuple[float, float, float, float]:
    """A box in shares of a page, on the same page laid upright."""
    left, top, right, bottom = box
    if turn == 90:
        return 1 - bottom, left, 1 - top, right
    if turn == 180:
        return 1 - right, 1 - bottom, 1 - left, 1 - top
    if turn == 270:
        return top, 1 - right, bottom, 1 - left
    return box
