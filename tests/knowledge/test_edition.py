"""Which documents are editions of one another."""

from __future__ import annotations

import pytest

from inhouse.knowledge.edition import Sibling, edition_of, superseded

DAY = 86_400.0
YEAR_2026 = 1_767_225_600.0


def family(path: str, title: str = "", head: str = "") -> str:
    return edition_of(path, title, head, YEAR_2026).family


def edition(path: str, title: str = "", head: str = "") -> float:
    return edition_of(path, title, head, YEAR_2026).edition


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("Vacation policy 2023.pdf", "Vacation policy 2025.pdf"),
        ("Vacation policy 2025 v1.pdf", "Vacation policy 2025 v2.docx"),
        ("hr/Положение об отпусках от 12.03.2024.docx", "hr/Положение об отпусках от 1 апреля 2024 г.docx"),
        ("Регламент закупок 20240312.pdf", "Регламент_закупок_2024-03-13.pdf"),
        ("Положение о премировании (утв. 01.04.2022).docx", "Положение о премировании (ред. 2023).docx"),
        ("2023/Travel policy.pdf", "2025/Travel policy.pdf"),
        ("archive/Travel policy 2025.pdf", "Travel policy 2023.pdf"),
        ("Handbook v2.9.pdf", "Handbook v2.10.pdf"),
        ("Handbook draft.pdf", "Handbook v1.pdf"),
        ("Offer v2.docx", "Offer final.docx"),
        ("Monthly report 2024-03 v1.docx", "Monthly report 2024-03 v2.docx"),
        ("Прайс-лист январь 2024.xlsx", "Прайс-лист февраль 2024.xlsx"),
        ("Приказ об учётной политике 2024.pdf", "Приказ об учетной политике 2025.pdf"),
        (
            "Правила внутреннего распорядка 2-я редакция.pdf",
            "Правила внутреннего распорядка 3-я редакция.pdf",
        ),
    ],
)
def test_editions_share_a_family(older: str, newer: str) -> None:
    """Names that differ in a year, date or version only are one family, and the newer one is newer."""
    assert family(older) == family(newer) != ""
    one, other = Sibling(edition(older), YEAR_2026), Sibling(edition(newer), YEAR_2026)
    assert superseded(one, [other])
    assert not superseded(other, [one])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Sales report 2024-03.xlsx", "Sales report 2024-04.xlsx"),
        ("Протокол совещания 12.03.2024.docx", "Протокол совещания 19.03.2024.docx"),
        ("Invoice 2024.pdf", "Invoice 2025.pdf"),
        ("Договор аренды 2023.docx", "Договор аренды 2024.docx"),
        ("Отчёт об исполнении регламента 2023.pdf", "Отчёт об исполнении регламента 2024.pdf"),
        ("Policy review minutes 2023.pdf", "Policy review minutes 2024.pdf"),
        ("Приказ о премировании от 12.03.2024.pdf", "Приказ о премировании от 12.04.2024.pdf"),
        ("Инструкция Office 2016.docx", "Инструкция Office 2019.docx"),
        ("api-v1.md", "api-v2.md"),
        ("Vacation policy en 2023.pdf", "Vacation policy ru 2025.pdf"),
        ("sales/Travel policy 2023.pdf", "it/Travel policy 2025.pdf"),
        ("Инструкция по охране труда № 15 2023.pdf", "Инструкция по охране труда № 16 2023.pdf"),
        ("photo 2023.jpg", "photo 2024.jpg"),
    ],
)
def test_what_comes_anew_is_no_edition(one: str, other: str) -> None:
    """Reports, minutes, invoices, orders by day, product versions, other departments: no common family."""
    assert family(one) != family(other)


def test_a_kind_without_a_subject_has_no_family() -> None:
    """`Policy 2023` may be about anything; a handbook is about the house."""
    assert family("Policy 2023.pdf") == ""
    assert family("Приказ № 15 от 12.03.2024.pdf") == ""
    assert family("Handbook 2023.pdf") == "handbook"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("---\ntitle: x\nupdated: 2024-07-01\n---\nwords 1999", 2024.5),
        ("---\nversion: 2.1\n---\n", 2.1e0),
        ("Vacation policy\nEffective date: July 1, 2024\n", 2024.5),
        ("ПОЛОЖЕНИЕ\nУтверждено приказом № 15 от 01.07.2024\n", 2024.5),
        ("Действует с 1 июля 2024 года", 2024.5),
        ("Version: 3", 3.0),
        ("Founded in 1999, we have 28 days of vacation", 0.0),
    ],
)
def test_first_lines_state_an_edition(head: str, expected: float) -> None:
    """A document without a mark in its name takes the one that its own first lines give."""
    assert edition("Vacation policy.pdf", head=head) == pytest.approx(expected, abs=0.11)


def test_a_title_states_an_edition() -> None:
    """Files with names that say nothing are editions by their titles."""
    older = edition_of("doc1.pdf", "Travel policy, 2nd edition", "", 0.0)
    newer = edition_of("doc2.pdf", "Travel policy, 3rd edition", "", 0.0)
    assert older.family == newer.family
    assert older.edition < newer.edition


def test_a_version_does_not_compare_with_a_date() -> None:
    """Neither of `v9` and `2023` is called superseded by the other."""
    version, year = Sibling(9.0, YEAR_2026), Sibling(2023.0, YEAR_2026)
    assert not superseded(version, [year])
    assert not superseded(year, [version])


def test_a_file_without_a_mark_gives_way_only_when_it_is_surely_older() -> None:
    """Its time may be that of a copy: it proves "not later than", never "newer"."""
    marked = Sibling(2025.0, YEAR_2026)
    assert superseded(Sibling(0.0, YEAR_2026 - 400 * DAY), [marked])
    assert not superseded(Sibling(0.0, YEAR_2026), [marked])
    assert not superseded(marked, [Sibling(0.0, YEAR_2026 + 400 * DAY)])


def test_a_draft_never_supersedes() -> None:
    """The draft of the next year's edition leaves this year's in force, and is itself not called old."""
    draft, current = Sibling(2026.0 - 10_000, YEAR_2026), Sibling(2025.0, YEAR_2026)
    assert not superseded(current, [draft])
    assert not superseded(draft, [current])
    assert superseded(Sibling(2024.0 - 10_000, YEAR_2026), [current])
    assert not superseded(current, [])


@pytest.mark.parametrize(
    "path", ["", "/", "a/", "2023/", "v2.pdf", "....", "31.02.2024 policy of x.md", "й" * 500]
)
def test_odd_names_are_no_error(path: str) -> None:
    """Whatever a file is called, there is an answer."""
    assert isinstance(edition(path), float)
