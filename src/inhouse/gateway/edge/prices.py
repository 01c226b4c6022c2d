"""Reads the price book that comes with the package, or the administrator's newer one.

The book is an extract of `genai-prices` (`tools/price_book.py`, docs/decisions/0010-price-book.md). Nothing
is read before the first price is asked for, only the lists of vendors that are asked about are kept, and
nothing is ever fetched.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from inhouse.gateway.currency import RateTable
from inhouse.gateway.fleet import Engine
from inhouse.gateway.prices import (
    BOOK_CURRENCY,
    STALE_AFTER_DAYS,
    BookProvider,
    Override,
    Tariff,
    find_model,
    matches,
    override_for,
    tariff_of,
)
from inhouse.kernel.errors import BadRequest

__all__ = ["BOOK", "PriceBook", "Prices", "read_book"]

BOOK = Path(__file__).with_name("price_book.json")
BY_KIND = {"anthropic": "anthropic", "gemini": "google"}
MAKERS = ("openai", "anthropic", "google")
"""Vendors whose models are known by their names alone, for engines behind an address of the house."""
MEMO_SECONDS = 1800
"""Prices change at most on the half hour."""
MEMO_ENTRIES = 4096


class _Book(msgspec.Struct):
    source: str
    date: str
    providers: dict[str, msgspec.Raw]


@dataclass(frozen=True)
class PriceBook:
    """A price table; `day` is when it was up to date. Lists of vendors are decoded when they are needed."""

    source: str
    day: date
    raw: Mapping[str, msgspec.Raw]

    def age_days(self, now: float) -> int:
        """Days since the book was up to date, 0 for one of the future."""
        return max(0, (datetime.fromtimestamp(now, UTC).date() - self.day).days)

    def is_stale(self, now: float) -> bool:
        """True for a table so old that some price has probably changed."""
        return self.age_days(now) > STALE_AFTER_DAYS

    def tariff(self, provider: str, model: str, at: float, *, batch: bool = False) -> Tariff | None:
        """What a vendor charges for a model at a moment, None when the book does not say."""
        if provider not in self.raw:
            return None
        vendor = self._provider(provider)
        found = find_model(vendor, model, {name: self._provider(name) for name in vendor.fallback})
        if found is None:
            return None
        tariff = tariff_of(found, at, batch=batch)
        return Tariff(tariff.rates, tariff.above, f"{self.source}, {self.day}, {provider}/{found.name}")

    def provider_at(self, url: str) -> str | None:
        """The vendor whose API has that address."""
        return next((name for name, pattern in self._urls.items() if pattern.match(url)), None)

    def maker_of(self, model: str) -> str | None:
        """The vendor that makes a model of that name, among those whose names are their own."""
        name = model.lower()
        return next((each for each in MAKERS if matches(self._provider(each).match, name)), None)

    def has(self, provider: str) -> bool:
        """True when the book has a list of that vendor."""
        return provider in self.raw

    def _provider(self, name: str) -> BookProvider:
        found = self._decoded.get(name)
        if found is None:
            found = self._decoded[name] = msgspec.json.decode(self.raw[name], type=BookProvider)
        return found

    @cached_property
    def _decoded(self) -> dict[str, BookProvider]:
        return {}

    @cached_property
    def _urls(self) -> dict[str, re.Pattern[str]]:
        class Address(msgspec.Struct):
            url: str

        return {
            name: re.compile(msgspec.json.decode(raw, type=Address).url) for name, raw in self.raw.items()
        }


def read_book(path: Path = BOOK) -> PriceBook:
    """The price table in a file.

    Raises:
        BadRequest: if the file cannot be read or is no price book.
    """
    try:
        book = msgspec.json.decode(path.read_bytes(), type=_Book)
        day = date.fromisoformat(book.date)
    except (OSError, ValueError) as error:  # msgspec's errors are ValueErrors
        raise BadRequest(
            f"The price book {path} cannot be read: {error}",
            hint="write it with tools/price_book.py, or leave money.price_book empty",
        ) from None
    return PriceBook(book.source, day, book.providers)


class Prices:
    """What engines outside the house charge, in the house currency; not known is None.

    In order: prices that the administrator wrote down, then the book. `engine_of` gives an engine of the
    last snapshot. A lookup is remembered for half an hour of the clock, so that it costs a dictionary.
    """

    def __init__(
        self,
        book: Callable[[], PriceBook],
        overrides: tuple[Override, ...],
        rates: RateTable,
        *,
        engine_of: Callable[[str], Engine | None],
        provider_of: Mapping[str, str] | None = None,
    ) -> None:
        self._read = book
        self._overrides = overrides
        self._rates = rates
        self._engine_of = engine_of
        self._provider_of = provider_of or {}
        self._memo: dict[tuple[str, str, int], Tariff | None] = {}
        self._named: dict[tuple[str, int, bool], Tariff | None] = {}

    @cached_property
    def book(self) -> PriceBook:
        """The price table; read at the first call."""
        return self._read()

    def tariff(self, engine: str, model: str, at: float) -> Tariff | None:
        """What a model costs on an engine at a moment."""
        key = (engine, model, int(at // MEMO_SECONDS))
        try:
            return self._memo[key]
        except KeyError:
            pass
        if len(self._memo) >= MEMO_ENTRIES:
            self._memo.clear()
        found = self._look_up(engine, model, at)
        # An engine that nobody has seen yet may turn up at the next look.
        if found is not None or self._engine_of(engine) is not None:
            self._memo[key] = found
        return found

    def of_name(self, name: str, at: float, *, batch: bool = False) -> Tariff | None:
        """What `provider/model`, or a model whose maker is known, costs; for reference models."""
        key = (name, int(at // MEMO_SECONDS), batch)
        if key not in self._named:
            if len(self._named) >= MEMO_ENTRIES:
                self._named.clear()
            self._named[key] = self._of_name(name, at, batch)
        return self._named[key]

    def _of_name(self, name: str, at: float, batch: bool) -> Tariff | None:
        provider, slash, model = name.partition("/")
        for each in (name, model) if slash else (name,):
            written = override_for(self._overrides, "", each, day=_day(at), batch=batch)
            if written is not None:
                return self._written(written, at)
        if slash and self.book.has(provider):
            return self._in_house_money(self.book.tariff(provider, model, at, batch=batch), at)
        maker = self.book.maker_of(name)
        found = self.book.tariff(maker, name, at, batch=batch) if maker else None
        return self._in_house_money(found, at)

    def _look_up(self, engine: str, model: str, at: float) -> Tariff | None:
        written = override_for(self._overrides, engine, model, day=_day(at))
        if written is not None:
            return self._written(written, at)
        provider = self._vendor(engine, model)
        return self._in_house_money(self.book.tariff(provider, model, at), at) if provider else None

    def _vendor(self, name: str, model: str) -> str | None:
        """Whose price list holds for an engine.

        An address inside the house that is called cloud is a proxy to a vendor: then the maker of the model
        is asked for. An unknown address outside may be any reseller's, so its prices are not known.
        """
        if name in self._provider_of:
            return self._provider_of[name]
        engine = self._engine_of(name)
        if engine is None:
            return None
        if engine.kind in BY_KIND:
            return BY_KIND[engine.kind]
        if engine.kind == "ollama":
            return None
        return self.book.provider_at(engine.url) or (
            self.book.maker_of(model) if _inside(engine.url) else None
        )

    def _written(self, written: Override, at: float) -> Tariff | None:
        factor = self._rates.factor(written.currency, _day(at))
        return Tariff(written.rates.times(factor), (), f"[[price]] since {written.since}") if factor else None

    def _in_house_money(self, tariff: Tariff | None, at: float) -> Tariff | None:
        factor: Decimal | None = self._rates.factor(BOOK_CURRENCY, _day(at))
        return tariff.times(factor) if tariff is not None and factor is not None else None


def _day(at: float) -> date:
    return datetime.fromtimestamp(at, UTC).date()


def _inside(url: str) -> bool:
    host = (urlsplit(url).hostname or "").lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan", ".internal", ".corp", ".home.arpa"))
    return address.is_private or address.is_loopback
