"""MLX models of a folder, served by one supervised `mlx_lm.server` process of our own.

Every subfolder with a `config.json` is a model under the subfolder's name. The server would load any path
or repository that a request names: only the folders listed here are ever sent, and it is kept offline.
It holds one model at a time and loads another when that is asked for.

Source: mlx-lm 0.32, `server.py`; measured on Linux CPU, 2026-11.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import structlog

from inhouse.gateway.edge.providers.child_process import ChildProcess, environment
from inhouse.gateway.edge.providers.http import HttpClient
from inhouse.gateway.edge.providers.openai import OpenAIProvider
from inhouse.gateway.fleet import Model
from inhouse.gateway.profiles import PROFILES, Capability
from inhouse.kernel.errors import (
    EngineBroke,
    EngineError,
    EngineRefused,
    EngineTimeout,
    EngineUnreachable,
)
from inhouse.kernel.messages import ChatEvent, ChatRequest, Embeddings, EmbedRequest

__all__ = ["MlxEngine", "MlxSettings"]

log = structlog.get_logger(__name__)

NAME = "mlx"
COMMAND = (sys.executable, "-P", "-m", "inhouse.gateway.edge.providers.mlx_child")
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TRANSFORMERS_VERBOSITY": "error"}
USUAL_CONTEXT = 4096
RUNTIME_BYTES = 304 << 20
"""The peak of the server with a model of half a megabyte (measured on Linux, 2026-11)."""
DEAF_LOOKS = 3
"""So many health pages in a row that do not come mean that the process hangs."""


@dataclass(frozen=True, slots=True)
class MlxSettings:
    """`folder` None: no such engine. After the n-th death in a row, `back_off_s[n]` passes before the next
    start; a process that lived for `settled_s` starts the row anew."""

    folder: Path | None = None
    back_off_s: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0)
    settled_s: float = 60.0
    health_every_s: float = 5.0
    health_timeout_s: float = 2.0
    ready_timeout_s: float = 60.0
    stop_timeout_s: float = 3.0


class _Config(msgspec.Struct):
    model_type: str = ""
    max_position_embeddings: int | None = None
    quantization: dict[str, msgspec.Raw] | None = None
    num_hidden_layers: int = 0
    num_attention_heads: int = 0
    num_key_value_heads: int | None = None
    hidden_size: int = 0
    head_dim: int | None = None

    @property
    def cache_bytes_per_token(self) -> int:
        """One token's part of the key-value cache at 16 bits; 0 where the shape is unknown."""
        heads = self.num_attention_heads
        width = self.head_dim or (self.hidden_size // heads if heads else 0)
        return 4 * self.num_hidden_layers * (self.num_key_value_heads or heads) * width


class MlxEngine:
    """See `providers.port.Provider`. `start` keeps a server running; without it the first request does.

    `sleep` is `asyncio.sleep`. `starts` counts how often the server was started.
    """

    def __init__(
        self,
        settings: MlxSettings,
        http: HttpClient,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._settings = settings
        self._http = http
        self._sleep = sleep
        self._command = command
        self._own_child = command is COMMAND
        self._process = ChildProcess(NAME, command, stop_timeout_s=settings.stop_timeout_s)
        self._supervisor: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._tried = asyncio.Event()
        """Set once the first start has succeeded or failed: nobody waits for a second one."""
        self._url = ""
        self._reason = ""
        self._current = ""
        self._listed: tuple[tuple[int, ...], tuple[Model, ...]] = ((), ())
        self.starts = 0

    @property
    def configured(self) -> bool:
        """True when it was given a folder."""
        return self._settings.folder is not None

    def models(self) -> tuple[Model, ...]:
        """The models of the folder, by name."""
        folders = self._folders()
        marks = tuple((folder / "config.json").stat().st_mtime_ns for folder in folders)
        if marks != self._listed[0] or len(folders) != len(self._listed[1]):
            self._listed = marks, tuple(_model(folder) for folder in folders)
        return tuple(replace(each, loaded=each.name == self._current) for each in self._listed[1])

    def lack(self) -> str:
        """Why it cannot work now, empty when it can."""
        folder = self._settings.folder
        if folder is None:
            return "no folder of MLX models is configured"
        if self._own_child and importlib.util.find_spec("mlx_lm") is None:
            return "mlx-lm is not installed: pip install mlx-lm (on Linux 'mlx-lm[cpu]')"
        if not folder.is_dir():
            return f"no such folder: {folder}"
        if not self._folders():
            return f"no model in {folder}: each is a folder with a config.json"
        return "" if self._up.is_set() else self._reason

    def start(self) -> None:
        """Keep a server running from now on; nothing happens when one is, or when something lacks."""
        if self._supervisor is None and not self.lack():
            self._supervisor = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        """End the server."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
            self._supervisor = None
        self._down("")
        await self._process.end()

    async def stream(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
        """See `Provider.stream`."""
        folder = self._allowed(model)
        url = await self._address()
        events = OpenAIProvider(NAME, url, PROFILES["mlx"], self._http).stream(request, str(folder))
        try:
            async for event in events:
                self._current = model
                yield event
        finally:
            await events.aclose()

    async def embed(self, request: EmbedRequest, model: str) -> Embeddings:
        """See `Provider.embed`."""
        raise EngineRefused(f"`{NAME}` makes no embeddings", engine=NAME)

    def _folders(self) -> list[Path]:
        folder = self._settings.folder
        if folder is None or not folder.is_dir():
            return []
        return sorted(each for each in folder.iterdir() if (each / "config.json").is_file())

    def _allowed(self, model: str) -> Path:
        """The folder of a model on our list: whatever else is named, the server would fetch or open it."""
        for folder in self._folders():
            if folder.name == model:
                return folder.resolve()
        raise EngineRefused(f"`{NAME}` has no model `{model}`", engine=NAME)

    async def _address(self) -> str:
        """Where the server listens; waits for its first start, but for no other.

        Raises:
            EngineUnreachable: if it is not running.
        """
        if self._supervisor is None:
            self.start()
        if self._supervisor is not None and not self._up.is_set():
            waits = {asyncio.ensure_future(each.wait()) for each in (self._up, self._tried)}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        if not self._up.is_set():
            raise EngineUnreachable(f"`{NAME}`: {self.lack() or 'is not running'}", engine=NAME)
        return self._url

    async def _supervise(self) -> None:
        """Start the server, watch it, and start it again when it dies, each time a little later."""
        now, deaths = asyncio.get_running_loop().time, 0
        while True:
            began = now()
            try:
                await self._launch()
                reason = await self._watch()
            except EngineError as error:
                reason = error.message
            deaths = 0 if now() - began >= self._settings.settled_s else deaths
            wait_s = self._settings.back_off_s[min(deaths, len(self._settings.back_off_s) - 1)]
            deaths += 1
            self._down(f"{reason}; starts again after {wait_s:g} s")
            log.warning("mlx_down", message=reason, starts_again_s=wait_s, deaths=deaths)
            await self._process.end()
            await self._sleep(wait_s)

    async def _launch(self) -> None:
        self.starts += 1
        await self._process.start(environment(OFFLINE))
        try:
            async with asyncio.timeout(self._settings.ready_timeout_s):
                await self._process.tell(json.dumps({"parent": os.getpid()}).encode())
                line = await self._process.next_line()
        except TimeoutError:
            limit = f"{self._settings.ready_timeout_s:g} s"
            raise EngineTimeout(f"mlx_lm.server was not ready within {limit}", engine=NAME) from None
        if not line:
            raise EngineBroke(f"mlx_lm.server did not start: {self._last_words()}", engine=NAME)
        self._url = str(json.loads(line)["address"])
        self._reason = ""
        self._up.set()
        self._tried.set()
        log.info("mlx_up", process=self._process.process_id)

    async def _watch(self) -> str:
        """Why the server is to be started again, as soon as that is so."""
        ended = asyncio.ensure_future(self._process.ended())
        deaf = 0
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    code = await asyncio.wait_for(asyncio.shield(ended), self._settings.health_every_s)
                    return f"mlx_lm.server ended with code {code}: {self._last_words()}"
                deaf = 0 if await self._healthy() else deaf + 1
                if deaf >= DEAF_LOOKS:
                    self._process.kill()
                    return f"mlx_lm.server did not answer {deaf} times in a row"
        finally:
            ended.cancel()

    async def _healthy(self) -> bool:
        try:
            page = await self._http.get(
                self._url + "/health", headers={}, timeout_s=self._settings.health_timeout_s
            )
        except EngineError:
            return False
        return page.status == 200

    def _down(self, reason: str) -> None:
        self._up.clear()
        self._reason, self._url, self._current = reason, "", ""
        if reason:
            self._tried.set()
        else:
            self._tried.clear()

    def _last_words(self) -> str:
        return " / ".join(self._process.last_words()[-2:])[-400:] or "it said nothing"


def _model(folder: Path) -> Model:
    try:
        config = msgspec.json.decode((folder / "config.json").read_bytes(), type=_Config)
    except (OSError, msgspec.MsgspecError) as error:
        log.warning("mlx_config_unreadable", path=str(folder), reason=str(error))
        config = _Config()
    capabilities: set[Capability] = {"completion"}
    if "tools" in _template(folder):
        capabilities.add("tools")
    size = sum(each.stat().st_size for each in folder.glob("*.safetensors"))
    bits = config.quantization.get("bits") if config.quantization else None
    return Model(
        folder.name,
        context_tokens=config.max_position_embeddings,
        size_bytes=size,
        loaded=False,
        family=config.model_type,
        quantization=f"{bytes(bits).decode()} bits" if bits is not None else "",
        modified_at=folder.stat().st_mtime,
        capabilities=frozenset(capabilities),
        need_bytes=_need(size, config),
    )


def _need(size_bytes: int, config: _Config) -> int | None:
    """What the model takes of memory, with as much context as one usually has."""
    if not config.cache_bytes_per_token:
        return None
    tokens = min(config.max_position_embeddings or USUAL_CONTEXT, USUAL_CONTEXT)
    return size_bytes + tokens * config.cache_bytes_per_token + RUNTIME_BYTES


def _template(folder: Path) -> str:
    """The model's chat template, wherever its makers put it."""
    for name in ("chat_template.jinja", "chat_template.json", "tokenizer_config.json"):
        with contextlib.suppress(OSError):
            text = (folder / name).read_text("utf-8", "replace")
            if name != "tokenizer_config.json" or "chat_template" in text:
                return text
    return ""
