"""Evaluations and golden questions in the database."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal

from sqlalchemy import Row, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from inhouse.kernel.errors import NotFound
from inhouse.knowledge.edge.tables import eval_runs, golden
from inhouse.knowledge.judge import Expected
from inhouse.knowledge.ports.evaluation import EvalKind, EvalRun
from inhouse.store.database import Database

__all__ = ["StoredEvaluations"]


class StoredEvaluations:
    """Implements `ports.evaluation.EvalBook`. `now` gives UNIX seconds, `new_id` 128 random bits as text."""

    def __init__(self, database: Database, *, now: Callable[[], float], new_id: Callable[[], str]) -> None:
        self._database = database
        self._now = now
        self._new_id = new_id

    def runs(self, *, kind: EvalKind | None = None, data: str = "", limit: int = 20) -> tuple[EvalRun, ...]:
        """See `EvalBook.runs`."""
        wanted = select(eval_runs).order_by(eval_runs.c.ran_at.desc(), eval_runs.c.run_id).limit(limit)
        if kind is not None:
            wanted = wanted.where(eval_runs.c.kind == kind)
        if data:
            wanted = wanted.where(eval_runs.c.data == data)
        with self._database.read() as connection:
            return tuple(_run(row) for row in connection.execute(wanted))

    def keep(self, run: EvalRun) -> None:
        """See `EvalBook.keep`."""
        figures = {"made_with": run.made_with, "means": dict(run.means), "scores": _plain(run)}
        row = {"run_id": self._new_id(), "kind": run.kind, "ran_at": run.ran_at, "data": run.data}
        with self._database.write() as connection:
            connection.execute(insert(eval_runs).values(**row, figures=json.dumps(figures)))

    def golden(self) -> tuple[Expected, ...]:
        """See `EvalBook.golden`."""
        wanted = select(golden).order_by(golden.c.created_at, golden.c.golden_id)
        with self._database.read() as connection:
            return tuple(_expected(row) for row in connection.execute(wanted))

    def add_golden(self, questions: Sequence[Expected], *, origin: Literal["import", "feedback"]) -> int:
        """See `EvalBook.add_golden`."""
        now = self._now()
        with self._database.write() as connection:
            for one in questions:
                answer = {
                    "must": one.must,
                    "must_not": one.must_not,
                    "as": one.user,
                    "forbidden": one.forbidden,
                }
                values = {
                    "question": one.question,
                    "language": one.language,
                    "kind": one.kind,
                    "answer": json.dumps(answer, ensure_ascii=False),
                    "evidence": json.dumps(one.evidence, ensure_ascii=False),
                    "origin": origin,
                }
                row = upsert(golden).values(golden_id=one.question_id, created_at=now, **values)
                connection.execute(row.on_conflict_do_update(index_elements=["golden_id"], set_=values))
            return int(connection.execute(select(func.count()).select_from(golden)).scalar_one())

    def remove_golden(self, question_id: str) -> None:
        """See `EvalBook.remove_golden`."""
        with self._database.write() as connection:
            gone = connection.execute(delete(golden).where(golden.c.golden_id == question_id)).rowcount
        if not gone:
            raise NotFound(
                f"There is no golden question {question_id!r}", hint="`inhouse eval golden ls` lists them"
            )


def _plain(run: EvalRun) -> dict[str, dict[str, float]]:
    return {question: dict(scores) for question, scores in run.scores.items()}


def _run(row: Row[Any]) -> EvalRun:
    figures = json.loads(row.figures)
    return EvalRun(row.kind, row.ran_at, row.data, figures["made_with"], figures["means"], figures["scores"])


def _expected(row: Row[Any]) -> Expected:
    answer = json.loads(row.answer)
    return Expected(
        question_id=row.golden_id,
        kind=row.kind,
        language=row.language,
        question=row.question,
        evidence=tuple((file, quote) for file, quote in json.loads(row.evidence)),
        must=tuple(answer["must"]),
        must_not=tuple(answer["must_not"]),
        user=answer["as"],
        forbidden=tuple(answer["forbidden"]),
    )
