"""Prices, budgets and the cost of local work, from settings."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog

from inhouse.config import Loaded
from inhouse.config.money import HardwareEntry, PriceEntry
from inhouse.gateway.accounts import BudgetRule
from inhouse.gateway.costs import HARDWARE, Band, Electricity, HardwarePreset, Machine, machine_of, read_band
from inhouse.gateway.currency import Rate, RateTable
from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.energy import PowerMeter, sources_here
from inhouse.gateway.edge.ledger import SqlLedger
from inhouse.gateway.edge.money import HouseMoney
from inhouse.gateway.edge.prices import BOOK, Prices, read_book
from inhouse.gateway.edge.till import HouseTill, MoneyRules
from inhouse.gateway.fleet import Engine
from inhouse.gateway.prices import BOOK_CURRENCY, Override, Rates
from inhouse.kernel.errors import BadRequest

__all__ = ["Cash", "open_cash", "rented_engines", "zone_of"]

log = structlog.get_logger(__name__)

LOCAL_TIME = Path("/etc/localtime")


@dataclass(frozen=True, slots=True)
class Cash:
    """All that knows about money; `meter` is None where no machine measures its power."""

    till: HouseTill
    money: HouseMoney
    meter: PowerMeter | None
    ledger: SqlLedger
    board: FleetBoard

    def start(self, ledger: SqlLedger) -> None:
        """Begin with what was spent before. Blocks on the disk."""
        self.till.start(ledger.spent)
        if self.meter is not None:
            self.meter.start()

    def renew(self, loaded: Loaded) -> None:
        """Go on under other settings; what was spent stays spent. The time zone needs a new start.

        Raises:
            BadRequest: if they are wrong; then nothing changes.
        """
        prices, rules = _read(loaded, self.board)
        self.till.renew(rules, prices, self.ledger.spent)

    def stop(self) -> None:
        """Measure no more."""
        if self.meter is not None:
            self.meter.stop()


def open_cash(loaded: Loaded, board: FleetBoard, ledger: SqlLedger) -> Cash:
    """Everything about money, read from the settings; the price table itself is read when it is needed.

    Raises:
        BadRequest: if a setting names a time zone, machine, tariff or price table that does not exist.
    """
    prices, rules = _read(loaded, board)
    meter = PowerMeter(sources_here(), clock=time.time) if any(m.measured for m in rules.machines) else None
    zone = zone_of(loaded.settings.money.timezone)
    till = HouseTill(rules, prices, zone, clock=time.time, meter=meter)
    return Cash(till, HouseMoney(till, ledger, clock=time.time), meter, ledger, board)


def _read(loaded: Loaded, board: FleetBoard) -> tuple[Prices, MoneyRules]:
    settings = loaded.settings.money
    rates = RateTable(
        settings.currency,
        tuple(Rate(each.currency, each.rate, each.since) for each in loaded.settings.rate),
    )
    path = Path(settings.price_book).expanduser() if settings.price_book else BOOK
    if settings.price_book:
        read_book(path)
    if rates.factor(BOOK_CURRENCY, _today()) is None:
        log.warning("rate_missing", currency=BOOK_CURRENCY, house=settings.currency, hint="add a [[rate]]")

    def engine_of(name: str) -> Engine | None:
        return board.fleet.engine(name)  # of the snapshot of that moment

    prices = Prices(
        lambda: read_book(path),
        tuple(_override(each, settings.currency) for each in loaded.settings.price),
        rates,
        engine_of=engine_of,
        provider_of={each.name: each.prices for each in loaded.settings.engine if each.prices},
    )
    return prices, _rules(loaded, rates)


def zone_of(name: str) -> tzinfo:
    """The wall clock of a place; without a name this machine's.

    Raises:
        BadRequest: if nothing is known about the place.
    """
    try:
        if name:
            return ZoneInfo(name)
        with LOCAL_TIME.open("rb") as file:
            return ZoneInfo.from_file(file, "local time")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if not name:
            return datetime.now().astimezone().tzinfo or UTC
        raise BadRequest(
            f"Setting money.timezone is {name!r}, which is no time zone that this machine knows",
            hint="names are like Europe/Berlin; `pip install tzdata` brings them where the system has none",
        ) from None


def rented_engines(loaded: Loaded) -> frozenset[str]:
    """Engines on machines that are paid by the hour: outside the house until the administrator says more."""
    rented = [each for each in loaded.settings.hardware if _machine_hourly(each)]
    names = [entry.name for entry in loaded.settings.engine]
    machines = [Machine(each.name, each.engines) for each in rented]
    return frozenset(name for name in names if any(_runs(machine, name) for machine in machines))


def _runs(machine: Machine, engine: str) -> bool:
    return machine_of((machine,), engine) is not None


def _machine_hourly(entry: HardwareEntry) -> bool:
    preset = HARDWARE.get(entry.preset)
    return entry.hourly is not None or (preset is not None and preset.hourly is not None)


def _rules(loaded: Loaded, rates: RateTable) -> MoneyRules:
    settings = loaded.settings.money
    return MoneyRules(
        currency=settings.currency,
        reference=settings.reference_model,
        reference_factor=settings.reference_factor,
        electricity=Electricity(settings.electricity_kwh, tuple(_bands(settings.electricity_bands))),
        machines=tuple(_machine(each, rates) for each in loaded.settings.hardware),
        budgets=tuple(
            BudgetRule(
                each.scope, each.name, each.period, int(each.limit * 1_000_000), unpriced=each.unpriced
            )
            for each in loaded.settings.budget
        ),
    )


def _bands(written: tuple[str, ...]) -> list[Band]:
    try:
        return [read_band(text) for text in written]
    except (ValueError, ArithmeticError):
        raise BadRequest(
            f"Setting money.electricity_bands is {', '.join(written)!r}, which is not hours and prices",
            hint="write them like 23-7=0.08",
        ) from None


def _override(entry: PriceEntry, house: str) -> Override:
    batch = None
    if entry.batch_input is not None or entry.batch_output is not None:
        batch = Rates(entry.batch_input, entry.batch_output, entry.cached, entry.cache_write, entry.reasoning)
    rates = Rates(entry.input, entry.output, entry.cached, entry.cache_write, entry.reasoning)
    return Override(entry.engine, entry.model, entry.since, entry.currency or house, rates, batch)


def _machine(entry: HardwareEntry, rates: RateTable) -> Machine:
    preset = HARDWARE.get(entry.preset)
    if entry.preset and preset is None:
        raise BadRequest(
            f"The [[hardware]] block {entry.name!r} names the preset {entry.preset!r}, which is unknown",
            hint=f"presets are {', '.join(HARDWARE)}",
        )
    preset = preset or HardwarePreset("", "", rates.house)
    capex = entry.capex
    if capex is None and entry.preset:
        capex = _in_house_money(preset.capex, entry, preset, rates)
    hourly = entry.hourly
    if hourly is None and preset.hourly is not None:
        hourly = _in_house_money(preset.hourly, entry, preset, rates)
    return Machine(
        name=entry.name,
        engines=entry.engines,
        idle_watts=preset.idle_watts if entry.idle_watts is None else entry.idle_watts,
        peak_watts=preset.peak_watts if entry.peak_watts is None else entry.peak_watts,
        capex=capex,
        residual=entry.residual,
        months=entry.months,
        maintenance_month=entry.maintenance_month,
        hourly=hourly,
        hours_month=entry.hours_month,
        tokens_per_second=entry.tokens_per_second or preset.tokens_per_second,
        measured=entry.measured,
    )


def _in_house_money(
    amount: Decimal, entry: HardwareEntry, preset: HardwarePreset, rates: RateTable
) -> Decimal:
    factor = rates.factor(preset.currency, _today())
    if factor is None and amount:
        raise BadRequest(
            f"The [[hardware]] preset {entry.preset!r} is priced in {preset.currency}, and what that is worth"
            f" in {rates.house} is not known",
            hint=f"add a [[rate]] for {preset.currency}, or write capex (or hourly) into the block",
        )
    return amount * (factor or 1)


def _today() -> date:
    return datetime.fromtimestamp(time.time(), UTC).date()
