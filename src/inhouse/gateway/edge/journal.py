"""An append-only file in which every request is written down before its work begins and when it ends.

One `os.write` per record, so a killed process leaves whole records and at most one torn one at the end;
a thread makes them safe against power loss every 100 ms. A record is 8 bytes (length and CRC-32 of what
follows, little-endian) and a JSON document. Each process has a file of its own, which it holds locked
while it lives: an unlocked file belongs to nobody and is complete (`ledger` reads them).
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import math
import os
import secrets
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import structlog

from inhouse.gateway.ports import LedgerRow
from inhouse.kernel.errors import HomeUnusable
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import EngineUsed, Outcome

__all__ = [
    "Closed",
    "Entry",
    "Handed",
    "Journal",
    "Opened",
    "Record",
    "Stretch",
    "is_alive",
    "read_records",
    "row_of",
]

log = structlog.get_logger(__name__)

SYNC_INTERVAL_S = 0.1
ROTATE_BYTES = 16 << 20
"""A new file is begun at this size, so that reading one again after a crash takes well under a second."""
MAX_RECORD_BYTES = 1 << 20
SUFFIX = ".journal"
UNNAMED = ".new"
UNNAMED_FOR_S = 60.0
"""A file has this ending for microseconds; one that old is empty and nobody's."""
_HEAD = struct.Struct("<II")
# macOS has no fdatasync.
_sync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


class Opened(msgspec.Struct, frozen=True, tag="open"):
    """A request was begun. `entry` is unique over all processes and times."""

    entry: str
    request_id: str
    started_at: float
    user: str
    task: str
    key: str = ""
    team: str = ""
    requested: str | None = None


class Closed(msgspec.Struct, frozen=True, tag="close"):
    """It ended; the row is whole, so that the opening is not needed to understand it."""

    entry: str
    row: LedgerRow


class Handed(msgspec.Struct, frozen=True, tag="handed"):
    """The file is full: requests still open in it were opened again in the next one."""


Record = Opened | Closed | Handed

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Record).decode


class Journal:
    """Writes this process's file; implements `kernel.ports.Accounts`. Safe to use from any thread.

    `start` begins the syncing thread; before it, records survive the death of the process all the same.

    Once the disk failed to keep what it was given, nothing more is written down, and so nothing more is
    begun, until a restart: after such a failure the system forgets which bytes it could not keep, so a
    later sync that succeeds says nothing about them. Source: Rebello et al., "Can Applications Recover
    from fsync Failures?", USENIX ATC 2020.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], float],
        stopwatch: Callable[[], float],
        rotate_bytes: int = ROTATE_BYTES,
        sync: Callable[[int], None] = _sync,
    ) -> None:
        self._sync = sync
        self._trouble = ""
        self._folder = folder
        self._clock = clock
        self._stopwatch = stopwatch
        self._rotate_bytes = rotate_bytes
        self._turn = threading.Lock()
        self._open_now: dict[str, Opened] = {}
        self._file = -1
        self._size = 0
        self._count = 0
        self._dirty = threading.Event()
        self._stopping = threading.Event()
        self._syncer: threading.Thread | None = None

    def start(self) -> None:
        """Begin to sync in the background; remove what processes left that died while they began a file."""
        for path in self._folder.glob(f"*{UNNAMED}"):
            with contextlib.suppress(FileNotFoundError):
                if self._clock() - path.stat().st_mtime > UNNAMED_FOR_S:
                    path.unlink()
        self._syncer = threading.Thread(target=self._sync_loop, name="journal-sync", daemon=True)
        self._syncer.start()

    def stop(self) -> None:
        """Sync a last time and let the file go; requests still open become `interrupted`."""
        self._stopping.set()
        self._dirty.set()
        if self._syncer is not None:
            self._syncer.join()
        with self._turn:
            if self._file >= 0:
                if not self._trouble:
                    self._keep(self._file)
                os.close(self._file)
                self._file = -1

    @property
    def trouble(self) -> str:
        """Why nothing is written down any more, empty while all is well."""
        return self._trouble

    def open(
        self,
        *,
        request_id: str,
        user: str,
        task: str,
        key: str = "",
        team: str = "",
        requested: str | None = None,
    ) -> Entry:
        """See `Accounts.open`."""
        with self._turn:
            self._count += 1
            entry = f"{self._name()}.{self._count}"
            opened = Opened(entry, request_id, self._clock(), user, task, key, team, requested)
            self._append(opened)
            self._open_now[entry] = opened
        return Entry(self, opened, self._stopwatch)

    def close(self, row: LedgerRow, entry: str) -> None:
        """Write the end of an entry; an end that was written before stays."""
        with self._turn:
            if entry in self._open_now:
                # Forgotten after it is written: a death between a rotation and the end would lose it.
                self._append(Closed(entry, row))
                del self._open_now[entry]

    def _name(self) -> str:
        """The name of this file, without its ending; opens the first file when there is none yet."""
        if self._file < 0:
            with _explained(self._folder):
                self._begin_file()
        return self._stem

    def _begin_file(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{os.getpid()}-{secrets.token_hex(8)}{SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        # Locked before it has its name: an unlocked journal is taken for a dead process's and removed.
        unnamed = path.with_suffix(UNNAMED)
        descriptor = os.open(unnamed, flags, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        unnamed.rename(path)
        self._path, self._stem = path, path.stem
        self._file, self._size = descriptor, 0

    def _append(self, record: Record) -> None:
        if self._trouble:
            raise HomeUnusable(
                self._trouble, hint="look at the disk, then start inhouse again; what was asked can be read"
            )
        # Not `_explained`: this stands in the way of every request, and a generator costs more than it does.
        try:
            if self._file < 0:
                self._begin_file()
            elif self._size >= self._rotate_bytes:
                self._rotate()
            self._write(record)
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        if not self._dirty.is_set():
            self._dirty.set()

    def _rotate(self) -> None:
        """Begin a new file that holds all that is still open, then say so at the end of the old one.

        In this order a death in between leaves openings twice, which the ledger sees as one by their entry.
        """
        old, old_size = self._file, self._size
        self._begin_file()
        try:
            for opened in self._open_now.values():
                self._write(opened)
        except OSError:
            os.close(self._file)
            self._file, self._size = old, old_size
            raise
        new, new_size = self._file, self._size
        self._file, self._size = old, old_size
        self._write(Handed())
        self._keep(old)
        os.close(old)
        self._file, self._size = new, new_size

    def _write(self, record: Record) -> None:
        body = _encode(record)
        data = _HEAD.pack(len(body), zlib.crc32(body)) + body
        written = os.write(self._file, data)
        if written != len(data):
            # A torn record in the middle would hide all that follow it.
            os.ftruncate(self._file, self._size)
            raise OSError(f"only {written} of {len(data)} bytes could be written")
        self._size += written

    def _sync_loop(self) -> None:
        while not self._stopping.is_set():
            self._dirty.wait()
            self._stopping.wait(SYNC_INTERVAL_S)
            self._dirty.clear()
            with self._turn:
                # A copy of the number: syncing may take long, and writers must not wait for it.
                copy = os.dup(self._file) if self._file >= 0 else -1
            if copy >= 0:
                self._keep(copy)
                os.close(copy)
            if self._trouble:
                return

    def _keep(self, descriptor: int) -> None:
        """Make what was written safe; a failure is remembered, and refuses all that follows."""
        try:
            self._sync(descriptor)
        except OSError as error:
            reason = error.strerror or str(error)
            self._trouble = f"The disk could not keep the journal in {self._folder}: {reason}"
            log.error("journal_not_synced", folder=str(self._folder), reason=reason)


class Entry:
    """One request that was begun; implements `kernel.ports.Account`."""

    def __init__(self, journal: Journal, opened: Opened, stopwatch: Callable[[], float]) -> None:
        self._journal = journal
        self._opened = opened
        self._stopwatch = stopwatch
        self._began = stopwatch()
        self._closed = False

    def close(
        self,
        outcome: Outcome,
        used: EngineUsed,
        usage: Usage,
        *,
        code: str | None = None,
        first_token_ms: float | None = None,
        cost_micros: int | None = None,
        saved_micros: int | None = None,
    ) -> None:
        """See `Account.close`."""
        if self._closed:
            return
        self._closed = True
        total_ms = (self._stopwatch() - self._began) * 1000
        row = row_of(
            self._opened,
            outcome,
            used,
            usage,
            total_ms=total_ms,
            code=code,
            first_token_ms=first_token_ms,
            cost_micros=cost_micros,
            saved_micros=saved_micros,
        )
        self._journal.close(row, self._opened.entry)


def row_of(
    opened: Opened,
    outcome: Outcome,
    used: EngineUsed,
    usage: Usage,
    *,
    total_ms: float,
    code: str | None = None,
    first_token_ms: float | None = None,
    cost_micros: int | None = None,
    saved_micros: int | None = None,
) -> LedgerRow:
    """The ledger's row. No engine costs nothing; what an engine costs is not known without a price."""
    return LedgerRow(
        request_id=opened.request_id,
        started_at=opened.started_at,
        user=opened.user,
        task=opened.task,
        engine=used.engine,
        model=used.model,
        where=used.where,
        outcome=outcome,
        code=code,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        estimated=usage.estimated,
        cost_micros=0 if cost_micros is None and used.where == "none" else cost_micros,
        first_token_ms=first_token_ms,
        total_ms=total_ms,
        reason=used.reason,
        key=opened.key,
        team=opened.team,
        requested=opened.requested,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        saved_micros=saved_micros,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Stretch:
    """What stands in a journal from an offset on. `end` is the offset after the last whole record.

    `damaged`: something that is no torn tail follows; nothing behind it can be read.
    """

    records: tuple[Record, ...]
    end: int
    damaged: bool


def read_records(path: Path, offset: int = 0, *, most_bytes: float = math.inf) -> Stretch:
    """All whole records from `offset` on; a torn one at the end is left for later.

    After `most_bytes` no further record is begun: the rest is for the next time.
    """
    records: list[Record] = []
    at = offset
    with path.open("rb") as file:
        file.seek(offset)
        while at - offset < most_bytes and len(head := file.read(_HEAD.size)) == _HEAD.size:
            length, crc = _HEAD.unpack(head)
            # Zeros are what a lost power supply leaves of a tail that was never synced.
            if length == 0:
                break
            body = file.read(length) if length <= MAX_RECORD_BYTES else b""
            if len(body) < length <= MAX_RECORD_BYTES:
                break
            if zlib.crc32(body) != crc or length > MAX_RECORD_BYTES:
                return Stretch(tuple(records), at, damaged=True)
            records.append(_decode(body))
            at += _HEAD.size + length
    return Stretch(tuple(records), at, damaged=False)


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


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> HomeUnusable:
    return HomeUnusable(
        f"The journal in {folder} could not be written: {error.strerror or error}",
        hint="check free space and permissions; requests are refused until they can be written down",
    )
