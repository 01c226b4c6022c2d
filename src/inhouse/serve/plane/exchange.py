"""One answer on its way out: opened, written piece by piece, and cancelled when its reader leaves.

The head of the reply waits for the first event (DESIGN section 3): a failure before it has a status of
its own, a failure after it is the surface's error event, and never a silent end. Only when an event stream
is silent for long, because a model is being loaded, its head is sent with comment lines; the engine may
still change then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from inhouse.dialects.openai_pass import PassedReply
from inhouse.dialects.status import error_of
from inhouse.kernel.errors import InhouseError, ShuttingDown
from inhouse.kernel.messages import (
    ChatEvent,
    ChatRequest,
    Failed,
    Finished,
    Passed,
    PassedEnd,
)
from inhouse.kernel.ports import ChatStream, EngineUsed
from inhouse.serve.plane.asked import Asked, used_headers
from inhouse.serve.plane.meter import Meter
from inhouse.serve.plane.parts import Trip
from inhouse.serve.plane.watch import Visit
from inhouse.serve.wire import send_reply

__all__ = ["Gone", "Writer", "answer_stream", "answer_trip", "answer_whole", "with_reader"]

SSE = "text/event-stream"
WAITING = EngineUsed("none", None, "none", "still waiting for the first word of an engine")
_PASSED, _ENDS = (Passed, PassedEnd), (Finished, Failed)
COMMENT = b": waiting for the first word\n\n"


class Gone(Exception):
    """The reader of this reply left, or takes nothing any more (`slow`)."""

    def __init__(self, *, slow: bool = False) -> None:
        super().__init__()
        self.slow = slow


class Writer(Protocol):
    """Writes the events of one answer in a dialect."""

    def write(self, event: ChatEvent) -> bytes:
        """The bytes of one event, empty where the dialect says nothing or says it later."""
        ...


async def answer_stream(
    asked: Asked,
    request: ChatRequest | Trip,
    make_writer: Callable[[EngineUsed], Writer],
    media_type: str,
    *,
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    """Answer with a stream of events; `headers` are the vendor's own.

    Raises:
        InhouseError: if it failed before the first event; nothing was sent then.
        Gone: if the reader left.
    """
    stream = _Stream(asked, make_writer, media_type, headers)
    visit = asked.watch.enter(asked.receive)
    try:
        await stream.run(request, visit)
    except asyncio.CancelledError:
        raise _why(visit) from None
    finally:
        asked.watch.leave(visit)


async def answer_whole(
    asked: Asked,
    request: ChatRequest,
    render: Callable[[EngineUsed, Sequence[ChatEvent]], bytes],
    *,
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    """Answer with one JSON document made of all events.

    `headers` are the vendor's own.

    Raises:
        InhouseError: if it failed; nothing was sent then.
        Gone: if the reader left.
    """
    express = asked.parts.express
    if express is not None and (trip := express.carry(request, asked.grant)) is not None:
        await answer_trip(asked, trip, render, headers=headers)
        return
    used, events = await with_reader(asked, _collect(asked, request))
    body = _body(used, events, render)
    head = [*used_headers(used), *headers]
    await send_reply(asked.send, 200, body, "application/json", headers=head)


async def answer_trip(
    asked: Asked,
    trip: Trip,
    render: Callable[[EngineUsed, Sequence[ChatEvent]], bytes],
    *,
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    """As `answer_whole`, for a request on the short way."""
    visit = asked.watch.enter(asked.receive)
    tokens = 0
    try:
        admission = asked.parts.gate.admit(asked.grant)
        try:
            reply = await trip.whole(asked.request_id)
            if isinstance(reply, PassedReply):
                used, body, tokens = trip.used, reply.body, trip.tokens
            elif isinstance(reply, list):
                used, tokens = trip.used, trip.tokens
                body = _body(used, reply, render)
            else:
                meter = Meter(trip)
                try:
                    used, events = await _gather(reply, meter)
                finally:
                    tokens = meter.tokens()
                body = _body(used, events, render)
        finally:
            admission.close(tokens)
    except asyncio.CancelledError:
        raise _why(visit) from None
    finally:
        asked.watch.leave(visit)
    await send_reply(asked.send, 200, body, "application/json", headers=[*used_headers(used), *headers])


async def with_reader(asked: Asked, work: Any) -> Any:  # Any: the work's own type passes through
    """The result of the work, which is cancelled when the reader leaves or the house closes."""
    visit = asked.watch.enter(asked.receive)
    try:
        return await work
    except asyncio.CancelledError:
        raise _why(visit) from None
    finally:
        asked.watch.leave(visit)


def _why(visit: Visit) -> BaseException:
    """What the end of an answer is called; a cancellation that is not the watch's stays one."""
    if visit.end is None:
        return asyncio.CancelledError()
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
    if visit.end == "stopping":
        return ShuttingDown("inhouse is being stopped", hint="ask again in a moment")
    return Gone(slow=visit.end == "slow")


def _body(
    used: EngineUsed,
    events: Sequence[ChatEvent],
    render: Callable[[EngineUsed, Sequence[ChatEvent]], bytes],
) -> bytes:
    if type(events[0]) is Passed:
        return b"".join([event.data for event in events if isinstance(event, Passed | PassedEnd)])
    return render(used, events)


async def _open(asked: Asked, request: ChatRequest | Trip) -> ChatStream:
    if not isinstance(request, ChatRequest):
        return await request.open(asked.request_id)
    parts, grant = asked.parts, asked.grant
    return await parts.chat.open(request, request_id=asked.request_id, user=grant.user, grant=grant)


class _Stream:
    """One answer that is sent piece by piece."""

    def __init__(
        self,
        asked: Asked,
        make_writer: Callable[[EngineUsed], Writer],
        media_type: str,
        headers: Sequence[tuple[bytes, bytes]],
    ) -> None:
        self._asked = asked
        self._make_writer = make_writer
        self._media_type = media_type
        self._headers = headers
        self._begun = False
        """The head was sent."""
        self._writer: Writer | None = None

    async def run(self, request: ChatRequest | Trip, visit: Visit) -> None:
        """Answer the request."""
        admission, meter = self._asked.parts.gate.admit(self._asked.grant), Meter(request)
        try:
            if self._media_type == SSE:
                visit.before_first_word(self._tell_waiting)
            try:
                answer = await _open(self._asked, request)
            except InhouseError as error:
                await self._first_word(visit)
                if not self._begun:
                    raise
                failed = Failed(error.code, error.message, error.hint)
                await self._piece(self._make_writer(WAITING).write(failed), last=True)
                return
            try:
                await self._first_word(visit)
                meter.opened(answer.used)
                await self._send(answer, answer.used, visit, meter)
            finally:
                await answer.aclose()
        finally:
            admission.close(meter.tokens())

    async def _first_word(self, visit: Visit) -> None:
        """No more signs of life; one that is being sent is sent whole."""
        visit.before_first_word(None)
        if visit.told is not None:
            await visit.told

    async def _tell_waiting(self) -> None:
        if not self._begun:
            await self._head(WAITING)
        await self._piece(COMMENT)

    async def _head(self, used: EngineUsed) -> None:
        self._begun = True
        head = [(b"content-type", self._media_type.encode()), (b"cache-control", b"no-store")]
        head += [*used_headers(used), *self._headers]
        await self._asked.send({"type": "http.response.start", "status": 200, "headers": head})

    async def _piece(self, data: bytes, *, last: bool = False) -> None:
        await self._asked.send({"type": "http.response.body", "body": data, "more_body": not last})

    def _data_of(self, event: ChatEvent, used: EngineUsed) -> bytes:
        """What goes out for an event; the writer is made for the first one that does not pass as it is."""
        if isinstance(event, _PASSED):
            return event.data
        if self._writer is None:
            self._writer = self._make_writer(used)
        return self._writer.write(event)

    async def _send(self, events: ChatStream, used: EngineUsed, visit: Visit, meter: Meter) -> None:
        if not self._begun:
            await self._head(used)
        clock, send = asyncio.get_running_loop().time, self._asked.send
        # Some streams know what came together; that goes out together, and nothing waits for it.
        more: Callable[[], Sequence[ChatEvent]] | None = getattr(events, "more", None)
        try:
            async for event in events:
                meter.count(event)
                data, last = self._data_of(event, used), event
                if more is not None and (others := more()):
                    for other in others:
                        meter.count(other)
                    data += b"".join([self._data_of(other, used) for other in others])
                    last = others[-1]
                ended = isinstance(last, _ENDS)
                if data or ended:
                    visit.sending = clock()
                    await send({"type": "http.response.body", "body": data, "more_body": not ended})
                    visit.sending = 0.0
        except asyncio.CancelledError:
            if visit.end != "stopping":
                raise
            # The reply has begun: its own last event tells, and no second reply may follow it.
            failed = Failed(ShuttingDown.code, "inhouse is being stopped")
            await self._piece(self._data_of(failed, used), last=True)


async def _collect(asked: Asked, request: ChatRequest) -> tuple[EngineUsed, Sequence[ChatEvent]]:
    admission, meter = asked.parts.gate.admit(asked.grant), Meter(request)
    try:
        return await _gather(await _open(asked, request), meter)
    finally:
        admission.close(meter.tokens())


async def _gather(answer: ChatStream, meter: Meter) -> tuple[EngineUsed, Sequence[ChatEvent]]:
    """All events of an answer that must not end early."""
    meter.opened(answer.used)
    events: list[ChatEvent] = []
    try:
        async for event in answer:
            meter.count(event)
            events.append(event)
    finally:
        await answer.aclose()
    last = events[-1]
    if isinstance(last, Failed):
        raise error_of(last, engine=answer.used.engine)
    assert isinstance(last, Finished)
    return answer.used, events
