"""Plain SQL beside SQLAlchemy: the same promises, without the import."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from inhouse.kernel.errors import HomeUnusable
from inhouse.store.database import Database, Migrations


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A database with one table, made from the statements of its newest revision."""
    (tmp_path / "room_1.sql").write_text("CREATE TABLE t (x)")
    opened = Database.open(tmp_path / "x.db", [Migrations(tmp_path, "room_1")], backups=tmp_path)
    yield opened
    opened.close()


def test_a_block_is_all_or_nothing(database: Database) -> None:
    """An exception inside a write undoes all of it, and the next write works."""
    with pytest.raises(RuntimeError), database.write_plain() as connection:
        connection.execute("INSERT INTO t VALUES (1)")
        raise RuntimeError("stop")
    assert database.rows("SELECT count(*) FROM t") == [(0,)]
    with database.write_plain() as connection:
        connection.executemany("INSERT INTO t VALUES (?)", [(2,), (3,)])
    assert database.rows("SELECT x FROM t WHERE x > ?", (2,)) == [(3,)]


def test_a_reader_sees_one_state_for_the_length_of_its_block(database: Database) -> None:
    """What is written meanwhile shows in the next block only; a reader inside another stands alone."""
    with database.read_plain() as first:
        assert first.execute("SELECT count(*) FROM t").fetchone() == (0,)
        with database.write_plain() as writer:
            writer.execute("INSERT INTO t VALUES (1)")
        assert first.execute("SELECT count(*) FROM t").fetchone() == (0,)
        with database.read_plain() as second:
            assert second is not first
            assert second.execute("SELECT count(*) FROM t").fetchone() == (1,)
    with database.read_plain() as again:
        assert again.execute("SELECT count(*) FROM t").fetchone() == (1,)


def test_a_reader_whose_block_failed_is_good_again(database: Database) -> None:
    """An exception, also one of SQL, ends the transaction of its reader; the next one begins a new one."""
    with pytest.raises(sqlite3.OperationalError), database.read_plain() as connection:
        connection.execute("SELECT x FROM missing")
    with database.write_plain() as writer:
        writer.execute("INSERT INTO t VALUES (1)")
    with database.read_plain() as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (1,)


def test_both_kinds_of_writers_take_turns(database: Database) -> None:
    """Forty read-then-write transactions, half of them composed, lose no update."""
    with database.write_plain() as connection:
        connection.execute("INSERT INTO t VALUES (0)")

    def plain() -> None:
        for _ in range(5):
            with database.write_plain() as connection:
                seen = connection.execute("SELECT x FROM t").fetchone()[0]
                connection.execute("UPDATE t SET x = ?", (seen + 1,))

    def composed() -> None:
        for _ in range(5):
            with database.write() as connection:
                seen = connection.execute(text("SELECT x FROM t")).scalar_one()
                connection.execute(text("UPDATE t SET x = :x"), {"x": seen + 1})

    threads = [threading.Thread(target=work) for work in (plain, composed) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.rows("SELECT x FROM t") == [(40,)]


def test_a_full_disk_is_said_and_loses_nothing(database: Database) -> None:
    """At the database's size limit a write fails with a clear error; what was committed stays."""
    with database.write_plain() as connection:
        connection.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(HomeUnusable, match="the disk is full"), database.write_plain() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")
        connection.executemany("INSERT INTO t VALUES (?)", [("y" * 4096,)] * 200)
    assert database.rows("SELECT x FROM t") == [(1,)]


def test_other_faults_pass_as_they_are(database: Database) -> None:
    """A statement that is wrong is no broken home."""
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        database.rows("SELECT * FROM no_table")


@pytest.mark.parametrize(
    ("asked", "loads"), [("database.rows('SELECT 1')", False), ("database.read().__enter__()", True)]
)
def test_only_composed_statements_load_sqlalchemy(tmp_path: Path, asked: str, loads: bool) -> None:
    """A new home is made and asked without it; the control asks for a connection of SQLAlchemy."""
    (tmp_path / "room_1.sql").write_text("CREATE TABLE t (x)")
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from inhouse.store.database import Database, Migrations\n"
        f"home = Path({str(tmp_path)!r})\n"
        "database = Database.open(home / 'x.db', [Migrations(home, 'room_1')], backups=home)\n"
        f"{asked}\n"
        "print('sqlalchemy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == str(loads)
