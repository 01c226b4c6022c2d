"""Which sentence answers."""

from __future__ import annotations

from inhouse.kernel.documents import Passage
from inhouse.knowledge.edge.lexical import analyzer
from inhouse.knowledge.extract import extract
from inhouse.knowledge.lines import rank_sentences
from inhouse.knowledge.rank import Weights, weigh
from inhouse.knowledge.unsaid import unsaid_words
from inhouse.knowledge.words import Question, Vocabulary, read_question

VOCABULARY = Vocabulary.of(analyzer())


def passage(text: str, name: str = "a", score: float = 1.0, heading: tuple[str, ...] = ()) -> Passage:
    """A passage that is its whole document."""
    return Passage(
        document_id=name,
        document=f"{name}.md",
        source="s",
        title=name,
        page=None,
        heading=heading,
        start=0,
        end=len(text),
        text=text,
        score=score,
        lexical=score,
        modified_at=0.0,
    )


def asked(text: str) -> list[tuple[Question, Weights]]:
    """The question with weights of a house where every word is rare."""
    question = read_question(text, VOCABULARY)
    return [(question, weigh(question, chunks=1000, chunks_with={}, mean_length=90))]


def test_the_sentence_with_the_words_together_is_first() -> None:
    """Of two sentences with the same words the one that has them side by side is first."""
    text = (
        "Гарантия на всё, кроме ручек, даётся на срок, который указан в договоре о фасаде. "
        "Срок гарантии фасада указан в паспорте."
    )
    ranked = rank_sentences(asked("срок гарантии фасада"), [passage(text)], VOCABULARY)
    assert text[ranked[0].line.start : ranked[0].line.end].startswith("Срок гарантии фасада")


def test_the_kind_of_value_decides_between_equals() -> None:
    """A sentence that holds a length of time goes before one that does not, when that is asked."""
    text = "Отпуск монтажника согласует мастер. Отпуск монтажника длится 31 день."
    ranked = rank_sentences(asked("Сколько дней длится отпуск монтажника?"), [passage(text)], VOCABULARY)
    assert "31 день" in text[ranked[0].line.start : ranked[0].line.end]


def test_a_sentence_is_led_by_the_one_before_it() -> None:
    """The sentence after the one with the words ranks before one that has nothing to do with them."""
    text = "Change the passcode every spring. It must be longer than ten signs. Lunch is served at noon here."
    ranked = rank_sentences(asked("passcode"), [passage(text)], VOCABULARY)
    order = [text[one.line.start : one.line.end] for one in ranked]
    assert order[-1] == "Lunch is served at noon here."
    assert ranked[-1].score == 0


def test_the_better_passage_decides_between_equal_sentences() -> None:
    """The same sentence in two documents: the one in the better passage is first."""
    passages = [
        passage("Оклад платят пятого числа.", "low", 0.5),
        passage("Оклад платят пятого числа.", "high", 2),
    ]
    ranked = rank_sentences(asked("Когда платят оклад?"), passages, VOCABULARY)
    assert [one.passage.document_id for one in ranked] == ["high", "low"]


def test_quotes_are_verbatim_and_side_remarks_stay_out() -> None:
    """A sentence that carries little of the question is not quoted beside one that carries all of it."""
    text = "Отпуск монтажника длится 31 день. Монтажник носит каску на объекте заказчика всегда."
    (quote,) = extract(asked("Сколько длится отпуск монтажника?"), [passage(text)], VOCABULARY)
    assert quote.text == text[quote.start : quote.end] == "Отпуск монтажника длится 31 день."


def test_unsaid_words_are_named_as_they_stand() -> None:
    """Words of the question that no quote and no heading above it holds are named, others are not."""
    question = asked("How much does the company pay toward a gym membership?")
    quotes = extract(question, [passage("The company will pay for courses and books of staff.")], VOCABULARY)
    assert unsaid_words(question, quotes, VOCABULARY) == ("toward", "gym", "membership")
    assert unsaid_words(question, (), VOCABULARY) == ()


def test_a_heading_says_a_word_for_its_sentences() -> None:
    """What stands in the heading above a quote is not called missing."""
    question = asked("gym membership")
    under = passage("The company pays half of the membership for everybody.", heading=("Gym",))
    assert unsaid_words(question, extract(question, [under], VOCABULARY), VOCABULARY) == ()


def test_words_that_ask_for_a_value_are_not_called_missing() -> None:
    """`Number of days` asks; that a quote gives the figure without these words is no lack."""
    question = asked("What is the maximum number of days for the sauna?")
    quotes = extract(question, [passage("The sauna may be booked for three evenings.")], VOCABULARY)
    assert unsaid_words(question, quotes, VOCABULARY) == ()
