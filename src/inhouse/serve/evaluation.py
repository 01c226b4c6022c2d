"""`/app/admin/evaluations` and `/app/admin/golden`: what was measured, and the house's own questions."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Query
from pydantic import Field

from inhouse.kernel.errors import Unavailable
from inhouse.knowledge.judge import Expected
from inhouse.knowledge.ports.evaluation import EvalBook, EvalKind, EvalRun
from inhouse.serve.bodies import Body
from inhouse.serve.callers import AdminOf
from inhouse.serve.parts import Parts
from inhouse.serve.router import open_router
from inhouse.serve.shapes import Shape

__all__ = ["EvalRunBody", "EvalRunsShape", "GoldenBody", "GoldenShape", "GoldensShape", "evaluation_routes"]


class EvalRunShape(Shape):
    """A finished evaluation; `data` is the SHA-256 of its questions."""

    kind: EvalKind
    ran_at: float
    data: str
    made_with: str
    means: dict[str, float]
    scores: dict[str, dict[str, float]]


class EvalRunsShape(Shape):
    runs: tuple[EvalRunShape, ...]


class EvalRunBody(Body):
    """A run to remember."""

    kind: EvalKind
    data: str = Field(min_length=1, max_length=200)
    made_with: str = Field(max_length=2000)
    means: dict[str, float]
    scores: dict[str, dict[str, float]]


class EvidenceShape(Shape):
    file: str
    quote: str


class GoldenShape(Shape):
    """A question with what its answer must rest on, in the keys of a question file."""

    id: str = Field(min_length=1, max_length=200)
    type: str = Field("single", max_length=50)
    language: Literal["ru", "en"]
    question: str = Field(min_length=1, max_length=20_000)
    evidence: tuple[EvidenceShape, ...] = ()
    answer_must_contain: tuple[str, ...] = ()
    answer_must_not_contain: tuple[str, ...] = ()


class GoldensShape(Shape):
    questions: tuple[GoldenShape, ...]


class GoldenBody(Body):
    """Questions to keep; one whose id is known takes its place."""

    questions: tuple[GoldenShape, ...] = Field(max_length=10_000)


def evaluation_routes(parts: Parts) -> APIRouter:
    """Runs and golden questions."""
    routes = open_router()

    @routes.get("/app/admin/evaluations")
    def runs(
        caller: AdminOf, kind: EvalKind | None = None, data: str = "", limit: int = Query(20, ge=1, le=1000)
    ) -> EvalRunsShape:
        """Finished evaluations, newest first."""
        found = _book(parts).runs(kind=kind, data=data, limit=limit)
        return EvalRunsShape(runs=tuple(EvalRunShape.model_validate(run) for run in found))

    @routes.post("/app/admin/evaluations", status_code=204)
    def keep(body: EvalRunBody, caller: AdminOf) -> None:
        """Remember a run, so that the next one can be compared with it."""
        run = EvalRun(body.kind, parts.clock(), body.data, body.made_with, body.means, body.scores)
        _book(parts).keep(run)

    @routes.get("/app/admin/golden")
    def golden(caller: AdminOf) -> GoldensShape:
        """The house's own questions."""
        return GoldensShape(questions=tuple(_shape(one) for one in _book(parts).golden()))

    @routes.post("/app/admin/golden")
    def add(body: GoldenBody, caller: AdminOf) -> GoldensShape:
        """Keep questions; the whole set after it."""
        book = _book(parts)
        book.add_golden([_expected(one) for one in body.questions], origin="import")
        return GoldensShape(questions=tuple(_shape(one) for one in book.golden()))

    @routes.delete("/app/admin/golden/{question_id}", status_code=204)
    def remove(question_id: str, caller: AdminOf) -> None:
        """Forget one."""
        _book(parts).remove_golden(question_id)

    return routes


def _book(parts: Parts) -> EvalBook:
    if parts.evaluations is None:
        raise Unavailable("This process keeps no evaluations", hint="start `inhouse serve` with documents")
    return parts.evaluations


def _shape(one: Expected) -> GoldenShape:
    return GoldenShape(
        id=one.question_id,
        type=one.kind,
        language=one.language,
        question=one.question,
        evidence=tuple(EvidenceShape(file=file, quote=quote) for file, quote in one.evidence),
        answer_must_contain=one.must,
        answer_must_not_contain=one.must_not,
    )


def _expected(one: GoldenShape) -> Expected:
    return Expected(
        question_id=one.id,
        kind=one.type,
        language=one.language,
        question=one.question,
        evidence=tuple((piece.file, piece.quote) for piece in one.evidence),
        must=one.answer_must_contain,
        must_not=one.answer_must_not_contain,
    )
