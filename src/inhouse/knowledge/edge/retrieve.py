"""From a question to passages: word index and vectors, ranking, and the verbatim text from the database.

    words of the question (and other names for them) -> candidates of the word index
    its vector, where that leg is on                 -> candidates of the vector index
    all of them scored by `rank`, fused, editions put in order, the first judged by a reranker where one is
    on, chosen so that no document takes all places.

A leg that is missing, slow, wrong or dead costs nobody a passage: without it the words decide.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from sqlite3 import Connection
from sys import intern
from typing import Protocol

from inhouse.kernel.caller import Caller
from inhouse.kernel.documents import Passage, Scope
from inhouse.kernel.errors import BadRequest
from inhouse.knowledge.edge.lexical import Hit, Lexical, analyzer
from inhouse.knowledge.edge.retrieve_rows import Known, Piece, Scores, chunk_text, known_of, passage_of
from inhouse.knowledge.edge.retrieve_scope import Scopes
from inhouse.knowledge.expansions import Expansions
from inhouse.knowledge.fuse import Choice, blend, choose, fuse, lower_superseded
from inhouse.knowledge.gate import REFUSE_BELOW
from inhouse.knowledge.index import VectorHit
from inhouse.knowledge.inquiry import Inquiry, rank_inquiry, read_inquiry
from inhouse.knowledge.rank import Candidate, Mix, Ranked, Weights
from inhouse.knowledge.words import Language, Question, Vocabulary, language_of
from inhouse.store.database import Database

__all__ = ["Asked", "Found", "Look", "Reranker", "Retrieve", "RetrieveSettings", "Vectors"]

CANDIDATES = 60
"""Enough that the index's order hardly matters; bench/retrieval.py prints how often the gold one is there."""
NEAR = 30
"""Candidates that the vector leg may add."""
MEAN_CHUNK_STEMS = 90.0
"""The length that BM25 calls usual. Prose is longer; 115 refuses fewer near misses (bench/no_answer.py)."""
MOST_QUERY_CHARACTERS = 100_000
MOST_STEMS = 200
STEMS_KEPT = 4_096
LANGUAGE_STEMS, LANGUAGE_CHARS = 60, 500
ASSURING = 3
"""Passages from the top that may tell that the question is answered in other words."""
"""As much of a passage as tells its language."""

Key = tuple[str, int]


class Asked(Protocol):
    """A question whose vector is being made."""

    @property
    def weight(self) -> float:
        """What the leg counts for this question, 0 to 1."""
        ...

    def near(self, caller: Caller, *, limit: int, within: Sequence[str] | None) -> Sequence[VectorHit]:
        """The nearest chunks that the caller may read; empty when the vector is not there in time."""
        ...

    def score(self, caller: Caller, chunks: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], float]:
        """The cosine of chunks that another index found, without those that it does not know."""
        ...

    def counts_for(self, language: Language) -> bool:
        """False for chunks of a language that the model was found not to know."""
        ...

    def assures(self, score: float, language: Language) -> bool:
        """True when a chunk is nearer than chunks of other things were in the self-check."""
        ...


class Vectors(Protocol):
    """The vector leg as a search uses it."""

    def ask(self, question: str, language: Language) -> Asked | None:
        """Begin to make the question's vector; None while the leg is off for its language."""
        ...


class Reranker(Protocol):
    """The rerank leg as a search uses it."""

    most: int
    weight: float

    def judge(self, question: str, language: Language, texts: Sequence[str]) -> Sequence[float] | None:
        """What the passages are worth for the question; None when it is off or not there in time."""
        ...


class Names(Protocol):
    """Other names that a caller's documents and the house's glossary know."""

    def expansions(self, caller: Caller, question: str) -> Expansions: ...


@dataclass(frozen=True, slots=True)
class RetrieveSettings:
    """`of_ten` is how many of ten places one document may take while others have something."""

    of_ten: int = 3
    mix: Mix = field(default_factory=Mix)


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


@dataclass(frozen=True, slots=True)
class _Scored:
    """A candidate with all that was found out about it."""

    ranked: Ranked
    scores: Scores

    @property
    def key(self) -> Key:
        return self.ranked.candidate.document_id, self.ranked.candidate.ordinal


@dataclass(frozen=True, slots=True)
class Look:
    """A search in all its parts, best candidate first; `shown` are places in `order`."""

    question: Question
    asked: tuple[tuple[Question, Weights], ...]
    order: tuple[_Scored, ...]
    known: Mapping[str, Known]
    shown: tuple[int, ...]
    rows: Mapping[Key, Piece]
    strength: float
    searched: int

    def passages(self) -> tuple[Passage, ...]:
        """The chosen ones with their verbatim text."""
        chosen = (self.order[at] for at in self.shown)
        return tuple(passage_of(self.known[one.key[0]], self.rows[one.key], one.scores) for one in chosen)


class Retrieve:
    """Finds passages. Reads only what the caller may read, and checks it again on each passage.

    `common` are other names that hold in every house, `names` those of this one.
    """

    def __init__(
        self,
        database: Database,
        lexical: Lexical,
        *,
        settings: RetrieveSettings = RetrieveSettings(),
        common: Callable[[Callable[[str], list[str]]], Expansions] | None = None,
        names: Names | None = None,
        vectors: Vectors | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        self._database = database
        self._lexical = lexical
        self._settings = settings
        self._stems = analyzer()
        self.vocabulary = Vocabulary.of(self._stems)
        self._common = common(self._stems) if common else Expansions()
        self._names = names
        self._vectors = vectors
        self._reranker = reranker
        self._scopes = Scopes(database)
        self._candidates: OrderedDict[tuple[str, int, int], Candidate] = OrderedDict()

    def forget(self, document_ids: Collection[str]) -> None:
        """Drop what is remembered of the words of removed documents."""
        for key in list(self._candidates):
            if key[0] in document_ids:
                self._candidates.pop(key, None)

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
            BadRequest: if the query has no word in it, is too long, or `k` is not 1-200.
            NotFound: if the scope names a source or document that the caller cannot see.
        """
        found = await asyncio.to_thread(self.find, caller, query, k=k, scope=scope)
        return found.passages

    def find(self, caller: Caller, query: str, *, k: int, scope: Scope, earlier: str = "") -> Found:
        """As `search`, with everything that an answer needs besides; blocking, some milliseconds."""
        look = self.look(caller, query, k=k, scope=scope, earlier=earlier)
        passages = look.passages()
        strength = look.strength if passages else -math.inf
        return Found(look.question, passages, look.asked, strength, look.searched)

    def look(self, caller: Caller, query: str, *, k: int, scope: Scope, earlier: str = "") -> Look:
        """As `find`, with every candidate; blocking."""
        if not 1 <= k <= 200:
            raise BadRequest(f"k is {k}, but must be from 1 to 200")
        inquiry = self._read(caller, query, earlier)
        question = inquiry.whole
        asked = self._vectors.ask(query, question.language) if self._vectors else None
        searched, within = self._scopes.of(caller, scope)
        stems = [*inquiry.stems, *inquiry.others][:MOST_STEMS]
        hits = self._lexical.search(caller, stems, limit=CANDIDATES, within=within)
        frequencies = self._lexical.frequencies(caller, stems)
        candidates = [self._candidate(hit) for hit in hits]
        near: dict[Key, float] = {}
        with self._database.read_plain() as connection:
            if asked is not None:
                near = self._near(caller, asked, candidates, within)
                candidates += self._added(connection, asked, candidates, near)
            known = known_of(connection, caller, {one.document_id for one in candidates})
            ranking = rank_inquiry(
                inquiry,
                candidates,
                chunks=frequencies.chunks,
                chunks_with=frequencies.of_stem,
                mean_length=MEAN_CHUNK_STEMS,
                mix=self._settings.mix,
            ).among(known)
            weight = asked.weight if asked else 0.0
            order = _fused(question, ranking.ranked, near, known, worth=ranking.total, weight=weight)
            order = self._judged(connection, query, question, order)
            shown, rows = self._chosen(connection, order, known, k)
        strength = ranking.strength
        if asked is not None and strength < REFUSE_BELOW and _assured(asked, order, shown, rows):
            strength = REFUSE_BELOW  # other words for the same thing: not sure, but not nothing either
        return Look(question, ranking.asked, tuple(order), known, shown, rows, strength, searched)

    # ---- the question

    def _read(self, caller: Caller, query: str, earlier: str) -> Inquiry:
        if len(query) > MOST_QUERY_CHARACTERS:
            raise BadRequest(
                f"The question is {len(query):,} characters long; the limit is {MOST_QUERY_CHARACTERS:,}",
                hint="shorten it, or add the long text as a document",
            )
        if not any(character.isalnum() for character in query):
            raise BadRequest("The question has no word in it", hint="ask in a few words, e.g. vacation days")
        expansions = self._expansions(caller, query)
        return read_inquiry(query, self.vocabulary, earlier=earlier, expansions=expansions)

    def _expansions(self, caller: Caller, query: str) -> Expansions:
        if self._names is None:
            return self._common
        own = self._names.expansions(caller, query)
        return self._common.joined(own) if own.of else self._common

    # ---- candidates

    def _candidate(self, hit: Hit) -> Candidate:
        """The hit as stems; kept, because the same chunks come up again and again."""
        key = (hit.document_id, hit.ordinal, hash((hit.body, hit.context, hit.title)))
        known = self._candidates.get(key)
        if known is None:
            # One object for each stem: texts share most of theirs, and equal ones compare faster.
            around = frozenset(map(intern, self._stems(f"{hit.context} {hit.title}")))
            body = tuple(map(intern, self._stems(hit.body)))
            known = Candidate(hit.document_id, hit.ordinal, body, around)
            self._candidates[key] = known
            if len(self._candidates) > STEMS_KEPT:
                self._candidates.popitem(last=False)
        return known

    def _near(
        self, caller: Caller, asked: Asked, candidates: Sequence[Candidate], within: Sequence[str] | None
    ) -> dict[Key, float]:
        """Angles of the nearest chunks, and of the candidates of the words."""
        nearest = asked.near(caller, limit=NEAR, within=within)
        found = {(hit.document_id, hit.ordinal): hit.score for hit in nearest}
        if nearest and candidates:
            found.update(asked.score(caller, [(one.document_id, one.ordinal) for one in candidates]))
        return found

    def _added(
        self,
        connection: Connection,
        asked: Asked,
        candidates: Sequence[Candidate],
        near: dict[Key, float],
    ) -> list[Candidate]:
        """Chunks that only the vectors brought; `near` loses what the model cannot judge."""
        have = {(one.document_id, one.ordinal): one for one in candidates}
        added = []
        for key in sorted(near, key=lambda key: (-near[key], key)):
            row = None if key in have else chunk_text(connection, *key)
            if key in have:
                text = " ".join(have[key].body[:LANGUAGE_STEMS])
            elif row is not None:
                text = row.text
            else:
                del near[key]
                continue
            if not asked.counts_for(language_of(text[:LANGUAGE_CHARS])):
                del near[key]
            elif row is not None:
                added.append(self._candidate(Hit(*key, 0.0, row.title, row.context, row.text)))
        return added

    # ---- the order

    def _judged(
        self, connection: Connection, query: str, question: Question, order: list[_Scored]
    ) -> list[_Scored]:
        """The first of them in the order of the reranker, where one is on."""
        if self._reranker is None or len(order) < 2:
            return order
        head = order[: self._reranker.most]
        rows = [chunk_text(connection, *one.key) for one in head]
        if None in rows:
            return order
        texts = [f"{row.title}\n{row.context}\n{row.text}" for row in rows if row is not None]
        said = self._reranker.judge(query, question.language, texts)
        if said is None:
            return order
        mixed = blend([one.scores.score for one in order], said, self._reranker.weight)
        judged = [
            _Scored(
                one.ranked,
                Scores(score, one.scores.lexical, one.scores.vector, said[at] if at < len(said) else None),
            )
            for at, (one, score) in enumerate(zip(order, mixed, strict=True))
        ]
        return sorted(judged, key=lambda one: (-one.scores.score, one.key))

    def _chosen(
        self, connection: Connection, order: Sequence[_Scored], known: Mapping[str, Known], k: int
    ) -> tuple[tuple[int, ...], dict[Key, Piece]]:
        """Which are shown. A chunk may be newer or older than its row for a moment: it is passed over."""
        gone: set[int] = set()
        rows: dict[Key, Piece] = {}
        while True:
            places = [at for at in range(len(order)) if at not in gone]
            choices = [
                Choice(
                    order[at].key[0],
                    order[at].ranked.candidate.body,
                    superseded=known[order[at].key[0]].old,
                    words=order[at].ranked.candidate.words,
                )
                for at in places
            ]
            shown = [places[at] for at in choose(choices, k, of_ten=self._settings.of_ten)]
            missing = set()
            for at in shown:
                row = rows.get(order[at].key) or chunk_text(connection, *order[at].key)
                if row is None:
                    missing.add(at)
                else:
                    rows[order[at].key] = row
            if not missing:
                return tuple(shown), rows
            gone |= missing


def _assured(
    asked: Asked,
    order: Sequence[_Scored],
    shown: Sequence[int],
    rows: Mapping[Key, Piece],
) -> bool:
    """True when one of the passages shown means what was asked, as far as the vectors can tell."""
    return any(
        score is not None and asked.assures(score, language_of(rows[order[at].key].text[:LANGUAGE_CHARS]))
        for at in shown[:ASSURING]
        for score in (order[at].scores.vector,)
    )


def _fused(
    question: Question,
    ranked: Sequence[Ranked],
    near: Mapping[Key, float],
    known: Mapping[str, Known],
    *,
    worth: float,
    weight: float,
) -> list[_Scored]:
    """The candidates in one order: words and angles joined, older editions behind newer ones."""
    angles = [near.get((one.candidate.document_id, one.candidate.ordinal)) for one in ranked]
    fused = fuse([one.score for one in ranked], angles, weight, worth)
    documents = [known[one.candidate.document_id] for one in ranked]
    wanted = [each.old and not _names_edition(question, each) for each in documents]
    scores = lower_superseded(fused, [each.family for each in documents], wanted)
    scored = [
        _Scored(one, Scores(score, one.lexical, angle))
        for one, score, angle in zip(ranked, scores, angles, strict=True)
    ]
    return sorted(scored, key=lambda one: (-one.scores.score, one.key))


def _names_edition(question: Question, document: Known) -> bool:
    """True when the question asks for this edition: `the policy of 2023` wants the one that is called so."""
    named = set(re.findall(r"\d+", f"{document.path} {document.title}"))
    return not named.isdisjoint(question.numbers)
