"""The part of the table of settings that is about money: prices, budgets, currencies, machines.

Amounts are decimal numbers of the house currency, never below 0; TOML's `0.1` is taken as written, never as
the nearest binary number (`values`).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from inhouse.config.section import Section, needed, setting

__all__ = ["BudgetEntry", "HardwareEntry", "MoneySection", "PriceEntry", "RateEntry"]


_CURRENCY = r"^[A-Z]{3}$"


class MoneySection(Section):
    currency: str = setting(
        "USD", "the house currency; all money is kept and shown in it", "ISO 4217", pattern=_CURRENCY
    )
    timezone: str = setting(
        "",
        "wall clock of the house, for days, budgets and tariffs, e.g. Europe/Berlin; empty is this machine's",
    )
    reference_model: str = setting(
        "anthropic/claude-sonnet-5-5",
        "what savings are measured against: the model, as provider/model, that would be asked if nothing ran"
        " in the house; empty measures nothing",
    )
    reference_factor: Decimal = setting(
        Decimal(1),
        "tokens of the reference model for one token counted here; tokenizers differ by some 10-20 %, more"
        " for Russian",
        "tokens",
        gt=0,
    )
    electricity_kwh: Decimal | None = setting(
        None, "price of electricity; without it the cost of local work is not known", "per kWh"
    )
    electricity_bands: tuple[str, ...] = setting(
        (),
        "other prices by the hour, e.g. 23-7=0.08; outside the bands electricity_kwh holds",
    )
    price_book: str = setting(
        "",
        "a newer price table than the one of this version, made by tools/price_book.py; empty is the own one",
    )


class PriceEntry(Section):
    """A price that wins over the price table: one `[[price]]` block each. Prices per million tokens."""

    model: str = needed("model it is about, as the engine names it; a shell pattern, e.g. gpt-4o*")
    engine: str = setting("*", "only on engines of this name; a shell pattern")
    since: date = setting(
        date(2000, 1, 1), "first day it holds, e.g. 2026-11-01; the latest begun one counts"
    )
    currency: str = setting(
        "", "currency of these prices; empty is the house currency", pattern=r"^([A-Z]{3})?$"
    )
    input: Decimal = needed("input tokens, per million")
    output: Decimal = needed("output tokens, per million")
    cached: Decimal | None = setting(None, "input tokens read from a cache; without it the input price holds")
    cache_write: Decimal | None = setting(
        None, "input tokens written to a cache; without it the input price holds"
    )
    reasoning: Decimal | None = setting(None, "tokens of thinking aloud; without it the output price holds")
    batch_input: Decimal | None = setting(None, "input tokens of work handed in as a batch")
    batch_output: Decimal | None = setting(None, "output tokens of work handed in as a batch")


class BudgetEntry(Section):
    """What may be spent outside the house: one `[[budget]]` block each."""

    scope: Literal["key", "user", "team", "model", "house"] = needed("whose money it is")
    name: str = setting("*", "which of them, a shell pattern; each that fits has the whole amount to itself")
    period: Literal["day", "week", "month"] = needed(
        "how long it lasts, by the wall clock of the house; weeks begin on Monday"
    )
    limit: Decimal = needed("amount of the house currency per period; 0 lets nothing be spent")
    unpriced: Literal["refuse", "allow"] = setting(
        "refuse", "cloud models whose price is not known: they cannot be counted, so the default refuses them"
    )


class RateEntry(Section):
    """What another currency is worth: one `[[rate]]` block for each change."""

    currency: str = needed("the other currency, e.g. USD", pattern=_CURRENCY)
    rate: Decimal = needed("how much of the house currency one unit of it is worth", gt=0)
    since: date = needed("first day it holds; before the first rate money is unknown")


class HardwareEntry(Section):
    """A machine that runs engines, for what local work costs: one `[[hardware]]` block each."""

    name: str = needed("name shown in reports")
    engines: tuple[str, ...] = setting(("*",), "engines that run on it; shell patterns of their names")
    preset: str = setting(
        "", "dated figures to begin with: rtx3090-used, rtx4090, rtx4060ti-16gb, rented-v100, rented-24gb"
    )
    idle_watts: float | None = setting(None, "power while nobody asks", "W", ge=0)
    peak_watts: float | None = setting(None, "power at full load", "W", ge=0)
    measured: bool = setting(
        False, "read the watts from this machine where it can tell (RAPL, nvidia-smi), else as written here"
    )
    capex: Decimal | None = setting(None, "what it cost; 0 for a machine that would stand there anyway")
    residual: Decimal = setting(Decimal(0), "what it will still be worth after `months`")
    months: int = setting(36, "how long it is used", "months", ge=1, le=240)
    maintenance_month: Decimal = setting(Decimal(0), "care for it, per month")
    hourly: Decimal | None = setting(
        None,
        "price per hour of a rented machine, with energy; its engine counts as cloud unless its [[engine]]"
        " block says where = local",
    )
    hours_month: int | None = setting(
        None,
        "hours a month that are paid in any case, e.g. 730 around the clock; without it only the time in"
        " which it works is paid, and each request costs its share of that",
        "h",
        ge=0,
        le=744,
    )
    tokens_per_second: float | None = setting(
        None, "speed of its answers, for estimates before the start", "tokens/s", gt=0
    )
