"""The models of the house: files of its own, and those that an Ollama engine keeps.

inhouse itself contacts no registry: a plain name goes to an Ollama, and files come from addresses that a
person named.

Source: docs/api.md of Ollama 0.33, sections "Pull", "Copy", "Create" and "Delete a Model".

aiohttp comes with the first order: a house that gives none need not hold it in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import msgspec
import structlog

from inhouse.dialects import ollama
from inhouse.dialects.status import UNREADABLE
from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.model_store_fetch import Fetching, is_address, read_address
from inhouse.gateway.edge.model_store_files import ModelFiles
from inhouse.gateway.edge.model_store_head import check_name, facts_of
from inhouse.gateway.fleet import same_model
from inhouse.gateway.ports import InstalledModel, ModelCard, PullProgress
from inhouse.kernel.errors import (
    BadRequest,
    Conflict,
    EngineBroke,
    EngineError,
    EngineRefused,
    EngineTimeout,
    EngineUnreachable,
    NoEngine,
    NotFound,
)

if TYPE_CHECKING:
    import aiohttp

__all__ = ["HouseModels", "OllamaModels"]

log = structlog.get_logger(__name__)

CARD_S = 3.0
"""A page of text that Ollama has at hand."""
CARD_BYTES = 16 << 20
"""With `verbose` off its reply has no lists of tokens; licences and templates are some kilobytes."""
SILENCE_S = 60.0
"""Ollama reports several times a second while it downloads; a minute without a word is a dead line."""
LINE_BYTES = 1 << 20
EMBEDDED = "embedded"
"""Name of the engine that runs the files of this house."""


class HouseModels:
    """Implements `gateway.ports.ModelStore`.

    `look` sees to it that the fleet knows what changed; a model is not called ready before it did.
    """

    def __init__(
        self,
        board: FleetBoard,
        files: ModelFiles,
        *,
        silence_s: float = SILENCE_S,
        look: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._board = board
        self._look = look or _nothing
        self._files = files
        self._ollama = OllamaModels(board, silence_s=silence_s)
        self._fetching = Fetching(files, silence_s=silence_s)

    def installed(self) -> tuple[InstalledModel, ...]:
        """See `ModelStore.installed`."""
        return self._files.installed()

    async def card(self, engine: str, model: str) -> ModelCard:
        """See `ModelStore.card`."""
        file = self._files.find(model) if engine == EMBEDDED else None
        if file is not None:
            facts = await asyncio.to_thread(facts_of, file.path)
            return ModelCard(template=facts.chat_template if facts else "")
        owner = self._board.fleet.engine(engine)
        if owner is None or owner.kind != "ollama" or owner.state != "up":
            return ModelCard()
        try:
            return await self._ollama.card(engine, model)
        except EngineError as error:
            # What is listed of the model is known without it.
            log.warning("model_card_not_read", engine=engine, model=model, reason=error.message)
            return ModelCard()

    async def pull(self, engine: str, model: str) -> AsyncGenerator[PullProgress]:
        """See `ModelStore.pull`."""
        if is_address(model):
            moments = self._fetching.fetch(read_address(model))
        elif model.lower().startswith(("/", "./", "../", "~", "file:")):
            # Whoever may ask for a model by name may not have files of this machine read.
            raise BadRequest(
                f"{model[:200]!r} is a file, and no name or http(s) address of a model",
                hint="take it in on the house's machine: `inhouse models pull PATH`, or put it into the"
                " folder `models` of the home",
            )
        else:
            moments = self._ollama.pull(self._ollama_engine(engine, model), model)
        try:
            async for moment in moments:
                if moment.status == "success":
                    await self._look()
                yield moment
        finally:
            await moments.aclose()

    async def remove(self, engine: str, model: str) -> None:
        """See `ModelStore.remove`."""
        if engine in ("", EMBEDDED) and self._files.find(model) is not None:
            await asyncio.to_thread(self._files.remove, model)
            await self._look()
            return
        owner = self._owner(model) if engine in ("", EMBEDDED) else engine
        if engine in ("", EMBEDDED):
            self._removable(model)
        if not owner or engine == EMBEDDED:
            raise NotFound(f"model `{model}` is not installed", hint="`inhouse models ls` shows all")
        await self._ollama.remove(owner, model)
        await self._look()

    async def copy(self, source: str, destination: str) -> None:
        """See `ModelStore.copy`."""
        check_name(destination)
        if self._files.find(source) is not None:
            await asyncio.to_thread(self._files.copy, source, destination)
        elif owner := self._owner(source):
            await self._ollama.copy(owner, source, destination)
        else:
            raise NotFound(f"model `{source}` is not installed")
        await self._look()

    async def create(self, model: str, digest: str) -> InstalledModel:
        """See `ModelStore.create`."""
        made = await asyncio.to_thread(self._files.create, model, digest)
        await self._look()
        return made

    async def create_there(self, engine: str, body: bytes) -> AsyncGenerator[PullProgress]:
        """See `ModelStore.create_there`."""
        moments = self._ollama.create(engine, body)
        try:
            async for moment in moments:
                if moment.status == "success":
                    await self._look()
                yield moment
        finally:
            await moments.aclose()

    async def has_blob(self, digest: str) -> bool:
        """See `ModelStore.has_blob`."""
        return await asyncio.to_thread(self._files.has_blob, digest)

    async def put_blob(self, digest: str, pieces: AsyncIterator[bytes]) -> bool:
        """See `ModelStore.put_blob`."""
        return await self._files.put_blob(digest, pieces)

    def _removable(self, model: str) -> None:
        """Raises `Conflict` if a model is there, and only engines have it that remove none."""
        having = [
            each
            for each in self._board.fleet.engines
            if any(same_model(model, known.name) for known in each.models)
        ]
        if not having or any(each.kind == "ollama" for each in having):
            return
        if having[0].kind != "embedded":
            raise Conflict(
                f"`{model}` belongs to the engine `{having[0].name}`, which removes no models for others",
                hint="remove it there",
            )
        raise Conflict(
            f"`{model}` is no file of this home: it comes with inhouse, or stands in engines.embedded",
            hint='set engines.embedded to the model that you want instead, or to "off"',
        )

    def _owner(self, model: str) -> str:
        """The Ollama that is up and has this model, or one that may have got it since the last look."""
        up = [each for each in self._board.fleet.engines if each.kind == "ollama" and each.state == "up"]
        having = [each for each in up if any(same_model(model, known.name) for known in each.models)]
        return next((each.name for each in (*having, *up)), "")

    def _ollama_engine(self, wanted: str, model: str) -> str:
        for engine in self._board.fleet.engines:
            if engine.kind == "ollama" and engine.state == "up" and wanted in ("", engine.name):
                return engine.name
        which = f"Engine `{wanted}` is no Ollama that is up" if wanted else "No Ollama engine is up"
        raise NoEngine(
            f"{which}, and only an Ollama knows where to get `{model}`",
            hint="start Ollama (engines.ollama_url), or pull the http(s) address of a .gguf file",
        )


async def _nothing() -> None:
    """Nobody needs to know."""


class OllamaModels:
    """Fetches, copies, makes and removes models on the engines of the board that are of the kind `ollama`."""

    def __init__(self, board: FleetBoard, *, silence_s: float = SILENCE_S) -> None:
        self._board = board
        self._silence_s = silence_s

    def pull(self, engine: str, model: str) -> AsyncGenerator[PullProgress]:
        """See `ModelStore.pull`."""
        return self._progress(
            engine, "api/pull", msgspec.json.encode({"model": model}), f"downloaded `{model}`"
        )

    def create(self, engine: str, body: bytes) -> AsyncGenerator[PullProgress]:
        """See `ModelStore.create_there`. The engine is to tell line by line, whatever the caller reads.

        Ollama reads keys in any case of letters, the last one counts: only those that we have read go on,
        and none that would make the new model run on another host.
        """
        given = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        request = {
            name: value
            for name, value in given.items()
            if name.isascii() and name == name.lower() and name != "remote_host"
        }
        request["stream"] = msgspec.Raw(b"true")
        return self._progress(engine, "api/create", msgspec.json.encode(request), "made a model")

    async def card(self, engine: str, model: str) -> ModelCard:
        """See `ModelStore.card`."""
        said = await self._order(engine, "POST", "api/show", {"model": model}, patience_s=CARD_S)
        try:
            told = ollama.read_show(said)
        except UNREADABLE as error:
            raise EngineBroke(f"`{engine}` answered with something unreadable", engine=engine) from error
        return ModelCard(told.template, told.system, told.parameters, told.license)

    async def remove(self, engine: str, model: str) -> None:
        """See `ModelStore.remove`."""
        await self._order(engine, "DELETE", "api/delete", {"model": model})

    async def copy(self, engine: str, source: str, destination: str) -> None:
        """See `ModelStore.copy`."""
        await self._order(engine, "POST", "api/copy", {"source": source, "destination": destination})

    async def _progress(
        self, engine: str, path: str, body: bytes, doing: str
    ) -> AsyncGenerator[PullProgress]:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=self._silence_s)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False, read_bufsize=LINE_BYTES) as session,
                session.post(self._url(engine, path), data=body, allow_redirects=False) as reply,
            ):
                if reply.status != 200:
                    raise EngineRefused(_reason(await reply.content.read(LINE_BYTES), doing), engine=engine)
                last = ""
                async for line in reply.content:
                    moment = ollama.read_moment(line)
                    if moment.error:
                        raise EngineRefused(f"`{engine}`: {moment.error}", engine=engine)
                    last = moment.status
                    yield _progress_of(moment)
                if last != "success":
                    raise EngineBroke(f"`{engine}` stopped while it {doing}", engine=engine)
        except TimeoutError:
            raise EngineTimeout(
                f"`{engine}` was silent for {self._silence_s:g} s while it {doing}", engine=engine
            ) from None
        except msgspec.DecodeError as error:
            raise EngineBroke(f"`{engine}` answered with something unreadable", engine=engine) from error
        except (aiohttp.ClientError, OSError) as error:
            raise EngineUnreachable(f"`{engine}` cannot be reached: {error}", engine=engine) from error

    async def _order(
        self, engine: str, method: str, path: str, body: dict[str, str], *, patience_s: float | None = None
    ) -> bytes:
        import aiohttp

        patience_s = patience_s or self._silence_s
        timeout = aiohttp.ClientTimeout(total=patience_s, sock_connect=min(5, patience_s))
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
                session.request(method, self._url(engine, path), json=body, allow_redirects=False) as reply,
            ):
                said = await _whole(reply.content)
                if reply.status != 200:
                    raise EngineRefused(_reason(said, f"was asked for {path}"), engine=engine)
                return said
        except TimeoutError:
            raise EngineTimeout(f"`{engine}` did not answer in {patience_s:g} s", engine=engine) from None
        except (aiohttp.ClientError, OSError) as error:
            raise EngineUnreachable(f"`{engine}` cannot be reached: {error}", engine=engine) from error

    def _url(self, name: str, path: str) -> str:
        engine = self._board.fleet.engine(name)
        if engine is None or engine.kind != "ollama":
            raise EngineRefused(
                f"`{name}` is no Ollama engine that is up",
                engine=name,
                hint="`inhouse models ls` shows the engines; only Ollama can fetch and remove models",
            )
        return urljoin(engine.url.rstrip("/") + "/", path)


async def _whole(content: aiohttp.StreamReader) -> bytes:
    """The body of a reply, as far as it may go."""
    said = bytearray()
    async for piece in content.iter_any():
        said += piece
        if len(said) > CARD_BYTES:
            break
    return bytes(said)


def _progress_of(moment: ollama.Moment) -> PullProgress:
    """A line of an engine; sizes that it leaves out are not known, except in a line that has one of them."""
    total = moment.total or None
    return PullProgress(moment.status, moment.completed if total else None, total, moment.digest)


def _reason(body: bytes, doing: str) -> str:
    try:
        return ollama.read_moment(body).error or f"it {doing}, and declined"
    except msgspec.DecodeError:
        return f"it {doing}, and declined"
