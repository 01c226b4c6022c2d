"""Which kept answers lean on which documents, and what may still be shown of them.

`cited` says which message names which document. It is filled when an answer is kept, and asked when a
document goes for good: then the answers themselves are rewritten. What only this reader may not see, or may
come back from the trash, is left out each time the answer is read, and never rewritten.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from inhouse.kernel.caller import Caller, may_read
from inhouse.knowledge.edge.rows import batches, there
from inhouse.knowledge.edge.tables import chats, cited, documents, messages, revisions, texts
from inhouse.knowledge.redact import documents_in, mark_changed, redact

__all__ = ["Kept", "fill_in", "keep_cited", "rewrite", "shown"]

_FILLED = "cited"
"""Subject in `revisions`: 1 once the answers of before this table was there have been looked through."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as a message has it: its words, and the ask document as JSON text."""

    text: str
    answer_json: str | None

    def without(self, gone: Set[str]) -> Kept:
        """Nothing of these documents in it."""
        answer = _read(self.answer_json)
        if not documents_in(answer) & gone:
            return self
        kept, text = redact(answer, self.text, gone)
        return Kept(text, json.dumps(kept, ensure_ascii=False))


def keep_cited(connection: Connection, message_id: str, kept: Kept) -> Kept:
    """Note what an answer leans on; what of it was deleted while it was written is taken out at once."""
    named = documents_in(_read(kept.answer_json))
    existing = _existing(connection, named)
    connection.execute(delete(cited).where(cited.c.message_id == message_id))
    if existing:
        rows = [{"message_id": message_id, "document_id": one} for one in sorted(existing)]
        connection.execute(insert(cited), rows)
    return kept.without(named - existing)


def fill_in(connection: Connection) -> None:
    """Look once through the answers that were kept before it was noted what they lean on."""
    done = select(revisions.c.count).where(revisions.c.subject == _FILLED)
    if connection.execute(done).scalar():
        return
    query = select(messages.c.message_id, messages.c.text, messages.c.answer)
    for row in connection.execute(query.where(messages.c.answer.is_not(None))).all():
        kept = keep_cited(connection, row.message_id, Kept(row.text, row.answer))
        _put(connection, row.message_id, kept)
    connection.execute(upsert(revisions).values(subject=_FILLED, count=1).on_conflict_do_nothing())


def rewrite(connection: Connection, document_ids: Sequence[str]) -> dict[str, int]:
    """Take these documents out of every kept answer; how many answers named each of them."""
    gone = frozenset(document_ids)
    named: dict[str, set[str]] = {}
    counts = dict.fromkeys(document_ids, 0)
    for ids in batches(document_ids):
        query = select(cited).where(cited.c.document_id.in_(ids))
        for message_id, document_id in connection.execute(query):
            named.setdefault(message_id, set()).add(document_id)
            counts[document_id] += 1
    for ids in batches(sorted(named)):
        found = select(messages.c.message_id, messages.c.text, messages.c.answer)
        for row in connection.execute(found.where(messages.c.message_id.in_(ids))).all():
            _put(connection, row.message_id, Kept(row.text, row.answer).without(gone))
    for ids in batches(document_ids):
        connection.execute(delete(cited).where(cited.c.document_id.in_(ids)))
    _tell(connection, sorted(named))
    return counts


def shown(connection: Connection, caller: Caller, kept: Sequence[Kept]) -> list[Kept]:
    """What the caller may see of answers now; quotes that their document no longer holds are marked."""
    answers = [_read(one.answer_json) for one in kept]
    named = frozenset[str]().union(*(documents_in(answer) for answer in answers))
    hidden = named - _readable(connection, caller, named)

    def same(document_id: str, start: int, end: int, quote: str) -> bool:
        piece = func.substr(texts.c.text, start + 1, end - start)
        found = connection.execute(select(piece).where(texts.c.document_id == document_id)).scalar()
        return str(found or "").split() == quote.split()

    seen: list[Kept] = []
    for one, answer in zip(kept, answers, strict=True):
        if not documents_in(answer):
            seen.append(one)
            continue
        left, text = redact(answer, one.text, hidden)
        seen.append(Kept(text, json.dumps(mark_changed(left, same), ensure_ascii=False)))
    return seen


def _readable(connection: Connection, caller: Caller, ids: Iterable[str]) -> frozenset[str]:
    readable: set[str] = set()
    for some in batches(sorted(ids)):
        query = select(documents.c.document_id, documents.c.readers).where(there())
        for document_id, readers in connection.execute(query.where(documents.c.document_id.in_(some))):
            if may_read(caller, frozenset(json.loads(readers))):
                readable.add(document_id)
    return frozenset(readable)


def _existing(connection: Connection, ids: Iterable[str]) -> frozenset[str]:
    found: set[str] = set()
    for some in batches(sorted(ids)):
        query = select(documents.c.document_id).where(documents.c.status != "removing")
        found.update(connection.execute(query.where(documents.c.document_id.in_(some))).scalars())
    return frozenset(found)


def _put(connection: Connection, message_id: str, kept: Kept) -> None:
    changed = update(messages).where(messages.c.message_id == message_id)
    connection.execute(changed.values(text=kept.text, answer=kept.answer_json))


def _tell(connection: Connection, message_ids: Sequence[str]) -> None:
    """Pages of the people whose chats were rewritten load them anew."""
    users: set[str] = set()
    for ids in batches(message_ids):
        query = select(chats.c.user).join(messages, messages.c.chat_id == chats.c.chat_id).distinct()
        users.update(connection.execute(query.where(messages.c.message_id.in_(ids))).scalars())
    for user in sorted(users):
        row = upsert(revisions).values(subject=f"chats:{user}", count=1)
        connection.execute(
            row.on_conflict_do_update(index_elements=["subject"], set_={"count": revisions.c.count + 1})
        )


def _read(answer_json: str | None) -> object:
    """The answer, None for none and for what no version of inhouse wrote."""
    try:
        return json.loads(answer_json) if answer_json else None
    except ValueError:
        return None
