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
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

from inhouse.gateway.edge.providers.http_link import Link, Stale
from inhouse.gateway.edge.providers.http_port import HEADERS, HttpLimits, HttpPost, Reply, Waits
from inhouse.kernel.errors import EngineUnreachable

__all__ = ["LeanTransport", "Road"]

Road = Callable[[bytes, Waits], Coroutine[Any, Any, Reply]]  # Any: as of any coroutine
"""Sends a body the way of all others, and waits and raises as `Transport.send` does."""

KEPT_PER_ADDRESS = 256
KEPT_FOR_S = 15.0
"""Servers keep idle connections from 5 s (uvicorn, which vLLM runs on) upwards; one that went away earlier
is noticed when it does, so a longer time costs a retry and no answer."""
TRIAL_S = 0.2
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

    async def send(self, post: HttpPost, waits: Waits) -> Link:
        """See `Transport.send`."""
        address, head = self._head_of(post)
        return await self._ask(address, head, post.body, waits)

    def road(self, post: HttpPost) -> Road:
        """The way of all requests that differ from this one in nothing but their body.

        Raises:
            EngineUnreachable: if the address or a header is none.
        """
        address, head = self._head_of(post)

        def send(body: bytes, waits: Waits) -> Coroutine[Any, Any, Link]:  # Any: as of any coroutine
            return self._ask(address, head, body, waits)

        return send

    async def _ask(self, address: _Address, head: bytes, body: bytes, waits: Waits) -> Link:
        data = b"%s%d\r\n\r\n%s" % (head, len(body), body)
        link = address.take()
        if link is not None:
            try:
                return await link.ask(data, waits)
            except Stale:
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
        self._free: list[Link] = []
        self._resting: set[Link] = set()
        self._keeps_after_stream: bool | None = None

    def take(self) -> Link | None:
        """A free connection that is still open, the one used last."""
        while self._free:
            link = self._free.pop()
            if link.usable(KEPT_FOR_S):
                return link
            link.abort()
        return None

    async def connect(self, waits: Waits, wait_s: float, watch: _Watch) -> Link:
        """A new connection."""
        loop = asyncio.get_running_loop()
        limit_s = min(wait_s, waits.now())
        try:
            async with asyncio.timeout(limit_s):
                _, link = await loop.create_connection(
                    lambda: Link(self, watch, loop), self._host, self._port
                )
        except TimeoutError:
            if limit_s < wait_s:
                raise waits.over() from None
            raise EngineUnreachable(f"no connection within {wait_s:g} s") from None
        except (OSError, UnicodeError) as error:
            raise EngineUnreachable(f"no connection: {error}") from error
        return link

    def give_back(self, link: Link, *, streamed: bool) -> None:
        """The exchange on this connection is over, and the engine said nothing of closing it."""
        if len(self._free) >= KEPT_PER_ADDRESS or (streamed and self._keeps_after_stream is False):
            link.abort()
        elif streamed and self._keeps_after_stream is None:
            self._resting.add(link)
            link.loop.call_later(TRIAL_S, self._end_trial, link)
        else:
            self._free.append(link)

    def lost(self, link: Link) -> None:
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

    def _end_trial(self, link: Link) -> None:
        if link in self._resting:
            self._resting.discard(link)
            self._keeps_after_stream = True
            self._free.append(link)


class _Watch:
    """Ends waits that are over; looks only while an exchange is under way."""

    def __init__(self, tick_s: float) -> None:
        self._tick_s = tick_s
        self._busy: set[Link] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, link: Link) -> None:
        """Look at this connection from now on."""
        self._busy.add(link)
        if self._timer is None:
            self._timer = link.loop.call_later(self._tick_s, self._look, link.loop)

    def remove(self, link: Link) -> None:
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
