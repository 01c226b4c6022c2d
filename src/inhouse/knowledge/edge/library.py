"""The documents of the house as callers may see them: lists, texts, originals. Reads only."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select

from inhouse.kernel.caller import Caller, Readers, may_read
from inhouse.kernel.documents import DocumentStatus, PageSpan
from inhouse.kernel.errors import NotFound
from inhouse.knowledge.edge.rows import there
from inhouse.knowledge.edge.tables import documents, revisions, texts
from inhouse.knowledge.ports import DocumentList, DocumentRecord, LibraryCounts
from inhouse.knowledge.ports.people import administers
from inhouse.store.blobs import Blobs
from inhouse.store.database import Database

if TYPE_CHECKING:
    from inhouse.knowledge.edge.manifest import Manifest

__all__ = ["DocumentLibrary"]

REVISIONS_KEPT = 256
"""Sets of groups whose revision is remembered; a house has fewer kinds of people."""
_SHOWN = (
    documents.c.document_id,
    documents.c.source,
    documents.c.path,
    documents.c.title,
    documents.c.sha256,
    documents.c.status,
    documents.c.readers,
    documents.c.chunk_count,
    documents.c.outdated,
    documents.c.modified_at,
    documents.c.ingested_at,
)
"""What a list of documents tells of one."""


class DocumentLibrary:
    """`ports.Library` over the database. A document in the trash or on its way out is gone at once."""

    def __init__(self, database: Database, blobs: Blobs, manifest: Manifest) -> None:
        self._database = database
        self._blobs = blobs
        self._manifest = manifest
        self._turn = threading.Lock()
        self._revisions: dict[Readers, tuple[int, int]] = {}

    def list(
        self,
        caller: Caller,
        *,
        query: str = "",
        source: str | None = None,
        status: DocumentStatus | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> DocumentList:
        """See `ports.Library.list`; upper and lower case are equal in every alphabet."""
        with self._database.read() as connection:
            where = [_visible(connection, caller)]
            if source is not None:
                where.append(documents.c.source == source)
            if status is not None:
                where.append(documents.c.status == status)
            order = (documents.c.ingested_at.desc(), documents.c.source, documents.c.path)
            if query:
                names = select(documents.c.document_id, documents.c.path, documents.c.title)
                rows = connection.execute(names.where(*where).order_by(*order)).all()
                # SQLite folds the case of ASCII only; the names of all documents are a small list.
                wanted = query.casefold()
                ids = [row.document_id for row in rows if wanted in f"{row.path}\n{row.title}".casefold()]
                total, window = len(ids), ids[offset : offset + limit]
                chosen = select(documents).where(documents.c.document_id.in_(window)).order_by(*order)
            else:
                counted = select(func.count()).select_from(documents).where(*where)
                total = int(connection.execute(counted).scalar_one())
                chosen = select(documents).where(*where).order_by(*order).limit(limit).offset(offset)
            found = connection.execute(chosen).all()
        return DocumentList(tuple(map(_record, found)), total)

    def get(self, caller: Caller, document: str) -> DocumentRecord:
        """See `ports.Library.get`; of equal paths in several sources the newest is meant."""
        with self._database.read() as connection:
            named = or_(
                documents.c.document_id == document,
                documents.c.path == document,
                documents.c.source + "/" + documents.c.path == document,
            )
            query = select(documents).where(_visible(connection, caller), named)
            rows = connection.execute(query.order_by(documents.c.ingested_at.desc())).all()
        if not rows:
            raise NotFound(
                f"There is no document {document!r}", hint="`inhouse documents ls` shows what there is"
            )
        exact = [row for row in rows if row.document_id == document]
        return _record((exact or rows)[0])

    def text(self, caller: Caller, document_id: str) -> str:
        """See `ports.Library.text`. Raises NotFound if there is no document that the caller may read."""
        record = self.get(caller, document_id)
        with self._database.read() as connection:
            query = select(texts.c.text).where(texts.c.document_id == record.document_id)
            return str(connection.execute(query).scalar() or "")

    def layout(self, caller: Caller, document_id: str) -> str:
        """See `ports.Library.layout`."""
        record = self.get(caller, document_id)
        with self._database.read() as connection:
            query = select(texts.c.layout).where(texts.c.document_id == record.document_id)
            return str(connection.execute(query).scalar() or "")

    def original(self, caller: Caller, document_id: str) -> Path:
        """See `ports.Library.original`."""
        record = self.get(caller, document_id)
        path = self._blobs.path(record.sha256) if record.sha256 else None
        if path is None or not path.is_file():
            raise NotFound(
                f"The bytes of {record.document!r} were not kept", hint="see its reason in `documents show`"
            )
        return path

    def remove(self, caller: Caller, document_ids: Sequence[str]) -> int:
        """See `ports.Library.remove`. What the caller may not see is not removed and not counted."""
        with self._database.read() as connection:
            query = select(documents.c.document_id).where(
                _visible(connection, caller), documents.c.document_id.in_(document_ids)
            )
            allowed = list(connection.execute(query).scalars())
        return self._manifest.remove(allowed)

    def counts(self, caller: Caller) -> LibraryCounts:
        """See `ports.Library.counts`."""
        with self._database.read() as connection:
            visible = _visible(connection, caller)
            grouped = select(documents.c.status, func.count(), func.sum(documents.c.chunk_count))
            rows = connection.execute(grouped.where(visible).group_by(documents.c.status)).all()
            named = select(documents.c.source).where(visible).distinct().order_by(documents.c.source)
            sources = tuple(connection.execute(named).scalars())
            revision = self._revision(connection, caller, visible)
        by_status = {row[0]: (int(row[1]), int(row[2] or 0)) for row in rows}
        return LibraryCounts(
            total=sum(count for count, _ in by_status.values()),
            indexed=by_status.get("indexed", (0, 0))[0],
            pending=by_status.get("pending", (0, 0))[0],
            empty=by_status.get("empty", (0, 0))[0],
            refused=by_status.get("refused", (0, 0))[0],
            chunks=by_status.get("indexed", (0, 0))[1],
            sources=sources,
            revision=revision,
        )

    def _revision(self, connection: Connection, caller: Caller, visible: ColumnElement[bool]) -> int:
        """A count of all changes for administrators; to others it would tell that something is there.

        What they get is worked out of the rows that they may see, once for each change and set of groups.
        """
        counter = select(revisions.c.count).where(revisions.c.subject == "documents")
        count = int(connection.execute(counter).scalar() or 0)
        if administers(caller):
            return count
        known = self._revisions.get(caller.groups)
        if known is not None and known[0] == count:
            return known[1]
        rows = connection.execute(select(*_SHOWN).where(visible).order_by(documents.c.document_id))
        own = 0
        for row in rows:
            own = zlib.crc32(repr(tuple(row)).encode(), own)
        with self._turn:
            if len(self._revisions) >= REVISIONS_KEPT:
                self._revisions.clear()
            self._revisions[caller.groups] = (count, own)
        return own


def _visible(connection: Connection, caller: Caller) -> ColumnElement[bool]:
    """Rows that the caller may read. There are few different sets of readers, so they are listed."""
    known = connection.execute(select(documents.c.readers).distinct()).scalars()
    allowed = [readers for readers in known if may_read(caller, frozenset(json.loads(readers)))]
    return documents.c.readers.in_(allowed) & there()


def _record(row: Row[tuple[object, ...]]) -> DocumentRecord:
    return DocumentRecord(
        document_id=row.document_id,
        document=row.path,
        source=row.source,
        title=row.title,
        media_type=row.media_type,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        status=row.status,
        reason_code=row.reason_code,
        reason=row.reason,
        readers=tuple(json.loads(row.readers)),
        pages=tuple(PageSpan(*page) for page in json.loads(row.pages)),
        chunk_count=row.chunk_count,
        modified_at=row.modified_at,
        ingested_at=row.ingested_at,
    )
