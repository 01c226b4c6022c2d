"""What the house itself saw a weaker and a stronger model make of the same request; no words are kept."""

from __future__ import annotations

import msgspec
from sqlalchemy import select

from inhouse.gateway.edge.tables import ledger, samples
from inhouse.gateway.gap_model import Outcome
from inhouse.gateway.names import class_of, size_step
from inhouse.store.database import Database

__all__ = ["own_outcomes"]

MOST = 20_000
"""The newest pairs; older ones tell of models that are gone."""


def own_outcomes(database: Database) -> tuple[Outcome, ...]:
    """Pairs that shadow traffic judged and people picked, by task, newest first; blocks on the disk.

    Only pairs of models of different size: of two alike neither is the stronger one. Prompts are empty,
    because nobody kept them: what can be learned is the gap of each task.
    """
    with database.read() as connection:
        shadow = connection.execute(
            select(samples.c.facts, samples.c.model, ledger.c.model.label("baseline"), ledger.c.task)
            .join(ledger, ledger.c.request_id == samples.c.request_id)
            .where(samples.c.kind == "shadow", ledger.c.user != "shadow", ledger.c.outcome == "ok")
            .order_by(samples.c.id.desc())
            .limit(MOST)
        ).all()
        picks = connection.execute(
            select(samples.c.facts, samples.c.model, samples.c.name, samples.c.score)
            .where(samples.c.kind == "person")
            .order_by(samples.c.id.desc())
            .limit(MOST)
        ).all()
    found: list[Outcome] = []
    for row in shadow:
        own, other = msgspec.json.decode(row.facts, type=tuple[float, float])
        taller = _taller(row.model, row.baseline or "")
        if taller is not None:
            weak, strong = (own, other) if taller else (other, own)
            found.append(Outcome("", row.task, weak, strong))
    for row in picks:
        against = msgspec.json.decode(row.facts, type=dict[str, str]).get("against", "")
        # Each pick is two rows; the one of the larger model says all.
        if _taller(row.model, against):
            found.append(Outcome("", row.name, 1.0 - row.score, row.score))
    return tuple(found)


def _taller(model: str, other: str) -> bool | None:
    """Whether the first is the larger one; None where they are alike or nothing is known."""
    own, against = class_of(model), class_of(other)
    if own is None or against is None or size_step(own) == size_step(against):
        return None
    return size_step(own) > size_step(against)
