"""Orders candidate chunks for a question, and says how much of the question the best ones carry.

Pure arithmetic over stems; the index only proposes candidates. All weights are in units of the rarest
possible word (idf divided by its maximum), so that scores of a house with thirty documents and one with
thirty thousand mean the same.

    score = BM25(body) + 0.8 window + 0.5 closeness + 0.3 anywhere

Chosen on 1,436 XQuAD questions among 676 documents (`python -m bench.retrieval`): the right document is
first for .933 ru / .940 en, in the index's own order for .914 / .919.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from inhouse.knowledge.words import Question

__all__ = ["Candidate", "Ranked", "Weights", "rank", "weigh"]

K1, B = 1.0, 0.5
"""Flatter than the usual 1.2/.75: chunks are of similar length already (bench/retrieval.py)."""
WINDOW_STEMS = 16
WINDOW_WEIGHT, CLOSENESS_WEIGHT, ANYWHERE_WEIGHT = 0.8, 0.5, 0.3
CLOSENESS_REACH = 8
BACKGROUND_WEIGHT = 0.4
"""A word lent by the question before counts less than a word of this one."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk as stems: its body in order, and the words around it (title, headings, table header)."""

    document_id: str
    ordinal: int
    body: Sequence[str]
    around: frozenset[str]


@dataclass(frozen=True, slots=True)
class Weights:
    """What each stem of a question is worth, 0-1, and their sum."""

    of: Mapping[str, float]
    total: float
    mean_length: float


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its score; `held` are the question's stems found in or around it."""

    candidate: Candidate
    score: float
    lexical: float
    held: frozenset[str]


def weigh(question: Question, *, chunks: int, chunks_with: Mapping[str, int], mean_length: float) -> Weights:
    """Inverse document frequencies, as shares of the largest possible one."""
    ceiling = math.log(1 + (chunks + 0.5) / 0.5)

    def rarity(stem: str) -> float:
        having = min(chunks_with.get(stem, 0), chunks)
        return math.log(1 + (chunks - having + 0.5) / (having + 0.5)) / ceiling

    lent = BACKGROUND_WEIGHT if question.content else 1.0
    of = {stem: rarity(stem) for stem in question.content}
    of.update({stem: rarity(stem) * lent for stem in question.background})
    return Weights(of, sum(of.values()), mean_length)


def rank(question: Question, candidates: Sequence[Candidate], weights: Weights) -> list[Ranked]:
    """Best first; equal scores keep a stable order by document and ordinal."""
    order = [*question.content, *question.background]
    ranked = [_scored(order, candidate, weights) for candidate in candidates]
    return sorted(ranked, key=lambda one: (-one.score, one.candidate.document_id, one.candidate.ordinal))


def _scored(order: Sequence[str], candidate: Candidate, weights: Weights) -> Ranked:
    counts = Counter(stem for stem in candidate.body if stem in weights.of)
    lexical = _bm25(counts, len(candidate.body), weights)
    places = [(at, stem) for at, stem in enumerate(candidate.body) if stem in weights.of]
    held = frozenset(counts) | (candidate.around & weights.of.keys())
    anywhere = sum(weights.of[stem] for stem in held)
    score = (
        lexical
        + WINDOW_WEIGHT * _best_window(places, weights.of)
        + CLOSENESS_WEIGHT * _closeness(order, places, weights.of)
        + ANYWHERE_WEIGHT * anywhere
    )
    return Ranked(candidate, score, lexical, held)


def _bm25(counts: Mapping[str, int], length: int, weights: Weights) -> float:
    """Okapi BM25. Source: Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009, eq. 3.15."""
    norm = K1 * (1 - B + B * length / weights.mean_length)
    return sum(weights.of[stem] * n * (K1 + 1) / (n + norm) for stem, n in counts.items())


def _best_window(places: Sequence[tuple[int, str]], of: Mapping[str, float]) -> float:
    """The most weight of distinct stems within WINDOW_STEMS neighbouring stems: about one sentence."""
    inside: Counter[str] = Counter()
    best = weight = 0.0
    first = 0
    for at, stem in places:
        inside[stem] += 1
        if inside[stem] == 1:
            weight += of[stem]
        while places[first][0] <= at - WINDOW_STEMS:
            gone = places[first][1]
            inside[gone] -= 1
            if inside[gone] == 0:
                weight -= of[gone]
            first += 1
        best = max(best, weight)
    return best


def _closeness(order: Sequence[str], places: Sequence[tuple[int, str]], of: Mapping[str, float]) -> float:
    """Neighbours in the question that are near each other in the text, the nearer the better."""
    where: dict[str, list[int]] = {}
    for at, stem in places:
        where.setdefault(stem, []).append(at)
    total = 0.0
    for left, right in pairwise(order):
        if left in where and right in where:
            distance = min(abs(a - b) for a in where[left] for b in where[right])
            if 0 < distance <= CLOSENESS_REACH:
                total += min(of[left], of[right]) / distance
    return total
