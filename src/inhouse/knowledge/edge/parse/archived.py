"""Files inside files: what one is, and what zip archives among them hold."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from inhouse.knowledge.edge.parse.parsed import Means, Parsed

__all__ = ["MAX_BYTES", "InnerFile", "unpacked"]

MAX_BYTES = 50 << 20
MAX_UNPACKED = 100 << 20
MAX_MEMBERS = 50
_DOCUMENTS = ("[Content_Types].xml", "mimetype", "META-INF/container.xml")
_UTF8_NAMES = 0x800
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class InnerFile:
    """A file that lies inside another. `whole_size` is what it says of itself when it was not unpacked."""

    name: str
    data: bytes
    media_type: str = ""
    whole_size: int = 0
    opened: Callable[[Means], Parsed] | None = None
    """For what lies inside in another shape than bytes: reads it, with the means of its depth."""

    @property
    def size_bytes(self) -> int:
        """Of the file itself."""
        return len(self.data) or self.whole_size


def unpacked(files: Sequence[InnerFile], *, levels: int = 2) -> Iterator[InnerFile]:
    """These files, and instead of a zip archive what it holds; one that would explode stays as it is."""
    for file in files:
        members = _members(file) if levels and file.data.startswith(b"PK\x03\x04") else []
        yield from unpacked(members, levels=levels - 1) if members else [file]


def _members(file: InnerFile) -> list[InnerFile]:
    try:
        with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
            listed = [one for one in archive.infolist() if not one.is_dir()]
            names = {one.filename for one in listed}
            whole = sum(one.file_size for one in listed)
            if any(mark in names for mark in _DOCUMENTS) or len(listed) > MAX_MEMBERS or whole > MAX_UNPACKED:
                return []
            return [_member(archive, one) for one in listed if not one.filename.startswith("__MACOSX/")]
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError):
        return []


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> InnerFile:
    name = member.filename
    if not member.flag_bits & _UTF8_NAMES and not name.isascii():  # archives of Russian Windows
        name = name.encode("cp437", "replace").decode("cp866", "replace")
    if member.flag_bits & _ENCRYPTED or member.file_size > MAX_BYTES:
        return InnerFile(name, b"", whole_size=member.file_size)
    return InnerFile(name, archive.read(member))
