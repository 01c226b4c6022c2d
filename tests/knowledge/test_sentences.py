"""Sentences: cut where a thought ends, nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.knowledge.blocks import read_blocks
from inhouse.knowledge.sentences import sentence_spans


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text, read_blocks(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Первое. Второе! Третье?", ["Первое.", "Второе!", "Третье?"]),
        ("Цена 1.5 руб. за шт. Доставка 3 дня.", ["Цена 1.5 руб. за шт.", "Доставка 3 дня."]),
        ("Автор А. С. Пушкин, г. Москва, ул. Ленина.", ["Автор А. С. Пушкин, г. Москва, ул. Ленина."]),
        ("See e.g. Mr. Smith at 5 p.m. today.", ["See e.g. Mr. Smith at 5 p.m. today."]),
        ("One line\nwrapped softly over two. Next.", ["One line\nwrapped softly over two.", "Next."]),
        (
            "Subject: Enquiry for forty wardrobes from Hamburg\nFrom: Jonas\nTo: sales@house.example",
            ["Subject: Enquiry", "From: Jonas", "To: sales"],
        ),
        ("- первый пункт\n- второй пункт", ["- первый пункт", "- второй пункт"]),
        ("2. Заявление подаётся за 14 дней.", ["2. Заявление подаётся за 14 дней."]),
        ("| a | b |\n|---|---|\n| 1 | 2 |", ["| a | b |", "| 1 | 2 |"]),
        (
            "Иванов\nДиректор завода по производству мебели и фурнитуры в области",
            ["Иванов", "Директор завода"],
        ),
    ],
)
def test_cuts(text: str, expected: list[str]) -> None:
    """Each text is cut into the expected sentences, abbreviations and initials kept whole."""
    found = cut(text)
    assert [one[: len(want)] for one, want in zip(found, expected, strict=False)] == expected
    assert len(found) == len(expected)


def test_headings_and_markup_are_no_sentences() -> None:
    """Headings, front matter and template lines never become quotes."""
    text = "---\ntitle: x\n---\n# Отпуск\n\n{% include x %}\n\nОтпуск длится 28 дней."
    assert cut(text) == ["Отпуск длится 28 дней."]


@given(st.text(alphabet="аБв.!? \n-|#12(«»*", max_size=200))
def test_spans_are_ordered_and_hold_every_word_outside_headings(text: str) -> None:
    """Whatever the text: spans rise, do not overlap, and have no white space at their ends."""
    last = 0
    for start, end in sentence_spans(text, read_blocks(text)):
        assert last <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
        last = end
