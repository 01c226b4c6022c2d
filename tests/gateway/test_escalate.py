"""How far an answer is trusted, and answers that must have a form."""

from __future__ import annotations

import json
import math

import pytest

from inhouse.gateway.escalate import LEAST_LABELS, Calibration, calibrate, confidence_of
from inhouse.gateway.forced_tools import as_schema_request, is_forced, read_call
from inhouse.gateway.schema import check_schema, mismatch, simple_pattern
from inhouse.kernel.errors import BadRequest
from inhouse.kernel.messages import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    Failed,
    Finished,
    TextDelta,
    TokenScore,
    Tool,
    ToolDelta,
)

ASK = ChatRequest((ChatMessage("user", "How many days?"),))
PERSON = '{"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}'


DONE = Finished()


def said(text: str, *probabilities: float, end: ChatEvent = DONE) -> list[ChatEvent]:
    """An answer of one piece, with the probability of each of its tokens."""
    scores = tuple(TokenScore("t", math.log(each)) for each in probabilities)
    return [TextDelta(text, scores), end]


@pytest.mark.parametrize(
    ("events", "gate"),
    [
        (said("", end=Finished()), "it is empty"),
        (said("28", end=Finished("length")), "it was cut at its length limit"),
        (said("28", end=Finished("content_filter")), "the engine's filter stopped it"),
        (said("28", end=Failed("engine_broke", "gone")), "it broke off: gone"),
        ([TextDelta("28")], "it has no end"),
        (said("Sorry, I cannot help with that."), "it gives up"),
        (said("К сожалению, я не знаю."), "it gives up"),
        (said("and then we go to the sea " * 8), "it repeats itself"),
    ],
)
def test_gates(events: list[ChatEvent], gate: str) -> None:
    """An answer that is visibly not good has confidence 0 and says why."""
    found = confidence_of(ASK, events)
    assert (found.value, found.failed_gate) == (0.0, gate)


def test_a_good_answer_passes_every_gate() -> None:
    """The control: nothing is wrong with it, and without log-probabilities only the gates speak."""
    found = confidence_of(ASK, said("Leave is 28 days."))
    assert (found.value, found.failed_gate, found.calibrated) == (1.0, "", False)
    assert "gates only" in found.basis


def test_a_tool_call_is_no_empty_answer() -> None:
    """An answer that only calls a tool has no text and is whole."""
    assert confidence_of(ASK, [ToolDelta(0, "c", "f", "{}"), Finished("tool_calls")]).value == 1.0


def test_log_probabilities_are_averaged_and_called_uncalibrated() -> None:
    """The geometric mean of the tokens' probabilities, with the word that it is uncalibrated."""
    found = confidence_of(ASK, said("28 days", 0.9, 0.4))
    assert found.value == pytest.approx(0.6)
    assert "uncalibrated" in found.basis


def test_the_least_of_all_signs_counts() -> None:
    """Samples that disagree pull a sure answer down."""
    found = confidence_of(ASK, said("28 days", 0.99), samples=("28", "30"))
    assert found.agreement == pytest.approx(2 / 3)
    assert found.value == pytest.approx(2 / 3)


def test_calibration_needs_labels_and_rises() -> None:
    """Too few verdicts give none; with enough the curve never falls and is used."""
    verdicts = [(number / 400, number % 4 == 0 or number > 300) for number in range(400)]
    assert calibrate(verdicts[: LEAST_LABELS - 1]) is None
    curve = calibrate(verdicts)
    assert curve is not None
    assert list(curve.shares) == sorted(curve.shares)
    found = confidence_of(ASK, said("28 days", 0.9), calibration=curve)
    assert found.calibrated
    assert found.value == pytest.approx(curve(0.9))


def test_a_calibration_of_too_few_labels_is_not_used() -> None:
    """The control: the same curve with too few labels leaves the raw value."""
    found = confidence_of(ASK, said("28", 0.9), calibration=Calibration((0.0,), (0.1,), LEAST_LABELS - 1))
    assert found.value == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [('{"age": 3}', ""), ('{"age": "x"}', "at age"), ("{}", "the whole"), ('{"age": 3', "no JSON")],
)
def test_mismatch_says_where(answer: str, reason: str) -> None:
    """An answer that fits gives no reason, one that does not names the place."""
    found = mismatch(answer, PERSON)
    assert (found == "") == (reason == "")
    assert reason in found


@pytest.mark.parametrize(
    "schema",
    [
        "[1]",
        "{",
        '{"type": "foo"}',
        '{"$ref": "http://127.0.0.1:9/x"}',
        '{"$ref": "#/$defs/absent"}',
        '{"patternProperties": {"(a+)+$": {}}}',
        '{"pattern": "["}',
        '{"title": "' + "x" * 100_001 + '"}',
    ],
)
def test_bad_schemas_are_refused(schema: str) -> None:
    """A wrong, foreign, dangerous or huge schema is the caller's fault, and nothing is fetched."""
    with pytest.raises(BadRequest):
        check_schema(schema)


def test_a_dangerous_pattern_is_not_run() -> None:
    """A pattern that would take for ever is left out; a plain one is checked."""
    assert mismatch(json.dumps("a" * 60 + "!"), '{"pattern": "(a+)+$"}') == ""
    assert mismatch('"abc"', r'{"pattern": "^\\d{4}$"}') != ""
    assert not simple_pattern("(a|a)*b")
    assert simple_pattern(r"^\d{4}-\d{2}$")


WEATHER = Tool(
    "weather",
    "the weather",
    '{"properties": {"city": {"$ref": "#/$defs/c"}}, "required": ["city"],'
    ' "$defs": {"c": {"type": "string"}}}',
)
CLOCK = Tool("clock", "the time", '{"properties": {}}')


def test_a_forced_tool_becomes_a_schema_and_a_call_again() -> None:
    """The wish is a schema with every tool as one shape, and its document becomes the call."""
    request = ChatRequest(ASK.messages, tools=(WEATHER, CLOCK), tool_choice="required")
    assert is_forced(request)
    asked = as_schema_request(request)
    assert (asked.tools, asked.tool_choice) == ((), "auto")
    assert "weather" in asked.messages[0].content
    check_schema(asked.json_schema or "")
    call = read_call('{"name": "weather", "arguments": {"city": "Oslo"}}', request, "id1")
    assert call == ToolDelta(0, "id1", "weather", '{"city": "Oslo"}')


@pytest.mark.parametrize(
    "answer",
    [
        "Sure!",
        '{"name": "clock"}',
        '{"name": "weather", "arguments": {"city": 3}}',
        '{"name": "x", "arguments": {}}',
    ],
)
def test_a_call_that_does_not_fit_is_a_reason(answer: str) -> None:
    """Prose, a missing part, wrong arguments and an unknown name are told, not passed on."""
    request = ChatRequest(ASK.messages, tools=(WEATHER, CLOCK), tool_choice="required")
    assert isinstance(read_call(answer, request, "id1"), str)


def test_a_named_tool_is_the_only_one() -> None:
    """Naming a tool leaves no other; naming one that is not there is refused."""
    request = ChatRequest(ASK.messages, tools=(WEATHER, CLOCK), tool_choice="required", tool_name="clock")
    assert isinstance(read_call('{"name": "weather", "arguments": {"city": "Oslo"}}', request, "i"), str)
    with pytest.raises(BadRequest, match="nobody"):
        as_schema_request(
            ChatRequest(ASK.messages, tools=(CLOCK,), tool_choice="required", tool_name="nobody")
        )
