"""Which kind of engine fault an HTTP status and an error body mean; the same for all dialects here."""

from __future__ import annotations

import msgspec

from inhouse.kernel.errors import (
    EngineBroke,
    EngineError,
    EngineExhausted,
    EngineOverloaded,
    EngineRefused,
    EngineTimeout,
    EngineUnfit,
    EngineUnreachable,
    InhouseError,
)
from inhouse.kernel.messages import Failed

__all__ = ["UNREADABLE", "engine_error", "error_of", "failed_of", "retry_after_s", "status_of"]

_BUSY = frozenset({"rate_limit_error", "rate_limit_exceeded", "overloaded_error", "unavailable_error"})
_QUOTA = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "billing_hard_limit_reached",
        "billing_error",
        "enforced_spend_limit_reached",
        "contract_spend_limit_reached",
        "linked_organization_spend_limit_reached",
    }
)
"""OpenAI's, then Anthropic's words (`error.details.error_code`); the Gemini dialect says the first."""
_EMPTY_ACCOUNT = ("credit balance is too low", "reached your specified API usage limits")
"""Anthropic's messages of a 400 without a word for it."""
_REFUSED = frozenset(
    {
        "invalid_request_error",
        "exceed_context_size_error",
        "context_length_exceeded",
        "not_found_error",
        "authentication_error",
        "permission_error",
        "not_supported_error",
    }
)
_CLASSES: dict[str, type[EngineError]] = {
    each.code: each
    for each in (
        EngineUnreachable,
        EngineTimeout,
        EngineOverloaded,
        EngineExhausted,
        EngineRefused,
        EngineUnfit,
        EngineBroke,
    )
}
_STATUS: dict[str, int] = {}
_tree: list[type[InhouseError]] = [InhouseError]
for _each in _tree:
    _STATUS[_each.code] = _each.status
    _tree += _each.__subclasses__()

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding another program's JSON raises; the last one for brackets nested thousands deep."""

MAX_MESSAGE_CHARS = 500
"""An engine's own words are shown to people; some engines put a whole page there."""


def engine_error(
    status: int, message: str, *, words: frozenset[str] = frozenset(), retry_after: float | None = None
) -> EngineError:
    """The kernel's error for a reply that is not an answer.

    `words` are the machine-readable names in the error body (`type`, `code`); they are believed before
    the status, because engines disagree about statuses (llama.cpp says 500 to a picture it cannot read).
    """
    text = " ".join(message.split())[:MAX_MESSAGE_CHARS] or f"HTTP {status} without an explanation"
    # Another inhouse speaks our own codes.
    for ours in words & _CLASSES.keys():
        return _CLASSES[ours](text)
    if words & _QUOTA or any(each in text for each in _EMPTY_ACCOUNT):
        return EngineExhausted(
            text, hint="the account's quota is used up: top it up, or wait for its next day"
        )
    if status in (401, 403) or "authentication_error" in words:
        return EngineRefused(text, hint="check the key that is configured for this engine")
    if status in (429, 503, 529) or words & _BUSY:
        return EngineOverloaded(text, retry_after_s=retry_after)
    if status in (408, 504):
        return EngineTimeout(text)
    if words & _REFUSED or 400 <= status < 500:
        return EngineRefused(text)
    return EngineBroke(text)


def failed_of(error: EngineError) -> Failed:
    """The same fault as the last event of an answer."""
    return Failed(error.code, error.message, error.hint)


def error_of(failed: Failed, *, engine: str = "") -> EngineError:
    """The same fault as an exception; a code that is not an engine's becomes `engine_broke`."""
    return _CLASSES.get(failed.code, EngineBroke)(failed.message, engine=engine, hint=failed.hint)


def status_of(code: str) -> int:
    """The HTTP status that belongs to a code of ours; 500 for one that is not."""
    return _STATUS.get(code, 500)


def retry_after_s(value: str | None) -> float | None:
    """Seconds from a `Retry-After` header; None when absent or a date, which would need a clock.

    Source: RFC 9110 section 10.2.3.
    """
    try:
        seconds = float(value) if value else None
    except ValueError:
        return None
    return seconds if seconds is not None and 0 <= seconds < float("inf") else None
