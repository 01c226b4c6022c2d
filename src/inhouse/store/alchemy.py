"""The database through SQLAlchemy, for statements that are composed; loaded when the first one is asked.

A gateway that only serves never asks one: SQLAlchemy takes 0.3 s and 14 MB.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.pool import QueuePool

from inhouse.store.broken import explained
from inhouse.store.plain import BUSY_TIMEOUT_S, set_up

__all__ = ["Alchemy"]

ERRORS = (exc.OperationalError, exc.DatabaseError, OSError)


class Alchemy:
    """Readers and one writer of a file; `turn` is held by whoever writes."""

    def __init__(self, path: Path, turn: threading.Lock) -> None:
        self._path = path
        self._turn = turn
        self._reader = _engine(path, begin="BEGIN", pool_size=8)
        self._writer = _engine(path, begin="BEGIN IMMEDIATE", pool_size=1)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent snapshot for the length of the block."""
        with explained(self._path, ERRORS), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: all of the block or nothing of it."""
        with explained(self._path, ERRORS), self._turn, self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give the file handles back."""
        self._reader.dispose()
        self._writer.dispose()


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
        set_up(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
