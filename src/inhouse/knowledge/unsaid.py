"""Which words of a question no passage holds: what an answer that is not sure must name. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from inhouse.kernel.documents import Passage
from inhouse.knowledge.rank import Weights
from inhouse.knowledge.words import Question, Vocabulary

__all__ = ["unsaid_words"]

MOST_WORDS = 4
TELLING_SHARE = 0.5
"""A word is worth naming from this share of the worth of the question's rarest word on."""


def unsaid_words(
    asked: Sequence[tuple[Question, Weights]], passages: Sequence[Passage], vocabulary: Vocabulary
) -> tuple[str, ...]:
    """The telling words of what is asked that no passage holds, not even as a relative or another name.

    As they stand in the question, in its order, at most four.
    """
    texts = [vocabulary.stems(" ".join((one.title, *one.heading, one.text))) for one in passages]
    unsaid: list[str] = []
    for question, weights in asked:
        lookout = weights.lookout()
        held = {stem for text in texts for _, stem, _ in lookout.sight(text)}
        least = TELLING_SHARE * max(weights.of.values(), default=0.0)
        for word in question.text.split():
            stems = [stem for stem in vocabulary.stems(word) if stem in question.content]
            if stems and not held.intersection(stems) and any(weights.of[stem] >= least for stem in stems):
                unsaid.append(word.strip("?!.,;:()\"'«»“”"))
    return tuple(dict.fromkeys(unsaid))[:MOST_WORDS]
