"""Reads the ledger: rows, sums and what was spent; and works out its money again.

Loaded when somebody asks, for it is composed with SQLAlchemy (0.3 s and 14 MB), which a gateway that only
serves and moves rows does without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    bindparam,
    case,
    desc,
    func,
    select,
    update,
)

from inhouse.gateway.accounts import Period, window_of
from inhouse.gateway.edge.tables import ledger
from inhouse.gateway.ports import Grouping, LedgerRow, UsageSum, UsageTotals, Within
from inhouse.gateway.till import Charge
from inhouse.store.database import Database

__all__ = ["LedgerReading"]

BATCH_ROWS = 500

_FAILED = case((ledger.c.outcome.in_(("failed", "partial", "interrupted")), 1), else_=0)
_CLOUD = ledger.c.place == "cloud"
_ANSWERED = ledger.c.outcome.in_(("ok", "partial"))
"""An answer saves, half an answer saves what it took; a request that brought none has saved nothing."""
_LOCAL = (ledger.c.place == "local") & _ANSWERED
_COMPARED = _LOCAL & ledger.c.saved_micros.is_not(None)
_SAVED = func.coalesce(func.sum(case((_ANSWERED, ledger.c.saved_micros))), 0).label("saved_micros")
_ADDED: tuple[ColumnElement[Any], ...] = (  # Any: counts and sums, all whole numbers
    func.count().label("requests"),
    func.sum(_FAILED).label("failed"),
    func.sum(case((_LOCAL, 1), else_=0)).label("local"),
    func.sum(ledger.c.input_tokens).label("input_tokens"),
    func.sum(ledger.c.output_tokens).label("output_tokens"),
    func.sum(ledger.c.cached_tokens).label("cached_tokens"),
    func.coalesce(func.sum(ledger.c.cost_micros), 0).label("cost_micros"),
    func.coalesce(func.sum(case((_CLOUD, ledger.c.cost_micros))), 0).label("cloud_cost_micros"),
    func.coalesce(func.sum(case((_COMPARED, ledger.c.cost_micros))), 0).label("local_cost_micros"),
    (func.count() - func.count(ledger.c.cost_micros)).label("unpriced"),
    _SAVED,
    func.sum(case((_LOCAL & ledger.c.saved_micros.is_(None), 1), else_=0)).label("unsaved"),
)


class LedgerReading:
    """What was moved into the database. Safe to use from any thread; every method blocks on the disk."""

    def __init__(self, database: Database, zone: tzinfo) -> None:
        self._database = database
        self._zone = zone

    def totals(self, within: Within) -> tuple[UsageTotals, ...]:
        """See `Ledger.totals`."""
        with self._database.read() as connection:
            found = connection.execute(_totals(within)).mappings().all()
        return tuple(UsageTotals(where=row["place"], **_without(row, "place")) for row in found)

    def sums(self, by: Grouping, within: Within) -> tuple[UsageSum, ...]:
        """See `Ledger.sums`."""
        if by in ("day", "week"):
            return tuple(self._by_date(within, "week" if by == "week" else "day"))
        name = ledger.c["place" if by == "where" else by]
        query = (
            select(name.label("name"), *_ADDED)
            .where(*_only(within))
            .group_by(name)
            .order_by(desc("requests"), name)
        )
        with self._database.read() as connection:
            found = [UsageSum(**row) for row in connection.execute(query).mappings()]
        return tuple(replace(each, name=each.name or "-") for each in found)

    def _by_date(self, within: Within, period: Period) -> Iterator[UsageSum]:
        """One stretch of the index after the other, from one that holds a row to the next.

        Several times as fast as grouping, which sorts all rows first; and right in every time zone.
        """
        with self._database.read() as connection:
            while True:
                first = connection.execute(
                    select(func.min(ledger.c.started_at)).where(*_only(within))
                ).scalar()
                if first is None:
                    return
                window = window_of(period, first, self._zone)
                end = window.end if within.until is None else min(window.end, within.until)
                query = select(*_ADDED).where(*_only(replace(within, until=end)))
                name = datetime.fromtimestamp(window.start, self._zone).date().isoformat()
                yield UsageSum(name=name, **connection.execute(query).mappings().one())
                within = replace(within, since=window.end)

    def rows(self, within: Within, limit: int) -> tuple[LedgerRow, ...]:
        """See `Ledger.rows`."""
        query = (
            select(ledger)
            .where(*_only(within))
            .order_by(desc(ledger.c.started_at), desc(ledger.c.entry))
            .limit(limit)
        )
        return self._found(query)

    def first(self, within: Within) -> float | None:
        """See `Ledger.first`."""
        with self._database.read() as connection:
            found = connection.execute(select(func.min(ledger.c.started_at)).where(*_only(within))).scalar()
        return None if found is None else float(found)

    def request(self, request_id: str) -> tuple[LedgerRow, ...]:
        """See `Ledger.request`."""
        query = select(ledger).where(ledger.c.request_id == request_id)
        return self._found(query.order_by(ledger.c.started_at, ledger.c.entry))

    def reprice(self, charge: Callable[[LedgerRow], Charge], within: Within) -> int:
        """Work out the money of these rows again from their tokens; how many changed.

        A price that is not known any more leaves what was written down.
        """
        changed, last = 0, ""
        while True:
            query = select(ledger).where(*_only(within), ledger.c.entry > last, ledger.c.place != "none")
            with self._database.read() as connection:
                found = connection.execute(query.order_by(ledger.c.entry).limit(BATCH_ROWS)).mappings().all()
            if not found:
                return changed
            last = found[-1]["entry"]
            news = [new for row in found if (new := _repriced(row, charge(_row(row))))]
            changed += len(news)
            if news:
                change = update(ledger).where(ledger.c.entry == bindparam("at"))
                with self._database.write() as connection:
                    connection.execute(change, news)

    def _found(self, query: Select[Any]) -> tuple[LedgerRow, ...]:  # Any: every column of the table
        with self._database.read() as connection:
            return tuple(_row(row) for row in connection.execute(query).mappings())


def _only(within: Within) -> list[ColumnElement[bool]]:
    columns = ledger.c
    found: list[ColumnElement[bool]] = [columns.started_at >= within.since]
    if within.until is not None:
        found.append(columns.started_at < within.until)
    names = ("key", "user", "team", "engine")
    found += [columns[name] == wanted for name in names if (wanted := getattr(within, name)) is not None]
    if within.model is not None:
        found.append(func.lower(columns.model) == within.model.lower())
    return found


def _row(row: RowMapping) -> LedgerRow:
    return LedgerRow(where=row["place"], **_without(row, "place", "entry"))


def _repriced(row: RowMapping, charge: Charge) -> dict[str, Any] | None:  # Any: bound parameters
    cost = row["cost_micros"] if charge.cost_micros is None else charge.cost_micros
    saved = row["saved_micros"] if charge.saved_micros is None else charge.saved_micros
    if (cost, saved) == (row["cost_micros"], row["saved_micros"]):
        return None
    return {"at": row["entry"], "cost_micros": cost, "saved_micros": saved}


def _without(row: RowMapping, *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def _totals(within: Within) -> Select[Any]:  # Any: columns of several types
    """Sums by engine, model and place, most requests first."""
    columns = ledger.c
    return (
        select(
            columns.engine,
            columns.model,
            columns.place,
            func.count().label("requests"),
            func.sum(_FAILED).label("failed"),
            func.sum(columns.input_tokens).label("input_tokens"),
            func.sum(columns.output_tokens).label("output_tokens"),
            func.coalesce(func.sum(columns.cost_micros), 0).label("cost_micros"),
            (func.count() - func.count(columns.cost_micros)).label("unpriced"),
            _SAVED,
        )
        .where(*_only(within))
        .group_by(columns.engine, columns.model, columns.place)
        .order_by(desc("requests"), columns.engine, columns.model)
    )
