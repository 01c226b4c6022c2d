"""What a word may also be called."""

from __future__ import annotations

from inhouse.knowledge.edge.lexical import analyzer
from inhouse.knowledge.expansions import Alternative, Expansions, group_meanings
from inhouse.knowledge.words import Vocabulary, read_question

STEMS = analyzer()
GROUPS = [(0.5, ("paid time off", "PTO", "отпуск")), (0.9, ("PTO", "paid time off"))]


def test_groups_know_every_other_way() -> None:
    """Each text of a group stands for all others, with the larger weight where two groups agree."""
    expansions = group_meanings(GROUPS, STEMS)
    assert set(expansions.of[("pto",)]) == {
        Alternative(tuple(STEMS("paid time off")), 0.9),
        Alternative(tuple(STEMS("отпуск")), 0.5),
    }


def test_the_longest_phrase_counts() -> None:
    """A phrase is looked up whole before its words are."""
    expansions = group_meanings([*GROUPS, (0.5, ("time", "hours"))], STEMS)
    meanings = expansions.meanings(STEMS("How much paid time off do I get"))
    assert [meaning.said for meaning in meanings] == [tuple(STEMS("paid time off"))]


def test_two_sources_are_joined() -> None:
    """The thesaurus and a glossary make one value; the larger weight of the same pair is kept."""
    joined = group_meanings([(0.4, ("ДМС", "страховка"))], STEMS).joined(
        group_meanings(
            [(0.9, ("ДМС", "добровольное медицинское страхование")), (0.2, ("ДМС", "страховка"))], STEMS
        )
    )
    assert {one.weight for one in joined.of[tuple(STEMS("ДМС"))]} == {0.4, 0.9}


def test_a_question_carries_its_meanings() -> None:
    """What can be said otherwise comes with the question; without expansions there is nothing."""
    vocabulary = Vocabulary.of(STEMS)
    question = read_question("Сколько дней отпуска?", vocabulary, expansions=group_meanings(GROUPS, STEMS))
    assert [one.said for one in question.meanings] == [tuple(STEMS("отпуска"))]
    assert read_question("Сколько дней отпуска?", vocabulary).meanings == ()


def test_nothing_is_known_by_default() -> None:
    """Empty expansions find nothing, and texts without words make no group."""
    assert Expansions().meanings(["a"]) == ()
    assert group_meanings([(0.5, ("", "слово"))], STEMS).of == {}
