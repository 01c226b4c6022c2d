"""The vector leg of a search: the question's vector, in time or not at all."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from inhouse.kernel.caller import Caller
from inhouse.kernel.errors import EngineBroke, InhouseError
from inhouse.kernel.messages import DataPolicy, EmbedRequest
from inhouse.kernel.ports import Embedder
from inhouse.knowledge.edge.embed_bridge import Breaker, Bridge, Under
from inhouse.knowledge.edge.embed_store import Examined, VectorStore
from inhouse.knowledge.edge.vectors import fingerprint, unit
from inhouse.knowledge.index import VectorHit, VectorIndex
from inhouse.knowledge.selfcheck import BOTH
from inhouse.knowledge.words import Language

__all__ = ["EmbedSettings", "Engine", "VectorLeg"]

QUESTIONS_KEPT = 256
LONGEST_QUESTION = 2_000

Floats = NDArray[numpy.float32]


@dataclass(frozen=True, slots=True)
class EmbedSettings:
    """`model` as the gateway knows it. The prefixes are what some models want before their texts."""

    model: str
    query_prefix: str = ""
    passage_prefix: str = ""
    batch: int = 16
    timeout_s: float = 2.0


class Engine:
    """The gateway's embedder for documents: `data` says whether texts may leave the house."""

    def __init__(self, embedder: Embedder, *, data: DataPolicy, new_id: Callable[[], str]) -> None:
        self._embedder = embedder
        self._data = data
        self._new_id = new_id

    async def vectors(self, model: str, texts: Sequence[str]) -> tuple[tuple[float, ...], ...]:
        """One vector for each text.

        Raises:
            InhouseError: what the gateway raises, or EngineBroke when there are more or fewer.
        """
        request = EmbedRequest(tuple(texts), model=model, data=self._data)
        made = await self._embedder.embed(request, request_id=self._new_id(), user="house")
        vectors = made.embeddings.vectors
        if len(vectors) != len(texts):
            raise EngineBroke(f"{made.used.engine} gave {len(vectors)} vectors for {len(texts)} texts")
        return vectors


class VectorLeg:
    """Implements `retrieve.Vectors`."""

    def __init__(
        self,
        store: VectorStore,
        engine: Engine,
        bridge: Bridge,
        settings: EmbedSettings,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._engine = engine
        self._bridge = bridge
        self._settings = settings
        self.breaker = Breaker(clock)
        self._turn = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], Floats] = OrderedDict()

    def ask(self, question: str, language: Language) -> _Asked | None:
        """See `retrieve.Vectors`."""
        index = self._store.active()
        examined = self._store.book.notes().vectors
        if index is None or examined is None or examined.model != fingerprint(index.model):
            return None
        weight = _weight(examined, language)
        if weight <= 0:
            return None
        asked = f"{self._settings.query_prefix}{question[:LONGEST_QUESTION]}"
        asking = _Asked(self, index, examined, language=language, weight=weight, asked=asked)
        return asking if asking.begin() else None

    def known(self, index: VectorIndex, asked: str) -> Floats | None:
        """The vector of a question that was asked before."""
        with self._turn:
            return self._kept.get((fingerprint(index.model), asked))

    def keep(self, index: VectorIndex, asked: str, vector: Floats) -> None:
        """Remember the vector of a question."""
        with self._turn:
            self._kept[fingerprint(index.model), asked] = vector
            if len(self._kept) > QUESTIONS_KEPT:
                self._kept.popitem(last=False)

    def begin(self, index: VectorIndex, asked: str) -> Under | None:
        """Let the engine make the vector; None when that makes no sense now."""
        if not self.breaker.closed():
            return None

        async def make() -> Floats:
            (vector,) = await self._engine.vectors(index.model.name, [asked])
            return unit(vector, index.model.dimension)

        return self._bridge.begin(make, timeout_s=self._settings.timeout_s, breaker=self.breaker)


class _Asked:
    """Implements `retrieve.Asked`."""

    def __init__(
        self,
        leg: VectorLeg,
        index: VectorIndex,
        examined: Examined,
        *,
        language: Language,
        weight: float,
        asked: str,
    ) -> None:
        self._leg = leg
        self._index = index
        self._examined = examined
        self._language = language
        self.weight = weight
        self._text = asked
        self._vector: Floats | None = None
        self._under: Under | None = None

    def begin(self) -> bool:
        """True when the vector is there or on its way."""
        self._vector = self._leg.known(self._index, self._text)
        if self._vector is None:
            self._under = self._leg.begin(self._index, self._text)
        return self._vector is not None or self._under is not None

    def near(self, caller: Caller, *, limit: int, within: Sequence[str] | None) -> Sequence[VectorHit]:
        """See `retrieve.Asked`."""
        vector = self._wait()
        if vector is None:
            return ()
        try:
            return self._index.search(caller, vector, limit=limit, within=within)
        except (InhouseError, ValueError, OSError) as error:
            self._leg.breaker.failed(str(error))
            return ()

    def score(self, caller: Caller, chunks: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], float]:
        """See `retrieve.Asked`."""
        vector = self._wait()
        if vector is None:
            return {}
        try:
            return self._index.score(caller, vector, chunks)
        except (InhouseError, ValueError, OSError) as error:
            self._leg.breaker.failed(str(error))
            return {}

    def counts_for(self, language: Language) -> bool:
        """See `retrieve.Asked`: of the question's own language, or joined to it by the model."""
        own = self._examined.of(language)
        if language == self._language:
            return own is not None and own.passed
        both = self._examined.of(BOTH)
        return both is not None and both.passed and (own is None or own.passed or own.unknown)

    def assures(self, score: float, language: Language) -> bool:
        """See `retrieve.Asked`."""
        examined = self._examined.of(language if language == self._language else BOTH)
        return self.counts_for(language) and examined is not None and score > examined.stranger

    def _wait(self) -> Floats | None:
        if self._vector is None and self._under is not None:
            self._vector = self._under.result()
            self._under = None
            if self._vector is not None:
                self._leg.keep(self._index, self._text, self._vector)
        return self._vector


def _weight(examined: Examined, language: Language) -> float:
    own, both = examined.of(language), examined.of(BOTH)
    if own is not None and own.passed:
        return own.weight
    return both.weight if both is not None and both.passed else 0.0
