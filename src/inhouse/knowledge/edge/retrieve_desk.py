"""Tells why a document was or was not found, and how the legs of the search are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

from sqlalchemy import or_, select, update

from inhouse.kernel.caller import Caller, may_read
from inhouse.kernel.documents import Scope
from inhouse.kernel.errors import NotFound
from inhouse.knowledge.edge.embed_bridge import Breaker
from inhouse.knowledge.edge.embed_store import LegBook
from inhouse.knowledge.edge.retrieve import Look, Retrieve
from inhouse.knowledge.edge.retrieve_states import WORDS, LegWishes, rerank_state, vector_state
from inhouse.knowledge.edge.rows import bump
from inhouse.knowledge.edge.tables import documents
from inhouse.knowledge.ports.documents import DocumentRecord, Library
from inhouse.knowledge.ports.people import administers
from inhouse.knowledge.ports.search import LegState, Reason, Sought, WhyNot
from inhouse.knowledge.words import Vocabulary
from inhouse.store.database import Database

__all__ = ["SearchDesk"]


class SearchDesk:
    """Implements `ports.search.Legs`. `breakers` are those of vectors and reranker in this process."""

    def __init__(
        self,
        database: Database,
        retrieve: Retrieve,
        library: Library,
        book: LegBook,
        wishes: LegWishes,
        *,
        breakers: tuple[Breaker | None, Breaker | None] = (None, None),
    ) -> None:
        self._database = database
        self._retrieve = retrieve
        self._library = library
        self._book = book
        self._wishes = wishes
        self._breakers = breakers

    def legs(self) -> tuple[LegState, ...]:
        """See `ports.search.Legs`."""
        notes = self._book.notes()
        vectors, reranker = self._breakers
        return (
            WORDS,
            vector_state(self._wishes, notes, vectors),
            rerank_state(self._wishes, notes, reranker),
        )

    async def why(
        self,
        caller: Caller,
        query: str,
        document: str,
        *,
        k: int = 10,
        scope: Scope = Scope(),  # noqa: B008  frozen
    ) -> WhyNot:
        """See `ports.search.Legs`."""
        return await asyncio.to_thread(self._why, caller, query, document, k=k, scope=scope)

    def _why(self, caller: Caller, query: str, document: str, *, k: int, scope: Scope) -> WhyNot:
        try:
            record = self._library.get(caller, document)
        except NotFound:
            trashed = self._trashed(caller, document)
            if trashed is None:
                raise
            return WhyNot(trashed, (_TRASHED,), self.legs())
        sought = Sought(record.document_id, record.document, record.source, shown=False)
        reason = _unsearched(record, scope)
        if reason is not None:
            return WhyNot(sought, (reason,), self.legs())
        look = self._retrieve.look(caller, query, k=k, scope=scope)
        alone = self._retrieve.look(caller, query, k=1, scope=Scope(document_ids=(record.document_id,)))
        sought = _sought(look, alone, record, self._retrieve.vocabulary)
        reasons = [*_reasons(look, sought, k), *self._age(record, alone)]
        return WhyNot(sought, tuple(reasons), self.legs())

    def mark_outdated(self, caller: Caller, document_id: str, *, outdated: bool) -> None:
        """See `ports.search.Legs`."""
        record = self._library.get(caller, document_id)
        with self._database.write() as connection:
            chosen = update(documents).where(documents.c.document_id == record.document_id)
            connection.execute(chosen.values(outdated=int(outdated)))
            bump(connection)

    def _trashed(self, caller: Caller, document: str) -> Sought | None:
        """A document in the trash, for administrators: to others it looks like one that was deleted."""
        if not administers(caller):
            return None
        named = or_(
            documents.c.document_id == document,
            documents.c.path == document,
            documents.c.source + "/" + documents.c.path == document,
        )
        query = select(documents.c.document_id, documents.c.path, documents.c.source, documents.c.readers)
        with self._database.read() as connection:
            for row in connection.execute(query.where(named, documents.c.status == "trashed")):
                if may_read(caller, frozenset(json.loads(row.readers))):
                    return Sought(row.document_id, row.path, row.source, shown=False)
        return None

    def _age(self, record: DocumentRecord, alone: Look) -> Iterator[Reason]:
        query = select(documents.c.outdated).where(documents.c.document_id == record.document_id)
        with self._database.read() as connection:
            outdated = bool(connection.execute(query).scalar())
        if outdated:
            yield Reason(
                "outdated",
                "a person marked it as outdated, so it stands a little lower",
                "`inhouse documents outdated DOCUMENT --no` takes that back",
            )
        elif any(known.old for known in alone.known.values()):
            yield Reason(
                "superseded",
                "a newer edition of it is there, which goes before it",
                "name its year in the question to get this edition",
            )


_TRASHED = Reason(
    "trashed", "it is in the trash", "`inhouse documents restore` brings it back while it is there"
)


def _unsearched(record: DocumentRecord, scope: Scope) -> Reason | None:
    """Why a search did not even look at it; None when it did."""
    why = f": {record.reason}" if record.reason else ""
    if record.status == "pending":
        return Reason("pending", "it is being taken in and not searchable yet", "wait a moment")
    if record.status == "refused":
        return Reason("refused", f"it could not be read{why}", "mend the file and take it in again")
    if record.status == "empty":
        return Reason(
            "empty", f"no text was found in it{why}", "a scan needs tesseract; see `inhouse doctor`"
        )
    outside = bool(scope.sources) and record.source not in scope.sources
    if outside or (scope.document_ids and record.document_id not in scope.document_ids):
        return Reason(
            "scope", "the search was limited to other sources or documents", "search without the limit"
        )
    return None


def _sought(look: Look, alone: Look, record: DocumentRecord, vocabulary: Vocabulary) -> Sought:
    """Where it stands among all candidates, else what its own best passage holds."""
    place = next((at for at, one in enumerate(look.order) if one.key[0] == record.document_id), None)
    best = look.order[place] if place is not None else alone.order[0] if alone.order else None
    shown = any(look.order[at].key[0] == record.document_id for at in look.shown)
    last = min((look.order[at].scores.score for at in look.shown), default=None)
    held = best.ranked.held if best is not None else frozenset()
    words = _words_of(look, vocabulary)
    row = look.rows.get(best.key) or alone.rows.get(best.key) if best is not None else None
    return Sought(
        record.document_id,
        record.document,
        record.source,
        shown=shown,
        rank=place + 1 if place is not None else None,
        score=round(best.scores.score, 6) if best is not None else None,
        needed=round(last, 6) if last is not None else None,
        held=tuple(word for word, stem in words.items() if stem in held),
        lacking=tuple(word for word, stem in words.items() if stem not in held),
        vector=best.scores.vector if best is not None else None,
        page=row.page if row is not None else None,
    )


def _words_of(look: Look, vocabulary: Vocabulary) -> dict[str, str]:
    """The question's words as the person wrote them, with their stems."""
    wanted = set(look.question.content)
    found: dict[str, str] = {}
    for word in look.question.text.split():
        for stem in vocabulary.stems(word):
            if stem in wanted:
                wanted.discard(stem)
                found[word.strip(".,;:!?()«»\"'")] = stem
    return found


def _reasons(look: Look, sought: Sought, k: int) -> Iterator[Reason]:
    own = [at for at, one in enumerate(look.order) if one.key[0] == sought.document_id]
    lacking = ", ".join(sought.lacking)
    if sought.shown:
        yield Reason("shown", f"it is among the first {k}, best passage at place {sought.rank}")
    elif not sought.held and sought.vector is None:
        yield Reason(
            "no_words",
            f"none of its passages has any of these words: {lacking}"
            if lacking
            else "the question has no word",
            "ask in its words, or add another name: `inhouse glossary add TERM MEANING`",
        )
    elif sought.needed is not None and sought.score is not None and sought.score >= sought.needed and own:
        yield Reason(
            "double",
            "its best passage says the same as one that is shown, or other passages filled the places",
            "search with a larger -k",
        )
    else:
        place = f"at place {sought.rank}" if sought.rank else "after all candidates"
        without = f"; it lacks {lacking}" if lacking else ""
        score = f" ({sought.score:.2f}, {sought.needed:.2f} needed)" if _scored(sought) else ""
        yield Reason("outranked", f"its best passage stands {place}{score}{without}", "ask in its words")
    if sought.shown and sum(at not in look.shown and at < max(look.shown) for at in own):
        yield Reason("capped", "one document takes three of ten places; more of its passages fit, too")


def _scored(sought: Sought) -> bool:
    return sought.score is not None and sought.needed is not None
