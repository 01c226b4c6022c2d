"""What the styles of a Word document say about a paragraph: heading, list, hidden, part of the contents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from inhouse.knowledge.edge.parse.word_lists import W

__all__ = ["Style", "is_on", "numbering", "read_styles"]

_HEADING = re.compile(r"(?:heading|заголовок|überschrift|titre|título|titolo)\s*([1-9])", re.IGNORECASE)
_CONTENTS = re.compile(r"(?:toc|оглавление)\s*\d", re.IGNORECASE)
_CHAIN = 12


@dataclass(frozen=True, slots=True)
class Style:
    """`level` is 1-6 for headings, else 0; `number` and `depth` are those of its list, "" for none."""

    level: int = 0
    number: str = ""
    depth: int = 0
    hidden: bool = False
    contents: bool = False
    title: bool = False


def read_styles(root: ET.Element | None) -> dict[str, Style]:
    """Style id to what it means, with what it takes over from the styles that it is based on."""
    if root is None:
        return {}
    elements = {one.get(f"{W}styleId", ""): one for one in root.findall(f"{W}style")}
    return {key: _style(key, elements) for key in elements}


def _style(key: str, elements: dict[str, ET.Element]) -> Style:
    level, number, depth, hidden, contents, headed, title = 0, "", 0, None, False, False, False
    for _ in range(_CHAIN):
        element = elements.get(key)
        if element is None:
            break
        name = _value(element, "name")
        properties = element.find(f"{W}pPr")
        if not headed:
            outline = _value(properties, "outlineLvl") if properties is not None else ""
            heading = _HEADING.fullmatch(name.strip())
            if outline.isdigit():
                level, headed = (int(outline) + 1 if int(outline) < 6 else 0), True
            elif heading:
                level, headed = min(int(heading.group(1)), 6), True
            elif name.strip().lower() in ("title", "название"):
                level, headed, title = 1, True, True
        if not number and properties is not None:
            number, depth = numbering(properties, ("", 0))
        marks = element.find(f"{W}rPr")
        if hidden is None and marks is not None and marks.find(f"{W}vanish") is not None:
            hidden = is_on(marks.find(f"{W}vanish"))
        contents = contents or _CONTENTS.fullmatch(name.strip()) is not None
        key = _value(element, "basedOn")
    return Style(level, number, depth, bool(hidden), contents, title)


def numbering(properties: ET.Element, otherwise: tuple[str, int]) -> tuple[str, int]:
    """The list that a paragraph belongs to, and how deep; `0` is a list that was taken away."""
    found = properties.find(f"{W}numPr")
    if found is None:
        return otherwise
    number, depth = _value(found, "numId"), _value(found, "ilvl")
    return number or otherwise[0], int(depth) if depth.isdigit() else otherwise[1]


def is_on(element: ET.Element | None) -> bool:
    """A property that is there and not switched off."""
    return element is not None and element.get(f"{W}val", "true") not in ("0", "false", "off")


def _value(element: ET.Element, name: str) -> str:
    found = element.find(f"{W}{name}")
    return found.get(f"{W}val", "") if found is not None else ""
