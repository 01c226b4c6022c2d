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
from inhouse.knowledge.blocks import read_blocks
from inhouse.knowledge.plain import plain
from inhouse.knowledge.rank import Weights
from inhouse.knowledge.sentences import sentence_spans
from inhouse.knowledge.words import AnswerKind, Question, Vocabulary, holds_kind

__all__ = ["Quote", "extract", "missing_kind"]

MOST_SENTENCES = 4
MOST_PER_PART = 3
MOST_LIST_ITEMS = 6
KEEP_SHARE = 0.7
"""A further sentence must carry this share of what the best one carries; lower pulls in side remarks."""
RANK_DISCOUNT = 0.08
"""Each place a passage stands lower makes its sentences worth this much less."""
KIND_BONUS = 0.35
AROUND_SHARE = 0.5
"""A word in the heading counts half for the sentences below it."""
SHORTEST = 3
"""Stems; anything shorter is a label, not a statement."""
LABEL_STEMS, LABEL_SHARE = 7, 0.6
"""A short line without a full stop or a figure is a label or an entry of a table of contents."""
SAME_WORTH = 0.8
"""Documents whose best quotes are this close are shown newest first."""
_NUMBERED = re.compile(r"\(?\d{1,2}[.)]\s?")
_ENDS = re.compile(r"[.!?…;:]|\d|\|")


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


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    stems: frozenset[str]
    length: int
    trust: float


def extract(
    asked: Sequence[tuple[Question, Weights]], passages: Sequence[Passage], vocabulary: Vocabulary
) -> tuple[Quote, ...]:
    """The best quotes for each thing asked, grouped by document and in document order inside it."""
    lines_of = {id(passage): _lines(passage, vocabulary) for passage in passages}
    most = MOST_SENTENCES if len(asked) == 1 else MOST_PER_PART
    chosen: dict[tuple[str, int], Quote] = {}
    for question, weights in asked:
        for quote in _best(_scored(question, passages, lines_of, weights, vocabulary), most):
            chosen.setdefault((quote.passage.document_id, quote.start), quote)
    return _in_reading_order(_with_lists(list(chosen.values()), lines_of))


def _scored(
    question: Question,
    passages: Sequence[Passage],
    lines_of: Mapping[int, Sequence[_Line]],
    weights: Weights,
    vocabulary: Vocabulary,
) -> list[Quote]:
    scored: list[Quote] = []
    for place, passage in enumerate(passages):
        around = frozenset(vocabulary.stems(" ".join((*passage.heading, passage.title))))
        discount = 1 - RANK_DISCOUNT * place
        before: _Line | None = None
        for line in lines_of[id(passage)]:
            joined = before is not None and line.start - before.end <= 2
            lead = before.stems if before is not None and joined else frozenset()
            worth = _worth(line, around, lead, question, weights.of)
            if worth > 0 and _holds(passage, line, question):
                worth += KIND_BONUS * min(1.0, worth)
            scored.append(Quote(passage, line.start, line.end, worth * discount * line.trust))
            before = line
    return scored


def _lines(passage: Passage, vocabulary: Vocabulary) -> tuple[_Line, ...]:
    spans = sentence_spans(passage.text, read_blocks(passage.text))
    lines = []
    for start, end in spans:
        text = passage.text[start:end]
        stems = vocabulary.stems(text)
        trust = LABEL_SHARE if len(stems) < LABEL_STEMS and not _ENDS.search(text) else 1.0
        lines.append(_Line(passage.start + start, passage.start + end, frozenset(stems), len(stems), trust))
    return tuple(lines)


def _worth(
    line: _Line, around: frozenset[str], before: frozenset[str], question: Question, of: Mapping[str, float]
) -> float:
    """Weight of the question's words in the line; those around it count only beside some of its own.

    `before` is the sentence it follows: "Change the passcode. It must be longer than 14 characters."
    """
    if line.length < SHORTEST:
        return 0.0
    own = sum(of.get(stem, 0.0) for stem in (*question.content, *question.background) if stem in line.stems)
    context = around | before
    near = sum(of.get(stem, 0.0) for stem in question.content if stem in context - line.stems)
    follows = bool(before & of.keys())
    return own + AROUND_SHARE * near if own > 0 or follows else 0.0


def _holds(passage: Passage, line: _Line, question: Question) -> bool:
    if question.wants is None:
        return False
    return holds_kind(
        plain(passage.text[line.start - passage.start : line.end - passage.start]), question.wants
    )


def _best(scored: Sequence[Quote], most: int) -> list[Quote]:
    ordered = sorted(scored, key=lambda quote: (-quote.score, quote.start))
    best = ordered[0].score if ordered else 0.0
    if best <= 0:
        return []
    chosen: list[Quote] = []
    for quote in ordered:
        if quote.score < KEEP_SHARE * best or len(chosen) == most:
            break
        if all(quote.text != other.text for other in chosen):
            chosen.append(quote)
    return chosen


def _with_lists(chosen: Sequence[Quote], lines_of: Mapping[int, Sequence[_Line]]) -> list[Quote]:
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
