"""What every request passes before any route sees it, as plain ASGI.

In order: a request id; where it comes from; the Host header (against DNS rebinding); the origin of unsafe
methods (against other sites' pages); how many are inside; the size of the body. On the way out: security
headers, and an error shape for whatever went wrong. The query is never logged, for it holds questions.

The wire surfaces (`/v1/`, `/v1beta/`, `/api/`) may be met from other machines and by chosen pages of other
origins, for each of their callers is known by a key there. The pages and `/app` may not: until people can
sign in, whoever reaches them reads every document.
"""

from __future__ import annotations

import contextvars
import ipaddress
import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog

from inhouse.kernel.errors import BadRequest, Forbidden, InhouseError, InternalError, RateLimited, TooLarge
from inhouse.serve.cors import allow_headers, is_preflight, send_preflight
from inhouse.serve.ids import new_ids
from inhouse.serve.wire import (
    FORWARDED,
    App,
    Message,
    Receive,
    Scope,
    Send,
    WireError,
    header,
    headers_of,
    send_error,
    send_reply,
)

__all__ = [
    "CLOSED",
    "CONTENT_SECURITY_POLICY",
    "Door",
    "Doors",
    "is_loopback",
    "is_wire",
    "was_forwarded",
]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " connect-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_SECURITY_HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")
_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
_CONTAINER_NAMES = frozenset({"host.docker.internal", "host.containers.internal", "gateway.docker.internal"})
"""How programs in containers call this machine; no name server of a stranger can hand these out, and they
open the wire surfaces only."""
_WIRE = ("/v1/", "/v1beta/", "/api/")
_FROM_ANYWHERE = frozenset({"/health/live", "/health/ready"})
"""Asked by load balancers; they say nothing about the house."""
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_ORIGINS = frozenset({b"origin", b"sec-fetch-site"})
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}\Z")
_PORT = re.compile(r":\d{1,5}\Z")
_POLLED = ("/app/state", "/app/jobs/", "/health", "/static/")
"""Asked every few seconds: good replies are logged at level debug only."""
_UPLOADS = "/app/uploads"
_BLOBS = "/api/blobs/"
"""Model files come in here; they are larger than memory, and the store looks after the disk."""

_log = structlog.get_logger("inhouse.http")
_named = contextvars.Context().run(structlog.contextvars.bind_contextvars, request_id="")["request_id"].var
"""What each log line of a request takes its id from. Setting the variable itself takes a tenth of the time
that `bind_contextvars` takes, which looks it up by its name."""


@dataclass(frozen=True, slots=True)
class Doors:
    """How far the wire surfaces are open. `cors_origins` are exact, as a browser sends them.

    `exposed`: other machines may ask them (each with a key). `max_in_flight` are requests to them that are
    inside at once, 0 for any number: the next is told to come again, before its body is read.
    """

    exposed: bool = False
    cors_origins: frozenset[str] = frozenset()
    max_in_flight: int = 0


CLOSED = Doors()


class Door:
    """Wraps the whole application. `failures` counts the requests that were our fault.

    `words` tells an error as the clients of a wire path expect it, None where it knows no other words.
    """

    def __init__(
        self,
        app: App,
        *,
        max_body_bytes: int,
        allowed_hosts: Collection[str] = (),
        doors: Doors = CLOSED,
        words: Callable[[Scope, InhouseError], WireError | None] | None = None,
    ) -> None:
        self._app = app
        self._words = words
        self._max_body_bytes = max_body_bytes
        self._hosts = _LOOPBACK_NAMES | {name.lower() for name in allowed_hosts}
        self._wire_hosts = self._hosts | _CONTAINER_NAMES
        self._doors = doors
        self._inside = 0
        self._new_id = new_ids()
        self._met: set[bytes] = set()
        """Host headers of wire requests that were found good, as they came."""
        self.failures = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1000})
            return
        headers = headers_of(scope)
        given = headers.get(b"x-inhouse-request-id")
        request_id = given.decode() if given and _REQUEST_ID.match(given) else self._new_id()
        scope.setdefault("state", {})["request_id"] = request_id
        wire = is_wire(scope["path"])
        reply = _Reply(send, request_id, wire, self._origin(headers) if wire else "")
        started = time.perf_counter()
        token = _named.set(request_id)
        self._inside += wire
        try:
            if self._let_in(scope, headers, reply):
                if scope["method"] in _UNSAFE and not _is_read_by_its_route(scope["path"]):
                    self._check_length(headers)
                    first = await receive()
                    if first.get("more_body", False) or len(first.get("body", b"")) > self._max_body_bytes:
                        first = await self._whole(first, receive)
                    receive = _replay(first, receive)
                await self._app(scope, receive, reply)
            else:
                await send_preflight(reply, scope, allowed=bool(reply.origin))
        except InhouseError as error:
            if reply.status is not None:
                _log.error("reply cut", path=scope["path"], code=error.code, reason=error.message)
            await self._end_with(error, scope, reply)
        except Exception:  # noqa: BLE001  the outermost one: the caller gets a shape, the log gets the reason
            self.failures += 1
            _log.exception("request failed", path=scope["path"], failures=self.failures)
            fault = InternalError(
                "Something went wrong inside inhouse", hint="the log line with this request id says more"
            )
            await self._end_with(fault, scope, reply)
        finally:
            self._inside -= wire
        # The ledger has a row for every answer of a wire surface: a good one needs no line in the log, which
        # would take a quarter of the request's time.
        bad = (reply.status or 500) >= 400
        if bad or not wire:
            self._log_request(scope, reply, started, quiet=not bad and scope["path"].startswith(_POLLED))
        if not wire:
            _named.reset(token)  # a request over a socket is a task of its own, with names of its own

    def _origin(self, headers: dict[bytes, bytes]) -> str:
        """Where the page comes from that may read the reply, empty for none."""
        if not self._doors.cors_origins:
            return ""
        origin = headers.get(b"origin", b"").decode("latin-1")
        return origin if origin in self._doors.cors_origins else ""

    def _log_request(self, scope: Scope, reply: _Reply, started: float, *, quiet: bool) -> None:
        (_log.debug if quiet else _log.info)(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=reply.status,
            ms=round((time.perf_counter() - started) * 1000, 1),
        )

    async def _end_with(self, error: InhouseError, scope: Scope, reply: _Reply) -> None:
        await reply.end_with(error, self._words(scope, error) if reply.wire and self._words else None)

    def _let_in(self, scope: Scope, headers: dict[bytes, bytes], reply: _Reply) -> bool:
        """False for a browser's question before the real request; raises what keeps a request out."""
        wire, client = reply.wire, scope.get("client")
        # Most requests are of a program on this machine that has been here before.
        if not (
            wire
            and headers.get(b"host") in self._met
            and client
            and is_loopback(client[0])
            and len(headers) == len(scope["headers"])
        ):
            self._check_place(scope, wire=wire)
            self._check_host(scope, wire=wire)
        if scope["method"] in _UNSAFE:
            if not reply.origin and not _ORIGINS.isdisjoint(headers):
                _check_origin(scope, wire=wire)
        elif wire and is_preflight(scope):
            return False
        if wire and self._doors.max_in_flight:
            self._check_room()
        return True

    def _check_place(self, scope: Scope, *, wire: bool) -> None:
        client = scope.get("client")
        # A proxy on this machine asks for somebody else; its wire requests are told apart by their keys.
        if client and is_loopback(client[0]) and (wire or not was_forwarded(scope)):
            return
        if not (scope["path"] in _FROM_ANYWHERE or (wire and self._doors.exposed)):
            raise Forbidden(
                "This page is for the machine that inhouse runs on, until people can sign in",
                hint="use it there or through an SSH tunnel; other machines reach /v1 and /api with a key",
            )

    def _check_host(self, scope: Scope, *, wire: bool) -> None:
        headers = headers_of(scope)
        given = headers.get(b"host")
        if given is None or len(headers) != len(scope["headers"]):
            _check_one_host(scope)
        if wire and given in self._met:
            return
        host = (given or b"").decode("latin-1")
        name = _PORT.sub("", host).lower()
        if name in (self._wire_hosts if wire else self._hosts):
            if wire and given and len(self._met) < 100:
                self._met.add(given)
            return
        # An address cannot be rebound, only a name can; load balancers ask by address, too.
        if self._doors.exposed and (wire or scope["path"] in _FROM_ANYWHERE) and _is_address(name):
            return
        raise Forbidden(
            f"Host {host[:100]!r} is not a name of this server",
            hint="open it as http://127.0.0.1, or add the name to server.allowed_hosts",
        )

    def _check_room(self) -> None:
        most = self._doors.max_in_flight
        if self._inside > most:
            raise RateLimited(
                f"{most} requests are under way, as many as this house takes at once",
                hint="try again in a second; limits.in_flight holds this limit",
                retry_after_s=1.0,
            )

    def _check_length(self, headers: dict[bytes, bytes]) -> None:
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._max_body_bytes:
            raise self._too_large()

    async def _whole(self, first: Message, receive: Receive) -> Message:
        """The whole body in one message, read up to its cap; or that the client left."""
        parts: list[bytes] = [first.get("body", b"")]
        size = len(parts[0])
        message = first
        while message.get("more_body", False) and size <= self._max_body_bytes:
            message = await receive()
            if message["type"] != "http.request":
                return message
            parts.append(message.get("body", b""))
            size += len(parts[-1])
        if size > self._max_body_bytes:
            raise self._too_large()
        return {"type": "http.request", "body": b"".join(parts), "more_body": False}

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"The request body is over {self._max_body_bytes / 1e6:g} MB",
            hint="server.max_body_mb holds this limit",
        )


class _Reply:
    """`send` that adds our headers and remembers how far it got."""

    def __init__(self, send: Send, request_id: str, wire: bool, origin: str) -> None:
        self.wire = wire
        self._send = send
        self._request_id = (b"x-inhouse-request-id", request_id.encode())
        self.origin = origin
        """The origin of another page that may read this reply, empty for none."""
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.wire and not self.origin:
                # No browser shows these replies as a page, and every header costs the server time.
                headers = [*message["headers"], _NO_SNIFFING, self._request_id]
                await self._send({"type": message["type"], "status": self.status, "headers": headers})
                return
            present = {key.lower() for key, _value in message["headers"]}
            ours = [pair for pair in _SECURITY_HEADERS if pair[0] not in present]
            ours.append(self._request_id)
            if self.origin:
                ours += allow_headers(self.origin)
            message = {**message, "headers": [*message["headers"], *ours]}
        await self._send(message)

    async def end_with(self, error: InhouseError, words: WireError | None = None) -> None:
        """Send the error, in these words if there are any, unless a reply has begun: then its broken end is
        all that can be said."""
        if self.status is not None:
            return
        if words is None:
            await send_error(self, error)
            return
        status, body, more = words
        await send_reply(self, status, body, "application/json", headers=more)


def is_wire(path: str) -> bool:
    """True for a path of another vendor's protocol."""
    return path.startswith(_WIRE)


def is_loopback(host: str) -> bool:
    """True for an address of this machine itself."""
    return host.startswith("127.") or host == "::1"


def was_forwarded(scope: Scope) -> bool:
    """True when a proxy says that it passes the request on."""
    return not FORWARDED.isdisjoint(headers_of(scope))


def _is_read_by_its_route(path: str) -> bool:
    """True where the body has a cap of its own."""
    return path == _UPLOADS or path.startswith(_BLOBS)


def _check_one_host(scope: Scope) -> None:
    """A request with several may mean one server to whoever passed it on, and another one here.

    Source: RFC 9112, section 3.2.
    """
    count = sum(name == b"host" for name, _value in scope["headers"])
    if count > 1 or (count == 0 and scope.get("http_version") == "1.1"):
        raise BadRequest(
            f"The request has {count} Host headers", hint="send one, with the name of this server"
        )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _check_origin(scope: Scope, *, wire: bool) -> None:
    """An unsafe method must not come from another site's page (OWASP CSRF: verify origin)."""
    origin = header(scope, b"origin")
    site = header(scope, b"sec-fetch-site")
    if not origin and not site:
        return
    try:
        foreign = origin and urlsplit(origin).netloc.lower() != header(scope, b"host").lower()
    except ValueError:  # such as `http://[`, which no browser sends
        foreign = True
    if foreign or site in ("cross-site", "same-site"):
        raise Forbidden(
            f"A page of {(origin or 'another site')[:100]!r} may not do this",
            hint="server.cors_origins lists the origins that may" if wire else "use inhouse's own page",
        )


def _replay(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
