"""Chat completions as a request: every field read, every wrong one named, and the way back."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.dialects import openai
from inhouse.dialects.openai_errors import WrongField
from inhouse.kernel.messages import ChatMessage, ChatRequest, Image, Tool, ToolCall
from tests.dialects.grammar import counts, words

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
HI = [{"role": "user", "content": "hi"}]
SCHEMA = '{"type": "object", "properties": {"город": {"type": "string"}}}'
WEATHER = {"type": "function", "function": {"name": "weather", "description": "W", "parameters": {"a": 1}}}


def read(body: object) -> ChatRequest:
    """The request read from a body given as values."""
    return openai.read_request(json.dumps(body, ensure_ascii=False).encode())


def asked(**fields: object) -> ChatRequest:
    """The request of one message and these fields."""
    return read({"messages": HI, **fields})


def test_smallest_request() -> None:
    """Nothing but messages: no model, no stream, no value set that was not said."""
    body = json.dumps({"messages": HI}).encode()
    request = openai.read_request(body)
    assert request == ChatRequest((ChatMessage("user", "hi"),), stream=False)
    assert request.original is not None
    assert (request.original.dialect, request.original.body) == ("openai", body)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"model": "m"}, {"model": "m"}),
        ({"model": ""}, {"model": None}),
        ({"stream": True}, {"stream": True}),
        ({"max_tokens": 5}, {"max_tokens": 5}),
        ({"max_tokens": 5, "max_completion_tokens": 7}, {"max_tokens": 7}),
        ({"temperature": 0, "top_p": 0.5, "seed": -1}, {"temperature": 0.0, "top_p": 0.5, "seed": -1}),
        ({"stop": "x"}, {"stop": ("x",)}),
        ({"stop": ["x", "y"]}, {"stop": ("x", "y")}),
        ({"presence_penalty": -2, "frequency_penalty": 2}, {"presence_penalty": -2, "frequency_penalty": 2}),
        ({"top_k": 4, "min_p": 0.1}, {"top_k": 4, "min_p": 0.1}),
        ({"repeat_penalty": 1.1}, {"repeat_penalty": 1.1}),
        ({"repetition_penalty": 1.2}, {"repeat_penalty": 1.2}),
        ({"logprobs": True}, {"top_logprobs": 0}),
        ({"logprobs": True, "top_logprobs": 3}, {"top_logprobs": 3}),
        ({"logprobs": False}, {"top_logprobs": None}),
        ({"response_format": {"type": "text"}}, {"json_schema": None, "json_object": False}),
        ({"response_format": {"type": "json_object"}}, {"json_object": True}),
        ({"response_format": {"type": "json_object", "schema": {"a": 1}}}, {"json_schema": '{"a": 1}'}),
        ({"reasoning_effort": "none"}, {"thinking": "off"}),
        ({"reasoning_effort": "minimal"}, {"thinking": "low"}),
        ({"reasoning_effort": "xhigh"}, {"thinking": "max"}),
        ({"chat_template_kwargs": {"enable_thinking": False}}, {"thinking": "off"}),
        ({"chat_template_kwargs": {"thinking": True}}, {"thinking": "on"}),
        ({"parallel_tool_calls": False}, {"parallel_tools": False}),
        ({"n": 1, "user": "u", "metadata": {"a": "b"}, "store": True, "x": [1]}, {}),
        ({"temperature": None, "tools": None, "stop": None, "tool_choice": None, "n": None}, {}),
    ],
    ids=str,
)
def test_fields(fields: dict[str, object], expected: dict[str, object]) -> None:
    """Each field gives its word of the kernel; what changes nothing is ignored, null is not said."""
    request = asked(**fields)
    assert {name: getattr(request, name) for name in expected} == expected


def test_schema_is_kept_as_it_was_written() -> None:
    """The schema reaches the kernel letter by letter."""
    form = (
        b'{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema": ' + SCHEMA.encode() + b"}}"
    )
    body = b'{"messages":[{"role":"user","content":"x"}],"response_format":' + form + b"}"
    assert openai.read_request(body).json_schema == SCHEMA


def test_tools_and_choices() -> None:
    """Tools with their schema; a choice of none, any or one of them."""
    tool = Tool("weather", "W", '{"a": 1}')
    assert asked(tools=[WEATHER]).tools == (tool,)
    assert asked(tools=[{"type": "function", "function": {"name": "f"}}]).tools == (Tool("f"),)
    named = {"type": "function", "function": {"name": "weather"}}
    chosen = [
        (each.tool_choice, each.tool_name)
        for each in (
            asked(tools=[WEATHER], tool_choice=choice) for choice in ("auto", "none", "required", named)
        )
    ]
    assert chosen == [("auto", ""), ("none", ""), ("required", ""), ("required", "weather")]


def test_conversation_with_tools_and_pictures() -> None:
    """Roles, parts, pictures, calls and results; a result learns the name of its tool from its call."""
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Уфа"}'}}
    address = {"url": f"data:image/PNG;base64,{PNG[:4]}\n{PNG[4:]}", "detail": "low"}
    request = read(
        {
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "system", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "see"},
                        {"type": "image_url", "image_url": address},
                        {"type": "image_url", "image_url": f"data:image/jpeg;x=y;base64,{PNG}"},
                    ],
                },
                {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "hm"},
                {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "-5"}]},
                {"role": "tool", "tool_call_id": "c9", "content": "?", "name": "other"},
                {"role": "assistant", "refusal": "No."},
            ]
        }
    )
    assert request.messages == (
        ChatMessage("system", "Be brief."),
        ChatMessage("system", "a\nb"),
        ChatMessage("user", "see", images=(Image("image/png", PNG), Image("image/jpeg", PNG))),
        ChatMessage(
            "assistant", "", tool_calls=(ToolCall("c1", "weather", '{"city":"Уфа"}'),), reasoning="hm"
        ),
        ChatMessage("tool", "-5", tool_call_id="c1", tool_name="weather"),
        ChatMessage("tool", "?", tool_call_id="c9", tool_name="other"),
        ChatMessage("assistant", "No."),
    )


def part(**fields: object) -> dict[str, object]:
    """A request whose only message has this one part."""
    return {"messages": [{"role": "user", "content": [fields]}]}


def picture(url: str) -> dict[str, object]:
    """A request with this picture."""
    return part(type="image_url", image_url={"url": url})


def turn(**fields: object) -> dict[str, object]:
    """A request whose only message has these fields."""
    return {"messages": [fields]}


def hi(fields: dict[str, object]) -> dict[str, object]:
    """A good message and these fields."""
    return {"messages": HI, **fields}


PART = "messages[0].content[0]"
FORM = "response_format.json_schema.schema"
PICTURE = {"type": "image_url", "image_url": f"data:image/png;base64,{PNG}"}
CALL = {"function": {"name": "f"}}
LISTED = {"type": "function", "function": {"name": "f", "parameters": []}}
NAMED = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "messages", "at least one"),
        ({"messages": []}, "messages", "at least one"),
        ({"messages": "hi"}, "messages", "array"),
        ({"messages": [{"content": "x"}]}, "messages[0]", "role"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "robot"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "int"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "missing"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id", "name the call"),
        (picture("https://a.example/x.png"), f"{PART}.image_url", "not fetched"),
        (picture("file:///etc/passwd"), f"{PART}.image_url", "not fetched"),
        (picture(PNG), f"{PART}.image_url", "not fetched"),
        (picture(f"data:text/html;base64,{PNG}"), f"{PART}.image_url", "not a picture"),
        (picture("data:image/png,abc"), f"{PART}.image_url", "not base64"),
        (picture("data:image/png;base64,%%%"), f"{PART}.image_url", "not base64"),
        (picture("data:image/png;base64,"), f"{PART}.image_url", "empty"),
        (part(type="image_url"), f"{PART}.image_url", "missing"),
        (part(type="input_audio", input_audio={"data": "", "format": "wav"}), PART, "do not hear"),
        (part(type="file", file={"file_id": "f"}), f"{PART}.type", "file"),
        (part(type="text"), f"{PART}.text", "missing"),
        (turn(role="system", content=[PICTURE]), "messages[0].content", "system"),
        (turn(role="user", content="", tool_calls=[CALL]), "messages[0].tool_calls", "only an assistant"),
        (turn(role="assistant", tool_calls=[{"type": "custom"}]), "messages[0].tool_calls[0]", "functions"),
        (hi({"n": 2}), "n", "2 answers"),
        (hi({"modalities": ["text", "audio"]}), "modalities", "spoken"),
        (hi({"audio": {"voice": "x"}}), "modalities", "spoken"),
        (hi({"functions": []}), "functions", "old form"),
        (hi({"web_search_options": {}}), "web_search_options", "search the web"),
        (hi({"temperature": 3}), "temperature", "2.0"),
        (hi({"temperature": "warm"}), "temperature", "float"),
        (hi({"max_tokens": 0}), "max_tokens", "1"),
        (hi({"max_tokens": 10**30}), "max_tokens", "<="),
        (hi({"top_logprobs": 2}), "top_logprobs", "logprobs"),
        (hi({"logprobs": True, "top_logprobs": 21}), "top_logprobs", "20"),
        (hi({"reasoning_effort": "wild"}), "reasoning_effort", "wild"),
        (hi({"tools": [{"type": "custom", "custom": {}}]}), "tools[0].type", "custom"),
        (hi({"tools": [{"type": "function"}]}), "tools[0].function", "missing"),
        (hi({"tools": [{"type": "function", "function": {}}]}), "tools[0].function.name", "name"),
        (hi({"tools": [LISTED]}), "tools[0].function.parameters", "object"),
        (hi({"tool_choice": "required"}), "tool_choice", "needs tools"),
        (hi({"tool_choice": "perhaps"}), "tool_choice", "perhaps"),
        (hi({"tool_choice": NAMED}), "tool_choice", "not among"),
        (hi({"tool_choice": {"type": "allowed_tools"}}), "tool_choice", "allowed_tools"),
        (hi({"response_format": {"type": "xml"}}), "response_format.type", "xml"),
        (hi({"response_format": {"type": "json_schema"}}), FORM, "missing"),
        (hi({"response_format": {"type": "json_schema", "json_schema": {"schema": 5}}}), FORM, "object"),
        (hi({"stream": "yes"}), "stream", "bool"),
    ],
    ids=lambda value: json.dumps(value, ensure_ascii=False)[:60],
)  # fmt: skip
def test_wrong_fields_are_named(body: object, field: str, words: str) -> None:
    """A request that cannot be served names the field and says why."""
    with pytest.raises(WrongField) as caught:
        read(body)
    assert caught.value.field == field
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"<html>",
        b"{} {}",
        b'{"messages":' + b"[" * 200_000,
        b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"messages":[{"role":"user","content":"\xff"}]}',
        b'{"messages":[{"role":"user","content":"\\ud800"}]}',
        b'{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"a":"\xff"}}}]}',
        b'{"messages":[{"role":"user","content":"a"}],"temperature":1e999}',
        b'{"messages":[{"role":"user","content":"a"}],"temperature":NaN}',
        '{"messages":[]}'.encode("utf-16"),
    ],
    ids=lambda value: value[:40].decode("latin-1"),
)
def test_unreadable_bodies_are_refused(body: bytes) -> None:
    """No body at all, broken JSON, JSON nested thousands deep, broken UTF-8: the caller's fault, said so."""
    with pytest.raises(WrongField):
        openai.read_request(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Nothing but `WrongField` is ever raised."""
    with contextlib.suppress(WrongField):
        openai.read_request(body)


names = st.text("abc_1", min_size=1, max_size=6)
objects = st.dictionaries(words, counts | words, max_size=2).map(json.dumps)
images = st.builds(
    Image,
    st.sampled_from(["image/png", "image/jpeg"]),
    st.binary(min_size=1, max_size=9).map(lambda data: base64.b64encode(data).decode()),
)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[ChatMessage, ...]:
    """Turns as a real conversation has them: every result names a call that was made before it."""
    messages: list[ChatMessage] = []
    for turn in range(draw(st.integers(1, 3))):
        text = draw(words | st.just(""))
        messages.append(ChatMessage(draw(st.sampled_from(["system", "user"])), text))
        if draw(st.booleans()):
            pictures = tuple(draw(st.lists(images, min_size=1, max_size=2)))
            messages.append(ChatMessage("user", draw(words | st.just("")), images=pictures))
        made = draw(st.lists(names, max_size=2))
        calls = tuple(ToolCall(f"call_{turn}_{n}", name, draw(objects)) for n, name in enumerate(made))
        said = draw(words | st.just(""))
        messages.append(ChatMessage("assistant", said, tool_calls=calls, reasoning=draw(words | st.just(""))))
        messages += [
            ChatMessage("tool", draw(words), tool_call_id=call.call_id, tool_name=call.name) for call in calls
        ]
    return tuple(messages)


@st.composite
def requests(draw: st.DrawFn) -> ChatRequest:
    """Any request that this dialect can say."""
    tools = tuple(Tool(name, draw(words), draw(objects)) for name in draw(st.sets(names, max_size=2)))
    choices: list[tuple[Any, str]] = [("auto", "")]
    if tools:
        choices += [("none", ""), ("required", ""), ("required", tools[0].name)]
    choice, tool_name = draw(st.sampled_from(choices))
    shares = st.none() | st.floats(0, 1)
    penalties = st.none() | st.floats(-2, 2)
    form = draw(st.sampled_from(["text", "object", "schema"]))
    return ChatRequest(
        messages=draw(conversations()),
        model=draw(names),
        max_tokens=draw(st.none() | st.integers(1, 1 << 20)),
        temperature=draw(st.none() | st.floats(0, 2)),
        stop=tuple(draw(st.lists(words, max_size=2))),
        seed=draw(st.none() | st.integers(-(1 << 63), (1 << 63) - 1)),
        json_schema=draw(objects) if form == "schema" else None,
        json_object=form == "object",
        top_p=draw(shares),
        top_k=draw(st.none() | counts),
        min_p=draw(shares),
        frequency_penalty=draw(penalties),
        presence_penalty=draw(penalties),
        repeat_penalty=draw(st.none() | st.floats(0, 2)),
        tools=tools,
        tool_choice=choice,
        tool_name=tool_name,
        parallel_tools=draw(st.booleans()) if tools else True,
        thinking=draw(st.none() | st.sampled_from(["off", "on", "low", "medium", "high", "max"])),
        top_logprobs=draw(st.none() | st.integers(0, 20)),
        stream=draw(st.booleans()),
    )


@settings(max_examples=80)
@given(requests())
def test_what_is_written_is_read_back(request: ChatRequest) -> None:
    """Our client side and our server side mean the same by every field."""
    body = openai.write_request(request, model=request.model or "", stream=request.stream)
    assert openai.read_chat(body) == (request, request.stream)


def test_openai_itself_gets_only_what_it_knows() -> None:
    """No foreign field, its own name for the limit and for thinking, and no picture from a tool."""
    call = ToolCall("c1", "look", "{}")
    request = ChatRequest(
        (
            ChatMessage("assistant", "", tool_calls=(call,), reasoning="hm"),
            ChatMessage("tool", "seen", images=(Image("image/png", PNG),), tool_call_id="c1"),
        ),
        max_tokens=5,
        top_k=3,
        min_p=0.1,
        repeat_penalty=1.1,
        thinking="max",
    )
    body = json.loads(openai.write_request(request, model="gpt", official=True))
    assert set(body) == {
        "model",
        "messages",
        "stream",
        "stream_options",
        "max_completion_tokens",
        "reasoning_effort",
    }
    assert body["reasoning_effort"] == "xhigh"
    assert [turn["role"] for turn in body["messages"]] == ["assistant", "tool", "user"]
    assert body["messages"][1]["content"] == "seen"
    assert "reasoning_content" not in body["messages"][0]


def test_calls_without_ids_get_them() -> None:
    """Ollama's and Gemini's conversations: a result belongs to the oldest open call of its tool."""
    request = ChatRequest(
        (
            ChatMessage("assistant", "", tool_calls=(ToolCall("", "a", "{}"), ToolCall("", "b", "{}"))),
            ChatMessage("tool", "B", tool_name="b"),
            ChatMessage("tool", "A", tool_name="a"),
            ChatMessage("tool", "?", tool_name="c"),
        )
    )
    turns = json.loads(openai.write_request(request, model="m"))["messages"]
    ids = [call["id"] for call in turns[0]["tool_calls"]]
    assert [turn["tool_call_id"] for turn in turns[1:3]] == ids[::-1]
    assert turns[3]["tool_call_id"] not in ids
