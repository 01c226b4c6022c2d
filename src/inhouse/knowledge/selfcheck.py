"""Does a model know the language of this house? A small examination on its own passages. Pure.

Inverse cloze: one sentence is taken out of each of up to 64 passages, and the model has to find the passage
that it came from among all of them. The stems of the word index do the same. A model counts for a language
only where it finds nearly as much as they do: an English model on Russian texts finds little more than
chance, and fused into the order it would push right passages down.

Whether it joins the two languages is examined on pairs of sentences that mean the same (`selfcheck_pairs`),
because a house need not have any document twice.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy

from inhouse.knowledge.words import Language, language_of

__all__ = [
    "BOTH",
    "CHOICES",
    "MOST_PROBES",
    "Checked",
    "Probe",
    "choices_for",
    "grade",
    "grade_pairs",
    "probe_of",
    "stem_hits",
    "stranger_angle",
    "vector_hits",
]

MOST_PROBES, FEWEST_PROBES = 64, 12
CHOICES = 8
"""A reranker reads every pair, so it chooses among eight instead of all."""
PASS_SHARE = 0.75
"""Of what the stems find. Below it fusion costs more than it brings."""
FLOOR = 0.3
STRANGERS_SHARE = 0.95
"""Of the probes, this share has no wrong passage nearer than the angle that is called a stranger's."""
TOP_WEIGHT = 0.5
PAIRS_SHARE = 0.6
BOTH: Literal["ru-en"] = "ru-en"
FEWEST_WORDS, FEWEST_REST_WORDS, MOST_CHARS = 5, 15, 1_500

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=[A-ZА-ЯЁ«\"“(])|\n+")
_WORD = re.compile(r"\w+")

Floats = numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.float32]]


@dataclass(frozen=True, slots=True)
class Probe:
    """A sentence and the rest of the passage that it was taken from."""

    language: Language
    query: str
    rest: str


@dataclass(frozen=True, slots=True)
class Checked:
    """How an examination ended: `hits` and `stem_hits` of `n`. `weight` is what the leg then counts.

    `stranger` is how near (cosine) passages come that have nothing to do with the question: one that is
    nearer than that speaks of it, whatever its words. 1 when that was not found out.
    """

    language: Language | Literal["ru-en"]
    n: int
    hits: int
    stem_hits: int
    passed: bool
    weight: float
    stranger: float = 1.0

    @property
    def unknown(self) -> bool:
        """True when there was too little to examine it with."""
        return self.n < FEWEST_PROBES

    @property
    def words(self) -> str:
        """For people: `ru on (.81 of 64, words .84)`."""
        if self.unknown:
            return f"{self.language} off (only {self.n} passages to examine it with, {FEWEST_PROBES} needed)"
        state = "on" if self.passed else "off"
        if self.language == BOTH:
            return f"{BOTH} {state} ({_share(self.hits, self.n)} of {self.n} pairs)"
        return (
            f"{self.language} {state} ({_share(self.hits, self.n)} of {self.n},"
            f" words {_share(self.stem_hits, self.n)})"
        )


def probe_of(text: str) -> Probe | None:
    """A probe from a passage, None when it has too few sentences or words."""
    sentences = [part.strip() for part in _SENTENCE_END.split(text[:MOST_CHARS]) if part and part.strip()]
    long_enough = [at for at, one in enumerate(sentences) if len(_WORD.findall(one)) >= FEWEST_WORDS]
    if len(sentences) < 2 or not long_enough:
        return None
    # The one in the middle: first sentences name the subject, last ones are often cut.
    at = long_enough[len(long_enough) // 2]
    rest = "\n".join(sentences[:at] + sentences[at + 1 :])
    if len(_WORD.findall(rest)) < FEWEST_REST_WORDS or sentences[at] in rest:
        return None
    return Probe(language_of(text), sentences[at], rest)


def vector_hits(queries: Floats, rests: Floats) -> int:
    """How many queries (rows of length 1) are nearest to their own rest. A tie is no hit."""
    if len(queries) == 0:
        return 0
    angles = queries @ rests.T
    own = numpy.diagonal(angles).copy()
    numpy.fill_diagonal(angles, -numpy.inf)
    return int(numpy.sum(own > angles.max(axis=1) + 1e-6))


def stranger_angle(queries: Floats, rests: Floats) -> float:
    """How near the nearest wrong passage comes to all but a twentieth of the queries; 1 for too few."""
    if len(queries) < FEWEST_PROBES:
        return 1.0
    angles = queries @ rests.T
    numpy.fill_diagonal(angles, -numpy.inf)
    return float(numpy.quantile(angles.max(axis=1), STRANGERS_SHARE))


def stem_hits(probes: Sequence[Probe], stems: Callable[[str], list[str]]) -> int:
    """The same by rare words in common, which is what the word index goes by."""
    rests = [Counter(stems(probe.rest)) for probe in probes]
    having = Counter(stem for rest in rests for stem in rest)
    ceiling = math.log(1 + (len(rests) + 0.5) / 0.5)
    hits = 0
    for at, probe in enumerate(probes):
        asked = set(stems(probe.query))
        scores = [
            sum(
                math.log(1 + (len(rests) - having[stem] + 0.5) / (having[stem] + 0.5)) / ceiling
                for stem in asked
                if stem in rest
            )
            for rest in rests
        ]
        hits += sum(score >= scores[at] for score in scores) == 1
    return hits


def choices_for(at: int, count: int) -> list[int]:
    """Which rests a reranker chooses among for probe `at`: its own and the next ones, in a fixed order."""
    return sorted((at + step) % count for step in range(min(CHOICES, count)))


def grade(language: Language, n: int, hits: int, by_stems: int) -> Checked:
    """Passed when it finds at least three quarters of what the stems find, and well more than chance."""
    enough = n >= FEWEST_PROBES and hits >= FLOOR * n and hits >= PASS_SHARE * by_stems
    if not enough:
        return Checked(language, n, hits, by_stems, passed=False, weight=0.0)
    share = min(1.0, hits / max(by_stems, 1))
    weight = TOP_WEIGHT * (share - 0.5) / 0.5
    return Checked(language, n, hits, by_stems, passed=True, weight=round(weight, 3))


def grade_pairs(n: int, hits: int) -> Checked:
    """How a model joins the languages: `hits` of `n` sentences nearest to their own translation."""
    passed = n > 0 and hits >= PAIRS_SHARE * n
    weight = round(TOP_WEIGHT * hits / n, 3) if passed else 0.0
    return Checked(BOTH, n, hits, 0, passed=passed, weight=weight)


def _share(hits: int, n: int) -> str:
    return f"{hits / n:.2f}".removeprefix("0") if n else "-"
