"""What a model costs per token, and what a number of tokens costs.

Money is never a float here: prices are `Decimal`, in units of a currency per million tokens, so that
tokens times price is exactly micro-units. What is not known is None, which is not zero.
This module knows no address and no file; `edge/prices.py` reads the price book.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal

import msgspec

from inhouse.kernel.messages import Usage

__all__ = [
    "BOOK_CURRENCY",
    "STALE_AFTER_DAYS",
    "BookModel",
    "BookProvider",
    "Override",
    "Rates",
    "Tariff",
    "cost_of",
    "find_model",
    "micros",
    "override_for",
    "tariff_of",
]

BOOK_CURRENCY = "USD"
"""The price book gives all prices in dollars."""

NOTHING = Decimal(0)

STALE_AFTER_DAYS = 90
"""A price table older than this is said aloud: vendors changed some price in every quarter of 2024-2026."""

Category = Literal["i", "o", "c", "w", "r"]
"""Categories in the book: input, output, cached input, cache write, reasoning."""

Clause = tuple[str, ...] | list[object]
Step = list[object]
"""`[price]` or `[price, [above, price], ...]`, prices as text: beyond `above` input tokens that price
holds for all tokens of the request."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Prices per million tokens; None where the price is not known.

    `cached` and `cache_write` None: the vendor has no separate price, so the input price holds. The same
    is true of `reasoning` and the output price.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    cached: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None

    def times(self, factor: Decimal) -> Rates:
        """The same prices in another currency."""
        return Rates(*(None if price is None else price * factor for price in self._all()))

    def _all(self) -> tuple[Decimal | None, ...]:
        return self.input, self.output, self.cached, self.cache_write, self.reasoning


@dataclass(frozen=True, slots=True)
class Tariff:
    """The rates of one model at one time; `above` holds (input tokens, rates), rising.

    More input tokens than a step says makes that step's rates count for the whole request, as vendors
    bill it. `source` says where the prices come from, for people.
    """

    rates: Rates
    above: tuple[tuple[int, Rates], ...] = ()
    source: str = ""

    def at(self, input_tokens: int) -> Rates:
        """The rates for a prompt of that length."""
        found = self.rates
        for start, rates in self.above:
            if input_tokens > start:
                found = rates
        return found

    def times(self, factor: Decimal) -> Tariff:
        """The same tariff in another currency."""
        if factor == 1:
            return self
        above = tuple((start, rates.times(factor)) for start, rates in self.above)
        return replace(self, rates=self.rates.times(factor), above=above)


def cost_of(tariff: Tariff, usage: Usage) -> Decimal | None:
    """Micro-units that these tokens cost, exactly; None when a price that is needed is not known.

    Cached tokens and tokens written to a cache are part of the input tokens, reasoning is part of the
    output (see `Usage`); a vendor that counts more of a part than of the whole is billed for the part.
    """
    rates = tariff.at(usage.input_tokens) if tariff.above else tariff.rates
    cached, written, reasoning = usage.cached_tokens, usage.cache_write_tokens, usage.reasoning_tokens
    fresh, said = usage.input_tokens - cached - written, usage.output_tokens - reasoning
    # Spelled out: a loop over pairs takes twice the time, on a path that every request takes three times.
    total = NOTHING
    if fresh > 0:
        if rates.input is None:
            return None
        total = fresh * rates.input
    if said > 0:
        if rates.output is None:
            return None
        total += said * rates.output
    for count, price, general in (
        (cached, rates.cached, rates.input),
        (written, rates.cache_write, rates.input),
        (reasoning, rates.reasoning, rates.output),
    ):
        if count:
            paid = general if price is None else price
            if paid is None:
                return None
            total += count * paid
    return total


def micros(amount: Decimal) -> int:
    """Whole micro-units; half of one goes to the even neighbour, so that sums do not drift."""
    return int(amount.to_integral_value(ROUND_HALF_EVEN))


@dataclass(frozen=True, slots=True)
class Override:
    """Prices that the administrator wrote down; they win over the book from `since` on.

    `engine` and `model` are shell patterns. The latest `since` that has begun counts.
    """

    engine: str
    model: str
    since: date
    currency: str
    rates: Rates
    batch: Rates | None = None


def override_for(
    overrides: tuple[Override, ...], engine: str, model: str, *, day: date, batch: bool = False
) -> Override | None:
    """The newest price written down for this model; of two of one day the later in the file.

    `batch` asks for the price of work that is handed in as a batch; without one the ordinary price holds.
    """
    name = model.lower()
    found = None
    for each in overrides:
        fits = fnmatchcase(engine, each.engine) and fnmatchcase(name, each.model.lower())
        if fits and each.since <= day and (found is None or each.since >= found.since):
            found = each
    if found is not None and batch and found.batch is not None:
        return replace(found, rates=found.batch)
    return found


class BookModel(msgspec.Struct, frozen=True, array_like=True):
    """One model of the price book. `prices` and `batch` are `[when, {category: step}]`, last fitting wins.

    `when` is None, a day (`2026-09-01`) or hours of UTC (`16:30-00:30`).
    """

    name: str
    match: list[object]
    prices: list[tuple[str | None, dict[str, Step]]]
    batch: list[tuple[str | None, dict[str, Step]]] = []


class BookProvider(msgspec.Struct, frozen=True):
    """A vendor's price list. `url` is a pattern of its API's address, `match` of names that are its own.

    `fallback` are vendors whose models it offers at their prices.
    """

    url: str
    match: list[object] | None
    fallback: list[str]
    models: list[BookModel]


def find_model(provider: BookProvider, name: str, others: Mapping[str, BookProvider]) -> BookModel | None:
    """The book's model for a name as an API knows it; one step of fallback, as the vendor resells."""
    name = name.lower()
    for each in (name, _dashed(name)):
        for lists in (provider, *(others[other] for other in provider.fallback if other in others)):
            found = next((model for model in lists.models if matches(model.match, each)), None)
            if found is not None:
                return found
    return None


def tariff_of(model: BookModel, at: float, *, batch: bool = False) -> Tariff:
    """What the model costs at a moment (UNIX seconds); batch prices replace only what they name."""
    steps = dict(_holding(model.prices, at) or {})
    if batch:
        steps |= _holding(model.batch, at, first=False) or {}
    starts = sorted({int(str(more[0])) for step in steps.values() for more in _more(step)})
    rates = {start: _rates(steps, start) for start in (-1, *starts)}
    return Tariff(rates[-1], tuple((start, rates[start]) for start in starts))


def matches(clause: list[object] | None, name: str) -> bool:
    """True when a lower-case name fits: `=` is, `^` begins, `$` ends, `~` holds, `r` expression, `|`, `&`."""
    if clause is None:
        return False
    kind, rest = str(clause[0]), clause[1:]
    if kind in "|&":
        parts = (matches(part, name) for part in rest if isinstance(part, list))
        return any(parts) if kind == "|" else all(parts)
    word = str(rest[0])
    match kind:
        case "=":
            return name == word
        case "^":
            return name.startswith(word)
        case "$":
            return name.endswith(word)
        case "~":
            return word in name
    return _compiled(word).search(name) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _dashed(name: str) -> str:
    """`gpt-5.2-20251211` as `gpt-5.2-2025-12-11`, which is how vendors write dates in names."""
    return re.sub(r"-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)", r"-\1-\2-\3", name)


def _holding(
    prices: list[tuple[str | None, dict[str, Step]]], at: float, *, first: bool = True
) -> dict[str, Step] | None:
    """The last entry whose time has come; none fitting, the first one where `first`."""
    moment = datetime.fromtimestamp(at, UTC)
    for when, steps in reversed(prices):
        if when is None or _is_now(when, moment):
            return steps
    return prices[0][1] if prices and first else None


def _is_now(when: str, moment: datetime) -> bool:
    if ":" not in when:
        return moment.date() >= date.fromisoformat(when)
    start, _, end = when.partition("-")
    clock = moment.strftime("%H:%M")
    return start <= clock < end if start <= end else clock >= start or clock < end


def _more(step: Step) -> list[list[object]]:
    return [part for part in step[1:] if isinstance(part, list)]


def _rates(steps: Mapping[str, Step], above: int) -> Rates:
    def price(category: Category) -> Decimal | None:
        step = steps.get(category)
        if step is None:
            return None
        found = step[0]
        for start, more in _more(step):
            if int(str(start)) <= above:
                found = more
        return Decimal(str(found))

    return Rates(price("i"), price("o"), price("c"), price("w"), price("r"))
