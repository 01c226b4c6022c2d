"""The files that an office document carries inside: packages of today, and objects in OLE of yesterday."""

from __future__ import annotations

import struct
from pathlib import PurePosixPath

from inhouse.knowledge.edge.parse.inner import MAX_BYTES, InnerFile
from inhouse.knowledge.edge.parse.ole import Ole
from inhouse.knowledge.edge.parse.package import Package

__all__ = ["embedded_files", "from_object"]

_KINDS = ("package", "oleObject", "aFChunk")
_OLD_OFFICE = ("WordDocument", "Workbook", "Book", "PowerPoint Document", "__properties_version1.0")
_WRAPPED = ("Package", "CONTENTS", "EmbeddedOdf", "package_stream")


def embedded_files(package: Package, member: str) -> list[InnerFile]:
    """What the part `member` of an archive embeds, in the order of its relations; formulas are none."""
    files: list[InnerFile] = []
    for kind in _KINDS:
        for target in package.related(member, kind):
            name = PurePosixPath(target).name
            if package.size(target) > MAX_BYTES:
                files.append(InnerFile(name, b"", whole_size=package.size(target)))
                continue
            data = package.data(target)
            found = from_object(data, name) if data.startswith(b"\xd0\xcf\x11\xe0") else InnerFile(name, data)
            files += [found] if found else []
    return files


def from_object(data: bytes, name: str) -> InnerFile | None:
    """The file inside an OLE object; None when it holds something else, as a formula."""
    try:
        root = Ole(data).root
        native = root.stream("\x01Ole10Native")
        if native:
            return _native(native)
        for wrapped in _WRAPPED:
            if inside := root.stream(wrapped):
                return InnerFile(PurePosixPath(name).stem, inside)
    except (ValueError, LookupError, struct.error):
        return None
    return InnerFile(name, data) if any(known in root.names for known in _OLD_OFFICE) else None


def _native(stream: bytes) -> InnerFile | None:
    """A file that was dragged into a document. Source: [MS-OLEDS] 2.3.6, and what Packager writes."""
    at = 6
    texts: list[str] = []
    for _ in range(2):  # its label and the path that it came from
        end = stream.index(b"\x00", at)
        texts.append(stream[at:end].decode("cp1251" if any(stream[at:end]) else "ascii", "replace"))
        at = end + 1
    at += 4  # two marks
    length = struct.unpack_from("<I", stream, at)[0]  # of the path of a temporary copy
    at += 4 + length
    size = struct.unpack_from("<I", stream, at)[0]
    data = stream[at + 4 : at + 4 + size]
    return InnerFile(texts[0] or texts[1], data) if data else None
