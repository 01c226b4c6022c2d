"""Between the rows of documents and what the rest of the room speaks of: one place that knows both."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select
from sqlalchemy.dialects.sqlite import insert as upsert

from inhouse.kernel.caller import Readers
from inhouse.kernel.documents import PageSpan
from inhouse.knowledge.chunk import Chunk, TextKind
from inhouse.knowledge.edge.lexical import Entry
from inhouse.knowledge.edge.parse.parsed import PARSER_VERSION, Parsed, Refused
from inhouse.knowledge.edge.tables import chunks, documents, revisions, texts
from inhouse.knowledge.edition import edition_of
from inhouse.knowledge.plan import Known
from inhouse.knowledge.title import title_of

__all__ = [
    "BATCH_DOCUMENTS",
    "EMPTY_CODES",
    "HIDDEN",
    "Place",
    "Taken",
    "batches",
    "bump",
    "by_final_status",
    "chunk_rows",
    "chunks_of",
    "content_of",
    "entry_of",
    "known_of",
    "placed",
    "readers_json",
    "rows_before",
    "there",
    "values_of",
    "whole_of",
]

BATCH_DOCUMENTS = 64
EMPTY_CODES = frozenset({"empty_file", "no_text"})
HIDDEN = ("trashing", "trashed", "removing")
"""What nobody sees any more: on its way to the trash, in it, and on its way out for good."""
HEAD_CHARS = 4_000
"""As much of a text as says which edition it is."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was read, ready to be written down. `sha256` is "" when its bytes were not kept."""

    source: str
    document: str
    origin: str
    sha256: str
    size_bytes: int
    mtime_ns: int
    readers: Readers
    result: Parsed | Refused
    cut: tuple[Chunk, ...] = ()
    readers_from: str = ""
    document_id: str = ""
    """The document that this is, where source and path do not tell: its file has moved."""
    cut_by: str = ""
    """`Cut.name` of how it was cut."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document's file lies now and who may read it, while its content is as it was."""

    source: str
    document: str
    origin: str
    mtime_ns: int
    readers: Readers
    readers_from: str


def there() -> ColumnElement[bool]:
    """Rows of documents that somebody may see."""
    return documents.c.status.not_in(HIDDEN)


def batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """The ids in portions that one transaction and one write of the index take well."""
    for at in range(0, len(ids), BATCH_DOCUMENTS):
        yield ids[at : at + BATCH_DOCUMENTS]


def readers_json(readers: Readers) -> str:
    """A set of groups as the rows have it: equal sets are equal texts."""
    return json.dumps(sorted(readers), ensure_ascii=False)


def bump(connection: Connection) -> None:
    """Tell pages that documents have changed."""
    row = upsert(revisions).values(subject="documents", count=1)
    connection.execute(
        row.on_conflict_do_update(index_elements=["subject"], set_={"count": revisions.c.count + 1})
    )


def rows_before(connection: Connection, batch: Sequence[Taken]) -> Mapping[tuple[str, str], tuple[str, str]]:
    """(source, path) to (id, sha256) of the documents that the batch replaces."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    named = {one.document_id: (one.source, one.document) for one in batch if one.document_id}
    query = select(documents.c.source, documents.c.path, documents.c.document_id, documents.c.sha256).where(
        or_(
            documents.c.document_id.in_(list(named)),
            *(
                (documents.c.source == source)
                & documents.c.path.in_([one.document for one in batch if one.source == source])
                for source in sorted({one.source for one in batch})
            ),
        )
    )
    for source, path, document_id, sha256 in connection.execute(query):
        found[named.get(document_id, (source, path))] = (document_id, sha256)
    return found


def values_of(one: Taken, *, now: float) -> dict[str, object]:
    """The columns of a document that was taken in, `pending` until the index has it."""
    result = one.result
    parsed = result if isinstance(result, Parsed) else None
    refused = result if isinstance(result, Refused) else None
    own_date = parsed.modified_at if parsed else None
    modified_at = own_date if own_date and 0 < own_date <= now else one.mtime_ns / 1e9
    text = parsed.text if parsed else ""
    title = title_of(text, parsed.title if parsed else "", one.document)
    family, edition = edition_of(one.document, title, text[:HEAD_CHARS], modified_at)
    return {
        "source": one.source,
        "path": one.document,
        "origin": one.origin,
        "title": title,
        "sha256": one.sha256,
        "size_bytes": one.size_bytes,
        "mtime_ns": one.mtime_ns,
        "modified_at": modified_at,
        "media_type": result.media_type,
        "readers": readers_json(one.readers),
        "readers_from": one.readers_from,
        "status": "pending",
        "trashed_at": None,
        "final_at": None,
        "reason_code": refused.code if refused else None,
        "reason": refused.message if refused else None,
        "pages": json.dumps([[page.page, page.start, page.end] for page in parsed.pages] if parsed else []),
        "doubts": json.dumps(parsed.doubts if parsed else ()),
        "chunk_count": len(one.cut),
        "kind": parsed.kind if parsed else "text",
        "cut": one.cut_by,
        "ingested_at": now,
        "parser_version": PARSER_VERSION,
        "embedded": "",
        "family": family,
        "edition": edition,
    }


def placed(row: Row[Any], place: Place) -> dict[str, object]:
    """The columns that change when a document's file lies elsewhere or has other readers.

    `row` holds the document and the beginning of its text as `head`. A title that was only the file's name
    follows the name.
    """
    from_name = row.title == title_of("", "", row.path)
    title = title_of("", "", place.document) if from_name else row.title
    family, edition = edition_of(place.document, title, row.head or "", row.modified_at)
    values: dict[str, object] = {
        "source": place.source,
        "path": place.document,
        "origin": place.origin,
        "mtime_ns": place.mtime_ns,
        "title": title,
        "readers": readers_json(place.readers),
        "readers_from": place.readers_from,
        "family": family,
        "edition": edition,
        "trashed_at": None,
        "final_at": None,
    }
    if row.status in HIDDEN:
        values["embedded"] = ""
    return values


def by_final_status(rows: Sequence[Row[Any]]) -> Mapping[str, list[str]]:
    """Ids by the status that they have once the index has them."""
    groups: dict[str, list[str]] = {}
    for row in rows:
        if row.reason_code is None:
            status = "indexed" if row.chunk_count else "empty"
        else:
            status = "empty" if row.reason_code in EMPTY_CODES else "refused"
        groups.setdefault(status, []).append(row.document_id)
    return groups


def whole_of(ids: Sequence[str]) -> Select[Any]:
    """Documents with their texts, ordered by id."""
    query = select(documents, texts.c.text, func.substr(texts.c.text, 1, HEAD_CHARS).label("head"))
    query = query.outerjoin(texts).where(documents.c.document_id.in_(ids))
    return query.order_by(documents.c.document_id)


def chunk_rows(document_id: str, cut: Sequence[Chunk]) -> list[dict[str, object]]:
    """The chunks of a document as rows."""
    return [
        {
            "document_id": document_id,
            "ordinal": ordinal,
            "start": piece.start,
            "end": piece.end,
            "page": piece.page,
            "heading": json.dumps(piece.heading, ensure_ascii=False),
            "context": piece.context,
        }
        for ordinal, piece in enumerate(cut)
    ]


def chunks_of(ids: Sequence[str]) -> Select[Any]:
    """The chunks of documents, in order."""
    return (
        select(chunks).where(chunks.c.document_id.in_(ids)).order_by(chunks.c.document_id, chunks.c.ordinal)
    )


def entry_of(row: Row[Any], piece: Row[Any]) -> Entry:
    """A chunk as the word index takes it; `row` is its document with the text."""
    return Entry(
        document_id=row.document_id,
        ordinal=piece.ordinal,
        title=row.title,
        context=piece.context,
        body=row.text[piece.start : piece.end],
    )


def content_of(row: Row[Any], pieces: Sequence[Row[Any]]) -> tuple[Parsed, tuple[Chunk, ...]]:
    """What the file gave when it was read; a title or date that came from its name or time is not its own."""
    kind: TextKind = row.kind
    pages = tuple(PageSpan(*page) for page in json.loads(row.pages))
    title = "" if row.title == title_of("", "", row.path) else row.title
    own_date = None if row.modified_at == row.mtime_ns / 1e9 else row.modified_at
    doubts = tuple((start, end) for start, end in json.loads(row.doubts))
    cut = tuple(
        Chunk(one.start, one.end, one.page, tuple(json.loads(one.heading)), one.context) for one in pieces
    )
    layout = row.layout or ""
    return Parsed(row.text or "", kind, row.media_type, pages, title, own_date, layout, doubts), cut


def known_of(row: Row[Any]) -> Known:
    """A document as the plan compares it."""
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
        trashed=row.status in HIDDEN,
    )
