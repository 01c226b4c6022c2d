"""The house currency, and what other currencies were worth in it on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

__all__ = ["Rate", "RateTable", "money_text"]

CENT = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """From `since` on, one unit of `currency` is worth `rate` units of the house currency."""

    currency: str
    rate: Decimal
    since: date


@dataclass(frozen=True, slots=True)
class RateTable:
    """All rates that are known. A currency without a rate makes money unknown, never one to one."""

    house: str = "USD"
    rates: tuple[Rate, ...] = ()

    def factor(self, currency: str, day: date) -> Decimal | None:
        """What one unit of `currency` was worth on that day; None before its first rate."""
        if currency == self.house:
            return Decimal(1)
        known = [each for each in self.rates if each.currency == currency and each.since <= day]
        return max(known, key=lambda each: each.since).rate if known else None


def money_text(micros: int) -> str:
    """Micro-units as a person reads them: `0.0123`; all six digits where four would hide an amount."""
    small = 0 < abs(micros) < CENT and micros % 100 != 0
    return f"{micros / 1_000_000:.{6 if small else 4}f}"
