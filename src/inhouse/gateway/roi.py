"""Does a machine of one's own pay? Costs of a year with and without it, when it is paid back, and a verdict.

What follows from the arithmetic and is said with every answer: local inference saves money against models
of the Sonnet and Opus class or at scale, not against flash-class prices. Privacy and working offline are
other reasons, which no figure here shows.

Each case is computed with the figures of one corner (all low, or all high); corners are never mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal, NamedTuple

from inhouse.gateway.costs import HOURS_PER_MONTH

__all__ = [
    "STATEMENT",
    "Answer",
    "Case",
    "Claim",
    "Job",
    "Scenario",
    "Verdict",
    "Work",
    "break_even_requests",
    "evaluate",
    "job_cost",
    "payback_months",
]

STATEMENT = (
    "Local inference saves money against Sonnet- and Opus-class prices or at scale, not against flash-class"
    " prices; privacy and working offline are other reasons."
)
QUICK_MONTHS = 12
"""Paid back within a year in every case: nothing about the figures has to be right for longer."""
YEARS = 5

Decision = Literal["proceed", "delay", "no"]


class Job(NamedTuple):
    """A kind of request: tokens, and prices per million of them."""

    input_tokens: int
    output_tokens: int
    input_price: Decimal
    output_price: Decimal
    share: Decimal = Decimal(1)
    """How many of a hundred such jobs are of this kind, as a part of one."""


class Work(NamedTuple):
    """How often a month a mix of jobs is done."""

    times: Decimal
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One corner of a scenario, in whole units of its currency, per month but for what is paid once.

    The cloud bill is what `work` costs plus `other_cloud_month`. `local_share` of the bill goes away with a
    machine of one's own.
    """

    work: tuple[Work, ...] = ()
    other_cloud_month: Decimal = Decimal(0)
    local_share: Decimal = Decimal(1)
    capex: Decimal = Decimal(0)
    development: Decimal = Decimal(0)
    residual: Decimal = Decimal(0)
    energy_month: Decimal = Decimal(0)
    maintenance_month: Decimal = Decimal(0)
    hosting_month: Decimal = Decimal(0)
    hourly: Decimal = Decimal(0)
    hours_month: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a planning document says about one figure; `figure` names the field of `Answer` to put beside."""

    figure: str
    says: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """A question: its low and high case, with what its source claims."""

    name: str
    title: str
    currency: str
    source: str
    low: Case
    high: Case
    claims: tuple[Claim, ...] = ()
    notes: tuple[str, ...] = ()
    life_months: int = 36


@dataclass(frozen=True, slots=True)
class Answer:
    """What one case comes to, in whole units. `payback_months` and `break_even_requests` None: never."""

    cost_per_request: Decimal | None
    requests_month: Decimal
    cloud_month: Decimal
    cloud_year: Decimal
    rest_cloud_month: Decimal
    running_month: Decimal
    local_year: Decimal
    invested: Decimal
    first_year: Decimal
    saving_month: Decimal
    saving_year: Decimal
    first_year_net: Decimal
    payback_months: Decimal | None
    five_year_net: Decimal
    break_even_requests: Decimal | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision and the rule that made it."""

    decision: Decision
    rule: str


def job_cost(job: Job) -> Decimal:
    """What one job costs, in whole units."""
    return (job.input_tokens * job.input_price + job.output_tokens * job.output_price) / 1_000_000


def payback_months(invested: Decimal, saving_month: Decimal) -> Decimal | None:
    """Months until the money is back; None: never, because nothing is saved."""
    if saving_month <= 0:
        return None
    return invested / saving_month


def break_even_requests(fixed_month: Decimal, cloud: Decimal, local_marginal: Decimal) -> Decimal | None:
    """Requests a month from which on the machine is cheaper; None: no number of them makes it so."""
    if cloud <= local_marginal:
        return None
    return fixed_month / (cloud - local_marginal)


def compute(case: Case, *, life_months: int = 36) -> Answer:
    """One corner."""
    requests = sum((work.times for work in case.work), Decimal(0))
    worked = sum(
        (work.times * job.share * job_cost(job) for work in case.work for job in work.jobs), Decimal(0)
    )
    cloud_month = worked + case.other_cloud_month
    rest = cloud_month * (1 - case.local_share)
    running = case.energy_month + case.maintenance_month + case.hosting_month + case.hourly * case.hours_month
    invested = case.capex + case.development
    saving = cloud_month - rest - running
    each = worked / requests if requests else None
    owning = (case.capex + case.development - case.residual) / life_months
    return Answer(
        cost_per_request=each,
        requests_month=requests,
        cloud_month=cloud_month,
        cloud_year=cloud_month * 12,
        rest_cloud_month=rest,
        running_month=running,
        local_year=(rest + running) * 12,
        invested=invested,
        first_year=invested + (rest + running) * 12,
        saving_month=saving,
        saving_year=saving * 12,
        first_year_net=saving * 12 - invested,
        payback_months=payback_months(invested, saving),
        five_year_net=saving * 12 * YEARS - invested,
        break_even_requests=break_even_requests(owning + running, each * case.local_share, Decimal(0))
        if each is not None and case.local_share > 0
        else None,
    )


def evaluate(scenario: Scenario) -> tuple[Answer, Answer, Verdict]:
    """The low case, the high case, and what to do."""
    low = compute(scenario.low, life_months=scenario.life_months)
    high = compute(scenario.high, life_months=scenario.life_months)
    return low, high, decide(low, high, life_months=scenario.life_months)


def decide(low: Answer, high: Answer, *, life_months: int) -> Verdict:
    """What to do, by the first rule that fits."""
    months = [answer.payback_months for answer in (low, high)]
    known = [each for each in months if each is not None]
    if not known:
        return Verdict("no", "never paid back: in no case is a month with the machine cheaper than without")
    if len(known) == 2 and max(known) <= QUICK_MONTHS:
        return Verdict("proceed", f"paid back within {QUICK_MONTHS} months in both cases ({_span(months)})")
    if len(known) == 2 and max(known) <= life_months:
        return Verdict(
            "proceed", f"paid back within the {life_months} months it is used in both cases ({_span(months)})"
        )
    if min(known) <= life_months:
        return Verdict(
            "delay",
            f"paid back within the {life_months} months it is used in one case only ({_span(months)}):"
            " measure your own use first",
        )
    return Verdict(
        "no", f"not paid back within the {life_months} months it is used in any case ({_span(months)})"
    )


def _span(months: list[Decimal | None]) -> str:
    low, high = ("never" if each is None else f"{_rounded(each)} months" for each in months)
    return f"low case {low}, high case {high}"


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.1"), ROUND_HALF_EVEN)


def energy_month(watts: float, price_kwh: Decimal) -> Decimal:
    """What a power costs in a month around the clock, in whole units."""
    return Decimal(str(watts)) * HOURS_PER_MONTH / 1000 * price_kwh
