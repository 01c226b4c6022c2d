"""The database: opened, upgraded after a copy, refused when newer or damaged, written by one at a time."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from inhouse.kernel.errors import HomeUnusable
from inhouse.store.database import Database, Migrations, back_up

REVISION = """
from alembic import op
revision = "{name}"
down_revision = {down}
branch_labels = {labels}
depends_on = None

def upgrade():
    op.execute("{sql}")
"""


def room(folder: Path, *, steps: int = 1, name: str = "room", broken: bool = False) -> Migrations:
    """A room with `steps` migrations, each making the table t1, t2, …."""
    folder.mkdir(exist_ok=True)
    for step in range(1, steps + 1):
        down = repr(f"{name}_{step - 1}") if step > 1 else None
        labels = repr((name,)) if step == 1 else None
        sql = f"CREATE TABLE {name}_t{step} (x)"
        if broken and step == steps:
            sql = f"CREATE TABLE {name}_t1 (x)"
        source = REVISION.format(name=f"{name}_{step}", down=down, labels=labels, sql=sql)
        (folder / f"{name}_{step}.py").write_text(source, "utf-8")
    return Migrations(folder, f"{name}_{steps}")


def tables(path: Path) -> set[str]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall()
    connection.close()
    return {row[0] for row in rows}


def open_at(home: Path, *rooms: Migrations) -> Database:
    return Database.open(home / "x.db", rooms, backups=home / "backups")


def test_two_rooms_share_a_database(tmp_path: Path) -> None:
    """Each room brings its own line of migrations; a second opening changes nothing and copies nothing."""
    rooms = room(tmp_path / "a", name="a", steps=2), room(tmp_path / "b", name="b")
    open_at(tmp_path, *rooms).close()
    assert tables(tmp_path / "x.db") >= {"a_t1", "a_t2", "b_t1"}
    open_at(tmp_path, *rooms).close()
    assert not (tmp_path / "backups").exists()


def test_an_older_home_is_copied_then_upgraded(tmp_path: Path) -> None:
    """Rows survive the upgrade, and the copy holds the state before it."""
    old = open_at(tmp_path, room(tmp_path / "a"))
    with old.write() as connection:
        connection.execute(text("INSERT INTO room_t1 VALUES (7)"))
    old.close()
    new = open_at(tmp_path, room(tmp_path / "a", steps=2))
    with new.read() as connection:
        assert connection.execute(text("SELECT x FROM room_t1")).scalar() == 7
    new.close()
    (copy,) = (tmp_path / "backups").iterdir()
    assert "room_t2" not in tables(copy)
    assert "room_t2" in tables(tmp_path / "x.db")


def test_a_failed_upgrade_leaves_the_old_home(tmp_path: Path) -> None:
    """A migration that breaks rolls back as a whole; the older version opens the home again."""
    open_at(tmp_path, room(tmp_path / "a")).close()
    with pytest.raises(Exception, match="already exists"):
        open_at(tmp_path, room(tmp_path / "a", steps=3, broken=True))
    assert "room_t2" not in tables(tmp_path / "x.db")
    open_at(tmp_path, room(tmp_path / "other")).close()


def test_a_newer_home_is_refused(tmp_path: Path) -> None:
    """A home of a later version is left alone, with the way out."""
    open_at(tmp_path, room(tmp_path / "a", steps=2)).close()
    before = (tmp_path / "x.db").read_bytes()
    with pytest.raises(HomeUnusable, match=r"newer inhouse.*hint: install that version"):
        open_at(tmp_path, room(tmp_path / "older", steps=1))
    assert (tmp_path / "x.db").read_bytes() == before


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """A damaged file is named, with the way out."""
    (tmp_path / "x.db").write_bytes(b"not a database at all " * 100)
    with pytest.raises(HomeUnusable, match=r"x\.db is damaged.*backups"):
        open_at(tmp_path, room(tmp_path / "a"))


def test_writers_take_turns(tmp_path: Path) -> None:
    """Forty read-then-write transactions from eight threads lose no update."""
    database = open_at(tmp_path, room(tmp_path / "a"))
    with database.write() as connection:
        connection.execute(text("INSERT INTO room_t1 VALUES (0)"))

    def add() -> None:
        for _ in range(5):
            with database.write() as connection:
                seen = connection.execute(text("SELECT x FROM room_t1")).scalar_one()
                connection.execute(text("UPDATE room_t1 SET x = :x"), {"x": seen + 1})

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as connection:
        assert connection.execute(text("SELECT x FROM room_t1")).scalar_one() == 40
    database.close()


def test_a_block_is_all_or_nothing(tmp_path: Path) -> None:
    """An exception inside a write undoes all of it."""
    database = open_at(tmp_path, room(tmp_path / "a"))
    with pytest.raises(RuntimeError), database.write() as connection:
        connection.execute(text("INSERT INTO room_t1 VALUES (1)"))
        raise RuntimeError("stop")
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM room_t1")).scalar_one() == 0
    assert database.check() == "ok"
    database.close()


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    """At the database's size limit a write fails with a clear error; what was committed stays."""
    database = open_at(tmp_path, room(tmp_path / "a"))
    with database.write() as connection:
        connection.execute(text("INSERT INTO room_t1 VALUES (1)"))
    with pytest.raises(HomeUnusable, match="the disk is full"), database.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        for _ in range(200):
            connection.execute(text("INSERT INTO room_t1 VALUES (:x)"), {"x": "y" * 4096})
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM room_t1")).scalar_one() == 1
    database.close()


@pytest.mark.slow
def test_committed_rows_survive_kill_9(tmp_path: Path) -> None:
    """Rows acknowledged by a process that is then killed are all there, each once."""
    migrations = room(tmp_path / "a")
    open_at(tmp_path, migrations).close()
    program = (
        "import sys; from pathlib import Path; from sqlalchemy import text\n"
        "from inhouse.store.database import Database, Migrations\n"
        f"db = Database.open(Path({str(tmp_path / 'x.db')!r}), [Migrations(Path({str(migrations.folder)!r}),"
        f" {migrations.head!r})], backups=Path({str(tmp_path)!r}))\n"
        "for n in range(100000):\n"
        "    with db.write() as c: c.execute(text('INSERT INTO room_t1 VALUES (:n)'), {'n': n})\n"
        "    print(n, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        acknowledged = [int(next(child.stdout)) for _ in range(50)]
        child.kill()
        acknowledged += [int(line) for line in child.stdout if line.endswith("\n")]
    database = open_at(tmp_path, migrations)
    with database.read() as connection:
        stored = [row[0] for row in connection.execute(text("SELECT x FROM room_t1"))]
    database.close()
    assert sorted(stored) == list(range(len(stored)))
    assert set(acknowledged) <= set(stored)


def test_back_up_is_a_whole_copy(tmp_path: Path) -> None:
    """A copy taken while the database is open holds its committed rows."""
    database = open_at(tmp_path, room(tmp_path / "a"))
    with database.write() as connection:
        connection.execute(text("INSERT INTO room_t1 VALUES (5)"))
    back_up(database.path, tmp_path / "copies" / "c.db")
    database.close()
    with sqlite3.connect(tmp_path / "copies" / "c.db") as copy:
        assert copy.execute("SELECT x FROM room_t1").fetchall() == [(5,)]
    copy.close()
