"""Vectors in Ollama's dialect: `/api/embed`, and the older `/api/embeddings` with one text.

Source: ollama/ollama v0.33.0-rc2, api/types.go and server/routes.go (2026-10).
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from inhouse.dialects.ollama_request import NOT_SAID, decode_body, read_keep_alive
from inhouse.dialects.status import UNREADABLE
from inhouse.kernel.errors import BadRequest
from inhouse.kernel.messages import Embeddings, EmbedRequest, Usage

__all__ = [
    "read_embed",
    "read_embeddings",
    "read_vector",
    "read_vectors",
    "write_embed",
    "write_embedding",
    "write_vector",
    "write_vectors",
]

_encode = msgspec.json.Encoder().encode


class _Embed(msgspec.Struct):
    model: str | None = None
    input: msgspec.Raw = NOT_SAID
    truncate: bool | None = None
    dimensions: int | None = None
    keep_alive: msgspec.Raw = NOT_SAID
    options: dict[str, msgspec.Raw] | None = None


class _Embedding(msgspec.Struct):
    model: str | None = None
    prompt: str | None = None
    keep_alive: msgspec.Raw = NOT_SAID
    options: dict[str, msgspec.Raw] | None = None


class _Vectors(msgspec.Struct):
    embeddings: list[list[float]]
    prompt_eval_count: int = 0


class _Vector(msgspec.Struct):
    embedding: list[float]


_embed = msgspec.json.Decoder(_Embed).decode
_embedding = msgspec.json.Decoder(_Embedding).decode
_vectors = msgspec.json.Decoder(_Vectors).decode
_vector = msgspec.json.Decoder(_Vector).decode


def read_embed(body: bytes) -> EmbedRequest:
    """The body of `POST /api/embed`. Without an input it asks to load the model.

    Raises:
        BadRequest: if it cannot be understood.
    """
    asked = decode_body(_embed, body)
    if not asked.model:
        raise BadRequest("model is required")
    given = msgspec.json.decode(asked.input) if bytes(asked.input) else None
    if given is None or given == "":
        given = []
    elif isinstance(given, str):
        given = [given]
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise BadRequest("invalid input type")
    return EmbedRequest(
        tuple(given),
        model=asked.model,
        dimensions=asked.dimensions if asked.dimensions and asked.dimensions > 0 else None,
        truncate=asked.truncate is not False,
        keep_alive_s=read_keep_alive(asked.keep_alive),
    )


def read_embeddings(body: bytes) -> EmbedRequest:
    """The body of `POST /api/embeddings`, whose vector is not brought to length 1.

    Raises:
        BadRequest: if it cannot be understood.
    """
    asked = decode_body(_embedding, body)
    if not asked.model:
        raise BadRequest("model is required")
    inputs = (asked.prompt,) if asked.prompt else ()
    return EmbedRequest(
        inputs, model=asked.model, normalise=False, keep_alive_s=read_keep_alive(asked.keep_alive)
    )


def write_embed(request: EmbedRequest, *, model: str) -> bytes:
    """The body of `POST /api/embed`."""
    body: dict[str, Any] = {"model": model, "input": list(request.inputs), "truncate": request.truncate}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    if request.keep_alive_s is not None:
        body["keep_alive"] = -1 if request.keep_alive_s < 0 else request.keep_alive_s
    return _encode(body)


def write_embedding(text: str, request: EmbedRequest, *, model: str) -> bytes:
    """The body of `POST /api/embeddings` for one of the inputs, whose vector keeps its own length."""
    body: dict[str, Any] = {"model": model, "prompt": text}
    if request.keep_alive_s is not None:
        body["keep_alive"] = -1 if request.keep_alive_s < 0 else request.keep_alive_s
    return _encode(body)


def read_vector(body: bytes) -> tuple[float, ...]:
    """The reply of `/api/embeddings`.

    Raises:
        ValueError: if it is no such reply.
    """
    try:
        return tuple(_vector(body).embedding)
    except UNREADABLE as error:
        raise ValueError(f"no vector: {error}") from None


def read_vectors(body: bytes) -> Embeddings:
    """The reply of `/api/embed`, whose rows have length 1.

    Raises:
        ValueError: if it is no such reply.
    """
    try:
        found = _vectors(body)
    except UNREADABLE as error:
        raise ValueError(f"no list of vectors: {error}") from None
    return Embeddings(tuple(map(tuple, found.embeddings)), Usage(found.prompt_eval_count, 0))


def write_vectors(embeddings: Embeddings, *, model: str, total_ns: int = 0, load_ns: int = 0) -> bytes:
    """The reply of `/api/embed`; every row is brought to length 1."""
    body: dict[str, Any] = {"model": model, "embeddings": [_unit(each) for each in embeddings.vectors]}
    counts = {
        "total_duration": total_ns,
        "load_duration": load_ns,
        "prompt_eval_count": embeddings.usage.input_tokens,
    }
    return _encode(body | {name: value for name, value in counts.items() if value > 0})


def write_vector(embeddings: Embeddings) -> bytes:
    """The reply of `/api/embeddings`: one vector as it is, or none."""
    return _encode({"embedding": embeddings.vectors[0] if embeddings.vectors else []})


def _unit(vector: tuple[float, ...]) -> list[float]:
    length = max(math.sqrt(sum(each * each for each in vector)), 1e-12)
    return [each / length for each in vector]
