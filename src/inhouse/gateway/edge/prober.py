"""Finds the engines of the house and looks at them again and again.

It asks configured addresses, the usual ports of this machine when that is wanted, and nothing else. A
cloud engine is not even greeted before the administrator allowed the cloud: its key alone is no consent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import urlsplit

import structlog

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.look import look
from inhouse.gateway.edge.metrics import scrape
from inhouse.gateway.edge.providers.embedded import EmbeddedEngine
from inhouse.gateway.edge.providers.http import HttpClient
from inhouse.gateway.edge.providers.mlx import MlxEngine
from inhouse.gateway.edge.providers.port import Provider
from inhouse.gateway.edge.trial import Trial
from inhouse.gateway.fleet import Engine, Load, Model, Place, place_of, vendors_own, view_of
from inhouse.gateway.measure import slow
from inhouse.gateway.ports import EngineView, HitsView
from inhouse.gateway.profiles import WELL_KNOWN_PORTS, EngineKind
from inhouse.gateway.rules import Rules
from inhouse.kernel.errors import EngineError

__all__ = ["CloudSettings", "EngineSettings", "ProbeSettings", "Prober", "keys_of"]

log = structlog.get_logger(__name__)

USUAL_PORT: Mapping[str, int] = {
    "ollama": 11434,
    "llama.cpp": 8080,
    "mlx": 8080,
    "vllm": 8000,
    "sglang": 30000,
    "lmstudio": 1234,
}
CLOUD_LOOK_S = 300.0
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """A configured engine. `where` None: told from the address (`fleet.place_of`).

    `expected` False: not listed while it is not there, as with an address nobody wrote down.
    """

    name: str
    url: str
    kind: EngineKind | Literal["auto"] = "auto"
    key: str = field(default="", repr=False)
    model: str | None = None
    where: Place | None = None
    expected: bool = True


@dataclass(frozen=True, slots=True)
class CloudSettings:
    """Keys that were found; empty means none. A `..._model` serves requests that name no model."""

    openai_key: str = field(default="", repr=False)
    anthropic_key: str = field(default="", repr=False)
    gemini_key: str = field(default="", repr=False)
    openai_url: str = "https://api.openai.com/v1"
    anthropic_url: str = "https://api.anthropic.com"
    gemini_url: str = "https://generativelanguage.googleapis.com"
    openai_model: str | None = None
    anthropic_model: str | None = None
    gemini_model: str | None = None

    def engines(self) -> tuple[tuple[EngineKind, EngineSettings], ...]:
        """Those with a key, by kind."""
        kinds: tuple[tuple[EngineKind, str, str, str | None], ...] = (
            ("anthropic", self.anthropic_url, self.anthropic_key, self.anthropic_model),
            ("gemini", self.gemini_url, self.gemini_key, self.gemini_model),
            ("openai", self.openai_url, self.openai_key, self.openai_model),
        )
        return tuple(
            (kind, EngineSettings(kind, url, kind, key, model, where="cloud"))
            for kind, url, key, model in kinds
            if key
        )


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """Where and how often to look. `skip_ports` are our own, which would look like an engine."""

    engines: tuple[EngineSettings, ...] = ()
    cloud: CloudSettings = field(default_factory=CloudSettings)
    discover: bool = True
    ports: tuple[int, ...] = WELL_KNOWN_PORTS
    skip_ports: frozenset[int] = frozenset()
    interval_s: float = 15.0
    page_timeout_s: float = 2.0
    look_timeout_s: float = 5.0


def keys_of(settings: ProbeSettings) -> dict[str, str]:
    """Keys by engine name, for `Providers`."""
    clouds = {each.name: each.key for _, each in settings.cloud.engines()}
    return clouds | {each.name: each.key for each in settings.engines}


class Prober:
    """Implements `gateway.ports.Fleet`; writes what it sees on the board.

    `start` looks once and then every `interval_s`; the first look delays nobody. `sleep` is
    `asyncio.sleep`, `clock` UNIX seconds.
    """

    def __init__(
        self,
        board: FleetBoard,
        http: HttpClient,
        settings: ProbeSettings,
        rules: Rules | Callable[[], Rules],
        *,
        trial: Trial,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        embedded: EmbeddedEngine | None = None,
        mlx: MlxEngine | None = None,
        scripted: Mapping[str, Provider] | None = None,
    ) -> None:
        self._board = board
        self._http = http
        self._settings = settings
        self._rules_now = rules if callable(rules) else lambda: rules
        self._trial = trial
        self._clock = clock
        self._sleep = sleep
        self._engines = settings.engines
        self._cloud = settings.cloud
        self._embedded = embedded
        self._mlx = mlx
        if embedded is not None:
            embedded.on_change(self._show_embedded)
        self._scripted = scripted or {}
        self._turn = asyncio.Lock()
        self._loop: asyncio.Task[None] | None = None
        self.failures = 0
        """Looks that failed by a fault of our own."""

    @property
    def _rules(self) -> Rules:
        return self._rules_now()

    def start(self) -> None:
        """Begin to look; needs a running event loop. Engines inside this process are there at once."""
        self._board.show(self._inside())
        self._loop = asyncio.create_task(self._look_forever())

    async def stop(self) -> None:
        """Look no more."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
            self._loop = None

    def engines(self) -> tuple[EngineView, ...]:
        """See `Fleet.engines`."""
        now = self._clock()
        return tuple(
            self._measured(view_of(each, allowed=each.where == "local" or self._rules.cloud_allowed, now=now))
            for each in self._board.current().engines
        )

    def hits(self) -> HitsView:
        """See `Fleet.hits`."""
        hits = self._board.meter.hits
        return HitsView(hits.asked, hits.warm, hits.rate)

    def _measured(self, view: EngineView) -> EngineView:
        """The view with what was measured of its models."""
        known = ((each, self._board.meter.of(view.name, each.name)) for each in view.models)
        return replace(
            view,
            models=tuple(
                replace(
                    each,
                    tokens_per_s=learned.tokens_per_s,
                    load_s=learned.load_s,
                    warning=slow(learned.tokens_per_s) if view.where == "local" else "",
                )
                for each, learned in known
            ),
        )

    async def refresh(self) -> tuple[EngineView, ...]:
        """See `Fleet.refresh`; never fails, an engine that cannot be looked at is down."""
        async with self._turn:
            targets = [*self._engines, *self._neighbours()]
            clouds = [each for _, each in self._cloud.engines()] if self._rules.cloud_allowed else []
            looked = await asyncio.gather(
                *(self._look_at(each) for each in targets), *(self._look_far(each) for each in clouds)
            )
            if self._embedded is not None:
                await self._embedded.look()
            found = [*(each for each in looked if each is not None), *self._inside()]
            self._board.show([self._board.meter.add_to(each) for each in found])
            self._board.meter.looked()
        return self.engines()

    async def test_prompt(self, engine: str) -> tuple[str, float]:
        """See `Fleet.test_prompt`."""
        return await self._trial.ask(self._board.fleet, engine, cloud_allowed=self._rules.cloud_allowed)

    async def _look_forever(self) -> None:
        while True:
            await self.refresh()
            await self._sleep(self._settings.interval_s)

    def _inside(self) -> list[Engine]:
        """Engines that need no look over the network."""
        return [
            *self._scripted_engines(),
            *self._mlx_engines(),
            *self._embedded_engines(),
            *self._silent_clouds(),
        ]

    def _neighbours(self) -> list[EngineSettings]:
        """The usual ports of this machine that nobody configured."""
        if not self._settings.discover:
            return []
        taken = set(self._settings.skip_ports)
        for each in self._engines:
            parts = urlsplit(each.url)
            if parts.hostname in LOOPBACK and parts.port is not None:
                taken.add(parts.port)
        ports = [port for port in dict.fromkeys(self._settings.ports) if port not in taken]
        return [EngineSettings("", f"http://127.0.0.1:{port}", expected=False) for port in ports]

    async def _look_far(self, target: EngineSettings) -> Engine | None:
        """A cloud engine, asked again only when its last good look is old: its list changes once a month."""
        seen = self._board.fleet.engine(target.name)
        if seen is not None and seen.state == "up" and self._clock() - seen.checked_at < CLOUD_LOOK_S:
            return seen
        return await self._look_at(target)

    async def _look_at(self, target: EngineSettings) -> Engine | None:
        """The engine as it is now, None when there is none and none was expected."""
        settings = self._settings
        engine = Engine(
            name=target.name,
            kind="openai" if target.kind == "auto" else target.kind,
            where=target.where or place_of(target.url),
            url=target.url,
            state="down",
            checked_at=self._clock(),
            default_model=target.model,
        )
        if engine.where == "cloud" and not self._rules.cloud_allowed:
            return replace(engine, state="found_not_allowed", reason="cloud engines are not allowed")
        try:
            async with asyncio.timeout(settings.look_timeout_s):
                found = await look(
                    self._http, target.url, target.kind, key=target.key, timeout_s=settings.page_timeout_s
                )
        except TimeoutError:
            reason = f"gave no list of models within {settings.look_timeout_s:g} s"
        except EngineError as error:
            reason = error.message
        except Exception as error:  # one odd engine must not hide the others
            self.failures += 1
            log.exception("look_failed", engine=target.name, url=target.url)
            reason = f"could not be looked at: {type(error).__name__}"
        else:
            name = target.name or self._name(found.kind, target.url)
            engine = replace(engine, name=name, kind=found.kind, state="up", models=found.models)
            if target.where is None:
                engine = self._doubted(engine, found.relay)
                if engine.state != "up":
                    return engine
            return replace(engine, load=await scrape(self._http, engine, target.key))
        return replace(engine, reason=reason) if target.expected else None

    def _doubted(self, engine: Engine, relay: str) -> Engine:
        """A near engine about which nobody said that its words stay here: what speaks against it counts."""
        if engine.where == "local" and relay:
            engine = replace(engine, where="cloud")
            if not self._rules.cloud_allowed:
                reason = (
                    f"is a gateway ({relay}), which may ask others: not used unless its [[engine]] says so"
                )
                return replace(engine, state="found_not_allowed", reason=reason)
        if engine.kind == "openai":
            models = tuple(replace(each, remote=vendors_own(each.name)) for each in engine.models)
            return replace(engine, models=models)
        return engine

    def _name(self, kind: EngineKind, url: str) -> str:
        """`ollama` on its usual port, `ollama-8001` elsewhere, so that a name always means one address."""
        port = urlsplit(url).port
        names = {each.name for each in self._engines}
        if self._mlx is not None and self._mlx.configured:
            names.add("mlx")
        plain = port == USUAL_PORT.get(kind) and kind not in names
        return kind if plain else f"{kind}-{port}"

    def _embedded_engines(self) -> list[Engine]:
        """The engine inside inhouse; not listed when it is switched off, that is, given no model."""
        if self._embedded is None or not self._embedded.configured:
            return []
        lack = self._embedded.lack()
        engine = Engine("embedded", "embedded", "local", "", "down" if lack else "up", reason=lack)
        for model, trial in self._embedded.trials().items():
            self._board.meter.loaded("embedded", model, trial.load_s, trial.tokens_per_s)
        return [
            replace(
                engine,
                models=self._embedded.models(),
                checked_at=self._clock(),
                load=Load(slots=self._embedded.slots),
                compromises=self._embedded.compromises(),
            )
        ]

    def _show_embedded(self) -> None:
        """A model of ours was loaded or unloaded: routing should know before the next look."""
        for engine in self._embedded_engines():
            self._board.seen(self._board.meter.add_to(engine))

    def _mlx_engines(self) -> list[Engine]:
        """The MLX server that we start ourselves; not listed when it was given no folder."""
        if self._mlx is None or not self._mlx.configured:
            return []
        lack = self._mlx.lack()
        engine = Engine("mlx", "mlx", "local", "", "down" if lack else "up", reason=lack)
        return [replace(engine, models=self._mlx.models(), checked_at=self._clock())]

    def _scripted_engines(self) -> list[Engine]:
        models = (Model("scripted", loaded=True),)
        now = self._clock()
        return [
            Engine(name, "scripted", "local", "", "up", models, checked_at=now) for name in self._scripted
        ]

    def _silent_clouds(self) -> list[Engine]:
        """Cloud engines that are known by their key only: without consent they are not even greeted."""
        if self._rules.cloud_allowed:
            return []
        reason = "a key was found, but cloud engines are not allowed (cloud.allowed)"
        now = self._clock()
        return [
            Engine(each.name, kind, "cloud", each.url, "found_not_allowed", reason=reason, checked_at=now)
            for kind, each in self._cloud.engines()
        ]
