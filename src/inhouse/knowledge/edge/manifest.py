"""What is known of each document, kept so that a kill at any moment loses and doubles nothing.

Taking in:  (1) one transaction writes rows, texts and chunks with status `pending`;
            (2) the word index takes the entries and is durable;
            (3) the status becomes final.
Removing:   (1) status `removing`, invisible at once; (2) the index forgets; (3) rows and bytes go.
`recover` finishes whatever stopped between these steps. The index is derived: whenever it does not match,
it is rebuilt from here.
"""

from __future__ import annotations

import errno
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from inhouse.kernel.caller import Caller
from inhouse.kernel.documents import PageSpan
from inhouse.kernel.errors import HomeUnusable
from inhouse.knowledge.chunk import Chunk, TextKind, chunk
from inhouse.knowledge.edge.kept import KeptBytes
from inhouse.knowledge.edge.lexical import Entry, Lexical
from inhouse.knowledge.edge.parse.parsed import PARSER_VERSION, Parsed, Refused
from inhouse.knowledge.edge.tables import chunks, documents, revisions, runs, texts
from inhouse.knowledge.plan import Known
from inhouse.knowledge.title import title_of
from inhouse.store.blobs import Blobs
from inhouse.store.database import Database

__all__ = ["Manifest", "Taken", "cut_text"]

BATCH_DOCUMENTS = 64
BATCH_CHARS = 4_000_000
EMPTY_CODES = frozenset({"empty_file", "no_text"})


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was read, ready to be written down. `sha256` is "" when its bytes were not kept."""

    source: str
    document: str
    origin: str
    sha256: str
    size_bytes: int
    mtime_ns: int
    readers: frozenset[str]
    result: Parsed | Refused
    cut: tuple[Chunk, ...] = ()
    readers_from: str = ""
    document_id: str = ""
    """The document that this is, where source and path do not tell: its file has moved."""


class Manifest:
    """The writing side of the documents. Safe to use from several threads.

    `bytes` are the files themselves; `save` takes over what was kept there for it.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        lexical: Lexical,
        *,
        now: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._database = database
        self.bytes = KeptBytes(database, blobs)
        self._lexical = lexical
        self._now = now
        self._new_id = new_id
        self._turn = threading.RLock()  # index and rows change together, one batch at a time

    # ---- looking

    def known(self, source: str) -> list[Known]:
        """The documents of one source."""
        query = select(documents).where(documents.c.source == source, documents.c.status != "removing")
        with self._database.read() as connection:
            return [_known(row) for row in connection.execute(query)]

    def same_content(self, sha256: str, document: str) -> tuple[Parsed, tuple[Chunk, ...]] | None:
        """What another document of equal bytes and equal kind of name gave, so that it is read once only."""
        suffix = Path(document).suffix.lower()
        query = (
            select(documents, texts.c.text, texts.c.layout)
            .outerjoin(texts)
            .where(
                documents.c.sha256 == sha256,
                documents.c.parser_version == PARSER_VERSION,
                documents.c.status == "indexed",
            )
        )
        with self._database.read() as connection:
            for row in connection.execute(query):
                if Path(row.path).suffix.lower() == suffix:
                    cut = tuple(_chunk(one) for one in connection.execute(_chunks_of([row.document_id])))
                    return _result(row), cut
        return None

    # ---- writing

    def save(self, batch: Sequence[Taken]) -> list[str]:
        """Write a batch down in all places; return the documents' ids in the same order.

        Raises:
            HomeUnusable: if the disk is full or read-only; the batch is then wholly in or wholly out,
                or `recover` completes it.
        """
        with self._turn:
            with self._database.write() as connection:
                replaced = _rows_before(connection, batch)
                ids = [
                    replaced.get((one.source, one.document), ("", ""))[0] or self._new_id() for one in batch
                ]
                for document_id, one in zip(ids, batch, strict=True):
                    self._write(connection, document_id, one)
                _bump(connection)
            self._index(ids)
            self.bytes.settle([one.sha256 for one in batch], [sha256 for _, sha256 in replaced.values()])
        return ids

    def touch(self, document_id: str, mtime_ns: int) -> None:
        """Note a new time for a file whose content stayed the same; the date shown stays, too."""
        with self._database.write() as connection:
            statement = update(documents).where(documents.c.document_id == document_id)
            connection.execute(statement.values(mtime_ns=mtime_ns))

    def remove(self, document_ids: Sequence[str]) -> int:
        """Remove documents from every place; return how many there were."""
        removed = 0
        for at in range(0, len(document_ids), BATCH_DOCUMENTS):
            ids = document_ids[at : at + BATCH_DOCUMENTS]
            with self._turn:
                with self._database.write() as connection:
                    statement = update(documents).where(documents.c.document_id.in_(ids))
                    removed += connection.execute(statement.values(status="removing")).rowcount
                    _bump(connection)
                self._finish_removal(ids)
        return removed

    def note_run(self, run_id: str, elapsed_s: float, summary: str) -> None:
        """Remember a run that ended now; `summary` is its counts and notes as JSON."""
        with self._database.write() as connection:
            now = self._now()
            row = {"run_id": run_id, "started_at": now - elapsed_s, "ended_at": now, "summary": summary}
            connection.execute(insert(runs).values(row))

    # ---- recovery

    def recover(self) -> list[str]:
        """Finish what was interrupted, rebuild the index if it does not match; say what was done."""
        with self._turn:
            done: list[str] = []
            wrong = self._lexical.check()
            if wrong:
                done.append(self._rebuild(wrong[0]))
            removing, pending = self._with_status("removing"), self._with_status("pending")
            if removing:
                self._finish_removal(removing)
                done.append(f"{len(removing)} interrupted removals were finished")
            if pending:
                for ids in _batches(pending):
                    self._index(ids)
                done.append(f"{len(pending)} interrupted documents were finished")
            expected, there = self._chunk_counts()
            if expected != there:
                done.append(self._rebuild(f"it holds {there} passages of {expected}"))
            left = self.bytes.sweep()
            if left:
                done.append(f"{left} left-over files were removed")
            return done

    def _rebuild(self, why: str) -> str:
        self._lexical.reset()
        with self._database.write() as connection:
            statement = update(documents).where(documents.c.status == "indexed")
            connection.execute(statement.values(status="pending"))
        pending = self._with_status("pending")
        for ids in _batches(pending):
            self._index(ids)
        amount = f"{len(pending)} documents"
        return f"The word index did not match ({why}) and was rebuilt from the database: {amount}"

    def _with_status(self, status: str) -> list[str]:
        query = select(documents.c.document_id).where(documents.c.status == status)
        with self._database.read() as connection:
            return list(connection.execute(query.order_by(documents.c.document_id)).scalars())

    def _chunk_counts(self) -> tuple[int, int]:
        with self._database.read() as connection:
            query = select(func.sum(documents.c.chunk_count)).where(documents.c.status == "indexed")
            expected = int(connection.execute(query).scalar() or 0)
            groups: set[str] = set()
            for readers in connection.execute(select(documents.c.readers).distinct()).scalars():
                groups.update(json.loads(readers))
        everybody = Caller(user="recovery", groups=frozenset(groups))
        return expected, self._lexical.frequencies(everybody, ()).chunks

    # ---- steps

    def _write(self, connection: Connection, document_id: str, one: Taken) -> None:
        for table in (texts, chunks):
            connection.execute(delete(table).where(table.c.document_id == document_id))
        values = _values(one, now=self._now())
        row = upsert(documents).values(document_id=document_id, **values)
        connection.execute(row.on_conflict_do_update(index_elements=["document_id"], set_=values))
        if isinstance(one.result, Parsed):
            whole = {"document_id": document_id, "text": one.result.text, "layout": one.result.layout}
            connection.execute(insert(texts).values(whole))
        if one.cut:
            connection.execute(
                insert(chunks),
                [
                    {
                        "document_id": document_id,
                        "ordinal": ordinal,
                        "start": piece.start,
                        "end": piece.end,
                        "page": piece.page,
                        "heading": json.dumps(piece.heading, ensure_ascii=False),
                        "context": piece.context,
                    }
                    for ordinal, piece in enumerate(one.cut)
                ],
            )

    def _index(self, ids: Sequence[str]) -> None:
        """Steps 2 and 3 for documents whose rows are written."""
        with self._database.read() as connection:
            query = select(documents, texts.c.text).outerjoin(texts).where(documents.c.document_id.in_(ids))
            rows = connection.execute(query.order_by(documents.c.document_id)).all()
            pieces: dict[str, list[Row[Any]]] = {}
            for piece in connection.execute(_chunks_of(ids)):
                pieces.setdefault(piece.document_id, []).append(piece)
        with _disk_errors("word index"):
            self._lexical.replace(
                [
                    (
                        row.document_id,
                        frozenset(json.loads(row.readers)),
                        [_entry(row, piece) for piece in pieces.get(row.document_id, ())],
                    )
                    for row in rows
                ]
            )
        with self._database.write() as connection:
            for status, group in _by_final_status(rows).items():
                statement = update(documents).where(documents.c.document_id.in_(group))
                connection.execute(statement.values(status=status))
            _bump(connection)

    def _finish_removal(self, ids: Sequence[str]) -> None:
        with _disk_errors("word index"):
            self._lexical.remove(ids)
        with self._database.write() as connection:
            chosen = documents.c.document_id.in_(ids) & (documents.c.status == "removing")
            hashes = set(connection.execute(select(documents.c.sha256).where(chosen)).scalars())
            for table in (texts, chunks):
                connection.execute(delete(table).where(table.c.document_id.in_(ids)))
            connection.execute(delete(documents).where(chosen))
            _bump(connection)
        self.bytes.drop_unused(hashes)


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


def cut_text(parsed: Parsed) -> tuple[Chunk, ...]:
    """The chunks of what a file gave."""
    return chunk(parsed.text, pages=parsed.pages, kind=parsed.kind)


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(ids), BATCH_DOCUMENTS):
        yield ids[at : at + BATCH_DOCUMENTS]


def _rows_before(connection: Connection, batch: Sequence[Taken]) -> dict[tuple[str, str], tuple[str, str]]:
    """(source, path) to (id, sha256) of the documents that the batch replaces."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for source in {one.source for one in batch}:
        paths = [one.document for one in batch if one.source == source]
        query = select(documents.c.path, documents.c.document_id, documents.c.sha256)
        query = query.where(documents.c.source == source, documents.c.path.in_(paths))
        for path, document_id, sha256 in connection.execute(query):
            found[source, path] = (document_id, sha256)
    return found


def _values(one: Taken, *, now: float) -> dict[str, object]:
    result = one.result
    parsed = result if isinstance(result, Parsed) else None
    refused = result if isinstance(result, Refused) else None
    own_date = parsed.modified_at if parsed else None
    return {
        "source": one.source,
        "path": one.document,
        "origin": one.origin,
        "title": title_of(parsed.text if parsed else "", parsed.title if parsed else "", one.document),
        "sha256": one.sha256,
        "size_bytes": one.size_bytes,
        "mtime_ns": one.mtime_ns,
        "modified_at": own_date if own_date and 0 < own_date <= now else one.mtime_ns / 1e9,
        "media_type": result.media_type,
        "readers": json.dumps(sorted(one.readers), ensure_ascii=False),
        "readers_from": one.readers_from,
        "status": "pending",
        "trashed_at": None,
        "final_at": None,
        "reason_code": refused.code if refused else None,
        "reason": refused.message if refused else None,
        "pages": json.dumps([[page.page, page.start, page.end] for page in parsed.pages] if parsed else []),
        "doubts": json.dumps(parsed.doubts if parsed else ()),
        "chunk_count": len(one.cut),
        "ingested_at": now,
        "parser_version": PARSER_VERSION,
    }


def _by_final_status(rows: Sequence[Row[Any]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for row in rows:
        if row.reason_code is None:
            status = "indexed" if row.chunk_count else "empty"
        else:
            status = "empty" if row.reason_code in EMPTY_CODES else "refused"
        groups.setdefault(status, []).append(row.document_id)
    return groups


def _bump(connection: Connection) -> None:
    row = upsert(revisions).values(subject="documents", count=1)
    connection.execute(
        row.on_conflict_do_update(index_elements=["subject"], set_={"count": revisions.c.count + 1})
    )


def _chunks_of(ids: Sequence[str]) -> Any:
    return (
        select(chunks).where(chunks.c.document_id.in_(ids)).order_by(chunks.c.document_id, chunks.c.ordinal)
    )


def _entry(row: Row[Any], piece: Row[Any]) -> Entry:
    return Entry(
        document_id=row.document_id,
        ordinal=piece.ordinal,
        title=row.title,
        context=piece.context,
        body=row.text[piece.start : piece.end],
    )


def _chunk(row: Row[Any]) -> Chunk:
    return Chunk(row.start, row.end, row.page, tuple(json.loads(row.heading)), row.context)


def _result(row: Row[Any]) -> Parsed:
    """What the file gave when it was read; a title or date that came from its name or time is not its own."""
    kind: TextKind = "text"  # only `cut_text` asks, and the chunks come along
    pages = tuple(PageSpan(*page) for page in json.loads(row.pages))
    title = "" if row.title == title_of("", "", row.path) else row.title
    own_date = None if row.modified_at == row.mtime_ns / 1e9 else row.modified_at
    doubts = tuple((start, end) for start, end in json.loads(row.doubts))
    return Parsed(row.text or "", kind, row.media_type, pages, title, own_date, row.layout or "", doubts)


def _known(row: Row[Any]) -> Known:
    return Known(
        document_id=row.document_id,
        document=row.path,
        origin=row.origin,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        mtime_ns=row.mtime_ns,
        readers=frozenset(json.loads(row.readers)),
        reason_code=row.reason_code,
        parser_version=row.parser_version,
        readers_from=row.readers_from,
        source=row.source,
        trashed=row.status == "trashed",
    )
