"""What the house itself saw a weaker and a stronger model make of the same request; no words are kept."""

from __future__ import annotations

import msgspec

from inhouse.gateway.gap_model import Outcome
from inhouse.gateway.names import class_of, size_step
from inhouse.store.database import Database

__all__ = ["own_outcomes"]

MOST = 20_000
"""The newest pairs; older ones tell of models that are gone."""

_SHADOW = """SELECT samples.facts, samples.model, ledger.model, ledger.task
FROM samples JOIN ledger ON ledger.request_id = samples.request_id
WHERE samples.kind = 'shadow' AND ledger."user" != 'shadow' AND ledger.outcome = 'ok'
ORDER BY samples.id DESC LIMIT ?"""
_PICKS = "SELECT facts, model, name, score FROM samples WHERE kind = 'person' ORDER BY id DESC LIMIT ?"


def own_outcomes(database: Database) -> tuple[Outcome, ...]:
    """Pairs that shadow traffic judged and people picked, by task, newest first; blocks on the disk.

    Only pairs of models of different size: of two alike neither is the stronger one. Prompts are empty,
    because nobody kept them: what can be learned is the gap of each task.
    """
    found: list[Outcome] = []
    for facts, model, baseline, task in database.rows(_SHADOW, (MOST,)):
        own, other = msgspec.json.decode(facts, type=tuple[float, float])
        taller = _taller(model, baseline or "")
        if taller is not None:
            weak, strong = (own, other) if taller else (other, own)
            found.append(Outcome("", task, weak, strong))
    for facts, model, name, score in database.rows(_PICKS, (MOST,)):
        against = msgspec.json.decode(facts, type=dict[str, str]).get("against", "")
        # Each pick is two rows; the one of the larger model says all.
        if _taller(model, against):
            found.append(Outcome("", name, 1.0 - score, score))
    return tuple(found)


def _taller(model: str, other: str) -> bool | None:
    """Whether the first is the larger one; None where they are alike or nothing is known."""
    own, against = class_of(model), class_of(other)
    if own is None or against is None or size_step(own) == size_step(against):
        return None
    return size_step(own) > size_step(against)
