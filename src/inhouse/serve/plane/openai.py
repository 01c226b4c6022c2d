"""The OpenAI surface: chat completions, completions, embeddings, responses and models below `/v1/`.

Nothing is kept between two requests. `/v1/messages` belongs to another vendor and is left alone.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Awaitable, Callable, Sequence

from inhouse.dialects import (
    openai,
    openai_completions,
    openai_embeddings,
    openai_responses,
    openai_responses_events,
)
from inhouse.kernel.errors import (
    BadRequest,
    EngineOverloaded,
    InhouseError,
    NotFound,
    OverBudget,
    RateLimited,
)
from inhouse.kernel.messages import NO_WISHES, ChatEvent, ChatRequest, EmbedRequest
from inhouse.kernel.ports import Embedded, EngineUsed
from inhouse.serve.plane.asked import Asked, used_headers
from inhouse.serve.plane.exchange import answer_stream, answer_trip, answer_whole, with_reader
from inhouse.serve.plane.front import Route, WireError
from inhouse.serve.plane.parts import Offer, Trip
from inhouse.serve.plane.vectors import embed
from inhouse.serve.wire import send_reply

__all__ = ["OpenAISurface"]

JSON = "application/json"
SSE = "text/event-stream"
REQUEST_ID = b"x-request-id"
_ONE_MODEL = "/v1/models/"


class WrongMethod(BadRequest):
    """The path is known, the method is not; `allowed` is the one that is."""

    status = 405

    def __init__(self, method: str, path: str, allowed: str) -> None:
        super().__init__(f"{method} is not possible at {path[:200]}", hint=f"use {allowed}")
        self.allowed = allowed


class UnknownPath(NotFound):
    """Nothing is there; every other thing that is not found here is a model."""


class OpenAISurface:
    """Implements `serve.plane.front.Surface`."""

    def route(self, method: str, path: str) -> Route | None:
        """See `Surface.route`."""
        found = _ROUTES.get(path)
        if found is None:
            return self._other(method, path)
        allowed, route = found
        if method != allowed:
            raise WrongMethod(method, path, allowed)
        return route

    def _other(self, method: str, path: str) -> Route | None:
        if not path.startswith("/v1/") or path == "/v1/messages" or path.startswith("/v1/messages/"):
            return None
        if path.startswith(_ONE_MODEL) and len(path) > len(_ONE_MODEL):
            if method != "GET":
                raise WrongMethod(method, path, "GET")
            return _one_model
        if path.startswith("/v1/responses/"):
            hint = "read the answer of POST /v1/responses, or its stream"
            raise UnknownPath("Responses are not kept here", hint=hint)
        raise UnknownPath(f"There is nothing at {path[:200]}", hint=f"offered are {', '.join(_ROUTES)}")

    def error(self, error: InhouseError, request_id: str) -> WireError:
        """See `Surface.error`."""
        headers = [(REQUEST_ID, request_id.encode())]
        wait_s = error.retry_after_s if isinstance(error, RateLimited | EngineOverloaded) else None
        if wait_s is not None:
            headers.append((b"retry-after", str(max(1, math.ceil(wait_s))).encode()))
        if isinstance(error, OverBudget):
            # A spent budget is not there again in a second; this vendor's clients look at this header.
            headers.append((b"x-should-retry", b"false"))
        if isinstance(error, WrongMethod):
            headers.append((b"allow", error.allowed.encode()))
        code = ""
        if isinstance(error, NotFound):
            code = "unknown_url" if isinstance(error, UnknownPath) else "model_not_found"
        return openai.error_status(error), openai.write_error(error, code=code), tuple(headers)


async def _chat(asked: Asked) -> None:
    asked.need("chat")
    request: ChatRequest | Trip
    if (trip := _trip(asked)) is not None:
        request, include_usage = trip, trip.include_usage
    else:
        read, include_usage = openai.read_chat(asked.body, data=asked.data)
        request = asked.wanted(read)

    def writer(used: EngineUsed) -> openai.EventWriter:
        reply_id, created = _signed(asked)
        name = _named(request, used)
        return openai.EventWriter(reply_id=reply_id, model=name, created=created, include_usage=include_usage)

    def render(used: EngineUsed, events: Sequence[ChatEvent]) -> bytes:
        reply_id, created = _signed(asked)
        return openai.write_reply(events, reply_id=reply_id, model=_named(request, used), created=created)

    if request.stream:
        await answer_stream(asked, request, writer, SSE, headers=_own(asked))
    elif isinstance(request, ChatRequest):
        await answer_whole(asked, request, render, headers=_own(asked))
    else:
        await answer_trip(asked, request, render, headers=_own(asked))


def _trip(asked: Asked) -> Trip | None:
    """The short way, which is for requests without wishes of their own."""
    express = asked.parts.express
    if express is None or asked.wishes is not NO_WISHES or (asked.data, asked.task) != ("any", "chat"):
        return None
    return express.trip(asked.body, asked.grant)


def _signed(asked: Asked) -> tuple[str, int]:
    """The id and the time of a reply that is written here."""
    return f"chatcmpl-{asked.parts.new_id()}", int(asked.parts.clock())


async def _complete(asked: Asked) -> None:
    asked.need("chat")
    read, include_usage = openai_completions.read_request(asked.body)
    request = asked.wanted(read)
    reply_id, created = f"cmpl-{asked.parts.new_id()}", int(asked.parts.clock())
    if request.stream:
        await answer_stream(
            asked,
            request,
            lambda used: openai_completions.EventWriter(
                reply_id=reply_id, model=_named(request, used), created=created, include_usage=include_usage
            ),
            SSE,
            headers=_own(asked),
        )
        return
    await answer_whole(
        asked,
        request,
        lambda used, events: openai_completions.write_reply(
            events, reply_id=reply_id, model=_named(request, used), created=created
        ),
        headers=_own(asked),
    )


async def _respond(asked: Asked) -> None:
    asked.need("chat")
    ask = openai_responses.read_request(asked.body)
    request = asked.wanted(ask.request)
    reply_id, created = asked.parts.new_id(), int(asked.parts.clock())
    if request.stream:
        await answer_stream(
            asked,
            request,
            lambda used: openai_responses_events.EventWriter(
                ask, reply_id=reply_id, model=_named(request, used), created=created
            ),
            SSE,
            headers=_own(asked),
        )
        return
    await answer_whole(
        asked,
        request,
        lambda used, events: openai_responses_events.write_reply(
            events, ask, reply_id=reply_id, model=_named(request, used), created=created
        ),
        headers=_own(asked),
    )


def _own(asked: Asked) -> tuple[tuple[bytes, bytes]]:
    """This vendor's name for the request's id, which its clients show in their errors."""
    return ((REQUEST_ID, asked.request_id.encode()),)


def _named(request: ChatRequest | EmbedRequest | Trip, used: EngineUsed) -> str:
    """The model's name as the caller said it, else the one that runs."""
    return request.model or used.model or ""


async def _embed(asked: Asked) -> None:
    asked.need("embed")
    read, as_base64 = openai_embeddings.read_request(asked.body)
    request = dataclasses.replace(read, data=asked.data, wishes=asked.wishes)

    found: Embedded = await with_reader(asked, embed(asked, request))
    body = openai_embeddings.write_reply(
        found.embeddings, model=_named(request, found.used), as_base64=as_base64
    )
    await send_reply(asked.send, 200, body, JSON, headers=[*used_headers(found.used), *_own(asked)])


async def _models(asked: Asked) -> None:
    asked.need("models")
    models = [_wire(offer) for offer in asked.parts.catalogue.offers(asked.grant)]
    await send_reply(asked.send, 200, openai.write_models(models), JSON, headers=_own(asked))


async def _one_model(asked: Asked) -> None:
    asked.need("models")
    name = asked.path.removeprefix(_ONE_MODEL)
    offer = _offer(asked, name)
    if offer is None:
        raise NotFound(f"The model `{name[:200]}` does not exist", hint="GET /v1/models lists all")
    await send_reply(asked.send, 200, openai.write_model(_wire(offer)), JSON, headers=_own(asked))


def _offer(asked: Asked, name: str) -> Offer | None:
    """The offer of that name; case does not matter, and `:latest` may be left out."""
    plain = name.lower().removesuffix(":latest")
    for offer in asked.parts.catalogue.offers(asked.grant):
        if offer.name.lower().removesuffix(":latest") == plain:
            return offer
    return None


def _wire(offer: Offer) -> openai.WireModel:
    return openai.WireModel(
        id=offer.name,
        object="model",
        created=int(offer.modified_at),
        owned_by=offer.engine,
        max_model_len=offer.context_tokens,
    )


_ROUTES: dict[str, tuple[str, Callable[[Asked], Awaitable[None]]]] = {
    "/v1/chat/completions": ("POST", _chat),
    "/v1/completions": ("POST", _complete),
    "/v1/responses": ("POST", _respond),
    "/v1/embeddings": ("POST", _embed),
    "/v1/models": ("GET", _models),
}
