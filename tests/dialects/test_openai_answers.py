"""Answers in the OpenAI dialect: the order of a stream, the whole, calls, scores, usage and errors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.dialects import openai, openai_completions
from inhouse.dialects.openai_errors import WrongField
from inhouse.kernel import errors
from inhouse.kernel.messages import (
    Alternative,
    ChatEvent,
    ChatMessage,
    Failed,
    Finished,
    ReasoningDelta,
    TextDelta,
    TokenScore,
    ToolDelta,
    Usage,
    UsageSeen,
)
from tests.dialects.grammar import counts, deltas, words

USED = Usage(31, 9, 7, cache_write_tokens=2, reasoning_tokens=4)
USAGE = {
    "prompt_tokens": 31,
    "completion_tokens": 9,
    "total_tokens": 40,
    "prompt_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 4},
}


def stream(events: Sequence[ChatEvent], *, include_usage: bool = True) -> list[Any]:
    """The data of each event that is written, parsed; `[DONE]` as it is."""
    writer = openai.EventWriter(reply_id="chatcmpl-1", model="m", created=5, include_usage=include_usage)
    return frames(b"".join(map(writer.write, events)))


def frames(data: bytes) -> list[Any]:
    """The data of each event."""
    found = []
    for block in data.decode().removesuffix("\n\n").split("\n\n"):
        text = block.removeprefix("data: ")
        found.append(text if text == "[DONE]" else json.loads(text))
    return found


def test_stream_in_its_order() -> None:
    """Role first, then text, the reason with an empty delta, the usage without choices, and `[DONE]`."""
    first, second, last, usage, done = stream([TextDelta("a"), TextDelta("ю"), UsageSeen(USED), Finished()])
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5, "model": "m"}
    for chunk in (first, second, last):
        assert {name: chunk[name] for name in head} == head
        assert chunk["usage"] is None
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "a"}
    assert second["choices"] == [
        {"index": 0, "delta": {"content": "ю"}, "logprobs": None, "finish_reason": None}
    ]
    assert last["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
    assert usage == {**head, "choices": [], "usage": USAGE}
    assert done == "[DONE]"


def test_usage_only_where_it_was_asked_for() -> None:
    """Without `include_usage` no chunk speaks of usage."""
    chunks = stream([TextDelta("a"), UsageSeen(USED), Finished("length")], include_usage=False)
    assert [chunk if chunk == "[DONE]" else set(chunk) for chunk in chunks[1:]] == [
        {"id", "object", "created", "model", "choices"},
        "[DONE]",
    ]


def test_empty_answer_still_has_its_role() -> None:
    """An answer of nothing is one chunk with role, empty text and reason."""
    chunk, _done = stream([Finished("content_filter")])
    assert chunk["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunk["choices"][0]["finish_reason"] == "content_filter"


def test_call_names_itself_once() -> None:
    """Id, name and type stand in the first piece of a call only; the reason becomes `tool_calls`."""
    chunks = stream(
        [
            ReasoningDelta("hm"),
            ReasoningDelta("", "seal"),
            ToolDelta(0, "c1", "f", ""),
            ToolDelta(0, "c1", "f", '{"a"'),
            ToolDelta(0, "", "", ":1}"),
            ToolDelta(1, "c2", "g", "{}"),
            Finished(),
        ]
    )
    thought = chunks[0]["choices"][0]["delta"]
    assert (thought["role"], thought["content"], thought["reasoning"]) == ("assistant", None, "hm")
    assert thought["reasoning_content"] == "hm"
    calls = [chunk["choices"][0]["delta"]["tool_calls"][0] for chunk in chunks[1:5]]
    assert calls == [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a"'}},
        {"index": 0, "function": {"arguments": ":1}"}},
        {"index": 1, "id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
    assert chunks[5]["choices"][0]["finish_reason"] == "tool_calls"


def test_call_without_arguments_gets_an_empty_object() -> None:
    """A client reads the arguments as JSON: they are never empty, streamed or whole."""
    events: list[ChatEvent] = [ToolDelta(0, "c1", "now", ""), Finished()]
    calls = [chunk["choices"][0]["delta"].get("tool_calls") for chunk in stream(events)[:3]]
    assert [call and call[0]["function"]["arguments"] for call in calls] == ["", "{}", None]
    whole = json.loads(openai.write_reply(events, reply_id="c", model="m", created=5))
    assert whole["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_calls_get_a_place_and_an_id_of_their_own() -> None:
    """An engine that repeats an index with another id means another call; one without ids gets some."""
    events: list[ChatEvent] = [ToolDelta(0, "x", "f", "{}"), ToolDelta(0, "y", "f", "{}"), Finished()]
    calls = [chunk["choices"][0]["delta"]["tool_calls"][0] for chunk in stream(events)[:2]]
    assert [(call["index"], call["id"]) for call in calls] == [(0, "x"), (1, "y")]
    events = [ToolDelta(0, "", "f", "{}"), ToolDelta(1, "", "f", "{}"), Finished()]
    ids = [chunk["choices"][0]["delta"]["tool_calls"][0]["id"] for chunk in stream(events)[:2]]
    assert len({*ids, ""}) == 3
    whole = json.loads(openai.write_reply(events, reply_id="chatcmpl-1", model="m", created=5))
    assert [call["id"] for call in whole["choices"][0]["message"]["tool_calls"]] == ids


def test_whole_answer() -> None:
    """The same events as one document; text is null beside calls, as OpenAI has it."""
    events: list[ChatEvent] = [
        ReasoningDelta("hm"),
        ToolDelta(0, "c1", "f", '{"a"'),
        ToolDelta(0, "", "", ":1}"),
        UsageSeen(USED),
        Finished("tool_calls"),
    ]
    reply = json.loads(openai.write_reply(events, reply_id="chatcmpl-1", model="m", created=5))
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    message = {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "reasoning_content": "hm",
        "reasoning": "hm",
        "tool_calls": [call],
    }
    assert reply == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 5,
        "model": "m",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls"}],
        "usage": USAGE,
    }


@settings(max_examples=40)
@given(st.lists(deltas(index=st.integers(0, 1)), max_size=5), st.none() | st.builds(Usage, counts, counts))
def test_whole_answer_is_read_back(body: list[ChatEvent], usage: Usage | None) -> None:
    """Reading the whole gives the text, thoughts, calls and usage of the events."""
    text = "".join(event.text for event in body if isinstance(event, TextDelta))
    thought = "".join(event.text for event in body if isinstance(event, ReasoningDelta))
    events: list[ChatEvent] = [*body, *([UsageSeen(usage)] if usage else []), Finished()]
    read = openai.read_reply(openai.write_reply(events, reply_id="c-1", model="m", created=1))
    assert [event.text for event in read if isinstance(event, TextDelta)] == ([text] if text else [])
    assert [event.text for event in read if isinstance(event, ReasoningDelta)] == (
        [thought] if thought else []
    )
    assert [event.usage for event in read if isinstance(event, UsageSeen)] == ([usage] if usage else [])
    called = any(isinstance(event, ToolDelta) for event in body)
    assert read[-1] == Finished("tool_calls" if called else "stop")


SCORES = (
    TokenScore("Да", -0.5, (Alternative("Да", -0.5), Alternative("Нет", -1.5))),
    TokenScore("!", float("-inf")),
)


def test_scores_go_through_and_back() -> None:
    """Log-probabilities with their bytes and alternatives; what JSON cannot say becomes -9999."""
    writer = openai.EventWriter(reply_id="c", model="m", created=1)
    events: list[ChatEvent] = [TextDelta("Да!", SCORES), Finished()]
    data = b"".join(map(writer.write, events))
    first = frames(data)[0]["choices"][0]["logprobs"]["content"]
    assert first[0]["bytes"] == list("Да".encode())
    assert [each["token"] for each in first[0]["top_logprobs"]] == ["Да", "Нет"]
    certain = (SCORES[0], TokenScore("!", -9999.0))
    assert openai.EventReader().read(data)[0] == TextDelta("Да!", certain)
    whole = openai.write_reply(events, reply_id="c", model="m", created=1)
    assert openai.read_reply(whole)[0] == TextDelta("Да!", certain)


def test_engines_own_scores() -> None:
    """vLLM scores tokens that add no text yet, llama.cpp says null for a probability of zero."""
    chunk = {"delta": {"content": ""}, "logprobs": {"content": [{"token": "\\xd0", "logprob": None}]}}
    data = f"data: {json.dumps({'choices': [chunk]})}\n\n".encode()
    assert openai.EventReader().read(data) == [TextDelta("", (TokenScore("\\xd0", -9999.0),))]


def test_refusal_is_text() -> None:
    """What a model says instead of an answer is what it says."""
    data = b'{"choices":[{"message":{"content":null,"refusal":"No."},"finish_reason":"stop"}]}'
    assert openai.read_reply(data)[0] == TextDelta("No.")


LONG = "request (20031 tokens) exceeds the available context size (2048 tokens)"


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (errors.BadRequest("x"), 400, "invalid_request_error", "bad_request"),
        (errors.Unauthorized("x"), 401, "invalid_request_error", "invalid_api_key"),
        (errors.Forbidden("x"), 403, "permission_error", "forbidden"),
        (errors.NotFound("x"), 404, "invalid_request_error", "not_found"),
        (errors.RequestTimeout("x"), 408, "invalid_request_error", "request_timeout"),
        (errors.Conflict("x"), 409, "invalid_request_error", "conflict"),
        (errors.TooLarge("x"), 413, "invalid_request_error", "too_large"),
        (errors.KeyReused("x"), 422, "invalid_request_error", "idempotency_key_reused"),
        (errors.RateLimited("x"), 429, "rate_limit_error", "rate_limit_exceeded"),
        (errors.OverBudget("x"), 429, "insufficient_quota", "insufficient_quota"),
        (errors.InternalError("x"), 500, "server_error", "internal_error"),
        (errors.EngineBroke("x"), 502, "api_error", "engine_broke"),
        (errors.EngineUnreachable("x"), 502, "api_error", "engine_unreachable"),
        (errors.EngineUnfit("x"), 502, "api_error", "engine_unfit"),
        (errors.EngineRefused("x"), 502, "api_error", "engine_refused"),
        (errors.EngineRefused(LONG), 400, "invalid_request_error", "context_length_exceeded"),
        (errors.NoEngine("x"), 503, "api_error", "no_engine"),
        (errors.EngineOverloaded("x"), 503, "api_error", "engine_overloaded"),
        (errors.ShuttingDown("x"), 503, "api_error", "shutting_down"),
        (errors.EngineTimeout("x"), 504, "api_error", "engine_timeout"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_errors(error: errors.InhouseError, status: int, kind: str, code: str) -> None:
    """Every error of the house has a status, a type and a code that this vendor's clients know."""
    body = json.loads(openai.write_error(error))["error"]
    assert openai.error_status(error) == status
    assert body == {"message": error.message, "type": kind, "param": None, "code": code}


def test_error_says_the_field_and_the_way_out() -> None:
    """`param` is the wrong field, and the hint stands behind the message."""
    error = WrongField("n", "2 answers", hint="ask twice")
    body = json.loads(openai.write_error(error))["error"]
    assert (body["param"], body["message"]) == ("n", "`n`: 2 answers. hint: ask twice")


def test_failure_after_the_first_word_is_an_error_event() -> None:
    """The stream ends with the error object, after the usage, and without `[DONE]`."""
    chunks = stream([TextDelta("a"), UsageSeen(USED), Failed("engine_timeout", "silent", "wait")])
    assert chunks[1]["usage"] == USAGE
    assert chunks[2]["error"]["code"] == "engine_timeout"
    assert chunks[2]["error"]["message"] == "silent. hint: wait"
    assert len(chunks) == 3


def complete(**fields: object) -> bytes:
    """The body of a completion."""
    return json.dumps({"prompt": "Say hi", **fields}).encode()


def test_completion_request() -> None:
    """The prompt becomes one turn; a list of one text is that text."""
    options = {"include_usage": True}
    body = complete(model="m", max_tokens=5, stop=["x"], logprobs=2, stream=True, stream_options=options)
    request, include_usage = openai_completions.read_request(body)
    assert request.messages == (ChatMessage("user", "Say hi"),)
    assert (request.max_tokens, request.stop, request.top_logprobs, request.stream) == (5, ("x",), 2, True)
    assert include_usage
    assert openai_completions.read_request(complete(prompt=["a"]))[0].messages[0].content == "a"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": [[1, 2]]}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"suffix": "end"}, "suffix"),
        ({"echo": True}, "echo"),
        ({"n": 2}, "n"),
        ({"best_of": 3}, "best_of"),
        ({"logprobs": 99}, "logprobs"),
    ],
)
def test_completion_refusals(fields: dict[str, object], field: str) -> None:
    """What needs the bare prompt, or several answers, is refused by name."""
    with pytest.raises(WrongField) as caught:
        openai_completions.read_request(complete(**fields))
    assert caught.value.field == field


def test_completion_answers() -> None:
    """Text and scores, streamed and whole; thoughts have no place here."""
    events: list[ChatEvent] = [
        ReasoningDelta("hm"),
        TextDelta("Да!", SCORES),
        UsageSeen(USED),
        Finished("length"),
    ]
    writer = openai_completions.EventWriter(reply_id="cmpl-1", model="m", created=5, include_usage=True)
    first, last, usage, done = frames(b"".join(map(writer.write, events)))
    assert first["choices"][0]["text"] == "Да!"
    assert first["choices"][0]["logprobs"] == {
        "tokens": ["Да", "!"],
        "token_logprobs": [-0.5, -9999.0],
        "top_logprobs": [{"Да": -0.5, "Нет": -1.5}, {}],
        "text_offset": [0, 2],
    }
    assert (last["choices"][0]["text"], last["choices"][0]["finish_reason"]) == ("", "length")
    assert (usage["usage"], done) == (USAGE, "[DONE]")
    whole = json.loads(openai_completions.write_reply(events, reply_id="cmpl-1", model="m", created=5))
    assert (whole["object"], whole["choices"][0]["text"]) == ("text_completion", "Да!")
    assert whole["choices"][0]["logprobs"] == first["choices"][0]["logprobs"]


@given(words)
def test_text_of_any_letters_stays_in_its_event(text: str) -> None:
    """No letter of an answer can end the event that it stands in."""
    (chunk, *_rest) = stream([TextDelta(text), Finished()])
    assert chunk["choices"][0]["delta"]["content"] == text
