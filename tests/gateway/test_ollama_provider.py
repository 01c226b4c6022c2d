"""The provider for an Ollama engine: what it asks of the engine, and what it makes of the replies."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from inhouse.dialects import ollama
from inhouse.gateway.edge.providers.http import HttpClient
from inhouse.gateway.edge.providers.ollama import OllamaProvider
from inhouse.kernel.errors import EngineBroke, EngineRefused, EngineUnfit
from inhouse.kernel.messages import (
    ChatMessage,
    ChatRequest,
    EmbedRequest,
    Finished,
    ReasoningDelta,
    TextDelta,
    Timing,
    Usage,
    UsageSeen,
)
from tests.gateway.house import PATIENT

REPLIES = {
    "/api/chat": b'{"message":{"role":"assistant","content":"","thinking":"hm"},"done":false}\n'
    b'{"message":{"role":"assistant","content":"Hi"},"done":false}\n'
    b'{"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","eval_count":2,'
    b'"prompt_eval_count":9,"load_duration":5,"prompt_eval_duration":6,"eval_duration":7}\n',
    "/api/generate": b'{"response":"Hi","done":false}\n{"response":"","done":true,"done_reason":"stop"}\n',
    "/api/embed": b'{"embeddings":[[0.6,0.8],[1.0,0.0]],"prompt_eval_count":4}',
    "/api/embeddings": b'{"embedding":[3.0,4.0]}',
}


@asynccontextmanager
async def engine() -> AsyncIterator[tuple[OllamaProvider, list[tuple[str, dict[str, object]]]]]:
    """A provider, and every path and body that its engine was sent."""
    asked: list[tuple[str, dict[str, object]]] = []

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        asked.append((request.path, body))
        if body["model"] == "bad":
            return web.json_response({"error": 'model "bad" not found, try pulling it first'}, status=404)
        kind = "application/json" if "embed" in request.path else "application/x-ndjson"
        return web.Response(body=REPLIES[request.path], content_type=kind)

    app = web.Application()
    app.router.add_post("/api/{name}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    http = HttpClient(PATIENT)
    host, port = runner.addresses[0][:2]
    try:
        yield OllamaProvider("box", f"http://{host}:{port}", http), asked
    finally:
        await http.close()
        await runner.cleanup()


async def test_chat_in_the_engines_words() -> None:
    """A kernel request becomes a chat with a context that holds it; thinking and times come back."""
    request = ChatRequest((ChatMessage("user", "hi"),), top_k=3, min_p=0.1, thinking="on", keep_alive_s=-5)
    async with engine() as (provider, asked):
        events = [event async for event in provider.stream(request, "m")]
    assert events == [
        ReasoningDelta("hm"),
        TextDelta("Hi"),
        UsageSeen(Usage(9, 2), Timing(5, 6, 7)),
        Finished(),
    ]
    assert asked == [
        (
            "/api/chat",
            {
                "model": "m",
                "messages": [{"role": "user", "content": "hi"}],
                "options": {"top_k": 3, "min_p": 0.1, "num_ctx": 4096},
                "think": True,
                "keep_alive": -1,
                "stream": True,
            },
        )
    ]


async def test_a_request_of_the_same_dialect_keeps_its_options() -> None:
    """What the kernel has no word for goes on; the model, the stream and the context are ours to say."""
    body = {
        "model": "alias",
        "stream": False,
        "messages": [{"role": "User", "content": "hi", "images": []}],
        "options": {"mirostat": 2, "num_gpu": 1},
        "_debug_render_only": True,
    }
    request = ollama.read_request(json.dumps(body).encode())
    async with engine() as (provider, asked):
        _events = [event async for event in provider.stream(request, "m")]
    ((_path, sent),) = asked
    assert sent == {
        "model": "m",
        "stream": True,
        "messages": [{"role": "user", "content": "hi", "images": []}],
        "options": {"mirostat": 2, "num_gpu": 1, "num_ctx": 4096},
    }


async def test_text_below_the_chat_goes_to_generate() -> None:
    """`raw`, `suffix` and `template` reach the engine's own generate as they came."""
    request = ollama.read_generate(b'{"model":"m","prompt":"def f(","suffix":"return 1","stream":false}')
    async with engine() as (provider, asked):
        events = [event async for event in provider.stream(request, "m")]
    assert events == [TextDelta("Hi"), Finished()]
    assert asked[0] == (
        "/api/generate",
        {
            "model": "m",
            "prompt": "def f(",
            "suffix": "return 1",
            "options": {"num_ctx": 4096},
            "stream": True,
        },
    )


async def test_vectors() -> None:
    """Rows of length 1 come from `embed` at once, others from `embeddings` one by one; lies are noticed."""
    async with engine() as (provider, asked):
        rows = await provider.embed(EmbedRequest(("a", "b"), dimensions=2, truncate=False), "m")
        raw = await provider.embed(EmbedRequest(("a", "b"), normalise=False), "m")
        with pytest.raises(EngineBroke, match="2 vectors for 1 texts"):
            await provider.embed(EmbedRequest(("a",)), "m")
        with pytest.raises(EngineRefused, match=r"`box`.*not found"):
            await provider.embed(EmbedRequest(("a",)), "bad")
        with pytest.raises(EngineUnfit, match="`box`: the model makes 2 dimensions instead of 3"):
            await provider.embed(EmbedRequest(("a", "b"), dimensions=3), "m")
        with pytest.raises(EngineUnfit, match="2 dimensions instead of 3"):
            await provider.embed(EmbedRequest(("a",), dimensions=3, normalise=False), "m")
    assert (rows.vectors, rows.usage) == (((0.6, 0.8), (1.0, 0.0)), Usage(4, 0))
    assert raw.vectors == ((3.0, 4.0), (3.0, 4.0))
    assert raw.usage.estimated
    assert asked[0] == ("/api/embed", {"model": "m", "input": ["a", "b"], "truncate": False, "dimensions": 2})
    assert [path for path, _body in asked[1:3]] == ["/api/embeddings", "/api/embeddings"]
