"""Charts of office documents: their titles, and the figures that they were drawn from.

The figures are those that were stored with the chart; the workbook behind it is not opened.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from inhouse.knowledge.edge.parse.cellformat import show
from inhouse.knowledge.edge.parse.draft import cell_words
from inhouse.knowledge.edge.parse.package import A

__all__ = ["chart_rows", "chart_title", "diagram_lines"]

_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
MAX_POINTS = 200
MAX_SERIES = 20


def chart_title(root: ET.Element | None) -> str:
    """The title that stands above the chart, "" for none."""
    title = root.find(f"{_C}chart/{_C}title") if root is not None else None
    if title is None:
        return ""
    words = "".join(run.text or "" for run in title.iter(f"{A}t"))
    return " ".join((words or "".join(one.text or "" for one in title.iter(f"{_C}v"))).split())


def chart_rows(root: ET.Element) -> list[list[str]]:
    """A table with a row for each category and a column for each series; empty without stored figures."""
    series = list(root.iter(f"{_C}ser"))[:MAX_SERIES]
    names = ["".join(one.text or "" for one in each.findall(f"{_C}tx//{_C}v")) for each in series]
    values = [_points(each.find(f"{_C}val"), each.find(f"{_C}yVal")) for each in series]
    categories: dict[int, str] = {}
    for each in series:
        categories |= _points(each.find(f"{_C}cat"), each.find(f"{_C}xVal"))
    places = sorted({at for points in values for at in points})[:MAX_POINTS]
    if not places:
        return []
    rows = [[categories.get(at, ""), *(points.get(at, "") for points in values)] for at in places]
    return [[cell_words(words) for words in row] for row in [["", *names], *rows]]


def diagram_lines(root: ET.Element) -> list[str]:
    """The words of a SmartArt picture, a line for each of its boxes, in the order of its outline."""
    lines = []
    for point in root.iter("{http://schemas.openxmlformats.org/drawingml/2006/diagram}pt"):
        words = " ".join(
            "".join(run.text or "" for run in each.iter(f"{A}t")) for each in point.iter(f"{A}p")
        )
        if words.strip():
            lines.append(" ".join(words.split()))
    return lines


def _points(*sources: ET.Element | None) -> dict[int, str]:
    source = next((one for one in sources if one is not None), None)
    if source is None:
        return {}
    code = next((one.text or "" for one in source.iter(f"{_C}formatCode")), "")
    found: dict[int, str] = {}
    for point in source.iter(f"{_C}pt"):
        value = point.findtext(f"{_C}v") or ""
        index = point.get("idx", "")
        if index.isdigit():
            words = show(value, code) if code else value
            found[int(index)] = f"{found[int(index)]} {words}" if int(index) in found else words
    return found
