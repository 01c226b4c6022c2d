"""Folders, files and uploads into the house, and out of it again."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from inhouse.kernel.caller import Caller
from inhouse.kernel.errors import BadRequest, HomeUnusable, NotFound, TooLarge
from inhouse.knowledge.edge.parse.parsed import Parsed
from inhouse.knowledge.edge.parse.pool import ReadingStopped
from inhouse.knowledge.edge.sources import walk
from inhouse.knowledge.ports import IngestProgress, IngestReport
from tests.knowledge import samples
from tests.knowledge.home import Home, open_home, write

ME = Caller()
FILES = {
    "a.md": "# Leave\n\nTwenty eight days.",
    "sub/b.txt": "Пароль меняют раз в 90 дней.",
    "c.csv": "x;y\n1;2",
}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    (tmp_path / "home").mkdir()
    opened = open_home(tmp_path / "home")
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "docs", FILES)


def names(home: Home) -> list[str]:
    return sorted(one.document for one in home.library.list(ME).documents)


def found(home: Home, stem: str) -> set[str]:
    return {hit.document_id for hit in home.lexical.search(ME, [stem], limit=50)}


def reasons(report: IngestReport) -> dict[str, str | None]:
    return {outcome.document: outcome.reason_code for outcome in report.outcomes}


def test_a_folder_is_taken_in(home: Home, folder: Path) -> None:
    """Every file is a document of the folder's source, findable, with text and title."""
    report = home.ingest.run([folder])
    assert (report.state, report.added, report.refused) == ("done", 3, 0)
    assert names(home) == ["a.md", "c.csv", "sub/b.txt"]
    record = home.library.get(ME, "docs/a.md")
    assert (record.title, record.status, record.source) == ("Leave", "indexed", "docs")
    assert home.library.text(ME, record.document_id) == FILES["a.md"]
    assert found(home, "twenti") == {record.document_id}
    assert home.library.original(ME, record.document_id).read_text("utf-8") == FILES["a.md"]


def test_a_second_run_does_nothing(home: Home, folder: Path) -> None:
    """Unchanged files are not even opened."""
    home.ingest.run([folder])
    revision = home.library.counts(ME).revision
    home.parsers.read_names.clear()
    report = home.ingest.run([folder])
    assert (report.unchanged, report.outcomes, home.parsers.read_names) == (3, (), [])
    assert home.library.counts(ME).revision == revision


def test_a_changed_file_keeps_its_id(home: Home, folder: Path) -> None:
    """The old words are gone from the index, and the old bytes from the disk."""
    home.ingest.run([folder])
    before = home.library.get(ME, "a.md")
    write(folder, {"a.md": "# Leave\n\nThirty days and one more."})
    report = home.ingest.run([folder])
    after = home.library.get(ME, "a.md")
    assert (report.updated, report.unchanged) == (1, 2)
    assert after.document_id == before.document_id
    assert found(home, "twenti") == set()
    assert found(home, "thirti") == {before.document_id}
    assert before.sha256 not in home.blob_names()


def test_a_new_time_alone_is_no_change(home: Home, folder: Path) -> None:
    """The hash shows that nothing has to be read again, and the new time is remembered."""
    home.ingest.run([folder])
    home.parsers.read_names.clear()
    os.utime(folder / "a.md", ns=(1, 1))
    assert home.ingest.run([folder]).unchanged == 3
    assert home.parsers.read_names == []
    assert home.manifest.known("docs")[0].mtime_ns == 1
    assert home.ingest.run([folder]).unchanged == 3


def test_a_file_that_is_gone_is_gone_everywhere(home: Home, folder: Path) -> None:
    """List, text, index and bytes; the others stay."""
    home.ingest.run([folder])
    gone = home.library.get(ME, "a.md")
    (folder / "a.md").unlink()
    report = home.ingest.run([folder])
    assert (report.removed, names(home)) == (1, ["c.csv", "sub/b.txt"])
    assert found(home, "twenti") == set()
    assert gone.sha256 not in home.blob_names()
    with pytest.raises(NotFound):
        home.library.text(ME, gone.document_id)


def test_an_emptied_folder_removes_nothing(home: Home, folder: Path) -> None:
    """And the report says so."""
    home.ingest.run([folder])
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    report = home.ingest.run([folder])
    assert (report.removed, len(names(home))) == (0, 3)
    assert "nothing was removed" in report.notes[0]


def test_two_folders_of_one_source_do_not_remove_each_other(home: Home, tmp_path: Path) -> None:
    """Removal happens only below the given path."""
    write(tmp_path / "one" / "docs", {"a.md": "alpha words"})
    write(tmp_path / "two" / "docs", {"b.md": "beta words"})
    home.ingest.run([tmp_path / "one" / "docs"])
    report = home.ingest.run([tmp_path / "two" / "docs"])
    assert (report.removed, names(home)) == (0, ["a.md", "b.md"])


def test_a_single_file_belongs_to_its_folder(home: Home, folder: Path) -> None:
    """Taken in alone it removes nothing; its folder later finds it unchanged."""
    assert home.ingest.run([folder / "a.md"]).added == 1
    report = home.ingest.run([folder])
    assert (report.added, report.unchanged) == (2, 1)
    assert home.ingest.run([folder / "a.md"]).removed == 0
    assert len(names(home)) == 3


def test_a_path_named_twice_is_taken_in_once(home: Home, folder: Path) -> None:
    """A file or folder that stands twice on the command line, in any spelling, is one."""
    again = folder / "sub" / ".." / "a.md"
    report = home.ingest.run([folder / "a.md", folder / "a.md", again], source="s")
    assert (report.state, report.added, names(home)) == ("done", 1, ["a.md"])
    report = home.ingest.run([folder, folder / "sub" / ".."], source="docs")
    assert (report.state, report.added) == ("done", 3)


def test_two_names_that_look_the_same_do_not_end_a_run(home: Home, tmp_path: Path) -> None:
    """A byte that is no character is shown in four signs, which may be the name of another file."""
    folder = write(tmp_path / "docs", {"\\xff.txt": "one text", "c.txt": "third text"})
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.txt")).write_text("another text")
    report = home.ingest.run([folder])
    assert (report.state, report.added, report.refused) == ("done", 2, 1)
    assert names(home) == ["\\xff.txt", "c.txt"]
    assert home.ingest.run([folder]).unchanged == 2


def test_equal_content_is_two_documents_and_one_blob(home: Home, folder: Path) -> None:
    """The second is not read again; removing the first leaves the second whole."""
    home.ingest.run([folder])
    write(folder, {"copy.md": FILES["a.md"]})
    home.parsers.read_names.clear()
    home.ingest.run([folder])
    assert home.parsers.read_names == []
    first, second = home.library.get(ME, "a.md"), home.library.get(ME, "copy.md")
    assert first.sha256 == second.sha256
    assert first.document_id != second.document_id
    assert home.library.remove(ME, [first.document_id]) == 1
    assert home.library.original(ME, second.document_id).is_file()
    assert found(home, "twenti") == {second.document_id}


def test_missing_path_does_nothing(home: Home, folder: Path) -> None:
    """One missing path stops the run before its start."""
    with pytest.raises(BadRequest, match="gone does not exist"):
        home.ingest.run([folder, folder / "gone"])
    assert names(home) == []


@pytest.mark.parametrize("source", ["", "a/b", "a\nb"])
def test_impossible_sources(home: Home, folder: Path, source: str) -> None:
    """A source has a plain name."""
    with pytest.raises(BadRequest, match="cannot name a source"):
        home.ingest.run([folder], source=source)


def test_one_bad_file_never_stops_a_run(home: Home, folder: Path) -> None:
    """Each bad file has its reason and the good ones are in."""
    (folder / "zero.md").touch()
    (folder / "noise.txt").write_bytes(bytes(range(256)) * 8)
    (folder / "cut.docx").write_bytes(samples.docx("words" * 100)[:300])
    (folder / "locked.docx").write_bytes(samples.ole("EncryptedPackage"))
    (folder / "right.doc").write_bytes(samples.pdf("A page with another ending"))
    with (folder / "huge.txt").open("wb") as huge:
        huge.truncate(200 << 20)
    report = home.ingest.run([folder])
    assert reasons(report) == {
        "a.md": None,
        "c.csv": None,
        "cut.docx": "damaged",
        "huge.txt": "too_large",
        "locked.docx": "encrypted",
        "noise.txt": "binary",
        "right.doc": None,
        "sub/b.txt": None,
        "zero.md": "empty_file",
    }
    assert (report.added, report.empty, report.refused) == (4, 1, 4)
    counts = home.library.counts(ME)
    assert (counts.indexed, counts.empty, counts.refused, counts.total) == (4, 1, 4, 9)
    assert home.ingest.run([folder]).unchanged == 9
    with pytest.raises(NotFound, match="not kept"):
        home.library.original(ME, home.library.get(ME, "huge.txt").document_id)


def test_odd_names(home: Home, tmp_path: Path) -> None:
    """Quotes, newlines and bytes that are no UTF-8 are names like others."""
    folder = write(tmp_path / "odd", {'it\'s "x".md': "quotes", "two\nlines.md": "newline"})
    (Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.md"))).write_text("bytes", "utf-8")
    report = home.ingest.run([folder])
    assert report.added == 3
    assert names(home) == ["caf\\xe9.md", 'it\'s "x".md', "two\nlines.md"]
    assert home.library.text(ME, home.library.get(ME, "two\nlines.md").document_id) == "newline"
    assert home.ingest.run([folder]).unchanged == 3


def test_links_and_junk(tmp_path: Path) -> None:
    """Loops end, links out of the folder are not followed, hidden files are counted only."""
    folder = write(tmp_path / "docs", {**FILES, ".hidden.md": "x", "~$a.docx": "x", "node_modules/x.md": "x"})
    write(tmp_path / "other", {"secret.md": "x"})
    (folder / "loop").symlink_to(folder)
    (folder / "out").symlink_to(tmp_path / "other")
    (folder / "inside.md").symlink_to(folder / "a.md")
    (folder / "broken.md").symlink_to(folder / "nothing")
    os.mkfifo(folder / "pipe")
    seen = walk(folder)
    assert [one.document for one in seen.files] == ["a.md", "c.csv", "inside.md", "sub/b.txt"]
    assert [one.document for one in seen.unreadable] == ["broken.md", "out", "pipe"]
    assert seen.skipped == 4
    assert walk(folder) == seen


def test_an_unreadable_file_is_a_reason_and_keeps_its_old_text(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that cannot be opened today stays as it was yesterday. (Permissions do not stop root.)"""
    home.ingest.run([folder])
    write(folder, {"a.md": "# New words that nobody can open", "new.md": "also closed"})
    keep = home.manifest.bytes.keep
    fired: list[str] = []

    def closed(path: Path) -> str:
        if path.name in ("a.md", "new.md"):
            fired.append(path.name)
            raise PermissionError(errno.EACCES, "Permission denied")
        return keep(path)

    monkeypatch.setattr(home.manifest.bytes, "keep", closed)
    report = home.ingest.run([folder])
    assert fired == ["a.md", "new.md"]
    assert reasons(report) == {"a.md": "unreadable", "new.md": "unreadable"}
    record = home.library.get(ME, "a.md")
    assert home.library.text(ME, record.document_id) == FILES["a.md"]
    monkeypatch.setattr(home.manifest.bytes, "keep", keep)
    assert home.ingest.run([folder]).updated == 2


def test_a_full_disk_ends_the_run_cleanly(home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to do; nothing is half in; the next run completes."""
    put = home.blobs.put
    calls: list[Path] = []

    def full(source: Path) -> str:
        calls.append(source)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return put(source)

    monkeypatch.setattr(home.blobs, "put", full)
    with pytest.raises(HomeUnusable, match="free some space"):
        home.ingest.run([folder])
    assert len(calls) >= 2
    assert (names(home), home.blob_names()) == ([], set())
    assert home.ingest.run([folder]).added == 3


def test_ctrl_c_keeps_what_is_written_and_the_next_run_completes(home: Home, folder: Path) -> None:
    """An interrupt passes to the caller; no bytes are left over."""

    def interrupt(progress: IngestProgress) -> None:
        if progress.done_files == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        home.ingest.run([folder], on_progress=interrupt)
    assert home.blob_names() == set()
    assert home.ingest.run([folder]).added == 3
    assert home.manifest.recover() == []


def test_progress_grows_to_its_end(home: Home, folder: Path) -> None:
    """Files and bytes are known from the start, the state ends as done."""
    seen: list[IngestProgress] = []
    home.ingest.run([folder], on_progress=seen.append)
    assert [one.done_files for one in seen] == [0, 1, 2, 3, 3]
    assert {one.total_files for one in seen} == {3}
    assert seen[-1].done_bytes == seen[-1].total_bytes == sum(len(text.encode()) for text in FILES.values())
    assert seen[-1].state == "done"


def test_readers_change_without_a_new_reading(home: Home, folder: Path) -> None:
    """Another group means another shelf, for the same text and id."""
    home.ingest.run([folder])
    home.parsers.read_names.clear()
    before = home.library.get(ME, "a.md").document_id
    home.ingest.run([folder], readers=frozenset({"hr"}))
    hr = Caller(user="anna", groups=frozenset({"hr", "everyone"}))
    assert home.parsers.read_names == []
    assert (names(home), found(home, "twenti")) == ([], set())
    assert home.library.get(hr, "a.md").document_id == before
    with pytest.raises(NotFound):
        home.library.original(ME, before)
    assert home.library.remove(ME, [before]) == 0


# ---- queue and uploads


def finish(home: Home) -> None:
    """Let the worker do all that waits, and end."""
    home.ingest._queue.put(None)
    assert home.ingest._worker is not None
    home.ingest._worker.join(20)


def test_an_upload_is_taken_in_and_its_waiting_copy_goes(home: Home) -> None:
    """From the stream to a findable document of the source `uploads`."""
    home.ingest.start()
    job_id = home.ingest.upload("notes/plan.md", io.BytesIO("Бюджет пять миллионов".encode()))
    finish(home)
    report = home.ingest.report(job_id)
    assert report is not None
    assert (report.state, report.added, home.ingest.active()) == ("done", 1, ())
    record = home.library.get(ME, "uploads/notes/plan.md")
    assert record.status == "indexed"
    assert list((home.root / "incoming").iterdir()) == []


def test_an_upload_survives_a_stop(home: Home) -> None:
    """What was acknowledged but not taken in waits for the next start; a half one goes."""
    home.ingest.upload("plan.md", io.BytesIO(b"Budget of five million"))
    (home.root / "incoming" / "half").mkdir()
    (home.root / "incoming" / "half" / "content").write_bytes(b"half")
    again = home.reopen()
    assert again.library.counts(ME).total == 0
    again.ingest.start()
    finish(again)
    assert names(again) == ["plan.md"]
    assert list((again.root / "incoming").iterdir()) == []
    again.close()


@pytest.mark.parametrize("name", ["", ".", "/etc/passwd", "../x.md", "a/../../x.md", "a\\b.md", "x\x00.md"])
def test_impossible_upload_names(home: Home, name: str) -> None:
    """Only plain relative paths; nothing is left of the others."""
    with pytest.raises(BadRequest, match="plain relative path"):
        home.ingest.upload(name, io.BytesIO(b"words"))
    assert not (home.root / "incoming").exists()


def test_an_upload_over_the_limit(home: Home) -> None:
    """Stopped at the limit, nothing is left."""
    with pytest.raises(TooLarge, match=r"ingest\.max_file_mb"):
        home.ingest.upload("big.txt", io.BytesIO(b"x" * ((1 << 20) + 1)))
    assert list((home.root / "incoming").iterdir()) == []


def test_the_queue_outlives_a_bad_job(home: Home, folder: Path) -> None:
    """A job whose folder went away fails with words; the next one is done."""
    bad = home.ingest.submit([folder])
    moved = folder.rename(folder.with_name("moved"))
    good = home.ingest.submit([moved])
    home.ingest.start()
    finish(home)
    first, second = home.ingest.report(bad), home.ingest.report(good)
    assert first is not None
    assert second is not None
    assert (first.added, second.state, second.added) == (0, "done", 3)


def test_cancel_stops_after_the_file_in_hand(home: Home, folder: Path) -> None:
    """What was taken in stays, the rest waits for another run."""
    job_id = home.ingest.submit([folder])
    home.parsers.before = lambda _name: home.ingest.cancel(job_id)
    home.ingest.start()
    finish(home)
    report = home.ingest.report(job_id)
    assert report is not None
    assert report.state == "cancelled"
    taken = len(names(home))
    assert 1 <= taken < 3
    assert home.ingest.run([folder]).added == 3 - taken


def test_a_stop_does_not_blame_the_file_in_hand(home: Home, folder: Path) -> None:
    """A file whose reading was ended by the stop is no refused document; the next run takes it in."""

    def stopped(name: str) -> None:
        if name == "c.csv":
            raise ReadingStopped

    home.parsers.before = stopped
    report = home.ingest.run([folder])
    assert (report.added, report.refused, names(home)) == (2, 0, ["a.md", "sub/b.txt"])
    home.parsers.before = lambda _name: None
    assert home.ingest.run([folder]).added == 1


def test_unknown_jobs_are_not_found(home: Home) -> None:
    """By name."""
    with pytest.raises(NotFound, match="no job"):
        home.ingest.progress("nothing")


def test_the_parser_may_learn(home: Home, folder: Path) -> None:
    """What the readers say about a file is what the text is; control for the fake in these tests."""
    home.ingest.run([folder])
    record = home.library.get(ME, "c.csv")
    read = home.parsers.parse(home.library.original(ME, record.document_id), "c.csv")
    assert isinstance(read, Parsed)
    assert read.text == home.library.text(ME, record.document_id)
