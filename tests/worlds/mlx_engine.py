"""An MLX engine for tests, with the real server or a stand-in, and pauses that a test ends."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from inhouse.gateway.edge.providers.http import HttpClient, HttpLimits
from inhouse.gateway.edge.providers.mlx import MlxEngine, MlxSettings
from inhouse.kernel.messages import ChatEvent, ChatMessage, ChatRequest

__all__ = ["LIMITS", "LONG", "REQUEST", "Naps", "engine_with", "read", "until"]

CHILD = Path(__file__).parents[1] / "worlds" / "child.py"
LIMITS = HttpLimits(first_event_timeout_s=30.0, idle_timeout_s=10.0)
REQUEST = ChatRequest((ChatMessage("user", "count"),), max_tokens=8, temperature=0.0)
LONG = ChatRequest((ChatMessage("user", "count"),), max_tokens=400, temperature=0.0)


@asynccontextmanager
async def engine_with(
    settings: MlxSettings, mode: str | None = None, nap: Callable[[float], Awaitable[None]] | None = None
) -> AsyncIterator[MlxEngine]:
    """An MLX engine; with a mode, its child is the stand-in. It wakes at once unless told how to nap."""
    http, nap = HttpClient(LIMITS), nap or Naps(100)
    if mode is None:
        engine = MlxEngine(settings, http, sleep=nap)
    else:
        engine = MlxEngine(settings, http, sleep=nap, command=(sys.executable, str(CHILD), mode))
    try:
        yield engine
    finally:
        await engine.stop()
        await http.close()


class Naps:
    """Pauses that end at once, until there were enough of them; that one ends when `over` is set."""

    def __init__(self, most: int) -> None:
        self.seconds: list[float] = []
        self.enough = asyncio.Event()
        self.over = asyncio.Event()
        self._most = most

    async def __call__(self, seconds: float) -> None:
        """Take one."""
        self.seconds.append(seconds)
        if len(self.seconds) >= self._most:
            self.enough.set()
            await self.over.wait()


async def read(engine: MlxEngine, request: ChatRequest = REQUEST, model: str = "tiny") -> list[ChatEvent]:
    """All events of one answer."""
    return [event async for event in engine.stream(request, model)]


async def until(ready: asyncio.Event) -> None:
    """Wait, but not for ever."""
    await asyncio.wait_for(ready.wait(), 20)
