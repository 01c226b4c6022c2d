"""One answer on its way out: opened, written piece by piece, and cancelled when its reader leaves.

The head of the reply waits for the first event (DESIGN section 3): a failure before it has a status of
its own, a failure after it is the surface's error event, and never a silent end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from inhouse.dialects.status import error_of
from inhouse.kernel.errors import ShuttingDown
from inhouse.kernel.messages import ChatEvent, ChatRequest, Failed, Finished
from inhouse.kernel.ports import ChatStream, EngineUsed
from inhouse.serve.plane.asked import Asked, used_headers
from inhouse.serve.plane.meter import Meter
from inhouse.serve.wire import send_reply

__all__ = ["Gone", "Writer", "answer_stream", "answer_whole", "with_reader"]

T = TypeVar("T")


class Gone(Exception):
    """The reader of this reply left."""


class Writer(Protocol):
    """Writes the events of one answer in a dialect."""

    def write(self, event: ChatEvent) -> bytes:
        """The bytes of one event, empty where the dialect says nothing or says it later."""
        ...


async def answer_stream(
    asked: Asked, request: ChatRequest, make_writer: Callable[[EngineUsed], Writer], media_type: str
) -> None:
    """Answer with a stream of events.

    Raises:
        InhouseError: if it failed before the first event; nothing was sent then.
        Gone: if the reader left.
    """
    await with_reader(asked, _stream(asked, request, make_writer, media_type))


async def answer_whole(
    asked: Asked,
    request: ChatRequest,
    render: Callable[[EngineUsed, Sequence[ChatEvent]], bytes],
    *,
    opened: Callable[[], None] = lambda: None,
) -> None:
    """Answer with one JSON document made of all events; `opened` is called when the first one is there.

    Raises:
        InhouseError: if it failed; nothing was sent then.
        Gone: if the reader left.
    """
    used, events = await with_reader(asked, _collect(asked, request, opened))
    await send_reply(asked.send, 200, render(used, events), "application/json", headers=used_headers(used))


async def with_reader(asked: Asked, work: Any) -> Any:  # Any: the work's own type passes through
    """The result of the work, which is cancelled when the reader leaves or the house closes."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_left(asked))
    stop = asyncio.ensure_future(asked.parts.stopping.wait())
    try:
        await asyncio.wait({task, gone, stop}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            return task.result()
        if gone.done():
            raise Gone
        raise ShuttingDown("inhouse is being stopped", hint="ask again in a moment")
    finally:
        for each in (task, gone, stop):
            each.cancel()


async def _left(asked: Asked) -> None:
    while (await asked.receive())["type"] != "http.disconnect":
        pass


async def _open(asked: Asked, request: ChatRequest) -> ChatStream:
    parts, grant = asked.parts, asked.grant
    return await parts.chat.open(request, request_id=asked.request_id, user=grant.user, grant=grant)


async def _stream(
    asked: Asked, request: ChatRequest, make_writer: Callable[[EngineUsed], Writer], media_type: str
) -> None:
    admission, meter = asked.parts.gate.admit(asked.grant), Meter(request)
    try:
        answer = await _open(asked, request)
        meter.opened(answer.used)
        try:
            writer = make_writer(answer.used)
            head = [(b"content-type", media_type.encode()), (b"cache-control", b"no-store")]
            head += used_headers(answer.used)
            await asked.send({"type": "http.response.start", "status": 200, "headers": head})
            try:
                async for event in answer:
                    meter.count(event)
                    if data := writer.write(event):
                        await asked.send({"type": "http.response.body", "body": data, "more_body": True})
            except asyncio.CancelledError:
                if not asked.parts.stopping.is_set():
                    raise
                # The reply has begun: its own last event tells, and no second reply may follow it.
                last = writer.write(Failed(ShuttingDown.code, "inhouse is being stopped"))
                await asked.send({"type": "http.response.body", "body": last, "more_body": True})
            await asked.send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await answer.aclose()
    finally:
        admission.close(meter.tokens())


async def _collect(
    asked: Asked, request: ChatRequest, opened: Callable[[], None]
) -> tuple[EngineUsed, Sequence[ChatEvent]]:
    admission, meter = asked.parts.gate.admit(asked.grant), Meter(request)
    try:
        answer = await _open(asked, request)
        meter.opened(answer.used)
        opened()
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
    finally:
        admission.close(meter.tokens())
