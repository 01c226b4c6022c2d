"""Cross-origin requests to the wire surfaces, for the pages of exactly these origins.

No credentials are allowed: keys travel in a header that the page sets, never in a cookie. Source: WHATWG
Fetch, section 3.2 "CORS protocol"; WICG Private Network Access for pages that call this machine.
"""

from __future__ import annotations

import re

from inhouse.kernel.errors import Forbidden
from inhouse.serve.wire import Scope, Send, header

__all__ = ["allow_headers", "is_preflight", "send_preflight"]

_EXPOSED = (
    b"x-inhouse-engine, x-inhouse-model, x-inhouse-where, x-inhouse-reason, x-inhouse-estimated,"
    b" x-inhouse-request-id, x-request-id, request-id, retry-after, idempotent-replayed"
)
_METHODS = b"GET, HEAD, POST, DELETE"
_HEADER_NAMES = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+(, ?[A-Za-z0-9!#$%&'*+.^_`|~-]+)*\Z")
_MAX_AGE_S = b"600"


def is_preflight(scope: Scope) -> bool:
    """True for a browser's question before the real request."""
    return (
        scope["method"] == "OPTIONS"
        and header(scope, b"origin") != ""
        and header(scope, b"access-control-request-method") != ""
    )


def allow_headers(origin: str) -> list[tuple[bytes, bytes]]:
    """What every reply to that origin carries."""
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", _EXPOSED),
        (b"vary", b"origin"),
    ]


async def send_preflight(send: Send, scope: Scope, *, allowed: bool) -> None:
    """Answer the browser's question; the headers it asks for are those that vendors' clients send.

    Raises:
        Forbidden: if the page may not ask.
    """
    if not allowed:
        raise Forbidden(
            f"A page of {header(scope, b'origin')[:100]!r} may not do this",
            hint="server.cors_origins lists the origins that may",
        )
    headers = [(b"access-control-allow-methods", _METHODS), (b"access-control-max-age", _MAX_AGE_S)]
    wanted = header(scope, b"access-control-request-headers")
    if len(wanted) <= 2000 and _HEADER_NAMES.match(wanted):
        headers.append((b"access-control-allow-headers", wanted.encode("latin-1")))
    if header(scope, b"access-control-request-private-network") == "true":
        headers.append((b"access-control-allow-private-network", b"true"))
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
