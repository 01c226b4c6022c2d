"""Moves the journal into the database.

Moving again what was moved before changes nothing: a row is known by the entry that the journal gave it.
So a file is read from its start after a crash, and removed only when all of it is committed. Plain SQL: all
requests wait for this, and a gateway that only serves does not load SQLAlchemy for it.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from msgspec.structs import astuple, replace

from inhouse.gateway.edge.journal import Closed, Opened, read_record, row_of
from inhouse.gateway.edge.journal_file import SUFFIX, is_alive, read_bodies
from inhouse.gateway.ports import LedgerRow
from inhouse.kernel.errors import HomeUnusable
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import EngineUsed
from inhouse.store.database import Database

__all__ = ["COLUMNS", "MOVE_INTERVAL_S", "Mover"]

log = structlog.get_logger(__name__)

MOVE_INTERVAL_S = 1.0
SLICE_BYTES = 256 << 10
"""Moved at once, about 700 requests: what a second of load holds would be 10 MB of objects, and Python keeps
that memory in pieces."""

COLUMNS = ("entry", *("place" if name == "where" else name for name in LedgerRow.__struct_fields__))
"""Of the table, in the order of the row; `where` is a word of SQL."""
_NAMES, _MARKS = ", ".join(f'"{name}"' for name in COLUMNS), ", ".join("?" * len(COLUMNS))
_ALL_NEW = ", ".join(f'"{name}" = excluded."{name}"' for name in COLUMNS[1:])
_ADD = f"INSERT INTO ledger ({_NAMES}) VALUES ({_MARKS}) ON CONFLICT (entry) DO"  # noqa: S608  our own names
# An end is the last word, also where the request had been given up for lost.
_ADD_ENDED = f"{_ADD} UPDATE SET {_ALL_NEW} WHERE ledger.outcome = 'interrupted'"
_ADD_LOST = f"{_ADD} NOTHING"


@dataclass(slots=True)
class _Progress:
    """How far one journal file was read; `open_now` are its openings without an end."""

    offset: int = 0
    open_now: dict[str, Opened] = field(default_factory=dict)
    handed: bool = False
    torn: bool = False
    damaged: bool = False


class Mover:
    """Moves what stands in the journal files of `folder`. Safe to use from any thread.

    Several processes may move at once, as commands do beside a gateway: a row that is there already stays
    as it is, and a file goes when all of it is there.
    """

    def __init__(self, database: Database, folder: Path, interval_s: float) -> None:
        self._database = database
        self._folder = folder
        self._interval_s = interval_s
        self._turn = threading.Lock()
        self._progress: dict[str, _Progress] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Move what dead processes left, then go on moving in the background."""
        self.move()
        self._thread = threading.Thread(target=self._loop, name="ledger-mover", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Move a last time."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self.move()

    def move(self) -> int:
        """Move every record that is there now; return how many rows were written.

        Raises:
            HomeUnusable: if the database cannot be written; nothing is lost, the journal keeps all.
        """
        with self._turn:
            files = sorted(self._folder.glob(f"*{SUFFIX}"))
            return sum(self._move_file(path) for path in files)

    def _loop(self) -> None:
        while not self._stopping.wait(self._interval_s):
            try:
                self.move()
            except HomeUnusable as error:
                log.error("ledger_not_moved", message=str(error))

    def _move_file(self, path: Path) -> int:
        # Asked before reading: what a dead process wrote is all there.
        try:
            alive, size = is_alive(path), path.stat().st_size
        except FileNotFoundError:
            return 0
        progress = self._progress.setdefault(path.name, _Progress())
        moved, going = 0, True
        while going and progress.offset < size:
            before = progress.offset
            try:
                moved += self._move_slice(path, progress)
            except FileNotFoundError:
                # Another process moved all of it meanwhile.
                self._progress.pop(path.name, None)
                return moved
            going = progress.offset > before and not progress.damaged
        if alive:
            return moved
        lost = [] if progress.handed else [_interrupted(each) for each in progress.open_now.values()]
        self._insert(_ADD_LOST, lost)
        self._retire(path, progress, interrupted=len(lost))
        return moved + len(lost)

    def _move_slice(self, path: Path, progress: _Progress) -> int:
        """Move the next records; how many rows they were."""
        bodies = read_bodies(path, progress.offset, most_bytes=SLICE_BYTES)
        rows: list[tuple[object, ...]] = []
        for body in bodies.found:
            record = read_record(body)
            if isinstance(record, Closed):
                progress.open_now.pop(record.entry, None)
                rows.append((record.entry, *astuple(record.row)))
            elif isinstance(record, Opened):
                progress.open_now[record.entry] = record
            else:
                progress.handed = True
        self._insert(_ADD_ENDED, rows)
        # While the file is written these two may be the sight of a record on its way.
        progress.offset, progress.torn, progress.damaged = bodies.end, bodies.torn, bodies.damaged
        return len(rows)

    def _insert(self, statement: str, rows: list[tuple[object, ...]]) -> None:
        if rows:
            with self._database.write_plain() as connection:
                connection.executemany(statement, rows)

    def _retire(self, path: Path, progress: _Progress, *, interrupted: int) -> None:
        if interrupted:
            log.warning("requests_interrupted", journal=path.name, count=interrupted)
        if progress.torn:
            log.warning("journal_torn", journal=path.name, read_bytes=progress.offset)
        if progress.damaged:
            log.error("journal_damaged", journal=path.name, kept_as=f"{path.name}.damaged")
            with contextlib.suppress(FileNotFoundError):
                path.rename(path.with_name(f"{path.name}.damaged"))
        else:
            path.unlink(missing_ok=True)
        self._progress.pop(path.name, None)


def _interrupted(opened: Opened) -> tuple[object, ...]:
    used = EngineUsed("none", None, "none", "the process that served it ended")
    row = row_of(opened, "interrupted", used, Usage(0, 0, estimated=True), total_ms=0.0)
    # What an engine did before the end, and what that cost, nobody knows any more.
    return (opened.entry, *astuple(replace(row, code="interrupted", cost_micros=None)))
