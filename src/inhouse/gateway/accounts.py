"""Budgets: who may spend how much in which time, and how much of it is gone.

Only what engines outside the house cost is counted: work inside it is what budgets are to bring about. A
request counts in the window in which it began, which is also how the ledger counts it, so that the enforced
figure and the ledger's sum are one number. Windows go by the wall clock of the house; a clock that jumps
opens another window and finds the old one again when it jumps back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

__all__ = ["BudgetRule", "Payer", "Period", "Purse", "Scope", "Window", "purses_of", "window_of"]

Period = Literal["day", "week", "month"]
Scope = Literal["key", "user", "team", "model", "house"]

KEPT_WINDOWS = 3
"""The present one, and those around it for requests that end late and for clocks that jump."""


class Window(NamedTuple):
    """From `start` up to `end`, in UNIX seconds."""

    start: float
    end: float


def window_of(period: Period, at: float, zone: tzinfo) -> Window:
    """The day, week (from Monday) or month that holds a moment, by the wall clock of `zone`.

    A day is 23 or 25 hours long where the clock is changed.
    """
    moment = datetime.fromtimestamp(at, zone)
    start = moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if period == "week":
        start -= timedelta(days=start.weekday())
    elif period == "month":
        start = start.replace(day=1)
    if period == "month":
        end = (start + timedelta(days=32)).replace(day=1)
    else:
        end = start + timedelta(days=7 if period == "week" else 1)
    return Window(start.timestamp(), end.timestamp())


@dataclass(frozen=True, slots=True)
class BudgetRule:
    """At most `limit_micros` per `period`, for each one of `scope` whose name fits the shell pattern.

    `unpriced` tells what happens to a model whose price is not known: it cannot be counted, so by default
    it is refused.
    """

    scope: Scope
    name: str
    period: Period
    limit_micros: int
    unpriced: Literal["refuse", "allow"] = "refuse"


class Payer(NamedTuple):
    """On whose account a request goes. `model` is the one that runs, None before that is decided."""

    key: str
    user: str
    team: str
    model: str | None

    def name(self, scope: Scope) -> str | None:
        """What a rule of that scope looks at; None where there is nothing of the kind."""
        match scope:
            case "key":
                return self.key or None
            case "user":
                return self.user
            case "team":
                return self.team or None
            case "model":
                return self.model
            case "house":
                return "house"


@dataclass(slots=True)
class _Money:
    spent: int = 0
    held: int = 0


@dataclass(slots=True)
class Purse:
    """What one payer has spent under one rule, in micro-units; `held` is set aside for requests at work."""

    rule: BudgetRule
    name: str
    zone: tzinfo
    _windows: dict[float, _Money] = field(default_factory=dict)
    _window: Window = field(default_factory=lambda: Window(0.0, 0.0))

    def window(self, now: float) -> Window:
        """The window that holds a moment."""
        if not self._window.start <= now < self._window.end:
            self._window = window_of(self.rule.period, now, self.zone)
        return self._window

    def left(self, now: float) -> int:
        """What may still be spent; below zero when more was spent than there was."""
        money = self._money(self.window(now).start)
        return self.rule.limit_micros - money.spent - money.held

    def spent(self, now: float) -> int:
        """What was spent in the window that holds a moment, without what is only set aside."""
        return self._money(self.window(now).start).spent

    def hold(self, amount: int, now: float) -> float:
        """Set money aside; the start of the window it was taken from, for `settle`."""
        start = self.window(now).start
        self._money(start).held += amount
        return start

    def settle(self, held: int, cost: int, start: float) -> None:
        """Replace what was set aside by what it cost."""
        money = self._money(start)
        money.held -= held
        money.spent += cost

    def load(self, spent: int, now: float) -> None:
        """Begin with what the ledger says for the window that holds a moment."""
        self._money(self.window(now).start).spent = spent

    def _money(self, start: float) -> _Money:
        found = self._windows.get(start)
        if found is None:
            found = self._windows[start] = _Money()
            idle = [each for each, money in self._windows.items() if not money.held and each != start]
            for each in sorted(idle)[: max(0, len(self._windows) - KEPT_WINDOWS)]:
                del self._windows[each]
        return found


def purses_of(rules: tuple[BudgetRule, ...], payer: Payer) -> list[tuple[int, str]]:
    """Which rules apply to a payer, as (number of the rule, the name under it)."""
    found = []
    for number, rule in enumerate(rules):
        name = payer.name(rule.scope)
        if name is not None and (rule.scope == "house" or fnmatchcase(name.lower(), rule.name.lower())):
            found.append((number, name.lower() if rule.scope == "model" else name))
    return found
