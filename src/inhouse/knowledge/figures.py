"""Figures from scores: means with intervals, by language and type, and what changed since the last run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from inhouse.knowledge.judge import Expected

__all__ = ["Change", "Figure", "Judged", "compare", "summarise"]

Z = 1.96
"""95 % intervals."""
SUMS = frozenset({"leaks"})
"""Scores that are counted over the questions, not averaged."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A question and its scores."""

    expected: Expected
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over `n` questions with its 95 % interval; for counts, `value` is the sum and both ends are it.

    `group` is `all`, `language=ru`, `type=multi_doc`, …
    """

    name: str
    group: str
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a score over the questions that both runs asked: mean difference and its interval.

    `sure` is True when the interval does not hold zero.
    """

    name: str
    before: float
    after: float
    difference: float
    low: float
    high: float
    n: int
    sure: bool


def summarise(judged: Sequence[Judged]) -> tuple[Figure, ...]:
    """Every score over all questions, then by language, then by type; names in the order they come up."""
    names = list(dict.fromkeys(name for one in judged for name in one.scores))
    figures: list[Figure] = []
    for group, members in _groups(judged):
        for name in names:
            values = [one.scores[name] for one in members if name in one.scores]
            if values:
                figures.append(_figure(name, group, values))
    return tuple(figures)


def compare(before: Mapping[str, Mapping[str, float]], judged: Iterable[Judged]) -> tuple[Change, ...]:
    """Score by score, question by question; `before` is question id to scores of the earlier run."""
    pairs: dict[str, list[tuple[float, float]]] = {}
    for one in judged:
        earlier = before.get(one.expected.question_id, {})
        for name, value in one.scores.items():
            if name in earlier:
                pairs.setdefault(name, []).append((earlier[name], value))
    return tuple(_change(name, found) for name, found in pairs.items())


def _groups(judged: Sequence[Judged]) -> list[tuple[str, list[Judged]]]:
    groups: dict[str, list[Judged]] = {"all": list(judged)}
    for one in sorted(judged, key=lambda each: each.expected.language):
        groups.setdefault(f"language={one.expected.language}", []).append(one)
    for one in sorted(judged, key=lambda each: each.expected.kind):
        groups.setdefault(f"type={one.expected.kind}", []).append(one)
    return list(groups.items())


def _figure(name: str, group: str, values: Sequence[float]) -> Figure:
    n = len(values)
    if name in SUMS:
        total = sum(values)
        return Figure(name, group, total, total, total, n)
    mean = sum(values) / n
    low, high = _wilson(mean, n) if set(values) <= {0.0, 1.0} else _normal(values)
    return Figure(name, group, mean, max(0.0, low), min(1.0, high), n)


def _change(name: str, pairs: Sequence[tuple[float, float]]) -> Change:
    differences = [after - before for before, after in pairs]
    low, high = _normal(differences)
    n = len(pairs)
    return Change(
        name=name,
        before=sum(before for before, _ in pairs) / n,
        after=sum(after for _, after in pairs) / n,
        difference=sum(differences) / n,
        low=low,
        high=high,
        n=n,
        sure=n > 1 and (low > 0 or high < 0),
    )


def _wilson(share: float, n: int) -> tuple[float, float]:
    """Source: Wilson, Probable inference, 1927; right for small n and shares near 0 and 1."""
    centre = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return centre - half, centre + half


def _normal(values: Sequence[float]) -> tuple[float, float]:
    n = len(values)
    mean = sum(values) / n
    if n < 2:
        return mean, mean
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1) / n)
    return mean - Z * spread, mean + Z * spread
