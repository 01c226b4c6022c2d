"""Remembers what `decide` said, so that the same question is not thought through ten thousand times.

Exactly the same route, not a similar one: `tests/gateway/test_dispatch_memo.py` compares both.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.facts import Facts, tokens_needed
from inhouse.gateway.fleet import Fleet
from inhouse.gateway.policy import NoRoute, Route, decide
from inhouse.gateway.rules import Budget, Rules

__all__ = ["RouteMemo"]

_COUNTS = ("prompt_tokens", "reply_tokens")
_REST: Callable[[Facts], tuple[object, ...]] = attrgetter(
    *(each.name for each in fields(Facts) if each.name not in _COUNTS)
)
KEPT = 4096
FRESH_S = 1.0
"""Longest life of an answer: what else depends on the time (a model that is about to be unloaded) is seen
within a second."""


class RouteMemo:
    """Gives routes. Their traces may show other token counts than the request's; their attempts never do.

    What makes two questions the same: the same snapshot and rules; facts that differ at most in token
    counts, and those needed between the same two context lengths of the fleet, because routing compares
    `tokens_needed` with them and counts with nothing else; money left, or none. A request with a limit of
    its own is always thought through, as are refusals, whose words hold counts.
    """

    def __init__(self, board: FleetBoard) -> None:
        self._board = board
        self._routes: dict[tuple[object, ...], Route] = {}
        self._changes = -1
        self._rules: Rules | None = None
        self._until = 0.0
        self._steps: list[int] = []
        self.generation = 0
        """Grows whenever all routes are forgotten."""

    def decide(self, facts: Facts, rules: Rules, budget: Budget, now: float) -> Route | NoRoute:
        """What `policy.decide` would say."""
        fleet = self.refresh(rules, now)
        if facts.wishes.max_cost_micros is not None:
            return decide(facts, fleet, rules, budget, now)
        tokens = tokens_needed(facts.prompt_tokens, facts.reply_tokens)
        key = (*self.about(fleet, tokens, budget), *_REST(facts))
        route = self._routes.get(key)
        if route is not None:
            return route
        found = decide(facts, fleet, rules, budget, now)
        if isinstance(found, Route):
            if len(self._routes) >= KEPT:
                self._routes.clear()
            self._routes[key] = found
        return found

    def refresh(self, rules: Rules, now: float) -> Fleet:
        """The snapshot now. What is remembered under an earlier `generation` is forgotten when it is old."""
        fleet = self._board.current()
        if self._changes != self._board.changes or self._rules is not rules or now >= self._until:
            self._begin(rules, now)
        return fleet

    def about(self, fleet: Fleet, tokens: int, budget: Budget) -> tuple[int, int, bool]:
        """What a route depends on apart from the request itself, which needs so many `tokens`."""
        left = budget.cloud_left_micros
        return id(fleet), bisect_left(self._steps, tokens), left is None or left > 0

    def _begin(self, rules: Rules, now: float) -> None:
        """Forget everything and note until when what follows holds."""
        self.generation += 1
        self._routes.clear()
        self._changes, self._rules = self._board.changes, rules
        engines = self._board.fleet.engines
        ends = (each.rests_until for each in engines if each.rests_until > now)
        self._until = min(now + FRESH_S, min(ends, default=math.inf))
        contexts = {model.context_tokens for engine in engines for model in engine.models}
        self._steps = sorted(context for context in contexts if context is not None)
