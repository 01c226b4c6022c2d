"""What working inside the house saved: gross against a reference model, and net of what stands there anyway.

Gross is, per request answered inside the house, what the same tokens cost at the reference model less what
the request cost here beyond idling. Net takes off what the machines cost whether they work or not, for the
time the report is about. Requests whose cost or reference price is not known are counted apart, never as
zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from inhouse.gateway.costs import HOURS_PER_MONTH
from inhouse.gateway.ports import MoneyFacts, UsageSum
from inhouse.gateway.roi import Case, Scenario

__all__ = ["OwnUse", "SavingsLine", "SavingsReport", "own_use", "savings_of"]

MONTH_S = HOURS_PER_MONTH * 3600
MONTH_DAYS = Decimal(HOURS_PER_MONTH) / 24


@dataclass(frozen=True, slots=True)
class SavingsLine:
    """One day, week, model or team. Money in micro-units; None where it is not known.

    `local` requests were answered inside the house; the saving of `unknown` of them is not known, and gross
    is of the others. `reference_micros` is what those would have cost at the reference model.
    """

    name: str
    requests: int
    local: int
    unknown: int
    reference_micros: int | None
    local_micros: int | None
    gross_micros: int | None
    cloud_micros: int


@dataclass(frozen=True, slots=True)
class SavingsReport:
    """Lines, their sum, and what the machines cost meanwhile (`fixed_micros`); `notes` are for people."""

    lines: tuple[SavingsLine, ...]
    total: SavingsLine
    seconds: float
    fixed_micros: int | None
    net_micros: int | None
    notes: tuple[str, ...]


def savings_of(sums: Sequence[UsageSum], facts: MoneyFacts, seconds: float) -> SavingsReport:
    """The report over sums of the ledger that cover so many seconds."""
    lines = tuple(_line(each) for each in sums)
    total = _total(lines)
    fixed = None
    if facts.fixed_month_micros is not None:
        fixed = round(facts.fixed_month_micros * seconds / MONTH_S)
    net = None if fixed is None or total.gross_micros is None else total.gross_micros - fixed
    return SavingsReport(lines, total, seconds, fixed, net, _notes(facts, total))


def _line(each: UsageSum) -> SavingsLine:
    known = each.local - each.unsaved
    # Also an answer without a model can save (a kept reply), so its saving is not of the local requests only.
    gross = each.saved_micros if known or each.saved_micros else None
    return SavingsLine(
        name=each.name,
        requests=each.requests,
        local=each.local,
        unknown=each.unsaved,
        reference_micros=None if gross is None else gross + each.local_cost_micros,
        local_micros=each.local_cost_micros if known else None,
        gross_micros=gross,
        cloud_micros=each.cloud_cost_micros,
    )


def _total(lines: tuple[SavingsLine, ...]) -> SavingsLine:
    def known(values: list[int | None]) -> int | None:
        found = [value for value in values if value is not None]
        return sum(found) if found else None

    return SavingsLine(
        name="total",
        requests=sum(each.requests for each in lines),
        local=sum(each.local for each in lines),
        unknown=sum(each.unknown for each in lines),
        reference_micros=known([each.reference_micros for each in lines]),
        local_micros=known([each.local_micros for each in lines]),
        gross_micros=known([each.gross_micros for each in lines]),
        cloud_micros=sum(each.cloud_micros for each in lines),
    )


def _notes(facts: MoneyFacts, total: SavingsLine) -> tuple[str, ...]:
    notes = []
    if not facts.reference:
        notes.append("no reference model is set (money.reference_model), so no saving is known")
    elif not facts.reference_known:
        notes.append(f"the price of the reference model {facts.reference} is not known in {facts.currency}")
    else:
        factor = facts.reference_factor
        said = "taken as equal" if factor == "1" else f"taken as {factor} tokens of {facts.reference}"
        notes.append(
            f"compared with {facts.reference}; its tokenizer is another one: a token counted here is {said}"
            " (money.reference_factor)"
        )
    if not facts.machines:
        notes.append("no [[hardware]] is described, so what local work costs is not known")
    elif not facts.electricity_known:
        notes.append("money.electricity_kwh is not set, so what local energy costs is not known")
    if facts.fixed_month_micros is None:
        notes.append("net is not known: what the machines cost a month is not known")
    if total.unknown:
        notes.append(f"{total.unknown} of {total.local} local requests are left out: money not known")
    if facts.book_stale:
        notes.append(f"the price table is {facts.book_age_days} days old ({facts.book}, {facts.book_day})")
    return tuple(notes)


class OwnUse(NamedTuple):
    """Sums of the ledger by place, over so many days."""

    sums: tuple[UsageSum, ...]
    days: float


def own_use(use: OwnUse | None, facts: MoneyFacts) -> Scenario | str:
    """The house's own last weeks as a scenario, or why there is none.

    Without the machines everything would go to vendors: what went there anyway at what it cost, the rest at
    the price of the reference model.
    """
    if use is None:
        return "your own use is not shown: nothing was asked in the last 30 days"
    if facts.capex_micros is None or facts.idle_month_micros is None:
        return (
            "your own use is not shown: what the machines cost is not known"
            " ([[hardware]], money.electricity_kwh)"
        )
    a_month = MONTH_DAYS / Decimal(str(use.days)) / 1_000_000
    paid = sum(each.cloud_cost_micros for each in use.sums) * a_month
    kept = sum(each.saved_micros + each.local_cost_micros for each in use.sums) * a_month
    if paid + kept == 0:
        return "your own use is not shown: no request of the last 30 days has a known price"
    case = Case(
        other_cloud_month=paid + kept,
        local_share=kept / (paid + kept),
        capex=Decimal(facts.capex_micros) / 1_000_000,
        energy_month=sum(each.local_cost_micros for each in use.sums) * a_month,
        maintenance_month=Decimal(facts.idle_month_micros) / 1_000_000,
    )
    unknown = sum(each.unsaved for each in use.sums)
    notes = [f"from {use.days:.1f} days of the ledger; work kept inside is priced as {facts.reference}"]
    if unknown:
        notes.append(f"{unknown} local requests are left out: money not known")
    return Scenario(
        "own",
        "your own use of the last 30 days",
        facts.currency,
        "the ledger",
        case,
        case,
        notes=tuple(notes),
    )
