"""The OpenAI dialect's lists of models, both directions, and what llama.cpp adds beside them.

Source: OpenAI API reference, models (2026-11); `max_model_len` as vLLM gives it, `meta` as llama.cpp does.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

__all__ = ["WireModel", "read_models", "read_props", "write_model", "write_models"]

_encode = msgspec.json.Encoder().encode


class _Meta(msgspec.Struct):
    n_ctx: int | None = None
    size: int | None = None


class WireModel(msgspec.Struct, omit_defaults=True):
    """One entry of `/v1/models`; only vLLM and inhouse give `max_model_len`, only llama.cpp gives `meta`."""

    id: str
    owned_by: str | None = None
    max_model_len: int | None = None
    meta: _Meta | None = None
    created: int | float | None = None
    object: str | None = None


class _Models(msgspec.Struct):
    data: list[WireModel]


class _Generation(msgspec.Struct):
    n_ctx: int | None = None


class _Props(msgspec.Struct):
    default_generation_settings: _Generation | None = None


def read_models(body: bytes) -> list[WireModel]:
    """The models of `GET /v1/models`.

    Raises:
        ValueError: if the body is not such a list.
    """
    return msgspec.json.decode(body, type=_Models).data


def read_props(body: bytes) -> int | None:
    """The context of one slot, from llama.cpp's `GET /props`; `n_ctx` elsewhere counts all slots together.

    Raises:
        ValueError: if the body is something else.
    """
    generation = msgspec.json.decode(body, type=_Props).default_generation_settings
    return generation.n_ctx if generation else None


def write_models(models: Iterable[WireModel]) -> bytes:
    """The body of `GET /v1/models`."""
    return _encode({"object": "list", "data": list(models)})


def write_model(model: WireModel) -> bytes:
    """The body of `GET /v1/models/{id}`."""
    return _encode(model)
