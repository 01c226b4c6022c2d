"""The seam below `HttpClient`: what one exchange with an engine is, whichever transport carries it.

Two transports implement it, and one suite of faults holds for both (`tests/gateway/test_faults.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Protocol

from inhouse.kernel.errors import EngineBroke, EngineTimeout

__all__ = ["HEADERS", "HttpLimits", "HttpPage", "HttpPost", "Reply", "Transport", "Waits", "read_body"]

HEADERS: Mapping[str, str] = MappingProxyType(
    {"Content-Type": "application/json", "Accept-Encoding": "identity"}
)
"""Sent with every request, unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Longest waits in seconds, largest pieces in bytes.

    The first event waits long because a cold model is loaded in that time. An answer asked for in one
    piece gives no sign of life before it is whole, so it has a wait of its own. Idle TLS connections are
    kept for less time than servers keep them, as a request sent into a closed one cannot be repeated
    safely.
    """

    connect_timeout_s: float = 2.0
    first_event_timeout_s: float = 60.0
    idle_timeout_s: float = 30.0
    total_timeout_s: float = 600.0
    whole_timeout_s: float = 300.0
    keepalive_s: float = 2.0
    max_event_bytes: int = 1 << 20
    max_reply_bytes: int = 8 << 20
    max_error_bytes: int = 64 << 10


@dataclass(frozen=True, slots=True)
class HttpPost:
    """One question to an engine; `headers` hold its key and are never shown.

    `whole`: the engine was asked for its answer in one piece.
    """

    engine: str
    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    whole: bool = False
    method: Literal["GET", "POST"] = "POST"


@dataclass(frozen=True, slots=True)
class HttpPage:
    """What a GET or a POST gave; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Waits:
    """Which silence is too long at this point of an answer."""

    __slots__ = ("_clock", "_limits", "_started", "_whole", "answered", "begun")

    def __init__(self, limits: HttpLimits, clock: Callable[[], float], *, whole: bool = False) -> None:
        self._limits = limits
        self._clock = clock
        self._started = clock()
        self._whole = whole
        self.answered = False
        """The head of the reply is there."""
        self.begun = False
        """The first event is there."""

    def now(self) -> float:
        """Seconds to wait for the next piece.

        Raises:
            EngineTimeout: if the time for the whole answer is over.
        """
        limits, spent_s = self._limits, self._clock() - self._started
        left_s = limits.total_timeout_s - spent_s
        if left_s <= 0:
            raise self.over()
        if self.begun:
            return min(limits.idle_timeout_s, left_s)
        first_s = limits.whole_timeout_s if self._whole else limits.first_event_timeout_s
        return min(max(0.0, first_s - spent_s), left_s)

    def over(self) -> EngineTimeout:
        """What to say when the piece did not come in the time that `now` gave."""
        limits = self._limits
        if self._clock() - self._started >= limits.total_timeout_s:
            return EngineTimeout(f"the answer took longer than {limits.total_timeout_s:g} s")
        if self.begun:
            return EngineTimeout(f"sent nothing for {limits.idle_timeout_s:g} s in the middle of its answer")
        if self._whole:
            return EngineTimeout(f"gave no answer within {limits.whole_timeout_s:g} s")
        return EngineTimeout(f"gave no first word within {limits.first_event_timeout_s:g} s")


class Reply(Protocol):
    """A reply whose head is there. `media_type` is in lower case and without parameters."""

    @property
    def status(self) -> int: ...

    @property
    def media_type(self) -> str: ...

    def headers(self) -> Mapping[str, str]:
        """All headers, names in lower case."""
        ...

    async def read(self, waits: Waits) -> bytes:
        """The next bytes of the body as they came, empty at its end.

        Raises:
            EngineTimeout: if nothing came in time.
            EngineBroke: if the connection was lost, or what came is no HTTP.
        """
        ...

    def close(self, *, ended: bool = False) -> None:
        """Keep the connection when the body was read to its end, else cut it.

        Cut, not drained: an engine that is still writing must notice that nobody listens. `ended`: it said
        that its answer is complete, so the few bytes that end the body may be waited for.
        """
        ...


class Transport(Protocol):
    """Carries requests to engines. Redirects are not followed, cookies are not kept."""

    async def send(self, post: HttpPost, waits: Waits) -> Reply:
        """Send the request and wait for the head of the reply.

        Raises:
            EngineUnreachable: if no connection could be made, or it was lost before any answer.
            EngineTimeout: if no head came in time.
            EngineBroke: if what came is no HTTP.
        """
        ...

    async def close(self) -> None:
        """Give idle connections back; the next request opens new ones."""
        ...


async def read_body(reply: Reply, waits: Waits, limit_bytes: int, *, cut: bool = False) -> bytes:
    """The body; one over the limit is cut, or is an `EngineBroke`."""
    body = await reply.read(waits)
    if not body:
        return b""
    pieces, size = [body], len(body)
    while data := await reply.read(waits):
        pieces.append(data)
        size += len(data)
        if size > limit_bytes:
            break
    body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    if size <= limit_bytes:
        return body
    if cut:
        return body[:limit_bytes]
    raise EngineBroke(f"the engine's reply is longer than {limit_bytes} bytes")
