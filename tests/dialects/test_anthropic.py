"""Anthropic's events: what it sends, cut anywhere, what we send, and the way back."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.dialects import anthropic
from inhouse.kernel.errors import (
    BadRequest,
    EngineBroke,
    EngineError,
    EngineExhausted,
    EngineOverloaded,
    EngineRefused,
    EngineTimeout,
)
from inhouse.kernel.messages import (
    ChatEvent,
    Failed,
    Finished,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    ToolDelta,
    Usage,
    UsageSeen,
)
from tests.dialects.grammar import ENGINE_CODES, counts, deltas, keeps_grammar, words

# As Anthropic's documentation shows it: reasoning with its seal, text, a call with arguments in pieces, one
# without any, and a kind of event that does not exist yet.
RECORDED = (
    "event: message_start\n"
    'data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],'
    '"model":"claude-opus-5","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,'
    '"cache_creation_input_tokens":10,"cache_read_input_tokens":100,"output_tokens":1}}}\n\n'
    "event: content_block_start\n"
    'data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"",'
    '"signature":""}}\n\n'
    'event: ping\ndata: {"type": "ping"}\n\n'
    "event: content_block_delta\n"
    'data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Хм"}}\n\n'
    "event: content_block_delta\n"
    'data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB"}}\n\n'
    'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    "event: content_block_start\n"
    'data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}\n\n'
    "event: content_block_delta\n"
    'data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Смотрю"}}\n\n'
    'event: content_block_stop\ndata: {"type":"content_block_stop","index":1}\n\n'
    "event: content_block_start\n"
    'data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_1",'
    '"name":"weather","input":{}}}\n\n'
    "event: content_block_delta\n"
    'data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}\n\n'
    "event: content_block_delta\n"
    'data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta",'
    '"partial_json":"{\\"city\\":"}}\n\n'
    "event: content_block_delta\n"
    'data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta",'
    '"partial_json":" \\"Paris\\"}"}}\n\n'
    'event: content_block_stop\ndata: {"type":"content_block_stop","index":2}\n\n'
    "event: content_block_start\n"
    'data: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_2",'
    '"name":"now","input":{}}}\n\n'
    'event: content_block_stop\ndata: {"type":"content_block_stop","index":3}\n\n'
    'event: weather_report\ndata: {"type":"weather_report","sky":"blue"}\n\n'
    "event: message_delta\n"
    'data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},'
    '"usage":{"output_tokens":89,"output_tokens_details":{"thinking_tokens":30}}}\n\n'
    'event: message_stop\ndata: {"type":"message_stop"}\n\n'
).encode()
EVENTS: list[ChatEvent] = [
    ReasoningDelta("Хм"),
    ReasoningDelta("", "EqQB"),
    TextDelta("Смотрю"),
    ToolDelta(0, "toolu_1", "weather", ""),
    ToolDelta(0, "", "", '{"city":'),
    ToolDelta(0, "", "", ' "Paris"}'),
    ToolDelta(1, "toolu_2", "now", ""),
    ToolDelta(1, "", "", "{}"),
    UsageSeen(Usage(135, 89, 100, cache_write_tokens=10, reasoning_tokens=30)),
    Finished("tool_calls"),
]


def read_all(data: bytes, size: int | None = None) -> list[ChatEvent]:
    """The events of a whole answer, read in pieces of one size."""
    reader = anthropic.EventReader()
    step = size or len(data) or 1
    events = [event for at in range(0, len(data), step) for event in reader.read(data[at : at + step])]
    return events + reader.end()


def written(events: list[ChatEvent]) -> bytes:
    """The stream of these events."""
    writer = anthropic.EventWriter(reply_id="msg_1", model="m", input_tokens=7, request_id="r1")
    return b"".join(writer.write(event) for event in events)


def frames(data: bytes) -> list[dict[str, Any]]:
    """The `data` of every event; its name must say the same as its type."""
    found = []
    for frame in data.decode().strip().split("\n\n"):
        name, _, body = frame.partition("\n")
        found.append(json.loads(body.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


@pytest.mark.slow
def test_recorded_answer_is_the_same_for_every_cut() -> None:
    """A recorded answer gives the same events for one cut at any byte and byte by byte."""
    assert read_all(RECORDED) == read_all(RECORDED, 1) == EVENTS
    for cut in range(len(RECORDED)):
        reader = anthropic.EventReader()
        assert [*reader.read(RECORDED[:cut]), *reader.read(RECORDED[cut:]), *reader.end()] == EVENTS


@pytest.mark.slow
def test_answer_cut_short_fails_at_every_byte() -> None:
    """An answer that stops before its stop reason was sent always ends in one failure."""
    said_why = RECORDED.index(b"event: message_stop")
    for end in range(len(RECORDED)):
        events = read_all(RECORDED[:end])
        assert keeps_grammar(events)
        assert isinstance(events[-1], Failed if end < said_why else Finished)


@given(st.binary(max_size=300))
def test_garbage_fails_once(data: bytes) -> None:
    """Any bytes at all end in exactly one failure."""
    events = read_all(data)
    assert keeps_grammar(events)
    assert isinstance(events[-1], Failed)


@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from(RECORDED.splitlines(keepends=True)))))
def test_grammar_holds_for_any_mix_of_lines(lines: list[bytes]) -> None:
    """Lines of a real answer in any order, with garbage between them, keep the grammar."""
    assert keeps_grammar(read_all(b"".join(lines), 5))


def test_error_event_carries_the_words_of_anthropic() -> None:
    """An error in the middle becomes `Failed` with the kernel's code and Anthropic's message."""
    data = (
        RECORDED[: RECORDED.index(b"event: content_block_stop")]
        + b'event: error\ndata: {"type":"error",'
        + b'"error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    )
    events = read_all(data)
    assert events[-1] == Failed("engine_overloaded", "Overloaded")
    assert keeps_grammar(events)


@pytest.mark.parametrize(
    ("reason", "kernel"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
    ],
)
def test_every_stop_reason_has_a_meaning(reason: str, kernel: FinishReason) -> None:
    """All stop reasons of the SDK's types, in a whole reply."""
    body = json.dumps({"content": [{"type": "text", "text": "a"}], "stop_reason": reason}).encode()
    assert anthropic.read_reply(body) == [TextDelta("a"), Finished(kernel)]


def test_whole_reply_gives_the_events_of_a_stream() -> None:
    """A reply as one document, with a call and cached tokens."""
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "a"},
        {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}},
        {"type": "server_tool_use", "id": "x", "name": "web_search", "input": {"q": 1}},
    ]
    usage = {"input_tokens": 1, "cache_read_input_tokens": 30, "output_tokens": 5}
    body = json.dumps({"content": content, "stop_reason": "tool_use", "usage": usage}).encode()
    assert anthropic.read_reply(body) == [
        ReasoningDelta("hm", "s"),
        TextDelta("a"),
        ToolDelta(0, "toolu_1", "now", "{}"),
        UsageSeen(Usage(31, 5, 30)),
        Finished("tool_calls"),
    ]
    assert isinstance(anthropic.read_reply(b"{}")[0], Failed)
    assert isinstance(anthropic.read_reply(b"<html>")[0], Failed)


def test_stream_has_the_exact_order_of_events() -> None:
    """Text, then a call: blocks with their numbers, the reason and the usage before the end."""
    events: list[ChatEvent] = [
        TextDelta("a"),
        TextDelta("b"),
        ToolDelta(0, "call_1", "now", ""),
        ToolDelta(0, "", "", "{}"),
        UsageSeen(Usage(40, 5, 30, cache_write_tokens=4, reasoning_tokens=2)),
        Finished("stop"),
    ]
    told = frames(written(events))
    assert [(each["type"], each.get("index")) for each in told] == [
        ("message_start", None),
        ("content_block_start", 0),
        ("content_block_delta", 0),
        ("content_block_delta", 0),
        ("content_block_stop", 0),
        ("content_block_start", 1),
        ("content_block_delta", 1),
        ("content_block_stop", 1),
        ("message_delta", None),
        ("message_stop", None),
    ]
    start = told[0]["message"]
    assert (start["content"], start["stop_reason"], start["usage"]["input_tokens"]) == ([], None, 7)
    assert told[5]["content_block"] == {"type": "tool_use", "id": "call_1", "name": "now", "input": {}}
    assert told[8]["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert told[8]["usage"] == {
        "input_tokens": 6,
        "cache_creation_input_tokens": 4,
        "cache_read_input_tokens": 30,
        "output_tokens": 5,
        "output_tokens_details": {"thinking_tokens": 2},
    }


def test_pieces_without_a_word_open_no_block() -> None:
    """An empty block would be refused by Anthropic when the client sends the conversation back."""
    events: list[ChatEvent] = [ReasoningDelta(""), TextDelta(""), Finished()]
    kinds = [each["type"] for each in frames(written(events))]
    assert kinds == ["message_start", "message_delta", "message_stop"]
    assert json.loads(anthropic.write_reply(events, reply_id="msg_1", model="m"))["content"] == []


def test_failure_in_the_middle_is_an_error_event_with_the_request_id() -> None:
    """The last event is `error`, with the type of its status."""
    told = frames(written([TextDelta("a"), Failed("engine_overloaded", "busy", "wait")]))
    assert told[-1] == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "busy. hint: wait"},
        "request_id": "r1",
    }


def test_calls_that_come_mixed_are_written_one_after_the_other() -> None:
    """Two calls whose pieces alternate become two blocks, each whole."""
    events: list[ChatEvent] = [
        ToolDelta(0, "a", "f", '{"x":'),
        ToolDelta(1, "b", "g", '{"y":'),
        TextDelta("meanwhile"),
        ToolDelta(0, "", "", "1}"),
        ToolDelta(1, "", "", "2}"),
        Finished("tool_calls"),
    ]
    assert read_all(written(events)) == [
        ToolDelta(0, "a", "f", ""),
        ToolDelta(0, "", "", '{"x":'),
        ToolDelta(0, "", "", "1}"),
        ToolDelta(1, "b", "g", ""),
        ToolDelta(1, "", "", '{"y":'),
        ToolDelta(1, "", "", "2}"),
        TextDelta("meanwhile"),
        UsageSeen(Usage(7, 0)),
        Finished("tool_calls"),
    ]


def told(events: list[ChatEvent]) -> list[tuple[str, ...]]:
    """What an answer says, whatever the pieces: texts joined, calls whole."""
    said: list[tuple[str, ...]] = []
    calls: dict[int, int] = {}
    for event in events:
        match event:
            case TextDelta(text=text):
                said.append(("text", text))
            case ReasoningDelta(text=text):
                said.append(("thought", text))
            case ToolDelta(index, call_id, name, arguments) if name:
                calls[index] = len(said)
                said.append(("call", call_id, name, arguments))
            case ToolDelta(index, arguments=arguments):
                kind, call_id, name, before = said[calls[index]]
                said[calls[index]] = (kind, call_id, name, before + arguments)
    joined: list[tuple[str, ...]] = []
    for kind, group in groupby(said, key=lambda each: each[0]):
        pieces = list(group)
        joined += pieces if kind == "call" else [(kind, "".join(each[1] for each in pieces))]
    return joined


def numbered(pieces: list[ChatEvent]) -> list[ChatEvent]:
    """Each call with a number and an id of its own, as real ones have."""
    return [
        replace(each, index=number, call_id=f"c{number}") if isinstance(each, ToolDelta) else each
        for number, each in enumerate(pieces)
    ]


answers = st.lists(deltas(index=st.just(0)), max_size=12).map(numbered)
reasons = st.sampled_from(["stop", "length", "content_filter"])


@settings(max_examples=200)
@given(answers, counts, counts, st.integers(1, 9), reasons, st.booleans())
def test_events_survive_the_way_out_and_back(
    pieces: list[ChatEvent], tokens_in: int, tokens_out: int, size: int, reason: FinishReason, fails: bool
) -> None:
    """What is written and read again in pieces of any size says the same, in the same order."""
    usage = Usage(tokens_in, tokens_out, tokens_in // 3, cache_write_tokens=tokens_in // 4)
    last: ChatEvent = Failed("engine_broke", "gone") if fails else Finished(reason)
    events: list[ChatEvent] = [*pieces, UsageSeen(usage), last]
    back = read_all(written(events), size)
    assert keeps_grammar(back)
    assert told(back[:-1]) == told(pieces)
    called = any(isinstance(each, ToolDelta) for each in pieces)
    expected = Finished("tool_calls") if called and reason == "stop" else Finished(reason)
    assert back[-1] == (last if fails else expected)
    if not fails:
        assert back[-2] == UsageSeen(usage)


@given(answers, counts, counts)
def test_whole_reply_survives_the_way_out_and_back(
    pieces: list[ChatEvent], tokens_in: int, tokens_out: int
) -> None:
    """The same for a reply as one document."""
    usage = Usage(tokens_in, tokens_out)
    events: list[ChatEvent] = [*pieces, UsageSeen(usage), Finished("length")]
    back = anthropic.read_reply(anthropic.write_reply(events, reply_id="msg_1", model="m"))

    def compact(said: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
        return [(*each[:3], json.dumps(json.loads(each[3]))) if each[0] == "call" else each for each in said]

    assert compact(told(back)) == compact(told(pieces))
    assert back[-2:] == [UsageSeen(usage), Finished("length")]


def test_call_with_broken_arguments_is_no_whole_reply() -> None:
    """This protocol has objects there; half of one cannot be said."""
    events: list[ChatEvent] = [ToolDelta(0, "a", "f", '{"x":'), Finished("length")]
    with pytest.raises(EngineBroke, match="`f`"):
        anthropic.write_reply(events, reply_id="msg_1", model="m")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (529, {"type": "overloaded_error", "message": "Overloaded"}, EngineOverloaded),
        (429, {"type": "rate_limit_error", "message": "slow"}, EngineOverloaded),
        (400, {"type": "invalid_request_error", "message": "no"}, EngineRefused),
        (401, {"type": "authentication_error", "message": "no"}, EngineRefused),
        (404, {"type": "not_found_error", "message": "no"}, EngineRefused),
        (504, {"type": "timeout_error", "message": "late"}, EngineTimeout),
        (500, {"type": "api_error", "message": "oops"}, EngineBroke),
        (
            429,
            {
                "type": "rate_limit_error",
                "message": "limit",
                "details": {"error_code": "enforced_spend_limit_reached"},
            },
            EngineExhausted,
        ),
        (
            400,
            {"type": "invalid_request_error", "message": "Your credit balance is too low to access this."},
            EngineExhausted,
        ),
        (402, {"type": "billing_error", "message": "pay"}, EngineExhausted),
    ],
)
def test_errors_become_words_of_the_kernel(
    status: int, body: dict[str, object], kind: type[EngineError]
) -> None:
    """Status, type and error code give the class; a spend limit is not a rate limit."""
    error = anthropic.read_error(status, json.dumps({"type": "error", "error": body}).encode())
    assert type(error) is kind
    assert error.message == body["message"]


def test_rate_limit_says_when() -> None:
    """The header's seconds are kept; what is no error object is shown as text."""
    body = b'{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}'
    error = anthropic.read_error(429, body, retry_after="7")
    assert isinstance(error, EngineOverloaded)
    assert error.retry_after_s == 7
    assert anthropic.read_error(502, b"<html>bad gateway</html>").message == "<html>bad gateway</html>"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (413, "request_too_large"),
        (503, "overloaded_error"),
        (502, "api_error"),
    ],
)
def test_error_object_has_anthropics_types(status: int, kind: str) -> None:
    """The type follows the status."""
    body = json.loads(anthropic.write_error(BadRequest("m"), status=status, request_id="r"))
    assert body == {"type": "error", "error": {"type": kind, "message": "m"}, "request_id": "r"}


@pytest.mark.parametrize("code", ENGINE_CODES)
def test_failures_of_engines_have_a_type(code: str) -> None:
    """Every code of the kernel is an error event that can be read again."""
    events = read_all(written([TextDelta("a"), Failed(code, "m")]))
    assert isinstance(events[-1], Failed)


@given(st.lists(words, max_size=3))
def test_models_survive_the_way_out_and_back(names: list[str]) -> None:
    """A list of models in Anthropic's shape."""
    models = [anthropic.write_model(name, created=0.0, context_tokens=8192) for name in names]
    assert anthropic.read_models(anthropic.write_models(models)) == models
