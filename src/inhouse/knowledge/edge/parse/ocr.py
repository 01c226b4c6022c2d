"""Pictures of text to text, with the `tesseract` program (Russian and English).

Debian's tesseract is called as a program, one page at a time: it stays within 200 MB where a library
backend took 640, and a page that kills it kills only it.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.kernel.documents import PageSpan
from inhouse.knowledge.edge.parse.parsed import Means, Parsed, Refused, refusal
from inhouse.knowledge.edge.parse.pictures import MAX_PIXELS, as_pdf, draw, picture_size

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

__all__ = ["installed", "read_bytes", "read_gray", "read_picture", "usable"]

REFUSED_PIXELS = 200_000_000
SMALL_PX = 1_800
"""A picture whose longer side is below this is also read enlarged, as screens have 96 dpi and tesseract
wants 300. On office/cfsample.jpg (1280 px) the number 7717586110 is read as 7117586110 without; factors of
1, 1.5, 2, 2.5, 3 were tried, and only the last two gave every expected phrase (bench/office.py)."""
ENLARGED = 3.0
FEW_SURE = 6_000.0
"""A reading with a lower score (about 100 letters read for sure) is tried once more with a threshold for
each part of the picture: on a photographed page in uneven light 44 of 800 letters were read without."""
_UNEVEN = ("-c", "thresholding_method=2")
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


def usable(wanted: str) -> str:
    """Those of the languages (`rus+eng`) that tesseract can read here; "" when there is none."""
    return "+".join(language for language in wanted.split("+") if language in _languages())


def installed(wanted: str = "rus+eng") -> bool:
    """True when tesseract is here with at least one of the languages."""
    return bool(usable(wanted))


def read_picture(path: Path, name: str, media_type: str, means: Means) -> Parsed | Refused:
    """The text on a picture file, as one page."""
    if not means.languages:
        return refusal("needs_ocr", name, media_type=media_type)
    data = path.read_bytes()
    width, height = picture_size(data)
    if width * height > REFUSED_PIXELS:
        return refusal("bomb", name, f"{width:,} x {height:,} pixels", media_type=media_type)
    text, spans = "", []
    read = _read_pages(data, means.languages)
    if not any(read) and not _is_whole(data, means.languages):
        return refusal("damaged", name, "the picture cannot be decoded", media_type=media_type)
    for number, page in enumerate(read, 1):
        text += "\n\n" if text else ""
        spans.append(PageSpan(number, len(text), len(text) + len(page)))
        text += page
    return Parsed(text, "text", media_type, tuple(spans))


def _is_whole(data: bytes, languages: str) -> bool:
    """False when tesseract cannot open the picture at all, as one that was cut off in mid-transfer."""
    return _run(data, languages).returncode == 0


def read_bytes(data: bytes, languages: str) -> str:
    """The text on an encoded picture (PNG, JPEG, TIFF, …); empty when there is none."""
    return "\n\n".join(_read_pages(data, languages)).strip()


def _read_pages(data: bytes, languages: str) -> list[str]:
    """The text of each page; only TIFF files have more than one."""
    width, height = picture_size(data)
    longer = max(width, height)
    wrapped = as_pdf(data, width, height) if longer < SMALL_PX or width * height > MAX_PIXELS else b""
    if width * height > MAX_PIXELS:
        return [read_gray(draw(wrapped, scale=1.0), languages)] if wrapped else []
    if not wrapped:
        return _read_best(languages, data).split("\f")
    return [_read_best(languages, data, _portable(draw(wrapped, scale=ENLARGED)))]


def read_gray(pixels: NDArray[uint8], languages: str) -> str:
    """The text on a (height, width) picture of gray values."""
    return _read_best(languages, _portable(pixels))


def _portable(pixels: NDArray[uint8]) -> bytes:
    height, width = pixels.shape
    return b"P5\n%d %d\n255\n" % (width, height) + pixels.tobytes()


@dataclass(frozen=True, slots=True)
class _Reading:
    """Words as tesseract saw them. `score` grows with letters and with how sure it is of them."""

    text: str
    score: float


def _read_best(languages: str, *pictures: bytes) -> str:
    """Read each version of a picture, and once more in English alone what is not clearly Russian.

    Together the two languages mix look-alikes: an English line came out as `Нарру Мем Уеаг`.
    """
    readings = [(_tesseract(picture, languages), picture) for picture in pictures]
    best, picture = max(readings, key=lambda pair: pair[0].score)
    if best.score < FEW_SURE:
        best = max(best, _tesseract(picture, languages, *_UNEVEN), key=lambda reading: reading.score)
    if {"rus", "eng"} <= set(languages.split("+")) and not _is_clearly_russian(best.text):
        english = _tesseract(picture, "eng")
        best = english if english.score >= 0.97 * best.score else best
    return best.text


def _is_clearly_russian(text: str) -> bool:
    letters = [char for char in text if char.isalpha()]
    cyrillic = [char for char in letters if "\u0400" <= char <= "\u04ff"]
    if len(cyrillic) < 0.3 * len(letters):
        return False
    return any(char not in _LOOK_ALIKE for char in cyrillic)


def _run(data: bytes, languages: str, *options: str) -> subprocess.CompletedProcess[bytes]:
    layout = "1" if "osd" in _languages() else "3"  # 1 turns a page that lies on its side
    return subprocess.run(
        ["tesseract", "stdin", "stdout", "-l", languages, "--psm", layout, "--dpi", "300", *options, "tsv"],
        input=data,
        capture_output=True,
        timeout=PAGE_TIMEOUT_S,
        check=False,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    )


def _tesseract(data: bytes, languages: str, *options: str) -> _Reading:
    ran = _run(data, languages, *options)
    lines: list[str] = []
    place, score = ("1", "", "", ""), 0.0
    for row in ran.stdout.decode("utf-8", "replace").split("\n")[1:]:
        cells = row.rstrip("\r").split("\t")
        if len(cells) < 12 or not cells[11].strip():
            continue
        score += (float(cells[10]) - 40) * sum(char.isalnum() for char in cells[11])
        page, block, paragraph, line = cells[1:5]
        if (page, block, paragraph, line) == place:
            lines[-1] += " " + cells[11]
            continue
        lines += [""] if lines and (page, block, paragraph) != place[:3] else []
        lines.append(("\f" if page != place[0] else "") + cells[11])
        place = (page, block, paragraph, line)
    return _Reading("\n".join(lines), score)
