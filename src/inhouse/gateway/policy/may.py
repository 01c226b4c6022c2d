"""Layers 0 to 2, which only take away: who can, where the words may go, and what money allows."""

from __future__ import annotations

from inhouse.gateway.currency import money_text
from inhouse.gateway.facts import ANSWER_TASK, tokens_needed
from inhouse.gateway.names import HOUSE_NAMES, matches
from inhouse.gateway.policy.route import Candidate, Question, TraceStep
from inhouse.gateway.policy.wish import NOT_ALLOWED, alias_of, is_named

__all__ = ["NOT_OF_KEY", "absent", "budget", "data", "eligibility"]

NOT_OF_KEY = "this key may not use it"

Dropped = list[tuple[str, str]]


def eligibility(left: list[Candidate], question: Question, step: TraceStep) -> list[Candidate]:
    """Only engines that are up and not resting, and models that can do what is asked and may be asked."""
    dropped: Dropped = [
        (engine.name, engine.reason or "offers no model")
        for engine in question.fleet.engines
        if not engine.models
    ]
    facts = question.facts
    asked = None if facts.model in HOUSE_NAMES else facts.model
    if facts.models and asked is not None and not _may_name(asked, left, facts.models):
        step.rule = "eligibility.key"
        step.said = f"this key may not ask for `{asked}`"
        return []
    kept: list[Candidate] = []
    for each in left:
        if reason := _unfit(each, question):
            dropped.append((each.name, reason))
        else:
            kept.append(each)
    step.dropped = tuple(dropped)
    step.inputs = (
        ("needs", ", ".join(sorted(facts.needs)) or "text only"),
        ("tokens", str(_tokens(question))),
    )
    step.rule = "eligibility.fit"
    step.said = f"{len(kept)} of {len(left)} models are up and can do this"
    return kept


def _tokens(question: Question) -> int:
    return tokens_needed(question.facts.prompt_tokens, question.facts.reply_tokens)


def _may_name(asked: str, candidates: list[Candidate], patterns: tuple[str, ...]) -> bool:
    """True for a name of the key's patterns, also with its engine in front (`ollama/qwen2.5:7b`)."""
    if _may_ask(asked, patterns):
        return True
    return any(_any_name(each, patterns) for each in candidates if is_named(asked, each))


def _may_ask(name: str, patterns: tuple[str, ...]) -> bool:
    return any(matches(pattern, name) for pattern in patterns)


def _unfit(candidate: Candidate, question: Question) -> str:
    """Why it cannot take the request, empty when it can."""
    return absent(candidate, question.now) or _unable(candidate, question) or _unwanted(candidate, question)


def absent(candidate: Candidate, now: float) -> str:
    """Why its engine cannot be asked at all."""
    engine = candidate.engine
    if engine.state == "down":
        return engine.reason or "is down"
    if engine.state == "up" and engine.rests_until > now:
        return f"rests for {engine.rests_until - now:.0f} s more: {engine.rest_reason}"
    if candidate.profile.dialect is None and engine.kind != "scripted":
        return f"there is no way to talk to engines of the kind {engine.kind}"
    return ""


def _unwanted(candidate: Candidate, question: Question) -> str:
    """Why this model is not for this request."""
    model, facts = candidate.model, question.facts
    if "embed" in facts.needs:
        if not candidate.embeds or not candidate.profile.embeds:
            return "does not give vectors"
    elif not model.chats:
        return "is not a chat model"
    needed = _tokens(question)
    if model.context_tokens is not None and needed > model.context_tokens:
        return f"its context of {model.context_tokens} tokens is too short for about {needed}"
    if model.demo and facts.task == ANSWER_TASK and not question.rules.allow_demo_answers:
        return "is the demo model, which does not answer from documents"
    if facts.models and not _may_use(candidate, question):
        return NOT_OF_KEY
    return ""


def _may_use(candidate: Candidate, question: Question) -> bool:
    """Whether a key with patterns may be served by it.

    Where the house chooses, the patterns say. A name that was asked for may mean another model of this
    house, but only an alias of the administrator sends it to a cloud model beside the patterns.
    """
    asked, patterns = question.facts.model, question.facts.models
    if _any_name(candidate, patterns):
        return True
    if asked is None or asked in HOUSE_NAMES:
        return False
    return candidate.where == "local" or is_named(asked, candidate) or alias_of(asked, question) is not None


def _any_name(candidate: Candidate, patterns: tuple[str, ...]) -> bool:
    return _may_ask(candidate.model.name, patterns) or _may_ask(candidate.name, patterns)


def _unable(candidate: Candidate, question: Question) -> str:
    """What the model or its engine cannot do of what is needed; what nobody knows is tried."""
    needs, profile, can = question.facts.needs, candidate.profile, candidate.model.capabilities
    if not needs:
        return ""
    if "json_schema" in needs and not profile.honours_json_schema:
        return "ignores a required answer format"
    if "logprobs" in needs and not profile.logprobs:
        return "gives no log-probabilities"
    if can is None:
        return ""
    if "tools" in needs and "tools" not in can:
        return "cannot call functions"
    if "forced_tool" in needs and "tools" not in can and not profile.honours_json_schema:
        return "cannot be made to call a function"
    if "vision" in needs and "vision" not in can:
        return "cannot see pictures"
    return ""


def data(left: list[Candidate], question: Question, step: TraceStep) -> list[Candidate]:
    """No word leaves the house unless the request, the administrator and the key allow it."""
    facts, rules = question.facts, question.rules
    if facts.data == "local_only":
        step.rule, reason = "data.local_only", "the data may not leave the house"
    elif not rules.cloud_allowed:
        step.rule, reason = "data.cloud_not_allowed", NOT_ALLOWED
    elif not facts.cloud:
        whose = "this key" if facts.key else "callers without an API key"
        step.rule, reason = "data.key", f"{whose} may not use the cloud"
    else:
        step.rule, reason = "data.any", ""
    step.inputs = (
        ("data", facts.data),
        ("cloud.allowed", "true" if rules.cloud_allowed else "false"),
        ("key may use the cloud", "yes" if facts.cloud else "no"),
    )
    step.said = f"{reason}: local engines only" if reason else "the words may leave the house"
    question.banned = reason
    kept: list[Candidate] = []
    dropped: Dropped = []
    for each in left:
        if each.where == "cloud" and (reason or each.engine.state == "found_not_allowed"):
            dropped.append((each.name, reason or NOT_ALLOWED))
        else:
            kept.append(each)
    step.dropped = tuple(dropped)
    return kept


def budget(left: list[Candidate], question: Question, step: TraceStep) -> list[Candidate]:
    """No cloud once the cap is reached, and none that would cost more than this request may."""
    rest, most = question.budget.cloud_left_micros, question.facts.wishes.max_cost_micros
    step.inputs = (
        ("left", "no cap" if rest is None else money_text(rest)),
        ("this request at most", "no limit" if most is None else money_text(most)),
    )
    if (rest is None or rest > 0) and most is None:
        step.rule, step.said = "budget.open", "no budget is in the way"
        return left
    kept: list[Candidate] = []
    dropped: Dropped = []
    for each in left:
        reason = ""
        if each.where == "cloud":
            if rest is not None and rest <= 0:
                reason = "the budget is used up"
            elif most is not None:
                reason = _too_dear(each, question, most)
        if reason:
            dropped.append((each.name, reason))
        else:
            kept.append(each)
    step.dropped = tuple(dropped)
    step.rule = "budget.used_up" if rest is not None and rest <= 0 else "budget.limit"
    step.said = f"{len(dropped)} cloud models cost too much" if dropped else "no model costs too much"
    return kept


def _too_dear(candidate: Candidate, question: Question, most: int) -> str:
    facts, price_of = question.facts, question.budget.price_of
    cost = (
        price_of(candidate.engine.name, candidate.model.name, facts.prompt_tokens, facts.reply_tokens)
        if price_of is not None
        else None
    )
    if cost is None:
        return "its price is not known, and the request has a limit"
    if cost > most:
        return f"would cost about {money_text(cost)}, more than the {money_text(most)} of this request"
    return ""
