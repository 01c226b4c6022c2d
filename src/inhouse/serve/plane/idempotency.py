"""One piece of work for requests that carry the same `Idempotency-Key`, however often they come.

A client that lost its connection sends the same request again and must not pay twice. While the first is
under way its reply is shared as it comes; afterwards it is given again for a stated time. The work goes on
while anybody listens, so a second sender rescues what the first one left. A request that failed is not
kept: whoever sends it again means it. A reply that is given again has a row of its own in the accounts, of
no engine, which costs nothing.

Source: IETF draft-ietf-httpapi-idempotency-key-header-07 (another request with the same key is 422).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from inhouse.kernel.errors import BadRequest, Conflict, InhouseError, KeyReused
from inhouse.kernel.ports import EngineUsed, Outcome
from inhouse.serve.plane.asked import STREAMED, Asked
from inhouse.serve.plane.requests import before_gateway, requested_in, right_of, write_row
from inhouse.serve.wire import Message

__all__ = ["REPLAYED", "Repeats"]

HEADER = b"idempotency-key"
LONGEST_KEY = 255
REPEATED = (b"idempotent-replayed", b"true")
_OURS = b"x-inhouse-"
_NOT_MEANT = b"x-inhouse-request-id"
REPLAYED = EngineUsed("none", None, "none", "replayed: Idempotency-Key")

Name = tuple[str, str, str, str]
"""Key and user of the caller, path, Idempotency-Key."""

Route = Callable[[Asked], Awaitable[None]]


@dataclass(slots=True, eq=False)
class _Work:
    """One request that is answered once, and its reply so far."""

    fingerprint: bytes
    messages: list[Message] = field(default_factory=list)
    size_bytes: int = 0
    ended_at: float | None = None
    error: BaseException | None = None
    listeners: int = 0
    more: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def tell(self) -> None:
        """Wake whoever waits for more."""
        self.more.set()
        self.more = asyncio.Event()


class Repeats:
    """Remembers replies by their Idempotency-Key. For the event loop only.

    What is remembered stays below `max_bytes`: the oldest goes first, and a reply that is larger than a
    quarter of it is never kept (it is still shared while it comes).
    """

    def __init__(self, *, keep_s: float, max_bytes: int, stopwatch: Callable[[], float]) -> None:
        self._keep_s = keep_s
        self._max_bytes = max_bytes
        self._stopwatch = stopwatch
        self._works: OrderedDict[Name, _Work] = OrderedDict()
        self._size_bytes = 0

    @property
    def size_bytes(self) -> int:
        """What the replies that are kept weigh."""
        return self._size_bytes

    async def answer(self, asked: Asked, route: Route) -> None:
        """Answer the request by `route`, or by what it or an earlier one with its key gives.

        Raises:
            KeyReused: if the key came with another request before.
            BadRequest: if the key is too long.
            InhouseError: what `route` raises.
        """
        key = asked.header(HEADER)
        if not key or asked.method != "POST" or asked.path.startswith(STREAMED):
            await route(asked)
            return
        if len(key) > LONGEST_KEY:
            raise BadRequest(
                f"The Idempotency-Key is over {LONGEST_KEY} characters", hint="send a random one, e.g. a UUID"
            )
        self._forget_old()
        name = (asked.grant.key, asked.grant.user, asked.path, key)
        fingerprint = _fingerprint(asked)
        work = self._works.get(name)
        while work is not None and work.left.is_set() and work.task is not None:
            # Its last listener left: what it still sends is torn, and it is forgotten as soon as it ends.
            await asyncio.wait({work.task})
            work = self._works.get(name)
        if work is None:
            work = _Work(fingerprint)
            self._works[name] = work
            work.task = asyncio.ensure_future(self._run(name, work, asked, route))
            await self._listen(work, asked, repeated=False)
            return
        if work.fingerprint != fingerprint:
            reused = KeyReused(
                f"The Idempotency-Key {key[:60]!r} came with another request before",
                hint="send a new key with each new request, and the same one only to repeat it",
            )
            _write_down(asked, "refused", replace(REPLAYED, reason=reused.message), code=reused.code)
            raise reused
        await self._replay(work, asked)

    async def _replay(self, work: _Work, asked: Asked) -> None:
        """Give the reply again, and write down how that ended."""
        outcome: Outcome | None = "cancelled"
        code = None
        try:
            outcome = await self._listen(work, asked, repeated=True)
        except InhouseError as error:
            # What cannot be read is no request to a model; what was turned away before the gateway is
            # written down for each who asked, here as there.
            right = right_of(asked.path)
            early = right is not None and before_gateway(error, right, asked.grant)
            outcome, code = (None, None) if early or isinstance(error, BadRequest) else ("failed", error.code)
            raise
        finally:
            if outcome is not None:
                _write_down(asked, outcome, REPLAYED, code=code)

    async def _run(self, name: Name, work: _Work, asked: Asked, route: Route) -> None:
        async def send(message: Message) -> None:
            work.messages.append(message)
            work.size_bytes += len(message.get("body", b""))
            work.tell()
            # Nobody may be made to wait for, nor the memory to hold, what no listener takes.
            await asyncio.sleep(0)

        async def receive() -> Message:
            await work.left.wait()
            return {"type": "http.disconnect"}

        try:
            await route(replace(asked, send=send, receive=receive))
        except BaseException as error:
            work.error = error
            raise
        finally:
            work.ended_at = self._stopwatch()
            self._keep_or_forget(name, work)
            work.tell()

    async def _listen(self, work: _Work, asked: Asked, *, repeated: bool) -> Outcome:
        """Send the reply as it comes and say how that ended; the last listener who leaves ends the work."""
        work.listeners += 1
        gone = asyncio.ensure_future(_left(asked))
        try:
            at = 0
            while True:
                while at < len(work.messages):
                    message = work.messages[at]
                    at += 1
                    if repeated and message["type"] == "http.response.start":
                        message = {**message, "headers": [*message["headers"], REPEATED]}
                    await asked.send(message)
                if work.ended_at is not None:
                    break
                waiting = asyncio.ensure_future(work.more.wait())
                await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if gone.done():
                    return "cancelled"
            if work.error is not None and at == 0:
                raise _again(work.error)
            return "ok" if work.error is None else "partial"
        finally:
            gone.cancel()
            work.listeners -= 1
            if work.listeners == 0 and work.ended_at is None:
                work.left.set()
                if work.task is not None:
                    await asyncio.wait({work.task})
            if work.task is not None and work.task.done() and not work.task.cancelled():
                work.task.exception()  # it was told to whoever asked; nobody else waits for it

    def _keep_or_forget(self, name: Name, work: _Work) -> None:
        good = work.error is None and bool(work.messages) and work.messages[0].get("status", 500) < 300
        if not good or work.left.is_set() or work.size_bytes > self._max_bytes // 4:
            self._works.pop(name, None)
            return
        self._size_bytes += work.size_bytes
        self._works.move_to_end(name)
        for old in list(self._works):
            if self._size_bytes <= self._max_bytes:
                break
            self._drop(old)

    def _forget_old(self) -> None:
        now = self._stopwatch()
        for name, work in list(self._works.items()):
            if work.ended_at is not None:
                if now - work.ended_at < self._keep_s:
                    break  # they stand in the order in which they ended
                self._drop(name)

    def _drop(self, name: Name) -> None:
        if self._works[name].ended_at is not None:
            self._size_bytes -= self._works.pop(name).size_bytes


def _write_down(asked: Asked, outcome: Outcome, used: EngineUsed, *, code: str | None) -> None:
    """One row, none where the request asks no model for anything."""
    right = right_of(asked.path)
    if right is None:
        return
    write_row(
        asked.parts.accounts,
        asked.grant,
        outcome,
        used,
        code=code,
        request_id=asked.request_id,
        task=asked.task if right == "chat" else right,
        requested=requested_in(asked.path, asked.body),
    )


async def _left(asked: Asked) -> None:
    while (await asked.receive())["type"] != "http.disconnect":
        pass


def _again(error: BaseException) -> BaseException:
    """What a listener raises when the work failed before its reply began."""
    if isinstance(error, asyncio.CancelledError):
        return Conflict("The request with this Idempotency-Key was cancelled", hint="send it again")
    return error


def _fingerprint(asked: Asked) -> bytes:
    """What makes two requests the same one: method, path, query, body, and the words of our headers."""
    hashed = hashlib.sha256()
    ours = sorted(
        (name, value)
        for name, value in asked.headers.items()
        if name.startswith(_OURS) and name != _NOT_MEANT
    )
    parts = [asked.method.encode(), asked.path.encode(), asked.query.encode(), asked.body]
    for part in (*parts, *(piece for pair in ours for piece in pair)):
        hashed.update(len(part).to_bytes(8, "big"))
        hashed.update(part)
    return hashed.digest()
