"""Makes one answer with several models; a request that wants a single one passes straight on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import structlog

from inhouse.gateway.escalate import Calibration, Confidence, confidence_of
from inhouse.gateway.policy import Attempt
from inhouse.gateway.strategy import (
    STRATEGY_MODELS,
    StrategySettings,
    agreed,
    one_of,
    refine_request,
    strategy_of,
    summary,
    synthesis_request,
    total_usage,
)
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import EngineError, EngineTimeout, NoEngine, OverBudget
from inhouse.kernel.messages import (
    ChatEvent,
    ChatRequest,
    EmbedRequest,
    Failed,
    Strategy,
    TextDelta,
    Usage,
    UsageSeen,
)
from inhouse.kernel.ports import ChatModel, ChatStream, Embedded, Embedder, EngineUsed, Step

__all__ = ["Candidates", "Strategies"]

log = structlog.get_logger(__name__)


class Candidates(Protocol):
    """What the routing would choose."""

    def attempts(self, request: ChatRequest, grant: Grant | None, user: str) -> Sequence[Attempt]:
        """Engines in the order they would be tried; empty when there is none."""
        ...

    def strongest(self, request: ChatRequest, grant: Grant | None, user: str) -> Attempt | None:
        """Who would be asked if the request were as hard as can be."""
        ...

    def gives_scores(self, attempt: Attempt) -> bool:
        """True where the engine gives log-probabilities."""
        ...

    def cost(self, used: EngineUsed, usage: Usage) -> int | None:
        """Micro-units that it cost; None where not known."""
        ...

    def ready(self, request: ChatRequest) -> bool:
        """See `ChatModel.ready`."""
        ...


@dataclass(slots=True)
class _Part:
    """What one model gave."""

    used: EngineUsed
    events: list[ChatEvent]
    ms: float

    @property
    def text(self) -> str:
        return "".join(each.text for each in self.events if isinstance(each, TextDelta))

    @property
    def usage(self) -> Usage:
        return next((each.usage for each in self.events if isinstance(each, UsageSeen)), Usage(0, 0))

    def step(self, role: str, sure: Confidence | None = None) -> Step:
        used, usage = self.used, self.usage
        return Step(
            role,
            used.engine,
            used.model,
            used.where,
            round(self.ms, 1),
            usage.input_tokens,
            usage.output_tokens,
            sure.value if sure else None,
            sure.basis if sure else "",
        )


@dataclass(slots=True)
class _Work:
    """One request while its answer is made."""

    request: ChatRequest
    request_id: str
    user: str
    grant: Grant | None
    strategy: Strategy
    until: float
    left_micros: int | None
    parts: list[_Part]
    steps: list[Step]


class Strategies:
    """Implements `kernel.ports.ChatModel` and `Embedder` over the dispatch.

    Every step leaves a row of its own in the accounts, under the one request id. `stopwatch` is any
    monotonic seconds.
    """

    def __init__(
        self,
        inner: ChatModel,
        embedder: Embedder,
        candidates: Candidates,
        settings: Callable[[], StrategySettings],
        *,
        stopwatch: Callable[[], float],
        calibration: Callable[[str], Calibration | None] = lambda _task: None,
    ) -> None:
        self._inner = inner
        self._embedder = embedder
        self._candidates = candidates
        self._settings = settings
        self._stopwatch = stopwatch
        self._calibration = calibration

    def ready(self, request: ChatRequest) -> bool:
        """See `ChatModel.ready`."""
        return self._candidates.ready(_named_by_nobody(request))

    async def embed(
        self, request: EmbedRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> Embedded:
        """See `Embedder.embed`."""
        return await self._embedder.embed(request, request_id=request_id, user=user, grant=grant)

    def open(
        self, request: ChatRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> Coroutine[Any, Any, ChatStream]:  # Any: as the type of every coroutine function
        """See `ChatModel.open`; no frame of its own for the requests that only pass, which are most."""
        settings = self._settings()
        checked = settings.post_hoc and not request.stream
        if strategy_of(request) == "single" and not checked:
            return self._inner.open(request, request_id=request_id, user=user, grant=grant)
        return self._several(request, request_id=request_id, user=user, grant=grant)

    def passes(self, model: str, streamed: bool) -> bool:
        """True when a request for that name, without wishes of its own, would pass straight on."""
        return model not in STRATEGY_MODELS and (streamed or not self._settings().post_hoc)

    async def _several(
        self, request: ChatRequest, *, request_id: str, user: str, grant: Grant | None
    ) -> ChatStream:
        strategy, settings = strategy_of(request), self._settings()
        caps = [
            each for each in (request.wishes.max_cost_micros, settings.max_cost_micros) if each is not None
        ]
        work = _Work(
            _named_by_nobody(request),
            request_id,
            user,
            grant,
            strategy,
            self._stopwatch() + settings.max_seconds,
            min((each for each in caps if each is not None), default=None),
            [],
            [],
        )
        if strategy == "consensus":
            return await self._consensus(work, settings)
        return await self._cascade(work, settings)

    async def _cascade(self, work: _Work, settings: StrategySettings) -> ChatStream:
        """A draft, and a refined answer when the draft is not sure enough; also a single answer, judged."""
        single = work.strategy == "single"
        enough = settings.escalate_below if single else settings.accept
        wanted = work.request.model or (None if single else settings.draft_model or None)
        first = next(iter(self._attempts(replace(work.request, model=wanted), work)), None)
        scores = first is not None and self._candidates.gives_scores(first)
        try:
            asked = one_of(work.request, model=wanted, left_micros=work.left_micros, scores=scores)
            draft = await self._collect(asked, work)
        except EngineError as error:
            if single:
                raise
            return await self._finish(work, settings, "", f"the draft failed: {error.message}")
        samples = await self._samples(asked, draft, work, settings)
        sure = confidence_of(
            work.request, draft.events, samples=samples, calibration=self._calibration(work.request.task)
        )
        work.steps.append(draft.step("single" if single else "draft", sure))
        words = f"{sure.basis}: {sure.value:.2f}"
        if sure.value >= enough:
            return self._give(work, draft, f"{words} is at least {enough:.2f}")
        return await self._finish(
            work, settings, draft.text, f"{words} is under {enough:.2f}", fallback=draft
        )

    async def _samples(
        self, asked: ChatRequest, draft: _Part, work: _Work, settings: StrategySettings
    ) -> list[str]:
        """Further answers to a short question, whose agreement says something."""
        if settings.samples < 1 or len(draft.text) > 200 or not draft.text.strip():
            return []
        # The same words again would agree for nothing.
        warm = replace(asked, temperature=max(0.7, asked.temperature or 0.0), seed=None, top_logprobs=None)
        found = await asyncio.gather(
            *(self._collect(warm, work) for _ in range(settings.samples)), return_exceptions=True
        )
        for each in found:
            if isinstance(each, BaseException) and not isinstance(each, EngineError | NoEngine | OverBudget):
                raise each
        return [each.text for each in found if isinstance(each, _Part)]

    async def _finish(
        self, work: _Work, settings: StrategySettings, draft: str, why: str, *, fallback: _Part | None = None
    ) -> ChatStream:
        """The strong model's answer, or the draft with the reason why there is no better one."""
        strong = self._strong(work, settings.refine_model)
        lack = self._lack(work, strong, fallback)
        if lack and fallback is not None:
            return self._give(work, fallback, f"{why}; {lack}")
        model = f"{strong.engine}/{strong.model}" if strong else None
        request = (
            refine_request(work.request, draft, model=model, left_micros=work.left_micros)
            if draft
            else one_of(work.request, model=model, left_micros=work.left_micros, scores=False)
        )
        return await self._last(work, request, "refine", why, fallback)

    def _strong(self, work: _Work, configured: str) -> Attempt | None:
        if configured:
            named = self._attempts(replace(work.request, model=configured), work)
            return named[0] if named else None
        return self._candidates.strongest(work.request, work.grant, work.user)

    def _lack(self, work: _Work, strong: Attempt | None, draft: _Part | None) -> str:
        """Why nobody can be asked again, empty when somebody can."""
        if strong is None:
            return "no stronger model may be asked"
        if draft is not None and (strong.engine, strong.model) == (draft.used.engine, draft.used.model):
            return "it comes from the strongest model already"
        if self._stopwatch() >= work.until:
            return "the time for more is over"
        if work.left_micros is not None and work.left_micros <= 0:
            return "the money for more is spent"
        return ""

    async def _consensus(self, work: _Work, settings: StrategySettings) -> ChatStream:
        """Several opinions at once, and one answer from all."""
        request = replace(work.request, model=None)
        attempts = _distinct(self._attempts(request, work))[: max(2, settings.opinions)]
        asked = [
            one_of(request, model=f"{each.engine}/{each.model}", left_micros=work.left_micros, scores=False)
            for each in attempts
        ]
        if not asked:
            asked = [one_of(request, model=None, left_micros=work.left_micros, scores=False)]
        found = await asyncio.gather(*(self._collect(each, work) for each in asked), return_exceptions=True)
        failures: list[BaseException] = []
        opinions: list[_Part] = []
        for each in found:
            if isinstance(each, _Part) and confidence_of(request, each.events).value > 0:
                opinions.append(each)
                work.steps.append(each.step("opinion"))
            elif isinstance(each, EngineError | NoEngine | OverBudget):
                failures.append(each)
            elif isinstance(each, BaseException):
                raise each
        if not opinions:
            raise failures[0] if failures else EngineError("no model gave an answer that can be used")
        if len(opinions) == 1:
            return self._give(work, opinions[0], "only one model gave an answer")
        texts = [each.text for each in opinions]
        if agreed(texts):
            return self._give(work, opinions[0], f"all {len(opinions)} agree")
        strong = self._strong(work, settings.refine_model)
        if lack := self._lack(work, strong, None):
            return self._give(work, opinions[0], f"they differ; {lack}")
        assert strong is not None  # `_lack` said so
        last = synthesis_request(
            request, texts, model=f"{strong.engine}/{strong.model}", left_micros=work.left_micros
        )
        return await self._last(work, last, "synthesis", f"{len(opinions)} opinions differ", opinions[0])

    async def _last(
        self, work: _Work, request: ChatRequest, role: str, why: str, fallback: _Part | None
    ) -> ChatStream:
        """The last model's answer as it comes; the fallback when it does not begin."""
        began = self._stopwatch()
        try:
            async with asyncio.timeout(max(0.0, work.until - began)):
                stream = await self._inner.open(
                    request, request_id=work.request_id, user=work.user, grant=work.grant
                )
        except (TimeoutError, EngineError, NoEngine, OverBudget) as error:
            if fallback is None:
                if isinstance(error, TimeoutError):
                    raise EngineTimeout("no answer within the time of the strategy") from None
                raise
            said = "it took too long" if isinstance(error, TimeoutError) else str(error)
            return self._give(work, fallback, f"{why}; nobody could improve it: {said}")
        used, ms = stream.used, round((self._stopwatch() - began) * 1000, 1)
        work.steps.append(Step(role, used.engine, used.model, used.where, ms))
        reason = summary(work.strategy, work.steps, why)
        spent = [part.usage for part in work.parts]
        return _Last(stream, replace(used, reason=reason, steps=tuple(work.steps)), spent)

    def _give(self, work: _Work, part: _Part, why: str) -> ChatStream:
        """What a model gave already."""
        reason = summary(work.strategy, work.steps, why)
        if work.strategy == "single":
            reason = f"{part.used.reason}; {why}"
        used = replace(part.used, reason=reason, steps=tuple(work.steps))
        usage = UsageSeen(total_usage([each.usage for each in work.parts]))
        events = [each for each in part.events if not isinstance(each, UsageSeen)]
        return _Held(used, [*events[:-1], usage, events[-1]])

    async def _collect(self, request: ChatRequest, work: _Work) -> _Part:
        """One model's whole answer.

        Raises:
            EngineError: if it failed, broke off, or took longer than there is time.
        """
        began = self._stopwatch()
        try:
            async with asyncio.timeout(max(0.0, work.until - began)):
                stream = await self._inner.open(
                    request, request_id=work.request_id, user=work.user, grant=work.grant
                )
                try:
                    events = [event async for event in stream]
                finally:
                    await stream.aclose()
        except TimeoutError:
            raise EngineTimeout("a model took longer than the strategy has time") from None
        last = events[-1]
        if isinstance(last, Failed):
            raise EngineError(last.message, engine=stream.used.engine, hint=last.hint)
        part = _Part(stream.used, events, (self._stopwatch() - began) * 1000)
        work.parts.append(part)
        cost = self._candidates.cost(part.used, part.usage)
        if work.left_micros is not None and cost is not None:
            work.left_micros -= cost
        return part

    def _attempts(self, request: ChatRequest, work: _Work) -> Sequence[Attempt]:
        return self._candidates.attempts(request, work.grant, work.user)


class _Held:
    """An answer that is whole already; see `kernel.ports.ChatStream`."""

    def __init__(self, used: EngineUsed, events: Sequence[ChatEvent]) -> None:
        self.used = used
        self._events = iter(events)

    def __aiter__(self) -> AsyncIterator[ChatEvent]:
        return self

    async def __anext__(self) -> ChatEvent:
        try:
            return next(self._events)
        except StopIteration:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        """Nothing is under way."""
        self._events = iter(())


class _Last:
    """The last step's answer as it comes, with the tokens of all steps; see `kernel.ports.ChatStream`."""

    def __init__(self, inner: ChatStream, used: EngineUsed, spent: list[Usage]) -> None:
        self.used = used
        self._inner = inner
        self._events = aiter(inner)
        self._spent = spent

    def __aiter__(self) -> AsyncIterator[ChatEvent]:
        return self

    async def __anext__(self) -> ChatEvent:
        event = await anext(self._events)
        return UsageSeen(total_usage([*self._spent, event.usage])) if isinstance(event, UsageSeen) else event

    async def aclose(self) -> None:
        """See `ChatStream.aclose`."""
        await self._inner.aclose()


def _named_by_nobody(request: ChatRequest) -> ChatRequest:
    """`inhouse/cascade` names a way, not a model."""
    return replace(request, model=None, original=None) if request.model in STRATEGY_MODELS else request


def _distinct(attempts: Sequence[Attempt]) -> Sequence[Attempt]:
    """One attempt per model: the same model twice is one opinion."""
    kept: dict[str, Attempt] = {}
    for each in attempts:
        kept.setdefault(each.model, each)
    return list(kept.values())
