"""One order from several legs."""

from __future__ import annotations

import pytest

from inhouse.knowledge.fuse import Choice, blend, choose, fuse, lower_superseded


def words(text: str) -> list[str]:
    return text.split()


def test_without_vectors_nothing_changes() -> None:
    """A leg that is off, or of weight 0, leaves the scores to the digit."""
    assert fuse([1.25, 0.1], [None, None], 0.5, 2.0) == [1.25, 0.1]
    assert fuse([1.25, 0.1], [0.1, 0.9], 0.0, 2.0) == [1.25, 0.1]


def test_a_strong_vector_lifts_what_words_missed() -> None:
    """A passage without a common word comes first when it is nearest by far and the words say little."""
    fused = fuse([0.2, 0.2, 0.0], [0.1, 0.12, 0.9], 0.5, 2.0)
    assert max(range(3), key=fused.__getitem__) == 2


def test_a_flat_leg_moves_nothing() -> None:
    """Equal angles say nothing: the order of the words stays."""
    fused = fuse([0.9, 0.5, 0.1], [0.3, 0.3, 0.3], 0.5, 2.0)
    assert fused == sorted(fused, reverse=True)


def test_unseen_by_the_vector_leg_is_far() -> None:
    """A candidate that the leg did not bring counts as its farthest."""
    fused = fuse([1.0, 1.0, 1.0], [0.9, None, 0.1], 0.5, 2.0)
    assert fused[1] == fused[2] < fused[0]


def test_words_alone_may_be_missing_everywhere() -> None:
    """Where no word is common, the angles alone decide."""
    fused = fuse([0.0, 0.0], [0.2, 0.8], 0.4, 0.0)
    assert fused[1] > fused[0]


def test_a_reranker_orders_its_own_and_no_others() -> None:
    """What was judged stays above what was not."""
    assert blend([0.9, 0.8, 0.1], [0.0, 1.0], 1.0) == pytest.approx([0.8, 0.9, 0.1])
    assert blend([0.9], [1.0], 0.5) == [0.9]
    assert blend([0.9, 0.8], [0.3, 0.3], 1.0)[0] == pytest.approx(0.85)


def test_the_newest_edition_goes_first() -> None:
    """An older edition that scores a little more gives way; one that says something of its own does not."""
    lowered = lower_superseded([1.0, 0.95], ["a", "a"], [True, False])
    assert lowered[0] < lowered[1]
    alone = lower_superseded([1.0, 0.2], ["a", "a"], [True, False])
    assert alone[0] == pytest.approx(0.9)
    assert alone[0] > alone[1]
    assert lower_superseded([1.0, 0.5], ["", "b"], [False, False]) == [1.0, 0.5]


def test_a_stuffed_document_pushes_nobody_out() -> None:
    """Ten passages of one document before five others: at most three are shown before those."""
    stuffed = [Choice("stuffed", words(f"vacation days {n}")) for n in range(10)]
    others = [Choice(f"other-{n}", words(f"vacation lasts {n} days")) for n in range(5)]
    shown = choose([*stuffed, *others], 5, of_ten=3)
    assert [at for at in shown if at < 10] == [0, 1, 2]
    assert len(choose([*stuffed, *others], 10, of_ten=3)) == 10
    assert choose([*stuffed, *others], 5, of_ten=10) == [0, 1, 2, 3, 4]


def test_one_document_may_fill_the_list_when_it_is_alone() -> None:
    """There is no gap where a further passage of the same document fits."""
    alone = [Choice("one", words(f"passage number {n}")) for n in range(6)]
    assert choose(alone, 5, of_ten=3) == [0, 1, 2, 3, 4]


TEXT = "the notice period of an employee is 14 days and it begins on the day after the letter was handed over"


def test_doubles_are_shown_once() -> None:
    """A copy, and a copy with one word more, are the same; of two the newer edition's is shown."""
    copies = [
        Choice("a", words(TEXT), superseded=True),
        Choice("b", words(TEXT)),
        Choice("c", words(TEXT + " so")),
    ]
    assert choose(copies, 3, of_ten=3) == [1]


@pytest.mark.parametrize("other", [TEXT.replace("14", "30"), TEXT.replace("is 14", "is not 14"), TEXT[:60]])
def test_another_figure_or_a_negation_is_no_double(other: str) -> None:
    """What contradicts must never be hidden as a copy."""
    assert choose([Choice("a", words(TEXT)), Choice("b", words(other))], 3, of_ten=3) == [0, 1]
