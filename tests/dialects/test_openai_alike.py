"""Events that are alike: read at once they mean what they mean one by one, whatever the bytes and cuts."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inhouse.dialects import openai
from inhouse.dialects.openai_alike import Frames, Run
from inhouse.dialects.openai_pass import PassReader
from inhouse.kernel.messages import ChatEvent, Failed, Finished, Passed, PassedEnd, TextDelta, UsageSeen

CAREFUL = b": one line of comment, and everything is read as the standard says\n\n"
"""Before the first event it switches off what this file is about."""
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    [
        '"',
        "\\",
        '\\"',
        "\n",
        "\u2028",
        "\u00e9",
        "\U0001f600",
        "\x7f",
        '","',
        "?!",
        'a","content":"b',
        "}]}\n\ndata: ",
    ]
)
FRAME = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1"}


def event(
    delta: dict[str, object], *, finish: str | None = None, spaced: bool = False, **more: object
) -> bytes:
    """One event of an engine."""
    body = {**FRAME, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}
    between = (", ", ": ") if spaced else (",", ":")
    return b"data: " + json.dumps(body, separators=between, ensure_ascii=spaced).encode() + b"\n\n"


def answer(texts: Sequence[str], *, spaced: bool = False) -> bytes:
    """A whole answer of these pieces."""
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    pieces = [event({"content": text}, spaced=spaced) for text in texts]
    first = event({"role": "assistant", "content": ""}, spaced=spaced)
    end = event({}, finish="stop") + event({"content": None}, usage=usage) + b"data: [DONE]\n\n"
    return first + b"".join(pieces) + end


def passed(data: bytes, cuts: Sequence[int], model: str) -> tuple[list[ChatEvent], PassReader]:
    """What a reader that passes bytes on makes of the pieces."""
    reader = PassReader(model=model, with_usage=True)
    return [each for piece in pieces(data, cuts) for each in reader.read(piece)] + reader.end(), reader


def pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """The bytes, cut there."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(places) if end > begin]


def told(events: Sequence[ChatEvent]) -> tuple[bytes, str, int, list[ChatEvent]]:
    """Everything that leaves the house: bytes, text, size, and the events that end the answer."""
    bits = [each for each in events if isinstance(each, Passed)]
    data = b"".join(each.data for each in events if isinstance(each, Passed | PassedEnd))
    text, size = "".join(each.text for each in bits), sum(each.size_bytes for each in bits)
    return data, text, size, [each for each in events if not isinstance(each, Passed)]


CUTS = st.lists(st.integers(0, 3000), max_size=8)


@given(st.lists(TEXTS, min_size=1, max_size=8), CUTS, st.booleans(), st.sampled_from(["m-1", "other", 'a"b']))
@example(["a", "b", "c", "d"], [], False, "other")
@example(["a", "?!", "a", "?!"], [], False, "m-1")
def test_passed_bytes_are_the_same_read_at_once_or_with_care(
    texts: list[str], cuts: list[int], spaced: bool, model: str
) -> None:
    """Bytes, text, size and end are those of the careful way, for every text, cut and name."""
    data = answer(texts, spaced=spaced)
    quick, _ = passed(data, cuts, model)
    slow, reader = passed(CAREFUL + data, [], model)
    assert not reader._frames.alike.head, "control: the careful way knows nothing again"
    assert told(quick) == told(slow)
    assert told(quick)[1] == "".join(texts)


@given(st.lists(TEXTS, min_size=1, max_size=8), CUTS, st.booleans())
def test_translated_events_are_the_same_read_at_once_or_with_care(
    texts: list[str], cuts: list[int], spaced: bool
) -> None:
    """One delta for each event with text, whatever the cuts, and the same end."""
    data = answer(texts, spaced=spaced)
    reader = openai.EventReader()
    got = [each for piece in pieces(data, cuts) for each in reader.read(piece)] + reader.end()
    assert [each for each in got if isinstance(each, TextDelta)] == [
        TextDelta(text) for text in texts if text
    ]
    careful = openai.EventReader()
    assert got == list(careful.read(CAREFUL + data)) + careful.end()


@given(st.lists(st.sampled_from("abc"), min_size=4, max_size=9), st.integers(0, 400), st.integers(0, 255))
def test_a_spoiled_byte_changes_nothing_in_how_it_is_read(texts: list[str], place: int, byte: int) -> None:
    """An answer with one wrong byte in it ends as it does on the careful way: same bytes out, same words."""
    data = bytearray(answer(texts))
    begin = len(event({"role": "assistant", "content": ""}) + event({"content": "a"}))
    data[begin + place % (len(data) - begin)] = byte
    if b"\r" in data or bytes([byte]) == b"\n":
        return  # another cut of the lines; `test_lines.py` is about those
    quick, _ = passed(bytes(data), [], "other")
    slow, _ = passed(CAREFUL + bytes(data), [], "other")
    assert told(quick) == told(slow)


def test_events_that_are_alike_come_as_one_run() -> None:
    """The way this file is about is taken: all but the first are read at once, and a single one alone."""
    frames = Frames()
    texts = ["a", "b", "\u00e9", '"']
    found = frames.read(b"".join(event({"content": text}) for text in texts))
    first = next(found)
    assert not isinstance(first, Run)
    assert frames.alike.learn(first[1], "a", lambda _probe, _text: True)
    (run,) = found
    assert isinstance(run, Run)
    assert (run.texts, run.size) == (texts[1:], 4)
    alone = frames.alone(event({"content": "z"}))
    assert alone is not None
    assert alone.texts == ["z"]
    assert frames.alone(event({"content": "z"})[:-1]) is None
    assert frames.alone(event({"content": "z"}, finish="stop")) is None


@pytest.mark.parametrize(
    "more",
    [
        {"reasoning_content": "hm"},
        {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]},
        {"refusal": "no"},
    ],
)
def test_an_event_with_more_than_text_is_never_taken_for_one_without(more: dict[str, object]) -> None:
    """What stands beside the text counts in each event, alike or not."""
    data = event({"content": "a", **more}) * 3 + event({}, finish="stop") + b"data: [DONE]\n\n"
    reader, careful = openai.EventReader(), openai.EventReader()
    assert reader.read(data) == careful.read(CAREFUL + data)
    assert told(passed(data, [], "m-1")[0]) == told(passed(CAREFUL + data, [], "m-1")[0])


def test_an_engine_whose_events_all_differ_is_given_up() -> None:
    """A number in each event: after a few tries nothing is learned any more, and the answer is whole."""
    data = b"".join(event({"content": "a"}, number=number) for number in range(40))
    reader = PassReader(model="m-1", with_usage=False)
    got = reader.read(data + event({}, finish="stop") + b"data: [DONE]\n\n")
    assert told(got)[1] == "a" * 40
    assert reader._frames.alike._tries == 0


def test_a_text_in_two_places_is_not_learned() -> None:
    """Where the probe shows that the text is another one's, each event is read with care."""
    twice = b'data: {"choices":[{"delta":{"content":"a","\\u0063ontent":"a"}}]}\n\n'
    other = b'data: {"choices":[{"delta":{"content":"b","\\u0063ontent":"a"}}]}\n\n'
    reader = openai.EventReader()
    assert reader.read(twice + other) == [TextDelta("a"), TextDelta("a")]


def test_a_long_event_is_too_long_alike_or_not() -> None:
    """The limit of an event holds for those that are known again, too; control: a short one."""
    for size, kind in ((10, Passed), (2000, Failed)):
        reader = PassReader(1000, model="m-1", with_usage=False)
        assert reader.read(event({"content": "a"}) * 2)
        (last,) = reader.read(event({"content": "x" * size}))
        assert isinstance(last, kind)


def test_events_after_the_end_are_counted() -> None:
    """Alike or not, what comes behind the end is no part of the answer."""
    reader = openai.EventReader()
    assert isinstance(reader.read(answer(["a", "b"]))[-1], Finished)
    assert reader.read(event({"content": "a"}) * 3) == []
    assert reader.ignored == 3
    assert not any(isinstance(each, UsageSeen) for each in reader.end())
