"""All keys of one user end in a transaction of somebody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from inhouse.gateway.edge import migrations
from inhouse.gateway.edge.keys import StoredKeys
from inhouse.kernel.caller import ApiKey, Grant
from inhouse.store.database import Database, Migrations


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A new one with the gateway's tables."""
    rooms = (Migrations(migrations.FOLDER, migrations.HEAD),)
    return Database.open(tmp_path / "inhouse.db", rooms, backups=tmp_path / "backups")


def key(name: str, user: str) -> ApiKey:
    return ApiKey(Grant(key=name, user=user), name, f"digest of {name}", 1.0)


def test_keys_of_a_user_end_together(database: Database) -> None:
    """Those that were not revoked before, and only theirs; another process sees it at its next look."""
    keys, other = StoredKeys(database), StoredKeys(database)
    for name, user in (("k1", "anna"), ("k2", "anna"), ("k3", "boris"), ("k4", "anna")):
        keys.add(key(name, user))
    keys.revoke("k4", 2.0)
    with database.write_plain() as connection:
        assert keys.revoke_of(connection, "anna", 3.0) == 2
    assert keys.refresh()
    assert {one.name: one.revoked_at for one in keys.all()} == {"k1": 3.0, "k2": 3.0, "k3": None, "k4": 2.0}
    assert other.refresh()
    assert {one.name for one in other.all() if one.revoked_at is None} == {"k3"}


def test_a_transaction_that_fails_revokes_nothing(database: Database) -> None:
    """The control: what is rolled back leaves every key in use."""
    keys = StoredKeys(database)
    keys.add(key("k1", "anna"))
    with pytest.raises(RuntimeError), database.write_plain() as connection:
        keys.revoke_of(connection, "anna", 3.0)
        raise RuntimeError
    keys.refresh()
    assert keys.named("k1").revoked_at is None
