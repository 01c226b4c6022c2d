"""Orders candidate chunks for a question, and says how much of the question the best ones carry.

Pure arithmetic over stems; the index only proposes candidates. All weights are in units of the rarest
possible word (idf divided by its maximum), so that scores of a house with thirty documents and one with
thirty thousand mean the same.

    score = BM25(body) + 0.8 window + 0.5 closeness + 0.3 anywhere

where a relative of a word or another name for it counts for a share of the word (`sighting`). Chosen on
1,436 XQuAD questions among 676 documents (`python -m bench.retrieval`), which prints the index's own order
beside it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from inhouse.knowledge.expansions import Alternative, Meaning
from inhouse.knowledge.sighting import Lookout, Sighting
from inhouse.knowledge.words import Question

__all__ = ["Candidate", "Mix", "Ranked", "Weights", "bm25", "closeness", "rank", "weigh"]

K1, B = 1.0, 0.5
"""Flatter than the usual 1.2/.75: chunks are of similar length already (bench/retrieval.py)."""
WINDOW_STEMS = 16
CLOSENESS_REACH = 8
BACKGROUND_WEIGHT = 0.4
"""A word lent by the question before counts less than a word of this one."""
IMPERSONAL_TRUST = 0.3
"""Other names count by less when a question is asked in the words of a document rather than of a person: with
all of it near misses refused at 85 % answered fall from .912 to .891 en and .870 to .866 ru, with half of it
to .906 and .866, with this to .905 and .863 (bench/fit_gate.py); the questions of staff need all of it
(bench/staff.py)."""
HELD_SHARE = 0.5
"""From this share on a stem counts as said: another name says it, a mere relative of the word does not."""


@dataclass(frozen=True, slots=True)
class Mix:
    """What counts beside BM25, and how much; `inhouse eval tune` tries others on a house's own questions."""

    window: float = 0.8
    closeness: float = 0.5
    anywhere: float = 0.3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk as stems: its body in order, and the words around it (title, headings, table header)."""

    document_id: str
    ordinal: int
    body: Sequence[str]
    around: frozenset[str]
    words: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", frozenset(self.body))


@dataclass(frozen=True, slots=True)
class Weights:
    """What each stem of a question is worth, 0-1, and their sum.

    `named` are other names for parts of the question: a phrase of stems to the stems that it stands for and
    the share of their worth that it earns. `absent` stems stand nowhere in the house, under no name.
    """

    of: Mapping[str, float]
    total: float
    mean_length: float
    named: Mapping[tuple[str, ...], Mapping[str, float]] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    mix: Mix = Mix()

    def lookout(self) -> Lookout:
        """Finds these stems in texts; make one for all texts of a question."""
        return Lookout(self.of, self.named)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its score; `held` are the question's stems found in or around it."""

    candidate: Candidate
    score: float
    lexical: float
    held: frozenset[str]


def weigh(
    question: Question,
    *,
    chunks: int,
    chunks_with: Mapping[str, int],
    mean_length: float,
    mix: Mix = Mix(),
) -> Weights:
    """Inverse document frequencies, as shares of the largest possible one.

    `chunks_with` says in how many of `chunks` each of `question.stems` stands, and of `other_stems` those
    that are no stop words.
    """
    ceiling = math.log(1 + (chunks + 0.5) / 0.5)

    def rarity(having: float) -> float:
        having = min(having, chunks)
        return math.log(1 + (chunks - having + 0.5) / (having + 0.5)) / ceiling

    def having(stems: Sequence[str]) -> int:
        return min((chunks_with[stem] for stem in stems if stem in chunks_with), default=0)

    trust = 1.0 if question.personal else IMPERSONAL_TRUST
    otherwise: dict[str, float] = {}
    for meaning in question.meanings:
        for stem in meaning.said:
            more = trust * sum(other.weight * having(other.stems) for other in meaning.others)
            otherwise[stem] = max(more, otherwise.get(stem, 0.0))
    lent = BACKGROUND_WEIGHT if question.content else 1.0
    of = {stem: rarity(having((stem,)) + otherwise.get(stem, 0.0)) for stem in question.content}
    of.update({stem: rarity(having((stem,))) * lent for stem in question.background})

    def share(other: Alternative, stem: str) -> float:
        """A common other name says less than the rare word that it stands for."""
        return trust * other.weight * min(1.0, rarity(having(other.stems)) / max(of[stem], 1e-9))

    named: dict[tuple[str, ...], dict[str, float]] = {}
    for meaning in question.meanings:
        for other in meaning.others:
            for stem in _meant(meaning, of):
                worth = named.setdefault(other.stems, {})
                worth[stem] = max(share(other, stem), worth.get(stem, 0.0))
    absent = frozenset(stem for stem in of if not having((stem,)) and not otherwise.get(stem))
    return Weights(of, sum(of.values()), mean_length, named, absent, mix)


def _meant(meaning: Meaning, of: Mapping[str, float]) -> list[str]:
    return [stem for stem in meaning.said if stem in of]


def rank(question: Question, candidates: Sequence[Candidate], weights: Weights) -> list[Ranked]:
    """Best first; equal scores keep a stable order by document and ordinal."""
    order = [*question.content, *question.background]
    lookout = weights.lookout()
    lookout.learn([one.words for one in candidates])
    ranked = [_scored(order, candidate, weights, lookout) for candidate in candidates]
    return sorted(ranked, key=lambda one: (-one.score, one.candidate.document_id, one.candidate.ordinal))


def _scored(order: Sequence[str], candidate: Candidate, weights: Weights, lookout: Lookout) -> Ranked:
    seen = lookout.sight(candidate.body, candidate.words)
    best = lookout.among(candidate.around)
    counts: dict[str, float] = {}
    for _, stem, share in seen:
        counts[stem] = counts.get(stem, 0.0) + share
        if share > best.get(stem, 0.0):
            best[stem] = share
    lexical = bm25(counts, len(candidate.body), weights)
    score = (
        lexical
        + weights.mix.window * _best_window(seen, weights.of)
        + weights.mix.closeness * closeness(order, seen, weights.of)
        + weights.mix.anywhere * sum(weights.of[stem] * share for stem, share in best.items())
    )
    held = frozenset(stem for stem, share in best.items() if share >= HELD_SHARE)
    return Ranked(candidate, score, lexical, held)


def bm25(counts: Mapping[str, float], length: int, weights: Weights) -> float:
    """Okapi BM25. Source: Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009, eq. 3.15."""
    norm = K1 * (1 - B + B * length / weights.mean_length)
    return sum(weights.of[stem] * n * (K1 + 1) / (n + norm) for stem, n in counts.items())


def _best_window(seen: Sequence[Sighting], of: Mapping[str, float]) -> float:
    """The most weight of distinct stems within WINDOW_STEMS neighbouring stems: about one sentence."""
    inside: dict[str, list[float]] = {}
    best = weight = 0.0
    first = 0
    for at, stem, share in seen:
        shares = inside.get(stem)
        if shares:
            most = max(shares)
            if share > most:
                weight += of[stem] * (share - most)
            shares.append(share)
        else:
            weight += of[stem] * share
            inside[stem] = [share]
        while seen[first][0] <= at - WINDOW_STEMS:
            gone, first = seen[first][1], first + 1
            left = inside[gone]
            before = max(left)
            del left[0]
            weight += of[gone] * (max(left, default=0.0) - before)
        best = max(best, weight)
    return best


def closeness(order: Sequence[str], seen: Sequence[Sighting], of: Mapping[str, float]) -> float:
    """Neighbours in the question that are near each other in the text, the nearer the better."""
    where: dict[str, list[tuple[int, float]]] = {}
    for at, stem, share in seen:
        if stem in where:
            where[stem].append((at, share))
        else:
            where[stem] = [(at, share)]
    total = 0.0
    if len(where) < 2:
        return total
    for left, right in pairwise(order):
        if left in where and right in where:
            near = _nearness(where[left], where[right])
            total += min(of[left], of[right]) * near
    return total


def _nearness(left: Sequence[tuple[int, float]], right: Sequence[tuple[int, float]]) -> float:
    """1 for two that touch, 1/2 with one word between; shares below 1 count for less."""
    best = 0.0
    for at, share in left:
        for place in range(bisect_left(right, (at - CLOSENESS_REACH, 0.0)), len(right)):
            other, other_share = right[place]
            if other > at + CLOSENESS_REACH:
                break
            if other != at:
                best = max(best, min(share, other_share) / abs(other - at))
        if best >= 1.0:
            break  # nothing is nearer than two that touch
    return best
