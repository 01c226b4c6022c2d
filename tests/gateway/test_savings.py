"""Savings: gross against the reference model, net of what the machines cost, the unknown apart."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from inhouse.gateway.ports import MoneyFacts, UsageSum
from inhouse.gateway.roi import Scenario, evaluate
from inhouse.gateway.savings import MONTH_S, OwnUse, own_use, savings_of

FACTS = MoneyFacts(
    currency="EUR",
    reference="anthropic/claude-sonnet-5-5",
    reference_known=True,
    reference_factor="1",
    book="genai-prices 0.2.3",
    book_day="2026-11-09",
    book_age_days=12,
    book_stale=False,
    machines=("gpu",),
    electricity_known=True,
    fixed_month_micros=73_000_000,
    capex_micros=1_200_000_000,
    idle_month_micros=40_000_000,
)


def day(name: str, **more: int) -> UsageSum:
    """Sums of a day on which nothing happened, but for what is said."""
    empty = UsageSum(name, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    return replace(empty, **more)  # type: ignore[arg-type]  # every field but the name is a number


MONDAY = day(
    "2026-11-16",
    requests=5,
    local=4,
    unsaved=1,
    cost_micros=4400,
    cloud_cost_micros=4000,
    local_cost_micros=400,
    saved_micros=9600,
)
TUESDAY = day("2026-11-17", requests=1, local=1, unsaved=1)


def test_gross_and_net() -> None:
    """Reference less local cost is gross; gross less the machines' share of a month is net."""
    report = savings_of((MONDAY, TUESDAY), FACTS, MONTH_S / 10)
    monday, tuesday = report.lines
    assert (monday.reference_micros, monday.local_micros, monday.gross_micros) == (10_000, 400, 9600)
    assert (monday.cloud_micros, monday.unknown) == (4000, 1)
    assert (tuesday.reference_micros, tuesday.local_micros, tuesday.gross_micros) == (None, None, None)
    assert (report.total.requests, report.total.local, report.total.unknown) == (6, 5, 2)
    assert report.total.gross_micros == 9600
    assert report.fixed_micros == 7_300_000
    assert report.net_micros == 9600 - 7_300_000
    assert "2 of 5 local requests are left out: money not known" in report.notes


def test_nothing_known_is_not_nothing_saved() -> None:
    """Without one known saving gross and net are unknown; so is net without the machines' price."""
    report = savings_of((TUESDAY,), FACTS, 60)
    assert (report.total.gross_micros, report.net_micros) == (None, None)
    unknown = savings_of((MONDAY,), replace(FACTS, fixed_month_micros=None), 60)
    assert (unknown.fixed_micros, unknown.net_micros) == (None, None)
    assert unknown.total.gross_micros == 9600


def test_the_reader_is_told_what_it_means() -> None:
    """The tokenizer, what is missing, and an old price table are said."""
    assert any("tokenizer" in note and "as equal" in note for note in savings_of((), FACTS, 0).notes)
    factor = savings_of((), replace(FACTS, reference_factor="1.2"), 0).notes
    assert any("1.2 tokens of anthropic/claude-sonnet-5-5" in note for note in factor)
    bare = replace(FACTS, machines=(), electricity_known=False, reference="", fixed_month_micros=None)
    words = " ".join(savings_of((), bare, 0).notes)
    assert "money.reference_model" in words
    assert "[[hardware]]" in words
    old = savings_of((), replace(FACTS, book_stale=True, book_age_days=91), 0).notes
    assert any("91 days old" in note for note in old)
    assert any(
        "is not known in EUR" in n for n in savings_of((), replace(FACTS, reference_known=False), 0).notes
    )
    dark = savings_of((), replace(FACTS, electricity_known=False), 0).notes
    assert any("electricity_kwh" in note for note in dark)


def test_own_use_as_a_scenario() -> None:
    """Ten days of the ledger as a month: what would be paid without machines, and what they cost."""
    month = own_use(OwnUse((MONDAY,), 10.0), FACTS)
    assert isinstance(month, Scenario)
    low, high, verdict = evaluate(month)
    assert low == high
    days = Decimal(730) / 24 / 10
    assert low.cloud_month == (4000 + 10_000) * days / 1_000_000
    assert abs(low.rest_cloud_month - 4000 * days / 1_000_000) < Decimal("1e-12")
    assert low.running_month == 400 * days / 1_000_000 + 40
    assert verdict.decision == "no"
    assert any("1 local requests are left out" in note for note in month.notes)


def test_no_own_use_says_why() -> None:
    """Nothing asked, machines not described, or no price known."""
    assert "nothing was asked" in str(own_use(None, FACTS))
    assert "[[hardware]]" in str(own_use(OwnUse((MONDAY,), 1.0), replace(FACTS, capex_micros=None)))
    assert "no request" in str(own_use(OwnUse((TUESDAY,), 1.0), FACTS))
