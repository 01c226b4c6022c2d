"""Values: what a sentence counts, in whatever way it is written."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.knowledge.values import figures, values_of


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("28 calendar days", [("day", "28")]),
        ("twenty-one days", [("day", "21")]),
        ("two weeks before", [("day", "14")]),
        ("24 рабочих дня", [("workday", "24")]),
        ("не позднее чем за три дня", [("day", "3")]),
        ("от 10 до 14 дней", [("day", "10-14")]),
        ("5–7 business days", [("workday", "5-7")]),
        ("штраф 1 500 руб.", [("money", "1500")]),
        ("$1,500 per month", [("money", "1500")]),
        ("5 тыс. рублей", [("money", "5000")]),
        ("a fee of 3,5 %", [("%", "3.5")]),
        ("до 15 марта 2025 г.", [("date", "2025-03-15")]),
        ("by March 15", [("date", "03-15")]),
        ("с 12.03.2024", [("date", "2024-03-12")]),
        ("on 2024-03-12", [("date", "2024-03-12")]),
        ("at 6 pm", [("time", "18:00")]),
        ("в 9:30", [("time", "09:30")]),
        ("see section 4.2 and № 12, п. 3.1", []),
        ("ст. 128 ТК", []),
        ("версия 2", []),
        ("28 (двадцать восемь) дней", [("day", "28")]),
    ],
)
def test_values(text: str, values: list[tuple[str, str]]) -> None:
    """Units and amounts in one spelling; a number that names a place is no value."""
    found = values_of(text)
    assert [(value.unit, value.amount) for value in found] == values
    assert all(text[value.start : value.end].strip() == value.written.strip() for value in found)


def test_figures_are_plain_digits() -> None:
    """`1 500`, `1,500` and `1500,0` are one number, and words count."""
    assert figures("1 500, then 1,500, then 1500,0 and two") == {"1500", "2"}


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    """Whatever the text, its values lie inside it, in order and apart."""
    found = values_of(text)
    assert all(0 <= value.start < value.end <= len(text) for value in found)
    assert all(one.start <= other.start for one, other in pairwise(found))
