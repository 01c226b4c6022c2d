"""The OpenAI dialect's errors: what engines say, what callers are told, and which field was wrong.

Source: OpenAI API reference, error codes (2026-11); the shapes of other engines are named where they are
read.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from inhouse.dialects.status import UNREADABLE, engine_error, retry_after_s
from inhouse.kernel.errors import (
    BadRequest,
    EngineError,
    EngineRefused,
    InhouseError,
    InternalError,
    NotSupported,
)
from inhouse.kernel.messages import Failed

__all__ = ["WrongField", "decode_body", "error_status", "read_error", "write_error"]

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode

_TOO_LONG = re.compile(r"context (size|length|window|of)|too many tokens|prompt is too long", re.IGNORECASE)
"""How llama.cpp, vLLM, OpenAI and others say that a prompt does not fit, and we; only the words tell it."""

_TYPES = {
    "unauthorized": ("invalid_request_error", "invalid_api_key"),
    "forbidden": ("permission_error", "forbidden"),
    "rate_limited": ("rate_limit_error", "rate_limit_exceeded"),
    "over_budget": ("insufficient_quota", "insufficient_quota"),
    "engine_exhausted": ("insufficient_quota", "insufficient_quota"),
}
"""Our code -> type and code where OpenAI has a code of its own that programs look at."""

_THEIRS = frozenset(
    {"bad_request", "not_found", "conflict", "too_large", "request_error", "request_timeout", "not_supported"}
    | {"idempotency_key_reused", "model_not_found", "unknown_url", "context_length_exceeded"}
)


class WrongField(BadRequest):
    """A field of the request body is wrong; `field` is its path, empty for the body as a whole."""

    def __init__(self, field: str, message: str, *, hint: str = "") -> None:
        super().__init__(f"`{field}`: {message}" if field else message, hint=hint)
        self.field = field


class _ErrorBody(msgspec.Struct):
    message: str = ""
    type: str | None = None
    code: str | int | None = None


def decode_body(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """The request body in its shape.

    Raises:
        WrongField: if it is not JSON, not UTF-8, nested too deeply, or a field has the wrong type.
    """
    if not body.strip():
        raise WrongField("", "The request has no body", hint="send a JSON object")
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        words, _, place = str(error).partition(" - at `$")
        field = place.rstrip("`").lstrip(".")
        raise WrongField(field, words[:1].lower() + words[1:] if field else words) from None
    except RecursionError:
        raise WrongField("", "The request body is nested too deeply") from None
    except UnicodeDecodeError:
        raise WrongField("", "The request body is not UTF-8") from None
    except msgspec.DecodeError as error:
        raise WrongField("", f"The request body is not JSON: {error}") from None


def write_error(error: InhouseError | Failed, *, code: str = "") -> bytes:
    """The error object, for a reply body or an event; `code` replaces the error's own."""
    message = error.message
    if error.hint:
        message += f". hint: {error.hint}"
    code = code or _code(error)
    kind, shown = _TYPES.get(code) or (_type(code), code)
    param = error.field or None if isinstance(error, WrongField) else None
    return _encode({"error": {"message": message, "type": kind, "param": param, "code": shown}})


def error_status(error: InhouseError) -> int:
    """The HTTP status: the error's own, but 400 for a prompt that an engine found too long."""
    return 400 if _code(error) == "context_length_exceeded" else error.status


def _code(error: InhouseError | Failed) -> str:
    if error.code in (EngineRefused.code, NotSupported.code) and _TOO_LONG.search(error.message):
        return "context_length_exceeded"
    return error.code


def _type(code: str) -> str:
    if code == InternalError.code:
        return "server_error"
    return "invalid_request_error" if code in _THEIRS else "api_error"


def read_error(status: int, body: bytes, *, retry_after: str | None = None) -> EngineError:
    """The fault that a reply with a bad status, or an error event, reports.

    Reads OpenAI's object, MLX's plain string, vLLM's flat object and FastAPI's `detail`.
    """
    message, words = _error_words(body)
    return engine_error(status, message, words=words, retry_after=retry_after_s(retry_after))


def _error_words(body: bytes) -> tuple[str, frozenset[str]]:
    try:
        document: Any = msgspec.json.decode(body)  # Any: what an engine puts here is anything at all
    except UNREADABLE:
        return body[:2000].decode("utf-8", "replace"), frozenset()
    if isinstance(document, dict):
        document = document.get("error") or document.get("detail") or document
    if isinstance(document, str):
        return document, frozenset()
    try:
        error = msgspec.convert(document, _ErrorBody)
    except msgspec.ValidationError:
        return str(document), frozenset()
    return error.message or str(document), frozenset({str(error.type), str(error.code)})
