"""Finding passages and answering from them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from inhouse.kernel.caller import Caller
from inhouse.kernel.documents import Band, Citation, Passage, Scope
from inhouse.kernel.ports import Where

__all__ = [
    "Answer",
    "AnswerDelta",
    "AnswerEvent",
    "Answered",
    "Answers",
    "AskRequest",
    "Conflict",
    "PassagesFound",
    "Receipt",
    "ReceiptReady",
    "Search",
    "Sentence",
    "SentenceChecked",
    "Side",
    "Turn",
    "Why",
]


@dataclass(frozen=True, slots=True)
class Why:
    """Scores of the legs; None when a leg is off."""

    lexical: float
    vector: float | None = None
    rerank: float | None = None


class Search(Protocol):
    """Finds passages."""

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
            BadRequest: if the query has no word in it, or is longer than 100,000 characters.
        """
        ...


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier question and the answer it got."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class AskRequest:
    """A question with what is known around it. `history` is oldest first."""

    question: str
    history: tuple[Turn, ...] = ()
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer. `supported` is False when no citation carries all that it claims."""

    text: str
    citations: tuple[Citation, ...]
    supported: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the answer took. Times are milliseconds; None means unknown, which is not zero."""

    engine: str
    model: str | None
    where: Where
    reason: str
    tokens_in: int | None
    tokens_out: int | None
    cost_micros: int | None
    saved_micros: int | None
    search_ms: float
    first_token_ms: float | None
    total_ms: float
    documents_searched: int
    usage_estimated: bool = False
    prompt: str = ""
    """Version of the prompt that a model was given, "" without one."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a conflict: what it says (`value`, as written), where, and how old that document is."""

    value: str
    citation: Citation
    modified_at: float
    superseded: bool = False


@dataclass(frozen=True, slots=True)
class Conflict:
    """Documents that say different things about the same; the newest side comes first.

    `statement` says it in the question's language.
    """

    statement: str
    sides: tuple[Side, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer. `reason` says why it was refused or hedged, in the question's language.

    `unanswered` are the parts of the question that the documents do not answer, as the person put them.
    """

    answer: str
    language: Literal["ru", "en"]
    sentences: tuple[Sentence, ...]
    band: Band
    reason: str | None
    passages: tuple[Passage, ...]
    receipt: Receipt
    conflicts: tuple[Conflict, ...] = ()
    unanswered: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """True only for the band `refuse`."""
        return self.band == "refuse"


@dataclass(frozen=True, slots=True)
class PassagesFound:
    """The sources, before the first word of the answer."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class AnswerDelta:
    """The next words, without citation marks."""

    text: str


@dataclass(frozen=True, slots=True)
class SentenceChecked:
    """The sentence that just ended, with its checked citations."""

    sentence: Sentence


@dataclass(frozen=True, slots=True)
class ReceiptReady:
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Answered:
    """The end of a good stream; holds everything once more."""

    answer: Answer


AnswerEvent = PassagesFound | AnswerDelta | SentenceChecked | ReceiptReady | Answered


class Answers(Protocol):
    """Answers questions from documents."""

    def ask(self, caller: Caller, request: AskRequest, *, request_id: str) -> AsyncIterator[AnswerEvent]:
        """`PassagesFound (AnswerDelta | SentenceChecked)* ReceiptReady Answered`, or an exception.

        An engine that fails in the middle does not lose the question: what was checked so far stays and
        the extractive answer follows. Closing the iterator cancels the engine's work.

        Raises:
            BadRequest: if the question is empty, has no word in it, or is longer than 20,000 characters.
        """
        ...
