"""Books (EPUB): the chapters in the order of reading, each a page.

Cover, table of contents and what the book itself puts outside its order are left out.
Source: EPUB 3.3, 5 (package document); EPUB 2.0.1 for `guide`.
"""

from __future__ import annotations

import posixpath
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from inhouse.knowledge.edge.parse.decode import decode
from inhouse.knowledge.edge.parse.draft import Draft
from inhouse.knowledge.edge.parse.markup import render
from inhouse.knowledge.edge.parse.package import Locked, Package, local, seconds
from inhouse.knowledge.edge.parse.parsed import Means, Parsed
from inhouse.knowledge.edge.parse.unseen import visible

__all__ = ["read_book"]

_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Ways to hide fonts, which lock no words."""
_APART = frozenset({"cover", "toc", "title-page", "loi", "lot"})


def read_book(path: Path, media_type: str, means: Means) -> Parsed:
    """The text of an EPUB.

    Raises:
        Locked: if its chapters are encrypted.
        KeyError, zipfile.BadZipFile, xml.etree.ElementTree.ParseError: if the archive is damaged.
    """
    draft = Draft()
    with Package(path) as package:
        _look_for_locks(package.xml("META-INF/encryption.xml"))
        container = package.xml("META-INF/container.xml")
        files = container.iter() if container is not None else ()
        opened = next((one.get("full-path", "") for one in files if local(one.tag) == "rootfile"), "")
        root = package.xml(opened)
        if root is None:
            raise KeyError(opened or "META-INF/container.xml")
        for number, member in enumerate(_chapters(root, posixpath.dirname(opened)), 1):
            if member in package.names:
                draft.start_page(number)
                draft.block(render(decode(package.data(member), declared=True)).text)
                draft.end_page()
                means.beat()
    said = {local(one.tag): (one.text or "").strip() for one in reversed(list(root.iter()))}
    title = " ".join(visible(said.get("title", "")).split())[:300]
    changed = next((one.text or "" for one in root.iter() if one.get("property") == "dcterms:modified"), "")
    modified_at = seconds(changed.strip()) or seconds(said.get("date", ""))
    return Parsed(draft.text(), "markdown", media_type, tuple(draft.pages), title, modified_at)


def _look_for_locks(root: ET.Element | None) -> None:
    for one in root.iter() if root is not None else ():
        if local(one.tag) == "EncryptedData":
            method = next(
                (part.get("Algorithm", "") for part in one if local(part.tag) == "EncryptionMethod"), ""
            )
            if method not in _FONTS:
                raise Locked


def _chapters(root: ET.Element, folder: str) -> list[str]:
    """The members of the archive that are to be read one after the other."""
    items = {one.get("id", ""): one for one in root.iter() if local(one.tag) == "item"}
    apart = {
        _member(folder, one.get("href", ""))
        for one in root.iter()
        if local(one.tag) == "reference" and one.get("type") in _APART
    }
    found: list[str] = []
    for one in root.iter():
        item = items.get(one.get("idref", "")) if local(one.tag) == "itemref" else None
        if item is None or one.get("linear") == "no":
            continue
        member = _member(folder, item.get("href", ""))
        named = posixpath.splitext(posixpath.basename(member))[0].lower()
        is_apart = "nav" in item.get("properties", "").split() or member in apart
        if not is_apart and named not in ("cover", "toc", "nav") and member not in found:
            found.append(member)
    return found


def _member(folder: str, address: str) -> str:
    return posixpath.normpath(posixpath.join(folder, unquote(address.partition("#")[0])))
