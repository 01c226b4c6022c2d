"""The Ollama dialect: what the engine sends, cut anywhere, and what we send."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.dialects import ollama
from inhouse.kernel.errors import EngineBroke, EngineError, EngineOverloaded, EngineRefused
from inhouse.kernel.messages import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    Failed,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolDelta,
    Usage,
    UsageSeen,
)
from tests.dialects.grammar import ENGINE_CODES, counts, deltas, keeps_grammar, words

ANSWER = (
    '{"model":"q","created_at":"2026-11-01T00:00:00Z","message":{"role":"assistant","content":"",'
    '"thinking":"hm"},"done":false}\n'
    '{"model":"q","message":{"role":"assistant","content":"Отпуск"},"done":false}\n'
    '{"model":"q","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop",'
    '"total_duration":5,"prompt_eval_count":31,"eval_count":5}\n'
).encode()
EVENTS = [ReasoningDelta("hm"), TextDelta("Отпуск"), UsageSeen(Usage(31, 5)), Finished()]

HI = ChatRequest((ChatMessage("user", "hi"),))


def read_all(data: bytes, size: int | None = None) -> list[ChatEvent]:
    """The events of a whole answer, read in pieces of one size."""
    reader = ollama.EventReader()
    step = size or len(data) or 1
    events = [event for at in range(0, len(data), step) for event in reader.read(data[at : at + step])]
    return events + reader.end()


def test_answer_is_the_same_for_every_cut() -> None:
    """One cut at any byte, and byte by byte, gives the same events."""
    assert read_all(ANSWER) == read_all(ANSWER, 1) == EVENTS
    for cut in range(len(ANSWER)):
        reader = ollama.EventReader()
        assert [*reader.read(ANSWER[:cut]), *reader.read(ANSWER[cut:]), *reader.end()] == EVENTS


def test_answer_cut_short_fails_at_every_byte() -> None:
    """An answer without its whole last line always ends in a failure, once."""
    for end in range(len(ANSWER) - 1):
        events = read_all(ANSWER[:end])
        assert keeps_grammar(events)
        assert isinstance(events[-1], Failed)
    assert read_all(ANSWER[:-1]) == EVENTS


@given(st.binary(max_size=300))
def test_garbage_fails_once(data: bytes) -> None:
    """Any bytes at all end in exactly one failure."""
    events = read_all(data)
    assert keeps_grammar(events)
    assert isinstance(events[-1], Failed)


@pytest.mark.parametrize(
    "line",
    [b"{", b"{}", b"[]", b'{"done":"x"}', b'{"message":{"content":5}}', b"[" * 200_000, b"x" * (2 << 20)],
    ids=lambda value: value[:20].decode("latin-1"),
)
def test_unreadable_line_breaks_the_answer(line: bytes) -> None:
    """A line that is no part of an answer ends it with `engine_broke`."""
    (failed,) = read_all(line + b"\n")
    assert isinstance(failed, Failed)
    assert failed.code == "engine_broke"


def test_error_line_carries_the_engines_words() -> None:
    """An error after the first line becomes `Failed`; what follows is counted."""
    reader = ollama.EventReader()
    data = b'{"message":{"content":"a"},"done":false}\n{"error":"runner died"}\n{"done":true}\n'
    assert reader.read(data) == [TextDelta("a"), Failed("engine_broke", "runner died")]
    assert (reader.end(), reader.ignored) == ([], 1)


def test_tool_calls_are_whole_objects() -> None:
    """Arguments come as an object and leave as its JSON text; calls are numbered."""
    call = {"function": {"name": "f", "arguments": {"a": 1}}}
    line = {"message": {"role": "assistant", "content": "", "tool_calls": [call, call]}, "done": False}
    data = json.dumps(line).encode() + b'\n{"done":true,"done_reason":"stop"}\n'
    assert read_all(data) == [
        ToolDelta(0, "", "f", '{"a": 1}'),
        ToolDelta(1, "", "f", '{"a": 1}'),
        Finished("tool_calls"),
    ]


@settings(max_examples=60)
@given(
    st.lists(deltas(index=st.integers(0, 3)), max_size=6),
    st.none() | st.builds(Usage, counts, counts.map(lambda count: count + 1)),  # zeros are left out
    st.one_of(
        st.builds(Finished, st.sampled_from(["stop", "length"])),
        st.builds(Failed, st.sampled_from(ENGINE_CODES), words.map(str.strip).filter(bool)),
    ),
    st.integers(1, 50),
)
def test_written_events_are_read_back(
    body: list[ChatEvent], usage: Usage | None, last: Finished | Failed, size: int
) -> None:
    """What the writer writes, the reader reads, as far as this dialect can say it."""
    events = [*body, *([UsageSeen(usage)] if usage else []), last]
    writer = ollama.EventWriter(model="m", created_at="2026-11-01T00:00:00Z")
    got = read_all(b"".join(map(writer.write, events)), size)
    if isinstance(last, Failed):
        # No code on this wire, and usage only in the line that a failed answer never gets.
        expected: list[ChatEvent] = [*body, Failed("engine_broke", " ".join(last.message.split()))]
    elif last.reason == "stop" and any(isinstance(event, ToolDelta) for event in body):
        expected = [*events[:-1], Finished("tool_calls")]
    else:
        expected = events
    assert got == expected


def test_reply_in_one_piece() -> None:
    """A reply that is no stream gives the same events, also when it is printed over several lines."""
    reply = {"message": {"content": "Hi"}, "done": True, "done_reason": "length", "eval_count": 2}
    expected = [TextDelta("Hi"), UsageSeen(Usage(0, 2)), Finished("length")]
    assert ollama.read_reply(json.dumps(reply).encode()) == expected
    assert ollama.read_reply(json.dumps(reply, indent=1).encode()) == expected
    for bad in (b"", b"{}", b"<html>\n<p>", b'{"message":{"content":"a"}}'):
        events = ollama.read_reply(bad)
        assert keeps_grammar(events)
        assert isinstance(events[-1], Failed)


def test_request_says_only_what_was_asked() -> None:
    """Unset values are left out; sampling stands under `options`, a schema under `format`."""
    assert json.loads(ollama.write_request(HI, model="m")) == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
    }
    full = ChatRequest(HI.messages, max_tokens=5, temperature=0.0, json_schema='{"type":"object"}')
    body = json.loads(ollama.write_request(full, model="m", context_tokens=8192))
    assert body["options"] == {"num_ctx": 8192, "num_predict": 5, "temperature": 0.0}
    assert body["format"] == {"type": "object"}


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (404, b'{"error":"model \'x\' not found"}', EngineRefused, "model 'x' not found"),
        (503, b'{"error":"server busy."}', EngineOverloaded, "server busy."),
        (500, b'{"error":"llama runner died"}', EngineBroke, "llama runner died"),
        (502, b"<html>", EngineBroke, "<html>"),
    ],
)  # fmt: skip
def test_error_replies(status: int, body: bytes, kind: type[EngineError], message: str) -> None:
    """Error replies become the right class with the engine's own words."""
    error = ollama.read_error(status, body)
    assert (type(error), error.message) == (kind, message)


def test_model_lists() -> None:
    """Names, sizes, capabilities and remote models are read; an empty list may be null."""
    local = b'{"name":"q:7b","size":5,"details":{"context_length":9},"capabilities":["completion"]}'
    remote = b'{"name":"g:cloud","remote_host":"https://ollama.com"}'
    body = b'{"models":[' + local + b"," + remote + b"]}"
    first, second = ollama.read_tags(body)
    assert (first.name, first.size, first.capabilities) == ("q:7b", 5, ["completion"])
    assert second.remote_host == "https://ollama.com"
    assert ollama.read_tags(b'{"models":null}') == []
    assert ollama.read_loaded(b'{"models":[{"name":"q:7b","context_length":4096}]}')[0].context_length == 4096
