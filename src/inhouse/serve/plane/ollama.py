"""Ollama's own API, so that its clients work unchanged: chat, generate and vectors; models beside this.

The root of Ollama's own port answers `Ollama is running`, which its clients probe; see `ollama_port`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from types import MappingProxyType

from inhouse.dialects import ollama
from inhouse.kernel.errors import (
    BadRequest,
    EngineOverloaded,
    EngineRefused,
    Forbidden,
    InhouseError,
    NotFound,
    RateLimited,
)
from inhouse.kernel.messages import ChatEvent, ChatRequest, Embeddings, EmbedRequest, Usage
from inhouse.kernel.ports import Embedded, EngineUsed
from inhouse.serve.plane import ollama_models
from inhouse.serve.plane.asked import Asked, used_headers
from inhouse.serve.plane.exchange import answer_stream, answer_whole, with_reader
from inhouse.serve.plane.front import Route, WireError
from inhouse.serve.plane.ollama_names import meant_by, offer_of, refuse_cloud_name, why_nobody
from inhouse.serve.plane.parts import Offer
from inhouse.serve.plane.vectors import embed
from inhouse.serve.wire import send_reply

__all__ = ["EMULATED_VERSION", "OllamaSurface"]

EMULATED_VERSION = "0.33.0"
"""Clients switch features on by this; ours stands beside it."""
NDJSON = "application/x-ndjson"
_LOADABLE = ("ollama", "embedded")
"""Kinds of engine whose models come and go on request; with the others loading is no word."""


class OllamaSurface:
    """Implements `Surface` for every path below `/api/` that is not inhouse's own."""

    def route(self, method: str, path: str) -> Route | None:
        """See `Surface.route`. A wrong method and an unknown path have the bare texts Ollama gives."""
        if not path.startswith("/api/") or path.startswith("/api/nl/"):
            return None
        if path.startswith("/api/blobs/"):
            return ollama_models.BLOBS.get(method, _wrong_method)
        methods = _ROUTES.get(path)
        return _unknown_path if methods is None else methods.get(method, _wrong_method)

    def error(self, error: InhouseError, request_id: str) -> WireError:
        """See `Surface.error`.

        The words are exact where a client may look for them; elsewhere the way out stands behind them.
        """
        more: tuple[tuple[bytes, bytes], ...] = ()
        wait_s = error.retry_after_s if isinstance(error, RateLimited | EngineOverloaded) else None
        if wait_s is not None:
            more = ((b"retry-after", str(max(1, round(wait_s))).encode()),)
        message = error.message if isinstance(error, NotFound) else str(error)
        return _status(error), ollama.write_error(message), more


def _status(error: InhouseError) -> int:
    if isinstance(error, EngineRefused):
        return 404 if "not found" in error.message or "has no model" in error.message else 400
    return error.status


async def _running(asked: Asked) -> None:
    await send_reply(asked.send, 200, b"Ollama is running", "text/plain; charset=utf-8")


async def _version(asked: Asked) -> None:
    body = b'{"version":"%s","inhouse":"%s"}' % (EMULATED_VERSION.encode(), asked.parts.version.encode())
    await send_reply(asked.send, 200, body, "application/json; charset=utf-8")


async def _status_page(asked: Asked) -> None:
    await send_reply(asked.send, 200, b'{"cloud":{"disabled":true,"source":"inhouse"}}', "application/json")


async def _wrong_method(asked: Asked) -> None:
    await send_reply(asked.send, 405, b"405 method not allowed", "text/plain")


async def _unknown_path(asked: Asked) -> None:
    await send_reply(asked.send, 404, b"404 page not found", "text/plain")


async def _no_account(asked: Asked) -> None:
    raise NotFound("there is no account of Ollama's cloud here")


async def _no_push(asked: Asked) -> None:
    raise Forbidden("inhouse sends no model out of the house", hint="push it with Ollama itself")


async def _chat(asked: Asked) -> None:
    asked.need("chat")
    await _answer(asked, ollama.read_request(asked.body, data=asked.data), generate=False)


async def _generate(asked: Asked) -> None:
    asked.need("chat")
    await _answer(asked, ollama.read_generate(asked.body, data=asked.data), generate=True)


async def _answer(asked: Asked, request: ChatRequest, *, generate: bool) -> None:
    name = request.model or ""
    if not name:
        raise NotFound("model '' not found")
    refuse_cloud_name(name)
    offer = offer_of(asked, name)
    request = asked.wanted(_checked(request, name, offer, generate=generate))
    try:
        if not request.messages:
            await _load(asked, request, name, generate=generate)
        else:
            await _exchange(asked, request, name, generate=generate)
    except NotFound as error:
        if offer is None:
            raise NotFound(f"model '{name}' not found") from error
        raise


def _checked(request: ChatRequest, name: str, offer: Offer | None, *, generate: bool) -> ChatRequest:
    """The request as it is to be routed.

    Raises:
        BadRequest: if the model is known, and known not to be able to do this.
    """
    if offer is not None and offer.capabilities and "completion" not in offer.capabilities:
        raise BadRequest(f'"{name}" does not support {"generate" if generate else "chat"}')
    # An Ollama engine knows its models best, and of others only the header of a file says so much.
    known = offer is not None and offer.kind == "embedded"
    if known and offer and request.thinking not in (None, "off") and "thinking" not in offer.capabilities:
        raise BadRequest(f'"{name}" does not support thinking')
    if (request.messages and not generate) or not ollama.wants_generate(request):
        return request
    if offer is None:
        raise NotFound(f"model '{name}' not found")
    if offer.kind != "ollama":
        raise BadRequest(
            f'"{name}" does not support raw, suffix and template: it runs on {offer.kind}',
            hint="only a model of an Ollama engine takes the text below the chat; use messages or prompt",
        )
    return dataclasses.replace(request, model=_exactly(offer))


def _exactly(offer: Offer) -> str:
    """The one model of the one engine, for what no other can do."""
    return f"{offer.engine}/{offer.runs_as or offer.name}"


async def _load(asked: Asked, request: ChatRequest, name: str, *, generate: bool) -> None:
    """Load the model that the name means, or unload it: what a request without words asks for."""
    offer = meant_by(asked, name)
    if offer is None:
        await with_reader(asked, _drained(asked, request))  # is refused in the words of the rule
        raise NotFound(f"model '{name}' not found")
    reason = "unload" if request.keep_alive_s == 0 else "load"
    used = EngineUsed(offer.engine, offer.runs_as or offer.name, offer.where, reason)
    if offer.kind in _LOADABLE:
        pinned = dataclasses.replace(request, model=name, runs_as=_exactly(offer), original=None)
        used = await with_reader(asked, _drained(asked, pinned))
    body = ollama.write_loaded_reply(
        model=name, created_at=ollama.rfc3339(asked.parts.clock()), reason=reason, generate=generate
    )
    await send_reply(asked.send, 200, body, "application/json; charset=utf-8", headers=used_headers(used))


async def _drained(asked: Asked, request: ChatRequest) -> EngineUsed:
    admission = asked.parts.gate.admit(asked.grant)
    try:
        answer = await asked.parts.chat.open(
            request, request_id=asked.request_id, user=asked.grant.user, grant=asked.grant
        )
        try:
            async for _event in answer:
                pass
        finally:
            await answer.aclose()
        return answer.used
    finally:
        admission.close()


async def _exchange(asked: Asked, request: ChatRequest, name: str, *, generate: bool) -> None:
    watch = _Watch(asked.parts.clock)
    native = generate and ollama.wants_generate(request)
    turns = request.messages

    def packed(answer: str) -> list[int]:
        return ollama.write_context(turns, answer)

    context = packed if generate and not native else None
    if request.stream:

        def make_writer(_used: EngineUsed) -> ollama.EventWriter:
            watch.first = watch.now()
            return ollama.EventWriter(
                model=name, created_at=watch.stamp, generate=generate, spent=watch.spent, context=context
            )

        await answer_stream(asked, request, make_writer, NDJSON)
        return

    def render(_used: EngineUsed, events: Sequence[ChatEvent]) -> bytes:
        return ollama.write_reply(
            events,
            model=name,
            created_at=watch.stamp(),
            generate=generate,
            spent=watch.spent(),
            context=context,
        )

    await answer_whole(asked, request, render)


class _Watch:
    """Where the time of one request goes. Measured with the clock of the day, never below zero."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = clock()
        self.first = 0

    def now(self) -> int:
        """Nanoseconds since the request was read."""
        return max(0, round((self._clock() - self._began) * 1e9))

    def stamp(self) -> str:
        """The time of day, as this dialect writes it."""
        return ollama.rfc3339(self._clock())

    def spent(self) -> ollama.Spent:
        """All of it, so far."""
        return ollama.Spent(0, self.first, self.now())


async def _embed(asked: Asked) -> None:
    asked.need("embed")
    request = ollama.read_embed(asked.body)
    watch = _Watch(asked.parts.clock)
    done = await _vectors(asked, request, unknown='model "{}" not found, try pulling it first')
    body = ollama.write_vectors(done.embeddings, model=request.model or "", total_ns=watch.now())
    await send_reply(
        asked.send, 200, body, "application/json; charset=utf-8", headers=used_headers(done.used)
    )


async def _embeddings(asked: Asked) -> None:
    asked.need("embed")
    request = ollama.read_embeddings(asked.body)
    done = await _vectors(asked, request, unknown='model "{}" not found, try pulling it first')
    body = ollama.write_vector(done.embeddings)
    await send_reply(
        asked.send, 200, body, "application/json; charset=utf-8", headers=used_headers(done.used)
    )


async def _vectors(asked: Asked, request: EmbedRequest, *, unknown: str) -> Embedded:
    name = request.model or ""
    refuse_cloud_name(name)
    offer = offer_of(asked, name)
    if not request.inputs and (offer is None or offer.kind != "ollama"):
        offer = offer or meant_by(asked, name)
        if offer is None:
            raise why_nobody(asked, name, unknown.format(name))
        used = EngineUsed(offer.engine, offer.runs_as or offer.name, offer.where, "nothing to do")
        return Embedded(used, Embeddings((), Usage(0, 0)))
    request = dataclasses.replace(request, data=asked.data, wishes=asked.wishes)
    try:
        done: Embedded = await with_reader(asked, embed(asked, request))
    except NotFound as error:
        if offer is None:
            raise NotFound(unknown.format(name)) from error
        raise
    return done


_ROUTES: MappingProxyType[str, dict[str, Callable[[Asked], Awaitable[None]]]] = MappingProxyType(
    {
        "/api/": {"GET": _running, "HEAD": _running},
        "/api/version": {"GET": _version, "HEAD": _version},
        "/api/chat": {"POST": _chat},
        "/api/generate": {"POST": _generate},
        "/api/embed": {"POST": _embed},
        "/api/embeddings": {"POST": _embeddings},
        "/api/push": {"POST": _no_push},
        "/api/status": {"GET": _status_page},
        "/api/me": {"POST": _no_account},
        "/api/signout": {"POST": _no_account},
        **ollama_models.ROUTES,
    }
)
