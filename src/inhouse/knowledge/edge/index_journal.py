"""What each commit of a shelf of vectors added and removed: one record, appended and synced after its rows.

A record that is not whole at the end of the file was never acknowledged and is cut off by the next writer. A
record that is whole but does not match its checksum, or a length that does not match its own, is damage.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from inhouse.knowledge.edge.index_shelves import ShelfDamaged, sync_folder

__all__ = ["Added", "Commit", "Found", "append", "read", "write_at"]

_HEAD = struct.Struct("<4sIII")  # mark, length of the body, its CRC-32, CRC-32 of these twelve bytes
_MARK = b"ihv1"


class Added(msgspec.Struct, array_like=True, frozen=True):
    """The rows of one document: `ordinals` are uint32, `shas` sixteen bytes for each row."""

    document_id: str
    ordinals: bytes
    shas: bytes


class Commit(msgspec.Struct, array_like=True, frozen=True):
    """First `removed` go, then `added` come from row `start` on; `sums` are (rows, CRC-32 of their bytes)."""

    start: int
    removed: tuple[str, ...] = ()
    added: tuple[Added, ...] = ()
    sums: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Whole records from an offset on, where the next one begins, and whether a torn one stands there."""

    commits: Sequence[Commit]
    end: int
    torn: bool


def append(path: Path, commit: Commit, *, at: int) -> int:
    """Write a record at an offset, cutting off what stands there; durable on return. The offset after it."""
    body = msgspec.msgpack.encode(commit)
    head = _HEAD.pack(_MARK, len(body), zlib.crc32(body), 0)[:-4]
    record = head + struct.pack("<I", zlib.crc32(head)) + body
    write_at(path, record, at=at)
    return at + len(record)


def write_at(path: Path, content: bytes, *, at: int) -> None:
    """Put bytes at an offset of a file, made if there is none, and cut off what stands there; durable."""
    fresh = not path.exists()
    with path.open("w+b" if fresh else "r+b") as file:
        file.truncate(at)
        file.seek(at)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if fresh:
        sync_folder(path.parent)


def read(path: Path, *, at: int) -> Found:
    """The records from an offset on.

    Raises:
        ShelfDamaged: if a record is not what was written.
        FileNotFoundError: if the folder is gone.
    """
    try:
        with path.open("rb") as file:
            file.seek(at)
            content = memoryview(file.read())
    except FileNotFoundError:
        if at or not path.parent.is_dir():
            raise  # rewritten meanwhile: the newer folder must be asked
        return Found((), at, torn=False)
    commits: list[Commit] = []
    here = 0
    while here < len(content):
        body = _body(content, here, f"{path.parent.name}/{path.name}, byte {at + here}")
        if body is None:
            break
        try:
            commits.append(msgspec.msgpack.decode(body, type=Commit))
        except msgspec.DecodeError as error:
            raise ShelfDamaged(f"{path.parent.name}/{path.name}: {error}") from error
        here += _HEAD.size + len(body)
    return Found(commits, at + here, torn=here < len(content))


def _body(content: memoryview, here: int, where: str) -> memoryview | None:
    """The body of the record that begins here, None when it is torn."""
    if here + _HEAD.size > len(content):
        return None
    mark, length, body_sum, head_sum = _HEAD.unpack_from(content, here)
    if zlib.crc32(content[here : here + _HEAD.size - 4]) != head_sum or mark != _MARK:
        if not any(content[here:]):
            return None  # a power cut can leave zeros where a length was grown, but nothing written
        raise ShelfDamaged(f"{where}: content does not match its checksum")
    body = content[here + _HEAD.size : here + _HEAD.size + length]
    if len(body) < length:
        return None
    if zlib.crc32(body) != body_sum:
        raise ShelfDamaged(f"{where}: content does not match its checksum")
    return body
