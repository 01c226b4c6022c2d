"""One client's connection: uvicorn's own, with an end for requests that never become whole.

uvicorn waits for ever for a request that comes byte by byte; a few hundred of those hold every place that
a server has. One look a second at all connections costs a request nothing but two numbers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["Connection", "SlowRequests", "end_slow"]

_REPLY = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
    b"connection: close\r\n\r\n%s"
)
_BODY = (
    b'{"error":{"code":"request_timeout","message":"The request did not arrive whole in time",'
    b'"hint":"send it again over a better line"}}'
)


@dataclass(frozen=True, slots=True)
class SlowRequests:
    """How slowly a request may come.

    Its head must be whole within `head_s`. Its body may be silent for `silence_s`, and after `body_s` must
    have come at `bytes_per_s` on average: an upload over a slow line is fine, a byte now and then is not.
    """

    head_s: float = 10.0
    silence_s: float = 20.0
    body_s: float = 30.0
    bytes_per_s: float = 1000.0


class Connection(HttpToolsProtocol):
    """Remembers when the request that is coming began, and how much of it came."""

    began = 0.0
    """When its first byte came (the loop's time), 0.0 while none is coming."""
    headed = False
    came_bytes = 0
    last = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        super().connection_made(transport)
        # A connection that never says a word is no request; it ends as an idle one does.
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.began = self.last = self.loop.time()
        self.headed, self.came_bytes = False, 0
        # The server may cut a reader that takes nothing; ASGI has no word for it.
        self.scope["extensions"] = {"inhouse.abort": {"abort": self.transport.abort}}

    def on_headers_complete(self) -> None:
        self.headed = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self.came_bytes += len(body)
        self.last = self.loop.time()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.began = 0.0
        super().on_message_complete()

    def slow(self, now: float, limits: SlowRequests) -> bool:
        """True when the request that is coming takes too long."""
        if not self.began:
            return False
        age_s = now - self.began
        if not self.headed:
            return age_s > limits.head_s
        if self.flow is not None and self.flow.read_paused:
            self.last = now  # we do not read at the moment: that is our doing
            return False
        too_little = age_s > limits.body_s and self.came_bytes < limits.bytes_per_s * age_s
        return too_little or now - self.last > limits.silence_s

    def end_slow(self) -> None:
        """Say why, unless a reply has begun, and close."""
        if not self.headed or not self.cycle.response_started:
            self.transport.write(_REPLY % (len(_BODY), _BODY))
        self.transport.close()


def end_slow(connections: Iterable[object], now: float, limits: SlowRequests) -> int:
    """Close the connections whose request comes too slowly; how many these were."""
    slow = [each for each in connections if isinstance(each, Connection) and each.slow(now, limits)]
    for each in slow:
        each.end_slow()
    return len(slow)
