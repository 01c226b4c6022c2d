"""What work inside the house costs: energy above idle per request, and what stands there anyway.

Watts and seconds are measurements (float); money is `Decimal` micro-units of the house currency. A month
is 730 hours. What was not written down (a tariff, the watts) makes the cost unknown, not zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import NamedTuple

__all__ = [
    "HARDWARE",
    "HOURS_PER_MONTH",
    "Band",
    "Electricity",
    "HardwarePreset",
    "Machine",
    "capacity_jobs",
    "capacity_tokens",
    "energy_cost",
    "fixed_month",
    "kwh",
    "machine_of",
    "power_at",
    "read_band",
    "run_cost",
]

HOURS_PER_MONTH = 730
MICROS = Decimal(1_000_000)
NANO_PER_MICRO = Decimal(3_600_000_000)
"""Nano-joules of a kilowatt-hour (3.6e15) by micro-units of one (1e6)."""


class Band(NamedTuple):
    """Hours of the day with a price of their own; `end` is not part of it, and may lie past midnight."""

    start: int
    end: int
    kwh: Decimal


@dataclass(frozen=True, slots=True)
class Electricity:
    """What a kilowatt-hour costs in the house currency; None: not known. Bands win over `kwh`."""

    kwh: Decimal | None = None
    bands: tuple[Band, ...] = ()

    def price(self, at: float, zone: tzinfo) -> Decimal | None:
        """The price at a moment (UNIX seconds), by the wall clock of the house."""
        if not self.bands:
            return self.kwh
        return self.of_hour(datetime.fromtimestamp(at, zone).hour)

    def of_hour(self, hour: int) -> Decimal | None:
        """The price in an hour of the day, 0-23."""
        for start, end, price in self.bands:
            if start <= hour < end if start < end else hour >= start or hour < end:
                return price
        return self.kwh

    def average(self) -> Decimal | None:
        """Over a whole day, for what runs around the clock."""
        prices = [self.of_hour(hour) for hour in range(24)]
        known = [price for price in prices if price is not None]
        return sum(known, Decimal(0)) / 24 if len(known) == 24 else None


def read_band(text: str) -> Band:
    """`23-7=0.08`: from 23:00 to 7:00 a kilowatt-hour costs 0.08.

    Raises:
        ValueError: if it is written in another way.
    """
    hours, _, price = text.partition("=")
    start, _, end = hours.partition("-")
    band = Band(int(start), int(end), Decimal(price.strip()))
    if not (0 <= band.start < 24 and 0 <= band.end <= 24 and band.kwh >= 0):
        raise ValueError("hours are 0 to 24 and a price is not negative")
    return band


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that runs engines, as the administrator described it. Money in the house currency.

    `engines` are shell patterns. Watts are of all that is powered for this work. `hourly` is for a machine
    that is paid by the hour: then energy and amortisation are in that price. None: not known.
    """

    name: str
    engines: tuple[str, ...] = ("*",)
    idle_watts: float | None = None
    peak_watts: float | None = None
    capex: Decimal | None = Decimal(0)
    residual: Decimal = Decimal(0)
    months: int = 36
    maintenance_month: Decimal = Decimal(0)
    hourly: Decimal | None = None
    hours_month: int | None = None
    """Hours a month that are paid in any case; None: only those in which it works."""
    tokens_per_second: float | None = None
    measured: bool = False
    """Watts are read from the machine itself where it can tell them."""


def machine_of(machines: tuple[Machine, ...], engine: str) -> Machine | None:
    """The first machine whose patterns fit the engine's name."""
    return next((each for each in machines if any(fnmatchcase(engine, one) for one in each.engines)), None)


def power_at(machine: Machine, utilisation: float) -> float | None:
    """Watts at a share of full load: P_idle + (P_peak - P_idle) * u."""
    if machine.idle_watts is None or machine.peak_watts is None:
        return None
    return machine.idle_watts + (machine.peak_watts - machine.idle_watts) * utilisation


def kwh(watts: float, hours: float) -> Decimal:
    """Kilowatt-hours."""
    return Decimal(str(watts)) * Decimal(str(hours)) / 1000


def energy_cost(watts: float, seconds: float, price_kwh: Decimal) -> Decimal:
    """Micro-units that a power costs over a time; `price_kwh` in whole units."""
    # Measured figures: a nano-joule is finer than any meter, and three times as fast as text.
    return Decimal(round(watts * seconds * 1e9)) * price_kwh / NANO_PER_MICRO


def run_cost(
    machine: Machine,
    seconds: float,
    price_kwh: Decimal | None,
    *,
    watts: float | None = None,
    idle_watts: float | None = None,
) -> Decimal | None:
    """Micro-units that a request costs beyond what stands there anyway: the energy above idle.

    `seconds` is the request's own share of the machine's time: of two requests at work at once each has
    half. `watts` is the measured power of that time, else the peak counts. A machine paid by the hour
    costs its time, unless its hours are paid in any case. None: the watts or the price are not known.
    """
    if machine.hourly is not None:
        if machine.hours_month is not None:
            return Decimal(0)  # paid in any case
        return machine.hourly * Decimal(str(seconds)) / 3600 * MICROS
    idle = machine.idle_watts if idle_watts is None else idle_watts
    busy = machine.peak_watts if watts is None else watts
    if price_kwh is None or idle is None or busy is None:
        return None
    return energy_cost(max(0.0, busy - idle), seconds, price_kwh)


def fixed_month(machine: Machine, price_kwh: Decimal | None) -> Decimal | None:
    """Micro-units a month whether it works or not: amortisation, maintenance, and the energy of idling.

    A machine paid by the hour costs its hours. None: its price, watts or the price of energy are not known.
    """
    if machine.hourly is not None:
        return (machine.hourly * (machine.hours_month or 0) + machine.maintenance_month) * MICROS
    if machine.capex is None or machine.idle_watts is None or price_kwh is None:
        return None
    owning = (machine.capex - machine.residual) / machine.months + machine.maintenance_month
    return (owning + kwh(machine.idle_watts, HOURS_PER_MONTH) * price_kwh) * MICROS


def capacity_tokens(tokens_per_second: float, utilisation: float = 1.0) -> Decimal:
    """Tokens that a machine writes in a month."""
    return Decimal(str(tokens_per_second)) * HOURS_PER_MONTH * 3600 * Decimal(str(utilisation))


def capacity_jobs(input_tokens: int, output_tokens: int, *, prefill_per_s: float, decode_per_s: float) -> int:
    """Jobs of that size that a machine does in a month, one after the other."""
    seconds = input_tokens / prefill_per_s + output_tokens / decode_per_s
    return int(HOURS_PER_MONTH * 3600 / seconds)


@dataclass(frozen=True, slots=True)
class HardwarePreset:
    """Figures of a machine from a source, on a day; the house's own figures are better."""

    source: str
    day: str
    currency: str
    idle_watts: float | None = None
    peak_watts: float | None = None
    capex: Decimal = Decimal(0)
    hourly: Decimal | None = None
    tokens_per_second: float | None = None


_PLAN_3 = "planning document 003, part 5 (power and price of the card alone)"
HARDWARE: Mapping[str, HardwarePreset] = MappingProxyType(
    {
        "rtx3090-used": HardwarePreset(_PLAN_3, "2025-11", "USD", 30, 350, Decimal(1200)),
        "rtx4090": HardwarePreset(_PLAN_3, "2025-11", "USD", 30, 450, Decimal(1800)),
        "rtx4060ti-16gb": HardwarePreset(_PLAN_3, "2025-11", "USD", 15, 165, Decimal(500)),
        "rented-v100": HardwarePreset(
            "planning document 000, variant 3", "2026-01", "EUR", hourly=Decimal("0.40")
        ),
        "rented-24gb": HardwarePreset(
            "planning document 003, part 5: 0.30-0.80 an hour, the middle",
            "2025-11",
            "USD",
            hourly=Decimal("0.55"),
        ),
    }
)
"""Names for `[[hardware]] preset`. Idle watts are typical of an idle desktop card; measure your own."""
