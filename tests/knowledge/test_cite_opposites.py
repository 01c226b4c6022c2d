"""Claims that use the words of their source and say the opposite, or give a figure to another thing."""

from __future__ import annotations

import pytest

from inhouse.kernel.documents import Passage
from inhouse.knowledge.cite import check, number_sources
from inhouse.knowledge.edge.lexical import analyzer
from inhouse.knowledge.words import Vocabulary

VOCABULARY = Vocabulary.of(analyzer())


def supported(quote: str, claim: str) -> bool:
    """Whether the claim, with a mark of its only source, is shown as supported."""
    passage = Passage("d", "hr.md", "s", "Rules", None, (), 0, len(quote), quote, 1, 1, 0)
    return check(f"{claim} [S1.1]", number_sources([passage]), VOCABULARY).supported


@pytest.mark.parametrize(
    ("quote", "claim"),
    [
        (
            "Employees may carry unused leave over to the next year.",
            "Employees may not carry unused leave over.",
        ),
        ("Employees may not carry unused leave over.", "Employees may carry unused leave over."),
        ("Smoking is not allowed in the warehouse.", "Smoking is allowed in the warehouse."),
        ("The deposit is never returned to the customer.", "The deposit is returned to the customer."),
        ("Guests cannot enter the workshop alone.", "Guests can enter the workshop alone."),
        ("The parts don't need a second coat of paint.", "The parts need a second coat of paint."),
        ("Отпуск переносится на следующий год.", "Отпуск не переносится на следующий год."),
        ("Отпуск не переносится на следующий год.", "Отпуск переносится на следующий год."),
        ("Курить на складе нельзя.", "Курить на складе можно."),
        ("Заявление подают не позднее 14 дней.", "Заявление подают позднее 14 дней."),
        ("Доплата без согласования не производится.", "Доплата без согласования производится."),
    ],
)
def test_the_opposite_is_not_supported(quote: str, claim: str) -> None:
    """A word that its source denies may not be claimed, nor the other way round."""
    assert not supported(quote, claim)


@pytest.mark.parametrize(
    ("quote", "claim"),
    [
        ("Employees may not carry unused leave over.", "Unused leave may not be carried over by employees."),
        ("Leave that was not taken expires after 15 months.", "Leave expires after 15 months."),
        ("Заявление подают не позднее 14 дней.", "Заявление на отпуск подают не позднее чем за 14 дней."),
        ("Отпуск не переносится на следующий год.", "На следующий год отпуск не переносится."),
        ("Курить на складе нельзя.", "На складе нельзя курить."),
        ("It is not only the fastest but the cheapest saw.", "It is the fastest and the cheapest saw."),
        (
            "Скидка не предоставляется оптовым клиентам, розничным клиентам скидка предоставляется.",
            "Скидка предоставляется розничным клиентам.",
        ),
        ("Штраф не взимается, если заявление подано в срок.", "Штраф не взимается при заявлении в срок."),
    ],
)
def test_control_a_paraphrase_keeps_its_source(quote: str, claim: str) -> None:
    """What both deny is supported, and so is what is denied of another word only."""
    assert supported(quote, claim)
