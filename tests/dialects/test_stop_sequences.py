"""Which of the caller's stop sequences ended an answer: said by some engines, told to Anthropic's clients."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inhouse.dialects import anthropic, openai
from inhouse.kernel.messages import ChatEvent, Finished, FinishReason, TextDelta, ToolDelta

STOP = ("END", "\n\n", "STOP")


def told(events: list[ChatEvent], stop: tuple[str, ...] = STOP) -> tuple[str, str | None]:
    """Reason and sequence as a client gets them; the same whole and in a stream."""
    whole = json.loads(anthropic.write_reply(events, reply_id="msg_1", model="m", stop=stop))
    writer = anthropic.EventWriter(reply_id="msg_1", model="m", input_tokens=1, stop=stop)
    data = b"".join(writer.write(event) for event in events).decode()
    frame = next(each for each in data.split("\n\n") if each.startswith("event: message_delta"))
    delta = json.loads(frame.partition("data: ")[2])["delta"]
    assert (delta["stop_reason"], delta["stop_sequence"]) == (whole["stop_reason"], whole["stop_sequence"])
    return whole["stop_reason"], whole["stop_sequence"]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([TextDelta("a"), Finished("stop", "END")], ("stop_sequence", "END")),
        ([TextDelta("a"), Finished("stop", "\n\n")], ("stop_sequence", "\n\n")),
        ([TextDelta("a"), Finished("stop")], ("end_turn", None)),
        ([TextDelta("a"), Finished("stop", "<|im_end|>")], ("end_turn", None)),
        ([TextDelta("a EN"), TextDelta("D"), Finished("stop")], ("stop_sequence", "END")),
        ([TextDelta("a END of it"), Finished("stop")], ("end_turn", None)),
        ([TextDelta("a\n\n"), Finished("stop")], ("end_turn", None)),
        ([TextDelta("a END"), Finished("length")], ("max_tokens", None)),
        ([TextDelta("a"), ToolDelta(0, "c", "f", "{}"), Finished("stop", "END")], ("tool_use", None)),
    ],
)
def test_clients_of_anthropic_are_told(events: list[ChatEvent], expected: tuple[str, str | None]) -> None:
    """What the engine said, if it is one of the caller's; else what was left at the end of the text."""
    assert told(events) == expected


def test_without_stop_sequences_nothing_is_told() -> None:
    """An engine's own are none of the caller's."""
    assert told([TextDelta("END"), Finished("stop", "END")], ()) == ("end_turn", None)


@pytest.mark.parametrize(
    ("more", "reason", "expected"),
    [
        ({"stop_reason": "END"}, "stop", "END"),
        ({"matched_stop": "END"}, "stop", "END"),
        ({"stop_reason": 151643}, "stop", None),
        ({"stop_reason": None, "matched_stop": 2}, "stop", None),
        ({"stop_reason": {"odd": 1}}, "stop", None),
        ({"stop_reason": "END"}, "length", None),
        ({}, "stop", None),
    ],
)
def test_engines_of_openais_dialect_say_it(
    more: dict[str, Any], reason: FinishReason, expected: str | None
) -> None:
    """vLLM and SGLang, streamed and whole; anything else in that place breaks no answer."""
    choice = {"index": 0, "finish_reason": reason, **more}
    whole = {"choices": [{**choice, "message": {"content": "a"}}]}
    assert openai.read_reply(json.dumps(whole).encode()) == [TextDelta("a"), Finished(reason, expected)]
    reader = openai.EventReader()
    chunk = json.dumps({"choices": [{**choice, "delta": {"content": "a"}}]})
    events = [*reader.read(f"data: {chunk}\n\ndata: [DONE]\n\n".encode()), *reader.end()]
    assert events == [TextDelta("a"), Finished(reason, expected)]


def test_anthropic_says_it() -> None:
    """In a whole reply and in the last event but one of a stream; what we write we read."""
    body = {"content": [], "stop_reason": "stop_sequence", "stop_sequence": "END"}
    assert anthropic.read_reply(json.dumps(body).encode()) == [Finished("stop", "END")]
    writer, reader = (
        anthropic.EventWriter(reply_id="msg_1", model="m", input_tokens=1, stop=STOP),
        anthropic.EventReader(),
    )
    data = writer.write(TextDelta("a")) + writer.write(Finished("stop", "END"))
    assert [*reader.read(data), *reader.end()][-1] == Finished("stop", "END")
