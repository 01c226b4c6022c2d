"""A question as it is looked for: the whole of it, the things asked, and how candidates stand to each.

Staff tell a story and then ask, often two things at once. What is told helps to find the place but counts
less than what is asked; of two things asked each brings its own best passages, else the longer one takes
all places; and the house may sound sure when one of them is well answered.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from inhouse.knowledge.expansions import Expansions
from inhouse.knowledge.gate import evidence
from inhouse.knowledge.parts import split_question
from inhouse.knowledge.rank import Candidate, Mix, Ranked, Weights, rank, weigh
from inhouse.knowledge.words import Question, Vocabulary, read_question

__all__ = ["Inquiry", "Ranking", "rank_inquiry", "read_inquiry"]

MOST_LIFT = 1.6
"""How far the best passage for one thing asked may be lifted to stand beside the best for another.
With lifting, bench/questions.py finds all quotes of 14 of 20 English questions among five passages, without
parts of a question 12; a part that nothing answers must not fill the places, hence a bound."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """`whole` is the question as a whole; `asked` are the things asked, at least one.

    `stems` bring candidates, and `others` (other names for what is asked) bring some more.
    """

    whole: Question
    asked: tuple[Question, ...]
    stems: tuple[str, ...]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """How candidates stand to each thing asked: one order for each of `asked`, of `chunks` chunks in all."""

    asked: tuple[tuple[Question, Weights], ...]
    orders: tuple[tuple[Ranked, ...], ...]
    chunks: int

    @property
    def ranked(self) -> list[Ranked]:
        """All candidates in one order, best first."""
        return _merged(self.orders)

    @property
    def total(self) -> float:
        """About what a passage scores that holds all words of the longest thing asked."""
        return max(weights.total for _, weights in self.asked)

    @property
    def strengths(self) -> tuple[float, ...]:
        """The gate's evidence for each thing asked."""
        return tuple(
            evidence(question, order, weights, chunks=self.chunks)
            for (question, weights), order in zip(self.asked, self.orders, strict=True)
        )

    @property
    def strength(self) -> float:
        """The evidence for the thing that is answered best: half an answer is worth giving."""
        return max(self.strengths)

    def among(self, document_ids: Container[str]) -> Ranking:
        """The same without the chunks of any other document."""
        orders = tuple(
            tuple(one for one in order if one.candidate.document_id in document_ids) for order in self.orders
        )
        return Ranking(self.asked, orders, self.chunks)


def read_inquiry(text: str, vocabulary: Vocabulary, *, earlier: str, expansions: Expansions) -> Inquiry:
    """What `text` asks; `earlier` is the question that it leans on, empty when it stands alone."""
    whole = read_question(text, vocabulary, earlier=earlier, expansions=expansions)
    parts = split_question(text)
    asked: tuple[Question, ...] = (whole,)
    if len(parts.asked) > 1 or parts.told:
        around = f"{earlier} {text}".strip()
        asked = tuple(
            read_question(part, vocabulary, earlier=around, expansions=expansions) for part in parts.asked
        )
    others = tuple(stem for stem in whole.other_stems if stem not in vocabulary.stops)
    return Inquiry(whole, asked, whole.stems, others)


def rank_inquiry(
    inquiry: Inquiry,
    candidates: Sequence[Candidate],
    *,
    chunks: int,
    chunks_with: Mapping[str, int],
    mean_length: float,
    mix: Mix = Mix(),  # noqa: B008  frozen
) -> Ranking:
    """The candidates in the order of each thing asked; `chunks_with` counts `stems` and `others`."""

    def weights_of(question: Question) -> Weights:
        return weigh(question, chunks=chunks, chunks_with=chunks_with, mean_length=mean_length, mix=mix)

    asked = tuple((question, weights_of(question)) for question in inquiry.asked)
    orders = tuple(tuple(rank(question, candidates, weights)) for question, weights in asked)
    return Ranking(asked, orders, chunks)


def _merged(orders: Sequence[Sequence[Ranked]]) -> list[Ranked]:
    """Each candidate with the best of its scores, the orders lifted towards the same height."""
    if len(orders) == 1:
        return list(orders[0])
    top = max((order[0].score for order in orders if order), default=0.0)
    best: dict[tuple[str, int], Ranked] = {}
    for order in orders:
        if not order or order[0].score <= 0:
            continue
        lift = min(top / order[0].score, MOST_LIFT)
        for one in order:
            key = (one.candidate.document_id, one.candidate.ordinal)
            if key not in best or best[key].score < one.score * lift:
                best[key] = Ranked(one.candidate, one.score * lift, one.lexical, one.held)
    return sorted(
        best.values(), key=lambda one: (-one.score, one.candidate.document_id, one.candidate.ordinal)
    )
