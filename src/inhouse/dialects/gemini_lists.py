"""Lists of models, counts of tokens and vectors in Gemini's shapes.

Source: Gemini API reference v1beta, models, tokens and embeddings (2026-11).
"""

from __future__ import annotations

import msgspec

from inhouse.kernel.messages import Embeddings, Usage

__all__ = [
    "WireModel",
    "read_embeddings",
    "read_models",
    "write_count",
    "write_embeddings",
    "write_model",
    "write_models",
    "write_one_model",
]

_encode = msgspec.json.Encoder().encode


class WireModel(msgspec.Struct, rename="camel", omit_defaults=True):
    """One entry of `GET /v1beta/models`; `name` begins with `models/`."""

    name: str
    display_name: str = ""
    version: str = ""
    description: str = ""
    input_token_limit: int | None = None
    output_token_limit: int | None = None
    supported_generation_methods: list[str] = []
    thinking: bool | None = None


class _Models(msgspec.Struct, rename="camel"):
    models: list[WireModel] = []


class _Vector(msgspec.Struct):
    values: tuple[float, ...]


class _Counts(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None


class _Vectors(msgspec.Struct, rename="camel"):
    embeddings: list[_Vector]
    usage_metadata: _Counts | None = None


def read_models(body: bytes) -> list[WireModel]:
    """The models of `GET /v1beta/models`.

    Raises:
        ValueError: if the body is not such a list.
    """
    return msgspec.json.decode(body, type=_Models).models


def write_models(models: list[WireModel]) -> bytes:
    """All models on one page."""
    return _encode({"models": models})


def write_one_model(model: WireModel) -> bytes:
    """The reply of `GET /v1beta/models/X`."""
    return _encode(model)


def write_model(name: str, *, context_tokens: int | None, chats: bool, embeds: bool) -> WireModel:
    """A model of ours, with the methods that its clients choose it by; some models have both kinds."""
    methods = ["generateContent", "streamGenerateContent", "countTokens"] if chats else []
    methods += ["embedContent", "batchEmbedContents"] if embeds else []
    return WireModel(
        f"models/{name}",
        name,
        "1",
        input_token_limit=context_tokens,
        supported_generation_methods=methods,
    )


def write_count(tokens: int) -> bytes:
    """The reply of `:countTokens`."""
    return _encode({"totalTokens": tokens})


def read_embeddings(body: bytes, *, estimate: int) -> Embeddings:
    """The vectors of `:batchEmbedContents`; `estimate` is how many tokens went in, where it does not say.

    Raises:
        ValueError: if the body holds no vectors.
    """
    found = msgspec.json.decode(body, type=_Vectors)
    counted = found.usage_metadata.prompt_token_count if found.usage_metadata else None
    usage = Usage(estimate, 0, estimated=True) if counted is None else Usage(counted, 0)
    return Embeddings(tuple(each.values for each in found.embeddings), usage)


def write_embeddings(embeddings: Embeddings, *, batch: bool) -> bytes:
    """The reply of `:batchEmbedContents`, or of `:embedContent` with its one vector."""
    vectors = [{"values": each} for each in embeddings.vectors]
    told = {"embeddings": vectors} if batch else {"embedding": vectors[0]}
    return _encode(told | {"usageMetadata": {"promptTokenCount": embeddings.usage.input_tokens}})
