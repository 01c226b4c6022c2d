"""What stands between callers and the dispatch: answers of several models, and roll-outs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from inhouse.config import Settings
from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.dispatch import Dispatch
from inhouse.gateway.edge.dispatch_express import Express
from inhouse.gateway.edge.opinions import RoutedCandidates
from inhouse.gateway.edge.rollout_book import SqlRolloutBook
from inhouse.gateway.edge.rollouts import Rollouts
from inhouse.gateway.edge.strategies import Strategies
from inhouse.gateway.rules import Rules
from inhouse.gateway.strategy import StrategySettings
from inhouse.gateway.till import Till
from inhouse.serve.plane.asked import LONGEST_NAME

__all__ = ["open_strategies"]


def open_strategies(
    settings: Settings,
    dispatch: Dispatch,
    board: FleetBoard,
    till: Till,
    *,
    book: SqlRolloutBook,
    rules: Callable[[], Rules],
) -> tuple[Rollouts, Express]:
    """The dispatch as callers meet it, and its short way; thresholds are those of the rules now in force."""
    chosen = settings.strategies
    fixed = StrategySettings(
        draft_model=chosen.draft_model,
        refine_model=chosen.refine_model,
        opinions=chosen.opinions,
        samples=chosen.samples,
        max_seconds=chosen.max_seconds,
        max_cost_micros=chosen.max_cost_micros or None,
    )

    last: tuple[Rules, StrategySettings] | None = None

    def in_force() -> StrategySettings:
        nonlocal last
        now = rules()
        if last is None or last[0] is not now:
            last = (
                now,
                replace(fixed, accept=now.accept, escalate_below=now.escalate_below, post_hoc=now.post_hoc),
            )
        return last[1]

    candidates = RoutedCandidates(dispatch, board, till, time.time)
    several = Strategies(dispatch, dispatch, candidates, in_force, stopwatch=time.monotonic)
    chat = Rollouts(several, dispatch, book, lambda: board.fleet, clock=time.time, sleep=asyncio.sleep)

    def passes(model: str, streamed: bool) -> bool:
        # One too long is refused on the long way, before anything is remembered by it.
        return len(model) <= LONGEST_NAME and model not in chat.active and several.passes(model, streamed)

    return chat, Express(dispatch, passes)
