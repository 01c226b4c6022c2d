"""Texts in OpenDocument (ODT): words with headers and footers, lists, tables, boxes, notes and comments.

Deleted words, hidden sections and the table of contents are left out.
"""

from __future__ import annotations

from pathlib import Path

from inhouse.knowledge.edge.parse.draft import Draft
from inhouse.knowledge.edge.parse.drawn import Pictures
from inhouse.knowledge.edge.parse.opendoc import OFFICE, STYLE, Styles, Walker, properties
from inhouse.knowledge.edge.parse.package import Package
from inhouse.knowledge.edge.parse.parsed import Means, Parsed

__all__ = ["read_open_text"]


def read_open_text(path: Path, media_type: str, means: Means) -> Parsed:
    """The text of an ODT.

    Raises:
        KeyError, zipfile.BadZipFile, xml.etree.ElementTree.ParseError: if the archive is damaged.
    """
    with Package(path) as package:
        root, common = package.xml("content.xml"), package.xml("styles.xml")
        body = root.find(f"{OFFICE}body/{OFFICE}text") if root is not None else None
        if body is None:
            raise KeyError("content.xml")
        styles, pictures = Styles(common, root), Pictures(means)
        inside = Walker(package, Draft(within=True), styles, pictures)
        inside.blocks(body)
        main = inside.draft.text()
        edges: dict[str, list[str]] = {"header": [], "footer": []}
        for kind, found in edges.items():
            for name in (kind, f"{kind}-first", f"{kind}-left"):
                for part in common.iter(f"{STYLE}{name}") if common is not None else ():
                    story = Walker(package, Draft(within=True), styles, pictures)
                    story.blocks(part)
                    found += [
                        words
                        for words in story.draft.text().strip().split("\n\n")
                        if words and words not in main and words not in found
                    ]
        draft = Draft()
        for words in (*edges["header"], main, *edges["footer"]):
            draft.block(words)
        title, modified_at = properties(package)
    doubts = tuple(draft.doubts)
    return Parsed(draft.text(), "markdown", media_type, (), title, modified_at, doubts=doubts)
