"""The gateway's real parts joined as `compose` joins them, in a temporary home."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.dispatch import Dispatch
from inhouse.gateway.edge.journal import Journal
from inhouse.gateway.edge.ledger import SqlLedger
from inhouse.gateway.edge.migrations import FOLDER, HEAD
from inhouse.gateway.edge.prober import EngineSettings, Prober, ProbeSettings, keys_of
from inhouse.gateway.edge.providers.choose import Providers
from inhouse.gateway.edge.providers.embedded import EmbeddedEngine
from inhouse.gateway.edge.providers.http import HttpClient, HttpLimits
from inhouse.gateway.edge.providers.mlx import MlxEngine
from inhouse.gateway.edge.trial import Trial
from inhouse.gateway.rules import Rules
from inhouse.kernel.messages import ChatEvent, ChatMessage, ChatRequest
from inhouse.store.database import Database, Migrations
from tests.worlds.engines import FakeEngine

PATIENT = HttpLimits(connect_timeout_s=5.0, first_event_timeout_s=10.0, idle_timeout_s=10.0)
QUICK = replace(PATIENT, first_event_timeout_s=0.2, idle_timeout_s=0.2)
"""For faults that are seen by waiting only."""
REQUEST = ChatRequest((ChatMessage("user", "How many days of leave are there?"),))


@dataclass
class House:
    """What `compose` would hold."""

    board: FleetBoard
    http: HttpClient
    prober: Prober
    dispatch: Dispatch
    journal: Journal
    ledger: SqlLedger

    async def ask(self, request: ChatRequest = REQUEST) -> tuple[str, list[ChatEvent]]:
        """The engine that answered, and all events."""
        answer = await self.dispatch.open(request, request_id="r1", user="anna")
        return answer.used.engine, [event async for event in answer]


def configured(*fakes: FakeEngine) -> tuple[EngineSettings, ...]:
    """Fakes as configured engines, named by their kind."""
    return tuple(EngineSettings(each.kind, each.url, key=each.key) for each in fakes)


def open_database(home: Path) -> Database:
    """A migrated database with the gateway's tables only."""
    return Database.open(home / "inhouse.db", [Migrations(FOLDER, HEAD)], backups=home / "backups")


@asynccontextmanager
async def house(
    home: Path,
    engines: Sequence[EngineSettings] = (),
    *,
    limits: HttpLimits = PATIENT,
    rules: Rules | None = None,
    probe: ProbeSettings | None = None,
    embedded: EmbeddedEngine | None = None,
    mlx: MlxEngine | None = None,
    http: HttpClient | None = None,
    lean: bool = True,
) -> AsyncIterator[House]:
    """A gateway that looked once; not started, so nothing happens behind a test's back."""
    rules = rules or Rules()
    probe = probe or ProbeSettings(engines=tuple(engines), discover=False)
    http = http or HttpClient(limits, lean=lean)
    journal = Journal(home / "journal", clock=time.time, stopwatch=time.perf_counter)
    database = open_database(home)
    ledger = SqlLedger(database, home / "journal")
    board = FleetBoard(time.time)
    providers = Providers(http, keys=keys_of(probe), embedded=embedded, mlx=mlx)
    trial = Trial(providers.of, journal, stopwatch=time.perf_counter)
    prober = Prober(
        board,
        http,
        probe,
        rules,
        trial=trial,
        clock=time.time,
        sleep=asyncio.sleep,
        embedded=embedded,
        mlx=mlx,
    )
    dispatch = Dispatch(
        board, providers.of, journal, lambda: rules, clock=time.time, stopwatch=time.perf_counter
    )
    try:
        await prober.refresh()
        yield House(board, http, prober, dispatch, journal, ledger)
    finally:
        if embedded is not None:
            await embedded.stop()
        if mlx is not None:
            await mlx.stop()
        await http.close()
        journal.stop()
        ledger.stop()
        database.close()
