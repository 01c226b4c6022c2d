"""The same questions to every index: what it finds, for whom, after which changes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from inhouse.kernel.caller import EVERYONE, Caller
from tests.knowledge.conformance import (
    ALL,
    ANYBODY,
    BOSS,
    BOSSES,
    NOBODY,
    SUBJECTS,
    AnyIndex,
    Brute,
    Subject,
    documents,
    found,
    scored,
    vector_entry,
    vector_query,
)

KEPT = [subject for subject in SUBJECTS if subject.kept]
VECTORIAL = [subject for subject in SUBJECTS if not subject.words]


@pytest.fixture(params=SUBJECTS, ids=lambda subject: subject.name)
def subject(request: pytest.FixtureRequest) -> Subject:
    chosen: Subject = request.param
    return chosen


@pytest.fixture
def index(subject: Subject, tmp_path: Path) -> Iterator[AnyIndex]:
    opened = subject.open(tmp_path / "index")
    yield opened
    opened.reset()


def chunks(index: AnyIndex) -> list[tuple[str, int]]:
    return sorted(index.entries())


def test_an_empty_index_answers(subject: Subject, index: AnyIndex) -> None:
    """Nothing is found, counted or wrong where nothing was put in."""
    assert found(subject, index) == []
    assert (index.count(ANYBODY), chunks(index), index.check(), index.compact()) == (0, [], [], 0)
    assert index.counts().documents == 0


def test_what_is_put_in_is_found(subject: Subject, index: AnyIndex) -> None:
    """Each document is found by its topic before those of another, and counted once."""
    index.replace(documents(subject, 3, topic=1) + documents(subject, 2, topic=2, prefix="e"))
    assert set(found(subject, index, topic=1)[:3]) == {"d0", "d1", "d2"}
    assert set(found(subject, index, topic=2)[:2]) == {"e0", "e1"}
    assert index.count(ANYBODY) == 10
    assert chunks(index) == [(name, ordinal) for name in ("d0", "d1", "d2", "e0", "e1") for ordinal in (0, 1)]


def test_replacing_leaves_nothing_of_the_old(subject: Subject, index: AnyIndex) -> None:
    """After a replacement each piece stands once, and a document with none is gone."""
    index.replace(documents(subject, 2, pieces=5))
    index.replace(documents(subject, 2, pieces=2))
    assert chunks(index) == [("d0", 0), ("d0", 1), ("d1", 0), ("d1", 1)]
    index.replace([("d0", ALL, [])])
    assert found(subject, index) == ["d1"]


def test_a_document_twice_in_one_call_counts_once_per_piece(subject: Subject, index: AnyIndex) -> None:
    """Replaced again and again, ten times, the count stays."""
    for _ in range(10):
        index.replace(documents(subject, 3))
    assert index.count(ANYBODY) == 6


def test_removed_documents_are_not_found(subject: Subject, index: AnyIndex) -> None:
    """Removed from whatever shelf; unknown ids are no error, and neither is an empty list."""
    index.replace(documents(subject, 3) + documents(subject, 2, readers=BOSSES, prefix="s"))
    index.remove(["d1", "s0", "unknown"])
    index.remove([])
    assert sorted(found(subject, index, BOSS)) == ["d0", "d2", "s1"]
    assert index.count(BOSS) == 6


def test_each_caller_finds_what_it_may_read(subject: Subject, index: AnyIndex) -> None:
    """Groups decide; a document for nobody is found by nobody, whoever asks."""
    two = frozenset({"bosses", "legal"})
    index.replace(
        documents(subject, 2)
        + documents(subject, 2, readers=BOSSES, prefix="s")
        + documents(subject, 1, readers=two, prefix="t")
        + documents(subject, 1, readers=NOBODY, prefix="n")
    )
    legal = Caller("l", frozenset({EVERYONE, "legal"}))
    assert sorted(found(subject, index)) == ["d0", "d1"]
    assert sorted(found(subject, index, BOSS)) == ["d0", "d1", "s0", "s1", "t0"]
    assert sorted(found(subject, index, legal)) == ["d0", "d1", "t0"]
    assert found(subject, index, Caller("gone", frozenset())) == []
    assert [index.count(caller) for caller in (ANYBODY, BOSS, legal)] == [4, 10, 6]


def test_within_looks_at_nothing_else(subject: Subject, index: AnyIndex) -> None:
    """Only the named documents, an empty list none, and a forbidden name gives nothing."""
    index.replace(documents(subject, 30) + documents(subject, 3, readers=BOSSES, prefix="s"))
    assert sorted(found(subject, index, within=["d3", "d17", "unknown", "s1"])) == ["d17", "d3"]
    assert found(subject, index, within=[]) == []
    assert found(subject, index, within=["s1"]) == []
    many = [f"d{n}" for n in range(25)]
    assert sorted(found(subject, index, within=many)) == sorted(many)
    assert len(index.search(ANYBODY, subject.query(0), limit=7, within=many)) == 7


def test_refiled_documents_change_shelves_unchanged(subject: Subject, index: AnyIndex) -> None:
    """The new readers find them with the scores of before, the old ones do not, and it can be undone."""
    index.replace(documents(subject, 3))
    before = sorted(scored(index, ANYBODY, subject.query(0), 100))
    index.refile(["d0", "d1", "d2", "unknown"], BOSSES)
    assert found(subject, index) == []
    assert sorted(scored(index, BOSS, subject.query(0), 100)) == before
    index.refile(["d1"], ALL)
    assert found(subject, index) == ["d1"]
    index.refile(["d1"], ALL)
    index.refile([], ALL)
    assert (index.count(ANYBODY), index.count(BOSS)) == (2, 6)
    assert len(chunks(index)) == 6


def test_forbidden_documents_move_nothing(subject: Subject, tmp_path: Path) -> None:
    """Hits, order, scores and counts of a caller are the same with and without 40 forbidden documents."""
    alone, both = subject.open(tmp_path / "alone"), subject.open(tmp_path / "both")
    secret = documents(subject, 40, readers=BOSSES, prefix="s")
    both.replace(secret[:20])
    for index in (alone, both):
        index.replace(documents(subject, 8) + documents(subject, 8, topic=1, prefix="e"))
    both.replace(secret[20:])
    query = subject.query(0)
    for limit in (5, 100):
        assert scored(both, ANYBODY, query, limit) == scored(alone, ANYBODY, query, limit)
    assert both.count(ANYBODY) == alone.count(ANYBODY)


def test_a_shared_shelf_would_move_them(subject: Subject, tmp_path: Path) -> None:
    """The control: filtered after the search in one shelf for all, places are lost to forbidden documents."""
    alone, shared = subject.open(tmp_path / "alone"), subject.open(tmp_path / "shared")
    for index in (alone, shared):
        index.replace(documents(subject, 8))
    shared.replace(documents(subject, 40, prefix="s"))
    mine = [hit for hit in scored(shared, ANYBODY, subject.query(0), 10) if hit[0].startswith("d")]
    assert mine != scored(alone, ANYBODY, subject.query(0), 10)


def test_compaction_changes_no_answer(subject: Subject, index: AnyIndex) -> None:
    """Nothing deleted stays counted, hits and scores are as before, and an emptied shelf is gone."""
    index.replace(documents(subject, 20) + documents(subject, 2, readers=BOSSES, prefix="s"))
    index.remove(["d3"])
    index.remove(["s0", "s1"])
    before = scored(index, BOSS, subject.query(0), 100)
    index.compact()
    after = scored(index, BOSS, subject.query(0), 100)
    assert [hit[:2] for hit in after] == [hit[:2] for hit in before]
    if not subject.words:  # BM25 counts deleted entries until they are dropped
        assert [hit[2] for hit in after] == pytest.approx([hit[2] for hit in before], abs=1e-5)
    counts = index.counts()
    assert (counts.documents, counts.entries, counts.deleted, counts.shelves) == (19, 38, 0, 1)
    assert index.check() == []


def test_a_shelf_is_rewritten_by_itself(subject: Subject, index: AnyIndex) -> None:
    """However much is deleted, at most a fifth of what stands in the files is."""
    index.replace(documents(subject, 30))
    for number in range(25):
        index.remove([f"d{number}"])
        counts = index.counts()
        assert counts.deleted <= 0.2 * (counts.entries + counts.deleted)
    assert sorted(found(subject, index)) == [f"d{number}" for number in range(25, 30)]


@pytest.mark.parametrize("subject", KEPT, ids=lambda subject: subject.name)
def test_everything_is_there_after_a_new_start(subject: Subject, tmp_path: Path) -> None:
    """Opened anew, hits and scores are the same, also after removals, moves and compaction."""
    index = subject.open(tmp_path)
    index.replace(documents(subject, 12) + documents(subject, 4, readers=BOSSES, prefix="s"))
    index.remove(["d5"])
    index.refile(["s1"], ALL)
    for step in ("as written", "compacted"):
        before = scored(index, ANYBODY, subject.query(0), 100)
        again = subject.open(tmp_path)
        assert scored(again, ANYBODY, subject.query(0), 100) == before, step
        assert again.counts() == index.counts(), step
        assert again.check() == [], step
        index.compact()


@pytest.mark.parametrize("share", [0.01, 0.2, 1.0])
@pytest.mark.parametrize("subject", VECTORIAL, ids=lambda subject: subject.name)
def test_recall_under_access_filters(subject: Subject, share: float, tmp_path: Path) -> None:
    """Against brute force with 1 %, 20 % and 100 % readable: 1.0 where exact, .97 where it is a graph."""
    index, reference = subject.open(tmp_path), Brute(tmp_path)
    chance = random.Random(5)
    filed = []
    for number in range(300):
        readers = ALL if chance.random() < share else BOSSES
        filed.append((f"d{number}", readers, [vector_entry(f"d{number}", o, number % 7) for o in range(3)]))
    index.replace(filed)
    reference.replace(filed)
    hit = wanted = 0
    for topic in range(7):
        right = reference.search(ANYBODY, vector_query(topic), limit=20)
        mine = index.search(ANYBODY, vector_query(topic), limit=20)
        hit += len({(h.document_id, h.ordinal) for h in right} & {(h.document_id, h.ordinal) for h in mine})
        wanted += len(right)
    assert wanted > 0
    assert hit / wanted >= (1.0 if subject.exact else 0.97)


def test_every_readable_entry_with_the_word_is_found(tmp_path: Path) -> None:
    """The word index under access filters against a plain look through the texts."""
    subject = SUBJECTS[0]
    index = subject.open(tmp_path)
    chance = random.Random(6)
    filed = []
    for number in range(200):
        readers, topic = (ALL if chance.random() < 0.2 else BOSSES), number % 5
        filed.append((f"d{number}", readers, [subject.entry(f"d{number}", o, topic) for o in range(2)]))
    index.replace(filed)
    for topic in range(5):
        wanted = {name for at, (name, readers, _) in enumerate(filed) if readers == ALL and at % 5 == topic}
        assert set(found(subject, index, topic=topic)) == wanted


def test_reset_empties(subject: Subject, index: AnyIndex) -> None:
    """After a reset there is nothing, and the index takes documents again."""
    index.replace(documents(subject, 4))
    index.reset()
    assert (found(subject, index), index.count(ANYBODY), index.counts().entries) == ([], 0, 0)
    index.replace(documents(subject, 1))
    assert found(subject, index) == ["d0"]
