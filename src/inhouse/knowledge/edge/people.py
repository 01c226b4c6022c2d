"""Users and groups in the database, and whom a name stands for.

Who is in which group is held in memory and read again when the count of changes in the database grew, so
that a membership that was taken away counts from the next question on, whichever process took it.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from inhouse.kernel.caller import EVERYONE, Caller
from inhouse.kernel.errors import BadRequest, Conflict, NotFound
from inhouse.knowledge.acl_groups import base_of, groups_of, new_group, new_level
from inhouse.knowledge.edge.tables import (
    chats,
    documents,
    groups,
    memberships,
    revisions,
    sources,
    users,
)
from inhouse.knowledge.ports.people import Group, Left, Person
from inhouse.store.database import Database

__all__ = ["SUBJECT", "StoredPeople", "count_change", "known_group"]

SUBJECT = "access"
"""Under this name the changes of users, groups and memberships are counted."""
_REVISION = "SELECT count FROM revisions WHERE subject = 'access'"
LONGEST = 128
RevokeKeys = Callable[[sqlite3.Connection, str, float], int]
"""Refuse a user's API keys within a transaction of the caller's; how many."""


class StoredPeople:
    """Implements `ports.people.People`. Safe to use from several threads.

    `revoke_keys` belongs to whoever keeps the API keys; it is called in the transaction of `leave`, and
    `keys_changed` when that is over.
    """

    def __init__(
        self,
        database: Database,
        *,
        now: Callable[[], float],
        revoke_keys: RevokeKeys = lambda _connection, _user, _now: 0,
        keys_changed: Callable[[], object] = lambda: None,
    ) -> None:
        self._database = database
        self._now = now
        self._revoke_keys = revoke_keys
        self._keys_changed = keys_changed
        self._turn = threading.Lock()
        self._known: tuple[int, Mapping[str, Caller]] = (-1, {})

    # ---- whom a name stands for

    def caller(self, user: str) -> Caller:
        """See `People.caller`. One look at a counter; everybody is read anew when it grew."""
        return self._callers().get(user) or Caller(user=user)

    def _callers(self) -> Mapping[str, Caller]:
        found = self._database.rows(_REVISION)
        revision = int(found[0][0]) if found else 0
        known, callers = self._known
        if known == revision:
            return callers
        with self._turn:
            people = self.users()
            callers = {
                one.user: Caller(
                    one.user, frozenset() if one.left_at is not None else groups_of(one.groups, one.level)
                )
                for one in people
            }
            # The count was read before the people: a change in between is seen at the next look.
            self._known = (revision, callers)
        return callers

    # ---- users

    def users(self) -> tuple[Person, ...]:
        """See `People.users`."""
        with self._database.read() as connection:
            return _people(connection)

    def user(self, user: str) -> Person:
        """See `People.user`."""
        with self._database.read() as connection:
            return _person(connection, user)

    def add_user(self, user: str, *, name: str, level: int, groups: Sequence[str]) -> Person:
        """See `People.add_user`."""
        wanted = _user_name(user)
        with self._database.write() as connection:
            if connection.execute(select(users).where(users.c.user == wanted)).first():
                raise Conflict(
                    f"There is a user {wanted!r} already", hint=f"change it: inhouse users set {wanted}"
                )
            row = {"user": wanted, "name": _full_name(name), "level": new_level(level)}
            connection.execute(insert(users).values(**row, created_at=self._now()))
            _join(connection, wanted, groups)
            count_change(connection)
            return _person(connection, wanted)

    def change_user(
        self,
        user: str,
        *,
        name: str | None = None,
        level: int | None = None,
        join: Sequence[str] = (),
        quit: Sequence[str] = (),  # noqa: A002  the word for it
    ) -> Person:
        """See `People.change_user`."""
        with self._database.write() as connection:
            known = _person(connection, user)
            if known.left_at is not None and join:
                raise Conflict(f"{user!r} has left", hint=f"inhouse users set {user} --back comes first")
            values: dict[str, object] = {} if name is None else {"name": _full_name(name)}
            if level is not None:
                values["level"] = new_level(level)
            if values:
                connection.execute(update(users).where(users.c.user == user).values(**values))
            _join(connection, user, join)
            _quit(connection, user, quit)
            count_change(connection)
            return _person(connection, user)

    def leave(self, user: str, *, chats: Literal["keep", "remove"]) -> Left:
        """See `People.leave`. Membership, keys and chats end in one transaction."""
        now = self._now()
        with self._database.write_plain() as connection:
            execute = connection.execute
            if not execute('SELECT 1 FROM users WHERE "user" = ?', (user,)).fetchone():
                raise _nobody(user)
            execute('UPDATE users SET left_at = coalesce(left_at, ?) WHERE "user" = ?', (now, user))
            execute('DELETE FROM memberships WHERE "user" = ?', (user,))
            keys = self._revoke_keys(connection, user, now)
            count = execute('SELECT count(*) FROM chats WHERE "user" = ?', (user,)).fetchone()[0]
            if chats == "remove":
                execute('DELETE FROM chats WHERE "user" = ?', (user,))
            execute(
                "INSERT INTO revisions (subject, count) VALUES (?, 1)"
                " ON CONFLICT (subject) DO UPDATE SET count = count + 1",
                (SUBJECT,),
            )
        self._keys_changed()
        return Left(self.user(user), keys, int(count), chats == "remove")

    def come_back(self, user: str) -> Person:
        """See `People.come_back`."""
        with self._database.write() as connection:
            if _person(connection, user).left_at is None:
                raise Conflict(f"{user!r} has not left", hint="there is nothing to take back")
            connection.execute(update(users).where(users.c.user == user).values(left_at=None))
            count_change(connection)
            return _person(connection, user)

    def remove_user(self, user: str, *, forget: bool = False) -> int:
        """See `People.remove_user`."""
        with self._database.write() as connection:
            if _person(connection, user).left_at is not None and not forget:
                raise Conflict(
                    f"{user!r} has left, and the record is what keeps this name out",
                    hint=f"inhouse users rm {user} --forget removes it all the same",
                )
            removed = connection.execute(delete(chats).where(chats.c.user == user)).rowcount
            connection.execute(delete(users).where(users.c.user == user))
            count_change(connection)
            return int(removed)

    # ---- groups

    def groups(self) -> tuple[Group, ...]:
        """See `People.groups`."""
        with self._database.read() as connection:
            return _groups(connection)

    def add_group(self, group: str, *, title: str) -> Group:
        """See `People.add_group`."""
        wanted = new_group(group)
        with self._database.write() as connection:
            if connection.execute(select(groups).where(groups.c.group == wanted)).first():
                raise Conflict(f"There is a group {wanted!r} already", hint="inhouse groups ls shows all")
            row = {"group": wanted, "title": _full_name(title), "created_at": self._now()}
            connection.execute(insert(groups).values(row))
            count_change(connection)
            return _group(connection, wanted)

    def change_members(
        self,
        group: str,
        *,
        join: Sequence[str] = (),
        quit: Sequence[str] = (),  # noqa: A002
    ) -> Group:
        """See `People.change_members`."""
        with self._database.write() as connection:
            known_group(connection, group)
            for user in join:
                if _person(connection, user).left_at is not None:
                    raise Conflict(f"{user!r} has left", hint=f"inhouse users set {user} --back comes first")
                _join(connection, user, [group])
            for user in quit:
                _person(connection, user)
                _quit(connection, user, [group])
            count_change(connection)
            return _group(connection, group)


def count_change(connection: Connection) -> None:
    """Tell every process that users, groups or memberships changed."""
    row = upsert(revisions).values(subject=SUBJECT, count=1)
    changed = {"count": revisions.c.count + 1}
    connection.execute(row.on_conflict_do_update(index_elements=["subject"], set_=changed))


def known_group(connection: Connection, group: str) -> str:
    """The group's name.

    Raises:
        NotFound: if it was never made.
    """
    if not connection.execute(select(groups).where(groups.c.group == group)).first():
        raise NotFound(f"There is no group {group[:80]!r}", hint=f"make it: inhouse groups add {group[:80]}")
    return group


def _people(connection: Connection) -> tuple[Person, ...]:
    of_user: dict[str, list[str]] = {}
    for user, group in connection.execute(select(memberships).order_by(memberships.c.group)):
        of_user.setdefault(user, []).append(group)
    rows = connection.execute(select(users).order_by(users.c.user))
    return tuple(
        Person(row.user, row.name, row.level, tuple(of_user.get(row.user, ())), row.created_at, row.left_at)
        for row in rows
    )


def _person(connection: Connection, user: str) -> Person:
    row = connection.execute(select(users).where(users.c.user == user)).one_or_none()
    if row is None:
        raise _nobody(user)
    mine = select(memberships.c.group).where(memberships.c.user == user).order_by(memberships.c.group)
    names = tuple(connection.execute(mine).scalars())
    return Person(row.user, row.name, row.level, names, row.created_at, row.left_at)


def _nobody(user: str) -> NotFound:
    return NotFound(f"There is no user {user[:80]!r} on record", hint="inhouse users ls shows all")


def _groups(connection: Connection) -> tuple[Group, ...]:
    members: dict[str, list[str]] = {}
    for user, group in connection.execute(select(memberships).order_by(memberships.c.user)):
        members.setdefault(group, []).append(user)
    documents_of = _documents_of_groups(connection)
    titles = {row.group: row.title for row in connection.execute(select(groups))}
    everybody = {EVERYONE: "everybody, also without a record"}
    names = sorted({*titles, *documents_of, EVERYONE})
    return tuple(
        Group(
            name,
            (everybody | titles).get(name, ""),
            tuple(members.get(name, ())),
            documents_of.get(name, 0),
            recorded=name in titles or name == EVERYONE,
        )
        for name in names
    )


def _group(connection: Connection, group: str) -> Group:
    return next(one for one in _groups(connection) if one.group == group)


def _documents_of_groups(connection: Connection) -> dict[str, int]:
    """Group, without level, to how many documents name it; 0 for one that only sources name."""
    found: dict[str, int] = {}
    counted = select(documents.c.readers, func.count()).group_by(documents.c.readers)
    for readers, count in connection.execute(counted):
        for base in {base_of(one) for one in json.loads(readers)}:
            found[base] = found.get(base, 0) + int(count)
    for readers in connection.execute(select(sources.c.readers)).scalars():
        for one in json.loads(readers):
            found.setdefault(base_of(one), 0)
    return found


def _join(connection: Connection, user: str, names: Sequence[str]) -> None:
    for name in names:
        if name == EVERYONE:
            continue  # who is on record is in it anyway
        row = upsert(memberships).values(user=user, group=known_group(connection, new_group(name)))
        connection.execute(row.on_conflict_do_nothing())


def _quit(connection: Connection, user: str, names: Sequence[str]) -> None:
    for name in names:
        if name == EVERYONE:
            raise BadRequest("Everybody on record is in `everyone`", hint=f"inhouse users leave {user}")
        chosen = (memberships.c.user == user) & (memberships.c.group == name)
        if not connection.execute(delete(memberships).where(chosen)).rowcount:
            raise NotFound(f"{user!r} is not in the group {name[:80]!r}", hint=f"inhouse users show {user}")


def _user_name(text: str) -> str:
    name = text.strip()
    if not name.isprintable() or not 1 <= len(name) <= LONGEST or "/" in name:
        hint = f"1 to {LONGEST} printable characters, without `/`"
        raise BadRequest(f"{text[:60]!r} is no user name", hint=hint)
    if name == Caller().user:
        raise BadRequest(
            f"`{name}` is whoever sits at this machine and gives no name", hint="choose another name"
        )
    return name


def _full_name(text: str) -> str:
    name = " ".join(text.split())
    if not name.isprintable() or len(name) > 200:
        raise BadRequest(f"{text[:60]!r} is no name to show", hint="at most 200 printable characters")
    return name
