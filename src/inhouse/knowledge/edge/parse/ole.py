"""OLE files (old Office, Outlook messages, embedded objects): their storages and streams.

Reads what is asked for and trusts nothing: chains may be rings, sizes may lie.
Source: [MS-CFB] 2.2-2.6.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Ole", "Storage"]

_END = 0xFFFFFFFA
"""Sector numbers from here on are marks, not sectors."""
_MAX_ENTRIES = 100_000


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    kind: int
    left: int
    right: int
    child: int
    first: int
    size: int


class Ole:
    """An OLE file in memory.

    Raises:
        ValueError, struct.error: if its head or directory is damaged.
    """

    def __init__(self, data: bytes) -> None:
        if data[:8] != b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
            raise ValueError("not an OLE file")
        self._data = data
        shift, small_shift = struct.unpack_from("<HH", data, 30)
        if shift not in (9, 12) or small_shift > shift:
            raise ValueError("sectors of an unknown size")
        self._size, self._small_size = 1 << shift, 1 << small_shift
        self._cutoff = struct.unpack_from("<I", data, 56)[0]
        self._table = self._read_table()
        directory = self._chain(struct.unpack_from("<I", data, 48)[0], len(data))
        self._entries = [_entry(directory, at) for at in range(0, len(directory) - 127, 128)][:_MAX_ENTRIES]
        if not self._entries:
            raise ValueError("no directory")
        first_small = struct.unpack_from("<I", data, 60)[0]
        packed = self._chain(first_small, len(data))
        self._small_table = struct.unpack(f"<{len(packed) // 4}I", packed[: len(packed) // 4 * 4])
        root = self._entries[0]
        self._small = self._chain(root.first, root.size)

    @property
    def root(self) -> Storage:
        """The outermost storage."""
        return Storage(self, 0)

    def _read_table(self) -> tuple[int, ...]:
        sectors = [one for one in struct.unpack_from("<109I", self._data, 76) if one < _END]
        following, count = struct.unpack_from("<II", self._data, 68)
        per_sector = self._size // 4
        for _ in range(min(count, len(self._data) // self._size + 1)):
            if following >= _END:
                break
            numbers = self._numbers(following)
            sectors += [one for one in numbers[: per_sector - 1] if one < _END]
            following = numbers[-1] if len(numbers) == per_sector else _END
        table: list[int] = []
        for sector in sectors[: len(self._data) // self._size + 1]:
            table += self._numbers(sector)
        return tuple(table)

    def _numbers(self, sector: int) -> tuple[int, ...]:
        part = self._sector(sector)
        return struct.unpack(f"<{len(part) // 4}I", part[: len(part) // 4 * 4])

    def _sector(self, sector: int) -> bytes:
        at = (sector + 1) * self._size
        return self._data[at : at + self._size]

    def _chain(self, sector: int, size: int) -> bytes:
        parts: list[bytes] = []
        for _ in range(min(size, len(self._data)) // self._size + 1):
            if sector >= _END or sector >= len(self._table):
                break
            parts.append(self._sector(sector))
            sector = self._table[sector]
        return b"".join(parts)[:size]

    def _small_chain(self, sector: int, size: int) -> bytes:
        parts: list[bytes] = []
        for _ in range(min(size, len(self._small)) // self._small_size + 1):
            if sector >= _END or sector >= len(self._small_table):
                break
            at = sector * self._small_size
            parts.append(self._small[at : at + self._small_size])
            sector = self._small_table[sector]
        return b"".join(parts)[:size]

    def content(self, at: int) -> bytes:
        """The bytes of the stream that stands at this place in the directory."""
        entry = self._entries[at]
        if entry.size < self._cutoff:
            return self._small_chain(entry.first, entry.size)
        return self._chain(entry.first, entry.size)

    def kind(self, at: int) -> int:
        """1 for a storage, 2 for a stream, 5 for the root."""
        return self._entries[at].kind

    def children(self, at: int) -> Iterator[tuple[str, int]]:
        """Names and places of what lies in a storage."""
        seen: set[int] = set()
        waiting = [self._entries[at].child]
        while waiting:
            place = waiting.pop()
            if place in seen or place >= len(self._entries):
                continue
            seen.add(place)
            entry = self._entries[place]
            yield entry.name, place
            waiting += [entry.left, entry.right]


class Storage:
    """A folder inside an OLE file."""

    def __init__(self, ole: Ole, at: int) -> None:
        self._ole = ole
        self._places = dict(ole.children(at))

    @property
    def names(self) -> list[str]:
        """What lies in it, by name."""
        return sorted(self._places)

    def stream(self, name: str) -> bytes:
        """The bytes of a stream; b"" when there is none of this name."""
        at = self._places.get(name)
        return self._ole.content(at) if at is not None and self._ole.kind(at) == 2 else b""

    def storage(self, name: str) -> Storage | None:
        """A storage inside this one."""
        at = self._places.get(name)
        return Storage(self._ole, at) if at is not None and self._ole.kind(at) == 1 else None


def _entry(directory: bytes, at: int) -> _Entry:
    length, kind = struct.unpack_from("<HB", directory, at + 64)
    name = directory[at : at + max(min(length, 64) - 2, 0)].decode("utf-16-le", "replace")
    left, right, child = struct.unpack_from("<III", directory, at + 68)
    first, size = struct.unpack_from("<IQ", directory, at + 116)
    return _Entry(name, kind, left, right, child, first, size & 0xFFFFFFFF)
