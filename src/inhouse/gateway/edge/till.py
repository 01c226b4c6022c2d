"""Prices, budgets and savings of requests while they run; implements `gateway.till.Till`.

All of it is in memory: the ledger is asked once, at the start. Every method is called on the event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

from inhouse.gateway.accounts import BudgetRule, Payer, Purse, Scope, purses_of, window_of
from inhouse.gateway.costs import Electricity, Machine, machine_of, run_cost
from inhouse.gateway.currency import money_text
from inhouse.gateway.edge.energy import PowerMeter, Shares
from inhouse.gateway.edge.prices import Prices
from inhouse.gateway.policy import Attempt
from inhouse.gateway.ports import LedgerRow
from inhouse.gateway.prices import cost_of, micros
from inhouse.gateway.rules import Budget
from inhouse.gateway.till import Charge, Hold
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import OverBudget
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import EngineUsed

__all__ = ["HouseTill", "MoneyRules"]

Spent = Callable[[Scope, float, float], Mapping[str, int]]
"""Micro-units that were spent before, by name, for a scope and a stretch of time (UNIX seconds)."""

NO_CAP = Budget()
FREE = Charge(0, 0)
PAYERS = 4096
"""So many payers are remembered with their purses; the purses themselves are kept for all."""
UNKNOWN = Electricity()


@dataclass(frozen=True, slots=True)
class MoneyRules:
    """What the administrator said about money.

    `reference` is the model that savings are measured against, `provider/model`. Its tokenizer cuts text
    into other pieces than a local model's: `reference_factor` of its tokens stand for one counted here.
    """

    currency: str = "USD"
    reference: str = ""
    reference_factor: Decimal = Decimal(1)
    electricity: Electricity = UNKNOWN
    machines: tuple[Machine, ...] = ()
    budgets: tuple[BudgetRule, ...] = ()


class HouseTill:
    """Knows what is asked for, what it costs, and who may still spend how much.

    `clock` is UNIX seconds. `meter` measures watts where a machine can tell them.
    """

    def __init__(
        self,
        rules: MoneyRules,
        prices: Prices,
        zone: tzinfo,
        *,
        clock: Callable[[], float],
        meter: PowerMeter | None = None,
    ) -> None:
        self._rules = rules
        self._prices = prices
        self._zone = zone
        self._clock = clock
        self._meter = meter
        self._purses: dict[tuple[int, str], Purse] = {}
        self._shares = {machine.name: Shares() for machine in rules.machines}
        self._machines: dict[str, Machine | None] = {}
        self._payers: dict[Payer, tuple[Purse, ...]] = {}

    @property
    def rules(self) -> MoneyRules:
        """What is in force."""
        return self._rules

    @property
    def prices(self) -> Prices:
        """The prices in force."""
        return self._prices

    def start(self, spent: Spent) -> None:
        """Begin with what was spent before."""
        self._load(spent, range(len(self._rules.budgets)))

    def renew(self, rules: MoneyRules, prices: Prices, spent: Spent) -> None:
        """Go on under other rules and prices.

        A budget of the same scope, name and period keeps what was spent and what is set aside, also under
        another limit; a new one begins with what the ledger says.
        """
        places = {(rule.scope, rule.name, rule.period): place for place, rule in enumerate(rules.budgets)}
        kept: dict[tuple[int, str], Purse] = {}
        for (_number, name), purse in self._purses.items():
            place = places.get((purse.rule.scope, purse.rule.name, purse.rule.period))
            if place is not None:
                purse.rule = rules.budgets[place]
                kept[place, name] = purse
        before = {(rule.scope, rule.name, rule.period) for rule in self._rules.budgets}
        new = [place for same, place in places.items() if same not in before]
        shares = self._shares
        self._rules, self._prices, self._purses = rules, prices, kept
        self._shares = {one.name: shares.get(one.name) or Shares() for one in rules.machines}
        self._payers, self._machines = {}, {}
        self._load(spent, new)

    def _load(self, spent: Spent, numbers: Iterable[int]) -> None:
        now = self._clock()
        for number in numbers:
            rule = self._rules.budgets[number]
            window = window_of(rule.period, now, self._zone)
            for name, amount in spent(rule.scope, window.start, window.end).items():
                payer = Payer(
                    *(name if rule.scope == each else "" for each in ("key", "user", "team", "model"))
                )
                if (number, name) in purses_of(self._rules.budgets, payer):
                    self._purse(number, name).load(amount, now)

    def budget(self, grant: Grant | None, user: str, model: str | None, now: float) -> Budget:
        """See `Till.budget`."""
        if not self._rules.budgets:
            return NO_CAP
        purses = self._purses_for(_payer(grant, user, model))
        left = min((purse.left(now) for purse in purses), default=None)
        if left is None or left > 0:
            return Budget(left)
        purse = min(purses, key=lambda each: each.left(now))
        said = (
            f"the budget {_whose(purse)} for this {purse.rule.period} is used up until {_until(purse, now)}"
        )
        return Budget(left, spent=said)

    def estimate(self, attempt: Attempt, input_tokens: int, output_tokens: int, now: float) -> int | None:
        """See `Till.estimate`. Inside the house only where the machine's tokens per second are known."""
        machine = self._machine(attempt.engine)
        if machine is not None and (attempt.where == "local" or machine.hourly is not None):
            if not machine.tokens_per_second:
                return None
            price = self._rules.electricity.price(now, self._zone)
            cost = run_cost(machine, output_tokens / machine.tokens_per_second, price)
        elif attempt.where == "cloud":
            cost = self._price(attempt.engine, attempt.model, Usage(input_tokens, output_tokens), now)
        else:
            return None
        return None if cost is None else micros(cost)

    def hold(
        self, grant: Grant | None, user: str, attempt: Attempt, cost_micros: int | None, now: float
    ) -> Hold:
        """See `Till.hold`; inside the house it only notes that the machine is at work."""
        if attempt.where != "cloud":
            machine = self._machine(attempt.engine)
            if machine is None:
                return _NOTHING
            self._shares[machine.name].begin(now)
            return _AtWork(self._shares[machine.name], self._clock)
        purses = self._purses_for(_payer(grant, user, attempt.model)) if self._rules.budgets else ()
        for purse in purses:
            _check(purse, attempt, cost_micros, now)
        amount = cost_micros or 0
        return _Held(amount, tuple((purse, purse.hold(amount, now)) for purse in purses))

    def charge(self, used: EngineUsed, usage: Usage, at: float, seconds: float) -> Charge:
        """See `Till.charge`. `at` is when the engine began to work; prices of that moment count."""
        tokens = usage.input_tokens or usage.output_tokens
        if not tokens and not seconds:
            return FREE  # no engine, or one that did nothing: vendors do not charge for errors
        if used.where == "none":
            return Charge(0, self._reference_micros(usage, at))
        model = used.model or ""
        machine = self._machine(used.engine)
        if used.where == "cloud" and (machine is None or machine.hourly is None):
            cost = self._price(used.engine, model, usage, at)
        else:
            cost = self._work(machine, at, seconds) if machine is not None else None
        cost_micros = None if cost is None else micros(cost)
        saved = self._reference_micros(usage, at) if used.where == "local" and cost is not None else None
        return Charge(cost_micros, None if saved is None or cost_micros is None else saved - cost_micros)

    def reprice(self, row: LedgerRow) -> Charge:
        """What a row of the ledger would be charged with the prices that are known now.

        Energy that was measured, and shared with what ran beside it, is not worked out again.
        """
        usage = Usage(
            row.input_tokens,
            row.output_tokens,
            row.cached_tokens,
            cache_write_tokens=row.cache_write_tokens,
            reasoning_tokens=row.reasoning_tokens,
        )
        if row.where == "local" and row.cost_micros is not None:
            reference = self._reference_micros(usage, row.started_at)
            return Charge(row.cost_micros, None if reference is None else reference - row.cost_micros)
        used = EngineUsed(row.engine, row.model, row.where, "")
        return self.charge(used, usage, row.started_at, row.total_ms / 1000)

    def _reference_micros(self, usage: Usage, at: float) -> int | None:
        """What the same tokens would cost at the reference model, in whole micro-units.

        What was read from a cache here counts as read from a cache there, though a vendor's may be cold:
        a saving is rather said too small.
        """
        if not self._rules.reference:
            return None
        tariff = self._prices.of_name(self._rules.reference, at)
        if tariff is None:
            return None
        cost = cost_of(tariff, Usage(usage.input_tokens, usage.output_tokens, usage.cached_tokens))
        return None if cost is None else micros(cost * self._rules.reference_factor)

    def _price(self, engine: str, model: str, usage: Usage, at: float) -> Decimal | None:
        tariff = self._prices.tariff(engine, model, at)
        return None if tariff is None else cost_of(tariff, usage)

    def _work(self, machine: Machine, at: float, seconds: float) -> Decimal | None:
        shares = self._shares[machine.name].of(at, at + seconds)
        watts = idle = None
        if machine.measured and self._meter is not None:
            watts, idle = self._meter.average(at, at + seconds), self._meter.idle()
        price = self._rules.electricity.price(at, self._zone)
        return run_cost(machine, shares, price, watts=watts, idle_watts=idle if watts is not None else None)

    def _machine(self, engine: str) -> Machine | None:
        if engine not in self._machines:
            self._machines[engine] = machine_of(self._rules.machines, engine)
        return self._machines[engine]

    def _purses_for(self, payer: Payer) -> tuple[Purse, ...]:
        found = self._payers.get(payer)
        if found is None:
            if len(self._payers) >= PAYERS:
                self._payers.clear()
            rules = purses_of(self._rules.budgets, payer)
            found = self._payers[payer] = tuple(self._purse(number, name) for number, name in rules)
        return found

    def _purse(self, number: int, name: str) -> Purse:
        found = self._purses.get((number, name))
        if found is None:
            found = self._purses[number, name] = Purse(self._rules.budgets[number], name, self._zone)
        return found


class _Held:
    """Money set aside in every purse that a request is paid from."""

    def __init__(self, amount: int, purses: tuple[tuple[Purse, float], ...]) -> None:
        self._amount = amount
        self._purses = purses

    def settle(self, cost_micros: int | None) -> None:
        """See `Hold.settle`."""
        purses, self._purses = self._purses, ()
        for purse, start in purses:
            purse.settle(self._amount, self._amount if cost_micros is None else cost_micros, start)


class _AtWork:
    """A request that a machine of the house works on."""

    def __init__(self, shares: Shares, clock: Callable[[], float]) -> None:
        self._shares: Shares | None = shares
        self._clock = clock

    def settle(self, cost_micros: int | None) -> None:
        """See `Hold.settle`."""
        shares, self._shares = self._shares, None
        if shares is not None:
            shares.end(self._clock())


class _Nothing:
    def settle(self, cost_micros: int | None) -> None:
        """Nothing was set aside."""


_NOTHING = _Nothing()


def _payer(grant: Grant | None, user: str, model: str | None) -> Payer:
    if grant is None:
        return Payer("", user, "", model)
    return Payer(grant.key, user or grant.user, grant.team, model)


def _whose(purse: Purse) -> str:
    return "of the house" if purse.rule.scope == "house" else f"of {purse.rule.scope} `{purse.name}`"


def _until(purse: Purse, now: float) -> str:
    """When it has money again, by the clock of the house."""
    return datetime.fromtimestamp(purse.window(now).end, purse.zone).strftime("%Y-%m-%d %H:%M")


def _check(purse: Purse, attempt: Attempt, cost_micros: int | None, now: float) -> None:
    rule, whose = purse.rule, _whose(purse)
    if cost_micros is None:
        if rule.unpriced == "allow" and purse.left(now) > 0:
            return
        raise OverBudget(
            f"The price of `{attempt.model}` on `{attempt.engine}` is not known, so it cannot be counted"
            f" against the budget {whose}",
            hint='write its price down in a [[price]] block, or set unpriced = "allow" in the [[budget]]',
        )
    left = purse.left(now)
    if left >= cost_micros and left > 0:
        return
    raise OverBudget(
        f"The budget {whose} for this {rule.period} has {money_text(max(0, left))} left, and"
        f" `{attempt.model}` on `{attempt.engine}` may cost {money_text(cost_micros)}",
        hint=f"wait until {_until(purse, now)}, use a local model, or raise the limit in [[budget]]",
    )
