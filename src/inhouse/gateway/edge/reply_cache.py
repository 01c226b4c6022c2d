"""Gives a reply again to exactly the same request, where that was asked for and chance plays no part.

Replies live in the memory of this process only: what people asked is never written to disk here. A reply
that is given again has a row of its own in the accounts, of the engine `cache`, which costs nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Protocol

from inhouse.gateway.cachekey import Runs, cache_key, may_cache, may_keep
from inhouse.kernel.caller import Grant
from inhouse.kernel.messages import (
    ChatEvent,
    ChatRequest,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolDelta,
    Usage,
)
from inhouse.kernel.ports import Accounts, ChatModel, ChatStream, EngineUsed

__all__ = ["ENGINE", "CacheRules", "CachedChat", "Destined"]

ENGINE = "cache"
EVENT_BYTES = 120
"""About what an event weighs beside its text (`sys.getsizeof` of the dataclass and its string)."""


class Destined(Protocol):
    """Tells what would answer a request now."""

    def __call__(self, request: ChatRequest, grant: Grant | None, user: str) -> Runs | None:
        """Engine and model of the first attempt, None when nobody may answer."""
        ...


@dataclass(frozen=True, slots=True)
class CacheRules:
    """`unasked`: also for requests that do not say `x-inhouse-cache: on`."""

    unasked: bool
    ttl_s: float
    max_bytes: int


@dataclass(frozen=True, slots=True)
class _Kept:
    used: EngineUsed
    events: tuple[ChatEvent, ...]
    size_bytes: int
    kept_at: float


class CachedChat:
    """A `ChatModel` before another one. For the event loop only."""

    def __init__(
        self,
        chat: ChatModel,
        destined: Destined,
        accounts: Accounts,
        rules: CacheRules,
        *,
        stopwatch: Callable[[], float],
    ) -> None:
        self._chat = chat
        self._destined = destined
        self._accounts = accounts
        self._rules = rules
        self._stopwatch = stopwatch
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._size_bytes = 0
        self.hits = 0

    @property
    def size_bytes(self) -> int:
        """About what the replies that are kept weigh."""
        return self._size_bytes

    def ready(self, request: ChatRequest) -> bool:
        """See `ChatModel.ready`."""
        return self._chat.ready(request)

    def open(
        self, request: ChatRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> Coroutine[Any, Any, ChatStream]:  # Any: as the type of every coroutine function
        """See `ChatModel.open`; no frame of its own for requests that are not to be kept."""
        asked = request.wishes.cache == "on" or (self._rules.unasked and request.wishes.cache != "off")
        # What may not be answered now is not answered from memory either: the route is looked up first.
        runs = self._destined(request, grant, user) if asked and may_cache(request) else None
        if runs is None:
            return self._chat.open(request, request_id=request_id, user=user, grant=grant)
        return self._kept_or_made(request, runs, request_id=request_id, user=user, grant=grant)

    async def _kept_or_made(
        self, request: ChatRequest, runs: Runs, *, request_id: str, user: str, grant: Grant | None
    ) -> ChatStream:
        key = cache_key(request, runs, grant, user)
        if request.original is not None and request.original.dialect == "openai":
            # Bytes that pass through are one caller's; events can be given to callers of any dialect.
            request = replace(request, original=None)
        kept = self._find(key)
        if kept is not None:
            return self._again(kept, request, request_id=request_id, user=user, grant=grant)
        answer = await self._chat.open(request, request_id=request_id, user=user, grant=grant)
        if (answer.used.engine, answer.used.model) != (runs.engine, runs.model):
            return answer  # another engine took over: its words are not those that this key promises
        return _Listening(answer, lambda events: self._keep(key, answer.used, events))

    def _again(
        self, kept: _Kept, request: ChatRequest, *, request_id: str, user: str, grant: Grant | None
    ) -> ChatStream:
        account = self._accounts.open(
            request_id=request_id,
            user=user,
            task=request.task,
            key=grant.key if grant else "",
            team=grant.team if grant else "",
            requested=request.model,
        )
        used = EngineUsed(
            ENGINE, kept.used.model, "none", f"the same request was answered before by {kept.used.engine}"
        )
        # No engine worked: the row has no tokens and no cost, the reader is told what the answer took.
        account.close("ok", used, Usage(0, 0), cost_micros=0, first_token_ms=0.0)
        self.hits += 1
        return _Recorded(used, kept.events)

    def _find(self, key: bytes) -> _Kept | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        if self._stopwatch() - kept.kept_at >= self._rules.ttl_s:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept

    def _keep(self, key: bytes, used: EngineUsed, events: tuple[ChatEvent, ...]) -> None:
        size_bytes = sum(map(_weight, events))
        if size_bytes > self._rules.max_bytes // 4:
            return
        if key in self._kept:
            self._drop(key)
        self._kept[key] = _Kept(used, events, size_bytes, self._stopwatch())
        self._size_bytes += size_bytes
        while self._size_bytes > self._rules.max_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: bytes) -> None:
        self._size_bytes -= self._kept.pop(key).size_bytes


class _Recorded:
    """A reply from memory; see `kernel.ports.ChatStream`."""

    def __init__(self, used: EngineUsed, events: tuple[ChatEvent, ...]) -> None:
        self.used = used
        self._events = iter(events)

    def __aiter__(self) -> AsyncIterator[ChatEvent]:
        return self

    async def __anext__(self) -> ChatEvent:
        for event in self._events:
            return event
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Nothing is under way."""
        self._events = iter(())


class _Listening:
    """An answer under way whose events are kept when it ends well."""

    def __init__(self, answer: ChatStream, keep: Callable[[tuple[ChatEvent, ...]], None]) -> None:
        self._answer = answer
        self._events = aiter(answer)
        self._keep = keep
        self._heard: list[ChatEvent] = []

    @property
    def used(self) -> EngineUsed:
        """See `ChatStream.used`."""
        return self._answer.used

    def __aiter__(self) -> AsyncIterator[ChatEvent]:
        return self

    async def __anext__(self) -> ChatEvent:
        event = await anext(self._events)
        self._heard.append(event)
        if isinstance(event, Finished) and may_keep(event):
            self._keep(tuple(self._heard))
        return event

    async def aclose(self) -> None:
        """See `ChatStream.aclose`."""
        await self._answer.aclose()


def _weight(event: ChatEvent) -> int:
    match event:
        case TextDelta(text) | ReasoningDelta(text):
            return EVENT_BYTES + 2 * len(text)
        case ToolDelta(name=name, arguments=arguments):
            return EVENT_BYTES + 2 * (len(name) + len(arguments))
        case _:
            return EVENT_BYTES
