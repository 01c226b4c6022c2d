"""Which engines to try for a request, in which order, and why.

Routing is a table of thirteen layers, applied from the top. A layer gets the candidates that the layers
above left; it takes some away with a reason for each, or has a word on one of three questions. Where do the
words go: the highest layer with a word on it is obeyed. Which model: by name, then by what can begin in
time, then by task, then by strength. Which engine: by kind, then the least busy.

Source: docs/decisions/0009-thirteen-layers.md
"""

from __future__ import annotations

from dataclasses import replace

from inhouse.gateway.candidates import Candidate, candidates_of
from inhouse.gateway.facts import Facts
from inhouse.gateway.fleet import Fleet
from inhouse.gateway.names import matches
from inhouse.gateway.policy import choice, may, wish
from inhouse.gateway.policy.refusal import no_route, refusal
from inhouse.gateway.policy.route import Attempt, Layer, NoRoute, Question, Route, TraceStep
from inhouse.gateway.rules import Budget, RouteRule, Rules

__all__ = ["LAYERS", "Attempt", "Candidate", "NoRoute", "Route", "TraceStep", "decide", "refusal"]

LAYERS: tuple[tuple[str, Layer], ...] = (
    ("eligibility", may.eligibility),
    ("data", may.data),
    ("budget", may.budget),
    ("explicit", wish.explicit),
    ("operator", wish.operator),
    ("role", wish.role),
    ("priority", wish.priority),
    ("task", choice.task),
    ("complexity", choice.complexity),
    ("load", choice.load),
    ("order", choice.order),
    ("post_hoc", choice.post_hoc),
    ("errors", choice.errors),
)


def decide(facts: Facts, fleet: Fleet, rules: Rules, budget: Budget, now: float) -> Route | NoRoute:
    """Order the engines to try for one request.

    Returns 1 to `rules.max_attempts` attempts, at most one per engine, best first; or `NoRoute` with the
    layer that left none. Same arguments, same route. Never raises. Time: O(models). Looks at `facts`,
    never at prompt text. `now` is UNIX seconds.
    """
    facts, used = _with_routes(facts, rules)
    question = Question(facts, fleet, rules, budget, now, candidates_of(fleet))
    question.role = facts.wishes.role
    question.task = rules.tasks.get(_task(facts))
    if question.role is None and question.task is not None:
        question.role = question.task.role
    left: list[Candidate] = list(question.all)
    trace: list[TraceStep] = []
    for name, layer in LAYERS:
        step = TraceStep(name)
        before, left = left, layer(left, question, step)
        step.left = len(left)
        trace.append(step)
        if not left:
            return no_route(question, before, tuple(trace))
    if used:
        trace[0].inputs += (("routes", ", ".join(used)),)
    stronger = choice.stronger_than(left[0], question)
    return Route(
        _attempts(left, question),
        tuple(trace),
        accept=rules.accept,
        escalate_below=rules.escalate_below,
        escalate_to=_attempt(stronger, "asked again: it is stronger") if stronger else None,
        post_hoc=rules.post_hoc,
        retries=rules.retries,
    )


def _task(facts: Facts) -> str:
    """The task that the table is asked for: a role without a task of its own is an agent at work."""
    return "agent" if facts.task == "chat" and facts.wishes.role in ("L2", "L3") else facts.task


def _with_routes(facts: Facts, rules: Rules) -> tuple[Facts, tuple[str, ...]]:
    """The facts with what `[[route]]` blocks add; what the caller said stays, data only ever tightens."""
    used: list[str] = []
    for rule in rules.routes:
        if not _fits(rule, facts):
            continue
        used.append(rule.name)
        wishes = facts.wishes
        facts = replace(
            facts,
            data="local_only" if rule.local_only else facts.data,
            model=facts.model or rule.use or None,
            # What the administrator chose is not what the key asked for.
            models=() if rule.use and not facts.model else facts.models,
            wishes=replace(
                wishes,
                role=wishes.role or rule.role,
                priority=wishes.priority or rule.priority,
                prefer=wishes.prefer or rule.prefer,
                force=wishes.force or rule.force,
            ),
        )
    return facts, tuple(used)


def _fits(rule: RouteRule, facts: Facts) -> bool:
    pairs = (
        (rule.task, facts.task),
        (rule.model, facts.model or ""),
        (rule.key, facts.key),
        (rule.team, facts.team),
    )
    return all(not pattern or matches(pattern, value) for pattern, value in pairs)


def _attempts(left: list[Candidate], question: Question) -> tuple[Attempt, ...]:
    attempts = []
    for position, each in enumerate(left):
        place = "first in the order" if position == 0 else f"number {position + 1} in the order"
        attempts.append(_attempt(each, question.reason_for(each) or place))
    return tuple(attempts)


def _attempt(candidate: Candidate, why: str) -> Attempt:
    reason = f"{candidate.where}, {candidate.engine.kind}: {why}"
    return Attempt(candidate.engine.name, candidate.model.name, candidate.where, reason)
