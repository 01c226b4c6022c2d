"""Reasoning that Anthropic alone can read: it comes, is kept, and goes back as it was."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from inhouse.dialects import anthropic, gemini, ollama, openai
from inhouse.dialects.openai_answer import gather
from inhouse.kernel.messages import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    Finished,
    ReasoningDelta,
    TextDelta,
    Thought,
    Tool,
    ToolCall,
)

SECRET = "EmwKAhgBEgy"
BLOCKS: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": "Hm.", "signature": "one"},
    {"type": "redacted_thinking", "data": SECRET},
    {"type": "thinking", "thinking": "So.", "signature": "two"},
    {"type": "text", "text": "28 days."},
]
EVENTS: list[ChatEvent] = [
    ReasoningDelta("Hm."),
    ReasoningDelta("", "one"),
    ReasoningDelta("", redacted=SECRET),
    ReasoningDelta("So."),
    ReasoningDelta("", "two"),
    TextDelta("28 days."),
    Finished(),
]
USED = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
TURNS = [
    {"role": "user", "content": "How long?"},
    {"role": "assistant", "content": [*BLOCKS, USED]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "r"}]},
]
ASKED = {
    "model": "m",
    "max_tokens": 64,
    "messages": TURNS,
    "thinking": {"type": "enabled", "budget_tokens": 2048},
    "tools": [{"name": "f", "input_schema": {"type": "object"}}],
}


def read(body: dict[str, Any]) -> ChatRequest:
    """The request, as something that was changed on the way: without its own bytes."""
    return dataclasses.replace(anthropic.read_request(json.dumps(body).encode()), original=None)


def sent(request: ChatRequest) -> list[dict[str, Any]]:
    """The turns that an engine of Anthropic's gets."""
    body = json.loads(anthropic.write_request(request, model="claude-sonnet-4-5"))
    turns: list[dict[str, Any]] = body["messages"]
    return turns


def stream_of(events: list[ChatEvent]) -> bytes:
    """As we write it."""
    writer = anthropic.EventWriter(reply_id="msg_1", model="m", input_tokens=1)
    return b"".join(writer.write(event) for event in events)


def test_a_whole_reply_keeps_every_block() -> None:
    """Read and written, the blocks are the same, in their order."""
    body = json.dumps({"content": BLOCKS, "stop_reason": "end_turn"}).encode()
    events = anthropic.read_reply(body)
    assert ReasoningDelta("", redacted=SECRET) in events
    told = json.loads(anthropic.write_reply(events, reply_id="msg_1", model="m"))
    assert told["content"] == BLOCKS


def test_a_stream_keeps_every_block() -> None:
    """A block of its own, which has no pieces; what we write we read as the same events."""
    data = stream_of(EVENTS)
    starts = [
        json.loads(frame.partition("data: ")[2])
        for frame in data.decode().split("\n\n")
        if frame.startswith("event: content_block_start")
    ]
    assert [each["index"] for each in starts] == [0, 1, 2, 3]
    assert starts[1]["content_block"] == {"type": "redacted_thinking", "data": SECRET}
    reader = anthropic.EventReader()
    again = [*reader.read(data), *reader.end()]
    assert [event for event in again if isinstance(event, ReasoningDelta)] == EVENTS[:5]


def test_a_conversation_goes_back_as_it_was() -> None:
    """Each stretch of reasoning with its own seal, the unreadable one between them, then the call."""
    request = read(ASKED)
    assert request.messages[1].thoughts == (
        Thought("Hm.", "one"),
        Thought(redacted=SECRET),
        Thought("So.", "two"),
    )
    assert sent(request)[1]["content"] == [*BLOCKS, USED]


def test_only_unreadable_reasoning_is_a_seal_as_well() -> None:
    """A call after it may go on thinking, which Anthropic refuses without one."""
    turns = [TURNS[0], {"role": "assistant", "content": [BLOCKS[1], USED]}, TURNS[2]]
    request = read({**ASKED, "messages": turns})
    body = json.loads(anthropic.write_request(request, model="claude-sonnet-4-5"))
    assert body["thinking"]["type"] == "enabled"
    assert body["messages"][1]["content"] == [BLOCKS[1], USED]


def test_a_conversation_that_passes_keeps_it_too() -> None:
    """Bytes that go on as they came lose only what has no seal."""
    hollow = [{"type": "thinking", "thinking": "local"}, {"type": "redacted_thinking", "data": ""}]
    turns = [TURNS[0], {"role": "assistant", "content": [*hollow, *BLOCKS]}]
    request = anthropic.read_request(json.dumps({**ASKED, "messages": turns}).encode())
    assert sent(request)[1]["content"] == BLOCKS


def test_other_engines_neither_get_nor_give_it() -> None:
    """What cannot be read is no word of a conversation elsewhere; no other reply has such a block."""
    request = dataclasses.replace(read(ASKED), tools=(Tool("f"),))
    for body in (
        openai.write_request(request, model="m", stream=True),
        ollama.write_request(request, model="m", context_tokens=None),
        gemini.write_request(request, model="m"),
    ):
        assert SECRET.encode() not in body
    readable = [event for event in EVENTS if not (isinstance(event, ReasoningDelta) and event.redacted)]
    assert gather(EVENTS, "seed") == gather(readable, "seed")
    assert SECRET.encode() not in openai.write_reply(EVENTS, reply_id="r", model="m", created=1)
    assert b"redacted" not in stream_of(readable)


@pytest.mark.parametrize("data", [None, 5, [], ""])
def test_a_block_without_its_secret_is_nothing(data: object) -> None:
    """Such a block would be refused when it is given back."""
    content = [{"type": "redacted_thinking", "data": data}, BLOCKS[3]]
    body = json.dumps({"content": content, "stop_reason": "end_turn"}).encode()
    assert anthropic.read_reply(body) == [TextDelta("28 days."), Finished()]


def test_one_sealed_stretch_needs_no_more() -> None:
    """The two fields of a message say it all; so a message made by hand is sent as before."""
    turn = ChatMessage(
        "assistant", "a", tool_calls=(ToolCall("a", "f", "{}"),), reasoning="Hm.", reasoning_signature="one"
    )
    content = [BLOCKS[0], {"type": "text", "text": "a"}, USED]
    turns = [TURNS[0], {"role": "assistant", "content": content}, TURNS[2]]
    request = read({**ASKED, "messages": turns})
    assert request.messages[1] == turn
    assert sent(request)[1]["content"] == content
