"""The one HTTP client for engines: limits on time and size, and every fault as a word of the kernel.

Nothing here knows a dialect. Redirects are not followed and proxies of the environment are not used: a
request goes to the configured address or nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import aiohttp

from inhouse.dialects.status import error_of
from inhouse.dialects.stream import EventReader
from inhouse.kernel.errors import (
    EngineBroke,
    EngineError,
    EngineOverloaded,
    EngineTimeout,
    EngineUnreachable,
)
from inhouse.kernel.messages import ChatEvent, Failed, Finished

__all__ = ["HttpClient", "HttpLimits", "HttpPage", "HttpPost", "Wire", "base_url"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Longest waits in seconds, largest pieces in bytes.

    The first event waits long because a cold model is loaded in that time. Idle TLS connections are kept
    for less time than servers keep them, as a request sent into a closed one cannot be repeated safely.
    """

    connect_timeout_s: float = 2.0
    first_event_timeout_s: float = 60.0
    idle_timeout_s: float = 30.0
    total_timeout_s: float = 600.0
    keepalive_s: float = 2.0
    max_event_bytes: int = 1 << 20
    max_reply_bytes: int = 8 << 20
    max_error_bytes: int = 64 << 10


class ReadError(Protocol):
    """A dialect's `read_error`."""

    def __call__(self, status: int, body: bytes, *, retry_after: str | None = None) -> EngineError: ...


@dataclass(frozen=True, slots=True)
class Wire:
    """The client side of one dialect."""

    reader: Callable[[int], EventReader]
    read_reply: Callable[[bytes], Sequence[ChatEvent]]
    read_error: ReadError


@dataclass(frozen=True, slots=True)
class HttpPost:
    """One question to an engine; `headers` hold its key and are never shown."""

    engine: str
    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class HttpPage:
    """What a GET gave; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """Connections to engines. `close` ends those that are idle; streams are ended by their readers."""

    def __init__(self, limits: HttpLimits) -> None:
        self.limits = limits
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def close(self) -> None:
        """Give the connections back; the next call opens new ones."""
        while self._sessions:
            await self._sessions.popitem()[1].close()

    async def get(self, url: str, *, headers: Mapping[str, str], timeout_s: float) -> HttpPage:
        """One page, cut at `max_reply_bytes`.

        Raises:
            EngineUnreachable: if no connection could be made.
            EngineTimeout: if the page was not there in time.
            EngineBroke: if the connection was lost, or the page was cut.
        """
        try:
            request = self._session(url).get(url, headers=headers, allow_redirects=False)
            async with asyncio.timeout(timeout_s), request as reply:
                body = await _read_body(reply, self.limits.max_reply_bytes)
                names = {name.lower(): value for name, value in reply.headers.items()}
                return HttpPage(reply.status, names, body)
        except TimeoutError:
            raise EngineTimeout(f"no answer from {url} within {timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _fault(error, answered=False) from error

    async def events(self, post: HttpPost, wire: Wire) -> AsyncGenerator[ChatEvent]:
        """The events of one answer; see `providers.port.Provider.stream` for errors."""
        begun = False
        pieces = self._raw_events(post, wire)
        try:
            async for event in pieces:
                if isinstance(event, Failed) and not begun:
                    raise error_of(event, engine=post.engine)
                begun = True
                yield event
                if isinstance(event, Failed | Finished):
                    return
        except EngineError as error:
            located = _located(error, post.engine)
            if not begun:
                raise located from error
            yield Failed(located.code, located.message, located.hint)
        finally:
            await pieces.aclose()

    async def _raw_events(self, post: HttpPost, wire: Wire) -> AsyncGenerator[ChatEvent]:
        clock = asyncio.get_running_loop().time
        waits = _Waits(self.limits, clock)
        reply = await self._send(post, waits)
        waits.answered = True
        try:
            if reply.status != 200:
                body = await self._guarded(_read_body(reply, self.limits.max_error_bytes, cut=True), waits)
                raise wire.read_error(reply.status, body, retry_after=reply.headers.get("Retry-After"))
            if reply.content_type == "application/json":
                body = await self._guarded(_read_body(reply, self.limits.max_reply_bytes), waits)
                for event in wire.read_reply(body):
                    yield event
                return
            reader = wire.reader(self.limits.max_event_bytes)
            while data := await self._guarded(reply.content.readany(), waits):
                for event in reader.read(data):
                    waits.begun = True
                    yield event
            for event in reader.end():
                yield event
        finally:
            # Closed, not given back: an engine that is still writing must notice that nobody listens.
            if reply.content.at_eof():
                reply.release()
            else:
                reply.close()

    async def _send(self, post: HttpPost, waits: _Waits) -> aiohttp.ClientResponse:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", **post.headers}
        request = self._session(post.url).post(
            post.url, data=post.body, headers=headers, allow_redirects=False
        )
        return await self._guarded(request, waits)

    async def _guarded(self, step: Awaitable[T], waits: _Waits) -> T:
        """The step's result, within the wait that applies now and with its faults in our words."""
        wait_s, silence = waits.now()
        try:
            async with asyncio.timeout(wait_s):
                return await step
        except aiohttp.ConnectionTimeoutError as error:
            raise EngineUnreachable(f"no connection within {self.limits.connect_timeout_s:g} s") from error
        except TimeoutError:
            raise EngineTimeout(silence) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _fault(error, answered=waits.answered) from error

    def _session(self, url: str) -> aiohttp.ClientSession:
        """Connections without TLS are used once, which costs 0.1 ms on one's own network.

        llama.cpp closes a connection after a stream without saying so: the next request would be written
        into it and lost, and may not be repeated blindly.
        """
        kept = url.startswith("https:")
        session = self._sessions.get(kept)
        if session is None:
            connector = (
                aiohttp.TCPConnector(limit=0, keepalive_timeout=self.limits.keepalive_s)
                if kept
                else aiohttp.TCPConnector(limit=0, force_close=True)
            )
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=self.limits.connect_timeout_s)
            session = self._sessions[kept] = aiohttp.ClientSession(
                connector=connector, timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        return session


class _Waits:
    """Which silence is too long at this point of an answer."""

    def __init__(self, limits: HttpLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._started = clock()
        self.answered = False
        """The head of the reply is there."""
        self.begun = False
        """The first event is there."""

    def now(self) -> tuple[float, str]:
        """Seconds to wait for the next piece, and what to say when it does not come.

        Raises:
            EngineTimeout: if the time for the whole answer is over.
        """
        limits, spent_s = self._limits, self._clock() - self._started
        left_s = limits.total_timeout_s - spent_s
        too_long = f"the answer took longer than {limits.total_timeout_s:g} s"
        if left_s <= 0:
            raise EngineTimeout(too_long)
        if self.begun:
            wait_s, silence = limits.idle_timeout_s, "sent nothing for {:g} s in the middle of its answer"
            silence = silence.format(limits.idle_timeout_s)
        else:
            wait_s = max(0.0, limits.first_event_timeout_s - spent_s)
            silence = f"gave no first word within {limits.first_event_timeout_s:g} s"
        return (wait_s, silence) if wait_s <= left_s else (left_s, too_long)


async def _read_body(reply: aiohttp.ClientResponse, limit_bytes: int, *, cut: bool = False) -> bytes:
    """The body; one over the limit is cut, or is an `EngineBroke`."""
    body = bytearray()
    while data := await reply.content.readany():
        body += data
        if len(body) > limit_bytes:
            if cut:
                return bytes(body[:limit_bytes])
            raise EngineBroke(f"the engine's reply is longer than {limit_bytes} bytes")
    return bytes(body)


def _fault(error: Exception, *, answered: bool) -> EngineError:
    """What a fault of the connection is in the words of the kernel."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return EngineUnreachable(f"its certificate is not trusted: {error}")
    if isinstance(error, aiohttp.ClientConnectorError):
        return EngineUnreachable(f"no connection: {error.os_error or error}")
    if isinstance(error, aiohttp.InvalidURL):
        return EngineUnreachable(f"not an address: {error}")
    words = str(error) or type(error).__name__
    if isinstance(error, aiohttp.ClientConnectionError | OSError) and not answered:
        return EngineUnreachable(f"the connection was lost before any answer: {words}")
    return EngineBroke(f"the connection was lost: {words}")


def _located(error: EngineError, engine: str) -> EngineError:
    """The same fault with the engine's name in front of its message."""
    if error.message.startswith(f"`{engine}`"):
        return error
    message = f"`{engine}`: {error.message}"
    if isinstance(error, EngineOverloaded):
        return EngineOverloaded(message, engine=engine, hint=error.hint, retry_after_s=error.retry_after_s)
    return type(error)(message, engine=engine, hint=error.hint)


def base_url(url: str) -> str:
    """The address without a trailing `/` or `/v1`, which people write both with and without."""
    return url.rstrip("/").removesuffix("/v1").rstrip("/")
