"""Models made, copied, fetched and removed by Ollama's own client, in a real store on disk."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import ollama
import pytest
from aiohttp import ClientSession

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.model_store import HouseModels
from inhouse.gateway.edge.model_store_files import ModelFiles
from inhouse.gateway.ports import PullProgress
from inhouse.kernel.caller import Grant
from inhouse.serve.plane.ollama import OllamaSurface
from inhouse.serve.plane.parts import Offer
from tests.gateway.test_model_store_files import GOOD, NOW, SHA, THINKS, depot
from tests.serve.plane.house import FakeGate, Plane, open_plane

GRANT = Grant(scopes=frozenset({"chat", "models", "pull"}))


@asynccontextmanager
async def shop(home: Path) -> AsyncIterator[tuple[Plane, HouseModels, ollama.AsyncClient]]:
    """The surface over a real store, and the real client."""
    store = HouseModels(
        FleetBoard(lambda: NOW), ModelFiles(home / "models", clock=lambda: NOW, margin_bytes=0)
    )
    offers = (Offer("tiny", "embedded", "embedded", "local", capabilities=("completion", "tools")),)
    async with open_plane(
        OllamaSurface(), gate=FakeGate(default=GRANT), offers=offers, shelves=store, max_body_bytes=10_000
    ) as plane:
        client = ollama.AsyncClient(host=plane.url)
        try:
            yield plane, store, client
        finally:
            await client._client.aclose()


def names(store: HouseModels) -> list[str]:
    """What is installed."""
    return [each.name for each in store.installed()]


async def until(true: Callable[[], bool]) -> None:
    """Wait for the disk, which tells nobody."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.01)


async def test_upload_create_show_copy_delete(tmp_path: Path) -> None:
    """A file far over the limit of bodies comes in piece by piece, and its head is what `show` tells."""
    file = tmp_path / "model.gguf"
    file.write_bytes(GOOD)
    async with shop(tmp_path) as (_plane, store, client):
        digest = await client.create_blob(file)
        assert digest == f"sha256:{SHA}"
        assert await client.create_blob(file) == digest
        steps = [
            each async for each in await client.create("tiny", files={"model.gguf": digest}, stream=True)
        ]
        shown = await client.show("Tiny:latest")
        await client.copy("tiny", "second:8b")
        assert names(store) == ["second:8b", "tiny"]
        await client.create("third", from_="tiny")
        for name in ("tiny", "second:8b", "third"):
            await client.delete(name)
        assert names(store) == []
        with pytest.raises(ollama.ResponseError) as gone:
            await client.delete("tiny")
        with pytest.raises(ollama.ResponseError) as unknown:
            await client.copy("tiny", "x")
    assert [each.status for each in steps] == ["parsing GGUF", "writing manifest", "success"]
    assert shown.template == THINKS
    assert shown.modelinfo == {
        "general.architecture": "qwen3",
        "general.parameter_count": 600_000,
        "qwen3.context_length": 40960,
        "qwen3.embedding_length": 1024,
    }
    assert shown.details is not None
    assert (shown.details.format, shown.details.quantization_level) == ("gguf", "Q4_K_M")
    assert (gone.value.status_code, gone.value.error) == (404, "model 'tiny' not found")
    assert (unknown.value.status_code, unknown.value.error) == (404, 'model "tiny" not found')


async def test_blobs_as_raw_requests(tmp_path: Path) -> None:
    """201, 200 and 404 as Ollama gives them; wrong bytes, a wrong digest and an unknown blob are refused."""
    async with shop(tmp_path) as (plane, _store, _client), ClientSession(plane.url) as session:

        async def status(method: str, digest: str, data: bytes = b"") -> tuple[int, bytes]:
            async with session.request(method, f"/api/blobs/{digest}", data=io.BytesIO(data)) as reply:
                return reply.status, await reply.read()

        good = f"sha256:{SHA}"
        assert await status("HEAD", good) == (404, b"")
        assert (await status("POST", good, GOOD))[0] == 201
        assert (await status("POST", good, GOOD))[0] == 200
        assert await status("HEAD", good) == (200, b"")
        wrong = await status("POST", "sha256:" + "0" * 64, b"x")
        assert wrong[0] == 400
        assert b"digest mismatch" in wrong[1]
        assert (await status("POST", "sha256:zz", b"x"))[0] == 400
        create = {"model": "x", "files": {"a": "sha256:" + "1" * 64}, "stream": False}
        async with session.post("/api/create", json=create) as reply:
            assert reply.status == 404
        for body, words in (
            ({"model": "x"}, "neither 'from' or 'files'"),
            ({"files": {"a": good}}, "model is required"),
            ({"model": "x", "from": "tiny", "system": "be kind"}, "`system` cannot be changed"),
            ({"model": "x:cloud", "from": "tiny"}, "cloud"),
        ):
            async with session.post("/api/create", json=body) as reply:
                assert reply.status in (400, 403)
                assert words in (await reply.json())["error"]


async def test_pull_of_an_address(tmp_path: Path) -> None:
    """The client sees the bytes come in; what is wrong after the first line is its last line."""
    async with depot() as server, shop(tmp_path) as (_plane, store, client):
        steps = [each async for each in await client.pull(f"{server.url}#sha256={SHA}", stream=True)]
        assert names(store) == ["tiny-1b.q4_k_m"]
        assert (await client.pull(server.url)).status == "success"
        server.data = b"<html>" * 1000
        server.etag = '"v2"'
        with pytest.raises(ollama.ResponseError, match="no GGUF file"):
            async for _step in await client.pull(server.url, stream=True):
                pass
        with pytest.raises(ollama.ResponseError) as named:
            await client.pull("qwen2.5:7b")
    loading = [each for each in steps if each.total]
    assert loading[-1].completed == loading[-1].total == len(GOOD)
    assert {each.digest for each in loading} == {f"sha256:{SHA}"}
    assert steps[-1].status == "success"
    assert named.value.status_code == 503
    assert ".gguf" in named.value.error


async def test_a_reader_who_leaves_ends_the_download(tmp_path: Path) -> None:
    """The download stops with its reader, and what came is kept for the next time."""
    async with (
        depot(faults=1, cut=5_000_000, silent=True) as server,
        shop(tmp_path) as (_plane, store, client),
    ):
        async for step in await client.pull(server.url, stream=True):
            if step.completed:
                break
        await client._client.aclose()
        incoming = tmp_path / "models" / "incoming"
        part = next(each for each in incoming.iterdir() if not each.suffix)
        await until(lambda: bool(part.stat().st_size))
        again = [moment async for moment in store.pull("", server.url)]
    assert again[-1] == PullProgress("success")
    assert server.ranges[-1] is not None
    assert store.installed()[0].sha256 == hashlib.sha256(GOOD).hexdigest()


async def test_a_sender_who_leaves_leaves_nothing(tmp_path: Path) -> None:
    """Half an upload is gone with its sender, and the next one begins anew."""
    async with shop(tmp_path) as (plane, store, _client):
        _reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
        head = (
            f"POST /api/blobs/sha256:{SHA} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(GOOD)}\r\n\r\n"
        )
        writer.write(head.encode() + GOOD[:100_000])
        await writer.drain()
        incoming = tmp_path / "models" / "incoming"
        await until(lambda: incoming.is_dir() and bool(list(incoming.iterdir())))
        writer.close()
        await until(lambda: not list(incoming.iterdir()))
        assert not await store.has_blob(f"sha256:{SHA}")


async def test_create_on_an_ollama(tmp_path: Path) -> None:
    """A model made of one of an Ollama engine's is made there, with everything that was asked."""

    class Store(HouseModels):
        """Remembers what it was to hand on."""

        sent: tuple[str, bytes] = ("", b"")

        async def create_there(self, engine: str, body: bytes) -> AsyncIterator[PullProgress]:  # type: ignore[override]
            self.sent = (engine, body)
            yield PullProgress("using existing layer")
            yield PullProgress("success")

    store = Store(FleetBoard(lambda: NOW), ModelFiles(tmp_path, clock=lambda: NOW))
    offers = (Offer("base:7b", "box", "ollama", "local"),)
    gate = FakeGate(default=GRANT)
    async with open_plane(OllamaSurface(), gate=gate, offers=offers, shelves=store) as plane:
        client = ollama.AsyncClient(host=plane.url)
        made = await client.create("mine", from_="base:7b", system="be kind")
        await client._client.aclose()
    assert made.status == "success"
    engine, body = store.sent
    assert engine == "box"
    assert json.loads(body)["system"] == "be kind"
