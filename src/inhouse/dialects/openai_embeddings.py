"""`POST /v1/embeddings`, both directions.

OpenAI's own client asks for base64, which is little-endian float32: a third of the bytes of numbers as
text. Every number here has passed through float32 or comes from an engine that computes in less.

Source: OpenAI API reference, embeddings (2026-11).
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import Annotated

import msgspec

from inhouse.dialects.openai_errors import WrongField, decode_body
from inhouse.dialects.status import UNREADABLE
from inhouse.dialects.vectors import fitted
from inhouse.kernel.errors import EngineBroke
from inhouse.kernel.messages import Embeddings, EmbedRequest, Usage

__all__ = ["read_reply", "read_request", "write_reply", "write_request"]

_encode = msgspec.json.Encoder().encode


class _Body(msgspec.Struct):
    input: str | list[str | int | list[int]] | None = None
    model: str | None = None
    encoding_format: str | None = None
    dimensions: Annotated[int, msgspec.Meta(ge=1, le=1 << 20)] | None = None


class _Vector(msgspec.Struct):
    embedding: tuple[float, ...] | str
    index: int = 0


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    total_tokens: int = 0


class _Reply(msgspec.Struct):
    data: list[_Vector]
    usage: _Usage | None = None


_bodies = msgspec.json.Decoder(_Body)
_replies = msgspec.json.Decoder(_Reply)


def read_request(body: bytes) -> tuple[EmbedRequest, bool]:
    """The request, and whether the vectors are wanted as base64.

    Raises:
        WrongField: if the body is not such a request, or holds tokens instead of text.
    """
    wire = decode_body(body, _bodies)
    given = [wire.input] if isinstance(wire.input, str) else wire.input
    if not given:
        raise WrongField("input", "at least one text is needed")
    texts: list[str] = []
    for place, each in enumerate(given):
        if not isinstance(each, str):
            raise WrongField("input", "tokens mean something else to every model", hint="send text")
        if not each:
            field = "input" if isinstance(wire.input, str) else f"input[{place}]"
            raise WrongField(field, "an empty text has no vector")
        texts.append(each)
    form = wire.encoding_format or "float"
    if form not in ("float", "base64"):
        raise WrongField("encoding_format", f"{form[:40]!r} is not known", hint="float or base64")
    request = EmbedRequest(tuple(texts), model=wire.model or None, dimensions=wire.dimensions)
    return request, form == "base64"


def write_request(request: EmbedRequest, *, model: str) -> bytes:
    """The body of `POST /v1/embeddings`; numbers are asked for, as not every engine knows base64."""
    body: dict[str, object] = {"model": model, "input": request.inputs, "encoding_format": "float"}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    return _encode(body)


def write_reply(embeddings: Embeddings, *, model: str, as_base64: bool) -> bytes:
    """The vectors as the reply's body."""
    data = [
        {"object": "embedding", "index": place, "embedding": _packed(vector) if as_base64 else vector}
        for place, vector in enumerate(embeddings.vectors)
    ]
    tokens = embeddings.usage.input_tokens
    usage = _Usage(tokens, tokens)
    return _encode({"object": "list", "data": data, "model": model, "usage": usage})


def read_reply(body: bytes, request: EmbedRequest) -> Embeddings:
    """The vectors of a reply, in the order of the inputs, of length 1 where that was asked for.

    Raises:
        EngineBroke: if it cannot be read, or there are more or fewer vectors than inputs.
        EngineUnfit: if the vectors have another length than was asked for.
    """
    try:
        reply = _replies.decode(body)
        rows = sorted(reply.data, key=lambda row: row.index)
        vectors = [_unpacked(row.embedding) for row in rows]
    except (*UNREADABLE, ValueError, struct.error) as error:
        raise EngineBroke(f"the engine's vectors cannot be read: {error}") from None
    tokens = reply.usage.prompt_tokens if reply.usage else 0
    usage = Usage(tokens, 0) if tokens else Usage(_estimate(request.inputs), 0, estimated=True)
    return fitted(vectors, request, usage)


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _unpacked(vector: tuple[float, ...] | str) -> tuple[float, ...]:
    if not isinstance(vector, str):
        return vector
    data = base64.b64decode(vector, validate=True)
    return struct.unpack(f"<{len(data) // 4}f", data)


def _estimate(texts: Sequence[str]) -> int:
    """The usual four bytes to a token."""
    return sum((len(text.encode("utf-8", "surrogatepass")) + 3) // 4 for text in texts)
