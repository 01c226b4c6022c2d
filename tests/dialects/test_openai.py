"""The OpenAI dialect: what engines send, cut anywhere, and what we send."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.dialects import openai
from inhouse.kernel.errors import (
    EngineBroke,
    EngineError,
    EngineExhausted,
    EngineOverloaded,
    EngineRefused,
    EngineTimeout,
)
from inhouse.kernel.messages import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    Failed,
    Finished,
    ReasoningDelta,
    TextDelta,
    Timing,
    ToolDelta,
    Usage,
    UsageSeen,
)
from tests.dialects.grammar import ENGINE_CODES, counts, deltas, keeps_grammar, words

# As recorded from llama.cpp b10549, shortened.
LLAMA = (
    'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}]}\n\n'
    'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"Отпуск"}}],"model":"m"}\n\n'
    'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":" — 28 дней"}}]}\n\n'
    'data: {"choices":[{"finish_reason":"stop","index":0,"delta":{}}]}\n\n'
    'data: {"choices":[],"usage":{"completion_tokens":5,"prompt_tokens":31,"total_tokens":36,'
    '"prompt_tokens_details":{"cached_tokens":7}},"timings":{"cache_n":0}}\n\n'
    "data: [DONE]\n\n"
).encode()
LLAMA_EVENTS = [TextDelta("Отпуск"), TextDelta(" — 28 дней"), UsageSeen(Usage(31, 5, 7)), Finished()]

HI = ChatRequest((ChatMessage("user", "hi"),))


def read_all(data: bytes, size: int | None = None) -> list[ChatEvent]:
    """The events of a whole answer, read in pieces of one size."""
    reader = openai.EventReader()
    step = size or len(data) or 1
    events = [event for at in range(0, len(data), step) for event in reader.read(data[at : at + step])]
    return events + reader.end()


def one_call_each(body: list[ChatEvent]) -> list[ChatEvent]:
    """The events with every call whole and in a place of its own, as engines give them."""
    calls = itertools.count()
    return [replace(each, index=next(calls)) if isinstance(each, ToolDelta) else each for each in body]


def test_recorded_answer_is_the_same_for_every_cut() -> None:
    """A recorded answer gives the same events for one cut at any byte and byte by byte."""
    assert read_all(LLAMA) == read_all(LLAMA, 1) == LLAMA_EVENTS
    for cut in range(len(LLAMA)):
        reader = openai.EventReader()
        assert [*reader.read(LLAMA[:cut]), *reader.read(LLAMA[cut:]), *reader.end()] == LLAMA_EVENTS


def test_answer_cut_short_fails_at_every_byte() -> None:
    """An answer that stops before its finish reason was sent always ends in a failure, once."""
    said_why = LLAMA.index(b'data: {"choices":[],"usage"')
    for end in range(len(LLAMA)):
        events = read_all(LLAMA[:end])
        assert keeps_grammar(events)
        assert isinstance(events[-1], Failed if end < said_why else Finished)


@given(st.binary(max_size=300))
def test_garbage_fails_once(data: bytes) -> None:
    """Any bytes at all end in exactly one failure."""
    events = read_all(data)
    assert keeps_grammar(events)
    assert isinstance(events[-1], Failed)


@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from(LLAMA.splitlines(keepends=True)))))
def test_grammar_holds_for_any_mix_of_lines(lines: list[bytes]) -> None:
    """Lines of a real answer in any order, with garbage between them, keep the grammar."""
    assert keeps_grammar(read_all(b"".join(lines), 5))


@pytest.mark.parametrize(
    "event",
    [
        b"{",
        b'"text"',
        b"{}",
        b"null",
        b"[]",
        b'{"choices":{}}',
        b'{"choices":[{"delta":{"content":5}}]}',
        b'{"choices":[{"delta":{"content":"\xff"}}]}',
        b'{"x":' + b"[" * 200_000,
        b"[DONE]",
        b"x" * (2 << 20),
    ],
    ids=lambda value: value[:20].decode("latin-1"),
)
def test_unreadable_event_breaks_the_answer(event: bytes) -> None:
    """An event that is no part of an answer ends it with `engine_broke`."""
    (failed,) = read_all(b"data: " + event + b"\n\n")
    assert isinstance(failed, Failed)
    assert failed.code == "engine_broke"


def test_events_after_the_end_are_counted_not_read() -> None:
    """A second `[DONE]` and what follows change nothing."""
    reader = openai.EventReader()
    assert reader.read(LLAMA + LLAMA) == LLAMA_EVENTS
    assert reader.end() == []
    assert reader.ignored == 6


def test_error_event_carries_the_engines_words() -> None:
    """An error in the middle becomes `Failed` with the kernel's code and the engine's message."""
    data = (
        b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
        b'data: {"error":{"message":"slot  gone","type":"unavailable_error"}}\n\n'
    )
    assert read_all(data) == [TextDelta("a"), Failed("engine_overloaded", "slot gone")]
    assert read_all(b'error: {"code":500,"message":"old llama.cpp"}\n\n') == [
        Failed("engine_broke", "old llama.cpp")
    ]


@settings(max_examples=60)
@given(
    st.lists(deltas(index=st.integers(0, 3)), max_size=6),
    st.none()
    | st.builds(
        Usage,
        counts,
        counts,
        counts,
        cache_write_tokens=counts,
        reasoning_tokens=counts,
        estimated=st.just(False),
    ),
    st.one_of(
        st.builds(Finished, st.sampled_from(["stop", "length", "tool_calls", "content_filter"])),
        st.builds(Failed, st.sampled_from(ENGINE_CODES), words.map(str.strip).filter(bool)),
    ),
    st.integers(1, 50),
)
def test_written_events_are_read_back(
    body: list[ChatEvent], usage: Usage | None, last: Finished | Failed, size: int
) -> None:
    """What the writer writes, the reader reads, cut anywhere."""
    events = [*one_call_each(body), *([UsageSeen(usage)] if usage else []), last]
    writer = openai.EventWriter(reply_id="c1", model="m", created=1)
    got = read_all(b"".join(map(writer.write, events)), size)
    if isinstance(last, Failed):
        last = Failed(last.code, " ".join(last.message.split()))
    elif last.reason == "stop" and any(isinstance(event, ToolDelta) for event in events):
        last = Finished("tool_calls")
    assert got == [*events[:-1], last]


def test_reasoning_and_tool_calls_are_read() -> None:
    """Both spellings of reasoning, and a tool call in fragments."""
    chunks: list[dict[str, Any]] = [
        {"reasoning_content": "hm"},
        {"reasoning": "so"},
        {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": '{"a"'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]},
    ]
    lines = [json.dumps({"choices": [{"delta": chunk}]}) for chunk in chunks]
    lines.append(json.dumps({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}))
    assert read_all("".join(f"data: {line}\n\n" for line in lines).encode()) == [
        ReasoningDelta("hm"),
        ReasoningDelta("so"),
        ToolDelta(0, "c", "f", '{"a"'),
        ToolDelta(0, "", "", ":1}"),
        Finished("tool_calls"),
    ]


def test_reply_in_one_piece() -> None:
    """A reply that is no stream gives the same events."""
    body = b'{"choices":[{"message":{"content":"Hi"},"finish_reason":"length"}],"usage":{"prompt_tokens":3}}'
    assert openai.read_reply(body) == [TextDelta("Hi"), UsageSeen(Usage(3, 0)), Finished("length")]
    for bad in (b"", b"{}", b'{"choices":[]}', b"<html>", b"[" * 100_000):
        (failed,) = openai.read_reply(bad)
        assert isinstance(failed, Failed)


def test_request_says_only_what_was_asked() -> None:
    """Unset values are left out; a schema is passed on as it is."""
    assert json.loads(openai.write_request(HI, model="m")) == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    full = ChatRequest(
        HI.messages, max_tokens=5, temperature=0.0, stop=("x",), seed=0, json_schema='{"type":"object"}'
    )
    body = json.loads(openai.write_request(full, model="m", stream=False, ask_usage=False))
    assert (body["max_tokens"], body["temperature"], body["stop"], body["seed"]) == (5, 0.0, ["x"], 0)
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert "stream_options" not in body


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (400, b'{"error":{"message":"long","type":"exceed_context_size_error"}}', EngineRefused, "long"),
        (500, b'{"error":{"message":"no image","type":"invalid_request_error"}}', EngineRefused, "no image"),
        (404, b'{"error":"unknown model"}', EngineRefused, "unknown model"),
        (401, b'{"error":{"message":"Invalid API Key"}}', EngineRefused, "Invalid API Key"),
        (422, b'{"detail":[{"loc":["body"]}]}', EngineRefused, "[{'loc': ['body']}]"),
        (429, b'{"error":{"message":"slow","code":"rate_limit_exceeded"}}', EngineOverloaded, "slow"),
        (429, b'{"error":{"message":"pay","code":"insufficient_quota"}}', EngineExhausted, "pay"),
        (503, b"", EngineOverloaded, "HTTP 503 without an explanation"),
        (504, b"x", EngineTimeout, "x"),
        (500, b"<html>\n oops", EngineBroke, "<html> oops"),
        (302, b"", EngineBroke, "HTTP 302 without an explanation"),
        (500, b"[" * 100_000, EngineBroke, "[" * 500),
    ],
)  # fmt: skip
def test_error_replies(status: int, body: bytes, kind: type[EngineError], message: str) -> None:
    """Every shape of error body becomes the right class with the engine's own words."""
    error = openai.read_error(status, body)
    assert (type(error), error.message) == (kind, message)


def test_retry_after_is_read() -> None:
    """Seconds are understood; a date or nonsense is not."""
    values = []
    for text in ("3", "0.5", "-1", "inf", "soon", None):
        error = openai.read_error(429, b"", retry_after=text)
        assert isinstance(error, EngineOverloaded)
        values.append(error.retry_after_s)
    assert values == [3.0, 0.5, None, None, None, None]


def test_model_lists() -> None:
    """vLLM's and llama.cpp's additions are read, others are ignored."""
    body = b'{"data":[{"id":"a","max_model_len":8192,"owned_by":"vllm"},{"id":"b","meta":{"n_ctx":2048}}]}'
    first, second = openai.read_models(body)
    assert (first.id, first.max_model_len, first.owned_by) == ("a", 8192, "vllm")
    assert second.meta is not None
    assert second.meta.n_ctx == 2048
    with pytest.raises(ValueError, match="data"):
        openai.read_models(b"{}")


def test_timings_of_llama_cpp() -> None:
    """Where its time went comes with the usage; another engine's word of that name breaks nothing."""
    body = b'{"choices":[{"message":{"content":"Hi"}}],"usage":{"prompt_tokens":3},"timings":%s}'
    told = openai.read_reply(body % b'{"prompt_ms":1.5,"predicted_ms":20,"cache_n":0}')
    assert told[1] == UsageSeen(Usage(3, 0), Timing(0, 1_500_000, 20_000_000))
    assert openai.read_reply(body % b'["x"]')[1] == UsageSeen(Usage(3, 0))


@pytest.mark.parametrize("said", [b"1e308", b"-5", b"1e12"])
def test_impossible_timings_say_nothing(said: bytes) -> None:
    """A time that cannot be is no fault of the answer, and none of ours."""
    body = (
        b'{"choices":[{"message":{"content":"Hi"}}],"usage":{"prompt_tokens":3},"timings":{"prompt_ms":%s}}'
    )
    events = openai.read_reply(body % said)
    assert [each.timing for each in events if isinstance(each, UsageSeen)] == [None]
