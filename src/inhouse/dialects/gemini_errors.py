"""Errors of the Gemini API, both ways.

Source: Gemini API, troubleshooting (2026-11); google.rpc.Status with its details.
"""

from __future__ import annotations

from typing import Any

import msgspec

from inhouse.dialects.status import UNREADABLE, engine_error, retry_after_s
from inhouse.kernel.errors import EngineError, InhouseError
from inhouse.kernel.messages import Failed

__all__ = ["read_error", "write_error"]

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_WRONG_KEY = frozenset({"API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED"})
"""Said with status 400, which would look like a wrong request."""
_encode = msgspec.json.Encoder().encode


class _Error(msgspec.Struct):
    code: int | None = None
    message: str = ""
    status: str | None = None
    # Any: each detail has a shape of its own, named in it.
    details: list[dict[str, Any]] = []


class _Envelope(msgspec.Struct):
    error: _Error


def read_error(status: int, body: bytes, *, retry_after: str | None = None) -> EngineError:
    """The fault that a reply with a bad status, or an event of a stream, reports.

    When to come back, and which quota is used up, stand in the details and not in a header.
    """
    try:
        error = msgspec.json.decode(body.strip().removeprefix(b"[").removesuffix(b"]"), type=_Envelope).error
    except UNREADABLE:
        return engine_error(
            status, body[:2000].decode("utf-8", "replace"), retry_after=retry_after_s(retry_after)
        )
    words = {error.status or ""}
    wait = retry_after_s(retry_after)
    for detail in error.details:
        kind = str(detail.get("@type", "")).rpartition(".")[2]
        if kind == "RetryInfo":
            wait = retry_after_s(str(detail.get("retryDelay", "")).removesuffix("s")) or wait
        elif kind == "ErrorInfo" and detail.get("reason") in _WRONG_KEY:
            words.add("authentication_error")
        elif kind == "QuotaFailure" and _of_the_day(detail):
            words.add("insufficient_quota")
    return engine_error(error.code or status, error.message, words=frozenset(words), retry_after=wait)


def _of_the_day(detail: dict[str, Any]) -> bool:
    violations = detail.get("violations")
    return isinstance(violations, list) and any(
        "PerDay" in str(each.get("quotaId", "")) for each in violations if isinstance(each, dict)
    )


def write_error(error: InhouseError | Failed, *, status: int) -> bytes:
    """The error object, for a reply body or an event."""
    message = f"{error.message}. hint: {error.hint}" if error.hint else error.message
    told: dict[str, Any] = {"code": status, "message": message, "status": _STATUSES.get(status, "UNKNOWN")}
    wait = getattr(error, "retry_after_s", None)
    if wait is not None:
        info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{wait:g}s"}
        told["details"] = [info]
    return _encode({"error": told})
