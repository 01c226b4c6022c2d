"""The file indexes under what nobody planned: random sequences from several threads, many shelves, damage."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest

from inhouse.kernel.caller import EVERYONE, Caller, Readers
from inhouse.knowledge.edge import index_journal
from inhouse.knowledge.edge.index_rows import RowShelf
from inhouse.knowledge.edge.index_shelves import ShelfDamaged
from inhouse.knowledge.edge.index_words import WordShelf
from inhouse.knowledge.edge.lexical import Entry, Lexical
from inhouse.knowledge.edge.vectors import Vectors
from tests.knowledge.conformance import (
    ALL,
    ANYBODY,
    BOSS,
    BOSSES,
    MODEL,
    SUBJECTS,
    AnyIndex,
    Subject,
    documents,
    vector_entry,
    vector_query,
)

FILES = [one for one in SUBJECTS if one.own_files]
GROUPS: list[Readers] = [ALL, BOSSES, frozenset({"a"}), frozenset({"a", "b"})]
CALLERS = [ANYBODY, BOSS, Caller("a", frozenset({EVERYONE, "a"})), Caller("b", frozenset({"b"}))]


def hits(index: AnyIndex, subject: Subject, caller: Caller, topic: int) -> set[tuple[str, int]]:
    found = index.search(caller, subject.query(topic), limit=10_000)
    return {(hit.document_id, hit.ordinal) for hit in found}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("subject", FILES, ids=lambda subject: subject.name)
def test_random_sequences_against_a_plain_list(subject: Subject, seed: int, tmp_path: Path) -> None:
    """Sixty steps of writing, moving, removing, compacting and reopening: equal entries for each caller."""
    chance = random.Random(seed)
    index = subject.open(tmp_path)
    reading = subject.open(tmp_path)
    filed: dict[str, tuple[Readers, int, int]] = {}
    for step in range(60):
        names = [f"d{chance.randrange(12)}-0" for _ in range(chance.randrange(1, 4))]
        act = chance.choice(["put", "put", "put", "remove", "refile", "compact", "reopen"])
        if act == "put":
            readers, pieces = chance.choice(GROUPS), chance.randrange(0, 4)
            new = [
                (n, readers, [subject.entry(n, o, 1) for o in range(pieces)]) for n in dict.fromkeys(names)
            ]
            index.replace(new)
            filed |= {name: (readers, pieces, 1) for name, _, _ in new}
        elif act == "remove":
            index.remove(names)
            for name in names:
                filed.pop(name, None)
        elif act == "refile":
            readers = chance.choice(GROUPS)
            index.refile(names, readers)
            filed |= {name: (readers, *filed[name][1:]) for name in names if name in filed}
        elif act == "compact":
            index.compact()
        else:
            index = subject.open(tmp_path)
        for caller in CALLERS:
            wanted = {
                (name, ordinal)
                for name, (readers, pieces, _) in filed.items()
                if readers & caller.groups
                for ordinal in range(pieces)
            }
            assert hits(index, subject, caller, 1) == wanted, (step, act)
            assert hits(reading, subject, caller, 1) == wanted, (step, act)
            assert index.count(caller) == len(wanted)
    assert index.check() == []


@pytest.mark.slow
@pytest.mark.parametrize("subject", FILES, ids=lambda subject: subject.name)
def test_what_is_removed_is_found_by_no_thread(subject: Subject, tmp_path: Path) -> None:
    """Three threads search without a pause: a search that began after a removal does not find it."""
    index = subject.open(tmp_path)
    gone: list[str] = []
    ending = threading.Event()
    wrong: list[str] = []

    def work() -> None:
        while not ending.is_set():
            before = set(gone)
            try:
                found = {name for name, _ in hits(index, subject, ANYBODY, 0)}
            except (
                OSError,
                ValueError,
                RuntimeError,
            ) as error:
                wrong.append(repr(error))
                return
            wrong.extend(before & found)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(40):
        [(name, _, entries)] = documents(subject, 1, prefix=f"x{number}-", pieces=1)
        index.replace([(name, ALL, entries)])
        index.remove([name])
        gone.append(name)
    ending.set()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("kind", [WordShelf, RowShelf])
def test_nobody_gets_the_state_before_while_another_opens_the_new_one(
    kind: type[WordShelf] | type[RowShelf], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread is in the middle of opening a commit; a second one waits for it."""
    subject = FILES[0 if kind is WordShelf else 1]
    index = subject.open(tmp_path)
    index.replace(documents(subject, 2))
    index.count(ANYBODY)
    inside, go_on = threading.Event(), threading.Event()
    plain: Callable[..., None] = kind._refresh

    def slow(self: object) -> None:
        inside.set()
        assert go_on.wait(20)
        plain(self)

    counted: list[int] = []
    index.remove(["d0"])
    for shelf in index._shelves.all().values():  # type: ignore[attr-defined]  # both have them
        shelf.stale = True
    monkeypatch.setattr(kind, "_refresh", slow)
    threads = [threading.Thread(target=lambda: counted.append(index.count(ANYBODY))) for _ in range(2)]
    threads[0].start()
    assert inside.wait(20)
    threads[1].start()
    threads[1].join(0.2)
    assert threads[1].is_alive(), "it waits"
    go_on.set()
    for thread in threads:
        thread.join()
    assert counted == [2, 2]


# ---- one order for many shelves


def spread(root: Path, shelves: int) -> Lexical:
    """The same 600 texts on one shelf or on many; a caller of all groups reads every one."""
    draw = random.Random(7)
    vocabulary = [f"w{number}" for number in range(400)]
    index = Lexical(root)
    filed = []
    for number in range(600):
        text = " ".join(vocabulary[min(int(draw.paretovariate(0.7)), 399)] for _ in range(60))
        name = f"d{number:03d}"
        filed.append((name, frozenset({f"g{number % shelves}"}), [Entry(name, 0, "", "", text)]))
    index.replace(filed)
    return index


def test_many_shelves_propose_what_one_would(tmp_path: Path) -> None:
    """A word weighs the same on each shelf: of the 30 best of one shelf, at least 95 % are among those of 20.

    The control: by the scores that each shelf would give by itself, fewer are.
    """
    one, many = spread(tmp_path / "one", 1), spread(tmp_path / "many", 20)
    who = Caller("x", frozenset(f"g{number}" for number in range(20)))
    draw = random.Random(8)
    same = alone = wanted = 0
    for _ in range(40):
        stems = [f"w{draw.randrange(2, 399)}" for _ in range(5)]
        right = {hit.document_id: hit.score for hit in one.search(who, stems, limit=600)}
        found = many.search(who, stems, limit=30)
        assert len(found) == min(30, len(right))
        assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
        worst = sorted(right.values(), reverse=True)[: len(found)][-1] - 1e-3  # of equals, any will do
        same += sum(right[hit.document_id] >= worst for hit in found)
        each = [
            hit
            for number in range(20)
            for hit in many.search(Caller("", frozenset({f"g{number}"})), stems, limit=30)
        ]
        each.sort(key=lambda hit: -hit.score)
        alone += sum(right[hit.document_id] >= worst for hit in each[: len(found)])
        wanted += len(found)
    assert same > alone
    assert same / wanted >= 0.95


@pytest.mark.slow
def test_many_small_shelves(tmp_path: Path) -> None:
    """A document for each of 1,500 sets of readers: found, counted, and no more than asked for is given."""
    index, vectors = Lexical(tmp_path / "words"), Vectors(tmp_path / "vectors", MODEL)
    names = [f"d{number}-0" for number in range(40)]
    readers = [frozenset({f"g{number}"}) for number in range(40)]
    index.replace([(n, r, [Entry(n, 0, "", "", "leave")]) for n, r in zip(names, readers, strict=True)])
    vectors.replace([(n, r, [vector_entry(n, 0, 1)]) for n, r in zip(names, readers, strict=True)])
    who = Caller("x", frozenset(f"g{number}" for number in range(40)))
    assert (index.count(who), vectors.count(who)) == (40, 40)
    assert len(index.search(who, ["leav"], limit=30)) == 30
    assert len(vectors.search(who, vector_query(1), limit=30)) == 30
    assert len(index.search(Caller("x", frozenset({"g7"})), ["leav"], limit=60)) == 1


# ---- odd questions and odd files


@pytest.mark.parametrize("limit", [-1, 0, 1, 10_000])
@pytest.mark.parametrize("subject", FILES, ids=lambda subject: subject.name)
def test_any_limit_is_answered(subject: Subject, limit: int, tmp_path: Path) -> None:
    """None, one, and more than there are; also before there is anything."""
    index = subject.open(tmp_path)
    assert list(index.search(ANYBODY, subject.query(0), limit=limit)) == []
    index.replace(documents(subject, 3, pieces=1))
    assert len(index.search(BOSS, subject.query(0), limit=limit)) <= max(0, limit)


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf"), 0.0])
def test_a_query_without_a_direction_is_refused(odd: float, tmp_path: Path) -> None:
    """Not a number, endless, or nothing."""
    index = Vectors(tmp_path, MODEL)
    with pytest.raises(ValueError, match="length"):
        index.search(ANYBODY, numpy.full(MODEL.dimension, odd, numpy.float32), limit=5)


@pytest.mark.parametrize("name", ["vectors.f32", "journal"])
@pytest.mark.parametrize("harm", ["truncated", "zeroed", "swapped", "empty", "gone"])
def test_harm_to_a_file_is_found_and_a_copy_put_back_is_trusted(name: str, harm: str, tmp_path: Path) -> None:
    """Found by `check`, never answered wrongly; with the good file back, all is well without a restart."""
    subject = FILES[1]
    index = Vectors(tmp_path, MODEL)
    index.replace(documents(subject, 30, pieces=2))
    path = next(tmp_path.rglob(name))
    good = path.read_bytes()
    half = len(good) // 2 // 4 * 4
    path.unlink()
    if harm != "gone":
        bad = {"truncated": good[: half + 1], "zeroed": bytes(len(good)), "empty": b""}
        path.write_bytes(bad.get(harm, good[half:] + good[:half]))
    fresh = Vectors(tmp_path, MODEL)
    found: set[tuple[str, int]] = set()
    try:
        found = hits(fresh, subject, BOSS, 0)
    except ShelfDamaged:
        assert fresh.check()
    if name == "vectors.f32" or harm in ("truncated", "swapped"):
        assert fresh.check() or len(found) < 60
    path.write_bytes(good)
    assert fresh.check() == []
    again = fresh if harm not in ("zeroed", "swapped") else Vectors(tmp_path, MODEL)
    if name == "journal":  # a record that is not whole was never promised, and is no damage
        again = Vectors(tmp_path, MODEL)
    assert len(hits(again, subject, BOSS, 0)) == len(hits(index, subject, BOSS, 0)) == 60


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal cannot be written: the write fails, what was there is found, the next one goes through."""
    subject = FILES[1]
    index = Vectors(tmp_path, MODEL)
    index.replace(documents(subject, 3))
    before = hits(index, subject, BOSS, 0)

    def full(*_given: object, **_named: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(index_journal, "append", full)
        with pytest.raises(OSError, match="No space"):
            index.replace(documents(subject, 2, prefix="e"))
    assert hits(index, subject, BOSS, 0) == before
    assert hits(Vectors(tmp_path, MODEL), subject, BOSS, 0) == before
    index.replace(documents(subject, 2, prefix="e"))
    assert len(hits(index, subject, BOSS, 0)) > len(before)
    assert index.check() == []
