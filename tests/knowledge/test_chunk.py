"""Chunks: exact offsets, whole sentences, known headings and pages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inhouse.kernel.documents import PageSpan
from inhouse.knowledge.chunk import LIMIT, chunk


@given(st.text(alphabet="абв АБ.\n#-|1 ", max_size=4000))
def test_chunks_cover_all_text_in_order(text: str) -> None:
    """Nothing but white space lies between chunks, none overlaps, none is over the limit by a sentence."""
    at = 0
    for one in chunk(text):
        assert at <= one.start < one.end <= len(text)
        assert not text[at : one.start].strip()
        at = one.end
    assert not text[at:].strip()


def test_endless_sentence_is_cut() -> None:
    """A text without any break still gives chunks below the limit."""
    chunks = chunk("слово" * 2000)
    assert len(chunks) == 5
    assert all(one.end - one.start <= LIMIT for one in chunks)


def test_heading_path_and_context() -> None:
    """A chunk knows the headings above it, outermost first, and carries them as context."""
    body = "Отпуск длится 28 дней. " * 30
    text = f"# Кадры\n\n{body}\n\n## Отпуск\n\n{body}\n\n# Закупки\n\n{body}"
    headings = [one.heading for one in chunk(text)]
    assert ("Кадры", "Отпуск") in headings
    assert ("Закупки",) in headings
    assert any(one.context == "Кадры\nОтпуск" for one in chunk(text))


def test_table_parts_repeat_the_header_in_their_context_only() -> None:
    """Rows of a long table stay whole; the header is indexed with each part but not part of its text."""
    rows = [f"Шкаф {n};{n * 100} руб." for n in range(200)]
    text = "\n".join(["Название;Цена", *rows])
    chunks = chunk(text, kind="table")
    assert len(chunks) > 2
    assert all(one.context.startswith("Название;Цена\nНазвание: Шкаф ") for one in chunks)
    assert all(text[one.start : one.end].split("\n")[-1] in ["Название;Цена", *rows] for one in chunks)
    assert "Название" not in text[chunks[1].start : chunks[1].end]


def test_pages_split_chunks() -> None:
    """A chunk never crosses a page."""
    text = "Первая страница коротка.\n\nВторая страница тоже."
    pages = (PageSpan(1, 0, 24), PageSpan(2, 26, len(text)))
    assert [(one.page, text[one.start : one.end]) for one in chunk(text, pages=pages)] == [
        (1, "Первая страница коротка."),
        (2, "Вторая страница тоже."),
    ]


def test_short_sections_share_a_chunk_and_the_headings_above_both() -> None:
    """A chunk of two short sections claims neither's heading, only the one above them."""
    text = "# Договор\n\n## 3. Приёмка\n\nПриёмка за три дня.\n\n## 4. Ответственность\n\nНеустойка 0,1 %."
    (only,) = chunk(text)
    assert only.heading == ("Договор",)


def test_a_row_of_a_markdown_table_is_said_with_its_header() -> None:
    """Each part of a pipe table carries `header: value` of its own rows; the quoted text has only the row."""
    rows = [f"| Монтажник {n} | {n} дней | [порядок](a.md) |" for n in range(120)]
    text = "\n".join(["# Нормы", "", "| Должность | Отпуск | Основание |", "|---|:-:|---|", *rows])
    chunks = chunk(text)
    assert len(chunks) > 2
    for one in chunks:
        first = next(row for row in rows if row in text[one.start : one.end])
        number = first.split()[2]
        assert f"Должность: Монтажник {number} · Отпуск: {number} дней · Основание: порядок" in one.context
        assert "Должность: " not in text[one.start : one.end]
    assert not any("Должность: Монтажник 119" in one.context for one in chunks[:-1])


def test_a_table_that_goes_on_on_the_next_page_keeps_its_header() -> None:
    """Rows on the second page are said with the header of the first, as in tables of a PDF."""
    first = "| Role | Days |\n|---|---|\n| Fitter | 28 |\n"
    text = first + "| Driver | 31 |\n"
    pages = (PageSpan(1, 0, len(first)), PageSpan(2, len(first), len(text)))
    contexts = [(one.page, one.context) for one in chunk(text, pages=pages)]
    assert [page for page, _ in contexts] == [1, 2]
    assert "Role: Driver · Days: 31" in contexts[1][1]


def test_a_table_file_with_quoted_cells_is_said_with_its_header() -> None:
    """A comma inside quotes separates no columns; the delimiter is found from the header."""
    (one,) = chunk('Name,Limit\n"Hotel, per night",160\n', kind="table")
    assert one.context.endswith("Name: Hotel, per night · Limit: 160")


def test_no_table_is_seen_in_one_column() -> None:
    """A list of lines without a delimiter is not said as header and value."""
    (one,) = chunk("Склад\nСеверный\nЮжный\n", kind="table")
    assert one.context == "Склад"
