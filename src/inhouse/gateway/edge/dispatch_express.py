"""The short way of ordinary requests: every duty of the dispatch, in fewer steps.

Most chat completions ask for nothing but text of a named model, from an engine that speaks their own
dialect. For them the house has to check, decide, write down and pass on, and nothing to translate. What was
decided for one holds for all that differ in nothing but their words (`_Way`), until the snapshot or the
rules change. Requests of other dialects whose answer is wanted in one piece are translated on the same way.
Anything else takes the long one (`Dispatch.open`), and so does a request whose first engine failed.
`tests/gateway/test_express.py` asks both ways the same and compares text, errors and rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from inhouse.dialects import openai
from inhouse.dialects.openai_pass import PassedReply, PlainChat, read_plain
from inhouse.gateway.edge.dispatch import NOBODY, Answer, Dispatch
from inhouse.gateway.edge.dispatch_attempt import Turn
from inhouse.gateway.edge.dispatch_run import Bill, Run, used_of
from inhouse.gateway.edge.providers.checked import has_form
from inhouse.gateway.edge.providers.http import OtherForm
from inhouse.gateway.edge.providers.openai import OpenAIProvider, ShortRoad
from inhouse.gateway.facts import REPLY_TOKENS, estimate_tokens, facts_of, tokens_needed
from inhouse.gateway.fleet import Engine
from inhouse.gateway.policy import Attempt, Route
from inhouse.gateway.rules import Budget
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import EngineError, InternalError
from inhouse.kernel.messages import NO_WISHES, ChatEvent, ChatRequest, Usage, UsageSeen
from inhouse.kernel.ports import ChatStream, EngineUsed

__all__ = ["Express", "Trip"]

TASK = "chat"
KEPT = 4096


@dataclass(frozen=True, slots=True)
class _Way:
    """What was decided: `route` begins with `attempt`, whose engine is reached by `road`."""

    route: Route
    attempt: Attempt
    engine: Engine
    road: ShortRoad
    used: EngineUsed


class Express:
    """Finds the short way. For the event loop only.

    `passes(model, streamed)` is False for names that somebody before the dispatch has to look at: those
    of a roll-out, of several models together, or of replies that are kept.
    """

    def __init__(self, dispatch: Dispatch, passes: Callable[[str, bool], bool]) -> None:
        self.dispatch = dispatch
        self._passes = passes
        self._ways: dict[tuple[object, ...], _Way | None] = {}
        self._by_route: dict[int, tuple[Route, _Way | None]] = {}
        self._generation = -1

    def trip(self, body: bytes, grant: Grant) -> Trip | None:
        """The way of this request, None where it must take the long one.

        Raises:
            BadRequest: if the request is wrong.
        """
        plain = read_plain(body)
        if plain is None or not self._passes(plain.model, plain.stream):
            return None
        dispatch, now = self.dispatch, self.dispatch.clock()
        rules, tokens, question = dispatch.rules(), 0, ""
        for turn in plain.messages:
            tokens += estimate_tokens(turn.content) + 4
            if turn.role == "user":
                question = turn.content
        reply_tokens = plain.reply_tokens or REPLY_TOKENS
        score = None if rules.scorer is None else round(rules.scorer(question, TASK), 2)
        fleet = dispatch.memo.refresh(rules, now)
        self._forget_old()
        budget = dispatch.till.budget(grant, grant.user, plain.model, now)
        about = dispatch.memo.about(fleet, tokens_needed(tokens, reply_tokens), budget)
        key = (about, score, plain.model, grant)
        try:
            way = self._ways[key]
        except KeyError:
            way = self._ways[key] = self._find(body, grant, budget, now)
        sent = None if way is None else way.road.write(body, plain)
        if way is None or sent is None:
            return None
        load = _Passed(body, plain, sent)
        return Trip(self, way, load, grant, model=plain.model, tokens=(tokens, reply_tokens))

    def carry(self, request: ChatRequest, grant: Grant) -> Trip | None:
        """The way of a request in any dialect whose answer is wanted in one piece; None for the long one."""
        special = request.wishes is not NO_WISHES or request.runs_as is not None or has_form(request)
        if special or request.stream or not self._passes(request.model or "", False):
            return None
        dispatch, now = self.dispatch, self.dispatch.clock()
        rules = dispatch.rules()
        facts = facts_of(request, grant, rules.scorer)
        budget = dispatch.till.budget(grant, grant.user, facts.model, now)
        route = dispatch.memo.decide(facts, rules, budget, now)
        self._forget_old()
        way = self._way_of(route) if isinstance(route, Route) else None
        if way is None:
            return None
        tokens = (facts.prompt_tokens, facts.reply_tokens)
        return Trip(self, way, _Translated(request), grant, model=request.model, tokens=tokens)

    def _forget_old(self) -> None:
        """What was decided under another snapshot, other rules, or long ago."""
        if self._generation != self.dispatch.memo.generation or len(self._ways) >= KEPT:
            self._ways.clear()
            self._by_route.clear()
            self._generation = self.dispatch.memo.generation

    def _find(self, body: bytes, grant: Grant, budget: Budget, now: float) -> _Way | None:
        """What the long way would decide, if its first engine can be reached by a short one."""
        dispatch, rules = self.dispatch, self.dispatch.rules()
        route = dispatch.memo.decide(facts_of(_request(body), grant, rules.scorer), rules, budget, now)
        return self._way_of(route) if isinstance(route, Route) else None

    def _way_of(self, route: Route) -> _Way | None:
        known = self._by_route.get(id(route))
        if known is None or known[0] is not route:
            known = self._by_route[id(route)] = (route, self._make(route))
        return known[1]

    def _make(self, route: Route) -> _Way | None:
        dispatch, attempt = self.dispatch, route.attempts[0]
        engine = dispatch.board.fleet.engine(attempt.engine)
        # Money for the cloud is set aside before each attempt, which may then be one too dear.
        if engine is None or attempt.where != "local":
            return None
        provider = dispatch.attempts.provider_of(engine)
        road = provider.short_road(attempt.model) if isinstance(provider, OpenAIProvider) else None
        return None if road is None else _Way(route, attempt, engine, road, used_of(attempt, []))


class _Load(Protocol):
    """A request, ready to be sent."""

    task: str
    stream: bool
    include_usage: bool

    def request(self) -> ChatRequest:
        """In the kernel's words."""
        ...

    def whole(self, road: ShortRoad) -> Coroutine[Any, Any, PassedReply | list[ChatEvent]]:  # Any: as of any
        """The answer in one piece, the last event of which is `Finished`."""
        ...

    def events(self, road: ShortRoad) -> AsyncGenerator[Sequence[ChatEvent]]:
        """The answer piece by piece, those together that came together."""
        ...


class _Passed:
    """A plain request, which goes on as it came."""

    __slots__ = ("_body", "_plain", "_sent", "include_usage", "stream", "task")

    def __init__(self, body: bytes, plain: PlainChat, sent: bytes) -> None:
        self._body = body
        self._plain = plain
        self._sent = sent
        self.task = TASK
        self.stream = plain.stream
        self.include_usage = plain.include_usage

    def request(self) -> ChatRequest:
        return _request(self._body)

    def whole(self, road: ShortRoad) -> Coroutine[Any, Any, PassedReply]:  # Any: as of any coroutine
        return road.whole(self._sent, self._plain)

    def events(self, road: ShortRoad) -> AsyncGenerator[Sequence[ChatEvent]]:
        return road.stream(self._sent, self._plain)


class _Translated:
    """A request of any dialect, which is written anew; its answer is wanted in one piece."""

    __slots__ = ("_request", "include_usage", "stream", "task")

    def __init__(self, request: ChatRequest) -> None:
        self._request = request
        self.task = request.task
        self.stream = self.include_usage = False

    def request(self) -> ChatRequest:
        return self._request

    def whole(self, road: ShortRoad) -> Coroutine[Any, Any, list[ChatEvent]]:  # Any: as of any coroutine
        return road.translated(self._request)

    def events(self, road: ShortRoad) -> AsyncGenerator[Sequence[ChatEvent]]:
        return road.events(self._request)


class Trip:
    """One request on the short way; asked once, by `whole` or by `open`.

    `tokens` are those of the prompt and the room wanted for the answer, both estimates.
    """

    __slots__ = (
        "_express",
        "_grant",
        "_load",
        "_way",
        "include_usage",
        "model",
        "prompt_tokens",
        "reply_tokens",
        "stream",
        "tokens",
        "used",
    )

    def __init__(
        self,
        express: Express,
        way: _Way,
        load: _Load,
        grant: Grant,
        *,
        model: str | None,
        tokens: tuple[int, int],
    ) -> None:
        self._express = express
        self._way = way
        self._load = load
        self._grant = grant
        self.prompt_tokens, self.reply_tokens = tokens
        self.model = model
        self.stream = load.stream
        self.include_usage = load.include_usage
        self.used = way.used
        """Which engine answered, once `whole` gave its answer."""
        self.tokens = 0
        """What that answer took in all."""

    def request(self) -> ChatRequest:
        """The request in the kernel's words."""
        return self._load.request()

    async def whole(self, request_id: str) -> PassedReply | list[ChatEvent] | ChatStream:
        """The answer in one piece, as bytes for the caller or as all its events; a stream of events where
        the engine gives nothing else, or another one had to take over.

        Raises:
            InhouseError: what `ChatModel.open` raises.
        """
        way, bill = self._way, self._begin(request_id)
        failure: EngineError | None = None
        with _Care(self._express.dispatch, self.prompt_tokens, bill) as care:
            run = care.run = self._depart(bill)
            with Turn(self._express.dispatch.board, way.attempt.engine) as turn:
                try:
                    reply = await self._load.whole(way.road)
                except EngineError as error:
                    failure, turn.decided = error, True
                except OtherForm as streaming:
                    turn.decided, events = True, streaming.events
                else:
                    turn.decided = True
                    reply = self._settle(run, reply)
                    care.over = True
                    return reply
            if failure is None:
                answer = await self._first_of(run, events, bill)
            else:
                answer = await self._go_on(bill, failure)
            care.over = True
            return answer

    async def open(self, request_id: str) -> ChatStream:
        """The answer piece by piece; returns once its first event is there.

        Raises:
            InhouseError: what `ChatModel.open` raises.
        """
        bill = self._begin(request_id)
        with _Care(self._express.dispatch, self.prompt_tokens, bill) as care:
            run = care.run = self._depart(bill)
            answer = await self._first_of(run, self._load.events(self._way.road), bill)
            care.over = True
            return answer

    def _begin(self, request_id: str) -> Bill:
        grant = self._grant
        return self._express.dispatch.begin(
            self._load.task, self.model, request_id=request_id, user=grant.user, grant=grant
        )

    def _depart(self, bill: Bill) -> Run:
        """Hold what the request may cost; from now on its engine is at work."""
        dispatch, way, grant = self._express.dispatch, self._way, self._grant
        dispatch.set_aside(
            way.attempt, self.prompt_tokens, self.reply_tokens, grant, user=grant.user, bill=bill
        )
        dispatch.board.meter.asked(way.engine, way.attempt.model)
        return Run(self.stream, way.attempt, way.used, self.prompt_tokens, bill, bill.since_s)

    def _settle(self, run: Run, reply: PassedReply | list[ChatEvent]) -> PassedReply | list[ChatEvent]:
        """The answer, after what `Attempts.events` does at its first event and at its last."""
        dispatch, name = self._express.dispatch, self._way.attempt.engine
        now_s = dispatch.stopwatch()
        run.first_token_ms = (now_s - run.started) * 1000
        run.begun = True
        run.stand(self._way.engine)
        dispatch.board.answers(name)
        dispatch.board.served(name)
        if isinstance(reply, PassedReply):
            run.told(reply.usage)
            run.output_bytes = reply.size_bytes
        else:
            reply = _counted(run, reply)
        run.tell(dispatch.board.meter, now_s)
        run.close("ok", now_s)
        usage = run.final_usage()
        self.used, self.tokens = run.used, usage.input_tokens + usage.output_tokens
        return reply

    async def _first_of(
        self, run: Run, source: AsyncGenerator[Sequence[ChatEvent]], bill: Bill
    ) -> ChatStream:
        """The engine's events once the first is there, else what the long way gives."""
        events = self._express.dispatch.attempts.events(run, source, self.request)
        try:
            first = await anext(events)
        except EngineError as error:
            return await self._go_on(bill, error)
        return Answer(run.used, first, events)

    async def _go_on(self, bill: Bill, failure: EngineError) -> ChatStream:
        """The answer by the long way, which begins with what failed on the short one."""
        before = (self._way.attempt, failure)
        grant = self._grant
        return await self._express.dispatch.go_on(
            self.request(), bill, user=grant.user, grant=grant, route=self._way.route, before=before
        )


class _Care:
    """Ends the account of a request that nobody else ended, as the long way does: it was cancelled, or a
    fault of our own came between."""

    __slots__ = ("_bill", "_dispatch", "_prompt_tokens", "over", "run")

    def __init__(self, dispatch: Dispatch, prompt_tokens: int, bill: Bill) -> None:
        self._dispatch = dispatch
        self._prompt_tokens = prompt_tokens
        self._bill = bill
        self.run: Run | None = None
        self.over = False
        """The account is closed, or whoever has the answer closes it."""

    def __enter__(self) -> _Care:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.over:
            return
        run, now_s = self.run, self._dispatch.stopwatch()
        if run is not None and kind is not None and issubclass(kind, asyncio.CancelledError):
            # What the engine read of the prompt was work, though nobody says how much.
            usage = Usage(self._prompt_tokens, 0, estimated=True)
            self._bill.close("cancelled", run.used, usage, now_s=now_s)
        elif run is not None and run.begun:
            run.close("partial", now_s, code=InternalError.code)
        # Says something only when nobody did before.
        self._bill.close("failed", NOBODY, code=InternalError.code)


def _counted(run: Run, events: list[ChatEvent]) -> list[ChatEvent]:
    """The events with the usage before the last one, which the run now knows."""
    found: list[ChatEvent] = []
    for event in events:
        if isinstance(event, UsageSeen):
            run.told(event.usage, event.timing)
        else:
            run.count(event)
            found.append(event)
    found.insert(-1, UsageSeen(run.final_usage(), run.timing))
    return found


def _request(body: bytes) -> ChatRequest:
    return openai.read_chat(body, data="any")[0]
