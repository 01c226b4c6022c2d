"""Every model of every engine, with what routing asks of it worked out once per look at the engines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from inhouse.gateway.fleet import Engine, Fleet, Model, Place, same_model
from inhouse.gateway.names import Trade, class_of, plain_name, trades_of
from inhouse.gateway.names_table import ModelClass
from inhouse.gateway.profiles import PROFILES, Profile

__all__ = ["Candidate", "candidates_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One model on one engine. `where` is where the words of the request would go.

    `name` is `engine/model`, `plain` and `full` are the names as they are compared. `size` is its size class.
    `chosen`: the administrator's choice for requests that name no model. `place` is its position among
    the models of its engine: the chosen one first, then loaded ones, then as the engine lists them.
    """

    engine: Engine
    model: Model
    where: Place
    name: str
    plain: str
    full: str
    profile: Profile
    size: ModelClass | None
    trades: frozenset[Trade]
    chosen: bool
    embeds: bool
    place: int


def candidates_of(fleet: Fleet) -> tuple[Candidate, ...]:
    """All candidates of a fleet, in the order of its engines."""
    if not fleet.memo:
        fleet.memo.append(tuple(each for engine in fleet.engines for each in _of(engine)))
    return cast("tuple[Candidate, ...]", fleet.memo[0])


def _of(engine: Engine) -> list[Candidate]:
    default = engine.default_model
    remote = engine.where == "cloud"

    def rank(model: Model) -> tuple[bool, bool]:
        return not _is(default, model), not model.loaded

    return [
        Candidate(
            engine=engine,
            model=model,
            where="cloud" if model.remote else engine.where,
            name=f"{engine.name}/{model.name}",
            plain=plain_name(model.name),
            full=plain_name(f"{engine.name}/{model.name}"),
            profile=PROFILES[engine.kind],
            size=class_of(model.name, model.parameter_size, model.size_bytes, remote=remote or model.remote),
            trades=trades_of(model.name),
            chosen=_is(default, model),
            embeds=_embeds(model),
            place=place,
        )
        for place, model in enumerate(sorted(engine.models, key=rank))
    ]


def _is(wanted: str | None, model: Model) -> bool:
    return wanted is not None and same_model(wanted, model.name)


def _embeds(model: Model) -> bool:
    """Whether it gives vectors: as its engine says, else by its name."""
    if model.capabilities is not None:
        return "embedding" in model.capabilities
    return "embedding" in trades_of(model.name)
