"""Explains decisions over the engines and rules as they are now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from inhouse.gateway.desk import Explained, RouteAsk, SwitchState
from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.rulebook import Rulebook
from inhouse.gateway.facts import facts_of
from inhouse.gateway.gap_model import Outcome
from inhouse.gateway.policy import Attempt, Route, decide
from inhouse.gateway.policy.what_if import what_if
from inhouse.gateway.rules import LocalSwitch
from inhouse.gateway.till import Till
from inhouse.kernel.caller import Grant
from inhouse.kernel.messages import ChatMessage, ChatRequest

__all__ = ["Desk"]


class Desk:
    """Implements `gateway.desk.RoutingDesk`. `clock` is UNIX seconds."""

    def __init__(
        self,
        board: FleetBoard,
        rulebook: Rulebook,
        till: Till,
        *,
        clock: Callable[[], float],
        outcomes: Callable[[], tuple[Outcome, ...]] = tuple,
    ) -> None:
        self._board = board
        self._rulebook = rulebook
        self._till = till
        self._clock = clock
        self._outcomes = outcomes

    def explain(self, ask: RouteAsk, grant: Grant | None = None) -> Explained:
        """See `RoutingDesk.explain`."""
        rules, now = self._rulebook.rules(), self._clock()
        request = ChatRequest(
            (ChatMessage("user", ask.prompt),),
            model=ask.model,
            task=ask.task,
            data=ask.data,
            wishes=ask.wishes,
        )
        facts = facts_of(request, grant, rules.scorer)
        if ask.tokens is not None:
            facts = replace(facts, prompt_tokens=ask.tokens)
        if ask.tokens is not None and rules.scorer is not None and not ask.prompt:
            # Only the length is known, so only the length is judged.
            facts = replace(facts, complexity=round(rules.scorer("w " * ask.tokens, ask.task), 2))
        user = grant.user if grant else ""
        budget = self._till.budget(grant, user, facts.model, now)
        budget = replace(budget, price_of=lambda *which: self._price(which, now))
        fleet = self._board.fleet
        route = decide(facts, fleet, rules, budget, now)
        costs: tuple[int | None, ...] = ()
        if isinstance(route, Route):
            costs = tuple(
                self._till.estimate(each, facts.prompt_tokens, facts.reply_tokens, now)
                for each in route.attempts
            )
        changes = what_if(facts, fleet, rules, budget, now)
        return Explained(facts, route, costs, changes, self._rulebook.state())

    def outcomes(self) -> tuple[Outcome, ...]:
        """See `RoutingDesk.outcomes`."""
        return self._outcomes()

    def switch_state(self) -> SwitchState:
        """See `RoutingDesk.switch_state`."""
        return self._rulebook.state()

    def switch(self, word: LocalSwitch | None, by: str) -> SwitchState:
        """See `RoutingDesk.switch`."""
        return self._rulebook.turn(word, by)

    def _price(self, which: tuple[str, str, int, int], now: float) -> int | None:
        engine, model, tokens_in, tokens_out = which
        return self._till.estimate(Attempt(engine, model, "cloud", ""), tokens_in, tokens_out, now)
