"""`/app/rollouts`: changing the model behind a name step by step, and back."""

from __future__ import annotations

import asyncio
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from inhouse.gateway.rollout import Arm, Limits, Rollout, RolloutDesk, RolloutView
from inhouse.kernel.errors import Unavailable
from inhouse.serve.bodies import Body
from inhouse.serve.callers import AdminOf, CallerOf
from inhouse.serve.parts import Parts
from inhouse.serve.router import open_router
from inhouse.serve.shapes import Shape

__all__ = ["NewRollout", "RolloutShape", "RolloutsShape", "rollout_routes"]


class NewRollout(Body):
    """A roll-out to start. `stage` 0 is shadow traffic: the candidate answers and nobody sees it."""

    name: str = Field(min_length=1, max_length=200)
    candidate: str = Field(min_length=1, max_length=200)
    baseline: str | None = None
    stage: Literal[0, 10, 50, 100] = 10
    auto: bool = True
    judge: str = ""
    shadow_share: float = Field(0.1, ge=0, le=1)
    stage_s: float = Field(3600.0, ge=0)
    least_requests: int = Field(100, ge=1)


class NameBody(Body):
    """Which roll-out, and why."""

    name: str
    reason: str = "by hand"


class ArmShape(Shape):
    """One side: requests and failures since the stage began."""

    model: str
    digest: str
    requests: int
    failed: int
    first_token_ms: float | None


class GateShape(Shape):
    """Judged pairs; `needed` are wanted before they say anything."""

    answer: str
    pairs: int
    needed: int
    uplift: float | None
    low: float | None
    high: float | None


class RolloutShape(Shape):
    """A roll-out, what its sides did, and what follows from that."""

    name: str
    status: str
    stage: int
    auto: bool
    started_at: float
    stage_at: float
    reason: str
    judge: str
    baseline: ArmShape
    candidate: ArmShape
    quality: GateShape
    action: str
    why: str


class RolloutsShape(Shape):
    """All roll-outs, the last changed first."""

    rollouts: tuple[RolloutShape, ...]


def rollout_routes(parts: Parts) -> APIRouter:
    """Start, watch, promote and take back."""
    routes = open_router()

    @routes.get("/app/rollouts")
    async def all_rollouts(caller: CallerOf) -> RolloutsShape:
        """Every roll-out with the figures of its two sides."""
        views = await asyncio.to_thread(_desk(parts).views)
        return RolloutsShape(rollouts=tuple(_shape(view) for view in views))

    @routes.post("/app/rollouts", status_code=201)
    async def start(body: NewRollout, caller: AdminOf) -> RolloutShape:
        """Start one; without a baseline the name itself is the model that answers now."""
        now = parts.clock()
        rollout = Rollout(
            name=body.name,
            baseline=Arm(body.baseline or body.name),
            candidate=Arm(body.candidate),
            stage=body.stage,
            status="running",
            started_at=now,
            stage_at=now,
            auto=body.auto,
            judge=body.judge,
            shadow_share=body.shadow_share,
            reason="started",
            limits=Limits(stage_s=body.stage_s, least_requests=body.least_requests),
        )
        return _shape(await asyncio.to_thread(_desk(parts).begin, rollout))

    @routes.post("/app/rollouts/promote")
    async def promote(body: NameBody, caller: AdminOf) -> RolloutShape:
        """Go to the next stage now."""
        return _shape(await asyncio.to_thread(_desk(parts).promote, body.name))

    @routes.post("/app/rollouts/rollback")
    async def roll_back(body: NameBody, caller: AdminOf) -> RolloutShape:
        """Give the name back to the baseline, from the next request on."""
        return _shape(await asyncio.to_thread(_desk(parts).roll_back, body.name, body.reason))

    return routes


def _desk(parts: Parts) -> RolloutDesk:
    if parts.rollouts is None:
        raise Unavailable("This process cannot change roll-outs", hint="start the server: `inhouse up`")
    return parts.rollouts


def _shape(view: RolloutView) -> RolloutShape:
    rollout = view.rollout
    return RolloutShape(
        name=rollout.name,
        status=rollout.status,
        stage=rollout.stage,
        auto=rollout.auto,
        started_at=rollout.started_at,
        stage_at=rollout.stage_at,
        reason=rollout.reason,
        judge=rollout.judge,
        baseline=_arm(
            rollout.baseline, view.baseline.requests, view.baseline.failed, view.baseline.first_token_ms
        ),
        candidate=_arm(
            rollout.candidate, view.candidate.requests, view.candidate.failed, view.candidate.first_token_ms
        ),
        quality=GateShape.model_validate(view.quality),
        action=view.verdict.action,
        why=view.verdict.reason,
    )


def _arm(arm: Arm, requests: int, failed: int, times: tuple[float, ...]) -> ArmShape:
    """First-token time is the median."""
    middle = sorted(times)[len(times) // 2] if times else None
    return ArmShape(
        model=arm.model, digest=arm.digest, requests=requests, failed=failed, first_token_ms=middle
    )
