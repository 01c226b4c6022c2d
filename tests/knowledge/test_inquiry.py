"""A question as it is looked for."""

from __future__ import annotations

import math

import pytest

from inhouse.knowledge.edge.lexical import analyzer
from inhouse.knowledge.expansions import Expansions
from inhouse.knowledge.gate import HEDGE_BELOW, judge, say_reason
from inhouse.knowledge.inquiry import Inquiry, Ranking, rank_inquiry, read_inquiry
from inhouse.knowledge.rank import Candidate
from inhouse.knowledge.thesaurus import office_expansions
from inhouse.knowledge.words import Vocabulary, read_question

STEMS = analyzer()
VOCABULARY = Vocabulary.of(STEMS)
OFFICE = office_expansions(STEMS)

TEXTS = {
    "leave": "Annual leave is twenty eight days for every employee of the house",
    "expenses": "Expense claims are filed within thirty days of the return",
    "expenses-2": "Expense claims of drivers are filed with the fleet office",
    "expenses-3": "Expense claims of guests are never paid out",
}


def read(text: str, expansions: Expansions = OFFICE) -> Inquiry:
    """The inquiry of a question that stands alone."""
    return read_inquiry(text, VOCABULARY, earlier="", expansions=expansions)


def ranking(text: str, expansions: Expansions = OFFICE) -> Ranking:
    """The texts ranked for a question, in a house of a hundred chunks."""
    candidates = [Candidate(name, 0, STEMS(body), frozenset()) for name, body in TEXTS.items()]
    with_stem = {stem: sum(stem in one.body for one in candidates) for one in candidates for stem in one.body}
    inquiry = read(text, expansions)
    counted = {stem: with_stem.get(stem, 0) for stem in (*inquiry.stems, *inquiry.others)}
    return rank_inquiry(inquiry, candidates, chunks=100, chunks_with=counted, mean_length=90)


def test_two_things_asked_each_bring_a_passage() -> None:
    """Both halves have their best passage among the first two, though one half has more words."""
    question = "When must expense claims of drivers be filed, and how many days is annual leave?"
    first = [one.candidate.document_id for one in ranking(question).ranked[:2]]
    assert "leave" in first
    assert any(name.startswith("expenses") for name in first)


def test_what_is_told_counts_less_than_what_is_asked() -> None:
    """The story names expenses, the question asks for leave: leave is first."""
    ranked = ranking(
        "My claims for expenses are with the office. How many days of annual leave do I have?"
    ).ranked
    assert ranked[0].candidate.document_id == "leave"


def test_the_thesaurus_finds_what_is_called_otherwise() -> None:
    """`Vacation` finds `annual leave`, and nothing without the thesaurus."""
    assert ranking("vacation").ranked[0].candidate.document_id == "leave"
    assert ranking("vacation", Expansions()).ranked[0].score == 0


def test_the_strength_is_that_of_the_better_answered_part() -> None:
    """A part that nothing answers does not weaken the one that is answered."""
    both = ranking("How many days is annual leave, and who feeds the aquarium fish?")
    assert both.strength == max(both.strengths)
    assert both.strengths[0] > both.strengths[1]


def test_other_documents_can_be_left_out_of_everything() -> None:
    """Without its document the strength is what it would be had the document never been there."""
    whole = ranking("annual leave")
    without = whole.among({name for name in TEXTS if name != "leave"})
    assert all(one.candidate.document_id != "leave" for one in without.ranked)
    assert without.strength < whole.strength


@pytest.mark.parametrize(
    ("question", "personal"),
    [
        ("How many days do I get?", True),
        ("Сколько дней мне положено?", True),
        ("Можно ли взять отгул?", True),
        ("What is the capital of Normandy?", False),
        ("Какой порог включает оповещение?", False),
    ],
)
def test_who_speaks_of_themselves(question: str, personal: bool) -> None:
    """A person telling a case is told apart from a question in the words of a document."""
    assert read_question(question, VOCABULARY).personal is personal


def test_a_personal_question_is_hedged_to_but_not_answered_for_being_personal() -> None:
    """Words that stand nowhere count less for a person's story, and never lift it to a plain answer."""
    told = ranking("My puppy ate my badge. How many days of annual leave do I get for my honeymoon in Bali?")
    plain = ranking("Days of annual leave for honeymoon puppy badge Bali")
    assert told.strength > plain.strength
    assert told.strength < HEDGE_BELOW
    assert judge(told.strength, missing=None).band != "answer"


def test_nothing_found_is_nothing_for_a_personal_question_too() -> None:
    """No word in common with any document is refused whoever asks."""
    assert ranking("How do I bake my borscht?").strength == -math.inf


@pytest.mark.parametrize(("language", "named"), [("ru", "«спортзал»"), ("en", "“gym”")])
def test_a_hedge_names_what_was_not_found(language: str, named: str) -> None:
    """The words that no quote holds stand in the reason; a refusal names none."""
    word = named[1:-1]
    hedge = say_reason(judge(0.5, missing=None, unsaid=(word,)), "ru" if language == "ru" else "en")
    assert hedge is not None
    assert named in hedge
    refusal = say_reason(judge(-9.0, missing=None, unsaid=(word,)), "ru" if language == "ru" else "en")
    assert refusal is not None
    assert named not in refusal


def test_a_name_that_no_quote_holds_is_never_answered_plainly() -> None:
    """However strong the evidence is: about Chicago nothing was said; a common word is said otherwise."""
    assert judge(9.0, missing=None, unsaid=("Chicago", "guest")).band == "hedge"
    assert judge(9.0, missing=None, unsaid=("guest",)).band == "answer"


def test_the_office_thesaurus_joins_both_languages() -> None:
    """A Russian word knows its English names, with less weight than Russian ones."""
    (meaning,) = OFFICE.meanings(STEMS("отпуск"))
    weights = {" ".join(one.stems): one.weight for one in meaning.others}
    assert weights[" ".join(STEMS("отгул"))] > weights[" ".join(STEMS("vacation"))] > 0
