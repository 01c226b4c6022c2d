"""An answer without a model: the sentences of the documents that say the most about the question.

Every sentence is a verbatim quote. A sentence that introduces a list brings the list along, a list item
that answers brings nothing but itself, and sentences stay in the order of their document, so that the
answer reads as the document does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inhouse.kernel.documents import Passage
from inhouse.knowledge.lines import Line, Scored, read_lines, score_lines
from inhouse.knowledge.plain import plain
from inhouse.knowledge.rank import Weights
from inhouse.knowledge.words import AnswerKind, Question, Vocabulary, holds_kind

__all__ = ["Quote", "extract", "missing_kind"]

MOST_SENTENCES = 4
MOST_PER_PART = 3
MOST_LIST_ITEMS = 6
KEEP_SHARE = 0.7
"""A further sentence must carry this share of what the best one carries; lower pulls in side remarks."""
SAME_WORTH = 0.8
"""Documents whose best quotes are this close are shown newest first."""
_NUMBERED = re.compile(r"\(?\d{1,2}[.)]\s?")


@dataclass(frozen=True, slots=True)
class Quote:
    """`text[start:end]` of the passage's document. `score` compares quotes of one extraction only."""

    passage: Passage
    start: int
    end: int
    score: float

    @property
    def text(self) -> str:
        """The verbatim words."""
        return self.passage.text[self.start - self.passage.start : self.end - self.passage.start]


def extract(
    asked: Sequence[tuple[Question, Weights]], passages: Sequence[Passage], vocabulary: Vocabulary
) -> tuple[Quote, ...]:
    """The best quotes for each thing asked, grouped by document and in document order inside it."""
    lines = [read_lines(passage, vocabulary) for passage in passages]
    lines_of = {id(passage): each for passage, each in zip(passages, lines, strict=True)}
    most = MOST_SENTENCES if len(asked) == 1 else MOST_PER_PART
    chosen: dict[tuple[str, int], Quote] = {}
    for question, weights in asked:
        for quote in _best(score_lines(question, weights, passages, lines, vocabulary), most):
            chosen.setdefault((quote.passage.document_id, quote.start), quote)
    return _in_reading_order(_with_lists(list(chosen.values()), lines_of))


def _best(scored: Sequence[Scored], most: int) -> list[Quote]:
    """The best line, and those whose own words carry nearly as much."""
    ordered = sorted(scored, key=lambda one: (-one.score, one.line.start))
    if not ordered or ordered[0].score <= 0:
        return []
    least = KEEP_SHARE * ordered[0].worth
    chosen: list[Quote] = []
    for one in ordered:
        if one.worth < least or len(chosen) == most:
            continue
        quote = Quote(one.passage, one.line.start, one.line.end, one.score)
        if all(quote.text != other.text for other in chosen):
            chosen.append(quote)
    return chosen


def _with_lists(chosen: Sequence[Quote], lines_of: Mapping[int, Sequence[Line]]) -> list[Quote]:
    """Add the items below a chosen sentence that introduces them."""
    found = list(chosen)
    taken = {(quote.passage.document_id, quote.start) for quote in chosen}
    for quote in chosen:
        added = 0
        for line in lines_of[id(quote.passage)]:
            if line.start < quote.end or (quote.passage.document_id, line.start) in taken:
                continue
            item = _item_mark(quote.passage, line.start)
            if added == MOST_LIST_ITEMS or not item or not _leads_in(quote, item):
                break
            found.append(Quote(quote.passage, line.start, line.end, quote.score))
            taken.add((quote.passage.document_id, line.start))
            added += 1
    return found


def _leads_in(quote: Quote, item: str) -> bool:
    """True when the quote introduces a list of such items: by a colon, or unfinished and of another kind.

    "4. Requirements" introduces bullets; a bullet without a full stop does not introduce the next bullet.
    """
    text = quote.text.rstrip("*_ ")
    if text.endswith(":"):
        return True
    unfinished = not text.endswith((".", "!", "?", "…", "»", '"', ")", ";", "|"))
    return unfinished and _item_mark(quote.passage, quote.start) != item


def _item_mark(passage: Passage, start: int) -> str:
    """`-` for a bullet, `1` for a numbered item, `|` for a table row, empty for anything else."""
    opening = passage.text[start - passage.start : start - passage.start + 4]
    if opening[:1] in "-*+•–" and opening[1:2].isspace():
        return "-"
    if opening[:1] == "|":
        return "|"
    return "1" if _NUMBERED.match(opening) else ""


def _in_reading_order(quotes: Sequence[Quote]) -> tuple[Quote, ...]:
    best: dict[str, float] = {}
    for quote in quotes:
        best[quote.passage.document_id] = max(quote.score, best.get(quote.passage.document_id, 0.0))
    top = max(best.values(), default=0.0)

    def place(quote: Quote) -> tuple[float, float, str, int]:
        worth, date = best[quote.passage.document_id], quote.passage.modified_at
        equal = worth >= SAME_WORTH * top
        return (-top if equal else -worth, -date, quote.passage.document_id, quote.start)

    return tuple(sorted(quotes, key=place))


def missing_kind(asked: Sequence[tuple[Question, Weights]], quotes: Sequence[Quote]) -> AnswerKind | None:
    """The first kind of value that is asked for and that none of the quotes holds, else None."""
    for question, _ in asked:
        wants = question.wants
        if wants is not None and not any(holds_kind(plain(quote.text), wants) for quote in quotes):
            return wants
    return None
