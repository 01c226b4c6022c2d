"""Where a text speaks of what a question asks: the word itself, a relative of it, or another name for it.

A sighting is a place in the text, a stem of the question, and the share (0-1) of that stem's worth that the
place earns: 1 for the word itself, RELATIVE_SHARE for a word with the same beginning ("договор" and
"договорённость", which no stemmer joins), and the weight of the thesaurus for another name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

from inhouse.knowledge.expansions import Phrase

__all__ = ["Lookout", "Named", "Sighting"]

RELATIVE_LETTERS, RELATIVE_LONGER = 5, 4
RELATIVE_SHARE = 0.4
"""On 1,436 XQuAD questions among 676 documents: paragraph first .947 ru, .946 en; without relatives .933 and
.940. On every third of them, share .3 / .5 / .7: .925 / .921 / .921 ru and .954 / .950 / .950 en;
beginnings of four letters .917 ru, of six .946 en (`python -m bench.retrieval`)."""

Sighting = tuple[int, str, float]
"""Place in the text in stems, stem of the question, share."""

Named = Mapping[Phrase, Mapping[str, float]]
"""Other names: a phrase of stems to the question's stems that it stands for, each with its share."""


class Lookout:
    """Looks for the stems of one question; remembers what it saw, so one serves all texts of a question."""

    def __init__(self, wanted: Iterable[str], named: Named) -> None:
        self._wanted = frozenset(wanted)
        self._beginnings: dict[str, list[str]] = {}
        for stem in self._wanted:
            if len(stem) >= RELATIVE_LETTERS and stem.isalpha():
                self._beginnings.setdefault(stem[:RELATIVE_LETTERS], []).append(stem)
        self._words = {phrase[0]: shares for phrase, shares in named.items() if len(phrase) == 1}
        self._phrases: dict[str, list[tuple[Phrase, Mapping[str, float]]]] = {}
        for phrase, shares in named.items():
            if len(phrase) > 1:
                self._phrases.setdefault(phrase[0], []).append((phrase, shares))
        self._heads = self._wanted | self._words.keys() | self._phrases.keys()
        self._seen: set[str] = set()
        self._telling: dict[str, tuple[tuple[str, float], ...]] = {}

    def sight(self, stems: Sequence[str], words: Set[str] | None = None) -> list[Sighting]:
        """All sightings in `stems`, by place. `words` are the same without order, where they are known."""
        words = frozenset(stems) if words is None else words
        here = self._learn(words)
        telling, phrases = self._telling, self._phrases
        found: list[Sighting] = []
        if not here:
            return found
        # Most words tell nothing: they are passed over in one go, for this runs over every candidate.
        for at, word in [(at, word) for at, word in enumerate(stems) if word in here]:
            for stem, share in telling[word]:
                found.append((at, stem, share))
            if word in phrases:
                for phrase, shares in phrases[word]:
                    if tuple(stems[at : at + len(phrase)]) == phrase:
                        found += [(at, stem, share) for stem, share in shares.items()]
        return found

    def among(self, words: Iterable[str]) -> dict[str, float]:
        """The best share of each stem among words in no order: a title, a heading."""
        best: dict[str, float] = {}
        for word in self._learn(frozenset(words)):
            for stem, share in self._telling[word]:
                if share > best.get(stem, 0.0):
                    best[stem] = share
        return best

    def learn(self, texts: Iterable[Set[str]]) -> None:
        """Look at the words of many texts at once: each word once, not once for each text that holds it."""
        self._learn(frozenset().union(*texts))

    def _learn(self, words: Set[str]) -> Set[str]:
        """Which of the words tell something."""
        new = words - self._seen
        if new:
            self._seen |= new
            self._learn_new(new)
        return words & self._telling.keys()

    def _learn_new(self, new: Iterable[str]) -> None:
        beginnings, heads = self._beginnings, self._heads
        for word in [word for word in new if word[:RELATIVE_LETTERS] in beginnings or word in heads]:
            told = self._look(word)
            if told or word in self._phrases:
                self._telling[word] = told

    def _look(self, word: str) -> tuple[tuple[str, float], ...]:
        best: dict[str, float] = dict(self._words.get(word, {}))
        if word in self._wanted:
            best[word] = 1.0
        elif len(word) >= RELATIVE_LETTERS:
            for stem in self._beginnings.get(word[:RELATIVE_LETTERS], ()):
                if abs(len(stem) - len(word)) <= RELATIVE_LONGER:
                    best[stem] = max(best.get(stem, 0.0), RELATIVE_SHARE)
        return tuple(best.items())
