"""What all OpenDocument files share: paragraphs, lists, tables, notes, comments, and what is hidden.

Source: OASIS OpenDocument 1.3, part 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.etree import ElementTree as ET

from inhouse.knowledge.edge.parse.draft import Draft, cell_words
from inhouse.knowledge.edge.parse.drawn import MAX_PICTURE_BYTES, Pictures, described
from inhouse.knowledge.edge.parse.package import Package, local, seconds
from inhouse.knowledge.edge.parse.unseen import visible

__all__ = [
    "DRAW",
    "FO",
    "OFFICE",
    "PRESENTATION",
    "STYLE",
    "SVG",
    "TABLE",
    "TEXT",
    "Styles",
    "Walker",
    "comment",
    "properties",
    "table_rows",
    "whole",
]

_NAMES = "{urn:oasis:names:tc:opendocument:xmlns:"
DRAW, OFFICE, TABLE, TEXT = (f"{_NAMES}{name}:1.0}}" for name in ("drawing", "office", "table", "text"))
STYLE, PRESENTATION = f"{_NAMES}style:1.0}}", f"{_NAMES}presentation:1.0}}"
SVG, FO = (f"{_NAMES}{name}-compatible:1.0}}" for name in ("svg", "xsl-fo"))
_LINK = "{http://www.w3.org/1999/xlink}href"
_LEFT_OUT = frozenset(
    f"{TEXT}{name}"
    for name in (
        "tracked-changes",
        "table-of-content",
        "illustration-index",
        "table-index",
        "alphabetical-index",
        "hidden-text",
        "hidden-paragraph",
        "ruby-text",
        "sequence-decls",
        "variable-decls",
        "user-field-decls",
    )
) | {f"{OFFICE}forms", f"{OFFICE}event-listeners", f"{SVG}title", f"{SVG}desc", f"{PRESENTATION}notes"}
_PARAGRAPHS = (f"{TEXT}p", f"{TEXT}h")
_MOST_SPACES = 100
_MOST_REPEATED = 200


def properties(package: Package) -> tuple[str, float | None]:
    """Title and time of the last change, as the document states them."""
    root = package.xml("meta.xml")
    said = {local(one.tag): (one.text or "").strip() for one in root.iter()} if root is not None else {}
    title = " ".join(visible(said.get("title") or said.get("subject") or "").split())[:300]
    return title, seconds(said.get("date", "")) or seconds(said.get("creation-date", ""))


class Styles:
    """What the styles of a document hide, and which lists count."""

    def __init__(self, *roots: ET.Element | None) -> None:
        self.hidden: set[str] = set()
        self._numbered: dict[tuple[str, int], bool] = {}
        for root in roots:
            for one in root.iter() if root is not None else ():
                name = one.get(f"{STYLE}name", "")
                if one.tag == f"{STYLE}style" and self._hides(one):
                    self.hidden.add(name)
                elif one.tag == f"{TEXT}list-style":
                    for level in one:
                        depth = level.get(f"{TEXT}level", "1")
                        counts = local(level.tag).endswith("number") and bool(level.get(f"{STYLE}num-format"))
                        self._numbered[name, int(depth) if depth.isdigit() else 1] = counts

    def _hides(self, style: ET.Element) -> bool:
        return any(
            part.get(f"{TEXT}display") == "none"
            or part.get(f"{TABLE}display") == "false"
            or part.get(f"{PRESENTATION}visibility") == "hidden"
            for part in style
        )

    def counts(self, name: str, depth: int) -> bool:
        """True when a list of this style numbers its items at this depth."""
        return self._numbered.get((name, depth), False)


class Walker:
    """Reads paragraphs, lists and tables into a draft; notes and boxes come behind their paragraph."""

    def __init__(self, package: Package, draft: Draft, styles: Styles, pictures: Pictures) -> None:
        self.draft = draft
        self._package, self._styles, self._pictures = package, styles, pictures
        self._behind: list[str] = []

    def blocks(self, parent: ET.Element) -> None:
        """Everything below an element, in its order."""
        for child in parent:
            if child.tag in _LEFT_OUT or self._is_hidden(child):
                continue
            if child.tag in (f"{TEXT}p", f"{TEXT}h"):
                self._paragraph(child)
            elif child.tag == f"{TEXT}list":
                self._list(child, child.get(f"{TEXT}style-name", ""), 1)
            elif child.tag == f"{TABLE}table":
                self.draft.table(table_rows(child, self.words))
            elif child.tag in (f"{OFFICE}annotation", f"{DRAW}frame"):
                self._beside(child)
            else:
                self.blocks(child)
            self._flush()

    def words(self, element: ET.Element) -> str:
        """The words of a paragraph on one line; line breaks stay."""
        raw = "".join(self._pieces(element))
        return "\n".join(line for line in (" ".join(one.split()) for one in raw.split("\n")) if line)

    def _flush(self) -> None:
        waiting, self._behind = self._behind, []
        for words in waiting:
            self.draft.block(words)

    def _paragraph(self, element: ET.Element) -> None:
        words = self.words(element)
        if element.tag == f"{TEXT}h" and words:
            level = element.get(f"{TEXT}outline-level", "1")
            depth = min(max(int(level), 1), 6) if level.isdigit() else 1
            words = f"{'#' * depth} {' '.join(words.split())}"
        self.draft.block(words)

    def _list(self, element: ET.Element, style: str, depth: int) -> None:
        lines = list(self._items(element, style, depth))
        if depth == 1:
            self.draft.block("\n".join(lines))

    def _items(self, element: ET.Element, style: str, depth: int) -> Iterator[str]:
        if depth > 12:
            return
        count = 0
        for item in element:
            start = item.get(f"{TEXT}start-value", "")
            count = int(start) if start.isdigit() else count + 1
            mark = f"{count}. " if self._styles.counts(style, depth) else "- "
            indent = "  " * (depth - 1)
            for child in item:
                if child.tag == f"{TEXT}list":
                    yield from self._items(child, child.get(f"{TEXT}style-name") or style, depth + 1)
                elif child.tag in (f"{TEXT}p", f"{TEXT}h") and not self._is_hidden(child):
                    words = self.words(child)
                    if words:
                        heading = child.tag == f"{TEXT}h" and depth < 6
                        yield f"{'#' * depth} {words}" if heading else f"{indent}{mark}{words}"
                        mark = " " * len(mark)

    def _pieces(self, element: ET.Element) -> Iterator[str]:
        yield element.text or ""
        for child in element:
            if child.tag == f"{TEXT}s":
                count = child.get(f"{TEXT}c", "1")
                yield " " * (min(int(count), _MOST_SPACES) if count.isdigit() else 1)
            elif child.tag == f"{TEXT}tab":
                yield " "
            elif child.tag == f"{TEXT}line-break":
                yield "\n"
            elif child.tag in (f"{TEXT}note", f"{OFFICE}annotation", f"{DRAW}frame"):
                self._beside(child)
            elif child.tag not in _LEFT_OUT and not self._is_hidden(child):
                yield from self._pieces(child)
            yield child.tail or ""

    def _beside(self, element: ET.Element) -> None:
        """Notes, comments, and what stands in a frame."""
        if element.tag == f"{TEXT}note":
            body = element.find(f"{TEXT}note-body")
            words = " ".join(self.words(body).split()) if body is not None else ""
            kind = "Endnote" if element.get(f"{TEXT}note-class") == "endnote" else "Footnote"
            self._behind += [f"[{kind}: {words}]"] if words else []
        elif element.tag == f"{OFFICE}annotation":
            self._behind += [comment(element)]
        else:
            self._behind += list(self.frame(element))

    def frame(self, element: ET.Element) -> Iterator[str]:
        """What stands in a frame: a text box, a table, words on a picture and its description."""
        for child in element:
            if child.tag == f"{DRAW}text-box":
                box = Walker(self._package, Draft(within=True), self._styles, self._pictures)
                box.blocks(child)
                yield box.draft.text()
            elif child.tag == f"{TABLE}table":
                draft = Draft(within=True)
                draft.table(table_rows(child, self.words))
                yield draft.text()
            elif child.tag == f"{DRAW}image":
                target = child.get(_LINK, "").removeprefix("./")
                small = target in self._package.names and self._package.size(target) <= MAX_PICTURE_BYTES
                if small and self._pictures.more:
                    yield self._pictures.words(self._package.data(target))
            elif child.tag == f"{SVG}desc":
                yield described(child.text)

    def _is_hidden(self, element: ET.Element) -> bool:
        if element.get(f"{TEXT}display") in ("none", "condition") and element.tag == f"{TEXT}section":
            return True
        return element.get(f"{TEXT}style-name", "") in self._styles.hidden


def comment(element: ET.Element, where: str = "") -> str:
    """A remark of a colleague, marked as one."""
    author = next((one.text or "" for one in element if local(one.tag) == "creator"), "").strip()
    paragraphs = ("".join(one.itertext()) for one in element.iter(f"{TEXT}p"))
    words = " ".join(" ".join(paragraphs).split())
    return f"[Comment{where}{f' by {author}' if author else ''}: {words}]" if words else ""


def table_rows(table: ET.Element, words_of: Callable[[ET.Element], str]) -> list[list[str]]:
    """The rows of a table in a text or on a slide; a label that spans several rows stands in each."""
    rows: list[list[str]] = []
    joined: dict[int, tuple[int, str]] = {}
    for row in _rows(table):
        line: list[str] = []
        for cell in row:
            if cell.tag not in (f"{TABLE}table-cell", f"{TABLE}covered-table-cell"):
                continue
            words = cell_words(" ".join(words_of(one) for one in cell.iter() if one.tag in _PARAGRAPHS))
            for _ in range(min(whole(cell, f"{TABLE}number-columns-repeated"), _MOST_REPEATED)):
                left, label = joined.get(len(line), (0, ""))
                if cell.tag == f"{TABLE}covered-table-cell" and left > 0:
                    joined[len(line)] = (left - 1, label)
                    line.append(label)
                    continue
                joined[len(line)] = (whole(cell, f"{TABLE}number-rows-spanned") - 1, words)
                line.append(words)
        rows.append(line)
    rows = [line for line in rows if any(line)]
    used = [
        at for at in range(max(map(len, rows), default=0)) if any(at < len(row) and row[at] for row in rows)
    ]
    return [[row[at] if at < len(row) else "" for at in used] for row in rows]


def _rows(table: ET.Element) -> Iterator[ET.Element]:
    for child in table:
        if child.tag == f"{TABLE}table-row":
            yield child
        elif local(child.tag) in ("table-header-rows", "table-rows", "table-row-group"):
            yield from _rows(child)


def whole(element: ET.Element, name: str) -> int:
    """An attribute that counts something; 1 when it is absent."""
    value = element.get(name, "1")
    return int(value) if value.isdigit() else 1
