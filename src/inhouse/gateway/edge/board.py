"""Where the last snapshot of the fleet hangs: the prober replaces it, dispatch notes what happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from inhouse.gateway.fleet import Engine, Fleet, after_failure, after_success
from inhouse.kernel.errors import EngineError

__all__ = ["FleetBoard"]

log = structlog.get_logger(__name__)


class FleetBoard:
    """Holds one immutable `Fleet` at a time. Used from the event loop only."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.fleet = Fleet()

    def show(self, engines: Sequence[Engine]) -> None:
        """Replace the snapshot by a new look; rests after failures outlive it."""
        looked: list[Engine] = []
        for engine in engines:
            before = self.fleet.engine(engine.name)
            _log_change(before, engine)
            if before is not None:
                engine = replace(  # noqa: PLW2901
                    engine,
                    failures=before.failures,
                    rests_until=before.rests_until,
                    rest_reason=before.rest_reason,
                )
            looked.append(engine)
        for gone in self.fleet.engines:
            if gone.name not in {each.name for each in looked}:
                log.info("engine_gone", engine=gone.name, kind=gone.kind)
        self.fleet = Fleet(tuple(looked))

    def failed(self, name: str, error: EngineError) -> None:
        """A dispatch to the engine failed."""
        engine = self.fleet.engine(name)
        if engine is not None:
            rested = after_failure(engine, error, self._clock())
            self.fleet = self.fleet.with_engine(rested)
            log.warning(
                "engine_failed",
                engine=name,
                code=error.code,
                message=error.message,
                rest_s=round(max(0.0, rested.rests_until - self._clock()), 1),
            )

    def served(self, name: str) -> None:
        """A dispatch to the engine ended well."""
        engine = self.fleet.engine(name)
        if engine is not None and engine.failures:
            self.fleet = self.fleet.with_engine(after_success(engine))
            log.info("engine_recovered", engine=name)


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
