"""Money through dispatch, journal and ledger: what is held, charged, refused, and what a row says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from inhouse.gateway.accounts import BudgetRule
from inhouse.gateway.costs import Electricity, Machine
from inhouse.gateway.currency import RateTable
from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.dispatch import Dispatch
from inhouse.gateway.edge.journal import Journal
from inhouse.gateway.edge.ledger import SqlLedger
from inhouse.gateway.edge.prices import Prices, read_book
from inhouse.gateway.edge.providers.scripted import Scene, ScriptedProvider, Wait
from inhouse.gateway.edge.till import HouseTill, MoneyRules
from inhouse.gateway.fleet import Engine, Model
from inhouse.gateway.ports import LedgerRow
from inhouse.gateway.prices import Override, Rates
from inhouse.gateway.rules import Rules
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import EngineUnreachable, InhouseError, OverBudget
from inhouse.kernel.messages import ChatMessage, ChatRequest, Finished, TextDelta, Usage, UsageSeen, Wishes
from tests.gateway.house import open_database

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC).timestamp()
TEN: tuple[Scene, ...] = (TextDelta("hi"), UsageSeen(Usage(6, 4)), Finished())
ANNA = Grant(key="k1", user="anna", team="sales")
ASKED = ChatRequest((ChatMessage("user", "hi"),), model="m", data="any", max_tokens=10)


class World:
    """A cloud engine, and a local one where it is asked for, both scripted; 1 micro-unit per token."""

    def __init__(self, home: Path, budget: BudgetRule | None, *, local: bool = False) -> None:
        self.now = NOON
        self.cloud, self.local = ScriptedProvider(TEN), ScriptedProvider(TEN)
        board = FleetBoard(lambda: self.now)
        engines = [Engine("cloud", "scripted", "cloud", "", "up", (Model("m"),))]
        if local:
            engines.append(Engine("local", "scripted", "local", "", "up", (Model("m"),)))
        board.show(engines)
        own = (Override("*", "*", date(2026, 1, 1), "USD", Rates(Decimal(1), Decimal(1))),)
        prices = Prices(read_book, own, RateTable(), engine_of=board.fleet.engine)
        rules = MoneyRules(
            budgets=(budget,) if budget else (),
            reference="reference",
            electricity=Electricity(Decimal("0.36")),
            machines=(Machine("gpu", ("local",), idle_watts=0, peak_watts=100),),
        )
        self.till = HouseTill(rules, prices, UTC, clock=lambda: self.now)
        self.journal = Journal(home / "journal", clock=lambda: self.now, stopwatch=lambda: self.now)
        self.database = open_database(home)
        self.ledger = SqlLedger(self.database, home / "journal")
        self.dispatch = Dispatch(
            board,
            lambda engine: self.cloud if engine.name == "cloud" else self.local,
            self.journal,
            lambda: Rules(cloud_allowed=True),
            clock=lambda: self.now,
            stopwatch=lambda: self.now,
            till=self.till,
        )

    async def ask(self, *, seconds: float = 0.0) -> str:
        """One request of `ANNA` to its end; the engine that answered."""
        answer = await self.dispatch.open(ASKED, request_id="r", user="anna", grant=ANNA)
        self.now += seconds
        async for _event in answer:
            pass
        return answer.used.engine

    def row(self) -> LedgerRow:
        """The newest row."""
        return self.ledger.rows()[0]

    def left(self) -> int | None:
        """What the budgets leave for `ANNA`."""
        return self.till.budget(ANNA, "anna", None, self.now).cloud_left_micros

    def close(self) -> None:
        """Let everything go."""
        self.journal.stop()
        self.database.close()


def house(limit: int) -> BudgetRule:
    """A budget of the house for a day."""
    return BudgetRule("house", "*", "day", limit)


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[list[World]]:
    """Worlds to close."""
    opened: list[World] = []
    yield opened
    for each in opened:
        each.close()


async def test_a_row_knows_its_money(worlds: list[World], tmp_path: Path) -> None:
    """Ten tokens outside cost ten and save nothing; the budget has ten less."""
    world = World(tmp_path, house(1000))
    worlds.append(world)
    assert await world.ask() == "cloud"
    row = world.row()
    assert (row.outcome, row.cost_micros, row.saved_micros, row.key, row.team) == (
        "ok",
        10,
        None,
        "k1",
        "sales",
    )
    assert world.left() == 990
    assert world.ledger.spent("house", NOON, NOON + 1) == {"house": 10}


async def test_local_work_has_a_price_and_a_saving(worlds: list[World], tmp_path: Path) -> None:
    """100 W for 0.5 s at 0.36 are 5 micro-units; the reference would have taken 10."""
    world = World(tmp_path, house(0), local=True)
    worlds.append(world)
    assert await world.ask(seconds=0.5) == "local"
    row = world.row()
    assert (row.where, row.cost_micros, row.saved_micros) == ("local", 5, 5)


async def test_an_empty_budget_refuses_and_leaves_a_row(worlds: list[World], tmp_path: Path) -> None:
    """No engine is asked, the row says why and costs nothing. The control: with money the engine is asked."""
    for limit, asked in ((0, 0), (1000, 1)):
        world = World(tmp_path / str(limit), house(limit))
        worlds.append(world)
        if asked:
            await world.ask()
        else:
            with pytest.raises(InhouseError):
                await world.ask()
            assert (world.row().outcome, world.row().cost_micros) == ("refused", 0)
        assert len(world.cloud.seen) == asked


async def test_what_may_cost_too_much_is_refused(worlds: list[World], tmp_path: Path) -> None:
    """A request whose estimate does not fit into what is left, beside one that is under way."""
    world = World(tmp_path, house(20))
    worlds.append(world)
    gate = asyncio.Event()
    world.cloud = ScriptedProvider((TextDelta("hi"), Wait(gate), UsageSeen(Usage(6, 4)), Finished()))
    first = await world.dispatch.open(ASKED, request_id="r", user="anna", grant=ANNA)
    held = world.left()
    assert held is not None
    assert 0 < held < 20
    with pytest.raises(OverBudget, match="house"):
        await world.dispatch.open(ASKED, request_id="r2", user="anna", grant=ANNA)
    gate.set()
    async for _event in first:
        pass
    assert world.left() == 10


async def test_a_failed_engine_costs_nothing(worlds: list[World], tmp_path: Path) -> None:
    """What was set aside for it is free again, and the row costs nothing."""
    world = World(tmp_path, house(1000))
    worlds.append(world)
    world.cloud = ScriptedProvider((EngineUnreachable("no route", engine="cloud"),))
    with pytest.raises(InhouseError):
        await world.ask()
    assert world.left() == 1000
    assert (world.row().outcome, world.row().cost_micros) == ("failed", 0)


async def test_a_caller_who_leaves_pays_for_what_was_made(worlds: list[World], tmp_path: Path) -> None:
    """Estimated tokens are charged, and nothing stays set aside."""
    world = World(tmp_path, house(1000))
    worlds.append(world)
    gate = asyncio.Event()
    world.cloud = ScriptedProvider((TextDelta("four"), Wait(gate)))
    answer = await world.dispatch.open(ASKED, request_id="r", user="anna", grant=ANNA)
    await answer.aclose()
    row = world.row()
    assert (row.outcome, row.estimated) == ("cancelled", True)
    assert row.cost_micros == row.input_tokens + row.output_tokens
    assert world.left() == 1000 - row.cost_micros


async def test_a_spent_budget_is_told_with_its_owner_and_its_end(worlds: list[World], tmp_path: Path) -> None:
    """Whose budget it is and until when stands in the refusal, also where a name was asked for and the
    cloud forced; control: before it is spent the same request is answered."""
    world = World(tmp_path, BudgetRule("team", "*", "day", 20))
    worlds.append(world)
    assert await world.ask() == "cloud"
    world.till.start(lambda *_window: {"sales": 20})
    for asked in (ASKED, replace(ASKED, model=None), replace(ASKED, wishes=Wishes(force="cloud"))):
        with pytest.raises(OverBudget) as refused:
            await world.dispatch.open(asked, request_id="r", user="anna", grant=ANNA)
        said = "the budget of team `sales` for this day is used up until 2026-11-19 00:00"
        assert said in refused.value.message
        assert refused.value.status == 429
