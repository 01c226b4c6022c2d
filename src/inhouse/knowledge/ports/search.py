"""What surrounds a search: the words of the house, the legs, and why a document was not found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from inhouse.kernel.caller import Caller
from inhouse.kernel.documents import Scope
from inhouse.knowledge.glossary import Term

__all__ = ["Glossary", "LegState", "Legs", "Reason", "ReasonCode", "Sought", "WhyNot"]

ReasonCode = Literal[
    "shown",
    "pending",
    "refused",
    "empty",
    "trashed",
    "scope",
    "no_words",
    "outranked",
    "double",
    "capped",
    "outdated",
    "superseded",
]


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that decided whether a document was shown, with what to do about it ("" if nothing)."""

    code: ReasonCode
    words: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Sought:
    """A document as a search saw it.

    `rank` counts from 1 over all candidates, None when no passage of it was one; `score` is of its best
    passage and `needed` of the last one that was shown. `held` and `lacking` are the words of the
    question that its best passage has and has not. `vector` is the cosine of that passage, None when the
    vector leg did not bring it.
    """

    document_id: str
    document: str
    source: str
    shown: bool
    rank: int | None = None
    score: float | None = None
    needed: float | None = None
    held: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    vector: float | None = None
    page: int | None = None


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why a document was or was not among the results, most telling first, and the state of the legs."""

    sought: Sought
    reasons: tuple[Reason, ...]
    legs: tuple[LegState, ...] = ()


@dataclass(frozen=True, slots=True)
class LegState:
    """One leg of the search: `words` says in full what `state` says in one.

    `waiting` is how many documents the leg does not know yet, of `documents`.
    """

    leg: Literal["words", "vectors", "rerank"]
    state: Literal["on", "part", "off", "failing"]
    words: str
    remedy: str = ""
    model: str = ""
    documents: int = 0
    waiting: int = 0


class Legs(Protocol):
    """Tells about the legs and about single documents."""

    def legs(self) -> tuple[LegState, ...]:
        """Words first; reads a small file at most."""
        ...

    async def why(
        self,
        caller: Caller,
        query: str,
        document: str,
        *,
        k: int = 10,
        scope: Scope = Scope(),  # noqa: B008  frozen
    ) -> WhyNot:
        """Why `document` (id, path or source/path) is or is not among the `k` results.

        Raises:
            BadRequest: as `Search.search` does.
            NotFound: if there is no such document that the caller may read, in the words for one that does
                not exist.
        """
        ...

    def mark_outdated(self, caller: Caller, document_id: str, *, outdated: bool) -> None:
        """Note what a person says of a document; `NotFound` if the caller may not read it."""
        ...


class Glossary(Protocol):
    """The words of the house, which everybody may see; what is written blocks on the disk."""

    def terms(self) -> tuple[Term, ...]:
        """In the order of the alphabet."""
        ...

    def add(self, terms: Sequence[Term]) -> int:
        """Keep terms, each in place of an earlier one that is written alike; how many are new."""
        ...

    def remove(self, term: str) -> None:
        """Forget a term; `NotFound` if there is none."""
        ...
