"""What a person is told when no engine is left, and the error that it becomes."""

from __future__ import annotations

import difflib

from inhouse.gateway.names import HOUSE_NAMES, entry_of, known_names
from inhouse.gateway.policy.blame import blame_of, budget_words, way_out
from inhouse.gateway.policy.may import NOT_OF_KEY, absent
from inhouse.gateway.policy.route import Candidate, NoRoute, Question, RefusalCode, TraceStep
from inhouse.gateway.policy.wish import NO_MODEL_CHOSEN, alias_of, is_gone, is_named, offered
from inhouse.kernel.errors import Forbidden, InhouseError, NoEngine, NotFound, NotSupported, OverBudget

__all__ = ["no_route", "refusal"]

_ERRORS: dict[RefusalCode, type[InhouseError]] = {
    "no_engine": NoEngine,
    "not_supported": NotSupported,
    "not_found": NotFound,
    "forbidden": Forbidden,
    "over_budget": OverBudget,
}


def refusal(route: NoRoute) -> InhouseError:
    """The error that a caller gets for it."""
    return _ERRORS[route.code](route.message, hint=route.hint)


def no_route(question: Question, before: list[Candidate], trace: tuple[TraceStep, ...]) -> NoRoute:
    """The refusal of the last layer of the trace, which `before` was given to."""
    step = trace[-1]
    blame = blame_of(question, trace)
    if blame is not None:
        return NoRoute(step.layer, blame.message, blame.hint, trace, blame.code)
    code: RefusalCode = "no_engine"
    if step.rule == "explicit.unknown":
        code = "not_found"
    elif step.rule == "eligibility.key":
        code = "forbidden"
    elif step.rule == "budget.used_up":
        code = "over_budget"
    elif step.layer == "eligibility" and _nobody_can(question, step):
        code = "not_supported"
    elif step.layer == "data" and _is_final(question):
        code = "forbidden"
    message, hint = _about_the_name(question, before, step) or _about_the_engines(question, step)
    return NoRoute(step.layer, message, hint, trace, code)


def _is_final(question: Question) -> bool:
    """True when no local engine may come back, and what was asked for may not leave the house."""
    if any(each.where == "local" for each in question.fleet.engines):
        return False
    facts = question.facts
    named = facts.model is not None and offered(facts.model, question.all)
    return named or not facts.cloud or facts.wishes.force == "cloud"


def _about_the_name(question: Question, before: list[Candidate], step: TraceStep) -> tuple[str, str] | None:
    """What is wrong with the name that was asked for, None when the name is not to blame."""
    wanted = question.facts.model
    if step.rule == "eligibility.key":
        patterns = ", ".join(f"`{pattern}`" for pattern in question.facts.models[:6])
        return f"This key may not ask for the model `{wanted}`", f"it may ask for {patterns}"
    if step.rule == "explicit.unknown" and "embed" in question.facts.needs:
        return f"No engine offers the model `{wanted}`: {step.said}", _aliases_hint(before)
    if wanted is not None and (step.rule == "explicit.unknown" or not _known(wanted, question)):
        return f"No engine that may be used offers the model `{wanted}`", _near(wanted, question, before)
    return None


def _about_the_engines(question: Question, step: TraceStep) -> tuple[str, str]:
    layer = step.layer
    reasons = "; ".join(f"`{name}`: {reason}" for name, reason in step.dropped[:6])
    if layer == "eligibility" and not question.fleet.engines:
        return "No language model was found", "start Ollama or another engine, then `inhouse models ls`"
    if layer == "eligibility" and _nobody_can(question, step):
        return f"No engine can take this request: {reasons}", "connect a model that can, or ask for less"
    if layer == "eligibility":
        return f"No engine can take this request: {reasons}", "`inhouse models ls` shows every engine"
    if layer == "data":
        hint = f"start a local engine, or {way_out(question)}"
        return f"No local engine can take this request, and {reasons}", hint
    if layer == "budget":
        said = budget_words(question) if step.rule == "budget.used_up" else reasons
        return (
            f"No engine is left that the budget allows: {said}",
            "start a local engine, or raise the budget",
        )
    if any(reason == NO_MODEL_CHOSEN for _, reason in step.dropped):
        hint = "name a model in the request, or choose one with `model` in its [[engine]] block"
        return f"No engine is left by the rule `{layer}`: {reasons}", hint
    said = f"{step.said}: " if step.said else ""
    return (
        f"No engine is left by the rule `{layer}`: {said}{reasons}",
        "`inhouse route explain` shows every rule",
    )


def _aliases_hint(before: list[Candidate]) -> str:
    some = ", ".join(f"`{name}`" for name in sorted({each.model.name for each in before})[:5])
    return (
        f"write an [[alias]] that says which it means; offered are {some}" if some else "`inhouse models ls`"
    )


def _nobody_can(question: Question, step: TraceStep) -> bool:
    """True when waiting helps nobody: all models that were meant are there, and not fit for the request."""
    wanted = question.facts.model or ""
    if (wanted and not _known(wanted, question)) or any(why == NOT_OF_KEY for _, why in step.dropped):
        return False
    meant = [each for each in question.all if is_named(wanted, each)] or question.all
    return bool(meant) and not any(absent(each, question.now) for each in meant)


def _known(wanted: str, question: Question) -> bool:
    """True when the name means something here, so that it is not the name that is wrong."""
    if wanted in HOUSE_NAMES or alias_of(wanted, question) is not None or offered(wanted, question.all):
        return True
    return question.rules.unknown_names == "class" and entry_of(wanted) is not None


def _is_old(name: str, now: float) -> bool:
    entry = entry_of(name)
    return entry is not None and is_gone(entry, now)


def _near(wanted: str, question: Question, usable: list[Candidate]) -> str:
    names = {each.model.name for each in usable}
    names |= {rule.name for rule in question.rules.aliases if "*" not in rule.name}
    near = difflib.get_close_matches(wanted, sorted(names), n=3, cutoff=0.5)
    if not near and question.rules.unknown_names == "class":
        good = [name for name in known_names() if not _is_old(name, question.now)]
        near = difflib.get_close_matches(wanted, good, n=3, cutoff=0.75)
    if near:
        return "did you mean " + " or ".join(f"`{name}`" for name in near)
    some = ", ".join(f"`{name}`" for name in sorted(names)[:5])
    return f"offered are {some}" if some else "`inhouse models ls` shows every model"
