"""Which words of a question no quote holds: what an answer that is not sure must name. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from inhouse.knowledge.extract import Quote
from inhouse.knowledge.rank import Weights
from inhouse.knowledge.words import Question, Vocabulary

__all__ = ["unsaid_words"]

MOST_WORDS = 4
TELLING_SHARE = 0.5
"""A word is worth naming from this share of the worth of the question's rarest word on."""
MEASURES = (
    "number amount percentage percent maximum minimum rate limit length size date day days hour hours"
    " week weeks month months year years time times"
    " число количество процент максимум минимум максимальный минимальный размер срок дата день дней час часов"
    " неделя недель месяц месяцев год лет раз"
)
"""Words that ask for a value and need not stand beside it."""

POLITE = (
    "hi hello hey dear thanks thank kindly please regards"
    " привет здравствуйте спасибо пожалуйста уважаемый уважаемые добрый коллеги благодарю"
)
"""Courtesy asks for nothing, so no quote has to hold it."""


def unsaid_words(
    asked: Sequence[tuple[Question, Weights]], quotes: Sequence[Quote], vocabulary: Vocabulary
) -> tuple[str, ...]:
    """The telling words of what is asked that neither a quote holds nor what stands above it.

    A relative or another name of a word says it, too. As they stand in the question, in its order, at most
    four; none when nothing is quoted.
    """
    if not quotes:
        return ()
    above = " ".join(" ".join((one.passage.title, *one.passage.heading)) for one in quotes)
    texts = [vocabulary.stems(each) for each in (above, *(one.text for one in quotes))]
    measures = frozenset(vocabulary.stems(f"{MEASURES} {POLITE}"))
    unsaid: list[str] = []
    for question, weights in asked:
        lookout = weights.lookout()
        held = {stem for text in texts for _, stem, _ in lookout.sight(text)}
        least = TELLING_SHARE * max(weights.of.values(), default=0.0)
        for word in question.text.split():
            stems = [
                stem for stem in vocabulary.stems(word) if stem in question.content and stem not in measures
            ]
            if stems and not held.intersection(stems) and any(weights.of[stem] >= least for stem in stems):
                unsaid.append(word.strip("?!.,;:()\"'«»“”"))
    return tuple(dict.fromkeys(unsaid))[:MOST_WORDS]
