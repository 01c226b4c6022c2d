"""The ledger of the house: what the journal says, moved into the database (`ledger_mover`) and read there.

Reading is composed with SQLAlchemy (`ledger_reading`), which is loaded when somebody asks: a gateway that
only serves and moves rows does without.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.gateway.accounts import Scope
from inhouse.gateway.edge.ledger_mover import MOVE_INTERVAL_S, Mover
from inhouse.gateway.ports import Grouping, LedgerRow, UsageSum, UsageTotals, Within
from inhouse.gateway.till import Charge
from inhouse.store.database import Database

if TYPE_CHECKING:
    from inhouse.gateway.edge.ledger_reading import LedgerReading

__all__ = ["SqlLedger"]

_HOURS = """SELECT DISTINCT CAST(started_at / 3600 AS INTEGER), engine, model FROM ledger
WHERE started_at >= ? AND place = 'local' AND outcome = 'ok' AND model IS NOT NULL"""
_NAMES: dict[Scope, str] = {
    "house": "'house'",
    "model": "lower(coalesce(model, ''))",
    "key": "key",
    "user": "user",
    "team": "team",
}
_SPENT = """SELECT {name} AS name, SUM(cost_micros) FROM ledger
WHERE started_at >= ? AND started_at < ? AND place = 'cloud' AND cost_micros IS NOT NULL GROUP BY 1"""
"""What a gateway asks at its start, before its first request: the words between the braces are our own."""


class SqlLedger:
    """Implements `gateway.ports.Ledger` over the journal files in `folder`.

    Whoever asks finds what was written a moment ago: everything is moved first. Safe to use from any thread;
    every method blocks on the disk. `zone` is the wall clock of the house, for sums by day.
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
        self._mover = Mover(database, folder, interval_s)
        self._loading = threading.Lock()
        self._loaded: LedgerReading | None = None

    def start(self) -> None:
        """Move what dead processes left, then go on moving in the background."""
        self._mover.start()

    def stop(self) -> None:
        """Move a last time. Stop the journal first: then nothing is left behind."""
        self._mover.stop()

    def move(self) -> int:
        """Move every record that is there now; return how many rows were written.

        Raises:
            HomeUnusable: if the database cannot be written; nothing is lost, the journal keeps all.
        """
        return self._mover.move()

    def totals(
        self, *, since: float = 0.0, until: float | None = None, within: Within | None = None
    ) -> tuple[UsageTotals, ...]:
        """See `Ledger.totals`."""
        return self._moved().totals(within or Within(since, until))

    def sums(self, by: Grouping, within: Within) -> tuple[UsageSum, ...]:
        """See `Ledger.sums`."""
        return self._moved().sums(by, within)

    def spent(self, scope: Scope, start: float, end: float) -> Mapping[str, int]:
        """Micro-units paid outside the house by rows that began in a stretch of time, by name.

        Plain SQL: a gateway with a budget asks it at its start.
        """
        self.move()
        found = self._database.rows(_SPENT.format(name=_NAMES[scope]), (start, end))
        return {str(name): int(spent) for name, spent in found if name}

    def rows(
        self, *, since: float = 0.0, limit: int = 100, within: Within | None = None
    ) -> tuple[LedgerRow, ...]:
        """See `Ledger.rows`."""
        return self._moved().rows(within or Within(since), limit)

    def first(self, within: Within) -> float | None:
        """See `Ledger.first`."""
        return self._moved().first(within)

    def hours_used(self, since: float) -> tuple[tuple[float, str, str], ...]:
        """Each hour in which a local model answered, once: its begin (UNIX seconds), engine and model.

        As many as there were hours and models, however many requests there were. Plain SQL, for a gateway
        asks it while it serves.
        """
        self.move()
        found = self._database.rows(_HOURS, (since,))
        return tuple((hour * 3600.0, engine, model) for hour, engine, model in found)

    def request(self, request_id: str) -> tuple[LedgerRow, ...]:
        """See `Ledger.request`."""
        return self._moved().request(request_id)

    def reprice(self, charge: Callable[[LedgerRow], Charge], within: Within) -> int:
        """Work out the money of these rows again from their tokens; how many changed.

        A price that is not known any more leaves what was written down.
        """
        return self._moved().reprice(charge, within)

    def _moved(self) -> LedgerReading:
        """What reads, after everything was moved."""
        self.move()
        with self._loading:
            if self._loaded is None:
                from inhouse.gateway.edge.ledger_reading import LedgerReading

                self._loaded = LedgerReading(self._database, self._zone)
            return self._loaded
