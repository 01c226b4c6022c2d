"""Moves the journal into the database, and reads it there.

Moving again what was moved before changes nothing: a row is known by the entry that the journal gave it.
So a file is read from its start after a crash, and removed only when all of it is committed.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import RowMapping, case, desc, func, select
from sqlalchemy.dialects.sqlite import insert

from inhouse.gateway.edge.journal import SUFFIX, Closed, Handed, Opened, is_alive, read_records, row_of
from inhouse.gateway.edge.tables import ledger
from inhouse.gateway.ports import LedgerRow, UsageTotals
from inhouse.kernel.errors import HomeUnusable
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import EngineUsed
from inhouse.store.database import Database

__all__ = ["MOVE_INTERVAL_S", "SqlLedger"]

log = structlog.get_logger(__name__)

MOVE_INTERVAL_S = 1.0
BATCH_ROWS = 500


@dataclass(slots=True)
class _Progress:
    """How far one journal file was read; `open_now` are its openings without an end."""

    offset: int = 0
    open_now: dict[str, Opened] = field(default_factory=dict)
    handed: bool = False


class SqlLedger:
    """Implements `gateway.ports.Ledger` over the journal files in `folder`.

    Only one process per home may move (the one that holds its lock). Safe to use from any thread; every
    method blocks on the disk.
    """

    def __init__(self, database: Database, folder: Path, *, interval_s: float = MOVE_INTERVAL_S) -> None:
        self._database = database
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

    def totals(self, *, since: float = 0.0) -> tuple[UsageTotals, ...]:
        """See `Ledger.totals`."""
        self.move()
        columns = ledger.c
        failed = case((columns.outcome.in_(("failed", "partial", "interrupted")), 1), else_=0)
        query = (
            select(
                columns.engine,
                columns.model,
                columns.place,
                func.count().label("requests"),
                func.sum(failed).label("failed"),
                func.sum(columns.input_tokens).label("input_tokens"),
                func.sum(columns.output_tokens).label("output_tokens"),
                func.coalesce(func.sum(columns.cost_micros), 0).label("cost_micros"),
                (func.count() - func.count(columns.cost_micros)).label("unpriced"),
            )
            .where(columns.started_at >= since)
            .group_by(columns.engine, columns.model, columns.place)
            .order_by(desc("requests"), columns.engine, columns.model)
        )
        with self._database.read() as connection:
            found = connection.execute(query).mappings().all()
        return tuple(UsageTotals(where=row["place"], **_without(row, "place")) for row in found)

    def rows(self, *, since: float = 0.0, limit: int = 100) -> tuple[LedgerRow, ...]:
        """See `Ledger.rows`."""
        self.move()
        query = (
            select(ledger)
            .where(ledger.c.started_at >= since)
            .order_by(desc(ledger.c.started_at), desc(ledger.c.entry))
            .limit(limit)
        )
        with self._database.read() as connection:
            found = connection.execute(query).mappings().all()
        return tuple(LedgerRow(where=row["place"], **_without(row, "place", "entry")) for row in found)

    def _move_loop(self) -> None:
        while not self._stopping.wait(self._interval_s):
            try:
                self.move()
            except HomeUnusable as error:
                log.error("ledger_not_moved", message=str(error))

    def _move_file(self, path: Path) -> int:
        # Asked before reading: what a dead process wrote is all there.
        try:
            alive = is_alive(path)
            progress = self._progress.setdefault(path.name, _Progress())
            stretch = read_records(path, progress.offset)
        except FileNotFoundError:
            return 0
        rows: list[dict[str, Any]] = []  # bound parameters of one insert
        for record in stretch.records:
            match record:
                case Opened():
                    progress.open_now[record.entry] = record
                case Closed(entry, row):
                    progress.open_now.pop(entry, None)
                    rows.append(_bound(entry, row))
                case Handed():
                    progress.handed = True
        lost = [] if alive or progress.handed else [_interrupted(each) for each in progress.open_now.values()]
        self._insert(rows, lost)
        progress.offset = stretch.end
        if not alive:
            self._retire(path, damaged=stretch.damaged, interrupted=len(lost))
        return len(rows) + len(lost)

    def _insert(self, rows: list[dict[str, Any]], lost: list[dict[str, Any]]) -> None:
        if not rows and not lost:
            return
        ended = insert(ledger)
        # An end is the last word, also where the request had been given up for lost.
        ended = ended.on_conflict_do_update(
            index_elements=["entry"],
            set_={column.name: ended.excluded[column.name] for column in ledger.c if column.name != "entry"},
            where=ledger.c.outcome == "interrupted",
        )
        with self._database.write() as connection:
            for start in range(0, len(rows), BATCH_ROWS):
                connection.execute(ended, rows[start : start + BATCH_ROWS])
            if lost:
                connection.execute(insert(ledger).on_conflict_do_nothing(), lost)

    def _retire(self, path: Path, *, damaged: bool, interrupted: int) -> None:
        if interrupted:
            log.warning("requests_interrupted", journal=path.name, count=interrupted)
        if damaged:
            log.error("journal_damaged", journal=path.name, kept_as=f"{path.name}.damaged")
            path.rename(path.with_name(f"{path.name}.damaged"))
        else:
            path.unlink(missing_ok=True)
        self._progress.pop(path.name, None)


def _bound(entry: str, row: LedgerRow) -> dict[str, Any]:
    values = asdict(row)
    return {"entry": entry, "place": values.pop("where"), **values}


def _interrupted(opened: Opened) -> dict[str, Any]:
    used = EngineUsed("none", None, "none", "the process that served it ended")
    row = row_of(opened, "interrupted", used, Usage(0, 0, estimated=True), total_ms=0.0)
    # What an engine did before the end, and what that cost, nobody knows any more.
    return _bound(opened.entry, row) | {"code": "interrupted", "cost_micros": None}


def _without(row: RowMapping, *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
