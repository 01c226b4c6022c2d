"""Anthropic's API, judged by its own Python client and by raw bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import pytest
from aiohttp import ClientSession
from anthropic.types import RedactedThinkingBlock, TextBlock, ThinkingBlock, ToolUseBlock

from inhouse.gateway.edge.providers.scripted import Scene, Wait
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import EngineOverloaded, EngineRefused, OverBudget, RateLimited
from inhouse.kernel.messages import (
    ChatMessage,
    Failed,
    Finished,
    Image,
    ReasoningDelta,
    TextDelta,
    Thought,
    Tool,
    ToolCall,
    ToolDelta,
    Usage,
    UsageSeen,
)
from inhouse.serve.plane.anthropic import AnthropicSurface
from inhouse.serve.plane.openai import OpenAISurface
from tests.serve.plane.house import HELLO, FakeGate, Plane, open_plane

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
HI: Any = [{"role": "user", "content": "hi"}]
WEATHER: Any = {
    "name": "weather",
    "description": "Says the weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CALL: tuple[Scene, ...] = (
    ReasoningDelta("Hm."),
    ReasoningDelta("", "seal"),
    TextDelta("Let me look."),
    ToolDelta(0, "call_1", "weather", ""),
    ToolDelta(0, "", "", '{"city":'),
    ToolDelta(0, "", "", '"Paris"}'),
    UsageSeen(Usage(100, 30, 40, cache_write_tokens=10, reasoning_tokens=5)),
    Finished("tool_calls"),
)


@asynccontextmanager
async def client(plane: Plane, **more: Any) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """The real client, pointed at us; it asks once."""
    async with anthropic.AsyncAnthropic(
        base_url=plane.url, max_retries=0, **({"api_key": "sk-ant-x"} | more)
    ) as real:
        yield real


async def send(
    plane: Plane, method: str, path: str, body: object = b"", **headers: str
) -> tuple[int, bytes, dict[str, str]]:
    """One request as it is; a body that is no bytes goes as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with (
        ClientSession() as session,
        session.request(method, plane.url + path, data=data, headers=headers) as reply,
    ):
        return reply.status, await reply.read(), {k.lower(): v for k, v in reply.headers.items()}


async def test_whole_message() -> None:
    """Text, usage, stop reason, the name as it was asked for, and our headers."""
    async with open_plane(AnthropicSurface()) as plane, client(plane) as real:
        raw = await real.messages.with_raw_response.create(
            model="m", max_tokens=64, system="Be short", messages=HI, extra_body={"temperature": 0.5}
        )
        reply = await raw.parse()
    assert isinstance(reply.content[0], TextBlock)
    assert reply.content[0].text == "Leave is 28 days."
    assert (reply.model, reply.role, reply.stop_reason, reply.stop_sequence) == (
        "m",
        "assistant",
        "end_turn",
        None,
    )
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (21, 3)
    assert raw.headers["x-inhouse-engine"] == "house"
    assert raw.headers["x-inhouse-where"] == "local"
    assert reply._request_id == raw.headers["x-inhouse-request-id"]
    request = plane.request
    assert request.messages == (ChatMessage("system", "Be short"), ChatMessage("user", "hi"))
    assert (request.max_tokens, request.temperature, request.stream) == (64, 0.5, False)
    assert plane.row.outcome == "ok"
    assert plane.gate.seen == ["sk-ant-x"]


async def test_stream_is_put_together_by_the_client() -> None:
    """Reasoning with its seal, text and a call with pieces of arguments; usage as Anthropic counts it."""
    async with (
        open_plane(AnthropicSurface(), scripts=[CALL]) as plane,
        client(plane) as real,
        real.messages.stream(model="m", max_tokens=64, messages=HI, tools=[WEATHER]) as stream,
    ):
        kinds = [event.type async for event in stream]
        reply = await stream.get_final_message()
    thought, text, call = reply.content
    assert isinstance(thought, ThinkingBlock)
    assert (thought.thinking, thought.signature) == ("Hm.", "seal")
    assert isinstance(text, TextBlock)
    assert text.text == "Let me look."
    assert isinstance(call, ToolUseBlock)
    assert (call.id, call.name, call.input) == ("call_1", "weather", {"city": "Paris"})
    assert reply.stop_reason == "tool_use"
    usage = reply.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (
        50,
        40,
        10,
    )
    assert usage.output_tokens == 30
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"
    assert "input_json" in kinds
    assert plane.request.stream


async def test_tools_go_there_and_back() -> None:
    """A call of the whole reply, sent back with its result, reaches the engine as turns of its own."""
    async with open_plane(AnthropicSurface(), scripts=[CALL, HELLO]) as plane, client(plane) as real:
        first = await real.messages.create(
            model="m",
            max_tokens=64,
            messages=HI,
            tools=[WEATHER],
            tool_choice={"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
        )
        result: Any = {
            "type": "tool_result",
            "tool_use_id": "call_1",
            "is_error": True,
            "content": [
                {"type": "text", "text": "no such city"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
            ],
        }
        turns = [
            *HI,
            first.to_param(),
            {"role": "user", "content": [result, {"type": "text", "text": "Well?"}]},
        ]
        await real.messages.create(model="m", max_tokens=64, messages=turns, tools=[WEATHER])
    (asked, _), (again, _) = plane.seen
    (tool,) = asked.tools
    assert tool == Tool("weather", "Says the weather", tool.parameters)
    assert json.loads(tool.parameters) == WEATHER["input_schema"]
    assert (asked.tool_choice, asked.tool_name, asked.parallel_tools) == ("required", "weather", False)
    said, told, well = again.messages[1:]
    assert said == ChatMessage(
        "assistant",
        "Let me look.",
        tool_calls=(ToolCall("call_1", "weather", '{"city":"Paris"}'),),
        reasoning="Hm.",
        reasoning_signature="seal",
    )
    assert told == ChatMessage(
        "tool", "Error: no such city", (Image("image/png", PIXEL),), tool_call_id="call_1"
    )
    assert well == ChatMessage("user", "Well?")


async def test_unreadable_reasoning_goes_there_and_back() -> None:
    """The client gets a block of its own for it, whole or in a stream, and its next turn brings it back."""
    secret = [ReasoningDelta("", redacted="EmwK"), *HELLO]
    async with open_plane(AnthropicSurface(), scripts=[secret]) as plane, client(plane) as real:
        whole = await real.messages.create(model="m", max_tokens=64, messages=HI)
        async with real.messages.stream(model="m", max_tokens=64, messages=HI) as stream:
            streamed = await stream.get_final_message()
        turns = [*HI, whole.to_param(), {"role": "user", "content": "Well?"}]
        await real.messages.create(model="m", max_tokens=64, messages=turns)
    for reply in (whole, streamed):
        assert [block.type for block in reply.content] == ["redacted_thinking", "text"]
        assert isinstance(reply.content[0], RedactedThinkingBlock)
        assert reply.content[0].data == "EmwK"
    assert plane.seen[-1][0].messages[1].thoughts == (Thought(redacted="EmwK"),)


async def test_pictures_schema_and_thinking_reach_the_engine() -> None:
    """An image block, an output format, a budget of thinking, stop sequences and sampling."""
    schema: Any = {"type": "object", "properties": {"a": {"type": "integer"}}}
    blocks: Any = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
        {"type": "text", "text": "What is it?", "cache_control": {"type": "ephemeral"}},
        {
            "type": "document",
            "title": "T",
            "source": {"type": "text", "media_type": "text/plain", "data": "D"},
        },
    ]
    scripts: list[list[Scene]] = [[TextDelta('{"a": 1}'), Finished()]]
    async with open_plane(AnthropicSurface(), scripts=scripts) as plane, client(plane) as real:
        await real.messages.create(
            model="m",
            max_tokens=4096,
            messages=[{"role": "user", "content": blocks}],
            output_config={"format": {"type": "json_schema", "schema": schema}},
            thinking={"type": "enabled", "budget_tokens": 2048},
            stop_sequences=["END"],
            metadata={"user_id": "u"},
            extra_body={"top_p": 0.5, "top_k": 7},
        )
    request = plane.request
    assert request.messages == (ChatMessage("user", "What is it?\nT\n\nD", (Image("image/png", PIXEL),)),)
    assert request.json_schema is not None
    assert json.loads(request.json_schema) == schema
    assert (request.thinking, request.stop, request.top_p, request.top_k) == ("low", ("END",), 0.5, 7)


async def test_the_stop_sequence_is_told() -> None:
    """By the real client, whole and in a stream, as the engine said it."""
    script: list[Scene] = [TextDelta("one"), Finished("stop", "END")]
    async with open_plane(AnthropicSurface(), scripts=[script]) as plane, client(plane) as real:
        asked: Any = {"model": "m", "max_tokens": 64, "messages": HI, "stop_sequences": ["END", "X"]}
        whole = await real.messages.create(**asked)
        async with real.messages.stream(**asked) as stream:
            streamed = await stream.get_final_message()
    for reply in (whole, streamed):
        assert (reply.stop_reason, reply.stop_sequence) == ("stop_sequence", "END")


async def test_count_is_an_estimate_and_says_so() -> None:
    """`count_tokens` needs no engine and no limit; the header tells that it is an estimate."""
    async with open_plane(AnthropicSurface()) as plane, client(plane) as real:
        raw = await real.messages.with_raw_response.count_tokens(
            model="m", system="s", messages=HI, tools=[WEATHER]
        )
        assert (await raw.parse()).input_tokens > 10
    assert raw.headers["x-inhouse-estimated"] == "true"
    assert plane.seen == []


async def test_models_are_shared_with_openai_by_the_header() -> None:
    """With `anthropic-version` the list is Anthropic's, without it OpenAI's; so is one model."""
    async with (
        open_plane(AnthropicSurface(), OpenAISurface(), models=("m", "qwen2.5:7b")) as plane,
        client(plane) as real,
    ):
        models = [model.id async for model in real.models.list()]
        one = await real.models.retrieve("qwen2.5:7b")
        with pytest.raises(anthropic.NotFoundError):
            await real.models.retrieve("nobody")
        _, body, _ = await send(plane, "GET", "/v1/models")
    assert models == ["m", "qwen2.5:7b"]
    assert one.id == one.display_name == "qwen2.5:7b"
    assert json.loads(body)["object"] == "list"


async def test_both_headers_carry_the_key() -> None:
    """`x-api-key` and `Authorization: Bearer` name the same key; a wrong one is an `AuthenticationError`."""
    gate = FakeGate(keys={"k1": Grant(key="k1", user="anna")})
    async with open_plane(AnthropicSurface(), gate=gate) as plane:
        for more in ({"api_key": "k1"}, {"api_key": None, "auth_token": "k1"}):
            async with client(plane, **more) as real:
                await real.messages.create(model="m", max_tokens=9, messages=HI)
        async with client(plane, api_key="wrong") as real:
            with pytest.raises(anthropic.AuthenticationError) as caught:
                await real.messages.create(model="m", max_tokens=9, messages=HI)
    assert [row.user for row in plane.shelf.rows] == ["anna", "anna"]
    assert caught.value.type == "authentication_error"


@pytest.mark.parametrize(
    ("error", "status", "kind", "retried"),
    [
        (EngineOverloaded("busy", retry_after_s=3), 529, "overloaded_error", ("3", None)),
        (EngineRefused("too long"), 502, "api_error", (None, "false")),
        (RateLimited("slow down", retry_after_s=2), 429, "rate_limit_error", ("2", None)),
        (OverBudget("the team has spent it"), 429, "rate_limit_error", (None, "false")),
    ],
)
async def test_failures_before_the_first_word_have_a_status(
    error: Any, status: int, kind: str, retried: tuple[str | None, str | None]
) -> None:
    """The client's own exceptions, with the request id, and told whether asking again can help."""
    gate = FakeGate(refuse=error) if isinstance(error, RateLimited | OverBudget) else FakeGate()
    scripts: list[list[Scene]] = [[error]] if not gate.refuse else [[]]
    for stream in (False, True):
        async with open_plane(AnthropicSurface(), scripts=scripts, gate=gate) as plane, client(plane) as real:
            with pytest.raises(anthropic.APIStatusError) as caught:
                await real.messages.create(model="m", max_tokens=9, messages=HI, stream=stream)
        found = caught.value
        assert (found.status_code, found.type) == (status, kind)
        headers = found.response.headers
        assert (headers.get("retry-after"), headers.get("x-should-retry")) == retried
        assert found.request_id == headers["x-inhouse-request-id"]


async def test_unknown_model_is_not_found() -> None:
    """As at Anthropic, a name that nobody offers is a 404."""
    async with open_plane(AnthropicSurface()) as plane, client(plane) as real:
        with pytest.raises(anthropic.NotFoundError, match="nobody"):
            await real.messages.create(model="nobody", max_tokens=9, messages=HI)


async def test_failure_in_the_middle_is_an_error_event() -> None:
    """What was said stays; the client raises the typed error; the row is partial."""
    scripts: list[list[Scene]] = [[TextDelta("Leave"), Failed("engine_overloaded", "busy")]]
    async with open_plane(AnthropicSurface(), scripts=scripts) as plane, client(plane) as real:
        got: list[str] = []
        with pytest.raises(anthropic.APIStatusError, match="busy"):
            async with real.messages.stream(model="m", max_tokens=9, messages=HI) as stream:
                async for text in stream.text_stream:
                    got += [text]
    assert got == ["Leave"]
    assert plane.row.outcome == "partial"


async def test_reader_who_leaves_cancels_the_engine() -> None:
    """The engine's work ends when the client does."""
    gate = asyncio.Event()
    scripts: list[list[Scene]] = [[TextDelta("Leave"), Wait(gate), Finished()]]
    async with open_plane(AnthropicSurface(), scripts=scripts) as plane, client(plane) as real:
        async with real.messages.stream(model="m", max_tokens=9, messages=HI) as stream:
            async for _ in stream.text_stream:
                break
        for _ in range(200):
            if plane.row.outcome:
                break
            await asyncio.sleep(0.005)
    assert plane.row.outcome == "cancelled"


WRONG: list[tuple[dict[str, Any] | bytes, str]] = [
    (b"{", "The body is not JSON"),
    (b'{"model":"\xff"}', "The body is not JSON"),
    (b'{"a":' + b"[" * 200_000, "The body is not JSON"),
    (b"[]", "Expected `object`"),
    ({"max_tokens": 5}, "model"),
    ({"model": "m", "messages": HI}, "max_tokens: Field required"),
    ({"model": "m", "messages": HI, "max_tokens": 0}, "max_tokens"),
    ({"model": "m", "messages": [], "max_tokens": 5}, "messages"),
    ({"model": "m", "messages": HI, "max_tokens": 5, "temperature": 1.5}, "temperature"),
    ({"model": "m", "messages": HI, "max_tokens": 5, "top_p": -1}, "top_p"),
    ({"model": "m", "messages": [{"role": "robot", "content": "x"}], "max_tokens": 5}, "messages[0].role"),
    (
        {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": [{"type": "video"}]}]},
        "messages[0].content[0]",
    ),
    (
        {
            "model": "m",
            "max_tokens": 5,
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}}],
                }
            ],
        },
        "messages[0].content[0].source.type",
    ),
    (
        {
            "model": "m",
            "max_tokens": 5,
            "messages": [{"role": "user", "content": [{"type": "tool_use", "id": "a", "name": "b"}]}],
        },
        "`tool_use` may not stand in a turn of the user",
    ),
    (
        {
            "model": "m",
            "max_tokens": 5,
            "messages": HI,
            "tools": [{"type": "web_search_20250305", "name": "web_search"}],
        },
        "web_search_20250305",
    ),
    (
        {"model": "m", "max_tokens": 5, "messages": HI, "tools": [{"name": "f"}]},
        "tools[0].input_schema: Field required",
    ),
    ({"model": "m", "max_tokens": 5, "messages": HI, "tool_choice": {"type": "tool"}}, "tool_choice.name"),
    (
        {"model": "m", "max_tokens": 5, "messages": HI, "output_config": {"format": {"type": "xml"}}},
        "output_config.format.type",
    ),
]


async def test_wrong_requests_name_the_field() -> None:
    """Every wrong request is a 400 in Anthropic's shape that names what is wrong; no engine is asked."""
    async with open_plane(AnthropicSurface()) as plane:
        for body, words in WRONG:
            status, text, headers = await send(plane, "POST", "/v1/messages", body)
            error = json.loads(text)
            assert (status, error["type"]) == (400, "error"), (body, text)
            assert error["error"]["type"] == "invalid_request_error"
            assert words in error["error"]["message"]
            assert error["request_id"] == headers["request-id"]
    assert plane.seen == []


async def test_other_paths_and_methods() -> None:
    """Batches are not there; a GET of messages is wrong; other paths belong to others."""
    async with open_plane(AnthropicSurface()) as plane:
        status, text, _ = await send(plane, "GET", "/v1/messages/batches")
        assert (status, json.loads(text)["error"]["type"]) == (404, "not_found_error")
        status, _, _ = await send(plane, "GET", "/v1/messages")
        assert status == 400
    assert AnthropicSurface().route("POST", "/v1/chat/completions") is None
