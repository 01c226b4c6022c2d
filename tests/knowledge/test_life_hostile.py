"""What a careless or hostile person, or two things at the same moment, must not get out of a home."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from inhouse.kernel.caller import Caller
from inhouse.knowledge.edge.eval_book import StoredEvaluations
from inhouse.knowledge.edge.trash import UPDATES_S, DocumentTrash
from inhouse.knowledge.judge import Expected
from tests.knowledge.home import Home, open_home, write
from tests.knowledge.test_erasure import holding

ME = Caller()
HR = frozenset({"everyone", "hr"})
DAY = 86_400.0
BEFORE = "The vault opens with seven silver whistles"
AFTER = "The vault opens with a badge"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    opened = open_home(tmp_path / "home")
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty small files and one with words that are about to change."""
    files = {f"{number}.md": f"# Note {number}\n\nWords of the day {number}.\n" for number in range(20)}
    return write(tmp_path / "docs", files | {"vault.md": f"# Vault\n\n{BEFORE}.\n"})


def ids(home: Home) -> dict[str, str]:
    return {one.document: one.document_id for one in home.library.list(ME, limit=1000).documents}


# ---- what a document said before


def test_words_of_before_an_update_are_wiped_a_while_later(home: Home, folder: Path) -> None:
    """The index keeps deleted words in its files; within ten minutes of a running house they are gone."""
    seconds = [0.0]
    trash = DocumentTrash(home.database, home.manifest, home.trash._certifier, clock=lambda: seconds[0])
    home.ingest.run([folder])
    write(folder, {"vault.md": f"# Vault\n\n{AFTER}.\n"})
    assert home.ingest.run([folder]).updated == 1
    assert holding(home.root, BEFORE) != []  # the control: something is there to be wiped
    trash.tidy()
    assert holding(home.root, BEFORE) != []
    seconds[0] += UPDATES_S
    trash.tidy()
    assert holding(home.root, BEFORE) == []
    assert holding(home.root, AFTER) != []
    assert not home.manifest.traces()


def test_a_removal_does_not_wait_for_the_wipe_of_updates(home: Home, folder: Path) -> None:
    """The next tidying wipes both, and an update after a removal does not put the removal off."""
    home.ingest.run([folder])
    home.manifest.wipe_soon = lambda: None
    home.manifest.remove([ids(home)["vault.md"]])
    write(folder, {"1.md": "# Note\n\nOther words.\n"})
    (folder / "vault.md").unlink()
    home.ingest.run([folder])
    assert home.manifest.traces(soon=True)
    home.trash.tidy()
    assert not home.manifest.traces()
    assert holding(home.root, BEFORE) == []


def test_an_update_lets_go_of_what_was_remembered_of_its_file(home: Home, folder: Path) -> None:
    """Whoever keeps pictures of pages is told the hash that is gone."""
    home.ingest.run([folder])
    before = home.library.get(ME, "vault.md")
    told: list[tuple[Sequence[str], Sequence[str]]] = []
    home.manifest.gone.append(lambda documents, hashes: told.append((documents, hashes)))
    write(folder, {"vault.md": f"# Vault\n\n{AFTER}.\n"})
    home.ingest.run([folder])
    assert told == [([before.document_id], [before.sha256])]


def test_golden_questions_lose_the_quotes_of_a_removed_document(home: Home, folder: Path) -> None:
    """Its words, also in what an answer must hold; not the question, and not what another document says."""
    write(folder, {"copy.md": "# Copy\n\nWords of the\nday 3.\n"})
    home.ingest.run([folder])
    book = StoredEvaluations(home.database, now=lambda: 1.0, new_id=lambda: "run")
    evidence = (("vault.md", BEFORE.replace(" ", "\n", 1)), ("3.md", "Words of the day 3"))
    asked = Expected("q1", "multi_doc", "en", "How does the vault open?", evidence, ("seven silver", "day 9"))
    other = Expected("q2", "single", "en", "Which day?", (("9.md", "Words of the day 9"),), ("day 9",))
    book.add_golden([asked, other], origin="import")
    home.manifest.remove([ids(home)["vault.md"], ids(home)["3.md"]])
    found = {one.question_id: one for one in book.golden()}
    assert found["q1"].question == asked.question
    assert found["q1"].evidence == (("vault.md", ""), ("3.md", "Words of the day 3"))
    assert found["q1"].must == ("day 9",)
    assert found["q2"] == other
    assert holding(home.root, "silver") == []


# ---- the same bytes


def test_nobody_learns_by_speed_that_others_have_the_same_file(home: Home, tmp_path: Path) -> None:
    """Equal bytes are read once for equal readers only: else a fast upload would tell that they are there."""
    for name, readers in (("theirs", "hr"), ("mine", "everyone"), ("again", "everyone")):
        write(tmp_path / name, {f"{name}.md": f"# Offer\n\n{BEFORE}.\n"})
        home.ingest.run([tmp_path / name], readers=frozenset({readers}))
    assert home.parsers.read_names == ["theirs.md", "mine.md"]


# ---- the end of the trash and somebody who restores in that moment


@pytest.mark.parametrize("how", ["expire", "empty"])
def test_what_is_restored_in_the_last_moment_stays(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Between the look at what is due and its removal it was restored; the rest goes."""
    home.ingest.run([folder])
    home.trash.discard_source("docs")
    home.clock[0] += 4 * DAY
    kept = next(one for one in home.trash.trashed() if one.document == "vault.md").document_id
    erase = home.manifest.erase
    fired: list[str] = []

    def restored_first(document_ids: Sequence[str], *, trashed_until: float | None = None) -> object:
        home.manifest.restore([kept])
        fired.append(kept)
        return erase(document_ids, trashed_until=trashed_until)

    monkeypatch.setattr(home.manifest, "erase", restored_first)
    gone = home.manifest.expire() if how == "expire" else home.trash.empty()
    assert (fired, gone) == ([kept], 20)
    assert ids(home) == {"vault.md": kept}
    assert home.trash.trashed() == ()


def test_restoring_twice_changes_nothing(home: Home, folder: Path) -> None:
    """The second time there is nothing to restore, and each passage is in the index once."""
    home.ingest.run([folder])
    before, entries = ids(home), sorted(home.lexical.entries())
    trashed = list(before.values())
    home.manifest.trash(trashed)
    assert (home.manifest.restore(trashed), home.manifest.restore(trashed)) == (21, 0)
    assert (ids(home), sorted(home.lexical.entries())) == (before, entries)


# ---- two folders that are one source


def test_two_files_that_move_to_one_path_of_a_source(home: Home, tmp_path: Path) -> None:
    """The first folder has the path; the other file is named, and nothing is taken in by turns."""
    one = write(tmp_path / "one", {"old.md": "# One\n\nFirst words.\n", "a.md": "A."})
    two = write(tmp_path / "two", {"elder.md": "# Two\n\nOther words.\n", "b.md": "B."})
    home.ingest.run([one, two], source="both")
    before = ids(home)
    (one / "old.md").rename(one / "new.md")
    (two / "elder.md").rename(two / "new.md")
    report = home.ingest.run([one, two], source="both")
    assert (report.moved, report.removed, report.refused) == (1, 1, 1)
    assert ids(home) == {"new.md": before["old.md"], "a.md": before["a.md"], "b.md": before["b.md"]}
    again = home.ingest.run([one, two], source="both")
    assert (again.updated, again.added, again.removed, again.unchanged) == (0, 0, 0, 3)


def test_a_file_named_beside_its_folder_is_taken_in_once(home: Home, folder: Path) -> None:
    """It is no second file of the same path."""
    report = home.ingest.run([folder, folder / "1.md"])
    assert (report.added, report.refused, len(ids(home))) == (21, 0, 21)


# ---- what pages are told


def test_a_revision_tells_nothing_of_what_others_read(home: Home, folder: Path, tmp_path: Path) -> None:
    """It changes with what the caller may see, and for administrators with everything."""

    def seen(caller: Caller) -> int:
        return home.library.counts(caller).revision

    anna, hers, olga = Caller("anna"), Caller("eve", HR), Caller("olga", HR | {"admins"})
    home.ingest.run([folder])
    before = [seen(one) for one in (anna, hers, olga, ME)]
    secret = write(tmp_path / "secret", {"pay.md": "# Pay\n\nNine hundred coins.\n"})
    home.ingest.run([secret], readers=frozenset({"hr"}))
    after = [seen(one) for one in (anna, hers, olga, ME)]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, False, False]
    home.manifest.refile([home.library.get(hers, "pay.md").document_id], frozenset({"everyone"}), "a rule")
    opened = seen(anna)
    assert opened != after[0]
    home.manifest.trash([home.library.get(anna, "pay.md").document_id])
    assert seen(anna) == before[0]
