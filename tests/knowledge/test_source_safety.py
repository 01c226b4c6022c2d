"""What a look must never do to documents, readers and secrets, whatever the place it looks at does."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from inhouse.kernel.errors import Unavailable
from inhouse.knowledge.acl_rules import FOLDER_FILE, FolderFile
from inhouse.knowledge.edge.connect import tree as trees
from inhouse.knowledge.edge.connect.look import Ask, Seen
from inhouse.knowledge.edge.connect.tree import Entry, look_through
from inhouse.knowledge.edge.source_desk_look import DeskSettings, Looking, SourceLook, _each_once
from inhouse.knowledge.edge.source_desk_shelves import ManifestShelves
from inhouse.knowledge.edge.sources import reader_files, walk
from inhouse.knowledge.plan import Found, Unreadable, Walk
from inhouse.knowledge.ports.sources import SourceChange
from inhouse.knowledge.source import Source
from inhouse.knowledge.source_mail import read_list
from tests.knowledge.home import open_home, write
from tests.knowledge.test_source_desk import ALL, HR, PERSONNEL, STAFF, Desk, Scripted, open_desk, wanted

BOTH = ALL | HR


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "home").mkdir()
    home = open_home(tmp_path / "home")
    yield open_desk(home, Scripted(), [1.9e9])
    home.close()


@pytest.fixture
def guarded(desk: Desk, tmp_path: Path) -> Path:
    """A folder for all, in it one that a file keeps for personnel, taken in."""
    folder = write(tmp_path / "docs", {"a.md": "Twenty eight days.", "hr/pay.md": "On Friday."})
    (folder / "hr" / FOLDER_FILE).write_text("hr\n", "utf-8")
    desk.desk.add(wanted(folder, readers=BOTH))
    desk.look()
    assert desk.names(STAFF) == ["a.md"]
    return folder


def test_a_folder_out_of_sight_keeps_its_readers(desk: Desk, guarded: Path) -> None:
    """It cannot be listed, then the source's groups are set anew: nobody is let in by that."""

    class Blind:
        def check(self, source: Source) -> None:
            pass

        def look(self, ask: Ask) -> Seen:
            seen = desk.desk._writing()._connectors["real"].look(ask)
            files = tuple(file for file in seen.walk.files if not file.document.startswith("hr/"))
            hidden = tuple(one for one in seen.files if one.folder != "hr")
            return replace(seen, walk=Walk(files, (Unreadable("hr", "permission denied"),)), files=hidden)

    connectors = desk.desk._writing()._connectors
    connectors.update(real=connectors["folder"], folder=Blind())  # type: ignore[attr-defined]  # a dict
    desk.look()
    desk.desk.change("docs", SourceChange(readers=BOTH | {"boss"}))
    assert (desk.names(STAFF), desk.names(PERSONNEL)) == (["a.md"], ["a.md", "hr/pay.md"])


def test_a_disk_that_is_not_mounted_keeps_its_readers(desk: Desk, guarded: Path) -> None:
    """An empty folder removes nothing, neither documents nor what kept people out of them."""
    away = guarded.rename(guarded.with_name("away"))
    guarded.mkdir()
    outcome = desk.look()
    assert any("nothing was removed" in word for word in outcome.words)
    desk.desk.change("docs", SourceChange(readers=BOTH | {"boss"}))
    assert desk.names(STAFF) == ["a.md"]
    guarded.rmdir()
    away.rename(guarded)


def test_a_file_of_readers_that_was_taken_away_is(desk: Desk, guarded: Path) -> None:
    """The control: where the folder can be seen, and the file is gone, the source's groups hold again."""
    (guarded / "hr" / FOLDER_FILE).unlink()
    desk.look()
    assert desk.names(STAFF) == ["a.md", "hr/pay.md"]


def test_readers_of_a_folder_whose_name_is_no_utf8(tmp_path: Path) -> None:
    """Its file is found, although its documents show another name; else it would keep nobody out."""
    folder = tmp_path / os.fsdecode(b"p\xe4y")
    folder.mkdir()
    (folder / "a.md").write_bytes(b"A")
    (folder / FOLDER_FILE).write_bytes(b"hr\n")
    found = walk(tmp_path)
    assert reader_files(tmp_path, found.files) == (FolderFile("p\\xe4y", HR),)


def test_a_listing_with_a_file_twice_takes_it_in_once(desk: Desk) -> None:
    """One document, not an error of the database that ends every look."""
    desk.there.files = {"a.md": (b"Twenty eight days.", 1)}
    twice = desk.there.look

    class Twice(Scripted):
        def look(self, ask: Ask) -> Seen:
            seen = twice(ask)
            return replace(seen, walk=Walk((*seen.walk.files, *seen.walk.files)))

    desk.desk._writing()._connectors["webdav"] = Twice()  # type: ignore[index]  # a dict
    desk.desk.add(replace(wanted(Path("/x")), kind="webdav", address="https://files.example.com"))
    assert (desk.look().state, desk.look().state) == ("done", "done")
    assert desk.names() == ["a.md"]


def test_a_secret_that_a_server_gives_back_is_not_told(tmp_path: Path) -> None:
    """Neither in the outcome nor in the log; what is told is short and has no control signs."""
    (tmp_path / "home").mkdir()
    home = open_home(tmp_path / "home")
    logged: list[str] = []
    there = Scripted()
    looks = SourceLook(
        ManifestShelves(home.manifest),
        home.ingest,
        {"webdav": there},
        DeskSettings(tmp_path / "incoming", 1_000_000, {"PASS": "hunter22"}),
        now=lambda: 1.9e9,
        log=lambda _event, words: logged.append(words),
    )
    source = Source("docs", "webdav", "https://h", "", ALL, options={"user": "u", "password": "env:PASS"})

    def fail(_ask: Ask) -> None:
        raise errors.pop(0)

    errors: list[Exception] = [
        Unavailable("bad login u/hunter22\x1b[2J" + "x" * 9_999),
        RuntimeError("u:hunter22 or aHVudGVyMjI="),
    ]
    there.before = fail
    told = [looks.look(source, Looking("looking"))[0].words[0] for _ in range(2)]
    home.close()
    assert told[1] == "RuntimeError: u:*** or ***"
    assert told[0].startswith("bad login u/*** [2J")
    assert len(told[0]) < 600
    assert "hunter22" not in "".join(logged)


class Liar:
    """A server whose listings name what lies elsewhere."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.asked: list[str] = []

    def entries(self, folder: str) -> Iterable[Entry]:
        self.asked.append(folder)
        if len(self.asked) > 50:
            raise AssertionError("asked for ever")
        if not folder:
            return [Entry("hr", is_folder=True)]
        return [Entry(name, is_folder="." not in name.rpartition("/")[2]) for name in self.names]

    def pieces(self, name: str) -> Iterator[bytes]:
        yield b""

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "name", ["hr", "public/a.md", "../a.md", "../../etc/passwd.md", "hr/../a.md", "/a.md", "hr//a.md", "a.md"]
)
def test_a_listing_holds_only_what_lies_below(name: str, tmp_path: Path) -> None:
    """A folder that lists itself, its parent, or files of other folders gets neither circles nor readers."""
    tree = Liar(name, "hr/good.md")
    ask = Ask(Source("s", "webdav", "https://h", "", ALL), dict, tmp_path, 1_000, {}, 1.9e9)
    seen = look_through(tree, ask, "a liar")
    assert [file.document for file in seen.walk.files] == ["hr/good.md"]
    assert tree.asked == ["", "hr"]


def test_folders_without_number_come_to_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that makes up folders is left, and nothing counts as gone."""

    class Wide(Liar):
        def entries(self, folder: str) -> Iterable[Entry]:
            return [Entry(f"{folder}/{n}".lstrip("/"), is_folder=True) for n in range(3)]

    monkeypatch.setattr(trees, "MOST_FOLDERS", 20)
    ask = Ask(Source("s", "webdav", "https://h", "", ALL), dict, tmp_path, 1_000, {}, 1.9e9)
    with pytest.raises(Unavailable, match="more than 20 folders"):
        look_through(Wide(), ask, "a server")


def test_folders_of_a_mailbox_lead_nowhere_else() -> None:
    """`..` in the name of a folder is no step upwards."""
    lines = [b'() "/" "hr/../public"', b'() "." "a...b"']
    assert [one.path for one in read_list(lines)] == ["a/_/_/b", "hr/_/public"]


def test_equal_files_are_told_apart_by_path_only() -> None:
    """The first of two files of one path counts, whatever fetches it."""
    first = Found("a", Path("/1"), 1, 1)
    assert _each_once(Walk((first, Found("a", Path("/2"), 2, 2)), skipped=3)) == Walk((first,), skipped=4)
