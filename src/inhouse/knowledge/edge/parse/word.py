"""Word documents (DOCX) read from their own XML.

In the text: headings, lists with the numbers that Word counts, tables, running headers and footers (once),
text boxes, footnotes behind the paragraph that refers to them, inserted text, charts, words on pictures, and
embedded documents. Comments and descriptions of pictures are marked as what they are. Not in the text:
deleted words, hidden words, the table of contents, codes of fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from inhouse.knowledge.edge.parse.chart import chart_rows, chart_title, diagram_lines
from inhouse.knowledge.edge.parse.draft import Draft, cell_words
from inhouse.knowledge.edge.parse.drawn import MAX_PICTURE_BYTES, Pictures, described
from inhouse.knowledge.edge.parse.embedded import embedded_files
from inhouse.knowledge.edge.parse.inner import append
from inhouse.knowledge.edge.parse.package import Package, R, local
from inhouse.knowledge.edge.parse.parsed import Means, Parsed
from inhouse.knowledge.edge.parse.unseen import visible
from inhouse.knowledge.edge.parse.word_lists import Lists, W
from inhouse.knowledge.edge.parse.word_styles import Style, is_on, numbering, read_styles

__all__ = ["read_word"]

_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_LEFT_OUT = frozenset(
    f"{W}{name}" for name in ("del", "moveFrom", "instrText", "delText", "rPr", "pPr", "rt")
)
_BREAKS = {
    f"{W}tab": " ",
    f"{W}ptab": " ",
    f"{W}br": "\n",
    f"{W}cr": "\n",
    f"{W}noBreakHyphen": "-",
    f"{W}lastRenderedPageBreak": "",
}
_REFERENCES = {
    f"{W}footnoteReference": "footnote",
    f"{W}endnoteReference": "endnote",
    f"{W}commentReference": "comment",
}
_DRAWN = frozenset(f"{W}{name}" for name in ("drawing", "pict", "object"))
_ITEM = re.compile(r"\s*(?:-|\d{1,3}[.)]|[a-zа-я]\)) $")
_SIGNS = {
    "F0FE": "☒",
    "F0FD": "☒",
    "F052": "☑",
    "F0A8": "☐",
    "F06F": "☐",
    "F0A3": "☐",
    "F0FC": "✓",
    "F0FB": "✗",
}
_LONG_CELL = 1_500
"""A table with a cell longer than this is a way to lay out a page, not data: its cells become paragraphs."""


def read_word(path: Path, media_type: str, means: Means) -> Parsed:
    """The text of a DOCX.

    Raises:
        KeyError, zipfile.BadZipFile, xml.etree.ElementTree.ParseError: if the archive is damaged.
    """
    with Package(path) as package:
        member = next(iter(package.related("", "officeDocument")), "word/document.xml")
        if member not in package.names:  # a few programs give it another name and forget to say so
            member = next(
                (name for name in sorted(package.names) if name.startswith("word/document")), member
            )
        root = package.xml(member)
        body = root.find(f"{W}body") if root is not None else None
        if body is None:
            raise KeyError(member)
        pictures = Pictures(means)
        reader = _Reader(package, member, pictures)
        reader.blocks(body)
        main = reader.draft.text()
        above = _running(package, member, "header", main, pictures)
        below = _running(package, member, "footer", main, pictures)
        draft = Draft()
        for words in (*above, main, *below):
            draft.block(words)
        taken = append(draft, embedded_files(package, member), means, title="Embedded document")
        for one in taken:
            if one.reason:
                draft.block(f"[Embedded document that was not read: {one.name}]")
        title, modified_at = package.properties()
    doubts = tuple(draft.doubts)
    return Parsed(draft.text(), "markdown", media_type, (), title, modified_at, doubts=doubts)


def _running(package: Package, member: str, kind: str, main: str, pictures: Pictures) -> list[str]:
    """Headers or footers, each wording once, unless the text has it."""
    found: list[str] = []
    members = package.related(member, kind)
    if not members:
        members = sorted(name for name in package.names if name.startswith(f"word/{kind}"))
    for target in members:
        root = package.xml(target)
        if root is None:
            continue
        reader = _Reader(package, target, pictures)
        reader.blocks(root)
        for words in reader.draft.text().strip().split("\n\n"):
            if words and words not in found and words not in main:
                found.append(words)
    return found


class _Reader:
    """Walks one story (the body, a header) and writes its blocks."""

    def __init__(self, package: Package, member: str, pictures: Pictures) -> None:
        self.draft = Draft(within=True)
        self._package, self._member, self._pictures = package, member, pictures
        self._styles = read_styles(_part(package, member, "styles"))
        self._lists = Lists(_part(package, member, "numbering"))
        self._notes = {kind: _notes(_part(package, member, f"{kind}s")) for kind in ("footnote", "endnote")}
        self._remarks = _notes(_part(package, member, "comments"))
        self._behind: list[str] = []  # what stands below the paragraph or table at hand
        self._in_list = False
        self._titled = False  # a title stands above all headings

    def blocks(self, parent: ET.Element) -> None:
        """Paragraphs and tables below an element, in their order."""
        for child in parent:
            if child.tag == f"{W}p":
                self._paragraph(child)
                self._flush()
            elif child.tag == f"{W}tbl":
                self._table(child)
                self._flush()
            elif child.tag == f"{W}sdt":
                if not _is_contents(child):
                    content = child.find(f"{W}sdtContent")
                    self.blocks(content if content is not None else child)
            elif child.tag not in _LEFT_OUT:
                self.blocks(child)

    def _flush(self) -> None:
        waiting, self._behind = self._behind, []
        for words in waiting:
            self.draft.block(words)
            self._in_list = False

    # ---- paragraphs

    def _paragraph(self, element: ET.Element) -> None:
        prefix, words = self._read_paragraph(element)
        if not words:
            return
        if prefix.startswith("#"):
            words = " ".join(words.split())
        item = _ITEM.match(prefix) is not None
        put = self.draft.line if item and self._in_list else self.draft.block
        put(f"{prefix}{words}")
        self._in_list = item

    def _read_paragraph(self, element: ET.Element) -> tuple[str, str]:
        """The marks before a paragraph (`## `, `- `, `3.2. `) and its words."""
        properties = element.find(f"{W}pPr")
        style, level, listed = Style(), 0, ("", 0)
        if properties is not None:
            named = properties.find(f"{W}pStyle")
            style = self._styles.get(named.get(f"{W}val", "") if named is not None else "", Style())
            outline = properties.find(f"{W}outlineLvl")
            value = outline.get(f"{W}val", "") if outline is not None else ""
            level = style.level if not value.isdigit() else int(value) + 1 if int(value) < 6 else 0
            listed = numbering(properties, (style.number, style.depth))
            if not self._styles and named is not None and named.get(f"{W}val", "").startswith("Heading"):
                level = min(int("".join(filter(str.isdigit, named.get(f"{W}val", ""))) or 1), 6)
        words = self._words(element, hidden=style.hidden)
        words = "\n".join(line for line in (" ".join(one.split()) for one in words.split("\n")) if line)
        if style.contents or not words:
            return "", ""
        mark = self._lists.mark(*listed) if listed[0] else ""
        self._titled = self._titled or style.title
        if level:
            level = min(level + (self._titled and not style.title), 6)
            return f"{'#' * level} {'' if mark.strip() == '-' else mark.lstrip()}", words
        return mark, words

    def _words(self, element: ET.Element, *, hidden: bool) -> str:
        return "".join(self._pieces(element, hidden=hidden))

    def _pieces(self, element: ET.Element, *, hidden: bool) -> Iterator[str]:
        for child in element:
            if child.tag in _LEFT_OUT:
                continue
            if child.tag == f"{W}r":
                if not self._is_hidden(child, hidden=hidden):
                    yield from self._pieces(child, hidden=hidden)
            elif child.tag in (f"{W}t", _MATH):
                yield child.text or ""
            elif child.tag in _BREAKS:
                yield _BREAKS[child.tag]
            elif child.tag == f"{W}sym":
                yield _SIGNS.get(child.get(f"{W}char", "").upper(), " ")
            elif child.tag in _REFERENCES:
                self._refer(_REFERENCES[child.tag], child.get(f"{W}id", ""))
            elif child.tag in _DRAWN or local(child.tag) == "AlternateContent":
                self._draw(child)
            else:
                yield from self._pieces(child, hidden=hidden)

    def _is_hidden(self, run: ET.Element, *, hidden: bool) -> bool:
        marks = run.find(f"{W}rPr")
        if marks is None:
            return hidden
        named, vanish, size = (marks.find(f"{W}{name}") for name in ("rStyle", "vanish", "sz"))
        if size is not None and size.get(f"{W}val", "") in ("0", "1", "2", "3", "4"):  # two points and less
            return True
        if vanish is not None:
            return is_on(vanish)
        style = self._styles.get(named.get(f"{W}val", "")) if named is not None else None
        return hidden or (style is not None and style.hidden)

    def _refer(self, kind: str, key: str) -> None:
        if kind == "comment":
            author, words = self._remarks.get(key, ("", ""))
            label = f"Comment by {author}" if author else "Comment"
        else:
            words, label = self._notes[kind].get(key, ("", ""))[1], kind.capitalize()
        if words:
            self._behind.append(f"[{label}: {words}]")

    # ---- what is drawn

    def _draw(self, element: ET.Element) -> None:
        """Text boxes, charts, pictures; of an alternative the first that says something."""
        if local(element.tag) == "AlternateContent":
            for choice in element:
                before = len(self._behind)
                self._draw(choice)
                if len(self._behind) > before:
                    return
            return
        for child in element:
            name = local(child.tag)
            if child.tag == f"{W}txbxContent":
                self._behind += [self._box(child)]
            elif name == "docPr":
                if child.get("hidden") in ("1", "true"):
                    return
                self._behind += [described(child.get("descr"))]
            elif name == "chart":
                self._chart(child.get(f"{R}id", ""))
            elif name == "relIds":
                self._diagram(child.get(f"{R}dm", ""))
            elif name in ("blip", "imagedata"):
                self._picture(child.get(f"{R}embed") or child.get(f"{R}id") or "")
            self._draw(child)

    def _box(self, content: ET.Element) -> str:
        draft, behind, in_list = self.draft, self._behind, self._in_list
        self.draft, self._behind, self._in_list = Draft(within=True), [], False
        self.blocks(content)
        words = self.draft.text()
        self.draft, self._behind, self._in_list = draft, behind, in_list
        return words

    def _related(self, key: str) -> str:
        relation = self._package.relations(self._member).get(key)
        return relation.target if relation and relation.target in self._package.names else ""

    def _chart(self, key: str) -> None:
        root = self._package.xml(self._related(key))
        if root is None:
            return
        draft = Draft()
        draft.block(f"[Chart: {chart_title(root) or 'without a title'}]")
        draft.table(chart_rows(root))
        self._behind.append(draft.text())

    def _diagram(self, key: str) -> None:
        root = self._package.xml(self._related(key))
        lines = diagram_lines(root) if root is not None else []
        self._behind += ["\n".join(f"- {line}" for line in lines)] if lines else []

    def _picture(self, key: str) -> None:
        target = self._related(key)
        if target and self._pictures.more and self._package.size(target) <= MAX_PICTURE_BYTES:
            self._behind += [self._pictures.words(self._package.data(target))]

    # ---- tables

    def _table(self, element: ET.Element) -> None:
        rows = [row for row in _inside(element, f"{W}tr") if not _is_deleted(row)]
        if _is_layout([list(_inside(row, f"{W}tc")) for row in rows]):
            for row in rows:
                for cell in _inside(row, f"{W}tc"):
                    self.blocks(cell)
            return
        self._in_list = False
        lines: list[list[str]] = []
        joined: dict[int, str] = {}
        for row in rows:
            line: list[str] = [""] * _starts_late(row)
            for cell in _inside(row, f"{W}tc"):
                words, span, merge = self._cell(cell)
                if merge == "continue":
                    words = joined.get(len(line), "")
                else:
                    joined[len(line)] = words if merge == "restart" else ""
                line += [words, *[""] * (span - 1)]
            lines.append(line)
        width = max(map(len, lines), default=0)
        used = [at for at in range(width) if any(at < len(line) and line[at] for line in lines)]
        kept = [[line[at] if at < len(line) else "" for at in used] for line in lines if any(line)]
        self.draft.table(kept)

    def _cell(self, cell: ET.Element) -> tuple[str, int, str]:
        """The words of a cell, how many columns it spans, and whether it goes on from above."""
        span, merge = 1, ""
        properties = cell.find(f"{W}tcPr")
        if properties is not None:
            wide, tall = properties.find(f"{W}gridSpan"), properties.find(f"{W}vMerge")
            value = wide.get(f"{W}val", "1") if wide is not None else "1"
            span = min(int(value), 64) if value.isdigit() else 1
            merge = tall.get(f"{W}val", "continue") if tall is not None else ""
        parts = []
        for paragraph in _inside(cell, f"{W}p"):
            prefix, words = self._read_paragraph(paragraph)
            parts += [(prefix.strip(" #") + " " + words).strip()] if words else []
        return cell_words(" ".join(parts)), max(span, 1), merge


def _part(package: Package, member: str, kind: str) -> ET.Element | None:
    target = next(iter(package.related(member, kind)), "")
    return package.xml(target or f"word/{kind}.xml")


def _notes(root: ET.Element | None) -> dict[str, tuple[str, str]]:
    """Notes or comments by id, as (author, words)."""
    found: dict[str, tuple[str, str]] = {}
    for one in root if root is not None else ():
        if one.get(f"{W}type", "normal") == "normal":
            lines = ("".join(_note_pieces(paragraph)) for paragraph in one.iter(f"{W}p"))
            author = " ".join(visible(one.get(f"{W}author", "")).split())
            found[one.get(f"{W}id", "")] = (author, " ".join(" ".join(lines).split()))
    return found


def _note_pieces(element: ET.Element) -> Iterator[str]:
    for child in element:
        if child.tag == f"{W}t":
            yield child.text or ""
        elif child.tag in _BREAKS:
            yield " "
        elif child.tag not in _LEFT_OUT and not is_on(child.find(f"{W}rPr/{W}vanish")):
            yield from _note_pieces(child)


def _inside(element: ET.Element, tag: str) -> Iterator[ET.Element]:
    """Children with this tag, also inside content controls and the like, but not inside another table."""
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag not in _LEFT_OUT and child.tag != f"{W}tbl":
            yield from _inside(child, tag)


def _is_deleted(row: ET.Element) -> bool:
    properties = row.find(f"{W}trPr")
    if properties is None:
        return False
    return properties.find(f"{W}del") is not None or is_on(properties.find(f"{W}hidden"))


def _starts_late(row: ET.Element) -> int:
    skipped = row.find(f"{W}trPr/{W}gridBefore")
    value = skipped.get(f"{W}val", "") if skipped is not None else ""
    return min(int(value), 64) if value.isdigit() else 0


def _is_contents(control: ET.Element) -> bool:
    gallery = control.find(f"{W}sdtPr/{W}docPartObj/{W}docPartGallery")
    return gallery is not None and gallery.get(f"{W}val") == "Table of Contents"


def _is_layout(rows: list[list[ET.Element]]) -> bool:
    """A frame, columns of a page, a table around tables: its cells are read one after the other."""
    if all(len(row) <= 1 for row in rows):
        return True
    for row in rows:
        for cell in row:
            if cell.find(f".//{W}tbl") is not None:
                return True
            if sum(len(one.text or "") for one in cell.iter(f"{W}t")) > _LONG_CELL:
                return True
    return False
