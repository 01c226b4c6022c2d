"""From a question to passages: word index, ranking, and the verbatim text from the database."""

from __future__ import annotations

import asyncio
import json
import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, func, select

from inhouse.kernel.caller import Caller, may_read
from inhouse.kernel.documents import Passage, Scope
from inhouse.kernel.errors import BadRequest, NotFound
from inhouse.knowledge.edge.lexical import Frequencies, Hit, Lexical, analyzer
from inhouse.knowledge.edge.tables import chunks, documents, texts
from inhouse.knowledge.gate import evidence
from inhouse.knowledge.parts import split_question
from inhouse.knowledge.rank import Candidate, Ranked, Weights, rank, weigh
from inhouse.knowledge.words import Question, Vocabulary, read_question
from inhouse.store.database import Database

__all__ = ["Found", "Retrieve"]

CANDIDATES = 60
"""Enough that the index's order hardly matters; bench/retrieval.py prints how often the gold one is there."""
MEAN_CHUNK_STEMS = 90.0
"""The length that BM25 calls usual. Prose is longer; 115 refuses fewer near misses (bench/no_answer.py)."""
MOST_QUERY_CHARACTERS = 100_000
MOST_STEMS = 200
STEMS_KEPT = 4_096


_PASSAGE = (
    select(
        documents.c.document_id,
        documents.c.path,
        documents.c.source,
        documents.c.title,
        documents.c.readers,
        documents.c.modified_at,
        chunks.c.page,
        chunks.c.heading,
        chunks.c.start,
        chunks.c.end,
        func.substr(texts.c.text, chunks.c.start + 1, chunks.c.end - chunks.c.start).label("text"),
    )
    .join(chunks, chunks.c.document_id == documents.c.document_id)
    .join(texts, texts.c.document_id == documents.c.document_id)
    .where(
        documents.c.document_id == bindparam("wanted_id"),
        documents.c.status == "indexed",
        chunks.c.ordinal == bindparam("wanted_ordinal"),
    )
)
"""Made once: building it anew for each passage took longer than running it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a question brought up. `strength` is the gate's evidence; `searched` counts documents.

    `asked` are the things that the question asks for, each with what its words are worth.
    """

    question: Question
    passages: tuple[Passage, ...]
    asked: tuple[tuple[Question, Weights], ...]
    strength: float
    searched: int


class Retrieve:
    """Finds passages. Reads only what the caller may read, and checks it again on each passage."""

    def __init__(self, database: Database, lexical: Lexical) -> None:
        self._database = database
        self._lexical = lexical
        self._stems = analyzer()
        self.vocabulary = Vocabulary.of(self._stems)
        self._candidates: OrderedDict[tuple[str, int, int], Candidate] = OrderedDict()

    async def search(
        self,
        caller: Caller,
        query: str,
        *,
        k: int = 10,
        scope: Scope = Scope(),  # noqa: B008  frozen
    ) -> tuple[Passage, ...]:
        """The `k` best passages that the caller may read, best first.

        Raises:
            BadRequest: if the query has no word in it, is too long, or `k` is not 1-100.
            NotFound: if the scope names a source or document that the caller cannot see.
        """
        if not 1 <= k <= 100:
            raise BadRequest(f"k is {k}, but must be from 1 to 100")
        found = await asyncio.to_thread(self.find, caller, query, k=k, scope=scope)
        return found.passages

    def find(self, caller: Caller, query: str, *, k: int, scope: Scope, earlier: str = "") -> Found:
        """As `search`, with everything that an answer needs besides; blocking, some milliseconds."""
        question = self._read(query, earlier)
        searched, within = self._scope(caller, scope)
        stems = (*question.content, *question.background)[:MOST_STEMS]
        hits = self._lexical.search(caller, stems, limit=CANDIDATES, document_ids=within)
        frequencies = self._lexical.frequencies(caller, stems)
        weights = self._weigh(question, frequencies)
        ranked = rank(question, [self._candidate(hit) for hit in hits], weights)
        strength = evidence(question, ranked, weights, chunks=frequencies.chunks)
        passages = self._passages(caller, ranked, k)
        asked = self._asked(question, weights, frequencies, f"{earlier} {query}")
        return Found(question, passages, asked, strength if passages else -math.inf, searched)

    def _asked(
        self, question: Question, weights: Weights, frequencies: Frequencies, whole: str
    ) -> tuple[tuple[Question, Weights], ...]:
        parts = split_question(question.text)
        if len(parts.asked) == 1 and not parts.told:
            return ((question, weights),)
        questions = [read_question(part, self.vocabulary, earlier=whole) for part in parts.asked]
        return tuple((one, self._weigh(one, frequencies)) for one in questions)

    def _weigh(self, question: Question, frequencies: Frequencies) -> Weights:
        return weigh(
            question,
            chunks=frequencies.chunks,
            chunks_with=frequencies.of_stem,
            mean_length=MEAN_CHUNK_STEMS,
        )

    def _read(self, query: str, earlier: str) -> Question:
        if len(query) > MOST_QUERY_CHARACTERS:
            raise BadRequest(
                f"The question is {len(query):,} characters long; the limit is {MOST_QUERY_CHARACTERS:,}",
                hint="shorten it, or add the long text as a document",
            )
        if not any(character.isalnum() for character in query):
            raise BadRequest("The question has no word in it", hint="ask in a few words, e.g. vacation days")
        return read_question(query, self.vocabulary, earlier=earlier)

    def _scope(self, caller: Caller, scope: Scope) -> tuple[int, Sequence[str]]:
        """How many documents are searched, and their ids when the scope is narrower than everything."""
        indexed = documents.c.status == "indexed"
        with self._database.read() as connection:
            if not scope.sources and not scope.document_ids:
                query = select(documents.c.readers, func.count()).where(indexed)
                groups = connection.execute(query.group_by(documents.c.readers))
                return sum(n for readers, n in groups if _readable(caller, readers)), ()
            wanted = select(documents.c.document_id, documents.c.readers).where(indexed)
            if scope.sources:
                wanted = wanted.where(documents.c.source.in_(scope.sources))
            if scope.document_ids:
                wanted = wanted.where(documents.c.document_id.in_(scope.document_ids))
            within = [row[0] for row in connection.execute(wanted) if _readable(caller, row[1])]
        if not within:
            raise NotFound(
                "Nothing to search: the chosen sources or documents are empty or unknown",
                hint="inhouse documents ls shows what there is",
            )
        return len(within), within

    def _candidate(self, hit: Hit) -> Candidate:
        """The hit as stems; kept, because the same chunks come up again and again."""
        key = (hit.document_id, hit.ordinal, hash(hit.body))
        known = self._candidates.get(key)
        if known is None:
            around = frozenset(self._stems(f"{hit.context} {hit.title}"))
            known = Candidate(hit.document_id, hit.ordinal, self._stems(hit.body), around)
            self._candidates[key] = known
            if len(self._candidates) > STEMS_KEPT:
                self._candidates.popitem(last=False)
        return known

    def _passages(self, caller: Caller, ranked: Sequence[Ranked], k: int) -> tuple[Passage, ...]:
        """Verbatim text for the best; a text that stands twice is shown once."""
        passages: list[Passage] = []
        seen: set[str] = set()
        with self._database.read() as connection:
            for one in ranked:
                if len(passages) == k:
                    break
                wanted = {"wanted_id": one.candidate.document_id, "wanted_ordinal": one.candidate.ordinal}
                row = connection.execute(_PASSAGE, wanted).one_or_none()
                # A chunk may be newer or older than the row for a moment; access is asserted once more.
                if row is None or not _readable(caller, row.readers) or row.text in seen:
                    continue
                seen.add(row.text)
                passages.append(_passage(row, one))
        return tuple(passages)


def _passage(row: Row[*tuple[Any, ...]], one: Ranked) -> Passage:
    return Passage(
        document_id=row.document_id,
        document=row.path,
        source=row.source,
        title=row.title,
        page=row.page,
        heading=tuple(json.loads(row.heading)),
        start=row.start,
        end=row.end,
        text=row.text,
        score=round(one.score, 6),
        lexical=round(one.lexical, 6),
        modified_at=row.modified_at,
    )


def _readable(caller: Caller, readers: str) -> bool:
    return may_read(caller, frozenset(json.loads(readers)))
