"""`/app/compare`: one prompt through one model, measured; and verdicts on two answers."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from pydantic import Field

from inhouse.dialects.status import error_of
from inhouse.gateway.escalate import confidence_of
from inhouse.gateway.judge import judge_request, read_verdict
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import EngineError, Forbidden, Unavailable
from inhouse.kernel.messages import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    DataPolicy,
    Failed,
    TextDelta,
    Usage,
    UsageSeen,
)
from inhouse.kernel.ports import ChatModel
from inhouse.serve.bodies import Body
from inhouse.serve.callers import CallerOf
from inhouse.serve.middleware import is_loopback
from inhouse.serve.parts import Parts
from inhouse.serve.plane.asked import secret_in
from inhouse.serve.router import open_router
from inhouse.serve.shapes import Shape
from inhouse.serve.wire import headers_of

__all__ = ["AnswerShape", "CompareBody", "JudgeBody", "PickBody", "VerdictShape", "compare_routes"]


class CompareBody(Body):
    """One prompt for one model."""

    model: str = Field(min_length=1, max_length=200)
    prompt: str = Field(min_length=1)
    system: str = ""
    max_tokens: int | None = Field(512, ge=1)
    data: DataPolicy = "any"


class AnswerShape(Shape):
    """The answer and what it took; `cost_micros` null: not known. Times in milliseconds."""

    model: str
    ran: str
    where: str
    text: str
    passed: bool
    gate: str
    confidence: float
    first_token_ms: float | None
    total_ms: float
    input_tokens: int
    output_tokens: int
    cost_micros: int | None


class JudgeBody(Body):
    """Two answers to one prompt, for the judge to compare."""

    judge: str
    prompt: str
    first: str
    second: str
    data: DataPolicy = "any"


class VerdictShape(Shape):
    """Scores of both answers; null when the judge said something else."""

    first: float | None
    second: float | None


class PickBody(Body):
    """A person's pick: which model's answer was better, or none of them."""

    name: str
    models: tuple[str, str]
    better: str | None = None


def compare_routes(parts: Parts) -> APIRouter:
    """Ask one model, judge two answers, keep a pick."""
    routes = open_router()

    @routes.post("/app/compare/answer")
    async def answer(body: CompareBody, request: Request, caller: CallerOf) -> AnswerShape:
        """Ask the named model and no other; leaves a row in the ledger with the task `compare`."""
        turns = [ChatMessage("system", body.system)] if body.system else []
        asked = ChatRequest(
            (*turns, ChatMessage("user", body.prompt)),
            model=body.model,
            task="compare",
            data=body.data,
            max_tokens=body.max_tokens,
            temperature=0.0,
        )
        return await _measured(parts, asked, request, caller.user)

    @routes.post("/app/compare/judge")
    async def judge(body: JudgeBody, request: Request, caller: CallerOf) -> VerdictShape:
        """Ask a model which answer is better. Ask twice with the order turned: judges like the first."""
        question = ChatRequest((ChatMessage("user", body.prompt),), data=body.data)
        asked = judge_request(question, body.first, body.second, model=body.judge)
        events = await _all_events(parts, asked, request, caller.user)
        scores = read_verdict(_text(events[0]))
        return VerdictShape(first=scores[0] if scores else None, second=scores[1] if scores else None)

    @routes.post("/app/compare/picks", status_code=204)
    async def pick(body: PickBody, caller: CallerOf) -> None:
        """Keep a person's pick as a sample of quality; no word of the answers is kept."""
        if parts.samples is None:
            raise Unavailable("This process cannot keep picks", hint="start the server: `inhouse up`")
        await asyncio.to_thread(parts.samples.keep_pick, body.name, body.models, body.better, parts.clock())

    return routes


async def _measured(parts: Parts, asked: ChatRequest, request: Request, user: str) -> AnswerShape:
    events, where, ran, first_ms, total_ms = await _all_events(parts, asked, request, user)
    last = events[-1]
    if isinstance(last, Failed):
        raise error_of(last)
    usage = next((each.usage for each in events if isinstance(each, UsageSeen)), Usage(0, 0))
    sure = confidence_of(asked, events)
    rows = await asyncio.to_thread(parts.ledger.request, request.state.request_id)
    return AnswerShape(
        model=asked.model or "",
        ran=ran,
        where=where,
        text=_text(events),
        passed=not sure.failed_gate,
        gate=sure.failed_gate,
        confidence=sure.value,
        first_token_ms=first_ms,
        total_ms=total_ms,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_micros=rows[-1].cost_micros if rows else None,
    )


async def _all_events(
    parts: Parts, asked: ChatRequest, request: Request, user: str
) -> tuple[list[ChatEvent], str, str, float | None, float]:
    """Events, place, `engine/model`, first-token and total milliseconds."""
    chat, grant = _chat(parts), _grant(parts, request)
    clock = asyncio.get_running_loop().time
    began = clock()
    stream = await chat.open(
        asked, request_id=request.state.request_id, user=grant.user if grant else user, grant=grant
    )
    first_ms: float | None = None
    events: list[ChatEvent] = []
    try:
        async for event in stream:
            if first_ms is None and isinstance(event, TextDelta):
                first_ms = (clock() - began) * 1000
            events.append(event)
    finally:
        await stream.aclose()
    if not events:
        raise EngineError("the model gave nothing at all")
    used = stream.used
    return events, used.where, f"{used.engine}/{used.model}", first_ms, (clock() - began) * 1000


def _grant(parts: Parts, request: Request) -> Grant | None:
    """What the caller may ask: the same as at `/v1`, or this would be a way around its keys.

    None for a command that opened the house in its own process: it is the house.

    Raises:
        Unauthorized: if the key is not good, or one is needed.
        Forbidden: if it is not for asking models.
    """
    if parts.gate is None or "inhouse.owner" in request.scope.get("extensions", {}):
        return None
    headers = headers_of(request.scope)
    grant = parts.gate.grant(
        secret_in(headers),
        user=headers.get(b"x-inhouse-user", b"").decode("latin-1"),
        loopback=request.client is not None and is_loopback(request.client.host),
    )
    if "chat" not in grant.scopes:
        raise Forbidden("This key is not for `chat`", hint="`inhouse keys add --name NAME` makes one that is")
    return grant


def _chat(parts: Parts) -> ChatModel:
    if parts.chat is None:
        raise Unavailable("This process cannot ask models", hint="start the server: `inhouse up`")
    return parts.chat


def _text(events: list[ChatEvent]) -> str:
    return "".join(each.text for each in events if isinstance(each, TextDelta))
