"""`POST /rerank`, the client side of the two forms that servers have.

`cohere`: `{model, query, documents, top_n}` gives `{results: [{index, relevance_score}]}`; vLLM, llama.cpp,
Infinity and Jina speak it. `tei`: `{query, texts}` gives `[{index, score}]`, Text Embeddings Inference's own.
A reply is taken whole or not at all: every text has exactly one finite score, or the order stays what it was.

Source: Cohere API reference, rerank (2026-11); TEI's OpenAPI description.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

from inhouse.kernel.errors import EngineBroke

__all__ = ["Form", "read_reply", "write_request"]

Form = Literal["cohere", "tei"]

_encode = msgspec.json.Encoder().encode


class _Result(msgspec.Struct):
    index: int
    relevance_score: float | None = None
    score: float | None = None


class _Reply(msgspec.Struct):
    results: list[_Result] | None = None
    data: list[_Result] | None = None


_replies = msgspec.json.Decoder(_Reply | list[_Result])


def write_request(form: Form, model: str, query: str, texts: Sequence[str]) -> bytes:
    """The body of a request for the scores of all texts."""
    if form == "tei":
        return _encode({"query": query, "texts": list(texts), "truncate": True})
    asked: dict[str, object] = {"query": query, "documents": list(texts), "top_n": len(texts)}
    if model:
        asked["model"] = model
    return _encode(asked)


def read_reply(body: bytes, count: int) -> tuple[float, ...]:
    """The scores in the order of the texts; either form is understood.

    Raises:
        EngineBroke: if it is no such reply, or does not give each of `count` texts one finite score.
    """
    try:
        reply = _replies.decode(body)
    except msgspec.DecodeError as error:
        raise EngineBroke(f"the reranker's reply cannot be read: {error}") from error
    results = reply if isinstance(reply, list) else reply.results or reply.data or []
    scores: dict[int, float] = {}
    for one in results:
        score = one.relevance_score if one.relevance_score is not None else one.score
        if score is None or not math.isfinite(score):
            raise EngineBroke(f"the reranker gave text {one.index} no score")
        if not 0 <= one.index < count or one.index in scores:
            raise EngineBroke(f"the reranker named text {one.index} of {count}, which is none or named twice")
        scores[one.index] = score
    if len(scores) != count:
        raise EngineBroke(f"the reranker scored {len(scores)} of {count} texts")
    return tuple(scores[at] for at in range(count))
