"""Budgets: the enforced figure is the ledger's, little is spent beyond it, and clocks may jump."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from inhouse.gateway.accounts import BudgetRule, Period, Scope, Window, window_of
from inhouse.gateway.costs import Electricity, Machine
from inhouse.gateway.currency import RateTable
from inhouse.gateway.edge.journal import Journal
from inhouse.gateway.edge.ledger import SqlLedger
from inhouse.gateway.edge.prices import Prices, read_book
from inhouse.gateway.edge.till import HouseTill, MoneyRules
from inhouse.gateway.policy import Attempt
from inhouse.gateway.ports import LedgerRow
from inhouse.gateway.prices import Override, Rates
from inhouse.gateway.till import Hold
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import HomeUnusable, OverBudget
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import EngineUsed, Where
from tests.gateway.house import open_database

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC).timestamp()
DAY = 86_400.0
CLOUD = Attempt("anthropic", "m-priced", "cloud", "")
UNPRICED = Attempt("anthropic", "mystery", "cloud", "")
LOCAL = Attempt("ollama", "qwen", "local", "")
ONE_EACH = Rates(Decimal(1), Decimal(1))
"""One micro-unit per token, so that tokens are money."""
ANNA = Grant(key="k1", user="anna", team="sales")
BORIS = Grant(key="k2", user="boris", team="sales")


class Clock:
    """Seconds that pass when told to."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def till(
    *budgets: BudgetRule,
    zone: tzinfo = UTC,
    clock: Clock | None = None,
    machines: tuple[Machine, ...] = (),
    kwh: Decimal | None = None,
    reference: str = "",
) -> HouseTill:
    """A till that knows one cloud model's price."""
    own = (
        Override("*", "m-priced", date(2000, 1, 1), "USD", ONE_EACH),
        Override("*", "ref", date(2000, 1, 1), "USD", Rates(Decimal(3), Decimal(15), Decimal("0.3"))),
    )
    prices = Prices(read_book, own, RateTable(), engine_of=lambda _name: None)
    rules = MoneyRules(budgets=budgets, machines=machines, electricity=Electricity(kwh), reference=reference)
    return HouseTill(rules, prices, zone, clock=clock or Clock())


def rule(scope: Scope, limit: int, *, name: str = "*", period: Period = "day") -> BudgetRule:
    """A budget in micro-units."""
    return BudgetRule(scope, name, period, limit)


def pay(counter: HouseTill, amount: int, *, grant: Grant | None = ANNA, now: float = NOON) -> None:
    """One request from start to end."""
    counter.hold(grant, grant.user if grant else "anna", CLOUD, amount, now).settle(amount)


def left(
    counter: HouseTill, grant: Grant | None = ANNA, model: str | None = None, now: float = NOON
) -> int | None:
    """What the least budget leaves."""
    return counter.budget(grant, grant.user if grant else "anna", model, now).cloud_left_micros


def test_no_budget_is_no_cap() -> None:
    """Without rules nothing is capped."""
    assert left(till()) is None
    pay(till(), 10**12)


def test_money_is_reserved_at_the_start_and_settled_at_the_end() -> None:
    """What is under way counts; the end replaces the estimate by the cost; a second end does nothing."""
    counter = till(rule("key", 100))
    hold = counter.hold(ANNA, "anna", CLOUD, 60, NOON)
    assert left(counter) == 40
    with pytest.raises(OverBudget, match="key `k1`"):
        counter.hold(ANNA, "anna", CLOUD, 41, NOON)
    hold.settle(25)
    hold.settle(99)
    assert left(counter) == 75


def test_an_unknown_end_keeps_what_was_set_aside() -> None:
    """Nobody knows what it cost, so the estimate stays spent."""
    counter = till(rule("house", 100))
    counter.hold(ANNA, "anna", CLOUD, 60, NOON).settle(None)
    assert left(counter) == 40


def test_the_least_budget_counts() -> None:
    """Key, user, team, model and house each have their own; the first that is empty refuses."""
    counter = till(
        rule("key", 50), rule("team", 70, name="sales"), rule("model", 90, name="M-*"), rule("house", 200)
    )
    pay(counter, 45)
    assert left(counter) == 5
    assert left(counter, BORIS) == 25
    pay(counter, 20, grant=BORIS)
    with pytest.raises(OverBudget, match="team `sales`"):
        pay(counter, 10, grant=BORIS)
    assert left(counter, None) == 135
    assert left(counter, None, "m-priced") == 25
    with pytest.raises(OverBudget, match="model `m-priced`"):
        pay(counter, 30, grant=None)


def test_a_budget_says_when_it_is_full_again() -> None:
    """The error names the period, what is left, and when the next one begins."""
    counter = till(rule("user", 100, period="week"))
    pay(counter, 90)
    with pytest.raises(OverBudget) as caught:
        pay(counter, 20)
    assert "this week has 0.000010 left" in caught.value.message
    assert "2026-11-23 00:00" in caught.value.hint


def test_work_inside_the_house_is_never_refused() -> None:
    """An empty budget keeps requests inside, it does not stop them."""
    counter = till(rule("house", 0))
    counter.hold(ANNA, "anna", LOCAL, None, NOON).settle(None)
    with pytest.raises(OverBudget):
        counter.hold(ANNA, "anna", CLOUD, 0, NOON)


def test_what_cannot_be_counted_is_refused() -> None:
    """A cloud model without a price is refused to who has a budget, unless the rule allows it."""
    with pytest.raises(OverBudget, match="not known"):
        till(rule("house", 100)).hold(ANNA, "anna", UNPRICED, None, NOON)
    easy = till(replace(rule("house", 100), unpriced="allow"))
    easy.hold(ANNA, "anna", UNPRICED, None, NOON).settle(None)
    till().hold(ANNA, "anna", UNPRICED, None, NOON).settle(None)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("day", "2026-10-25T00:00", "2026-10-26T00:00"),
        ("week", "2026-10-19T00:00", "2026-10-26T00:00"),
        ("month", "2026-10-01T00:00", "2026-11-01T00:00"),
    ],
)
def test_windows_by_the_wall_clock(period: Period, start: str, end: str) -> None:
    """Also on the day of 25 hours; the next window begins where this one ends."""
    berlin = ZoneInfo("Europe/Berlin")
    for text in ("2026-10-25T00:00", "2026-10-25T02:30", "2026-10-25T23:59"):
        at = datetime.fromisoformat(text).replace(tzinfo=berlin).timestamp()
        window = window_of(period, at, berlin)
        want = (datetime.fromisoformat(each).replace(tzinfo=berlin).timestamp() for each in (start, end))
        assert window == Window(*want)
        assert window_of(period, window.end, berlin).start == window.end
    if period == "day":
        assert window.end - window.start == 25 * 3600


def test_a_new_window_begins_empty() -> None:
    """Midnight of the house, not of UTC; what ends late counts where it began."""
    counter = till(rule("key", 100), zone=ZoneInfo("Asia/Tokyo"))
    before, after = (datetime(2026, 11, 18, hour, 59, tzinfo=UTC).timestamp() for hour in (14, 15))
    late = counter.hold(ANNA, "anna", CLOUD, 80, before)
    assert left(counter, now=after) == 100
    late.settle(90)
    assert (left(counter, now=before), left(counter, now=after)) == (10, 100)


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_clock_that_jumps_and_comes_back(jump: float) -> None:
    """D08: a day forth or back opens that day's window; back again nothing is forgotten."""
    counter = till(rule("key", 100))
    pay(counter, 70)
    assert left(counter, now=NOON + jump) == 100
    pay(counter, 40, now=NOON + jump)
    assert left(counter, now=NOON) == 30
    with pytest.raises(OverBudget):
        pay(counter, 31)
    assert left(counter, now=NOON + jump) == 60


def test_many_windows_are_not_kept_for_ever() -> None:
    """A year of days leaves a handful of windows behind, and none with money under way is lost."""
    counter = till(rule("house", 100))
    first = counter.hold(ANNA, "anna", CLOUD, 10, NOON)
    for number in range(365):
        pay(counter, 1, now=NOON + number * DAY)
    (purse,) = counter._purses.values()
    assert len(purse._windows) <= 6
    first.settle(5)


class FakeLedger:
    """What was spent before, by scope."""

    def __init__(self, spent: Mapping[str, Mapping[str, int]]) -> None:
        self.spent_by = spent
        self.asked: list[tuple[str, float, float]] = []

    def spent(self, scope: Scope, start: float, end: float) -> Mapping[str, int]:
        self.asked.append((scope, start, end))
        return self.spent_by.get(scope, {})


def test_the_start_knows_what_was_spent_before() -> None:
    """Each rule begins with the ledger's sum of its own window and of names that it fits."""
    counter = till(
        rule("key", 100), rule("team", 100, name="sales", period="month"), rule("house", 1000, period="week")
    )
    ledger = FakeLedger(
        {"key": {"k1": 60, "k9": 5}, "team": {"sales": 70, "it": 99}, "house": {"house": 300}}
    )
    counter.start(ledger.spent)
    assert (left(counter), left(counter, BORIS), left(counter, None)) == (30, 30, 700)
    day, month, week = ledger.asked
    assert day[1:] == window_of("day", NOON, UTC)
    assert month[1:] == window_of("month", NOON, UTC)
    assert week[1:] == window_of("week", NOON, UTC)


def test_other_settings_forget_nothing() -> None:
    """A new limit counts at once with what was spent before; a new budget begins with the ledger."""
    counter = till(rule("key", 100), rule("user", 1000))
    pay(counter, 30)
    hold = counter.hold(ANNA, "anna", CLOUD, 20, NOON)
    other = replace(counter.rules, budgets=(rule("house", 500), rule("key", 60)))
    counter.renew(other, counter.prices, FakeLedger({"house": {"house": 480}, "key": {"k1": 9999}}).spent)
    assert left(counter) == 10
    assert left(counter, None) == 20
    hold.settle(5)
    assert left(counter) == 20
    with pytest.raises(OverBudget, match="of the house"):
        pay(counter, 21, grant=BORIS)


# ---- the ledger's sum is the enforced figure


@dataclass
class Step:
    """One thing that happens: a request that begins, or the oldest one under way that ends."""

    begins: bool
    payer: int
    tokens: int
    surplus: int
    passes_s: int


STEPS = st.lists(
    st.builds(
        Step,
        begins=st.booleans(),
        payer=st.integers(0, 2),
        tokens=st.integers(1, 60),
        surplus=st.integers(-20, 20),
        passes_s=st.sampled_from([0, 60, 7 * 3600]),
    ),
    max_size=25,
)
LIMIT = 150


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_the_ledgers_sum_is_the_enforced_figure(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    """After any sequence both are one number, also for a till that starts anew from the ledger; and no window
    is overspent by more than requests under way cost beyond their estimate.
    """
    home: Path = tmp_path_factory.mktemp("budget")
    clock = Clock()
    journal = Journal(home / "journal", clock=clock, stopwatch=clock)
    database = open_database(home)
    ledger = SqlLedger(database, home / "journal")
    counter = till(rule("key", LIMIT), rule("house", 2 * LIMIT, period="month"), clock=clock)
    payers = (ANNA, BORIS, replace(ANNA, key="k3"))
    under_way: list[tuple[Hold, object, int]] = []
    beyond = 0

    def end() -> None:
        hold, entry, tokens = under_way.pop(0)
        charge = counter.charge(
            EngineUsed("anthropic", "m-priced", "cloud", ""), Usage(tokens, 0), clock.now, 1
        )
        assert charge.cost_micros == tokens
        hold.settle(charge.cost_micros)
        entry.close(  # type: ignore[attr-defined]  # an Entry of the journal
            "ok", EngineUsed("anthropic", "m-priced", "cloud", ""), Usage(tokens, 0), cost_micros=tokens
        )

    try:
        for step in steps:
            clock.now += step.passes_s
            if not step.begins:
                if under_way:
                    end()
                continue
            grant = payers[step.payer]
            try:
                hold = counter.hold(grant, grant.user, CLOUD, step.tokens, clock.now)
            except OverBudget:
                continue
            entry = journal.open(request_id="r", user=grant.user, task="chat", key=grant.key, team=grant.team)
            cost = max(0, step.tokens + step.surplus)
            beyond += max(0, cost - step.tokens)
            under_way.append((hold, entry, cost))
        while under_way:
            end()
        day = window_of("day", clock.now, UTC)
        month = window_of("month", clock.now, UTC)
        by_key, house = ledger.spent("key", *day), ledger.spent("house", *month).get("house", 0)
        again = till(rule("key", LIMIT), rule("house", 2 * LIMIT, period="month"), clock=clock)
        again.start(ledger.spent)
        for grant in payers:
            expected = min(LIMIT - by_key.get(grant.key, 0), 2 * LIMIT - house)
            assert left(counter, grant, now=clock.now) == expected
            assert left(again, grant, now=clock.now) == expected
            assert by_key.get(grant.key, 0) <= LIMIT + beyond
        assert house <= 2 * LIMIT + beyond
    finally:
        journal.stop()
        database.close()


def test_a_full_disk_refuses_who_has_a_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """D01: what cannot be written down is not begun, so nothing is spent that the ledger does not know.

    The control: before the disk was full the same request was written and counted.
    """
    clock, fired = Clock(), []

    def full(_descriptor: int, data: bytes) -> int:
        fired.append(len(data))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    journal = Journal(tmp_path / "journal", clock=clock, stopwatch=clock, mapped=False)
    journal.open(request_id="r0", user="anna", task="chat", key="k1").close(
        "ok", EngineUsed("anthropic", "m-priced", "cloud", ""), Usage(10, 0), cost_micros=10
    )
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(HomeUnusable, match=os.strerror(errno.ENOSPC)):
            journal.open(request_id="r1", user="anna", task="chat", key="k1")
    assert len(fired) == 1
    journal.stop()
    database = open_database(tmp_path)
    spent = SqlLedger(database, tmp_path / "journal").spent("key", 0, NOON + DAY)
    database.close()
    assert spent == {"k1": 10}


# ---- what a request costs and saves

GPU = Machine("gpu", ("ollama",), idle_watts=50, peak_watts=410, tokens_per_second=40)
QWEN = EngineUsed("ollama", "qwen", "local", "")


def test_local_work_costs_energy_and_saves_the_rest() -> None:
    """360 W above idle for 10 s at 0.30 are 300 micro-units; the reference would take 6,000."""
    counter = till(machines=(GPU,), kwh=Decimal("0.30"), reference="ref")
    charge = counter.charge(QWEN, Usage(1000, 200), NOON, 10.0)
    assert (charge.cost_micros, charge.saved_micros) == (300, 5700)
    cached = counter.charge(QWEN, Usage(1000, 200, 1000), NOON, 10.0)
    assert cached.saved_micros == 300 + 3000 - 300


def test_what_is_missing_makes_it_unknown() -> None:
    """No machine, no tariff, no reference price: unknown cost, or known cost and unknown saving."""
    usage = Usage(1000, 200)
    assert till(kwh=Decimal(1), reference="ref").charge(QWEN, usage, NOON, 10.0).cost_micros is None
    assert till(machines=(GPU,), reference="ref").charge(QWEN, usage, NOON, 10.0).saved_micros is None
    known = till(machines=(GPU,), kwh=Decimal("0.30"), reference="no-such-model").charge(
        QWEN, usage, NOON, 10.0
    )
    assert (known.cost_micros, known.saved_micros) == (300, None)
    assert till().charge(EngineUsed("x", "mystery", "cloud", ""), usage, NOON, 1.0).cost_micros is None


def test_what_costs_nothing() -> None:
    """No engine, or a refused request, costs 0; a kept reply saves what its tokens would have cost."""
    counter = till(reference="ref")
    nobody = EngineUsed("none", None, "none", "")
    assert counter.charge(nobody, Usage(0, 0), NOON, 0.0).cost_micros == 0
    assert counter.charge(EngineUsed("x", "m", "cloud", ""), Usage(0, 0), 0.0, 0.0).cost_micros == 0
    kept = counter.charge(nobody, Usage(1000, 0), NOON, 0.0)
    assert (kept.cost_micros, kept.saved_micros) == (0, 3000)


def test_side_by_side_requests_share_the_energy() -> None:
    """Two requests at the same time for 10 s cost half each, so that the sum is what the meter says."""
    clock = Clock()
    counter = till(machines=(GPU,), kwh=Decimal("0.30"), clock=clock)
    holds = [counter.hold(ANNA, "anna", LOCAL, None, clock.now) for _ in range(2)]
    clock.now += 10
    costs = []
    for hold in holds:
        costs.append(counter.charge(QWEN, Usage(1, 1), NOON, 10.0).cost_micros)
        hold.settle(costs[-1])
    assert costs == [150, 150]


def test_a_rented_machine_is_paid_by_the_hour() -> None:
    """A cloud engine on a machine with an hourly price costs its time, and saves nothing by itself."""
    rented = Machine("gpu", ("runpod",), hourly=Decimal("0.36"), tokens_per_second=50)
    counter = till(rule("house", 10_000), machines=(rented,), reference="ref")
    used = EngineUsed("runpod", "llama", "cloud", "")
    charge = counter.charge(used, Usage(100, 100), NOON, 20.0)
    assert (charge.cost_micros, charge.saved_micros) == (2000, None)
    attempt = Attempt("runpod", "llama", "cloud", "")
    assert counter.estimate(attempt, 100, 100, NOON) == 200


def test_rows_are_worked_out_again() -> None:
    """Cloud by tokens and day, local energy only where it was unknown, savings always."""
    counter = till(machines=(GPU,), kwh=Decimal("0.30"), reference="ref")
    cloud = ledger_row("cloud", "m-priced", None)
    assert counter.reprice(cloud).cost_micros == 1200
    assert counter.reprice(structs.replace(cloud, model="mystery")).cost_micros is None
    unknown = ledger_row("local", "qwen", None)
    assert (counter.reprice(unknown).cost_micros, counter.reprice(unknown).saved_micros) == (300, 5700)
    shared = ledger_row("local", "qwen", 150)
    assert (counter.reprice(shared).cost_micros, counter.reprice(shared).saved_micros) == (150, 5850)


def ledger_row(where: Where, model: str, cost: int | None) -> LedgerRow:
    """A row of 1,000 and 200 tokens that took ten seconds."""
    return LedgerRow(
        request_id="r",
        started_at=NOON,
        user="anna",
        task="chat",
        engine="ollama",
        model=model,
        where=where,
        outcome="ok",
        code=None,
        input_tokens=1000,
        output_tokens=200,
        cached_tokens=0,
        estimated=False,
        cost_micros=cost,
        first_token_ms=None,
        total_ms=10_000.0,
        reason="",
    )


def test_estimates() -> None:
    """Cloud by price, inside the house by the machine's speed, else not known."""
    counter = till(machines=(GPU,), kwh=Decimal("0.30"))
    assert counter.estimate(CLOUD, 100, 50, NOON) == 150
    assert counter.estimate(UNPRICED, 100, 50, NOON) is None
    assert counter.estimate(LOCAL, 100, 400, NOON) == 300
    assert counter.estimate(replace(LOCAL, engine="other"), 100, 400, NOON) is None
