"""Where a person asks why a request goes where it goes, and turns the switch; values and a protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from inhouse.gateway.facts import Facts
from inhouse.gateway.gap_model import Outcome
from inhouse.gateway.policy.route import NoRoute, Route
from inhouse.gateway.rules import LocalSwitch
from inhouse.kernel.caller import Grant
from inhouse.kernel.messages import NO_WISHES, DataPolicy, Wishes

__all__ = ["Explained", "RouteAsk", "RoutingDesk", "SwitchState"]


@dataclass(frozen=True, slots=True)
class RouteAsk:
    """A request that is not sent. `tokens` None: counted from the prompt."""

    prompt: str = ""
    task: str = "chat"
    model: str | None = None
    data: DataPolicy = "any"
    wishes: Wishes = NO_WISHES
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class SwitchState:
    """The switch `routing.local` as it stands. `origin` says who set it.

    `loaded_at` is when the rules in force were read (UNIX seconds). `problem` says why newer ones are not
    in force, empty when they are.
    """

    local: LocalSwitch
    origin: str
    loaded_at: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """What would happen to a request, and why.

    `costs` stand beside the attempts of the route, in micro-units of money, None where not known.
    `changes` are pairs: what would have to be otherwise, and what would happen then.
    """

    facts: Facts
    route: Route | NoRoute
    costs: tuple[int | None, ...]
    changes: tuple[tuple[str, str], ...]
    switch: SwitchState


class RoutingDesk(Protocol):
    """Explains decisions and turns the switch."""

    def explain(self, ask: RouteAsk, grant: Grant | None = None) -> Explained:
        """What would happen to this request now; nothing is sent and nothing is kept."""
        ...

    def outcomes(self) -> tuple[Outcome, ...]:
        """What a weaker and a stronger model made of the same requests here; blocks on the disk."""
        ...

    def switch_state(self) -> SwitchState:
        """How the switch stands."""
        ...

    def switch(self, word: LocalSwitch | None, by: str) -> SwitchState:
        """Turn the switch, for every request from now on and after a restart; None: back to the setting.

        Raises:
            HomeUnusable: if it cannot be written down.
        """
        ...
