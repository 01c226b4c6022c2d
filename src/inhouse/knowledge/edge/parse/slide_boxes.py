"""Where the shapes of a slide stand: in shares of the slide, with what layout and master give."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET

from inhouse.knowledge.edge.parse.package import A, Package

__all__ = ["Box", "Ground", "P", "number", "placeholder", "shift"]

P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_SAME = {"ctrTitle": "title", "subTitle": "body", "obj": "body", "": "body"}
_POINT_EMU = 12_700
_USUAL_POINTS = 18.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in EMU, (0, 0) at the top left of the slide."""

    left: float
    top: float
    width: float
    height: float


def number(element: ET.Element, name: str) -> int:
    """An attribute as a number; 0 when it is none."""
    value = element.get(name, "0")
    return int(value) if value.lstrip("-").isdigit() else 0


def placeholder(shape: ET.Element) -> tuple[str, str] | None:
    """Type and index of the placeholder that a shape fills; None for shapes of their own."""
    for properties in shape:
        if properties.tag.endswith(("nvSpPr", "nvPicPr", "nvGraphicFramePr")):
            mark = properties.find(f"{P}nvPr/{P}ph")
            return None if mark is None else (mark.get("type", ""), mark.get("idx", ""))
    return None


def _box(shape: ET.Element) -> Box | None:
    frame = shape.find(f"{P}spPr/{A}xfrm")
    frame = frame if frame is not None else shape.find(f"{P}xfrm")
    if frame is None:
        return None
    offset, extent = frame.find(f"{A}off"), frame.find(f"{A}ext")
    if offset is None or extent is None:
        return None
    return Box(number(offset, "x"), number(offset, "y"), number(extent, "cx"), number(extent, "cy"))


def shift(group: ET.Element) -> tuple[float, float, float, float]:
    """How the coordinates inside a group become those outside: factors and offsets of x and y."""
    frame = group.find(f"{P}grpSpPr/{A}xfrm")
    if frame is None:
        return 1.0, 1.0, 0.0, 0.0
    found = [frame.find(f"{A}{name}") for name in ("off", "ext", "chOff", "chExt")]
    offset, extent, inner, size = (one if one is not None else ET.Element("none") for one in found)
    wide = number(extent, "cx") / (number(size, "cx") or number(extent, "cx") or 1)
    high = number(extent, "cy") / (number(size, "cy") or number(extent, "cy") or 1)
    return (
        wide,
        high,
        number(offset, "x") - wide * number(inner, "x"),
        number(offset, "y") - high * number(inner, "y"),
    )


class Ground:
    """Layout and master below one slide."""

    def __init__(self, package: Package, layout: str) -> None:
        self._sources: list[list[tuple[tuple[str, str], ET.Element]]] = []
        self._styles: ET.Element | None = None
        master = next(iter(package.related(layout, "slideMaster")), "") if layout else ""
        for member in (layout, master):
            root = package.xml(member) if member else None
            if root is None:
                continue
            shapes = [(placeholder(shape), shape) for shape in root.iter(f"{P}sp")]
            self._sources.append([(mark, shape) for mark, shape in shapes if mark])
            styles = root.find(f"{P}txStyles")
            self._styles = styles if styles is not None else self._styles

    def _kin(self, mark: tuple[str, str]) -> list[ET.Element]:
        """The shapes that a placeholder takes after, nearest first."""
        found: list[ET.Element] = []
        for source in self._sources:
            by_index = [shape for other, shape in source if other == mark]
            kind = _SAME.get(mark[0], mark[0])
            by_kind = [shape for other, shape in source if _SAME.get(other[0], other[0]) == kind]
            same_index = [shape for other, shape in source if mark[1] and other[1] == mark[1]]
            found += (by_index or same_index or by_kind)[:1]
        return found

    def box(self, shape: ET.Element) -> Box | None:
        """The box of a shape, its own or the inherited one."""
        mark = placeholder(shape)
        kin = self._kin(mark) if mark else []
        return next((box for box in (_box(one) for one in (shape, *kin)) if box), None)

    def letters_emu(self, shape: ET.Element) -> float:
        """How high its letters are."""
        mark = placeholder(shape)
        sizes = [run.get("sz", "") for run in shape.iter(f"{A}rPr")]
        for one in (shape, *(self._kin(mark) if mark else [])):
            sizes += [run.get("sz", "") for run in one.iter(f"{A}defRPr")]
        if mark and self._styles is not None:
            name = "titleStyle" if _SAME.get(mark[0], mark[0]) == "title" else "bodyStyle"
            style = self._styles.find(f"{P}{name}")
            sizes += [run.get("sz", "") for run in style.iter(f"{A}defRPr")] if style is not None else []
        hundredths = next((int(size) for size in sizes if size.isdigit() and int(size) > 0), 0)
        return (hundredths / 100 if hundredths else _USUAL_POINTS) * _POINT_EMU
