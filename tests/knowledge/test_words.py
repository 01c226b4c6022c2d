"""Questions: language, meaning words, names, figures, kind of answer."""

from __future__ import annotations

import pytest

from inhouse.knowledge.edge.lexical import analyzer
from inhouse.knowledge.words import Vocabulary, holds_kind, language_of, read_question

VOCABULARY = Vocabulary.of(analyzer())


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Сколько дней отпуска?", "ru"),
        ("How many days?", "en"),
        ("Что такое LibreOffice Calc?", "ru"),
        ("42", "en"),
        ("What does «отпуск» mean in our policy", "en"),
    ],
)
def test_language(text: str, language: str) -> None:
    """Russian questions stay Russian although they name English things."""
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Сколько стоит доставка?", "money"),
        ("Сколько дней отпуска?", "period"),
        ("Когда выходной?", "date"),
        ("Кто утверждает закупку?", "person"),
        ("Какой процент скидки?", "percent"),
        ("Какой максимальный размер файла?", "number"),
        ("What is the price of the cabinet?", "money"),
        ("How long is the warranty?", "period"),
        ("Which lamp fits?", None),
    ],
)
def test_kind_of_answer(text: str, kind: str | None) -> None:
    """The kind of value that a question asks for, None when it asks for no value."""
    assert read_question(text, VOCABULARY).wants == kind


def test_question_of_stop_words_keeps_them() -> None:
    """A question without any meaning word still has stems to look for."""
    assert read_question("кто мы?", VOCABULARY).content


def test_names_and_figures() -> None:
    """Capitalised words count as names unless they open the question; figures are kept."""
    question = read_question("Сколько раз Пэнтерс играли в 2015?", VOCABULARY)
    assert question.names == frozenset(VOCABULARY.stems("Пэнтерс"))
    assert question.numbers == {"2015"}


def test_a_list_number_is_no_value() -> None:
    """`3. Заявление…` holds no number that could answer a question."""
    assert not holds_kind("3. Заявление подают руководителю", "number")
    assert holds_kind("3. Заявление подают за 14 дней", "period")
