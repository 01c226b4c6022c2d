"""Slides in OpenDocument, read from the archive: kreuzberg 4.10.4 refuses the format.

Words, tables and notes in the order of the file; each slide is a page. Drawings and charts are not read.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from inhouse.kernel.documents import PageSpan

__all__ = ["read_slides"]

_NAMES = "{urn:oasis:names:tc:opendocument:xmlns:"
_TEXT, _TABLE = _NAMES + "text:1.0}", _NAMES + "table:1.0}"
_PAGE = _NAMES + "drawing:1.0}page"
_PARAGRAPHS = (_TEXT + "p", _TEXT + "h")


def read_slides(path: Path) -> tuple[str, tuple[PageSpan, ...]]:
    """The text of an ODP file and where each slide stands in it.

    Raises:
        KeyError: if the archive has no content.
        xml.etree.ElementTree.ParseError: if the content is no XML.
    """
    with zipfile.ZipFile(path) as archive:
        root = ET.fromstring(archive.read("content.xml"))  # noqa: S314  the child has its own limits
    parts: list[str] = []
    spans: list[PageSpan] = []
    at = 0
    for number, slide in enumerate(root.iter(_PAGE), 1):
        words = "\n\n".join(_blocks(slide))
        at += 2 if parts else 0
        spans.append(PageSpan(number, at, at + len(words)))
        parts.append(words)
        at += len(words)
    return "\n\n".join(parts), tuple(spans)


def _blocks(element: ET.Element) -> Iterator[str]:
    """Paragraphs, and tables as pipe rows."""
    for child in element:
        if child.tag == _TABLE + "table":
            rows = [
                " | ".join(
                    " ".join(_blocks(cell)).replace("\n", " ") for cell in row.iter(_TABLE + "table-cell")
                )
                for row in child.iter(_TABLE + "table-row")
            ]
            if rows:
                width = rows[0].count(" | ") + 1
                yield "\n".join(
                    [f"| {rows[0]} |", "|" + " --- |" * width, *(f"| {row} |" for row in rows[1:])]
                )
        elif child.tag in _PARAGRAPHS:
            words = " ".join("".join(_pieces(child)).split())
            if words:
                yield words
        else:
            yield from _blocks(child)


def _pieces(element: ET.Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if child.tag in (_TEXT + "s", _TEXT + "tab", _TEXT + "line-break"):
            yield " "
        else:
            yield from _pieces(child)
        yield child.tail or ""
