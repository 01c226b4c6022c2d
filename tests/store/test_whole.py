"""A new home is made at once from the same tables that the migrations lead to."""

from __future__ import annotations

import importlib.util
import sqlite3
from pathlib import Path
from types import ModuleType

import pytest

from inhouse.compose.database import ROOMS
from inhouse.store.database import Migrations
from tests.store.test_database import open_at, room, tables

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def schema() -> ModuleType:
    """`tools/schema.py`, which writes the files."""
    spec = importlib.util.spec_from_file_location("schema", ROOT / "tools" / "schema.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("migrations", ROOMS, ids=lambda each: each.head)
def test_the_file_is_what_the_steps_lead_to(
    migrations: Migrations, schema: ModuleType, tmp_path: Path
) -> None:
    """A step without a new file would leave new homes without its tables; `python tools/schema.py` helps."""
    assert migrations.whole.read_text("utf-8") == schema.walked(migrations, tmp_path)


def test_a_new_home_says_which_steps_it_has(tmp_path: Path) -> None:
    """It holds every table and the newest revision of each room, and opening it again changes nothing."""
    open_at(tmp_path, *ROOMS).close()
    assert tables(tmp_path / "x.db") >= {"ledger", "api_keys", "documents", "chunks", "alembic_version"}
    before = (tmp_path / "x.db").read_bytes()
    database = open_at(tmp_path, *ROOMS)
    with database.read() as connection:
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
    database.close()
    assert set(found) == {each.head for each in ROOMS}
    assert (tmp_path / "x.db").read_bytes() == before


def test_a_home_made_at_once_takes_later_steps(tmp_path: Path) -> None:
    """The next migration runs on it as on any other home, after a copy."""
    folder = tmp_path / "a"
    first = room(folder)
    first.whole.write_text("CREATE TABLE room_t1 (x)", "utf-8")
    open_at(tmp_path, first).close()
    open_at(tmp_path, room(folder, steps=2)).close()
    assert tables(tmp_path / "x.db") == {"room_t1", "room_t2", "alembic_version"}
    assert len(list((tmp_path / "backups").iterdir())) == 1


def test_a_broken_file_leaves_no_half_home(tmp_path: Path) -> None:
    """All tables or none: the next start finds an empty file and begins anew."""
    first = room(tmp_path / "a")
    first.whole.write_text("CREATE TABLE room_t1 (x)\n--\nCREATE TABLE room_t1 (x)", "utf-8")
    with pytest.raises(Exception, match="already exists"):
        open_at(tmp_path, first)
    assert tables(tmp_path / "x.db") == set()


def test_what_others_left_is_never_taken_for_new(tmp_path: Path) -> None:
    """A database with tables but without revisions goes through the steps, which say what is wrong."""
    first = room(tmp_path / "a")
    first.whole.write_text("CREATE TABLE other (x)", "utf-8")
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    open_at(tmp_path, first).close()
    assert tables(tmp_path / "x.db") == {"mine", "room_t1", "alembic_version"}
