"""The desks and books of a gateway in memory: roll-outs, the switch, picks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from inhouse.gateway.desk import Explained, RouteAsk, SwitchState
from inhouse.gateway.facts import Facts
from inhouse.gateway.gap_model import Outcome
from inhouse.gateway.policy.route import NoRoute
from inhouse.gateway.rollout import ArmStats, Gate, Rollout, RolloutView, Verdict, rolled_back
from inhouse.gateway.rules import LocalSwitch
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import Conflict, NotFound


@dataclass
class FakeRollouts:
    """Implements `gateway.rollout.RolloutDesk`: one roll-out at most."""

    now: RolloutView | None = None

    def views(self) -> tuple[RolloutView, ...]:
        """That one, if there is one."""
        return (self.now,) if self.now else ()

    def begin(self, rollout: Rollout) -> RolloutView:
        """A second one is refused."""
        if self.now is not None:
            raise Conflict("one is running")
        return self._put(rollout)

    def promote(self, name: str) -> RolloutView:
        """To one half."""
        return self._put(replace(self._running(), stage=50))

    def roll_back(self, name: str, reason: str) -> RolloutView:
        """By the real rule."""
        return self._put(rolled_back(self._running(), 1.0, reason))

    def _running(self) -> Rollout:
        if self.now is None:
            raise NotFound("none is running")
        return self.now.rollout

    def _put(self, rollout: Rollout) -> RolloutView:
        quality = Gate("insufficient data", 0, 318)
        stats = ArmStats(3, 1, (5.0, 1.0, 3.0))
        self.now = RolloutView(rollout, stats, ArmStats(), quality, Verdict("wait", "so far"))
        return self.now


@dataclass
class FakeSwitch:
    """Implements `gateway.desk.RoutingDesk` of a house without engines."""

    state: SwitchState = field(default_factory=lambda: SwitchState("auto", "default", 1.0))

    def explain(self, ask: RouteAsk, grant: Grant | None = None) -> Explained:
        """There is no route for anything."""
        facts = Facts(ask.task, ask.data, ask.model, ask.tokens or len(ask.prompt), 1, wishes=ask.wishes)
        return Explained(facts, NoRoute("fleet", "no engine", "start one", ()), (), (), self.state)

    def outcomes(self) -> tuple[Outcome, ...]:
        """Two requests."""
        return (Outcome("How long?", "answer", 0.5, 1.0), Outcome("Hello", "chat", 1.0, 1.0))

    def switch_state(self) -> SwitchState:
        """As it was last turned."""
        return self.state

    def switch(self, word: LocalSwitch | None, by: str) -> SwitchState:
        """Turned by `by`, or back to the default."""
        self.state = SwitchState(word or "auto", by if word else "default", 2.0)
        return self.state


@dataclass
class FakePicks:
    """What people picked."""

    kept: list[tuple[tuple[str, str], str | None]] = field(default_factory=list)

    def keep_pick(self, name: str, models: tuple[str, str], better: str | None, at: float) -> None:
        """Added to the list."""
        self.kept.append((models, better))
