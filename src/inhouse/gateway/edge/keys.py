"""API keys in the database, and in memory for every request: a check reads no disk and no SQL.

No text of a caller ever reaches SQL here: a key is looked up in memory by the id in it, and what is
written was made or checked by the house. Plain SQL: a gateway reads its keys at the start and looks for
changes every second, and does not load SQLAlchemy for that.
"""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace

import msgspec

from inhouse.kernel.caller import ApiKey, Grant, Scope
from inhouse.kernel.errors import Conflict, NotFound
from inhouse.store.database import Database

__all__ = ["StoredKeys"]


class _Rights(msgspec.Struct, frozen=True):
    """What stands in the column `grant`."""

    scopes: tuple[Scope, ...]
    models: tuple[str, ...] = ()
    cloud: bool = True
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    streams: int | None = None


_ALL = (
    'SELECT id, digest, name, "user", team, "grant", created_at, expires_at, revoked_at FROM api_keys'
    " ORDER BY created_at"
)
_ADD = (
    'INSERT INTO api_keys (id, digest, name, "user", team, "grant", created_at, expires_at, revoked_at)'
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_REVOKE_OF = 'UPDATE api_keys SET revoked_at = ? WHERE "user" = ? AND revoked_at IS NULL'
_REVOKE = "UPDATE api_keys SET revoked_at = ? WHERE id = ?"

_decode = msgspec.json.Decoder(_Rights).decode


class StoredKeys:
    """All API keys of the home. `find` and `all` take a look at memory; the rest block on the disk."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = threading.Lock()
        self._keys: dict[str, ApiKey] = {}
        self._load()

    def refresh(self) -> bool:
        """Read the keys again if another process made or revoked one; True when it did.

        A row is never removed and only ever changed by being revoked, so two counts tell.
        """
        there = self._database.rows("SELECT count(*), count(revoked_at) FROM api_keys")[0]
        known = self.all()
        if there == (len(known), sum(each.revoked_at is not None for each in known)):
            return False
        self._load()
        return True

    def _load(self) -> None:
        with self._turn:
            found = self._database.rows(_ALL)
            known = self._keys
            keys = [
                ApiKey(_grant(key_id, user, team, _decode(grant)), name, digest, created, *ends)
                for key_id, digest, name, user, team, grant, created, *ends in found
            ]
            # A key that did not change stays the same object: callers are remembered by their grant.
            self._keys = {key.grant.key: key for key in keys}
            self._keys.update((name, key) for name, key in known.items() if self._keys.get(name) == key)

    def find(self, key_id: str) -> ApiKey | None:
        """The key with that public id, also an expired or revoked one."""
        return self._keys.get(key_id)

    def all(self) -> tuple[ApiKey, ...]:
        """Every key, oldest first."""
        return tuple(self._keys.values())

    def add(self, key: ApiKey) -> None:
        """Keep a new key; it works from now on.

        Raises:
            Conflict: if a key that still works has this name: which one is meant must be clear.
            HomeUnusable: if it cannot be written.
        """
        with self._turn:
            if any(one.name == key.name and one.revoked_at is None for one in self._keys.values()):
                raise Conflict(
                    f"There is a key named {key.name!r} already",
                    hint=f"choose another name, or `inhouse keys rotate {key.name}`",
                )
            self._write(key, None, 0.0)

    def rotate(self, old: ApiKey, new: ApiKey, now: float) -> None:
        """Keep `new` and revoke `old`, both or neither.

        Raises:
            HomeUnusable: if it cannot be written.
        """
        with self._turn:
            self._write(new, old, now)

    def revoke(self, name: str, now: float) -> ApiKey:
        """Take the power from the key of that id or name; it is refused from the next request on.

        Raises:
            NotFound: if there is no such key that still works.
            HomeUnusable: if it cannot be written.
        """
        with self._turn:
            key = self.named(name)
            with self._database.write_plain() as connection:
                connection.execute(_REVOKE, (now, key.grant.key))
            gone = replace(key, revoked_at=now)
            self._keys = {**self._keys, key.grant.key: gone}
            return gone

    def revoke_of(self, connection: sqlite3.Connection, user: str, now: float) -> int:
        """Take the power from every key of a user, within a transaction of the caller's; how many.

        Call `refresh` when that transaction is over.
        """
        return connection.execute(_REVOKE_OF, (now, user)).rowcount

    def named(self, name: str) -> ApiKey:
        """The key of that id or name that was not revoked.

        Raises:
            NotFound: if there is none.
        """
        for key in self._keys.values():
            if name in (key.grant.key, key.name) and key.revoked_at is None:
                return key
        raise NotFound(f"There is no key {name[:80]!r} in use", hint="`inhouse keys ls` lists all")

    def _write(self, new: ApiKey, old: ApiKey | None, now: float) -> None:
        grant = new.grant
        rights = _Rights(
            tuple(sorted(grant.scopes)),
            grant.models,
            grant.cloud,
            grant.requests_per_minute,
            grant.tokens_per_minute,
            grant.streams,
        )
        row = (
            grant.key,
            new.digest,
            new.name,
            grant.user,
            grant.team,
            msgspec.json.encode(rights).decode(),
            new.created_at,
            new.expires_at,
            new.revoked_at,
        )
        with self._database.write_plain() as connection:
            connection.execute(_ADD, row)
            if old is not None:
                connection.execute(_REVOKE, (now, old.grant.key))
        kept = {**self._keys, grant.key: new}
        if old is not None:
            kept[old.grant.key] = replace(old, revoked_at=now)
        self._keys = kept


def _grant(key_id: str, user: str, team: str, rights: _Rights) -> Grant:
    return Grant(
        key=key_id,
        user=user,
        team=team,
        scopes=frozenset(rights.scopes),
        models=rights.models,
        cloud=rights.cloud,
        requests_per_minute=rights.requests_per_minute,
        tokens_per_minute=rights.tokens_per_minute,
        streams=rights.streams,
    )
