"""Models that are loaded before anybody asks: which, when, and on which engine."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from inhouse.gateway.edge.prober import EngineSettings, ProbeSettings
from inhouse.gateway.edge.providers.embedded import EmbeddedEngine, EmbeddedModel, EmbeddedSettings
from inhouse.gateway.edge.providers.http import HttpClient
from inhouse.gateway.edge.warm import Warmer, WarmSettings
from inhouse.gateway.fit import Machine
from inhouse.gateway.warm import Use, Wish, wishes
from tests.gateway.house import PATIENT, REQUEST, House, house
from tests.worlds.engines import FakeEngine

CHILD = Path(__file__).parents[1] / "worlds" / "child.py"
DAY, HOUR = 86_400.0, 3600.0
NOW = 1_000 * DAY + 9 * HOUR + 60.0
"""Nine o'clock and a minute, on some day."""


def used(days_ago: Sequence[int], *, hour: int = 9, model: str = "m", engine: str = "ollama") -> list[Use]:
    """One request on each of those days, at half past the hour."""
    return [Use((1_000 - days) * DAY + hour * HOUR + 1800, engine, model) for days in days_ago]


@pytest.mark.parametrize(
    ("uses", "learned"),
    [
        (used([1, 2, 3]), ["m"]),
        (used([1, 2]), []),
        (used([1, 1, 1, 1]), []),
        (used([0, 1, 2]), []),
        (used([1, 2, 3], hour=10), []),
        (used([12, 13, 14]), ["m"]),
        (used([13, 14, 15]), []),
        (used([1, 2, 3]) + used([1, 2, 3, 4], model="n"), ["n", "m"]),
        (used([1, 2, 3]) + used([2, 3, 4], model="a"), ["m", "a"]),
        ([use for name in "abcde" for use in used([1, 2, 3], model=name)], ["a", "b", "c"]),
    ],
)
def test_three_days_make_a_habit(uses: list[Use], learned: list[str]) -> None:
    """Days count, not requests; today does not; most and latest days first, and three models at most."""
    assert [each.model for each in wishes((), uses, NOW)] == learned


def test_a_model_is_wanted_shortly_before_its_hour() -> None:
    """Four minutes before ten the habit of ten counts, six minutes before it does not."""
    uses = used([1, 2, 3], hour=10)
    ten = 1_000 * DAY + 10 * HOUR
    assert wishes((), uses, ten - 240) == (Wish("ollama", "m", pinned=False),)
    assert wishes((), uses, ten - 360) == ()


def test_pinned_models_come_first_and_once() -> None:
    """In the order given, whatever was learned; a learned one is not named again, in either spelling."""
    pinned = wishes(["b", "ollama/m", "b"], used([1, 2, 3]) + used([1, 2, 3], model="b"), NOW)
    assert pinned == (Wish("", "b", pinned=True), Wish("", "ollama/m", pinned=True))


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        """UNIX seconds."""
        return self.now


@asynccontextmanager
async def world(
    tmp_path: Path, settings: WarmSettings, uses: Sequence[Use] = (), mode: str = "serve"
) -> AsyncIterator[tuple[House, FakeEngine, EmbeddedEngine, Warmer, Clock]]:
    """An Ollama with the models `m` and `n`, of which `m` is loaded, and an embedded model `tiny`."""
    (tmp_path / "tiny.gguf").write_bytes(b"GGUF")
    http, clock = HttpClient(PATIENT), Clock()
    embedded = EmbeddedEngine(
        EmbeddedSettings((EmbeddedModel("tiny", tmp_path / "tiny.gguf"),), stop_timeout_s=0.5),
        http,
        command=(sys.executable, str(CHILD), mode),
        machine=lambda: Machine(10**11, 10**11),
    )
    async with FakeEngine("ollama", "whole", models=("m", "n")).running() as fake:
        probe = ProbeSettings((EngineSettings("ollama", fake.url, "ollama"),), discover=False)
        async with house(tmp_path, probe=probe, embedded=embedded, http=http) as gateway:
            warmer = Warmer(
                settings, gateway.board, http, embedded, lambda: uses, clock=clock, sleep=asyncio.sleep
            )
            yield gateway, fake, embedded, warmer, clock


async def test_ollama_is_asked_to_load_what_the_hour_brings(tmp_path: Path) -> None:
    """Not loaded: one request without a prompt, and no second one within the quarter of an hour."""
    settings = WarmSettings()
    async with world(tmp_path, settings, used([1, 2, 3], model="n")) as (_, fake, _, warmer, clock):
        await warmer.look()
        await warmer.look()
        assert [json.dumps(body) for body in fake.chats] == [
            json.dumps({"model": "n", "keep_alive": 900, "stream": False})
        ]
        clock.now += 901
        await warmer.look()
        assert len(fake.chats) == 2


async def test_what_is_loaded_or_unknown_is_left_alone(tmp_path: Path) -> None:
    """A learned model that is loaded, one that nobody has, and learning that is switched off: no request."""
    uses = used([1, 2, 3], model="m") + used([1, 2, 3], model="gone")
    async with world(tmp_path, WarmSettings(), uses) as (_, fake, _, warmer, _):
        await warmer.look()
        assert [each.model for each in warmer.wanted] == ["gone", "m"]
        assert fake.chats == []
    async with world(tmp_path, WarmSettings(learn=False), used([1, 2, 3], model="n")) as (_, fake, _, off, _):
        await off.look()
        assert (off.wanted, fake.chats) == ((), [])


async def test_pinned_models_stay_with_ollama(tmp_path: Path) -> None:
    """Told again at every look, because another client's request shortens the stay."""
    async with world(tmp_path, WarmSettings(("ollama/m",), learn=False)) as (_, fake, _, warmer, _):
        await warmer.look()
        await warmer.look()
        assert [body["keep_alive"] for body in fake.chats] == [-1, -1]


@pytest.mark.slow
async def test_pinned_embedded_model_is_loaded_and_kept(tmp_path: Path) -> None:
    """Loaded by a look and kept for good, also after a request that says nothing about it."""
    async with world(tmp_path, WarmSettings(("tiny",), learn=False)) as (gateway, _, embedded, warmer, _):
        await warmer.look()
        (model,) = embedded.models()
        assert (model.loaded, model.expires_at) == (True, float("inf"))
        await warmer.look()
        assert [event async for event in embedded.stream(REQUEST, "tiny")]
        assert embedded.models()[0].expires_at == float("inf")
        views = {each.name: each for each in gateway.prober.engines()}
        assert views["embedded"].models[0].kept


@pytest.mark.slow
async def test_a_model_that_cannot_be_loaded_is_left_alone_for_a_while(tmp_path: Path) -> None:
    """One try, then silence, then another one; nothing is raised."""
    settings = WarmSettings(("tiny",), learn=False)
    async with world(tmp_path, settings, mode="fail") as (_, _, embedded, warmer, clock):
        tries = 0
        load = embedded.warm

        async def counted(model: str, keep_alive_s: float | None = None) -> None:
            nonlocal tries
            tries += 1
            await load(model, keep_alive_s)

        embedded.warm = counted  # type: ignore[method-assign]
        await warmer.look()
        await warmer.look()
        assert tries == 1
        clock.now += 601
        await warmer.look()
        assert tries == 2


async def test_looking_goes_on_until_it_is_stopped(tmp_path: Path) -> None:
    """`start` looks after every pause, `stop` ends it; without anything to do it does not begin."""
    async with world(tmp_path, WarmSettings(("ollama/m",), learn=False)) as (
        gateway,
        fake,
        embedded,
        _,
        clock,
    ):
        looked = asyncio.Event()

        async def pause(_: float) -> None:
            if fake.chats:
                looked.set()
                await asyncio.Event().wait()

        settings = WarmSettings(("ollama/m",), learn=False)
        http = HttpClient(PATIENT)
        warmer = Warmer(settings, gateway.board, http, embedded, tuple, clock=clock, sleep=pause)
        warmer.start()
        await asyncio.wait_for(looked.wait(), 5)
        await warmer.stop()
        assert len(fake.chats) == 1
        idle = Warmer(
            WarmSettings(learn=False), gateway.board, http, embedded, tuple, clock=clock, sleep=pause
        )
        idle.start()
        await idle.stop()
        await http.close()
