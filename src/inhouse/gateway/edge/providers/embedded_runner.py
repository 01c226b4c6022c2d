"""One model in one process of llama.cpp: started, tried out, lent to requests, ended when it is idle.

Which model is loaded with how much context is decided in `embedded`; what the process does stands in
`embedded_child`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from inhouse.gateway.edge.providers.child_process import ChildProcess, environment
from inhouse.gateway.edge.providers.http import HttpClient
from inhouse.gateway.edge.providers.openai import OpenAIProvider
from inhouse.gateway.measure import SHORTEST_WRITING_S, slow
from inhouse.gateway.profiles import PROFILES
from inhouse.kernel.errors import EngineBroke, EngineError, EngineTimeout
from inhouse.kernel.messages import ChatMessage, ChatRequest, Failed, TextDelta, UsageSeen

__all__ = ["LoadFailed", "Order", "Runner", "Trial"]

log = structlog.get_logger(__name__)

SILENT_OPENMP = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}
"""Without these, threads that wait spin, and two of them on two busy cores give 2 tokens/s instead of 55
(measured, 2026-11; upstream ggml#13079). libgomp reads them once, when the process starts."""

TRIAL_TOKENS = 12
TRIAL_PROMPT = "Count: one, two, three,"

_STARVED = re.compile(
    r"alloc|out of memory|insufficient memory|\boom\b|mmap failed|failed to (create|fit).*(context|kv)",
    re.IGNORECASE,
)
KILLED = -9
"""What the system's own killer leaves, and a container's."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a process is to load. `gpu` False keeps everything on the processor."""

    alias: str
    path: Path
    context_tokens: int
    threads: int
    parallel: int = 1
    gpu: bool = True
    embedding: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """How the model did right after it was loaded; `tokens_per_s` None: too few tokens to tell."""

    tokens_per_s: float | None
    load_s: float

    @property
    def warning(self) -> str:
        """What to tell a person, empty when all is well."""
        return slow(self.tokens_per_s)


class LoadFailed(EngineBroke):
    """The model could not be loaded; `starved` True when it was for want of memory."""

    def __init__(self, message: str, *, engine: str = "", hint: str = "", starved: bool = False) -> None:
        super().__init__(message, engine=engine, hint=hint)
        self.starved = starved


class Runner:
    """One model's process. `take` and `give_back` count who uses it; used from the event loop only."""

    def __init__(
        self,
        order: Order,
        http: HttpClient,
        command: Sequence[str],
        *,
        need_bytes: int,
        ready_timeout_s: float,
        stop_timeout_s: float,
        trial_timeout_s: float,
        changed: Callable[[], None],
    ) -> None:
        self.order = order
        self.need_bytes = need_bytes
        self.key = secrets.token_urlsafe(24)
        self.url = ""
        self.trial = Trial(None, 0.0)
        self.has_gpu = False
        self.users = 0
        self.last_used = 0.0
        self.unload_at: float | None = None
        """When it will be unloaded, in the loop's time; None while in use or kept for good."""
        self.kept = False
        self.process = ChildProcess(order.alias, command, stop_timeout_s=stop_timeout_s)
        self._http = http
        self._ready_timeout_s = ready_timeout_s
        self._trial_timeout_s = trial_timeout_s
        self._changed = changed
        self._unloader: asyncio.Task[None] | None = None
        self._ending = asyncio.Lock()
        self._now = asyncio.get_running_loop().time

    @property
    def running(self) -> bool:
        """True while the model is in memory and may be asked."""
        return self.process.running and bool(self.url)

    @property
    def provider(self) -> OpenAIProvider:
        """Speaks to the process."""
        return OpenAIProvider("embedded", self.url, PROFILES["embedded"], self._http, key=self.key)

    async def load(self) -> None:
        """Start the process, wait for the model, and let it say a few words.

        Raises:
            EngineTimeout: if it is not ready in time.
            LoadFailed: if it ends while it loads, or cannot write; the message holds its own reason.
            EngineUnreachable: if the process cannot be started at all.
        """
        started = self._now()
        try:
            await self.process.start(environment(SILENT_OPENMP))
            self.url = await self._await_ready()
            load_s = self._now() - started
            rate = None if self.order.embedding else await self._try_out()
        except BaseException:
            self.url = ""
            await self.process.end()
            raise
        self.trial = Trial(rate, load_s)
        log.info(
            "model_loaded",
            model=self.order.alias,
            process=self.process.process_id,
            seconds=round(load_s, 2),
            context=self.order.context_tokens,
            tokens_per_s=None if rate is None else round(rate, 1),
        )
        if self.trial.warning:
            log.warning("model_slow", model=self.order.alias, message=self.trial.warning)

    def take(self) -> None:
        """It is in use and will not be unloaded until as many `give_back`."""
        if self._unloader is not None:
            self._unloader.cancel()
            self._unloader = None
        self.unload_at = None
        self.users += 1

    def give_back(self, keep_alive_s: float) -> None:
        """Not used any more; the last to leave says how long it stays (negative: for good)."""
        self.users -= 1
        self.last_used = self._now()
        self.stay(keep_alive_s)

    def stay(self, keep_alive_s: float) -> None:
        """Unload after that time without use; negative: never, but for want of memory."""
        before, self.kept = self.kept, keep_alive_s < 0
        if before != self.kept:
            self._changed()
        if self.users or not self.running:
            return
        if self._unloader is not None:
            self._unloader.cancel()
            self._unloader = None
        self.unload_at = None
        if not self.kept:
            self.unload_at = self._now() + keep_alive_s
            self._unloader = asyncio.create_task(self._unload_later(keep_alive_s))

    async def stop(self) -> None:
        """End the process, now."""
        if self._unloader is not None:
            self._unloader.cancel()
            self._unloader = None
        self.unload_at = None
        async with self._ending:
            self.url = ""
            await self.process.end()

    async def _unload_later(self, keep_alive_s: float) -> None:
        await asyncio.sleep(keep_alive_s)
        # From here on nobody may take it: `running` is False, and a new request loads it again.
        self._unloader = None
        self.url, self.unload_at = "", None
        log.info("model_unloaded", model=self.order.alias, idle_s=keep_alive_s)
        self._changed()
        async with self._ending:
            await self.process.end()

    async def _await_ready(self) -> str:
        words = asdict(self.order) | {
            "path": str(self.order.path),
            "key": self.key,
            "parent": os.getpid(),
        }
        try:
            async with asyncio.timeout(self._ready_timeout_s):
                await self.process.tell(json.dumps(words).encode())
                line = await self.process.next_line()
        except TimeoutError:
            limit = f"{self._ready_timeout_s:g} s"
            raise EngineTimeout(f"`{self.order.alias}` was not loaded within {limit}") from None
        if not line:
            raise self._failure(self.process.exit_code)
        said = json.loads(line)
        self.has_gpu = bool(said.get("gpu", False))
        return str(said["address"])

    def _failure(self, code: int | None) -> LoadFailed:
        """The first error line of llama.cpp (later ones only repeat it), else the last words.

        Of a process that was killed they tell nothing but paths of this machine, and callers read this.
        """
        lines = self.process.last_words()
        errors = [line.split(" E ", 1)[1].strip() for line in lines if " E " in line]
        said = errors[0] if errors else " / ".join(lines[-3:])
        starved = code == KILLED or any(_STARVED.search(line) for line in lines)
        if code == KILLED:
            said = "the system killed it while it loaded, as it does when memory runs out"
        reason = f"{said[-500:] or 'it said nothing'} (exit code {code})"
        return LoadFailed(f"`{self.order.alias}` could not be loaded: {reason}", starved=starved)

    async def _try_out(self) -> float | None:
        """Tokens per second over a few words; None where they were too few, or too slow to count.

        Raises:
            LoadFailed: if it cannot write at all, as with an instruction that this processor lacks.
        """
        request = ChatRequest(
            (ChatMessage("user", TRIAL_PROMPT),), max_tokens=TRIAL_TOKENS, temperature=0.0, seed=1
        )
        pieces, tokens, first, last = 0, 0, 0.0, 0.0
        events = self.provider.stream(request, self.order.alias)
        try:
            async with asyncio.timeout(self._trial_timeout_s):
                async for event in events:
                    if isinstance(event, TextDelta):
                        last = self._now()
                        first = first or last
                        pieces += 1
                    elif isinstance(event, UsageSeen):
                        tokens = event.usage.output_tokens
                    elif isinstance(event, Failed):
                        raise self._failure(self.process.exit_code)
        except TimeoutError:
            return pieces / self._trial_timeout_s
        except LoadFailed:
            raise
        except EngineError as error:
            if not self.process.running:
                raise self._failure(self.process.exit_code) from error
            raise LoadFailed(
                f"`{self.order.alias}` was loaded but does not write: {error.message}"
            ) from error
        finally:
            await events.aclose()
        counted = max(tokens, pieces) - 1
        return counted / (last - first) if counted >= 1 and last - first >= SHORTEST_WRITING_S else None
