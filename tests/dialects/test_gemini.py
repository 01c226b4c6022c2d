"""Gemini's chunks: what Google sends, cut anywhere, what we send, and the way back."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.dialects import gemini
from inhouse.dialects.gemini_calls import join_id, split_id
from inhouse.kernel.errors import (
    BadRequest,
    EngineBroke,
    EngineError,
    EngineExhausted,
    EngineOverloaded,
    EngineRefused,
    EngineTimeout,
    RateLimited,
)
from inhouse.kernel.messages import (
    Alternative,
    ChatEvent,
    Embeddings,
    Failed,
    Finished,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    TokenScore,
    ToolDelta,
    Usage,
    UsageSeen,
)
from tests.dialects.grammar import ENGINE_CODES, counts, deltas, keeps_grammar, words

# As Google's documentation and SDK show it: counts on every chunk, a thought, text, two calls at once of
# which the first is sealed, and no last event.
RECORDED = (
    'data: {"candidates": [{"content": {"parts": [{"text": "Хм","thought": true}],"role": "model"},'
    '"index": 0}],"usageMetadata": {"promptTokenCount": 12,"totalTokenCount": 20,"thoughtsTokenCount": 8},'
    '"modelVersion": "gemini-3-pro","responseId": "rid1"}\r\n\r\n'
    'data: {"candidates": [{"content": {"parts": [{"text": "Смотрю"}],"role": "model"},"index": 0}],'
    '"usageMetadata": {"promptTokenCount": 12,"candidatesTokenCount": 3,"totalTokenCount": 23,'
    '"thoughtsTokenCount": 8},"responseId": "rid1"}\r\n\r\n'
    'data: {"candidates": [{"content": {"parts": [{"functionCall": {"name": "weather",'
    '"args": {"city":"Paris"}},"thoughtSignature": "Eo+/Cg=="},'
    '{"functionCall": {"id":"f1","name": "now","args": {}}}],"role": "model"},'
    '"finishReason": "STOP","index": 0}],"usageMetadata": {"promptTokenCount": 12,"candidatesTokenCount": 9,'
    '"totalTokenCount": 29,"thoughtsTokenCount": 8,"cachedContentTokenCount": 4},'
    '"responseId": "rid1"}\r\n\r\n'
).encode()
EVENTS: list[ChatEvent] = [
    ReasoningDelta("Хм"),
    TextDelta("Смотрю"),
    ToolDelta(0, "rid1_0__ts_Eo-_Cg", "weather", '{"city":"Paris"}'),
    ToolDelta(1, "f1", "now", "{}"),
    UsageSeen(Usage(12, 17, 4, reasoning_tokens=8)),
    Finished("tool_calls"),
]


def read_all(data: bytes, size: int | None = None) -> list[ChatEvent]:
    """The events of a whole answer, read in pieces of one size."""
    reader = gemini.EventReader()
    step = size or len(data) or 1
    events = [event for at in range(0, len(data), step) for event in reader.read(data[at : at + step])]
    return events + reader.end()


def written(events: list[ChatEvent], *, thoughts: bool = True) -> bytes:
    """The stream of these events."""
    writer = gemini.EventWriter(reply_id="rid", model="m", thoughts=thoughts)
    return b"".join(writer.write(event) for event in events)


@pytest.mark.slow
def test_recorded_answer_is_the_same_for_every_cut() -> None:
    """A recorded answer gives the same events for one cut at any byte and byte by byte."""
    assert read_all(RECORDED) == read_all(RECORDED, 1) == EVENTS
    for cut in range(len(RECORDED)):
        reader = gemini.EventReader()
        assert [*reader.read(RECORDED[:cut]), *reader.read(RECORDED[cut:]), *reader.end()] == EVENTS


@pytest.mark.slow
def test_answer_cut_short_fails_at_every_byte() -> None:
    """An answer that stops before its finish reason was sent always ends in one failure."""
    whole = len(RECORDED) - 1
    for end in range(len(RECORDED)):
        events = read_all(RECORDED[:end])
        assert keeps_grammar(events)
        assert isinstance(events[-1], Failed if end < whole else Finished)


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


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"promptFeedback": {"blockReason": "SAFETY"}}, [Finished("content_filter")]),
        (
            {"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "RECITATION"}]},
            [TextDelta("a"), Finished("content_filter")],
        ),
        ({"candidates": [{"finishReason": "MAX_TOKENS"}]}, [Finished("length")]),
        ({"candidates": [{"finishReason": "A_NEW_ONE"}]}, [Finished("stop")]),
    ],
)
def test_reasons_have_a_meaning(document: dict[str, Any], expected: list[ChatEvent]) -> None:
    """A blocked prompt has no candidate; a blocked answer keeps its text; an unknown reason is an end."""
    assert gemini.read_reply(json.dumps(document, indent=2).encode()) == expected


def test_malformed_call_is_a_failure() -> None:
    """What the model wrote is no answer, so another engine may be asked."""
    body = json.dumps({"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]}).encode()
    (failed,) = gemini.read_reply(body)
    assert isinstance(failed, Failed)
    assert "MALFORMED_FUNCTION_CALL" in failed.message


def test_log_probabilities_come_with_their_text() -> None:
    """Chosen tokens with what else was considered."""
    chosen = [{"token": "a", "logProbability": -0.1, "tokenId": 7}]
    tops = [{"candidates": [{"token": "a", "logProbability": -0.1}, {"token": "b", "logProbability": -2.0}]}]
    candidate = {
        "content": {"parts": [{"text": "a"}]},
        "finishReason": "STOP",
        "logprobsResult": {"chosenCandidates": chosen, "topCandidates": tops},
    }
    score = TokenScore("a", -0.1, (Alternative("a", -0.1), Alternative("b", -2.0)))
    events = gemini.read_reply(json.dumps({"candidates": [candidate]}).encode())
    assert events == [TextDelta("a", (score,)), Finished()]
    assert gemini.read_reply(gemini.write_reply(events, reply_id="r", model="m")) == events


def test_error_in_the_middle_is_a_failure() -> None:
    """A chunk that is an error ends the answer with the words of its status."""
    data = (
        b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}]}\n\n'
        b'data: {"error":{"code":503,"message":"The model is overloaded","status":"UNAVAILABLE"}}\n\n'
    )
    assert read_all(data) == [TextDelta("a"), Failed("engine_overloaded", "The model is overloaded")]


def test_thoughts_are_shown_only_when_asked_for() -> None:
    """By default this protocol does not show them; their tokens are counted all the same."""
    events: list[ChatEvent] = [
        ReasoningDelta("hm"),
        TextDelta("a"),
        UsageSeen(Usage(40, 5, 30, reasoning_tokens=2)),
        Finished("length"),
    ]
    assert read_all(written(events)) == events
    assert read_all(written(events, thoughts=False)) == events[1:]
    last = json.loads(written(events).decode().strip().split("\n\n")[-1].removeprefix("data: "))
    assert last["usageMetadata"] == {
        "promptTokenCount": 40,
        "candidatesTokenCount": 3,
        "thoughtsTokenCount": 2,
        "cachedContentTokenCount": 30,
        "totalTokenCount": 45,
    }
    assert (last["modelVersion"], last["responseId"]) == ("m", "rid")
    assert last["candidates"][0]["finishReason"] == "MAX_TOKENS"


@pytest.mark.parametrize("last", [Finished(), Failed("engine_broke", "gone")])
@pytest.mark.parametrize("pieces", [0, 1, 3])
def test_array_form_is_one_json_document(pieces: int, last: ChatEvent) -> None:
    """Without `alt=sse` the chunks are the elements of one array, whatever the end."""
    writer = gemini.EventWriter(reply_id="r", model="m", form="array")
    events: list[ChatEvent] = [*[TextDelta("a")] * pieces, last]
    chunks = json.loads(b"".join(writer.write(event) for event in events))
    assert len(chunks) == pieces + 1
    assert ("error" in chunks[-1]) == isinstance(last, Failed)


def test_call_with_broken_arguments_is_an_error() -> None:
    """This protocol has objects there; half of one cannot be said."""
    events: list[ChatEvent] = [ToolDelta(0, "a", "f", '{"x":'), Finished("length")]
    assert isinstance(read_all(written(events))[-1], Failed)
    with pytest.raises(EngineBroke, match="`f`"):
        gemini.write_reply(events, reply_id="r", model="m")


def told(events: list[ChatEvent]) -> list[tuple[str, ...]]:
    """What an answer says, whatever the pieces: texts joined; calls last, as this protocol has them."""
    said = [
        ("text", each.text) if isinstance(each, TextDelta) else ("thought", each.text)
        for each in events
        if isinstance(each, TextDelta | ReasoningDelta)
    ]
    joined: list[tuple[str, ...]] = [
        (kind, "".join(each[1] for each in group)) for kind, group in groupby(said, key=lambda each: each[0])
    ]
    calls = [each for each in events if isinstance(each, ToolDelta)]
    return joined + [
        ("call", each.call_id, each.name, json.dumps(json.loads(each.arguments))) for each in calls
    ]


def numbered(pieces: list[ChatEvent]) -> list[ChatEvent]:
    """Each call with a number and an id of its own, some of them sealed."""
    return [
        replace(each, index=number, call_id=join_id(f"c{number}", "Eo+/Cg==" if number % 2 else ""))
        if isinstance(each, ToolDelta)
        else each
        for number, each in enumerate(pieces)
    ]


answers = st.lists(deltas(index=st.just(0)), max_size=12).map(numbered)
reasons = st.sampled_from(["stop", "length", "content_filter"])


@settings(max_examples=200)
@given(answers, counts, counts, st.integers(1, 9), reasons, st.booleans())
def test_events_survive_the_way_out_and_back(
    pieces: list[ChatEvent], tokens_in: int, tokens_out: int, size: int, reason: FinishReason, fails: bool
) -> None:
    """What is written and read again in pieces of any size says the same."""
    usage = Usage(tokens_in, tokens_out, tokens_in // 3, reasoning_tokens=tokens_out // 4)
    last: ChatEvent = Failed("engine_broke", "gone") if fails else Finished(reason)
    back = read_all(written([*pieces, UsageSeen(usage), last]), size)
    assert keeps_grammar(back)
    called = any(isinstance(each, ToolDelta) for each in pieces)
    if fails:
        assert back[-1] == last
        return
    assert told(back) == told(pieces)
    assert back[-2:] == [
        UsageSeen(usage),
        Finished("tool_calls") if called and reason == "stop" else Finished(reason),
    ]


@given(answers, counts, counts)
def test_whole_reply_survives_the_way_out_and_back(
    pieces: list[ChatEvent], tokens_in: int, tokens_out: int
) -> None:
    """The same for a reply as one document, where all thoughts stand before the text."""
    events: list[ChatEvent] = [*pieces, UsageSeen(Usage(tokens_in, tokens_out)), Finished("length")]
    back = gemini.read_reply(gemini.write_reply(events, reply_id="r", model="m", thoughts=True))
    for kind in (TextDelta, ReasoningDelta):
        assert "".join(each.text for each in back if isinstance(each, kind)) == "".join(
            each.text for each in pieces if isinstance(each, kind)
        )
    calls = [each for each in told(pieces) if each[0] == "call"]
    assert [each for each in told(back) if each[0] == "call"] == calls
    assert back[-2:] == [UsageSeen(Usage(tokens_in, tokens_out)), Finished("length")]


@given(words, st.binary(max_size=40))
def test_seals_survive_in_the_id(call_id: str, seal: bytes) -> None:
    """Any base64 comes back as it was, in an id of letters that every protocol takes."""
    signature = base64.b64encode(seal).decode()
    plain = call_id.replace("_", "x")
    joined = join_id(plain, signature)
    assert split_id(joined) == (plain, signature)
    assert set(joined[len(plain) :]) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
    )


def details(*more: dict[str, Any]) -> list[dict[str, Any]]:
    """Details as Google types them."""
    return [
        {"@type": f"type.googleapis.com/google.rpc.{each.pop('kind')}", **each} for each in map(dict, more)
    ]


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (429, {"status": "RESOURCE_EXHAUSTED", "message": "slow"}, EngineOverloaded),
        (503, {"status": "UNAVAILABLE", "message": "busy"}, EngineOverloaded),
        (504, {"status": "DEADLINE_EXCEEDED", "message": "late"}, EngineTimeout),
        (400, {"status": "INVALID_ARGUMENT", "message": "no"}, EngineRefused),
        (404, {"status": "NOT_FOUND", "message": "no"}, EngineRefused),
        (500, {"status": "INTERNAL", "message": "oops"}, EngineBroke),
        (
            429,
            {
                "status": "RESOURCE_EXHAUSTED",
                "message": "quota",
                "details": details(
                    {
                        "kind": "QuotaFailure",
                        "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
                    }
                ),
            },
            EngineExhausted,
        ),
    ],
)
def test_errors_become_words_of_the_kernel(
    status: int, error: dict[str, Any], kind: type[EngineError]
) -> None:
    """The status gives the class; the quota of the day is not a rate limit. Also inside an array."""
    body = json.dumps({"error": {"code": status, **error}}).encode()
    for each in (body, b"[" + body + b"\n]"):
        found = gemini.read_error(status, each)
        assert type(found) is kind
        assert found.message == error["message"]


def test_details_say_when_and_what() -> None:
    """RetryInfo holds the seconds; a wrong key comes as a 400."""
    info = details({"kind": "RetryInfo", "retryDelay": "34.5s"})
    body = json.dumps({"error": {"code": 429, "message": "slow", "details": info}}).encode()
    error = gemini.read_error(429, body)
    assert isinstance(error, EngineOverloaded)
    assert error.retry_after_s == 34.5
    info = details({"kind": "ErrorInfo", "reason": "API_KEY_INVALID"})
    body = json.dumps({"error": {"code": 400, "message": "key", "details": info}}).encode()
    assert "key" in gemini.read_error(400, body).hint
    assert gemini.read_error(502, b"<html>").message == "<html>"


def test_error_object_has_googles_statuses() -> None:
    """Code, message and status; and when to come back."""
    body = json.loads(gemini.write_error(BadRequest("m", hint="h"), status=400))
    assert body == {"error": {"code": 400, "message": "m. hint: h", "status": "INVALID_ARGUMENT"}}
    limited = json.loads(gemini.write_error(RateLimited("m", retry_after_s=7), status=429))
    assert limited["error"]["details"][0]["retryDelay"] == "7s"


@pytest.mark.parametrize("code", ENGINE_CODES)
def test_failures_of_engines_can_be_read_again(code: str) -> None:
    """Every code of the kernel is an error chunk."""
    assert isinstance(read_all(written([TextDelta("a"), Failed(code, "m")]))[-1], Failed)


@given(st.lists(words, max_size=3), st.booleans())
def test_models_survive_the_way_out_and_back(names: list[str], embeds: bool) -> None:
    """A list of models in Gemini's shape."""
    models = [
        gemini.write_model(name, context_tokens=8192, chats=not embeds, embeds=embeds) for name in names
    ]
    assert gemini.read_models(gemini.write_models(models)) == models


def test_vectors_survive_the_way_out_and_back() -> None:
    """Vectors with their count, and an estimate where there is none."""
    vectors = Embeddings(((0.5, 0.25), (1.0, 0.0)), Usage(7, 0))
    assert gemini.read_embeddings(gemini.write_embeddings(vectors, batch=True), estimate=3) == vectors
    bare = b'{"embeddings":[{"values":[1]}]}'
    assert gemini.read_embeddings(bare, estimate=3) == Embeddings(((1.0,),), Usage(3, 0, estimated=True))
    assert json.loads(gemini.write_embeddings(vectors, batch=False))["embedding"] == {"values": [0.5, 0.25]}
