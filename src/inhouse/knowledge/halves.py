"""Which parts of a question stay without an answer, so that half an answer is never taken for a whole one."""

from __future__ import annotations

from collections.abc import Sequence

from inhouse.knowledge.extract import Quote
from inhouse.knowledge.plain import plain
from inhouse.knowledge.rank import Weights
from inhouse.knowledge.words import Language, Question, Vocabulary, holds_kind

__all__ = ["say_unanswered", "unanswered_parts"]

CARRIED_SHARE = 0.34
"""A quote that carries less of a part's words is about something else. Words around it (title, headings,
the sentence's own passage) count half. One third keeps parts that ask in other words than the document."""
AROUND = 0.5


def unanswered_parts(
    asked: Sequence[tuple[Question, Weights]], quotes: Sequence[Quote], vocabulary: Vocabulary
) -> tuple[str, ...]:
    """The parts that no quote answers, in their own words; empty for a question of one part.

    Also empty when no part is answered: then the whole question is refused or hedged, not a half of it.
    """
    if len(asked) < 2:
        return ()
    missing = tuple(
        question.text for question, weights in asked if not _answered(question, weights, quotes, vocabulary)
    )
    return missing if len(missing) < len(asked) else ()


def say_unanswered(parts: Sequence[str], language: Language) -> str:
    """What is missing, for a person, in the language of the question."""
    named = "; ".join(f"«{part}»" if language == "ru" else f"“{part}”" for part in parts)
    if language == "ru":
        return f"На часть вопроса ответа в доступных вам документах нет: {named}."
    return f"The documents you can read do not answer a part of the question: {named}."


def _answered(question: Question, weights: Weights, quotes: Sequence[Quote], vocabulary: Vocabulary) -> bool:
    for quote in quotes:
        text = plain(quote.text)
        own = frozenset(vocabulary.stems(text))
        passage = quote.passage
        around = frozenset(vocabulary.stems(" ".join((passage.title, *passage.heading, passage.text))))
        carried = sum(weights.of.get(stem, 0.0) for stem in question.content if stem in own)
        carried += AROUND * sum(
            weights.of.get(stem, 0.0) for stem in question.content if stem in around - own
        )
        enough = weights.total > 0 and carried >= CARRIED_SHARE * weights.total
        if enough and (question.wants is None or holds_kind(text, question.wants)):
            return True
    return False
