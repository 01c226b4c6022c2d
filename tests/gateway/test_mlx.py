"""MLX: the supervision with a stand-in, and `mlx_lm.server` itself with a tiny model of random weights."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from inhouse.gateway.edge.prober import EngineSettings, ProbeSettings
from inhouse.gateway.edge.providers.http import HttpClient, HttpLimits
from inhouse.gateway.edge.providers.mlx import MlxEngine, MlxSettings
from inhouse.kernel.errors import EngineRefused, EngineUnreachable
from inhouse.kernel.messages import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    Failed,
    Finished,
    TextDelta,
    UsageSeen,
)
from tests.dialects.grammar import keeps_grammar
from tests.gateway.house import House, house
from tests.worlds.engines import WORDS, FakeEngine
from tests.worlds.mlx_model import make_model

CHILD = Path(__file__).parents[1] / "worlds" / "child.py"
LIMITS = HttpLimits(first_event_timeout_s=30.0, idle_timeout_s=10.0)
REQUEST = ChatRequest((ChatMessage("user", "count"),), max_tokens=8, temperature=0.0)
LONG = ChatRequest((ChatMessage("user", "count"),), max_tokens=400, temperature=0.0)
NO_MLX = importlib.util.find_spec("mlx_lm") is None
real = [
    pytest.mark.slow,
    pytest.mark.skipif(NO_MLX, reason="mlx-lm has no wheel for this system, or is not installed"),
]


def fake_folder(tmp_path: Path, *names: str) -> Path:
    """A folder that looks like models."""
    for name in names:
        (tmp_path / "mlx" / name).mkdir(parents=True)
        (tmp_path / "mlx" / name / "config.json").write_text('{"model_type":"llama"}')
    return tmp_path / "mlx"


@asynccontextmanager
async def engine_with(
    settings: MlxSettings, mode: str | None = None, nap: Callable[[float], Awaitable[None]] | None = None
) -> AsyncIterator[MlxEngine]:
    """An MLX engine; with a mode, its child is the stand-in. It wakes at once unless told how to nap."""
    http, nap = HttpClient(LIMITS), nap or Naps(100)
    if mode is None:
        engine = MlxEngine(settings, http, sleep=nap)
    else:
        engine = MlxEngine(settings, http, sleep=nap, command=(sys.executable, str(CHILD), mode))
    try:
        yield engine
    finally:
        await engine.stop()
        await http.close()


class Naps:
    """Pauses that end at once, until there were enough of them; that one ends when `over` is set."""

    def __init__(self, most: int) -> None:
        self.seconds: list[float] = []
        self.enough = asyncio.Event()
        self.over = asyncio.Event()
        self._most = most

    async def __call__(self, seconds: float) -> None:
        """Take one."""
        self.seconds.append(seconds)
        if len(self.seconds) >= self._most:
            self.enough.set()
            await self.over.wait()


async def read(engine: MlxEngine, request: ChatRequest = REQUEST, model: str = "tiny") -> list[ChatEvent]:
    """All events of one answer."""
    return [event async for event in engine.stream(request, model)]


async def until(ready: asyncio.Event) -> None:
    """Wait, but not for ever."""
    await asyncio.wait_for(ready.wait(), 20)


@pytest.mark.slow
async def test_only_listed_names_are_sent(tmp_path: Path) -> None:
    """A path, a repository and a parent folder are refused without a start; a listed name is answered."""
    settings = MlxSettings(fake_folder(tmp_path, "tiny", "other"), stop_timeout_s=0.5)
    (tmp_path / "mlx" / "notes").mkdir()
    async with engine_with(settings, "mlx") as engine:
        assert [each.name for each in engine.models()] == ["other", "tiny"]
        for name in ("/etc", "mlx-community/big", "..", "../mlx/tiny", "notes", ""):
            with pytest.raises(EngineRefused, match="has no model"):
                await read(engine, model=name)
        assert engine.starts == 0
        events = await read(engine)
        assert "".join(each.text for each in events if isinstance(each, TextDelta)) == "".join(WORDS)
        assert [(each.name, each.loaded) for each in engine.models()] == [("other", False), ("tiny", True)]


@pytest.mark.slow
async def test_child_that_never_starts_is_tried_again_later_and_later(tmp_path: Path) -> None:
    """Each death in a row makes the pause longer; requests are refused at once with the reason."""
    naps = Naps(4)
    settings = MlxSettings(fake_folder(tmp_path, "tiny"), back_off_s=(1.0, 2.0, 4.0))
    async with engine_with(settings, "fail", nap=naps) as engine:
        engine.start()
        with pytest.raises(EngineUnreachable, match=r"did not start: .*giving up"):
            await read(engine)
        await until(naps.enough)
        assert naps.seconds == [1.0, 2.0, 4.0, 4.0]
        assert engine.starts == 4
        assert "starts again after 4 s" in engine.lack()


@pytest.mark.parametrize(
    ("folder", "lack"),
    [
        (None, "no folder of MLX models is configured"),
        ("missing", "no such folder"),
        ("", "no model in"),
    ],
)
async def test_lacks_are_named(tmp_path: Path, folder: str | None, lack: str) -> None:
    """What lacks is said, and nothing is started."""
    path = None if folder is None else tmp_path / folder
    async with engine_with(MlxSettings(path), "serve") as engine:
        engine.start()
        assert lack in engine.lack()
        assert engine.starts == 0
        assert engine.models() == ()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one real, tiny model."""
    folder = tmp_path_factory.mktemp("mlx")
    make_model(folder / "tiny")
    return folder


class TestReal:
    """`mlx_lm.server` as it is."""

    pytestmark = real

    async def test_starts_streams_is_left_and_goes_on(self, models: Path) -> None:
        """A whole answer in many pieces; one left in the middle; the same process answers the next."""
        async with engine_with(MlxSettings(models)) as engine:
            (model,) = engine.models()
            assert (model.context_tokens, model.loaded) == (512, False)
            assert engine.lack() == ""
            events = await read(engine)
            assert keeps_grammar(events)
            assert len([each for each in events if isinstance(each, TextDelta)]) >= 4
            usage = next(each.usage for each in events if isinstance(each, UsageSeen))
            assert usage.output_tokens == 8
            assert events[-1] == Finished("length")
            answer = engine.stream(LONG, "tiny")
            assert isinstance(await anext(answer), TextDelta)
            await answer.aclose()
            assert (await read(engine))[-1] == Finished("length")
            assert engine.starts == 1
            assert engine.models()[0].loaded is True

    async def test_killed_server_is_a_failure_and_is_started_again(self, models: Path) -> None:
        """An answer under way fails, the engine says why it is down, and a new process answers."""
        nap = Naps(1)
        async with engine_with(MlxSettings(models), nap=nap) as engine:
            answer = engine.stream(LONG, "tiny")
            assert isinstance(await anext(answer), TextDelta)
            os.kill(engine._process.process_id, signal.SIGKILL)
            rest = [event async for event in answer]
            assert isinstance(rest[-1], Failed)
            await until(nap.enough)
            assert "ended with code -9" in engine.lack()
            nap.over.set()
            await until(engine._up)
            assert (await read(engine))[-1] == Finished("length")
            assert engine.starts == 2

    async def test_killed_server_falls_back_to_the_next_engine(self, models: Path, tmp_path: Path) -> None:
        """MLX first; while its server is down and stays down, Ollama answers and the receipt says why."""
        stays_down = Naps(1)
        async with FakeEngine("ollama").running() as fake:
            http = HttpClient(LIMITS)
            mlx = MlxEngine(MlxSettings(models), http, sleep=stays_down)
            probe = ProbeSettings((EngineSettings("ollama", fake.url, "ollama"),), discover=False)
            async with house(tmp_path, probe=probe, mlx=mlx, http=http) as gateway:
                assert await self._who(gateway) == "mlx"
                os.kill(mlx._process.process_id, signal.SIGKILL)
                await until(stays_down.enough)
                answer = await gateway.dispatch.open(REQUEST, request_id="r", user="u")
                assert answer.used.engine == "ollama"
                assert "`mlx`: mlx_lm.server ended with code -9" in answer.used.reason
                await answer.aclose()

    @staticmethod
    async def _who(gateway: House) -> str:
        engine, events = await gateway.ask(REQUEST)
        assert isinstance(events[-1], Finished)
        return engine
