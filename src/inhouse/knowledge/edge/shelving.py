"""Keeps the indexes in line with the rows: the word index always, vectors where there are any.

The rows are the truth. A document waits as `pending` until every index has it as the rows say, so whatever a
dead process left is put right by doing it again. The vectors of a document are made elsewhere and later; here
they only move to other shelves and go.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Row, func, select, update

from inhouse.kernel.caller import Caller, Readers
from inhouse.kernel.errors import HomeUnusable
from inhouse.knowledge.edge.lexical import Lexical
from inhouse.knowledge.edge.rows import batches, bump, by_final_status, chunks_of, entry_of, whole_of
from inhouse.knowledge.edge.tables import documents
from inhouse.knowledge.index import Counts, Mended
from inhouse.store.database import Database

__all__ = ["Shelving", "Vectors"]


class Vectors(Protocol):
    """What an index of vectors has to do when documents move or go; see `knowledge.index`."""

    def remove(self, document_ids: Sequence[str]) -> None: ...

    def refile(self, document_ids: Sequence[str], readers: Readers) -> None: ...

    def compact(self) -> int: ...

    def check(self) -> list[str]: ...

    def mend(self) -> Mended: ...

    def counts(self) -> Counts: ...

    def entries(self) -> Iterator[tuple[str, int]]: ...


class Shelving:
    """All writing to the indexes. Who calls takes care that only one does so at a time."""

    def __init__(self, database: Database, lexical: Lexical, vectors: Sequence[Vectors]) -> None:
        self._database = database
        self._lexical = lexical
        self._vectors = vectors

    def put(self, ids: Sequence[str]) -> None:
        """Bring `pending` documents to their shelves; then they have their final status.

        Raises:
            HomeUnusable: if the disk is full or read-only; they stay `pending`.
        """
        for some in batches(ids):
            self._put(some)

    def forget(self, ids: Sequence[str]) -> None:
        """Take documents from every shelf, so that nobody finds or counts them.

        Raises:
            HomeUnusable: if the disk is full or read-only.
        """
        with _disk_errors("word index"):
            self._lexical.remove(ids)
        self.forget_vectors(ids)

    def forget_vectors(self, ids: Sequence[str]) -> None:
        """Drop vectors that were made of a text that the document does not have any more."""
        with _disk_errors("vector index"):
            for index in self._vectors:
                index.remove(ids)

    def compact(self) -> None:
        """Write anew what holds forgotten entries: until then their words stand in the files."""
        with _disk_errors("word index"):
            self._lexical.compact()
        with _disk_errors("vector index"):
            for index in self._vectors:
                index.compact()

    # ---- recovery

    def mend(self) -> list[str]:
        """Find damage, throw away what is damaged, and put its documents in again; say what was done."""
        done: list[str] = []
        wrong = self._lexical.check()
        if wrong:
            mended = self._lexical.mend()
            done.append(self._put_again(wrong[0], mended))
        for index in self._vectors:
            broken = index.check()
            if broken:
                lost = self._unembed(index.mend())
                done.append(
                    f"The vector index was damaged ({broken[0]}): {lost} documents will be embedded anew"
                )
        return done

    def compare(self) -> list[str]:
        """Rebuild what still does not match the rows; say what was done. Nothing may be `pending`."""
        done: list[str] = []
        expected, there = self._counted()
        if expected != there:
            self._lexical.reset()
            done.append(self._put_again(f"it holds {there} passages of {expected}", None))
        for index in self._vectors:
            expected = self._sum_of_chunks(documents.c.embedded != "")
            if expected == index.counts().entries:
                continue
            held = {document_id for document_id, _ in index.entries()}
            with self._database.read() as connection:
                query = select(documents.c.document_id).where(documents.c.embedded != "")
                known = set(connection.execute(query.where(documents.c.status == "indexed")).scalars())
            if held - known:
                index.remove(sorted(held - known))
            if known - held:
                self._mark_unembedded(sorted(known - held))
            if held != known:
                amount = len(held ^ known)
                done.append(f"The vector index did not match the documents: {amount} were put right")
        return done

    def _put_again(self, why: str, mended: Mended | None) -> str:
        """Index anew what `mended` lost, or everything."""
        with self._database.read() as connection:
            query = select(documents.c.document_id, documents.c.readers)
            rows = connection.execute(query.where(documents.c.status == "indexed")).all()
        lost = sorted(
            row.document_id
            for row in rows
            if mended is None or mended.lost(row.document_id, frozenset(json.loads(row.readers)))
        )
        for ids in batches(lost):
            with self._database.write() as connection:
                statement = update(documents).where(documents.c.document_id.in_(ids))
                connection.execute(statement.values(status="pending"))
        self.put(lost)
        amount = f"{len(lost)} documents"
        return f"The word index did not match ({why}) and was rebuilt from the database: {amount}"

    def _unembed(self, mended: Mended) -> int:
        with self._database.read() as connection:
            query = select(documents.c.document_id, documents.c.readers).where(documents.c.embedded != "")
            rows = connection.execute(query).all()
        lost = [
            row.document_id
            for row in rows
            if mended.lost(row.document_id, frozenset(json.loads(row.readers)))
        ]
        self._mark_unembedded(lost)
        return len(lost)

    def _mark_unembedded(self, ids: Sequence[str]) -> None:
        for some in batches(ids):
            with self._database.write() as connection:
                statement = update(documents).where(documents.c.document_id.in_(some))
                connection.execute(statement.values(embedded=""))

    def _counted(self) -> tuple[int, int]:
        """Passages that some caller could find: by the rows, and in the index."""
        expected = self._sum_of_chunks(documents.c.readers != "[]")
        with self._database.read() as connection:
            groups: set[str] = set()
            for readers in connection.execute(select(documents.c.readers).distinct()).scalars():
                groups.update(json.loads(readers))
        return expected, self._lexical.count(Caller(user="recovery", groups=frozenset(groups)))

    def _sum_of_chunks(self, which: ColumnElement[bool]) -> int:
        query = select(func.sum(documents.c.chunk_count)).where(documents.c.status == "indexed", which)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar() or 0)

    # ---- steps

    def _put(self, ids: Sequence[str]) -> None:
        with self._database.read() as connection:
            rows = connection.execute(whole_of(ids)).all()
            pieces: dict[str, list[Row[Any]]] = {}  # Any: columns of several types
            for piece in connection.execute(chunks_of(ids)):
                pieces.setdefault(piece.document_id, []).append(piece)
        with _disk_errors("word index"):
            self._lexical.replace(
                [
                    (
                        row.document_id,
                        frozenset(json.loads(row.readers)),
                        [entry_of(row, piece) for piece in pieces.get(row.document_id, ())],
                    )
                    for row in rows
                ]
            )
        self._move_vectors(rows)
        with self._database.write() as connection:
            for status, group in by_final_status(rows).items():
                statement = update(documents).where(documents.c.document_id.in_(group))
                connection.execute(statement.values(status=status))
            bump(connection)

    def _move_vectors(self, rows: Sequence[Row[Any]]) -> None:  # Any: columns of several types
        """Vectors that are there already follow their document to the shelf of its readers."""
        by_readers: dict[str, list[str]] = {}
        for row in rows:
            if row.embedded:
                by_readers.setdefault(row.readers, []).append(row.document_id)
        with _disk_errors("vector index"):
            for index in self._vectors:
                for readers, ids in by_readers.items():
                    index.refile(ids, frozenset(json.loads(readers)))


class _disk_errors:  # noqa: N801  reads as a clause: `with _disk_errors(...)`
    """Turn a full or read-only disk below a library into our words; tantivy raises both kinds."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, (OSError, ValueError)):
            return
        words = str(error).lower()
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "no space" in words
        what = "the disk is full" if full else words[:200]
        raise HomeUnusable(
            f"The {self._what} could not be written: {what}",
            hint="free some space" if full else "start inhouse again: the index is checked and rebuilt",
        ) from error
