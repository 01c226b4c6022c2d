"""Answers that several models make: what each of them is asked, and when it is enough.

* cascade: a cheap model drafts; a draft that is sure enough is the answer, else a strong model refines it.
* consensus: several models answer apart; where they agree that is the answer, else the strongest of them
  writes one answer from all.

Both are asked for by the header `x-inhouse-strategy` or by the model names below, have caps on time and
cost, and leave a list of steps beside the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from inhouse.gateway.agree import same
from inhouse.gateway.escalate import ACCEPT, ESCALATE_BELOW
from inhouse.kernel.messages import ChatMessage, ChatRequest, Strategy, Usage, Wishes
from inhouse.kernel.ports import Step

__all__ = [
    "STRATEGY_MODELS",
    "StrategySettings",
    "agreed",
    "one_of",
    "refine_request",
    "strategy_of",
    "summary",
    "synthesis_request",
    "total_usage",
]

STRATEGY_MODELS: Mapping[str, Strategy] = MappingProxyType(
    {"inhouse/cascade": "cascade", "inhouse/consensus": "consensus"}
)
SHORT_CHARS = 200
"""Longer answers that agree word for word are copies, not agreement."""


@dataclass(frozen=True, slots=True)
class StrategySettings:
    """Caps and thresholds. Models are names as callers use them; empty: the routing chooses.

    `max_seconds` counts from the request to the first word of the answer; what was found until then is
    given. `post_hoc` also judges single answers that are read whole, and asks again below
    `escalate_below`. `samples` further drafts are taken for short answers, for their agreement.
    """

    accept: float = ACCEPT
    escalate_below: float = ESCALATE_BELOW
    draft_model: str = ""
    refine_model: str = ""
    opinions: int = 3
    samples: int = 0
    max_seconds: float = 120.0
    max_cost_micros: int | None = None
    post_hoc: bool = False


def strategy_of(request: ChatRequest) -> Strategy:
    """How the caller wants the answer to be made; the model name is the stronger word."""
    return STRATEGY_MODELS.get(request.model or "", request.wishes.strategy)


def one_of(request: ChatRequest, *, model: str | None, left_micros: int | None, scores: bool) -> ChatRequest:
    """The request as one step of several puts it: read whole, and alone."""
    return replace(
        request,
        model=model,
        stream=False,
        top_logprobs=0 if scores and request.top_logprobs is None else request.top_logprobs,
        wishes=_single(request.wishes, left_micros),
        original=None,
    )


def refine_request(
    request: ChatRequest, draft: str, *, model: str | None, left_micros: int | None
) -> ChatRequest:
    """Ask for a better answer than the draft."""
    rule = (
        "Another model drafted the answer below. Check it, correct what is wrong, complete what is"
        " missing, and give the final answer only, without a word about the draft, in the language and"
        f" form that were asked for.\n\n<draft>\n{draft}\n</draft>"
    )
    return _with_rule(request, rule, model, left_micros)


def synthesis_request(
    request: ChatRequest, answers: Sequence[str], *, model: str | None, left_micros: int | None
) -> ChatRequest:
    """Ask for one answer made of several."""
    parts = "\n\n".join(f'<answer number="{n}">\n{text}\n</answer>' for n, text in enumerate(answers, 1))
    rule = (
        "Several models answered apart from each other; their answers stand below. Write one final answer:"
        " keep what they agree on, decide where they differ and say so where it matters, add nothing that"
        " none of them supports. Do not mention the models. Use the language and form that were asked"
        f" for.\n\n{parts}"
    )
    return _with_rule(request, rule, model, left_micros)


def agreed(answers: Sequence[str]) -> bool:
    """True when all answers are short and say the same (`gateway.agree`)."""
    return len(answers) > 1 and max(map(len, answers)) <= SHORT_CHARS and same(answers)


def total_usage(usages: Sequence[Usage]) -> Usage:
    """Tokens of all steps together; estimated when any of them is."""
    return Usage(
        sum(each.input_tokens for each in usages),
        sum(each.output_tokens for each in usages),
        sum(each.cached_tokens for each in usages),
        any(each.estimated for each in usages),
        sum(each.cache_write_tokens for each in usages),
        sum(each.reasoning_tokens for each in usages),
    )


def summary(strategy: Strategy, steps: Sequence[Step], why: str) -> str:
    """The steps in one line, for a person."""
    parts = []
    for each in steps:
        sure = f" ({each.confidence:.2f})" if each.confidence is not None else ""
        parts.append(f"{each.role} {each.engine}/{each.model}{sure}")
    return f"{strategy}: {', then '.join(parts)}; {why}"


def _with_rule(request: ChatRequest, rule: str, model: str | None, left_micros: int | None) -> ChatRequest:
    """The rule stands in the system's turn: some engines take one such turn only, and at the start."""
    first, *rest = request.messages
    if first.role == "system":
        messages = (replace(first, content=f"{first.content}\n\n{rule}"), *rest)
    else:
        messages = (ChatMessage("system", rule), first, *rest)
    return replace(
        request, messages=messages, model=model, wishes=_single(request.wishes, left_micros), original=None
    )


def _single(wishes: Wishes, left_micros: int | None) -> Wishes:
    return replace(wishes, strategy="single", max_cost_micros=left_micros)
