"""The scenarios of the planning documents: their inputs and what they claim. No result stands here.

Data table. Inputs are copied from the documents, also where they contradict each other (then a note says
so); every figure that is shown beside a claim is computed by `roi` from these inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from inhouse.gateway.roi import Case, Claim, Job, Scenario, Work

__all__ = ["PRESETS"]

PLAN_0 = "planning document 000 (17 January 2026)"
PLAN_3 = "planning document 003 (11 November 2025)"

CABINET = Job(500, 300, Decimal("0.075"), Decimal("0.30"))
"""One analysis at the price of Gemini that the document gives."""
VIDEO = Job(10_000, 4_000, Decimal(3), Decimal(15))
AGENTS = (
    Job(2_000, 3_000, Decimal("0.25"), Decimal("1.25"), Decimal("0.6")),
    Job(2_000, 3_000, Decimal(3), Decimal(15), Decimal("0.3")),
    Job(2_000, 3_000, Decimal(15), Decimal(75), Decimal("0.1")),
)
"""Haiku, Sonnet and Opus in the mix of the document."""
CABINETS_NOTE = (
    "3-4 requests a day are 100-120 a month; the document also says 100 cabinets a month: one request each"
)
HAIKU_NOTE = "the document gives Haiku 3.5 the price of Haiku 3 (0.25/1.25); it was 0.80/4.00"


def _cabinets(times: int) -> tuple[Work, ...]:
    return (Work(Decimal(times), (CABINET,)),)


def _ziggie(videos: int, agents: int) -> tuple[Work, ...]:
    return (Work(Decimal(videos), (VIDEO,)), Work(Decimal(agents), AGENTS))


def _hybrid(work: tuple[Work, ...], other: str) -> Case:
    """A used RTX 3090 takes 80 % of the bill."""
    return Case(
        work, Decimal(other), local_share=Decimal("0.8"), capex=Decimal(1200), energy_month=Decimal(20)
    )


def _billed(month: int) -> Case:
    """The same machine against a bill that the document gives as one figure."""
    return _hybrid((), str(month))


_SCENARIOS = (
    Scenario(
        "000-s1",
        "100 cabinets a month, a GPU that is already there",
        "EUR",
        PLAN_0,
        Case(
            _cabinets(100), development=Decimal(3500), energy_month=Decimal(50), maintenance_month=Decimal(50)
        ),
        Case(
            _cabinets(120),
            development=Decimal(3500),
            energy_month=Decimal(100),
            maintenance_month=Decimal(50),
        ),
        (
            Claim("cost_per_request", "0.50-0.75"),
            Claim("cloud_year", "5,200 (elsewhere 600-1,080)"),
            Claim("local_year", "1,200-1,800"),
            Claim("saving_year", "3,400-4,000"),
            Claim("first_year_net", "about 0"),
            Claim("payback_months", "at once (elsewhere 10-12)"),
        ),
        (CABINETS_NOTE, "1,200-1,800 is called electricity only, but holds 600 of maintenance"),
    ),
    Scenario(
        "000-s1-new",
        "100 cabinets a month, a GPU bought for it",
        "EUR",
        PLAN_0,
        Case(
            _cabinets(100),
            capex=Decimal(2000),
            development=Decimal(3500),
            energy_month=Decimal(50),
            maintenance_month=Decimal(50),
        ),
        Case(
            _cabinets(120),
            capex=Decimal(3500),
            development=Decimal(3500),
            energy_month=Decimal(100),
            maintenance_month=Decimal(50),
        ),
        (
            Claim("invested", "5,500-7,000"),
            Claim("saving_year", "3,400-4,000"),
            Claim("first_year_net", "-1,500 to -2,100"),
            Claim("payback_months", "18-24"),
        ),
        (CABINETS_NOTE,),
    ),
    Scenario(
        "000-s2",
        "500 cabinets a month, a GPU that is already there",
        "EUR",
        PLAN_0,
        Case(
            _cabinets(500), development=Decimal(3500), energy_month=Decimal(50), maintenance_month=Decimal(50)
        ),
        Case(
            _cabinets(600),
            development=Decimal(3500),
            energy_month=Decimal(100),
            maintenance_month=Decimal(50),
        ),
        (
            Claim("cloud_year", "25,000-30,000"),
            Claim("local_year", "1,200-1,800"),
            Claim("saving_year", "23,200-28,800"),
            Claim("payback_months", "3-4 weeks"),
        ),
        (CABINETS_NOTE,),
    ),
    Scenario(
        "000-s3",
        "1,000 cabinets a month, new hardware, hosted",
        "EUR",
        PLAN_0,
        Case(
            _cabinets(1000),
            capex=Decimal(3500),
            development=Decimal(3500),
            energy_month=Decimal(50),
            hosting_month=Decimal(200),
        ),
        Case(
            _cabinets(2000),
            capex=Decimal(5000),
            development=Decimal(3500),
            energy_month=Decimal(100),
            hosting_month=Decimal(400),
        ),
        (
            Claim("cloud_year", "50,000-80,000"),
            Claim("first_year", "6,500-11,000 without development (elsewhere 6,000-11,000)"),
            Claim("local_year", "3,000-6,000"),
            Claim("saving_year", "39,000-74,000"),
            Claim("payback_months", "1-2"),
        ),
        ("the document charges hosting and electricity for the same machine",),
    ),
    Scenario(
        "000-rented",
        "a GPU rented by the hour, half of the time",
        "EUR",
        PLAN_0,
        Case(_cabinets(100), hourly=Decimal("0.40"), hours_month=Decimal(365)),
        Case(_cabinets(120), hourly=Decimal("0.40"), hours_month=Decimal(730)),
        (Claim("local_year", "15,768 (43.20 a day)"),),
        ("low is half of the hours, high all of them; 43.20 a day would be 1.80 an hour",),
    ),
    Scenario(
        "003-now",
        "40-60 videos and 20-30 agents a month",
        "USD",
        PLAN_3,
        _hybrid(_ziggie(40, 20), "0"),
        _hybrid(_ziggie(60, 30), "0"),
        (Claim("cloud_month", "4.10-7.40"),),
        (HAIKU_NOTE, "the document itself advises against below 50 videos a month"),
    ),
    Scenario(
        "003-projected",
        "200-300 videos and 100-200 agents a month, as the document bills them",
        "USD",
        PLAN_3,
        _billed(33),
        _billed(62),
        (
            Claim("cloud_month", "33-62"),
            Claim("cloud_year", "396-744"),
            Claim("first_year", "1,524-1,584"),
            Claim("local_year", "324-384"),
            Claim("first_year_net", "-780 to -1,188"),
            Claim("payback_months", "19-24"),
            Claim("five_year_net", "780-2,520 (elsewhere -492 to 252; 004: 0 to 600)"),
        ),
        (
            HAIKU_NOTE,
            "20 a month of electricity are 228 W around the clock at 0.12: 65 % of the card's 350 W",
            "claimed savings forget what the machine costs to run, or mix the low and the high case",
        ),
        life_months=60,
    ),
    Scenario(
        "003-work",
        "200-300 videos and 100-200 agents a month, from their tokens",
        "USD",
        PLAN_3,
        _hybrid(_ziggie(200, 100), "10"),
        _hybrid(_ziggie(300, 200), "15"),
        (Claim("cloud_month", "33-62"), Claim("payback_months", "19-24")),
        (HAIKU_NOTE, "10-15 a month are for development and testing"),
        life_months=60,
    ),
    Scenario(
        "003-10x",
        "ten times the projected bill",
        "USD",
        PLAN_3,
        _billed(330),
        _billed(620),
        (
            Claim("cloud_year", "3,960-7,440"),
            Claim("first_year", "1,524-1,944"),
            Claim("local_year", "324-744"),
            Claim("five_year_net", "14,184-33,784"),
        ),
        ("the document does not scale what is still paid to vendors",),
        life_months=60,
    ),
)

PRESETS: Mapping[str, Scenario] = MappingProxyType({each.name: each for each in _SCENARIOS})
