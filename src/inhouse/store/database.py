"""One SQLite database: opened, migrated after a copy, read by many, written by one at a time.

Rooms bring their tables and their migrations; this file knows neither. Writers take turns inside the
process by a lock and between processes by `BEGIN IMMEDIATE`, so a write never fails half-way because
somebody else was faster. Durability: WAL with `synchronous=FULL`, a committed row survives power loss.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.kernel.errors import HomeUnusable
from inhouse.store.broken import explained
from inhouse.store.plain import connect

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from inhouse.store.alchemy import Alchemy

__all__ = ["BETWEEN", "Database", "Migrations", "back_up"]

LOG_WAIT_MS = 5_000
MOST_IDLE = 8
"""Plain readers kept open; more of them at one time are opened and closed again."""
BETWEEN = "\n--\n"
ERRORS = (sqlite3.Error, OSError)
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
        self._looking = threading.Lock()
        self._plain: dict[str, sqlite3.Connection] = {}
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self._loading = threading.Lock()
        self._alchemy: Alchemy | None = None

    @classmethod
    def open(cls, path: Path, migrations: Sequence[Migrations], *, backups: Path) -> Database:
        """Open `path`, creating or upgrading it; an existing one is first copied to `backups`.

        Raises:
            HomeUnusable: if it was written by a newer version, is damaged, or cannot be written.
        """
        database = cls(path)
        with explained(path, ERRORS):
            path.parent.mkdir(parents=True, exist_ok=True)
            _upgrade(database, migrations, backups=backups)
        return database

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent snapshot for the length of the block."""
        with self._composed().read() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: all of the block or nothing of it."""
        with self._composed().write() as connection:
            yield connection

    # Any: columns of several types
    def rows(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """What one statement of plain SQL finds, without SQLAlchemy."""
        with explained(self.path, ERRORS), self._looking:
            return self._kept("reader").execute(statement, parameters).fetchall()

    @contextmanager
    def read_plain(self) -> Iterator[sqlite3.Connection]:
        """As `read`, for plain SQL, without SQLAlchemy; each reader has a connection of its own."""
        with explained(self.path, ERRORS):
            with self._looking:
                connection = self._idle.pop() if self._idle else None
            connection = connection or connect(self.path)
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                with self._looking:
                    kept = not self._closed and len(self._idle) < MOST_IDLE
                    if kept:
                        self._idle.append(connection)
                if not kept:
                    connection.close()

    @contextmanager
    def write_plain(self) -> Iterator[sqlite3.Connection]:
        """As `write`, for plain SQL, without SQLAlchemy."""
        with explained(self.path, ERRORS), self._turn:
            connection = self._kept("writer")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                # A full disk may have ended the transaction already.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def truncate_log(self) -> bool:
        """Bring all that was written into the file itself and empty the log beside it, where older content of
        overwritten pages stands; False if somebody kept reading for too long."""
        with explained(self.path, ERRORS), closing(connect(self.path)) as connection:
            connection.execute(f"PRAGMA busy_timeout={LOG_WAIT_MS}")
            return int(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]) == 0

    def check(self) -> str:
        """`ok`, or what SQLite's quick check found."""
        # On a connection of its own: it reads all of a database, and nobody else should wait for that.
        with explained(self.path, ERRORS), closing(connect(self.path)) as connection:
            return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])

    def close(self) -> None:
        """Give the file handles back."""
        if self._alchemy is not None:
            self._alchemy.close()
        with self._looking, self._turn:
            for connection in self._plain.values():
                connection.close()
            self._plain.clear()
            for connection in self._idle:
                connection.close()
            self._idle.clear()
            self._closed = True

    def _kept(self, name: str) -> sqlite3.Connection:
        if name not in self._plain:
            self._plain[name] = connect(self.path)
        return self._plain[name]

    def _composed(self) -> Alchemy:
        with self._loading:
            if self._alchemy is None:
                from inhouse.store.alchemy import Alchemy

                self._alchemy = Alchemy(self.path, self._turn)
            return self._alchemy


def back_up(path: Path, target: Path) -> None:
    """Copy a live database to `target`, consistent even while others write."""
    target.parent.mkdir(parents=True, exist_ok=True)
    source, copy = sqlite3.connect(path), sqlite3.connect(target)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()


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
    with database.write_plain() as connection:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return False
        connection.execute(_REVISIONS)
        for one in migrations:
            for statement in one.whole.read_text("utf-8").split(BETWEEN):
                connection.execute(statement)
            connection.execute("INSERT INTO alembic_version VALUES (?)", (one.head,))
    return True


def _stored_revisions(database: Database) -> set[str]:
    if not database.rows("SELECT 1 FROM sqlite_master WHERE type='table' AND name='alembic_version'"):
        return set()
    return {str(row[0]) for row in database.rows("SELECT version_num FROM alembic_version")}
