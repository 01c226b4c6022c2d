"""What is drawn on a page beside its words: lines of tables, pictures, and what lies over the words."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from inhouse.knowledge.edge.parse.pdf_tables import Rules
from inhouse.knowledge.edge.parse.pdf_words import Box, Frame

__all__ = ["Drawn", "drawn_on"]

MOST_OBJECTS = 20_000
"""Maps and drawings have more; what comes after is not looked at."""
MOST_LINES = 4_000
MOST_SEGMENTS = 600
"""Of one path. The grid of a table has few; a letter drawn as a path is no line."""
DEEPEST = 3
THIN = 2.5
"""Points; a filled box lower than this is a line."""

Matrix = tuple[float, float, float, float, float, float]
_SAME: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(slots=True)
class Drawn:
    """`text_order` tells of each text object (by address) how many things were drawn before it.

    `covers` are filled boxes and pictures with that same number and how light they are (0 to 255, -1 for
    pictures); `objects` counts everything.
    """

    across: list[tuple[float, float, float]] = field(default_factory=list)
    down: list[tuple[float, float, float]] = field(default_factory=list)
    pictures: list[Box] = field(default_factory=list)
    covers: list[tuple[int, Box, int]] = field(default_factory=list)
    text_order: dict[int, int] = field(default_factory=dict)
    objects: int = 0

    def rules(self) -> Rules:
        """The lines, for `pdf_tables`."""
        return Rules(tuple(self.across), tuple(self.down))

    def picture_share(self, frame: Frame) -> float:
        """How much of the page its pictures cover, overlaps counted twice, at most 1."""
        whole = frame.width * frame.height
        covered = 0.0
        for left, top, right, bottom in self.pictures:
            wide = min(right, frame.width) - max(left, 0.0)
            high = min(bottom, frame.height) - max(top, 0.0)
            covered += max(wide, 0.0) * max(high, 0.0)
        return min(covered / whole, 1.0)


def drawn_on(page: Any, frame: Frame) -> Drawn:
    """Everything of note on a pdfium page, places as shown."""
    from pypdfium2 import raw

    drawn = Drawn()
    bounds = [ctypes.c_float() for _ in range(4)]
    for item, kind, matrix in _things(page.raw, raw):
        drawn.objects += 1
        if kind == raw.FPDF_PAGEOBJ_TEXT:
            drawn.text_order[ctypes.cast(item, ctypes.c_void_p).value or 0] = drawn.objects
            continue
        if not raw.FPDFPageObj_GetBounds(item, *bounds):
            continue
        left, bottom, right, top = _moved([one.value for one in bounds], matrix)
        box = frame.shown(left, bottom, right, top)
        if kind == raw.FPDF_PAGEOBJ_PATH:
            _path(drawn, item, box, (matrix, frame))
        elif kind in (raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_SHADING):
            if kind == raw.FPDF_PAGEOBJ_IMAGE:
                drawn.pictures.append(box)
            drawn.covers.append((drawn.objects, box, -1))
    return drawn


def _things(page: Any, raw: Any) -> Iterator[tuple[Any, int, Matrix]]:
    """Objects in the order of drawing, those inside forms, too."""
    left = MOST_OBJECTS
    stack: list[tuple[Any, int, int, Matrix]] = [(page, 0, raw.FPDFPage_CountObjects(page), _SAME)]
    while stack and left:
        owner, at, count, matrix = stack.pop()
        get = raw.FPDFPage_GetObject if len(stack) == 0 else raw.FPDFFormObj_GetObject
        while at < count and left:
            item = get(owner, at)
            at += 1
            left -= 1
            if not item:
                continue
            kind = raw.FPDFPageObj_GetType(item)
            if kind == raw.FPDF_PAGEOBJ_FORM and len(stack) < DEEPEST:
                stack.append((owner, at, count, matrix))
                inner = raw.FPDFFormObj_CountObjects(item)
                stack.append((item, 0, max(inner, 0), _times(_matrix(item, raw), matrix)))
                break
            yield item, kind, matrix


def _matrix(item: Any, raw: Any) -> Matrix:
    found = raw.FS_MATRIX()
    if not raw.FPDFPageObj_GetMatrix(item, found):
        return _SAME
    return found.a, found.b, found.c, found.d, found.e, found.f


def _times(one: Matrix, two: Matrix) -> Matrix:
    """First `one`, then `two`."""
    return (
        one[0] * two[0] + one[1] * two[2],
        one[0] * two[1] + one[1] * two[3],
        one[2] * two[0] + one[3] * two[2],
        one[2] * two[1] + one[3] * two[3],
        one[4] * two[0] + one[5] * two[2] + two[4],
        one[4] * two[1] + one[5] * two[3] + two[5],
    )


def _moved(box: list[float], matrix: Matrix) -> Box:
    left, bottom, right, top = box
    if matrix == _SAME:
        return left, bottom, right, top
    corners = [_point(x, y, matrix) for x in (left, right) for y in (bottom, top)]
    xs, ys = [one[0] for one in corners], [one[1] for one in corners]
    return min(xs), min(ys), max(xs), max(ys)


def _point(x: float, y: float, matrix: Matrix) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def _path(drawn: Drawn, item: Any, box: Box, space: tuple[Matrix, Frame]) -> None:
    from pypdfium2 import raw

    fill, stroke = ctypes.c_int(), ctypes.c_int()
    if not raw.FPDFPath_GetDrawMode(item, fill, stroke) or not (fill.value or stroke.value):
        return
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    if fill.value and wide > 4 and high > 4:
        drawn.covers.append((drawn.objects, box, _lightness(item)))
    if len(drawn.across) + len(drawn.down) > MOST_LINES:
        return
    if high <= THIN < wide:
        drawn.across.append(((top + bottom) / 2, left, right))
    elif wide <= THIN < high:
        drawn.down.append(((left + right) / 2, top, bottom))
    elif wide > THIN and high > THIN:
        count = raw.FPDFPath_CountSegments(item)
        if 2 <= count <= MOST_SEGMENTS:
            _pieces(drawn, item, count, space)


def _lightness(item: Any) -> int:
    from pypdfium2 import raw

    red, green, blue, alpha = (ctypes.c_uint(0) for _ in range(4))
    if not raw.FPDFPageObj_GetFillColor(item, red, green, blue, alpha) or alpha.value < 200:
        return -1
    return min(red.value, green.value, blue.value)


def _pieces(drawn: Drawn, item: Any, count: int, space: tuple[Matrix, Frame]) -> None:
    """The straight pieces of a path that lie or stand, up to its first curve: what follows is a drawing."""
    from pypdfium2 import raw

    matrix, frame = space
    whole = _times(_matrix(item, raw), matrix)
    x, y = ctypes.c_float(), ctypes.c_float()
    start = last = (0.0, 0.0)
    for index in range(count):
        piece = raw.FPDFPath_GetPathSegment(item, index)
        kind = raw.FPDFPathSegment_GetType(piece)
        if kind == raw.FPDF_SEGMENT_BEZIERTO:
            return
        raw.FPDFPathSegment_GetPoint(piece, x, y)
        shown = frame.shown(*_point(x.value, y.value, whole) * 2)
        point = shown[0], shown[1]
        if kind == raw.FPDF_SEGMENT_MOVETO:
            start = point
        elif kind == raw.FPDF_SEGMENT_LINETO:
            _line(drawn, last, point)
        last = point
        if raw.FPDFPathSegment_GetClose(piece):
            _line(drawn, last, start)
            last = start


def _line(drawn: Drawn, one: tuple[float, float], two: tuple[float, float]) -> None:
    if abs(one[1] - two[1]) <= 0.5 and abs(one[0] - two[0]) > THIN:
        drawn.across.append(((one[1] + two[1]) / 2, min(one[0], two[0]), max(one[0], two[0])))
    elif abs(one[0] - two[0]) <= 0.5 and abs(one[1] - two[1]) > THIN:
        drawn.down.append(((one[0] + two[0]) / 2, min(one[1], two[1]), max(one[1], two[1])))
