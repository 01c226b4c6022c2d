"""One client's connection: HTTP/1.1 as llhttp reads it, one request after the other.

It stands in the place of uvicorn's `HttpToolsProtocol`, whole. That one makes, for each request, two timers,
an event and a task with a callback, and looks at each header of the reply three times: more time than the
rest of a short request takes here. It also waits for ever for a request that comes byte by byte, loses the
body of a request that offers another protocol (Java's own client offers HTTP/2 with each), and writes an
error into the middle of a reply that is under way. Time is looked at for all connections together, twice a
second (`look_at`); for one request that costs two numbers.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast
from urllib.parse import unquote

import httptools
import structlog
from uvicorn import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr
from uvicorn.server import ServerState

from inhouse.serve.heads import plain_reply
from inhouse.serve.reading import Reading
from inhouse.serve.turn import HIGH_WATER_BYTES, Turn

__all__ = ["Connection", "SlowRequests", "look_at"]

_SLOW = plain_reply(
    408, "request_timeout", "The request did not arrive whole in time", "send it again over a better line"
)
_ASGI = {"version": "3.0", "spec_version": "2.3"}

_log = structlog.get_logger("inhouse.http")


@dataclass(frozen=True, slots=True)
class SlowRequests:
    """How slowly a request may come, and its reply be taken.

    Its head must be whole within `head_s`. Its body may be silent for `silence_s`, and after `body_s` must
    have come at `bytes_per_s` on average: an upload over a slow line is fine, a byte now and then is not.
    Of a reply that waits something must be taken within `untaken_s`; that is longer than the watch over
    answers waits (`Patience.slow_s`), which writes down why it ends one.
    """

    head_s: float = 10.0
    silence_s: float = 20.0
    body_s: float = 30.0
    bytes_per_s: float = 1000.0
    untaken_s: float = 40.0


class Connection(Reading):
    """Reads requests and has them answered in their order; the next one is read ahead, not answered.

    `began` is when the first byte of the request that is coming came (the loop's time), 0.0 while none is;
    `idle_since` when there was last anything to do, 0.0 while there is.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(server_state)
        if not config.loaded:
            config.load()
        self._app = config.loaded_app
        self._keep_alive_s = config.timeout_keep_alive
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self.last = self.idle_since = 0.0
        self._body_bytes = 0
        self._coming: Turn | None = None
        """The last request whose head is whole."""
        self._answering: Turn | None = None

    # The transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        # uvloop's transports are none of asyncio's classes.
        self.transport = cast("asyncio.Transport", transport)
        self._server, self._client = get_local_addr(self.transport), get_remote_addr(self.transport)
        # The server may cut a reader that takes nothing; ASGI has no word for it.
        self._extensions = {"inhouse.abort": {"abort": self.transport.abort}}
        # A connection that never says a word is no request; it ends as an idle one does.
        self.idle_since = self._loop.time()
        self.state.connections.add(self)  # type: ignore[arg-type]  # uvicorn lists its own kinds by name

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self.state.connections.discard(self)
        self.began = self.idle_since = 0.0
        for turn in (self._answering, self._coming):
            if turn is not None:
                turn.leave()
        self._answering = self._coming = None
        self.resume_writing()
        self._read_no_more()

    def _break_off(self, reply: bytes) -> None:
        """What comes is no request: answer those that came before it, then say so if it can be said."""
        coming = self._coming
        self.began = 0.0
        self._deaf = True
        if coming is not None and not coming.whole and not coming.ended:
            if coming is self._answering:
                if not coming.begun:
                    self.transport.write(reply)
                self.transport.close()
                return
            if self._waiting and self._waiting[-1] is coming:
                self._waiting.pop()
        if self._answering is None:
            self._say_last(reply)
        else:
            last = self._waiting[-1] if self._waiting else self._answering
            last.keep_alive = False

    def _say_last(self, reply: bytes) -> None:
        """End with this reply, unless the request that it is for has one already."""
        if self._coming is None or not self._coming.ended:
            self.transport.write(reply)
        self.transport.close()

    # The parser

    def on_message_begin(self) -> None:
        """A request begins to come."""
        self.began = self.last = self._loop.time()
        self.idle_since = 0.0
        self._fresh = True
        self._headed = False
        self._head_bytes = self._body_bytes = 0
        self._url = b""
        self._headers = []

    def on_url(self, url: bytes) -> None:
        """Some of its target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header of it. Those behind a body are dropped: whatever let the head through, a proxy or our
        door, has not seen them. Source: RFC 9110, section 6.5.1"""
        if not self._headed:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Its head is whole: it is answered from now on, unless another one is."""
        parser = self._parser
        if parser.should_upgrade():
            self._offers_upgrade = True
            return
        self._headed = True
        self._head_bytes = 0
        raw_path, query = _path_and_query(self._url)
        path = raw_path.decode("ascii")
        version = parser.get_http_version()
        scope = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "method": parser.get_method().decode("ascii"),
            "scheme": "http",
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": self._headers,
            "server": self._server,
            "client": self._client,
            "state": self._app_state.copy(),
            "extensions": self._extensions,
        }
        turn = Turn(self, scope, self._answered, keep_alive=version == "1.1" and parser.should_keep_alive())
        self._coming = turn
        if self._answering is None:
            self._answer(turn)
        else:
            self._waiting.append(turn)

    def on_body(self, body: bytes) -> None:
        """Some of its body."""
        self._body_bytes += len(body)
        self._fresh = True
        self._head_bytes = 0
        self.last = self._loop.time()
        turn = self._coming
        if turn is not None and not self._offers_upgrade:
            turn.take(body)
            if turn.waiting_bytes > HIGH_WATER_BYTES:
                self.pause_reading()

    def on_message_complete(self) -> None:
        """All of it came."""
        if self._offers_upgrade:
            return
        self.began = 0.0
        if self._coming is not None:
            self._coming.complete()
            if self._coming.ended:
                self._rest()

    # The turns

    def _answer(self, turn: Turn) -> None:
        self._answering = turn
        # Its names for the log are its own: where one reply begets the next, they were another request's.
        turn.task = self._loop.create_task(turn.run(self._app), context=self._context.copy())
        self.state.tasks.add(turn.task)

    def _answered(self, turn: Turn) -> None:
        """The reply is whole: the next one, or the end, or a rest."""
        self._answering = None
        if not turn.keep_alive:
            self.transport.close()
        elif not self.transport.is_closing():
            if self._waiting:
                self._answer(self._waiting.popleft())
            elif turn.whole:
                self._rest()
            self._read_held()

    def _rest(self) -> None:
        """Nothing is to do."""
        self._coming = None
        if not self.began:
            self.idle_since = self._loop.time()

    def shutdown(self) -> None:
        """End as soon as what was asked is answered. uvicorn calls it so."""
        if self._answering is None:
            self.transport.close()
        else:
            last = self._waiting[-1] if self._waiting else self._answering
            last.keep_alive = False

    # The time

    def idle(self, now: float) -> bool:
        """True when nobody asked anything for so long that it may be closed."""
        return self.idle_since > 0.0 and now - self.idle_since > self._keep_alive_s

    def slow(self, now: float, limits: SlowRequests) -> bool:
        """True when the request that is coming takes too long."""
        if not self.began:
            return False
        other = self._answering is not None and not (self._headed and self._answering is self._coming)
        if other or not self.reading:
            self.last = now  # we do not read at the moment, or not for its sake: that is our doing
            if not self._headed:
                self.began = now
            return False
        age_s = now - self.began
        if not self._headed:
            return age_s > limits.head_s
        too_little = age_s > limits.body_s and self._body_bytes < limits.bytes_per_s * age_s
        return too_little or now - self.last > limits.silence_s

    def end_slow(self) -> None:
        """Say why, unless a reply has begun, and close."""
        if self._answering is None:
            self._say_last(_SLOW)
        else:
            if not self._answering.begun:
                self.transport.write(_SLOW)
            self.transport.close()


def look_at(connections: Iterable[object], now: float, limits: SlowRequests) -> int:
    """Close the connections that are idle or whose request comes too slowly; how many were slow.

    One whose client takes nothing is cut: closing it would wait for that client.
    """
    ended = 0
    for each in list(connections):
        if isinstance(each, Connection):
            if each.untaken(now, limits.untaken_s):
                each.transport.abort()
            elif each.idle(now):
                each.transport.close()
            elif each.slow(now, limits):
                each.end_slow()
                ended += 1
    return ended


def _path_and_query(target: bytes) -> tuple[bytes, bytes]:
    """Of a request target in any form. Source: RFC 9112, section 3.2"""
    if target.startswith(b"/") and b"#" not in target:
        path, _, query = target.partition(b"?")
        return path, query
    parsed = httptools.parse_url(target)
    return parsed.path or b"/", parsed.query or b""
