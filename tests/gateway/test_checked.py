"""Answers of a prescribed form: checked by the gateway, whatever the engine promised."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from inhouse.gateway.edge.providers.checked import CheckedProvider, has_form
from inhouse.gateway.edge.providers.scripted import Scene, ScriptedProvider
from inhouse.kernel.errors import BadRequest, EngineUnfit
from inhouse.kernel.messages import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    Failed,
    Finished,
    Original,
    TextDelta,
    Tool,
    ToolDelta,
    Usage,
    UsageSeen,
)

ASK = (ChatMessage("user", "Who?"),)
SCHEMA = '{"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}'
WHOLE = ChatRequest(ASK, json_schema=SCHEMA, stream=False, original=Original("openai", b"{}"))
STREAM = ChatRequest(ASK, json_schema=SCHEMA)
FORCED = ChatRequest(
    ASK,
    tools=(Tool("age_of", parameters='{"properties": {"who": {"type": "string"}}}'),),
    tool_choice="required",
)
USED = UsageSeen(Usage(3, 4))


def says(text: str, reason: str = "stop") -> Sequence[Scene]:
    """The text in two pieces, and its end."""
    half = len(text) // 2
    end = Finished("length") if reason == "length" else Finished()
    return [TextDelta(text[:half]), TextDelta(text[half:]), USED, end]


async def answered(
    request: ChatRequest, script: Sequence[Scene], *, forces_tools: bool = False
) -> tuple[list[ChatEvent], ScriptedProvider]:
    """The events of one answer, and the engine that was asked."""
    engine = ScriptedProvider(script)
    checked = CheckedProvider(engine, "e", forces_tools=forces_tools, new_id=lambda: "call_1")
    return [event async for event in checked.stream(request, "m")], engine


async def test_an_answer_that_fits_goes_through() -> None:
    """Whole or in pieces, nothing is added or lost; the bytes as they came are not passed through."""
    for request in (WHOLE, STREAM):
        events, engine = await answered(request, says('{"age": 3}'))
        assert events == list(says('{"age": 3}'))
        assert engine.seen[0][0].original is None


async def test_a_whole_answer_that_does_not_fit_is_the_engines_failure() -> None:
    """It fails before any event, so that the next engine may try."""
    with pytest.raises(EngineUnfit, match="age"):
        await answered(WHOLE, says('{"age": "three"}'))


async def test_a_stream_that_does_not_fit_ends_with_a_failure() -> None:
    """The pieces were read already; what follows them is a typed failure and no `Finished`."""
    events, _engine = await answered(STREAM, says('{"age": "three"}'))
    assert [type(event) for event in events] == [TextDelta, TextDelta, UsageSeen, Failed]
    assert isinstance(events[-1], Failed)
    assert events[-1].code == "engine_unfit"


async def test_an_answer_cut_at_its_limit_says_so_itself() -> None:
    """`length` is the caller's to handle, as every client of a schema does."""
    events, _engine = await answered(WHOLE, says('{"age": ', "length"))
    assert events[-1] == Finished("length")


async def test_any_object_is_checked_too() -> None:
    """`json_object` without a schema takes an object and nothing else."""
    request = ChatRequest(ASK, json_object=True, stream=False)
    assert (await answered(request, says("{}")))[0][-1] == Finished()
    with pytest.raises(EngineUnfit):
        await answered(request, says("[1]"))


async def test_a_bad_schema_is_the_callers_fault() -> None:
    """It is refused before the engine is asked."""
    with pytest.raises(BadRequest):
        await answered(ChatRequest(ASK, json_schema='{"type": "foo"}'), says("{}"))


async def test_a_forced_tool_is_called_where_the_engine_cannot() -> None:
    """The engine is asked for a document; the caller gets a tool call."""
    document = '{"name": "age_of", "arguments": {"who": "Anna"}}'
    events, engine = await answered(FORCED, says(document))
    assert events == [ToolDelta(0, "call_1", "age_of", '{"who": "Anna"}'), USED, Finished("tool_calls")]
    asked = engine.seen[0][0]
    assert (asked.tools, asked.json_schema is not None) == ((), True)


async def test_a_forced_tool_that_is_not_called_fails() -> None:
    """Prose instead of the call is a failure before any event, also in a stream."""
    with pytest.raises(EngineUnfit, match="no JSON"):
        await answered(FORCED, says("Anna is three years old."))


async def test_an_engine_that_forces_tools_is_left_alone() -> None:
    """The control: its own way of calling is kept."""
    script: list[Scene] = [ToolDelta(0, "c", "age_of", "{}"), Finished("tool_calls")]
    events, engine = await answered(FORCED, script, forces_tools=True)
    assert events == script
    assert engine.seen[0][0] is FORCED


def test_plain_requests_have_no_form() -> None:
    """Only schemas, objects and forced tools are checked; offered tools are not."""
    assert not has_form(ChatRequest(ASK, tools=FORCED.tools))
    assert all(has_form(each) for each in (WHOLE, STREAM, FORCED))
