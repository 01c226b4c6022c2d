"""The prober on real sockets: fingerprints, what it never asks, and what it shows."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from inhouse.gateway.edge.prober import CloudSettings, EngineSettings, ProbeSettings
from inhouse.gateway.edge.providers.embedded import EmbeddedEngine, EmbeddedModel, EmbeddedSettings
from inhouse.gateway.edge.providers.http import HttpClient
from inhouse.gateway.fleet import Model
from inhouse.gateway.rules import Rules
from inhouse.kernel.errors import EngineBroke, EngineError, EngineRefused, EngineUnreachable, NoEngine
from inhouse.kernel.messages import ChatMessage, ChatRequest, Finished
from tests.gateway.house import PATIENT, REQUEST, House, configured, house
from tests.worlds.engines import FakeEngine, Kind


def found(gateway: House, name: str) -> tuple[str, str, str]:
    """Kind, state and reason of an engine."""
    engine = gateway.board.fleet.engine(name)
    assert engine is not None
    return engine.kind, engine.state, engine.reason


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("ollama", Model("m", context_tokens=8192, size_bytes=5, loaded=True)),
        ("llama.cpp", Model("m", context_tokens=1024, size_bytes=7, loaded=True)),
        ("vllm", Model("m", context_tokens=32768, loaded=True)),
        ("mlx", Model("m")),
        ("lmstudio", Model("m", context_tokens=4096, loaded=True, capabilities=frozenset({"completion"}))),
        ("sglang", Model("m", loaded=True)),
        ("openai", Model("m")),
    ],
)
async def test_unknown_address_is_known_by_its_fingerprint(tmp_path: Path, kind: Kind, model: Model) -> None:
    """Each kind is told apart at any port; its models come with what it says about them."""
    async with FakeEngine(kind).running() as fake:
        probe = ProbeSettings(ports=(fake.port,))
        async with house(tmp_path, probe=probe) as gateway:
            (engine,) = gateway.board.fleet.engines
            assert (engine.name, engine.kind, engine.where) == (f"{kind}-{fake.port}", kind, "local")
            assert engine.models == (model,)
            assert (await gateway.ask())[1][-1] == Finished()


async def test_what_is_no_engine_is_not_listed_unless_it_was_configured(tmp_path: Path) -> None:
    """A web server on a usual port is left alone; at a configured address it is down, with a reason."""
    async with FakeEngine("web").running() as web:
        async with house(tmp_path, probe=ProbeSettings(ports=(web.port,))) as gateway:
            assert gateway.prober.engines() == ()
            assert web.pages == ["/", "/v1/models"]
        async with house(tmp_path, (EngineSettings("box", web.url),)) as gateway:
            _, state, reason = found(gateway, "box")
            assert (state, reason) == ("down", "is no engine that we know: /v1/models gives HTTP 404")
        async with house(tmp_path, (EngineSettings("box", web.url, expected=False),)) as gateway:
            assert gateway.prober.engines() == ()


async def test_silent_address_delays_nobody_for_long(tmp_path: Path) -> None:
    """An address that takes connections and says nothing is given up; the others are there."""
    async with FakeEngine("vllm").running() as good, contextlib.AsyncExitStack() as stack:

        def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            stack.callback(writer.close)

        silent = await asyncio.start_server(take, "127.0.0.1", 0)
        stack.push_async_callback(silent.wait_closed)
        stack.callback(silent.close)
        url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        probe = ProbeSettings(
            engines=(EngineSettings("mute", url), *configured(good)), discover=False, page_timeout_s=0.2
        )
        async with house(tmp_path, probe=probe) as gateway:
            assert found(gateway, "mute")[1:] == ("down", f"no answer from {url}/ within 0.2 s")
            assert found(gateway, "vllm")[1] == "up"


async def test_configured_ports_and_our_own_are_not_looked_at_twice(tmp_path: Path) -> None:
    """Discovery leaves out the ports of configured engines and those that are ours."""
    async with FakeEngine("vllm").running() as configured_one, FakeEngine("ollama").running() as ours:
        probe = ProbeSettings(
            engines=(EngineSettings("box", configured_one.url),),
            ports=(configured_one.port, ours.port),
            skip_ports=frozenset({ours.port}),
        )
        async with house(tmp_path, probe=probe) as gateway:
            assert [each.name for each in gateway.prober.engines()] == ["box"]
            assert ours.pages == []


async def test_discovery_can_be_switched_off(tmp_path: Path) -> None:
    """Switched off, not even the usual ports are asked."""
    async with FakeEngine("ollama").running() as fake:
        probe = ProbeSettings(discover=False, ports=(fake.port,))
        async with house(tmp_path, probe=probe) as gateway:
            assert gateway.prober.engines() == ()
            assert fake.pages == []


async def test_cloud_is_not_greeted_without_consent(tmp_path: Path) -> None:
    """Keys are shown as found and not used; no request goes out, and no question either."""
    async with FakeEngine("openai", models=("gpt-x",), key="sk-1").running() as cloud:
        settings = CloudSettings(
            "sk-1",
            "sk-2",
            "sk-3",
            openai_url=cloud.url + "/v1",
            anthropic_url=cloud.url,
            gemini_url=cloud.url,
            openai_model="gpt-x",
        )
        far = EngineSettings("far", cloud.url, where="cloud")
        probe = ProbeSettings(engines=(far,), cloud=settings, discover=False)
        async with house(tmp_path, probe=probe) as gateway:
            views = {each.name: each for each in gateway.prober.engines()}
            assert sorted(views) == ["anthropic", "far", "gemini", "openai"]
            assert {each.state for each in views.values()} == {"found_not_allowed"}
            assert not any(each.allowed for each in views.values())
            for name in ("anthropic", "gemini", "openai"):
                assert "a key was found, but cloud engines are not allowed" in views[name].reason
            with pytest.raises(NoEngine, match="not allowed"):
                await gateway.ask()
            with pytest.raises(EngineError, match="not allowed"):
                await gateway.prober.test_prompt("openai")
        assert (cloud.pages, cloud.chats) == ([], [])
        assert "sk-" not in repr(probe)


async def test_cloud_with_consent_serves_open_data_only(tmp_path: Path) -> None:
    """Control: allowed, OpenAI is looked at and answers what may leave; private data still may not."""
    async with FakeEngine("openai", models=("gpt-x", "gpt-y"), key="sk-1").running() as cloud:
        settings = CloudSettings(
            "sk-1", "sk-2", openai_url=cloud.url + "/v1", anthropic_url=cloud.url, openai_model="gpt-y"
        )
        probe = ProbeSettings(cloud=settings, discover=False)
        async with house(tmp_path, probe=probe, rules=Rules(cloud_allowed=True)) as gateway:
            assert found(gateway, "openai")[:2] == ("openai", "up")
            assert found(gateway, "anthropic")[1] == "down"
            with pytest.raises(NoEngine, match="may not leave the house"):
                await gateway.ask()
            assert cloud.chats == []
            engine, events = await gateway.ask(replace(REQUEST, data="any"))
            assert (engine, events[-1]) == ("openai", Finished())
            assert [chat["model"] for chat in cloud.chats] == ["gpt-y"]
            rows = {row.outcome: row for row in gateway.ledger.rows()}
            assert (rows["ok"].where, rows["ok"].cost_micros, rows["refused"].where) == (
                "cloud",
                None,
                "none",
            )


async def test_engines_come_and_go_and_that_is_logged(tmp_path: Path) -> None:
    """A look notices what changed; only changes are logged."""
    fake = FakeEngine("vllm")
    with structlog.testing.capture_logs() as logs:
        async with house(tmp_path, (EngineSettings("box", "http://127.0.0.1:1", "vllm"),)) as gateway:
            assert found(gateway, "box")[1] == "down"
            await gateway.prober.refresh()
        async with fake.running(), house(tmp_path, configured(fake)) as gateway:
            await gateway.prober.refresh()
            assert found(gateway, "vllm")[1] == "up"
    states = [(each["engine"], each["state"]) for each in logs if each["event"] == "engine_state"]
    assert states == [("box", "down"), ("vllm", "up")]


async def test_loop_looks_at_once_and_again_after_each_pause(tmp_path: Path) -> None:
    """Started, it looks, pauses, looks; stopped, it ends."""
    pauses: list[float] = []
    paused = asyncio.Event()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            paused.set()
            await asyncio.Event().wait()

    async with FakeEngine("ollama").running() as fake, house(tmp_path, configured(fake)) as gateway:
        looks = fake.pages.count("/api/tags")
        gateway.prober._sleep = pause
        gateway.prober.start()
        await asyncio.wait_for(paused.wait(), 5.0)
        await gateway.prober.stop()
        assert fake.pages.count("/api/tags") == looks + 3
        assert pauses == [15.0] * 3


async def test_embedded_engine_without_a_model_is_not_listed(tmp_path: Path) -> None:
    """Switched off it is not there; given a file that is missing it is down and says so."""
    for models, names in (((), []), ((EmbeddedModel("m", tmp_path / "m.gguf"),), ["embedded"])):
        embedded = EmbeddedEngine(EmbeddedSettings(models), HttpClient(PATIENT))
        async with house(tmp_path, embedded=embedded) as gateway:
            assert [each.name for each in gateway.prober.engines()] == names
            if models:
                assert found(gateway, "embedded")[1] == "down"


async def test_engines_inside_are_there_before_the_first_look(tmp_path: Path) -> None:
    """Started, the prober shows what needs no network at once."""
    embedded = EmbeddedEngine(
        EmbeddedSettings((EmbeddedModel("m", Path(__file__)),)), HttpClient(PATIENT), command=("child",)
    )
    async with house(tmp_path, embedded=embedded) as gateway:
        gateway.board.show([])
        gateway.prober.start()
        assert [each.name for each in gateway.prober.engines()] == ["embedded"]
        await gateway.prober.stop()


async def test_tls_to_a_plain_server_is_explained(tmp_path: Path) -> None:
    """An `https` address at which plain HTTP answers is unreachable, with a reason."""

    def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as plain:
        url = f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}"
        async with house(tmp_path, (EngineSettings("box", url, "vllm"),)) as gateway:
            _, state, reason = found(gateway, "box")
            assert state == "down"
            assert reason.startswith("no connection: ")


async def test_test_prompt_asks_that_engine_and_leaves_a_row(tmp_path: Path) -> None:
    """The words and the time of one engine, whatever the order; a failure is an exception and a row."""
    async with (
        FakeEngine("ollama").running() as first,
        FakeEngine("vllm", "500").running() as second,
        house(tmp_path, configured(first, second)) as gateway,
    ):
        words, seconds = await gateway.prober.test_prompt("ollama")
        assert (words, seconds > 0) == ("Leave is 28 days.", True)
        with pytest.raises(EngineBroke, match="boom"):
            await gateway.prober.test_prompt("vllm")
        with pytest.raises(EngineUnreachable, match="There is no engine `nobody`"):
            await gateway.prober.test_prompt("nobody")
        outcomes = {row.engine: (row.outcome, row.task) for row in gateway.ledger.rows()}
        assert outcomes == {"ollama": ("ok", "test"), "vllm": ("failed", "test")}


async def test_test_prompt_needs_a_model(tmp_path: Path) -> None:
    """An engine whose models all run elsewhere is not tried without consent."""
    fake = FakeEngine("ollama", models=("gpt-oss:cloud",))
    async with fake.running(), house(tmp_path, configured(fake)) as gateway:
        with pytest.raises(EngineRefused, match="no model that may be used"):
            await gateway.prober.test_prompt("ollama")
        with pytest.raises(NoEngine):
            await gateway.ask()
        assert fake.chats == []


async def test_ollama_gets_room_for_the_prompt(tmp_path: Path) -> None:
    """The context asked for grows in steps with the prompt, so that nothing is cut off silently."""
    async with FakeEngine("ollama").running() as fake, house(tmp_path, configured(fake)) as gateway:
        for size in (10, 12_000, 25_000):
            await gateway.ask(ChatRequest((ChatMessage("user", "x" * size),)))
        options = [chat["options"] for chat in fake.chats]
        assert options == [{"num_ctx": 4096}, {"num_ctx": 8192}, {"num_ctx": 16384}]
