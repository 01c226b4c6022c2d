"""Which models to have loaded before anybody asks: pinned ones, and those that this hour usually brings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Use", "Wish", "wishes"]

HOUR_S, DAY_S = 3600.0, 86_400.0
SPAN_DAYS = 14
"""Two weeks: long enough for a weekly rhythm to show, short enough to follow a change of models."""
FEWEST_DAYS = 3
"""Once is chance and twice may be; on three days of the last fourteen somebody works with it."""
AHEAD_S = 300.0
"""A model that the next hour brings is loaded this much before: twice what a large one takes to load."""
MOST_LEARNED = 3


@dataclass(frozen=True, slots=True)
class Use:
    """One request that a model of a local engine answered; `at` is UNIX seconds."""

    at: float
    engine: str
    model: str


@dataclass(frozen=True, slots=True)
class Wish:
    """A model to have loaded. `engine` is empty where any that offers it will do."""

    engine: str
    model: str
    pinned: bool


def wishes(pinned: Iterable[str], uses: Iterable[Use], now: float) -> tuple[Wish, ...]:
    """Pinned models first, as they were given (`model` or `engine/model`), then up to three learned ones.

    Learned is a model that was asked for at this hour of the day, or at the next one when that is less
    than five minutes away, on at least three of the last fourteen days; most days first. Hours are those
    of UTC: a day's rhythm is the same in any zone, but for the two days a year when clocks change.
    """
    chosen = [Wish("", name, pinned=True) for name in dict.fromkeys(pinned)]
    days: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    hours = {_hour(now), _hour(now + AHEAD_S)}
    today = int(now // DAY_S)
    for use in uses:
        day = int(use.at // DAY_S)
        # Today's own requests say nothing about a rhythm; what was asked a minute ago is loaded anyway.
        if today - SPAN_DAYS <= day < today and _hour(use.at) in hours:
            days[use.engine, use.model].add(day)
    usual = [key for key, seen in days.items() if len(seen) >= FEWEST_DAYS]
    usual.sort(key=lambda key: (-len(days[key]), -max(days[key]), key))
    learned = [Wish(engine, model, pinned=False) for engine, model in usual[:MOST_LEARNED]]
    names = {each.model for each in chosen} | {f"{each.engine}/{each.model}" for each in chosen}
    return (
        *chosen,
        *(each for each in learned if each.model not in names and f"{each.engine}/{each.model}" not in names),
    )


def _hour(at: float) -> int:
    return int(at // HOUR_S) % 24
