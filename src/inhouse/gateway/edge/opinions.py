"""What the routing would choose, for answers that several models make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.dispatch import Dispatch
from inhouse.gateway.policy import Attempt, NoRoute
from inhouse.gateway.profiles import PROFILES
from inhouse.gateway.till import Till
from inhouse.kernel.caller import Grant
from inhouse.kernel.messages import ChatRequest, Usage
from inhouse.kernel.ports import EngineUsed

__all__ = ["RoutedCandidates"]

MOST_LOOKED_AT = 16
"""Models asked about when other engines give too few opinions; each look takes a tenth of a millisecond."""


class RoutedCandidates:
    """Implements `gateway.edge.strategies.Candidates` over the dispatch. `clock` is UNIX seconds."""

    def __init__(self, dispatch: Dispatch, board: FleetBoard, till: Till, clock: Callable[[], float]) -> None:
        self._dispatch = dispatch
        self._board = board
        self._till = till
        self._clock = clock

    def attempts(self, request: ChatRequest, grant: Grant | None, user: str) -> Sequence[Attempt]:
        """See `Candidates.attempts`: the route first, then other models of the same engines."""
        route = self._dispatch.route(request, grant, user)
        if isinstance(route, NoRoute):
            return ()
        found = list(route.attempts)
        if request.model is None:
            known = {each.model for each in found}
            others = [name for name in self._names() if name.partition("/")[2] not in known]
            for name in others[:MOST_LOOKED_AT]:
                other = self._dispatch.route(replace(request, model=name), grant, user)
                if not isinstance(other, NoRoute) and other.attempts[0].model == name.partition("/")[2]:
                    found.append(other.attempts[0])
        return found

    def strongest(self, request: ChatRequest, grant: Grant | None, user: str) -> Attempt | None:
        """See `Candidates.strongest`."""
        route = self._dispatch.route(request, grant, user)
        return None if isinstance(route, NoRoute) else route.escalate_to or route.attempts[0]

    def gives_scores(self, attempt: Attempt) -> bool:
        """See `Candidates.gives_scores`."""
        engine = self._board.fleet.engine(attempt.engine)
        return engine is not None and PROFILES[engine.kind].logprobs

    def cost(self, used: EngineUsed, usage: Usage) -> int | None:
        """See `Candidates.cost`; the energy of the few seconds is in the ledger's row, not here."""
        return self._till.charge(used, usage, self._clock(), 0.0).cost_micros

    def ready(self, request: ChatRequest) -> bool:
        """See `ChatModel.ready`."""
        return self._dispatch.ready(request)

    def _names(self) -> list[str]:
        return [
            f"{engine.name}/{model.name}"
            for engine in self._board.fleet.engines
            for model in engine.models
            if model.chats and not model.demo
        ]
