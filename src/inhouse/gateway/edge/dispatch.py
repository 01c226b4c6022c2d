"""Sends a request to the engines that `decide` named, until one of them gives its first event.

From the first event on nobody else may answer: half an answer of one model continued by another would be
neither's. Every request leaves exactly one row in the accounts, however it ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from inhouse.gateway.discreet import hushed
from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.dispatch_attempt import Attempts, Turn
from inhouse.gateway.edge.dispatch_memo import RouteMemo
from inhouse.gateway.edge.dispatch_retry import RetryBudget, retryable
from inhouse.gateway.edge.dispatch_run import Answer, Bill, Run, all_failed, used_of
from inhouse.gateway.edge.providers.port import Provider
from inhouse.gateway.facts import Facts, embed_facts, estimate_tokens, facts_of
from inhouse.gateway.fleet import Engine
from inhouse.gateway.policy import Attempt, NoRoute, Route, decide, refusal
from inhouse.gateway.rules import PriceOf, Rules
from inhouse.gateway.till import Free, Till
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import EngineError, InternalError, OverBudget
from inhouse.kernel.messages import ChatRequest, EmbedRequest, Usage
from inhouse.kernel.ports import Accounts, Embedded, EngineUsed

__all__ = ["Answer", "Dispatch"]

NOBODY = EngineUsed("none", None, "none", "")
Asking = Callable[[Attempt, list[EngineError]], Awaitable[object]]


class Dispatch:
    """Implements `kernel.ports.ChatModel` and `Embedder`.

    `provider_of` gives the provider of an engine in the snapshot, `rules` the rules now in force. `clock`
    is UNIX seconds, `stopwatch` any monotonic seconds. `pause` waits so many seconds before an engine is
    asked again; None: it never is. `dice` gives 0 to 1.
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
        pause: Callable[[float], Awaitable[None]] | None = None,
        dice: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.board = board
        self._accounts = accounts
        self.rules = rules
        self.clock = clock
        self.stopwatch = stopwatch
        self.till = till or Free()
        self._pause = pause
        self._retries = RetryBudget(dice)
        self.memo = RouteMemo(board)
        self.attempts = Attempts(board, provider_of, stopwatch)

    def in_flight(self) -> dict[str, int]:
        """Requests at work now, per engine; engines without any are left out."""
        return self.board.in_flight()

    def ready(self, request: ChatRequest) -> bool:
        """See `ChatModel.ready`."""
        return isinstance(self.route(request), Route)

    def route(self, request: ChatRequest, grant: Grant | None = None, user: str = "") -> Route | NoRoute:
        """What `decide` says now, with its trace."""
        rules, now = self.rules(), self.clock()
        facts = facts_of(request, grant, rules.scorer)
        budget = self.till.budget(grant, user, facts.model, now)
        if facts.wishes.max_cost_micros is not None:
            budget = replace(budget, price_of=self._price_at(now))
        return decide(facts, self.board.current(), rules, budget, now)

    async def open(
        self, request: ChatRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> Answer:
        """See `ChatModel.open`."""
        bill = self.begin(request.task, request.model, request_id=request_id, user=user, grant=grant)
        return await self.go_on(request, bill, user=user, grant=grant)

    async def go_on(
        self,
        request: ChatRequest,
        bill: Bill,
        *,
        user: str,
        grant: Grant | None,
        route: Route | None = None,
        before: tuple[Attempt, EngineError] | None = None,
    ) -> Answer:
        """The answer to a request whose account is open, perhaps after a first attempt that failed."""
        handed_over = False
        try:
            facts = facts_of(request, grant, self.rules().scorer)
            if route is None:
                route = self._route(facts, grant, user, bill)

            async def ask(attempt: Attempt, failures: list[EngineError]) -> Answer:
                self.set_aside(attempt, facts.prompt_tokens, facts.reply_tokens, grant, user=user, bill=bill)
                used = used_of(attempt, failures)
                run = Run(request.stream, attempt, used, facts.prompt_tokens, bill, started)
                source = self.attempts.stream(attempt, request)
                events = self.attempts.events(run, source, lambda: request)
                first = await anext(events)
                return Answer(run.used, first, events)

            # What an engine wasted before it failed is time that the caller waited.
            started = self.stopwatch() if before is None else bill.since_s
            answer = await self._first_of(route, ask, bill, facts.prompt_tokens, request, before=before)
            assert isinstance(answer, Answer)
            handed_over = True
            return answer
        finally:
            # Says something only when nobody did before: a fault of our own.
            if not handed_over:
                bill.close("failed", NOBODY, code=InternalError.code)

    async def embed(
        self, request: EmbedRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> Embedded:
        """See `kernel.ports.Embedder.embed`."""
        bill = self.begin("embed", request.model, request_id=request_id, user=user, grant=grant)
        try:
            facts = embed_facts(request, grant)
            route = self._route(facts, grant, user, bill)

            async def ask(attempt: Attempt, failures: list[EngineError]) -> Embedded:
                self.set_aside(attempt, facts.prompt_tokens, facts.reply_tokens, grant, user=user, bill=bill)
                used = used_of(attempt, failures)
                with Turn(self.board, attempt.engine) as turn:
                    made = await self.attempts.provider(attempt).embed(request, attempt.model)
                    turn.decided = True
                self.board.served(attempt.engine)
                usage = made.usage if made.usage.possible else _size_of(request)
                bill.close("ok", used, usage, now_s=self.stopwatch())
                return Embedded(used, made)

            result = await self._first_of(route, ask, bill, facts.prompt_tokens, request)
            assert isinstance(result, Embedded)
            return result
        finally:
            bill.close("failed", NOBODY, code=InternalError.code)

    def begin(self, task: str, model: str | None, *, request_id: str, user: str, grant: Grant | None) -> Bill:
        """Write down that a request began."""
        self._retries.earn()
        account = self._accounts.open(
            request_id=request_id,
            user=user,
            task=task,
            key=grant.key if grant else "",
            team=grant.team if grant else "",
            requested=model,
        )
        return Bill(account, self.till)

    def _route(self, facts: Facts, grant: Grant | None, user: str, bill: Bill) -> Route:
        now = self.clock()
        budget = self.till.budget(grant, user, facts.model, now)
        if facts.wishes.max_cost_micros is not None:
            budget = replace(budget, price_of=self._price_at(now))
        route = self.memo.decide(facts, self.rules(), budget, now)
        if isinstance(route, NoRoute):
            error = refusal(route)
            reason = f"{route.layer}: {route.message}"
            bill.close("refused", EngineUsed("none", None, "none", reason), code=error.code)
            raise error
        return route

    def _price_at(self, now: float) -> PriceOf:
        """What a request would cost then, for those that set a limit of their own."""

        def price_of(engine: str, model: str, tokens_in: int, tokens_out: int) -> int | None:
            return self.till.estimate(Attempt(engine, model, "cloud", ""), tokens_in, tokens_out, now)

        return price_of

    def set_aside(
        self,
        attempt: Attempt,
        prompt_tokens: int,
        reply_tokens: int,
        grant: Grant | None,
        *,
        user: str,
        bill: Bill,
    ) -> None:
        """Hold the money for an attempt, and begin to measure it.

        Raises:
            OverBudget: if a budget does not leave as much.
        """
        now = self.clock()
        cost = self.till.estimate(attempt, prompt_tokens, reply_tokens, now)
        bill.hold = self.till.hold(grant, user, attempt, cost, now)
        bill.since, bill.since_s = now, self.stopwatch()

    async def _first_of(
        self,
        route: Route,
        ask: Asking,
        bill: Bill,
        prompt_tokens: int,
        request: ChatRequest | EmbedRequest,
        *,
        before: tuple[Attempt, EngineError] | None = None,
    ) -> object:
        """What the first engine gives that does not fail.

        When all failed, those that may be asked again are, after a short wait, as far as the budget of
        retries goes. `before`: the first attempt was made already, and how it failed.
        """
        failures: list[EngineError] = []
        tried: list[tuple[Attempt, EngineError]] = []
        dear: OverBudget | None = None
        used = NOBODY
        waiting = list(route.attempts)
        retries = 0
        while waiting:
            attempt = waiting.pop(0)
            used = used_of(attempt, failures)
            try:
                if before is not None:
                    (attempt, failure), before = before, None
                    raise failure
                if failures:
                    self.attempts.check_place(attempt)
                return await ask(attempt, failures)
            except OverBudget as error:
                dear = error
            except EngineError as error:
                bill.drop_hold()
                hushed(error, request)
                failures.append(error)
                tried.append((attempt, error))
                self.board.failed(attempt.engine, error)
            except asyncio.CancelledError:
                # What it read of the prompt was work, though nobody says how much.
                bill.close("cancelled", used, Usage(prompt_tokens, 0, estimated=True), now_s=self.stopwatch())
                raise
            if not waiting and self._pause is not None and retries < route.retries:
                again = await self._again(tried, retries, used, bill)
                if again is not None:
                    retries += 1
                    waiting = [again]
        if not failures and dear is not None:
            bill.close("refused", replace(used, reason=dear.message), code=dear.code)
            raise dear
        failure = all_failed(failures)
        words = "; ".join(error.message for error in failures)
        bill.close("failed", replace(used, reason=f"all failed: {words}"), code=failure.code)
        raise failure

    async def _again(
        self, tried: list[tuple[Attempt, EngineError]], number: int, used: EngineUsed, bill: Bill
    ) -> Attempt | None:
        """The attempt to make once more, after the wait that it needs."""
        assert self._pause is not None
        for attempt, error in retryable(tried):
            wait_s = self._retries.take(number, error)
            if wait_s is not None:
                try:
                    await self._pause(wait_s)
                except asyncio.CancelledError:
                    bill.close("cancelled", used)
                    raise
                return attempt
        return None


def _size_of(request: EmbedRequest) -> Usage:
    """What a wish for vectors takes, where its engine does not say."""
    return Usage(sum(map(estimate_tokens, request.inputs)), 0, estimated=True)
