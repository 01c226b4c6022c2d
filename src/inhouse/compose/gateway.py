"""The gateway, built from settings."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from inhouse.config import Home, Loaded
from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.dispatch import Dispatch
from inhouse.gateway.edge.journal import Journal
from inhouse.gateway.edge.ledger import SqlLedger
from inhouse.gateway.edge.model_store import OllamaModels
from inhouse.gateway.edge.prober import CloudSettings, EngineSettings, Prober, ProbeSettings, keys_of
from inhouse.gateway.edge.providers.choose import Providers
from inhouse.gateway.edge.providers.embedded import (
    EmbeddedEngine,
    EmbeddedModel,
    EmbeddedSettings,
    demo_model,
)
from inhouse.gateway.edge.providers.http import HttpClient, HttpLimits
from inhouse.gateway.edge.trial import Trial
from inhouse.gateway.policy import NoRoute
from inhouse.gateway.profiles import EngineKind
from inhouse.gateway.rules import ENGINE_ORDER, Rules
from inhouse.kernel.errors import BadRequest
from inhouse.kernel.messages import ChatMessage, ChatRequest
from inhouse.kernel.ports import EngineUsed
from inhouse.store.database import Database

__all__ = ["Gateway", "open_gateway"]

SAMPLE = ChatRequest((ChatMessage("user", "?"),), task="answer", max_tokens=1)
"""Stands for any question, to see which engine would write its answer."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """The open gateway; `journal` is where everything else accounts, too."""

    dispatch: Dispatch
    prober: Prober
    journal: Journal
    ledger: SqlLedger
    models: OllamaModels
    board: FleetBoard

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
    http = HttpClient(_limits(loaded))
    journal = Journal(home.journal, clock=time.time, stopwatch=time.monotonic)
    ledger = SqlLedger(database, home.journal)
    embedded = EmbeddedEngine(EmbeddedSettings(models=_embedded_models(loaded)), http)
    rules, probing = _rules(loaded), _probing(loaded)
    board = FleetBoard(time.time)
    providers = Providers(http, keys=keys_of(probing), embedded=embedded)
    trial = Trial(providers.of, journal, stopwatch=time.monotonic)
    prober = Prober(
        board, http, probing, rules, trial=trial, clock=time.time, sleep=asyncio.sleep, embedded=embedded
    )
    dispatch = Dispatch(
        board, providers.of, journal, lambda: rules, clock=time.time, stopwatch=time.monotonic
    )
    await asyncio.to_thread(ledger.start if watch else ledger.move)
    journal.start()
    if watch:
        prober.start()
    try:
        yield Gateway(dispatch, prober, journal, ledger, OllamaModels(board), board)
    finally:
        await prober.stop()
        await embedded.stop()
        await http.close()
        await asyncio.to_thread(journal.stop)
        await asyncio.to_thread(ledger.stop)


def _limits(loaded: Loaded) -> HttpLimits:
    engines = loaded.settings.engines
    return HttpLimits(
        connect_timeout_s=engines.connect_timeout_s,
        first_event_timeout_s=engines.first_event_timeout_s,
        idle_timeout_s=engines.idle_timeout_s,
        total_timeout_s=engines.total_timeout_s,
    )


def _rules(loaded: Loaded) -> Rules:
    settings = loaded.settings
    unknown = [name for name in settings.engines.order if name not in ENGINE_ORDER]
    if unknown:
        raise BadRequest(
            f"Setting engines.order names {unknown[0]!r}, which is no kind of engine",
            hint=f"the kinds are {', '.join(ENGINE_ORDER[1:])}",
        )
    named = cast("tuple[EngineKind, ...]", settings.engines.order)
    rest = tuple(kind for kind in ENGINE_ORDER if kind not in named)
    return Rules(
        cloud_allowed=settings.cloud.allowed,
        local=settings.routing.local,
        allow_demo_answers=settings.answers.allow_demo_model,
        order=(*named, *rest),
    )


def _probing(loaded: Loaded) -> ProbeSettings:
    settings = loaded.settings
    by_hand = tuple(
        EngineSettings(
            name=entry.name,
            url=entry.url,
            kind=_kind(entry.profile or ("ollama" if entry.kind == "ollama" else "auto")),
            key=loaded.environment.get(entry.api_key_env or "", ""),
            model=entry.model,
            # Only what was written down counts as consent; otherwise the address itself tells.
            where=entry.where if "where" in entry.model_fields_set else None,
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
    return ProbeSettings(
        engines=(*((ollama,) if looks else ()), *by_hand),
        cloud=CloudSettings(
            openai_key=loaded.secret(settings.secrets.openai_api_key) or "",
            anthropic_key=loaded.secret(settings.secrets.anthropic_api_key) or "",
            gemini_key=loaded.secret(settings.secrets.gemini_api_key) or "",
        ),
        discover=settings.engines.probe_local_ports,
        skip_ports=frozenset({settings.server.port}),
        interval_s=float(settings.engines.probe_interval_s),
    )


def _kind(name: str) -> EngineKind:
    if name != "auto" and name not in ENGINE_ORDER:
        raise BadRequest(
            f"An [[engine]] block names the profile {name!r}, which is unknown",
            hint=f"profiles are {', '.join(ENGINE_ORDER[1:])}",
        )
    return cast("EngineKind", name)


def _embedded_models(loaded: Loaded) -> tuple[EmbeddedModel, ...]:
    chosen = loaded.settings.engines.embedded
    context = loaded.settings.engines.embedded_context_tokens
    if chosen == "off":
        return ()
    if chosen == "demo":
        demo = demo_model(context)
        return (demo,) if demo else ()
    path = Path(chosen).expanduser()
    if not path.is_file():
        raise BadRequest(
            f"Setting engines.embedded is {chosen!r}, but there is no such file",
            hint="give the path of a GGUF file, `demo` or `off`",
        )
    return (EmbeddedModel(path.stem, path, context),)
