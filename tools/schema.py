"""Write down, beside the newest migration of each room, the tables that all of its steps lead to.

    python tools/schema.py

A new home is made from these files: that takes neither the time nor the memory of walking the steps.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path

from inhouse.compose.database import ROOMS
from inhouse.store.database import BETWEEN, Database, Migrations


def statements(path: Path) -> list[str]:
    """What made the database at `path`, in an order that makes it again."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version' ORDER BY rowid"
        ).fetchall()
    connection.close()
    return [str(sql) for (sql,) in rows]


def walked(room: Migrations, folder: Path) -> str:
    """What the steps of one room lead to, as its file holds it."""
    steps = shutil.copytree(
        room.folder, folder / room.head, ignore=shutil.ignore_patterns("*.sql", "__pycache__")
    )
    database = folder / f"{room.head}.db"
    Database.open(database, [Migrations(steps, room.head)], backups=folder).close()
    # SQLAlchemy leaves blanks at the ends of lines; they mean nothing.
    lines = BETWEEN.join(statements(database)).splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


def main(rooms: Sequence[Migrations] = ROOMS) -> None:
    """Write the file of each room."""
    with tempfile.TemporaryDirectory() as name:
        for room in rooms:
            room.whole.write_text(walked(room, Path(name)), "utf-8")


if __name__ == "__main__":
    main()
