"""What is asked of Anthropic: each generation of its models, schemas, and requests that pass as they came."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.dialects import anthropic
from inhouse.dialects.anthropic_models import manners_of
from inhouse.dialects.anthropic_schema import output_schema
from inhouse.kernel.errors import BadRequest, EngineRefused
from inhouse.kernel.messages import ChatMessage, ChatRequest, Image, Thinking, Tool, ToolCall
from tests.dialects.grammar import words

ASK = ChatRequest((ChatMessage("user", "hi"),))
OLD, MIDDLE, NEW = "claude-sonnet-4-5-20250929", "claude-opus-4-7", "claude-opus-5-5"


def written(request: ChatRequest, model: str = OLD) -> dict[str, Any]:
    """The body that is sent."""
    body: dict[str, Any] = json.loads(anthropic.write_request(request, model=model))
    return body


@pytest.mark.parametrize(
    ("model", "sampling", "adaptive", "off", "forced"),
    [
        ("claude-3-5-sonnet-20241022", True, False, "omit", True),
        ("claude-haiku-4-5", True, False, "omit", True),
        ("claude-sonnet-4-5-20250929", True, False, "omit", True),
        ("claude-opus-4-6", True, True, "omit", True),
        ("claude-opus-4-7", False, True, "omit", True),
        ("claude-mythos-preview", False, True, None, False),
        ("claude-sonnet-5", False, True, "disabled", True),
        ("claude-fable-5", False, True, None, True),
        ("claude-fable-5-1", False, True, None, False),
        ("claude-opus-5-5", False, True, None, False),
        ("claude-sonnet-5-5", False, True, "between_tools", False),
        ("claude-haiku-5-5", False, True, None, False),
        ("claude-next", False, True, None, False),
    ],
)
def test_each_generation_has_its_manners(
    model: str, sampling: bool, adaptive: bool, off: str | None, forced: bool
) -> None:
    """What the migration guides say a model takes; an unknown one is taken for the newest."""
    manners = manners_of(model)
    assert (manners.sampling, manners.adaptive, manners.off, manners.forced_tools) == (
        sampling,
        adaptive,
        off,
        forced,
    )
    assert manners.default_tokens == (4096 if sampling else 16384)


@pytest.mark.parametrize(
    ("model", "thinking", "expected", "effort"),
    [
        (OLD, None, None, None),
        (OLD, "off", None, None),
        (OLD, "low", {"type": "enabled", "budget_tokens": 1024}, None),
        (MIDDLE, "on", {"type": "adaptive", "display": "summarized"}, None),
        (MIDDLE, "max", {"type": "adaptive", "display": "summarized"}, "max"),
        ("claude-sonnet-5", "off", {"type": "disabled"}, None),
        ("claude-sonnet-5-5", "off", {"type": "between_tools"}, None),
        (NEW, "off", None, "low"),
    ],
)
def test_thinking_is_asked_for_in_the_models_own_way(
    model: str, thinking: Thinking | None, expected: dict[str, Any] | None, effort: str | None
) -> None:
    """A budget for older models, an effort for newer ones; off where a model can be told so."""
    body = written(ChatRequest(ASK.messages, thinking=thinking, max_tokens=100), model)
    assert body.get("thinking") == expected
    assert body.get("output_config", {}).get("effort") == effort
    budget = (expected or {}).get("budget_tokens", 0)
    assert body["max_tokens"] == 100 + budget


def test_system_goes_out_of_the_messages_and_turns_alternate() -> None:
    """Any order of roles becomes turns of user and assistant; empty ones are left out."""
    messages = (
        ChatMessage("system", "a"),
        ChatMessage("user", "one"),
        ChatMessage("system", "b"),
        ChatMessage("user", "two", (Image("image/png", "AA=="),)),
        ChatMessage("assistant", ""),
        ChatMessage("assistant", "yes"),
    )
    body = written(ChatRequest(messages))
    assert body["system"] == "a\n\nb"
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant"]
    assert [block["type"] for block in body["messages"][0]["content"]] == ["text", "image", "text"]


roles = st.sampled_from(["system", "user", "assistant", "tool"])
calls = st.builds(ToolCall, words, words, st.just('{"a":1}'))
turns = st.builds(
    ChatMessage, roles, words, tool_calls=st.lists(calls, max_size=2).map(tuple), tool_call_id=words
)


@given(st.lists(turns, min_size=1, max_size=8))
def test_any_conversation_keeps_the_rules(messages: list[ChatMessage]) -> None:
    """Roles alternate, ids are unique and of the allowed letters."""
    body = written(ChatRequest(tuple(messages)))
    said = [turn["role"] for turn in body["messages"]]
    assert all(one != two for one, two in pairwise(said))
    blocks = [block for turn in body["messages"] for block in turn["content"]]
    ids = [block["id"] for block in blocks if block["type"] == "tool_use"]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", each) for each in ids)
    results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    assert len(set(results)) == len(results)
    assert set(results) <= set(ids)


@pytest.mark.parametrize("arguments", ["[1]", "{", '"text"'])
def test_arguments_that_are_no_object_are_refused(arguments: str) -> None:
    """A conversation that Anthropic would refuse is refused by name."""
    turn = ChatMessage("assistant", "", tool_calls=(ToolCall("a", "f", arguments),))
    with pytest.raises(EngineRefused, match="`f`"):
        written(ChatRequest((*ASK.messages, turn)))
    with pytest.raises(EngineRefused, match="no JSON schema"):
        written(ChatRequest(ASK.messages, tools=(Tool("f", "", arguments),)))


def test_tools_and_their_choice() -> None:
    """Forced, forbidden, one at a time; in words where a model may not be forced."""
    tools = (Tool("f", "does", '{"properties":{}}'),)
    body = written(ChatRequest(ASK.messages, tools=tools, tool_choice="required", parallel_tools=False))
    assert body["tools"] == [
        {"name": "f", "description": "does", "input_schema": {"type": "object", "properties": {}}}
    ]
    assert body["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    body = written(ChatRequest(ASK.messages, tools=tools, tool_choice="none"))
    assert body["tool_choice"] == {"type": "none"}
    body = written(ChatRequest(ASK.messages, tools=tools, parallel_tools=False))
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    body = written(ChatRequest(ASK.messages, tools=tools, tool_choice="required", tool_name="f"), NEW)
    assert "tool_choice" not in body
    assert body["system"] == "Call the tool `f` now."


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}, "required": ["a"]},
            {
                "type": "object",
                "properties": {"a": {"type": "integer"}},
                "additionalProperties": False,
                "required": ["a"],
            },
        ),
        (
            {"type": "array", "items": {"oneOf": [{"const": 1}, {"type": "string", "format": "uuid"}]}},
            {"type": "array", "items": {"anyOf": [{"const": 1}, {"type": "string", "format": "uuid"}]}},
        ),
        ({"$defs": {"x": {"type": "null"}}, "$ref": "#/$defs/x"}, None),
        ({"type": "object"}, "open"),
        ({"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}, "open"),
        ({"type": "array"}, "open"),
        (True, "open"),
        ({}, "open"),
    ],
)
def test_schemas_are_said_as_far_as_they_can_be_enforced(schema: Any, expected: Any) -> None:
    """Bounds are left out; what leaves open what may come is given up, and said in words."""
    found = output_schema(json.dumps(schema))
    if expected == "open":
        assert found is None
        body = written(ChatRequest(ASK.messages, json_schema=json.dumps(schema)))
        assert "output_config" not in body
        assert json.dumps(schema) in body["system"]
    else:
        assert found == (expected or schema)


def test_a_request_of_this_dialect_passes_as_it_came() -> None:
    """Markers of the cache and the order of blocks stay; the model is ours; unsealed thoughts go."""
    content = [
        {"type": "thinking", "thinking": "local", "signature": ""},
        {"type": "thinking", "thinking": "theirs", "signature": "s"},
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
    ]
    came = {
        "model": "alias",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": content}],
        "service_tier": "auto",
    }
    request = anthropic.read_request(json.dumps(came).encode())
    body = written(request, "claude-opus-5-5")
    assert body == {
        **came,
        "model": "claude-opus-5-5",
        "stream": True,
        "messages": [came["messages"][0], {"role": "assistant", "content": content[1:]}],  # type: ignore[index]
    }


def test_calls_without_a_seal_turn_thinking_off() -> None:
    """Anthropic refuses to think on after a call whose reasoning it did not seal itself."""
    called = ChatMessage("assistant", "", tool_calls=(ToolCall("a", "f", "{}"),), reasoning="local")
    told = ChatMessage("tool", "r", tool_call_id="a")
    body = written(ChatRequest((*ASK.messages, called, told), thinking="high"))
    assert "thinking" not in body
    body = written(ChatRequest((*ASK.messages, called, told, ChatMessage("user", "and?")), thinking="high"))
    assert body["thinking"]["type"] == "enabled"


@given(st.binary(max_size=200))
def test_garbage_is_a_bad_request(body: bytes) -> None:
    """Any bytes at all are refused with words."""
    with pytest.raises(BadRequest):
        anthropic.read_request(body)
