"""Sends a request to the engines that `decide` named, until one of them gives its first event.

From the first event on nobody else may answer: half an answer of one model continued by another would be
neither's. Every request leaves exactly one row in the accounts, however it ends.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, replace

import structlog

from inhouse.dialects.status import error_of, failed_of
from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.providers.port import Provider
from inhouse.gateway.facts import Facts, facts_of
from inhouse.gateway.fleet import Engine
from inhouse.gateway.policy import Attempt, NoRoute, Route, decide
from inhouse.gateway.rules import Rules
from inhouse.gateway.till import Free, Till
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import EngineBroke, EngineError, HomeUnusable, InternalError, NoEngine
from inhouse.kernel.messages import (
    ChatEvent,
    ChatRequest,
    Failed,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolDelta,
    Usage,
    UsageSeen,
)
from inhouse.kernel.ports import Account, Accounts, EngineUsed, Outcome

__all__ = ["Answer", "Dispatch"]

log = structlog.get_logger(__name__)

NOTHING = Usage(0, 0)


class Dispatch:
    """Implements `kernel.ports.ChatModel`.

    `provider_of` gives the provider of an engine in the snapshot, `rules` the rules now in force. `clock` is UNIX seconds, `stopwatch`
    any monotonic seconds.
    """

    def __init__(
        self,
        board: FleetBoard,
        provider_of: Callable[[Engine], Provider],
        accounts: Accounts,
        rules: Callable[[], Rules],
        *,
        clock: Callable[[], float],
        stopwatch: Callable[[], float],
        till: Till | None = None,
    ) -> None:
        self._board = board
        self._provider_of = provider_of
        self._accounts = accounts
        self._rules = rules
        self._clock = clock
        self._stopwatch = stopwatch
        self._till = till or Free()
        self._in_flight: Counter[str] = Counter()

    def in_flight(self) -> dict[str, int]:
        """Requests at work now, per engine; engines without any are left out."""
        return {name: count for name, count in self._in_flight.items() if count}

    def ready(self, request: ChatRequest) -> bool:
        """See `ChatModel.ready`."""
        return isinstance(self.route(request), Route)

    def route(self, request: ChatRequest) -> Route | NoRoute:
        """What `decide` says now, with its trace."""
        return self._decide(facts_of(request), None, "")

    async def open(
        self, request: ChatRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> Answer:
        """See `ChatModel.open`."""
        account = self._accounts.open(
            request_id=request_id,
            user=user,
            task=request.task,
            key=grant.key if grant else "",
            team=grant.team if grant else "",
            requested=request.model,
        )
        used = EngineUsed("none", None, "none", "")
        handed_over = False
        try:
            route = self._decide(facts_of(request, grant), grant, user)
            if isinstance(route, NoRoute):
                used = EngineUsed("none", None, "none", f"{route.layer}: {route.message}")
                _close(account, "refused", used, code=NoEngine.code)
                raise NoEngine(route.message, hint=route.hint)
            answer = await self._first_of(route, request, account)
            handed_over = True
            return answer
        finally:
            # Says something only when nobody did before: a fault of our own.
            if not handed_over:
                _close(account, "failed", used, code=InternalError.code)

    async def _first_of(self, route: Route, request: ChatRequest, account: Account) -> Answer:
        """The answer of the first engine that gives an event."""
        started, prompt_tokens = self._stopwatch(), facts_of(request).prompt_tokens
        failures: list[EngineError] = []
        used = EngineUsed("none", None, "none", "")
        for attempt in route.attempts:
            used = _used(attempt, failures)
            run = _Run(request, attempt, used, prompt_tokens, account, started)
            events = self._events(run)
            try:
                return Answer(used, await anext(events), events)
            except EngineError as error:
                failures.append(error)
                self._board.failed(attempt.engine, error)
            except asyncio.CancelledError:
                _close(account, "cancelled", used, run.final_usage())
                raise
        failure = _all_failed(failures)
        tried = "; ".join(error.message for error in failures)
        _close(account, "failed", replace(used, reason=f"all failed: {tried}"), code=failure.code)
        raise failure

    def _decide(self, facts: Facts, grant: Grant | None, user: str) -> Route | NoRoute:
        now = self._clock()
        budget = self._till.budget(grant, user, facts.model, now)
        return decide(facts, self._board.fleet, self._rules(), budget, now)

    async def _events(self, run: _Run) -> AsyncGenerator[ChatEvent]:
        """The answer's events; the account is closed just before the last one is given.

        Raises:
            EngineError: while no event was given; the account stays open for the next engine.
        """
        name = run.attempt.engine
        source = self._source(run)
        self._in_flight[name] += 1
        try:
            async for event in source:
                if isinstance(event, UsageSeen):
                    run.usage = event.usage
                    continue
                if not run.begun:
                    if isinstance(event, Failed):
                        raise error_of(event, engine=name)
                    run.first_token_ms = (self._stopwatch() - run.started) * 1000
                    run.begun = True
                if isinstance(event, Failed | Finished):
                    self._settle(run, event)
                    yield UsageSeen(run.final_usage())
                    yield event
                    return
                run.count(event)
                yield event
        except (asyncio.CancelledError, GeneratorExit):
            if run.begun:
                _close(run.account, "cancelled", run.used, run.final_usage(), run=run)
            raise
        finally:
            self._in_flight[name] -= 1
            if run.begun:
                # Says something only when nobody did before: a fault of our own.
                _close(run.account, "partial", run.used, run.final_usage(), code=InternalError.code, run=run)
            await source.aclose()

    async def _source(self, run: _Run) -> AsyncGenerator[ChatEvent]:
        """The provider's events, with an end even where the provider forgets it or raises instead."""
        engine = self._board.fleet.engine(run.attempt.engine)
        if engine is None:
            raise EngineBroke(f"`{run.attempt.engine}` left the fleet", engine=run.attempt.engine)
        events = self._provider_of(engine).stream(run.request, run.attempt.model)
        try:
            async for event in events:
                yield event
                if isinstance(event, Failed | Finished):
                    return
        except EngineError as error:
            if not run.begun:
                raise
            yield failed_of(error)
            return
        finally:
            await events.aclose()
        broken = EngineBroke(f"`{run.attempt.engine}`: the answer has no end", engine=run.attempt.engine)
        if not run.begun:
            raise broken
        yield Failed(broken.code, broken.message)

    def _settle(self, run: _Run, last: Finished | Failed) -> None:
        if isinstance(last, Finished):
            self._board.served(run.attempt.engine)
            _close(run.account, "ok", run.used, run.final_usage(), run=run)
            return
        self._board.failed(run.attempt.engine, error_of(last, engine=run.attempt.engine))
        _close(run.account, "partial", run.used, run.final_usage(), code=last.code, run=run)


class Answer:
    """One answer under way; see `kernel.ports.ChatStream`.

    Dropped without `aclose`, it is closed when the garbage collector finds it; call `aclose` to be sure.
    Not for two tasks at once: to end it while another task waits for its next event, cancel that task.
    """

    def __init__(self, used: EngineUsed, first: ChatEvent, rest: AsyncGenerator[ChatEvent]) -> None:
        self._used = used
        self._first: ChatEvent | None = first
        self._rest = rest

    @property
    def used(self) -> EngineUsed:
        """Which engine answers, and why."""
        return self._used

    def __aiter__(self) -> AsyncIterator[ChatEvent]:
        return self

    async def __anext__(self) -> ChatEvent:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return await anext(self._rest)

    async def aclose(self) -> None:
        """End the engine's work; nothing happens when it has ended."""
        self._first = None
        await self._rest.aclose()


@dataclass(slots=True)
class _Run:
    """One attempt while it runs."""

    request: ChatRequest
    attempt: Attempt
    used: EngineUsed
    prompt_tokens: int
    account: Account
    started: float
    usage: Usage | None = None
    output_bytes: int = 0
    first_token_ms: float | None = None
    begun: bool = False

    def count(self, event: ChatEvent) -> None:
        """Note the size of a piece, in case the engine never says what was used."""
        match event:
            case TextDelta(text) | ReasoningDelta(text):
                self.output_bytes += len(text.encode("utf-8", "surrogatepass"))
            case ToolDelta(name=name, arguments=arguments):
                self.output_bytes += len(name) + len(arguments)

    def final_usage(self) -> Usage:
        """What the engine said, else an estimate that says so."""
        if self.usage is not None:
            return self.usage
        return Usage(self.prompt_tokens, (self.output_bytes + 3) // 4, estimated=True)


def _used(attempt: Attempt, failures: list[EngineError]) -> EngineUsed:
    reason = attempt.reason
    if failures:
        reason += "; before it failed " + "; ".join(error.message for error in failures)
    return EngineUsed(attempt.engine, attempt.model, attempt.where, reason)


def _all_failed(failures: list[EngineError]) -> EngineError:
    """The last failure as one error that names them all."""
    last = failures[-1]
    if len(failures) == 1:
        return last
    words = "; ".join(error.message for error in failures)
    return type(last)(f"every engine failed: {words}", engine=last.engine, hint=last.hint)


def _close(
    account: Account,
    outcome: Outcome,
    used: EngineUsed,
    usage: Usage = NOTHING,
    *,
    code: str | None = None,
    run: _Run | None = None,
) -> None:
    try:
        account.close(outcome, used, usage, code=code, first_token_ms=run.first_token_ms if run else None)
    except HomeUnusable as error:
        # The answer is there and must not be lost with its row; the next start finds the row open and
        # writes it down as interrupted.
        log.error("account_not_closed", outcome=outcome, engine=used.engine, message=str(error))
