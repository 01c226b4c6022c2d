"""How money is counted in this house; implements `gateway.ports.Money` over the ledger and the prices."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from inhouse.gateway.costs import fixed_month
from inhouse.gateway.edge.ledger import SqlLedger
from inhouse.gateway.edge.till import HouseTill
from inhouse.gateway.ports import MoneyFacts, Within
from inhouse.gateway.prices import micros

__all__ = ["HouseMoney"]


class HouseMoney:
    """Says what is in force in the till now; `clock` is UNIX seconds."""

    def __init__(
        self,
        till: HouseTill,
        ledger: SqlLedger,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._till = till
        self._ledger = ledger
        self._clock = clock

    def facts(self) -> MoneyFacts:
        """See `Money.facts`."""
        now, rules, book = self._clock(), self._till.rules, self._till.prices.book
        average = rules.electricity.average()
        fixed = [fixed_month(machine, average) for machine in rules.machines]
        known = [each for each in fixed if each is not None]
        whole = micros(sum(known, Decimal(0))) if fixed and len(known) == len(fixed) else None
        owned = [machine for machine in rules.machines if machine.capex is not None]
        capex = sum((machine.capex or Decimal(0) for machine in owned), Decimal(0))
        owning = sum(
            (
                ((machine.capex or 0) - machine.residual) / machine.months
                for machine in owned
                if not machine.hourly
            ),
            Decimal(0),
        )
        return MoneyFacts(
            currency=rules.currency,
            reference=rules.reference,
            reference_known=bool(rules.reference and self._till.prices.of_name(rules.reference, now)),
            reference_factor=format(rules.reference_factor.normalize(), "f"),
            book=book.source,
            book_day=book.day.isoformat(),
            book_age_days=book.age_days(now),
            book_stale=book.is_stale(now),
            machines=tuple(machine.name for machine in rules.machines),
            electricity_known=average is not None,
            fixed_month_micros=whole,
            capex_micros=None if whole is None else micros(capex * 1_000_000),
            idle_month_micros=None if whole is None else whole - micros(owning * 1_000_000),
        )

    def price(self, model: str) -> tuple[Decimal, Decimal] | None:
        """See `Money.price`."""
        tariff = self._till.prices.of_name(model, self._clock())
        if tariff is None or tariff.rates.input is None or tariff.rates.output is None:
            return None
        return tariff.rates.input, tariff.rates.output

    def charged(self, request_id: str) -> tuple[int | None, int | None]:
        """What the engine's work for a request cost and saved, by its last row that an engine answered."""
        rows = [row for row in self._ledger.request(request_id) if row.where != "none"]
        return (rows[-1].cost_micros, rows[-1].saved_micros) if rows else (None, None)

    def reprice(self, within: Within) -> int:
        """See `Money.reprice`."""
        return self._ledger.reprice(self._till.reprice, within)
