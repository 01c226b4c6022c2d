"""Does a machine of one's own pay? The reference's figures, and what the planning documents claim."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal

import pytest

from inhouse.gateway.roi import (
    Answer,
    Case,
    Job,
    break_even_requests,
    compute,
    decide,
    evaluate,
    job_cost,
    payback_months,
)
from inhouse.gateway.roi_presets import PRESETS

FLASH = Job(500, 300, Decimal("0.075"), Decimal("0.30"))
SONNET = Job(10_000, 4_000, Decimal(3), Decimal(15))
FIXED = Decimal(25) + Decimal("8.2344")


def rounded(value: Decimal | None, places: str) -> Decimal | None:
    """For comparing with figures that were written down rounded."""
    return None if value is None else value.quantize(Decimal(places))


def test_jobs() -> None:
    """C1 and C2."""
    assert job_cost(FLASH) == Decimal("0.0001275")
    assert job_cost(SONNET) == Decimal("0.090")


def test_break_even() -> None:
    """Against a flash price 260,662 requests a month, against Sonnet 369.3; below its own cost never."""
    assert rounded(break_even_requests(FIXED, job_cost(FLASH), Decimal(0)), "1") == 260_662
    assert rounded(break_even_requests(FIXED, job_cost(SONNET), Decimal(0)), "0.1") == Decimal("369.3")
    assert break_even_requests(FIXED, job_cost(FLASH), job_cost(FLASH)) is None


@pytest.mark.parametrize(
    ("cloud", "energy", "months", "five_years"),
    [
        ("33", "20", "187.5", "-816"),
        ("62", "20", "40.5", "576"),
        ("330", "20", "4.9", "13440"),
        ("620", "20", "2.5", "27360"),
    ],
)
def test_payback(cloud: str, energy: str, months: str, five_years: str) -> None:
    """The reference's four corners: a machine for 1,200 that takes 80 % of the bill."""
    answer = compute(
        Case(
            other_cloud_month=Decimal(cloud),
            local_share=Decimal("0.8"),
            capex=Decimal(1200),
            energy_month=Decimal(energy),
        )
    )
    assert rounded(answer.payback_months, "0.1") == Decimal(months)
    assert answer.five_year_net == Decimal(five_years)


def test_never_is_an_answer() -> None:
    """Nothing saved is never paid back, at whatever price."""
    assert payback_months(Decimal(1200), Decimal(0)) is None
    assert payback_months(Decimal(1200), Decimal(-1)) is None
    assert payback_months(Decimal(0), Decimal(5)) == 0


def answer_with(months: str | None) -> Answer:
    """An answer of which only the payback matters."""
    values: dict[str, Decimal | None] = {field.name: Decimal(0) for field in fields(Answer)}
    values["payback_months"] = None if months is None else Decimal(months)
    return Answer(**values)  # type: ignore[arg-type]  # every field is a number here


@pytest.mark.parametrize(
    ("low", "high", "decision", "words"),
    [
        (None, None, "no", "never"),
        ("8", "3", "proceed", "12 months in both"),
        ("30", "20", "proceed", "36 months it is used in both"),
        ("187", "20", "delay", "one case only"),
        (None, "20", "delay", "low case never"),
        ("187", "40", "no", "in any case"),
        (None, "40", "no", "in any case"),
    ],
)
def test_the_rule_that_fired(low: str | None, high: str | None, decision: str, words: str) -> None:
    """Each rule of the verdict, with the rule in its words."""
    verdict = decide(answer_with(low), answer_with(high), life_months=36)
    assert verdict.decision == decision
    assert words in verdict.rule


def test_the_first_plan_recomputed() -> None:
    """100 cabinets cost cents a year at the plan's own prices, where 5,200 is claimed: never paid back."""
    low, high, verdict = evaluate(PRESETS["000-s1"])
    assert (rounded(low.cloud_year, "0.001"), rounded(high.cloud_year, "0.001")) == (
        Decimal("0.153"),
        Decimal("0.184"),
    )
    assert [low.local_year, high.local_year] == [1200, 1800]
    assert (low.payback_months, high.payback_months) == (None, None)
    assert verdict.decision == "no"


def test_scale_does_not_save_flash_prices() -> None:
    """24,000 requests a year cost 3.06 at the plan's prices."""
    _low, high, _verdict = evaluate(PRESETS["000-s3"])
    assert high.cloud_year == Decimal("3.06")


def test_rented_by_the_hour() -> None:
    """0.40 an hour is 1,752 a year at half the hours and 3,504 at all of them, not 15,768."""
    low, high, verdict = evaluate(PRESETS["000-rented"])
    assert [low.local_year, high.local_year] == [1752, 3504]
    assert verdict.decision == "no"


def test_the_third_plan_recomputed() -> None:
    """Payback 187.5 and 40.5 months where 19-24 are claimed; five years -816 to 576 where 780-2,520 are."""
    low, high, verdict = evaluate(PRESETS["003-projected"])
    assert (rounded(low.payback_months, "0.1"), rounded(high.payback_months, "0.1")) == (
        Decimal("187.5"),
        Decimal("40.5"),
    )
    assert [low.five_year_net, high.five_year_net] == [-816, 576]
    assert verdict.decision == "delay"


def test_what_the_third_plan_does_today() -> None:
    """40 videos and 20 agents are 3.60 + 0.867 a month (mix 0.04335): never paid back."""
    low, _high, verdict = evaluate(PRESETS["003-now"])
    assert low.cloud_month == Decimal("3.60") + 20 * Decimal("0.04335")
    assert verdict.decision == "no"


def test_ten_times_the_use_pays() -> None:
    """At scale it is paid back in months: five years save 13,440 to 27,360."""
    low, high, verdict = evaluate(PRESETS["003-10x"])
    assert [low.five_year_net, high.five_year_net] == [13_440, 27_360]
    assert verdict.decision == "proceed"


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_claim_has_a_figure_beside_it(name: str) -> None:
    """A claim names a field that is computed; every preset has a source and at least one claim."""
    preset = PRESETS[name]
    names = {field.name for field in fields(Answer)}
    assert preset.claims
    assert {claim.figure for claim in preset.claims} <= names
    assert preset.source.startswith("planning document")
