"""Engines that misbehave on a real socket: who answers, how it ends, what is written down."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import get_args

import pytest

from inhouse.gateway.edge.prober import EngineSettings
from inhouse.gateway.edge.providers.http import HttpLimits
from inhouse.gateway.profiles import EngineKind
from inhouse.kernel.errors import EngineError, EngineOverloaded, EngineTimeout
from inhouse.kernel.messages import Failed, Finished, TextDelta, UsageSeen
from tests.dialects.grammar import keeps_grammar
from tests.gateway.house import PATIENT, QUICK, REQUEST, configured, house
from tests.worlds.engines import USAGE, WORDS, FakeEngine, Fault, Kind

BEFORE_FIRST: dict[Fault, str] = {
    "close": "engine_unreachable",
    "hang": "engine_timeout",
    "hang_first": "engine_timeout",
    "keepalive": "engine_timeout",
    "reset_first": "engine_broke",
    "garbage": "engine_broke",
    "429": "engine_overloaded",
    "500": "engine_broke",
}
AFTER_FIRST: dict[Fault, str] = {
    "stall": "engine_timeout",
    "reset": "engine_broke",
    "half": "engine_broke",
    "badjson": "engine_broke",
    "huge": "engine_broke",
    "mid_error": "engine_broke",
}
HARMLESS: tuple[Fault, ...] = ("none", "no_usage", "twice_done", "whole")
SLOW_FAULTS = {"hang", "hang_first", "keepalive", "stall", "drip"}
FIRST: dict[Kind, EngineKind] = {"llama.cpp": "mlx", "ollama": "ollama"}
"""A kind of the same dialect that stands first in the order."""
SPOKEN: tuple[Kind, ...] = ("llama.cpp", "ollama")


def cases(faults: object) -> list[object]:
    """Each fault over both dialects; those that wait for a timeout are slow."""
    assert isinstance(faults, dict | tuple)
    return [
        pytest.param(kind, fault, marks=[pytest.mark.slow] if fault in SLOW_FAULTS else [])
        for fault in faults
        for kind in SPOKEN
    ]


def limits_for(fault: Fault) -> HttpLimits:
    """Short waits only where a wait is what is tested."""
    return QUICK if fault in SLOW_FAULTS else PATIENT


@pytest.fixture(params=["lean", "aiohttp"])
def lean(request: pytest.FixtureRequest) -> bool:
    """Both transports must give the same."""
    return bool(request.param == "lean")


def test_every_fault_has_a_case() -> None:
    """No fault of the world is left untried."""
    assert {*BEFORE_FIRST, *AFTER_FIRST, *HARMLESS, "drip"} == set(get_args(Fault))


@pytest.mark.parametrize(("kind", "fault"), cases(HARMLESS))
async def test_harmless_oddities_change_nothing(
    tmp_path: Path, kind: Kind, fault: Fault, *, lean: bool
) -> None:
    """Control: the answer is whole, and its row says ok; missing usage is estimated."""
    async with (
        FakeEngine(kind, fault).running() as fake,
        house(tmp_path, configured(fake), lean=lean) as gateway,
    ):
        engine, events = await gateway.ask()
        assert engine == kind
        assert keeps_grammar(events)
        assert "".join(each.text for each in events if isinstance(each, TextDelta)) == "".join(WORDS)
        assert events[-1] == Finished()
        (row,) = gateway.ledger.rows()
        assert (row.outcome, row.engine, row.where) == ("ok", kind, "local")
        assert row.estimated == (fault == "no_usage")
        if fault in ("none", "twice_done"):
            assert events[-2] == UsageSeen(USAGE)
        assert fake.fired == (fault != "none")


@pytest.mark.parametrize(("kind", "fault"), cases(BEFORE_FIRST))
async def test_fault_before_the_first_event_goes_to_the_next(
    tmp_path: Path, kind: Kind, fault: Fault, *, lean: bool
) -> None:
    """The next engine answers whole, the reason names the failed one, one row is ok."""
    async with (
        FakeEngine(kind, fault).running() as bad,
        FakeEngine("vllm" if kind == "llama.cpp" else "llama.cpp").running() as good,
    ):
        engines = (EngineSettings("bad", bad.url, FIRST[kind]), *configured(good))
        async with house(tmp_path, engines, limits=limits_for(fault), lean=lean) as gateway:
            engine, events = await gateway.ask()
            assert (engine, events[-1]) == (good.kind, Finished())
            (row,) = gateway.ledger.rows()
            assert (row.outcome, row.engine) == ("ok", good.kind)
            assert "before it failed `bad`" in row.reason
            assert (bad.fired, len(good.chats)) == (1, 1)
            resting = gateway.board.fleet.engine("bad")
            assert resting is not None
            assert resting.failures == 1


@pytest.mark.parametrize(("kind", "fault"), cases(BEFORE_FIRST))
async def test_fault_before_the_first_event_alone_is_an_error(
    tmp_path: Path, kind: Kind, fault: Fault, *, lean: bool
) -> None:
    """Without a second engine the same fault is a typed exception and a failed row."""
    async with (
        FakeEngine(kind, fault).running() as bad,
        house(tmp_path, configured(bad), limits=limits_for(fault), lean=lean) as gateway,
    ):
        with pytest.raises(EngineError) as caught:
            await gateway.ask()
        assert caught.value.code == BEFORE_FIRST[fault]
        assert f"`{kind}`" in caught.value.message
        (row,) = gateway.ledger.rows()
        assert (row.outcome, row.code, bad.fired) == ("failed", BEFORE_FIRST[fault], 1)


@pytest.mark.parametrize(("kind", "fault"), cases(AFTER_FIRST))
async def test_fault_after_the_first_event_ends_the_answer(
    tmp_path: Path, kind: Kind, fault: Fault, *, lean: bool
) -> None:
    """What came stays, an error event follows, nobody else is asked, the row is partial."""
    async with (
        FakeEngine(kind, fault).running() as bad,
        FakeEngine("vllm" if kind == "llama.cpp" else "llama.cpp").running() as good,
    ):
        engines = (EngineSettings("bad", bad.url, FIRST[kind]), *configured(good))
        async with house(tmp_path, engines, limits=limits_for(fault), lean=lean) as gateway:
            engine, events = await gateway.ask()
            assert engine == "bad"
            assert keeps_grammar(events)
            assert [each.text for each in events if isinstance(each, TextDelta)] == list(WORDS[:2])
            assert isinstance(events[-1], Failed)
            assert events[-1].code == AFTER_FIRST[fault]
            (row,) = gateway.ledger.rows()
            assert (row.outcome, row.code, row.estimated) == ("partial", AFTER_FIRST[fault], True)
            assert (bad.fired, good.chats) == (1, [])


@pytest.mark.slow
@pytest.mark.parametrize("kind", SPOKEN)
async def test_dripping_engine_meets_the_total_deadline(tmp_path: Path, kind: Kind, *, lean: bool) -> None:
    """One byte now and then is no silence, but the answer's own time ends it."""
    limits = HttpLimits(first_event_timeout_s=9.0, idle_timeout_s=9.0, total_timeout_s=0.2)
    async with (
        FakeEngine(kind, "drip").running() as fake,
        house(tmp_path, configured(fake), limits=limits, lean=lean) as gateway,
    ):
        try:
            _, events = await gateway.ask()
        except EngineTimeout as error:
            message = error.message
        else:
            assert isinstance(events[-1], Failed)
            message = events[-1].message
        assert message == f"`{kind}`: the answer took longer than 0.2 s"
        assert fake.fired == 1


async def test_engine_that_dies_after_the_look(tmp_path: Path, *, lean: bool) -> None:
    """The snapshot says up, the port refuses: the next engine answers, within two seconds."""
    gone, good = FakeEngine("mlx"), FakeEngine("ollama")
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(good.running())
        async with gone.running():
            gateway = await stack.enter_async_context(house(tmp_path, configured(gone, good), lean=lean))
            assert gateway.board.fleet.engine("mlx") is not None
        assert (await gateway.ask())[0] == "ollama"
        (row,) = gateway.ledger.rows()
        assert "`mlx`: no connection" in row.reason
        assert row.total_ms < 2000


async def test_advice_to_wait_is_read_from_the_head(tmp_path: Path, *, lean: bool) -> None:
    """Retry-After of a 429 reaches the caller and the snapshot."""
    fake = FakeEngine("vllm", "429", retry_after="17")
    async with (
        fake.running(),
        house(tmp_path, configured(fake), lean=lean) as gateway,
    ):
        with pytest.raises(EngineOverloaded) as caught:
            await gateway.ask()
        assert caught.value.retry_after_s == 17.0
        engine = gateway.board.fleet.engine("vllm")
        assert engine is not None
        assert engine.rests_until > 0


@pytest.mark.parametrize("kind", SPOKEN)
@pytest.mark.parametrize("fault", ["stall", "keepalive", "hang"])
async def test_leaving_closes_the_upstream_connection(
    tmp_path: Path, kind: Kind, fault: Fault, *, lean: bool
) -> None:
    """Closing the answer, or cancelling the wait for it, is seen by the engine within a second."""
    async with (
        FakeEngine(kind, fault).running() as fake,
        house(tmp_path, configured(fake), lean=lean) as gateway,
    ):
        opening = asyncio.create_task(gateway.dispatch.open(REQUEST, request_id="r", user="u"))
        if fault == "stall":
            answer = await opening
            assert await anext(answer) == TextDelta(WORDS[0])
            assert not fake.left.is_set()
            await answer.aclose()
        else:
            await asyncio.wait_for(fake.met.wait(), 1.0)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
        await asyncio.wait_for(fake.left.wait(), 1.0)
        (row,) = gateway.ledger.rows()
        assert (row.outcome, fake.fired, gateway.dispatch.in_flight()) == ("cancelled", 1, {})


async def test_reading_to_the_end_is_not_leaving(tmp_path: Path) -> None:
    """Control: an answer read to its end leaves an ok row and no engine that was left."""
    async with FakeEngine("llama.cpp").running() as fake, house(tmp_path, configured(fake)) as gateway:
        await gateway.ask()
        (row,) = gateway.ledger.rows()
        assert (row.outcome, fake.left.is_set()) == ("ok", False)


async def test_huge_event_is_not_kept(tmp_path: Path, *, lean: bool) -> None:
    """The reader gives up at its cap: the engine could not even send the whole 32 MB."""
    async with (
        FakeEngine("llama.cpp", "huge").running() as fake,
        house(tmp_path, configured(fake), lean=lean) as gateway,
    ):
        _, events = await gateway.ask()
        last = events[-1]
        assert isinstance(last, Failed)
        assert "1048576" in last.message
        await asyncio.wait_for(fake.left.wait(), 1.0)


async def test_error_of_an_engine_holds_no_key(tmp_path: Path) -> None:
    """A wrong key is explained without showing it."""
    fake = FakeEngine("vllm", key="right")
    async with fake.running():
        async with house(tmp_path, configured(fake)) as gateway:
            assert (await gateway.ask())[1][-1] == Finished()
        wrong = (EngineSettings("vllm", fake.url, "vllm", "wrong-secret"),)
        async with house(tmp_path, wrong) as gateway:
            (view,) = gateway.prober.engines()
            assert (view.state, view.reason) == ("down", "asks for a key")
            assert "wrong-secret" not in repr(wrong)
