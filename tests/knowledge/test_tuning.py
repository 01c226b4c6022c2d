"""Tuning: what is tried, how the halves are cut, and when something is worth proposing."""

from __future__ import annotations

from inhouse.knowledge.chunk import Cut
from inhouse.knowledge.figures import Judged
from inhouse.knowledge.judge import Expected
from inhouse.knowledge.rank import Mix
from inhouse.knowledge.tuning import MEASURE, Trial, combined, halves, neighbours, settings_of, verdict

QUESTIONS = tuple(Expected(f"q{n}", "single", "en", f"Question {n}?") for n in range(41))


def test_halves_do_not_depend_on_the_order() -> None:
    """Every question is in one half, and in the same one however the file is sorted."""
    first, second = halves(QUESTIONS)
    assert set(first) | set(second) == set(QUESTIONS)
    assert not set(first) & set(second)
    assert (len(first), len(second)) == (21, 20)
    assert halves(QUESTIONS[::-1]) == (first, second)


def test_each_neighbour_differs_in_one_thing() -> None:
    """What is in force comes first; every other trial changes one setting, and says which."""
    base, *others = neighbours(Cut(), Mix())
    assert (base.cut, base.mix) == (Cut(), Mix())
    assert len({(one.cut, one.mix) for one in others}) == len(others)
    for one in others:
        (line,) = settings_of(base, one)
        assert line == one.name
    assert all(one.cut.target != 1000 for one in neighbours(Cut(1000), Mix())[1:] if "chunk" in one.name)


def test_what_helped_is_tried_together() -> None:
    """Single changes of different kinds are joined, the better of one kind; one alone is nothing new."""
    base = Trial("in force", Cut(), Mix())
    small, smaller = Trial("chunk_chars = 800", Cut(800), Mix()), Trial("chunk_chars = 400", Cut(400), Mix())
    wide = Trial("window_weight = 1.6", Cut(), Mix(window=1.6))
    joined = combined(base, [small, wide, smaller])
    assert joined == Trial("chunk_chars = 800, window_weight = 1.6", Cut(800), Mix(window=1.6))
    assert settings_of(base, joined) == ("chunk_chars = 800", "window_weight = 1.6")
    assert combined(base, [small, smaller]) is None


def test_only_what_wins_by_more_than_chance_is_sure() -> None:
    """Better for nearly all questions of the second half is sure, for one of many it is not."""
    before = {one.question_id: {MEASURE: 0.5} for one in QUESTIONS}
    much = verdict(before, [Judged(one, {MEASURE: 0.9}) for one in QUESTIONS])
    little = verdict(
        before, [Judged(one, {MEASURE: 0.5 + 0.5 * (n == 0)}) for n, one in enumerate(QUESTIONS)]
    )
    assert much is not None
    assert little is not None
    assert (much.sure, little.sure) == (True, False)
