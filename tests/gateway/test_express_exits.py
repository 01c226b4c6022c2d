"""However a request on the short way ends: one row, money and machines let go, as on the long way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from inhouse.gateway.edge.dispatch_express import Express
from inhouse.gateway.policy import Attempt
from inhouse.gateway.till import Charge, Free, Hold
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import EngineError, HomeUnusable
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import EngineUsed
from tests.gateway.house import configured, house
from tests.gateway.test_express import Form, body_of, by_long, by_short, everything
from tests.worlds.engines import FakeEngine, Fault

End = Literal["read", "cancelled", "ours", "unwritten"]


@dataclass
class Held(Hold):
    """One hold, and what it was settled with."""

    engine: str
    settled: list[int | None] = field(default_factory=list)

    def settle(self, cost_micros: int | None) -> None:
        """See `Hold.settle`."""
        self.settled.append(cost_micros)


class Counting(Free):
    """A till whose engines cost one micro-unit a token; remembers every hold."""

    def __init__(self) -> None:
        self.holds: list[Held] = []
        self.charged: list[tuple[str, int, bool]] = []

    def hold(
        self, grant: Grant | None, user: str, attempt: Attempt, cost_micros: int | None, now: float
    ) -> Hold:
        """See `Till.hold`."""
        self.holds.append(Held(attempt.engine))
        return self.holds[-1]

    def charge(self, used: EngineUsed, usage: Usage, at: float, seconds: float) -> Charge:
        """See `Till.charge`."""
        tokens = usage.input_tokens + usage.output_tokens
        self.charged.append((used.engine, tokens, seconds > 0))
        return Charge(tokens, 7)


@dataclass
class Seen:
    """What one request left behind."""

    said: str
    row: tuple[object, ...]
    holds: list[tuple[str, list[int | None]]]
    charged: list[tuple[str, int, bool]]
    left: bool


async def leave_behind(home: Path, faults: tuple[Fault, ...], form: Form, end: End, *, short: bool) -> Seen:
    """One request to engines with those faults, the last of which is cancelled at work where it says so."""
    first, second = FakeEngine("mlx", faults[0]), FakeEngine("vllm", faults[-1])
    async with first.running(), second.running():
        asked = [first, second][: len(faults)]
        async with house(home, configured(*asked)) as gateway:
            till = Counting()
            gateway.dispatch.till = till
            if end == "ours":

                def broken(*_: object, **__: object) -> None:
                    raise RuntimeError("a fault of our own")

                gateway.board.answers = broken  # type: ignore[method-assign]
            body, express = body_of(stream=form == "stream"), Express(gateway.dispatch, everything)
            work = by_short(express, body, form) if short else by_long(gateway, body, form)
            task = asyncio.ensure_future(work)
            said = ""
            try:
                if end == "cancelled":
                    await asyncio.wait_for(asked[-1].met.wait(), 5)
                    task.cancel()
                if end == "unwritten":
                    await asyncio.wait_for(asked[-1].met.wait(), 5)
                    gateway.journal._trouble = "the disk is gone"
                said = str(await task)
            except (EngineError, RuntimeError) as error:
                said = repr(error)
            except asyncio.CancelledError:
                said = "cancelled"
                await asyncio.wait_for(asked[-1].left.wait(), 1)
            gateway.journal._trouble = ""
            assert gateway.dispatch.in_flight() == {}
            assert len(gateway.journal._open_now) == (end == "unwritten"), (
                "what is open is ended at the start"
            )
            rows = gateway.ledger.rows()
            assert len(rows) == (end != "unwritten")
            row: tuple[object, ...] = ()
            for each in rows:
                row = (each.outcome, each.code, each.engine, each.model, each.requested, each.user, each.key)
                row += (each.team, each.input_tokens, each.output_tokens, each.estimated, each.reason)
                row += (each.cost_micros, each.saved_micros, each.first_token_ms is None, each.task)
            holds = [(each.engine, each.settled) for each in till.holds]
            return Seen(said, row, holds, till.charged, asked[-1].left.is_set())


EXITS: list[tuple[tuple[Fault, ...], End]] = [
    (("none",), "read"),
    (("whole",), "read"),
    (("no_usage",), "read"),
    (("500",), "read"),
    (("500", "none"), "read"),
    (("500", "500"), "read"),
    (("close", "whole"), "read"),
    (("mid_error",), "read"),
    (("hang",), "cancelled"),
    (("hang_first",), "cancelled"),
    (("stall",), "cancelled"),
    (("500", "hang"), "cancelled"),
    (("500", "hang_first"), "cancelled"),
    (("drip",), "unwritten"),
    (("whole",), "unwritten"),
]


@pytest.mark.parametrize("form", ["stream", "whole", "translated"])
@pytest.mark.parametrize(("faults", "end"), EXITS, ids=lambda each: str(each).replace("'", ""))
async def test_every_exit_leaves_the_same(
    tmp_path: Path, faults: tuple[Fault, ...], end: End, form: Form
) -> None:
    """Answer, row, holds and charges are those of the long way; each hold is settled exactly once."""
    long = await leave_behind(tmp_path / "long", faults, form, end, short=False)
    short = await leave_behind(tmp_path / "short", faults, form, end, short=True)
    assert short == long
    assert [len(settled) for _, settled in short.holds] == [1] * len(faults)
    assert len(short.charged) == 1
    if end == "cancelled":
        assert short.said == "cancelled"
        assert short.left


@pytest.mark.parametrize("form", ["stream", "whole", "translated"])
async def test_fault_of_our_own_lets_go_of_everything(tmp_path: Path, form: Form) -> None:
    """A bug in the midst of an answer: an error for the caller, one row that says so, and nothing held."""
    seen = await leave_behind(tmp_path / "short", ("whole",), form, "ours", short=True)
    long = await leave_behind(tmp_path / "long", ("whole",), form, "ours", short=False)
    assert (seen.row, seen.holds) == (long.row, long.holds)
    assert "a fault of our own" in seen.said
    assert seen.row[:2] == ("partial", "internal_error")
    assert [len(settled) for _, settled in seen.holds] == [1]


async def test_journal_that_refuses_an_opening_holds_nothing(tmp_path: Path) -> None:
    """Control: where a request cannot be written down, nothing is set aside for it either."""
    async with FakeEngine("vllm", "whole").running() as fake, house(tmp_path, configured(fake)) as gateway:
        till = Counting()
        gateway.dispatch.till = till
        gateway.journal._trouble = "the disk is gone"
        with pytest.raises(HomeUnusable):
            await by_short(Express(gateway.dispatch, everything), body_of())
        assert (till.holds, fake.chats) == ([], [])
        gateway.journal._trouble = ""
