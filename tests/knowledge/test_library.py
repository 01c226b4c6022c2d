"""Lists, counts and look-ups of documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inhouse.kernel.caller import Caller
from inhouse.kernel.errors import BadRequest, NotFound
from inhouse.knowledge.edge.pages import DocumentPages
from inhouse.knowledge.edge.parse.parsed import ParseLimits
from inhouse.knowledge.edge.parse.pool import Parsers
from tests.knowledge import samples
from tests.knowledge.home import Home, open_home, write

ME = Caller()
HR = Caller(user="anna", groups=frozenset({"everyone", "hr"}))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    (tmp_path / "home").mkdir()
    opened = open_home(tmp_path / "home")
    open_docs = write(tmp_path / "open", {"Отпуск.md": "# Правила\n\nwords", "b.txt": "words", "zero.md": ""})
    opened.ingest.run([open_docs])
    opened.ingest.run([write(tmp_path / "closed", {"b.txt": "salaries"})], readers=frozenset({"hr"}))
    yield opened
    opened.close()


def test_lists_hold_what_the_caller_may_read(home: Home) -> None:
    """Counts, sources and totals, too."""
    assert (home.library.list(ME).total, home.library.list(HR).total) == (3, 4)
    assert home.library.counts(ME).sources == ("open",)
    assert home.library.counts(HR).sources == ("closed", "open")
    assert home.library.counts(HR).chunks == home.library.counts(ME).chunks + 1


def test_lists_are_searched_filtered_and_cut(home: Home) -> None:
    """In path and title, whatever the case and the alphabet."""
    assert [one.document for one in home.library.list(ME, query="ОТПУСК").documents] == ["Отпуск.md"]
    assert [one.document for one in home.library.list(ME, query="правила").documents] == ["Отпуск.md"]
    assert [one.document for one in home.library.list(ME, status="empty").documents] == ["zero.md"]
    assert home.library.list(HR, source="closed").total == 1
    window = home.library.list(ME, limit=1, offset=1)
    assert (len(window.documents), window.total) == (1, 3)


def test_look_up_by_id_path_and_source(home: Home) -> None:
    """A foreign document is not found, like one that does not exist."""
    closed = home.library.get(HR, "closed/b.txt")
    assert home.library.get(HR, closed.document_id) == closed
    assert home.library.get(ME, "b.txt").source == "open"
    for name in ("closed/b.txt", closed.document_id, "nothing"):
        with pytest.raises(NotFound):
            home.library.get(ME, name)


@pytest.mark.slow
async def test_page_pictures_and_boxes(home: Home, tmp_path: Path) -> None:
    """A PDF page as PNG, drawn once, and a box around the quote; other documents have none."""
    (tmp_path / "pdf").mkdir()
    (tmp_path / "pdf" / "plan.pdf").write_bytes(samples.pdf("First page", "The budget is 5 million"))
    home.ingest.run([tmp_path / "pdf"])
    record = home.library.get(ME, "plan.pdf")
    parsers = Parsers(ParseLimits(), workers=1)
    pages = DocumentPages(home.library, parsers)
    try:
        picture = await pages.image(ME, record.document_id, 2, width_px=200)
        assert picture.startswith(b"\x89PNG")
        assert await pages.image(ME, record.document_id, 2, width_px=200) is picture
        start = home.library.text(ME, record.document_id).index("budget")
        (box,) = await pages.boxes(ME, record.document_id, 2, start=start, end=start + len("budget is 5"))
        assert 0 < box[0] < box[2] < 1
        assert await pages.boxes(ME, record.document_id, 1, start=start, end=start + 6) == ()
        with pytest.raises(NotFound, match="Page 3"):
            await pages.image(ME, record.document_id, 3, width_px=200)
        with pytest.raises(NotFound, match="no page pictures"):
            await pages.image(ME, home.library.get(ME, "b.txt").document_id, 1, width_px=200)
        with pytest.raises(BadRequest):
            await pages.image(ME, record.document_id, 1, width_px=100_000)
    finally:
        parsers.close()
