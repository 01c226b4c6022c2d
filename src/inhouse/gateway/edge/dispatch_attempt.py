"""One question to one engine, from its first event to its last."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence

from inhouse.dialects.status import error_of
from inhouse.gateway.discreet import hushed
from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.dispatch_run import Run
from inhouse.gateway.edge.providers.checked import CheckedProvider, has_form
from inhouse.gateway.edge.providers.port import Provider
from inhouse.gateway.fleet import Engine
from inhouse.gateway.policy import Attempt
from inhouse.gateway.profiles import PROFILES
from inhouse.kernel.errors import EngineBroke, EngineError, EngineRefused, InternalError
from inhouse.kernel.messages import ChatEvent, ChatRequest, Failed, Finished, TextDelta, UsageSeen

__all__ = ["Attempts", "Turn"]

Batches = Callable[[ChatRequest, str], AsyncGenerator[Sequence[ChatEvent]]]
"""As `Provider.stream`, with those events together that came together."""


class Attempts:
    """Asks engines, and tells the board how it went."""

    def __init__(
        self,
        board: FleetBoard,
        provider_of: Callable[[Engine], Provider],
        stopwatch: Callable[[], float],
    ) -> None:
        self._board = board
        self.provider_of = provider_of
        self._stopwatch = stopwatch

    def provider(self, attempt: Attempt) -> Provider:
        """Who talks to the engine of the attempt.

        Raises:
            EngineBroke: if it left the fleet.
        """
        engine = self._board.fleet.engine(attempt.engine)
        if engine is None:
            raise EngineBroke(f"`{attempt.engine}` left the fleet", engine=attempt.engine)
        self._board.meter.asked(engine, attempt.model)
        return self.provider_of(engine)

    def check_place(self, attempt: Attempt) -> None:
        """For an attempt that was decided a while ago: a look at the engines may have changed its place.

        Raises:
            EngineRefused: if words would now leave the house there that were not to, or are no longer.
        """
        engine = self._board.fleet.engine(attempt.engine)
        if engine is None:
            return  # `provider` says so
        outside = engine.where == "cloud" or any(
            each.remote for each in engine.models if each.name == attempt.model
        )
        if outside and (attempt.where == "local" or engine.state == "found_not_allowed"):
            message = f"`{attempt.engine}` was found to send words out of the house, and was not asked"
            raise EngineRefused(message, engine=attempt.engine)

    def stream(self, attempt: Attempt, request: ChatRequest) -> AsyncGenerator[Sequence[ChatEvent]]:
        """What the engine answers, those events together that came together.

        An answer of a prescribed form is held against that form.

        Raises:
            EngineBroke: if it left the fleet.
        """
        provider = self.provider(attempt)
        if has_form(request):
            provider = self._checked(provider, attempt)
        # Most providers know no more than one event at a time.
        batches: Batches | None = getattr(provider, "batches", None)
        if batches is not None:
            return batches(request, attempt.model)
        return _one_by_one(provider.stream(request, attempt.model))

    def _checked(self, provider: Provider, attempt: Attempt) -> Provider:
        engine = self._board.fleet.engine(attempt.engine)
        forces = engine is not None and PROFILES[engine.kind].forces_tools
        return CheckedProvider(
            provider, attempt.engine, forces_tools=forces, new_id=lambda: f"call_{secrets.token_hex(12)}"
        )

    async def events(
        self, run: Run, source: AsyncGenerator[Sequence[ChatEvent]], asked: Callable[[], ChatRequest]
    ) -> AsyncGenerator[list[ChatEvent]]:
        """The answer's events, those together that came together; the account is closed just before the
        last one is given.

        Ends even where the `source` forgets to, or raises instead of it. `asked` gives the request, whose
        words are kept out of errors.

        Raises:
            EngineError: while no event was given; the account stays open for the next engine.
        """
        name = run.attempt.engine
        turn = Turn(self._board, name)
        given: list[ChatEvent] = []
        last: Finished | Failed | None = None
        try:
            with turn:
                try:
                    async for batch in source:
                        last = self._take(run, batch, turn, given)
                        if last is not None:
                            break
                        if given:
                            yield given
                            given = []
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
                self._settle(run, last, asked)
                yield [*given, UsageSeen(run.final_usage(), run.timing), last]
        except (asyncio.CancelledError, GeneratorExit):
            if run.begun:
                run.close("cancelled", self._stopwatch())
            raise
        finally:
            if run.begun:
                # Says something only when nobody did before: a fault of our own.
                run.close("partial", self._stopwatch(), code=InternalError.code)
            await source.aclose()

    def _take(
        self, run: Run, batch: Sequence[ChatEvent], turn: Turn, given: list[ChatEvent]
    ) -> Finished | Failed | None:
        """Add to `given` what goes on; the event that ends the answer, where it is there."""
        begun, count = run.begun, run.count
        for event in batch:
            if begun and isinstance(event, TextDelta):  # as nearly all are
                count(event)
                given.append(event)
                continue
            if isinstance(event, UsageSeen):
                run.told(event.usage, event.timing)
                continue
            if not begun:
                self._begin(run, event, turn)
                begun = True
            if isinstance(event, Failed | Finished):
                return event
            count(event)
            given.append(event)
        return None

    def _begin(self, run: Run, event: ChatEvent, turn: Turn) -> None:
        """The first event is there: from now on this engine answers."""
        turn.decided = True
        if isinstance(event, Failed):
            raise error_of(event, engine=run.attempt.engine)
        run.first_token_ms = (self._stopwatch() - run.started) * 1000
        run.begun = True
        run.stand(self._board.fleet.engine(run.attempt.engine))
        # An engine that was tried again is open to all, before its answer is over.
        self._board.answers(run.attempt.engine)

    def _settle(self, run: Run, last: Finished | Failed, asked: Callable[[], ChatRequest]) -> None:
        if isinstance(last, Finished):
            self._board.served(run.attempt.engine)
            run.tell(self._board.meter, self._stopwatch())
            run.close("ok", self._stopwatch())
            return
        error = error_of(last, engine=run.attempt.engine)
        self._board.failed(run.attempt.engine, hushed(error, asked()))
        run.close("partial", self._stopwatch(), code=last.code)


class Turn:
    """One request at work on an engine."""

    __slots__ = ("_board", "_name", "decided")

    def __init__(self, board: FleetBoard, name: str) -> None:
        self._board = board
        self._name = name
        self.decided = False
        """The engine answered or failed."""

    def __enter__(self) -> Turn:
        self._board.begin(self._name)
        return self

    def __exit__(self, *_: object) -> None:
        self._board.end(self._name, undecided=not self.decided)


async def _one_by_one(events: AsyncGenerator[ChatEvent]) -> AsyncGenerator[Sequence[ChatEvent]]:
    try:
        async for event in events:
            yield (event,)
    finally:
        await events.aclose()
