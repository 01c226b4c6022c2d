"""The home's database, apart from the rest: the gateway alone must not load what reads documents."""

from __future__ import annotations

from inhouse.config import Home
from inhouse.gateway.edge import migrations as gateway_migrations
from inhouse.kernel.errors import HomeUnusable
from inhouse.knowledge.edge import migrations as knowledge_migrations
from inhouse.store.database import Database, Migrations

__all__ = ["open_database"]

ROOMS = (
    Migrations(knowledge_migrations.FOLDER, knowledge_migrations.HEAD),
    Migrations(gateway_migrations.FOLDER, gateway_migrations.HEAD),
)


def open_database(home: Home) -> Database:
    """The home's database, made when the home is new.

    Raises:
        HomeUnusable: if it is gone or empty while the documents are there: a new one would let the next
            repair remove their bytes as left-overs, and a copy put back later would find none.
    """
    known = home.database.is_file() and home.database.stat().st_size > 0
    if not (known or home.database.is_dir()) and home.blobs.is_dir() and any(home.blobs.iterdir()):
        raise HomeUnusable(
            f"The home {home.root} holds documents, but its database {home.database} is gone or empty",
            hint=f"put back a copy from {home.backups}; to begin anew, move {home.state} away",
        )
    return Database.open(home.database, ROOMS, backups=home.backups)
