"""JSON shapes of usage, savings and return on investment.

Money is in millionths of the house currency where a name ends in `_micros`; null is unknown, not free.
Figures of `roi` are decimal numbers as text, in whole units of the scenario's currency.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from inhouse.gateway.ports import MoneyFacts
from inhouse.gateway.roi import STATEMENT, Answer, Scenario, evaluate
from inhouse.gateway.savings import SavingsReport
from inhouse.serve.house_shapes import MoneyShape
from inhouse.serve.shapes import Shape

__all__ = [
    "FigureShape",
    "RepricedShape",
    "RoiShape",
    "RoisShape",
    "SavingsLineShape",
    "SavingsShape",
    "money_shape",
    "roi_shape",
    "savings_shape",
]


class RepricedShape(Shape):
    """How many rows have other money now."""

    changed: int


class SavingsLineShape(Shape):
    name: str
    requests: int
    local: int
    unknown: int
    reference_micros: int | None
    local_micros: int | None
    gross_micros: int | None
    cloud_micros: int


class SavingsShape(Shape):
    """What `savings --json` prints. `gross` is before what the machines cost anyway, `net` after it."""

    by: str
    since: float
    until: float
    lines: tuple[SavingsLineShape, ...]
    total: SavingsLineShape
    fixed_micros: int | None
    net_micros: int | None
    money: MoneyShape
    notes: tuple[str, ...]


class FigureShape(Shape):
    """One figure of both cases beside what the source claims; null is never, or not known."""

    figure: str
    means: str
    low: str | None
    high: str | None
    claimed: str | None


class RoiShape(Shape):
    """One scenario. `decision` is proceed, delay or no, by the rule in `rule`."""

    name: str
    title: str
    currency: str
    source: str
    figures: tuple[FigureShape, ...]
    decision: str
    rule: str
    notes: tuple[str, ...]


class RoisShape(Shape):
    """What `roi --json` prints."""

    scenarios: tuple[RoiShape, ...]
    statement: str
    notes: tuple[str, ...]
    money: MoneyShape


_MEANS = {
    "cost_per_request": "one request at the vendor",
    "requests_month": "requests a month",
    "cloud_month": "vendor's bill a month, without a machine",
    "cloud_year": "vendor's bill a year, without a machine",
    "rest_cloud_month": "vendor's bill a month, with the machine",
    "running_month": "running the machine a month",
    "local_year": "a year with the machine, without what was invested",
    "invested": "invested once",
    "first_year": "the first year with the machine, all in",
    "saving_month": "saved a month",
    "saving_year": "saved a year",
    "first_year_net": "saved in the first year, less what was invested",
    "payback_months": "months until it is paid back",
    "five_year_net": "saved in five years, less what was invested",
    "break_even_requests": "requests a month from which on it is cheaper",
}

_OF_REQUESTS = frozenset({"cost_per_request", "requests_month", "break_even_requests"})
"""Left out where a scenario has a bill, but no requests."""


def money_shape(facts: MoneyFacts) -> MoneyShape:
    """How money is counted."""
    return MoneyShape.model_validate(facts)


def savings_shape(
    report: SavingsReport, facts: MoneyFacts, *, by: str, since: float, until: float
) -> SavingsShape:
    """The report as a document."""
    return SavingsShape(
        by=by,
        since=since,
        until=until,
        lines=tuple(SavingsLineShape.model_validate(line) for line in report.lines),
        total=SavingsLineShape.model_validate(report.total),
        fixed_micros=report.fixed_micros,
        net_micros=report.net_micros,
        money=money_shape(facts),
        notes=report.notes,
    )


def roi_shape(scenario: Scenario) -> RoiShape:
    """A scenario, computed."""
    low, high, verdict = evaluate(scenario)
    claims = {claim.figure: claim.says for claim in scenario.claims}
    figures = tuple(
        FigureShape(
            figure=name,
            means=means,
            low=_text(name, low),
            high=_text(name, high),
            claimed=claims.get(name),
        )
        for name, means in _MEANS.items()
        if high.requests_month or name not in _OF_REQUESTS
    )
    return RoiShape(
        name=scenario.name,
        title=scenario.title,
        currency=scenario.currency,
        source=scenario.source,
        figures=figures,
        decision=verdict.decision,
        rule=verdict.rule,
        notes=(*scenario.notes, STATEMENT),
    )


def _text(figure: str, answer: Answer) -> str | None:
    value: Decimal | None = getattr(answer, figure)
    if value is None:
        return None
    if figure == "cost_per_request":
        places = "0.0000001"
    elif figure in ("payback_months", "break_even_requests", "requests_month"):
        places = "0.1"
    else:
        places = "0.01" if abs(value) >= 10 else "0.0001"
    return format(value.quantize(Decimal(places), ROUND_HALF_EVEN).normalize(), "f")
