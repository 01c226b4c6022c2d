"""Dispatch over scripted engines: order, fallback, ends, and the row that each end leaves."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.dispatch import Answer, Dispatch
from inhouse.gateway.edge.providers.scripted import Scene, ScriptedProvider, Wait
from inhouse.gateway.fleet import Engine, Model
from inhouse.gateway.rules import Rules
from inhouse.kernel.errors import (
    EngineBroke,
    EngineError,
    EngineOverloaded,
    EngineRefused,
    EngineUnfit,
    EngineUnreachable,
    HomeUnusable,
    NoEngine,
)
from inhouse.kernel.messages import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    Failed,
    Finished,
    TextDelta,
    Usage,
    UsageSeen,
)
from inhouse.kernel.ports import EngineUsed, Outcome

REQUEST = ChatRequest((ChatMessage("user", "How many days of leave are there?"),))
HELLO: tuple[Scene, ...] = (TextDelta("He"), TextDelta("llo"), UsageSeen(Usage(9, 2)), Finished())


@dataclass
class Row:
    """One account as the test sees it."""

    outcome: Outcome | None = None
    used: EngineUsed | None = None
    usage: Usage | None = None
    code: str | None = None
    first_token_ms: float | None = None
    closes: int = 0
    unwritable: bool = False

    def close(
        self,
        outcome: Outcome,
        used: EngineUsed,
        usage: Usage,
        *,
        code: str | None = None,
        first_token_ms: float | None = None,
        **_money: object,
    ) -> None:
        """Keep the first end, count them all."""
        self.closes += 1
        if self.unwritable:
            raise HomeUnusable("disk full")
        if self.outcome is None:
            self.outcome, self.used, self.usage = outcome, used, usage
            self.code, self.first_token_ms = code, first_token_ms


@dataclass
class Book:
    """Accounts in memory."""

    rows: list[Row] = field(default_factory=list)
    unwritable: bool = False

    def open(self, *, request_id: str, user: str, task: str, **_payer: object) -> Row:
        """A new row."""
        self.rows.append(Row(unwritable=self.unwritable))
        return self.rows[-1]


class World:
    """Scripted engines a, b, c … in that order, each with one model `m`."""

    def __init__(self, *engines: ScriptedProvider, rules: Rules | None = None) -> None:
        self.now = 1000.0
        self.board = FleetBoard(lambda: self.now)
        self.providers = dict(zip("abcdef", engines, strict=False))
        self.board.show(
            [Engine(name, "scripted", "local", "", "up", (Model("m"),)) for name in self.providers]
        )
        self.book = Book()
        self.dispatch = Dispatch(
            self.board,
            lambda engine: self.providers[engine.name],
            self.book,
            lambda: rules or Rules(),
            clock=lambda: self.now,
            stopwatch=lambda: self.now,
        )

    async def ask(self, request: ChatRequest = REQUEST) -> Answer:
        """Open one request."""
        return await self.dispatch.open(request, request_id="r1", user="anna")

    @property
    def row(self) -> Row:
        """The only row."""
        (row,) = self.book.rows
        return row


async def read(answer: Answer) -> list[ChatEvent]:
    """All events of an answer."""
    return [event async for event in answer]


def text_of(events: Sequence[ChatEvent]) -> str:
    """The answer's words."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_first_engine_answers_and_leaves_an_ok_row() -> None:
    """A plain answer passes unchanged; its row says ok with the engine's own usage."""
    world = World(ScriptedProvider(HELLO))
    answer = await world.ask()
    assert (answer.used.engine, answer.used.model, answer.used.where) == ("a", "m", "local")
    assert await read(answer) == list(HELLO)
    assert (world.row.outcome, world.row.usage) == ("ok", Usage(9, 2))
    assert world.row.first_token_ms == 0.0
    assert world.dispatch.in_flight() == {}


@pytest.mark.parametrize(
    "failure",
    [
        (EngineUnreachable("refused", engine="a"),),
        (EngineOverloaded("busy", engine="a"),),
        (EngineRefused("unknown model", engine="a"),),
        (Failed("engine_broke", "nonsense"),),
        (),
    ],
)
async def test_next_engine_takes_over_before_the_first_event(failure: tuple[Scene, ...]) -> None:
    """A failure before the first event goes to the next engine; the reason names it; one row."""
    world = World(ScriptedProvider(failure), ScriptedProvider(HELLO))
    answer = await world.ask()
    assert text_of(await read(answer)) == "Hello"
    assert answer.used.engine == "b"
    assert "before it failed" in answer.used.reason
    assert (world.row.outcome, len(world.book.rows)) == ("ok", 1)


@pytest.mark.parametrize(
    "failure", [EngineBroke("died", engine="a"), Failed("engine_timeout", "silent"), None]
)
async def test_nobody_takes_over_after_the_first_event(failure: Scene | None) -> None:
    """A failure after the first event ends the answer with an error event and a partial row."""
    other = ScriptedProvider(HELLO)
    script = (TextDelta("He"), *([failure] if failure else []))
    world = World(ScriptedProvider(script), other)
    events = await read(await world.ask())
    assert text_of(events) == "He"
    assert isinstance(events[-1], Failed)
    assert other.seen == []
    assert (world.row.outcome, world.row.code) == ("partial", events[-1].code)
    assert world.row.usage is not None
    assert world.row.usage.estimated


async def test_provider_that_raises_too_late_still_ends_in_an_event() -> None:
    """An exception after the first event becomes the answer's last event."""

    class Late(ScriptedProvider):
        async def stream(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
            yield TextDelta("He")
            raise EngineBroke("died", engine="a")

    world = World(Late())
    events = await read(await world.ask())
    assert events[-1] == Failed("engine_broke", "died")
    assert (world.row.outcome, world.row.code) == ("partial", "engine_broke")


async def test_all_engines_failing_names_each() -> None:
    """When every engine fails the error names them all and the row says failed."""
    world = World(
        ScriptedProvider((EngineUnreachable("`a`: refused", engine="a"),)),
        ScriptedProvider((EngineOverloaded("`b`: busy", engine="b"),)),
    )
    with pytest.raises(EngineError, match="`a`: refused; `b`: busy"):
        await world.ask()
    assert (world.row.outcome, world.row.code) == ("failed", "engine_overloaded")
    assert world.dispatch.in_flight() == {}


async def test_no_route_is_refused_and_written_down() -> None:
    """Without an engine the request is refused before any is asked, and leaves a row."""
    world = World()
    assert not world.dispatch.ready(REQUEST)
    with pytest.raises(NoEngine, match="No language model was found"):
        await world.ask()
    assert (world.row.outcome, world.row.code) == ("refused", "no_engine")
    assert world.row.used == EngineUsed("none", None, "none", "eligibility: No language model was found")


async def test_leaving_early_cancels_engine_and_row() -> None:
    """Closing after the first event ends the engine's work; the row says cancelled, usage estimated."""
    world = World(ScriptedProvider((TextDelta("He"), Wait(asyncio.Event()))))
    answer = await world.ask()
    assert await anext(answer) == TextDelta("He")
    assert world.dispatch.in_flight() == {"a": 1}
    await answer.aclose()
    assert world.providers["a"].closed == 1
    assert (world.row.outcome, world.dispatch.in_flight()) == ("cancelled", {})


async def test_never_reading_cancels_too() -> None:
    """An answer that nobody iterates is cancelled by `aclose`."""
    world = World(ScriptedProvider(HELLO))
    await (await world.ask()).aclose()
    assert (world.row.outcome, world.providers["a"].closed) == ("cancelled", 1)


async def test_dropped_answer_is_closed_by_the_collector() -> None:
    """An answer that is dropped without `aclose` ends its engine's work all the same."""
    world = World(ScriptedProvider((TextDelta("He"), Wait(asyncio.Event()))))
    await world.ask()
    gc.collect()
    for _ in range(10):
        await asyncio.sleep(0)
    assert (world.row.outcome, world.providers["a"].closed) == ("cancelled", 1)


async def test_cancelled_task_before_the_first_event() -> None:
    """Cancelling the wait for the first event leaves a cancelled row, tries nobody else."""
    other = ScriptedProvider(HELLO)
    world = World(ScriptedProvider((Wait(asyncio.Event()),)), other)
    task = asyncio.create_task(world.ask())
    for _ in range(5):
        await asyncio.sleep(0)
    assert world.dispatch.in_flight() == {"a": 1}
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (world.row.outcome, other.seen, world.providers["a"].closed) == ("cancelled", [], 1)


async def test_cancelled_task_in_the_middle() -> None:
    """Cancelling the wait for a later event leaves a cancelled row."""
    world = World(ScriptedProvider((TextDelta("He"), Wait(asyncio.Event()))))
    task = asyncio.create_task(read(await world.ask()))
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (world.row.outcome, world.providers["a"].closed) == ("cancelled", 1)


async def test_missing_usage_is_estimated_and_marked() -> None:
    """An engine that says nothing about usage gets an estimate before the end, marked as one."""
    world = World(ScriptedProvider((TextDelta("x" * 40), Finished("length"))))
    events = await read(await world.ask())
    assert events[1:] == [UsageSeen(Usage(13, 10, estimated=True)), Finished("length")]


async def test_failed_engine_rests_and_comes_back() -> None:
    """An engine that failed is not asked while it rests, longer each time, and is asked again after."""
    flaky = ScriptedProvider(
        (EngineUnreachable("down", engine="a"),), (EngineUnreachable("down", engine="a"),), HELLO
    )
    world = World(flaky, ScriptedProvider(HELLO))
    engines = []
    for step_s in (0.0, 1.0, 1.5, 3.0, 2.0):
        world.now += step_s
        answer = await world.ask()
        engines.append((answer.used.engine, len(flaky.seen)))
        await read(answer)
    # fails, rests 2 s, fails, rests 4 s, answers
    assert engines == [("b", 1), ("b", 1), ("b", 2), ("b", 2), ("a", 3)]
    assert world.board.fleet.engines[0].failures == 0


async def test_refusing_engine_does_not_rest() -> None:
    """An engine that declined one request is asked for the next one."""
    picky = ScriptedProvider((EngineRefused("bad parameter", engine="a"),), HELLO)
    world = World(picky)
    with pytest.raises(EngineRefused):
        await world.ask()
    assert text_of(await read(await world.ask())) == "Hello"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_caller_who_wants_json_takes_no_engine_away(stream: bool) -> None:
    """Prose where an object was prescribed fails that request alone; the next caller is answered."""
    wordy = ScriptedProvider(HELLO, HELLO)
    world = World(wordy)
    strict = replace(REQUEST, json_object=True, stream=stream)
    if stream:
        last = (await read(await world.ask(strict)))[-1]
        assert isinstance(last, Failed)
        assert last.code == "engine_unfit"
    else:
        with pytest.raises(EngineUnfit):
            await world.ask(strict)
    assert world.board.fleet.engines[0].failures == 0
    assert text_of(await read(await world.ask())) == "Hello"


async def test_advice_of_a_busy_engine_is_followed() -> None:
    """Retry-After decides how long a busy engine rests, up to a minute."""
    world = World(ScriptedProvider((EngineOverloaded("busy", retry_after_s=20),)), ScriptedProvider(HELLO))
    await (await world.ask()).aclose()
    assert world.board.fleet.engines[0].rests_until == 1020.0


async def test_unwritable_row_does_not_cost_the_answer() -> None:
    """A row that cannot be closed leaves the answer whole."""
    world = World(ScriptedProvider(HELLO))
    world.book.unwritable = True
    assert await read(await world.ask()) == list(HELLO)
    assert world.row.closes > 0


async def test_new_look_keeps_the_rest_of_a_failed_engine() -> None:
    """A successful probe does not end the rest of an engine whose answers fail."""
    world = World(ScriptedProvider((EngineBroke("died"),)))
    with pytest.raises(EngineBroke):
        await world.ask()
    world.board.show([Engine("a", "scripted", "local", "", "up", (Model("m"),))])
    assert not world.dispatch.ready(REQUEST)
    world.now += 2.0
    assert world.dispatch.ready(REQUEST)
