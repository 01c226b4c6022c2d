"""The transport for engines on the own network: HTTP/1.1 without TLS, on `asyncio.Protocol` + httptools.

Half the time per request of the usual transport (`bench/gateway.py`): no task, no timer and no header map
per request. One timer for all exchanges looks for silences that are too long.

A kept connection may be closed by the other side at any moment. A request is repeated, once and over a new
connection, only when it was not begun for certain: a kept connection gave no byte of a reply and was reset,
which is how a system answers bytes that its program never read. A connection that is merely closed may
belong to an engine that read the request and died over it. Engines that close after a stream without
saying so (llama.cpp does) are found out: after an address's first stream its connection rests for
`TRIAL_S`, and where it is closed in that time, connections are used for one stream only.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import httptools

from inhouse.gateway.edge.providers.http_port import HEADERS, HttpLimits, HttpPost, Reply, Waits
from inhouse.kernel.errors import EngineBroke, EngineError, EngineUnreachable

__all__ = ["LeanTransport", "Road"]

Road = Callable[[bytes, Waits], Coroutine[Any, Any, Reply]]  # Any: as of any coroutine
"""Sends a body the way of all others, and waits and raises as `Transport.send` does."""

HIGH_WATER_BYTES = 256 << 10
"""Reading from an engine pauses when as much waits for a slow reader."""
MAX_HEAD_BYTES = 64 << 10
KEPT_PER_ADDRESS = 256
KEPT_FOR_S = 15.0
"""Servers keep idle connections from 5 s (uvicorn, which vLLM runs on) upwards; one that went away earlier
is noticed when it does, so a longer time costs a retry and no answer."""
JUST_USED_S = 0.005
"""A connection that was in use until now is taken without asking the system whether it was closed."""
TRIAL_S = 0.2
END_S = 1.0
"""Longest wait for the bytes that end a body, after the answer in it was complete."""
LONGEST_TICK_S = 0.25


class LeanTransport:
    """See `http_port.Transport`."""

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        self._addresses: dict[str, _Address] = {}
        self._heads: dict[tuple[str, str, tuple[tuple[str, str], ...]], tuple[_Address, bytes]] = {}
        shortest_s = min(limits.first_event_timeout_s, limits.idle_timeout_s, limits.total_timeout_s)
        self._watch = _Watch(min(LONGEST_TICK_S, shortest_s / 8))

    async def close(self) -> None:
        """See `Transport.close`."""
        for address in self._addresses.values():
            address.close()
        self._watch.stop()

    async def send(self, post: HttpPost, waits: Waits) -> _Link:
        """See `Transport.send`."""
        address, head = self._head_of(post)
        return await self._ask(address, head, post.body, waits)

    def road(self, post: HttpPost) -> Road:
        """The way of all requests that differ from this one in nothing but their body.

        Raises:
            EngineUnreachable: if the address or a header is none.
        """
        address, head = self._head_of(post)

        def send(body: bytes, waits: Waits) -> Coroutine[Any, Any, _Link]:  # Any: as of any coroutine
            return self._ask(address, head, body, waits)

        return send

    async def _ask(self, address: _Address, head: bytes, body: bytes, waits: Waits) -> _Link:
        data = b"%s%d\r\n\r\n%s" % (head, len(body), body)
        link = address.take()
        if link is not None:
            try:
                return await link.ask(data, waits)
            except _Stale:
                pass  # once more over a new connection
            except BaseException:
                link.abort()
                raise
        link = await address.connect(waits, self._limits.connect_timeout_s, self._watch)
        try:
            return await link.ask(data, waits)
        except BaseException:
            link.abort()
            raise

    def _head_of(self, post: HttpPost) -> tuple[_Address, bytes]:
        """Where the request goes, and its head up to the value of Content-Length, which stands last."""
        key = (post.method, post.url, tuple(post.headers.items()))
        found = self._heads.get(key)
        if found is None:
            if len(self._heads) > 1000:
                self._heads.clear()
            found = self._heads[key] = self._make_head(post)
        return found

    def _make_head(self, post: HttpPost) -> tuple[_Address, bytes]:
        parts = urlsplit(post.url)
        try:
            port = parts.port or 80
        except ValueError as error:
            raise EngineUnreachable(f"not an address: {error}") from None
        if not parts.hostname:
            raise EngineUnreachable(f"not an address: {post.url}")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fields = {"Host": parts.netloc.rpartition("@")[2], **HEADERS, **post.headers}
        lines = [f"{post.method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        if any("\r" in line or "\n" in line for line in lines):
            raise EngineUnreachable("a header or the address holds a line break")
        address = self._addresses.setdefault(parts.netloc, _Address(parts.hostname, port))
        return address, ("\r\n".join(lines) + "\r\nContent-Length: ").encode("utf-8")


class _Address:
    """One engine's address and the connections to it that are free."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._free: list[_Link] = []
        self._resting: set[_Link] = set()
        self._keeps_after_stream: bool | None = None

    def take(self) -> _Link | None:
        """A free connection that is still open, the one used last."""
        while self._free:
            link = self._free.pop()
            if link.usable(KEPT_FOR_S):
                return link
            link.abort()
        return None

    async def connect(self, waits: Waits, wait_s: float, watch: _Watch) -> _Link:
        """A new connection."""
        loop = asyncio.get_running_loop()
        limit_s = min(wait_s, waits.now())
        try:
            async with asyncio.timeout(limit_s):
                _, link = await loop.create_connection(
                    lambda: _Link(self, watch, loop), self._host, self._port
                )
        except TimeoutError:
            if limit_s < wait_s:
                raise waits.over() from None
            raise EngineUnreachable(f"no connection within {wait_s:g} s") from None
        except (OSError, UnicodeError) as error:
            raise EngineUnreachable(f"no connection: {error}") from error
        return link

    def give_back(self, link: _Link, *, streamed: bool) -> None:
        """The exchange on this connection is over, and the engine said nothing of closing it."""
        if len(self._free) >= KEPT_PER_ADDRESS or (streamed and self._keeps_after_stream is False):
            link.abort()
        elif streamed and self._keeps_after_stream is None:
            self._resting.add(link)
            link.loop.call_later(TRIAL_S, self._end_trial, link)
        else:
            self._free.append(link)

    def lost(self, link: _Link) -> None:
        """A free connection was closed by the other side."""
        if link in self._resting:
            self._resting.discard(link)
            self._keeps_after_stream = False
        elif link in self._free:
            self._free.remove(link)

    def close(self) -> None:
        """End all free connections."""
        for link in (*self._free, *self._resting):
            link.abort()
        self._free.clear()
        self._resting.clear()

    def _end_trial(self, link: _Link) -> None:
        if link in self._resting:
            self._resting.discard(link)
            self._keeps_after_stream = True
            self._free.append(link)


class _Watch:
    """Ends waits that are over; looks only while an exchange is under way."""

    def __init__(self, tick_s: float) -> None:
        self._tick_s = tick_s
        self._busy: set[_Link] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, link: _Link) -> None:
        """Look at this connection from now on."""
        self._busy.add(link)
        if self._timer is None:
            self._timer = link.loop.call_later(self._tick_s, self._look, link.loop)

    def remove(self, link: _Link) -> None:
        """Look no more."""
        self._busy.discard(link)

    def stop(self) -> None:
        """Forget the timer; connections under way are ended by their readers."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for link in tuple(self._busy):
            link.look(now)
        self._timer = loop.call_later(self._tick_s, self._look, loop) if self._busy else None


class _Stale(Exception):
    """A kept connection had been closed before the request came."""


class _Link(asyncio.Protocol):
    """One connection, and the reply that comes over it; see `http_port.Reply`."""

    def __init__(self, address: _Address, watch: _Watch, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._address = address
        self._watch = watch
        self._transport: asyncio.Transport | None = None
        self._poll: select.poll | None = None
        self._free_since = 0.0
        self._reused = False
        self._refused = False
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._ending: asyncio.TimerHandle | None = None
        self._over = True
        self._reset()

    def _reset(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._fields: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self._held_bytes = 0
        self._head_bytes = 0
        self._aside_bytes = 0
        """What came since the last piece of the body: trailers, extensions of chunks."""
        self._paused = False
        self._headed = False
        self._whole = False
        self._keep = False
        self._fault: EngineError | None = None
        self.status = 0
        self.media_type = ""
        self._sized = False

    async def ask(self, data: bytes, waits: Waits) -> _Link:
        """Send a request; returns when the head of its reply is there.

        Raises:
            _Stale: if this is a kept connection and the request was not begun for certain.
        """
        assert self._transport is not None
        self._over = False
        self._watch.add(self)
        self._transport.write(data)
        while not self._headed:
            if self._fault is not None:
                self._end()
                if self._reused and self._refused:
                    raise _Stale
                raise self._fault
            await self._wait(waits)
        return self

    def headers(self) -> Mapping[str, str]:
        """See `Reply.headers`."""
        return {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in reversed(self._fields)
        }

    async def read(self, waits: Waits) -> bytes:
        """See `Reply.read`."""
        while not self._pieces:
            if self._fault is not None:
                raise self._fault
            if self._whole:
                return b""
            await self._wait(waits)
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._held_bytes = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    def close(self, *, ended: bool = False) -> None:
        """See `Reply.close`."""
        if self._over:
            return
        self._end()
        if not self._keep or self._transport is None or self._fault is not None:
            self.abort()
        elif self._whole:
            self._give_back()
        elif ended:
            self._ending = self.loop.call_later(END_S, self.abort)
        else:
            self.abort()

    def _give_back(self) -> None:
        streamed = not self._sized
        self._reset()
        self._reused, self._free_since = True, self.loop.time()
        self._address.give_back(self, streamed=streamed)

    def abort(self) -> None:
        """Cut the connection."""
        self._end()
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def usable(self, kept_for_s: float) -> bool:
        """False when it was closed by the other side, even if that was not noticed yet, or is too old."""
        transport, idle_s = self._transport, self.loop.time() - self._free_since
        if transport is None or transport.is_closing() or idle_s > kept_for_s:
            return False
        if idle_s < JUST_USED_S:
            return True
        if self._poll is None:
            self._poll = _poll_of(transport)
        # Something to read on a free connection is its end, or an answer that nobody asked for.
        return not self._poll.poll(0)

    def look(self, now: float) -> None:
        """End the wait if it is over."""
        waiter = self._waiter
        if waiter is not None and not waiter.done() and now >= self._deadline:
            waiter.set_exception(TimeoutError())

    def _end(self) -> None:
        self._over = True
        self._watch.remove(self)

    async def _wait(self, waits: Waits) -> None:
        """Until something happens on the connection."""
        self._deadline = self.loop.time() + waits.now()
        self._waiter = self.loop.create_future()
        try:
            await self._waiter
        except TimeoutError:
            raise waits.over() from None
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _fail(self, error: EngineError) -> None:
        if self._fault is None and not self._whole:
            self._fault = error
        self._wake()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)
        _send_at_once(transport)

    def data_received(self, data: bytes) -> None:
        if self._over and self._ending is None:
            self._address.lost(self)
            self.abort()
            return
        if self._whole:
            self._keep = False  # nobody asked for more; it must not be taken for the next answer
            return
        if not self._headed:
            self._head_bytes += len(data)
        held, headed = self._held_bytes, self._headed
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._keep = False
            self._fail(EngineBroke(f"the connection was lost: what came is no HTTP: {error}"))
            return
        if headed and not self._whole and self._held_bytes == held:
            self._aside_bytes += len(data)
        if not self._headed and self._head_bytes > MAX_HEAD_BYTES:
            self._fail(EngineBroke(f"the head of the reply is longer than {MAX_HEAD_BYTES} bytes"))
        elif self._aside_bytes > MAX_HEAD_BYTES:
            self._fail(
                EngineBroke(f"the reply holds over {MAX_HEAD_BYTES} bytes that are no part of the body")
            )
        elif self._held_bytes > HIGH_WATER_BYTES and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        if self._ending is not None and self._whole:
            self._ending.cancel()
            self._ending = None
            self._give_back()
        elif self._headed:
            self._wake()

    def eof_received(self) -> bool:
        # The end came before the reset, which is then kept as the socket's error.
        if not self._over and not self._head_bytes and self._transport is not None:
            self._refused = _was_reset(self._transport)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._refused = self._refused or (not self._head_bytes and isinstance(exc, ConnectionError))
        if self._over:
            self._address.lost(self)
            return
        words = str(exc) if exc else "closed by the other side"
        if self._headed and exc is None and _until_closed(self._fields):
            self._whole = True
            self._wake()
        elif self._headed:
            self._fail(EngineBroke(f"the connection was lost: {words}"))
        elif self._head_bytes:
            self._fail(EngineBroke(f"the connection was lost in the head of the reply: {words}"))
        else:
            self._fail(EngineUnreachable(f"the connection was lost before any answer: {words}"))

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._headed:  # else a trailer, which nobody reads
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        if self._headed:
            self._keep = False  # the head of a second reply, behind the one that was asked for
            return
        status = self._parser.get_status_code()
        if status < 200:
            self._fields.clear()
            return
        self.status = status
        for name, value in self._fields:
            size = len(name)
            if size == 12 and name.lower() == b"content-type":
                self.media_type = value.partition(b";")[0].strip().lower().decode("latin-1")
            elif size == 14 and name.lower() == b"content-length":
                self._sized = True
            elif size == 16 and name.lower() == b"content-encoding" and value.lower() != b"identity":
                self._fail(EngineBroke("the engine compressed its reply, which it was asked not to"))
        self._keep = self._parser.should_keep_alive()
        self._headed = True

    def on_body(self, body: bytes) -> None:
        if self._whole:
            return
        self._aside_bytes = 0
        self._pieces.append(body)
        self._held_bytes += len(body)

    def on_message_complete(self) -> None:
        if self.status >= 200:
            self._whole = True


def _until_closed(fields: list[tuple[bytes, bytes]]) -> bool:
    """True for a body whose end is the end of the connection (RFC 9112 section 6.3)."""
    return not any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in fields)


def _send_at_once(transport: asyncio.BaseTransport) -> None:
    """asyncio and uvloop do it too; an engine must get small pieces at once on any loop."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _was_reset(transport: asyncio.BaseTransport) -> bool:
    """True when the socket holds an error: the connection was reset, not ended."""
    sock = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):
        return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
    return False


def _poll_of(transport: asyncio.Transport) -> select.poll:
    """Tells without waiting whether there is something to read."""
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return poll
