"""Slides in OpenDocument (ODP): each a page, each shape with its place, notes below.

Prompts of empty placeholders ("click to add a title") are no words of the author and are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from inhouse.knowledge.edge.parse.draft import Draft
from inhouse.knowledge.edge.parse.drawn import Pictures
from inhouse.knowledge.edge.parse.opendoc import (
    DRAW,
    FO,
    OFFICE,
    PRESENTATION,
    STYLE,
    SVG,
    Styles,
    Walker,
    comment,
    properties,
)
from inhouse.knowledge.edge.parse.package import Package, local
from inhouse.knowledge.edge.parse.parsed import Means, Parsed
from inhouse.knowledge.layout import Shape, Slide, SlideLayout, write_layout

__all__ = ["read_open_slides"]

_LENGTH = re.compile(r"(-?[\d.]+)(cm|mm|in|pt|pc|px)")
_CM = {"cm": 1.0, "mm": 0.1, "in": 2.54, "pt": 2.54 / 72, "pc": 2.54 / 6, "px": 2.54 / 96}
_USUAL_CM = (28.0, 21.0)
_REPEATED = frozenset({"date-time", "footer", "header", "page-number"})


def read_open_slides(path: Path, media_type: str, means: Means) -> Parsed:
    """The text of an ODP, and how its slides look.

    Raises:
        KeyError, zipfile.BadZipFile, xml.etree.ElementTree.ParseError: if the archive is damaged.
    """
    draft, slides = Draft(), []
    with Package(path) as package:
        root, common = package.xml("content.xml"), package.xml("styles.xml")
        if root is None:
            raise KeyError("content.xml")
        width, height = _size(common)
        styles = Styles(common, root)
        walker = Walker(package, draft, styles, Pictures(means))
        hidden: list[str] = []
        for number, page in enumerate(root.iter(f"{DRAW}page"), 1):
            if page.get(f"{DRAW}style-name", "") in styles.hidden:
                hidden.append(str(number))
                continue
            draft.start_page(number)
            shapes = list(_shapes(page, walker, (width, height)))
            draft.end_page()
            slides.append(Slide(number, tuple(shapes)))
        if hidden and slides:
            draft.block(f"[Hidden slides that were left out: {', '.join(hidden)}]")
        title, modified_at = properties(package)
    layout = write_layout(SlideLayout(round(width / height, 4), tuple(slides)))
    pages, doubts = tuple(draft.pages), tuple(draft.doubts)
    return Parsed(draft.text(), "markdown", media_type, pages, title, modified_at, layout, doubts)


def _size(common: ET.Element | None) -> tuple[float, float]:
    for one in common.iter(f"{STYLE}page-layout-properties") if common is not None else ():
        width, height = _cm(one.get(f"{FO}page-width")), _cm(one.get(f"{FO}page-height"))
        if width > height > 0:  # the page of handouts stands upright
            return width, height
    return _USUAL_CM


def _shapes(page: ET.Element, walker: Walker, size: tuple[float, float]) -> Iterator[Shape]:
    drawn = list(_drawn(page))
    titles = [one for one in drawn if one.get(f"{PRESENTATION}class") == "title"]
    for one in (*titles, *(one for one in drawn if one not in titles)):
        is_title = one in titles
        start = walker.draft.at + (2 if walker.draft.at else 0)
        if is_title:
            words = " ".join(" ".join("".join(one.itertext()).split()).split())
            begin, end = walker.draft.block(f"# {words}" if words else "")
            begin = min(begin + 2, end)
        else:
            holder = ET.Element("shape")
            holder.append(one)
            walker.blocks(holder)
            begin, end = min(start, walker.draft.at), walker.draft.at
        if end > begin:
            is_table = any(local(part.tag) == "table" for part in one)
            role = "title" if is_title else "table" if is_table else "text"
            left, top = _share(one, "x", size[0]), _share(one, "y", size[1])
            wide, high = _share(one, "width", size[0]), _share(one, "height", size[1])
            yield Shape(left, top, wide, high, begin, end, role)
    for notes in page.findall(f"{PRESENTATION}notes"):
        start = walker.draft.at + (2 if walker.draft.at else 0)
        walker.blocks(notes)
        if walker.draft.at > start:
            yield Shape(0.0, 1.0, 1.0, 0.0, start, walker.draft.at, "note")
    for remark in page.findall(f"{OFFICE}annotation"):
        begin, end = walker.draft.block(comment(remark))
        if end > begin:
            yield Shape(0.0, 1.0, 1.0, 0.0, begin, end, "note")


def _drawn(parent: ET.Element) -> Iterator[ET.Element]:
    """The shapes of a slide, also those inside groups."""
    for child in parent:
        if child.tag == f"{DRAW}g":
            yield from _drawn(child)
        elif child.tag in (f"{PRESENTATION}notes", f"{OFFICE}annotation", f"{OFFICE}forms"):
            continue
        elif (
            child.get(f"{PRESENTATION}placeholder") != "true"
            and child.get(f"{PRESENTATION}class") not in _REPEATED
        ):
            yield child


def _share(shape: ET.Element, name: str, whole_cm: float) -> float:
    return round(_cm(shape.get(f"{SVG}{name}")) / whole_cm, 4)


def _cm(length: str | None) -> float:
    match = _LENGTH.fullmatch(length or "")
    try:
        return float(match.group(1)) * _CM[match.group(2)] if match else 0.0
    except ValueError:
        return 0.0
