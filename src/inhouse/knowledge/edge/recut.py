"""Cuts all documents anew when the settings of cutting changed: from the texts, without reading a file.

Each batch is one transaction that replaces the chunks and leaves the documents `pending`; `Manifest.recover`
brings them to the index. A kill in between loses nothing: what is pending is finished at the next start, and
what was not cut yet is cut then. Vectors of chunks that stayed as they were are not made again.
"""

from __future__ import annotations

import json

from sqlalchemy import delete, insert, select, update

from inhouse.kernel.documents import PageSpan
from inhouse.knowledge.chunk import Cut, chunk
from inhouse.knowledge.edge.rows import BATCH_DOCUMENTS, chunk_rows
from inhouse.knowledge.edge.tables import chunks, documents, texts
from inhouse.store.database import Database

__all__ = ["recut"]


def recut(database: Database, cut: Cut) -> int:
    """Replace the chunks of documents that were cut otherwise; how many there were. May take minutes."""
    done = 0
    while some := _cut_otherwise(database, cut):
        with database.write() as connection:
            query = select(documents, texts.c.text).join(texts).where(documents.c.document_id.in_(some))
            for row in connection.execute(query).all():
                pages = [PageSpan(*page) for page in json.loads(row.pages)]
                pieces = chunk(row.text, pages=pages, kind=row.kind, cut=cut)
                connection.execute(delete(chunks).where(chunks.c.document_id == row.document_id))
                if pieces:
                    connection.execute(insert(chunks), chunk_rows(row.document_id, pieces))
                changed = {"cut": cut.name, "chunk_count": len(pieces), "status": "pending", "embedded": ""}
                connection.execute(
                    update(documents).where(documents.c.document_id == row.document_id).values(**changed)
                )
        done += len(some)
    return done


def _cut_otherwise(database: Database, cut: Cut) -> list[str]:
    """Some of them. Trashed ones wait until they are back; those without a text have no chunks."""
    query = (
        select(documents.c.document_id)
        .join(texts)
        .where(documents.c.status == "indexed", documents.c.cut != cut.name)
        .limit(BATCH_DOCUMENTS)
    )
    with database.read() as connection:
        return list(connection.execute(query).scalars())
