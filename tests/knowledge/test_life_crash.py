"""Every change of a document's life, ended between any two of its steps: the next start finishes it."""

from __future__ import annotations

import errno
import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from inhouse.kernel.caller import Caller
from inhouse.kernel.errors import HomeUnusable
from inhouse.knowledge.edge import cited, manifest
from inhouse.knowledge.edge.tables import documents, messages
from tests.knowledge.home import Home, open_home, write

pytestmark = pytest.mark.slow

ME = Caller()
HR = Caller(user="anna", groups=frozenset({"everyone", "hr"}))
FILES = {f"{n:02}.md": f"# Page {n}\n\nNumber word{n} and budget." for n in range(8)}
Change = Callable[[Home], object]


class Stop(BaseException):
    """Stands for the end of the process."""


def chosen(home: Home, count: int = 3) -> list[str]:
    """Ids of the first documents, also when they are in the trash."""
    with home.database.read() as connection:
        query = select(documents.c.document_id).where(documents.c.status != "removing")
        return list(connection.execute(query.order_by(documents.c.path).limit(count)).scalars())


def move(home: Home) -> object:
    """Rename a file and look at the folder, once or again."""
    folder = home.root.parent / "docs"
    if (folder / "00.md").exists():
        (folder / "00.md").rename(folder / "renamed.txt.md")
    return home.ingest.run([folder])


def rename(home: Home) -> object:
    """As `move`, where the title is the file's name, so that the index changes, too."""
    folder = home.root.parent / "docs"
    if (folder / "plain.txt").exists():
        (folder / "plain.txt").rename(folder / "othername.txt")
    return home.ingest.run([folder])


def refile(home: Home) -> object:
    return home.manifest.refile(chosen(home), frozenset({"hr"}), "a rule")


def trash(home: Home) -> object:
    return home.manifest.trash(chosen(home))


def restore(home: Home) -> object:
    return home.manifest.restore(chosen(home))


def remove(home: Home) -> object:
    """The first three pages, or what is left of them."""
    known = home.manifest.known("docs")
    return home.manifest.remove([one.document_id for one in known if one.document < "03"])


def prepared(root: Path) -> Home:
    """A home with documents and an answer that quotes two of them."""
    (root / "home").mkdir()
    folder = write(root / "docs", {**FILES, "plain.txt": "words without a heading"})
    home = open_home(root / "home")
    home.ingest.run([folder])
    sentences = []
    for name in ("00.md", "05.md"):
        record = home.library.get(ME, name)
        words = home.library.text(ME, record.document_id).split("\n")[-1]
        citation = {"document_id": record.document_id, "document": name, "quote": words, "start": 0, "end": 1}
        sentences.append({"text": words, "citations": [citation]})
    text = " ".join(str(one["text"]) for one in sentences)
    _, message_id = home.chats.begin(ME, None, "?")
    answer = json.dumps({"language": "en", "sentences": sentences, "answer": text})
    home.chats.finish(ME, message_id, status="done", text=text, answer_json=answer)
    return home


def state(home: Home) -> object:
    """All that a home holds, without its ids."""
    with home.database.read() as connection:
        rows = connection.execute(select(documents)).all()
        names = {row.document_id: row.path for row in rows}
        answers = sorted(str(row.text) for row in connection.execute(select(messages)))
    held = sorted(
        (row.path, row.status, row.title, row.readers, row.readers_from, row.sha256) for row in rows
    )
    shelves = []
    for caller in (ME, HR):
        for stem in ("budget", "word", "othernam", "plain", "renam"):
            hits = home.lexical.search(caller, [stem], limit=200)
            shelves.append(sorted(names.get(hit.document_id, "unknown") for hit in hits))
    entries = sorted((names.get(key, "unknown"), ordinal) for key, ordinal in home.lexical.entries())
    return held, answers, entries, shelves, home.blob_names(), home.manifest.traces()


def fail(home: Home, monkeypatch: pytest.MonkeyPatch, where: str, error: BaseException) -> list[str]:
    """From now on this step fails before (`-`) or after (`+`) its work; the list tells how often."""
    owner: object = home.lexical
    name = where[1:]
    if name == "rewrite":
        owner = cited
    elif name == "drop_unused":
        owner = home.manifest.bytes
    elif name == "truncate_log":
        owner = home.database
    elif name == "bump":
        owner = manifest
    real = getattr(owner, name)
    fired: list[str] = []

    def failing(*arguments: object, **named: object) -> object:
        if where[0] == "+":
            real(*arguments, **named)
        fired.append(where)
        raise error

    monkeypatch.setattr(owner, name, failing)
    return fired


STEPS = [
    (move, "-bump"),
    (rename, "-replace"),
    (rename, "+replace"),
    (refile, "-bump"),
    (refile, "-replace"),
    (refile, "+replace"),
    (trash, "-remove"),
    (trash, "+remove"),
    (restore, "-replace"),
    (restore, "+replace"),
    (remove, "-remove"),
    (remove, "+remove"),
    (remove, "-rewrite"),
    (remove, "+rewrite"),
    (remove, "-drop_unused"),
    (remove, "+drop_unused"),
    (remove, "-compact"),
    (remove, "+compact"),
    (remove, "-truncate_log"),
    (remove, "+truncate_log"),
]


def began(root: Path, change: Change) -> Home:
    """A prepared home that the change can be made to."""
    home = prepared(root)
    if change is restore:
        trash(home)
    return home


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Change], object]:
    """The control: what a home holds to which the change was made without being disturbed."""

    @functools.cache
    def make(change: Change) -> object:
        home = began(tmp_path_factory.mktemp("control"), change)
        change(home)
        found = state(home)
        home.close()
        return found

    return make


@pytest.mark.parametrize(("change", "where"), STEPS, ids=[f"{one.__name__}{at}" for one, at in STEPS])
def test_an_interrupted_change_is_finished(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: Callable[[Change], object],
    change: Change,
    where: str,
) -> None:
    """After the next start and the same request again, all is as in a home that was never disturbed."""
    home = began(tmp_path, change)
    with monkeypatch.context() as patched:
        fired = fail(home, patched, where, Stop())
        with pytest.raises(Stop):
            change(home)
    assert fired
    again = home.reopen()
    again.manifest.recover()
    assert again.manifest.recover() == []
    change(again)
    assert state(again) == undisturbed(change)
    assert again.manifest.recover() == []
    again.close()


FULL = [(change, where) for change, where in STEPS if where in ("-replace", "-remove", "-compact", "-bump")]


@pytest.mark.parametrize(("change", "where"), FULL, ids=[f"{one.__name__}{at}" for one, at in FULL])
def test_a_full_disk_is_told_and_finished_later(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: Callable[[Change], object],
    change: Change,
    where: str,
) -> None:
    """The person is told what to do; with some space again, nothing is lost or doubled."""
    home = began(tmp_path, change)
    with monkeypatch.context() as patched:
        fired = fail(home, patched, where, OSError(errno.ENOSPC, "No space left on device"))
        with pytest.raises((HomeUnusable, OSError), match=r"full|No space"):
            change(home)
    assert fired
    home.manifest.recover()
    change(home)
    assert state(home) == undisturbed(change)
    home.close()


def test_a_flipped_bit_in_any_file_of_the_index_is_found(tmp_path: Path) -> None:
    """Each file in turn, at its beginning, middle and end: said, and put right from the database."""
    home = prepared(tmp_path)
    before = state(home)
    home.close()
    names = sorted(
        path.relative_to(home.root) for path in (home.root / "lexical").rglob("*") if path.is_file()
    )
    flipped = 0
    for name in names:
        if name.name.startswith(".") or not (home.root / name).stat().st_size:
            continue  # locks, and lists of files that hold nothing of a document
        chosen = tmp_path / f"copy-{flipped}"
        shutil.copytree(home.root, chosen)
        data = bytearray((chosen / name).read_bytes())
        data[(0, len(data) // 2, len(data) - 1)[flipped % 3]] ^= 0x10
        (chosen / name).write_bytes(bytes(data))
        again = open_home(chosen)
        again.manifest.recover()
        assert state(again) == before, name
        assert again.manifest.recover() == []
        again.close()
        flipped += 1
    assert flipped >= 5
