"""The rows of the table `sources`: read, added, changed, gone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from inhouse.kernel.errors import BadRequest, Conflict, NotFound
from inhouse.knowledge.acl_rules import FolderFile, rules_from_json, rules_to_json
from inhouse.knowledge.edge.connect.look import Seen
from inhouse.knowledge.edge.tables import documents, sources
from inhouse.knowledge.plan import ReadersOf
from inhouse.knowledge.source import Outcome, Source, outcome_from_json, outcome_to_json
from inhouse.store.database import Database

__all__ = ["SourceRows"]

SHOWN = ("pending", "indexed", "empty", "refused")


class SourceRows:
    """The sources on record. Safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Source]:
        """Every source by name."""
        with self._database.read() as connection:
            return [_source(row) for row in connection.execute(select(sources).order_by(sources.c.name))]

    def find(self, name: str) -> Source | None:
        """The source of that name."""
        with self._database.read() as connection:
            return _find(connection, name)

    def get(self, name: str) -> Source:
        """As `find`. Raises NotFound if there is none."""
        found = self.find(name)
        if found is None:
            raise _missing(name)
        return found

    def readers_of(self, source: str) -> ReadersOf | None:
        """See `ingest.OnRecord.readers_of`."""
        found = self.find(source)
        return found.access.readers_of if found else None

    def check_upload(self, source: str) -> None:
        """See `ingest.OnRecord.check_upload`."""
        found = self.find(source)
        if found and found.kind != "upload":
            raise BadRequest(
                f"The documents of {source!r} come from elsewhere ({found.kind})",
                hint="upload to another source",
            )

    def documents(self) -> Mapping[str, int]:
        """How many documents each source has, by its name."""
        query = select(documents.c.source, func.count()).where(documents.c.status.in_(SHOWN))
        with self._database.read() as connection:
            return {row[0]: int(row[1]) for row in connection.execute(query.group_by(documents.c.source))}

    def add(self, source: Source) -> None:
        """Keep a new source. Raises Conflict if there is one of that name."""
        with self._database.write() as connection:
            if _find(connection, source.name):
                raise Conflict(
                    f"There is a source {source.name!r} already",
                    hint="choose another name, or change that one",
                )
            connection.execute(insert(sources).values(_values(source)))

    def change(self, name: str, **fields: Any) -> Source:  # Any: fields of Source of any type
        """Put these fields in place, on top of whatever the row holds by now; the source as it is then.

        Raises:
            NotFound: if there is none of that name.
        """
        with self._database.write() as connection:
            before = _find(connection, name)
            if before is None:
                raise _missing(name)
            after = replace(before, **fields)
            connection.execute(update(sources).where(sources.c.name == name).values(_values(after)))
        return after

    def note(self, name: str, outcome: Outcome, seen: Seen | None, *, again: bool) -> None:
        """Keep how a look went; nothing when the source is gone by now. `again`: it is due as before."""
        with self._database.write() as connection:
            after = _find(connection, name)
            if after is None:
                return
            if seen is not None:
                after = replace(after, cursor=seen.cursor, files=seen.files)
            looked_at = after.looked_at if again else outcome.ended_at
            after = replace(after, outcome=outcome, looked_at=looked_at)
            connection.execute(update(sources).where(sources.c.name == name).values(_values(after)))

    def remove(self, name: str) -> None:
        """Forget a source. Raises NotFound if there is none."""
        with self._database.write() as connection:
            if not connection.execute(delete(sources).where(sources.c.name == name)).rowcount:
                raise _missing(name)


def _missing(name: str) -> NotFound:
    return NotFound(f"There is no source {name[:80]!r}", hint="see `inhouse sources ls`")


def _find(connection: Connection, name: str) -> Source | None:
    row = connection.execute(select(sources).where(sources.c.name == name)).first()
    return _source(row) if row else None


def _values(source: Source) -> dict[str, object]:
    files = [[file.folder, sorted(file.readers), file.problem] for file in source.files]
    return {
        "name": source.name,
        "kind": source.kind,
        "address": source.address,
        "owner": source.owner,
        "readers": json.dumps(sorted(source.readers), ensure_ascii=False),
        "rules": rules_to_json(source.rules),
        "options": json.dumps(dict(source.options), ensure_ascii=False),
        "every_s": source.every_s,
        "paused": int(source.paused),
        "created_at": source.created_at,
        "looked_at": source.looked_at,
        "outcome": outcome_to_json(source.outcome) if source.outcome else "",
        "cursor": json.dumps({"at": source.cursor, "files": files}, ensure_ascii=False),
    }


def _source(row: Row[Any]) -> Source:  # Any: columns of several types
    kept = json.loads(row.cursor or "{}")
    return Source(
        name=row.name,
        kind=row.kind,
        address=row.address,
        owner=row.owner,
        readers=frozenset(json.loads(row.readers)),
        rules=rules_from_json(row.rules),
        options=json.loads(row.options),
        every_s=row.every_s,
        paused=bool(row.paused),
        created_at=row.created_at,
        looked_at=row.looked_at,
        outcome=outcome_from_json(row.outcome),
        cursor=kept.get("at", ""),
        files=tuple(FolderFile(one[0], frozenset(one[1]), one[2]) for one in kept.get("files", ())),
    )
