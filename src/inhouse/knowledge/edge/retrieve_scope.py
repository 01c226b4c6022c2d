"""Which documents a search looks at, without going through all of them for each question.

What the table of documents says is kept until its revision grows, which every change of documents makes it
do in the same transaction.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Sequence

from inhouse.kernel.caller import Caller, Readers, may_read
from inhouse.kernel.documents import Scope
from inhouse.kernel.errors import NotFound
from inhouse.knowledge.edge.retrieve_rows import readers_of
from inhouse.store.database import Database

__all__ = ["Scopes"]

SCOPES_KEPT = 16


class Scopes:
    """Safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = threading.Lock()
        self._revision = -1
        self._all: list[tuple[Readers, int]] = []
        self._chosen: OrderedDict[Scope, list[tuple[str, Readers]]] = OrderedDict()

    def of(self, caller: Caller, scope: Scope) -> tuple[int, Sequence[str] | None]:
        """How many documents are searched, and their ids when the scope is narrower than everything.

        Raises:
            NotFound: if the scope names nothing that the caller may read.
        """
        with self._database.read_plain() as connection:
            if not scope.sources and not scope.document_ids:
                return sum(
                    count for readers, count in self._counts(connection) if may_read(caller, readers)
                ), None
            rows = self._rows(connection, scope)
        within = [document_id for document_id, readers in rows if may_read(caller, readers)]
        if not within:
            raise NotFound(
                "Nothing to search: the chosen sources or documents are empty or unknown",
                hint="inhouse documents ls shows what there is",
            )
        return len(within), within

    def _counts(self, connection: sqlite3.Connection) -> list[tuple[Readers, int]]:
        revision = self._look(connection)
        with self._turn:
            if revision == self._revision and self._all:
                return self._all
        grouped = connection.execute(
            "SELECT readers, count(*) FROM documents WHERE status = 'indexed' GROUP BY readers"
        )
        found = [(readers_of(readers), int(count)) for readers, count in grouped]
        with self._turn:
            if revision == self._revision:
                self._all = found
        return found

    def _rows(self, connection: sqlite3.Connection, scope: Scope) -> list[tuple[str, Readers]]:
        revision = self._look(connection)
        with self._turn:
            known = self._chosen.get(scope)
            if known is not None:
                self._chosen.move_to_end(scope)
                return known
        wanted = "SELECT document_id, readers FROM documents WHERE status = 'indexed'"
        named: list[str] = []
        for column, values in (("source", scope.sources), ("document_id", scope.document_ids)):
            if values:
                wanted += f" AND {column} IN ({','.join('?' * len(values))})"
                named += values
        found = [(row[0], readers_of(row[1])) for row in connection.execute(wanted, named)]
        with self._turn:
            if revision == self._revision:
                self._chosen[scope] = found
                if len(self._chosen) > SCOPES_KEPT:
                    self._chosen.popitem(last=False)
        return found

    def _look(self, connection: sqlite3.Connection) -> int:
        """The revision now; whatever is kept of an earlier one goes. None is kept before the first change."""
        query = "SELECT count FROM revisions WHERE subject = 'documents'"
        found = connection.execute(query).fetchone()
        revision = int(found[0]) if found is not None else -1
        with self._turn:
            if revision != self._revision or revision == -1:
                self._revision = revision if revision >= 0 else -2
                self._all, self._chosen = [], OrderedDict()
        return revision
