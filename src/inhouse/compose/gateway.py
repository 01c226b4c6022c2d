"""The gateway, built from settings."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from inhouse.compose.engines import open_engines
from inhouse.compose.models import embedded_files, is_own, open_files
from inhouse.compose.money import Cash, open_cash, rented_engines, zone_of
from inhouse.compose.routing import NAMES_HINT, names_nobody_has, open_rulebook
from inhouse.compose.strategies import open_strategies
from inhouse.config import EngineEntry, Home, Loaded
from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.catalogue import FleetCatalogue
from inhouse.gateway.edge.desk import Desk
from inhouse.gateway.edge.dispatch import Dispatch
from inhouse.gateway.edge.dispatch_express import Express
from inhouse.gateway.edge.journal import Journal
from inhouse.gateway.edge.ledger import SqlLedger
from inhouse.gateway.edge.model_store import HouseModels
from inhouse.gateway.edge.outcomes import own_outcomes
from inhouse.gateway.edge.prober import CloudSettings, EngineSettings, Prober, ProbeSettings, keys_of
from inhouse.gateway.edge.providers.choose import Providers
from inhouse.gateway.edge.providers.http import HttpClient, HttpLimits
from inhouse.gateway.edge.rollout_book import SqlRolloutBook
from inhouse.gateway.edge.rollouts import Rollouts
from inhouse.gateway.edge.rulebook import Rulebook
from inhouse.gateway.edge.trial import Trial
from inhouse.gateway.policy import NoRoute
from inhouse.gateway.profiles import EngineKind
from inhouse.gateway.rules import ENGINE_ORDER
from inhouse.kernel.errors import BadRequest
from inhouse.kernel.messages import ChatMessage, ChatRequest
from inhouse.kernel.ports import EngineUsed
from inhouse.store.database import Database

__all__ = ["Gateway", "client_of", "open_gateway"]

SAMPLE = ChatRequest((ChatMessage("user", "?"),), task="answer", max_tokens=1)
"""Stands for any question, to see which engine would write its answer."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """The open gateway; `journal` is where everything else accounts, too."""

    dispatch: Dispatch
    prober: Prober
    journal: Journal
    ledger: SqlLedger
    cash: Cash
    models: HouseModels
    board: FleetBoard
    chat: Rollouts
    express: Express
    samples: SqlRolloutBook
    rulebook: Rulebook
    desk: Desk
    catalogue: FleetCatalogue

    def answering(self) -> EngineUsed | None:
        """Which engine would write an answer now, None when answers are quotes."""
        route = self.dispatch.route(SAMPLE)
        if isinstance(route, NoRoute):
            return None
        first = route.attempts[0]
        return EngineUsed(first.engine, first.model, first.where, first.reason)


@contextlib.asynccontextmanager
async def open_gateway(
    loaded: Loaded, home: Home, database: Database, *, watch: bool
) -> AsyncIterator[Gateway]:
    """The gateway for the time of the block. `watch` looks at the engines again and again."""
    http = client_of(loaded)
    journal = Journal(home.journal, clock=time.time, stopwatch=time.monotonic)
    ledger = SqlLedger(database, home.journal, zone=zone_of(loaded.settings.money.timezone))
    files = await asyncio.to_thread(open_files, home)
    rulebook, probing = open_rulebook(loaded, home, lambda: board.fleet), _probing(loaded)
    board = FleetBoard(time.time, dice=random.random)
    own = open_engines(
        loaded,
        home,
        http,
        board=board,
        ledger=ledger,
        installed=embedded_files(files, loaded.settings.engines.embedded_context_tokens),
    )
    cash = open_cash(loaded, board, ledger)
    providers = Providers(http, keys=keys_of(probing), embedded=own.embedded, mlx=own.mlx)
    trial = Trial(providers.of, journal, stopwatch=time.monotonic)
    prober = Prober(
        board,
        http,
        probing,
        rulebook.rules,
        trial=trial,
        clock=time.time,
        sleep=asyncio.sleep,
        embedded=own.embedded,
        mlx=own.mlx,
    )
    dispatch = Dispatch(
        board,
        providers.of,
        journal,
        rulebook.rules,
        clock=time.time,
        stopwatch=time.monotonic,
        till=cash.till,
        pause=asyncio.sleep,
        dice=random.random,
    )
    samples = SqlRolloutBook(database, ledger.move)
    chat, express = open_strategies(
        loaded.settings, dispatch, board, cash.till, book=samples, rules=rulebook.rules
    )
    await asyncio.to_thread(ledger.start if watch else ledger.move)
    await asyncio.to_thread(chat.load)
    await asyncio.to_thread(cash.start, ledger)
    journal.start()
    try:
        if watch:
            await _check_names(loaded, prober, board)
            prober.start()
            own.start()
            chat.start()
            rulebook.start(asyncio.sleep)
        models = HouseModels(board, files, look=prober.refresh)
        outcomes = functools.partial(own_outcomes, database)
        desk = Desk(board, rulebook, cash.till, clock=time.time, outcomes=outcomes)
        offers = FleetCatalogue(board, rulebook.rules, clock=time.time)
        opened = (dispatch, prober, journal, ledger, cash, models, board, chat, express, samples, rulebook)
        yield Gateway(*opened, desk, offers)
    finally:
        await rulebook.stop()
        await chat.stop()
        await asyncio.to_thread(cash.stop)
        await prober.stop()
        await own.stop()
        await http.close()
        await asyncio.to_thread(journal.stop)
        await asyncio.to_thread(ledger.stop)


async def _check_names(loaded: Loaded, prober: Prober, board: FleetBoard) -> None:
    """Raises `BadRequest` if a block names only models that nobody has; needs a look at the engines."""
    settings = loaded.settings
    if not (settings.task or settings.alias or settings.route):
        return
    await prober.refresh()
    if wrong := names_nobody_has(loaded, board.fleet):
        raise BadRequest(wrong, hint=NAMES_HINT)


def client_of(loaded: Loaded) -> HttpClient:
    """A client with the limits, the proxy and the authorities of the settings."""
    engines = loaded.settings.engines
    ca_file = Path(engines.ca_file).expanduser() if engines.ca_file else None
    return HttpClient(_limits(loaded), proxy=engines.proxy, ca_file=ca_file)


def _limits(loaded: Loaded) -> HttpLimits:
    engines = loaded.settings.engines
    return HttpLimits(
        connect_timeout_s=engines.connect_timeout_s,
        first_event_timeout_s=engines.first_event_timeout_s,
        idle_timeout_s=engines.idle_timeout_s,
        total_timeout_s=engines.total_timeout_s,
        whole_timeout_s=engines.whole_timeout_s,
    )


def _probing(loaded: Loaded) -> ProbeSettings:
    settings = loaded.settings
    rented = rented_engines(loaded)
    by_hand = tuple(
        EngineSettings(
            name=entry.name,
            url=entry.url,
            kind=_kind(entry.profile or ("ollama" if entry.kind == "ollama" else "auto")),
            key=loaded.environment.get(entry.api_key_env or "", ""),
            model=entry.model,
            where=_where(entry, rented),
        )
        for entry in settings.engine
    )
    ollama = EngineSettings(
        name="ollama",
        url=settings.engines.ollama_url,
        kind="ollama",
        expected="engines.ollama_url" in loaded.origins,
    )
    looks = settings.engines.probe_local_ports or ollama.expected
    # Our own second port says `Ollama is running`, too.
    # An engine that was written down under this name stands in for the one found by its usual address.
    looks = looks and all(each.name != "ollama" for each in settings.engine)
    looks = looks and not is_own(settings.engines.ollama_url, loaded.own_ports)
    return ProbeSettings(
        engines=(*((ollama,) if looks else ()), *by_hand),
        cloud=CloudSettings(
            openai_key=loaded.secret(settings.secrets.openai_api_key) or "",
            anthropic_key=loaded.secret(settings.secrets.anthropic_api_key) or "",
            gemini_key=loaded.secret(settings.secrets.gemini_api_key) or "",
            openai_url=settings.cloud.openai_url,
            anthropic_url=settings.cloud.anthropic_url,
            gemini_url=settings.cloud.gemini_url,
            openai_model=settings.cloud.openai_model or None,
            anthropic_model=settings.cloud.anthropic_model or None,
            gemini_model=settings.cloud.gemini_model or None,
        ),
        discover=settings.engines.probe_local_ports,
        skip_ports=loaded.own_ports | {settings.server.port},
        interval_s=float(settings.engines.probe_interval_s),
    )


def _where(entry: EngineEntry, rented: frozenset[str]) -> Literal["local", "cloud"] | None:
    """Only what was written down counts as consent; otherwise the address itself tells (None).

    A machine that is paid by the hour is somebody else's, whatever address it has.
    """
    if entry.where is not None:
        return entry.where
    return "cloud" if entry.name in rented else None


def _kind(name: str) -> EngineKind:
    if name != "auto" and name not in ENGINE_ORDER:
        raise BadRequest(
            f"An [[engine]] block names the profile {name!r}, which is unknown",
            hint=f"profiles are {', '.join(ENGINE_ORDER[1:])}",
        )
    return cast("EngineKind", name)
