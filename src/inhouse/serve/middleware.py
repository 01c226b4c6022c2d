"""What every request passes before any route sees it, as plain ASGI.

In order: a request id; the Host header (against DNS rebinding); the origin of unsafe methods (against
other sites' pages); the size of the body. On the way out: security headers, and an error shape for
whatever went wrong. The query is never logged, for it holds questions.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Collection
from urllib.parse import urlsplit

import structlog

from inhouse.kernel.errors import Forbidden, InhouseError, InternalError, TooLarge
from inhouse.serve.wire import App, Message, Receive, Scope, Send, header, send_error

__all__ = ["CONTENT_SECURITY_POLICY", "Door"]

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
_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_PORT = re.compile(r":\d{1,5}\Z")
_POLLED = ("/app/state", "/app/jobs/", "/health", "/static/")
"""Asked every few seconds: good replies are logged at level debug only."""
_UPLOADS = "/app/uploads"

_log = structlog.get_logger("inhouse.http")


class Door:
    """Wraps the whole application. `failures` counts the requests that were our fault."""

    def __init__(self, app: App, *, max_body_bytes: int, allowed_hosts: Collection[str] = ()) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._hosts = _LOOPBACK_NAMES | {name.lower() for name in allowed_hosts}
        self.failures = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        if scope["type"] != "http":
            return
        given = header(scope, b"x-inhouse-request-id")
        request_id = given if _REQUEST_ID.match(given) else secrets.token_hex(16)
        scope.setdefault("state", {})["request_id"] = request_id
        reply = _Reply(send, request_id)
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._answer(scope, receive, reply)
            quiet = scope["path"].startswith(_POLLED) and (reply.status or 500) < 400
            (_log.debug if quiet else _log.info)(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=reply.status,
                ms=round((time.perf_counter() - started) * 1000, 1),
            )

    async def _answer(self, scope: Scope, receive: Receive, reply: _Reply) -> None:
        try:
            self._check_host(scope)
            _check_origin(scope)
            body = await self._body(scope, receive)
            await self._app(scope, body, reply)
        except InhouseError as error:
            if reply.status is not None:
                _log.error("reply cut", path=scope["path"], code=error.code, reason=error.message)
            await reply.end_with(error)
        except Exception:  # noqa: BLE001  the outermost one: the caller gets a shape, the log gets the reason
            self.failures += 1
            _log.exception("request failed", path=scope["path"], failures=self.failures)
            await reply.end_with(
                InternalError(
                    "Something went wrong inside inhouse", hint="the log line with this request id says more"
                )
            )

    def _check_host(self, scope: Scope) -> None:
        host = header(scope, b"host")
        if _PORT.sub("", host).lower() not in self._hosts:
            raise Forbidden(
                f"Host {host[:100]!r} is not a name of this server",
                hint="open it as http://127.0.0.1, or add the name to server.allowed_hosts",
            )

    async def _body(self, scope: Scope, receive: Receive) -> Receive:
        """The body read up to its cap and replayed; uploads have their own cap and are not read here."""
        if scope["method"] not in _UNSAFE or scope["path"] == _UPLOADS:
            return receive
        length = header(scope, b"content-length")
        if length.isdigit() and int(length) > self._max_body_bytes:
            raise self._too_large()
        parts: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return _replay(message, receive)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            more = message.get("more_body", False)
            if size > self._max_body_bytes:
                raise self._too_large()
        return _replay({"type": "http.request", "body": b"".join(parts), "more_body": False}, receive)

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"The request body is over {self._max_body_bytes / 1e6:g} MB",
            hint="server.max_body_mb holds this limit",
        )


class _Reply:
    """`send` that adds our headers and remembers how far it got."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            present = {key.lower() for key, _value in message["headers"]}
            ours = [pair for pair in _SECURITY_HEADERS if pair[0] not in present]
            ours.append((b"x-inhouse-request-id", self._request_id.encode()))
            message = {**message, "headers": [*message["headers"], *ours]}
        await self._send(message)

    async def end_with(self, error: InhouseError) -> None:
        """Send the error, unless a reply has begun: then its broken end is all that can be said."""
        if self.status is None:
            await send_error(self, error)


def _check_origin(scope: Scope) -> None:
    """An unsafe method must not come from another site's page (OWASP CSRF: verify origin)."""
    if scope["method"] not in _UNSAFE:
        return
    origin = header(scope, b"origin")
    site = header(scope, b"sec-fetch-site")
    foreign = origin and urlsplit(origin).netloc.lower() != header(scope, b"host").lower()
    if foreign or site in ("cross-site", "same-site"):
        raise Forbidden(
            f"A page of {(origin or 'another site')[:100]!r} may not do this", hint="use inhouse's own page"
        )


def _replay(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
