"""Abbreviations that documents explain, and lists that a person gives."""

from __future__ import annotations

import pytest

from inhouse.kernel.errors import BadRequest
from inhouse.knowledge.glossary import (
    Abbreviation,
    Term,
    abbreviations_in,
    as_expansions,
    checked_term,
    read_terms,
)


@pytest.mark.parametrize(
    ("text", "short", "full"),
    [
        (
            "Сдайте отчёт в Федеральную налоговую службу (ФНС) до 20 числа.",
            "ФНС",
            "Федеральную налоговую службу",
        ),
        ("Each employee gets Paid Time Off (PTO) monthly.", "PTO", "Paid Time Off"),
        ("The Code of Conduct and Ethics (COCE)", "COCE", "Code of Conduct and Ethics"),
        (
            "Налог на доходы физических лиц (далее — НДФЛ) удерживают",
            "НДФЛ",
            "Налог на доходы физических лиц",
        ),
        ("Обработка персональных данных (далее – «ПДн») идёт", "ПДн", "персональных данных"),
        (
            "ДМС (добровольное медицинское страхование) действует",
            "ДМС",
            "добровольное медицинское страхование",
        ),
        ("**OKR** — objectives and key results of a team", "OKR", "objectives and key results"),
        ("| ЛНА | Локальный нормативный акт |", "ЛНА", "Локальный нормативный акт"),
        ("договор гражданско-правового характера (ГПХ)", "ГПХ", "гражданско-правового характера"),
        ("Standard operating procedure (SOP)", "SOP", "Standard operating procedure"),
        ("we went to the city of Moscow (RU)", "", ""),
        ("отчёт сдают вовремя (см. ФНС)", "", ""),
        ("HTTP: the page is here", "", ""),
        ("Paid Time\n\nOff (PTO)", "", ""),
    ],
)
def test_a_document_explains_its_abbreviations(text: str, short: str, full: str) -> None:
    """Only where the initials agree; small words in between are allowed, inflected forms too."""
    assert abbreviations_in(text) == ((Abbreviation(short, full),) if short else ())


def test_the_first_explanation_counts_and_there_is_an_end() -> None:
    """One meaning for each abbreviation of a document, at most 200 of them."""
    assert abbreviations_in("Paid Time Off (PTO) … Power Take Off (PTO)") == (
        Abbreviation("PTO", "Paid Time Off"),
    )
    letters = "ABCDEFGHIJKLMNOP"
    many = "\n".join(f"{a}xx {b}yy {c}zz ({a}{b}{c})" for a in letters for b in letters for c in letters)
    assert len(abbreviations_in(many)) == 200


def test_terms_become_other_names() -> None:
    """The term leads to its meanings and they lead to it."""
    known = as_expansions([Term("PTO", ("paid time off",))], lambda text: text.lower().split())
    assert [other.stems for other in known.of["pto",]] == [("paid", "time", "off")]
    assert [other.stems for other in known.of["paid", "time", "off"]] == [("pto",)]


def test_a_list_is_read() -> None:
    """CSV of three kinds, `=` and dashes, a heading and comments; lines of one term are joined."""
    text = (
        "﻿term,meaning\n# ours\nPTO,paid time off,leave\nDMS;ДМС;страховка\n"
        "ОТ = охрана труда\nPTO\tvacation\n\nКПЭ — KPI"
    )
    assert read_terms(text) == (
        Term("PTO", ("paid time off", "leave", "vacation")),
        Term("DMS", ("ДМС", "страховка")),
        Term("ОТ", ("охрана труда",)),
        Term("КПЭ", ("KPI",)),
    )


def test_a_line_without_a_meaning_is_named() -> None:
    """The error says which line."""
    with pytest.raises(BadRequest, match="Line 2"):
        read_terms("a,b\nalone\n")


@pytest.mark.parametrize(
    ("term", "meanings"),
    [("", ["x"]), ("?!", ["x"]), ("x" * 81, ["y"]), ("a", []), ("a", ["A"]), ("a", ["…"])],
)
def test_senseless_terms_are_refused(term: str, meanings: list[str]) -> None:
    """Nothing without words, nothing too long, nothing that means itself."""
    with pytest.raises(BadRequest):
        checked_term(term, meanings)
