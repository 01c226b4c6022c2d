"""Pulling and removing models through a loopback Ollama."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.model_store import HouseModels, OllamaModels
from inhouse.gateway.edge.model_store_files import ModelFiles
from inhouse.gateway.fleet import Engine
from inhouse.gateway.ports import ModelCard
from inhouse.kernel.errors import EngineBroke, EngineRefused, EngineTimeout, EngineUnreachable
from inhouse.ops.edge.logs import LogChoices, start_logging
from tests.gateway.test_model_store_files import GOOD, THINKS

LINES = {
    "good": b'{"status":"pulling manifest"}\n{"status":"pulling x","completed":5,"total":10}\n'
    b'{"status":"success"}\n',
    "lost": b'{"status":"pulling manifest"}\n',
    "unknown": b'{"status":"pulling manifest"}\n{"error":"pull model manifest: file does not exist"}\n',
    "garbage": b"<html>\n",
}


@asynccontextmanager
async def ollama() -> AsyncIterator[tuple[str, list[str]]]:
    """An address that speaks pull and delete, and the models it was asked for."""
    asked: list[str] = []

    async def pull(request: web.Request) -> web.StreamResponse:
        model = (await request.json())["model"]
        asked.append(model)
        reply = web.StreamResponse()
        await reply.prepare(request)
        if model == "silent":
            await asyncio.Event().wait()
        await reply.write(LINES[model])
        return reply

    async def delete(request: web.Request) -> web.Response:
        model = (await request.json())["model"]
        asked.append(model)
        return (
            web.Response()
            if model == "good"
            else web.json_response({"error": "model 'x' not found"}, status=404)
        )

    app = web.Application()
    app.router.add_post("/api/pull", pull)
    app.router.add_delete("/api/delete", delete)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}", asked
    await runner.cleanup()


@asynccontextmanager
async def served(*routes: web.RouteDef) -> AsyncIterator[str]:
    """The address of a server with these routes."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def store(url: str, silence_s: float = 5.0) -> OllamaModels:
    board = FleetBoard(time.time)
    board.show([Engine(name="box", kind="ollama", where="local", url=url, state="up", models=())])
    return OllamaModels(board, silence_s=silence_s)


async def test_pull_reports_until_success() -> None:
    """Every line of the download is a moment; the end is quiet."""
    async with ollama() as (url, asked):
        moments = [moment async for moment in store(url).pull("box", "good")]
    assert [(m.status, m.done_bytes, m.total_bytes) for m in moments] == [
        ("pulling manifest", None, None),
        ("pulling x", 5, 10),
        ("success", None, None),
    ]
    assert asked == ["good"]


@pytest.mark.parametrize(
    ("model", "error"),
    [("lost", EngineBroke), ("unknown", EngineRefused), ("garbage", EngineBroke), ("silent", EngineTimeout)],
)
async def test_pull_that_fails(model: str, error: type[Exception]) -> None:
    """A download that ends early, is declined, unreadable or silent is an error, and the engine was asked."""
    async with ollama() as (url, asked):
        with pytest.raises(error):
            async for _ in store(url, silence_s=0.2 if model == "silent" else 30.0).pull("box", model):
                pass
    assert asked == [model]


async def test_remove() -> None:
    """A model that is there goes; another one is named in the error."""
    async with ollama() as (url, asked):
        await store(url).remove("box", "good")
        with pytest.raises(EngineRefused, match="not found"):
            await store(url).remove("box", "x")
    assert asked == ["good", "x"]


async def test_no_engine() -> None:
    """An engine that is unknown or gone is said, with what can be done."""
    with pytest.raises(EngineRefused, match="models ls"):
        await store("http://127.0.0.1:1").remove("other", "x")
    with pytest.raises(EngineUnreachable):
        await store("http://127.0.0.1:1").remove("box", "x")


async def test_redirects_of_an_engine_are_not_followed() -> None:
    """What a model is to be made of goes to the engine of that address, or nowhere."""
    strangers: list[bytes] = []

    async def elsewhere(request: web.Request) -> web.Response:
        strangers.append(await request.read())
        return web.Response(body=b'{"status":"success"}\n')

    async def send_on(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async with served(
        web.post("/elsewhere", elsewhere), web.post("/api/create", send_on), web.post("/api/copy", send_on)
    ) as url:
        with pytest.raises(EngineRefused):
            _ = [each async for each in store(url).create("box", b'{"model":"m","system":"secret"}')]
        with pytest.raises(EngineRefused):
            await store(url).copy("box", "a", "b")
    assert strangers == []


async def test_a_made_model_runs_here() -> None:
    """Fields that would make the engine ask another host, in any case of letters, never reach it."""
    bodies: list[dict[str, object]] = []

    async def create(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        return web.Response(body=b'{"status":"success"}\n')

    body = (
        b'{"model":"m","from":"tiny","FROM":"far:cloud","remote_host":"https://ollama.com",'
        b'"Remote_Host":"x","system":"be kind","stream":false}'
    )
    async with served(web.post("/api/create", create)) as url:
        _ = [each async for each in store(url).create("box", body)]
    assert bodies == [{"model": "m", "from": "tiny", "system": "be kind", "stream": True}]


SHOWN = {
    "template": "{{ .Prompt }}",
    "system": "Be kind.",
    "parameters": "stop x",
    "license": "MIT",
    "model_info": {"general.architecture": "qwen2"},
}


async def test_what_comes_with_a_model(tmp_path: Path) -> None:
    """Its Ollama is asked for the words that come with it; a file of this house has its own template."""

    async def show(request: web.Request) -> web.Response:
        known = (await request.json()) == {"model": "q:7b"}
        reply = SHOWN if known else {"error": "model 'x' not found"}
        return web.json_response(reply, status=200 if known else 404)

    async with served(web.post("/api/show", show)) as url:
        board = FleetBoard(time.time)
        board.show(
            [Engine("box", "ollama", "local", url, "up"), Engine("far", "vllm", "local", "http://x", "up")]
        )
        (tmp_path / "own.gguf").write_bytes(GOOD)
        models = HouseModels(board, ModelFiles(tmp_path, clock=lambda: time.time() + 60, margin_bytes=0))
        assert await models.card("box", "q:7b") == ModelCard("{{ .Prompt }}", "Be kind.", "stop x", "MIT")
        assert await models.card("embedded", "own") == ModelCard(template=THINKS)
        assert await models.card("far", "q:7b") == ModelCard()


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [(b"{}", 404, "declined"), (b"<html>", 200, "unreadable"), (b"{" + b" " * 20_000_000, 200, "unreadable")],
    ids=["unknown", "garbage", "endless"],
)
async def test_a_model_is_shown_without_what_its_engine_does_not_tell(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, body: bytes, status: int, said: str
) -> None:
    """The card stays empty, and the log says why; what an engine sends is bounded."""

    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=body, status=status)

    start_logging(LogChoices())
    async with served(web.post("/api/show", show)) as url:
        board = FleetBoard(time.time)
        board.show([Engine("box", "ollama", "local", url, "up")])
        models = HouseModels(board, ModelFiles(tmp_path, clock=time.time))
        assert await models.card("box", "q:7b") == ModelCard()
    assert "model_card_not_read" in caplog.text
    assert said in caplog.text
