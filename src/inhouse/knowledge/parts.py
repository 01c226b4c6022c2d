"""Cuts a question into what it asks and what it tells beforehand.

"My father died. How many days do I get, and by when must I ask?" tells one thing and asks two. What is told
helps to find the place but must not outweigh the question; two things asked are often answered in two
places, and taken as one the longer half wins. Rules only: a part begins with a question word after a full
stop, a comma or an "and".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Parts", "split_question"]

MOST_ASKED = 3
FEWEST_LETTERS = 8
LONGEST_QUESTION = 1_000
"""Longer texts are no questions that can be told apart, and rules over them would take seconds."""
_PREPOSITION = r"(?:(?:за|на|в|во|до|с|со|от|по|при|из|у|к|о|by|for|in|at|to|from)\s+)?"
_ASKING = (
    r"сколько|когда|как(?:ой|ая|ое|ие|ова|ого|ую|ому|им|ом)?|кто|кому|кем|где|куда|откуда|чем|чему|почему|зачем"
    r"|можно ли|нужно ли|надо ли|how|when|what|which|who|whom|where|why|can|may|do|does|must|should|is|are"
)
_CUT = re.compile(
    rf"(?:[?.!;]\s+|,\s*|\s+)(?:(?:и|а|and|or|или)\s+)?(?={_PREPOSITION}(?:{_ASKING}|(?<=[?.!;и]\s)что)\b)",
    re.IGNORECASE,
)
_JOINS = re.compile(r"[?.!;,]|\b(?:и|а|and|or|или)\b", re.IGNORECASE)
_ASKS = re.compile(rf"{_PREPOSITION}(?:{_ASKING}|что)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Parts:
    """`asked` are the things asked, in order, never empty; `told` is what was said besides."""

    asked: tuple[str, ...]
    told: str


def split_question(text: str) -> Parts:
    """The parts of `text`; the whole of it as one thing asked when it cannot be told apart."""
    text = " ".join(text.split())  # runs of white space would be tried from each of their places
    if len(text) > LONGEST_QUESTION:
        return Parts((text,), "")
    parts: list[str] = []
    start = 0
    for cut in _CUT.finditer(text):
        # A question word inside a clause ("the form when you leave") begins no new question.
        if _JOINS.search(cut.group()):
            parts.append(text[start : cut.start()])
            start = cut.end()
    parts.append(text[start:])
    parts = [part.strip(" ,.;?!") for part in parts]
    asked = [part for part in parts if _ASKS.match(part) and _letters(part) >= FEWEST_LETTERS]
    if not asked or len(asked) > MOST_ASKED or len(parts) == 1:
        return Parts((text,), "")
    return Parts(tuple(asked), ". ".join(part for part in parts if part not in asked))


def _letters(part: str) -> int:
    return sum(map(str.isalpha, part))
