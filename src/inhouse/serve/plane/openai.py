"""The OpenAI surface: chat completions, completions, embeddings, responses and models below `/v1/`.

Nothing is kept between two requests. `/v1/messages` belongs to another vendor and is left alone.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Awaitable, Callable, Sequence

from inhouse.dialects import openai, openai_completions, openai_embeddings, openai_responses
from inhouse.dialects import openai_responses_events as responses_events
from inhouse.kernel.errors import (
    BadRequest,
    EngineOverloaded,
    InhouseError,
    NoEngine,
    NotFound,
    OverBudget,
    RateLimited,
)
from inhouse.kernel.messages import ChatEvent
from inhouse.kernel.ports import Embedded, EngineUsed
from inhouse.serve.plane.asked import Asked, used_headers
from inhouse.serve.plane.exchange import answer_stream, answer_whole, with_reader
from inhouse.serve.plane.front import Route, WireError
from inhouse.serve.plane.parts import Offer
from inhouse.serve.wire import send_reply

__all__ = ["OpenAISurface"]

JSON = "application/json"
SSE = "text/event-stream"
_ONE_MODEL = "/v1/models/"


class WrongMethod(BadRequest):
    """The path is known, the method is not; `allowed` is the one that is."""

    status = 405

    def __init__(self, method: str, path: str, allowed: str) -> None:
        super().__init__(f"{method} is not possible at {path[:200]}", hint=f"use {allowed}")
        self.allowed = allowed


class UnknownModel(NotFound):
    """No engine that the caller may use offers a model of that name."""


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
            raise NotFound(
                "Responses are not kept here", hint="read the answer of POST /v1/responses, or its stream"
            )
        raise NotFound(f"There is nothing at {path[:200]}", hint=f"offered are {', '.join(_ROUTES)}")

    def error(self, error: InhouseError, request_id: str) -> WireError:
        """See `Surface.error`."""
        headers: list[tuple[bytes, bytes]] = []
        wait_s = error.retry_after_s if isinstance(error, RateLimited | EngineOverloaded) else None
        if wait_s is not None:
            headers.append((b"retry-after", str(max(1, math.ceil(wait_s))).encode()))
        if isinstance(error, OverBudget):
            # A spent budget is not there again in a second; this vendor's clients look at this header.
            headers.append((b"x-should-retry", b"false"))
        if isinstance(error, WrongMethod):
            headers.append((b"allow", error.allowed.encode()))
        code = "model_not_found" if isinstance(error, UnknownModel) else ""
        return openai.error_status(error), openai.write_error(error, code=code), tuple(headers)


async def _chat(asked: Asked) -> None:
    asked.need("chat")
    read, include_usage = openai.read_chat(asked.body)
    request = asked.wanted(read)
    reply_id, created = f"chatcmpl-{asked.parts.new_id()}", int(asked.parts.clock())

    def writer(used: EngineUsed) -> openai.EventWriter:
        model = request.model or used.model or ""
        return openai.EventWriter(
            reply_id=reply_id, model=model, created=created, include_usage=include_usage
        )

    def whole(used: EngineUsed, events: Sequence[ChatEvent]) -> bytes:
        model = request.model or used.model or ""
        return openai.write_reply(events, reply_id=reply_id, model=model, created=created)

    if request.stream:
        await _of_model(asked, request.model, answer_stream(asked, request, writer, SSE))
    else:
        await _of_model(asked, request.model, answer_whole(asked, request, whole))


async def _complete(asked: Asked) -> None:
    asked.need("chat")
    read, include_usage = openai_completions.read_request(asked.body)
    request = asked.wanted(read)
    reply_id, created = f"cmpl-{asked.parts.new_id()}", int(asked.parts.clock())

    def writer(used: EngineUsed) -> openai_completions.EventWriter:
        model = request.model or used.model or ""
        return openai_completions.EventWriter(
            reply_id=reply_id, model=model, created=created, include_usage=include_usage
        )

    def whole(used: EngineUsed, events: Sequence[ChatEvent]) -> bytes:
        model = request.model or used.model or ""
        return openai_completions.write_reply(events, reply_id=reply_id, model=model, created=created)

    if request.stream:
        await _of_model(asked, request.model, answer_stream(asked, request, writer, SSE))
    else:
        await _of_model(asked, request.model, answer_whole(asked, request, whole))


async def _respond(asked: Asked) -> None:
    asked.need("chat")
    ask = openai_responses.read_request(asked.body)
    request = asked.wanted(ask.request)
    reply_id, created = asked.parts.new_id(), int(asked.parts.clock())

    def writer(used: EngineUsed) -> responses_events.EventWriter:
        model = request.model or used.model or ""
        return responses_events.EventWriter(ask, reply_id=reply_id, model=model, created=created)

    def whole(used: EngineUsed, events: Sequence[ChatEvent]) -> bytes:
        model = request.model or used.model or ""
        return responses_events.write_reply(events, ask, reply_id=reply_id, model=model, created=created)

    if request.stream:
        await _of_model(asked, request.model, answer_stream(asked, request, writer, SSE))
    else:
        await _of_model(asked, request.model, answer_whole(asked, request, whole))


async def _embed(asked: Asked) -> None:
    asked.need("embed")
    read, as_base64 = openai_embeddings.read_request(asked.body)
    request = dataclasses.replace(read, data=asked.data, wishes=asked.wishes)

    async def work() -> Embedded:
        admission = asked.parts.gate.admit(asked.grant)
        try:
            return await asked.parts.embedder.embed(
                request, request_id=asked.request_id, user=asked.grant.user, grant=asked.grant
            )
        finally:
            admission.close()

    async def answer() -> None:
        found: Embedded = await with_reader(asked, work())
        model = request.model or found.used.model or ""
        body = openai_embeddings.write_reply(found.embeddings, model=model, as_base64=as_base64)
        await send_reply(asked.send, 200, body, JSON, headers=used_headers(found.used))

    await _of_model(asked, request.model, answer())


async def _models(asked: Asked) -> None:
    asked.need("models")
    models = [_wire(offer) for offer in asked.parts.catalogue.offers(asked.grant)]
    await send_reply(asked.send, 200, openai.write_models(models), JSON)


async def _one_model(asked: Asked) -> None:
    asked.need("models")
    name = asked.path.removeprefix(_ONE_MODEL)
    offer = _offer(asked, name)
    if offer is None:
        raise UnknownModel(f"The model `{name[:200]}` does not exist", hint="GET /v1/models lists all")
    await send_reply(asked.send, 200, openai.write_model(_wire(offer)), JSON)


async def _of_model(asked: Asked, model: str | None, answer: Awaitable[None]) -> None:
    """Answer; that nobody may take the request because its model does not exist is a 404 here.

    Raises:
        UnknownModel: if no engine took it and the model is not among those offered to the caller.
    """
    try:
        await answer
    except NoEngine as error:
        if model is None or _offer(asked, model) is not None:
            raise
        raise UnknownModel(error.message, hint=error.hint) from error


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
