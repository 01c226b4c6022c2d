"""The files of the journal: how a record gets into one, and how all of them are read again.

A record is 8 bytes (length and CRC-32 of what follows, little-endian) and a body. The file ends where a
length is zero or nothing follows. Each file is locked by the process that writes it, for as long as it does.

There are two ways to write. The plain one is one `os.write` a record. The mapped one allocates space in
steps, maps it into memory and copies each record there: no call of the kernel, and no other thread gets the
interpreter meanwhile. What a process stored in a shared mapping is in the page cache as if it had been
written, so a kill -9 takes nothing back. It can fall into the middle of a copy: of that record some bytes are
there and the others are the zeros that were allocated, its sum is wrong, and nothing stands behind it.
Nobody had been told that it was written.

Mapped is what Linux does on file systems that keep what they allocate (`maps_here`). Elsewhere a full disk
would be met by a store, which nobody can refuse: the process dies of SIGBUS. What is left of that danger: a
file that somebody cuts short or copies with shared blocks while it is written, and a disk that cannot read a
page again that was written to before. Then the process dies, and what was synced is on the disk.

`fdatasync` makes both safe. For what was stored in a mapping POSIX names `msync` only; Linux does the same
for both, `vfs_fsync_range`, and knows the pages, because the first store into a clean page is a fault that
marks it. Source: Linux, mm/msync.c and "mm: tracking shared dirty pages" (2.6.19).

Measurements: docs/decisions/0012-a-mapped-journal.md.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import math
import mmap
import os
import secrets
import struct
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

__all__ = [
    "MAX_RECORD_BYTES",
    "STEP_BYTES",
    "SUFFIX",
    "UNNAMED",
    "Bodies",
    "JournalFile",
    "MappedFile",
    "begin_file",
    "is_alive",
    "maps_here",
    "read_bodies",
    "sync_file",
]

STEP_BYTES = 1 << 20
"""Allocated and mapped at once, some 2,500 requests: 60 us each time, and at most so much memory."""
MAX_RECORD_BYTES = 1 << 20
SUFFIX = ".journal"
UNNAMED = ".new"
_CHUNK_BYTES = 64 << 10
_HEAD = struct.Struct("<II")
_HEAD_BYTES = _HEAD.size
_KEEP_WHAT_THEY_ALLOCATE = frozenset(("ext4", "xfs", "tmpfs"))
"""Others write a page to a new place each time (Btrfs, ZFS), or do not say what they are (overlay)."""
# macOS has no fdatasync.
sync_file: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


class JournalFile:
    """A file that takes records at its end, each with one `os.write`. `size` is where the next one goes."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.stem = path.stem
        self.descriptor = descriptor
        self.size = 0

    def append(self, body: bytes) -> None:
        """Write a record.

        Raises:
            OSError: if there is no room for it; then nothing of it is there.
        """
        data = _HEAD.pack(_checked(len(body)), crc32(body)) + body
        written = os.write(self.descriptor, data)
        if written != len(data):
            # A torn record in the middle would hide all that follow it.
            os.ftruncate(self.descriptor, self.size)
            raise OSError(errno.ENOSPC, f"only {written} of {len(data)} bytes could be written")
        self.size += written

    def finish(self) -> None:
        """Give back what was allocated and not used. Sync before: nothing is written afterwards."""

    def close(self) -> None:
        """Let the file go: from now on it belongs to nobody."""
        os.close(self.descriptor)


class MappedFile(JournalFile):
    """The same, in memory that is the file's. A full disk is an error of `append` as well."""

    def __init__(self, path: Path, descriptor: int, step_bytes: int) -> None:
        super().__init__(path, descriptor)
        self._step_bytes = step_bytes
        self._view: mmap.mmap | None = None
        self._base = 0
        self._room = 0
        self._map(0)

    def append(self, body: bytes) -> None:
        """See `JournalFile.append`."""
        length = len(body)
        at = self.size - self._base
        end = at + _HEAD_BYTES + length
        if end > self._room or length > MAX_RECORD_BYTES or self._view is None:
            self._map(_HEAD_BYTES + _checked(length))
            self.append(body)
            return
        self._view[at:end] = _HEAD.pack(length, crc32(body)) + body
        self.size += end - at

    def finish(self) -> None:
        """See `JournalFile.finish`."""
        self._unmap()
        # Zeros that stay there do no harm.
        with contextlib.suppress(OSError):
            os.ftruncate(self.descriptor, self.size)

    def close(self) -> None:
        """See `JournalFile.close`."""
        self._unmap()
        super().close()

    def _map(self, needed: int) -> None:
        """Allocate the next step, of `needed` bytes at least, and look at nothing but that."""
        base = self.size - self.size % mmap.ALLOCATIONGRANULARITY
        room = max(self._step_bytes, self.size - base + needed)
        os.posix_fallocate(self.descriptor, base, room)
        view = mmap.mmap(self.descriptor, room, offset=base)
        self._unmap()
        self._view, self._base, self._room = view, base, room

    def _unmap(self) -> None:
        # It holds a copy of the descriptor, and so the lock.
        if self._view is not None:
            self._view.close()
            self._view = None


def begin_file(folder: Path, *, mapped: bool, step_bytes: int = STEP_BYTES) -> JournalFile:
    """A new, empty file that this process holds.

    Raises:
        OSError: if there is no room for one, or the folder cannot be used.
    """
    path = folder / f"{os.getpid()}-{secrets.token_hex(8)}{SUFFIX}"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    # Locked before it has its name: an unlocked journal is taken for a dead process's and removed.
    unnamed = path.with_suffix(UNNAMED)
    descriptor = os.open(unnamed, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        file = MappedFile(path, descriptor, step_bytes) if mapped else JournalFile(path, descriptor)
        unnamed.rename(path)
    except OSError:
        unnamed.unlink(missing_ok=True)
        os.close(descriptor)
        raise
    return file


def maps_here(folder: Path) -> bool:
    """Whether a store into allocated space of a file in `folder` always finds room."""
    if not hasattr(os, "posix_fallocate"):
        return False
    device = folder.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    # The third field is the number of the device; behind the hyphen is the kind. Source: proc(5).
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text("utf-8", "replace").splitlines():
            mount, _, rest = line.partition(" - ")
            if mount.split(" ")[2] == number:
                return rest.partition(" ")[0] in _KEEP_WHAT_THEY_ALLOCATE
    return False


def is_alive(path: Path) -> bool:
    """True while the process that writes the file lives and has not let it go."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


@dataclasses.dataclass(frozen=True, slots=True)
class Bodies:
    """The bodies of all whole records from an offset on; `end` is behind the last one.

    `torn`: the beginning of one more follows, with nothing behind it, as a lost power supply leaves it of
    what was never synced. `damaged`: something that nobody can read follows, and perhaps more behind it.
    """

    found: list[bytes]
    end: int
    torn: bool = False
    damaged: bool = False


def read_bodies(path: Path, offset: int = 0, *, most_bytes: float = math.inf) -> Bodies:
    """What stands in a file, also while it is written; after `most_bytes` no further record is begun."""
    found: list[bytes] = []
    at, wanted = offset, _CHUNK_BYTES
    with path.open("rb", buffering=0) as file:
        while at - offset < most_bytes:
            chunk = os.pread(file.fileno(), wanted, at)
            if taken := _split(chunk, found, most_bytes - (at - offset)):
                at, wanted = at + taken, _CHUNK_BYTES
                continue
            if len(chunk) < _HEAD_BYTES:
                return Bodies(found, at, torn=any(chunk))
            (length, _) = _HEAD.unpack_from(chunk)
            if length == 0:
                break
            end = _HEAD_BYTES + length
            if length > MAX_RECORD_BYTES or len(chunk) >= end:
                torn = length <= MAX_RECORD_BYTES and _ends_in_zeros(file.fileno(), at + end)
                return Bodies(found, at, torn=torn, damaged=not torn)
            if len(chunk) < wanted:
                return Bodies(found, at, torn=True)
            wanted = end
    return Bodies(found, at)


def _split(chunk: bytes, found: list[bytes], most_bytes: float) -> int:
    """Add the bodies of the whole records at the beginning of `chunk`; how many bytes these take."""
    at, size = 0, len(chunk)
    while at + _HEAD_BYTES <= size and at < most_bytes:
        length, crc = _HEAD.unpack_from(chunk, at)
        end = at + _HEAD_BYTES + length
        if end > size or length == 0:
            break
        body = chunk[at + _HEAD_BYTES : end]
        if crc32(body) != crc:
            break
        found.append(body)
        at = end
    return at


def _ends_in_zeros(descriptor: int, at: int) -> bool:
    """Whether something follows, and all of it was never written to."""
    last = b""
    while chunk := os.pread(descriptor, 1 << 20, at):
        if chunk.count(0) < len(chunk):
            return False
        at, last = at + len(chunk), chunk
    return bool(last)


def _checked(length: int) -> int:
    if length > MAX_RECORD_BYTES:
        raise OSError(errno.EMSGSIZE, f"a record of {length} bytes is too long")
    return length
