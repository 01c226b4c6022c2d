"""The few ASGI words this room speaks, and whole replies written without a framework."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import msgspec

from inhouse.kernel.errors import InhouseError, RateLimited

__all__ = [
    "FORWARDED",
    "App",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "WireError",
    "error_body",
    "header",
    "headers_of",
    "retry_after",
    "send_error",
    "send_reply",
]

# Any: the ASGI specification types scopes and messages as open mappings.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
_HEADERS = "inhouse.headers"
WireError = tuple[int, bytes, tuple[tuple[bytes, bytes], ...]]
"""Status, body (JSON) and extra headers of an error in a dialect."""

FORWARDED = frozenset(
    {
        b"x-forwarded-for",
        b"forwarded",
        b"x-real-ip",
        b"via",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"cf-connecting-ip",
    }
)
"""What a proxy adds: the request is somebody else's, wherever it runs. Source: RFC 7239, RFC 9110 section
7.6.3 (Via, which a proxy must send), and custom."""


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """The headers by their lower-case names; of several with one name the first counts.

    They are looked through once in a request, and kept with it.
    """
    found: dict[bytes, bytes] | None = scope.get(_HEADERS)
    if found is None:
        found = scope[_HEADERS] = dict(reversed(scope["headers"]))
    return found


def header(scope: Scope, name: bytes) -> str:
    """The first header of that lower-case name, empty when there is none."""
    return headers_of(scope).get(name, b"").decode("latin-1")


async def send_reply(
    send: Send, status: int, body: bytes, content_type: str, *, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Send a whole reply."""
    head = [
        (b"content-type", content_type.encode()),
        (b"content-length", b"%d" % len(body)),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


def error_body(error: InhouseError) -> bytes:
    """The JSON that every error of every route has."""
    # The same as `house_shapes.ErrorShape`, which the gateway alone must not load.
    words = {"code": error.code, "message": error.message, "hint": error.hint}
    return msgspec.json.encode({"error": words})


async def send_error(send: Send, error: InhouseError, *, status: int | None = None) -> None:
    """Send the error as a whole reply, with its class's status unless another is given."""
    headers = retry_after(error)
    await send_reply(send, status or error.status, error_body(error), "application/json", headers=headers)


def retry_after(error: InhouseError) -> tuple[tuple[bytes, bytes], ...]:
    """When to come again, in whole seconds, where the error says it. Source: RFC 9110, section 10.2.3"""
    if not isinstance(error, RateLimited):
        return ()
    return ((b"retry-after", str(max(1, math.ceil(error.retry_after_s))).encode()),)
