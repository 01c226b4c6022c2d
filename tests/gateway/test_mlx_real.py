"""`mlx_lm.server` itself, on whatever this machine has, with a tiny model of random weights.

MLX exists for macOS and Linux only; elsewhere `conftest` leaves this file out.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from inhouse.gateway.edge.prober import EngineSettings, ProbeSettings
from inhouse.gateway.edge.providers.http import HttpClient
from inhouse.gateway.edge.providers.mlx import MlxEngine, MlxSettings
from inhouse.kernel.messages import Failed, Finished, TextDelta, UsageSeen
from tests.dialects.grammar import keeps_grammar
from tests.gateway.house import House, house
from tests.worlds.engines import FakeEngine
from tests.worlds.mlx_engine import LIMITS, LONG, REQUEST, Naps, engine_with, read, until
from tests.worlds.mlx_model import make_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one real, tiny model."""
    folder = tmp_path_factory.mktemp("mlx")
    make_model(folder / "tiny")
    return folder


async def test_starts_streams_is_left_and_goes_on(models: Path) -> None:
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


async def test_killed_server_is_a_failure_and_is_started_again(models: Path) -> None:
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


async def test_killed_server_falls_back_to_the_next_engine(models: Path, tmp_path: Path) -> None:
    """MLX first; while its server is down and stays down, Ollama answers and the receipt says why."""
    stays_down = Naps(1)
    async with FakeEngine("ollama").running() as fake:
        http = HttpClient(LIMITS)
        mlx = MlxEngine(MlxSettings(models), http, sleep=stays_down)
        probe = ProbeSettings((EngineSettings("ollama", fake.url, "ollama"),), discover=False)
        async with house(tmp_path, probe=probe, mlx=mlx, http=http) as gateway:
            assert await who(gateway) == "mlx"
            os.kill(mlx._process.process_id, signal.SIGKILL)
            await until(stays_down.enough)
            answer = await gateway.dispatch.open(REQUEST, request_id="r", user="u")
            assert answer.used.engine == "ollama"
            assert "`mlx`: mlx_lm.server ended with code -9" in answer.used.reason
            await answer.aclose()


async def who(gateway: House) -> str:
    engine, events = await gateway.ask(REQUEST)
    assert isinstance(events[-1], Finished)
    return engine
