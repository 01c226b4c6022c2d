"""Where a text speaks of what a question asks."""

from __future__ import annotations

from inhouse.knowledge.edge.lexical import analyzer
from inhouse.knowledge.expansions import group_meanings
from inhouse.knowledge.rank import Candidate, rank, weigh
from inhouse.knowledge.sighting import RELATIVE_SHARE, Lookout
from inhouse.knowledge.words import Vocabulary, read_question

STEMS = analyzer()
VOCABULARY = Vocabulary.of(STEMS)


def test_the_word_itself_counts_whole() -> None:
    """A stem of the question is seen at its places with its whole worth."""
    assert Lookout(["отпуск"], {}).sight(STEMS("Отпуск и ещё раз отпуска")) == [
        (0, "отпуск", 1.0),
        (4, "отпуск", 1.0),
    ]


def test_a_relative_counts_for_a_share() -> None:
    """A word with the same beginning is a relative; one that is much longer or begins otherwise is none."""
    lookout = Lookout(["увольнен"], {})
    assert lookout.sight(["уволен"]) == []
    assert lookout.sight(["увольня", "увольнительнаяx"]) == [(0, "увольнен", RELATIVE_SHARE)]


def test_figures_have_no_relatives() -> None:
    """2015 is no relative of 201599."""
    assert Lookout(["201500"], {}).sight(["201599"]) == []


def test_another_name_is_seen_where_all_its_words_stand() -> None:
    """A phrase counts at its first word, and only when it stands there whole."""
    named = {tuple(STEMS("paid time off")): {"pto": 0.5}}
    seen = Lookout(["pto"], named).sight(STEMS("Your paid time off, paid in time"))
    assert seen == [(1, "pto", 0.5)]


def test_around_keeps_the_best_share() -> None:
    """Words in no order: the word itself outweighs its relative."""
    assert Lookout(["победит"], {}).among(["побед", "победит", "чуж"]) == {"победит": 1.0}


def test_another_name_finds_the_place_but_the_word_itself_wins() -> None:
    """Of three chunks the one with the word is first, the one with its other name second."""
    expansions = group_meanings([(0.5, ("зарплата", "оклад"))], STEMS)
    question = read_question("Когда платят зарплату?", VOCABULARY, expansions=expansions)
    texts = {
        "other": "Оклад платят пятого числа",
        "own": "Зарплату платят пятого числа",
        "none": "Счета платят сразу",
    }
    candidates = [Candidate(name, 0, STEMS(text), frozenset()) for name, text in texts.items()]
    weights = weigh(question, chunks=100, chunks_with={}, mean_length=90)
    ranked = rank(question, candidates, weights)
    assert [one.candidate.document_id for one in ranked] == ["own", "other", "none"]


def test_a_common_other_name_says_less() -> None:
    """An other name that stands everywhere is worth less than a rare one."""
    expansions = group_meanings([(0.5, ("зарплата", "оклад"))], STEMS)
    question = read_question("зарплата", VOCABULARY, expansions=expansions)
    rare = weigh(question, chunks=100, chunks_with={"оклад": 1}, mean_length=90)
    common = weigh(question, chunks=100, chunks_with={"оклад": 90}, mean_length=90)
    (said,) = question.content
    assert common.named[("оклад",)][said] * common.of[said] < rare.named[("оклад",)][said] * rare.of[said]
