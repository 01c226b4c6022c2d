"""The Gemini surface: `/v1beta/models/X:generateContent` and what belongs to it.

The same paths are offered below `/v1/`, where Google's own client asks since 3.0. Its lists of models
share their path with two other vendors there: a header or a `?key=` tells whose client it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import parse_qsl

from inhouse.dialects import gemini
from inhouse.gateway.facts import prompt_tokens
from inhouse.kernel.errors import BadRequest, EngineOverloaded, InhouseError, NoEngine, NotFound, NotSupported
from inhouse.kernel.messages import ChatEvent
from inhouse.kernel.ports import Embedded, EngineUsed
from inhouse.serve.plane.asked import Asked, used_headers
from inhouse.serve.plane.exchange import answer_stream, answer_whole, with_reader
from inhouse.serve.plane.front import Route, WireError
from inhouse.serve.plane.parts import Offer
from inhouse.serve.plane.vectors import embed
from inhouse.serve.wire import Scope, header, retry_after, send_reply

__all__ = ["GeminiSurface"]

JSON = "application/json"
ESTIMATED = (b"x-inhouse-estimated", b"true")
_BETA = "/v1beta/"
_LISTED = ("/v1beta/models", "/v1/models")
_SHARED = "/v1/models"
_OWN_HEADERS = (b"x-goog-api-key", b"x-goog-api-client")
_PREFIXES = ("/v1beta/models/", "/v1/models/")


class GeminiSurface:
    """Implements `serve.plane.front.Surface` and `Particular`."""

    def meant(self, scope: Scope) -> bool:
        """See `Particular.meant`."""
        path: str = scope["path"]
        shared = path == _SHARED or path.startswith(_SHARED + "/")
        if not shared or _split(path)[1] in _VERBS:
            return True
        return any(header(scope, each) for each in _OWN_HEADERS) or b"key=" in scope["query_string"]

    def route(self, method: str, path: str) -> Route | None:
        """See `Surface.route`."""
        if path in _LISTED and method == "GET":
            return _models
        verb = _split(path)[1]
        if path.startswith(_PREFIXES) and verb in _VERBS:
            if method != "POST":
                raise BadRequest(f"{method} is not possible at {path[:200]}", hint="use POST")
            return _VERBS[verb]
        if path.startswith(_PREFIXES) and method == "GET":
            return _one_model
        if not path.startswith(_BETA):
            return None
        offered = ", ".join(f":{each}" for each in _VERBS)
        raise NotFound(
            f"There is nothing at {method} {path[:200]}", hint=f"offered are /v1beta/models and {offered}"
        )

    def error(self, error: InhouseError, request_id: str) -> WireError:
        """See `Surface.error`. A busy engine is what Google calls UNAVAILABLE."""
        status = 503 if isinstance(error, EngineOverloaded) else error.status
        return status, gemini.write_error(error, status=status), retry_after(error)


async def _generate(asked: Asked) -> None:
    await _answer(asked, stream=False)


async def _stream(asked: Asked) -> None:
    await _answer(asked, stream=True)


async def _answer(asked: Asked, *, stream: bool) -> None:
    asked.need("chat")
    model = _split(asked.path)[0]
    request = asked.wanted(gemini.read_request(asked.body, model=model, stream=stream, data=asked.data))
    thoughts = gemini.wants_thoughts(asked.body)
    reply_id = asked.parts.new_id()
    events_wanted = dict(parse_qsl(asked.query)).get("alt") == "sse"

    def writer(used: EngineUsed) -> gemini.EventWriter:
        return gemini.EventWriter(
            reply_id=reply_id, model=model, thoughts=thoughts, form="sse" if events_wanted else "array"
        )

    def whole(used: EngineUsed, events: Sequence[ChatEvent]) -> bytes:
        return gemini.write_reply(events, reply_id=reply_id, model=model, thoughts=thoughts)

    if stream:
        media_type = "text/event-stream" if events_wanted else JSON
        await _of_model(asked, model, answer_stream(asked, request, writer, media_type))
    else:
        await _of_model(asked, model, answer_whole(asked, request, whole))


async def _count(asked: Asked) -> None:
    """An estimate: only the engine's own tokenizer could count, and no engine is asked for this."""
    asked.need("chat")
    request = gemini.read_count_request(asked.body, model=_split(asked.path)[0])
    body = gemini.write_count(prompt_tokens(request))
    await send_reply(asked.send, 200, body, JSON, headers=[ESTIMATED])


async def _embed(asked: Asked) -> None:
    await _vectors(asked, batch=False)


async def _embed_batch(asked: Asked) -> None:
    await _vectors(asked, batch=True)


async def _vectors(asked: Asked, *, batch: bool) -> None:
    asked.need("embed")
    model = _split(asked.path)[0]
    read = gemini.read_embed_request(asked.body, model=model, batch=batch)
    request = dataclasses.replace(read, data=asked.data, wishes=asked.wishes)

    async def answer() -> None:
        found: Embedded = await with_reader(asked, embed(asked, request))
        body = gemini.write_embeddings(found.embeddings, batch=batch)
        await send_reply(asked.send, 200, body, JSON, headers=used_headers(found.used))

    await _of_model(asked, model, answer())


async def _models(asked: Asked) -> None:
    asked.need("models")
    models = [_wire(offer) for offer in asked.parts.catalogue.offers(asked.grant)]
    await send_reply(asked.send, 200, gemini.write_models(models), JSON)


async def _one_model(asked: Asked) -> None:
    asked.need("models")
    name = asked.path.removeprefix(_PREFIXES[0]).removeprefix(_PREFIXES[1])
    offer = _offer(asked, name)
    if offer is None:
        raise _unknown(name)
    await send_reply(asked.send, 200, gemini.write_one_model(_wire(offer)), JSON)


async def _of_model(asked: Asked, model: str, answer: Awaitable[None]) -> None:
    """Answer; that nobody may take the request because its model does not exist is a 404 here."""
    try:
        await answer
    except NoEngine as error:
        if isinstance(error, NotSupported) or _offer(asked, model) is not None:
            raise
        raise NotFound(error.message, hint=error.hint) from error


def _split(path: str) -> tuple[str, str]:
    """The model and the method of a path; names of models have colons of their own (`qwen2.5:7b`)."""
    for prefix in _PREFIXES:
        path = path.removeprefix(prefix)
    model, _, verb = path.rpartition(":")
    return model, verb


def _offer(asked: Asked, name: str) -> Offer | None:
    """The offer of that name; case does not matter, and `:latest` may be left out."""
    plain = name.lower().removesuffix(":latest")
    for offer in asked.parts.catalogue.offers(asked.grant):
        if offer.name.lower().removesuffix(":latest") == plain:
            return offer
    return None


def _unknown(name: str) -> NotFound:
    return NotFound(f"models/{name[:200]} is not found", hint="GET /v1beta/models lists all")


def _wire(offer: Offer) -> gemini.WireModel:
    embeds = "embedding" in offer.capabilities
    chats = "completion" in offer.capabilities or not embeds
    return gemini.write_model(offer.name, context_tokens=offer.context_tokens, chats=chats, embeds=embeds)


_VERBS: dict[str, Callable[[Asked], Awaitable[None]]] = {
    "generateContent": _generate,
    "streamGenerateContent": _stream,
    "countTokens": _count,
    "embedContent": _embed,
    "batchEmbedContents": _embed_batch,
}
