"""What dispatch does around an attempt: money held, retries in a budget, one probe after a rest, vectors."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.dispatch import Dispatch
from inhouse.gateway.edge.dispatch_retry import FLOOR, RetryBudget, wait_before_retry
from inhouse.gateway.edge.providers.scripted import Scene, ScriptedProvider, Wait
from inhouse.gateway.fleet import Engine, Model
from inhouse.gateway.policy import Attempt
from inhouse.gateway.rules import Budget, Rules
from inhouse.gateway.till import Charge
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import (
    EngineBroke,
    EngineError,
    EngineOverloaded,
    EngineRefused,
    EngineUnreachable,
    NoEngine,
    OverBudget,
)
from inhouse.kernel.messages import (
    Embeddings,
    EmbedRequest,
    Failed,
    TextDelta,
    Usage,
)
from inhouse.kernel.ports import EngineUsed
from tests.gateway.test_dispatch import HELLO, REQUEST, Book, read, text_of

DOWN: tuple[Scene, ...] = (EngineUnreachable("no connection", engine="a"),)


@dataclass
class Held:
    """Money set aside in the fake till."""

    settled: list[int | None] = field(default_factory=list)

    def settle(self, cost_micros: int | None) -> None:
        """The first counts."""
        self.settled.append(cost_micros)


@dataclass
class FakeTill:
    """Every answer costs 7, and `broke` engines cost more than is left."""

    broke: frozenset[str] = frozenset()
    holds: list[Held] = field(default_factory=list)

    def budget(self, grant: Grant | None, user: str, model: str | None, now: float) -> Budget:
        """No cap."""
        return Budget()

    def estimate(self, attempt: Attempt, input_tokens: int, output_tokens: int, now: float) -> int | None:
        """Always the same."""
        return 9

    def hold(
        self, grant: Grant | None, user: str, attempt: Attempt, cost_micros: int | None, now: float
    ) -> Held:
        """Set aside, unless the engine is too dear."""
        assert cost_micros == 9
        if attempt.engine in self.broke:
            raise OverBudget(f"`{attempt.engine}` is too dear")
        self.holds.append(Held())
        return self.holds[-1]

    def charge(self, used: EngineUsed, usage: Usage, at: float, seconds: float) -> Charge:
        """Seven for an engine, nothing without one."""
        return Charge(7, 2) if used.engine != "none" and usage.output_tokens else Charge(0)


class World:
    """Scripted engines a, b, c … with a till, a pause that only counts, and no chance."""

    def __init__(self, *engines: ScriptedProvider, till: FakeTill | None = None, retries: int = 2) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []
        self.board = FleetBoard(lambda: self.now)
        self.providers = dict(zip("abcdef", engines, strict=False))
        self.board.show(
            [Engine(each, "scripted", "local", "", "up", (Model("m"),)) for each in self.providers]
        )
        self.book, self.till = Book(), till or FakeTill()
        self.dispatch = Dispatch(
            self.board,
            lambda engine: self.providers[engine.name],
            self.book,
            lambda: Rules(retries=retries),
            clock=lambda: self.now,
            stopwatch=lambda: self.now,
            till=self.till,
            pause=self.pause,
        )

    async def pause(self, seconds: float) -> None:
        """Time goes on."""
        self.pauses.append(seconds)
        self.now += seconds

    async def ask(self) -> str:
        """The answer's words."""
        answer = await self.dispatch.open(REQUEST, request_id="r", user="anna")
        return text_of(await read(answer))


async def test_money_is_held_and_settled() -> None:
    """What was set aside is replaced by what it cost."""
    world = World(ScriptedProvider(HELLO))
    assert await world.ask() == "Hello"
    assert [each.settled for each in world.till.holds] == [[7]]


async def test_failed_attempt_gives_its_money_back() -> None:
    """Each attempt holds for itself, and one that failed costs nothing."""
    world = World(ScriptedProvider(DOWN), ScriptedProvider(HELLO))
    await world.ask()
    assert [each.settled for each in world.till.holds] == [[0], [7]]


async def test_engine_over_budget_is_passed_over() -> None:
    """What a budget does not leave goes to the next engine; when nobody is left the request is refused."""
    world = World(ScriptedProvider(HELLO), ScriptedProvider(HELLO), till=FakeTill(frozenset("a")))
    await world.ask()
    assert world.providers["a"].seen == []
    world = World(ScriptedProvider(HELLO), till=FakeTill(frozenset("a")))
    with pytest.raises(OverBudget, match="`a` is too dear"):
        await world.ask()
    (row,) = world.book.rows
    assert (row.outcome, row.code, world.providers["a"].seen) == ("refused", "over_budget", [])


async def test_left_answer_is_charged() -> None:
    """A caller that leaves in the middle pays for what was written."""
    world = World(ScriptedProvider((TextDelta("Hello"), Wait(asyncio.Event()))))
    answer = await world.dispatch.open(REQUEST, request_id="r", user="anna")
    await anext(answer)
    await answer.aclose()
    assert [each.settled for each in world.till.holds] == [[7]]


async def test_only_engine_is_asked_again() -> None:
    """An engine that could not be reached is asked again after a short wait, when there is no other."""
    world = World(ScriptedProvider(DOWN, HELLO))
    assert await world.ask() == "Hello"
    assert len(world.pauses) == 1
    assert 0.05 <= world.pauses[0] <= 0.1


async def test_other_engine_is_asked_first() -> None:
    """No second question to an engine that failed while another can answer."""
    world = World(ScriptedProvider(DOWN, HELLO), ScriptedProvider(HELLO))
    await world.ask()
    assert (world.pauses, len(world.providers["a"].seen)) == ([], 1)


@pytest.mark.parametrize("error", [EngineRefused("declined", engine="a"), EngineBroke("died", engine="a")])
async def test_verdict_decides_about_a_retry(error: EngineError) -> None:
    """U13: what was declined or broke is never asked of the same engine again."""
    world = World(ScriptedProvider((error,), HELLO))
    with pytest.raises(type(error)):
        await world.ask()
    assert (world.pauses, len(world.providers["a"].seen)) == ([], 1)


async def test_no_retry_after_the_first_word() -> None:
    """U06: an answer that broke off is not begun again."""
    world = World(ScriptedProvider((TextDelta("He"), Failed("engine_unreachable", "lost")), HELLO))
    assert await world.ask() == "He"
    assert (world.pauses, len(world.providers["a"].seen)) == ([], 1)


async def test_retries_of_all_requests_share_a_budget() -> None:
    """A storm of failures makes at most a tenth more requests, beside a small floor."""
    world = World(ScriptedProvider(DOWN))
    for _ in range(200):
        world.now += 100.0
        with pytest.raises(EngineError):
            await world.ask()
    asked = len(world.providers["a"].seen)
    assert 200 + FLOOR <= asked <= 200 + 20 + FLOOR + 1


async def test_without_a_budget_the_storm_doubles() -> None:
    """Control: retries without their budget would treble the requests."""

    class Boundless(RetryBudget):
        def take(self, number: int, error: EngineError) -> float | None:
            return 0.0

    world = World(ScriptedProvider(DOWN))
    world.dispatch._retries = Boundless(lambda: 0.0)
    for _ in range(20):
        world.now += 100.0
        with pytest.raises(EngineError):
            await world.ask()
    assert len(world.providers["a"].seen) == 60


@pytest.mark.parametrize(
    ("number", "error", "dice", "wait_s"),
    [
        (0, EngineUnreachable(""), 0.0, 0.05),
        (0, EngineUnreachable(""), 1.0, 0.1),
        (2, EngineUnreachable(""), 1.0, 0.4),
        (9, EngineOverloaded(""), 1.0, 2.0),
        (0, EngineOverloaded("", retry_after_s=1.0), 0.0, 1.0),
        (0, EngineOverloaded("", retry_after_s=60.0), 0.0, None),
        (0, EngineBroke(""), 0.0, None),
    ],
)
def test_waits_before_a_retry(number: int, error: EngineError, dice: float, wait_s: float | None) -> None:
    """U11, U12: doubling with chance, Retry-After believed, a long one not waited for."""
    assert wait_before_retry(number, error, dice) == wait_s


async def test_one_request_tries_an_engine_after_its_rest() -> None:
    """U10: when the rest is over one request goes there, the others stay away until it answers."""
    gate = asyncio.Event()
    world = World(ScriptedProvider(DOWN, (Wait(gate), *HELLO), HELLO), retries=0)
    with pytest.raises(EngineUnreachable):
        await world.ask()
    world.now += 2.1
    probe = asyncio.ensure_future(world.ask())
    for _ in range(10):
        await asyncio.sleep(0)
    with pytest.raises(NoEngine, match="being tried again"):
        await world.ask()
    gate.set()
    assert await probe == "Hello"
    assert await world.ask() == "Hello"
    assert len(world.providers["a"].seen) == 3


async def test_cancelled_probe_lets_the_next_try() -> None:
    """A probe whose caller leaves proves nothing: the next request may try at once."""
    world = World(ScriptedProvider(DOWN, (Wait(asyncio.Event()),), HELLO), retries=0)
    with pytest.raises(EngineUnreachable):
        await world.ask()
    world.now += 2.1
    probe = asyncio.ensure_future(world.ask())
    for _ in range(10):
        await asyncio.sleep(0)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert await world.ask() == "Hello"


async def test_storm_opens_the_breaker_and_it_closes_again() -> None:
    """U10: after one failure nobody is sent there; within half a minute after it is well, all are."""
    well = [False]

    class Sick(ScriptedProvider):
        def script(self) -> tuple[Scene, ...]:
            return HELLO if well[0] else (EngineBroke("HTTP 500", engine="a"),)

        def stream(self, request: object, model: str) -> object:  # type: ignore[override]  # plays by a switch
            self._scripts = (self.script(),)
            return super().stream(request, model)  # type: ignore[arg-type]  # handed on

    sick = Sick(HELLO)
    world = World(sick, retries=0)
    for _ in range(600):  # ten requests a second for a minute
        with pytest.raises((EngineBroke, NoEngine)):
            await world.ask()
        world.now += 0.1
    assert len(sick.seen) <= 6
    well[0] = True
    waited = 0.0
    while True:
        try:
            assert await world.ask() == "Hello"
            break
        except NoEngine:
            world.now += 0.5
            waited += 0.5
    assert waited <= 30
    assert await world.ask() == "Hello"


async def test_requests_that_fail_together_count_once() -> None:
    """Fifty answers that die with one engine make one rest of two seconds, not one of thirty."""
    gate = asyncio.Event()
    world = World(ScriptedProvider((TextDelta("x"), Wait(gate), EngineBroke("died", engine="a"))), retries=0)
    answers = [await world.dispatch.open(REQUEST, request_id="r", user="u") for _ in range(50)]
    assert world.dispatch.in_flight() == {"a": 50}
    gate.set()
    await asyncio.gather(*(read(each) for each in answers))
    engine = world.board.fleet.engine("a")
    assert engine is not None
    assert (engine.failures, engine.rests_until) == (1, 1002.0)


async def test_load_is_seen_by_routing() -> None:
    """Requests under way stand in the snapshot that routing gets, and are gone when they end."""
    world = World(ScriptedProvider((TextDelta("x"), Wait(asyncio.Event()))))
    answers = [await world.dispatch.open(REQUEST, request_id="r", user="u") for _ in range(3)]
    assert [each.load.in_flight for each in world.board.current().engines] == [3]
    assert world.board.current() is world.board.current()
    for each in answers:
        await each.aclose()
    assert [each.load.in_flight for each in world.board.current().engines] == [0]


class Vectors(ScriptedProvider):
    """Makes one vector per text, after failing as often as told."""

    def __init__(self, *errors: EngineError) -> None:
        super().__init__(HELLO)
        self._errors = list(errors)

    async def embed(self, request: EmbedRequest, model: str) -> Embeddings:
        """See `Provider.embed`."""
        if self._errors:
            raise self._errors.pop(0)
        return Embeddings(tuple((1.0, 2.0) for _ in request.inputs), Usage(3, 1))


class EmbedWorld(World):
    """The same with models that give vectors."""

    def __init__(self, *engines: ScriptedProvider) -> None:
        super().__init__(*engines)
        model = Model("nomic-embed-text", chats=False, capabilities=frozenset({"embedding"}))
        self.board.show(
            [Engine(each, "vllm", "local", "http://x", "up", (model,)) for each in self.providers]
        )


async def test_vectors_go_the_same_way() -> None:
    """Vectors fall back as answers do, hold money, and leave one row."""
    world = EmbedWorld(Vectors(EngineUnreachable("gone", engine="a")), Vectors())
    made = await world.dispatch.embed(EmbedRequest(("x", "y")), request_id="r", user="u")
    assert (made.used.engine, len(made.embeddings.vectors)) == ("b", 2)
    (row,) = world.book.rows
    assert (row.outcome, row.usage) == ("ok", Usage(3, 1))
    assert [each.settled for each in world.till.holds] == [[0], [7]]
    assert world.dispatch.in_flight() == {}


async def test_vectors_that_nobody_makes() -> None:
    """Without an engine that embeds the request is refused; when all fail the row says so."""
    world = World(ScriptedProvider(HELLO))
    with pytest.raises(NoEngine):
        await world.dispatch.embed(EmbedRequest(("x",)), request_id="r", user="u")
    assert world.book.rows[0].outcome == "refused"
    world = EmbedWorld(Vectors(EngineBroke("nonsense", engine="a")))
    with pytest.raises(EngineBroke):
        await world.dispatch.embed(EmbedRequest(("x",)), request_id="r", user="u")
    assert world.book.rows[0].outcome == "failed"
