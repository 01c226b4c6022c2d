"""What a word or a phrase may also be called: synonyms, abbreviations, the other language. Pure.

One value for every source of such knowledge: the built-in office thesaurus and the glossary of the house.
`read_question` looks a question up in it; what it finds are weaker words that may stand in for those asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Alternative", "Expansions", "Meaning", "Phrase", "group_meanings"]

Phrase = tuple[str, ...]
"""Stems in order, stop words included, as they stand next to each other in a text."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another way to say something; `weight` (0-1) is what it is worth of the words that it stands for."""

    stems: Phrase
    weight: float


@dataclass(frozen=True, slots=True)
class Meaning:
    """Part of a question that can be said otherwise: the stems `said`, and the other ways."""

    said: Phrase
    others: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class Expansions:
    """Phrase to its alternatives. Empty by default."""

    of: Mapping[Phrase, tuple[Alternative, ...]] = field(default_factory=dict)
    longest: int = field(init=False, default=0, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "longest", max(map(len, self.of), default=0))

    def joined(self, other: Expansions) -> Expansions:
        """Both; what both know keeps the larger weight."""
        joined = dict(self.of)
        for said, others in other.of.items():
            joined[said] = _best([*joined.get(said, ()), *others])
        return Expansions(joined)

    def meanings(self, stems: Sequence[str]) -> tuple[Meaning, ...]:
        """What of `stems` can be said otherwise, in order; of phrases that overlap, the longest."""
        found: list[Meaning] = []
        at = 0
        while at < len(stems):
            for length in range(min(self.longest, len(stems) - at), 0, -1):
                said = tuple(stems[at : at + length])
                if said in self.of:
                    found.append(Meaning(said, self.of[said]))
                    at += length
                    break
            else:
                at += 1
        return tuple(found)


def group_meanings(
    groups: Iterable[tuple[float, Sequence[str]]], stems: Callable[[str], list[str]]
) -> Expansions:
    """Expansions from groups of texts that mean nearly the same, each with the weight of its likeness.

    `stems` is the index's analyzer. A text without a word in it is left out; forms of one word are one.
    """
    of: dict[Phrase, list[Alternative]] = {}
    for weight, texts in groups:
        phrases = [phrase for phrase in dict.fromkeys(tuple(stems(text)) for text in texts) if phrase]
        for said in phrases:
            of.setdefault(said, []).extend(Alternative(other, weight) for other in phrases if other != said)
    return Expansions({said: _best(others) for said, others in of.items() if others})


def _best(others: Iterable[Alternative]) -> tuple[Alternative, ...]:
    best: dict[Phrase, float] = {}
    for other in others:
        best[other.stems] = max(other.weight, best.get(other.stems, 0.0))
    return tuple(Alternative(stems, weight) for stems, weight in best.items())
