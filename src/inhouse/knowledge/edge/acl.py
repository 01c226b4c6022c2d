"""Changes of readers: of documents, folders and sources, and when a group is renamed or removed.

Each is one transaction over everything that names a group, with the documents waiting as `pending` until
every index has them on the new shelf. A kill in between leaves them pending, which nobody finds, and the
next start goes on from there. So nobody reads by the old rule from the first moment on, and never by none.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from inhouse.kernel.caller import EVERYONE, Readers
from inhouse.kernel.errors import BadRequest, Conflict, NotFound
from inhouse.knowledge.acl_explain import Paper, explain
from inhouse.knowledge.acl_groups import new_group, renamed, without
from inhouse.knowledge.acl_rules import (
    Rule,
    is_pattern,
    place_of,
    rename_in_rules,
    rules_from_json,
    rules_to_json,
    with_rule,
    without_group_in_rules,
)
from inhouse.knowledge.edge.manifest import Manifest
from inhouse.knowledge.edge.people import StoredPeople, count_change, known_group
from inhouse.knowledge.edge.source_desk_rows import SourceRows
from inhouse.knowledge.edge.tables import documents, groups, memberships, sources
from inhouse.knowledge.ports.people import AccessChange, Explanation
from inhouse.knowledge.source import Source
from inhouse.store.database import Database

__all__ = ["AccessDesk"]

Still = Callable[[str], AbstractContextManager[object]]
"""Keeps everything else away from a source for a block: a look under way still has the old rules."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where readers are set: a source, and what of it; "" is all of it."""

    source: str
    where: str


class AccessDesk:
    """Implements `ports.people.Access`. `still` is the source desk's."""

    def __init__(
        self,
        database: Database,
        manifest: Manifest,
        people: StoredPeople,
        *,
        now: Callable[[], float],
        still: Still = lambda _name: nullcontext(),
    ) -> None:
        self._database = database
        self._manifest = manifest
        self._people = people
        self._now = now
        self._still = still
        self._sources = SourceRows(database)

    # ---- explaining

    def explain(self, user: str, document: str) -> Explanation:
        """See `Access.explain`."""
        with self._database.read() as connection:
            row = _one_document(connection, document)
        caller = self._people.caller(user)
        person = {one.user: one for one in self._people.users()}.get(user)
        recorded = [one.group for one in self._people.groups() if one.recorded]
        paper = Paper(
            row.document_id, row.path, row.source, row.status, _readers(row.readers), row.readers_from
        )
        return explain(caller, person, paper, recorded)

    # ---- other readers

    def set_readers(self, place: str, readers: Readers) -> AccessChange:
        """See `Access.set_readers`."""
        with self._database.read() as connection:
            at = _place(connection, place)
        with self._still(at.source):
            source = self._sources.find(at.source) or self._new_record(at.source)
            if at.where:
                changed = replace(source, rules=with_rule(source.rules, Rule(at.where, readers)))
            else:
                # A rule for everything would stand in front of the source's own groups.
                rules = tuple(rule for rule in source.rules if rule.where)
                changed = replace(source, readers=readers, rules=rules)
            return self._refile(changed, readers)

    def choose_readers(self, source: str, document: str, readers: Readers, *, by: str) -> None:
        """See `Access.choose_readers`."""
        rule = Rule(place_of(document), readers, f"chosen at the upload by {by}")
        # A name with a star would be a rule for other documents, and one with spaces around it for none.
        named = unicodedata.normalize("NFC", PurePosixPath(document).as_posix())
        if is_pattern(document) or rule.where != named:
            raise BadRequest(
                f"No groups can be chosen for the name {document[:200]!r}",
                hint="rename the file: without `*` and `?`, and without spaces around its name",
            )
        with self._still(source):
            known = self._sources.find(source) or self._new_record(source)
            self._refile(replace(known, rules=with_rule(known.rules, rule)), readers)

    def _refile(self, source: Source, readers: Readers) -> AccessChange:
        """Keep the source's rules and give its documents what they say, in one transaction."""
        moved: dict[str, tuple[Readers, str]] = {}
        other: list[Readers] = []
        access = source.access

        def change(connection: Connection) -> None:
            kept = {
                "readers": _json(source.readers),
                "rules": rules_to_json(source.rules),
            }
            known = sources.c.name == source.name
            if not connection.execute(update(sources).where(known).values(**kept)).rowcount:
                connection.execute(insert(sources).values(_new_row(source) | kept))
            for row in _documents_of(connection, source.name):
                wanted = access.readers_of(row.path)
                had = _readers(row.readers)
                if wanted != (had, row.readers_from):
                    moved[row.document_id] = wanted
                    other.extend([wanted[0]] if wanted[0] != had else ())
            _file_anew(connection, moved)

        self._carry_out(change, moved)
        return AccessChange(len(other), sum(not now for now in other), len(source.rules), readers)

    def _new_record(self, name: str) -> Source:
        """A source that was taken in without being on record; its documents keep the readers they have."""
        with self._database.read() as connection:
            rows = list(_documents_of(connection, name))
        had = {_readers(row.readers) for row in rows} or {frozenset({EVERYONE})}
        if len(had) != 1:
            raise Conflict(
                f"The documents of {name!r} have different readers, and the source is not on record",
                hint=f"put it on record first, with its groups: inhouse sources add {name}",
            )
        origin = Counter([row.origin for row in rows] or [""]).most_common(1)[0][0]
        return Source(
            name=name,
            kind="folder" if origin else "upload",
            address=origin or "-",
            owner="",
            readers=had.pop(),
            created_at=self._now(),
        )

    # ---- groups

    def rename_group(self, group: str, new: str) -> AccessChange:
        """See `Access.rename_group`."""
        wanted = new_group(new)

        def tables(connection: Connection) -> None:
            known_group(connection, group)
            if connection.execute(select(groups).where(groups.c.group == wanted)).first():
                raise Conflict(f"There is a group {wanted!r} already", hint="remove one of the two first")
            if wanted in _named(connection):
                raise Conflict(
                    f"Documents or rules name a group {wanted!r} that nobody made: the members of"
                    f" {group!r} would read those, too",
                    hint=f"inhouse groups rm {wanted} takes it from there first",
                )
            # The members follow by the foreign key.
            connection.execute(update(groups).where(groups.c.group == group).values(group=wanted))

        return self._everywhere(
            tables, lambda now: renamed(now, group, wanted), lambda now: rename_in_rules(now, group, wanted)
        )

    def remove_group(self, group: str) -> AccessChange:
        """See `Access.remove_group`. A group that is only named somewhere, and was never made, goes, too."""

        def tables(connection: Connection) -> None:
            if group == EVERYONE:
                raise BadRequest("`everyone` is always there", hint="give documents to other groups instead")
            if group not in _named(connection):
                known_group(connection, group)
            connection.execute(delete(memberships).where(memberships.c.group == group))
            connection.execute(delete(groups).where(groups.c.group == group))

        return self._everywhere(
            tables, lambda now: without(now, group), lambda now: without_group_in_rules(now, group)
        )

    def _everywhere(
        self,
        tables: Callable[[Connection], None],
        of_readers: Callable[[Readers], Readers],
        of_rules: Callable[[Sequence[Rule]], tuple[Rule, ...]],
    ) -> AccessChange:
        moved: dict[str, tuple[Readers, str]] = {}
        rules = 0

        def change(connection: Connection) -> None:
            nonlocal rules
            tables(connection)
            count_change(connection)
            rules = _change_sources(connection, of_readers, of_rules)
            query = select(documents.c.document_id, documents.c.readers, documents.c.readers_from)
            for row in connection.execute(query):
                had = _readers(row.readers)
                now = of_readers(had)
                if now != had:
                    moved[row.document_id] = (now, row.readers_from)
            _file_anew(connection, moved)

        self._carry_out(change, moved)
        return AccessChange(len(moved), sum(not now for now, _ in moved.values()), rules)

    def _carry_out(
        self, change: Callable[[Connection], None], moved: Mapping[str, tuple[Readers, str]]
    ) -> None:
        """The transaction, then the shelves."""

        def whole(connection: Connection) -> Sequence[str]:
            change(connection)
            return list(moved)

        self._manifest.change_readers(whole)


def _file_anew(connection: Connection, moved: Mapping[str, tuple[Readers, str]]) -> None:
    """Write the readers; what is in the index waits, found by nobody, until it stands on its new shelf."""
    for document_id, (readers, why) in moved.items():
        chosen = documents.c.document_id == document_id
        found = (documents.c.status == "indexed") & (documents.c.readers != _json(readers))
        connection.execute(update(documents).where(chosen, found).values(status="pending"))
        values = {"readers": _json(readers), "readers_from": why}
        connection.execute(update(documents).where(chosen).values(**values))


def _change_sources(
    connection: Connection,
    of_readers: Callable[[Readers], Readers],
    of_rules: Callable[[Sequence[Rule]], tuple[Rule, ...]],
) -> int:
    """Put the readers, rules and remembered folder files of every source right; how many rules changed."""
    changed = 0
    for row in connection.execute(select(sources)).all():
        before = rules_from_json(row.rules)
        after = of_rules(before)
        cursor = json.loads(row.cursor or "{}")
        cursor["files"] = [
            [folder, sorted(of_readers(frozenset(names))), problem]
            for folder, names, problem in cursor.get("files", ())
        ]
        values = {
            "readers": _json(of_readers(_readers(row.readers))),
            "rules": rules_to_json(after),
            "cursor": json.dumps(cursor, ensure_ascii=False),
        }
        connection.execute(update(sources).where(sources.c.name == row.name).values(**values))
        changed += sum(one != other for one, other in zip(before, after, strict=True))
    return changed


def _named(connection: Connection) -> set[str]:
    """Groups, without levels, that documents, sources or rules name."""
    found: set[str] = set()
    for readers in connection.execute(select(documents.c.readers).distinct()).scalars():
        found |= _readers(readers)
    for row in connection.execute(select(sources.c.readers, sources.c.rules)):
        found |= _readers(row.readers)
        for rule in rules_from_json(row.rules):
            found |= rule.readers
    return {one.partition(":")[0] for one in found}


def _place(connection: Connection, text: str) -> _Place:
    """What a person means: a document, a source, or SOURCE/FOLDER; a pattern below a source, too."""
    found = _documents_named(connection, text)
    if len(found) == 1:
        return _Place(found[0].source, place_of(found[0].path))
    if len(found) > 1:
        raise _several(text, found)
    name, _, below = text.strip("/").partition("/")
    paths = [row.path for row in _documents_of(connection, name)]
    recorded = connection.execute(select(sources.c.name).where(sources.c.name == name)).first()
    if not paths and not recorded:
        raise NotFound(
            f"There is no document, folder or source {text[:80]!r}",
            hint="`inhouse sources ls` and `inhouse documents ls` show what there is",
        )
    where = place_of(below)
    if where and not is_pattern(where) and not any(path.startswith(where + "/") for path in paths):
        raise NotFound(
            f"There is no document or folder {where!r} in the source {name!r}",
            hint="check the spelling; a rule for a folder to come belongs into a mapping file",
        )
    return _Place(name, where)


def _one_document(connection: Connection, name: str) -> Row[Any]:  # Any: columns of several types
    found = _documents_named(connection, name)
    if len(found) > 1:
        raise _several(name, found)
    if not found:
        raise NotFound(f"There is no document {name[:80]!r}", hint="name it by id, path, or SOURCE/PATH")
    return found[0]


def _several(name: str, found: Sequence[Row[Any]]) -> BadRequest:  # Any: see above
    names = ", ".join(f"{row.source}/{row.path}" for row in found[:5])
    return BadRequest(f"{name[:80]!r} means {len(found)} documents", hint=f"say which: {names}")


def _documents_named(connection: Connection, name: str) -> Sequence[Row[Any]]:  # Any: see above
    named = or_(
        documents.c.document_id == name,
        documents.c.path == name,
        documents.c.source + "/" + documents.c.path == name,
    )
    rows = connection.execute(select(documents).where(named, documents.c.status != "removing")).all()
    return [row for row in rows if row.document_id == name] or rows


def _documents_of(connection: Connection, source: str) -> Iterable[Row[Any]]:  # Any: see above
    query = select(documents).where(documents.c.source == source, documents.c.status != "removing")
    return connection.execute(query.order_by(documents.c.path)).all()


def _new_row(source: Source) -> dict[str, object]:
    return {
        "name": source.name,
        "kind": source.kind,
        "address": source.address,
        "owner": source.owner,
        "options": "{}",
        "every_s": 0,
        "paused": 0,
        "created_at": source.created_at,
        "looked_at": None,
        "outcome": "",
        "cursor": "",
    }


def _readers(text: str) -> Readers:
    return frozenset(json.loads(text))


def _json(readers: Readers) -> str:
    return json.dumps(sorted(readers), ensure_ascii=False)
