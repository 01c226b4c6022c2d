"""What the database says of the documents and passages that a search brought up."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from inhouse.kernel.caller import Caller, Readers, may_read
from inhouse.kernel.documents import Passage
from inhouse.knowledge.edition import Sibling, superseded

__all__ = ["Known", "Piece", "Scores", "chunk_text", "known_of", "passage_of", "readers_of"]

# Plain SQL: composing and reading these through SQLAlchemy took a third of a search.
_CHUNK = """
SELECT chunks.page, chunks.heading, chunks.context, chunks.start, chunks."end", documents.title,
    substr(texts.text, chunks.start + 1, chunks."end" - chunks.start)
FROM chunks
JOIN documents ON documents.document_id = chunks.document_id
JOIN texts ON texts.document_id = chunks.document_id
WHERE chunks.document_id = ? AND chunks.ordinal = ? AND documents.status = 'indexed'
"""
_KNOWN = """
SELECT document_id, path, source, title, readers, modified_at, family, edition, outdated, doubts
FROM documents WHERE status = 'indexed' AND document_id IN ({marks})
"""
_SIBLINGS = """
SELECT document_id, source, family, edition, modified_at, readers
FROM documents WHERE status = 'indexed' AND outdated = 0 AND family IN ({marks})
"""


class Piece(NamedTuple):
    """A chunk with its text and the title of its document; `heading` is JSON."""

    page: int | None
    heading: str
    context: str
    start: int
    end: int
    title: str
    text: str


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


def known_of(connection: sqlite3.Connection, caller: Caller, document_ids: Iterable[str]) -> dict[str, Known]:
    """Those of the documents that are indexed and that the caller may read."""
    ids = sorted(set(document_ids))
    rows = [row for row in _found(connection, _KNOWN, ids) if may_read(caller, readers_of(row[4]))]
    siblings = _siblings(connection, caller, sorted({row[6] for row in rows if row[6]}))
    found: dict[str, Known] = {}
    for document_id, path, source, title, _, modified_at, family, edition, outdated, doubts in rows:
        editions = siblings.get((source, family), ())
        others = [each for sibling, each in editions if sibling != document_id]
        found[document_id] = Known(
            document_id,
            path,
            source,
            title,
            modified_at,
            family=f"{source}\n{family}" if family else "",
            old=bool(outdated) or (bool(others) and superseded(Sibling(edition, modified_at), others)),
            doubts=_spans(doubts),
        )
    return found


def chunk_text(connection: sqlite3.Connection, document_id: str, ordinal: int) -> Piece | None:
    """A passage with its text, None when it is not there any more."""
    row = connection.execute(_CHUNK, (document_id, ordinal)).fetchone()
    return None if row is None else Piece._make(row)


@lru_cache(maxsize=1_024)
def readers_of(written: str) -> Readers:
    """The readers as the row has them; few sets of readers have many documents."""
    return frozenset(json.loads(written))


def passage_of(document: Known, row: Piece, scores: Scores) -> Passage:
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
    connection: sqlite3.Connection, caller: Caller, families: Sequence[str]
) -> Mapping[tuple[str, str], Sequence[tuple[str, Sibling]]]:
    """Editions that the caller may read and nobody called outdated, by source and family."""
    found: dict[tuple[str, str], list[tuple[str, Sibling]]] = {}
    for document_id, source, family, edition, modified_at, readers in _found(connection, _SIBLINGS, families):
        if may_read(caller, readers_of(readers)):
            of = found.setdefault((source, family), [])
            of.append((document_id, Sibling(edition, modified_at)))
    return found


def _found(
    connection: sqlite3.Connection, statement: str, values: Sequence[str]
) -> list[tuple[Any, ...]]:  # Any: columns of many types
    """The rows for any number of values; each number of them is a statement that the driver keeps."""
    if not values:
        return []
    return connection.execute(statement.format(marks=",".join("?" * len(values))), values).fetchall()


def _spans(written: str) -> tuple[tuple[int, int], ...]:
    return () if written == "[]" else tuple((start, end) for start, end in json.loads(written))
