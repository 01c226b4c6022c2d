"""The one HTTP client for engines: limits on time and size, and every fault as a word of the kernel.

Nothing here knows a dialect. Redirects are not followed and proxies of the environment are not used: a
request goes to the configured address, through the configured proxy if there is one, or nowhere.
Requests without TLS and proxy go over `http_lean`, all others over `http_aiohttp`. The proxy is for
addresses outside of the house only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from inhouse.dialects.status import error_of
from inhouse.dialects.stream import EventReader
from inhouse.gateway.edge.providers.http_aiohttp import AiohttpTransport
from inhouse.gateway.edge.providers.http_lean import LeanTransport, Road
from inhouse.gateway.edge.providers.http_port import (
    HttpLimits,
    HttpPage,
    HttpPost,
    Reply,
    Transport,
    Waits,
    read_body,
)
from inhouse.gateway.fleet import place_of
from inhouse.kernel.errors import EngineError, EngineOverloaded, EngineTimeout
from inhouse.kernel.messages import ChatEvent, Failed, Finished

__all__ = [
    "HttpClient",
    "HttpLimits",
    "HttpPage",
    "HttpPost",
    "OtherForm",
    "Road",
    "Wire",
    "base_url",
    "located",
]

_ENDS = (Failed, Finished)


class ReadError(Protocol):
    """A dialect's `read_error`."""

    def __call__(self, status: int, body: bytes, *, retry_after: str | None = None) -> EngineError: ...


@dataclass(frozen=True, slots=True)
class Wire:
    """The client side of one dialect."""

    reader: Callable[[int], EventReader]
    read_reply: Callable[[bytes], Sequence[ChatEvent]]
    read_error: ReadError


class HttpClient:
    """Connections to engines. `close` ends those that are idle; streams are ended by their readers.

    `lean` False sends everything over aiohttp; tests run every fault over both.
    """

    def __init__(
        self, limits: HttpLimits, *, proxy: str = "", ca_file: Path | None = None, lean: bool = True
    ) -> None:
        self.limits = limits
        self._usual = AiohttpTransport(limits, ca_file=ca_file)
        self._outside = AiohttpTransport(limits, proxy=proxy, ca_file=ca_file) if proxy else None
        self._lean: Transport = LeanTransport(limits) if lean else self._usual

    async def close(self) -> None:
        """Give the connections back; the next call opens new ones."""
        for each in (self._lean, self._usual, self._outside):
            if each is not None:
                await each.close()

    async def get(self, url: str, *, headers: Mapping[str, str], timeout_s: float) -> HttpPage:
        """One page.

        Raises:
            EngineUnreachable: if no connection could be made.
            EngineTimeout: if the page was not there in time.
            EngineBroke: if the connection was lost, or the page is longer than `max_reply_bytes`.
        """
        return await self.page(HttpPost("", url, b"", headers, method="GET"), timeout_s=timeout_s)

    async def page(self, post: HttpPost, *, timeout_s: float | None = None) -> HttpPage:
        """The whole reply to a request, whatever its status; raises as `get` does.

        `timeout_s` None: as long as an answer in one piece may take.
        """
        limits = self.limits
        wait_s = limits.whole_timeout_s if timeout_s is None else timeout_s
        waits = Waits(limits, time.monotonic, whole=True)
        reply: Reply | None = None
        try:
            async with asyncio.timeout(wait_s):
                reply = await self._transport(post.url).send(post, waits)
                body = await read_body(reply, waits, limits.max_reply_bytes)
                return HttpPage(reply.status, reply.headers(), body)
        except TimeoutError:
            raise EngineTimeout(f"no answer from {post.url} within {wait_s:g} s") from None
        except EngineError as error:
            raise (located(error, post.engine) if post.engine else error) from error
        finally:
            if reply is not None:
                reply.close()

    def road(self, post: HttpPost) -> Road | None:
        """The way of all requests that differ from this one in their body only; None where it is not a
        short one (TLS, a proxy)."""
        lean = self._transport(post.url)
        try:
            return lean.road(post) if isinstance(lean, LeanTransport) else None
        except EngineError:
            return None  # the long way says what is wrong with the address

    async def whole(self, road: Road, post: HttpPost, body: bytes, wire: Wire) -> bytes:
        """The JSON document that answers `post` with this body, on its `road`.

        Raises:
            OtherForm: if the engine answers with a stream.
            EngineError: see `providers.port.Provider.stream`.
        """
        waits = Waits(self.limits, time.monotonic, whole=True)
        reply: Reply | None = None
        try:
            reply = await road(body, waits)
            waits.answered = True
            if reply.status != 200:
                raise await self._refusal(reply, waits, wire)
            if reply.media_type != "application/json":
                streaming, reply = reply, None
                raise OtherForm(self.batches(post, wire, waits=waits, send=_given(streaming)))
            return await read_body(reply, waits, self.limits.max_reply_bytes)
        except EngineError as error:
            raise located(error, post.engine) from error
        finally:
            if reply is not None:
                reply.close()

    async def events(self, post: HttpPost, wire: Wire) -> AsyncGenerator[ChatEvent]:
        """The events of one answer; see `providers.port.Provider.stream` for errors."""
        batches = self.batches(post, wire)
        try:
            async for batch in batches:
                for event in batch:
                    yield event
        finally:
            await batches.aclose()

    async def batches(
        self,
        post: HttpPost,
        wire: Wire,
        *,
        waits: Waits | None = None,
        send: Callable[[HttpPost, Waits], Awaitable[Reply]] | None = None,
    ) -> AsyncGenerator[Sequence[ChatEvent]]:
        """As `events`, with those together that came together; none is empty.

        `send` gives the head of the reply in the time that `waits` leaves; None: it is asked for.
        """
        send = send or self._transport(post.url).send
        waits = waits or Waits(self.limits, time.monotonic, whole=post.whole)
        reply: Reply | None = None
        try:
            reply = await send(post, waits)
            waits.answered = True
            if reply.status != 200:
                raise await self._refusal(reply, waits, wire)
            if reply.media_type == "application/json":
                body = await read_body(reply, waits, self.limits.max_reply_bytes)
                reply.close()
                yield _checked(wire.read_reply(body), waits, post.engine)
                return
            reader = wire.reader(self.limits.max_event_bytes)
            while data := await reply.read(waits):
                events = reader.read(data)
                if not events:
                    continue
                last = events[-1]
                if isinstance(last, Finished):
                    reply.close(ended=True)
                yield events if waits.begun else _checked(events, waits, post.engine)
                if isinstance(last, _ENDS):
                    return
            if events := reader.end():
                yield _checked(events, waits, post.engine)
        except EngineError as error:
            fault = located(error, post.engine)
            if not waits.begun:
                raise fault from error
            yield [Failed(fault.code, fault.message, fault.hint)]
        finally:
            if reply is not None:
                reply.close()

    async def _refusal(self, reply: Reply, waits: Waits, wire: Wire) -> EngineError:
        body = await read_body(reply, waits, self.limits.max_error_bytes, cut=True)
        return wire.read_error(reply.status, body, retry_after=reply.headers().get("retry-after"))

    def _transport(self, url: str) -> Transport:
        """A proxy stands between this machine and others, never before what runs on it (or beside it)."""
        if self._outside is not None and place_of(url) == "cloud":
            return self._outside
        return self._lean if url.startswith("http://") else self._usual


def _given(reply: Reply) -> Callable[[HttpPost, Waits], Awaitable[Reply]]:
    async def send(_post: HttpPost, _waits: Waits) -> Reply:
        return reply

    return send


def base_url(url: str) -> str:
    """The address without a trailing `/` or `/v1`, which people write both with and without."""
    return url.rstrip("/").removesuffix("/v1").rstrip("/")


def _checked(events: Sequence[ChatEvent], waits: Waits, engine: str) -> Sequence[ChatEvent]:
    """The events; a failure that is the first one is raised, so that another engine may be asked."""
    if not waits.begun:
        if isinstance(events[0], Failed):
            raise error_of(events[0], engine=engine)
        waits.begun = True
    return events


class OtherForm(Exception):
    """An engine that was asked for one document answers with something else; `events` are what it says."""

    def __init__(self, events: AsyncGenerator[Sequence[ChatEvent]]) -> None:
        super().__init__()
        self.events = events


def located(error: EngineError, engine: str) -> EngineError:
    """The same fault with the engine's name in front of its message."""
    if error.message.startswith(f"`{engine}`"):
        return error
    message = f"`{engine}`: {error.message}"
    if isinstance(error, EngineOverloaded):
        return EngineOverloaded(message, engine=engine, hint=error.hint, retry_after_s=error.retry_after_s)
    return type(error)(message, engine=engine, hint=error.hint)
