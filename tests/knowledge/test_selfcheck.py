"""The examination of a model on passages of the house."""

from __future__ import annotations

import numpy
import pytest

from inhouse.knowledge.selfcheck import (
    Probe,
    choices_for,
    grade,
    grade_pairs,
    probe_of,
    stem_hits,
    vector_hits,
)
from inhouse.knowledge.selfcheck_pairs import PAIRS

TEXT = (
    "Отпуск длится 28 календарных дней в году. Заявление на отпуск подают за две недели до начала. График"
    " утверждает директор в декабре каждого года. Перенести отпуск можно по согласию сторон и приказу."
)


def test_a_sentence_is_taken_out() -> None:
    """It is whole, it stands in the passage, and it does not stand in the rest."""
    probe = probe_of(TEXT)
    assert probe is not None
    assert probe.language == "ru"
    assert probe.query in TEXT
    assert probe.query not in probe.rest


@pytest.mark.parametrize(
    "text", ["", "One short line.", "A; B; C", "word " * 300, "The same here now today.\n" * 9]
)
def test_passages_that_are_no_use(text: str) -> None:
    """Too short, without sentences, or saying the same again."""
    assert probe_of(text) is None


def test_a_tie_is_no_hit() -> None:
    """A model that gives everything the same vector finds nothing; a perfect one finds all."""
    same = numpy.full((8, 4), 0.5, numpy.float32)
    perfect = numpy.eye(8, dtype=numpy.float32)
    assert vector_hits(same, same) == 0
    assert vector_hits(perfect, perfect) == 8
    assert vector_hits(perfect[:0], perfect[:0]) == 0


def test_stems_are_examined_alike() -> None:
    """A rare word in common finds the rest; where all words are common it is a tie, which is none."""
    about = [Probe("en", f"the {name} is here", f"the {name} was there") for name in ("cat", "dog", "cow")]
    assert stem_hits(about, str.split) == 3
    assert stem_hits([Probe("en", "it is here", "it was there")] * 3, str.split) == 0


@pytest.mark.parametrize(
    ("n", "hits", "by_stems", "passed"),
    [(64, 60, 58, True), (64, 44, 58, True), (64, 43, 58, False), (64, 12, 10, False), (11, 11, 11, False)],
)
def test_who_passes(n: int, hits: int, by_stems: int, passed: bool) -> None:
    """Three quarters of what stems find, well above chance, on twelve passages or more."""
    checked = grade("ru", n, hits, by_stems)
    assert checked.passed is passed
    assert (checked.weight > 0) is passed
    assert checked.weight <= 0.5


def test_the_result_in_words() -> None:
    """On or off, of how many, and beside what."""
    assert grade("ru", 64, 52, 54).words == "ru on (.81 of 64, words .84)"
    assert grade("en", 64, 9, 54).words == "en off (.14 of 64, words .84)"
    assert "only 3 passages" in grade("en", 3, 3, 3).words
    assert grade_pairs(24, 23).words == "ru-en on (.96 of 24 pairs)"
    assert not grade_pairs(24, 10).passed


def test_a_reranker_chooses_among_its_own_and_seven_others() -> None:
    """Always the same ones; fewer where there are fewer."""
    assert choices_for(3, 64) == [3, 4, 5, 6, 7, 8, 9, 10]
    assert 62 in choices_for(62, 64)
    assert choices_for(1, 3) == [0, 1, 2]


def test_pairs_share_no_word() -> None:
    """Only meaning joins them: no Latin letter or figure in the Russian ones, none twice."""
    assert len({one for pair in PAIRS for one in pair}) == 2 * len(PAIRS)
    assert not any(
        character.isascii() and character.isalnum() for _, russian in PAIRS for character in russian
    )
