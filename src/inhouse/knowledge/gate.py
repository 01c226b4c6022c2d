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

__all__ = ["REFUSE_BELOW", "Verdict", "evidence", "features", "judge", "say_reason"]

FITTED = (5.35, -3.28, -1.44, -0.28)
BIAS = -3.48
"""Logistic regression over `features`; python -m bench.fit_gate prints the fit and how it does elsewhere."""

REFUSE_BELOW = 0.08
"""bench/no_answer.py, n=718 per language: ru .86 of near misses refused at .86 answered, en .87 at .88.
The same curve fitted on one language and tried on the other: .86 refused at .85 answered ru, .90 en."""
HEDGE_BELOW = 0.8
"""The share of unanswerable questions between the two is printed by bench/no_answer.py (its bands)."""
FULL_SIZE_CHUNKS, SIZE_SLOPE = 4_000, 0.15
"""In a small house an absent word says less: the same words count as rarer than they are."""
ABSENT_SHARE, PERSONAL_LIFT = 0.2, 3.0
"""People who tell their own case use words that no policy uses ("beach", "fever", "свадьба"). For them a word
that stands nowhere in the house counts for a fifth, and what is left is judged more mildly, but never as more
than worth a hedge. bench/staff.py, 44 such questions about an invented handbook: 2 not refused without it, 26
to 31 with a lift of 2.65, 30 to 32 with 3.0, and of 16 near misses 7 to 9 are then hedged to. XQuAD hardly
knows such questions. Words that encyclopedias use as well ("свой", "должен", "если") do not make a question
personal: with them 39 of 718 Russian questions of XQuAD did, and near misses refused fell to .827."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A band and, when it is not `answer`, why: nothing found, little found, or the value is missing."""

    band: Band
    why: str  # "" | nothing | weak | value
    missing: AnswerKind | None = None
    unsaid: tuple[str, ...] = ()
    """Words of the question that no quote holds: what a hedge must name."""


def features(question: Question, best: Ranked, total: float) -> tuple[float, float, float, float]:
    """What the fit looks at: log score, log of the question's weight `total`, names and figures not found.

    Relatives and other names of the words are in the score (`sighting`), and that is most of what can be
    known. Tried beside these four: the best sentence's share of the question, the lead over the next chunk,
    the heaviest missing word, names missing in the best sentence, whether the kind of value is there. Each
    moved what is refused at 85 % answered by less than .01, up or down, when fitted on one language and tried
    on the other (1,436 questions with and without their paragraph).
    """
    return (
        math.log(best.score),
        math.log(total),
        _share_missing(question.names, best.held),
        _share_missing(question.numbers, best.held),
    )


def evidence(question: Question, ranked: Sequence[Ranked], weights: Weights, *, chunks: int) -> float:
    """How well the best chunk carries the question; about log odds that the answer is there.

    Negative infinity when there is nothing at all.
    """
    if not ranked or weights.total <= 0 or ranked[0].score <= 0:
        return -math.inf
    plain = _strength(features(question, ranked[0], weights.total), chunks)
    if not question.personal:
        return plain
    absent = sum(weights.of[stem] for stem in weights.absent)
    mild = features(question, ranked[0], weights.total - (1 - ABSENT_SHARE) * absent)
    return max(plain, min(_strength(mild, chunks) + PERSONAL_LIFT, HEDGE_BELOW - 0.01))


def _strength(found: Sequence[float], chunks: int) -> float:
    size = math.log(FULL_SIZE_CHUNKS / min(max(chunks, 1), FULL_SIZE_CHUNKS))
    return BIAS + sum(weight * value for weight, value in zip(FITTED, found, strict=True)) + SIZE_SLOPE * size


def judge(strength: float, *, missing: AnswerKind | None, unsaid: tuple[str, ...] = ()) -> Verdict:
    """The band for an evidence value.

    `missing` is the kind of value that was asked for and not found, `unsaid` the words that no quote holds.
    """
    if strength == -math.inf:
        return Verdict("refuse", "nothing")
    if strength < REFUSE_BELOW:
        return Verdict("refuse", "weak")
    if missing is not None:
        return Verdict("hedge", "value", missing, unsaid)
    # Words may be said otherwise, names and figures may not: an answer about another place is no answer.
    named = tuple(word for word in unsaid if word[:1].isupper() or word[:1].isdigit())
    if strength < HEDGE_BELOW or named:
        return Verdict("hedge", "weak", unsaid=unsaid if strength < HEDGE_BELOW else named)
    return Verdict("answer", "")


def say_reason(verdict: Verdict, language: Language) -> str | None:
    """The verdict for a person, in the language of the question; None for a plain answer."""
    if verdict.band == "answer":
        return None
    if verdict.missing is not None:
        value = _VALUES[verdict.missing][language]
        said = _VALUE_MISSING[language].format(value=value)
    else:
        said = _REASONS[verdict.band, verdict.why][language]
    if not verdict.unsaid:
        return said
    words = ", ".join(f"«{word}»" if language == "ru" else f"“{word}”" for word in verdict.unsaid)
    return f"{said} {_UNSAID[language].format(words=words)}"


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
_UNSAID: dict[Language, str] = {
    "ru": "В цитатах не упоминается: {words}.",
    "en": "The quotes do not mention: {words}.",
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
