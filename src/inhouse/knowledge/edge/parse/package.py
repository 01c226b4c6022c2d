"""Office archives: their parts as XML, and how the parts point to each other.

OOXML in both spellings of its namespaces (ECMA-376 transitional and ISO 29500 strict), OpenDocument alike.
Relations to addresses outside the archive are never followed, and never fetched.
"""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO
from xml.etree import ElementTree as ET

from inhouse.knowledge.edge.parse.unseen import visible

__all__ = ["A", "Locked", "Package", "R", "Relation", "local", "seconds", "walk"]

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_STRICT = (
    (
        b"http://purl.oclc.org/ooxml/officeDocument/",
        b"http://schemas.openxmlformats.org/officeDocument/2006/",
    ),
    (
        b"http://purl.oclc.org/ooxml/wordprocessingml/",
        b"http://schemas.openxmlformats.org/wordprocessingml/2006/",
    ),
    (b"http://purl.oclc.org/ooxml/spreadsheetml/", b"http://schemas.openxmlformats.org/spreadsheetml/2006/"),
    (
        b"http://purl.oclc.org/ooxml/presentationml/",
        b"http://schemas.openxmlformats.org/presentationml/2006/",
    ),
    (b"http://purl.oclc.org/ooxml/drawingml/", b"http://schemas.openxmlformats.org/drawingml/2006/"),
)


@dataclass(frozen=True, slots=True)
class Relation:
    """`kind` is the last word of its type (`image`, `slide`); `target` the member, "" if outside."""

    kind: str
    target: str


class Locked(Exception):
    """The words are there, but only for those who have a key."""


class Package:
    """An open archive. Missing members are None or empty; broken ones raise what `zipfile` and expat do."""

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path)
        self.names = frozenset(self._archive.namelist())
        self._relations: dict[str, dict[str, Relation]] = {}

    def __enter__(self) -> Package:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def size(self, member: str) -> int:
        """Bytes of the member once unpacked, as the archive's directory says."""
        return self._archive.getinfo(member).file_size

    def data(self, member: str) -> bytes:
        """The bytes of a member."""
        return self._archive.read(member)

    def stream(self, member: str) -> IO[bytes]:
        """The member, to be read piece by piece."""
        return self._archive.open(member)

    def xml(self, member: str) -> ET.Element | None:
        """The member as a tree; None when there is no such member."""
        if member not in self.names:
            return None
        data = self._archive.read(member)
        if b"purl.oclc.org/ooxml" in data[:8192]:
            for strict, usual in _STRICT:
                data = data.replace(strict, usual)
        # Entities cannot explode: expat >= 2.4.1 stops amplification, and the child has its own limits.
        return ET.fromstring(data)  # noqa: S314

    def relations(self, member: str) -> dict[str, Relation]:
        """Relation id to what it points to."""
        if member not in self._relations:
            self._relations[member] = self._read_relations(PurePosixPath(member))
        return self._relations[member]

    def related(self, member: str, kind: str) -> list[str]:
        """The members of one kind that this one points to, in the order of the file."""
        found = (one.target for one in self.relations(member).values() if one.kind == kind)
        return [target for target in found if target in self.names]

    def properties(self) -> tuple[str, float | None]:
        """Title and time of the last change, as the document states them."""
        member = next(iter(self.related("", "core-properties")), "docProps/core.xml")
        root = self.xml(member)
        said = {local(one.tag): (one.text or "").strip() for one in root} if root is not None else {}
        title = " ".join(visible(said.get("title") or said.get("subject") or "").split())[:300]
        return title, seconds(said.get("modified", "")) or seconds(said.get("created", ""))

    def _read_relations(self, where: PurePosixPath) -> dict[str, Relation]:
        root = self.xml(str(where.parent / "_rels" / f"{where.name}.rels") if where.name else "_rels/.rels")
        found: dict[str, Relation] = {}
        for one in root if root is not None else ():
            kind = one.get("Type", "").rpartition("/")[2]
            target = "" if one.get("TargetMode") == "External" else _member(where, one.get("Target", ""))
            found[one.get("Id", "")] = Relation(kind, target)
        return found


def _member(where: PurePosixPath, target: str) -> str:
    joined = PurePosixPath(target.lstrip("/")) if target.startswith("/") else where.parent / target
    parts: list[str] = []
    for part in joined.parts:
        if part == "..":
            del parts[-1:]
        else:
            parts.append(part)
    return "/".join(parts)


@functools.lru_cache(maxsize=4_096)  # asked for every cell of a sheet
def local(tag: str) -> str:
    """The name of an element or attribute without its namespace."""
    return tag.rpartition("}")[2]


def walk(element: ET.Element, enters: Callable[[ET.Element], bool]) -> Iterator[ET.Element]:
    """All elements below, in the order of the file, but nothing inside those that `enters` refuses."""
    for child in element:
        yield child
        if enters(child):
            yield from walk(child, enters)


def seconds(stated: str) -> float | None:
    """UNIX seconds of an ISO time; None when it is none."""
    try:
        moment = datetime.fromisoformat(stated)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
