"""Moves the journal into the database, and reads it there.

Moving again what was moved before changes nothing: a row is known by the entry that the journal gave it.
So a file is read from its start after a crash, and removed only when all of it is committed.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from operator import attrgetter
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import (
    ColumnElement,
    Integer,
    RowMapping,
    Select,
    bindparam,
    case,
    cast,
    desc,
    func,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import dialect, insert

from inhouse.gateway.accounts import Period, Scope, window_of
from inhouse.gateway.edge.journal import SUFFIX, Closed, Handed, Opened, is_alive, read_records, row_of
from inhouse.gateway.edge.tables import ledger
from inhouse.gateway.ports import Grouping, LedgerRow, UsageSum, UsageTotals, Within
from inhouse.gateway.till import Charge
from inhouse.kernel.errors import HomeUnusable
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import EngineUsed
from inhouse.store.database import Database

__all__ = ["MOVE_INTERVAL_S", "SqlLedger"]

log = structlog.get_logger(__name__)

MOVE_INTERVAL_S = 1.0
BATCH_ROWS = 500
SLICE_BYTES = 256 << 10
"""Moved at once, about 350 requests: what a second of load holds would be 20 MB of objects, and Python keeps
that memory in pieces."""
_FAILED = case((ledger.c.outcome.in_(("failed", "partial", "interrupted")), 1), else_=0)

_VALUES = [column.name for column in ledger.c if column.name != "entry"]
_values = attrgetter(*("where" if name == "place" else name for name in _VALUES))
_ended = insert(ledger).on_conflict_do_update(
    index_elements=["entry"],
    set_={name: insert(ledger).excluded[name] for name in _VALUES},
    # An end is the last word, also where the request had been given up for lost.
    where=ledger.c.outcome == literal_column("'interrupted'"),
)
_lost = insert(ledger).on_conflict_do_nothing()
# As text: SQLAlchemy's own way to the driver takes several times as long per row, and requests wait for it.
_ADD_ENDED, _ADD_LOST = (str(each.compile(dialect=dialect())) for each in (_ended, _lost))

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


@dataclass(slots=True)
class _Progress:
    """How far one journal file was read; `open_now` are its openings without an end."""

    offset: int = 0
    open_now: dict[str, Opened] = field(default_factory=dict)
    handed: bool = False


class SqlLedger:
    """Implements `gateway.ports.Ledger` over the journal files in `folder`.

    Several processes may move at once, as commands do beside a gateway: a row that is there already stays
    as it is, and a file goes when all of it is there. Safe to use from any thread; every method blocks on
    the disk. `zone` is the wall clock of the house, for sums by day.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        *,
        interval_s: float = MOVE_INTERVAL_S,
        zone: tzinfo = UTC,
    ) -> None:
        self._database = database
        self._zone = zone
        self._folder = folder
        self._interval_s = interval_s
        self._turn = threading.Lock()
        self._progress: dict[str, _Progress] = {}
        self._stopping = threading.Event()
        self._mover: threading.Thread | None = None

    def start(self) -> None:
        """Move what dead processes left, then go on moving in the background."""
        self.move()
        self._mover = threading.Thread(target=self._move_loop, name="ledger-mover", daemon=True)
        self._mover.start()

    def stop(self) -> None:
        """Move a last time. Stop the journal first: then nothing is left behind."""
        self._stopping.set()
        if self._mover is not None:
            self._mover.join()
        self.move()

    def move(self) -> int:
        """Move every record that is there now; return how many rows were written.

        Raises:
            HomeUnusable: if the database cannot be written; nothing is lost, the journal keeps all.
        """
        with self._turn:
            files = sorted(self._folder.glob(f"*{SUFFIX}"))
            return sum(self._move_file(path) for path in files)

    def totals(
        self, *, since: float = 0.0, until: float | None = None, within: Within | None = None
    ) -> tuple[UsageTotals, ...]:
        """See `Ledger.totals`."""
        self.move()
        query = _totals(within or Within(since, until))
        with self._database.read() as connection:
            found = connection.execute(query).mappings().all()
        return tuple(UsageTotals(where=row["place"], **_without(row, "place")) for row in found)

    def sums(self, by: Grouping, within: Within) -> tuple[UsageSum, ...]:
        """See `Ledger.sums`."""
        self.move()
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

    def spent(self, scope: Scope, start: float, end: float) -> Mapping[str, int]:
        """Micro-units paid outside the house by rows that began in a stretch of time, by name."""
        self.move()
        columns = ledger.c
        if scope == "house":
            name: ColumnElement[str] = literal("house")
        elif scope == "model":
            name = func.lower(func.coalesce(columns.model, ""))
        else:
            name = columns[scope]
        query = (
            select(name.label("name"), func.sum(columns.cost_micros).label("spent"))
            .where(
                columns.started_at >= start,
                columns.started_at < end,
                columns.place == "cloud",
                columns.cost_micros.is_not(None),
            )
            .group_by("name")
        )
        with self._database.read() as connection:
            return {str(row.name): int(row.spent) for row in connection.execute(query) if row.name}

    def rows(
        self, *, since: float = 0.0, limit: int = 100, within: Within | None = None
    ) -> tuple[LedgerRow, ...]:
        """See `Ledger.rows`."""
        self.move()
        query = (
            select(ledger)
            .where(*_only(within or Within(since)))
            .order_by(desc(ledger.c.started_at), desc(ledger.c.entry))
            .limit(limit)
        )
        return self._found(query)

    def first(self, within: Within) -> float | None:
        """See `Ledger.first`."""
        self.move()
        with self._database.read() as connection:
            found = connection.execute(select(func.min(ledger.c.started_at)).where(*_only(within))).scalar()
        return None if found is None else float(found)

    def hours_used(self, since: float) -> tuple[tuple[float, str, str], ...]:
        """Each hour in which a local model answered, once: its begin (UNIX seconds), engine and model.

        As many as there were hours and models, however many requests there were.
        """
        self.move()
        with self._database.read() as connection:
            found = connection.execute(_hours(since)).all()
        return tuple((row.hour * 3600.0, row.engine, row.model) for row in found)

    def request(self, request_id: str) -> tuple[LedgerRow, ...]:
        """See `Ledger.request`."""
        self.move()
        query = select(ledger).where(ledger.c.request_id == request_id)
        return self._found(query.order_by(ledger.c.started_at, ledger.c.entry))

    def reprice(self, charge: Callable[[LedgerRow], Charge], within: Within) -> int:
        """Work out the money of these rows again from their tokens; how many changed.

        A price that is not known any more leaves what was written down.
        """
        self.move()
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

    def _move_loop(self) -> None:
        while not self._stopping.wait(self._interval_s):
            try:
                self.move()
            except HomeUnusable as error:
                log.error("ledger_not_moved", message=str(error))

    def _move_file(self, path: Path) -> int:
        # Asked before reading: what a dead process wrote is all there.
        try:
            alive, size = is_alive(path), path.stat().st_size
        except FileNotFoundError:
            return 0
        progress = self._progress.setdefault(path.name, _Progress())
        moved, going, damaged = 0, True, False
        while going and progress.offset < size:
            before = progress.offset
            try:
                rows, damaged = self._move_slice(path, progress)
            except FileNotFoundError:
                # Another process moved all of it meanwhile.
                self._progress.pop(path.name, None)
                return moved
            moved += rows
            going = progress.offset > before and not damaged
        if alive:
            return moved
        lost = [] if progress.handed else [_interrupted(each) for each in progress.open_now.values()]
        self._insert(_ADD_LOST, lost)
        self._retire(path, damaged=damaged, interrupted=len(lost))
        return moved + len(lost)

    def _move_slice(self, path: Path, progress: _Progress) -> tuple[int, bool]:
        """Move the next records; how many rows they were, and whether nothing behind them can be read."""
        stretch = read_records(path, progress.offset, most_bytes=SLICE_BYTES)
        rows: list[tuple[object, ...]] = []
        for record in stretch.records:
            match record:
                case Opened():
                    progress.open_now[record.entry] = record
                case Closed(entry, row):
                    progress.open_now.pop(entry, None)
                    rows.append((entry, *_values(row)))
                case Handed():
                    progress.handed = True
        self._insert(_ADD_ENDED, rows)
        progress.offset = stretch.end
        return len(rows), stretch.damaged

    def _insert(self, statement: str, rows: list[tuple[object, ...]]) -> None:
        if rows:
            with self._database.write() as connection:
                connection.exec_driver_sql(statement, rows)

    def _retire(self, path: Path, *, damaged: bool, interrupted: int) -> None:
        if interrupted:
            log.warning("requests_interrupted", journal=path.name, count=interrupted)
        if damaged:
            log.error("journal_damaged", journal=path.name, kept_as=f"{path.name}.damaged")
            with contextlib.suppress(FileNotFoundError):
                path.rename(path.with_name(f"{path.name}.damaged"))
        else:
            path.unlink(missing_ok=True)
        self._progress.pop(path.name, None)


def _interrupted(opened: Opened) -> tuple[object, ...]:
    used = EngineUsed("none", None, "none", "the process that served it ended")
    row = row_of(opened, "interrupted", used, Usage(0, 0, estimated=True), total_ms=0.0)
    # What an engine did before the end, and what that cost, nobody knows any more.
    return (opened.entry, *_values(replace(row, code="interrupted", cost_micros=None)))


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


def _hours(since: float) -> Select[Any]:  # Any: columns of several types
    """Hours (counted from 1970), engines and models of local answers."""
    hour = cast(ledger.c.started_at / 3600, Integer)
    return (
        select(hour.label("hour"), ledger.c.engine, ledger.c.model)
        .where(
            ledger.c.started_at >= since,
            ledger.c.place == "local",
            ledger.c.outcome == "ok",
            ledger.c.model.is_not(None),
        )
        .distinct()
    )
