"""Ollama's API, judged by its own Python client and by raw bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import ollama
import pytest
from aiohttp import ClientSession

from inhouse.gateway.edge.providers.scripted import Scene
from inhouse.kernel.caller import Grant, Scope
from inhouse.kernel.errors import EngineOverloaded, EngineRefused
from inhouse.kernel.messages import (
    Alternative,
    Failed,
    Finished,
    Image,
    ReasoningDelta,
    TextDelta,
    Timing,
    TokenScore,
    Tool,
    ToolCall,
    ToolDelta,
    Usage,
    UsageSeen,
)
from inhouse.serve.plane.ollama import OllamaSurface
from inhouse.serve.plane.parts import Offer
from tests.serve.plane.house import HELLO, FakeGate, Plane, open_plane

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
ALL: frozenset[Scope] = frozenset({"chat", "embed", "models", "pull"})
HI = [{"role": "user", "content": "hi"}]


@asynccontextmanager
async def client(plane: Plane, **headers: str) -> AsyncIterator[ollama.AsyncClient]:
    """The real client, pointed at us; its connections end with the block."""
    made = ollama.AsyncClient(host=plane.url, headers=headers)
    try:
        yield made
    finally:
        await made._client.aclose()


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


async def error_of(plane: Plane, path: str, body: object) -> tuple[int, str]:
    """Status and words of a refusal."""
    status, text, headers = await send(plane, "POST", path, body)
    assert headers["content-type"].startswith("application/json")
    return status, json.loads(text)["error"]


async def test_chat_whole() -> None:
    """The client's `chat` gives text, counts and durations, and echoes the name as it was asked for."""
    async with open_plane(OllamaSurface(), models=("qwen2.5:7b",)) as plane, client(plane) as real:
        reply = await real.chat("Qwen2.5:7B", HI)
    assert reply.message.content == "Leave is 28 days."
    assert (reply.model, reply.done, reply.done_reason) == ("Qwen2.5:7B", True, "stop")
    assert (reply.prompt_eval_count, reply.eval_count) == (21, 3)
    assert plane.row.outcome == "ok"


async def test_chat_stream() -> None:
    """The client's stream gives every piece, and the counts with the last one."""
    async with open_plane(OllamaSurface()) as plane, client(plane) as real:
        parts = [each async for each in await real.chat("m:latest", HI, stream=True)]
    assert [each.message.content for each in parts] == ["Leave is ", "28 days.", ""]
    assert [each.done for each in parts] == [False, False, True]
    assert parts[-1].eval_count == 3


async def test_every_field_reaches_the_engine() -> None:
    """Tools, pictures, thinking, sampling, format and keep_alive arrive as kernel words."""

    def weather(city: str) -> str:
        """Tell the weather.

        Args:
          city: where
        """
        return city

    call = {"function": {"name": "weather", "arguments": {"city": "Ufa"}}}
    options = {
        "temperature": 0.5,
        "num_predict": 7,
        "num_ctx": 8192,
        "stop": ["x"],
        "top_k": 3,
        "mirostat": 2,
    }
    messages: list[dict[str, Any]] = [
        {"role": "System", "content": "be kind"},
        {"role": "user", "content": "what is it?", "images": [PIXEL]},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "content": "sun", "tool_name": "weather"},
    ]
    script = (TextDelta("{}"), Finished())
    async with open_plane(OllamaSurface(), scripts=(script,)) as plane, client(plane) as real:
        await real.chat(
            "m",
            messages,
            tools=[weather],
            think="low",
            format={"type": "object"},
            options=options,
            keep_alive="1m30s",
            logprobs=True,
            top_logprobs=2,
        )
    got = plane.request
    assert [each.role for each in got.messages] == ["system", "user", "assistant", "tool"]
    assert got.messages[1].images == (Image("image/png", PIXEL),)
    assert got.messages[2].tool_calls == (ToolCall("", "weather", '{"city":"Ufa"}'),)
    assert got.messages[3].tool_name == "weather"
    assert (got.tools[0].name, got.tools[0].description) == ("weather", "Tell the weather.")
    assert json.loads(got.tools[0].parameters)["required"] == ["city"]
    assert json.loads(got.json_schema or "") == {"type": "object"}
    assert (got.temperature, got.max_tokens, got.context_tokens, got.top_k) == (0.5, 7, 8192, 3)
    assert (got.stop, got.thinking, got.keep_alive_s, got.top_logprobs) == (("x",), "low", 90.0, 2)
    assert isinstance(got.tools[0], Tool)


async def test_thinking_tools_and_scores_come_back() -> None:
    """Thinking, a tool call put together from its fragments, and log-probabilities, whole and streamed."""
    script: tuple[Scene, ...] = (
        ReasoningDelta("hm"),
        TextDelta("a", (TokenScore("a", -0.5, (Alternative("b", -1.5),)),)),
        ToolDelta(0, "c1", "f", '{"x"'),
        ToolDelta(0, "", "", ": 1}"),
        ToolDelta(1, "c2", "g", ""),
        UsageSeen(Usage(2, 3), Timing(7, 8, 9)),
        Finished("tool_calls"),
    )
    async with open_plane(OllamaSurface(), scripts=(script, script)) as plane, client(plane) as real:
        whole = await real.chat("m", HI, think=True, logprobs=True)
        parts = [each async for each in await real.chat("m", HI, stream=True)]
    assert (whole.message.thinking, whole.message.content) == ("hm", "a")
    for calls in (whole.message.tool_calls, parts[2].message.tool_calls):
        assert [(each.function.name, each.function.arguments) for each in calls or ()] == [
            ("f", {"x": 1}),
            ("g", {}),
        ]
    assert whole.logprobs is not None
    assert (whole.logprobs[0].token, whole.logprobs[0].logprob) == ("a", -0.5)
    assert (whole.load_duration, whole.prompt_eval_duration, whole.eval_duration) == (7, 8, 9)
    assert (parts[0].message.thinking, parts[-1].eval_duration) == ("hm", 9)


async def test_arguments_that_are_no_object_fail() -> None:
    """A tool call that this dialect cannot say is an error, before and after the first line."""
    script = (ToolDelta(0, "", "f", '{"x'), Finished("length"))
    async with open_plane(OllamaSurface(), scripts=(script, script)) as plane:
        status, words = await error_of(plane, "/api/chat", {"model": "m", "messages": HI, "stream": False})
        _status, body, _headers = await send(plane, "POST", "/api/chat", {"model": "m", "messages": HI})
    assert status == 502
    assert "no JSON object" in words
    assert json.loads(body) == {"error": words}


async def test_generate_as_the_plans_call_it() -> None:
    """The first plan's `curl /api/generate` body with curl's own content type, and its Python client."""
    async with (
        open_plane(OllamaSurface(), scripts=(HELLO, HELLO), models=("llama3.2:latest",)) as plane,
        client(plane) as real,
    ):
        body = b'{"model": "llama3.2", "prompt": "Why is the sky blue?", "stream": false}'
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        status, text, _headers = await send(plane, "POST", "/api/generate", body, **form)
        reply = await real.generate("llama3.2", "hi", system="be kind", options={"temperature": 0})
    found = json.loads(text)
    assert (status, found["response"], found["done"]) == (200, "Leave is 28 days.", True)
    assert (found["eval_count"], found["prompt_eval_count"], found["model"]) == (3, 21, "llama3.2")
    assert reply.response == "Leave is 28 days."
    request = plane.seen[1][0]
    assert [(each.role, each.content) for each in request.messages] == [("system", "be kind"), ("user", "hi")]


async def test_generate_keeps_its_context() -> None:
    """The numbers of one answer bring the whole conversation back with the next prompt."""
    async with open_plane(OllamaSurface(), scripts=(HELLO, HELLO)) as plane, client(plane) as real:
        lines = [each async for each in await real.generate("m", "How long?", stream=True)]
        await real.generate("m", "And more?", context=lines[-1].context)
        refused = await error_of(plane, "/api/generate", {"model": "m", "prompt": "x", "context": [1, 2, 3]})
    assert [each.response for each in lines] == ["Leave is ", "28 days.", ""]
    assert [(each.role, each.content) for each in plane.seen[1][0].messages] == [
        ("user", "How long?"),
        ("assistant", "Leave is 28 days."),
        ("user", "And more?"),
    ]
    assert refused[0] == 400
    assert "not written by this server" in refused[1]


async def test_lines_are_framed_exactly() -> None:
    """Every line is one document with a name and a time; there is no blank line and no other byte."""
    async with open_plane(OllamaSurface()) as plane:
        status, body, headers = await send(plane, "POST", "/api/chat", {"model": "m", "messages": HI})
    assert (status, headers["content-type"]) == (200, "application/x-ndjson")
    lines = body.split(b"\n")
    assert lines.pop() == b""
    for line in lines:
        found = json.loads(line)
        assert found["model"] == "m"
        assert found["created_at"].endswith("Z")
        assert found["message"]["role"] == "assistant"
    assert (headers["x-inhouse-engine"], headers["x-inhouse-model"]) == ("house", "m")


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/api/chat", b"", 400, "missing request body"),
        ("/api/generate", b"", 400, "missing request body"),
        ("/api/embed", b"", 400, "missing request body"),
        ("/api/show", b"", 400, "missing request body"),
        ("/api/chat", b'{"model": ', 400, "JSON"),
        ("/api/chat", b'{"model": 5}', 400, "model"),
        ("/api/chat", b"[" * 100_000, 400, ""),
        ("/api/chat", {"messages": HI}, 400, "model is required"),
        ("/api/generate", {"prompt": "x"}, 404, "model '' not found"),
        ("/api/chat", {"model": "nope", "messages": HI}, 404, "model 'nope' not found"),
        ("/api/generate", {"model": "nope", "prompt": "x"}, 404, "model 'nope' not found"),
        ("/api/generate", {"model": "nope"}, 404, "model 'nope' not found"),
        ("/api/show", {"model": "nope"}, 404, "model 'nope' not found"),
        ("/api/show", {}, 400, "model is required"),
        ("/api/chat", {"model": "gpt-oss:120b-cloud", "messages": HI}, 403, "cloud is disabled"),
        ("/api/chat", {"model": "glm:cloud", "messages": HI}, 403, "cloud is disabled"),
        ("/api/chat", {"model": "m", "messages": HI, "options": {"num_ctx": "x"}}, 500,
         'option "num_ctx" must be of type integer'),
        ("/api/chat", {"model": "m", "messages": HI, "options": {"stop": "x"}}, 500, "must be of type array"),
        ("/api/chat", {"model": "m", "messages": HI, "format": "xml"}, 400, "invalid format"),
        ("/api/chat", {"model": "m", "messages": HI, "think": "much"}, 400, "invalid think value"),
        ("/api/chat", {"model": "m", "messages": HI, "keep_alive": "soon"}, 400, "invalid duration"),
        ("/api/chat", {"model": "m", "messages": HI, "top_logprobs": 21}, 400, "between 0 and 20"),
        ("/api/generate", {"model": "m", "prompt": "x", "images": ["%%"]}, 400, "illegal base64"),
        ("/api/generate", {"model": "m", "prompt": "x", "images": ["AAAA"]}, 400, "images[0]"),
        ("/api/chat", {"model": "m", "messages": [{"role": "judge"}]}, 400, "messages[0].role"),
        ("/api/chat", {"model": "vectors", "messages": HI}, 400, '"vectors" does not support chat'),
        ("/api/generate", {"model": "vectors", "prompt": "x"}, 400, '"vectors" does not support generate'),
        ("/api/generate", {"model": "m", "prompt": "x", "raw": True, "system": "y"}, 400, "raw mode"),
        ("/api/generate", {"model": "m", "prompt": "x", "suffix": "y"}, 400, "does not support"),
        ("/api/embed", {"model": "m", "input": [1]}, 400, "invalid input type"),
        ("/api/embed", {"input": "x"}, 400, "model is required"),
        ("/api/push", {"model": "m"}, 403, "no model out of the house"),
        ("/api/me", b"", 404, "no account"),
    ],
)  # fmt: skip
async def test_refusals(path: str, body: object, status: int, words: str) -> None:
    """Every refusal has its status and its words as `{"error": …}`, and no engine is asked."""
    offers = (
        Offer("m", "house", "scripted", "local"),
        Offer("vectors", "house", "scripted", "local", capabilities=("embedding",)),
    )
    async with open_plane(OllamaSurface(), offers=offers) as plane:
        found = await error_of(plane, path, body)
        assert plane.seen == []
    assert found[0] == status
    assert words in found[1]


async def test_paths_and_methods() -> None:
    """The root, the version, and the bare texts for a wrong method and an unknown path."""
    async with open_plane(OllamaSurface()) as plane:
        assert (await send(plane, "GET", "/api/"))[:2] == (200, b"Ollama is running")
        assert (await send(plane, "HEAD", "/api/"))[:2] == (200, b"")
        assert json.loads((await send(plane, "GET", "/api/version"))[1]) == {
            "version": "0.33.0",
            "inhouse": "1.2.3",
        }
        assert (await send(plane, "GET", "/api/chat"))[:2] == (405, b"405 method not allowed")
        assert (await send(plane, "DELETE", "/api/blobs/sha256:0"))[:2] == (405, b"405 method not allowed")
        assert (await send(plane, "GET", "/api/nothing"))[:2] == (404, b"404 page not found")
        assert (await send(plane, "POST", "/api/experimental/web_search"))[0] == 404
        assert json.loads((await send(plane, "GET", "/api/status"))[1])["cloud"]["disabled"] is True
        assert b"There is nothing at" in (await send(plane, "GET", "/api/nl/health"))[1]


async def test_vectors() -> None:
    """`embed` gives rows of length 1 for one and for many texts, `embeddings` the vector as it is."""
    async with open_plane(OllamaSurface()) as plane, client(plane) as real:
        one = await real.embed("m", "abcd", dimensions=2)
        many = await real.embed("m", ["abcd", "x"])
        none = await real.embed("m", "")
        old = await real.embeddings("m", "abcd")
        plane.catalogue.all = ()
        status, text, _headers = await send(plane, "POST", "/api/embed", {"model": "zz", "input": ""})
    assert list(one.embeddings) == [pytest.approx([4 / 16.25**0.5, 0.5 / 16.25**0.5])]
    assert [round(sum(value * value for value in row), 6) for row in many.embeddings] == [1.0, 1.0]
    assert (one.prompt_eval_count, many.prompt_eval_count, list(none.embeddings)) == (2, 4, [])
    assert list(old.embedding) == [4.0, 0.5, -2.0]
    assert [each[0].normalise for each in plane.embedder.seen] == [True, True, False]
    assert (status, json.loads(text)["error"]) == (404, 'model "zz" not found, try pulling it first')


async def test_load_and_unload() -> None:
    """A request without words loads or unloads: the engine is asked where its models come and go."""
    offers = (Offer("m", "house", "ollama", "local"), Offer("w", "far", "vllm", "local"))
    script = (Finished(),)
    async with (
        open_plane(OllamaSurface(), scripts=(script, script), offers=offers) as plane,
        client(plane) as real,
    ):
        loaded = await real.generate("m")
        unloaded = await real.chat("m", [], keep_alive=0)
        already = await real.generate("w")
    assert [each.done_reason for each in (loaded, unloaded, already)] == ["load", "unload", "load"]
    assert [(request.messages, request.keep_alive_s) for request, _model in plane.seen] == [
        ((), None),
        ((), 0.0),
    ]


LATE: tuple[Scene, ...] = (TextDelta("a"), Failed("engine_broke", "the runner died"))


async def test_fault_before_the_first_piece() -> None:
    """It has a status of its own, and the engine's advice when to come back."""
    busy = EngineOverloaded("server busy, please try again", retry_after_s=3)
    async with open_plane(OllamaSurface(), scripts=((busy,),)) as plane:
        status, body, headers = await send(plane, "POST", "/api/chat", {"model": "m", "messages": HI})
    assert (status, headers["retry-after"]) == (503, "3")
    assert "server busy" in json.loads(body)["error"]
    assert plane.row.outcome == "failed"


async def test_fault_after_the_first_piece() -> None:
    """It is the last line, after a status that said all was well."""
    async with open_plane(OllamaSurface(), scripts=(LATE,)) as plane:
        status, body, _headers = await send(plane, "POST", "/api/chat", {"model": "m", "messages": HI})
    lines = [json.loads(line) for line in body.splitlines()]
    assert (status, lines[-1]) == (200, {"error": "the runner died"})
    assert plane.row.outcome == "partial"


async def test_fault_of_a_whole_answer() -> None:
    """A late failure is a status while nothing was sent; what an engine declines is the caller's fault."""
    async with open_plane(OllamaSurface(), scripts=(LATE,)) as plane, client(plane) as real:
        with pytest.raises(ollama.ResponseError) as broke:
            await real.chat("m", HI)
    refusal = EngineRefused('"m" does not support thinking')
    async with open_plane(OllamaSurface(), scripts=((refusal,),)) as plane, client(plane) as real:
        with pytest.raises(ollama.ResponseError) as refused:
            await real.chat("m", HI, think=True)
    assert (broke.value.status_code, refused.value.status_code) == (502, 400)


async def test_keys_and_scopes() -> None:
    """A key is for what it is for; without `pull` nobody changes which models are there."""
    gate = FakeGate(keys={"ih_x": Grant("x", scopes=frozenset({"models"}))})
    async with open_plane(OllamaSurface(), gate=gate) as plane:
        async with client(plane, Authorization="Bearer ih_x") as known:
            await known.list()
            with pytest.raises(ollama.ResponseError) as chat:
                await known.chat("m", HI)
        async with client(plane, Authorization="Bearer bad") as stranger:
            with pytest.raises(ollama.ResponseError) as wrong:
                await stranger.list()
        refused = [
            (await send(plane, method, path, {"model": "m"}))[0]
            for method, path in (
                ("POST", "/api/pull"),
                ("POST", "/api/create"),
                ("POST", "/api/copy"),
                ("DELETE", "/api/delete"),
                ("POST", "/api/blobs/sha256:" + "0" * 64),
            )
        ]
    assert (chat.value.status_code, wrong.value.status_code) == (403, 401)
    assert refused == [403] * 5


async def test_pull_and_delete() -> None:
    """Progress reaches the client line by line or as its last word; an unknown model is its error."""
    gate = FakeGate(default=Grant(scopes=ALL))
    async with open_plane(OllamaSurface(), gate=gate) as plane, client(plane) as real:
        steps = [each async for each in await real.pull("new:7b", stream=True)]
        last = await real.pull("new:7b")
        await real.delete("new:7b")
        with pytest.raises(ollama.ResponseError) as unknown:
            await real.delete("missing")
        with pytest.raises(ollama.ResponseError):
            await real.pull("missing")
        with pytest.raises(ollama.ResponseError) as cloud:
            await real.pull("glm:cloud")
    assert [(each.status, each.completed, each.total) for each in steps][1] == (
        "pulling 0123456789ab",
        50,
        100,
    )
    assert last.status == "success"
    assert plane.models.removed == [("", "new:7b")]
    assert (unknown.value.status_code, unknown.value.error) == (404, "model 'missing' not found")
    assert cloud.value.status_code == 403


async def test_request_cut_anywhere() -> None:
    """A request that arrives in two pieces, cut at any byte, gets the same answer."""
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Привет"}]}, ensure_ascii=False)
    head = f"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body.encode())}\r\n"
    raw = (head + "Connection: close\r\n\r\n").encode() + body.encode()
    cuts = range(1, len(raw), 7)
    async with open_plane(OllamaSurface(), scripts=[HELLO] * len(cuts)) as plane:
        for cut in cuts:
            reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
            writer.write(raw[:cut])
            await writer.drain()
            await asyncio.sleep(0)
            writer.write(raw[cut:])
            answer = await reader.read()
            writer.close()
            assert answer.startswith(b"HTTP/1.1 200")
            assert b'"done":true' in answer
    assert {request.messages[0].content for request, _model in plane.seen} == {"Привет"}


class Endless:
    """A provider that writes until it is closed, and remembers that it was."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    async def stream(self, _request: object, _model: str) -> AsyncIterator[TextDelta]:
        """A word, then one more whenever the loop has time."""
        try:
            while True:
                yield TextDelta("more ")
                await asyncio.sleep(0)
        finally:
            self.closed.set()


async def test_a_reader_who_leaves_ends_the_work() -> None:
    """The engine's generator is closed within a second of the client's going, and the row says cancelled."""
    endless = Endless()
    async with open_plane(OllamaSurface(), provider=endless) as plane, client(plane) as real:  # type: ignore[arg-type]
        async for _part in await real.chat("m", HI, stream=True):
            break
        await asyncio.wait_for(endless.closed.wait(), 1)
    assert plane.row.outcome == "cancelled"
    assert plane.gate.under_way == 0
