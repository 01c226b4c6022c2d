"""Downloads and removes models through Ollama's own API; inhouse itself contacts no registry.

Source: docs/api.md of Ollama 0.33, sections "Pull a Model" and "Delete a Model".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urljoin

import aiohttp
import msgspec

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.ports import PullProgress
from inhouse.kernel.errors import EngineBroke, EngineRefused, EngineTimeout, EngineUnreachable

__all__ = ["OllamaModels"]

SILENCE_S = 60.0
"""Ollama reports several times a second while it downloads; a minute without a word is a dead line."""
LINE_BYTES = 1 << 20


class _Moment(msgspec.Struct):
    status: str = ""
    completed: int | None = None
    total: int | None = None
    error: str = ""


_decode = msgspec.json.Decoder(_Moment).decode


class OllamaModels:
    """Implements `gateway.ports.ModelStore` for the engines on the board that are of the kind `ollama`."""

    def __init__(self, board: FleetBoard, *, silence_s: float = SILENCE_S) -> None:
        self._board = board
        self._silence_s = silence_s

    async def pull(self, engine: str, model: str) -> AsyncIterator[PullProgress]:
        """See `ModelStore.pull`."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=self._silence_s)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False, read_bufsize=LINE_BYTES) as session,
                session.post(self._url(engine, "api/pull"), json={"model": model}) as reply,
            ):
                if reply.status != 200:
                    raise EngineRefused(_reason(await reply.content.read(LINE_BYTES), model), engine=engine)
                last = ""
                async for line in reply.content:
                    moment = _decode(line)
                    if moment.error:
                        raise EngineRefused(f"`{engine}`: {moment.error}", engine=engine)
                    last = moment.status
                    yield PullProgress(moment.status, moment.completed, moment.total)
                if last != "success":
                    raise EngineBroke(f"`{engine}` stopped while it downloaded `{model}`", engine=engine)
        except TimeoutError:
            raise EngineTimeout(
                f"`{engine}` was silent for {self._silence_s:g} s while it downloaded `{model}`",
                engine=engine,
            ) from None
        except msgspec.DecodeError as error:
            raise EngineBroke(f"`{engine}` answered with something unreadable", engine=engine) from error
        except (aiohttp.ClientError, OSError) as error:
            raise EngineUnreachable(f"`{engine}` cannot be reached: {error}", engine=engine) from error

    async def remove(self, engine: str, model: str) -> None:
        """See `ModelStore.remove`."""
        timeout = aiohttp.ClientTimeout(total=self._silence_s, sock_connect=5)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
                session.delete(self._url(engine, "api/delete"), json={"model": model}) as reply,
            ):
                if reply.status != 200:
                    raise EngineRefused(_reason(await reply.content.read(LINE_BYTES), model), engine=engine)
        except TimeoutError:
            raise EngineTimeout(
                f"`{engine}` did not answer in {self._silence_s:g} s", engine=engine
            ) from None
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


def _reason(body: bytes, model: str) -> str:
    try:
        return _decode(body).error or f"model `{model}` was declined"
    except msgspec.DecodeError:
        return f"model `{model}` was declined"
