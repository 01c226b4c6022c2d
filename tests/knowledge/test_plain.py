"""Quotes without the marks of Markdown, Liquid and YFM."""

from __future__ import annotations

import pytest

from inhouse.knowledge.plain import plain


@pytest.mark.parametrize(
    ("quote", "shown"),
    [
        ("## Отпуск {#vacation}", "Отпуск"),
        ('{% note info "Важно" %} Слова {% endnote %}', "Важно Слова"),
        ('{% cut "Пример" %}', "Пример"),
        ('{% include "part.md" %}words', "words"),
        ("{{ site.name }} team", "team"),
        ("see [the page](a.md){target=_blank}", "see the page"),
        ("words {.note} more", "words more"),
        ("|| a | b ||", "a | b"),
        ("| a | b |", "a · b"),
        ("<td>a</td><td>b</td>", "a b"),
        ("run a || b and {a: 1}", "run a || b and {a: 1}"),
    ],
)
def test_quotes_as_people_read_them(quote: str, shown: str) -> None:
    """Marks are gone, words that only look like marks stay."""
    assert plain(quote) == shown
