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
    assert all(one.context == "Название;Цена" for one in chunks)
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
