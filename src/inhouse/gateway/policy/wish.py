"""Layers 3 to 6: what the caller asks for by name, force or preference, the switch, role and priority."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from inhouse.gateway.fleet import Place
from inhouse.gateway.names import (
    CLASSES,
    HOUSE_NAMES,
    class_of,
    distance,
    entry_of,
    matches,
    plain_name,
    size_step,
)
from inhouse.gateway.names_table import ModelClass, NameEntry
from inhouse.gateway.policy.route import Candidate, Question, TraceStep
from inhouse.gateway.rules import AliasRule

__all__ = [
    "NOT_ALLOWED",
    "NO_MODEL_CHOSEN",
    "alias_of",
    "explicit",
    "is_gone",
    "is_named",
    "named_by",
    "offered",
    "operator",
    "priority",
    "role",
]

Dropped = list[tuple[str, str]]
OTHER: dict[Place, Place] = {"local": "cloud", "cloud": "local"}
NOT_ALLOWED = "cloud engines are not allowed"
NO_MODEL_CHOSEN = "no model is chosen for this cloud engine"
ONLY_DEMO = "nothing but the demo model is up, which knows nothing"


def is_named(wanted: str, candidate: Candidate) -> bool:
    """True when a requested name is this very candidate's."""
    plain = plain_name(wanted)
    return plain in (candidate.plain, candidate.full)


def offered(wanted: str, candidates: tuple[Candidate, ...]) -> bool:
    """True when an engine lists the name, whatever its state."""
    return any(is_named(wanted, each) for each in candidates)


def alias_of(wanted: str, question: Question) -> AliasRule | None:
    """The first alias that fits the name and whoever pays."""
    facts = question.facts
    for rule in question.rules.aliases:
        payers = not rule.keys or any(
            matches(pattern, facts.key) or matches(pattern, facts.team) for pattern in rule.keys
        )
        if payers and matches(rule.name, wanted):
            return rule
    return None


def explicit(left: list[Candidate], question: Question, step: TraceStep) -> list[Candidate]:
    """Force, then the named model, then a preference for a place."""
    wishes, wanted = question.facts.wishes, question.facts.model
    question.asked = wanted = None if wanted is None or wanted in HOUSE_NAMES else wanted
    step.inputs = (
        ("model", wanted or "the house may choose"),
        ("force", wishes.force or "-"),
        ("prefer", wishes.prefer or "-"),
    )
    dropped: Dropped = []
    if wishes.force is not None:
        step.rule, step.said = "explicit.force", f"the request forces {wishes.force}"
        dropped += [(each.name, step.said) for each in left if each.where != wishes.force]
        left = [each for each in left if each.where == wishes.force]
        question.send(wishes.force, step.said)
        question.pinned = True
    if left:
        left = _unnamed(left, question, dropped) if wanted is None else _named(left, question, dropped, step)
    if wishes.prefer is not None and question.place is None and left:
        step.rule, step.said = "explicit.prefer", f"the request prefers {wishes.prefer}"
        question.send(wishes.prefer, step.said)
        if not any(each.where == wishes.prefer for each in left):
            step.said += ", where nobody can take it"
    step.said = step.said or "the caller leaves the choice to the house"
    step.dropped = tuple(dropped)
    return left


def _unnamed(left: list[Candidate], question: Question, dropped: Dropped) -> list[Candidate]:
    """No demo model beside a real one, and no guess which of a cloud's many models to pay for."""
    left = _real(_payable(left, question, dropped, ""), dropped)
    if left and all(each.model.demo for each in left):
        question.because(ONLY_DEMO, mild=True)
    return left


def _payable(left: list[Candidate], question: Question, dropped: Dropped, family: str) -> list[Candidate]:
    """Of a cloud engine only its chosen model, those a rule names, and the newest of the line asked for.

    It lists dozens, and which one to pay for is not ours to guess.
    """
    task = question.task
    wanted = task.models if task is not None and task.configured else ()
    kept: list[Candidate] = []
    newest: dict[str, Candidate] = {}
    for each in left:
        if (
            each.engine.where == "local"
            or each.chosen
            or any(pattern not in CLASSES and matches(pattern, each.plain) for pattern in wanted)
        ):
            kept.append(each)
        elif family and matches(family, each.plain):
            best = newest.get(each.engine.name)
            if best is None or _age(each) > _age(best):
                newest[each.engine.name] = each
        else:
            dropped.append((each.name, NO_MODEL_CHOSEN))
    return kept + list(newest.values())


def _age(candidate: Candidate) -> tuple[float, list[int]]:
    """Newer is larger: by its date where the engine says one, else by the numbers in its name."""
    version = [int(number) for number in re.findall(r"\d+", candidate.plain)[:4]]
    return candidate.model.modified_at or 0.0, version


def _real(left: list[Candidate], dropped: Dropped) -> list[Candidate]:
    real = [each for each in left if not each.model.demo]
    if real:
        dropped += [(each.name, "is the demo model") for each in left if each.model.demo]
    return real or left


def _named(left: list[Candidate], question: Question, dropped: Dropped, step: TraceStep) -> list[Candidate]:
    """The candidates that a requested name may mean, ranked by how well they fit it."""
    wanted = question.asked or ""
    rule = alias_of(wanted, question)
    if rule is not None:
        return _by_alias(left, rule, question, dropped, step)
    exact = [each for each in left if is_named(wanted, each)]
    listed = bool(exact) or offered(wanted, question.all)
    elsewhere = listed and not exact and question.facts.wishes.force is not None
    shut_out = _shut_out(wanted, question) if listed and not exact else ""
    instead = elsewhere or (bool(shut_out) and _may_be_another(question))
    if listed and question.rules.offered_names == "exact" and not instead:
        question.meaning, question.pinned = "exact", True
        step.rule, step.said = "explicit.exact", f"`{wanted}` was asked for"
        question.because(step.said)
        dropped += [(each.name, f"is not `{wanted}`") for each in left if not is_named(wanted, each)]
        return exact
    entry = entry_of(wanted)
    if listed and not (shut_out and entry):
        wanted_class = _class_of_listed(wanted, question)
    else:
        known = entry and (listed or question.rules.unknown_names == "class")
        wanted_class = entry.means if entry and known else None
    if wanted_class is None:
        question.meaning, step.rule = "unknown", "explicit.unknown"
        step.said = f"nobody here offers `{wanted}`"
        return []
    gone = f", retired on {entry.retired_on}," if entry and is_gone(entry, question.now) else ""
    because = f", because {shut_out}" if shut_out else ""
    step.said = f"`{wanted}`{gone} means a {wanted_class} model here{because}"
    question.wanted_class = wanted_class
    if "embed" in question.facts.needs:
        return _only_vectors(left, question, dropped, step)
    if listed and question.rules.offered_names == "ceiling":
        question.meaning, step.rule = "ceiling", "explicit.ceiling"
        step.said = f"`{wanted}` means no more than a {wanted_class} model{because}"
        question.because(step.said)
        return _below(_real(_payable(left, question, dropped, ""), dropped), wanted_class, dropped)
    question.meaning, step.rule = "class", "explicit.class"
    others = _payable([each for each in left if each not in exact], question, dropped, _line_of(entry))
    left = _real(exact + others, dropped)
    for each in left:
        question.named[each.name] = -1 if each in exact else distance(wanted_class, each.size, each.trades)
    if left and all(each.model.demo for each in left):
        step.said += f"; {ONLY_DEMO}"
    elif min(question.named.values(), default=0) > 0:
        step.said += ", of which none is up: the nearest"
    question.because(step.said)
    _class_is_absent(left, wanted_class, question)
    return left


def _shut_out(wanted: str, question: Question) -> str:
    """Why the words may go to nobody who offers the name; empty where that is not what is in the way."""
    who = [each for each in question.all if is_named(wanted, each)]
    if any(each.where == "local" for each in who):
        return ""
    if question.banned:
        return question.banned
    return NOT_ALLOWED if all(each.engine.state == "found_not_allowed" for each in who) else ""


def _may_be_another(question: Question) -> bool:
    """Whether a name that this caller may not use at its vendor may mean a local model of its class.

    Then a client works on as it did before the house had that vendor. Vectors of two models do not mix.
    """
    facts, rules = question.facts, question.rules
    return rules.unknown_names == "class" and not facts.exactly and "embed" not in facts.needs


def is_gone(entry: NameEntry, now: float) -> bool:
    """True when its vendor refuses the name by now."""
    return bool(entry.retired_on) and entry.retired_on <= datetime.fromtimestamp(now, UTC).date().isoformat()


def _line_of(entry: NameEntry | None) -> str:
    return entry.family if entry else ""


def _class_of_listed(wanted: str, question: Question) -> ModelClass | None:
    return next((each.size for each in question.all if is_named(wanted, each) and each.size), "medium")


def _by_alias(
    left: list[Candidate], rule: AliasRule, question: Question, dropped: Dropped, step: TraceStep
) -> list[Candidate]:
    wanted = question.asked or ""
    step.rule, step.said = "explicit.alias", f"`{wanted}` means {' or '.join(rule.models)} here"
    question.meaning, question.pinned = "alias", True
    question.because(step.said)
    if rule.means == "ceiling":
        question.meaning, question.pinned = "ceiling", False
        step.rule, step.said = "explicit.ceiling", f"`{wanted}` means no more than {' or '.join(rule.models)}"
        limit = max((_as_class(name) for name in rule.models), key=size_step)
        return _below(_real(_payable(left, question, dropped, ""), dropped), limit, dropped)
    kept: list[Candidate] = []
    for each in left:
        rank = _rank_in(rule.models, each)
        if rank is None or (rule.means == "exact" and rank > 0):
            dropped.append((each.name, f"`{wanted}` does not mean it"))
        else:
            question.named[each.name] = rank
            kept.append(each)
    return kept


def named_by(rule: AliasRule, candidate: Candidate) -> bool:
    """True when the alias may mean the candidate."""
    return _rank_in(rule.models, candidate) is not None


def _as_class(name: str) -> ModelClass:
    """A class by its name, or the class of a model of that name; large where nothing tells."""
    return next((each for each in CLASSES if each == name), None) or class_of(name) or "large"


def _rank_in(names: tuple[str, ...], candidate: Candidate) -> int | None:
    for index, name in enumerate(names):
        if name in CLASSES:
            if distance(_as_class(name), candidate.size, candidate.trades) == 0 and (
                candidate.engine.where == "local" or candidate.chosen
            ):
                return index
        elif is_named(name, candidate) or matches(name, candidate.plain) or matches(name, candidate.full):
            return index
    return None


def _below(left: list[Candidate], limit: ModelClass, dropped: Dropped) -> list[Candidate]:
    """No model above the limit; of local ones the smallest there is, when all are above it."""
    most = size_step(limit)
    kept = [each for each in left if each.size is not None and size_step(each.size) <= most]
    if not kept:
        own = [each for each in left if each.where == "local"]
        least = min((size_step(each.size or "medium") for each in own), default=0)
        kept = [each for each in own if size_step(each.size or "medium") == least]
    dropped += [(each.name, f"is more than a {limit} model") for each in left if each not in kept]
    return kept


def _only_vectors(
    left: list[Candidate], question: Question, dropped: Dropped, step: TraceStep
) -> list[Candidate]:
    """The one embedding model of the house: vectors of two models cannot be compared, so none is guessed."""
    wanted = question.asked or ""
    left = _payable(left, question, dropped, "")
    if len({each.plain for each in left}) == 1:
        question.meaning, step.rule = "class", "explicit.class"
        step.said = f"`{wanted}` means the one embedding model of this house"
        question.because(step.said)
        return left
    question.meaning, step.rule = "unknown", "explicit.unknown"
    step.said = f"which embedding model `{wanted}` means is not said, and their vectors cannot be mixed"
    return []


def _class_is_absent(left: list[Candidate], wanted: ModelClass, question: Question) -> None:
    """A large model that no local engine has is asked of the cloud, except for the role L3."""
    if wanted not in ("large", "reasoning") or question.role == "L3":
        return
    local = [each for each in left if each.where == "local" and each.size == "large"]
    if not local and any(each.where == "cloud" for each in left):
        question.send("cloud", f"`{question.asked}` means a {wanted} model, and no local engine has one")


def operator(left: list[Candidate], question: Question, step: TraceStep) -> list[Candidate]:
    """The switch `routing.local`; see `LocalSwitch`.

    What was asked for by force or by a model's own name stands above `true` and `false`, but `force` is a
    ban. A mere `prefer: local` does not undo `false`: clients send it by default, and it would never hold.
    """
    switch = question.rules.local
    step.inputs, step.rule = (("routing.local", switch), ("role", question.role or "-")), f"operator.{switch}"
    local = [each for each in left if each.where == "local"]
    keep: list[Candidate] | None = None
    if switch == "auto":
        step.said = "local first, the cloud may take over"
    elif switch == "true":
        if question.role == "L1":
            step.said = "local engines for L2 and L3 only; L1 goes on"
        elif question.facts.wishes.prefer == "cloud":
            step.said = "local engines, but the request prefers the cloud"
        elif not local:
            step.said = "no local engine can take it, so the cloud may"
        else:
            step.said, keep = "local engines only", local
    elif switch == "force":
        step.said, keep = "nothing may go to the cloud", local
    else:
        cloud = [each for each in left if each.where == "cloud"]
        step.said = "never local"
        if question.pinned and not cloud:
            step.said = "never local, but the request names just that"
        else:
            keep = cloud
    if keep is None:
        return left
    step.dropped = tuple((each.name, f"routing.local is `{switch}`") for each in left if each not in keep)
    if step.dropped and keep:
        question.because(f"routing.local is `{switch}`")
    return keep


def role(left: list[Candidate], question: Question, step: TraceStep) -> list[Candidate]:
    """L1 plans and goes to the cloud, L2 and L3 carry out and stay in the house."""
    name = question.role
    if name is None:
        step.said = "no role was named"
        return left
    whose = "" if question.facts.wishes.role else f", the role of the task `{question.facts.task}`"
    place: Place = "cloud" if name == "L1" else "local"
    step.rule, step.inputs = f"role.{name}", (("role", name),)
    _send(place, f"role {name}{whose}", left, question, step)
    return left


def priority(left: list[Candidate], question: Question, step: TraceStep) -> list[Candidate]:
    """Critical and high go to the cloud, medium and low stay; batch work waits rather than go out."""
    word = question.facts.wishes.priority
    if word is None:
        step.said = "no priority was named; it counts as medium"
        return left
    step.rule, step.inputs = f"priority.{word}", (("priority", word),)
    place: Place = "cloud" if word in ("critical", "high") else "local"
    if word == "batch" and question.facts.wishes.force is None:
        embeds = "embed" in question.facts.needs
        own = any(
            each.where == "local" and not each.model.demo and each.model.chats != embeds
            for each in question.all
        )
        if own:
            step.dropped = tuple(
                (each.name, "batch work never goes to the cloud") for each in left if each.where == "cloud"
            )
            left = [each for each in left if each.where == "local"]
    if left:
        _send(place, f"priority {word}", left, question, step)
    else:
        step.said = "batch work waits until a local engine is free"
    return left


def _send(place: Place, why: str, left: list[Candidate], question: Question, step: TraceStep) -> None:
    """Say where the words go, and say it as it is when nobody is there or a rule above spoke first."""
    if not any(each.where == place for each in left):
        step.said = f"{why}: {place}, but no {place} engine may or can take it"
    elif question.send(place, f"{why}: {place} first"):
        step.said = f"{place} first"
    elif question.place == place:
        step.said = f"{place} too, as a rule above says"
    else:
        step.said = f"{place} would be first, but a rule above says {question.place}"
