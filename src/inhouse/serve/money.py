"""`/app/usage/…`, `/app/savings` and `/app/roi`: what requests used, cost and saved, and whether it pays."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from inhouse.gateway.ports import Money, MoneyFacts, Within
from inhouse.gateway.roi import STATEMENT, Case, Job, Scenario, Work
from inhouse.gateway.roi_presets import PRESETS
from inhouse.gateway.savings import OwnUse, own_use, savings_of
from inhouse.kernel.errors import BadRequest, NotFound, Unavailable
from inhouse.serve.access_rights import own_rows, own_within
from inhouse.serve.callers import AdminOf, CallerOf
from inhouse.serve.house_shapes import LedgerRowShape, RequestShape
from inhouse.serve.money_shapes import (
    RepricedShape,
    RoisShape,
    SavingsShape,
    money_shape,
    roi_shape,
    savings_shape,
)
from inhouse.serve.parts import Parts
from inhouse.serve.router import open_router
from inhouse.serve.shapes import Shape

__all__ = ["RepriceBody", "RoiQuery", "WithinQuery", "money_of", "money_routes"]

DAY_S = 86_400


def _within(
    *,
    since: float = Query(0.0, ge=0, allow_inf_nan=False, description="UNIX seconds, this moment included"),
    until: float | None = Query(None, ge=0, allow_inf_nan=False, description="UNIX seconds, not included"),
    key: str | None = Query(None, max_length=200),
    user: str | None = Query(None, max_length=200),
    team: str | None = Query(None, max_length=200),
    model: str | None = Query(None, max_length=500),
    engine: str | None = Query(None, max_length=200),
) -> Within:
    return Within(since, until, key, user, team, model, engine)


WithinQuery = Annotated[Within, Depends(_within)]


class RepriceBody(Shape):
    """Which rows; without anything all of them."""

    since: float = Field(0.0, ge=0, allow_inf_nan=False)
    until: float | None = Field(None, ge=0, allow_inf_nan=False)
    model: str | None = None
    engine: str | None = None


class RoiQuery(Shape):
    """Presets, or a scenario of one's own; without anything all presets and the house's own use."""

    preset: tuple[str, ...] = Field((), description="scenarios of the planning documents")
    model: str | None = Field(None, max_length=200, description="who does the work now: provider/model")
    requests_month: Decimal | None = Field(None, ge=0, description="requests a month")
    tokens_in: int = Field(1000, ge=0, description="input tokens of one request")
    tokens_out: int = Field(500, ge=0, description="output tokens of one request")
    cloud_month: Decimal = Field(Decimal(0), ge=0, description="other bills of vendors a month")
    local_share: Decimal = Field(Decimal(1), ge=0, le=1, description="part of the bills that goes away")
    capex: Decimal = Field(Decimal(0), ge=0, description="price of the machine")
    residual: Decimal = Field(Decimal(0), ge=0, description="its worth at the end")
    development: Decimal = Field(Decimal(0), ge=0, description="other money spent once")
    energy_month: Decimal = Field(Decimal(0), ge=0, description="electricity a month")
    maintenance_month: Decimal = Field(Decimal(0), ge=0, description="care a month")
    months: int = Field(36, ge=1, le=240, description="how long the machine is used")


def money_of(parts: Parts) -> Money:
    """What knows about money here."""
    if parts.money is None:
        raise Unavailable("Prices are not open in this process", hint="start `inhouse serve`")
    return parts.money


def money_routes(parts: Parts) -> APIRouter:
    """Single requests, savings, and return on investment."""
    routes = open_router()

    @routes.get("/app/usage/{request_id}")
    def request(caller: CallerOf, request_id: str) -> RequestShape:
        """Every attempt of one request: who, which engine, why, tokens and money."""
        rows = own_rows(caller, parts.ledger.request(request_id))
        if not rows:
            raise NotFound(
                f"There is no request {request_id[:100]!r} in the ledger",
                hint="its id stands in the header x-inhouse-request-id; `inhouse usage --json` lists rows",
            )
        return RequestShape(
            request_id=request_id,
            currency=money_of(parts).facts().currency,
            rows=tuple(LedgerRowShape.model_validate(row) for row in rows),
        )

    @routes.post("/app/usage/reprice")
    def reprice(caller: AdminOf, body: RepriceBody) -> RepricedShape:
        """Work out the money of rows again from their tokens, with the prices that are known now."""
        within = Within(body.since, body.until, model=body.model, engine=body.engine)
        return RepricedShape(changed=money_of(parts).reprice(within))

    @routes.get("/app/savings")
    def savings(
        caller: CallerOf, within: WithinQuery, by: Literal["day", "week", "model", "team"] = "day"
    ) -> SavingsShape:
        """What working inside the house saved against the reference model, gross and net."""
        facts, within = money_of(parts).facts(), own_within(caller, within)
        until = parts.clock() if within.until is None else within.until
        # Machines cost money from the first request on that the report is about, not from 1970 on.
        since = max(within.since, parts.ledger.first(within) or until)
        report = savings_of(parts.ledger.sums(by, within), facts, max(0.0, until - since))
        return savings_shape(report, facts, by=by, since=since, until=until)

    @routes.get("/app/roi")
    def roi(caller: CallerOf, asked: Annotated[RoiQuery, Query()]) -> RoisShape:
        """Whether a machine pays: scenarios with their claims beside what is computed, or one's own."""
        money = money_of(parts)
        facts = money.facts()
        notes: tuple[str, ...] = ()
        if asked.preset:
            scenarios = [_preset(name) for name in asked.preset]
        elif asked.requests_month is not None or asked.cloud_month:
            scenarios = [_custom(asked, money, facts)]
        else:
            own = own_use(_last_month(parts), facts)
            notes = () if isinstance(own, Scenario) else (own,)
            scenarios = [*([own] if isinstance(own, Scenario) else ()), *PRESETS.values()]
        return RoisShape(
            scenarios=tuple(roi_shape(each) for each in scenarios),
            statement=STATEMENT,
            notes=notes,
            money=money_shape(facts),
        )

    return routes


def _preset(name: str) -> Scenario:
    if name not in PRESETS:
        raise NotFound(f"There is no preset {name[:50]!r}", hint=f"presets are {', '.join(PRESETS)}")
    return PRESETS[name]


def _custom(asked: RoiQuery, money: Money, facts: MoneyFacts) -> Scenario:
    work: tuple[Work, ...] = ()
    model = asked.model or facts.reference
    if asked.requests_month:
        prices = money.price(model)
        if prices is None:
            raise BadRequest(
                f"The price of {model!r} is not known in {facts.currency}, so nothing can be computed",
                hint="name it as provider/model, or write its price down in a [[price]] block",
            )
        work = (Work(asked.requests_month, (Job(asked.tokens_in, asked.tokens_out, *prices),)),)
    case = Case(
        work,
        asked.cloud_month,
        asked.local_share,
        capex=asked.capex,
        residual=asked.residual,
        development=asked.development,
        energy_month=asked.energy_month,
        maintenance_month=asked.maintenance_month,
    )
    title = f"your own figures, against {model}" if work else "your own figures"
    source = f"{facts.book}, {facts.book_day}" if work else "what was given"
    return Scenario("own-figures", title, facts.currency, source, case, case, life_months=asked.months)


def _last_month(parts: Parts) -> OwnUse | None:
    """What the ledger knows of the last 30 days, None when it knows nothing."""
    now = parts.clock()
    within = Within(since=max(0.0, now - 30 * DAY_S))
    first = parts.ledger.first(within)
    if first is None:
        return None
    return OwnUse(tuple(parts.ledger.sums("where", within)), max(DAY_S, now - first) / DAY_S)
