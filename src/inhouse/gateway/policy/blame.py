"""Which layer took away the models that a request meant, and what its caller is told about that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from inhouse.gateway.names import plain_name
from inhouse.gateway.policy.may import NOT_OF_KEY, absent
from inhouse.gateway.policy.route import Candidate, Question, RefusalCode, TraceStep
from inhouse.gateway.policy.wish import NOT_ALLOWED, alias_of, is_named, named_by

__all__ = ["Blame", "blame_of", "budget_words", "way_out"]

Fault = Literal["budget", "limit", "absent", "banned", "key", "unable"]

_CODES: dict[Fault, RefusalCode] = {
    "budget": "over_budget",
    "limit": "no_engine",
    "absent": "no_engine",
    "banned": "forbidden",
    "key": "forbidden",
    "unable": "not_supported",
}
"""In the order in which they count: what may pass by itself stands before what is final."""


@dataclass(frozen=True, slots=True)
class Blame:
    """The refusal in the words of the layer that took the models away."""

    code: RefusalCode
    message: str
    hint: str


def blame_of(question: Question, trace: tuple[TraceStep, ...]) -> Blame | None:
    """Why nobody is left of those that the name or the forced place means; None where that is not it."""
    step = trace[-1]
    if step.rule in ("explicit.unknown", "eligibility.fit"):
        return _missed(question)
    if step.rule not in ("explicit.force", "explicit.exact", "explicit.alias"):
        return None
    forced = question.facts.wishes.force if step.rule == "explicit.force" else None
    meant = _meant(question, step)
    subject = f"`{question.asked}` cannot be had" if question.asked else "Nobody can take this request"
    if forced is not None:
        subject += f": the request forces {forced}"
    lost = {name: reason for each in trace[:3] for name, reason in each.dropped}
    faults = [(each, *_fault(each, question, lost)) for each in meant]
    if not faults:
        return _nobody(question, subject, lost)
    fault = next(each for each in _CODES if any(found == each for _, found, _ in faults))
    short = forced is not None and not any(is_named(question.asked or "", each) for each in meant)
    said = _listed((each.engine.name if short else each.name, reason) for each, _, reason in faults)
    if fault == "budget":
        said = budget_words(question)
    joint = ", and " if forced is not None else ": "
    return Blame(_CODES[fault], f"{subject}{joint}{said}", _hint(fault, question))


def _missed(question: Question) -> Blame | None:
    """Of a name that an engine offered until it went down."""
    asked = question.facts.model or ""
    wanted = plain_name(asked)
    down = [
        each
        for each in question.fleet.engines
        if any(wanted in (plain_name(name), plain_name(f"{each.name}/{name}")) for name in each.missed)
    ]
    if not down:
        return None
    said = _listed((each.name, each.reason or "is down") for each in down)
    return Blame("no_engine", f"`{asked}` cannot be had: {said}", _hint("absent", question))


def _meant(question: Question, step: TraceStep) -> list[Candidate]:
    wanted, place = question.asked, question.facts.wishes.force
    if step.rule == "explicit.force":
        there = [each for each in question.all if each.where == place]
        return [each for each in there if wanted is not None and is_named(wanted, each)] or there
    rule = alias_of(wanted or "", question)
    if rule is not None:
        return [each for each in question.all if named_by(rule, each)]
    return [each for each in question.all if is_named(wanted or "", each)]


def _fault(candidate: Candidate, question: Question, lost: dict[str, str]) -> tuple[Fault, str]:
    """What is in the candidate's way; leave first, because without it nothing else matters."""
    why = lost.get(candidate.name, "")
    if candidate.where == "cloud" and (question.banned or why == NOT_ALLOWED):
        return "banned", question.banned or why
    if reason := absent(candidate, question.now):
        return "absent", reason
    rest = question.budget.cloud_left_micros
    if candidate.where == "cloud" and rest is not None and rest <= 0:
        return "budget", why
    if why == NOT_OF_KEY:
        return "key", why
    # What layer 2 took under no spent budget costs more than the request allows.
    if candidate.where == "cloud" and question.facts.wishes.max_cost_micros is not None and "cost" in why:
        return "limit", why
    return "unable", why or "does not fit the request"


def _nobody(question: Question, subject: str, lost: dict[str, str]) -> Blame:
    """What is said where no model at all is there for it: engines without a model, or none."""
    place = question.facts.wishes.force
    if place is None:
        rule = alias_of(question.asked or "", question)
        names = ", ".join(f"`{name}`" for name in rule.models[:6]) if rule else ""
        return Blame(
            "no_engine",
            f"{subject}: it means {names} here, which no engine offers",
            _hint("absent", question),
        )
    empty = [each for each in question.fleet.engines if each.where == place and each.name in lost]
    if (
        place == "cloud"
        and (question.banned or empty)
        and any(question.banned or each.state == "found_not_allowed" for each in empty)
    ):
        said = _listed((each.name, question.banned or NOT_ALLOWED) for each in empty)
        return Blame("forbidden", f"{subject}, and {said}", _hint("banned", question))
    said = _listed((each.name, lost[each.name]) for each in empty)
    said = said or f"there is no {place} engine"
    return Blame("no_engine", f"{subject}, and {said}", _hint("absent", question))


def _listed(pairs: Iterable[tuple[str, str]]) -> str:
    return "; ".join(f"`{name}`: {reason}" for name, reason in list(dict.fromkeys(pairs))[:6])


def budget_words(question: Question) -> str:
    """Whose budget is used up, as far as the till says."""
    return question.budget.spent or "the budget is used up"


def _hint(fault: Fault, question: Question) -> str:
    match fault:
        case "budget":
            return "leave the cloud out, or raise the limit in [[budget]]"
        case "limit":
            return "raise x-inhouse-max-cost-micros, or name a local model"
        case "banned":
            return "name a local model, or " + way_out(question)
        case "key":
            return "`inhouse keys ls` shows what a key may use"
        case "unable":
            return "name a model that can, or ask for less"
        case "absent":
            return "`inhouse models ls` shows every engine; one that comes back is used by itself"


def way_out(question: Question) -> str:
    """What has to be otherwise for the words to leave the house."""
    facts = question.facts
    if facts.data == "local_only":
        return (
            "take away what keeps the words here: the header x-inhouse-data, a [[route]], or the documents"
            " that they come from"
        )
    if not question.rules.cloud_allowed:
        return "let an administrator set cloud.allowed"
    if not facts.cloud and not facts.key:
        return "send an API key (`inhouse keys add --name NAME` makes one), or set server.keyless_cloud"
    return "use a key that may use the cloud (`inhouse keys ls`)"
