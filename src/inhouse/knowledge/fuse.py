"""From the scores of several legs to one order: fusion, editions, one document's share, doubles. Pure.

Scores are fused, not ranks: a leg that is wrong about a question gives flat scores, and those must move
little. `lexical` is the score of `rank`, whose zero means "no word in common", so it stays as it is; the
cosine has no such zero and is stretched between the lowest and the highest of the candidates, to the size of
a good score of the words. So where words find little, such as in documents of another language, the angle
decides, and with the vector leg off nothing changes, not by a digit.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Choice", "blend", "choose", "fuse", "lower_superseded"]

SUPERSEDED_SHARE = 0.9
CLOSE_SHARE = 0.7
"""A newer edition goes before an older one from this share of its score on; below, it says other things."""
SAME_SHARE = 0.9
SHINGLE = 3
NEGATIONS = frozenset("не ни нет без кроме not no nor never without except".split())


def fuse(
    lexical: Sequence[float], vector: Sequence[float | None], weight: float, worth: float
) -> list[float]:
    """One score for each candidate; `weight` (0-1) is what the vector leg counts.

    `worth` is the weight of all words of the question: about what a passage scores that holds them.

    A candidate that the vector leg did not bring is as far as the farthest that it did.
    """
    near = [score for score in vector if score is not None]
    best = max(lexical, default=0.0)
    if not near or weight <= 0:
        return list(lexical)
    lowest, highest = min(near), max(near)
    scale = max(best, worth) or 1.0
    spread = highest - lowest
    stretched = [
        0.0 if score is None else (score - lowest) / spread if spread > 0 else 0.5 for score in vector
    ]
    return [
        (1 - weight) * words + weight * scale * angle for words, angle in zip(lexical, stretched, strict=True)
    ]


def blend(scores: Sequence[float], judged: Sequence[float], weight: float) -> list[float]:
    """New scores for the first `len(judged)` of `scores` (best first), which stay above all the others.

    `judged` is what a reranker says of them; `weight` (0-1) is what it counts.
    """
    count = len(judged)
    if count < 2:
        return list(scores)
    head = _stretched(scores[:count])
    said = _stretched(judged)
    floor, top = min(scores[:count]), max(scores[:count])
    mixed = [
        floor + (top - floor) * ((1 - weight) * own + weight * other)
        for own, other in zip(head, said, strict=True)
    ]
    return [*mixed, *(min(score, floor) for score in scores[count:])]


def lower_superseded(
    scores: Sequence[float], families: Sequence[str], superseded: Sequence[bool]
) -> list[float]:
    """The scores with older editions behind the newest one, and never by more than that needs.

    `families` is "" for a document that is alone.
    """
    current: dict[str, float] = {}
    for score, family, old in zip(scores, families, superseded, strict=True):
        if family and not old:
            current[family] = max(score, current.get(family, 0.0))
    lowered = []
    for score, family, old in zip(scores, families, superseded, strict=True):
        own = score * SUPERSEDED_SHARE if old and score > 0 else score
        newest = current.get(family, 0.0) if old and family else 0.0
        if newest >= CLOSE_SHARE * score:
            own = min(own, math.nextafter(newest, -math.inf))
        lowered.append(own)
    return lowered


@dataclass(frozen=True, slots=True)
class Choice:
    """A candidate that may be shown: its document, its stems in order, whether a newer edition is there."""

    document_id: str
    stems: Sequence[str]
    superseded: bool = False
    words: frozenset[str] = frozenset()
    """Its stems without order, where they are known."""


def choose(ranked: Sequence[Choice], k: int, *, of_ten: int) -> list[int]:
    """Which of `ranked` (best first) are shown, as places in it.

    One document takes at most `of_ten` of ten places while others have something to show, so that one that is
    stuffed with words pushes nobody out. A passage that says the same as one before it, to the figure and the
    negation, is shown once; of two such the one of the newer edition.
    """
    most = max(of_ten, math.ceil(k * of_ten / 10))
    prints = [_Print(one.stems, one.words or frozenset(one.stems)) for one in ranked]
    taken: list[int] = []
    waiting: list[int] = []
    count: Counter[str] = Counter()
    for at, one in enumerate(ranked):
        if len(taken) == k:
            break
        double = next((place for place, other in enumerate(taken) if prints[at].same(prints[other])), None)
        if double is not None:
            known = ranked[taken[double]]
            if known.superseded and not one.superseded and count[one.document_id] < most:
                count[known.document_id] -= 1
                count[one.document_id] += 1
                taken[double] = at
        elif count[one.document_id] >= most:
            waiting.append(at)
        else:
            count[one.document_id] += 1
            taken.append(at)
    for at in waiting:
        if len(taken) == k:
            break
        if not any(prints[at].same(prints[other]) for other in taken):
            taken.append(at)
    return taken


class _Print:
    """What tells passages apart; each part is made when it is first asked for, and once."""

    def __init__(self, stems: Sequence[str], words: frozenset[str]) -> None:
        self._stems = stems
        self._words = words
        self._telling: Mapping[str, int] | None = None
        self._shingles: frozenset[tuple[str, ...]] | None = None

    def same(self, other: _Print) -> bool:
        """True when two passages say the same: nearly all words in order, and every figure and negation."""
        mine, theirs = len(self._stems), len(other._stems)
        if mine < SAME_SHARE * theirs or theirs < SAME_SHARE * mine:
            return False
        # A word that one side lacks is in a shingle that it lacks, and a shingle holds so many words at most.
        lacking = len(self._words ^ other._words)
        if lacking > (1 - SAME_SHARE) * SHINGLE * (mine + theirs):
            return False
        left, right = self.shingles(), other.shingles()
        common = len(left & right)
        together = len(left) + len(right) - common
        if not together or common < SAME_SHARE * together:
            return False
        return self.telling() == other.telling()

    def telling(self) -> Mapping[str, int]:
        """Figures and negations: with another one of these, a sentence says something else."""
        if self._telling is None:
            self._telling = Counter(
                stem
                for stem in self._stems
                if stem in NEGATIONS or (not stem.isalpha() and any(map(str.isdigit, stem)))
            )
        return self._telling

    def shingles(self) -> frozenset[tuple[str, ...]]:
        """Every three stems that follow each other."""
        if self._shingles is None:
            stems = self._stems
            self._shingles = frozenset(
                zip(*(stems[at:] for at in range(SHINGLE)), strict=False)
                if len(stems) >= SHINGLE
                else [tuple(stems)]
            )
        return self._shingles


def _stretched(scores: Sequence[float]) -> list[float]:
    lowest, highest = min(scores), max(scores)
    spread = highest - lowest
    return [(score - lowest) / spread if spread > 0 else 0.5 for score in scores]
