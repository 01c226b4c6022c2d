"""Vectors in the OpenAI dialect, as numbers and as base64, both directions."""

from __future__ import annotations

import base64
import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.dialects import openai_embeddings
from inhouse.dialects.openai_errors import WrongField
from inhouse.kernel.errors import EngineBroke, EngineUnfit
from inhouse.kernel.messages import Embeddings, EmbedRequest, Usage
from tests.dialects.grammar import words

ONE = EmbedRequest(("a",))


def reply(*rows: object, **more: object) -> bytes:
    """A reply with these vectors."""
    data = [{"object": "embedding", "index": place, "embedding": row} for place, row in enumerate(rows)]
    return json.dumps({"data": data, **more}).encode()


def test_request() -> None:
    """One text or several, the model, the dimensions, and how the vectors are wanted."""
    assert openai_embeddings.read_request(b'{"input":"a"}') == (ONE, False)
    body = {"input": ["a", "ю"], "model": "e", "dimensions": 8, "encoding_format": "base64", "user": "u"}
    assert openai_embeddings.read_request(json.dumps(body).encode()) == (
        EmbedRequest(("a", "ю"), model="e", dimensions=8),
        True,
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": ""}, "input"),
        ({"input": ["a", ""]}, "input[1]"),
        ({"input": [1, 2]}, "input"),
        ({"input": [[1, 2], [3]]}, "input"),
        ({"input": {"a": 1}}, "input"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
    ],
    ids=str,
)
def test_wrong_requests(body: object, field: str) -> None:
    """Tokens, empty texts and unknown forms are refused by name."""
    with pytest.raises(WrongField) as caught:
        openai_embeddings.read_request(json.dumps(body).encode())
    assert caught.value.field == field


@given(st.lists(words, min_size=1, max_size=3), st.none() | st.integers(1, 9))
def test_requests_are_read_back(texts: list[str], dimensions: int | None) -> None:
    """What we ask an engine is what we would understand ourselves."""
    request = EmbedRequest(
        tuple(text.replace("\ud800", "") or "a" for text in texts), "e", dimensions=dimensions
    )
    assert openai_embeddings.read_request(openai_embeddings.write_request(request, model="e")) == (
        request,
        False,
    )


@given(
    st.integers(1, 4).flatmap(
        lambda size: st.lists(
            st.lists(st.floats(-1e3, 1e3, width=32), min_size=size, max_size=size).map(tuple),
            min_size=1,
            max_size=3,
        )
    ),
    st.booleans(),
)
def test_vectors_are_read_back(vectors: list[tuple[float, ...]], as_base64: bool) -> None:
    """Every float32 survives both forms exactly."""
    request = EmbedRequest(("x",) * len(vectors), normalise=False)
    given_ones = Embeddings(tuple(vectors), Usage(5, 0))
    body = openai_embeddings.write_reply(given_ones, model="e", as_base64=as_base64)
    assert openai_embeddings.read_reply(body, request) == given_ones


def test_base64_is_little_endian_float32() -> None:
    """The bytes are what OpenAI's client takes apart."""
    body = json.loads(
        openai_embeddings.write_reply(Embeddings(((1.0, -2.0),), Usage(3, 0)), model="e", as_base64=True)
    )
    assert base64.b64decode(body["data"][0]["embedding"]) == struct.pack("<2f", 1.0, -2.0)
    assert body["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert (body["object"], body["model"], body["data"][0]["object"]) == ("list", "e", "embedding")


def test_rows_get_length_one_and_the_order_of_the_inputs() -> None:
    """Long rows are shortened, rows that are right are left alone, and `index` decides their place."""
    rows = [{"index": 1, "embedding": [0.6, 0.8]}, {"index": 0, "embedding": [3, 4]}]
    found = openai_embeddings.read_reply(json.dumps({"data": rows}).encode(), EmbedRequest(("a", "b")))
    assert found.vectors == ((0.6, 0.8), (0.6, 0.8))
    assert math.isclose(math.hypot(*found.vectors[0]), 1)
    assert found.usage.estimated
    zero = openai_embeddings.read_reply(reply([0, 0]), ONE)
    assert zero.vectors == ((0.0, 0.0),)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<html>",
        reply(),
        reply([1.0], [2.0]),
        reply([]),
        reply("%%%"),
        reply("AAA="),
        reply(base64.b64encode(struct.pack("<f", math.nan)).decode()),
        reply([3.5e38]),
        reply("text"),
        b"[" * 100_000,
    ],
    ids=lambda value: value[:60].decode(),
)
def test_unusable_vectors_are_the_engines_fault(body: bytes) -> None:
    """Too few, too many, empty, not numbers, or beyond all measure."""
    with pytest.raises(EngineBroke):
        openai_embeddings.read_reply(body, ONE)


def test_other_dimensions_than_wanted_are_the_engines_fault() -> None:
    """An engine that ignores `dimensions` must not fill an index with rows of another length."""
    with pytest.raises(EngineUnfit, match="2 dimensions instead of 3"):
        openai_embeddings.read_reply(reply([1.0, 0.0]), EmbedRequest(("a",), dimensions=3))
    with pytest.raises(EngineBroke, match="one length"):
        openai_embeddings.read_reply(reply([1.0], [1.0, 2.0]), EmbedRequest(("a", "b")))
