"""Roll-outs and samples of quality in the database.

Plain SQL: a gateway reads its roll-outs at the start and again every second, and does not load SQLAlchemy
for that.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from inhouse.gateway.rollout import ArmStats, Rollout
from inhouse.store.database import Database

__all__ = ["SqlRolloutBook"]

MOST_TIMES = 5000
"""First-token times that are read for one side; the newest, which tell how it does now."""

_SAVE = (
    "INSERT INTO rollouts (name, state, changed_at) VALUES (?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at"
)
_KEEP = "INSERT INTO samples (at, kind, name, request_id, model, score, facts) VALUES (?, ?, ?, ?, ?, ?, ?)"
_PAIRS = "SELECT facts FROM samples WHERE name = ? AND kind = 'shadow' AND at >= ? ORDER BY id"
_COUNTS = """SELECT outcome, count(*) FROM ledger
WHERE started_at >= ? AND requested = ? AND lower(model) IN (?, ?, ?)
  AND outcome IN ('failed', 'partial', 'ok') AND "user" != 'shadow'
GROUP BY outcome"""
_TIMES = """SELECT first_token_ms FROM ledger
WHERE started_at >= ? AND requested = ? AND lower(model) IN (?, ?, ?)
  AND outcome IN ('failed', 'partial', 'ok') AND "user" != 'shadow' AND first_token_ms IS NOT NULL
ORDER BY started_at DESC LIMIT ?"""


class SqlRolloutBook:
    """Implements `gateway.edge.rollouts.RolloutBook`. Every method blocks on the disk.

    `move` brings the ledger up to date before it is read.
    """

    def __init__(self, database: Database, move: Callable[[], int]) -> None:
        self._database = database
        self._move = move

    def load(self) -> list[Rollout]:
        """See `RolloutBook.load`."""
        found = self._database.rows("SELECT state FROM rollouts ORDER BY changed_at DESC")
        return [msgspec.json.decode(state, type=Rollout) for (state,) in found]

    def save(self, rollout: Rollout) -> None:
        """See `RolloutBook.save`."""
        state = msgspec.json.encode(rollout).decode()
        with self._database.write_plain() as connection:
            connection.execute(_SAVE, (rollout.name, state, rollout.stage_at))

    def stats(self, name: str, model: str, since: float) -> ArmStats:
        """See `RolloutBook.stats`; names fit in any case, and `engine/model` fits its model."""
        self._move()
        plain = model.partition("/")[2] if "/" in model else model
        mine = (since, name, model.lower(), plain.lower(), f"{plain.lower()}:latest")
        counts = {outcome: int(count) for outcome, count in self._database.rows(_COUNTS, mine)}
        times = self._database.rows(_TIMES, (*mine, MOST_TIMES))
        failed = counts.get("failed", 0) + counts.get("partial", 0)
        return ArmStats(sum(counts.values()), failed, tuple(float(each) for (each,) in times))

    def pairs(self, name: str, since: float) -> list[tuple[float, float]]:
        """See `RolloutBook.pairs`."""
        found = self._database.rows(_PAIRS, (name, since))
        return [msgspec.json.decode(facts, type=tuple[float, float]) for (facts,) in found]

    def keep_pick(self, name: str, models: tuple[str, str], better: str | None, at: float) -> None:
        """Keep a person's pick between two models' answers, as one score for each of them."""
        rows = []
        for model in models:
            score = 0.5 if better is None else float(model == better)
            against = models[1] if model == models[0] else models[0]
            facts = msgspec.json.encode({"against": against}).decode()
            rows.append((at, "person", name, "", model, score, facts))
        with self._database.write_plain() as connection:
            connection.executemany(_KEEP, rows)

    def keep_pair(self, name: str, request_id: str, model: str, pair: tuple[float, float], at: float) -> None:
        """See `RolloutBook.keep_pair`."""
        facts = msgspec.json.encode(pair).decode()
        row = (at, "shadow", name, request_id, model, pair[1] - pair[0], facts)
        with self._database.write_plain() as connection:
            connection.execute(_KEEP, row)
