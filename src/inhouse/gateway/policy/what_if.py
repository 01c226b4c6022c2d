"""What would change a decision: the same question with one thing otherwise, decided again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, get_args

from inhouse.gateway.facts import Facts
from inhouse.gateway.fleet import Fleet, Place
from inhouse.gateway.names import HOUSE_NAMES
from inhouse.gateway.policy import NoRoute, Route, decide
from inhouse.gateway.rules import Budget, LocalSwitch, Rules
from inhouse.kernel.messages import DataPolicy, Wishes

__all__ = ["what_if"]

Variant = tuple[str, Facts, Rules, Budget]


def what_if(
    facts: Facts, fleet: Fleet, rules: Rules, budget: Budget, now: float
) -> tuple[tuple[str, str], ...]:
    """Pairs of a change and what would happen then, for those changes that make a difference."""
    here = _outcome(decide(facts, fleet, rules, budget, now))
    found: list[tuple[str, str]] = []
    for change, other, other_rules, other_budget in _variants(facts, rules, budget):
        then = _outcome(decide(other, fleet, other_rules, other_budget, now))
        if then != here:
            found.append((change, then))
    return tuple(found)


def _outcome(route: Route | NoRoute) -> str:
    if isinstance(route, NoRoute):
        return f"nobody: {route.message}"
    first = route.attempts[0]
    return f"{first.engine}/{first.model} ({first.where})"


def _variants(facts: Facts, rules: Rules, budget: Budget) -> Iterator[Variant]:
    """Everything that a person can say or set; what is so already makes no difference and is not shown."""
    wishes = facts.wishes
    data: tuple[DataPolicy, ...] = ("local_only", "any")
    yield from ((f"data: {word}", replace(facts, data=word), rules, budget) for word in data)
    yield "cloud.allowed = true", facts, replace(rules, cloud_allowed=True), budget
    yield "money left in the budget", facts, rules, replace(budget, cloud_left_micros=None)
    places: tuple[Place, ...] = ("local", "cloud")
    for place in places:
        yield f"force: {place}", replace(facts, wishes=replace(wishes, force=place)), rules, budget
    if facts.model is not None and facts.model not in HOUSE_NAMES:
        yield "no model named", replace(facts, model=None), rules, budget
    for switch in get_args(LocalSwitch):
        yield f"routing.local = {switch}", facts, replace(rules, local=switch), budget
    for role in ("L1", "L3"):
        yield f"role: {role}", replace(facts, wishes=_with(wishes, "role", role)), rules, budget
    for priority in ("high", "low"):
        changed = replace(facts, wishes=_with(wishes, "priority", priority))
        yield f"priority: {priority}", changed, rules, budget
    yield "a hard prompt", replace(facts, complexity=1.0), rules, budget


def _with(wishes: Wishes, name: Literal["role", "priority"], word: str) -> Wishes:
    change: dict[str, Any] = {name: word}  # Any: either set of words
    return replace(wishes, **change)
