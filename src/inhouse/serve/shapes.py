"""JSON shapes of answers and searches: one set of names for the API and for `--json`.

Built from the rooms' values. Field order is the order of the JSON; everything is read from attributes of
the same name unless a function says otherwise. Times are UNIX seconds, durations of receipts milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from inhouse.kernel.documents import Band, Passage
from inhouse.knowledge import ports

__all__ = [
    "AskDocument",
    "CitationShape",
    "ConflictShape",
    "Delta",
    "Done",
    "Milliseconds",
    "PartialDocument",
    "PassageShape",
    "Passages",
    "ReceiptShape",
    "ResultShape",
    "SearchDocument",
    "SentenceShape",
    "Shape",
    "SideShape",
    "Started",
    "WhyShape",
    "ask_document",
    "passage",
    "receipt",
    "search_document",
    "sentence",
]


class Shape(BaseModel):
    """A JSON object."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class PassageShape(Shape):
    document: str
    document_id: str
    source: str
    title: str
    page: int | None
    heading: tuple[str, ...]
    start: int
    end: int
    text: str
    score: float
    modified_at: float
    superseded: bool = False


class CitationShape(Shape):
    document: str
    document_id: str
    source: str
    page: int | None
    start: int
    end: int
    quote: str
    verified: bool
    doubtful: bool = False
    modified_at: float | None = None


class SentenceShape(Shape):
    text: str
    citations: tuple[CitationShape, ...]
    supported: bool


class Milliseconds(Shape):
    search: float
    first_token: float | None
    total: float


class ReceiptShape(Shape):
    engine: str
    model: str | None
    where: str
    reason: str
    tokens_in: int | None
    tokens_out: int | None
    cost_micros: int | None
    saved_micros: int | None
    usage_estimated: bool
    documents_searched: int
    prompt: str = ""
    ms: Milliseconds


class SideShape(Shape):
    value: str
    citation: CitationShape
    modified_at: float
    superseded: bool


class ConflictShape(Shape):
    """Documents that say different things about the same; the newest side first."""

    statement: str
    sides: tuple[SideShape, ...]


class AskDocument(Shape):
    """What `ask --json` prints."""

    answer: str
    language: str
    sentences: tuple[SentenceShape, ...]
    band: Band
    refused: bool
    reason: str | None
    passages: tuple[PassageShape, ...]
    receipt: ReceiptShape
    conflicts: tuple[ConflictShape, ...] = ()
    unanswered: tuple[str, ...] = ()


class Done(AskDocument):
    """The last event of a stream. The ids are null when the question was not to be kept."""

    chat_id: str | None
    message_id: str | None


class PartialDocument(Shape):
    """What a chat keeps of an answer that was stopped or failed: as much of the ask document as there was."""

    answer: str
    sentences: tuple[SentenceShape, ...]
    passages: tuple[PassageShape, ...]


class Started(Shape):
    chat_id: str | None
    message_id: str | None


class Passages(Shape):
    passages: tuple[PassageShape, ...]


class Delta(Shape):
    text: str


def passage(found: Passage) -> PassageShape:
    """A passage as a source card needs it."""
    return PassageShape.model_validate(found)


def sentence(checked: ports.Sentence) -> SentenceShape:
    """A sentence with its checked citations."""
    return SentenceShape.model_validate(checked)


def receipt(taken: ports.Receipt) -> ReceiptShape:
    """What the answer took; the three times stand together under `ms`."""
    return ReceiptShape(
        engine=taken.engine,
        model=taken.model,
        where=taken.where,
        reason=taken.reason,
        tokens_in=taken.tokens_in,
        tokens_out=taken.tokens_out,
        cost_micros=taken.cost_micros,
        saved_micros=taken.saved_micros,
        usage_estimated=taken.usage_estimated,
        documents_searched=taken.documents_searched,
        prompt=taken.prompt,
        ms=Milliseconds(search=taken.search_ms, first_token=taken.first_token_ms, total=taken.total_ms),
    )


def ask_document(answer: ports.Answer) -> AskDocument:
    """The whole answer: `ask --json`, the `done` event and what a chat keeps are built here."""
    return AskDocument(
        answer=answer.answer,
        language=answer.language,
        sentences=tuple(sentence(one) for one in answer.sentences),
        band=answer.band,
        refused=answer.refused,
        reason=answer.reason,
        passages=tuple(passage(one) for one in answer.passages),
        receipt=receipt(answer.receipt),
        conflicts=tuple(ConflictShape.model_validate(one) for one in answer.conflicts),
        unanswered=answer.unanswered,
    )


class WhyShape(Shape):
    lexical: float
    vector: float | None
    rerank: float | None


class ResultShape(PassageShape):
    why: WhyShape


class SearchDocument(Shape):
    """What `search --json` prints."""

    results: tuple[ResultShape, ...]


def search_document(found: Iterable[Passage]) -> SearchDocument:
    """Passages with the scores of the legs; None where a leg is off."""
    return SearchDocument(
        results=tuple(
            ResultShape(
                **passage(one).model_dump(),
                why=WhyShape(lexical=one.lexical, vector=one.vector, rerank=one.rerank),
            )
            for one in found
        )
    )
