"""Presentations (PPTX) read from their own XML: each slide a page, each shape with its place.

In the text: titles, boxes, lists, tables, the figures of charts, SmartArt, words on pictures, speaker notes.
Comments and descriptions of pictures are marked as what they are. Not in the text: what is hidden, the number
and date that every slide repeats. Of slides that are not shown only the numbers stand in the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from inhouse.knowledge.edge.parse.chart import chart_rows, chart_title, diagram_lines
from inhouse.knowledge.edge.parse.draft import Draft, Span, cell_words
from inhouse.knowledge.edge.parse.drawn import MAX_PICTURE_BYTES, Pictures, described
from inhouse.knowledge.edge.parse.embedded import embedded_files
from inhouse.knowledge.edge.parse.inner import append
from inhouse.knowledge.edge.parse.package import A, Package, R, local
from inhouse.knowledge.edge.parse.parsed import Means, Parsed
from inhouse.knowledge.edge.parse.slide_boxes import Box, Ground, P, number, placeholder, shift
from inhouse.knowledge.layout import Shape, Slide, SlideLayout, write_layout

__all__ = ["read_presentation"]

_REPEATED = frozenset({"dt", "ftr", "hdr", "sldNum"})
_MOST_SHAPES = 2_000
_Shift = tuple[float, float, float, float]


def read_presentation(path: Path, media_type: str, means: Means) -> Parsed:
    """The text of a PPTX, and how its slides look.

    Raises:
        KeyError, zipfile.BadZipFile, xml.etree.ElementTree.ParseError: if the archive is damaged.
    """
    draft, slides = Draft(), []
    with Package(path) as package:
        member = next(iter(package.related("", "officeDocument")), "ppt/presentation.xml")
        root = package.xml(member)
        if root is None:
            raise KeyError(member)
        size = root.find(f"{P}sldSz")
        width, height = (number(size, "cx"), number(size, "cy")) if size is not None else (0, 0)
        width, height = width or 9_144_000, height or 6_858_000
        pictures, relations = Pictures(means), package.relations(member)
        hidden: list[str] = []
        for page, listed in enumerate(root.iter(f"{P}sldId"), 1):
            relation = relations.get(listed.get(f"{R}id", ""))
            slide = package.xml(relation.target) if relation else None
            if relation is None or slide is None:
                continue
            if slide.get("show") in ("0", "false"):
                hidden.append(str(page))
                continue
            draft.start_page(page)
            reader = _Reader(package, relation.target, draft, pictures, (width, height))
            reader.read(slide)
            append(draft, embedded_files(package, relation.target), means, title="Embedded document")
            draft.end_page()
            slides.append(Slide(page, tuple(reader.shapes)))
        if hidden and slides:
            draft.block(f"[Hidden slides that were left out: {', '.join(hidden)}]")
        title, modified_at = package.properties()
    layout = write_layout(SlideLayout(round(width / height, 4), tuple(slides)))
    return Parsed(
        draft.text(),
        "markdown",
        media_type,
        tuple(draft.pages),
        title,
        modified_at,
        layout,
        tuple(draft.doubts),
    )


class _Reader:
    """Reads one slide into the draft and collects its shapes."""

    def __init__(
        self, package: Package, member: str, draft: Draft, pictures: Pictures, size: tuple[int, int]
    ) -> None:
        self.shapes: list[Shape] = []
        self._package, self._member, self._draft, self._pictures = package, member, draft, pictures
        self._width, self._height = size
        self._ground = Ground(package, next(iter(package.related(member, "slideLayout")), ""))

    def read(self, slide: ET.Element) -> None:
        """The title, then all others in the order of the file, then notes and comments."""
        tree = slide.find(f"{P}cSld/{P}spTree")
        shapes = list(_shapes(tree, (1.0, 1.0, 0.0, 0.0)))[:_MOST_SHAPES] if tree is not None else []
        for is_first in (True, False):
            for shape, moved in shapes:
                mark = placeholder(shape)
                kind = mark[0] if mark else ""
                if kind not in _REPEATED and (kind in ("title", "ctrTitle")) == is_first:
                    self._shape(shape, moved, is_title=is_first)
        for words in (*_notes(self._package, self._member), *_comments(self._package, self._member)):
            start, end = self._draft.block(words)
            if end > start:
                self.shapes.append(Shape(0.0, 1.0, 1.0, 0.0, start, end, "note"))

    def _shape(self, shape: ET.Element, moved: _Shift, *, is_title: bool) -> None:
        role, kind = "text", local(shape.tag)
        if kind == "sp":
            span = self._words(shape, is_title=is_title)
            role = "title" if is_title else "text"
        elif kind == "graphicFrame":
            span, role = self._frame(shape)
        elif kind == "pic":
            span = self._picture(shape)
        else:
            return
        if span[1] <= span[0]:
            return
        box = self._ground.box(shape) or Box(0, 0, 0, 0)
        wide, high, left, top = moved
        self.shapes.append(
            Shape(
                round((box.left * wide + left) / self._width, 4),
                round((box.top * high + top) / self._height, 4),
                round(box.width * wide / self._width, 4),
                round(box.height * high / self._height, 4),
                *span,
                role,
                round(self._ground.letters_emu(shape) / self._height, 4),
            )
        )

    def _words(self, shape: ET.Element, *, is_title: bool) -> Span:
        body = shape.find(f"{P}txBody")
        if body is None:
            return self._draft.at, self._draft.at
        if is_title:
            words = " ".join(" ".join(_lines(body, listed=False)).split())
            start, end = self._draft.block(f"# {words}" if words else "")
            return min(start + 2, end), end
        mark = placeholder(shape)
        lines = _lines(body, listed=mark is not None and mark[0] in ("", "body", "obj"))
        items = any(line.lstrip()[:2] == "- " or line.lstrip()[:1].isdigit() for line in lines)
        return self._draft.block(("\n" if items else "\n\n").join(lines))

    def _frame(self, shape: ET.Element) -> tuple[Span, str]:
        start = self._draft.at + (2 if self._draft.at else 0)
        for one in shape.iter():
            name = local(one.tag)
            if name == "tbl":
                self._draft.table(_rows(one))
            elif name == "chart":
                self._chart(one.get(f"{R}id", ""))
            elif name == "relIds":
                root = self._package.xml(self._related(one.get(f"{R}dm", "")))
                self._draft.block(
                    "\n".join(f"- {line}" for line in diagram_lines(root)) if root is not None else ""
                )
        return (min(start, self._draft.at), self._draft.at), "table"

    def _chart(self, key: str) -> None:
        root = self._package.xml(self._related(key))
        if root is not None:
            self._draft.block(f"[Chart: {chart_title(root) or 'without a title'}]")
            self._draft.table(chart_rows(root))

    def _picture(self, shape: ET.Element) -> Span:
        start = self._draft.at + (2 if self._draft.at else 0)
        said = shape.find(f"{P}nvPicPr/{P}cNvPr")
        self._draft.block(described(said.get("descr")) if said is not None else "")
        for blip in shape.iter(f"{A}blip"):
            target = self._related(blip.get(f"{R}embed", ""))
            if target and self._pictures.more and self._package.size(target) <= MAX_PICTURE_BYTES:
                self._draft.block(self._pictures.words(self._package.data(target)))
        return min(start, self._draft.at), self._draft.at

    def _related(self, key: str) -> str:
        relation = self._package.relations(self._member).get(key)
        return relation.target if relation and relation.target in self._package.names else ""


def _shapes(tree: ET.Element, moved: _Shift) -> Iterator[tuple[ET.Element, _Shift]]:
    """Shapes also inside groups, with how their coordinates move; what is hidden is left out."""
    for child in tree:
        name = local(child.tag)
        if name == "AlternateContent":
            chosen = next(iter(child), None)
            if chosen is not None:
                yield from _shapes(chosen, moved)
            continue
        if name not in ("sp", "grpSp", "graphicFrame", "pic"):
            continue
        said = next((one for part in child for one in part if local(one.tag) == "cNvPr"), None)
        if said is not None and said.get("hidden") in ("1", "true"):
            continue
        if name == "grpSp":
            wide, high, left, top = moved
            inner = shift(child)
            yield from _shapes(
                child, (wide * inner[0], high * inner[1], left + wide * inner[2], top + high * inner[3])
            )
        else:
            yield child, moved


def _lines(body: ET.Element, *, listed: bool) -> list[str]:
    """The paragraphs of a shape; those of a list with their marks, which they have by default if `listed`."""
    paragraphs = [(each, _paragraph(each)) for each in body.findall(f"{A}p")]
    paragraphs = [(each, words) for each, words in paragraphs if words]
    listed = listed and len(paragraphs) > 1
    lines: list[str] = []
    counts: dict[int, int] = {}
    for each, words in paragraphs:
        properties = each.find(f"{A}pPr")
        level = min(number(properties, "lvl"), 8) if properties is not None else 0
        marks = {local(one.tag) for one in properties} if properties is not None else set()
        numbered = properties is not None and "buAutoNum" in marks
        counts = {at: count for at, count in counts.items() if at < level or (at == level and numbered)}
        if numbered and properties is not None:
            first = properties.find(f"{A}buAutoNum")
            start = (number(first, "startAt") if first is not None else 0) or 1
            counts[level] = counts[level] + 1 if level in counts else start
            lines.append(f"{'  ' * level}{counts[level]}. {words}")
        elif (
            "buChar" in marks
            or "buBlip" in marks
            or (listed and "buNone" not in marks and len(paragraphs) > 1)
        ):
            lines.append(f"{'  ' * level}- {words}")
        else:
            lines.append(words)
    return lines


def _paragraph(element: ET.Element) -> str:
    pieces: list[str] = []
    for child in element:
        name = local(child.tag)
        if name in ("r", "fld"):
            pieces.append(child.findtext(f"{A}t") or "")
        elif name == "br":
            pieces.append(" ")
        elif name in ("m", "AlternateContent"):
            pieces += [one.text or "" for one in child.iter() if local(one.tag) == "t"]
    return " ".join("".join(pieces).split())


def _rows(table: ET.Element) -> list[list[str]]:
    """The cells of a table; a label that goes over several rows stands in each of them."""
    rows: list[list[str]] = []
    joined: dict[int, str] = {}
    for row in table.findall(f"{A}tr"):
        line: list[str] = []
        for at, cell in enumerate(row.findall(f"{A}tc")):
            words = cell_words(" ".join(_paragraph(each) for each in cell.iter(f"{A}p")))
            if cell.get("vMerge") in ("1", "true"):
                words = words or joined.get(at, "")
            else:
                joined[at] = words if number(cell, "rowSpan") > 1 else ""
            line.append(words)
        rows.append(line)
    return [line for line in rows if any(line)]


def _notes(package: Package, member: str) -> Iterator[str]:
    for target in package.related(member, "notesSlide"):
        root = package.xml(target)
        for shape in root.iter(f"{P}sp") if root is not None else ():
            mark, body = placeholder(shape), shape.find(f"{P}txBody")
            if body is not None and (mark is None or mark[0] == "body"):
                yield "\n".join(_lines(body, listed=False))


def _comments(package: Package, member: str) -> Iterator[str]:
    """Remarks of colleagues, in the old and in the new way to store them."""
    for target in package.related(member, "comments"):
        root = package.xml(target)
        for one in root.iter() if root is not None else ():
            if local(one.tag) == "cm":
                texts = [part.text or "" for part in one.iter() if local(part.tag) in ("text", "t")]
                words = " ".join(" ".join(texts).split())
                if words:
                    yield f"[Comment: {words}]"
