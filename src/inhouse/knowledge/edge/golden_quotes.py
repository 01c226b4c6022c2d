"""Golden questions quote documents as evidence: what a document said is blanked there when it goes for good.

The question stays: a person typed it. `inhouse eval` names questions whose evidence is gone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select, update

from inhouse.knowledge.edge.rows import batches
from inhouse.knowledge.edge.tables import golden, texts
from inhouse.knowledge.judge import find_quote

__all__ = ["blank_golden"]


def blank_golden(connection: Connection, document_ids: Sequence[str]) -> int:
    """Blank the quotes that stand in these documents and in no other one; how many questions had some.

    What such a question wants to read in an answer goes, too, where it stands in one of the documents. Call
    it while their texts are there.
    """
    rows = connection.execute(select(golden.c.golden_id, golden.c.evidence, golden.c.answer)).all()
    if not rows:
        return 0
    gone = list(_texts(connection, document_ids))
    changed = 0
    for row in rows:
        evidence, answer = json.loads(row.evidence), json.loads(row.answer)
        told = [quote for _, quote in evidence]
        blank = {
            quote
            for quote in told
            if quote and _in(gone, quote) and not _elsewhere(connection, quote, document_ids)
        }
        if not blank:
            continue
        kept = [(file, "" if quote in blank else quote) for file, quote in evidence]
        for key in ("must", "must_not"):
            answer[key] = [words for words in answer.get(key, ()) if not _in(gone, words)]
        values = {
            "evidence": json.dumps(kept, ensure_ascii=False),
            "answer": json.dumps(answer, ensure_ascii=False),
        }
        connection.execute(update(golden).where(golden.c.golden_id == row.golden_id).values(**values))
        changed += 1
    return changed


def _texts(connection: Connection, document_ids: Sequence[str]) -> Iterable[str]:
    for ids in batches(document_ids):
        yield from connection.execute(select(texts.c.text).where(texts.c.document_id.in_(ids))).scalars()


def _in(found: Iterable[str], words: str) -> bool:
    return any(find_quote(text, words) for text in found)


def _elsewhere(connection: Connection, quote: str, document_ids: Sequence[str]) -> bool:
    """True when another document says the same; its longest word finds the few that may."""
    longest = max(quote.split(), key=len)
    others = select(texts.c.text).where(texts.c.text.contains(longest, autoescape=True))
    found = connection.execute(others.where(texts.c.document_id.not_in(document_ids))).scalars()
    return _in(found, quote)
