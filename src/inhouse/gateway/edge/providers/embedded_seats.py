"""Which embedded models are in memory together: makes room, loads, and falls back to less.

A model that cannot be loaded as asked is loaded with a smaller context, then as a smaller or quantised
variant of its name, then without the GPU; what was given up is told in its `Standing`. Only then the
request goes to the next engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from inhouse.gateway.edge.providers.child_process import cores
from inhouse.gateway.edge.providers.embedded_memory import GgufShelf
from inhouse.gateway.edge.providers.embedded_runner import LoadFailed, Order, Runner, Trial
from inhouse.gateway.edge.providers.http import HttpClient
from inhouse.gateway.fit import Machine, need_of, room_for
from inhouse.gateway.fleet import Standing
from inhouse.gateway.memory import Held, Rung, TooBig, ladder, make_room, usable_bytes, variants_of
from inhouse.kernel.errors import EngineError, EngineOverloaded, EngineRefused

__all__ = ["EmbeddedModel", "EmbeddedSettings", "Seats", "Wish"]

log = structlog.get_logger(__name__)

NAME = "embedded"
MOST_VARIANTS = 2


@dataclass(frozen=True, slots=True)
class EmbeddedModel:
    """A GGUF file to serve under `name`. `demo`: see `fleet.Model`. `digest`: of the file, if known."""

    name: str
    path: Path
    context_tokens: int = 2048
    demo: bool = False
    digest: str = ""
    modified_at: float | None = None


@dataclass(frozen=True, slots=True)
class EmbeddedSettings:
    """`threads` 0: one less than there are cores. A model unused for `keep_alive_s` is unloaded.

    `memory_limit_bytes` caps all loaded models together, 0 is no cap. `trial_timeout_s` is the longest a
    model may take for the few words it says after loading. For `forget_s` a model that did not fit is
    served at once in the way that did. `make_do` False: a model is loaded as asked or not at all.
    """

    models: tuple[EmbeddedModel, ...] = ()
    threads: int = 0
    keep_alive_s: float = 300.0
    ready_timeout_s: float = 120.0
    stop_timeout_s: float = 5.0
    trial_timeout_s: float = 4.0
    parallel: int = 1
    gpu: bool = True
    memory_limit_bytes: int = 0
    forget_s: float = 600.0
    make_do: bool = True


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request needs: a model in one of its two roles, and room for so many tokens."""

    model: EmbeddedModel
    context_tokens: int
    needed_tokens: int
    embedding: bool = False

    @property
    def key(self) -> str:
        """The name of the process that would serve it."""
        return key_of(self.model.name, embedding=self.embedding)


@dataclass(slots=True)
class _Fallen:
    """The rung on which a wish ended, and until when those above are not tried (the loop's time)."""

    rung: int
    until: float


@dataclass(slots=True)
class _Tried:
    """What went wrong on the way down."""

    words: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    busy: bool = False
    last: EngineError | None = None


class Seats:
    """The processes of all embedded models. `offered` gives the models by name, `machine` is called in a
    thread."""

    def __init__(
        self,
        settings: EmbeddedSettings,
        http: HttpClient,
        command: Sequence[str],
        *,
        offered: Callable[[], Mapping[str, EmbeddedModel]],
        machine: Callable[[], Machine],
    ) -> None:
        self.shelf = GgufShelf()
        self.runners: dict[str, Runner] = {}
        self.standings: dict[str, Standing] = {}
        self.trials: dict[str, Trial] = {}
        self.changed: Callable[[], None] = _nothing
        """Called whenever a model was loaded or unloaded."""
        self._settings = settings
        self._http = http
        self._command = command
        self._offered = offered
        self._machine = machine
        self._fallen: dict[str, _Fallen] = {}
        self._turn = asyncio.Lock()

    async def take(self, wish: Wish) -> Runner:
        """A running process for the wish, to be given back; loads it where none is running.

        Raises:
            EngineError: if it cannot be loaded in any way; the message says what was tried.
        """
        runner = self._ready(wish)
        if runner is None:
            # One at a time: two that load together would both count on the same free memory.
            async with self._turn:
                runner = self._ready(wish) or await self._load(wish)
                runner.take()
                self.changed()
                return runner
        runner.take()
        return runner

    def _tell(self) -> None:
        self.changed()

    async def stop(self) -> None:
        """End all processes."""
        await asyncio.gather(*(each.stop() for each in self.runners.values()))
        self.runners.clear()

    def capped(self, model: EmbeddedModel, context_tokens: int) -> int:
        """The context, but no more than the model was trained for."""
        facts = self.shelf.facts(model.path) if model.path.is_file() else None
        trained = facts.context_tokens if facts else 0
        return min(context_tokens, trained) if trained else context_tokens

    def need_bytes(self, model: EmbeddedModel) -> int | None:
        """What the model takes while it is loaded; None before the head of its file was read."""
        facts = self.shelf.known(model.path)
        if facts is None:
            return None
        context = min(model.context_tokens, facts.context_tokens or model.context_tokens)
        return need_of(_size(model.path), context * self._settings.parallel, facts).total_bytes

    def _ready(self, wish: Wish) -> Runner | None:
        """The process that serves this wish, unless it should be loaded anew."""
        name, fallen = wish.model.name, self._fallen_now(wish)
        if fallen is not None:
            name = self.standings[name].model
        runner = self.runners.get(key_of(name, embedding=wish.embedding))
        if runner is None or not runner.running:
            return None
        wanted = wish.needed_tokens if fallen is not None else wish.context_tokens
        too_small = runner.order.context_tokens < wanted
        return None if too_small and not runner.users else runner

    def _fallen_now(self, wish: Wish) -> _Fallen | None:
        fallen = self._fallen.get(wish.key)
        return fallen if fallen is not None and asyncio.get_running_loop().time() < fallen.until else None

    async def _load(self, wish: Wish) -> Runner:
        tried, machine = _Tried(), await asyncio.to_thread(self._machine)
        rungs, fallen = self._rungs(wish, machine), self._fallen_now(wish)
        if not self._settings.make_do:
            rungs = rungs[:1]
        first = fallen.rung if fallen is not None and fallen.rung < len(rungs) else 0
        for place, rung in enumerate(rungs[first:], first):
            if rung.model in tried.broken:
                continue
            runner = await self._try(wish, rung, tried)
            if runner is not None:
                self._settle(wish, rung, tried, place)
                return runner
        raise self._all_tried(wish, tried, machine)

    def _settle(self, wish: Wish, rung: Rung, tried: _Tried, place: int) -> None:
        """Remember on which rung the wish ended, and what to tell about it."""
        if not place:
            self._fallen.pop(wish.key, None)
            self.standings.pop(wish.model.name, None)
            return
        why = tried.words[0] if tried.words else "it did not fit a while ago"
        standing = Standing(rung.model, f"runs {rung.remark}, because {why}")
        until = asyncio.get_running_loop().time() + self._settings.forget_s
        self._fallen[wish.key] = _Fallen(place, until)
        self.standings[wish.model.name] = standing
        log.warning("model_compromise", model=wish.model.name, message=standing.remark)

    async def _try(self, wish: Wish, rung: Rung, tried: _Tried) -> Runner | None:
        """The model loaded as the rung says; None, with the reason noted, where that does not go."""
        key = key_of(rung.model, embedding=wish.embedding)
        await self._clear(key)
        machine = await asyncio.to_thread(self._machine)
        plan = make_room(rung, self._usable(machine), self._held())
        if isinstance(plan, TooBig):
            tried.words.append(f"`{rung.model}` {plan.reason}")
            tried.busy = tried.busy or plan.busy
            return None
        for name in plan.evict:
            log.info("model_evicted", model=name, for_model=rung.model)
            await self._clear(name)
        runner = self._runner(wish, rung)
        try:
            await runner.load()
        except EngineError as error:
            tried.words.append(error.message)
            tried.last = error
            if not (isinstance(error, LoadFailed) and error.starved):
                tried.broken.add(rung.model)
            return None
        self.runners[key] = runner
        if not wish.embedding:
            self.trials[rung.model] = runner.trial
        return runner

    async def _clear(self, key: str) -> None:
        runner = self.runners.pop(key, None)
        if runner is not None:
            await runner.stop()

    def _runner(self, wish: Wish, rung: Rung) -> Runner:
        settings = self._settings
        order = Order(
            alias=rung.model,
            path=self._offered()[rung.model].path,
            context_tokens=rung.context_tokens,
            threads=settings.threads or max(1, cores() - 1),
            parallel=1 if wish.embedding else settings.parallel,
            gpu=not rung.on_cpu,
            embedding=wish.embedding,
        )
        return Runner(
            order,
            self._http,
            self._command,
            need_bytes=rung.need_bytes,
            ready_timeout_s=settings.ready_timeout_s,
            stop_timeout_s=settings.stop_timeout_s,
            changed=self._tell,
            trial_timeout_s=settings.trial_timeout_s,
        )

    def _rungs(self, wish: Wish, machine: Machine) -> list[Rung]:
        on_cpu = machine.gpu_free_bytes is None or not self._settings.gpu
        first = self._rung(wish.model, wish.context_tokens, on_cpu=on_cpu)
        if wish.embedding:
            return [first]  # vectors of another model, or of half the text, would be wrong in silence
        offered = self._offered()
        real = [each for each in offered.values() if each.path.is_file() and not each.demo]
        smaller = variants_of(wish.model.name, {each.name: each.path.stat().st_size for each in real})
        variants = [
            self._rung(offered[name], self.capped(offered[name], wish.context_tokens), on_cpu=on_cpu)
            for name in smaller[:MOST_VARIANTS]
        ]
        facts = self.shelf.known(wish.model.path)
        per_token = (facts.kv_bytes_per_token if facts else 0) * self._settings.parallel
        return ladder(first, variants, needed_tokens=wish.needed_tokens, per_token_bytes=per_token)

    def _rung(self, model: EmbeddedModel, context_tokens: int, *, on_cpu: bool) -> Rung:
        size = _size(model.path)
        facts = self.shelf.facts(model.path) if size else None
        need = need_of(size, context_tokens * self._settings.parallel, facts)
        return Rung(model.name, context_tokens, need.total_bytes, on_cpu, f"as the smaller `{model.name}`")

    def _held(self) -> list[Held]:
        return [
            Held(
                key,
                total_bytes=each.need_bytes,
                weights_bytes=_size(each.order.path),
                busy=each.users > 0,
                kept=each.kept,
                last_used=each.last_used,
            )
            for key, each in self.runners.items()
            if each.running
        ]

    def _usable(self, machine: Machine) -> int:
        gpu = (machine.gpu_free_bytes or 0) if self._settings.gpu else 0
        limit = self._settings.memory_limit_bytes
        return gpu + usable_bytes(machine.ram_free_bytes, machine.ram_total_bytes, self._held(), limit)

    def _all_tried(self, wish: Wish, tried: _Tried, machine: Machine) -> EngineError:
        """One error that says everything that was tried, and what would fit."""
        message = f"`{NAME}`: " + "; ".join(dict.fromkeys(tried.words))
        if tried.last is not None:
            return type(tried.last)(message, engine=NAME, hint=tried.last.hint)
        hint = self._what_fits(wish, machine)
        if tried.busy:
            return EngineOverloaded(message, engine=NAME, hint=hint, retry_after_s=2.0)
        return EngineRefused(message, engine=NAME, hint=hint)

    def _what_fits(self, wish: Wish, machine: Machine) -> str:
        usable = self._usable(machine) + sum(each.total_bytes for each in self._held() if not each.busy)
        context = room_for(usable, _size(wish.model.path), self.shelf.known(wish.model.path))
        if context:
            return f"a context of {context} tokens would fit, this request needs {wish.needed_tokens}"
        fitting = [
            each.name
            for each in self._offered().values()
            if self._rung(each, self.capped(each, each.context_tokens), on_cpu=True).need_bytes <= usable
        ]
        if fitting:
            return "these fit: " + ", ".join(f"`{name}`" for name in fitting[:5])
        return "`inhouse models ls --fit` shows what fits this machine"


def _nothing() -> None:
    pass


def key_of(name: str, *, embedding: bool) -> str:
    """The name of a model's process: chats and vectors need one each."""
    return f"{name} (embeddings)" if embedding else name


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
