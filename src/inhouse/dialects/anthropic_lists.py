"""Lists of models and counts of tokens in Anthropic's shapes.

Source: Anthropic API reference, models and token counting (2026-11).
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

__all__ = ["WireModel", "read_models", "write_count", "write_model", "write_models", "write_one_model"]

_encode = msgspec.json.Encoder().encode


class WireModel(msgspec.Struct):
    """One entry of `GET /v1/models`. `created_at` is RFC 3339; the epoch where it is not known."""

    id: str
    display_name: str = ""
    created_at: str = "1970-01-01T00:00:00Z"
    max_input_tokens: int | None = None
    max_tokens: int | None = None
    type: str = "model"
    lifecycle: str = "active"


class _Models(msgspec.Struct):
    data: list[WireModel]
    has_more: bool = False
    first_id: str | None = None
    last_id: str | None = None


def read_models(body: bytes) -> list[WireModel]:
    """The models of `GET /v1/models`.

    Raises:
        ValueError: if the body is not such a list.
    """
    return msgspec.json.decode(body, type=_Models).data


def write_models(models: list[WireModel]) -> bytes:
    """All models on one page."""
    first, last = (models[0].id, models[-1].id) if models else (None, None)
    return _encode(_Models(models, first_id=first, last_id=last))


def write_one_model(model: WireModel) -> bytes:
    """The reply of `GET /v1/models/X`."""
    return _encode(model)


def write_model(name: str, *, created: float, context_tokens: int | None) -> WireModel:
    """A model of ours; `created` is UNIX seconds."""
    at = datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return WireModel(name, name, at, max_input_tokens=context_tokens)


def write_count(tokens: int) -> bytes:
    """The reply of `POST /v1/messages/count_tokens`."""
    return _encode({"input_tokens": tokens})
