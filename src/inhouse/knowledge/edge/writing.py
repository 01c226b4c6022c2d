"""Writes a batch of documents down: their rows, texts, chunks and what they explain.

A row at a time, building the statements took longer than reading the files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from sqlalchemy import Connection, bindparam, delete, insert, update

from inhouse.knowledge.edge.glossary import abbreviation_rows
from inhouse.knowledge.edge.parse.parsed import Parsed
from inhouse.knowledge.edge.rows import Taken, chunk_rows, values_of
from inhouse.knowledge.edge.tables import abbreviations, chunks, documents, texts

__all__ = ["write_down"]


def write_down(
    connection: Connection,
    taken: Sequence[tuple[str, Taken]],
    *,
    replaced: Collection[str],
    now: float,
    stems: Callable[[str], list[str]],
) -> None:
    """Put these documents, by their ids, in place of what is known of those that are `replaced`."""
    if replaced:
        for table in (texts, chunks, abbreviations):
            connection.execute(delete(table).where(table.c.document_id.in_(replaced)))
    rows = [{"document_id": document_id, **values_of(one, now=now)} for document_id, one in taken]
    fresh = [row for row in rows if row["document_id"] not in replaced]
    if fresh:
        connection.execute(insert(documents), fresh)
    known = [row for row in rows if row["document_id"] in replaced]
    if known:
        names = known[0].keys() - {"document_id"}
        columns: dict[str, object] = {name: bindparam(f"new_{name}") for name in sorted(names)}
        changed = update(documents).where(documents.c.document_id == bindparam("new_document_id"))
        renamed = [{f"new_{name}": value for name, value in row.items()} for row in known]
        connection.execute(changed.values(**columns), renamed)
    read = [(document_id, one.result) for document_id, one in taken if isinstance(one.result, Parsed)]
    whole: list[dict[str, object]] = [
        {"document_id": document_id, "text": result.text, "layout": result.layout}
        for document_id, result in read
    ]
    pieces = [row for document_id, one in taken for row in chunk_rows(document_id, one.cut)]
    explained = [
        row for document_id, result in read for row in abbreviation_rows(document_id, result.text, stems)
    ]
    for table, some in ((texts, whole), (chunks, pieces), (abbreviations, explained)):
        if some:
            connection.execute(insert(table), some)
