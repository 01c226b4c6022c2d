"""Moves, other readers, the trash: a document keeps its id through all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inhouse.kernel.caller import Caller
from inhouse.kernel.errors import NotFound
from tests.knowledge.home import NOW, Home, open_home, write

ME = Caller()
HR = Caller(user="anna", groups=frozenset({"everyone", "hr"}))
DAY = 86_400.0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    (tmp_path / "home").mkdir()
    opened = open_home(tmp_path / "home")
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"a.md": "# Leave\n\nTwenty eight days.", "sub/b.txt": "Пароль меняют раз в 90 дней."}
    return write(tmp_path / "docs", files)


def ids(home: Home, caller: Caller = ME) -> dict[str, str]:
    listed = home.library.list(caller, limit=1000).documents
    return {f"{one.source}/{one.document}": one.document_id for one in listed}


def found(home: Home, stem: str, caller: Caller = ME) -> set[str]:
    return {hit.document_id for hit in home.lexical.search(caller, [stem], limit=50)}


# ---- moves


def test_a_renamed_file_keeps_its_document(home: Home, folder: Path) -> None:
    """Same id, new path, no reading; nothing is removed or added."""
    home.ingest.run([folder])
    before = ids(home)["docs/a.md"]
    home.parsers.read_names.clear()
    (folder / "deep").mkdir()
    (folder / "a.md").rename(folder / "deep" / "renamed.md")
    report = home.ingest.run([folder])
    assert (report.moved, report.added, report.removed) == (1, 0, 0)
    assert home.parsers.read_names == []
    assert ids(home)["docs/deep/renamed.md"] == before
    assert found(home, "twenti") == {before}
    assert home.ingest.run([folder]).unchanged == 2
    assert home.manifest.recover() == []


def test_a_title_that_was_the_name_follows_the_name(home: Home, tmp_path: Path) -> None:
    """It is found by its new name and not by the old one."""
    folder = write(tmp_path / "docs", {"oldname.txt": "words without a heading", "z.txt": "other"})
    home.ingest.run([folder])
    before = ids(home)["docs/oldname.txt"]
    (folder / "oldname.txt").rename(folder / "newname.txt")
    assert home.ingest.run([folder]).moved == 1
    assert home.library.get(ME, before).title == "newname"
    assert (found(home, "oldnam"), found(home, "newnam")) == (set(), {before})


def test_a_file_with_another_ending_is_read_again_under_its_id(home: Home, folder: Path) -> None:
    """The ending decides how bytes are read, so a rename of it is not only a move."""
    home.ingest.run([folder])
    before = ids(home)["docs/a.md"]
    (folder / "a.md").rename(folder / "a.txt")
    home.parsers.read_names.clear()
    report = home.ingest.run([folder])
    assert home.parsers.read_names == ["a.txt"]
    assert (report.updated, report.removed, ids(home)["docs/a.txt"]) == (1, 0, before)


def test_a_file_moves_between_folders_of_one_run(home: Home, tmp_path: Path) -> None:
    """To another source, whose readers it gets."""
    one = write(tmp_path / "one", {"a.md": "alpha words", "keep.md": "beta"})
    two = write(tmp_path / "two", {"other.md": "gamma"})
    home.ingest.run([one, two])
    before = ids(home)["one/a.md"]
    (one / "a.md").rename(two / "a.md")
    report = home.ingest.run([one, two], readers=frozenset({"hr"}))
    assert (report.moved, report.removed) == (1, 0)
    assert ids(home) == {}
    assert ids(home, HR)["two/a.md"] == before
    assert (found(home, "alpha"), found(home, "alpha", HR)) == (set(), {before})


def test_a_copy_is_another_document(home: Home, folder: Path) -> None:
    """The file at the old path is still there, so nothing moved."""
    home.ingest.run([folder])
    before = ids(home)["docs/a.md"]
    write(folder, {"copy.md": (folder / "a.md").read_text("utf-8")})
    report = home.ingest.run([folder])
    assert (report.moved, report.added) == (0, 1)
    assert ids(home)["docs/a.md"] == before != ids(home)["docs/copy.md"]


def test_of_two_equal_files_each_moves_once(home: Home, tmp_path: Path) -> None:
    """The one of the same name is taken for the moved one."""
    folder = write(tmp_path / "docs", {"x/one.md": "equal", "y/two.md": "equal", "z.md": "other"})
    home.ingest.run([folder])
    before = ids(home)
    for name, target in (("x/one.md", "n/one.md"), ("y/two.md", "n/two.md")):
        (folder / "n").mkdir(exist_ok=True)
        (folder / name).rename(folder / target)
    assert home.ingest.run([folder]).moved == 2
    after = ids(home)
    assert after["docs/n/one.md"] == before["docs/x/one.md"]
    assert after["docs/n/two.md"] == before["docs/y/two.md"]


# ---- other readers


def test_other_readers_need_no_reading(home: Home, folder: Path) -> None:
    """On the new shelf, not on the old one, with the words why; the same again changes nothing."""
    home.ingest.run([folder])
    before = ids(home)
    home.parsers.read_names.clear()
    assert home.manifest.refile([before["docs/a.md"]], frozenset({"hr"}), "a rule") == 1
    assert home.parsers.read_names == []
    assert set(ids(home)) == {"docs/sub/b.txt"}
    assert ids(home, HR) == before
    assert (found(home, "twenti"), found(home, "twenti", HR)) == (set(), {before["docs/a.md"]})
    assert home.lexical.frequencies(ME, ["twenti"]).of_stem == {"twenti": 0}
    assert [one.readers_from for one in home.manifest.known("docs") if one.document == "a.md"] == ["a rule"]
    assert home.manifest.recover() == []


def test_a_document_that_nobody_reads_is_kept(home: Home, folder: Path) -> None:
    """No readers is nobody; that is no damage, and readers can be given again."""
    home.ingest.run([folder])
    before = ids(home)["docs/a.md"]
    home.manifest.refile([before], frozenset(), "no rule covers it")
    assert (set(ids(home, HR)), found(home, "twenti", HR)) == ({"docs/sub/b.txt"}, set())
    assert home.manifest.recover() == []
    home.manifest.refile([before], frozenset({"everyone"}), "")
    assert found(home, "twenti") == {before}


# ---- the trash


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """More files than a mass deletion needs."""
    return write(tmp_path / "many", {f"{n:02}.md": f"# Page {n}\n\nNumber word{n}." for n in range(40)})


def lose(folder: Path, count: int) -> list[Path]:
    lost = sorted(folder.glob("*.md"))[:count]
    for path in lost:
        path.unlink()
    return lost


def test_a_mass_deletion_can_be_undone(home: Home, many: Path) -> None:
    """Invisible everywhere at once, then restored with the same ids."""
    home.ingest.run([many])
    before = ids(home)
    lose(many, 21)
    report = home.ingest.run([many])
    assert (report.trashed, report.removed) == (21, 0)
    assert "went to the trash" in report.notes[0]
    assert (len(ids(home)), found(home, "word3"), home.library.counts(ME).total) == (19, set(), 19)
    with pytest.raises(NotFound):
        home.library.text(ME, before["many/03.md"])
    assert home.manifest.recover() == []
    assert home.trash.restore(source="many") == 21
    assert ids(home) == before
    assert found(home, "word3") == {before["many/03.md"]}
    assert home.manifest.recover() == []


def test_twenty_are_no_mass_deletion(home: Home, many: Path) -> None:
    """Removed for good at once."""
    home.ingest.run([many])
    lose(many, 20)
    report = home.ingest.run([many])
    assert (report.trashed, report.removed, home.trash.trashed()) == (0, 20, ())


def test_after_its_time_the_trash_is_final(home: Home, many: Path) -> None:
    """A second before, everything is there; then it cannot come back, and its bytes are gone."""
    home.ingest.run([many])
    lose(many, 30)
    home.ingest.run([many])
    held = home.trash.trashed()
    assert {one.final_at for one in held} == {NOW + 3 * DAY}
    home.clock[0] += 3 * DAY - 1
    home.trash.tidy()
    assert len(home.trash.trashed()) == 30
    home.clock[0] += 1
    home.trash.tidy()
    assert (home.trash.trashed(), len(home.blob_names())) == ((), 10)
    assert home.manifest.restore([one.document_id for one in held]) == 0
    with pytest.raises(NotFound, match="in the trash"):
        home.trash.restore([held[0].document_id])


def test_a_trashed_file_that_is_there_again_is_restored(home: Home, many: Path) -> None:
    """Unchanged, with a new time, with new words, and at another path: always with its id."""
    home.ingest.run([many])
    before = ids(home)
    kept = {path.name: path.read_text("utf-8") for path in many.glob("*.md")}
    lose(many, 25)
    assert home.ingest.run([many]).trashed == 25
    write(many, {name: kept[name] for name in ("00.md", "01.md")})
    write(many, {"02.md": "quite new words", "moved.md": kept["03.md"]})
    report = home.ingest.run([many])
    assert (report.restored, report.updated, report.moved, report.trashed) == (2, 1, 1, 0)
    after = ids(home)
    assert after["many/moved.md"] == before["many/03.md"]
    assert all(after[f"many/{name}"] == before[f"many/{name}"] for name in ("00.md", "01.md", "02.md"))
    assert found(home, "quit") == {before["many/02.md"]}
    assert len(home.trash.trashed()) == 21
    assert home.manifest.recover() == []


def test_the_same_folder_mounted_again_restores_all(home: Home, many: Path, tmp_path: Path) -> None:
    """Files that come back with their old times are not even read."""
    home.ingest.run([many])
    before = ids(home)
    away = tmp_path / "away"
    away.mkdir()
    for path in sorted(many.glob("*.md"))[:30]:
        path.rename(away / path.name)
    home.ingest.run([many])
    for path in away.glob("*.md"):
        path.rename(many / path.name)
    home.parsers.read_names.clear()
    report = home.ingest.run([many])
    assert (report.restored, report.unchanged, home.parsers.read_names) == (30, 10, [])
    assert ids(home) == before


def test_removing_many_by_hand_goes_to_the_trash(home: Home, many: Path) -> None:
    """Twenty are final, twenty-one can be undone, and `now` is final for any number."""
    home.ingest.run([many])
    all_ids = sorted(ids(home).values())
    done = home.trash.discard(ME, all_ids[:21])
    assert (done.removed, done.trashed, done.final_at) == (0, 21, NOW + 3 * DAY)
    assert home.trash.restore() == 21
    assert home.trash.discard(ME, all_ids[:21], now=True).removed == 21
    assert home.trash.discard(ME, all_ids[21:]).removed == 19
    assert (ids(home), home.blob_names()) == ({}, set())


def test_a_whole_source_goes_to_the_trash(home: Home, folder: Path) -> None:
    """Even a small one, unless `now`."""
    home.ingest.run([folder])
    assert home.trash.discard_source("docs").trashed == 2
    assert [one.source for one in home.trash.trashed()] == ["docs", "docs"]
    assert home.trash.discard_source("docs", now=True).removed == 2
    assert home.trash.trashed() == ()


def test_what_the_caller_may_not_see_is_not_removed(home: Home, folder: Path) -> None:
    """It is not counted either."""
    home.ingest.run([folder], readers=frozenset({"hr"}))
    assert home.trash.discard(ME, list(ids(home, HR).values())).removed == 0
    assert len(ids(home, HR)) == 2


def test_the_trash_can_be_emptied_and_restored_by_name(home: Home, many: Path) -> None:
    """By path, source/path or id; an unknown name does nothing at all."""
    home.ingest.run([many])
    before = ids(home)
    home.trash.discard_source("many")
    with pytest.raises(NotFound):
        home.trash.restore(["00.md", "nothing"])
    assert len(home.trash.trashed()) == 40
    assert home.trash.restore(["00.md", "many/01.md", before["many/02.md"]]) == 3
    assert home.trash.empty(["03.md"]) == 1
    assert (len(ids(home)), len(home.trash.trashed())) == (3, 36)
    assert home.trash.empty() == 36


def test_nothing_to_undo(tmp_path: Path, many: Path) -> None:
    """With `undo_hours` 0 a mass deletion is final at once."""
    (tmp_path / "home").mkdir()
    home = open_home(tmp_path / "home", undo_s=0.0)
    home.ingest.run([many])
    lose(many, 25)
    assert home.ingest.run([many]).removed == 25
    assert (home.trash.trashed(), len(home.blob_names())) == ((), 15)
    home.close()


def test_other_readers_reach_what_is_in_the_trash(home: Home, many: Path) -> None:
    """A document that is restored has the readers of now, not those of then."""
    home.ingest.run([many])
    before = ids(home)
    home.trash.discard_source("many")
    home.manifest.refile(list(before.values()), frozenset({"hr"}), "a rule")
    assert (ids(home), found(home, "word3", HR)) == ({}, set())
    home.trash.restore()
    assert (ids(home), ids(home, HR)) == ({}, before)
    assert found(home, "word3") == set()


def test_the_thread_empties_the_trash(home: Home, many: Path) -> None:
    """What is due when the house opens is gone when it closes."""
    home.ingest.run([many])
    home.trash.discard_source("many")
    home.clock[0] += 4 * DAY
    home.trash.start()
    home.trash.stop()
    assert (home.trash.trashed(), home.blob_names(), home.manifest.traces()) == ((), set(), False)
