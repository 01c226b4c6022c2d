"""The journal and its mover: nothing acknowledged is lost, nothing is counted twice."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Table, select
from structlog.testing import capture_logs

from inhouse.gateway.edge.journal import Journal, read_records
from inhouse.gateway.edge.journal_file import JournalFile, is_alive
from inhouse.gateway.edge.ledger import SqlLedger
from inhouse.gateway.edge.ledger_mover import COLUMNS
from inhouse.gateway.edge.tables import ledger as ledger_table
from inhouse.gateway.edge.tables import metadata
from inhouse.gateway.ports import UsageTotals
from inhouse.kernel.errors import HomeUnusable
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import EngineUsed
from inhouse.store.database import Database
from tests.gateway.house import open_database

WRITER = Path(__file__).with_name("journal_writer.py")
OLLAMA = EngineUsed("ollama", "q", "local", "first in the order")
NOBODY = EngineUsed("none", None, "none", "no model")


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A migrated database."""
    opened = open_database(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def journal(tmp_path: Path, clock: Clock) -> Iterator[Journal]:
    """A journal of this process, written as it is in this folder."""
    opened = Journal(tmp_path / "journal", clock=clock, stopwatch=clock)
    yield opened
    opened.stop()


def written(path: Path) -> int:
    """Where the last record ends; the file itself may be longer."""
    return read_records(path).end


@pytest.fixture
def ledger(tmp_path: Path, database: Database) -> SqlLedger:
    """The mover and reader of that journal."""
    return SqlLedger(database, tmp_path / "journal")


def test_a_request_becomes_one_row(journal: Journal, ledger: SqlLedger, clock: Clock) -> None:
    """Everything that was said stands in the row; the price of a local engine is unknown, not zero."""
    entry = journal.open(request_id="r1", user="anna", task="answer")
    clock.now += 1.5
    entry.close("ok", OLLAMA, Usage(10, 4, 2, estimated=True), first_token_ms=40.0)
    (row,) = ledger.rows()
    assert (row.request_id, row.started_at, row.user, row.task) == ("r1", 100.0, "anna", "answer")
    assert (row.engine, row.model, row.where, row.reason) == ("ollama", "q", "local", OLLAMA.reason)
    assert (row.input_tokens, row.output_tokens, row.cached_tokens, row.estimated) == (10, 4, 2, True)
    assert (row.outcome, row.code, row.cost_micros) == ("ok", None, None)
    assert (row.first_token_ms, row.total_ms) == (40.0, 1500.0)


def test_no_engine_costs_nothing(journal: Journal, ledger: SqlLedger) -> None:
    """An answer without a model has a row that costs 0."""
    journal.open(request_id="r1", user="anna", task="search").close("ok", NOBODY, Usage(0, 0))
    (row,) = ledger.rows()
    assert (row.engine, row.where, row.cost_micros) == ("none", "none", 0)


def test_an_end_counts_once(journal: Journal, ledger: SqlLedger) -> None:
    """The first end is the end; moving and reading again changes nothing."""
    entry = journal.open(request_id="r1", user="anna", task="chat")
    assert ledger.rows() == ()
    entry.close("cancelled", OLLAMA, Usage(1, 1))
    entry.close("ok", OLLAMA, Usage(9, 9))
    assert [row.outcome for row in ledger.rows()] == ["cancelled"]
    assert ledger.move() == 0
    assert len(ledger.rows()) == 1


def test_two_entries_of_one_request(journal: Journal, ledger: SqlLedger) -> None:
    """A failed engine and the answer without a model are two rows of one request."""
    journal.open(request_id="r1", user="a", task="answer").close("failed", OLLAMA, Usage(0, 0))
    journal.open(request_id="r1", user="a", task="answer").close("ok", NOBODY, Usage(0, 0))
    assert sorted(row.outcome for row in ledger.rows()) == ["failed", "ok"]


def test_totals(journal: Journal, ledger: SqlLedger, clock: Clock) -> None:
    """Sums by engine and model, most requests first, from the time asked for."""
    for number in range(3):
        clock.now = 100.0 + number
        entry = journal.open(request_id=f"r{number}", user="a", task="chat")
        entry.close("partial" if number == 0 else "ok", OLLAMA, Usage(10, number))
    journal.open(request_id="r9", user="a", task="search").close("ok", NOBODY, Usage(0, 0))
    assert ledger.totals() == (
        UsageTotals("ollama", "q", "local", 3, 1, 30, 3, 0, 3),
        UsageTotals("none", None, "none", 1, 0, 0, 0, 0, 0),
    )
    assert [total.requests for total in ledger.totals(since=102.0)] == [1, 1]
    assert [row.request_id for row in ledger.rows(since=101.0, limit=2)] == ["r9", "r2"]


def test_what_a_dead_process_left_open_is_interrupted(
    journal: Journal, tmp_path: Path, ledger: SqlLedger
) -> None:
    """A journal nobody holds is complete: its open requests are interrupted, and its file goes."""
    journal.open(request_id="r1", user="anna", task="chat")
    journal.open(request_id="r2", user="anna", task="chat").close("ok", OLLAMA, Usage(1, 1))
    (path,) = (tmp_path / "journal").glob("*.journal")
    assert is_alive(path)
    assert [row.request_id for row in ledger.rows()] == ["r2"]
    journal.stop()
    assert not is_alive(path)
    rows = {row.request_id: row for row in ledger.rows()}
    assert (rows["r1"].outcome, rows["r1"].code, rows["r1"].estimated) == ("interrupted", "interrupted", True)
    assert (rows["r1"].user, rows["r1"].cost_micros, rows["r2"].outcome) == ("anna", None, "ok")
    assert not path.exists()


def test_moving_twice_after_a_crash_in_between(journal: Journal, tmp_path: Path, database: Database) -> None:
    """A mover that died after its commit and before it removed the file makes no second row."""
    journal.open(request_id="r1", user="a", task="chat").close("ok", OLLAMA, Usage(1, 1))
    journal.open(request_id="r2", user="a", task="chat")
    journal.stop()
    (path,) = (tmp_path / "journal").glob("*.journal")
    content = path.read_bytes()
    first = SqlLedger(database, tmp_path / "journal")
    assert first.move() == 2
    path.write_bytes(content)
    again = SqlLedger(database, tmp_path / "journal")
    again.move()
    assert Counter(row.request_id for row in again.rows()) == {"r1": 1, "r2": 1}
    assert not path.exists()


@pytest.mark.parametrize("cut", [1, 7, 8, 9, 60])
def test_torn_tail_is_left_out(journal: Journal, tmp_path: Path, ledger: SqlLedger, cut: int) -> None:
    """A record that was cut off hides none of those before it."""
    journal.open(request_id="r1", user="a", task="chat").close("ok", OLLAMA, Usage(1, 1))
    (path,) = (tmp_path / "journal").glob("*.journal")
    whole = written(path)
    journal.open(request_id="r2", user="a", task="chat")
    journal.stop()
    os.truncate(path, whole + cut)
    assert [row.request_id for row in ledger.rows()] == ["r1"]
    assert not path.exists()


def test_zeros_at_the_end_are_a_torn_tail(journal: Journal, tmp_path: Path, ledger: SqlLedger) -> None:
    """Zeros are what a power cut leaves of a tail; they are no damage."""
    journal.open(request_id="r1", user="a", task="chat").close("ok", OLLAMA, Usage(1, 1))
    (path,) = (tmp_path / "journal").glob("*.journal")
    journal.stop()
    with path.open("ab") as file:
        file.write(bytes(4096))
    assert [row.request_id for row in ledger.rows()] == ["r1"]
    assert list((tmp_path / "journal").iterdir()) == []


@pytest.mark.parametrize("behind", [0, 4096])
def test_a_record_that_never_became_whole_is_said(
    journal: Journal, tmp_path: Path, ledger: SqlLedger, behind: int
) -> None:
    """Half a record, with nothing or zeros behind it, is no damage: its file goes, and the log says so."""
    journal.open(request_id="r1", user="a", task="chat").close("ok", OLLAMA, Usage(1, 1))
    (path,) = (tmp_path / "journal").glob("*.journal")
    whole = written(path)
    journal.open(request_id="r2", user="a", task="chat")
    journal.stop()
    os.truncate(path, whole + 30)
    os.truncate(path, path.stat().st_size + behind)
    with capture_logs() as logs:
        assert [row.request_id for row in ledger.rows()] == ["r1"]
    assert [each["event"] for each in logs] == ["journal_torn"]
    assert not path.exists()


def test_damage_in_the_middle_is_kept_and_said(journal: Journal, tmp_path: Path, ledger: SqlLedger) -> None:
    """A flipped bit stops the reading there; the file is kept under another name."""
    journal.open(request_id="r1", user="a", task="chat").close("ok", OLLAMA, Usage(1, 1))
    (path,) = (tmp_path / "journal").glob("*.journal")
    good = written(path)
    journal.open(request_id="r2", user="a", task="chat").close("ok", OLLAMA, Usage(1, 1))
    journal.stop()
    data = bytearray(path.read_bytes())
    data[good + 20] ^= 1
    path.write_bytes(data)
    assert read_records(path).damaged
    assert [row.request_id for row in ledger.rows()] == ["r1"]
    assert [each.suffix for each in (tmp_path / "journal").iterdir()] == [".damaged"]


def test_full_files_hand_their_open_requests_on(tmp_path: Path, database: Database, clock: Clock) -> None:
    """Over many small files every request is one row, also one that stays open through all of them."""
    journal = Journal(tmp_path / "journal", clock=clock, stopwatch=clock, rotate_bytes=600)
    ledger = SqlLedger(database, tmp_path / "journal")
    long = journal.open(request_id="long", user="a", task="chat")
    for number in range(30):
        journal.open(request_id=f"r{number}", user="a", task="chat").close("ok", OLLAMA, Usage(1, 1))
        if number == 7:
            ledger.move()
    assert len(list((tmp_path / "journal").glob("*.journal"))) > 2
    long.close("ok", OLLAMA, Usage(1, 1))
    assert Counter(row.outcome for row in ledger.rows()) == {"ok": 31}
    assert len(list((tmp_path / "journal").glob("*.journal"))) == 1
    journal.stop()
    ledger.stop()
    assert Counter(row.outcome for row in ledger.rows()) == {"ok": 31}


@pytest.mark.parametrize("rotate_bytes", [600, 16 << 20])
def test_background_threads_move_and_stop(
    tmp_path: Path, database: Database, clock: Clock, rotate_bytes: int
) -> None:
    """Started and stopped as a server does it, nothing is left in the journal, nor of its many full files."""
    journal = Journal(tmp_path / "journal", clock=clock, stopwatch=clock, rotate_bytes=rotate_bytes)
    ledger = SqlLedger(database, tmp_path / "journal", interval_s=0.001)
    journal.start()
    ledger.start()
    for number in range(50):
        journal.open(request_id=f"r{number}", user="a", task="chat").close("ok", OLLAMA, Usage(1, 1))
    journal.stop()
    ledger.stop()
    with database.read() as connection:
        assert len(connection.execute(select(ledger_table)).all()) == 50
    assert list((tmp_path / "journal").iterdir()) == []


def test_files_begun_by_dead_processes_are_swept(tmp_path: Path) -> None:
    """A file that never got its name goes after a minute; a younger one may still get it."""
    folder = tmp_path / "journal"
    folder.mkdir()
    for name, age_s in (("old.new", 61), ("young.new", 59)):
        (folder / name).touch()
        os.utime(folder / name, (1000.0 - age_s, 1000.0 - age_s))
    journal = Journal(folder, clock=lambda: 1000.0, stopwatch=lambda: 0.0)
    journal.start()
    journal.stop()
    assert [path.name for path in folder.iterdir()] == ["young.new"]


def test_full_disk_refuses_and_leaves_no_torn_record(
    tmp_path: Path, database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short write is undone and said; the records before and after it stay readable."""
    journal = Journal(tmp_path / "journal", clock=clock, stopwatch=clock, mapped=False)
    real, fired = os.write, []

    def short(descriptor: int, data: bytes) -> int:
        fired.append(len(data))
        return real(descriptor, data[:11])

    entry = journal.open(request_id="r1", user="a", task="chat")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", short)
        with pytest.raises(HomeUnusable, match="journal"):
            journal.open(request_id="r2", user="a", task="chat")
    assert len(fired) == 1
    entry.close("ok", OLLAMA, Usage(1, 1))
    assert [row.request_id for row in SqlLedger(database, tmp_path / "journal").rows()] == ["r1"]
    journal.stop()


def test_unusable_folder_is_explained(tmp_path: Path, clock: Clock) -> None:
    """A journal that cannot be created refuses the request and names the folder."""
    (tmp_path / "journal").write_text("a file in the way")
    journal = Journal(tmp_path / "journal", clock=clock, stopwatch=clock)
    with pytest.raises(HomeUnusable, match=os.strerror(errno.EEXIST)):
        journal.open(request_id="r", user="a", task="chat")
    journal.stop()


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_tables_and_migrations_agree(database: Database, table: Table) -> None:
    """The migrated database has the columns and indexes that the code believes in."""
    with database.read() as connection:
        rows = connection.exec_driver_sql(f"PRAGMA table_info({table.name})").all()
        indexes = connection.exec_driver_sql(f"PRAGMA index_list({table.name})").all()
    assert [row[1] for row in rows] == [column.name for column in table.columns]
    assert table.name != "ledger" or tuple(table.columns.keys()) == COLUMNS
    assert {row[1] for row in indexes if row[3] == "c"} == {index.name for index in table.indexes}


def test_death_between_a_rotation_and_an_end(
    tmp_path: Path, database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request whose end was about to be written into a new file is interrupted, not forgotten."""
    journal = Journal(tmp_path / "journal", clock=clock, stopwatch=clock, rotate_bytes=1)
    entry = journal.open(request_id="r1", user="a", task="chat")
    assert journal._file is not None
    kind = type(journal._file)
    real, written = kind.append, []

    def third_fails(file: JournalFile, body: bytes) -> None:
        written.append(body)
        if b'"close"' in body:
            raise OSError(errno.EIO, "the process is killed here")
        real(file, body)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "append", third_fails)
        with pytest.raises(HomeUnusable):
            entry.close("ok", OLLAMA, Usage(1, 1))
    # The opening again in the new file, the mark in the old one, and the end that failed.
    assert len(written) == 3
    journal.stop()
    assert [row.outcome for row in SqlLedger(database, tmp_path / "journal").rows()] == ["interrupted"]


@pytest.mark.slow
def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path, database: Database) -> None:
    """Writers killed at random moments: every acknowledged end is one row, every opening has an end."""
    dice = random.Random(7)
    folder = tmp_path / "journal"
    opened: set[str] = set()
    closed: set[str] = set()
    interrupted = 0
    for _ in range(6):
        ledger = SqlLedger(database, folder)
        command = [sys.executable, str(WRITER), str(folder), str(dice.choice([2_000, 50_000, 16 << 20]))]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            for _ in range(dice.randrange(50, 3_000)):
                kind, name = writer.stdout.readline().split()
                (opened if kind == b"o" else closed).add(name.decode())
                if dice.random() < 0.005:
                    ledger.move()  # the mover reads while the writer writes
            writer.kill()
            for line in writer.stdout.read().splitlines(keepends=True):
                if line.endswith(b"\n"):
                    kind, name = line.split()
                    (opened if kind == b"o" else closed).add(name.decode())
        assert writer.returncode == -9
        rows = SqlLedger(database, folder).rows(limit=1_000_000)
        outcomes = {row.request_id: row.outcome for row in rows}
        assert len(outcomes) == len(rows)
        assert closed <= {name for name, outcome in outcomes.items() if outcome == "ok"}
        assert opened <= outcomes.keys()
        interrupted = sum(outcome == "interrupted" for outcome in outcomes.values())
    assert interrupted > 0
    assert list(folder.glob("*.journal")) == []
