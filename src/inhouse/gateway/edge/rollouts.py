"""Puts a roll-out between callers and models, watches it, and takes it back when it does worse.

A request for a name that is rolled out is answered by one of two models, always the same one for the
same payer. Every few seconds the ledger says how both sides do; going back is effective for the next
request. Shadow traffic answers a share of the requests a second time, unseen, and keeps only how the two
answers compare: no word of them.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Protocol

import structlog

from inhouse.gateway.escalate import confidence_of
from inhouse.gateway.fleet import Fleet, Model, same_model
from inhouse.gateway.judge import judge_request, read_verdict, unseen
from inhouse.gateway.rollout import (
    Arm,
    ArmStats,
    Gate,
    Rollout,
    RolloutView,
    Verdict,
    advanced,
    arm_of,
    gate,
    rolled_back,
    verdict,
)
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import (
    BadRequest,
    Conflict,
    EngineError,
    HomeUnusable,
    NoEngine,
    NotFound,
    RequestError,
    Unavailable,
)
from inhouse.kernel.messages import ChatEvent, ChatRequest, EmbedRequest, Finished, TextDelta
from inhouse.kernel.ports import ChatModel, ChatStream, Embedded, Embedder, EngineUsed

__all__ = ["WATCH_INTERVAL_S", "RolloutBook", "Rollouts"]

log = structlog.get_logger(__name__)

WATCH_INTERVAL_S = 2.0
"""With the ledger moved every second, a roll-back follows its cause within five."""
SHADOW_USER = "shadow"


class RolloutBook(Protocol):
    """Where roll-outs and their samples are kept."""

    def load(self) -> list[Rollout]:
        """All roll-outs, the last changed first."""
        ...

    def save(self, rollout: Rollout) -> None:
        """Keep its state; the newest replaces the one before."""
        ...

    def stats(self, name: str, model: str, since: float) -> ArmStats:
        """What this model did under this requested name."""
        ...

    def pairs(self, name: str, since: float) -> list[tuple[float, float]]:
        """Judged pairs of this roll-out, baseline first."""
        ...

    def keep_pair(self, name: str, request_id: str, model: str, pair: tuple[float, float], at: float) -> None:
        """Keep how two answers compared."""
        ...


class Rollouts:
    """Implements `kernel.ports.ChatModel`, `Embedder` and `gateway.rollout.RolloutDesk`.

    `active` holds what is in force, by the name whose requests it divides. `clock` is UNIX seconds.
    """

    def __init__(
        self,
        inner: ChatModel,
        embedder: Embedder,
        book: RolloutBook,
        fleet: Callable[[], Fleet],
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._inner = inner
        self._embedder = embedder
        self._book = book
        self._fleet = fleet
        self._clock = clock
        self._sleep = sleep
        self.active: dict[str, Rollout] = {}
        self._gates: dict[str, tuple[int, Gate]] = {}
        self._watch: asyncio.Task[None] | None = None
        self._shadow: asyncio.Task[None] | None = None
        self._read: list[Rollout] = []
        """What the book held when it was last looked at."""
        self.skipped = 0
        """Shadow answers that were not made because one was under way."""

    def load(self) -> None:
        """Read what is in force; blocks on the disk."""
        self.refresh()

    def refresh(self) -> bool:
        """Read what is in force if another process changed it; True when it did. Blocks on the disk.

        What was decided here and could not be written stays in force.
        """
        found = self._book.load()
        if found == self._read:
            return False
        self._read = found
        self.active = {each.name: each for each in found}
        return True

    def start(self) -> None:
        """Begin to watch; needs a running event loop."""
        self._watch = asyncio.create_task(self._watch_forever())

    async def stop(self) -> None:
        """Watch no more."""
        for task in (self._watch, self._shadow):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def ready(self, request: ChatRequest) -> bool:
        """See `ChatModel.ready`."""
        return self._inner.ready(request)

    async def embed(
        self, request: EmbedRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> Embedded:
        """See `Embedder.embed`; vectors of two models do not mix, so embeddings are never divided."""
        return await self._embedder.embed(request, request_id=request_id, user=user, grant=grant)

    def open(
        self, request: ChatRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> Coroutine[Any, Any, ChatStream]:  # Any: as the type of every coroutine function
        """See `ChatModel.open`; no frame of its own for names that are not rolled out."""
        rollout = self.active.get(request.model or "")
        if rollout is None:
            return self._inner.open(request, request_id=request_id, user=user, grant=grant)
        return self._divided(rollout, request, request_id=request_id, user=user, grant=grant)

    async def _divided(
        self, rollout: Rollout, request: ChatRequest, *, request_id: str, user: str, grant: Grant | None
    ) -> ChatStream:
        """The answer of the payer's side. A candidate that nobody offers any more costs nobody the answer."""
        arm = arm_of(rollout, grant.key if grant and grant.key else user)
        try:
            stream = await self._ask(request, arm, request_id, user, grant)
        except NoEngine:
            if arm == rollout.baseline:
                raise
            stream = await self._ask(request, rollout.baseline, request_id, user, grant)
        if rollout.status == "running" and arm == rollout.baseline and _sampled(rollout, request_id):
            shadow = _Shadow(rollout, request, request_id, grant)
            return _Overheard(stream, lambda events: self._begin_shadow(shadow, events))
        return stream

    async def _ask(
        self, request: ChatRequest, arm: Arm, request_id: str, user: str, grant: Grant | None
    ) -> ChatStream:
        asked = replace(request, runs_as=arm.model)
        return await self._inner.open(asked, request_id=request_id, user=user, grant=grant)

    # ---- the desk

    def views(self) -> tuple[RolloutView, ...]:
        """See `RolloutDesk.views`."""
        return tuple(self._view(each) for each in self._book.load())

    def begin(self, rollout: Rollout) -> RolloutView:
        """See `RolloutDesk.begin`; a digest that is not given is the one the model has now."""
        running = self.active.get(rollout.name)
        if running is not None and running.status == "running":
            raise Conflict(
                f"A roll-out of `{rollout.name}` is running since its stage {running.stage} %",
                hint="`inhouse rollout status`, then promote it or roll it back",
            )
        if same_model(rollout.baseline.model, rollout.candidate.model):
            raise BadRequest(
                f"`{rollout.candidate.model}` is the baseline already: there is nothing to change to",
                hint="give another model as the candidate, or say with --baseline which model answers now",
            )
        pinned = replace(
            rollout, baseline=self._pinned(rollout.baseline), candidate=self._pinned(rollout.candidate)
        )
        return self._put(pinned, "started")

    def promote(self, name: str) -> RolloutView:
        """See `RolloutDesk.promote`."""
        running = self.active.get(name)
        if running is None or running.status != "running":
            raise NotFound(f"No roll-out of `{name}` is running", hint="`inhouse rollout status` lists them")
        return self._put(advanced(running, self._clock(), "promoted by hand"), "promoted")

    def roll_back(self, name: str, reason: str) -> RolloutView:
        """See `RolloutDesk.roll_back`."""
        found = self.active.get(name)
        if found is None or found.status == "rolled_back":
            raise NotFound(f"There is no roll-out of `{name}`", hint="`inhouse rollout status` lists them")
        return self._put(rolled_back(found, self._clock(), reason), "rolled_back")

    def _put(self, rollout: Rollout, event: str) -> RolloutView:
        # In force before it is written: going back must work on a full disk, too.
        if rollout.status == "rolled_back":
            self.active[rollout.name] = rollout
        self._book.save(rollout)
        self.active[rollout.name] = rollout
        log.info("rollout", change=event, name=rollout.name, stage=rollout.stage, reason=rollout.reason)
        return self._view(rollout)

    def _pinned(self, arm: Arm) -> Arm:
        model = _model_named(self._fleet(), arm.model)
        if model is None:
            raise NotFound(f"No engine offers the model `{arm.model}`", hint="`inhouse models ls` shows all")
        return Arm(arm.model, arm.digest or model.digest)

    def _view(self, rollout: Rollout) -> RolloutView:
        before = self._book.stats(rollout.name, rollout.baseline.model, rollout.stage_at)
        after = self._book.stats(rollout.name, rollout.candidate.model, rollout.stage_at)
        quality = self._quality(rollout)
        if rollout.status != "running":
            said = Verdict("wait", rollout.reason or "it has ended")
        else:
            said = _digest_verdict(rollout, self._fleet()) or verdict(
                rollout, before, after, quality, self._clock()
            )
        return RolloutView(rollout, before, after, quality, said)

    def _quality(self, rollout: Rollout) -> Gate:
        """The bootstrap takes a moment, so it is done again only when there are more pairs."""
        pairs = self._book.pairs(rollout.name, rollout.started_at)
        known = self._gates.get(rollout.name)
        if known is None or known[0] != len(pairs):
            known = self._gates[rollout.name] = (len(pairs), gate(pairs))
        return known[1]

    # ---- the watch

    async def _watch_forever(self) -> None:
        while True:
            await self._sleep(WATCH_INTERVAL_S)
            await self.look()

    async def look(self) -> None:
        """Judge every running roll-out once, and do what follows."""
        for rollout in [each for each in self.active.values() if each.status == "running"]:
            try:
                view = await asyncio.to_thread(self._view, rollout)
                if self.active.get(rollout.name) is not rollout:
                    continue  # somebody decided meanwhile
                if view.verdict.action == "rollback":
                    await asyncio.to_thread(self.roll_back, rollout.name, view.verdict.reason)
                elif view.verdict.action == "promote" and rollout.auto:
                    later = advanced(rollout, self._clock(), view.verdict.reason)
                    await asyncio.to_thread(self._put, later, "promoted")
            except HomeUnusable as error:
                log.error("rollout_not_judged", name=rollout.name, message=str(error))

    # ---- shadow traffic

    def _begin_shadow(self, shadow: _Shadow, events: list[ChatEvent]) -> None:
        """One at a time: what nobody reads must not take the engines from those who wait."""
        if self._shadow is not None and not self._shadow.done():
            self.skipped += 1
            return
        self._shadow = asyncio.create_task(self._compare(shadow, events))

    async def _compare(self, shadow: _Shadow, events: list[ChatEvent]) -> None:
        rollout, model = shadow.rollout, shadow.rollout.candidate.model
        wishes = unseen(shadow.request.wishes)
        asked = replace(shadow.request, runs_as=model, wishes=wishes, stream=False, original=None)
        try:
            pair = await self._judged(shadow, events, await self._collect(asked, shadow))
        except (EngineError, Unavailable, RequestError) as error:
            log.warning("shadow_failed", name=rollout.name, code=error.code, message=error.message)
            # A candidate that cannot answer is worse; a house that has no room for it says nothing, nor does
            # a caller whose key may not ask for it.
            pair = (1.0, 0.0) if isinstance(error, EngineError) else None
        if pair is None:
            return
        try:
            await asyncio.to_thread(
                self._book.keep_pair, rollout.name, shadow.request_id, model, pair, self._clock()
            )
        except HomeUnusable as error:
            log.error("shadow_not_kept", name=rollout.name, message=str(error))

    async def _judged(
        self, shadow: _Shadow, before: list[ChatEvent], after: list[ChatEvent]
    ) -> tuple[float, float] | None:
        """Scores of both answers: of the gates alone where there is no judge or one of them failed there."""
        passed = (
            float(confidence_of(shadow.request, before).failed_gate == ""),
            float(confidence_of(shadow.request, after).failed_gate == ""),
        )
        if not shadow.rollout.judge or 0.0 in passed:
            return passed
        # Judges prefer the first answer; whose is first is drawn by the request's id.
        swapped = hashlib.sha256(shadow.request_id.encode()).digest()[0] % 2 == 1
        first, second = (_text(after), _text(before)) if swapped else (_text(before), _text(after))
        asked = judge_request(shadow.request, first, second, model=shadow.rollout.judge)
        found = read_verdict(_text(await self._collect(asked, shadow)))
        if found is None:
            return None
        return (found[1], found[0]) if swapped else found

    async def _collect(self, request: ChatRequest, shadow: _Shadow) -> list[ChatEvent]:
        stream = await self._inner.open(
            request, request_id=shadow.request_id, user=SHADOW_USER, grant=shadow.grant
        )
        try:
            return [event async for event in stream]
        finally:
            await stream.aclose()


@dataclass(frozen=True, slots=True)
class _Shadow:
    """One request that is answered a second time."""

    rollout: Rollout
    request: ChatRequest
    request_id: str
    grant: Grant | None


class _Overheard:
    """An answer whose events are kept for a comparison once it is whole; see `ChatStream`."""

    def __init__(self, inner: ChatStream, whole: Callable[[list[ChatEvent]], None]) -> None:
        self._inner = inner
        self._events = aiter(inner)
        self._whole = whole
        self._kept: list[ChatEvent] = []

    @property
    def used(self) -> EngineUsed:
        """See `ChatStream.used`."""
        return self._inner.used

    def __aiter__(self) -> AsyncIterator[ChatEvent]:
        return self

    async def __anext__(self) -> ChatEvent:
        event = await anext(self._events)
        self._kept.append(event)
        if isinstance(event, Finished):
            self._whole(self._kept)
        return event

    async def aclose(self) -> None:
        """See `ChatStream.aclose`."""
        await self._inner.aclose()


def _sampled(rollout: Rollout, request_id: str) -> bool:
    """True for a fixed share of the requests."""
    drawn = int.from_bytes(hashlib.sha256(f"shadow\0{request_id}".encode()).digest()[:4], "big")
    return drawn < rollout.shadow_share * 2**32


def _text(events: list[ChatEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def _model_named(fleet: Fleet, name: str) -> Model | None:
    for engine in fleet.engines:
        for model in engine.models:
            if same_model(name, model.name) or name == f"{engine.name}/{model.name}":
                return model
    return None


def _digest_verdict(rollout: Rollout, fleet: Fleet) -> Verdict | None:
    """A model whose bytes changed under its name is not the one that was judged."""
    model = _model_named(fleet, rollout.candidate.model)
    pinned = rollout.candidate.digest
    if model is None or not pinned or not model.digest or model.digest == pinned:
        return None
    now = model.digest[:12]
    return Verdict("rollback", f"`{rollout.candidate.model}` is now {now}, pinned was {pinned[:12]}")
