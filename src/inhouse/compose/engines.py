"""The engines that inhouse runs itself, built from settings: embedded models, MLX, and their warmth."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from inhouse.config import Home, Loaded
from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.ledger import SqlLedger
from inhouse.gateway.edge.providers.embedded import (
    EmbeddedEngine,
    EmbeddedModel,
    EmbeddedSettings,
    demo_model,
)
from inhouse.gateway.edge.providers.embedded_memory import machine
from inhouse.gateway.edge.providers.http import HttpClient
from inhouse.gateway.edge.providers.mlx import MlxEngine, MlxSettings
from inhouse.gateway.edge.warm import Warmer, WarmSettings
from inhouse.gateway.warm import SPAN_DAYS, Use
from inhouse.kernel.errors import BadRequest

__all__ = ["OwnEngines", "open_engines"]

LEARN_EVERY_S = 600.0


@dataclass(frozen=True, slots=True)
class OwnEngines:
    """Engines whose processes are ours."""

    embedded: EmbeddedEngine
    mlx: MlxEngine
    warmer: Warmer

    def start(self) -> None:
        """Start what runs all the time; needs a running event loop."""
        self.mlx.start()
        self.warmer.start()

    async def stop(self) -> None:
        """End everything."""
        await self.warmer.stop()
        await asyncio.gather(self.mlx.stop(), self.embedded.stop())


def open_engines(
    loaded: Loaded,
    home: Home,
    http: HttpClient,
    *,
    board: FleetBoard,
    ledger: SqlLedger,
    installed: Callable[[], Sequence[EmbeddedModel]],
) -> OwnEngines:
    """The engines; nothing runs yet. `installed` gives the model files of the house.

    Raises:
        BadRequest: if a setting names a file or folder that is not there.
    """
    engines = loaded.settings.engines
    embedded = EmbeddedEngine(
        EmbeddedSettings(
            models=_chosen_models(loaded),
            threads=engines.embedded_threads,
            keep_alive_s=engines.keep_alive_s,
            ready_timeout_s=engines.load_timeout_s,
            parallel=engines.embedded_parallel,
            gpu=engines.embedded_gpu,
            make_do=engines.embedded_make_do,
            memory_limit_bytes=engines.embedded_memory_mb * 1_000_000,
        ),
        http,
        installed=installed if engines.embedded != "off" else tuple,
        machine=lambda: machine(home.root),
    )
    warmer = Warmer(
        WarmSettings(engines.keep_warm, engines.learn_warm),
        board,
        http,
        embedded,
        _Uses(ledger),
        clock=time.time,
        sleep=asyncio.sleep,
    )
    return OwnEngines(embedded, MlxEngine(MlxSettings(_mlx_folder(loaded)), http), warmer)


class _Uses:
    """What the ledger says about local models, read anew every ten minutes."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger
        self._read_at = 0.0
        self._uses: tuple[Use, ...] = ()

    def __call__(self) -> tuple[Use, ...]:
        now = time.time()
        if now - self._read_at > LEARN_EVERY_S:
            found = self._ledger.hours_used(now - SPAN_DAYS * 86_400)
            self._uses = tuple(Use(at, engine, model) for at, engine, model in found)
            self._read_at = now
        return self._uses


def _mlx_folder(loaded: Loaded) -> Path | None:
    chosen = loaded.settings.engines.mlx_models
    if not chosen:
        return None
    folder = Path(chosen).expanduser()
    if not folder.is_dir():
        raise BadRequest(
            f"Setting engines.mlx_models is {chosen!r}, but there is no such folder",
            hint="give a folder that holds one folder for each MLX model, or leave it empty",
        )
    return folder


def _chosen_models(loaded: Loaded) -> tuple[EmbeddedModel, ...]:
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
