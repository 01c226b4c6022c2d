"""The rerank leg of a search: the first candidates judged one by one, in time or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inhouse.knowledge.edge.embed_bridge import Breaker, Bridge
from inhouse.knowledge.edge.embed_examine import Judge
from inhouse.knowledge.edge.embed_store import LegBook
from inhouse.knowledge.words import Language

__all__ = ["RerankLeg", "RerankSettings"]


@dataclass(frozen=True, slots=True)
class RerankSettings:
    """`most` candidates are judged within `timeout_s`."""

    most: int = 30
    timeout_s: float = 2.0


class RerankLeg:
    """Implements `retrieve.Reranker`. It counts for a language only where it passed its examination."""

    weight = 0.7
    """Of a reranker's own order; the rest stays with words and angles, which know names and numbers best."""

    def __init__(
        self,
        judge: Judge,
        book: LegBook,
        bridge: Bridge,
        settings: RerankSettings,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._judge = judge
        self._book = book
        self._bridge = bridge
        self._timeout_s = settings.timeout_s
        self.most = settings.most
        self.breaker = Breaker(clock)

    def judge(self, question: str, language: Language, texts: Sequence[str]) -> Sequence[float] | None:
        """See `retrieve.Reranker`."""
        examined = self._book.notes().rerank
        if examined is None or examined.model != self._judge.model:
            return None
        checked = examined.of(language)
        if checked is None or not checked.passed or not self.breaker.closed():
            return None
        under = self._bridge.begin(
            lambda: _scores(self._judge, question, texts), timeout_s=self._timeout_s, breaker=self.breaker
        )
        found: Sequence[float] | None = under.result() if under is not None else None
        return found


async def _scores(judge: Judge, question: str, texts: Sequence[str]) -> Sequence[float]:
    scores = await judge.scores(question, texts)
    if len(scores) != len(texts):
        raise ValueError(f"{len(scores)} scores for {len(texts)} texts")
    return scores
