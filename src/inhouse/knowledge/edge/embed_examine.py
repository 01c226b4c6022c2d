"""Examines the legs on the house's own passages; see `knowledge.selfcheck`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy
from numpy.typing import NDArray
from sqlalchemy import func, select

from inhouse.knowledge.edge.embed_leg import EmbedSettings, Engine
from inhouse.knowledge.edge.embed_store import Examined, LegBook
from inhouse.knowledge.edge.tables import chunks, documents, texts
from inhouse.knowledge.edge.vectors import fingerprint, unit
from inhouse.knowledge.index import EmbeddingModel
from inhouse.knowledge.selfcheck import (
    CHOICES,
    MOST_PROBES,
    Checked,
    Probe,
    choices_for,
    grade,
    grade_pairs,
    probe_of,
    stem_hits,
    stranger_angle,
    vector_hits,
)
from inhouse.knowledge.selfcheck_pairs import PAIRS
from inhouse.knowledge.words import Language
from inhouse.store.database import Database

__all__ = ["Examiner", "Judge"]

LANGUAGES: tuple[Language, ...] = ("ru", "en")
LOOKED_AT_DOCUMENTS, PER_DOCUMENT = 400, 4
RERANK_PROBES = 24
GROWN = 1.5
"""Examined again when the house has so many times more, or fewer, passages."""


class Judge(Protocol):
    """What a reranker says of texts; raises InhouseError or ValueError when it says nothing of use."""

    @property
    def model(self) -> str: ...

    async def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]: ...


class Examiner:
    """Holds examinations and notes how they ended. `now` is UNIX seconds."""

    def __init__(
        self,
        database: Database,
        book: LegBook,
        stems: Callable[[str], list[str]],
        *,
        now: Callable[[], float],
        batch: int = 16,
    ) -> None:
        self._database = database
        self._book = book
        self._stems = stems
        self._now = now
        self._batch = batch

    async def vectors(self, model: EmbeddingModel, engine: Engine, settings: EmbedSettings) -> bool:
        """Examine an embedding model when that is due; True when it was."""
        name = fingerprint(model)
        count = await asyncio.to_thread(self._count)
        if not count or not _due(self._book.notes().vectors, name, count):
            return False
        probes = await asyncio.to_thread(self._probes)

        async def rows(written: Sequence[str], prefix: str) -> NDArray[numpy.float32]:
            made: list[NDArray[numpy.float32]] = []
            for at in range(0, len(written), self._batch):
                part = [f"{prefix}{text}" for text in written[at : at + self._batch]]
                made += [_row(one, model.dimension) for one in await engine.vectors(model.name, part)]
            return numpy.array(made, numpy.float32).reshape(len(made), model.dimension)

        checks: list[Checked] = []
        for language in LANGUAGES:
            own = probes[language]
            queries = await rows([one.query for one in own], settings.query_prefix)
            rests = await rows([one.rest for one in own], settings.passage_prefix)
            graded = grade(language, len(own), vector_hits(queries, rests), stem_hits(own, self._stems))
            checks.append(replace(graded, stranger=stranger_angle(queries, rests)))
        english = await rows([one for one, _ in PAIRS], settings.passage_prefix)
        russian = await rows([one for _, one in PAIRS], settings.query_prefix)
        joined = grade_pairs(len(PAIRS), min(vector_hits(russian, english), vector_hits(english, russian)))
        far = max(stranger_angle(russian, english), stranger_angle(english, russian))
        checks.append(replace(joined, stranger=far))
        noted = Examined(model=name, at=self._now(), chunks=count, checks=tuple(checks))
        await asyncio.to_thread(lambda: self._book.note(vectors=noted))
        return True

    async def reranker(self, judge: Judge) -> bool:
        """Examine a reranker when that is due; True when it was."""
        count = await asyncio.to_thread(self._count)
        if not count or not _due(self._book.notes().rerank, judge.model, count):
            return False
        probes = await asyncio.to_thread(self._probes)
        checks = []
        for language in LANGUAGES:
            own = probes[language][:RERANK_PROBES]
            hits = by_stems = 0
            for at, probe in enumerate(own if len(own) >= CHOICES else ()):
                chosen = choices_for(at, len(own))
                scores = await judge.scores(probe.query, [own[one].rest for one in chosen])
                best = max(range(len(chosen)), key=scores.__getitem__)
                hits += chosen[best] == at and list(scores).count(scores[best]) == 1
                by_stems += self._stems_find(own, at, chosen)
            checks.append(grade(language, len(own), hits, by_stems))
        noted = Examined(model=judge.model, at=self._now(), chunks=count, checks=tuple(checks))
        await asyncio.to_thread(lambda: self._book.note(rerank=noted))
        return True

    def _stems_find(self, probes: Sequence[Probe], at: int, chosen: Sequence[int]) -> bool:
        asked = set(self._stems(probes[at].query))
        shared = {one: len(asked & set(self._stems(probes[one].rest))) for one in chosen}
        return sum(count >= shared[at] for count in shared.values()) == 1

    def _count(self) -> int:
        query = select(func.sum(documents.c.chunk_count)).where(documents.c.status == "indexed")
        with self._database.read() as connection:
            return int(connection.execute(query).scalar() or 0)

    def _probes(self) -> dict[Language, list[Probe]]:
        """Up to 64 of each language, from many documents, always the same ones of the same house."""
        found: dict[Language, list[Probe]] = {language: [] for language in LANGUAGES}
        seen: set[str] = set()
        chosen = select(documents.c.document_id).where(
            documents.c.status == "indexed", documents.c.chunk_count > 0
        )
        with self._database.read() as connection:
            ordered = chosen.order_by(documents.c.sha256, documents.c.document_id).limit(LOOKED_AT_DOCUMENTS)
            for document_id in connection.execute(ordered).scalars().all():
                piece = func.substr(texts.c.text, chunks.c.start + 1, chunks.c.end - chunks.c.start)
                some = (
                    select(piece)
                    .select_from(chunks)
                    .join(texts, texts.c.document_id == chunks.c.document_id)
                    .where(chunks.c.document_id == document_id)
                    .order_by(chunks.c.ordinal)
                    .limit(PER_DOCUMENT)
                )
                for text in connection.execute(some).scalars():
                    probe = probe_of(text)
                    # The same sentence in two documents has no one right place.
                    if probe is None or probe.query in seen or len(found[probe.language]) >= MOST_PROBES:
                        continue
                    seen.add(probe.query)
                    found[probe.language].append(probe)
                if all(len(each) >= MOST_PROBES for each in found.values()):
                    break
        return found


def _row(vector: Sequence[float], dimension: int) -> NDArray[numpy.float32]:
    """A vector of length 1; zeros, which find nothing, for a text of which the model says nothing."""
    try:
        return unit(vector, dimension)
    except ValueError:
        if len(vector) != dimension:
            raise
        return numpy.zeros(dimension, numpy.float32)


def _due(before: Examined | None, model: str, chunks_now: int) -> bool:
    if before is None or before.model != model:
        return True
    smaller, larger = sorted((max(before.chunks, 1), max(chunks_now, 1)))
    return larger > GROWN * smaller
