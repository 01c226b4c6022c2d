"""What a decision is made of, and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from inhouse.gateway.candidates import Candidate
from inhouse.gateway.facts import Facts
from inhouse.gateway.fleet import Fleet, Place
from inhouse.gateway.names import Meaning
from inhouse.gateway.names_table import ModelClass
from inhouse.gateway.rules import Budget, Rules, TaskRule

__all__ = ["Attempt", "Candidate", "Layer", "NoRoute", "Question", "RefusalCode", "Route", "TraceStep"]

RefusalCode = Literal["no_engine", "not_supported", "not_found", "forbidden", "over_budget"]


@dataclass(slots=True)
class TraceStep:
    """What one layer did. `left` counts the candidates it left, `dropped` pairs `engine/model` (or an engine)
    with the reason; `rule` names the rule that spoke, empty where none did; `inputs` is what it looked at.

    Not frozen: a layer writes its own step, and thirteen frozen ones would be half the cost of a decision.
    """

    layer: str
    left: int = 0
    dropped: tuple[tuple[str, str], ...] = ()
    rule: str = ""
    said: str = ""
    inputs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One engine to try."""

    engine: str
    model: str
    where: Place
    reason: str


@dataclass(frozen=True, slots=True)
class Route:
    """Engines to try, best first; never empty.

    After the answer is there: from `accept` on a draft of a cascade is good enough, below `escalate_below`
    an answer is asked again of `escalate_to`, which is None where nobody stronger may be asked; a single
    one only where `post_hoc` is true.
    `retries` is how often in all, over all attempts, the same engine may be asked again.
    """

    attempts: tuple[Attempt, ...]
    trace: tuple[TraceStep, ...]
    accept: float = 0.85
    escalate_below: float = 0.70
    escalate_to: Attempt | None = None
    post_hoc: bool = False
    retries: int = 2


@dataclass(frozen=True, slots=True)
class NoRoute:
    """No engine may or can take the request; `layer` left none.

    `code` is the kind of error that it is to the caller; `policy.refusal` makes the error.
    """

    layer: str
    message: str
    hint: str
    trace: tuple[TraceStep, ...]
    code: RefusalCode = "no_engine"


@dataclass(slots=True)
class Question:
    """Everything a layer may look at, and what the layers before it said.

    Where the words go is said once: `place` is written by the first layer that has a word on it; `banned` is
    why they may not leave the house, empty where they may. `reasons`
    are what a person is told, highest layer first; the place is that of candidates it is a reason for, None
    for all. The rest are ranks of candidates (lower is better), each written by one layer; a candidate that
    is not in them has rank 0.
    """

    facts: Facts
    fleet: Fleet
    rules: Rules
    budget: Budget
    now: float
    all: tuple[Candidate, ...] = ()
    task: TaskRule | None = None
    role: Literal["L1", "L2", "L3"] | None = None
    asked: str | None = None
    meaning: Meaning = "house"
    wanted_class: ModelClass | None = None
    place: Place | None = None
    pinned: bool = False
    banned: str = ""
    reasons: list[tuple[Place | None, str]] = field(default_factory=list)
    mild: list[str] = field(default_factory=list)
    named: dict[str, int] = field(default_factory=dict)
    fit: dict[str, int] = field(default_factory=dict)
    power: dict[str, int] = field(default_factory=dict)
    late: dict[str, float] = field(default_factory=dict)
    ranked: list[Candidate] = field(default_factory=list)

    def send(self, place: Place, why: str) -> bool:
        """Say where the words go, unless a layer above did; True when this word counts."""
        if self.place is not None:
            return False
        self.place = place
        self.reasons.append((place, why))
        return True

    def because(self, why: str, *, mild: bool = False) -> None:
        """Give a reason for the choice; a mild one counts where nothing else was decisive."""
        if mild:
            self.mild.append(why)
        else:
            self.reasons.append((None, why))

    def reason_for(self, candidate: Candidate) -> str:
        """The winning reason: of the highest layer that had one for this candidate; empty for none."""
        for place, why in self.reasons:
            if place is None or place == candidate.where:
                return why
        return self.mild[0] if self.mild else ""


Layer = Callable[[list[Candidate], Question, TraceStep], list[Candidate]]
"""Returns the candidates that stay; writes what it did into its step."""
