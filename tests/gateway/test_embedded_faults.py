"""Two rows of the fault matrix: a model that cannot be loaded, and one that the system kills while it loads.

Each proves that its fault fired, and has a control without the protection that fails.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from inhouse.gateway.edge.prober import EngineSettings, ProbeSettings
from inhouse.gateway.edge.providers import embedded as embedded_file
from inhouse.gateway.edge.providers.embedded import (
    EmbeddedEngine,
    EmbeddedModel,
    EmbeddedSettings,
    demo_model,
)
from inhouse.gateway.edge.providers.http import HttpClient, HttpLimits
from inhouse.gateway.fit import Machine
from inhouse.gateway.rules import Rules
from inhouse.kernel.errors import EngineError, EngineOverloaded, EngineRefused
from inhouse.kernel.messages import ChatMessage, ChatRequest, EmbedRequest, Finished
from tests.gateway.house import REQUEST, House, house
from tests.worlds.engines import FakeEngine

CHILD = Path(__file__).parents[1] / "worlds" / "child.py"
LIMITS = HttpLimits(first_event_timeout_s=20.0, idle_timeout_s=10.0)
GB = 10**9
ROOMY = Machine(64 * GB, 64 * GB)
FAULTS = ("starve", "oom")

pytestmark = pytest.mark.slow


class World:
    """A house with an embedded engine whose child starves beyond a limit, and perhaps an Ollama behind."""

    def __init__(self, gateway: House, engine: EmbeddedEngine, fired: Path) -> None:
        self.gateway = gateway
        self.engine = engine
        self._fired = fired

    @property
    def fired(self) -> list[str]:
        """`model context` of every load that met the fault."""
        return self._fired.read_text().splitlines() if self._fired.exists() else []

    async def ask(self, request: ChatRequest = REQUEST) -> tuple[str, str | None, str]:
        """Engine, model and reason of the receipt, after an answer that came to its end."""
        answer = await self.gateway.dispatch.open(request, request_id="r", user="u")
        events = [event async for event in answer]
        assert isinstance(events[-1], Finished)
        return answer.used.engine, answer.used.model, answer.used.reason


@asynccontextmanager
async def world(
    tmp_path: Path,
    fault: str,
    limit: int,
    *sizes: tuple[str, int],
    make_do: bool = True,
    behind: FakeEngine | None = None,
    machine: Machine = ROOMY,
    keep_alive_s: float = 60.0,
) -> AsyncIterator[World]:
    """`sizes` are the names and bytes of the model files, all with a context of 4096 tokens."""
    models = []
    for name, size in sizes or (("big-7b", 10),):
        path = tmp_path / f"{name}.gguf"
        with path.open("wb") as file:
            file.truncate(size)
        models.append(EmbeddedModel(name, path, 4096))
    settings = EmbeddedSettings(
        tuple(models), keep_alive_s=keep_alive_s, stop_timeout_s=0.5, make_do=make_do, ready_timeout_s=20.0
    )
    http, fired = HttpClient(LIMITS), tmp_path / "fired"
    command = (sys.executable, str(CHILD), fault, str(limit), str(fired))
    engine = EmbeddedEngine(settings, http, command=command, machine=lambda: machine)
    engines = (EngineSettings("ollama", behind.url, "ollama"),) if behind is not None else ()
    probe = ProbeSettings(engines, discover=False)
    # The embedded engine first, so that the other one is where a spill goes.
    rules = Rules(order=("embedded", "ollama"))
    async with house(tmp_path, probe=probe, embedded=engine, http=http, rules=rules) as gateway:
        yield World(gateway, engine, fired)


@pytest.mark.parametrize("fault", FAULTS)
async def test_smaller_context(tmp_path: Path, fault: str) -> None:
    """Two contexts are too large, the third is served; the receipt says so, and it is not tried again."""
    async with world(tmp_path, fault, 1024) as met:
        _, model, reason = await met.ask()
        assert met.fired == ["big-7b 4096", "big-7b 2048"]
        assert model == "big-7b"
        assert "runs with a context of 1024 tokens instead of 4096, because `big-7b` could not be" in reason
        # Of a process that was killed no line of its log is told: such lines name files of this machine.
        assert ("as it does when memory runs out (exit code -9)" in reason) == (fault == "oom")
        assert (await met.ask())[1] == "big-7b"
        assert len(met.fired) == 2
        assert [row.outcome for row in met.gateway.ledger.rows()] == ["ok", "ok"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_control_as_asked_or_not_at_all(tmp_path: Path, fault: str) -> None:
    """Without the protection the same fault is the end of the request."""
    async with world(tmp_path, fault, 1024, make_do=False) as met:
        with pytest.raises(EngineError, match="could not be loaded"):
            await met.ask()
        assert met.fired == ["big-7b 4096"]
        assert [row.outcome for row in met.gateway.ledger.rows()] == ["failed"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_control_without_the_fault(tmp_path: Path, fault: str) -> None:
    """With memory enough the model is served as asked, and the receipt says nothing."""
    async with world(tmp_path, fault, 9999) as met:
        _, model, reason = await met.ask()
        assert (met.fired, model, "runs" in reason) == ([], "big-7b", False)


@pytest.mark.parametrize("fault", FAULTS)
async def test_variant_after_every_context(tmp_path: Path, fault: str) -> None:
    """Memory for no context of the large file: the variant is loaded, and named in receipt and row."""
    huge = Machine(3 * GB, 4 * GB)
    sizes = (("big-7b-q8_0", 6 * GB), ("big-7b-q4_0", GB))
    async with world(tmp_path, fault, 9999, *sizes, machine=huge) as met:
        _, model, reason = await met.ask(replace(REQUEST, model="big-7b-q8_0"))
        assert model == "big-7b-q4_0"
        assert "runs as the smaller `big-7b-q4_0`, because `big-7b-q8_0` needs 6.6 GB" in reason
        assert [row.model for row in met.gateway.ledger.rows()] == ["big-7b-q4_0"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_spill_when_nothing_helps(tmp_path: Path, fault: str) -> None:
    """No rung holds: the next engine answers, and its receipt says what was tried."""
    async with (
        FakeEngine("ollama", models=("m",)).running() as behind,
        world(tmp_path, fault, 100, behind=behind) as met,
    ):
        engine, model, reason = await met.ask()
        assert (engine, model) == ("ollama", "m")
        assert met.fired == ["big-7b 4096", "big-7b 2048", "big-7b 1024"]
        assert "before it failed `embedded`: `big-7b` could not be loaded" in reason


async def test_refusal_says_what_would_fit(tmp_path: Path) -> None:
    """More memory than there is: no process is started; the refusal names need, room, and what fits."""
    small = Machine(GB, 2 * GB)
    async with world(tmp_path, "starve", 9999, ("big-70b", 40 * GB), ("tiny-1b", 10), machine=small) as met:
        with pytest.raises(EngineRefused, match=r"`big-70b` needs 40\.6 GB, and 732 MB can be had") as told:
            await met.ask(replace(REQUEST, model="big-70b"))
        assert "these fit: `tiny-1b`" in told.value.hint
        assert met.engine._seats.runners == {}


async def test_idle_model_makes_room_and_a_busy_one_does_not(tmp_path: Path) -> None:
    """The second model drives the idle first one out; while that one is at work it is told to come again."""
    tight = Machine(3 * GB, 4 * GB)
    sizes = (("one-7b", 2 * GB), ("two-7b", 2 * GB))
    async with world(tmp_path, "starve", 9999, *sizes, machine=tight) as met:
        one, two = replace(REQUEST, model="one-7b"), replace(REQUEST, model="two-7b")
        await met.ask(one)
        await met.ask(two)
        loaded = {each.name: each.loaded for each in met.engine.models()}
        assert loaded == {"one-7b": False, "two-7b": True}
        answer = await met.gateway.dispatch.open(two, request_id="r", user="u")
        with pytest.raises(EngineOverloaded, match="while `two-7b` is at work"):
            await met.ask(one)
        await answer.aclose()


async def test_keep_alive_of_a_request(tmp_path: Path) -> None:
    """0 unloads after the answer, a negative one keeps for good; views show it without a look."""
    async with world(tmp_path, "starve", 9999) as met:
        await met.ask(replace(REQUEST, keep_alive_s=-1.0))
        (view,) = met.gateway.prober.engines()
        assert (view.models[0].loaded, view.models[0].kept) == (True, True)
        runner = met.engine._seats.runners["big-7b"]
        await met.ask(replace(REQUEST, keep_alive_s=0.0))
        await runner.process.ended()
        (view,) = met.gateway.prober.engines()
        assert (view.models[0].loaded, view.models[0].kept) == (False, False)


@pytest.mark.model
async def test_real_model_that_cannot_allocate(tmp_path: Path) -> None:
    """llama.cpp itself, with too little address space for a context of 8192 tokens, is served with less."""
    model = demo_model(8192)
    assert model is not None
    http = HttpClient(LIMITS)
    # `ulimit` of the shell: POSIX has it everywhere, `prlimit` is Linux only.
    command = ("sh", "-c", 'ulimit -v 586000 && exec "$@"', "sh", *embedded_file.COMMAND)
    engine = EmbeddedEngine(EmbeddedSettings((model,), threads=1), http, command=command)
    try:
        await engine.warm(model.name)
        standing = engine.compromises()[model.name]
        assert "with a context of 4096 tokens instead of 8192" in standing.remark
        assert "insufficient memory (attempted to allocate 180.00 MB)" in standing.remark
    finally:
        await engine.stop()
        await http.close()


@pytest.mark.model
async def test_real_model_gives_vectors_beside_its_chats(tmp_path: Path) -> None:
    """Two processes of one model; equal texts, equal vectors; a text that is too long is cut when allowed."""
    model = demo_model(512)
    assert model is not None
    http = HttpClient(LIMITS)
    engine = EmbeddedEngine(EmbeddedSettings((model,), threads=1), http)
    try:
        await engine.warm(model.name)
        made = await engine.embed(EmbedRequest(("a cat", "a cat", "tax law")), model.name)
        assert [len(row) for row in made.vectors] == [576] * 3
        assert made.vectors[0] == pytest.approx(made.vectors[1], abs=1e-4)
        assert made.vectors[0] != pytest.approx(made.vectors[2], abs=1e-2)
        assert made.usage.input_tokens > 0
        long = "one two three " * 1000
        assert len((await engine.embed(EmbedRequest((long,)), model.name)).vectors) == 1
        with pytest.raises(EngineRefused):
            await engine.embed(EmbedRequest((long,), truncate=False), model.name)
        request = ChatRequest((ChatMessage("user", "Hi"),), max_tokens=4)
        assert [event async for event in engine.stream(request, model.name)]
        assert len(engine._seats.runners) == 2
        trial = engine.trials()[model.name]
        assert trial.tokens_per_s is not None
        assert trial.load_s > 0
    finally:
        await engine.stop()
        await http.close()
