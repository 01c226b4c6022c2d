"""`/app/route/explain` and `/app/admin/routing`: why a request goes where it goes, and the switch."""

from __future__ import annotations

import asyncio
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from inhouse.gateway.desk import Explained, RouteAsk, RoutingDesk, SwitchState
from inhouse.gateway.policy.route import Attempt, NoRoute, TraceStep
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import BadRequest, Forbidden, Unauthorized, Unavailable
from inhouse.kernel.messages import Wishes
from inhouse.ops.keys import why_not
from inhouse.serve.bodies import Body
from inhouse.serve.callers import AdminOf, CallerOf
from inhouse.serve.parts import Parts
from inhouse.serve.router import open_router
from inhouse.serve.shapes import Shape

__all__ = [
    "ADMINISTRATOR",
    "ExplainedShape",
    "OutcomesShape",
    "RouteAskBody",
    "SwitchBody",
    "SwitchShape",
    "route_routes",
]


ADMINISTRATOR = "the administrator of this house"


class RouteAskBody(Body):
    """A request that is not sent, as its headers would say it.

    Without more it is the administrator's own. `key` is the id or name of an API key that would send it;
    `keyless`: a program without one would, as `user` where that is given.
    """

    prompt: str = Field("", max_length=4_000_000)
    task: str = Field("chat", max_length=64)
    model: str | None = Field(None, max_length=200)
    data: Literal["local_only", "any"] = "any"
    priority: Literal["critical", "high", "medium", "low", "batch"] | None = None
    role: Literal["L1", "L2", "L3"] | None = None
    prefer: Literal["local", "cloud"] | None = None
    force: Literal["local", "cloud"] | None = None
    max_cost_micros: int | None = Field(None, ge=0)
    tokens: int | None = Field(None, ge=0)
    key: str | None = Field(None, min_length=1, max_length=128)
    user: str | None = Field(None, min_length=1, max_length=128)
    keyless: bool = False


class SwitchBody(Body):
    """How the switch shall stand; null goes back to the setting `routing.local`."""

    local: Literal["auto", "true", "false", "force"] | None


class SwitchShape(Shape):
    """The switch, who set it, and what keeps newer rules out of force."""

    local: str
    origin: str
    loaded_at: float
    problem: str


class AttemptShape(Shape):
    """An engine that would be tried; the cost is in millionths, null where it is not known."""

    engine: str
    model: str
    where: str
    reason: str
    cost_micros: int | None


class DroppedShape(Shape):
    name: str
    reason: str


class LayerShape(Shape):
    """What one layer did."""

    layer: str
    rule: str
    said: str
    inputs: dict[str, str]
    left: int
    dropped: tuple[DroppedShape, ...]


class RefusedShape(Shape):
    layer: str
    code: str
    message: str
    hint: str


class ChangeShape(Shape):
    """What would have to be otherwise, and what would happen then."""

    change: str
    then: str


class ExplainedShape(Shape):
    """What `route explain --json` prints."""

    sender: str
    task: str
    model: str | None
    data: str
    tokens_in: int
    tokens_out: int
    complexity: float | None
    attempts: tuple[AttemptShape, ...]
    refused: RefusedShape | None
    layers: tuple[LayerShape, ...]
    changes: tuple[ChangeShape, ...]
    accept: float | None
    escalate_below: float | None
    escalate_to: AttemptShape | None
    post_hoc: bool | None
    retries: int | None
    switch: SwitchShape


class OutcomeShape(Shape):
    """One request, and what the two models made of it, each 0 to 1."""

    task: str
    weak: float
    strong: float


class OutcomesShape(Shape):
    """All of them, newest first."""

    outcomes: tuple[OutcomeShape, ...]


def route_routes(parts: Parts) -> APIRouter:
    """Explain a decision, and turn the switch."""
    routes = open_router()

    @routes.post("/app/route/explain")
    def explain(caller: CallerOf, body: RouteAskBody) -> ExplainedShape:
        """What would happen to this request now, layer by layer; nothing is sent and nothing is kept."""
        ask = RouteAsk(
            prompt=body.prompt,
            task=body.task,
            model=body.model,
            data=body.data,
            wishes=Wishes(
                priority=body.priority,
                role=body.role,
                prefer=body.prefer,
                force=body.force,
                max_cost_micros=body.max_cost_micros,
            ),
            tokens=body.tokens,
        )
        sender, grant = _sender(parts, body)
        return _explained(_desk(parts).explain(ask, grant), sender)

    @routes.get("/app/route/outcomes")
    def outcomes(caller: CallerOf) -> OutcomesShape:
        """What a weaker and a stronger model made of the same requests here, by task; no words."""
        return OutcomesShape(
            outcomes=tuple(
                OutcomeShape(task=each.task, weak=each.weak, strong=each.strong)
                for each in _desk(parts).outcomes()
            )
        )

    @routes.get("/app/admin/routing")
    def routing(caller: AdminOf) -> SwitchShape:
        """How the switch `routing.local` stands, and who set it."""
        return _switch(_desk(parts).switch_state())

    @routes.put("/app/admin/routing")
    async def turn(caller: AdminOf, body: SwitchBody) -> SwitchShape:
        """Turn the switch, for every request from now on and after a restart."""
        return _switch(await asyncio.to_thread(_desk(parts).switch, body.local, caller.user))

    return routes


def _sender(parts: Parts, body: RouteAskBody) -> tuple[str, Grant | None]:
    """Who would send it, in words, and what they may do; no grant is the administrator's own."""
    if body.key is not None:
        if body.user is not None or body.keyless:
            raise BadRequest(
                "A key has a user of its own", hint="give either --key, or --user for a program without one"
            )
        if parts.keys is None:
            raise Unavailable("This server keeps no API keys", hint="use the one that holds the home")
        key = parts.keys.named(body.key)
        if reason := why_not(key, parts.clock()):
            raise Unauthorized(f"The API key {key.name!r} {reason}", hint="`inhouse keys ls` lists all")
        return f"the key {key.name!r}", _may_chat(key.grant)
    if body.user is None and not body.keyless:
        return ADMINISTRATOR, None
    if parts.gate is None:
        raise Unavailable("This process knows no callers", hint="start the server: `inhouse up`")
    grant = parts.gate.grant("", user=body.user or "", loopback=True)
    return f"a program without a key, as {grant.user!r}", _may_chat(grant)


def _may_chat(grant: Grant) -> Grant:
    if "chat" not in grant.scopes:
        raise Forbidden("It may not chat at all", hint="`inhouse keys ls` shows the scopes of each key")
    return grant


def _desk(parts: Parts) -> RoutingDesk:
    if parts.routing is None:
        raise Unavailable("This house has no gateway", hint="start it with `inhouse up`")
    return parts.routing


def _switch(state: SwitchState) -> SwitchShape:
    return SwitchShape.model_validate(state)


def _explained(found: Explained, sender: str) -> ExplainedShape:
    route, facts = found.route, found.facts
    refused = None
    attempts: tuple[AttemptShape, ...] = ()
    if isinstance(route, NoRoute):
        refused = RefusedShape(layer=route.layer, code=route.code, message=route.message, hint=route.hint)
    else:
        attempts = tuple(_attempt(each, cost) for each, cost in zip(route.attempts, found.costs, strict=True))
    return ExplainedShape(
        sender=sender,
        task=facts.task,
        model=facts.model,
        data=facts.data,
        tokens_in=facts.prompt_tokens,
        tokens_out=facts.reply_tokens,
        complexity=facts.complexity,
        attempts=attempts,
        refused=refused,
        layers=tuple(_layer(step) for step in route.trace),
        changes=tuple(ChangeShape(change=change, then=then) for change, then in found.changes),
        accept=None if isinstance(route, NoRoute) else route.accept,
        escalate_below=None if isinstance(route, NoRoute) else route.escalate_below,
        escalate_to=None
        if isinstance(route, NoRoute) or route.escalate_to is None
        else _attempt(route.escalate_to, None),
        post_hoc=None if isinstance(route, NoRoute) else route.post_hoc,
        retries=None if isinstance(route, NoRoute) else route.retries,
        switch=_switch(found.switch),
    )


def _attempt(attempt: Attempt, cost: int | None) -> AttemptShape:
    return AttemptShape(
        engine=attempt.engine,
        model=attempt.model,
        where=attempt.where,
        reason=attempt.reason,
        cost_micros=cost,
    )


def _layer(step: TraceStep) -> LayerShape:
    return LayerShape(
        layer=step.layer,
        rule=step.rule,
        said=step.said,
        inputs=dict(step.inputs),
        left=step.left,
        dropped=tuple(DroppedShape(name=name, reason=reason) for name, reason in step.dropped),
    )
