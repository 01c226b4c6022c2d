"""An append-only file in which every request is written down before its work begins and when it ends.

What was written survives the death of the process (`journal_file` tells how); a thread makes it safe against
power loss every 100 ms. A record is a line of JSON, its fields in their order without their names: half as
long, and half as long to write. Each process has a file of its own, which it holds locked while it lives: an
unlocked file belongs to nobody and is complete (`ledger` reads them).
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from inhouse.gateway.edge.journal_file import (
    STEP_BYTES,
    UNNAMED,
    JournalFile,
    begin_file,
    maps_here,
    read_bodies,
    sync_file,
)
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
    "read_record",
    "read_records",
    "row_of",
]

log = structlog.get_logger(__name__)

SYNC_INTERVAL_S = 0.1
ROTATE_BYTES = 16 << 20
"""A new file is begun at this size, so that reading one again after a crash takes well under a second."""
UNNAMED_FOR_S = 60.0
"""A file has this ending for microseconds; one that old is empty and nobody's."""


class Opened(msgspec.Struct, frozen=True, tag="open", array_like=True, gc=False):
    """A request was begun. `entry` is unique over all processes and times."""

    entry: str
    request_id: str
    started_at: float
    user: str
    task: str
    key: str = ""
    team: str = ""
    requested: str | None = None


class Closed(msgspec.Struct, frozen=True, tag="close", array_like=True, gc=False):
    """It ended; the row is whole, so that the opening is not needed to understand it."""

    entry: str
    row: LedgerRow


class Handed(msgspec.Struct, frozen=True, tag="handed", array_like=True):
    """The file is full: requests still open in it were opened again in the next one."""


Record = Opened | Closed | Handed

_encode = msgspec.json.Encoder().encode
_decode: Callable[[bytes], Record] = msgspec.json.Decoder(Record).decode
_NAMED = b"{"
"""How a record of an older version begins: with the names of its fields."""


class Journal:
    """Writes this process's file; implements `kernel.ports.Accounts`. Safe to use from any thread.

    `start` begins the syncing thread; before it, records survive the death of the process all the same.
    `mapped` says how records are written (`journal_file`), None: as it is safe in this folder.

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
        sync: Callable[[int], None] = sync_file,
        mapped: bool | None = None,
        step_bytes: int = STEP_BYTES,
    ) -> None:
        self._sync = sync
        self._trouble = ""
        self._folder = folder
        self._clock = clock
        self._stopwatch = stopwatch
        self._rotate_bytes = rotate_bytes
        self._mapped = mapped
        self._step_bytes = step_bytes
        self._turn = threading.Lock()
        self._open_now: dict[str, Opened] = {}
        self._file: JournalFile | None = None
        self._full: list[JournalFile] = []
        self._named: JournalFile | None = None
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
            if self._file is not None:
                self._full.append(self._file)
                self._file = None
            self._let_go_of_full()

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
        # `with` takes twice as long, and all requests pass here.
        self._turn.acquire()
        try:
            file = self._file
            if file is None or self._trouble or file.size >= self._rotate_bytes:
                file = self._ready()
            self._count += 1
            entry = f"{file.stem}.{self._count}"
            opened = Opened(entry, request_id, self._clock(), user, task, key, team, requested)
            file.append(_encode(opened))
            self._open_now[entry] = opened
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        finally:
            self._turn.release()
        if not self._dirty.is_set():
            self._dirty.set()
        return Entry(self, opened, self._stopwatch, self._stopwatch())

    def close(self, row: LedgerRow, entry: str) -> None:
        """Write the end of an entry; an end that was written before stays."""
        self._turn.acquire()
        try:
            if entry not in self._open_now:
                return
            file = self._file
            if file is None or self._trouble or file.size >= self._rotate_bytes:
                file = self._ready()
            # Forgotten after it is written: a death between a rotation and the end would lose it.
            file.append(_encode(Closed(entry, row)))
            del self._open_now[entry]
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        finally:
            self._turn.release()
        if not self._dirty.is_set():
            self._dirty.set()

    def _ready(self) -> JournalFile:
        """A file that takes the next record, where the present one does not."""
        if self._trouble:
            raise HomeUnusable(
                self._trouble, hint="look at the disk, then start inhouse again; what was asked can be read"
            )
        self._file = self._begun() if self._file is None else self._rotated(self._file)
        return self._file

    def _begun(self) -> JournalFile:
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._mapped is None:
            self._mapped = maps_here(self._folder)
        return begin_file(self._folder, mapped=self._mapped, step_bytes=self._step_bytes)

    def _rotated(self, old: JournalFile) -> JournalFile:
        """A new file that holds all that is still open; the old one ends with a word about that.

        In this order a death in between leaves openings twice, which the ledger sees as one by their entry.
        """
        new = self._begun()
        try:
            for opened in self._open_now.values():
                new.append(_encode(opened))
            old.append(_encode(Handed()))
        except OSError:
            # While it is still locked: nobody may take what stands in it for the end of these requests.
            new.path.unlink(missing_ok=True)
            new.close()
            raise
        self._full.append(old)
        if self._syncer is None:
            self._let_go_of_full()
        return new

    def _sync_loop(self) -> None:
        while not self._stopping.is_set():
            self._dirty.wait()
            self._stopping.wait(SYNC_INTERVAL_S)
            self._dirty.clear()
            with self._turn:
                file, full = self._file, self._full
                self._full = []
            # Without the lock: syncing may take long, and writers must not wait for it. Files end here only.
            for each in full:
                self._let_go(each)
            if file is not None:
                self._keep(file)
            if self._trouble:
                return

    def _let_go_of_full(self) -> None:
        while self._full:
            self._let_go(self._full.pop(0))

    def _let_go(self, file: JournalFile) -> None:
        self._keep(file)
        file.finish()
        file.close()

    def _keep(self, file: JournalFile) -> None:
        """Make what was written safe; a failure is remembered, and refuses all that follows."""
        if self._trouble:
            return
        try:
            self._sync(file.descriptor)
            if file is not self._named:
                self._keep_names()
                self._named = file
        except OSError as error:
            reason = error.strerror or str(error)
            self._trouble = f"The disk could not keep the journal in {self._folder}: {reason}"
            log.error("journal_not_synced", folder=str(self._folder), reason=reason)

    def _keep_names(self) -> None:
        """Make the folder safe: bytes that no name leads to are lost as well."""
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._sync(descriptor)
        finally:
            os.close(descriptor)


class Entry(msgspec.Struct, eq=False):
    """One request that was begun; implements `kernel.ports.Account`."""

    _journal: Journal
    _opened: Opened
    _stopwatch: Callable[[], float]
    _began: float
    _closed: bool = False

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
    # By position: with names this one call would take half as long as all else that is done for a request.
    return LedgerRow(
        opened.request_id,
        opened.started_at,
        opened.user,
        opened.task,
        used.engine,
        used.model,
        used.where,
        outcome,
        code,
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
        usage.estimated,
        0 if cost_micros is None and used.where == "none" else cost_micros,
        first_token_ms,
        total_ms,
        used.reason,
        opened.key,
        opened.team,
        opened.requested,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
        saved_micros,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Stretch:
    """What stands in a journal from an offset on. `end`, `torn`, `damaged`: see `Bodies`."""

    records: tuple[Record, ...]
    end: int
    torn: bool
    damaged: bool


def read_records(path: Path, offset: int = 0, *, most_bytes: float = math.inf) -> Stretch:
    """All whole records from `offset` on; after `most_bytes` no further one is begun."""
    bodies = read_bodies(path, offset, most_bytes=most_bytes)
    return Stretch(tuple(map(read_record, bodies.found)), bodies.end, bodies.torn, bodies.damaged)


def read_record(body: bytes) -> Record:
    """The record that these bytes are, also of an older version."""
    if not body.startswith(_NAMED):
        return _decode(body)
    fields = msgspec.json.decode(body)
    match fields.pop("type"):
        case "open":
            return Opened(**fields)
        case "close":
            return Closed(fields["entry"], LedgerRow(**fields["row"]))
        case _:
            return Handed()


def _unwritable(folder: Path, error: OSError) -> HomeUnusable:
    return HomeUnusable(
        f"The journal in {folder} could not be written: {error.strerror or error}",
        hint="check free space and permissions; requests are refused until they can be written down",
    )
