"""Sends a request to the engines that `decide` named, until one of them gives its first event.

From the first event on nobody else may answer: half an answer of one model continued by another would be
neither's. Every request leaves exactly one row in the accounts, however it ends.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace

from inhouse.dialects.status import error_of
from inhouse.gateway.discreet import hushed
from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.dispatch_memo import RouteMemo
from inhouse.gateway.edge.dispatch_retry import RetryBudget, retryable
from inhouse.gateway.edge.dispatch_run import Answer, Bill, Run, all_failed, used_of
from inhouse.gateway.edge.providers.checked import CheckedProvider, has_form
from inhouse.gateway.edge.providers.port import Provider
from inhouse.gateway.facts import Facts, embed_facts, facts_of
from inhouse.gateway.fleet import Engine
from inhouse.gateway.policy import Attempt, NoRoute, Route, decide, refusal
from inhouse.gateway.profiles import PROFILES
from inhouse.gateway.rules import PriceOf, Rules
from inhouse.gateway.till import Free, Till
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import EngineBroke, EngineError, InternalError, OverBudget
from inhouse.kernel.messages import ChatEvent, ChatRequest, EmbedRequest, Failed, Finished, Usage, UsageSeen
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
        self._board = board
        self._provider_of = provider_of
        self._accounts = accounts
        self._rules = rules
        self._clock = clock
        self._stopwatch = stopwatch
        self._till = till or Free()
        self._pause = pause
        self._retries = RetryBudget(dice)
        self._memo = RouteMemo(board)

    def in_flight(self) -> dict[str, int]:
        """Requests at work now, per engine; engines without any are left out."""
        return self._board.in_flight()

    def ready(self, request: ChatRequest) -> bool:
        """See `ChatModel.ready`."""
        return isinstance(self.route(request), Route)

    def route(self, request: ChatRequest, grant: Grant | None = None, user: str = "") -> Route | NoRoute:
        """What `decide` says now, with its trace."""
        rules, now = self._rules(), self._clock()
        facts = facts_of(request, grant, rules.scorer)
        budget = self._till.budget(grant, user, facts.model, now)
        if facts.wishes.max_cost_micros is not None:
            budget = replace(budget, price_of=self._price_at(now))
        return decide(facts, self._board.current(), rules, budget, now)

    async def open(
        self, request: ChatRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> Answer:
        """See `ChatModel.open`."""
        bill = self._bill(request.task, request.model, request_id=request_id, user=user, grant=grant)
        handed_over = False
        try:
            facts = facts_of(request, grant, self._rules().scorer)
            route = self._route(facts, grant, user, bill)

            async def ask(attempt: Attempt, failures: list[EngineError]) -> Answer:
                self._set_aside(attempt, facts, grant, user, bill)
                used = used_of(attempt, failures)
                run = Run(request, attempt, used, facts.prompt_tokens, bill, started)
                events = self._events(run)
                first = await anext(events)
                return Answer(run.used, first, events)

            started = self._stopwatch()
            answer = await self._first_of(route, ask, bill, facts.prompt_tokens, request)
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
        bill = self._bill("embed", request.model, request_id=request_id, user=user, grant=grant)
        try:
            facts = embed_facts(request, grant)
            route = self._route(facts, grant, user, bill)

            async def ask(attempt: Attempt, failures: list[EngineError]) -> Embedded:
                self._set_aside(attempt, facts, grant, user, bill)
                used = used_of(attempt, failures)
                with _Turn(self._board, attempt.engine) as turn:
                    made = await self._provider(attempt).embed(request, attempt.model)
                    turn.decided = True
                self._board.served(attempt.engine)
                bill.close("ok", used, made.usage, now_s=self._stopwatch())
                return Embedded(used, made)

            result = await self._first_of(route, ask, bill, facts.prompt_tokens, request)
            assert isinstance(result, Embedded)
            return result
        finally:
            bill.close("failed", NOBODY, code=InternalError.code)

    def _bill(self, task: str, model: str | None, *, request_id: str, user: str, grant: Grant | None) -> Bill:
        self._retries.earn()
        account = self._accounts.open(
            request_id=request_id,
            user=user,
            task=task,
            key=grant.key if grant else "",
            team=grant.team if grant else "",
            requested=model,
        )
        return Bill(account, self._till)

    def _route(self, facts: Facts, grant: Grant | None, user: str, bill: Bill) -> Route:
        now = self._clock()
        budget = self._till.budget(grant, user, facts.model, now)
        if facts.wishes.max_cost_micros is not None:
            budget = replace(budget, price_of=self._price_at(now))
        route = self._memo.decide(facts, self._rules(), budget, now)
        if isinstance(route, NoRoute):
            error = refusal(route)
            reason = f"{route.layer}: {route.message}"
            bill.close("refused", EngineUsed("none", None, "none", reason), code=error.code)
            raise error
        return route

    def _price_at(self, now: float) -> PriceOf:
        """What a request would cost then, for those that set a limit of their own."""

        def price_of(engine: str, model: str, tokens_in: int, tokens_out: int) -> int | None:
            return self._till.estimate(Attempt(engine, model, "cloud", ""), tokens_in, tokens_out, now)

        return price_of

    def _set_aside(self, attempt: Attempt, facts: Facts, grant: Grant | None, user: str, bill: Bill) -> None:
        """Hold the money for an attempt, and begin to measure it.

        Raises:
            OverBudget: if a budget does not leave as much.
        """
        now = self._clock()
        cost = self._till.estimate(attempt, facts.prompt_tokens, facts.reply_tokens, now)
        bill.hold = self._till.hold(grant, user, attempt, cost, now)
        bill.since, bill.since_s = now, self._stopwatch()

    async def _first_of(
        self,
        route: Route,
        ask: Asking,
        bill: Bill,
        prompt_tokens: int,
        request: ChatRequest | EmbedRequest,
    ) -> object:
        """What the first engine gives that does not fail.

        When all failed, those that may be asked again are, after a short wait, as far as the budget of
        retries goes.
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
                return await ask(attempt, failures)
            except OverBudget as error:
                dear = error
            except EngineError as error:
                bill.drop_hold()
                hushed(error, request)
                failures.append(error)
                tried.append((attempt, error))
                self._board.failed(attempt.engine, error)
            except asyncio.CancelledError:
                # What it read of the prompt was work, though nobody says how much.
                bill.close(
                    "cancelled", used, Usage(prompt_tokens, 0, estimated=True), now_s=self._stopwatch()
                )
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

    def _provider(self, attempt: Attempt) -> Provider:
        engine = self._board.fleet.engine(attempt.engine)
        if engine is None:
            raise EngineBroke(f"`{attempt.engine}` left the fleet", engine=attempt.engine)
        self._board.meter.asked(engine, attempt.model)
        return self._provider_of(engine)

    def _chat_provider(self, run: Run) -> Provider:
        """The engine's provider; answers of a prescribed form are held against that form."""
        attempt, provider = run.attempt, self._provider(run.attempt)
        if not has_form(run.request):
            return provider
        engine = self._board.fleet.engine(attempt.engine)
        forces = engine is not None and PROFILES[engine.kind].forces_tools
        return CheckedProvider(
            provider, attempt.engine, forces_tools=forces, new_id=lambda: f"call_{secrets.token_hex(12)}"
        )

    async def _events(self, run: Run) -> AsyncGenerator[ChatEvent]:
        """The answer's events; the account is closed just before the last one is given.

        Ends even where the provider forgets to, or raises instead of it.

        Raises:
            EngineError: while no event was given; the account stays open for the next engine.
        """
        name = run.attempt.engine
        turn = _Turn(self._board, name)
        source = self._chat_provider(run).stream(run.request, run.attempt.model)
        last: Finished | Failed | None = None
        try:
            with turn:
                try:
                    async for event in source:
                        if isinstance(event, UsageSeen):
                            run.usage, run.timing = event.usage, event.timing
                            continue
                        if not run.begun:
                            self._begin(run, event, turn)
                        if isinstance(event, Failed | Finished):
                            last = event
                            break
                        run.count(event)
                        yield event
                except EngineError as error:
                    if not run.begun:
                        turn.decided = True
                        raise
                    last = Failed(error.code, error.message, error.hint)
                if last is None:
                    broken = EngineBroke(f"`{name}`: the answer has no end", engine=name)
                    if not run.begun:
                        turn.decided = True
                        raise broken
                    last = Failed(broken.code, broken.message)
                self._settle(run, last)
                yield UsageSeen(run.final_usage(), run.timing)
                yield last
        except (asyncio.CancelledError, GeneratorExit):
            if run.begun:
                run.close("cancelled", self._stopwatch())
            raise
        finally:
            if run.begun:
                # Says something only when nobody did before: a fault of our own.
                run.close("partial", self._stopwatch(), code=InternalError.code)
            await source.aclose()

    def _begin(self, run: Run, event: ChatEvent, turn: _Turn) -> None:
        """The first event is there: from now on this engine answers."""
        turn.decided = True
        if isinstance(event, Failed):
            raise error_of(event, engine=run.attempt.engine)
        run.first_token_ms = (self._stopwatch() - run.started) * 1000
        run.begun = True
        run.stand(self._board.fleet.engine(run.attempt.engine))
        # An engine that was tried again is open to all, before its answer is over.
        self._board.answers(run.attempt.engine)

    def _settle(self, run: Run, last: Finished | Failed) -> None:
        if isinstance(last, Finished):
            self._board.served(run.attempt.engine)
            run.tell(self._board.meter, self._stopwatch())
            run.close("ok", self._stopwatch())
            return
        error = error_of(last, engine=run.attempt.engine)
        self._board.failed(run.attempt.engine, hushed(error, run.request))
        run.close("partial", self._stopwatch(), code=last.code)


class _Turn:
    """One request at work on an engine."""

    __slots__ = ("_board", "_name", "decided")

    def __init__(self, board: FleetBoard, name: str) -> None:
        self._board = board
        self._name = name
        self.decided = False
        """The engine answered or failed."""

    def __enter__(self) -> _Turn:
        self._board.begin(self._name)
        return self

    def __exit__(self, *_: object) -> None:
        self._board.end(self._name, undecided=not self.decided)
