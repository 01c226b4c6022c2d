"""What is asked of Gemini: generations, seals, schemas, and requests that pass as they came."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.dialects import gemini
from inhouse.dialects.gemini_names import camel
from inhouse.dialects.gemini_schema import json_schema
from inhouse.dialects.gemini_write_request import NO_SEAL
from inhouse.kernel.errors import BadRequest, EngineRefused
from inhouse.kernel.messages import (
    ChatMessage,
    ChatRequest,
    EmbedRequest,
    Image,
    Thinking,
    Tool,
    ToolCall,
)
from tests.dialects.grammar import words

ASK = ChatRequest((ChatMessage("user", "hi"),))


def written(request: ChatRequest, model: str = "gemini-2.5-flash") -> dict[str, Any]:
    """The body that is sent."""
    body: dict[str, Any] = json.loads(gemini.write_request(request, model=model))
    return body


@pytest.mark.parametrize(
    ("model", "thinking", "expected"),
    [
        ("gemini-2.5-flash", None, None),
        ("gemini-2.5-flash", "off", {"thinkingBudget": 0}),
        ("gemini-2.5-pro", "off", {"thinkingBudget": 128}),
        ("gemini-2.5-pro", "low", {"thinkingBudget": 2048, "includeThoughts": True}),
        ("gemini-2.5-pro", "on", {"thinkingBudget": -1, "includeThoughts": True}),
        ("gemini-3-flash", "off", {"thinkingLevel": "minimal"}),
        ("gemini-3-pro", "off", {"thinkingLevel": "low"}),
        ("gemini-3-pro", "max", {"thinkingLevel": "high", "includeThoughts": True}),
        ("gemini-pro-latest", "on", {"includeThoughts": True}),
    ],
)
def test_thinking_is_asked_for_in_the_models_own_way(
    model: str, thinking: Thinking | None, expected: dict[str, Any] | None
) -> None:
    """A budget for 2.5, a level from 3 on; Pro models cannot be kept from thinking."""
    body = written(ChatRequest(ASK.messages, thinking=thinking), model)
    assert body.get("generationConfig", {}).get("thinkingConfig") == expected


def test_everything_has_its_place() -> None:
    """System, sampling, schema, tools and pictures, in Google's names."""
    request = ChatRequest(
        (ChatMessage("system", "s"), ChatMessage("user", "q", (Image("image/png", "AA=="),))),
        max_tokens=9,
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        stop=("x",),
        seed=1,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        json_schema='{"type":"array"}',
        top_logprobs=2,
        tools=(Tool("f", "does"),),
        tool_choice="none",
    )
    assert written(request) == {
        "contents": [
            {
                "role": "user",
                "parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}, {"text": "q"}],
            }
        ],
        "systemInstruction": {"parts": [{"text": "s"}]},
        "generationConfig": {
            "temperature": 0.5,
            "topP": 0.9,
            "topK": 3,
            "maxOutputTokens": 9,
            "stopSequences": ["x"],
            "seed": 1,
            "presencePenalty": 0.1,
            "frequencyPenalty": 0.2,
            "responseMimeType": "application/json",
            "responseJsonSchema": {"type": "array"},
            "responseLogprobs": True,
            "logprobs": 2,
        },
        "tools": [
            {"functionDeclarations": [{"name": "f", "description": "does", "parametersJsonSchema": {}}]}
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "NONE"}},
    }
    assert written(ChatRequest(ASK.messages, json_object=True))["generationConfig"] == {
        "responseMimeType": "application/json"
    }


def test_calls_of_other_models_are_sealed_from_gemini_3_on() -> None:
    """The first call of each turn gets Google's own word for none; older models get nothing."""
    called = ChatMessage(
        "assistant", "", tool_calls=(ToolCall("a", "f", "{}"), ToolCall("b", "g", '{"x":1}'))
    )
    results = (ChatMessage("tool", "1", tool_call_id="b"), ChatMessage("tool", '{"y":2}', tool_call_id="a"))
    request = ChatRequest((*ASK.messages, called, *results))
    contents = written(request, "gemini-3-pro")["contents"]
    assert [part.get("thoughtSignature") for part in contents[1]["parts"]] == [NO_SEAL, None]
    assert [part["functionResponse"] for part in contents[2]["parts"]] == [
        {"name": "g", "response": {"result": "1"}},
        {"name": "f", "response": {"y": 2}},
    ]
    parts = written(request)["contents"][1]["parts"]
    assert all("thoughtSignature" not in part for part in parts)


def test_a_request_of_this_dialect_passes_as_it_came() -> None:
    """Safety settings stay, names are Google's, and calls of other models are sealed."""
    came = {
        "contents": [
            {"role": "user", "parts": [{"text": "q"}]},
            {"role": "model", "parts": [{"function_call": {"name": "f", "args": {"my_arg": 1}}}]},
        ],
        "safetySettings": [{"category": "X", "threshold": "Y"}],
    }
    request = gemini.read_request(json.dumps(came).encode(), model="m", stream=True)
    body = written(request, "gemini-3-pro")
    assert body["safetySettings"] == came["safetySettings"]
    assert body["contents"][1]["parts"] == [
        {"functionCall": {"name": "f", "args": {"my_arg": 1}}, "thoughtSignature": NO_SEAL}
    ]
    assert "thoughtSignature" not in written(request)["contents"][1]["parts"][0]


def test_arguments_that_are_no_object_are_refused() -> None:
    """A conversation that Google would refuse is refused by name."""
    turn = ChatMessage("assistant", "", tool_calls=(ToolCall("a", "f", "[1]"),))
    with pytest.raises(EngineRefused, match="`f`"):
        written(ChatRequest((*ASK.messages, turn)))


roles = st.sampled_from(["system", "user", "assistant", "tool"])
turns = st.builds(ChatMessage, roles, words, tool_call_id=words)


@given(st.lists(turns, min_size=1, max_size=8))
def test_turns_alternate(messages: list[ChatMessage]) -> None:
    """Whatever the order of roles, user and model take turns, and no word is lost."""
    contents = written(ChatRequest(tuple(messages)))["contents"]
    said = [content["role"] for content in contents]
    assert all(one != two for one, two in pairwise(said))
    assert sum(len(content["parts"]) for content in contents) == sum(
        message.role != "system" for message in messages
    )


@pytest.mark.parametrize(
    ("given_schema", "expected"),
    [
        (
            {
                "type": "OBJECT",
                "properties": {"a": {"type": "STRING", "nullable": True, "enum": ["x"]}},
                "propertyOrdering": ["a"],
            },
            {
                "type": "object",
                "properties": {"a": {"type": ["string", "null"], "enum": ["x", None]}},
            },
        ),
        (
            {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "2"},
            {"type": "array", "items": {"type": "integer"}, "minItems": 2},
        ),
        (
            {"any_of": [{"type": "NUMBER"}], "nullable": True},
            {"anyOf": [{"type": "number"}, {"type": "null"}]},
        ),
        ({"type": "TYPE_UNSPECIFIED", "nullable": True}, {}),
        ({"type": "object", "properties": {"type": {"type": "string"}}}, None),
    ],
)
def test_googles_schemas_become_json_schemas(given_schema: Any, expected: Any) -> None:
    """Types in small letters, null as a type; a property may be called `type`."""
    assert json_schema(given_schema) == (given_schema if expected is None else expected)


def test_names_are_told_in_one_spelling() -> None:
    """Names of the protocol only: the caller's own arguments and schemas keep theirs."""
    body = b'{"generation_config":{"response_schema":{"a_b":1}},"x":[{"args":{"c_d":2},"top_k":1}]}'
    assert json.loads(camel(body)) == {
        "generationConfig": {"responseSchema": {"a_b": 1}},
        "x": [{"args": {"c_d": 2}, "topK": 1}],
    }
    assert camel(b"{}") == b"{}"


def test_vectors_are_asked_for_in_one_batch() -> None:
    """One request per text, each with the model's name."""
    body = json.loads(gemini.write_embed_request(EmbedRequest(("a", "b"), dimensions=3), model="e"))
    assert body["requests"] == [
        {"model": "models/e", "outputDimensionality": 3, "content": {"parts": [{"text": text}]}}
        for text in ("a", "b")
    ]
    read = gemini.read_embed_request(json.dumps(body).encode(), model="e", batch=True)
    assert read == EmbedRequest(("a", "b"), model="e", dimensions=3)
    for wrong in (0, -1):
        asked = json.dumps({"content": {"parts": [{"text": "a"}]}, "outputDimensionality": wrong}).encode()
        with pytest.raises(BadRequest, match=f"outputDimensionality: {wrong} is less than 1"):
            gemini.read_embed_request(asked, model="e", batch=False)


@pytest.mark.parametrize(
    ("config", "thinking"),
    [
        ({}, None),
        ({"thinkingBudget": 0}, "off"),
        ({"thinkingBudget": -1}, "on"),
        ({"thinkingBudget": 1000}, "low"),
        ({"thinkingBudget": 10000}, "medium"),
        ({"thinkingBudget": 30000}, "high"),
        ({"thinkingLevel": "MEDIUM"}, "medium"),
        ({"thinkingLevel": "xhigh"}, "max"),
        ({"includeThoughts": True}, "on"),
    ],
)
def test_thinking_is_read(config: dict[str, Any], thinking: Thinking | None) -> None:
    """Budgets and levels as the kernel's words; showing thoughts is a wish of its own."""
    body = {"contents": [{"parts": [{"text": "q"}]}], "generationConfig": {"thinkingConfig": config}}
    data = json.dumps(body).encode()
    assert gemini.read_request(data, model="m", stream=False).thinking == thinking
    assert gemini.wants_thoughts(data) is bool(config.get("includeThoughts"))


@given(st.binary(max_size=200))
def test_garbage_is_a_bad_request(body: bytes) -> None:
    """Any bytes at all are refused with words."""
    for read in (
        lambda: gemini.read_request(body, model="m", stream=False),
        lambda: gemini.read_count_request(body, model="m"),
        lambda: gemini.read_embed_request(body, model="m", batch=True),
    ):
        with pytest.raises(BadRequest):
            read()
