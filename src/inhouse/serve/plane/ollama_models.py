"""The models of the house as Ollama's clients see them: lists, details, downloads and uploads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from types import MappingProxyType

from inhouse.dialects import ollama
from inhouse.gateway.ports import InstalledModel, ModelCard, PullProgress
from inhouse.kernel.errors import BadRequest, EngineRefused, InhouseError, NotFound
from inhouse.serve.plane.asked import Asked
from inhouse.serve.plane.exchange import Gone, with_reader
from inhouse.serve.plane.ollama_names import meant_by, offer_of, refuse_cloud_name, why_nobody
from inhouse.serve.plane.parts import Offer
from inhouse.serve.wire import send_reply

__all__ = ["BLOBS", "ROUTES"]

JSON = "application/json; charset=utf-8"
COPILOT = "GitHubCopilotChat/"
_UNCHANGED = ("adapters", "template", "license", "system", "parameters", "messages", "quantize")
"""Fields of `/api/create` that change how a model runs; a file of this house runs as it is."""


async def _tags(asked: Asked) -> None:
    asked.need("models")
    listed = [_listed(each, asked) for each in asked.parts.catalogue.offers(asked.grant)]
    await send_reply(asked.send, 200, ollama.write_tags(listed), JSON)


async def _ps(asked: Asked) -> None:
    asked.need("models")
    listed = [_listed(each, asked) for each in asked.parts.catalogue.offers(asked.grant) if each.loaded]
    await send_reply(asked.send, 200, ollama.write_loaded(listed), JSON)


async def _show(asked: Asked) -> None:
    asked.need("models")
    name = ollama.read_named(asked.body).wanted
    if not name:
        raise BadRequest("model is required")
    refuse_cloud_name(name)
    offer = meant_by(asked, name)
    if offer is None:
        raise why_nobody(asked, name, f"model '{name}' not found")
    basename = name if asked.header(b"user-agent").startswith(COPILOT) else ""
    model = offer.runs_as or offer.name
    card = await asked.parts.models.card(offer.engine, model) if offer.where == "local" else ModelCard()
    told = ollama.Told(card.template, card.system, card.parameters, card.license)
    body = ollama.write_show(_listed(offer, asked), told, basename=basename)
    await send_reply(asked.send, 200, body, JSON)


def _listed(offer: Offer, asked: Asked) -> ollama.Listed:
    """What is known of a model: the header of its file where it is ours, else what its engine said."""
    file = _file_of(offer, asked) if offer.kind == "embedded" else None
    return ollama.Listed(
        name=offer.name,
        source=offer.engine,
        size_bytes=offer.size_bytes if file is None else file.size_bytes,
        digest=offer.digest or (file.sha256 if file else ""),
        family=offer.family or (file.architecture if file else ""),
        parameter_size=offer.parameter_size,
        quantization=offer.quantization or (file.quantization if file else ""),
        context_tokens=offer.context_tokens or (file.context_tokens if file else None),
        modified_at=offer.modified_at or (file.modified_at if file else 0.0),
        expires_at=offer.expires_at,
        capabilities=offer.capabilities,
        parameters=file.parameters if file else None,
        embedding_length=file.embedding_length if file else None,
        memory_bytes=offer.memory_bytes,
        gpu_bytes=offer.gpu_bytes,
        format="gguf" if offer.kind in ("embedded", "ollama", "llama.cpp") else "",
    )


def _file_of(offer: Offer, asked: Asked) -> InstalledModel | None:
    wanted = ollama.plain_name(offer.runs_as or offer.name)
    for file in asked.parts.models.installed():
        if ollama.plain_name(file.name) == wanted:
            return file
    return None


async def _pull(asked: Asked) -> None:
    asked.need("pull")
    wanted = ollama.read_named(asked.body)
    name = wanted.wanted.strip()
    if not name:
        raise BadRequest("invalid model name")
    refuse_cloud_name(name)
    await _report(asked, _moments(asked.parts.models.pull("", name)), stream=wanted.stream is not False)


async def _create(asked: Asked) -> None:
    asked.need("pull")
    wanted = ollama.read_named(asked.body)
    name = wanted.wanted.strip()
    if not name:
        raise BadRequest("model is required")
    refuse_cloud_name(name)
    stream = wanted.stream is not False
    base = offer_of(asked, wanted.from_) if wanted.from_ else None
    if base is not None and base.kind == "ollama":
        lines = asked.parts.models.create_there(base.engine, asked.body)
        await _report(asked, _moments(lines), stream=stream)
        return
    changed = [field for field in _UNCHANGED if getattr(wanted, field)]
    if changed:
        raise BadRequest(
            f"`{changed[0]}` cannot be changed: the embedded engine runs a file as it is",
            hint="send it with each request, or make the model on an Ollama engine",
        )
    files = wanted.files or {}
    if len(files) + bool(wanted.from_) != 1:
        raise BadRequest("neither 'from' or 'files' was specified" if not files else "give one GGUF file")
    await _report(
        asked, _made(asked, name, wanted.from_ or "", next(iter(files.values()), "")), stream=stream
    )


async def _made(asked: Asked, name: str, source: str, digest: str) -> AsyncGenerator[ollama.Moment]:
    if source:
        await asked.parts.models.copy(source, name)
    else:
        await asked.parts.models.create(name, digest)
        yield ollama.Moment("parsing GGUF")
    yield ollama.Moment("writing manifest")
    yield ollama.Moment("success")


async def _copy(asked: Asked) -> None:
    asked.need("pull")
    wanted = ollama.read_named(asked.body)
    for side, name in (("source", wanted.source), ("destination", wanted.destination)):
        if not (name or "").strip():
            raise BadRequest(f'{side} "" is invalid')
    try:
        await with_reader(asked, asked.parts.models.copy(wanted.source or "", wanted.destination or ""))
    except NotFound as error:
        raise NotFound(f'model "{wanted.source}" not found') from error
    await send_reply(asked.send, 200, b"", JSON)


async def _delete(asked: Asked) -> None:
    asked.need("pull")
    name = ollama.read_named(asked.body).wanted.strip()
    if not name:
        raise BadRequest('name "" is invalid')
    try:
        await with_reader(asked, asked.parts.models.remove("", name))
    except (NotFound, EngineRefused) as error:
        if isinstance(error, NotFound) or "not found" in error.message:
            raise NotFound(f"model '{name}' not found") from error
        raise
    await send_reply(asked.send, 200, b"", JSON)


def _digest_of(asked: Asked) -> str:
    return asked.path.removeprefix("/api/blobs/")


async def _has_blob(asked: Asked) -> None:
    asked.need("pull")
    there = await asked.parts.models.has_blob(_digest_of(asked))
    await send_reply(asked.send, 200 if there else 404, b"", "text/plain")


async def _put_blob(asked: Asked) -> None:
    asked.need("pull")
    pieces = _pieces(asked)
    new = await asked.parts.models.put_blob(_digest_of(asked), pieces)
    # A sender who is answered while it still sends takes that for a broken line.
    async for _piece in pieces:
        pass
    await send_reply(asked.send, 201 if new else 200, b"", "text/plain")


async def _pieces(asked: Asked) -> AsyncIterator[bytes]:
    """The body as it comes in: a model is larger than memory."""
    more = True
    while more:
        message = await asked.receive()
        if message["type"] == "http.disconnect":
            raise Gone
        more = message.get("more_body", False)
        if data := message.get("body", b""):
            yield data


async def _moments(steps: AsyncIterator[PullProgress]) -> AsyncGenerator[ollama.Moment]:
    async for step in steps:
        yield ollama.Moment(step.status, step.digest, step.total_bytes or 0, step.done_bytes or 0)


async def _report(asked: Asked, moments: AsyncGenerator[ollama.Moment], *, stream: bool) -> None:
    """Tell how a long work goes, line by line or by its last word; a reader who leaves ends it."""
    await with_reader(asked, _told(asked, moments) if stream else _last(asked, moments))


async def _told(asked: Asked, moments: AsyncGenerator[ollama.Moment]) -> None:
    begun = False
    try:
        async for moment in moments:
            if not begun:
                begun = True
                head = [(b"content-type", b"application/x-ndjson"), (b"cache-control", b"no-store")]
                await asked.send({"type": "http.response.start", "status": 200, "headers": head})
            await _line(asked, ollama.write_moment(moment))
    except InhouseError as error:
        if not begun:
            raise
        await _line(asked, ollama.write_error(str(error)))
    except asyncio.CancelledError:
        if not begun or not asked.parts.stopping.is_set():
            raise
        await _line(asked, ollama.write_error("inhouse is being stopped"))
    finally:
        await moments.aclose()
    await asked.send({"type": "http.response.body", "body": b"", "more_body": False})


async def _line(asked: Asked, document: bytes) -> None:
    await asked.send({"type": "http.response.body", "body": document + b"\n", "more_body": True})


async def _last(asked: Asked, moments: AsyncGenerator[ollama.Moment]) -> None:
    last = ollama.Moment("success")
    try:
        async for moment in moments:
            last = moment
    finally:
        await moments.aclose()
    await send_reply(asked.send, 200, ollama.write_moment(last), JSON)


ROUTES: MappingProxyType[str, dict[str, Callable[[Asked], Awaitable[None]]]] = MappingProxyType(
    {
        "/api/tags": {"GET": _tags, "HEAD": _tags},
        "/api/ps": {"GET": _ps},
        "/api/show": {"POST": _show},
        "/api/pull": {"POST": _pull},
        "/api/create": {"POST": _create},
        "/api/copy": {"POST": _copy},
        "/api/delete": {"DELETE": _delete},
    }
)
BLOBS: MappingProxyType[str, Callable[[Asked], Awaitable[None]]] = MappingProxyType(
    {"HEAD": _has_blob, "POST": _put_blob}
)
"""`/api/blobs/:digest`."""
