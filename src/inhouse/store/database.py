"""One SQLite database: opened, migrated after a copy, read by many, written by one at a time.

Rooms bring their tables and their migrations; this file knows neither. Writers take turns inside the
process by a lock and between processes by `BEGIN IMMEDIATE`, so a write never fails half-way because
somebody else was faster. Durability: WAL with `synchronous=FULL`, a committed row survives power loss.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.pool import QueuePool

from inhouse.kernel.errors import HomeUnusable

__all__ = ["BETWEEN", "Database", "Migrations", "back_up"]

BUSY_TIMEOUT_S = 30.0
BETWEEN = "\n--\n"
_REVISIONS = """CREATE TABLE alembic_version (
\tversion_num VARCHAR(32) NOT NULL, \n\tCONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)"""


@dataclass(frozen=True, slots=True)
class Migrations:
    """The migrations of one room: a folder of alembic revisions and the id of the newest one.

    `head` is written down so that opening an up-to-date home does not import alembic (0.2 s and 10 MB). For
    the same reason a new home is made from what all steps together lead to, where the folder has it as
    `<head>.sql` (`tools/schema.py` writes it).
    """

    folder: Path
    head: str

    @property
    def whole(self) -> Path:
        """The statements that make all tables of the newest revision, with a line `--` between them."""
        return self.folder / f"{self.head}.sql"


class Database:
    """An open database. Close it, or leave it to the end of the process: both are safe."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turn = threading.Lock()
        self._reader = _engine(path, begin="BEGIN", pool_size=8)
        self._writer = _engine(path, begin="BEGIN IMMEDIATE", pool_size=1)

    @classmethod
    def open(cls, path: Path, migrations: Sequence[Migrations], *, backups: Path) -> Database:
        """Open `path`, creating or upgrading it; an existing one is first copied to `backups`.

        Raises:
            HomeUnusable: if it was written by a newer version, is damaged, or cannot be written.
        """
        database = cls(path)
        with _explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _upgrade(database, migrations, backups=backups)
        return database

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent snapshot for the length of the block."""
        with _explained(self.path), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: all of the block or nothing of it."""
        with _explained(self.path), self._turn, self._writer.begin() as connection:
            yield connection

    def check(self) -> str:
        """`ok`, or what SQLite's quick check found."""
        with self.read() as connection:
            return str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())

    def close(self) -> None:
        """Give the file handles back."""
        self._reader.dispose()
        self._writer.dispose()


def back_up(path: Path, target: Path) -> None:
    """Copy a live database to `target`, consistent even while others write."""
    target.parent.mkdir(parents=True, exist_ok=True)
    source, copy = sqlite3.connect(path), sqlite3.connect(target)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()


def _engine(path: Path, *, begin: str, pool_size: int) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0 if begin != "BEGIN" else 32,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_S},
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, _record: object) -> None:
        # SQLAlchemy, not the driver, says when a transaction begins.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _upgrade(database: Database, migrations: Sequence[Migrations], *, backups: Path) -> None:
    stored = _stored_revisions(database)
    if stored == {one.head for one in migrations}:
        return
    if not stored and _made_whole(database, migrations):
        return
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(migrations[0].folder))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(str(one.folder) for one in migrations))
    script = ScriptDirectory.from_config(config)
    for revision in stored:
        try:
            script.get_revision(revision)
        except CommandError:
            raise HomeUnusable(
                f"The home's database {database.path} was written by a newer inhouse (schema {revision})",
                hint="install that version again, or set INHOUSE_HOME to another folder",
            ) from None
    if stored:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        back_up(database.path, backups / f"before-upgrade-{stamp}.db")

    def steps(revision: Any, _context: Any) -> Any:  # alembic's own types are private
        return script._upgrade_revs("heads", revision)  # noqa: SLF001  what `alembic upgrade` itself calls

    with (
        database.write() as connection,
        EnvironmentContext(config, script, fn=steps) as environment,
    ):
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations()


def _made_whole(database: Database, migrations: Sequence[Migrations]) -> bool:
    """Make all tables of a new home at once; False where something is there, or must be made step by step."""
    if not all(one.whole.is_file() for one in migrations):
        return False
    with database.write() as connection:
        if connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar():
            return False
        connection.exec_driver_sql(_REVISIONS)
        for one in migrations:
            for statement in one.whole.read_text("utf-8").split(BETWEEN):
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (one.head,))
    return True


def _stored_revisions(database: Database) -> set[str]:
    with database.read() as connection:
        table = connection.exec_driver_sql(
            "SELECT 1 FROM sqlite_master WHERE type='table' AND name='alembic_version'"
        ).scalar()
        if not table:
            return set()
        rows = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
        return {str(row[0]) for row in rows}


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn the driver's words for a broken home into ours; everything else passes."""
    try:
        yield
    except (exc.OperationalError, exc.DatabaseError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).lower()
        for words, what, hint in _BROKEN_HOME:
            if any(word in reason for word in words):
                raise HomeUnusable(f"The home's database {path} {what}", hint=hint) from error
        raise


_BROKEN_HOME = (
    (
        ("disk is full", "no space left"),
        "could not be written: the disk is full",
        "free some space and try again; nothing that was acknowledged is lost",
    ),
    (
        ("readonly", "read-only", "permission denied", "unable to open"),
        "cannot be written",
        "check the owner and permissions of the folder, or set INHOUSE_HOME to another one",
    ),
    (
        ("malformed", "not a database"),
        "is damaged",
        "stop inhouse and put back a copy from the home's backups folder",
    ),
    (
        ("disk i/o error",),
        "could not be written: the disk reports an error",
        "check the disk and its free space",
    ),
    (
        ("locked",),
        f"stayed locked by another program for {BUSY_TIMEOUT_S:.0f} s",
        "end that program, or wait, and try again",
    ),
)
