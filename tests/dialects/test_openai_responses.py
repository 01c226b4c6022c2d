"""The responses conversation: items read, the exact order of the stream, and the whole."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.dialects import openai_responses, openai_responses_events
from inhouse.dialects.openai_errors import WrongField
from inhouse.dialects.sse import SseReader
from inhouse.kernel.messages import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    Failed,
    Finished,
    Image,
    ReasoningDelta,
    TextDelta,
    TokenScore,
    Tool,
    ToolCall,
    ToolDelta,
    Usage,
    UsageSeen,
)
from tests.dialects.grammar import deltas

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
DATA = f"data:image/png;base64,{PNG}"
USED = Usage(31, 9, 7, cache_write_tokens=2, reasoning_tokens=4)


def read(**fields: object) -> openai_responses.ResponseAsk:
    """The request read from these fields."""
    return openai_responses.read_request(json.dumps(fields, ensure_ascii=False).encode())


def stream(events: Sequence[ChatEvent], **fields: object) -> list[dict[str, Any]]:
    """The events of an answer as a client parses them; asserts names and numbers."""
    ask = read(**{"input": "hi", **fields})
    writer = openai_responses_events.EventWriter(ask, reply_id="1", model="m", created=5)
    frames = SseReader().read(b"".join(map(writer.write, events)))
    found = [json.loads(frame.data) for frame in frames]
    assert [frame.name for frame in frames] == [event["type"] for event in found]
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


def names(events: Sequence[ChatEvent]) -> list[str]:
    """The names of the events of an answer, without `response.`."""
    return [event["type"].removeprefix("response.") for event in stream(events)]


def test_plain_request() -> None:
    """Text and instructions become two turns; sampling, thinking and limits are read."""
    ask = read(
        input="hi",
        model="m",
        instructions="Be brief.",
        max_output_tokens=9,
        temperature=0.5,
        top_p=0.9,
        reasoning={"effort": "low", "summary": "auto"},
        parallel_tool_calls=False,
        include=["message.output_text.logprobs"],
        store=False,
        stream=True,
        metadata={"a": "b"},
        text={"format": {"type": "json_schema", "name": "city", "schema": {"type": "object"}}},
    )
    assert ask.request == ChatRequest(
        (ChatMessage("system", "Be brief."), ChatMessage("user", "hi")),
        model="m",
        max_tokens=9,
        temperature=0.5,
        top_p=0.9,
        thinking="low",
        parallel_tools=False,
        top_logprobs=0,
        json_schema='{"type": "object"}',
        stream=True,
    )
    assert (ask.effort, ask.summary, ask.schema_name, ask.metadata) == ("low", "auto", "city", '{"a": "b"}')
    assert read(input="hi", text={"format": {"type": "json_object"}}).request.json_object
    assert read(input="hi", top_logprobs=3).request.top_logprobs == 3


def test_items() -> None:
    """What an assistant thought, said and called in one turn is one message; results know their tool."""
    ask = read(
        input=[
            {"role": "developer", "content": "Be brief."},
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "see"},
                    {"type": "input_image", "image_url": DATA, "detail": "auto"},
                ],
            },
            {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'},
            {"type": "function_call", "call_id": "c2", "name": "g", "arguments": ""},
            {"type": "function_call_output", "call_id": "c2", "output": "two"},
            {
                "type": "function_call_output",
                "call_id": "c1",
                "output": [{"type": "input_text", "text": "one"}, {"type": "input_image", "image_url": DATA}],
            },
            {"role": "assistant", "content": "Done."},
        ],
        tools=[{"type": "function", "name": "f", "parameters": {"a": 1}}, {"type": "function", "name": "g"}],
        tool_choice={"type": "function", "name": "g"},
    )
    picture = Image("image/png", PNG)
    assert ask.request.messages == (
        ChatMessage("system", "Be brief."),
        ChatMessage("user", "see", images=(picture,)),
        ChatMessage(
            "assistant",
            "I look.",
            tool_calls=(ToolCall("c1", "f", '{"a":1}'), ToolCall("c2", "g", "{}")),
            reasoning="hm",
        ),
        ChatMessage("tool", "two", tool_call_id="c2", tool_name="g"),
        ChatMessage("tool", "one", images=(picture,), tool_call_id="c1", tool_name="f"),
        ChatMessage("assistant", "Done."),
    )
    assert ask.request.tools == (Tool("f", parameters='{"a": 1}'), Tool("g"))
    assert (ask.request.tool_choice, ask.request.tool_name) == ("required", "g")


def item(**fields: object) -> dict[str, object]:
    """A request with this one item."""
    return {"input": [fields]}


REMOTE = {"type": "input_image", "image_url": "https://a.example/b.png"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"instructions": "x", "input": []}, "input"),
        ({"input": 5}, "input"),
        ({"input": "x", "previous_response_id": "resp_1"}, "previous_response_id"),
        ({"input": "x", "store": True}, "store"),
        ({"input": "x", "background": True}, "background"),
        ({"input": "x", "conversation": "c"}, "conversation"),
        ({"input": "x", "prompt": {"id": "p"}}, "prompt"),
        ({"input": "x", "tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"input": "x", "tools": [{"type": "function"}]}, "tools[0].name"),
        ({"input": "x", "tool_choice": {"type": "mcp"}}, "tool_choice"),
        ({"input": "x", "text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"input": "x", "text": {"format": {"type": "json_schema"}}}, "text.format.schema"),
        ({"input": "x", "reasoning": {"effort": "wild"}}, "reasoning.effort"),
        ({"input": "x", "max_output_tokens": 0}, "max_output_tokens"),
        ({"input": "x", "metadata": 5}, "metadata"),
        (item(type="item_reference", id="x"), "input[0]"),
        (item(type="web_search_call", id="x"), "input[0].type"),
        (item(role="robot", content="x"), "input[0].role"),
        (item(role="user"), "input[0].content"),
        (item(type="function_call", name="f"), "input[0]"),
        (item(type="function_call_output", output="x"), "input[0].call_id"),
        (item(type="function_call_output", call_id="c"), "input[0].output"),
        (item(role="user", content=[{"type": "input_image", "file_id": "f"}]), "input[0].content[0]"),
        (item(role="user", content=[REMOTE]), "input[0].content[0].image_url"),
        (item(role="user", content=[{"type": "input_file", "file_id": "f"}]), "input[0].content[0].type"),
        (item(role="user", content=[{"type": "input_audio"}]), "input[0].content[0]"),
        (item(role="user", content=[{"type": "input_text"}]), "input[0].content[0]"),
        (item(role="system", content=[{"type": "input_image", "image_url": DATA}]), "input[0].content"),
        (item(role="assistant", content=[{"type": "input_image", "image_url": DATA}]), "input[0].content"),
    ],
    ids=lambda value: json.dumps(value)[:70],
)  # fmt: skip
def test_refusals(fields: dict[str, object], field: str) -> None:
    """What needs a memory, a tool of OpenAI's own or a fetched file is refused by the name of its field."""
    with pytest.raises(WrongField) as caught:
        read(**fields)
    assert caught.value.field == field


def test_order_of_a_message() -> None:
    """The events of a plain answer, in OpenAI's order."""
    assert names([TextDelta("a"), TextDelta("b"), UsageSeen(USED), Finished()]) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]


def test_order_of_thoughts_and_calls() -> None:
    """Each item is closed before the next one is added, and every event names its item."""
    events: list[ChatEvent] = [
        ReasoningDelta("hm"),
        TextDelta("I look."),
        ToolDelta(0, "c1", "f", '{"a"'),
        ToolDelta(0, "", "", ":1}"),
        ToolDelta(1, "c2", "g", "{}"),
        Finished("tool_calls"),
    ]
    assert names(events)[2:] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    last = stream(events)[-1]["response"]
    assert [each["type"] for each in last["output"]] == [
        "reasoning",
        "message",
        "function_call",
        "function_call",
    ]
    assert [each["arguments"] for each in last["output"][2:]] == ['{"a":1}', "{}"]
    assert len({each["id"] for each in last["output"]}) == 4
    by_place = {event["output_index"]: event["item"] for event in stream(events) if "item" in event}
    assert [by_place[place] for place in range(4)] == last["output"]


def test_pieces_of_two_calls_may_mix() -> None:
    """A call whose JSON is not whole yet stays open beside the next one, and nothing is lost."""
    events: list[ChatEvent] = [
        ToolDelta(0, "c1", "f", '{"a"'),
        ToolDelta(1, "c2", "g", '{"b":2}'),
        ToolDelta(0, "", "", ":1}"),
        Finished(),
    ]
    output = stream(events)[-1]["response"]["output"]
    assert [(each["call_id"], each["arguments"]) for each in output] == [
        ("c1", '{"a":1}'),
        ("c2", '{"b":2}'),
    ]


def test_whole_answer_repeats_the_request() -> None:
    """The document carries status, usage with its details, and what was asked, in one line of JSON."""
    body = b'{"input":"hi","instructions":"i","metadata":{\n"a":"b"},"tools":[{"type":"function","name":"f",\n"parameters":{\n"a":1}}]}'  # noqa: E501
    ask = openai_responses.read_request(body)
    events: list[ChatEvent] = [TextDelta("a", (TokenScore("a", -0.5),)), UsageSeen(USED), Finished()]
    data = openai_responses_events.write_reply(events, ask, reply_id="1", model="m", created=5)
    reply = json.loads(data)
    assert b"\n" not in data
    assert reply["usage"] == {
        "input_tokens": 31,
        "input_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 2},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 40,
    }
    assert (reply["status"], reply["store"], reply["instructions"]) == ("completed", False, "i")
    assert (reply["metadata"], reply["tools"][0]["parameters"]) == ({"a": "b"}, {"a": 1})
    part = reply["output"][0]["content"][0]
    assert (part["text"], part["logprobs"][0]["logprob"]) == ("a", -0.5)


def test_answer_cut_by_its_limit_is_incomplete() -> None:
    """The last event and the last item say so, with the reason."""
    *_, done, last = stream([TextDelta("a"), Finished("length")])
    assert (last["type"], last["response"]["status"]) == ("response.incomplete", "incomplete")
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert done["item"]["status"] == last["response"]["output"][0]["status"] == "incomplete"


def test_failure_is_the_last_event() -> None:
    """What came before stays in the response, marked as not whole."""
    last = stream([TextDelta("a"), Failed("engine_timeout", "silent", "wait")])[-1]
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")
    assert last["response"]["error"] == {
        "code": "server_error",
        "message": "engine_timeout: silent. hint: wait",
    }
    assert last["response"]["output"][0]["content"][0]["text"] == "a"
    assert last["response"]["output"][0]["status"] == "incomplete"


@settings(max_examples=40)
@given(st.lists(deltas(index=st.integers(0, 2)), max_size=6))
def test_whole_is_the_last_event_of_the_stream(body: list[ChatEvent]) -> None:
    """Streamed and whole are one path, and the pieces of every item add up to it."""
    events: list[ChatEvent] = [*body, Finished()]
    sent = stream(events)
    ask = read(input="hi")
    whole = json.loads(openai_responses_events.write_reply(events, ask, reply_id="1", model="m", created=5))
    assert sent[-1]["response"] == whole
    for place, made in enumerate(whole["output"]):
        pieces = "".join(
            event["delta"] for event in sent if event.get("output_index") == place and "delta" in event
        )
        shown = made.get("arguments") or (made.get("content") or made["summary"])[0]["text"]
        assert pieces == shown
