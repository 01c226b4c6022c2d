"""Folders on real servers of three kinds on loopback: S3, WebDAV, SMB."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from inhouse.kernel.errors import BadRequest, Unavailable
from inhouse.knowledge.edge.connect.look import Ask, Connector, LookStopped, Seen
from inhouse.knowledge.edge.connect.s3 import S3Connector
from inhouse.knowledge.edge.connect.smb import SmbConnector
from inhouse.knowledge.edge.connect.tree import Entry, look_through
from inhouse.knowledge.edge.connect.webdav import WebdavConnector
from inhouse.knowledge.source import Source
from tests.knowledge import bucket, dav, share

ALL = frozenset({"all"})
FILES = {
    "leave.md": b"# Leave\n\nTwenty eight days.",
    "hr/оплата.txt": b"Friday.",
    "hr/.inhouse-readers": b"hr\n",
    "hr/~$lock.docx": b"x",
    "hr/deep/large.txt": b"x" * 700_000,
}
SHOWN = ["hr/deep/large.txt", "hr/оплата.txt", "leave.md"]


@dataclass
class Place:
    """A running server with `FILES`: how to look at it, and how to change a file of it."""

    connector: Connector
    ask: Ask
    put: Callable[[str, bytes, float], None]
    wrong_password: dict[str, str]


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[Place]:
    with bucket.serving() as running:

        def put(name: str, content: bytes, changed: float) -> None:
            running.objects[f"all/{name}"] = (content, changed)

        options = {
            "endpoint": running.endpoint,
            "region": "eu-west-1",
            "key": "env:KEY",
            "secret": "env:SECRET",
        }
        source = Source("s3", "s3", f"s3://{bucket.BUCKET}/all", "", ALL, options=options)
        good = {"KEY": bucket.KEY, "SECRET": bucket.SECRET}
        yield Place(S3Connector(), _ask(source, tmp_path, good), put, {**good, "SECRET": "hunter2"})


@pytest.fixture
def webdav(tmp_path: Path) -> Iterator[Place]:
    root = tmp_path / "root"
    root.mkdir()
    with dav.serving(root) as running:
        options = {"user": dav.USER, "password": "env:PASSWORD"}
        source = Source("dav", "webdav", running.address, "", ALL, options=options)
        good = {"PASSWORD": dav.PASSWORD}
        yield Place(WebdavConnector(), _ask(source, tmp_path, good), _writer(root), {"PASSWORD": "hunter2"})


@pytest.fixture
def smb(tmp_path: Path) -> Iterator[Place]:
    root = tmp_path / "root"
    root.mkdir()
    with share.serving(root) as port:
        # impacket's server signs and cannot encrypt.
        options = {"user": share.USER, "password": "env:PASSWORD", "encrypt": "no"}
        source = Source("smb", "smb", f"smb://127.0.0.1:{port}/{share.SHARE}", "", ALL, options=options)
        good = {"PASSWORD": share.PASSWORD}
        yield Place(SmbConnector(), _ask(source, tmp_path, good), _writer(root), {"PASSWORD": "hunter2"})


def _ask(source: Source, folder: Path, environment: dict[str, str]) -> Ask:
    (folder / "in").mkdir()
    return Ask(source, dict, folder / "in", 500_000, environment, 0.0)


def _writer(root: Path) -> Callable[[str, bytes, float], None]:
    def put(name: str, content: bytes, changed: float) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (changed, changed))

    return put


@pytest.fixture(params=["s3", "webdav", "smb"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    for name, content in FILES.items():
        found.put(name, content, 1.8e9)
    return found


def content(seen: Seen, document: str) -> bytes:
    file = next(one for one in seen.walk.files if one.document == document)
    assert file.fetch is not None
    file.fetch(file.path)
    return Path(file.path).read_bytes()


@pytest.mark.slow
def test_folders_are_looked_through(place: Place) -> None:
    """Every file with its size and time, by path; junk is passed over, files about readers are read."""
    seen = place.connector.look(place.ask)
    assert [file.document for file in seen.walk.files] == SHOWN
    assert [file.size_bytes for file in seen.walk.files] == [700_000, 7, 27]
    assert {file.mtime_ns // 10**9 for file in seen.walk.files} == {1_800_000_000}
    assert (seen.walk.skipped, seen.walk.unreadable) == (1, ())
    assert [(one.folder, one.readers) for one in seen.files] == [("hr", frozenset({"hr"}))]
    assert list(place.ask.incoming.iterdir()) == []
    seen.close()


@pytest.mark.slow
def test_bytes_come_when_they_are_wanted_and_within_the_limit(place: Place) -> None:
    """A file comes whole; one that is over the limit ends as too large and leaves nothing behind."""
    seen = place.connector.look(place.ask)
    assert content(seen, "hr/оплата.txt") == b"Friday."
    with pytest.raises(OSError, match="more than") as error:
        content(seen, "hr/deep/large.txt")
    assert error.value.errno == errno.EFBIG
    assert len(list(place.ask.incoming.iterdir())) == 1
    seen.close()


@pytest.mark.slow
def test_an_unchanged_file_looks_unchanged_and_a_changed_one_does_not(place: Place) -> None:
    """Two looks at the same files are equal; another content of the same size at another time is seen."""
    first = place.connector.look(place.ask)
    first.close()
    second = place.connector.look(place.ask)
    second.close()
    assert first.walk == second.walk
    place.put("leave.md", b"# Leave\n\nTwenty nine days!!", 1.8e9 + 5)
    third = place.connector.look(place.ask)
    third.close()
    assert [one.mtime_ns for one in third.walk.files[:2]] == [one.mtime_ns for one in first.walk.files[:2]]
    assert third.walk.files[2].mtime_ns != first.walk.files[2].mtime_ns


@pytest.mark.slow
def test_a_wrong_password_ends_the_look(place: Place) -> None:
    """Nothing is seen, so nothing is removed; the message does not hold what was told."""
    with pytest.raises(Unavailable) as error:
        place.connector.look(replace(place.ask, environment=place.wrong_password))
    assert "hunter2" not in str(error.value)


@pytest.mark.slow
def test_a_server_that_is_not_there_ends_the_look(place: Place) -> None:
    """A refused connection is an error of the look."""
    source = place.ask.source
    gone = {
        "s3": replace(source, options={**source.options, "endpoint": "http://127.0.0.1:9"}),
        "webdav": replace(source, address="http://127.0.0.1:9/files"),
        "smb": replace(source, address="smb://127.0.0.1:9/docs"),
    }
    with pytest.raises(Unavailable, match="cannot be looked through"):
        place.connector.look(replace(place.ask, source=gone[source.kind]))


@pytest.mark.slow
def test_a_change_within_a_second_shows_in_the_version(s3: Place) -> None:
    """Equal size and equal second: the etag tells the two apart."""
    s3.put("a.md", b"one", 1.8e9)
    first = s3.connector.look(s3.ask)
    s3.put("a.md", b"two", 1.8e9)
    second = s3.connector.look(s3.ask)
    assert first.walk.files[0].mtime_ns != second.walk.files[0].mtime_ns
    first.close()
    second.close()


@pytest.mark.slow
def test_a_folder_that_cannot_be_listed_keeps_what_is_below_it(tmp_path: Path) -> None:
    """It is listed as unreadable, the rest is seen."""
    root = tmp_path / "root"
    (root / "hr").mkdir(parents=True)
    (root / "a.md").write_text("A", "utf-8")
    with dav.serving(root) as running:
        running.broken.add("/files/hr")
        source = Source(
            "dav", "webdav", running.address, "", ALL, options={"user": dav.USER, "password": "env:P"}
        )
        seen = WebdavConnector().look(_ask(source, tmp_path, {"P": dav.PASSWORD}))
    assert [file.document for file in seen.walk.files] == ["a.md"]
    assert [one.document for one in seen.walk.unreadable] == ["hr"]
    seen.close()


@pytest.mark.slow
def test_a_server_cannot_send_us_to_another_place(webdav: Place, tmp_path: Path) -> None:
    """A file that redirects to another port is not read, and the other port hears nothing."""
    other_root = tmp_path / "other"
    other_root.mkdir()
    webdav.put("a.md", b"A", 1.8e9)
    with dav.serving(tmp_path / "root") as running, dav.serving(other_root) as other:
        source = replace(webdav.ask.source, address=running.address)
        seen = webdav.connector.look(replace(webdav.ask, source=source))
        running.leads["/files/a.md"] = f"{other.address}/a.md"
        with pytest.raises(OSError, match="another place"):
            content(seen, "a.md")
        assert "GET /files/a.md" in running.asked or "PROPFIND /files/a.md" in running.asked
        assert other.asked == []
        seen.close()


def test_a_bucket_is_read_with_a_key_or_without() -> None:
    """Never with whatever key the surroundings of the machine would give."""
    source = Source("s3", "s3", "s3://handbook", "", ALL)
    with pytest.raises(BadRequest, match="key"):
        S3Connector().check(source)
    S3Connector().check(replace(source, options={"anonymous": "yes"}))


class Circle:
    """A folder in a folder without an end, and a listing that can be stopped."""

    def __init__(self) -> None:
        self.closed = False

    def entries(self, folder: str) -> Iterable[Entry]:
        return [Entry(f"{folder}/a".lstrip("/"), is_folder=True)]

    def pieces(self, name: str) -> Iterator[bytes]:
        yield b""

    def close(self) -> None:
        self.closed = True


def test_folders_without_an_end_come_to_one(tmp_path: Path) -> None:
    """A circle that a server makes is left at a depth that nobody has."""
    source = Source("s", "smb", "smb://h/s", "", ALL)
    seen = look_through(Circle(), _ask(source, tmp_path, {}), "a circle")
    assert len(seen.walk.unreadable) == 1
    assert "too many folders" in seen.walk.unreadable[0].why


def test_a_look_that_is_stopped_gives_its_connections_back(tmp_path: Path) -> None:
    """It ends at the next folder."""
    tree = Circle()
    source = Source("s", "smb", "smb://h/s", "", ALL)
    with pytest.raises(LookStopped):
        look_through(tree, replace(_ask(source, tmp_path, {}), stopped=lambda: True), "a circle")
    assert tree.closed
