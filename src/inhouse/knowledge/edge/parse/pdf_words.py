"""The words of a page and where they stand, out of pdfium's text layer or out of tesseract.

Places are points on the page as it is shown: (0, 0) is the top left corner, whatever the page's rotation.
Text that runs up or down the page is turned upright for reading (`upright`), since lines and tables are
told from places.
"""

from __future__ import annotations

import ctypes
import functools
import re
import struct
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from inhouse.knowledge.edge.parse.unseen import visible

__all__ = [
    "Box",
    "Frame",
    "Look",
    "Word",
    "frame_of",
    "layer_words",
    "letters",
    "main_turn",
    "turned",
    "turned_box",
    "unnamed_share",
]

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

SOFT = "\ufffe\x02\xad"
"""How pdfium writes a hyphen at the end of a line."""

_TOKEN = re.compile(rf"\r\n|\r|\n|[^\s{SOFT}]+[{SOFT}]?|[{SOFT}]")
_PLACES = struct.Struct("8d")
_PRESENTATION = re.compile("[\ufb00-\ufdff\ufe70-\ufeff\uf900-\ufaff]")
_UNNAMED = re.compile("[\x00\x01\x03-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd]")
_SAMPLE = 200
_ANY_LETTER = re.compile(r"[^\W_]")


class Word(NamedTuple):
    """A word. `line` counts the lines in the order of the source; `turn` is the direction of its text.

    `turn` 90 means that the text runs upwards as the page is shown. `sure` is 0 to 100, how sure OCR was.
    `thing` is the number of the page object that draws it, -1 when unknown.
    """

    text: str
    left: float
    top: float
    right: float
    bottom: float
    line: int
    size: float = 10.0
    bold: bool = False
    turn: int = 0
    sure: float = 100.0
    thing: int = -1

    @property
    def box(self) -> Box:
        """Its place."""
        return self.left, self.top, self.right, self.bottom


@dataclass(frozen=True, slots=True)
class Frame:
    """How points of the page's own space come to the page as it is shown."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float
    width: float
    height: float
    rotation: int

    def shown(self, left: float, bottom: float, right: float, top: float) -> Box:
        """A rectangle of the page's own space (bottom below top) as it is shown (top above bottom)."""
        if not self.rotation:
            return left + self.e, self.f - top, right + self.e, self.f - bottom
        x0, y0 = self.a * left + self.c * bottom + self.e, self.b * left + self.d * bottom + self.f
        x1, y1 = self.a * right + self.c * top + self.e, self.b * right + self.d * top + self.f
        return (min(x1, x0), min(y1, y0), max(x0, x1), max(y0, y1))


def frame_of(page: Any) -> Frame:
    """The frame of a pdfium page."""
    left, bottom, right, top = page.get_bbox()
    rotation = page.get_rotation() % 360
    wide, high = max(right - left, 1.0), max(top - bottom, 1.0)
    if rotation == 90:
        return Frame(0, 1, 1, 0, -bottom, -left, high, wide, 90)
    if rotation == 180:
        return Frame(-1, 0, 0, 1, right, -bottom, wide, high, 180)
    if rotation == 270:
        return Frame(0, -1, -1, 0, top, right, high, wide, 270)
    return Frame(1, 0, 0, -1, -left, top, wide, high, 0)


@dataclass(frozen=True, slots=True)
class Look:
    """How a text object looks: size in points, weight, direction, colour (red, green, blue, alpha), mode.

    `address` is where pdfium keeps it. `mode` is the rendering mode of ISO 32000-1, 9.3.6.
    """

    size: float
    bold: bool
    turn: int
    colour: tuple[int, int, int, int]
    mode: int
    thing: int
    address: int = 0


def layer_words(layer: Any, frame: Frame, looks: dict[int, Look]) -> list[Word]:
    """The words of a text layer in its own order, with a new line wherever pdfium ends one.

    `looks` is filled: how each text object looks, by its number (`Word.thing`).
    """
    whole = layer.get_text_range()
    place_of, object_of, index_of, _ = _readers()
    same = layer.count_chars() == len(whole)
    is_plain = whole.isascii() and whole.replace("\r\n", "").isprintable()
    handle = ctypes.cast(layer.raw, ctypes.c_void_p).value or 0
    places = bytearray(_PLACES.size)  # left, right, bottom, top of the first letter, then of the last
    at = ctypes.addressof(ctypes.c_char.from_buffer(places))
    first_at, last_at = (at, at + 8, at + 16, at + 24), (at + 32, at + 40, at + 48, at + 56)
    known: dict[int, Look] = {}
    words: list[Word] = []
    new, shown, numbers = tuple.__new__, frame.shown, _PLACES.unpack
    line = 0
    for token in _TOKEN.finditer(whole):
        text = token.group()
        if text in "\r\n":
            line += 1
            continue
        first, last = token.start(), token.end() - 1
        if text[-1] in SOFT and last > first:
            last -= 1
        if not same:
            first, last = index_of(handle, first), index_of(handle, last)
        if not place_of(handle, first, *first_at):
            continue
        if last == first or not place_of(handle, last, *last_at):
            places[32:] = places[:32]
        x0, x1, y0, y1, x2, x3, y2, y3 = numbers(places)
        box = shown(min(x2, x0), min(y2, y0), max(x3, x1), max(y3, y1))
        pointer = object_of(handle, first) or 0
        look = known.get(pointer)
        if look is None:
            look = known[pointer] = _look(layer, first, frame, len(known))
            looks[look.thing] = look
        said = text if is_plain else _clean(text)
        words.append(new(Word, (said, *box, line, look.size, look.bold, look.turn, 100.0, look.thing)))
        if text[-1] in SOFT:  # pdfium goes on with the next line here without an end of line
            line += 1
    return words


@functools.cache
def _readers() -> tuple[Any, Any, Any, Any]:
    """Four of pdfium's functions, taking and giving plain numbers: called for every word of every page.

    Through pypdfium2's own declarations, with a pointer object for each argument, they take twice as long.
    """
    from pypdfium2 import raw

    address, number = ctypes.c_void_p, ctypes.c_int

    def bound(function: Any, result: Any, *arguments: Any) -> Any:
        return ctypes.CFUNCTYPE(result, *arguments)(ctypes.cast(function, address).value or 0)

    return (
        bound(raw.FPDFText_GetCharBox, number, address, number, *[address] * 4),
        bound(raw.FPDFText_GetTextObject, address, address, number),
        bound(raw.FPDFText_GetCharIndexFromTextIndex, number, address, number),
        bound(raw.FPDFText_HasUnicodeMapError, number, address, number),
    )


def unnamed_share(layer: Any) -> float:
    """The share of signs on the page for which the file gives no letter, or one that does not exist."""
    whole = layer.get_text_range()
    signs = sum(not sign.isspace() for sign in whole)
    if signs < _SAMPLE // 10:
        return 0.0
    *_, is_unnamed = _readers()
    handle, count = ctypes.cast(layer.raw, ctypes.c_void_p).value or 0, layer.count_chars()
    sample = range(0, count, max(count // _SAMPLE, 1))
    untold = sum(is_unnamed(handle, index) == 1 for index in sample) / max(len(sample), 1)
    return max(float(untold), len(_UNNAMED.findall(whole)) / signs)


def _clean(text: str) -> str:
    """Letters of one shape only (`ﬁ` is `fi`) without signs of no width; a soft hyphen at the end stays."""
    if text.isascii() and text.isprintable():
        return text
    soft = text[-1] if text[-1] in SOFT else ""
    if _PRESENTATION.search(text):
        text = _PRESENTATION.sub(lambda found: unicodedata.normalize("NFKC", found.group()), text)
    return visible(text.rstrip(SOFT)) + (SOFT[0] if soft else "")


def _look(layer: Any, index: int, frame: Frame, number: int) -> Look:
    from pypdfium2 import raw

    handle, matrix = layer.raw, raw.FS_MATRIX()
    scale, angle = 1.0, 0
    if raw.FPDFText_GetMatrix(handle, index, matrix):
        scale = (matrix.c**2 + matrix.d**2) ** 0.5 or 1.0  # many producers set size 1 and scale by the matrix
        if abs(matrix.a) < abs(matrix.b):
            angle = 90 if matrix.b > 0 else 270
        elif matrix.a < 0 and matrix.d < 0:
            angle = 180
    red, green, blue, alpha = (ctypes.c_uint(0) for _ in range(4))
    colour = (0, 0, 0, 255)
    if raw.FPDFText_GetFillColor(handle, index, red, green, blue, alpha):
        colour = (red.value, green.value, blue.value, alpha.value)
    drawn_by = raw.FPDFText_GetTextObject(handle, index)
    return Look(
        size=round(raw.FPDFText_GetFontSize(handle, index) * scale, 1),
        bold=raw.FPDFText_GetFontWeight(handle, index) >= 600 or _is_heavy(handle, index),
        turn=(angle - frame.rotation) % 360,
        colour=colour,
        mode=raw.FPDFTextObj_GetTextRenderMode(drawn_by) if drawn_by else 0,
        thing=number,
        address=ctypes.cast(drawn_by, ctypes.c_void_p).value or 0,
    )


def _is_heavy(handle: Any, index: int) -> bool:
    """By the name of the font: many files do not state its weight."""
    from pypdfium2 import raw

    name = ctypes.create_string_buffer(128)
    flags = ctypes.c_int()
    raw.FPDFText_GetFontInfo(handle, index, name, 128, flags)
    low = name.value.lower()
    return b"bold" in low or b"black" in low or b"heavy" in low


def letters(text: str) -> int:
    """How many letters and digits it has."""
    return len(_ANY_LETTER.findall(text))


def main_turn(words: Sequence[Word]) -> int:
    """The direction of most letters on the page."""
    ways = {word.turn for word in words}
    if len(ways) < 2:
        return ways.pop() if ways else 0
    counts: Counter[int] = Counter()
    for word in words:
        counts[word.turn] += len(word.text)
    return counts.most_common(1)[0][0]


def turned(words: Sequence[Word], turn: int, width: float, height: float) -> list[Word]:
    """Places and directions as they are when the page lies so that text of this direction can be read.

    The order stays. What has other directions is turned with it.
    """
    if not turn:
        return list(words)
    out = []
    for word in words:
        left, top, right, bottom = turned_box(word.box, turn, width, height)
        way = (word.turn - turn) % 360
        out.append(word._replace(left=left, top=top, right=right, bottom=bottom, turn=way))
    return out


def turned_box(box: Box, turn: int, width: float, height: float) -> Box:
    """A box on a page of that size, when the page is laid as `turned` does."""
    left, top, right, bottom = box
    if turn == 90:
        return height - bottom, left, height - top, right
    if turn == 180:
        return width - right, height - bottom, width - left, height - top
    if turn == 270:
        return top, width - right, bottom, width - left
    return box
