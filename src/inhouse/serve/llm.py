"""`/app/llm`: one service over every model, with the names of the planning documents.

The same dispatch, policy, limits and ledger as the wire surfaces; `inhouse.client.LLMService` is its other
end. Money is in units of the house currency, and null where it is not known: unknown is not free.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from inhouse.dialects.status import error_of
from inhouse.gateway.ports import LedgerRow
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import Forbidden, InhouseError, RateLimited, ShuttingDown, Unavailable
from inhouse.kernel.messages import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    Failed,
    Finished,
    TextDelta,
    Usage,
    UsageSeen,
    Wishes,
)
from inhouse.kernel.ports import ChatModel, EngineUsed
from inhouse.serve.llm_shapes import (
    ChatBody,
    ChatReply,
    CloudLlm,
    CloudUse,
    GenerateBody,
    GenerateReply,
    LlmHealth,
    LocalLlm,
    LocalUse,
    Metadata,
    UsageStats,
)
from inhouse.serve.middleware import is_loopback
from inhouse.serve.parts import Parts
from inhouse.serve.plane.asked import secret_in, used_headers
from inhouse.serve.plane.meter import Meter
from inhouse.serve.plane.parts import Gatekeeper
from inhouse.serve.plane.refused import write_refusal
from inhouse.serve.router import open_router
from inhouse.serve.shapes import Delta, Shape
from inhouse.serve.stream import Emit, EventStream, error_event

__all__ = ["llm_routes"]


@dataclass(frozen=True, slots=True)
class _Said:
    """One whole answer."""

    used: EngineUsed
    text: str
    usage: Usage
    reason: str
    row: LedgerRow | None
    request_id: str

    @property
    def cost(self) -> float | None:
        return None if self.row is None or self.row.cost_micros is None else self.row.cost_micros / 1e6


def llm_routes(parts: Parts, stopping: asyncio.Event) -> APIRouter:
    """Health, generate, chat and usage."""
    routes = open_router()

    @routes.get("/app/llm/health")
    def llm_health() -> LlmHealth:
        """Whether a local and a cloud model could answer now, and which is recommended."""
        return _health(parts)

    @routes.post("/app/llm/generate", response_model=GenerateReply)
    async def llm_generate(request: Request, body: GenerateBody) -> Response:
        """One answer to one prompt; local models first unless `prefer_local` is false or the cloud forced."""
        messages = [ChatMessage("system", body.system)] if body.system else []
        chat = ChatRequest(
            (*messages, ChatMessage("user", body.prompt)),
            model=body.model or None,
            task=body.task,
            data=body.data,
            max_tokens=body.max_tokens,
            temperature=body.temperature,
            stream=False,
            wishes=_wishes(prefer_local=body.prefer_local, force_cloud=body.force_cloud),
        )
        said = await _Asker(parts, request, chat).whole(stopping)
        usage = said.usage
        local = said.used.where != "cloud"
        reply = GenerateReply(
            response=said.text,
            model_used=said.used.model,
            source=said.used.where,
            cost=said.cost,
            request_id=said.request_id,
            tokens=usage.output_tokens if local else usage.input_tokens + usage.output_tokens,
            metadata=Metadata(
                total_duration=int(said.row.total_ms * 1e6) if said.row else 0,
                load_duration=None,
                prompt_eval_count=usage.input_tokens,
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                stop_reason=said.reason,
            ),
        )
        return _reply(reply, said.used)

    @routes.post("/app/llm/chat", response_model=ChatReply)
    async def llm_chat(request: Request, body: ChatBody) -> Response:
        """The next turn of a conversation; with `stream` as events `delta`, then `done` or `error`."""
        chat = ChatRequest(
            tuple(ChatMessage(turn.role, turn.content) for turn in body.messages),
            model=body.model or None,
            task=body.task,
            data=body.data,
            max_tokens=body.max_tokens,
            temperature=body.temperature,
            stream=body.stream,
            wishes=_wishes(prefer_local=body.prefer_local, force_cloud=False),
        )
        asker = _Asker(parts, request, chat)
        if body.stream:
            return EventStream(asker.stream, stopping=stopping)
        said = await asker.whole(stopping)
        return _reply(_chat_reply(said), said.used)

    @routes.get("/app/llm/usage")
    def llm_usage(since: float = Query(0.0, ge=0, allow_inf_nan=False)) -> UsageStats:
        """Calls, tokens and money, local and cloud, since a time in UNIX seconds."""
        return _usage(parts, since)

    return routes


class _Asker:
    """Asks for one caller of this API, within the caller's rights and limits."""

    def __init__(self, parts: Parts, request: Request, chat: ChatRequest) -> None:
        if parts.chat is None or parts.gate is None:
            raise Unavailable("This server has no gateway", hint="ask the one that holds the home")
        self._model: ChatModel = parts.chat
        self._gate: Gatekeeper = parts.gate
        self._parts = parts
        self._request = request
        self._id: str = request.scope.get("state", {}).get("request_id") or secrets.token_hex(16)
        headers = dict(reversed(request.scope["headers"]))  # of several with one name the first counts
        self._grant: Grant = self._gate.grant(
            secret_in(headers),
            user=headers.get(b"x-inhouse-user", b"").decode("latin-1"),
            loopback=request.client is not None and is_loopback(request.client.host),
        )
        self._chat = chat
        if "chat" not in self._grant.scopes:
            hint = "`inhouse keys add --name NAME --scope chat` makes one that is"
            raise self._noted(Forbidden("This key is not for `chat`", hint=hint))

    def _noted(self, error: InhouseError) -> InhouseError:
        """The error, written down as the end of this request."""
        if self._parts.accounts is not None:
            write_refusal(
                self._parts.accounts,
                error,
                self._grant,
                request_id=self._id,
                task=self._chat.task,
                requested=self._chat.model,
            )
        return error

    async def whole(self, stopping: asyncio.Event) -> _Said:
        """The whole answer; the engine is left when the reader leaves."""
        work = asyncio.ensure_future(self._said())
        gone = asyncio.ensure_future(_gone(self._request))
        stop = asyncio.ensure_future(stopping.wait())
        try:
            await asyncio.wait({work, gone, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
                await asyncio.wait({work})
                if work.cancelled():
                    raise ShuttingDown("inhouse is being stopped", hint="ask again in a moment")
            return work.result()
        finally:
            for each in (work, gone, stop):
                each.cancel()

    async def stream(self, emit: Emit) -> None:
        """Send the answer as events; `done` holds all of it."""
        try:
            texts: list[str] = []
            usage, used = Usage(0, 0), EngineUsed("none", None, "none", "")
            async with contextlib.aclosing(self._events()) as events:
                async for used, event in events:
                    match event:
                        case TextDelta(text):
                            texts.append(text)
                            await emit("delta", Delta(text=text))
                        case UsageSeen(seen):
                            usage = seen
                        case Failed():
                            raise error_of(event, engine=used.engine)
            said = _Said(used, "".join(texts), usage, "", await self._row(), self._id)
            await emit("done", _chat_reply(said))
        except InhouseError as error:
            await emit("error", error_event(error))

    async def _said(self) -> _Said:
        texts: list[str] = []
        usage, reason = Usage(0, 0), ""
        used = EngineUsed("none", None, "none", "")
        async with contextlib.aclosing(self._events()) as events:
            async for used, event in events:
                match event:
                    case TextDelta(text):
                        texts.append(text)
                    case UsageSeen(seen):
                        usage = seen
                    case Finished(why):
                        reason = why
                    case Failed():
                        raise error_of(event, engine=used.engine)
        return _Said(used, "".join(texts), usage, reason, await self._row(), self._id)

    async def _events(self) -> AsyncGenerator[tuple[EngineUsed, ChatEvent]]:
        chat, meter = self._chat, Meter(self._chat)
        try:
            admission = self._gate.admit(self._grant)
        except RateLimited as error:
            raise self._noted(error) from None
        try:
            answer = await self._model.open(
                chat, request_id=self._id, user=self._grant.user, grant=self._grant
            )
            meter.opened(answer.used)
            try:
                async for event in answer:
                    meter.count(event)
                    yield answer.used, event
            finally:
                await answer.aclose()
        finally:
            admission.close(meter.tokens())

    async def _row(self) -> LedgerRow | None:
        """What it cost stands in the ledger, which moves the journal first: on a thread."""
        rows = await asyncio.to_thread(self._parts.ledger.request, self._id)
        return rows[-1] if rows else None


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _wishes(*, prefer_local: bool, force_cloud: bool) -> Wishes:
    """`prefer_local` is what the house does unasked; only its opposite is a wish."""
    return Wishes(
        prefer=None if prefer_local else "cloud",
        force="cloud" if force_cloud else None,
    )


def _chat_reply(said: _Said) -> ChatReply:
    return ChatReply(
        response=said.text,
        model_used=said.used.model,
        source=said.used.where,
        cost=said.cost,
        request_id=said.request_id,
    )


def _reply(shape: Shape, used: EngineUsed) -> Response:
    reply = JSONResponse(shape.model_dump())
    reply.raw_headers.extend(used_headers(used))
    return reply


def _health(parts: Parts) -> LlmHealth:
    """From the last look at the engines; asks none of them."""
    up = [view for view in parts.fleet.engines() if view.state == "up" and view.allowed and view.models]
    local = [view for view in up if view.where == "local"]
    cloud = [view for view in up if view.where == "cloud"]
    answering = parts.answering()
    first = next((view for view in local if answering and view.name == answering.engine), None) or next(
        iter(local), None
    )
    model = answering.model if answering and first and answering.engine == first.name else None
    return LlmHealth(
        local_llm=LocalLlm(
            available=bool(local),
            url=first.url or None if first else None,
            model=model or (first.models[0].name if first else None),
        ),
        cloud_llm=CloudLlm(
            available=bool(cloud), provider=", ".join(view.name for view in cloud) if cloud else None
        ),
        recommended_routing="local" if local else "cloud" if cloud else "none",
    )


def _usage(parts: Parts, since: float) -> UsageStats:
    totals = parts.ledger.totals(since=since)
    local = [row for row in totals if row.where == "local"]
    cloud = [row for row in totals if row.where == "cloud"]
    calls = sum(row.requests for row in (*local, *cloud))
    unpriced = sum(row.unpriced for row in (*local, *cloud))
    local_cost = sum(row.cost_micros for row in local) / 1e6
    cloud_cost = sum(row.cost_micros for row in cloud) / 1e6
    return UsageStats(
        timestamp=datetime.fromtimestamp(parts.clock(), UTC).isoformat(),
        local=LocalUse(
            calls=sum(row.requests for row in local),
            tokens=sum(row.output_tokens for row in local),
            cost=local_cost,
        ),
        cloud=CloudUse(
            calls=sum(row.requests for row in cloud),
            input_tokens=sum(row.input_tokens for row in cloud),
            output_tokens=sum(row.output_tokens for row in cloud),
            cost=cloud_cost,
        ),
        total_cost=local_cost + cloud_cost,
        cost_savings=sum(row.saved_micros for row in totals) / 1e6,
        unpriced=unpriced,
        note=f"the cost of {unpriced} of {calls} calls is unknown and not in these sums" if unpriced else "",
    )
