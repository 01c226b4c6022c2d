"""Which engines to try for a request, in which order, and why.

Routing is a table of layers, applied from the top. A layer gets the candidates the layers above left and
returns those that stay, in the order it wants, with a reason for each that it dropped. Their full order:

    eligibility > data > budget > explicit > operator > role > priority > task > complexity > load > order

Those without a line in `LAYERS` have no rules yet; adding one is adding its function in its place.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from inhouse.gateway.facts import ANSWER_TASK, Facts
from inhouse.gateway.fleet import Engine, Fleet, Model, Place, same_model
from inhouse.gateway.profiles import PROFILES
from inhouse.gateway.rules import Budget, Rules

__all__ = ["LAYERS", "Attempt", "Candidate", "NoRoute", "Route", "TraceStep", "decide"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model on one engine."""

    engine: Engine
    model: Model

    @property
    def where(self) -> Place:
        """Where the words of the request would go."""
        return "cloud" if self.model.remote else self.engine.where

    @property
    def name(self) -> str:
        """`engine/model`, as traces show it."""
        return f"{self.engine.name}/{self.model.name}"


@dataclass(frozen=True, slots=True)
class TraceStep:
    """What one layer did; `dropped` pairs `engine/model` (or an engine) with the reason."""

    layer: str
    left: int
    dropped: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One engine to try."""

    engine: str
    model: str
    where: Place
    reason: str


@dataclass(frozen=True, slots=True)
class Route:
    """Engines to try, best first; never empty."""

    attempts: tuple[Attempt, ...]
    trace: tuple[TraceStep, ...]


@dataclass(frozen=True, slots=True)
class NoRoute:
    """No engine may or can take the request; `layer` left none."""

    layer: str
    message: str
    hint: str
    trace: tuple[TraceStep, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """Everything a layer may look at."""

    facts: Facts
    fleet: Fleet
    rules: Rules
    budget: Budget
    now: float


Dropped = list[tuple[str, str]]
Layer = Callable[[list[Candidate], Question, Dropped], list[Candidate]]


def decide(facts: Facts, fleet: Fleet, rules: Rules, budget: Budget, now: float) -> Route | NoRoute:
    """Order the engines to try for one request.

    Returns 1 to `rules.max_attempts` attempts, at most one per engine, best first; or `NoRoute` with the
    layer that left none. Same arguments, same route. Never raises. Time: O(models). Looks at `facts`,
    never at prompt text. `now` is UNIX seconds.
    """
    question = Question(facts, fleet, rules, budget, now)
    left = [Candidate(engine, model) for engine in fleet.engines for model in _offered(engine)]
    trace: list[TraceStep] = []
    for name, layer in LAYERS:
        dropped: Dropped = []
        before, left = left, layer(left, question, dropped)
        trace.append(TraceStep(name, len(left), tuple(dropped)))
        if not left:
            message, hint = _no_route(name, question, before, dropped)
            return NoRoute(name, message, hint, tuple(trace))
    return Route(_attempts(left, question), tuple(trace))


def _offered(engine: Engine) -> tuple[Model, ...]:
    """The engine's models, the administrator's choice first; then loaded ones; then as the engine lists."""

    def rank(model: Model) -> tuple[bool, bool]:
        chosen = engine.default_model is not None and same_model(engine.default_model, model.name)
        return not chosen, not model.loaded

    return tuple(sorted(engine.models, key=rank))


def _eligibility(left: list[Candidate], question: Question, dropped: Dropped) -> list[Candidate]:
    """Only engines that are up and not resting, and models that can do what is asked."""
    for engine in question.fleet.engines:
        if not engine.models:
            dropped.append((engine.name, engine.reason or "offers no model"))
    kept: list[Candidate] = []
    for each in left:
        if reason := _unfit(each, question):
            dropped.append((each.name, reason))
        else:
            kept.append(each)
    return kept


def _unfit(candidate: Candidate, question: Question) -> str:
    engine, model, facts = candidate.engine, candidate.model, question.facts
    profile = PROFILES[engine.kind]
    needed = facts.prompt_tokens + facts.reply_tokens
    if engine.state == "down":
        return engine.reason or "is down"
    if engine.state == "up" and engine.rests_until > question.now:
        return f"rests for {engine.rests_until - question.now:.0f} s more: {engine.rest_reason}"
    if profile.dialect is None and engine.kind != "scripted":
        return f"{engine.kind} engines come with a later version"
    if not model.chats:
        return "is not a chat model"
    if "json_schema" in facts.needs and not profile.honours_json_schema:
        return "ignores a required answer format"
    if model.context_tokens is not None and needed > model.context_tokens:
        return f"its context of {model.context_tokens} tokens is too short for about {needed}"
    if model.demo and facts.task == ANSWER_TASK and not question.rules.allow_demo_answers:
        return "is the demo model, which does not answer from documents"
    return ""


def _data(left: list[Candidate], question: Question, dropped: Dropped) -> list[Candidate]:
    """No word leaves the house unless both the request and the administrator allow it."""
    if question.facts.data == "local_only":
        reason = "the data may not leave the house"
    elif not question.rules.cloud_allowed:
        reason = "cloud engines are not allowed"
    else:
        reason = ""
    kept: list[Candidate] = []
    for each in left:
        if each.where == "cloud" and (reason or each.engine.state == "found_not_allowed"):
            dropped.append((each.name, reason or "cloud engines are not allowed"))
        else:
            kept.append(each)
    return kept


def _budget(left: list[Candidate], question: Question, dropped: Dropped) -> list[Candidate]:
    """No cloud once the cap is reached."""
    rest = question.budget.cloud_left_micros
    if rest is None or rest > 0:
        return left
    dropped += [(each.name, "the budget is used up") for each in left if each.where == "cloud"]
    return [each for each in left if each.where == "local"]


def _explicit(left: list[Candidate], question: Question, dropped: Dropped) -> list[Candidate]:
    """A named model and no other; without a name, no demo model beside a real one.

    A cloud engine without a default model serves only requests that name one: it lists dozens, and which
    one to pay for is not ours to guess.
    """
    wanted = question.facts.model
    if wanted is None:
        left = [each for each in left if not _needs_a_name(each, dropped)]
        real = [each for each in left if not each.model.demo]
        if real:
            dropped += [(each.name, "is the demo model") for each in left if each.model.demo]
        return real or left
    wanted = question.rules.aliases.get(wanted, wanted)
    return [each for each in left if same_model(wanted, each.model.name) or wanted == each.name]


def _needs_a_name(candidate: Candidate, dropped: Dropped) -> bool:
    default = candidate.engine.default_model
    if candidate.engine.where == "local" or (default and same_model(default, candidate.model.name)):
        return False
    dropped.append((candidate.name, "no model is chosen for this cloud engine"))
    return True


def _operator(left: list[Candidate], question: Question, dropped: Dropped) -> list[Candidate]:
    """The switch `routing.local`; see `LocalSwitch`."""
    switch = question.rules.local
    local = [each for each in left if each.where == "local"]
    if switch == "auto" or (switch == "true" and not local):
        return left
    kept = [each for each in left if each.where == "cloud"] if switch == "false" else local
    dropped += [(each.name, f"routing.local is `{switch}`") for each in left if each not in kept]
    return kept


def _order(left: list[Candidate], question: Question, dropped: Dropped) -> list[Candidate]:
    """Local before cloud, then by kind; one model per engine, the first it offers."""
    kinds = question.rules.order

    def rank(candidate: Candidate) -> tuple[bool, int, str]:
        kind = candidate.engine.kind
        place = kinds.index(kind) if kind in kinds else len(kinds)
        return candidate.where == "cloud", place, candidate.engine.name

    best: dict[str, Candidate] = {}
    for each in sorted(left, key=rank):
        best.setdefault(each.engine.name, each)
    return list(best.values())


LAYERS: tuple[tuple[str, Layer], ...] = (
    ("eligibility", _eligibility),
    ("data", _data),
    ("budget", _budget),
    ("explicit", _explicit),
    ("operator", _operator),
    ("order", _order),
)


def _attempts(left: list[Candidate], question: Question) -> tuple[Attempt, ...]:
    chosen = f"`{question.facts.model}` was asked for" if question.facts.model else ""
    attempts = []
    for position, each in enumerate(left[: max(1, question.rules.max_attempts)]):
        why = f"{each.where}, {each.engine.kind}"
        place = "first in the order" if position == 0 else f"number {position + 1} in the order"
        reason = f"{why}: {chosen or place}"
        attempts.append(Attempt(each.engine.name, each.model.name, each.where, reason))
    return tuple(attempts)


def _no_route(layer: str, question: Question, before: list[Candidate], dropped: Dropped) -> tuple[str, str]:
    """What to tell a person: the message, and the way out."""
    wanted = question.facts.model
    reasons = "; ".join(f"`{name}`: {reason}" for name, reason in dropped[:6])
    if wanted is not None and (layer == "explicit" or not _known(wanted, question)):
        return f"No engine that may be used offers the model `{wanted}`", _near(wanted, question, before)
    if layer == "eligibility" and not question.fleet.engines:
        return "No language model was found", "start Ollama or another engine, then `inhouse models ls`"
    if layer == "eligibility":
        return f"No engine can take this request: {reasons}", "`inhouse models ls` shows every engine"
    if layer == "data":
        hint = "start a local engine"
        if question.facts.data != "local_only":
            hint += ", or let an administrator set cloud.allowed"
        return f"No local engine can take this request, and {reasons}", hint
    return f"No engine is left by the rule `{layer}`: {reasons}", "`inhouse config show` shows the rules"


def _known(wanted: str, question: Question) -> bool:
    name = question.rules.aliases.get(wanted, wanted)
    names = {f"{engine.name}/{model.name}" for engine in question.fleet.engines for model in engine.models}
    return name in names or any(
        same_model(name, model.name) for engine in question.fleet.engines for model in engine.models
    )


def _near(wanted: str, question: Question, usable: list[Candidate]) -> str:
    names = {each.model.name for each in usable} | set(question.rules.aliases)
    near = difflib.get_close_matches(wanted, sorted(names), n=3, cutoff=0.5)
    if near:
        return "did you mean " + " or ".join(f"`{name}`" for name in near)
    some = ", ".join(f"`{name}`" for name in sorted(names)[:5])
    return f"offered are {some}" if some else "`inhouse models ls` shows every model"
