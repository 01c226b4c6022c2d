"""The Anthropic surface: messages, token counts, and models for clients that say `anthropic-version`.

`/v1/models` is shared with OpenAI: only the header tells whose client asks.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence

from inhouse.dialects import anthropic
from inhouse.gateway.facts import prompt_tokens
from inhouse.kernel.errors import (
    BadRequest,
    EngineExhausted,
    EngineOverloaded,
    EngineRefused,
    InhouseError,
    NoEngine,
    NotFound,
    NotSupported,
    OverBudget,
    RateLimited,
)
from inhouse.kernel.messages import ChatEvent
from inhouse.kernel.ports import EngineUsed
from inhouse.serve.plane.asked import Asked
from inhouse.serve.plane.exchange import answer_stream, answer_whole
from inhouse.serve.plane.front import Route, WireError
from inhouse.serve.plane.parts import Offer
from inhouse.serve.wire import Scope, header, send_reply

__all__ = ["AnthropicSurface"]

JSON = "application/json"
SSE = "text/event-stream; charset=utf-8"
ESTIMATED = (b"x-inhouse-estimated", b"true")
_MESSAGES = "/v1/messages"
_MODELS = "/v1/models"
_OVERLOADED_STATUS = 529
"""Anthropic's own; its clients try again later, and tell it from a server that is broken."""


class AnthropicSurface:
    """Implements `serve.plane.front.Surface` and `Particular`."""

    def meant(self, scope: Scope) -> bool:
        """See `Particular.meant`."""
        path: str = scope["path"]
        shared = path == _MODELS or path.startswith(_MODELS + "/")
        return not shared or bool(header(scope, b"anthropic-version"))

    def route(self, method: str, path: str) -> Route | None:
        """See `Surface.route`."""
        found = _ROUTES.get(path)
        if found is None and path.startswith(_MODELS + "/") and method == "GET":
            return _one_model
        if found is None and not path.startswith(_MESSAGES + "/"):
            return None
        if found is None:
            raise NotFound(
                f"There is nothing at {path[:200]}", hint="offered are /v1/messages and its count_tokens"
            )
        allowed, route = found
        if method != allowed:
            raise BadRequest(f"{method} is not possible at {path}", hint=f"use {allowed}")
        return route

    def error(self, error: InhouseError, request_id: str) -> WireError:
        """See `Surface.error`."""
        headers: list[tuple[bytes, bytes]] = [(b"request-id", request_id.encode())]
        wait_s = error.retry_after_s if isinstance(error, RateLimited | EngineOverloaded) else None
        if wait_s is not None:
            headers.append((b"retry-after", str(max(1, math.ceil(wait_s))).encode()))
        if isinstance(error, OverBudget | EngineExhausted | EngineRefused):
            # These clients ask again after any 429 or 5xx unless they are told not to.
            headers.append((b"x-should-retry", b"false"))
        status = _OVERLOADED_STATUS if isinstance(error, EngineOverloaded) else error.status
        body = anthropic.write_error(error, status=status, request_id=request_id)
        return status, body, tuple(headers)


async def _create(asked: Asked) -> None:
    asked.need("chat")
    request = asked.wanted(anthropic.read_request(asked.body, data=asked.data))
    reply_id = f"msg_{asked.parts.new_id()}"
    tokens = prompt_tokens(request) if request.stream else 0
    own = ((b"request-id", asked.request_id.encode()),)

    def writer(used: EngineUsed) -> anthropic.EventWriter:
        return anthropic.EventWriter(
            reply_id=reply_id,
            model=request.model or used.model or "",
            input_tokens=tokens,
            request_id=asked.request_id,
            stop=request.stop,
        )

    def whole(used: EngineUsed, events: Sequence[ChatEvent]) -> bytes:
        model = request.model or used.model or ""
        return anthropic.write_reply(events, reply_id=reply_id, model=model, stop=request.stop)

    try:
        if request.stream:
            await answer_stream(asked, request, writer, SSE, headers=own)
        else:
            await answer_whole(asked, request, whole, headers=own)
    except NoEngine as error:
        told = isinstance(error, NotSupported) or request.model is None
        if told or _offer(asked, request.model or "") is not None:
            raise
        raise NotFound(f"model: {error.message}", hint=error.hint) from error


async def _count(asked: Asked) -> None:
    """An estimate: only the engine's own tokenizer could count, and no engine is asked for this."""
    asked.need("chat")
    tokens = prompt_tokens(anthropic.read_count_request(asked.body))
    headers = [ESTIMATED, (b"request-id", asked.request_id.encode())]
    await send_reply(asked.send, 200, anthropic.write_count(tokens), JSON, headers=headers)


async def _models(asked: Asked) -> None:
    asked.need("models")
    models = [_wire(offer) for offer in asked.parts.catalogue.offers(asked.grant)]
    headers = [(b"request-id", asked.request_id.encode())]
    await send_reply(asked.send, 200, anthropic.write_models(models), JSON, headers=headers)


async def _one_model(asked: Asked) -> None:
    asked.need("models")
    name = asked.path.removeprefix(_MODELS + "/")
    offer = _offer(asked, name)
    if offer is None:
        raise NotFound(f"model: {name[:200]}", hint="GET /v1/models lists all")
    headers = [(b"request-id", asked.request_id.encode())]
    body = anthropic.write_one_model(_wire(offer))
    await send_reply(asked.send, 200, body, JSON, headers=headers)


def _offer(asked: Asked, name: str) -> Offer | None:
    """The offer of that name; case does not matter, and `:latest` may be left out."""
    plain = name.lower().removesuffix(":latest")
    for offer in asked.parts.catalogue.offers(asked.grant):
        if offer.name.lower().removesuffix(":latest") == plain:
            return offer
    return None


def _wire(offer: Offer) -> anthropic.WireModel:
    return anthropic.write_model(offer.name, created=offer.modified_at, context_tokens=offer.context_tokens)


_ROUTES: dict[str, tuple[str, Callable[[Asked], Awaitable[None]]]] = {
    _MESSAGES: ("POST", _create),
    f"{_MESSAGES}/count_tokens": ("POST", _count),
    _MODELS: ("GET", _models),
}
