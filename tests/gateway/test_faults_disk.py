"""Rows D01-D03 and D08 of the fault matrix: full disk, failing disk, locked database, jumping clock.

Each proves that its fault fired, and has a control without the protection that loses what it keeps.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import resource
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import insert

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.journal import Journal
from inhouse.gateway.edge.journal_file import MappedFile
from inhouse.gateway.edge.ledger import SqlLedger
from inhouse.gateway.edge.migrations import FOLDER, HEAD
from inhouse.gateway.edge.tables import ledger as ledger_table
from inhouse.gateway.fleet import Engine
from inhouse.kernel.errors import EngineBroke, HomeUnusable
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import EngineUsed
from inhouse.store.database import Database, Migrations

USED = EngineUsed("ollama", "q", "local", "first")
DAY = 86_400.0


def journal_in(
    folder: Path,
    *,
    clock: Callable[[], float] = lambda: 100.0,
    sync: Callable[[int], None] = os.fsync,
    mapped: bool | None = None,
) -> Journal:
    """A journal whose stopwatch stands still, and which asks for little space at a time."""
    step = mmap.ALLOCATIONGRANULARITY
    return Journal(
        folder / "journal", clock=clock, stopwatch=lambda: 0.0, sync=sync, mapped=mapped, step_bytes=step
    )


def write_one(journal: Journal, name: str) -> None:
    """A request that begins and ends."""
    journal.open(request_id=name, user="anna", task="chat").close("ok", USED, Usage(1, 1))


@contextmanager
def database_in(folder: Path) -> Iterator[Database]:
    """A migrated database."""
    migrations = [Migrations(FOLDER, HEAD)]
    opened = Database.open(folder / "inhouse.db", migrations, backups=folder / "backups")
    try:
        yield opened
    finally:
        opened.close()


def acknowledged(folder: Path) -> list[str]:
    """The requests that the ledger has after a restart."""
    with database_in(folder) as database:
        return sorted(row.request_id for row in SqlLedger(database, folder / "journal").rows(limit=10_000))


# ---- D01


def _full_device(journal: Journal) -> Callable[[], None]:
    """From now on every write of the journal meets a full disk: Linux has a device that is one."""
    assert journal._file is not None
    descriptor = journal._file.descriptor
    kept = os.dup(descriptor)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, descriptor)
    os.close(full)

    def undo() -> None:
        os.dup2(kept, descriptor)
        os.close(kept)

    return undo


def _limited_file(journal: Journal) -> Callable[[], None]:
    """From now on no file of this process may grow past the journal's size, as with `ulimit -f`."""
    assert journal._file is not None
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = os.fstat(journal._file.descriptor).st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _next_step_is_too_large(journal: Journal) -> Callable[[], None]:
    """From now on the journal asks for more than the whole file system has, which tmpfs refuses at once."""
    file = journal._file
    assert isinstance(file, MappedFile)
    before, file._step_bytes = file._step_bytes, 1 << 50

    def undo() -> None:
        file._step_bytes = before

    return undo


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A folder on a tmpfs."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    ("fault", "reason", "mapped"),
    [
        (_full_device, "No space left on device", False),
        (_limited_file, "File too large", False),
        (_next_step_is_too_large, "No space left on device", True),
        (_limited_file, "File too large", True),
    ],
    ids=["ENOSPC", "EFBIG", "ENOSPC-mapped", "EFBIG-mapped"],
)
def test_a_full_disk_refuses_and_names_the_place(
    in_memory: Path, fault: Callable[[Journal], Callable[[], None]], reason: str, mapped: bool
) -> None:
    """D01: 503 with the path, no request begins, and what was acknowledged before and after is there.

    `bench/journal_full.py` fills a disk of its own up, which needs the right to mount one.
    """
    journal = journal_in(in_memory, mapped=mapped)
    write_one(journal, "before")
    undo, promised, refused = fault(journal), ["before"], 0
    try:
        with contextlib.suppress(HomeUnusable):
            # What is allocated already is used up first.
            for number in range(1_000):
                write_one(journal, f"r{number}")
                promised.append(f"r{number}")
        for _ in range(20):
            with pytest.raises(HomeUnusable, match=reason) as caught:
                journal.open(request_id="lost" * 200, user="anna", task="chat")
            refused += 1
    finally:
        undo()
    assert (refused, caught.value.status) == (20, 503)
    assert 1 <= len(promised) < 100
    assert str(in_memory / "journal") in caught.value.message
    write_one(journal, "after")
    journal.stop()
    rows = acknowledged(in_memory)
    # The last one may have begun in the room that was left, and its end found none.
    assert {*promised, "after"} <= set(rows) <= {*promised, "after", f"r{len(promised) - 1}"}
    assert len(rows) == len(set(rows))


def test_control_a_full_disk_that_is_not_said_loses_rows(tmp_path: Path) -> None:
    """D01, the control: a writer that goes on over the error acknowledged twenty requests nobody has."""
    journal = journal_in(tmp_path, mapped=False)
    write_one(journal, "before")
    undo, promised = _full_device(journal), ["before"]
    for number in range(20):
        try:
            write_one(journal, f"r{number}")
        except HomeUnusable:
            promised.append(f"r{number}")  # as if nothing had been wrong
    undo()
    journal.stop()
    assert len(set(promised) - set(acknowledged(tmp_path))) == 20


# ---- D02


class FailingDisk:
    """A disk that takes bytes and cannot keep them."""

    def __init__(self) -> None:
        self.fired = threading.Event()

    def sync(self, descriptor: int) -> None:
        """Fail as the system does."""
        self.fired.set()
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def forgiving(self, descriptor: int) -> None:
        """Fail, and be told to nobody: the control."""
        try:
            self.sync(descriptor)
        except OSError:
            self.silenced = True


def _until_synced(journal: Journal, disk: FailingDisk) -> None:
    journal.start()
    write_one(journal, "before")
    assert disk.fired.wait(5)


def test_a_disk_that_cannot_keep_stops_all_promises(tmp_path: Path) -> None:
    """D02: after EIO nothing begins and nothing ends, the reason is there for /health, reading goes on."""
    disk = FailingDisk()
    journal = journal_in(tmp_path, sync=disk.sync)
    under_way = journal.open(request_id="under way", user="anna", task="chat")
    _until_synced(journal, disk)
    assert journal._syncer is not None
    journal._syncer.join(5)
    with pytest.raises(HomeUnusable, match="Input/output error"):
        journal.open(request_id="after", user="anna", task="chat")
    with pytest.raises(HomeUnusable, match="could not keep"):
        under_way.close("ok", USED, Usage(1, 1))
    assert str(tmp_path / "journal") in journal.trouble
    journal.stop()
    assert acknowledged(tmp_path) == ["before", "under way"]


def test_control_a_sync_error_that_is_swallowed_goes_on_promising(tmp_path: Path) -> None:
    """D02, the control: the same fault, told to nobody, and the next request is acknowledged."""
    disk = FailingDisk()
    journal = journal_in(tmp_path, sync=disk.forgiving)
    _until_synced(journal, disk)
    write_one(journal, "after")
    assert journal.trouble == ""
    journal.stop()
    assert disk.silenced


# ---- D03


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds the right to write."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_a_locked_database_stops_no_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """D03: longer than the busy timeout, the journal takes everything and the ledger has it afterwards."""
    monkeypatch.setattr("inhouse.store.plain.BUSY_TIMEOUT_S", 0.01)
    with database_in(tmp_path) as database:
        journal, ledger = journal_in(tmp_path), SqlLedger(database, tmp_path / "journal")
        with locked(tmp_path / "inhouse.db"):
            for number in range(50):
                write_one(journal, f"r{number}")
            with pytest.raises(HomeUnusable, match="stayed locked"):
                ledger.move()
        assert ledger.move() == 50
        assert len({row.request_id for row in ledger.rows(limit=100)}) == 50
        journal.stop()


def test_control_rows_written_straight_into_a_locked_database_are_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D03, the control: without the journal the same lock refuses the row itself."""
    monkeypatch.setattr("inhouse.store.alchemy.BUSY_TIMEOUT_S", 0.01)
    with (
        database_in(tmp_path) as database,
        locked(tmp_path / "inhouse.db"),
        pytest.raises(HomeUnusable, match="stayed locked"),
        database.write() as connection,
    ):
        connection.execute(insert(ledger_table).values(entry="r1"))


# ---- D08


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_jumping_clock_changes_no_duration(tmp_path: Path, jump: float) -> None:
    """D08: the wall clock is set by a day in the middle; the row says how long it really took."""
    wall, passed = [1_000_000.0], [0.0]
    journal = Journal(tmp_path / "journal", clock=lambda: wall[0], stopwatch=lambda: passed[0])
    entry = journal.open(request_id="r1", user="anna", task="chat")
    began = wall[0]
    wall[0], passed[0] = wall[0] + jump, 1.5
    entry.close("ok", USED, Usage(1, 1))
    write_one(journal, "r2")
    journal.stop()
    with database_in(tmp_path) as database:
        rows = {row.request_id: row for row in SqlLedger(database, tmp_path / "journal").rows()}
    assert rows["r1"].total_ms == 1500.0
    assert set(rows) == {"r1", "r2"}
    # The control: the difference of two looks at the wall clock is a day off.
    assert abs((wall[0] - began) * 1000 - rows["r1"].total_ms) > DAY * 999


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_jumping_clock_puts_no_engine_to_sleep_for_a_day(jump: float) -> None:
    """D08: an engine failed, the clock was set; the next look leaves it at most two minutes of rest."""
    wall = [1_000_000.0]
    board = FleetBoard(lambda: wall[0])
    engine = Engine("e", "ollama", "local", "http://x", "up")
    board.show([engine])
    board.failed("e", EngineBroke("it died", engine="e"))
    rested = board.fleet.engines[0].rests_until
    assert rested > wall[0]
    wall[0] += jump
    # The control: what was noted before the jump is a day off for whoever believes it.
    assert jump > 0 or rested - wall[0] > DAY
    board.show([engine])
    assert board.fleet.engines[0].rests_until - wall[0] <= 120.0
    assert board.fleet.engines[0].failures == 1
