"""When short answers of several models say the same: numbers, yes and no, denials, bounds and words."""

from __future__ import annotations

import itertools

import pytest

from inhouse.gateway.agree import agreement, same
from inhouse.gateway.strategy import agreed

ALIKE = [
    ("14 days", "It is 14 days."),
    ("14 days", "14"),
    ("Yes, 14 days", "14 days."),
    ("Yes, 14 days", "Yes: 14 calendar days"),
    ("Annual leave is 28 days.", "28 days of annual leave"),
    ("No, not 14 days", "no - not 14 days!"),
    ("No, it is not allowed.", "It is not allowed"),
    ("Yes!", "yes"),
    ("Yes.", "Yes, remote work is allowed."),
    ("No.", "No, remote work is not allowed."),
    ("It is 1.50 euro", "1,5"),
    ("1,000 dollars", "$1000"),
    ("1 000 000", "1000000"),
    ("15%", "15 percent"),
    ("Paris", "paris."),
    ("The capital is Paris.", "capital: Paris"),
    ("not more than 14 days", "Not more than 14 days."),
    ("Up to 3 hours", "up to 3 hrs"),
    ('{"paid": true, "days": 14}', '{"paid":true,"days":14}'),
    ("Отпуск длится 28 дней", "28 дней"),
    ("Отпуск 28 дней.", "Отпуск составляет 28 календарных дней"),
    ("Да, 14 дней", "14 дней."),
    ("Да", "да."),
    ("Да.", "Да, можно работать из дома."),
    ("Нет.", "Нет, работать из дома нельзя."),
    ("Нет, не 14 дней", "нет, не 14 дней!"),
    ("Не более 14 дней", "не более 14 дней."),
    ("Курить в офисе нельзя.", "курить в офисе нельзя"),
    ("5000 рублей", "5 000 руб."),
    ("1 год", "1 года"),
    ("Ещё 3 дня", "еще 3 дня"),
    ("Москва", "москва!"),
]

APART = [
    ("yes, 14 days", "no, not 14 days"),
    ("Yes, 14 days", "No, 14 days"),
    ("14 days", "No, 14 days"),
    ("14 days", "not 14 days"),
    ("It is allowed for 14 days.", "It is not allowed for 14 days."),
    ("It's allowed for 14 days.", "It isn't allowed for 14 days."),
    ("14 days", "14 hours"),
    ("14 days", "15 days"),
    ("14 days", "up to 14 days"),
    ("at least 14 days", "at most 14 days"),
    ("more than 14 days", "less than 14 days"),
    ("more than 14 days", "not more than 14 days"),
    ("before 9", "after 9"),
    ("about 14 days", "14 days"),
    ("14 or 15 days", "14 and 15 days"),
    ("14 working days", "14 calendar days"),
    ("14 days of paid leave", "14 days of unpaid leave"),
    ("You may take 14 days", "You must take 14 days"),
    ("5 dollars", "5 euros"),
    ("-5 degrees", "5 degrees"),
    ("from 9 to 18", "from 18 to 9"),
    ("14 days for everybody", "14 days only for part-time staff"),
    ("Leave is 14 days.", "Probation is 14 days."),
    ("Yes.", "No."),
    ("Yes.", "Yes, it is not allowed."),
    ("Yes", "Paris"),
    ("Paris", "London"),
    ("Anna", "Anna and Boris"),
    ("Anna or Boris", "Anna and Boris"),
    ("The dog bites the man", "The man bites the dog"),
    ("It is allowed.", "It is not allowed."),
    ("It is allowed.", "It is forbidden."),
    ('{"paid": true, "days": 14}', '{"paid": false, "days": 14}'),
    ("Да, 14 дней", "Нет, не 14 дней"),
    ("Да, 14 дней", "Нет, 14 дней"),
    ("14 дней", "не 14 дней"),
    ("14 дней", "14 часов"),
    ("до 14 дней", "после 14 дней"),
    ("до 14 дней", "14 дней"),
    ("не более 14 дней", "более 14 дней"),
    ("не более 14 дней", "не менее 14 дней"),
    ("14 рабочих дней", "14 календарных дней"),
    ("Отпуск 14 рабочих дней", "Отпуск 14 календарных дней"),
    ("Разрешено 14 дней", "Запрещено 14 дней"),
    ("14 дней оплачиваемых", "14 дней неоплачиваемых"),
    ("Курить можно", "Курить нельзя"),
    ("Курить в офисе допустимо", "Курить в офисе недопустимо"),
    ("С 2024 года действует", "С 2024 года не действует"),
    ("Анна", "Анна или Борис"),
    ("Да", "Нет"),
    ("Верно", "Неверно"),
    ("Москва", "Казань"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_they_say_the_same(one: str, other: str) -> None:
    """Whatever words stand around it, in either order."""
    assert same((one, other))
    assert same((other, one))
    assert agreed((one, other))
    assert agreement((one, other)) == 1.0


@pytest.mark.parametrize(("one", "other"), APART)
def test_they_do_not_say_the_same(one: str, other: str) -> None:
    """Contrary, or not certainly the same, in either order."""
    assert not same((one, other))
    assert not same((other, one))
    assert not agreed((one, other))
    assert agreement((one, other)) == 0.5


@pytest.mark.parametrize("text", ["", "?", "the", "14", "Да", "not", "без", "-", "5,", "'s", "%"])
def test_anything_agrees_with_itself(text: str) -> None:
    """Whatever can be read in it; and there is always an answer."""
    assert same((text, text))


def test_three_must_agree_with_each_other() -> None:
    """`14` fits both others, which do not fit each other."""
    assert not same(("14", "14 days", "14 hours"))
    assert agreement(("14 days", "It is 14 days", "14 hours")) == pytest.approx(2 / 3)


def test_long_answers_are_never_agreed_on() -> None:
    """Word for word the same, they are copies."""
    long = "Leave is 14 days. " * 20
    assert same((long, long))
    assert not agreed((long, long))
    assert not agreed(("14 days",))


def test_every_two_answers_have_a_verdict() -> None:
    """No pair of the tables raises, and the order of two never matters."""
    texts = [text for pair in (*ALIKE, *APART) for text in pair]
    for one, other in itertools.combinations(texts, 2):
        assert same((one, other)) == same((other, one))
