"""Interrupted between any two steps, damaged, killed: nothing is lost and nothing is there twice."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from inhouse.kernel.caller import Caller
from inhouse.kernel.errors import HomeUnusable
from inhouse.knowledge.edge.tables import chunks, documents, texts
from tests.knowledge.home import Home, open_home, write

ME = Caller()
FILES = {f"{number}.md": f"# Page {number}\n\nWord{number} and budget." for number in range(5)}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    (tmp_path / "home").mkdir()
    opened = open_home(tmp_path / "home")
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "docs", FILES)


def state(home: Home) -> object:
    """All that a home holds, without its ids."""
    with home.database.read() as connection:
        rows = connection.execute(select(documents, texts.c.text).outerjoin(texts)).all()
        names = {row.document_id: row.path for row in rows}
        cut = sorted(
            (names[row.document_id], row.ordinal, row.start, row.end)
            for row in connection.execute(select(chunks))
        )
    held = sorted((row.path, row.status, row.title, row.sha256, row.text) for row in rows)
    entries = sorted((names.get(key, "unknown"), ordinal) for key, ordinal in home.lexical.entries())
    return held, cut, entries, home.blob_names()


class Stop(BaseException):
    """Stands for the end of the process."""


def breaks(home: Home, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """From now on the process ends before (`-`) or after (`+`) this step of the index."""

    def ended(*arguments: object) -> None:
        if where[0] == "+":
            getattr(type(home.lexical), where[1:])(home.lexical, *arguments)
        raise Stop

    monkeypatch.setattr(home.lexical, where[1:], ended)


@pytest.mark.parametrize("where", ["-replace", "+replace"])
@pytest.mark.parametrize("change", ["add", "update"])
def test_an_interrupted_intake_is_finished(
    home: Home, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, change: str
) -> None:
    """Rows written, index not (or the reverse): `recover` and the next run give the undisturbed state."""
    if change == "update":
        write(folder, dict.fromkeys(FILES, "older words"))
        home.ingest.run([folder])
        write(folder, FILES)
    breaks(home, monkeypatch, where)
    with pytest.raises(Stop):
        home.ingest.run([folder])
    assert home.library.counts(ME).pending == 5
    again = home.reopen()
    assert "5 interrupted documents were finished" in again.manifest.recover()
    again.ingest.run([folder])
    (tmp_path / "control").mkdir()
    control = open_home(tmp_path / "control")
    control.ingest.run([folder])
    assert state(again) == state(control)
    assert again.manifest.recover() == []
    again.close()
    control.close()


@pytest.mark.parametrize("where", ["-remove", "+remove"])
def test_an_interrupted_removal_is_finished(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Invisible at once, gone from every place after `recover`."""
    home.ingest.run([folder])
    record = home.library.get(ME, "1.md")
    breaks(home, monkeypatch, where)
    with pytest.raises(Stop):
        home.library.remove(ME, [record.document_id])
    assert home.library.list(ME, query="1.md").total == 0
    again = home.reopen()
    assert again.manifest.recover() == ["1 interrupted removals were finished"]
    assert record.sha256 not in again.blob_names()
    assert record.document_id not in {key for key, _ in again.lexical.entries()}
    again.close()


def _flip(root: Path) -> None:
    for path in (root / "lexical").rglob("*.store"):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(bytes(data))


def _cut(root: Path) -> None:
    for path in (root / "lexical").rglob("meta.json"):
        path.write_bytes(path.read_bytes()[:20])


def _delete(root: Path) -> None:
    shutil.rmtree(root / "lexical")


@pytest.mark.parametrize("damage", [_flip, _cut, _delete], ids=["flipped bit", "cut file", "deleted"])
def test_a_damaged_index_is_rebuilt_and_said(home: Home, folder: Path, damage: object) -> None:
    """From the database alone: the files may be gone."""
    home.ingest.run([folder])
    before = state(home)
    home.close()
    shutil.rmtree(folder)
    assert callable(damage)
    damage(home.root)
    again = open_home(home.root)
    (words,) = again.manifest.recover()
    assert "rebuilt from the database: 5 documents" in words
    assert state(again) == before
    assert again.manifest.recover() == []
    again.close()


def test_left_over_bytes_are_swept(home: Home, folder: Path) -> None:
    """Bytes without a document, and halves of an interrupted copy."""
    home.ingest.run([folder])
    before = home.blob_names()
    stray = home.blobs.put(Path(__file__))
    (home.root / "blobs" / "incoming-1-abc").write_bytes(b"half")
    assert home.manifest.recover() == ["2 left-over files were removed"]
    assert (stray in before, home.blob_names()) == (False, before)


def test_an_index_on_a_full_disk(home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words say what to do; the rows wait as pending and `recover` finishes them."""

    def full(_documents: object) -> None:
        raise ValueError("IO error: No space left on device (os error 28)")

    with monkeypatch.context() as patched:
        patched.setattr(home.lexical, "replace", full)
        with pytest.raises(HomeUnusable, match="disk is full"):
            home.ingest.run([folder])
    assert home.library.counts(ME).pending == 5
    assert home.manifest.recover() == ["5 interrupted documents were finished"]


def test_bytes_in_hand_are_not_swept(home: Home, tmp_path: Path) -> None:
    """Bytes kept for a run that goes on survive the removal of an equal document."""
    path = write(tmp_path / "docs", {"a.md": "words"}) / "a.md"
    home.ingest.run([path])
    sha256 = home.manifest.bytes.keep(path)
    home.library.remove(ME, [home.library.get(ME, "a.md").document_id])
    assert home.blob_names() == {sha256}
    home.manifest.bytes.release(sha256)
    assert home.blob_names() == set()


KILLED = """
import sys
from pathlib import Path
from tests.knowledge.home import open_home
home = open_home(Path(sys.argv[1]))
seen = []
def tell(progress):
    print(progress.done_files, flush=True)
home.ingest.run([Path(sys.argv[2])], on_progress=tell)
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of more files than a batch holds. It is only read."""
    pages = {f"{n:03}.md": f"# Page {n}\n\nWord{n} and budget." for n in range(160)}
    return write(tmp_path_factory.mktemp("many") / "docs", pages)


@pytest.fixture(scope="module")
def undisturbed(many: Path, tmp_path_factory: pytest.TempPathFactory) -> object:
    """The control: what a home holds that took the folder in without being killed."""
    control = open_home(tmp_path_factory.mktemp("control"))
    control.ingest.run([many])
    found = state(control)
    control.close()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("after_files", [1, 65, 150])
def test_kill_9_and_the_next_run_completes(
    tmp_path: Path, many: Path, undisturbed: object, after_files: int
) -> None:
    """Killed around the edges of a batch: the home ends equal to one that was never disturbed."""
    (tmp_path / "home").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "home"), str(many)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= after_files:
            process.send_signal(signal.SIGKILL)
            break
    process.stdout.close()
    assert process.wait(30) == -signal.SIGKILL
    home = open_home(tmp_path / "home")
    home.manifest.recover()
    home.ingest.run([many])
    assert state(home) == undisturbed
    home.close()
