"""Our side of Anthropic, Gemini and OpenAI, against loopback servers that speak their real wire."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from inhouse.gateway.edge.prober import CloudSettings, ProbeSettings
from inhouse.gateway.edge.providers.choose import Providers
from inhouse.gateway.edge.providers.http import HttpClient
from inhouse.gateway.fleet import EXHAUSTED_REST_S, Engine
from inhouse.gateway.rules import Rules
from inhouse.kernel.errors import (
    EngineBroke,
    EngineError,
    EngineExhausted,
    EngineOverloaded,
    EngineRefused,
    EngineUnfit,
    NoEngine,
)
from inhouse.kernel.messages import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    EmbedRequest,
    Failed,
    Finished,
    Image,
    ReasoningDelta,
    TextDelta,
    Tool,
    ToolCall,
    ToolDelta,
    Usage,
    UsageSeen,
)
from tests.dialects.grammar import keeps_grammar
from tests.gateway.house import PATIENT, QUICK, house
from tests.worlds.cloud_wires import CALL, SEAL, TEXT, THOUGHT, CloudFault, Vendor
from tests.worlds.clouds import KEYS, FakeCloud

VENDORS: tuple[Vendor, ...] = ("anthropic", "gemini", "openai")
MODEL: dict[Vendor, str] = {
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-3-pro",
    "openai": "gpt-4.1",
}
ASK = ChatRequest((ChatMessage("system", "Be short"), ChatMessage("user", "hi")), data="any")
TOOL = Tool("weather", "Says it", '{"type":"object","properties":{"city":{"type":"string"}}}')
USED: dict[Vendor, Usage] = {
    "anthropic": Usage(47, 9, 30, cache_write_tokens=5, reasoning_tokens=4),
    "gemini": Usage(42, 9, 30, reasoning_tokens=4),
    "openai": Usage(42, 9, 30, reasoning_tokens=4),
}


def engine_of(cloud: FakeCloud) -> Engine:
    """The fake as an engine of the fleet."""
    return Engine(cloud.vendor, cloud.vendor, "cloud", cloud.url, "up")


async def ask(
    cloud: FakeCloud, request: ChatRequest = ASK, *, model: str = "", quick: bool = False
) -> list[ChatEvent]:
    """The events that our provider gives."""
    http = HttpClient(QUICK if quick else PATIENT)
    try:
        provider = Providers(http, keys={cloud.vendor: cloud.key}).of(engine_of(cloud))
        return [event async for event in provider.stream(request, model or MODEL[cloud.vendor])]
    finally:
        await http.close()


def said(events: list[ChatEvent]) -> str:
    """The text of an answer."""
    return "".join(each.text for each in events if isinstance(each, TextDelta))


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_answer_with_reasoning_usage_and_reason(vendor: Vendor, stream: bool) -> None:
    """Text, reasoning where the wire has it, and usage in the kernel's way of counting."""
    async with FakeCloud(vendor).running() as cloud:
        events = await ask(cloud, replace(ASK, stream=stream))
    assert keeps_grammar(events)
    assert said(events) == "".join(TEXT)
    thought = "".join(each.text for each in events if isinstance(each, ReasoningDelta))
    assert thought == ("" if vendor == "openai" else THOUGHT)
    seals = [each.signature for each in events if isinstance(each, ReasoningDelta) and each.signature]
    assert seals == ([SEAL] if vendor == "anthropic" else [])
    assert events[-2:] == [UsageSeen(USED[vendor]), Finished()]
    assert cloud.refused == []


@pytest.mark.parametrize("vendor", VENDORS)
async def test_tools_go_there_and_back(vendor: Vendor) -> None:
    """A call comes whole; given back with its result, and with its seals, the vendor accepts it."""
    asked = replace(ASK, tools=(TOOL,), thinking="low" if vendor == "anthropic" else None)
    async with FakeCloud(vendor).running() as cloud:
        events = await ask(cloud, asked)
        assert events[-1] == Finished("tool_calls")
        pieces = [each for each in events if isinstance(each, ToolDelta)]
        arguments = "".join(each.arguments for each in pieces)
        reasoning = [each for each in events if isinstance(each, ReasoningDelta)]
        call = ToolCall(pieces[0].call_id, pieces[0].name, arguments)
        assert (call.name, json.loads(call.arguments)) == ("weather", CALL)
        turn = ChatMessage(
            "assistant",
            said(events),
            tool_calls=(call,),
            reasoning="".join(each.text for each in reasoning),
            reasoning_signature="".join(each.signature for each in reasoning),
        )
        result = ChatMessage("tool", "rain", tool_call_id=call.call_id, tool_name="weather")
        again = await ask(cloud, replace(asked, messages=(*ASK.messages, turn, result)))
    assert again[-1] == Finished()
    assert cloud.refused == []
    _, body = cloud.requests[-1]
    if vendor == "gemini":
        parts = [part for content in body["contents"] for part in content["parts"]]
        assert [each["thoughtSignature"] for each in parts if "functionCall" in each] == [SEAL]
        assert parts[-1]["functionResponse"] == {"name": "weather", "response": {"result": "rain"}}
    if vendor == "anthropic":
        assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
        assert body["messages"][1]["content"][0]["signature"] == SEAL
        assert body["thinking"]["type"] == "enabled"


FOREIGN = (
    ChatMessage("user", "hi"),
    ChatMessage(
        "assistant",
        "",
        tool_calls=(ToolCall("odd id!", "weather", '{"city":"Rome"}'), ToolCall("", "weather", "")),
        reasoning="unsealed",
    ),
    ChatMessage("tool", "sun", (Image("image/png", "iVBORw0KGgo="),), tool_call_id="odd id!"),
    ChatMessage("tool", "rain", tool_name="weather"),
    ChatMessage("user", "and?"),
    ChatMessage("user", "so?"),
)


@pytest.mark.parametrize(
    "model", ["claude-sonnet-4-5", "claude-opus-5-5", "gemini-3-pro", "gemini-2.5-flash"]
)
async def test_a_conversation_that_began_elsewhere_is_accepted(model: str) -> None:
    """Calls of other engines, with odd or no ids and unsealed reasoning, are made to fit."""
    vendor: Vendor = "anthropic" if model.startswith("claude") else "gemini"
    wishes = replace(
        ASK,
        messages=FOREIGN,
        tools=(TOOL,),
        tool_choice="required",
        tool_name="weather",
        thinking=None if model == "claude-sonnet-4-5" else "high",
        temperature=0.3,
        top_p=0.9,
        top_k=5,
        stop=("END", " "),
        json_schema='{"type":"object","properties":{"a":{"type":"integer","minimum":1}}}',
    )
    async with FakeCloud(vendor).running() as cloud:
        events = await ask(cloud, wishes, model=model)
        assert isinstance(events[-1], Finished)
        assert cloud.refused == []
        (_, body) = cloud.requests[0]
    if vendor == "anthropic":
        assert body["stop_sequences"] == ["END"]
        schema = body["output_config"]["format"]["schema"]
        assert schema["properties"] == {"a": {"type": "integer"}}
        assert body["messages"][-1]["content"][-2:] == [
            {"type": "text", "text": "and?"},
            {"type": "text", "text": "so?"},
        ]
        newest = "5-5" in model
        assert ("temperature" in body) is not newest
        assert "top_p" not in body
        forced = {"type": "tool", "name": "weather"}
        assert body.get("tool_choice") == (None if newest else forced)
        assert ("Call the tool `weather` now." in body.get("system", "")) is newest
    else:
        config = body["generationConfig"]
        assert config["responseJsonSchema"]["properties"]["a"]["minimum"] == 1
        assert body["toolConfig"]["functionCallingConfig"] == {
            "mode": "ANY",
            "allowedFunctionNames": ["weather"],
        }
        parts = body["contents"][2]["parts"]
        names = [part["functionResponse"]["name"] for part in parts if "functionResponse" in part]
        assert names == ["weather", "weather"]


FAILURES: dict[CloudFault, type[EngineError]] = {
    "rate": EngineOverloaded,
    "quota": EngineExhausted,
    "overloaded": EngineOverloaded,
    "broken": EngineBroke,
}
ENDS: dict[CloudFault, str] = {"refused": "content_filter", "blocked": "content_filter", "length": "length"}
BREAKS: dict[CloudFault, str] = {
    "mid_error": "engine_overloaded",
    "cut": "engine_broke",
    "hang": "engine_timeout",
}


def test_every_fault_has_a_case() -> None:
    """No fault of the world is left untried; the control is the answer without one."""
    assert {"none", *FAILURES, *ENDS, *BREAKS} == set(get_args(CloudFault))


@pytest.mark.parametrize("fault", FAILURES)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_failure_before_the_first_word_is_typed(vendor: Vendor, fault: CloudFault) -> None:
    """The kernel's own error, with the engine's name and the time to come back."""
    async with FakeCloud(vendor, fault).running() as cloud:
        with pytest.raises(FAILURES[fault]) as caught:
            await ask(cloud)
        assert cloud.fired == 1
    error = caught.value
    assert type(error) is FAILURES[fault]
    assert error.engine == vendor
    assert cloud.key not in str(error)
    if fault == "rate":
        assert isinstance(error, EngineOverloaded)
        assert error.retry_after_s == 7


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_wrong_key_is_refused_with_the_way_out(vendor: Vendor) -> None:
    """The hint speaks of the key, the message never shows it."""
    http = HttpClient(PATIENT)
    async with FakeCloud(vendor).running() as cloud:
        provider = Providers(http, keys={vendor: "sk-wrong"}).of(engine_of(cloud))
        with pytest.raises(EngineRefused) as caught:
            await anext(provider.stream(ASK, MODEL[vendor]))
        await http.close()
    assert "key" in caught.value.hint
    assert "sk-wrong" not in str(caught.value)


@pytest.mark.parametrize("fault", ENDS)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_refusals_and_limits_are_reasons(vendor: Vendor, fault: CloudFault) -> None:
    """A refusal is a filtered end, not a fault of the engine; a cut answer says so."""
    async with FakeCloud(vendor, fault).running() as cloud:
        events = await ask(cloud)
        assert cloud.fired == 1
    assert keeps_grammar(events)
    assert events[-1] == Finished(ENDS[fault])  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("fault", BREAKS)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_failure_in_the_middle_keeps_what_was_said(vendor: Vendor, fault: CloudFault) -> None:
    """The last event is a failure with a code; what came before stays."""
    async with FakeCloud(vendor, fault).running() as cloud:
        events = await ask(cloud, quick=fault == "hang")
        assert cloud.fired == 1
    assert keeps_grammar(events)
    assert len(events) > 1
    last = events[-1]
    assert isinstance(last, Failed)
    # OpenAI's error event says `server_error`, whatever is wrong.
    told_why = vendor != "openai" or fault != "mid_error"
    assert last.code == (BREAKS[fault] if told_why else "engine_broke")


@pytest.mark.parametrize("vendor", ["gemini", "openai"])
async def test_vectors(vendor: Vendor) -> None:
    """One per text, in their order, of length 1 where that is wanted; never of other dimensions."""
    http = HttpClient(PATIENT)
    async with FakeCloud(vendor).running() as cloud:
        provider = Providers(http, keys={vendor: cloud.key}).of(engine_of(cloud))
        found = await provider.embed(EmbedRequest(("a", "b"), dimensions=2), "e")
        as_they_are = await provider.embed(EmbedRequest(("a", "b"), dimensions=2, normalise=False), "e")
        with pytest.raises(EngineUnfit, match="2 dimensions instead of 3"):
            await provider.embed(EmbedRequest(("a", "b"), dimensions=3), "e")
        await http.close()
    length = math.hypot(0.5, 0.25)
    assert list(found.vectors) == [pytest.approx((0.5 / length, 0.25 / length))] * 2
    assert as_they_are.vectors == ((0.5, 0.25),) * 2


async def test_anthropic_has_no_vectors() -> None:
    """It is said, not tried."""
    async with FakeCloud("anthropic").running() as cloud:
        http = HttpClient(PATIENT)
        provider = Providers(http, keys={"anthropic": cloud.key}).of(engine_of(cloud))
        with pytest.raises(EngineRefused, match="no embeddings"):
            await provider.embed(EmbedRequest(("a",)), "e")
        await http.close()
    assert cloud.requests == []


def settings_of(anthropic: FakeCloud, gemini: FakeCloud, openai: FakeCloud) -> CloudSettings:
    """All three, with their keys."""
    return CloudSettings(
        KEYS["openai"],
        KEYS["anthropic"],
        KEYS["gemini"],
        openai_url=openai.url,
        anthropic_url=anthropic.url,
        gemini_url=gemini.url,
        anthropic_model="claude-sonnet-4-5",
    )


@pytest.mark.slow
async def test_all_three_are_looked_at_and_answer_by_name(tmp_path: Path) -> None:
    """With consent each lists its models and answers what names one; its row says cloud."""
    async with (
        FakeCloud("anthropic").running() as one,
        FakeCloud("gemini").running() as two,
        FakeCloud("openai").running() as three,
    ):
        probe = ProbeSettings(cloud=settings_of(one, two, three), discover=False)
        async with house(tmp_path, probe=probe, rules=Rules(cloud_allowed=True)) as gateway:
            views = {each.name: each for each in gateway.prober.engines()}
            assert {name: each.state for name, each in views.items()} == dict.fromkeys(VENDORS, "up")
            assert views["gemini"].models[0].context_tokens == 1_048_576
            for vendor in VENDORS:
                engine, events = await gateway.ask(replace(ASK, model=MODEL[vendor]))
                assert (engine, said(events)) == (vendor, "".join(TEXT))
            engine, _ = await gateway.ask(ASK)
            assert engine == "anthropic"
            for vendor, model in (("gemini", "gemini-embedding-001"), ("openai", "text-embedding-3-small")):
                wanted = EmbedRequest(("a",), model=model, data="any")
                found = await gateway.dispatch.embed(wanted, request_id="r2", user="anna")
                assert (found.used.engine, found.used.where) == (vendor, "cloud")
            with pytest.raises(NoEngine):
                await gateway.ask(replace(ASK, model="gemini-embedding-001"))
            before = len(one.pages)
            await gateway.prober.refresh()
            assert len(one.pages) == before
            assert {row.where for row in gateway.ledger.rows() if row.outcome == "ok"} == {"cloud"}


async def test_without_consent_nobody_is_greeted(tmp_path: Path) -> None:
    """Keys alone: no page is asked for, no word is sent, and the refusal says why."""
    async with (
        FakeCloud("anthropic").running() as one,
        FakeCloud("gemini").running() as two,
        FakeCloud("openai").running() as three,
    ):
        probe = ProbeSettings(cloud=settings_of(one, two, three), discover=False)
        async with house(tmp_path, probe=probe) as gateway:
            with pytest.raises(NoEngine, match="not allowed"):
                await gateway.ask(ASK)
        for cloud in (one, two, three):
            assert (cloud.pages, cloud.requests) == ([], [])


@pytest.mark.slow
async def test_a_spent_quota_rests_long_and_the_next_engine_answers(tmp_path: Path) -> None:
    """The request goes on to another engine, and nobody asks the empty account for a quarter of an hour."""
    async with (
        FakeCloud("anthropic", "quota").running() as empty,
        FakeCloud("gemini").running() as two,
        FakeCloud("openai").running() as three,
    ):
        settings = replace(settings_of(empty, two, three), gemini_model="gemini-2.5-flash")
        probe = ProbeSettings(cloud=settings, discover=False)
        rules = Rules(cloud_allowed=True, order=("anthropic", "gemini", "openai"))
        async with house(tmp_path, probe=probe, rules=rules) as gateway:
            assert [(await gateway.ask(ASK))[0] for _ in range(3)] == ["gemini"] * 3
            assert empty.fired == 1
            rested = gateway.board.fleet.engine("anthropic")
            assert rested is not None
            assert rested.rests_until - rested.checked_at > EXHAUSTED_REST_S / 2
