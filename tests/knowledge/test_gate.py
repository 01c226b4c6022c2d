"""The gate, the ranking and follow-up questions, as tables."""

from __future__ import annotations

import math

import pytest

from inhouse.knowledge.blocks import read_blocks
from inhouse.knowledge.edge.lexical import analyzer
from inhouse.knowledge.followup import leans_on
from inhouse.knowledge.gate import HEDGE_BELOW, REFUSE_BELOW, Verdict, evidence, judge, say_reason
from inhouse.knowledge.parts import split_question
from inhouse.knowledge.plain import plain
from inhouse.knowledge.ports import Turn
from inhouse.knowledge.rank import Candidate, rank, weigh
from inhouse.knowledge.sentences import sentence_spans
from inhouse.knowledge.stream import AnswerText
from inhouse.knowledge.words import Vocabulary, read_question

VOCABULARY = Vocabulary.of(analyzer())


@pytest.mark.parametrize(
    ("strength", "missing", "band"),
    [
        (-math.inf, None, "refuse"),
        (REFUSE_BELOW - 0.01, None, "refuse"),
        (REFUSE_BELOW, None, "hedge"),
        (HEDGE_BELOW - 0.01, None, "hedge"),
        (HEDGE_BELOW, None, "answer"),
        (HEDGE_BELOW + 5, "money", "hedge"),
    ],
)
def test_bands(strength: float, missing: None, band: str) -> None:
    """Evidence decides between the bands; a missing value never lets a plain answer through."""
    assert judge(strength, missing=missing).band == band


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize(
    "verdict",
    [
        Verdict("refuse", "nothing"),
        Verdict("refuse", "weak"),
        Verdict("hedge", "weak"),
        Verdict("hedge", "value", "money"),
    ],
)
def test_every_verdict_has_words(verdict: Verdict, language: str) -> None:
    """Each verdict but a plain answer says why, in the question's language."""
    reason = say_reason(verdict, "ru" if language == "ru" else "en")
    assert reason
    assert any("а" <= letter <= "я" for letter in reason.lower()) == (language == "ru")


def test_a_missing_name_weakens_the_evidence() -> None:
    """The same words without the person asked for are weaker evidence than with them."""
    question = read_question("Какой оклад у менеджера Ковалёвой?", VOCABULARY)
    with_name = Candidate("a", 0, VOCABULARY.stems("Оклад менеджера Ковалёвой 90 тысяч"), frozenset())
    without = Candidate("b", 0, VOCABULARY.stems("Оклад менеджера продаж 90 тысяч"), frozenset())
    weights = weigh(question, chunks=1000, chunks_with={}, mean_length=90)

    def strength(candidate: Candidate) -> float:
        return evidence(question, rank(question, [candidate], weights), weights, chunks=1000)

    assert strength(with_name) > strength(without)


def test_rank_prefers_words_that_stand_together() -> None:
    """Of two chunks with the same words, the one where they are neighbours is first."""
    question = read_question("срок гарантии фасада", VOCABULARY)
    filler = "прочий текст без смысла " * 12
    near = Candidate("near", 0, VOCABULARY.stems(f"{filler} срок гарантии фасада {filler}"), frozenset())
    far = Candidate("far", 0, VOCABULARY.stems(f"срок {filler} гарантии {filler} фасада"), frozenset())
    weights = weigh(question, chunks=50, chunks_with={}, mean_length=90)
    assert [one.candidate.document_id for one in rank(question, [far, near], weights)] == ["near", "far"]


@pytest.mark.parametrize(
    ("question", "leans"),
    [
        ("А для инвалидов?", True),
        ("What about contractors?", True),
        ("Как её оформить?", True),
        ("Сколько стоит навесной шкаф Север из массива дуба?", False),
        ("Which documents are needed for a business trip abroad?", False),
    ],
)
def test_follow_up(question: str, leans: bool) -> None:
    """A question leans on the one before it when it cannot stand alone."""
    history = (Turn("Сколько дней отпуска положено?", "28"),)
    assert bool(leans_on(question, history, VOCABULARY)) is leans
    assert leans_on(question, (), VOCABULARY) == ""


def test_follow_up_of_a_follow_up_reaches_the_first_question() -> None:
    """A chain of leaning questions brings the words of its first one along."""
    history = (Turn("Сколько дней отпуска положено?", "28"), Turn("А студентам?", "30"))
    assert leans_on("А когда?", history, VOCABULARY) == "Сколько дней отпуска положено? А студентам?"


@pytest.mark.parametrize(
    ("quote", "shown"),
    [
        ("* Должен быть не менее **5 символов**", "Должен быть не менее 5 символов"),
        ("See [the page]({% link a.md %}) now", "See the page now"),
        ("| Шкаф | 12 500 |", "Шкаф · 12 500"),
        ("> _важно_: `x = 1`", "важно: x = 1"),
        (
            "From: Anna <anna@house.example>, see <b>the</b> page",
            "From: Anna <anna@house.example>, see the page",
        ),
        ("snake_case_name остаётся", "snake_case_name остаётся"),
    ],
)
def test_plain(quote: str, shown: str) -> None:
    """Marks go, words stay."""
    assert plain(quote) == shown


@pytest.mark.parametrize(
    ("text", "asked", "told"),
    [
        ("Сколько дней отпуска и когда подавать заявление?", 2, ""),
        (
            "Мой отец умер. Сколько дней отпуска мне положено?",
            1,
            "Мой отец умер",
        ),
        ("How many hours can I keep, and when do they run out?", 2, ""),
        ("Какой суд утверждал, что договор законен?", 1, ""),
        ("Send me the form that I need when I leave", 1, ""),
        ("Отпуск", 1, ""),
    ],
)
def test_parts_of_a_question(text: str, asked: int, told: str) -> None:
    """Each thing asked is a part of its own; what is told beforehand is kept apart; clauses are no parts."""
    parts = split_question(text)
    assert len(parts.asked) == asked
    assert parts.told == told


@pytest.mark.parametrize("hostile", [" " * 5_000 + "как", "how, " * 4_000, "." * 20_000 + " A", "и " * 9_000])
def test_hostile_text_takes_no_time(hostile: str) -> None:
    """Text made to be tried from every place is cut in the time of one look; quadratic rules took minutes."""
    assert split_question(hostile).asked
    text = AnswerText()
    shown = text.feed(hostile).shown + text.finish().shown
    assert len(shown) == len(hostile)
    assert sentence_spans(hostile, read_blocks(hostile)) is not None
