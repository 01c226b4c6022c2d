"""How documents leave: into the trash and back from it, and for good from every place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from sqlalchemy import ColumnElement, Connection, delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from inhouse.knowledge.edge import cited
from inhouse.knowledge.edge.golden_quotes import blank_golden
from inhouse.knowledge.edge.kept import KeptBytes
from inhouse.knowledge.edge.rows import HIDDEN, batches, bump
from inhouse.knowledge.edge.shelving import Shelving
from inhouse.knowledge.edge.tables import abbreviations, chunks, documents, revisions, texts
from inhouse.store.database import Database

__all__ = ["UNDO_S", "Gone", "Leaving", "due_to_wipe"]

UNDO_S = 72 * 3600.0
_TRACES = "traces"
"""Subject in `revisions`: 1 while files may hold words that documents had before an update, 2 while they may
hold words of removed documents."""

Gone = Callable[[Sequence[str], Sequence[str]], None]
"""Told the ids and the SHA-256 of what is gone for good, documents or an earlier state of them, to drop what
it remembers of them."""


class Leaving:
    """The part of the manifest that takes documents away.

    `undo_s` is how long a mass deletion can be undone. `gone` are asked to forget when documents are removed
    for good. Then `wipe_soon` is called: `wipe` itself, unless somebody takes it upon himself to call that a
    little later.
    """

    def __init__(
        self,
        database: Database,
        kept: KeptBytes,
        shelves: Shelving,
        *,
        now: Callable[[], float],
        undo_s: float = UNDO_S,
    ) -> None:
        self._database = database
        self.bytes = kept
        self._shelves = shelves
        self._now = now
        self._undo_s = undo_s
        self.gone: list[Gone] = []
        self.wipe_soon: Callable[[], object] = self.wipe
        self._turn = threading.RLock()  # indexes and rows change together, one batch at a time

    def trash(self, document_ids: Sequence[str]) -> float | None:
        """Take documents out of sight; until the time that is returned they can be restored.

        With nothing to undo (`undo_s` 0) they are removed, and None is returned.
        """
        if self._undo_s <= 0:
            self.remove(document_ids)
            return None
        now = self._now()
        until = now + self._undo_s
        for ids in batches(document_ids):
            with self._turn:
                with self._database.write() as connection:
                    chosen = documents.c.document_id.in_(ids) & documents.c.status.not_in(HIDDEN)
                    values = {"status": "trashing", "trashed_at": now, "final_at": until, "embedded": ""}
                    connection.execute(update(documents).where(chosen).values(**values))
                    bump(connection)
                self._finish_trashing(ids)
        return until

    def restore(self, document_ids: Sequence[str]) -> int:
        """Bring documents back from the trash with their ids; return how many were there."""
        restored = 0
        for ids in batches(document_ids):
            with self._turn:
                with self._database.write() as connection:
                    chosen = documents.c.document_id.in_(ids) & (documents.c.status == "trashed")
                    values = {"status": "pending", "trashed_at": None, "final_at": None, "embedded": ""}
                    restored += connection.execute(update(documents).where(chosen).values(**values)).rowcount
                    bump(connection)
                self._shelves.put(self._with_status("pending", among=ids))
        return restored

    def remove(self, document_ids: Sequence[str], *, trashed_until: float | None = None) -> int:
        """Remove documents for good from every place; return how many there were.

        With `trashed_until` only those that are in the trash now, and end there by that time: somebody may
        have restored one since it was looked at.
        """
        return len(self.erase(document_ids, trashed_until=trashed_until))

    def erase(self, document_ids: Sequence[str], *, trashed_until: float | None = None) -> Mapping[str, int]:
        """As `remove`; return in how many kept answers each of them was quoted.

        Raises:
            HomeUnusable: if the disk is full or read-only. They are invisible then, and `recover` goes on.
        """
        answers: dict[str, int] = {}
        with self._turn:
            for ids in batches(document_ids):
                with self._database.write() as connection:
                    chosen: ColumnElement[bool] = documents.c.document_id.in_(ids)
                    if trashed_until is not None:
                        chosen &= (documents.c.status == "trashed") & (documents.c.final_at <= trashed_until)
                    statement = update(documents).where(chosen)
                    connection.execute(statement.values(status="removing", embedded=""))
                    bump(connection)
                answers |= self._finish_removal(self._with_status("removing", among=ids))
        if answers:
            self.wipe_soon()
        return answers

    def expire(self) -> int:
        """Remove the documents in the trash whose time is over; return how many."""
        now = self._now()
        query = select(documents.c.document_id).where(documents.c.status == "trashed")
        with self._database.read() as connection:
            due = list(connection.execute(query.where(documents.c.final_at <= now)).scalars())
        return self.remove(due, trashed_until=now)

    def traces(self, *, soon: bool = False) -> bool:
        """True while files may still hold words that are gone; with `soon`, words of removed documents."""
        query = select(revisions.c.count).where(revisions.c.subject == _TRACES)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar() or 0) > (1 if soon else 0)

    def alone(self) -> AbstractContextManager[object]:
        """Nobody else writes documents or changes their readers for the length of the block."""
        return self._turn

    def wipe(self) -> bool:
        """Rewrite files that may hold words that are gone; False if the database was too busy."""
        with self._turn:
            self._shelves.compact()
            if not self._database.truncate_log():
                return False
            with self._database.write() as connection:
                connection.execute(delete(revisions).where(revisions.c.subject == _TRACES))
            return True

    # ---- steps, also of a recovery

    def _with_status(self, status: str, *, among: Sequence[str] | None = None) -> list[str]:
        query = select(documents.c.document_id).where(documents.c.status == status)
        if among is not None:
            query = query.where(documents.c.document_id.in_(among))
        with self._database.read() as connection:
            return list(connection.execute(query.order_by(documents.c.document_id)).scalars())

    def _finish_trashing(self, ids: Sequence[str]) -> None:
        self._shelves.forget(ids)
        with self._database.write() as connection:
            chosen = documents.c.document_id.in_(ids) & (documents.c.status == "trashing")
            connection.execute(update(documents).where(chosen).values(status="trashed"))

    def _finish_removal(self, ids: Sequence[str]) -> Mapping[str, int]:
        if not ids:
            return {}
        self._shelves.forget(ids)
        with self._database.write() as connection:
            chosen = documents.c.document_id.in_(ids) & (documents.c.status == "removing")
            hashes = sorted(set(connection.execute(select(documents.c.sha256).where(chosen)).scalars()))
            answers = cited.rewrite(connection, ids)
            blank_golden(connection, ids)
            for table in (texts, chunks, abbreviations):
                connection.execute(delete(table).where(table.c.document_id.in_(ids)))
            connection.execute(delete(documents).where(chosen))
            due_to_wipe(connection, soon=True)
            bump(connection)
        self.bytes.drop_unused(hashes)
        for forget in self.gone:
            forget(ids, hashes)
        return answers


def due_to_wipe(connection: Connection, *, soon: bool) -> None:
    """Note that files hold words that are gone; a note that they go `soon` is not taken back."""
    due = upsert(revisions).values(subject=_TRACES, count=2 if soon else 1)
    if soon:
        connection.execute(due.on_conflict_do_update(index_elements=["subject"], set_={"count": 2}))
    else:
        connection.execute(due.on_conflict_do_nothing())
