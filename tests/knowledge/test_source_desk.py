"""Sources from the record to the documents: looked at, changed, paused, removed."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

import pytest

from inhouse.kernel.caller import Caller
from inhouse.kernel.errors import BadRequest, Conflict, HomeBusy, NotFound, Unavailable
from inhouse.knowledge.acl_rules import Rule
from inhouse.knowledge.edge.connect.folder import FolderConnector
from inhouse.knowledge.edge.connect.look import Ask, Connector, LookStopped, Seen
from inhouse.knowledge.edge.source_desk import SourceDesk
from inhouse.knowledge.edge.source_desk_look import DeskSettings, SourceLook
from inhouse.knowledge.edge.source_desk_rows import SourceRows
from inhouse.knowledge.edge.source_desk_shelves import ManifestShelves
from inhouse.knowledge.plan import Found, Unreadable, Walk
from inhouse.knowledge.ports.sources import NewSource, SourceChange
from inhouse.knowledge.source import Outcome, Source
from tests.knowledge.home import Home, open_home, write

ALL, HR = frozenset({"all"}), frozenset({"hr"})
STAFF = Caller("ann", frozenset({"everyone", "all"}))
PERSONNEL = Caller("eve", frozenset({"everyone", "hr"}))
WAIT_S = 20.0


@dataclass
class Scripted:
    """A place elsewhere: files by name with their time; `before` is called when it is looked at."""

    files: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()
    before: Callable[[Ask], None] = lambda _ask: None
    fetched: list[str] = field(default_factory=list)
    closed: int = 0

    def check(self, source: Source) -> None:
        pass

    def look(self, ask: Ask) -> Seen:
        self.before(ask)
        ask.check()
        files = tuple(
            Found(name, ask.incoming / str(at), len(content), time, self._fetch(name))
            for at, (name, (content, time)) in enumerate(sorted(self.files.items()))
        )
        walk = Walk(files, tuple(Unreadable(name, "broken") for name in self.unreadable))
        return Seen(walk, cursor=f"seen {len(files)}", close=self._close)

    def _fetch(self, name: str) -> Callable[[PurePath], None]:
        def fetch(target: PurePath) -> None:
            self.fetched.append(name)
            Path(target).write_bytes(self.files[name][0])

        return fetch

    def _close(self) -> None:
        self.closed += 1


@dataclass
class Desk:
    """A desk over a real home; `now` is the clock, `there` the place elsewhere (kind `webdav`)."""

    home: Home
    rows: SourceRows
    desk: SourceDesk
    there: Scripted
    time: list[float]

    def look(self, name: str = "docs") -> Outcome:
        self.time[0] += 100.0
        outcome = self.desk.look(name)
        assert outcome is not None
        return outcome

    def names(self, caller: Caller = STAFF) -> list[str]:
        return sorted(one.document for one in self.home.library.list(caller).documents)


def open_desk(home: Home, there: Scripted, time: list[float]) -> Desk:
    rows = SourceRows(home.database)
    connectors: Mapping[str, Connector] = {"folder": FolderConnector(home.root), "webdav": there}
    shelves = ManifestShelves(home.manifest)
    settings = DeskSettings(home.root / "incoming" / "fetched", 1_000_000)
    looks = SourceLook(
        shelves, home.ingest, connectors, settings, now=lambda: time[0], log=lambda _event, _words: None
    )
    return Desk(home, rows, SourceDesk(rows, shelves, looks, now=lambda: time[0]), there, time)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "home").mkdir()
    home = open_home(tmp_path / "home")
    yield open_desk(home, Scripted(), [1.9e9])
    home.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "docs", {"a.md": "Twenty eight days.", "hr/pay.md": "On Friday."})


def wanted(folder: Path, **more: object) -> NewSource:
    return replace(NewSource("docs", "folder", str(folder), "me", ALL), **more)  # type: ignore[arg-type]


def remote(desk: Desk, **more: object) -> None:
    desk.there.files = {"a.md": (b"Twenty eight days.", 1), "b.md": (b"On Friday.", 1)}
    desk.desk.add(
        replace(NewSource("docs", "webdav", "https://files.example.com", "me", ALL), **more)  # type: ignore[arg-type]
    )


# ---- on record


def test_nobody_is_let_in_by_default(desk: Desk, folder: Path) -> None:
    """Without groups and rules a source is refused; rules that let nobody in are no better."""
    for rules in ((), (Rule("hr", frozenset()),)):
        with pytest.raises(BadRequest, match="Nobody could read"):
            desk.desk.add(wanted(folder, readers=frozenset(), rules=rules))
    assert desk.desk.all() == ()
    desk.desk.add(wanted(folder, readers=frozenset(), rules=(Rule("hr", HR),)))


def test_a_source_is_kept_as_it_was_told(desk: Desk, folder: Path) -> None:
    """Name, readers, rules and the pause that is usual for its kind; a second one of the name is refused."""
    desk.desk.add(wanted(folder, rules=(Rule("hr", HR),)))
    kept = desk.desk.get("docs").source
    assert (kept.kind, kept.readers, kept.rules, kept.every_s) == ("folder", ALL, (Rule("hr", HR),), 30)
    with pytest.raises(Conflict):
        desk.desk.add(wanted(folder))
    with pytest.raises(NotFound):
        desk.desk.get("other")


def test_our_own_home_is_no_source(desk: Desk) -> None:
    """Its database and copies would become documents, again at each look."""
    with pytest.raises(BadRequest, match="home"):
        desk.desk.add(wanted(desk.home.root / "blobs"))


def test_a_process_that_may_not_write_only_shows(desk: Desk, folder: Path) -> None:
    """Every change is refused, the list is there."""
    desk.desk.add(wanted(folder))
    reader = SourceDesk(desk.rows, ManifestShelves(desk.home.manifest), None, now=lambda: 0.0)
    assert [view.source.name for view in reader.all()] == ["docs"]
    with pytest.raises(HomeBusy):
        reader.run("docs")


def test_what_a_name_held_before_is_no_exception(desk: Desk, folder: Path) -> None:
    """Documents taken in under the name before it was on record get its groups; those in the trash, too."""
    desk.home.ingest.run([folder], readers=ALL)
    desk.home.trash.discard_source("docs")
    desk.home.trash.restore(["a.md"])
    desk.desk.add(NewSource("docs", "upload", "-", "me", HR))
    assert (desk.names(STAFF), desk.names(PERSONNEL)) == ([], ["a.md"])
    desk.home.trash.restore()
    assert (desk.names(STAFF), desk.names(PERSONNEL)) == ([], ["a.md", "hr/pay.md"])


# ---- looking


def test_a_folder_is_taken_in_with_its_readers(desk: Desk, folder: Path) -> None:
    """Documents get the groups of the rule or of the source, and say which; the outcome is kept."""
    desk.desk.add(wanted(folder, rules=(Rule("hr", HR),)))
    outcome = desk.look()
    assert (outcome.state, outcome.found, outcome.added) == ("done", 2, 2)
    assert (desk.names(STAFF), desk.names(PERSONNEL)) == (["a.md"], ["hr/pay.md"])
    view = desk.desk.get("docs")
    assert (view.source.outcome, view.documents, view.state) == (outcome, 2, "resting")


def test_an_unchanged_folder_makes_no_job(desk: Desk, folder: Path) -> None:
    """A look every half minute leaves no trace but its outcome."""
    desk.desk.add(wanted(folder))
    desk.look()
    revision = desk.home.library.counts(STAFF).revision
    outcome = desk.look()
    assert (outcome.unchanged, outcome.added, desk.home.ingest.active()) == (2, 0, ())
    assert desk.home.library.counts(STAFF).revision == revision


def test_changes_and_moves_follow(desk: Desk, folder: Path) -> None:
    """A new text replaces the old one, a moved file keeps its document."""
    desk.desk.add(wanted(folder))
    desk.look()
    before = desk.home.library.get(STAFF, "hr/pay.md").document_id
    (folder / "a.md").write_text("Thirty days and one.", "utf-8")
    (folder / "hr" / "pay.md").rename(folder / "pay.md")
    outcome = desk.look()
    assert (outcome.updated, outcome.moved) == (1, 1)
    assert desk.home.library.get(STAFF, "pay.md").document_id == before
    assert desk.names() == ["a.md", "pay.md"]


def test_a_file_in_a_folder_narrows_its_readers(desk: Desk, folder: Path) -> None:
    """`.inhouse-readers` takes groups away at the next look, and can add none."""
    desk.desk.add(wanted(folder, readers=ALL | HR))
    desk.look()
    (folder / "hr" / ".inhouse-readers").write_text("hr, boss\n", "utf-8")
    outcome = desk.look()
    assert outcome.refiled == 1
    assert desk.home.library.get(PERSONNEL, "hr/pay.md").readers == ("hr",)


def test_a_folder_that_is_not_there_removes_nothing(desk: Desk, folder: Path) -> None:
    """The look fails with words, counts as a failure, and the next good one counts from nought."""
    desk.desk.add(wanted(folder))
    desk.look()
    folder.rename(folder.with_name("away"))
    first, second = desk.look(), desk.look()
    assert (first.state, first.failures, second.failures) == ("failed", 1, 2)
    assert "is not there" in first.words[0]
    assert len(desk.names()) == 2
    folder.with_name("away").rename(folder)
    assert (desk.look().state, desk.desk.get("docs").source.outcome) == (
        "done",
        desk.desk.get("docs").source.outcome,
    )


def test_only_what_is_new_is_fetched(desk: Desk) -> None:
    """Bytes from elsewhere come for new and changed files only, and are not left lying about."""
    remote(desk)
    desk.look()
    assert sorted(desk.there.fetched) == ["a.md", "b.md"]
    desk.there.fetched.clear()
    desk.there.files["b.md"] = (b"On Monday.", 2)
    outcome = desk.look()
    assert (desk.there.fetched, outcome.updated, outcome.unchanged) == (["b.md"], 1, 1)
    assert list((desk.home.root / "incoming").rglob("*")) == [desk.home.root / "incoming" / "fetched"]
    assert desk.there.closed == 2


def test_what_is_gone_elsewhere_goes(desk: Desk) -> None:
    """A file that is not listed any more is gone for readers; one below a broken folder stays."""
    remote(desk)
    desk.look()
    del desk.there.files["a.md"]
    desk.there.unreadable = ("sub",)
    desk.look()
    assert desk.names() == ["b.md"]
    desk.there.files, desk.there.unreadable = {}, ("b.md",)
    outcome = desk.look()
    assert desk.names() == ["b.md"]
    assert any("kept" in word for word in outcome.words)


def test_an_empty_listing_removes_nothing(desk: Desk) -> None:
    """Most often a server that lost its disk; it is said."""
    remote(desk)
    desk.look()
    desk.there.files = {}
    outcome = desk.look()
    assert desk.names() == ["a.md", "b.md"]
    assert any("nothing was removed" in word for word in outcome.words)


def test_a_place_out_of_reach_removes_nothing(desk: Desk) -> None:
    """Neither do errors that nobody foresaw; both are outcomes with words."""
    remote(desk)
    desk.look()
    errors: list[Exception] = [Unavailable("The server is down"), RuntimeError("strange")]

    def fail(_ask: Ask) -> None:
        raise errors.pop(0)

    desk.there.before = fail
    assert [desk.look().words[0] for _ in range(2)] == ["The server is down", "RuntimeError: strange"]
    assert desk.names() == ["a.md", "b.md"]


def test_the_cursor_of_a_good_look_is_kept(desk: Desk) -> None:
    """The next look is given it; a failed look changes nothing of it, other options forget it."""
    remote(desk)
    asked: list[str] = []
    desk.there.before = lambda ask: asked.append(ask.source.cursor)
    desk.look()
    desk.look()
    desk.desk.change("docs", SourceChange(options={"user": "me"}))
    desk.look()
    assert asked == ["", "seen 2", ""]


# ---- changing


def test_new_readers_hold_at_once(desk: Desk, folder: Path) -> None:
    """Before any look: nobody finds by the old groups, and no file is read again."""
    desk.desk.add(wanted(folder))
    desk.look()
    read = len(desk.home.parsers.read_names)
    desk.desk.change("docs", SourceChange(readers=HR))
    assert (desk.names(STAFF), len(desk.names(PERSONNEL))) == ([], 2)
    desk.desk.change("docs", SourceChange(rules=(Rule("a.md", ALL),)))
    assert (desk.names(STAFF), desk.names(PERSONNEL)) == (["a.md"], ["hr/pay.md"])
    assert len(desk.home.parsers.read_names) == read
    with pytest.raises(BadRequest, match="Nobody"):
        desk.desk.change("docs", SourceChange(readers=frozenset(), rules=()))


def test_new_readers_keep_what_files_in_folders_said(desk: Desk, folder: Path) -> None:
    """Widening a source does not open a folder that a file in it had narrowed."""
    (folder / "hr" / ".inhouse-readers").write_text("hr\n", "utf-8")
    desk.desk.add(wanted(folder, readers=HR))
    desk.look()
    desk.desk.change("docs", SourceChange(readers=ALL | HR))
    assert desk.names(STAFF) == ["a.md"]


def test_an_ingest_by_hand_cannot_widen_a_source(desk: Desk, folder: Path) -> None:
    """Taking the same folder in again, for everyone, leaves it to the groups on record.

    The control: without a source on record the readers that were asked for hold.
    """
    home = desk.home
    desk.desk.add(wanted(folder, readers=HR))
    home.ingest.run([folder])
    assert (desk.names(STAFF), len(desk.names(PERSONNEL))) == ([], 2)
    home.ingest.run([folder], source="other")
    assert len(desk.names(STAFF)) == 2


def test_uploads_go_to_the_groups_on_record(desk: Desk) -> None:
    """And nobody uploads into a source whose documents come from elsewhere."""
    home = desk.home
    remote(desk)
    with pytest.raises(BadRequest, match="come from elsewhere"):
        home.ingest.upload("x.md", io.BytesIO(b"x"), source="docs")
    desk.desk.add(NewSource("uploads", "upload", "", "me", HR))
    with pytest.raises(BadRequest, match="nothing to look at"):
        desk.desk.run("uploads")
    readers_of = desk.rows.readers_of("uploads")
    assert readers_of is not None
    assert readers_of("x.md")[0] == HR


def test_a_source_that_is_removed_takes_its_documents(desk: Desk, folder: Path) -> None:
    """Nobody finds them any more, and their files stay where they are."""
    desk.desk.add(wanted(folder))
    desk.look()
    assert desk.desk.remove("docs", now=True) == 2
    assert (desk.names(), desk.desk.all(), desk.home.blob_names()) == ([], (), set())
    assert (folder / "a.md").exists()
    assert desk.desk.look("docs") is None


# ---- the thread


def test_what_is_due_is_looked_at_and_what_is_asked_for_too(desk: Desk) -> None:
    """A new source is looked at by itself; a paused one only when somebody asks."""
    looked = threading.Semaphore(0)
    desk.there.before = lambda _ask: looked.release()
    remote(desk)
    desk.desk.start(scheduled=True)
    assert looked.acquire(timeout=WAIT_S)
    desk.desk.pause("docs", paused=True)
    assert desk.desk.get("docs").state == "paused"
    desk.desk.run("docs")
    assert looked.acquire(timeout=WAIT_S)
    desk.desk.stop()
    assert not looked.acquire(blocking=False)


def test_a_removal_ends_the_look_under_way(desk: Desk) -> None:
    """Nothing of the look comes in after the source is gone."""
    begun, ended = threading.Event(), []

    def wait(ask: Ask) -> None:
        begun.set()
        while not ask.stopped():
            threading.Event().wait(0.01)
        ended.append(True)
        raise LookStopped

    remote(desk)
    desk.there.before = wait
    desk.desk.start(scheduled=True)
    assert begun.wait(WAIT_S)
    assert desk.desk.get("docs").state == "looking"
    desk.desk.remove("docs", now=False)
    desk.desk.stop()
    assert (ended, desk.desk.all(), desk.names()) == ([True], (), [])


def test_a_look_that_a_stop_ended_is_due_again(desk: Desk) -> None:
    """The next process does not wait a day for it."""
    remote(desk, every_s=86_400)
    begun = threading.Event()

    def wait(ask: Ask) -> None:
        begun.set()
        while not ask.stopped():
            threading.Event().wait(0.01)

    desk.there.before = wait
    desk.desk.start(scheduled=True)
    assert begun.wait(WAIT_S)
    desk.desk.stop()
    view = desk.desk.get("docs")
    assert (view.source.looked_at, view.due_at) == (None, view.source.created_at)
    assert view.source.outcome is not None
    assert view.source.outcome.state == "cancelled"
