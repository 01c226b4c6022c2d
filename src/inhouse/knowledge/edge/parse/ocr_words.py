"""Pictures of text to words, with the `tesseract` program (Russian and English).

Debian's tesseract is called as a program, one page at a time: it stays within 200 MB where a library
backend took 640, and a page that kills it kills only it. Of each word it says how sure it is; a figure that
it is not sure of, or that two readings of the same place give differently, is a doubt (`DOUBT_BELOW`).
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from inhouse.knowledge.edge.parse.ocr_upright import has_even_light, is_blank, laid_by, skew_of, straightened
from inhouse.knowledge.edge.parse.pdf_words import Word

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

__all__ = ["DOUBT_BELOW", "Scan", "installed", "read_gray", "run_tesseract", "usable"]

FEW_SURE = 6_000.0
"""A reading with a lower score (about 100 letters read for sure) is tried once more with a threshold for
each part of the picture: on a photographed page in uneven light 44 of 800 letters were read without."""
SURE_PAGE = 72.0
"""Mean sureness (0 to 100, by letters) of a page that lies upright; sideways ones give 20 to 45."""
UPRIGHT = 58.0
"""The same for a page of which much was read: a form of 1,280 pixels gives 68, and no other turn is tried."""
LIKELY = 50.0
"""A first look that is less sure asks how the page lies before it is read in earnest."""
SURELY = 94.0
"""A page in even light that was read so surely is read once: clean scans and pictures of 80 to 300 dpi give
95 and more, on which a larger picture and another threshold changed no letter (n=6 kinds of picture)."""
DOUBT_BELOW = 85.0
"""A figure of which tesseract is less sure (0 to 100) is a doubt. Measured with bench/ocr_doubts.py on
generated scans of 75 to 200 dpi with noise and blur, n=215 figures, 39 of them read wrongly: below 85, 38 of
the 39 are doubted and 32 % of the right ones, nearly all of those on the worst scans; 70 doubts 29 and 19 %,
90 all 39 and 43 %. A needless doubt asks for a look at the page, a missing one lets a wrong number pass."""
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


@dataclass(frozen=True, slots=True)
class Scan:
    """Words of a picture, places in its pixels once it is laid upright; paragraphs are two lines apart.

    `turn` is how it was laid (`pdf_words.turned`), `width` and `height` are those of the upright picture, and
    `slope` tells how far its lines fell for each pixel to the right before it was straightened.
    `score` grows with letters and with how sure tesseract is of them, `sure` is the mean of the latter.
    """

    words: list[Word]
    turn: int
    width: float
    height: float
    score: float
    sure: float
    slope: float = 0.0


def _nothing() -> None:
    """No sign of progress is wanted."""


def read_gray(
    pixels: NDArray[uint8],
    languages: str,
    *,
    enlarged: Callable[[], NDArray[uint8]] | None = None,
    beat: Callable[[], None] = _nothing,
) -> Scan:
    """The words on a (height, width) picture of gray values, whichever way it lies.

    `enlarged` draws the same picture larger, for a second look. `beat` is called after each reading.

    Raises:
        subprocess.TimeoutExpired: if tesseract took longer than `PAGE_TIMEOUT_S`.
    """
    height, width = pixels.shape
    best = Scan([], 0, width, height, 0.0, 0.0)
    if is_blank(pixels):
        return best
    first = _glance(pixels, languages)
    beat()
    for turn in _turns(pixels, first[0]):
        laid = laid_by(pixels, turn) if turn else pixels
        glance = first
        if turn:
            glance = _glance(laid, languages)
            beat()
        if best.words and glance[0].score <= best.score:
            continue
        larger = (lambda turn=turn: laid_by(enlarged(), turn)) if enlarged else None
        found = _read_best(laid, languages, glance, larger, beat)
        if found.score > best.score or not best.words:
            best = replace(found, turn=turn)
        if best.score > 0 and best.sure >= (UPRIGHT if best.score > FEW_SURE else SURE_PAGE):
            break
    return best


def _turns(pixels: NDArray[uint8], glance: _Reading) -> tuple[int, ...]:
    """Ways to lay the picture, the likeliest first."""
    if glance.sure >= LIKELY:
        return 0, 90, 270, 180
    told = _orientation(pixels)
    if told is None and not glance.words:
        return (0,)
    return (told, *(turn for turn in (0, 90, 270, 180) if turn != told)) if told else (0, 90, 270, 180)


def _orientation(pixels: NDArray[uint8]) -> int | None:
    """Which way the text runs as tesseract sees it; None if it cannot tell."""
    if "osd" not in _languages():
        return None
    ran = subprocess.run(
        ["tesseract", "stdin", "stdout", "--psm", "0", "--dpi", "300"],
        input=_portable(pixels),
        capture_output=True,
        timeout=PAGE_TIMEOUT_S,
        check=False,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    )
    for line in ran.stdout.decode("ascii", "replace").split("\n"):
        if line.startswith("Rotate:"):
            return int(line.split(":")[1]) % 360
    return None


def _portable(pixels: NDArray[uint8]) -> bytes:
    height, width = pixels.shape
    return b"P5\n%d %d\n255\n" % (width, height) + pixels.tobytes()


@dataclass(frozen=True, slots=True)
class _Picture:
    """`scale` is how much larger it is than the first one of its page, `slope` how it was straightened."""

    data: bytes
    width: int
    height: int
    scale: float
    slope: float


def _picture(pixels: NDArray[uint8], scale: float) -> _Picture:
    slope = skew_of(pixels)
    height, width = pixels.shape
    return _Picture(_portable(straightened(pixels, slope)), width, height, scale, slope)


def _glance(pixels: NDArray[uint8], languages: str) -> tuple[_Reading, _Picture]:
    picture = _picture(pixels, 1.0)
    return _tesseract(picture, languages), picture


def _read_best(
    pixels: NDArray[uint8],
    languages: str,
    glance: tuple[_Reading, _Picture],
    enlarged: Callable[[], NDArray[uint8]] | None,
    beat: Callable[[], None],
) -> Scan:
    """Read each version of a picture, and once more in English alone what is not clearly Russian.

    Together the two languages mix look-alikes: an English line came out as `Нарру Мем Уеаг`. A page in even
    light that was read for sure is not read again.
    """
    readings = [glance]
    is_sure = glance[0].sure >= SURELY and has_even_light(pixels)
    if enlarged and not is_sure:
        larger = enlarged()
        picture = _picture(larger, larger.shape[0] / max(pixels.shape[0], 1))
        readings.append((_tesseract(picture, languages), picture))
        beat()
    best, picture = max(readings, key=lambda pair: pair[0].score)
    if best.score < FEW_SURE and not is_sure:
        again = _tesseract(picture, languages, *_UNEVEN)
        readings.append((again, picture))
        best = max(best, again, key=lambda reading: reading.score)
        beat()
    both = {"rus", "eng"} <= set(languages.split("+"))
    if both and best.words and not _is_clearly_russian(best.words):
        english = _tesseract(picture, "eng")
        readings.append((english, picture))
        best = english if english.score >= 0.97 * best.score else best
        beat()
    others = [reading for reading, _ in readings if reading is not best]
    words = _compared(best.words, others)
    height, width = pixels.shape
    return Scan(words, 0, width, height, best.score, best.sure, picture.slope)


def _is_clearly_russian(words: list[Word]) -> bool:
    letters = [char for word in words for char in word.text if char.isalpha()]
    cyrillic = [char for char in letters if "\u0400" <= char <= "\u04ff"]
    if len(cyrillic) < 0.3 * len(letters):
        return False
    return any(char not in _LOOK_ALIKE for char in cyrillic)


@dataclass(frozen=True, slots=True)
class _Reading:
    words: list[Word]
    score: float
    sure: float


def run_tesseract(
    data: bytes, languages: str, *options: str, output: str = "tsv"
) -> subprocess.CompletedProcess[bytes]:
    """What the program says of an encoded picture."""
    return subprocess.run(
        ["tesseract", "stdin", "stdout", "-l", languages, "--dpi", "300", *options, output],
        input=data,
        capture_output=True,
        timeout=PAGE_TIMEOUT_S,
        check=False,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    )


def _tesseract(picture: _Picture, languages: str, *options: str) -> _Reading:
    ran = run_tesseract(picture.data, languages, "--psm", "3", *options)
    words: list[Word] = []
    place, line = ("", "", ""), -2
    score = total = weight = 0.0
    for row in ran.stdout.decode("utf-8", "replace").split("\n")[1:]:
        cells = row.rstrip("\r").split("\t")
        if len(cells) < 12 or not cells[11].strip():
            continue
        sure = float(cells[10])
        signs = sum(char.isalnum() for char in cells[11])
        score += (sure - 40) * signs
        total += sure * signs
        weight += signs
        if (cells[2], cells[3], cells[4]) != place:
            line += 2 if (cells[2], cells[3]) != place[:2] else 1
            place = (cells[2], cells[3], cells[4])
        left, top, wide, high = (float(cell) for cell in cells[6:10])
        scale = picture.scale
        size = max(high / scale, 1.0)
        box = (left / scale, top / scale, (left + wide) / scale, (top + high) / scale)
        words.append(Word(cells[11].strip(), *box, line, size, False, 0, sure))
    return _Reading(_even_sizes(words), score, total / weight if weight else 0.0)


def _even_sizes(words: list[Word]) -> list[Word]:
    """The height of a word depends on its letters; the size is that of its line."""
    highest: dict[int, float] = {}
    for word in words:
        highest[word.line] = max(highest.get(word.line, 0.0), word.size)
    return [word._replace(size=highest[word.line]) for word in words]


def _compared(words: list[Word], others: list[_Reading]) -> list[Word]:
    """Figures that another reading of the same place gives differently are not sure at all."""
    figures = [
        (word, _digits(word.text))
        for reading in others
        if reading.sure >= 50
        for word in reading.words
        if _digits(word.text) and word.sure >= 40
    ]
    if not figures:
        return words
    out = []
    for word in words:
        mine = _digits(word.text)
        if mine and any(_is_same_place(word, other) and mine != digits for other, digits in figures):
            out.append(word._replace(sure=0.0))
        else:
            out.append(word)
    return out


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


def _is_same_place(one: Word, two: Word) -> bool:
    wide = min(one.right, two.right) - max(one.left, two.left)
    high = min(one.bottom, two.bottom) - max(one.top, two.top)
    if wide <= 0 or high <= 0:
        return False
    widest = max(one.right - one.left, two.right - two.left)
    return wide > 0.8 * widest and high > 0.5 * (one.bottom - one.top)
