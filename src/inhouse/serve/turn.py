"""One request on a connection and its reply: the `receive` and `send` of ASGI.

A reply whose length is known goes out in one write, head and body together. Source: ASGI specification,
HTTP 2.3 (a head may wait for the first piece of the body).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

import structlog

from inhouse.serve.heads import plain_reply, write_head
from inhouse.serve.line import Line
from inhouse.serve.wire import App, Message, Scope

__all__ = ["HIGH_WATER_BYTES", "Turn"]

HIGH_WATER_BYTES = 65_536
"""A body of which more than this waits to be taken is not read on."""
_TOGETHER_BYTES = 65_536
"""Copying a larger body behind its head costs more than a second write."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_FAILED = plain_reply(
    500, "internal", "Something went wrong inside inhouse", "the log says more; send the request again"
)

_log = structlog.get_logger("inhouse.http")


class Turn:
    """One request and its reply. `whole`: all of the request came; `begun`, `ended`: its reply."""

    __slots__ = (
        "_answered",
        "_asked_to_go_on",
        "_chunked",
        "_given",
        "_head",
        "_left",
        "_line",
        "_news",
        "_pieces",
        "_silent",
        "begun",
        "ended",
        "gone",
        "keep_alive",
        "scope",
        "task",
        "waiting_bytes",
        "whole",
    )

    def __init__(
        self, line: Line, scope: Scope, answered: Callable[[Turn], None], *, keep_alive: bool
    ) -> None:
        self._line = line
        self._answered = answered
        self.scope = scope
        self.keep_alive = keep_alive
        self.task: asyncio.Task[None] | None = None
        self.whole = self.begun = self.ended = False
        self.gone = False
        """The client left; nothing that is sent reaches anybody."""
        self.waiting_bytes = 0
        """How much of the body came and was not taken."""
        self._pieces: list[bytes] = []
        self._given = False
        self._asked_to_go_on = False
        self._news: asyncio.Event | None = None
        self._head = b""
        """What waits for the first piece of its body."""
        self._chunked = self._silent = False
        self._left: int | None = None
        """How much of the body must still come, None where that is not known."""

    async def run(self, app: App) -> None:
        """Let the application answer; whatever it leaves undone, the connection knows how it stands."""
        try:
            await app(self.scope, self.receive, self.send)
        finally:
            self._line.state.tasks.discard(self.task)
            if not self.ended and not self.gone:
                self._cut()

    def _cut(self) -> None:
        """A reply that has not begun is an error, one that is torn ends with its connection."""
        # What was raised ends the task, and is told with its trace when nobody asks for it.
        reason = sys.exc_info()[1]
        _log.error(
            "reply not whole",
            path=self.scope["path"],
            begun=self.begun,
            reason=repr(reason),
            # The door, which gave it, may have left already, and taken the name from the log.
            request_id=self.scope["state"].get("request_id", ""),
        )
        transport = self._line.transport
        if not transport.is_closing():
            transport.write(self._head if self.begun else _FAILED)
            transport.close()
        self.ended = True

    # The request

    def take(self, piece: bytes) -> None:
        """Some of the body came."""
        if not self.ended:
            self._pieces.append(piece)
            self.waiting_bytes += len(piece)
            self.tell()

    def complete(self) -> None:
        """All of the request came."""
        self.whole = True
        self.tell()

    def leave(self) -> None:
        """The connection is gone."""
        self.gone = True
        self.tell()

    def tell(self) -> None:
        """Wake whoever waits for something to happen."""
        if self._news is not None:
            self._news.set()

    async def receive(self) -> Message:
        """The body as far as it came, each byte once; then, when the client left or has all, that."""
        while not (self.ended or self.gone):
            if self._pieces or (self.whole and not self._given):
                pieces, self._pieces, self.waiting_bytes = self._pieces, [], 0
                self._given = self.whole
                body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
                return {"type": "http.request", "body": body, "more_body": not self.whole}
            if not self.whole and not self._asked_to_go_on:
                self._go_on()
            self._line.resume_reading()
            if self._news is None:
                self._news = asyncio.Event()
            self._news.clear()
            await self._news.wait()
        return {"type": "http.disconnect"}

    def _go_on(self) -> None:
        """Tell a client that waits for it that its body is wanted. Source: RFC 9110, section 10.1.1"""
        self._asked_to_go_on = True
        if not self.begun and self._expects() and not self._line.transport.is_closing():
            self._line.transport.write(_CONTINUE)

    def _expects(self) -> bool:
        return self.scope["http_version"] == "1.1" and any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in self.scope["headers"]
        )

    # The reply

    async def send(self, message: Message) -> None:
        """Send the head, or a piece of the body; waits while the client takes nothing.

        Raises:
            RuntimeError: if the application does not keep to ASGI, or to the length it gave.
            ValueError: if a header is none.
        """
        full = self._line.full
        if full is not None and not self.gone:
            await full.wait()
        if self.gone:
            return
        kind = message["type"]
        if self.ended or kind != ("http.response.body" if self.begun else "http.response.start"):
            raise RuntimeError(f"{kind!r} is not what may be sent now")
        if self.begun:
            self._send_piece(message.get("body", b""), last=not message.get("more_body", False))
        else:
            self._send_head(message)

    def _send_head(self, message: Message) -> None:
        scope = self.scope
        if not (self.whole or self._asked_to_go_on) and self._expects():
            # It was never told to send its body; what comes next may be that or another request.
            self.keep_alive = False
        head = write_head(
            message["status"],
            message.get("headers", ()),
            method=scope["method"],
            version=scope["http_version"],
            keep_alive=self.keep_alive,
            always=self._line.state.default_headers,
        )
        self.begun = True
        self.keep_alive = head.keep_alive
        self._chunked, self._silent = head.chunked, head.silent
        self._left = None if head.silent else head.length
        if head.length is None and not head.silent:
            self._line.transport.write(head.data)  # of a stream, whose first piece may be long in coming
        else:
            self._head = head.data

    def _send_piece(self, body: bytes, *, last: bool) -> None:
        transport = self._line.transport
        if self._silent:
            body = b""
        elif self._chunked:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            if last:
                body += b"0\r\n\r\n"
        elif self._left is not None:
            self._left -= len(body)
            if self._left < 0:
                raise RuntimeError("the body is longer than its Content-Length says")
        if self._head:
            head, self._head = self._head, b""
            if len(body) > _TOGETHER_BYTES:
                transport.write(head)
            else:
                body = head + body
        if body:
            transport.write(body)
        if last:
            if self._left:
                raise RuntimeError("the body is shorter than its Content-Length says")
            self.ended = True
            self._pieces.clear()
            self.waiting_bytes = 0
            self.tell()
            self._answered(self)
