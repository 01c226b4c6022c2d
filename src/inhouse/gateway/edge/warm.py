"""Keeps models loaded that are pinned, or that this hour usually brings; see `gateway.warm`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec
import structlog

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.providers.embedded import EmbeddedEngine
from inhouse.gateway.edge.providers.http import HttpClient, HttpPost, base_url
from inhouse.gateway.fleet import Engine, same_model
from inhouse.gateway.rules import ENGINE_ORDER
from inhouse.gateway.warm import Use, Wish, wishes
from inhouse.kernel.errors import EngineBroke, EngineError

__all__ = ["WarmSettings", "Warmer"]

log = structlog.get_logger(__name__)

KINDS = ("embedded", "ollama")
"""Engines that load a model without answering; vLLM and SGLang hold theirs always."""
OLLAMA_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class WarmSettings:
    """`pinned` are `model` or `engine/model`. After a failure a model is left alone for `rest_s`."""

    pinned: tuple[str, ...] = ()
    learn: bool = True
    interval_s: float = 60.0
    rest_s: float = 600.0
    learned_keep_s: float = 900.0


class Warmer:
    """Looks every `interval_s` whether what should be loaded is. `uses` reads the ledger, in a thread.

    `sleep` is `asyncio.sleep`, `clock` UNIX seconds.
    """

    def __init__(
        self,
        settings: WarmSettings,
        board: FleetBoard,
        http: HttpClient,
        embedded: EmbeddedEngine,
        uses: Callable[[], Sequence[Use]],
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._board = board
        self._http = http
        self._embedded = embedded
        self._uses = uses
        self._clock = clock
        self._sleep = sleep
        self._rests: dict[str, float] = {}
        self._loop: asyncio.Task[None] | None = None
        self.wanted: tuple[Wish, ...] = ()
        """What should be loaded now, as of the last look."""
        embedded.pinned = frozenset(name.removeprefix("embedded/") for name in settings.pinned)

    def start(self) -> None:
        """Begin to look; needs a running event loop."""
        if self._settings.pinned or self._settings.learn:
            self._loop = asyncio.create_task(self._look_forever())

    async def stop(self) -> None:
        """Look no more; what is loaded stays as long as it would."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
            self._loop = None

    async def look(self) -> None:
        """Load what is wanted and not loaded; a failure is logged, and not tried again for a while."""
        now = self._clock()
        uses = await asyncio.to_thread(self._uses) if self._settings.learn else ()
        self.wanted = wishes(self._settings.pinned, uses, now)
        for wish in self.wanted:
            found = self._place(wish)
            if found is None or self._rests.get(wish.model, 0.0) > now:
                continue
            engine, model, loaded = found
            # A learned model is loaded once and then lives as long as it is used, so that two of them that
            # do not fit together do not drive each other out every minute.
            if loaded and (engine.kind == "embedded" or not wish.pinned):
                continue
            try:
                await self._load(engine, model, wish)
            except EngineError as error:
                log.warning("warm_failed", engine=engine.name, model=model, message=error.message)
                self._rests[wish.model] = now + self._settings.rest_s
            else:
                if not wish.pinned:
                    self._rests[wish.model] = now + self._settings.learned_keep_s
                if not loaded:
                    log.info("model_warmed", engine=engine.name, model=model, pinned=wish.pinned)

    async def _look_forever(self) -> None:
        while True:
            await self._sleep(self._settings.interval_s)
            await self.look()

    def _place(self, wish: Wish) -> tuple[Engine, str, bool] | None:
        """The local engine that can load it, its name there, and whether it is loaded."""
        usable = [
            each
            for each in self._board.fleet.engines
            if each.kind in KINDS and each.where == "local" and each.state == "up"
        ]
        for engine in sorted(usable, key=lambda each: ENGINE_ORDER.index(each.kind)):
            for model in engine.models:
                named = same_model(wish.model, model.name) and wish.engine in ("", engine.name)
                if not model.remote and (named or wish.model == f"{engine.name}/{model.name}"):
                    return engine, model.name, bool(model.loaded)
        return None

    async def _load(self, engine: Engine, model: str, wish: Wish) -> None:
        keep_s = -1.0 if wish.pinned else self._settings.learned_keep_s
        if engine.kind == "embedded":
            await self._embedded.warm(model, keep_s)
            return
        # A request without a prompt loads the model. Source: ollama docs/api.md, "Load a model", 0.33.
        body = msgspec.json.encode({"model": model, "keep_alive": int(keep_s), "stream": False})
        url = base_url(engine.url) + "/api/generate"
        page = await self._http.page(HttpPost(engine.name, url, body), timeout_s=OLLAMA_TIMEOUT_S)
        if page.status != 200:
            raise EngineBroke(f"`{engine.name}` gave HTTP {page.status} when asked to load `{model}`")
