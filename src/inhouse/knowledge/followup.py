"""Which earlier question a new one leans on, decided by rules that need no model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from inhouse.knowledge.ports import Turn
from inhouse.knowledge.words import Vocabulary

__all__ = ["leans_on"]

_OPENS = re.compile(
    r"\s*(?:а|и|ну|но|тогда|а если|and|but|then|what about|how about|so|also|или|or)\b(?![-\w])",
    re.IGNORECASE,
)
_POINTS = re.compile(
    r"\b(?:он|она|оно|они|его|её|ее|их|ему|ей|им|ими|нём|нем|ней|них|это|этот|эта|эти|этого|этой|этом|там|туда"
    r"|тогда|тот|той|такой|такая|it|its|they|them|their|he|she|his|her|that|this|those|these|there|then|one"
    r"|same|подробнее|ещё|еще)\b",
    re.IGNORECASE,
)
SHORT_STEMS = 3
"""A question with fewer words of its own than this rarely stands alone after another one."""


def leans_on(question: str, history: Sequence[Turn], vocabulary: Vocabulary) -> str:
    """The words of the earlier questions that this one needs, empty when it stands alone.

    "А для инвалидов?" leans on the question before it, and through it on the one before that.
    """
    if not history or not _dependent(question, vocabulary):
        return ""
    words = [history[-1].question]
    for earlier, later in zip(reversed(history[:-1]), reversed(history[1:]), strict=False):
        if not _dependent(later.question, vocabulary):
            break
        words.append(earlier.question)
    return " ".join(reversed(words))


def _dependent(question: str, vocabulary: Vocabulary) -> bool:
    content = {stem for stem in vocabulary.stems(question) if stem not in vocabulary.stops}
    if len(content) < SHORT_STEMS or _OPENS.match(question):
        return True
    return bool(_POINTS.search(question)) and len(content) <= 2 * SHORT_STEMS
