"""`/app/state`, `/app/models`, `/app/usage`, `/app/config`: the house itself."""

from __future__ import annotations

from fastapi import APIRouter, Query

from inhouse.gateway.ports import Grouping
from inhouse.serve.access_rights import own_within
from inhouse.serve.callers import AdminOf, CallerOf, administers
from inhouse.serve.house_shapes import (
    AnsweringShape,
    CountsShape,
    LedgerRowShape,
    LimitsShape,
    SettingShape,
    SettingsShape,
    StateShape,
    SumShape,
    TotalsShape,
    UsageShape,
    engine,
)
from inhouse.serve.money import WithinQuery
from inhouse.serve.money_shapes import money_shape
from inhouse.serve.parts import Parts
from inhouse.serve.router import open_router
from inhouse.serve.uploads import RecentJobs

__all__ = ["house_routes"]


def house_routes(parts: Parts, jobs: RecentJobs) -> APIRouter:
    """State, engines, usage and settings."""
    routes = open_router()

    @routes.get("/app/state")
    def state(caller: CallerOf) -> StateShape:
        """What a page shows around the chat; asked every few seconds."""
        answering = parts.answering()
        return StateShape(
            version=parts.version,
            documents=CountsShape.model_validate(parts.library.counts(caller)),
            chats_revision=parts.chats.revision(caller),
            engines=tuple(engine(view) for view in parts.fleet.engines()),
            answering=AnsweringShape(
                engine=answering.engine if answering else None,
                model=answering.model if answering else None,
                where=answering.where if answering else "none",
            ),
            ingest=jobs.active(caller),
            recent_jobs=jobs.finished(caller),
            limits=LimitsShape(
                max_file_bytes=parts.limits.max_file_bytes,
                free_bytes=parts.free_bytes(),
                max_question_chars=parts.limits.max_question_chars,
            ),
            ocr=parts.ocr,
        )

    @routes.get("/app/usage")
    def usage(
        caller: CallerOf,
        within: WithinQuery,
        by: Grouping | None = None,
        limit: int = Query(100, ge=1, le=10_000),
    ) -> UsageShape:
        """What was asked of which engine: sums by engine and model, sums by one thing, the newest rows."""
        ledger, within = parts.ledger, own_within(caller, within)
        rows = ledger.rows(limit=limit, within=within)
        sums = [SumShape.model_validate(each) for each in ledger.sums(by, within)] if by else []
        if by == "key" and parts.keys is not None and administers(caller):
            names = {each.grant.key: each.name for each in parts.keys.all()}
            sums = [each.model_copy(update={"key_name": names.get(each.name, "")}) for each in sums]
        return UsageShape(
            totals=tuple(TotalsShape.model_validate(row) for row in ledger.totals(within=within)),
            rows=tuple(LedgerRowShape.model_validate(row) for row in rows),
            by=by,
            sums=tuple(sums),
            money=money_shape(parts.money.facts()) if parts.money else None,
        )

    @routes.get("/app/config")
    def config(caller: AdminOf) -> SettingsShape:
        """Settings in force and where each came from; secrets are references."""
        return SettingsShape(settings=tuple(SettingShape.model_validate(row) for row in parts.settings))

    return routes
