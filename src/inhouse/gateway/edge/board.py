"""Where the last snapshot of the fleet hangs: the prober replaces it, dispatch notes what happened.

It is also the circuit breaker: an engine that failed rests (`fleet.after_failure`), and when its rest is
over one request goes there first while the others still leave it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from inhouse.gateway.edge.metrics import Meter
from inhouse.gateway.fleet import LONGEST_ADVISED_REST_S, Engine, Fleet, after_failure, after_success
from inhouse.kernel.errors import EngineError, EngineOverloaded

__all__ = ["FleetBoard"]

log = structlog.get_logger(__name__)

PROBE_S = 30.0
"""Longest time that one request is waited for when an engine is tried again after a rest; a request that
takes longer for its first word proves nothing, and the next one may try."""
LONGEST_KEPT_S = 2 * LONGEST_ADVISED_REST_S
"""More than the longest rest with its jitter."""
TRIED_AGAIN = "is being tried again after: "
KEPT_VARIANTS = 128


class FleetBoard:
    """Holds one immutable `Fleet` at a time. Used from the event loop only.

    `dice` gives 0 to 1; rests become longer by it, so that many houses do not come back at one moment.
    """

    def __init__(self, clock: Callable[[], float], *, dice: Callable[[], float] = lambda: 0.0) -> None:
        self._clock = clock
        self._dice = dice
        self._fleet = Fleet()
        self.meter = Meter()
        """What was measured of the engines since the start."""
        self._in_flight: dict[str, int] = {}
        self._variants: dict[tuple[int, ...], Fleet] = {}
        self._probing: set[str] = set()
        self._lifted: set[str] = set()
        self.changes = 0
        """Grows whenever the snapshot changes, apart from our own requests under way."""

    @property
    def fleet(self) -> Fleet:
        """The last snapshot."""
        return self._fleet

    @fleet.setter
    def fleet(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._variants.clear()
        self.changes += 1

    def current(self) -> Fleet:
        """The snapshot with our own requests under way in each engine's load.

        Counts of more than 8 are told in steps of about an eighth, so that one and the same object is
        given again and again and what was worked out from it stays good.
        """
        counts = self._in_flight
        key = tuple([_step(counts.get(each.name, 0)) for each in self._fleet.engines])
        found = self._variants.get(key)
        if found is None:
            if len(self._variants) >= KEPT_VARIANTS:
                self._variants.clear()
                self.changes += 1
            engines = tuple(
                replace(engine, load=replace(engine.load, in_flight=count))
                for engine, count in zip(self._fleet.engines, key, strict=True)
            )
            found = self._variants[key] = Fleet(engines)
        return found

    def in_flight(self) -> dict[str, int]:
        """Requests at work now, per engine; engines without any are left out."""
        return {name: count for name, count in self._in_flight.items() if count}

    def begin(self, name: str) -> None:
        """A request goes to the engine; of one that rested, the others stay away until it answers."""
        self._in_flight[name] = self._in_flight.get(name, 0) + 1
        engine = self._fleet.engine(name)
        if engine is not None and engine.failures and name not in self._lifted:
            self._probing.add(name)
            reason = TRIED_AGAIN + engine.rest_reason.removeprefix(TRIED_AGAIN)
            until = self._clock() + PROBE_S
            self.fleet = self._fleet.with_engine(replace(engine, rests_until=until, rest_reason=reason))

    def end(self, name: str, *, undecided: bool) -> None:
        """The request is over; `undecided`: the engine neither answered nor failed, so another may try."""
        self._in_flight[name] -= 1
        if undecided and name in self._probing:
            self._end_rest(name)

    def answers(self, name: str) -> None:
        """The engine gave a first event: its rest is over. Its failures are forgotten when it `served`."""
        if name in self._probing:
            self._lifted.add(name)
            self._end_rest(name)

    def _end_rest(self, name: str) -> None:
        self._probing.discard(name)
        engine = self._fleet.engine(name)
        if engine is not None:
            self.fleet = self._fleet.with_engine(replace(engine, rests_until=self._clock()))

    def show(self, engines: Sequence[Engine]) -> None:
        """Replace the snapshot by a new look; rests after failures outlive it."""
        looked: list[Engine] = []
        for engine in engines:
            before = self._fleet.engine(engine.name)
            _log_change(before, engine)
            if before is not None:
                engine = self._going_on(before, engine)  # noqa: PLW2901
            looked.append(engine)
        for gone in self._fleet.engines:
            if gone.name not in {each.name for each in looked}:
                log.info("engine_gone", engine=gone.name, kind=gone.kind)
        self.fleet = Fleet(tuple(looked))

    def _going_on(self, before: Engine, engine: Engine) -> Engine:
        """A new look at an engine with what outlives one: its rest, and what it offered while it was up."""
        gone = engine.state == "down" and not engine.models
        return replace(
            engine,
            failures=before.failures,
            rests_until=self._rest_of(before),
            rest_reason=before.rest_reason,
            missed=(tuple(each.name for each in before.models) or before.missed) if gone else (),
        )

    def _rest_of(self, before: Engine) -> float:
        """Until when it rests, at most as long as any rest: a clock that was set back must not add a day."""
        return min(before.rests_until, self._clock() + LONGEST_KEPT_S)

    def seen(self, engine: Engine) -> None:
        """One engine as it is now, between two looks at all of them; its rests stay."""
        before = self._fleet.engine(engine.name)
        if before is not None:
            engine = self._going_on(before, engine)
            self.fleet = self._fleet.with_engine(engine)

    def failed(self, name: str, error: EngineError) -> None:
        """A dispatch to the engine failed.

        Of requests that were under way together and fail together, the first decides how long it rests.
        """
        engine = self._fleet.engine(name)
        if engine is None:
            return
        now = self._clock()
        probed = name in self._probing
        self._probing.discard(name)
        self._lifted.discard(name)
        if engine.rests_until > now and not probed and not isinstance(error, EngineOverloaded):
            return
        rested = after_failure(engine, error, now, jitter=self._dice())
        if rested is engine and probed:
            # It declined this request only, which proves that it is there.
            rested = after_success(engine)
        self.fleet = self._fleet.with_engine(rested)
        log.warning(
            "engine_failed",
            engine=name,
            code=error.code,
            message=error.message,
            rest_s=round(max(0.0, rested.rests_until - now), 1),
        )

    def served(self, name: str) -> None:
        """A dispatch to the engine ended well."""
        engine = self._fleet.engine(name)
        if engine is not None and engine.failures:
            self._probing.discard(name)
            self._lifted.discard(name)
            self.fleet = self._fleet.with_engine(after_success(engine))
            log.info("engine_recovered", engine=name)


def _step(count: int) -> int:
    if count <= 8:
        return count
    unit = 1 << (count.bit_length() - 3)
    return count // unit * unit


def _log_change(before: Engine | None, now: Engine) -> None:
    if before is None or before.state != now.state:
        log.info(
            "engine_state",
            engine=now.name,
            kind=now.kind,
            before=before.state if before else None,
            state=now.state,
            reason=now.reason,
            models=len(now.models),
        )
