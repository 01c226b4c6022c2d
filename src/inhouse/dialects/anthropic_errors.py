"""Errors of Anthropic's Messages API, both ways.

Source: Anthropic API reference, errors (2026-11).
"""

from __future__ import annotations

import msgspec

from inhouse.dialects.status import UNREADABLE, engine_error, retry_after_s
from inhouse.kernel.errors import EngineError, InhouseError
from inhouse.kernel.messages import Failed

__all__ = ["read_error", "write_error"]

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_encode = msgspec.json.Encoder().encode


class _Details(msgspec.Struct):
    error_code: str | None = None


class _Error(msgspec.Struct):
    type: str | None = None
    message: str = ""
    details: _Details | None = None


class _Envelope(msgspec.Struct):
    error: _Error


def read_error(status: int, body: bytes, *, retry_after: str | None = None) -> EngineError:
    """The fault that a reply with a bad status, or an error event, reports."""
    try:
        error = msgspec.json.decode(body, type=_Envelope).error
    except UNREADABLE:
        return engine_error(status, body[:2000].decode("utf-8", "replace"))
    words = {error.type or "", (error.details and error.details.error_code) or ""}
    return engine_error(status, error.message, words=frozenset(words), retry_after=retry_after_s(retry_after))


def write_error(error: InhouseError | Failed, *, status: int, request_id: str) -> bytes:
    """The error object, for a reply body or an event."""
    message = f"{error.message}. hint: {error.hint}" if error.hint else error.message
    document = {
        "type": "error",
        "error": {"type": _TYPES.get(status, "api_error"), "message": message},
        "request_id": request_id,
    }
    return _encode(document)
