"""Server-sent events that notice when the reader leaves and when the house closes.

Source: WHATWG HTML, section 9.2 "Server-sent events".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from starlette.responses import Response

from inhouse.kernel.errors import InhouseError, ShuttingDown
from inhouse.serve.house_shapes import ErrorBody
from inhouse.serve.shapes import Shape
from inhouse.serve.wire import Receive, Scope, Send

__all__ = ["Emit", "EventStream", "error_event", "event_bytes"]

_log = structlog.get_logger("inhouse.stream")

Emit = Callable[[str, Shape], Awaitable[None]]
"""Send one event: its name and its data."""

QUIET_S = 10.0
"""A comment line is sent after this long a silence, so that nothing between drops the connection."""


def event_bytes(name: str, data: Shape) -> bytes:
    """One event; JSON on one line never breaks the framing."""
    return f"event: {name}\ndata: {data.model_dump_json()}\n\n".encode()


def error_event(error: InhouseError) -> ErrorBody:
    """An error as the data of an `error` event."""
    return ErrorBody(code=error.code, message=error.message, hint=error.hint)


class EventStream(Response):
    """Runs `produce(emit)` and sends what it emits.

    When the reader leaves, or `stopping` is set, `produce` is cancelled and awaited: it keeps what it has.
    Stopping ends the stream with an `error` event `shutting_down`.
    """

    def __init__(self, produce: Callable[[Emit], Awaitable[None]], *, stopping: asyncio.Event) -> None:
        super().__init__(media_type="text/event-stream", headers={"cache-control": "no-store"})
        del self.headers["content-length"]
        self._produce = produce
        self._stopping = stopping

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

        async def emit(name: str, data: Shape) -> None:
            await send({"type": "http.response.body", "body": event_bytes(name, data), "more_body": True})

        work = asyncio.ensure_future(self._produce(emit))
        await asyncio.sleep(0)  # a task cancelled before its first step could not keep anything
        gone = asyncio.ensure_future(_disconnected(receive))
        stop: asyncio.Future[Any] = asyncio.ensure_future(self._stopping.wait())
        try:
            await _until_one(work, gone, stop, send)
        finally:
            for task in (gone, stop, work):
                task.cancel()
            await asyncio.wait({gone, stop, work})
        if gone.done() and not gone.cancelled():
            _log_fault(work)
            return
        if work.cancelled():
            error = ShuttingDown("inhouse is being stopped", hint="the answer so far is kept; ask again")
            await emit("error", error_event(error))
        else:
            work.result()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _log_fault(work: asyncio.Future[None]) -> None:
    """Nobody is there to be told of a fault; the log is."""
    if not work.cancelled() and (fault := work.exception()):
        _log.error("stream failed after its reader left", exc_info=fault)


async def _until_one(
    work: asyncio.Future[None], gone: asyncio.Future[None], stop: asyncio.Future[Any], send: Send
) -> None:
    while True:
        done, _pending = await asyncio.wait(
            {work, gone, stop}, timeout=QUIET_S, return_when=asyncio.FIRST_COMPLETED
        )
        if done:
            return
        await send({"type": "http.response.body", "body": b": still at work\n\n", "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
