"""Decides how sure the house may sound: answer, hedge or refuse.

Looks only at numbers that `rank` computed and at whether the value asked for is there; never at a model's
own confidence. The curve was fitted on XQuAD with and without the paragraph that holds the answer (1,436
questions, both languages, 672 documents) and checked on houses of 30 and 145 documents: `bench/no_answer.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from inhouse.kernel.documents import Band
from inhouse.knowledge.rank import Ranked, Weights
from inhouse.knowledge.words import AnswerKind, Language, Question

__all__ = ["Verdict", "evidence", "judge", "say_reason"]

# Logistic regression on log score, log of the question's weight, share of names and of figures not found.
_SCORE, _TOTAL, _NAMES, _FIGURES, _BIAS = 4.40, -2.71, -1.43, -0.42, -2.69

REFUSE_BELOW = -0.15
"""Refuses 84 % of near misses in both languages, keeps 86 % (ru) and 91 % (en); bench/no_answer.py."""
HEDGE_BELOW = 0.6
"""Between the two about one question in five is unanswerable."""
FULL_SIZE_CHUNKS, SIZE_SLOPE = 4_000, 0.15
"""In a small house an absent word says less: the same words count as rarer than they are."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A band and, when it is not `answer`, why: nothing found, little found, or the value is missing."""

    band: Band
    why: str  # "" | nothing | weak | value
    missing: AnswerKind | None = None


def evidence(question: Question, ranked: Sequence[Ranked], weights: Weights, *, chunks: int) -> float:
    """How well the best chunk carries the question; about log odds that the answer is there.

    Negative infinity when there is nothing at all.
    """
    if not ranked or weights.total <= 0 or ranked[0].score <= 0:
        return -math.inf
    best = ranked[0]
    size = math.log(FULL_SIZE_CHUNKS / min(max(chunks, 1), FULL_SIZE_CHUNKS))
    return (
        _BIAS
        + _SCORE * math.log(best.score)
        + _TOTAL * math.log(weights.total)
        + _NAMES * _share_missing(question.names, best.held)
        + _FIGURES * _share_missing(question.numbers, best.held)
        + SIZE_SLOPE * size
    )


def judge(strength: float, *, missing: AnswerKind | None) -> Verdict:
    """The band for an evidence value; `missing` is the kind of value that was asked for and not found."""
    if strength == -math.inf:
        return Verdict("refuse", "nothing")
    if strength < REFUSE_BELOW:
        return Verdict("refuse", "weak")
    if missing is not None:
        return Verdict("hedge", "value", missing)
    return Verdict("hedge", "weak") if strength < HEDGE_BELOW else Verdict("answer", "")


def say_reason(verdict: Verdict, language: Language) -> str | None:
    """The verdict for a person, in the language of the question; None for a plain answer."""
    if verdict.band == "answer":
        return None
    if verdict.missing is not None:
        value = _VALUES[verdict.missing][language]
        return _VALUE_MISSING[language].format(value=value)
    return _REASONS[verdict.band, verdict.why][language]


def _share_missing(wanted: frozenset[str], held: frozenset[str]) -> float:
    return len(wanted - held) / len(wanted) if wanted else 0.0


_REASONS: dict[tuple[str, str], dict[Language, str]] = {
    ("refuse", "nothing"): {
        "ru": "В доступных вам документах об этом ничего нет.",
        "en": "The documents you can read say nothing about this.",
    },
    ("refuse", "weak"): {
        "ru": "В доступных вам документах ответа нет. Ниже — самые близкие фрагменты.",
        "en": "The documents you can read do not answer this. The nearest passages are below.",
    },
    ("hedge", "weak"): {
        "ru": "Прямого ответа может не быть. Вот что документы говорят об этом.",
        "en": "This may not be a direct answer. Here is what the documents say about it.",
    },
}
_VALUE_MISSING: dict[Language, str] = {
    "ru": "Документы говорят об этом, но {value} в найденных фрагментах нет.",
    "en": "The documents speak about this, but the passages found give no {value}.",
}
_VALUES: dict[AnswerKind, dict[Language, str]] = {
    "number": {"ru": "числа", "en": "number"},
    "date": {"ru": "даты", "en": "date"},
    "period": {"ru": "срока", "en": "length of time"},
    "person": {"ru": "имени или должности", "en": "name or role"},
    "money": {"ru": "суммы", "en": "amount"},
    "percent": {"ru": "процента", "en": "percentage"},
    "address": {"ru": "адреса или телефона", "en": "address or phone number"},
}
