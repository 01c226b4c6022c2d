"""The OpenAI provider against real sockets: our own surface as the engine, and streams cut to crumbs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from inhouse.dialects import openai
from inhouse.gateway.edge.providers.http import HttpClient, HttpLimits
from inhouse.gateway.edge.providers.openai import OpenAIProvider, is_official
from inhouse.gateway.profiles import PROFILES
from inhouse.kernel.errors import EngineOverloaded, EngineRefused, EngineUnfit, NoEngine, RateLimited
from inhouse.kernel.messages import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    EmbedRequest,
    Finished,
    ReasoningDelta,
    TextDelta,
    TokenScore,
    Tool,
    ToolDelta,
    Usage,
    UsageSeen,
)
from inhouse.serve.plane.openai import OpenAISurface
from tests.serve.plane.house import open_plane

ASK = ChatRequest((ChatMessage("user", "Сколько дней?"),))
EVENTS: list[ChatEvent] = [
    ReasoningDelta("Думаю — 28?"),
    TextDelta("Отпуск: ", (TokenScore("Отпуск: ", -0.25),)),
    TextDelta("28 дней 🏖."),
    ToolDelta(0, "c1", "save", '{"дни":28}'),
    UsageSeen(Usage(31, 9, 7, reasoning_tokens=4)),
    Finished("tool_calls"),
]


@asynccontextmanager
async def provider(url: str, *, official: bool | None = None) -> AsyncIterator[OpenAIProvider]:
    """A provider for an engine at that address."""
    http = HttpClient(HttpLimits())
    try:
        yield OpenAIProvider("up", url, PROFILES["openai"], http, key="k", official=official)
    finally:
        await http.close()


@asynccontextmanager
async def crumbs(data: bytes, size: int) -> AsyncIterator[tuple[str, list[int]]]:
    """An engine that answers anything with `data` in pieces of `size`; the list counts them."""
    sent: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for at in range(0, len(data), size):
            writer.write(data[at : at + size])
            await writer.drain()
            sent.append(at)
            await asyncio.sleep(0)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", sent
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_stream_in_crumbs(size: int) -> None:
    """U15: an answer that arrives in pieces of 1 to 3 bytes, also inside a letter, is the same answer."""
    writer = openai.EventWriter(reply_id="c", model="m", created=1)
    data = b"".join(map(writer.write, EVENTS))
    async with crumbs(data, size) as (url, sent), provider(url) as engine:
        assert [event async for event in engine.stream(ASK, "m")] == EVENTS
    assert len(sent) == -(-len(data) // size)
    # The control: read piece by piece as text, as a careless reader would, the letters break.
    with pytest.raises(UnicodeDecodeError):
        [data[at : at + size].decode() for at in range(0, len(data), size)]


async def test_our_own_surface_as_the_engine() -> None:
    """One inhouse behind another: request and answer mean the same on both sides of the wire."""
    request = ChatRequest(
        ASK.messages,
        max_tokens=50,
        temperature=0.5,
        stop=("x",),
        tools=(Tool("save", "Saves", '{"type":"object"}'),),
        thinking="high",
        top_logprobs=0,
        json_schema='{"type":"object"}',
    )
    async with open_plane(OpenAISurface(), scripts=(EVENTS,)) as plane, provider(plane.url) as engine:
        got = [event async for event in engine.stream(request, "m")]
        assert got == EVENTS
        seen = plane.request
        assert plane.gate.seen == ["k"]
    for name in ("messages", "max_tokens", "temperature", "stop", "tools", "thinking", "json_schema"):
        assert getattr(seen, name) == getattr(request, name)


async def test_vectors_of_an_engine() -> None:
    """Texts go out, rows of length one come back in their order, with usage."""
    async with open_plane(OpenAISurface()) as plane, provider(plane.url + "/v1") as engine:
        found = await engine.embed(EmbedRequest(("ab", "c"), dimensions=2), "m")
        assert [round(row[0] ** 2 + row[1] ** 2, 6) for row in found.vectors] == [1.0, 1.0]
        assert found.usage == Usage(4, 0)
        asked = plane.embedder.seen[0][0]
        assert (asked.inputs, asked.model, asked.dimensions) == (("ab", "c"), "m", 2)
        with pytest.raises(EngineUnfit, match=r"`up`: the model makes 3 dimensions instead of 5"):
            await engine.embed(EmbedRequest(("ab",), dimensions=5), "m")


async def test_refused_vectors_carry_the_engines_words() -> None:
    """A bad status is the kernel's error, located at the engine."""
    async with open_plane(OpenAISurface()) as plane, provider(plane.url) as engine:
        plane.embedder.error = NoEngine("no engine embeds")
        with pytest.raises(EngineOverloaded, match="no engine embeds") as busy:
            await engine.embed(EmbedRequest(("a",)), "m")
        assert busy.value.engine == "up"
        plane.embedder.error = RateLimited("slow down", retry_after_s=7)
        with pytest.raises(EngineOverloaded) as limited:
            await engine.embed(EmbedRequest(("a",)), "m")
        assert limited.value.retry_after_s == 7
        with pytest.raises(EngineRefused, match="empty text"):
            await engine.embed(EmbedRequest(("",)), "m")


@pytest.mark.slow
async def test_official_service_is_told_by_its_address() -> None:
    """OpenAI itself gets `max_completion_tokens`, everybody else `max_tokens`."""
    addresses = (
        "https://api.openai.com/v1",
        "https://eu.api.openai.com",
        "https://x.openai.azure.com/openai",
    )
    assert all(map(is_official, addresses))
    assert not any(
        map(is_official, ("http://127.0.0.1:8000", "https://openai.com.evil.example", "https://a"))
    )
    limited = ChatRequest(ASK.messages, max_tokens=5)
    for official, name in ((True, "max_completion_tokens"), (None, "max_tokens")):
        async with (
            open_plane(OpenAISurface()) as plane,
            provider(plane.url, official=official) as engine,
        ):
            assert [event async for event in engine.stream(limited, "m")][-1] == Finished()
            original = plane.request.original
            assert original is not None
            assert json.loads(original.body)[name] == 5
