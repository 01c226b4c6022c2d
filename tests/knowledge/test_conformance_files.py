"""Indexes in files of our own: other processes, kills, damage, and what is left on the disk."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from inhouse.knowledge.edge.lexical import Entry, Lexical
from inhouse.knowledge.edge.vectors import Vectors, drop_model, fingerprint, stored_models
from inhouse.knowledge.index import EmbeddingModel, VectorEntry
from tests.knowledge.conformance import (
    ALL,
    ANYBODY,
    BOSS,
    BOSSES,
    MODEL,
    SUBJECTS,
    VECTORS,
    AnyIndex,
    Subject,
    direction,
    documents,
    found,
    vector_entry,
    vector_query,
)

ROOT = Path(__file__).parents[2]
OWN_FILES = [subject for subject in SUBJECTS if subject.own_files]
DAMAGEABLE = [
    ("lexical", "*.store"),
    ("lexical", "*.term"),
    ("lexical", "*.idx"),
    ("lexical", "meta.json"),
    ("lexical", "CHECK.json"),
    ("lexical", "readers.json"),
    ("vectors", "vectors.f32"),
    ("vectors", "journal"),
    ("vectors", "readers.json"),
]


@pytest.fixture(params=OWN_FILES, ids=lambda subject: subject.name)
def subject(request: pytest.FixtureRequest) -> Subject:
    chosen: Subject = request.param
    return chosen


@contextlib.contextmanager
def writer(subject: Subject, folder: Path, count: int) -> Iterator[subprocess.Popen[str]]:
    """The child, which is gone at the end."""
    child = [sys.executable, "-m", "tests.knowledge.conformance_child"]
    command = [*child, subject.name, str(folder), str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def flip(path: Path) -> None:
    """Change one bit in the middle, in place: a mapped file that gets shorter would end the process."""
    middle = path.stat().st_size // 2
    with path.open("r+b") as file:
        file.seek(middle)
        byte = file.read(1)[0]
        file.seek(middle)
        file.write(bytes([byte ^ 4]))


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.slow
def test_another_process_reads_while_one_writes(subject: Subject, tmp_path: Path) -> None:
    """Whatever the writer was promised is found by a reader that never opens anew; no query fails."""
    index = subject.open(tmp_path)
    looked = 0
    with writer(subject, tmp_path, 40) as process:
        assert process.stdout is not None
        for line in process.stdout:
            kind, number = line.split()[0], int(line.split()[1])
            there = f"p{number}-0" in found(subject, index, BOSS)
            looked += 1
            # The writer is ahead: some of what it put is being removed or moved by now.
            if kind == "gone" or (number % 5 != 2 and number % 7 != 5):
                assert there == (kind == "put"), line
        assert (process.wait(), looked) == (0, 48)


@pytest.mark.slow
def test_kills_lose_nothing_that_was_promised(subject: Subject, tmp_path: Path) -> None:
    """Six kills at random moments: all that was put is there or named by `mend`, each piece once."""
    chance = random.Random(11)
    for kill in range(6):
        folder = tmp_path / str(kill)
        with writer(subject, folder, 10_000) as process:
            assert process.stdout is not None
            said = [process.stdout.readline().split() for _ in range(chance.randrange(1, 40))]
            process.send_signal(signal.SIGKILL)
            said += [line.split() for line in process.stdout.read().splitlines() if line.count(" ") == 1]
            assert process.wait() == -signal.SIGKILL
        index = subject.open(folder)
        mended = index.mend()
        gone = {number for kind, number in said if kind == "gone"}
        promised = {f"p{number}-0" for kind, number in said if kind == "put" and number not in gone}
        hits = set(found(subject, index, BOSS))
        lost = {name for name in promised if mended.lost(name, ALL) or mended.lost(name, BOSSES)}
        assert promised - lost <= hits
        last = max((int(number) for kind, number in said if kind == "put"), default=-1)
        assert hits <= promised | {f"p{number}-0" for number in (last - 2, last + 1)}
        index.remove([f"p{last + 1}-0"])
        index.compact()
        pieces = list(index.entries())
        assert len(pieces) - len(set(pieces)) in {0, 3}, "a document that was being moved may stand twice"
        assert index.check() == []
        assert list(folder.rglob("*.partial")) == []


@pytest.mark.parametrize(("name", "pattern"), DAMAGEABLE)
def test_a_flipped_bit_is_found_and_mended(name: str, pattern: str, tmp_path: Path) -> None:
    """One bit in any file is named by `check`; after `mend` and putting the lost in again all is well."""
    subject = next(one for one in SUBJECTS if one.name == name)
    index = subject.open(tmp_path)
    filed = documents(subject, 6) + documents(subject, 3, readers=BOSSES, prefix="s")
    index.replace(filed)
    assert subject.open(tmp_path).check() == []
    damaged = min(tmp_path.rglob(pattern))
    flip(damaged)
    again = subject.open(tmp_path)
    wrong = again.check()
    assert wrong
    assert damaged.name in wrong[0] or pattern == "CHECK.json"
    mended = again.mend()
    lost = [one for one in filed if mended.lost(one[0], one[1])]
    assert 0 < len(lost) < len(filed), "one shelf of two is rebuilt, not both"
    assert again.check() == []
    again.replace(lost)
    assert sorted(found(subject, again, BOSS)) == sorted(one[0] for one in filed)


def test_only_the_documents_of_a_damaged_piece_are_lost(tmp_path: Path) -> None:
    """Of three commits in one shelf the damaged one names its own documents, the others stay."""
    index = Vectors(tmp_path, MODEL)
    for part in range(3):
        index.replace(documents(VECTORS, 4, prefix=f"c{part}-"))
    flip(next(tmp_path.rglob("vectors.f32")))
    mended = index.mend()
    assert mended.document_ids == {f"c1-{number}" for number in range(4)}
    assert mended.shelves == frozenset()
    assert index.documents() == {f"c{part}-{number}" for part in (0, 2) for number in range(4)}
    assert index.check() == []


def test_a_damaged_shelf_is_not_copied_as_whole(tmp_path: Path) -> None:
    """Compaction refuses what `check` names: afterwards the damage would match its checksum."""
    index = Vectors(tmp_path, MODEL)
    index.replace(documents(VECTORS, 9))
    index.remove(["d0"])
    flip(next(tmp_path.rglob("vectors.f32")))
    with pytest.raises(ValueError, match="does not match its checksum"):
        index.compact()
    assert index.check()


def test_a_torn_tail_is_cut_off(tmp_path: Path) -> None:
    """Half a record and rows without one, as a kill leaves them, are neither damage nor found."""
    index = Vectors(tmp_path, MODEL)
    index.replace(documents(VECTORS, 3))
    for pattern in ("journal", "vectors.f32"):
        path = next(tmp_path.rglob(pattern))
        path.write_bytes(path.read_bytes() + path.read_bytes()[: 70 if pattern == "journal" else 41])
    again = Vectors(tmp_path, MODEL)
    assert again.check() == []
    assert sorted(found(VECTORS, again)) == ["d0", "d1", "d2"]
    again.replace(documents(VECTORS, 2, prefix="e"))
    assert Vectors(tmp_path, MODEL).check() == []
    assert sorted(found(VECTORS, Vectors(tmp_path, MODEL))) == ["d0", "d1", "d2", "e0", "e1"]


def test_readers_that_were_changed_on_the_disk_open_nothing(subject: Subject, tmp_path: Path) -> None:
    """A shelf whose set of readers is not that of its name is read by nobody, and named."""
    subject.open(tmp_path).replace(documents(subject, 2, readers=BOSSES))
    next(tmp_path.rglob("readers.json")).write_text('["everyone"]', "utf-8")
    index = subject.open(tmp_path)
    assert found(subject, index) == []
    assert found(subject, index, BOSS) == []
    assert "readers.json" in index.check()[0]


def test_nothing_of_a_removed_document_is_left_after_compaction(tmp_path: Path) -> None:
    """No word, id or number of it stands in any file; before, as the control, all of them do."""
    words, vectors = Lexical(tmp_path / "w"), Vectors(tmp_path / "v", MODEL)
    secret = ("d7", ALL, [Entry("d7", 0, "", "", "Xq9Zv7Kw3Jt5Hb1Rm8")])
    words.replace([*documents(SUBJECTS[0], 7), secret, *documents(SUBJECTS[0], 9, prefix="e")])
    vectors.replace(documents(VECTORS, 20))
    traces = [
        (tmp_path / "w", b"Xq9Zv7Kw3J"),
        (tmp_path / "v", b"\xa2d7"),
        (tmp_path / "v", vector_entry("d7", 1, 0).vector.tobytes()),
        (tmp_path / "v", bytes.fromhex(vector_entry("d7", 1, 0).text_sha)),
    ]
    words.remove(["d7"])
    vectors.remove(["d7"])
    for folder, trace in traces:
        assert trace in everything(folder), "the control: deleted, but still on the disk"
    assert (words.compact(), vectors.compact()) == (1, 1)
    for folder, trace in traces:
        assert trace not in everything(folder)


def test_a_shelf_that_is_rewritten_while_a_reader_opens_it(subject: Subject, tmp_path: Path) -> None:
    """A reader that knows only the folder before looks again instead of finding nothing."""
    writing, reading = subject.open(tmp_path), subject.open(tmp_path)
    writing.replace(documents(subject, 9))
    assert reading.count(ANYBODY) == 18
    writing.remove(["d0"])
    commits = tmp_path / "COMMITS" if (tmp_path / "COMMITS").exists() else next(tmp_path.rglob("COMMITS"))
    reading.count(ANYBODY)
    before = commits.read_bytes()
    writing.compact()
    for number in range(3):
        writing.remove([f"d{number + 1}"])
    commits.write_bytes(before)  # the fault: this reader was told of nothing
    assert subject_shelves_are_stale(reading)
    assert sorted(found(subject, reading)) == ["d4", "d5", "d6", "d7", "d8"]


def subject_shelves_are_stale(index: AnyIndex) -> bool:
    """Make every known shelf look at its files again; True when a folder of one is gone."""
    assert isinstance(index, Lexical | Vectors)
    shelves = index._shelves.all()
    for shelf in shelves.values():
        shelf.stale = True
    return any(not shelf.folder.is_dir() for shelf in shelves.values())


def test_left_over_folders_are_swept(subject: Subject, tmp_path: Path) -> None:
    """What a kill leaves, a half-made shelf and a generation that was replaced, is neither read nor kept."""
    index = subject.open(tmp_path)
    index.replace(documents(subject, 3))
    folder = next(path.parent for path in tmp_path.rglob("readers.json"))
    name, generation = folder.name.split(".")
    shutil.copytree(folder, folder.with_name(f"{name}.{int(generation) + 1}.partial"))
    shutil.copytree(folder, folder.with_name(f"{name}.0"))
    again = subject.open(tmp_path)
    assert again.count(ANYBODY) == 6
    again.compact()
    assert sorted(path.name for path in folder.parent.iterdir() if path.is_dir()) == [folder.name]


# ---- vectors alone


def test_each_model_has_vectors_of_its_own(tmp_path: Path) -> None:
    """Two models answer side by side; one is dropped and the other stays."""
    newer = EmbeddingModel("test-embedder", MODEL.dimension, "another engine")
    for model in (MODEL, newer):
        Vectors(tmp_path, model).replace(documents(VECTORS, 2 if model is MODEL else 3))
    assert fingerprint(MODEL) != fingerprint(newer)
    assert {model.engine for model in stored_models(tmp_path)} == {"none", "another engine"}
    assert Vectors(tmp_path, MODEL).counts().documents == 2
    drop_model(tmp_path, MODEL)
    assert stored_models(tmp_path) == [newer]
    assert Vectors(tmp_path, newer).counts().documents == 3


def test_scores_of_chunks_that_another_index_found(tmp_path: Path) -> None:
    """`score` gives what `search` gives, and nothing for unknown or forbidden chunks."""
    index = Vectors(tmp_path, MODEL)
    index.replace(documents(VECTORS, 5) + documents(VECTORS, 1, readers=BOSSES, prefix="s"))
    query = vector_query(0)
    hits = {(hit.document_id, hit.ordinal): hit.score for hit in index.search(ANYBODY, query, limit=4)}
    asked = [*hits, ("s0", 0), ("unknown", 1), ("d0", 77)]
    assert index.score(ANYBODY, query, asked) == pytest.approx(hits)
    assert ("s0", 0) in index.score(BOSS, query, asked)


def test_unchanged_texts_need_no_new_vector(tmp_path: Path) -> None:
    """`held` gives each entry back as it was put in, with the hash of its text."""
    index = Vectors(tmp_path, MODEL)
    entries = [vector_entry("a", ordinal, 0) for ordinal in (4, 2, 9)]
    index.replace([("a", ALL, entries)])
    held = {one.ordinal: one for one in index.held(["a", "unknown"])}
    assert sorted(held) == [2, 4, 9]
    for entry in entries:
        assert held[entry.ordinal].text_sha == entry.text_sha
        assert (held[entry.ordinal].vector == entry.vector).all()


def test_what_is_no_vector_is_refused(tmp_path: Path) -> None:
    """Another dimension, no direction, no number, no hash: named, and nothing is written."""
    index = Vectors(tmp_path, MODEL)
    good = vector_entry("a", 0, 0)
    zero, bad = good.vector * 0, good.vector * float("nan")
    for vector, sha in ((good.vector[:5], good.text_sha), (zero, good.text_sha), (bad, good.text_sha)):
        with pytest.raises(ValueError, match="vector"):
            index.replace([("b", ALL, [good]), ("a", ALL, [VectorEntry("a", 0, sha, vector)])])
    with pytest.raises(ValueError, match="text_sha"):
        index.replace([("a", ALL, [VectorEntry("a", 0, "not a hash", good.vector)])])
    with pytest.raises(ValueError, match="dimension"):
        index.search(ANYBODY, direction("q", spread=0.1, topic=0)[:7], limit=3)
    assert index.counts().entries == 0
