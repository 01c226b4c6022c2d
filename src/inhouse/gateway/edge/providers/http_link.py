"""One connection of the lean transport, and the reply that comes over it.

What the parser and the event loop call is on the way of every request: no task, no timer and no header map
is made for one, and the parser is the connection's own for as long as the connection is good.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
from collections.abc import Mapping
from typing import Protocol, cast

import httptools

from inhouse.gateway.edge.providers.http_port import Waits
from inhouse.kernel.errors import EngineBroke, EngineError, EngineUnreachable

__all__ = ["HIGH_WATER_BYTES", "Link", "Stale"]

HIGH_WATER_BYTES = 256 << 10
"""Reading from an engine pauses when as much waits for a slow reader."""
MAX_HEAD_BYTES = 64 << 10
JUST_USED_S = 0.005
"""A connection that was in use until now is taken without asking the system whether it was closed."""
END_S = 1.0
"""Longest wait for the bytes that end a body, after the answer in it was complete."""


class Keeper(Protocol):
    """Keeps the free connections to one address."""

    def give_back(self, link: Link, *, streamed: bool) -> None:
        """The exchange on this connection is over, and the engine said nothing of closing it."""
        ...

    def lost(self, link: Link) -> None:
        """A free connection was closed by the other side."""
        ...


class Looker(Protocol):
    """Looks now and then at connections that wait (`Link.look`)."""

    def add(self, link: Link) -> None:
        """Look at this connection from now on."""
        ...

    def remove(self, link: Link) -> None:
        """Look no more."""
        ...


class Stale(Exception):
    """A kept connection had been closed before the request came."""


class Link(asyncio.Protocol):
    """One connection, and the reply that comes over it; see `http_port.Reply`."""

    def __init__(self, address: Keeper, watch: Looker, loop: asyncio.AbstractEventLoop) -> None:
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
        self._parser = httptools.HttpResponseParser(self)
        self._reset()

    def _reset(self) -> None:
        """Ready for the next exchange. The parser is between two replies, as the last one was whole."""
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

    async def ask(self, data: bytes, waits: Waits) -> Link:
        """Send a request; returns when the head of its reply is there.

        Raises:
            Stale: if this is a kept connection and the request was not begun for certain.
        """
        if self._transport is None:
            raise EngineUnreachable("the connection was lost before any answer")
        self._over = False
        self._watch.add(self)
        self._transport.write(data)
        while not self._headed and self._fault is None:
            await self._wait(waits)
        if self._headed:
            return self
        self._end()
        if self._reused and self._refused:
            raise Stale
        raise cast("EngineError", self._fault)

    def headers(self) -> Mapping[str, str]:
        """See `Reply.headers`."""
        return _texts(self._fields)

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
        good = self._keep and self._transport is not None and self._fault is None
        if good and self._whole:
            self._give_back()
        elif good and ended:
            self._ending = self.loop.call_later(END_S, self.abort)
        else:
            self.abort()

    def _give_back(self) -> None:
        """For the next request, unless something of this one is left."""
        if not self._keep or self._paused or _unsent(self._transport):
            self.abort()
            return
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
        if self._headed and exc is None and _until_closed(self._fields):
            self._whole = True
            self._wake()
        else:
            self._fail(_lost(exc, headed=self._headed, begun=self._head_bytes > 0))

    # What the parser calls.
    def on_message_begin(self) -> None:
        if self._whole:
            self._keep = False  # the parser stands in a second reply, which nobody asked for

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._headed:  # else a trailer, which nobody reads
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        if self._headed:  # the head of a second reply, behind the one that was asked for
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


def _unsent(transport: asyncio.Transport | None) -> bool:
    """True for a request that its engine answered without reading it to its end."""
    return transport is None or transport.get_write_buffer_size() > 0


def _lost(exc: Exception | None, *, headed: bool, begun: bool) -> EngineError:
    """The fault of a connection that ended before its reply did."""
    words = str(exc) if exc else "closed by the other side"
    if headed:
        return EngineBroke(f"the connection was lost: {words}")
    if begun:
        return EngineBroke(f"the connection was lost in the head of the reply: {words}")
    return EngineUnreachable(f"the connection was lost before any answer: {words}")


def _texts(fields: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by their name in lower case; of several with one name the first counts."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in reversed(fields)}


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
