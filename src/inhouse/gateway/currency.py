"""The house currency, and what other currencies were worth in it on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

__all__ = ["Rate", "RateTable"]


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
