"""Other settings of cutting: documents are cut anew from their texts, and found as before."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from inhouse.kernel.caller import Caller
from inhouse.kernel.documents import Scope
from inhouse.knowledge.chunk import Cut, chunk
from inhouse.knowledge.edge.lexical import Lexical
from inhouse.knowledge.edge.recut import recut
from inhouse.knowledge.edge.retrieve import Retrieve
from inhouse.knowledge.edge.tables import chunks, documents
from inhouse.store.database import Database
from tests.knowledge.home import open_home, write
from tests.knowledge.shelf import fill

TEXT = "# Leave\n\n" + "\n\n".join(
    f"Paragraph {n} says that room {n} is closed on day {n}. It is the rule of the house." for n in range(40)
)


@pytest.mark.parametrize("cut", [Cut(), Cut(300), Cut(4000), Cut(800, 2), Cut(800, 0, headings=False)])
def test_every_cut_keeps_the_text(cut: Cut) -> None:
    """Chunks follow each other, lose no word, and stay within the limit, whatever the settings."""
    found = chunk(TEXT, cut=cut)
    assert " ".join(TEXT[one.start : one.end] for one in found).split() == TEXT.split()
    assert all(one.end - one.start <= cut.limit for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))


def test_overlap_and_headings_only_help_to_find() -> None:
    """The sentences before stand in the context, never in the chunk; headings can be left out of it."""
    plain, led = chunk(TEXT, cut=Cut(300)), chunk(TEXT, cut=Cut(300, 2))
    assert [(one.start, one.end) for one in plain] == [(one.start, one.end) for one in led]
    assert "It is the rule of the house." in led[1].context
    assert "rule" not in plain[1].context
    assert "Leave" in plain[1].context
    assert "Leave" not in chunk(TEXT, cut=Cut(300, headings=False))[1].context
    assert len({Cut(300).name, Cut(300, 2).name, Cut(300, 2, headings=False).name}) == 3


def test_cutting_anew_changes_chunks_and_index(tmp_path: Path) -> None:
    """More and shorter chunks after it, all found; a second time there is nothing to do."""
    home = open_home(tmp_path)
    home.ingest.run([write(tmp_path / "docs", {"leave.md": TEXT})])
    with home.database.read() as connection:
        before = len(connection.execute(select(chunks)).all())
    assert recut(home.database, Cut(300)) == 1
    home.manifest.recover()
    with home.database.read() as connection:
        rows = connection.execute(select(chunks)).all()
        (document,) = connection.execute(select(documents)).all()
    assert len(rows) > before
    assert (document.status, document.cut, document.chunk_count) == ("indexed", Cut(300).name, len(rows))
    found = Retrieve(home.database, home.lexical).find(Caller(), "room 37 closed", k=1, scope=Scope())
    assert "room 37" in found.passages[0].text
    assert recut(home.database, Cut(300)) == 0
    home.close()


def test_a_kill_between_is_finished_at_the_next_start(database: Database, lexical: Lexical) -> None:
    """Documents that were cut and not indexed are `pending`, which recovery brings to the index."""
    fill(database, lexical)
    assert recut(database, Cut(400)) == 3
    with database.read() as connection:
        assert set(connection.execute(select(documents.c.status)).scalars()) == {"pending"}
