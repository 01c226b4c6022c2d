"""Ollama's answers as a server writes them: whole calls, counts and times, and no line but documents."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inhouse.dialects import ollama
from inhouse.dialects.ollama import Listed, Spent
from inhouse.kernel.errors import EngineBroke
from inhouse.kernel.messages import (
    Alternative,
    ChatEvent,
    Failed,
    Finished,
    ReasoningDelta,
    TextDelta,
    Timing,
    TokenScore,
    ToolDelta,
    Usage,
    UsageSeen,
)
from tests.dialects.grammar import deltas, words

NOW = "2026-11-01T00:00:00Z"
SCORES = (TokenScore("Да", -0.5, (Alternative("Нет", -1.5),)), TokenScore("!", -0.1))


def written(events: list[ChatEvent], *, generate: bool = False) -> list[dict[str, object]]:
    """The lines of an answer, each read."""
    writer = ollama.EventWriter(model="m", created_at=NOW, generate=generate)
    data = b"".join(map(writer.write, events))
    assert data.endswith(b"\n") or not data
    return [json.loads(line) for line in data.split(b"\n")[:-1]]


def test_scores_and_times_are_read_back() -> None:
    """Log-probabilities and where the time went survive both directions, in both shapes."""
    events: list[ChatEvent] = [
        ReasoningDelta("hm"),
        TextDelta("Да!", SCORES),
        UsageSeen(Usage(3, 2), Timing(5, 6, 7)),
        Finished(),
    ]
    for generate in (False, True):
        writer = ollama.EventWriter(model="m", created_at=NOW, generate=generate)
        reader = ollama.EventReader()
        assert [*reader.read(b"".join(map(writer.write, events))), *reader.end()] == events


def test_fragments_of_calls_become_whole_calls() -> None:
    """Fragments that alternate, a second call of one number, and none at all are each one object."""
    lines = written(
        [
            ToolDelta(0, "a", "f", '{"x":'),
            ToolDelta(1, "b", "g", ""),
            ToolDelta(0, "", "", " 1}"),
            TextDelta("done"),
            ToolDelta(0, "c", "h", "{}"),
            ToolDelta(0, "d", "i", '{"y":2}'),
            Finished("tool_calls"),
        ]
    )
    calls = [call for line in lines for call in line["message"].get("tool_calls", ())]  # type: ignore[attr-defined]
    assert [(each["id"], each["function"]) for each in calls] == [
        ("a", {"index": 0, "name": "f", "arguments": {"x": 1}}),
        ("b", {"index": 1, "name": "g", "arguments": {}}),
        ("c", {"index": 0, "name": "h", "arguments": {}}),
        ("d", {"index": 0, "name": "i", "arguments": {"y": 2}}),
    ]
    assert lines[-1]["done_reason"] == "stop"


@pytest.mark.parametrize("arguments", ["[1]", '{"a"', "5", "null"])
def test_arguments_that_are_no_object_end_the_answer(arguments: str) -> None:
    """They are an error line, and nothing comes after it; as one document they are an exception."""
    events: list[ChatEvent] = [ToolDelta(0, "", "f", arguments), Finished("length")]
    (line,) = written(events)
    assert "no JSON object" in str(line["error"])
    with pytest.raises(EngineBroke, match="no JSON object"):
        ollama.write_reply(events, model="m", created_at=NOW)


@settings(max_examples=40)
@given(st.lists(deltas(index=st.integers(0, 3)), max_size=6), st.booleans())
def test_a_whole_answer_is_the_stream_in_one(body: list[ChatEvent], generate: bool) -> None:
    """Text, thinking and calls are those of the stream, joined."""
    events = [*body, UsageSeen(Usage(1, 2)), Finished()]
    whole = json.loads(ollama.write_reply(events, model="m", created_at=NOW, generate=generate))
    said = whole if generate else whole["message"]
    key = "response" if generate else "content"
    lines = [line if generate else line["message"] for line in written(events, generate=generate)]
    assert said[key] == "".join(line.get(key, "") for line in lines)  # type: ignore[attr-defined]
    assert said.get("thinking", "") == "".join(line.get("thinking", "") for line in lines)  # type: ignore[attr-defined]
    calls = [call for line in lines for call in line.get("tool_calls", ())]  # type: ignore[attr-defined]
    assert said.get("tool_calls", []) == calls
    assert (whole["done"], whole["prompt_eval_count"], whole["eval_count"]) == (True, 1, 2)


def test_times_of_the_last_line() -> None:
    """What the engine measured wins; else the waits of ours; nothing is written that is zero."""

    def times(timing: Timing | None, spent: Spent) -> dict[str, int]:
        events: list[ChatEvent] = [UsageSeen(Usage(0, 2), timing), Finished("length")]
        found = json.loads(ollama.write_reply(events, model="m", created_at=NOW, spent=spent))
        assert found["done_reason"] == "length"
        return {name: value for name, value in found.items() if name.endswith(("duration", "count"))}

    assert times(Timing(1, 2, 3), Spent(10, 20, 100)) == {
        "total_duration": 100,
        "load_duration": 1,
        "prompt_eval_duration": 2,
        "eval_count": 2,
        "eval_duration": 3,
    }
    assert times(None, Spent(10, 30, 100)) == {
        "total_duration": 100,
        "load_duration": 10,
        "prompt_eval_duration": 20,
        "eval_count": 2,
        "eval_duration": 70,
    }
    assert times(None, Spent(0, 0, 100)) == {"total_duration": 100, "eval_count": 2, "eval_duration": 100}
    assert times(None, Spent()) == {"eval_count": 2}


def test_a_failure_ends_the_lines() -> None:
    """One line with the words; an empty piece is no line at all."""
    lines = written([TextDelta(""), ReasoningDelta(""), Failed("engine_broke", "gone"), Finished()])
    assert lines == [{"error": "gone"}]


def test_names() -> None:
    """Spellings of one name, names with a tag, and names of Ollama's own cloud."""
    for name in ("Qwen2.5", "qwen2.5:latest", "library/qwen2.5", "registry.ollama.ai/library/QWEN2.5:latest"):
        assert ollama.plain_name(name) == "qwen2.5"
    assert ollama.tagged("a/b") == "a/b:latest"
    assert ollama.tagged("host:5000/b:7b") == "host:5000/b:7b"
    assert [ollama.is_cloud_name(name) for name in ("gpt:120b-cloud", "x:Cloud", "cloudy", "x:7b")] == [
        True,
        True,
        False,
        False,
    ]


def test_times_of_day() -> None:
    """RFC 3339 with a Z; the zero time of Go where nothing is known."""
    assert ollama.rfc3339(1_795_000_000.5) == "2026-11-18T11:06:40.500000Z"
    assert ollama.rfc3339(0) == "0001-01-01T00:00:00Z"


@given(st.floats(1e-3, 4e9) | st.integers(1, 2**31).map(lambda at: at + 0.9999996))
@example(1.0)
@example(1_795_000_000.9999999)
def test_times_of_day_are_those_of_the_calendar(at: float) -> None:
    """Every time is written as the calendar of the language has it, rounded the same way."""
    told = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
    assert ollama.rfc3339(at) == told.replace("+00:00", "Z")


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text('ab"\\\u2028'), st.booleans())
@example('"', 'a"b', False)
@example("\u2028\u2029\x00\x7f\\/<>&", "m", True)
@example("\U0001f600 \u00e9", "m", False)
def test_a_line_of_text_is_what_encoding_all_of_it_gives(text: str, model: str, generate: bool) -> None:
    """The line that is put together from its parts has the bytes of the document encoded as a whole."""
    writer = ollama.EventWriter(model=model, created_at=lambda: "2026-11-18T11:06:40Z", generate=generate)
    line = writer.write(TextDelta(text))
    assert line == (writer._line(content=text) if text else b"")
    said: dict[str, object] = (
        {"response": text} if generate else {"message": {"role": "assistant", "content": text}}
    )
    whole = {"model": model, "created_at": "2026-11-18T11:06:40Z", **said, "done": False}
    assert line == (msgspec.json.encode(whole) + b"\n" if text else b"")


def test_half_a_letter_is_refused_in_a_line_as_in_a_document() -> None:
    """A surrogate on its own is no text: it is an error, and never a line with other bytes in it."""
    writer = ollama.EventWriter(model="m", created_at="")
    with pytest.raises(UnicodeEncodeError):
        writer.write(TextDelta("\ud800"))
    with pytest.raises(UnicodeEncodeError):
        writer._line(content="\ud800")


def test_text_after_a_call_is_a_line_of_its_own() -> None:
    """A call that is held goes out before the text that follows it."""
    writer = ollama.EventWriter(model="m", created_at="")
    assert writer.write(ToolDelta(0, "c", "f", "{}")) == b""
    first, second, rest = writer.write(TextDelta("a")).split(b"\n")
    assert (b"tool_calls" in first, b'"content":"a"' in second, rest) == (True, True, b"")


def test_lists_are_read_back() -> None:
    """What our `tags` and `ps` say, our own client side understands; unknown things are no null."""
    known = Listed(
        "q:7b",
        size_bytes=5,
        digest="sha256:" + "b" * 64,
        context_tokens=9,
        modified_at=5.0,
        expires_at=9.0,
        capabilities=("completion",),
    )
    unknown = Listed("plain", source="box")
    first, second = ollama.read_tags(ollama.write_tags([unknown, known]))
    assert (first.name, first.size, first.capabilities, first.digest) == ("q:7b", 5, ["completion"], "b" * 64)
    assert (second.name, second.size) == ("plain:latest", 0)
    assert len(second.digest or "") == 64
    endless, ending = ollama.read_loaded(ollama.write_loaded([known, unknown]))
    assert (endless.name, ending.name, ending.context_length) == ("plain:latest", "q:7b", 9)
    assert json.loads(ollama.write_show(unknown))["model_info"] == {}


@given(words)
def test_progress_is_read_back(status: str) -> None:
    """A line of progress leaves out what is not known."""
    moment = ollama.Moment(status, total=7)
    assert ollama.read_moment(ollama.write_moment(moment)) == moment
    assert json.loads(ollama.write_moment(ollama.Moment("success"))) == {"status": "success"}
