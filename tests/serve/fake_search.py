"""Fakes of what stands around a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from inhouse.kernel.caller import Caller
from inhouse.kernel.documents import Passage, Scope
from inhouse.kernel.errors import BadRequest, NotFound
from inhouse.knowledge.glossary import Term
from inhouse.knowledge.ports.search import LegState, Reason, Sought, WhyNot

__all__ = ["FakeGlossary", "FakeLegs", "FakeSearch"]


@dataclass
class FakeSearch:
    """Finds the same passages, whatever is asked."""

    passages: tuple[Passage, ...]

    async def search(
        self,
        caller: Caller,
        query: str,
        *,
        k: int = 10,
        scope: Scope = Scope(),  # noqa: B008  frozen
    ) -> tuple[Passage, ...]:
        if not any(character.isalnum() for character in query):
            raise BadRequest("The query has no word in it", hint="write a word")
        return self.passages[:k]


@dataclass
class FakeLegs:
    """Knows the document `d1` only; `marks` are what was called outdated."""

    marks: list[tuple[str, bool]] = field(default_factory=list)

    def legs(self) -> tuple[LegState, ...]:
        return (
            LegState("words", "on", "stems"),
            LegState("vectors", "off", "no model", "set retrieval.embedding_model"),
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
        if document != "d1":
            raise NotFound(f"There is no document {document!r}")
        sought = Sought("d1", "a.md", "hr", shown=False, rank=14, score=0.4, needed=0.9, lacking=("days",))
        return WhyNot(
            sought, (Reason("outranked", "it stands at place 14", "ask in its words"),), self.legs()
        )

    def mark_outdated(self, caller: Caller, document_id: str, *, outdated: bool) -> None:
        self.marks.append((document_id, outdated))


@dataclass
class FakeGlossary:
    """Kept in memory."""

    kept: dict[str, Term] = field(default_factory=dict)

    def terms(self) -> tuple[Term, ...]:
        return tuple(self.kept.values())

    def add(self, terms: Sequence[Term]) -> int:
        new = sum(one.term not in self.kept for one in terms)
        self.kept |= {one.term: one for one in terms}
        return new

    def remove(self, term: str) -> None:
        if term not in self.kept:
            raise NotFound(f"The glossary has no term {term!r}")
        del self.kept[term]
