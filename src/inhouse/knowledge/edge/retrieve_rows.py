"""What the database says of the documents and passages that a search brought up."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select

from inhouse.kernel.caller import Caller, may_read
from inhouse.kernel.documents import Passage
from inhouse.knowledge.edge.tables import chunks, documents, texts
from inhouse.knowledge.edition import Sibling, superseded

__all__ = ["Known", "Scores", "chunk_text", "known_of", "passage_of"]

_CHUNK = (
    select(
        chunks.c.page,
        chunks.c.heading,
        chunks.c.context,
        chunks.c.start,
        chunks.c.end,
        documents.c.title,
        func.substr(texts.c.text, chunks.c.start + 1, chunks.c.end - chunks.c.start).label("text"),
    )
    .join(documents, chunks.c.document_id == documents.c.document_id)
    .join(texts, texts.c.document_id == chunks.c.document_id)
    .where(
        chunks.c.document_id == bindparam("wanted_id"),
        documents.c.status == "indexed",
        chunks.c.ordinal == bindparam("wanted_ordinal"),
    )
)
"""Made once: building it anew for each passage took longer than running it."""


_COLUMNS = (
    documents.c.document_id,
    documents.c.path,
    documents.c.source,
    documents.c.title,
    documents.c.readers,
    documents.c.modified_at,
    documents.c.family,
    documents.c.edition,
    documents.c.outdated,
    documents.c.doubts,
)


@dataclass(frozen=True, slots=True)
class Known:
    """A document that a caller may read. `old` is True when a newer edition is there that they may read,
    or a person called it outdated."""

    document_id: str
    path: str
    source: str
    title: str
    modified_at: float
    family: str
    old: bool
    doubts: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """What a passage scored: in all, by words, and in the legs that are on."""

    score: float
    lexical: float
    vector: float | None = None
    rerank: float | None = None


def known_of(connection: Connection, caller: Caller, document_ids: Iterable[str]) -> dict[str, Known]:
    """Those of the documents that are indexed and that the caller may read."""
    ids = sorted(set(document_ids))
    query = select(*_COLUMNS).where(documents.c.document_id.in_(ids), documents.c.status == "indexed")
    rows = [row for row in connection.execute(query) if _readable(caller, row.readers)]
    siblings = _siblings(connection, caller, {row.family for row in rows if row.family})
    return {row.document_id: _known(row, siblings.get((row.source, row.family), ())) for row in rows}


def chunk_text(
    connection: Connection, document_id: str, ordinal: int
) -> Row[*tuple[Any, ...]] | None:  # Any: many types
    """A passage with its text, None when it is not there any more."""
    wanted = {"wanted_id": document_id, "wanted_ordinal": ordinal}
    return connection.execute(_CHUNK, wanted).one_or_none()


def passage_of(
    document: Known, row: Row[*tuple[Any, ...]], scores: Scores
) -> Passage:  # Any: columns of many types
    """The passage as people see it."""
    return Passage(
        document_id=document.document_id,
        document=document.path,
        source=document.source,
        title=document.title,
        page=row.page,
        heading=tuple(json.loads(row.heading)),
        start=row.start,
        end=row.end,
        text=row.text,
        score=round(scores.score, 6),
        lexical=round(scores.lexical, 6),
        modified_at=document.modified_at,
        vector=None if scores.vector is None else round(scores.vector, 6),
        rerank=None if scores.rerank is None else round(scores.rerank, 6),
        superseded=document.old,
        doubts=tuple(
            (max(start, row.start), min(end, row.end))
            for start, end in document.doubts
            if start < row.end and end > row.start
        ),
    )


def _siblings(
    connection: Connection, caller: Caller, families: Iterable[str]
) -> Mapping[tuple[str, str], Sequence[tuple[str, Sibling]]]:
    """Editions that the caller may read and nobody called outdated, by source and family."""
    found: dict[tuple[str, str], list[tuple[str, Sibling]]] = {}
    wanted = sorted(families)
    if not wanted:
        return found
    columns = documents.c
    query = select(
        columns.document_id,
        columns.source,
        columns.family,
        columns.edition,
        columns.modified_at,
        columns.readers,
    ).where(columns.family.in_(wanted), columns.status == "indexed", columns.outdated == 0)
    for row in connection.execute(query):
        if _readable(caller, row.readers):
            of = found.setdefault((row.source, row.family), [])
            of.append((row.document_id, Sibling(row.edition, row.modified_at)))
    return found


def _known(
    row: Row[*tuple[Any, ...]], siblings: Sequence[tuple[str, Sibling]]
) -> Known:  # Any: columns of many types
    others = [each for document_id, each in siblings if document_id != row.document_id]
    return Known(
        document_id=row.document_id,
        path=row.path,
        source=row.source,
        title=row.title,
        modified_at=row.modified_at,
        family=f"{row.source}\n{row.family}" if row.family else "",
        old=bool(row.outdated) or superseded(Sibling(row.edition, row.modified_at), others),
        doubts=tuple((start, end) for start, end in json.loads(row.doubts)),
    )


def _readable(caller: Caller, readers: str) -> bool:
    return may_read(caller, frozenset(json.loads(readers)))
