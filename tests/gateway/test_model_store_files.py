"""The house's own model files: fetched, uploaded, copied, removed, and what keeps a disk safe."""

from __future__ import annotations

import asyncio
import hashlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.model_store import HouseModels
from inhouse.gateway.edge.model_store_fetch import Fetching, read_address
from inhouse.gateway.edge.model_store_files import ModelFiles
from inhouse.gateway.fleet import place_of
from inhouse.kernel.errors import (
    BadRequest,
    EngineBroke,
    EngineRefused,
    EngineTimeout,
    EngineUnreachable,
    HomeUnusable,
    NoEngine,
    NotFound,
)

NOW = 1_795_000_000.0
THINKS = "{% if tools %}<tools>{% endif %}<think>"


def gguf(template: str = THINKS, *, family: str = "qwen3", weights: int = 6_000_000) -> bytes:
    """A small sound file: a head with one tensor, and bytes that stand for its weights."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    said: list[tuple[str, int, bytes]] = [
        ("general.architecture", 8, text(family)),
        ("general.file_type", 4, struct.pack("<I", 15)),
        (f"{family}.context_length", 4, struct.pack("<I", 40960)),
        (f"{family}.embedding_length", 4, struct.pack("<I", 1024)),
        ("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 2) + text("a") + text("b")),
        ("tokenizer.chat_template", 8, text(template)),
    ]
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(said))
    for key, kind, value in said:
        head += text(key) + struct.pack("<I", kind) + value
    head += text("w") + struct.pack("<I", 2) + struct.pack("<QQ", 1000, 600) + struct.pack("<IQ", 8, 0)
    return head + bytes(weights)


GOOD = gguf()
SHA = hashlib.sha256(GOOD).hexdigest()


@dataclass
class Depot:
    """A server with one file. `cut` bytes into each answer it hangs up, `faults` times."""

    data: bytes = GOOD
    etag: str = '"v1"'
    cut: int = 0
    faults: int = 0
    status: int = 200
    fired: int = 0
    location: str = ""
    silent: bool = False
    ranges: list[str | None] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The file, or the part of it that is asked for."""
        wanted = request.headers.get("Range")
        self.ranges.append(wanted)
        if self.location:
            return web.Response(status=302, headers={"Location": self.location})
        if self.status != 200:
            return web.Response(status=self.status)
        fits = wanted is not None and request.headers.get("If-Range") in (self.etag, None)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and fits else 0
        reply = web.StreamResponse(status=206 if start else 200)
        body = self.data[start:]
        reply.headers["Content-Length"] = str(len(body))
        if self.etag:
            reply.headers["ETag"] = self.etag
        if start:
            reply.headers["Content-Range"] = f"bytes {start}-{len(self.data) - 1}/{len(self.data)}"
        await reply.prepare(request)
        if self.faults:
            self.faults -= 1
            self.fired += 1
            await reply.write(body[: self.cut])
            if self.silent:
                await asyncio.Event().wait()
            assert request.transport is not None
            request.transport.close()
            return reply
        await reply.write(body)
        return reply


@asynccontextmanager
async def depot(**settings: object) -> AsyncIterator[Depot]:
    """Such a server on a loopback port."""
    made = Depot(**settings)  # type: ignore[arg-type]
    app = web.Application()
    app.router.add_get("/{path:.*}", made.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}/models/Tiny-1B.Q4_K_M.gguf"
    try:
        yield made
    finally:
        await runner.cleanup()


def shop(home: Path, *, free: int = 10**12, margin: int = 1000, silence_s: float = 10.0) -> HouseModels:
    """A store over a folder, on a disk with so much room."""
    files = ModelFiles(
        home / "models", clock=lambda: NOW, free_bytes=lambda _folder: free, margin_bytes=margin
    )
    files.load()
    return HouseModels(FleetBoard(lambda: NOW), files, silence_s=silence_s)


async def pulled(store: HouseModels, address: str) -> list[str]:
    """What a download said."""
    return [moment.status async for moment in store.pull("", address)]


async def test_pull_by_address(tmp_path: Path) -> None:
    """The file is there with what its head says, survives a restart, and is not fetched twice."""
    store = shop(tmp_path)
    async with depot() as server:
        said = await pulled(store, f"{server.url}#sha256={SHA}")
        again = await pulled(store, server.url)
        server.etag = '"v2"'
        server.data = gguf("plain")
        await pulled(store, server.url + "?token=secret")
    assert said[0] == "pulling manifest"
    assert said[-3:] == ["verifying sha256 digest", "writing manifest", "success"]
    assert said[1] == f"pulling {SHA[:12]}"
    assert again == ["pulling manifest", "success"]
    (model,) = shop(tmp_path).installed()
    assert model == store.installed()[0]
    assert (model.name, model.architecture, model.quantization) == ("tiny-1b.q4_k_m", "qwen3", "Q4_K_M")
    assert (model.context_tokens, model.parameters, model.embedding_length) == (40960, 600_000, 1024)
    assert model.capabilities == ("completion",)
    assert (model.origin, model.modified_at) == (server.url, NOW)
    assert model.path.read_bytes() == server.data
    assert len(list((tmp_path / "models" / "blobs").iterdir())) == 1
    assert list((tmp_path / "models" / "incoming").iterdir()) == []


async def test_a_broken_line_goes_on(tmp_path: Path) -> None:
    """A line that breaks twice is taken up where it broke; the file is whole."""
    store = shop(tmp_path)
    async with depot(faults=2, cut=2_000_000) as server:
        await pulled(store, server.url)
    assert server.fired == 2
    assert server.ranges == [None, "bytes=2000000-", "bytes=4000000-"]
    assert store.installed()[0].sha256 == SHA


async def test_a_part_goes_on_after_a_restart(tmp_path: Path) -> None:
    """What a dead process had is kept; a file that changed meanwhile is begun anew."""
    async with depot(faults=1, cut=1_000_000, silent=True) as server:
        with pytest.raises(EngineTimeout, match="silent"):
            await pulled(shop(tmp_path, silence_s=0.2), server.url)
        (part,) = [each for each in (tmp_path / "models" / "incoming").iterdir() if each.suffix == ""]
        part.write_bytes(GOOD[:3_000_000])
        store = shop(tmp_path)
        await pulled(store, server.url)
        assert server.ranges[-1] == "bytes=3000000-"
        assert store.installed()[0].sha256 == SHA

        part.write_bytes(GOOD[:5000])
        part.with_name(part.name + ".etag").write_text('"old"')
        server.etag = '"v2"'
        await pulled(store, server.url)
    assert server.ranges[-1] == "bytes=5000-"
    assert store.installed()[0].sha256 == SHA


async def test_without_the_check_of_the_version_two_files_are_mixed(tmp_path: Path) -> None:
    """The control: a server that ignores If-Range gives a mixture, and only the digest notices."""
    incoming = tmp_path / "models" / "incoming"
    incoming.mkdir(parents=True)
    async with depot() as server:
        mark = hashlib.sha256(server.url.encode()).hexdigest()
        (incoming / f"fetch-{mark}").write_bytes(gguf("other")[:3_000_000])
        (incoming / f"fetch-{mark}.etag").write_text(server.etag)
        with pytest.raises(BadRequest, match="digest mismatch"):
            await pulled(shop(tmp_path), f"{server.url}#sha256={SHA}")
    assert server.ranges == ["bytes=3000000-"]
    assert [each.name for each in incoming.iterdir()] == []


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"data": b"<html>" * 1000}, BadRequest, "no GGUF file"),
        ({"data": b"GGUF" + bytes(100)}, BadRequest, "no sound GGUF file"),
        ({"data": GOOD[:200]}, BadRequest, "no sound GGUF file"),
        ({"status": 404}, NotFound, "nothing at"),
        ({"status": 401}, EngineRefused, "asks for a key"),
        ({"status": 500}, EngineRefused, "HTTP 500"),
        ({"faults": 9, "cut": 0}, EngineBroke, "pull again|gave|payload|closed"),
        ({"location": "ftp://127.0.0.1/x.gguf"}, EngineRefused, "not safe"),
    ],
)
async def test_downloads_that_fail(
    tmp_path: Path, settings: dict[str, object], error: type[Exception], words: str
) -> None:
    """What cannot be fetched, or is no model, leaves nothing installed and says why."""
    store = shop(tmp_path)
    async with depot(**settings) as server:
        with pytest.raises(error, match=words):
            await pulled(store, server.url)
    assert store.installed() == ()
    assert server.ranges


async def test_redirects_stay_outside(tmp_path: Path) -> None:
    """A server outside may not send on into this network; the control: one of this network may."""
    async with depot() as server, depot() as door:
        door.location = server.url
        await pulled(shop(tmp_path / "a"), door.url)
        files = ModelFiles(tmp_path / "b" / "models", clock=lambda: NOW, margin_bytes=1000)
        outside = Fetching(files, place=lambda url: "cloud" if url == door.url else place_of(url))
        with pytest.raises(EngineRefused, match="this network"):
            async for _moment in outside.fetch(read_address(door.url)):
                pass
    assert (len(server.ranges), len(door.ranges)) == (1, 2)


@pytest.mark.parametrize(
    "address",
    [
        "http:///x.gguf",
        "http://h/x.safetensors",
        "http://h/x-00001-of-00003.gguf",
        "http://h/x.gguf#sha256=12",
        "http://h/x.gguf#latest",
        "http://h/...gguf",
    ],
)
async def test_bad_addresses(tmp_path: Path, address: str) -> None:
    """An address that cannot be a model's is refused before any connection."""
    with pytest.raises(BadRequest):
        await pulled(shop(tmp_path), address)


async def test_nobody_listens(tmp_path: Path) -> None:
    """An address where nobody listens is said as such."""
    with pytest.raises(EngineUnreachable):
        await pulled(shop(tmp_path), "http://127.0.0.1:9/x.gguf")


async def test_no_room(tmp_path: Path) -> None:
    """A file that would fill the disk is not begun; the control: with room it comes."""
    async with depot() as server:
        with pytest.raises(HomeUnusable, match="kept free"):
            await pulled(shop(tmp_path, free=len(GOOD) + 999), server.url)
        assert not (tmp_path / "models").exists()
        await pulled(shop(tmp_path, free=len(GOOD) + 1001), server.url)


async def test_room_that_goes_meanwhile(tmp_path: Path) -> None:
    """Somebody else fills the disk: the download stops and what came is kept for later."""
    room = [10**12]
    files = ModelFiles(
        tmp_path / "models", clock=lambda: NOW, free_bytes=lambda _folder: room[0], margin_bytes=1000
    )
    store = HouseModels(FleetBoard(lambda: NOW), files)
    async with depot() as server:
        with pytest.raises(HomeUnusable):
            async for moment in store.pull("", server.url):
                if moment.done_bytes:
                    room[0] = 500
    assert files.installed() == ()
    assert any(each.stat().st_size for each in files.incoming.iterdir())


async def test_a_name_needs_an_ollama(tmp_path: Path) -> None:
    """A plain name without an Ollama is an error that tells the way out."""
    with pytest.raises(NoEngine, match=r"qwen2\.5:7b.*") as caught:
        await pulled(shop(tmp_path), "qwen2.5:7b")
    assert ".gguf" in caught.value.hint


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    """An upload in three pieces."""
    for at in range(0, len(data), 2_500_000):
        yield data[at : at + 2_500_000]


async def test_upload_create_copy_remove(tmp_path: Path) -> None:
    """Bytes are kept once under two names and go with the last one."""
    store = shop(tmp_path)
    digest = f"sha256:{SHA}"
    assert not await store.has_blob(digest)
    with pytest.raises(NotFound, match="no file was uploaded"):
        await store.create("mine", digest)
    assert await store.put_blob(digest, pieces(GOOD))
    assert not await store.put_blob(digest, pieces(GOOD))
    made = await store.create("Mine:8b", digest)
    assert (made.name, made.origin, made.capabilities) == (
        "Mine:8b",
        "upload",
        ("completion", "tools", "thinking"),
    )
    await store.copy("mine:8B", "other/name")
    assert [(each.name, each.origin) for each in shop(tmp_path).installed()] == [
        ("Mine:8b", "upload"),
        ("other/name", "Mine:8b"),
    ]
    await store.remove("", "MINE:8b")
    assert made.path.is_file()
    await store.remove("embedded", "other/name:latest")
    assert not made.path.exists()
    assert shop(tmp_path).installed() == ()
    for name in ("Mine:8b", "nothing"):
        with pytest.raises(NotFound):
            await store.remove("", name)
    with pytest.raises(NotFound):
        await store.copy("nothing", "x")


async def test_bad_uploads(tmp_path: Path) -> None:
    """Other bytes than promised, a malformed digest, no model, a bad name: all are refused."""
    store = shop(tmp_path)
    with pytest.raises(BadRequest, match="digest mismatch, expected"):
        await store.put_blob("sha256:" + "0" * 64, pieces(GOOD))
    for digest in ("sha256:12", "md5:" + "0" * 32, "../../etc/passwd"):
        with pytest.raises(BadRequest, match="invalid digest format"):
            await store.has_blob(digest)
    page = b"<html>"
    named = f"sha256:{hashlib.sha256(page).hexdigest()}"
    assert await store.put_blob(named, pieces(page))
    with pytest.raises(BadRequest, match="no sound GGUF"):
        await store.create("page", named)
    for name in ("", "../x", "a//b", "x" * 200, "a b", ":tag", "a:b:c"):
        with pytest.raises(BadRequest, match="invalid model name"):
            await store.create(name, named)
    assert store.installed() == ()
    assert list((tmp_path / "models" / "incoming").iterdir()) == []


async def test_an_upload_that_is_left_leaves_nothing(tmp_path: Path) -> None:
    """A sender who goes away, and a process that died, leave no half file behind."""

    async def broken() -> AsyncIterator[bytes]:
        yield GOOD[:1000]
        raise ConnectionResetError

    store = shop(tmp_path)
    with pytest.raises(ConnectionResetError):
        await store.put_blob(f"sha256:{SHA}", broken())
    incoming = tmp_path / "models" / "incoming"
    assert list(incoming.iterdir()) == []
    (incoming / f"upload-{SHA}").write_bytes(b"x")
    assert await shop(tmp_path).put_blob(f"sha256:{SHA}", pieces(GOOD))


async def test_a_pull_of_another_process_is_seen(tmp_path: Path) -> None:
    """A terminal fetches and removes beside a server, which offers what is there without a restart."""
    serving, terminal = shop(tmp_path), shop(tmp_path)
    async with depot() as server:
        await pulled(terminal, server.url)
    assert [each.name for each in serving.installed()] == ["tiny-1b.q4_k_m"]
    await terminal.remove("", "tiny-1b.q4_k_m")
    assert serving.installed() == ()


async def test_the_fleet_looks_before_a_model_is_ready(tmp_path: Path) -> None:
    """Whoever reads `success` can use the model at once; every other change is looked at, too."""
    looks: list[int] = []
    files = ModelFiles(tmp_path / "models", clock=lambda: NOW, margin_bytes=0)

    async def look() -> None:
        looks.append(len(files.installed()))

    store = HouseModels(FleetBoard(lambda: NOW), files, look=look)
    async with depot() as server:
        async for moment in store.pull("", server.url):
            assert looks == ([1] if moment.status == "success" else [])
    await store.copy("tiny-1b.q4_k_m", "b")
    await store.create("c", f"sha256:{SHA}")
    await store.remove("", "b")
    assert looks == [1, 2, 3, 2]


def test_notes_that_cannot_be_used(tmp_path: Path) -> None:
    """A note that is damaged, or whose file is gone, is left out and hides no other."""
    notes = tmp_path / "models" / "notes"
    notes.mkdir(parents=True)
    (notes / "bad.json").write_text("{")
    assert shop(tmp_path).installed() == ()


def test_an_embedding_model_says_so(tmp_path: Path) -> None:
    """The head tells a model for vectors from one that talks."""
    blob = tmp_path / "x"
    blob.write_bytes(gguf("", family="bert"))
    files = ModelFiles(tmp_path / "models", clock=lambda: NOW, margin_bytes=0)
    sha = hashlib.sha256(blob.read_bytes()).hexdigest()
    (tmp_path / "models" / "blobs").mkdir(parents=True)
    blob.rename(tmp_path / "models" / "blobs" / f"sha256-{sha}.gguf")
    assert files.create("vectors", f"sha256-{sha}").capabilities == ("embedding",)
