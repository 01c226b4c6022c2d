"""Roll-outs and samples of quality in the database."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from sqlalchemy import desc, func, select
from sqlalchemy.dialects.sqlite import insert

from inhouse.gateway.edge.tables import ledger, rollouts, samples
from inhouse.gateway.rollout import ArmStats, Rollout
from inhouse.store.database import Database

__all__ = ["SqlRolloutBook"]

MOST_TIMES = 5000
"""First-token times that are read for one side; the newest, which tell how it does now."""
_FAILED = ("failed", "partial")
_COUNTED = (*_FAILED, "ok")


class SqlRolloutBook:
    """Implements `gateway.edge.rollouts.RolloutBook`. Every method blocks on the disk.

    `move` brings the ledger up to date before it is read.
    """

    def __init__(self, database: Database, move: Callable[[], int]) -> None:
        self._database = database
        self._move = move

    def load(self) -> list[Rollout]:
        """See `RolloutBook.load`."""
        with self._database.read() as connection:
            found = connection.execute(select(rollouts.c.state).order_by(desc(rollouts.c.changed_at)))
            return [msgspec.json.decode(row.state, type=Rollout) for row in found]

    def save(self, rollout: Rollout) -> None:
        """See `RolloutBook.save`."""
        state = msgspec.json.encode(rollout).decode()
        values = {"name": rollout.name, "state": state, "changed_at": rollout.stage_at}
        query = insert(rollouts).values(values)
        query = query.on_conflict_do_update(index_elements=["name"], set_=values)
        with self._database.write() as connection:
            connection.execute(query)

    def stats(self, name: str, model: str, since: float) -> ArmStats:
        """See `RolloutBook.stats`; names fit in any case, and `engine/model` fits its model."""
        self._move()
        plain = model.partition("/")[2] if "/" in model else model
        columns = ledger.c
        mine = (
            columns.started_at >= since,
            columns.requested == name,
            func.lower(columns.model).in_({model.lower(), plain.lower(), f"{plain.lower()}:latest"}),
            columns.outcome.in_(_COUNTED),
            columns.user != "shadow",
        )
        with self._database.read() as connection:
            counted = connection.execute(
                select(columns.outcome, func.count().label("n")).where(*mine).group_by(columns.outcome)
            ).all()
            times = connection.execute(
                select(columns.first_token_ms)
                .where(*mine, columns.first_token_ms.is_not(None))
                .order_by(desc(columns.started_at))
                .limit(MOST_TIMES)
            ).scalars()
            counts = {row.outcome: int(row.n) for row in counted}
            return ArmStats(
                sum(counts.values()), sum(counts.get(each, 0) for each in _FAILED), tuple(map(float, times))
            )

    def pairs(self, name: str, since: float) -> list[tuple[float, float]]:
        """See `RolloutBook.pairs`."""
        query = (
            select(samples.c.facts)
            .where(samples.c.name == name, samples.c.kind == "shadow", samples.c.at >= since)
            .order_by(samples.c.id)
        )
        with self._database.read() as connection:
            found = connection.execute(query).scalars()
            return [msgspec.json.decode(each, type=tuple[float, float]) for each in found]

    def keep_pick(self, name: str, models: tuple[str, str], better: str | None, at: float) -> None:
        """Keep a person's pick between two models' answers, as one score for each of them."""
        rows = []
        for model in models:
            score = 0.5 if better is None else float(model == better)
            against = models[1] if model == models[0] else models[0]
            rows.append(
                {
                    "at": at,
                    "kind": "person",
                    "name": name,
                    "request_id": "",
                    "model": model,
                    "score": score,
                    "facts": msgspec.json.encode({"against": against}).decode(),
                }
            )
        with self._database.write() as connection:
            connection.execute(samples.insert(), rows)

    def keep_pair(self, name: str, request_id: str, model: str, pair: tuple[float, float], at: float) -> None:
        """See `RolloutBook.keep_pair`."""
        facts = msgspec.json.encode(pair).decode()
        row = {
            "at": at,
            "kind": "shadow",
            "name": name,
            "request_id": request_id,
            "model": model,
            "score": pair[1] - pair[0],
            "facts": facts,
        }
        with self._database.write() as connection:
            connection.execute(samples.insert().values(row))
