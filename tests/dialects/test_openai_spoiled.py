"""Requests with one value spoiled: read or refused by name, never a fault of ours."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.dialects import openai, openai_completions, openai_embeddings, openai_responses
from inhouse.dialects.openai_errors import WrongField
from tests.dialects.grammar import words

PICTURE = "data:image/png;base64,iVBORw0KGgo="
TEXT = {"type": "text", "text": "x"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CHAT = {
    "model": "m",
    "messages": [
        {"role": "developer", "content": "x"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": PICTURE}],
        },
        {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "x"},
        {"role": "tool", "tool_call_id": "c1", "content": "x"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"a": 1}}}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
    "stream_options": {"include_usage": True},
    "chat_template_kwargs": {"enable_thinking": True},
    "max_tokens": 5,
    "stop": ["x"],
    "seed": 1,
    "logprobs": True,
    "top_logprobs": 2,
    "modalities": ["text"],
}
COMPLETION = {"prompt": ["x"], "model": "m", "stop": ["x"], "logprobs": 1, "stream_options": {}, "n": 1}
EMBEDDING = {"input": ["x", "y"], "model": "m", "dimensions": 3, "encoding_format": "base64"}
RESPONSE = {
    "input": [
        {"role": "user", "content": [{"type": "input_image", "image_url": PICTURE}]},
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "x"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]},
    ],
    "tools": [{"type": "function", "name": "f", "parameters": {"a": 1}}],
    "tool_choice": {"type": "function", "name": "f"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {"a": 1}}},
    "reasoning": {"effort": "low"},
    "include": ["message.output_text.logprobs"],
    "metadata": {"a": "b"},
}
READERS: list[tuple[dict[str, Any], Callable[[bytes], object]]] = [
    (CHAT, openai.read_chat),
    (COMPLETION, openai_completions.read_request),
    (EMBEDDING, openai_embeddings.read_request),
    (RESPONSE, openai_responses.read_request),
]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words | st.just(""),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # Any: JSON of any shape
    """The path of every value in a document."""
    inner = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    found = [path] if path else []
    for key, value in inner:
        found += places(value, (*path, key))
    return found


def spoiled(document: dict[str, Any], path: tuple[Any, ...], value: object) -> bytes:
    """The document with another value at the path."""
    made = copy.deepcopy(document)
    part: Any = made
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return json.dumps(made).encode()


@pytest.mark.parametrize(("document", "read"), READERS, ids=["chat", "completion", "embedding", "response"])
def test_the_whole_document_is_read(document: dict[str, Any], read: Callable[[bytes], object]) -> None:
    """The control: what is spoiled below is good before."""
    read(json.dumps(document).encode())


@pytest.mark.slow
@pytest.mark.parametrize(("document", "read"), READERS, ids=["chat", "completion", "embedding", "response"])
@settings(max_examples=100)
@given(data=st.data())
def test_spoiled_requests_are_refused_by_name(
    document: dict[str, Any], read: Callable[[bytes], object], data: st.DataObject
) -> None:
    """Any value in any place, or a body cut anywhere: it is read, or `WrongField` says what is wrong."""
    path = data.draw(st.sampled_from(places(document)))
    body = spoiled(document, path, data.draw(values))
    if data.draw(st.booleans()):
        body = body[: data.draw(st.integers(0, len(body)))]
    with contextlib.suppress(WrongField):
        read(body)
