"""Conflicts: what is one, what only looks like one, and how it is said."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from inhouse.kernel.documents import Passage
from inhouse.knowledge.cite import number_sources
from inhouse.knowledge.conflict import find_conflicts, stated_date
from inhouse.knowledge.edge.lexical import analyzer
from inhouse.knowledge.ports import Conflict
from inhouse.knowledge.rank import weigh
from inhouse.knowledge.words import Vocabulary, read_question

VOCABULARY = Vocabulary.of(analyzer())


def passage(name: str, title: str, text: str, *, year: int = 2024, heading: tuple[str, ...] = ()) -> Passage:
    """A passage that is its whole document."""
    day = datetime(year, 6, 1, tzinfo=UTC).timestamp()
    return Passage(name, name, "s", title, None, heading, 0, len(text), text, 1.0, 1.0, day)


def conflicts(question: str, *passages: Passage) -> tuple[Conflict, ...]:
    """What is found when the answer rests on everything in the first passage."""
    sources = number_sources(passages)
    read = read_question(question, VOCABULARY)
    weights = weigh(read, chunks=100, chunks_with={}, mean_length=90)
    told = frozenset((one.passage.document_id, one.start) for one in sources.values())
    return find_conflicts([(read, weights)], sources, told, VOCABULARY)


REAL = [
    (
        "How many days of annual leave do I get?",
        ("Vacation policy 2023", "Annual leave is 24 calendar days."),
        ("Vacation policy 2025", "Employees receive 28 days of annual leave per year."),
        ("28 days", "24 calendar days"),
    ),
    (
        "Сколько дней отпуска мне положено?",
        ("Положение об отпусках 2023", "Отпуск составляет 24 календарных дня."),
        ("Положение об отпусках 2025", "Сотрудникам предоставляется отпуск 28 календарных дней."),
        ("28 календарных дней", "24 календарных дня"),
    ),
    (
        "By when must expense reports be submitted?",
        ("Expenses 2022", "Expense reports must be submitted by the 5 March."),
        ("Expenses 2024", "Expense reports must be submitted by the 20 March."),
        ("20 March", "5 March"),
    ),
    (
        "What is the hotel limit per night?",
        ("Travel 2021", "The hotel limit is $150 per night."),
        ("Travel 2024", "The hotel limit is $220 per night."),
        ("$220", "$150"),
    ),
    (
        "За сколько дней подавать заявление на отпуск?",
        ("Инструкция 2022", "Заявление на отпуск подают за две недели."),
        ("Инструкция 2024", "Заявление на отпуск подают не позднее чем за 21 день."),
        ("21 день", "две недели"),
    ),
    (
        "Когда начинается рабочий день в офисе?",
        ("Регламент 2020", "Рабочий день в офисе начинается в 9:00."),
        ("Регламент 2024", "Рабочий день в офисе начинается в 10:00."),
        ("10:00", "9:00"),
    ),
    (
        "Какой процент за сверхурочную работу?",
        ("Оплата труда 2019", "Сверхурочная работа оплачивается с надбавкой 50 %."),
        ("Оплата труда 2024", "Сверхурочная работа оплачивается с надбавкой 100 %."),
        ("100 %", "50 %"),
    ),
    (
        "Is remote work allowed during probation?",
        ("Remote work 2021", "Remote work is not allowed during probation."),
        ("Remote work 2024", "Remote work is allowed during probation."),
        ("Remote work is allowed during probation.", "Remote work is not allowed during probation."),
    ),
    (
        "Можно ли работать удалённо в испытательный срок?",
        ("Положение 2021", "Удалённая работа в испытательный срок запрещена, работать удалённо нельзя."),
        ("Положение 2024", "Удалённая работа в испытательный срок запрещена, работать удалённо можно."),
        (
            "Удалённая работа в испытательный срок запрещена, работать удалённо можно.",
            "Удалённая работа в испытательный срок запрещена, работать удалённо нельзя.",
        ),
    ),
    (
        "How long is a laptop used before it is replaced?",
        ("IT handbook 2020", "A laptop is replaced after five years."),
        ("IT handbook 2024", "A laptop is replaced after 3 years."),
        ("3 years", "five years"),
    ),
]


@pytest.mark.parametrize(("question", "older", "newer", "values"), REAL, ids=[one[0] for one in REAL])
def test_both_sides_are_cited(
    question: str, older: tuple[str, str], newer: tuple[str, str], values: tuple[str, str]
) -> None:
    """Ten conflicts: both sides with their values and quotes, the newer first, whatever stands first."""
    old, new = passage("old", *older, year=2025), passage("new", *newer, year=2025)
    for order in ((old, new), (new, old)):
        (found,) = conflicts(question, *order)
        assert tuple(side.value for side in found.sides) == values
        assert [side.citation.document_id for side in found.sides] == ["new", "old"]
        assert [side.citation.quote for side in found.sides] == [newer[1], older[1]]
        assert all(side.citation.verified for side in found.sides)
        assert all(value.rstrip(".") in found.statement for value in values)


NOT = [
    ("How many days of leave?", "Managers get 28 days of leave.", "Workers get 14 days of leave."),
    ("How many days of leave?", "Annual leave is 28 days.", "Annual leave is 28 calendar days per year."),
    ("How many days of leave?", "Leave is 14 days.", "Leave is two weeks."),
    ("How many days of leave?", "Sick leave is 10 days.", "Parental leave is 90 days."),
    ("How many days of leave?", "Leave is 28 days.", "The office is closed on 3 days around New Year."),
    ("What is the limit?", "The limit is described in section 4.", "The limit is described in section 7."),
    ("Сколько дней отпуска?", "Отпуск — 28 дней.", "Отпуск инвалидов — 30 дней."),
    ("Сколько дней отпуска?", "Отпуск — 28 календарных дней.", "Отпуск — 24 рабочих дня."),
    ("Когда платят аванс?", "Аванс платят 15 марта.", "Аванс платят 15 марта 2025 года."),
    (
        "What is the fee?",
        "The fee is at least $10 and at most $20.",
        "The fee is at least $5 and at most $50.",
    ),
]


@pytest.mark.parametrize(("question", "one", "other"), NOT)
def test_what_is_no_conflict(question: str, one: str, other: str) -> None:
    """Other people, other units, equal values in other words, other subjects: nothing is claimed."""
    assert conflicts(question, passage("a", "Policy A", one), passage("b", "Policy B", other)) == ()


def test_what_is_not_told_needs_no_objection() -> None:
    """A conflict between sentences that the answer does not rest on is not brought up."""
    first = passage("a", "Policy", "Annual leave is 24 days.")
    second = passage("b", "Policy", "Annual leave is 28 days.")
    sources = number_sources([first, second])
    question = read_question("How many days of annual leave?", VOCABULARY)
    weights = weigh(question, chunks=100, chunks_with={}, mean_length=90)
    assert find_conflicts([(question, weights)], sources, frozenset(), VOCABULARY) == ()
    told = frozenset({("a", 0)})
    assert len(find_conflicts([(question, weights)], sources, told, VOCABULARY)) == 1


def test_a_document_does_not_contradict_itself() -> None:
    """Two values inside one document are its own affair: there is no newer side to name."""
    text = "Annual leave is 24 days. Annual leave is 28 days."
    assert conflicts("How many days of annual leave?", passage("a", "Policy", text)) == ()


@pytest.mark.parametrize(
    ("document", "title", "day"),
    [
        ("hr/leave 2023.pdf", "Leave", "2023-01-01"),
        ("hr/leave.pdf", "Leave, edition of 12.03.2024", "2024-03-12"),
        ("hr/leave_2024-11.pdf", "Leave", "2024-11-01"),
        ("hr/leave_2024-99.pdf", "Leave", "2024-01-01"),
        ("hr/leave.pdf", "Leave", "2022-06-01"),
    ],
)
def test_a_document_says_when_it_is_from(document: str, title: str, day: str) -> None:
    """A date in the name or title counts; without one it is the date of the file."""
    one = passage(document, title, "x", year=2022)
    assert datetime.fromtimestamp(stated_date(one), UTC).date().isoformat() == day


PAIRS = [
    (False, "How many days of notice?", "Notice is at least 14 days.", "Notice is at most 30 days."),
    (False, "How many days of leave?", "In Berlin leave is 30 days.", "In Munich leave is 28 days."),
    (
        False,
        "How much is the meal allowance?",
        "In 2023 the meal allowance was 30 euros.",
        "In 2024 the meal allowance was 35 euros.",
    ),
    (
        False,
        "How much is the meal allowance?",
        "The meal allowance is 30 euros.",
        "Until 2020 the meal allowance was 25 euros.",
    ),
    (
        False,
        "How much is the meal allowance?",
        "For example, a meal allowance of 20 euros covers lunch.",
        "The meal allowance is 30 euros.",
    ),
    (
        False,
        "What is the minimum order?",
        "The minimum order is 10 pieces.",
        "The maximum order is 500 pieces.",
    ),
    (False, "How long is the warranty?", "The warranty is 24 months.", "The warranty is two years."),
    (
        False,
        "How long is the warranty?",
        "The warranty for doors is 24 months.",
        "The warranty for windows is 36 months.",
    ),
    (False, "Is remote work allowed?", "Remote work is prohibited.", "Remote work is not allowed."),
    (False, "How much is the fee?", "The fee is 50 euros.", "The fee was 40 euros before 2022."),
    (
        False,
        "Размер суточных?",
        "Суточные составляют 700 рублей.",
        "До 2020 года суточные составляли 500 рублей.",
    ),
    (False, "Сколько дней отпуск?", "Отпуск в Москве 28 дней.", "Отпуск в Казани 30 дней."),
    (
        False,
        "Какой размер суточных?",
        "Минимальный размер суточных — 500 рублей.",
        "Максимальный размер суточных — 2500 рублей.",
    ),
    (
        False,
        "Какой размер суточных?",
        "Например, суточные составят 1400 рублей за 2 дня.",
        "Суточные составляют 700 рублей.",
    ),
    (
        False,
        "Срок оплаты счёта?",
        "Срок оплаты счёта — не менее 5 дней.",
        "Срок оплаты счёта — не более 10 дней.",
    ),
    (
        False,
        "Сколько длится испытательный срок?",
        "Испытательный срок — три месяца.",
        "Испытательный срок составляет 3 месяца.",
    ),
    (
        False,
        "How much is the hotel limit?",
        "The hotel limit is 150 euros.",
        "In the draft the hotel limit is 180 euros.",
    ),
    (True, "How long is the warranty?", "The warranty is 24 months.", "The warranty is 36 months."),
    (True, "Is remote work allowed?", "Remote work is prohibited.", "Remote work is allowed."),
    (True, "Размер суточных?", "Суточные составляют 700 рублей.", "Суточные составляют 900 рублей."),
    (
        True,
        "Сколько длится испытательный срок?",
        "Испытательный срок — три месяца.",
        "Испытательный срок составляет 6 месяцев.",
    ),
    (True, "Когда закрывается касса?", "Касса закрывается в 18:00.", "Касса закрывается в 17:00."),
    (True, "When does the office open?", "The office opens at 9:00.", "The office opens at 8:30."),
    (True, "What is the discount?", "The discount is 10 %.", "The discount is 15 %."),
    (
        True,
        "How much is the meal allowance?",
        "The meal allowance is 30 euros.",
        "From 2024 on the meal allowance is 35 euros.",
    ),
    (True, "Какой срок оплаты счёта?", "| Срок оплаты счёта | 10 дней |", "Срок оплаты счёта — 14 дней."),
    (True, "How many days of notice?", "- Notice: 14 days", "Notice is 30 days."),
    (True, "Можно ли курить на складе?", "Курение на складе запрещено.", "Курение на складе разрешено."),
    (True, "Is the deposit returned?", "The deposit is returned.", "The deposit is not returned."),
    (
        True,
        "How long is data kept?",
        "Customer data is kept for 5 years.",
        "Customer data is kept for 3 years.",
    ),
    (
        True,
        "What is the minimum order?",
        "The minimum order is 10 pieces.",
        "The minimum order is 20 pieces.",
    ),
    (True, "До какого числа сдают отчёт?", "Отчёт сдают до 5 числа.", "Отчёт сдают до 10 числа."),
    (
        True,
        "When does the contract end?",
        "The contract ends on 31.12.2025.",
        "The contract ends on 31.12.2026.",
    ),
    (
        True,
        "Когда кончается договор?",
        "Договор действует до 31 декабря 2025 года.",
        "Договор действует до 30 июня 2026 года.",
    ),
]


@pytest.mark.parametrize(("is_one", "question", "one", "other"), PAIRS)
@pytest.mark.parametrize("titles", [("Rules", "Rules"), ("Sales handbook", "Office guide")])
def test_what_is_a_conflict(
    is_one: bool, question: str, one: str, other: str, titles: tuple[str, str]
) -> None:
    """Limits, years, places, examples, drafts and what once was are none; values and permissions are."""
    found = conflicts(
        question, passage("x", titles[0], one, year=2024), passage("y", titles[1], other, year=2025)
    )
    assert bool(found) is is_one
