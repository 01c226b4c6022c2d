"""Judging: what counts as found, cited, refused, leaked; and figures from it."""

from __future__ import annotations

import math

import pytest

from inhouse.knowledge.figures import Judged, compare, summarise
from inhouse.knowledge.judge import (
    Expected,
    GivenAnswer,
    GivenSentence,
    Place,
    find_quote,
    judge_answer,
    judge_search,
    read_questions,
)

ONE = Expected("q1", "single", "en", "How many days?", (("a.md", "28 days"),), must=("28",), must_not=("14",))
A, B = Place("a.md", 10, 20), Place("b.md", 5, 9)


def answer(
    *sentences: GivenSentence, band: str = "answer", text: str = "28 days", stated: int = 0
) -> GivenAnswer:
    return GivenAnswer(text, band, "", (Place("a.md", 0, 100),), sentences, stated)


def sentence(text: str, *cited: Place, quote: str = "28 days") -> GivenSentence:
    return GivenSentence(text, True, cited, (quote,) * len(cited), (True,) * len(cited))


def test_a_place_counts_by_its_offsets() -> None:
    """The right document at another place is not found; the overlapping passage is, at its rank."""
    scores = judge_search(ONE, [Place("a.md", 30, 40), Place("b.md", 10, 20), Place("a.md", 15, 90)], [A])
    assert (scores["recall@1"], scores["recall@5"], scores["mrr@10"]) == (0.0, 1.0, 1 / 3)
    assert scores["ndcg@10"] == pytest.approx(1 / math.log2(4))


def test_two_pieces_of_evidence_gain_twice() -> None:
    """Both found in the first passage count in full; one alone counts by its share of the ideal."""
    both = [Place("a.md", 0, 50), Place("b.md", 0, 50)]
    assert judge_search(ONE, both, [A, B])["ndcg@10"] == 1.0
    same = judge_search(ONE, [Place("a.md", 0, 99)], [A, Place("a.md", 40, 50)])
    assert (same["ndcg@10"], same["all@5"]) == (1.0, 1.0)
    half = judge_search(ONE, [Place("a.md", 0, 50)], [A, B])
    assert half["all@5"] == 0.0
    assert half["ndcg@10"] == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_citations_are_judged_by_spans() -> None:
    """Precision counts cited places, recall pieces of evidence, numbers must stand in their quotes."""
    good = judge_answer(ONE, answer(sentence("28 days", A, B)), [A])
    assert (good["citation_precision"], good["citation_recall"]) == (0.5, 1.0)
    assert (good["number_fidelity"], good["expected_words"], good["no_wrong_words"]) == (1.0, 1.0, 1.0)
    wrong = judge_answer(ONE, answer(sentence("14 days", B), text="14 days"), [A])
    assert (wrong["citation_precision"], wrong["citation_recall"], wrong["number_fidelity"]) == (
        0.0,
        0.0,
        0.0,
    )
    assert (wrong["expected_words"], wrong["no_wrong_words"]) == (0.0, 0.0)


def test_refusals() -> None:
    """A refusal is right for what nobody can answer and wrong for the rest; a hedge is told apart."""
    nothing = Expected("q2", "unanswerable", "en", "Who?")
    refused = GivenAnswer("no", "refuse", "", (), ())
    assert judge_answer(nothing, refused, [])["refusal_precision"] == 1.0
    assert judge_answer(ONE, refused, [A])["refusal_precision"] == 0.0
    hedged = judge_answer(nothing, answer(band="hedge"), [])
    assert (hedged["refused_unanswerable"], hedged["refused_or_hedged_unanswerable"]) == (0.0, 1.0)
    assert judge_answer(ONE, refused, [A])["answered"] == 0.0


def test_conflicts_need_both_sides() -> None:
    """A conflict is handled when both documents are cited, and stated when the answer says so."""
    two = Expected("q3", "conflict", "en", "How many?", (("a.md", "28"), ("b.md", "24")))
    both = judge_answer(two, answer(sentence("28, 24", A, B), stated=1), [A, B])
    assert (both["both_sides_cited"], both["conflict_stated"]) == (1.0, 1.0)
    one = judge_answer(two, answer(sentence("28", A)), [A, B])
    assert (one["both_sides_cited"], one["conflict_stated"]) == (0.0, 0.0)


def test_leaks_are_counted() -> None:
    """A forbidden document among passages or citations is a leak each time."""
    secret = Expected("q4", "single", "en", "Pay?", forbidden=("b.md",))
    assert judge_search(secret, [A, B, B], [])["leaks"] == 2
    assert judge_answer(secret, answer(sentence("x", B)), [])["leaks"] == 1
    assert judge_search(ONE, [A, B], [])["leaks"] == 0


def test_quotes_are_found_whatever_the_white_space() -> None:
    """Line breaks inside a quote do not matter, other words do."""
    assert find_quote("It is\n 28  days, not 14.", "28 days,") == (7, 16)
    assert find_quote("It is 28 days", "28 hours") is None
    assert find_quote("x", " ") is None


def test_question_files() -> None:
    """Known keys are read, unknown ones left, language and type found out; a bad line is named."""
    text = '{"question": "Сколько дней?", "evidence": [{"file": "a", "quote": "b"}], "more": 1}\n\n'
    first, second = read_questions(text + '{"id": "x", "type": "unanswerable", "question": "Who?"}')
    assert (first.question_id, first.language, first.kind) == ("1", "ru", "single")
    assert (second.answerable, second.language) == (False, "en")
    for bad in ("{", '{"id": 1}', "[]", '{"question": "x", "evidence": [{}]}'):
        with pytest.raises(ValueError, match="line 1"):
            read_questions(bad)


def test_figures_by_group_with_intervals() -> None:
    """Means with n for all, each language and type; shares by Wilson, counts as sums."""
    russian = Expected("q5", "multi", "ru", "?")
    judged = [Judged(ONE, {"hit": 1.0, "leaks": 1.0}), Judged(russian, {"hit": 0.0, "leaks": 2.0})]
    found = {(one.name, one.group): one for one in summarise(judged)}
    assert found["hit", "all"].value == 0.5
    assert 0 < found["hit", "all"].low < 0.5 < found["hit", "all"].high < 1
    assert (found["hit", "language=ru"].value, found["hit", "language=ru"].n) == (0.0, 1)
    assert found["leaks", "all"].value == 3.0
    assert ("hit", "type=multi") in found


def test_runs_are_compared_question_by_question() -> None:
    """Only questions of both runs count; a difference is sure when its interval is off zero."""
    judged = [Judged(Expected(f"q{n}", "s", "en", "?"), {"hit": 1.0}) for n in range(12)]
    before = {f"q{n}": {"hit": 0.0 if n < 9 else 1.0} for n in range(10)}
    (change,) = compare(before, judged)
    assert (change.n, change.before, change.after, change.sure) == (10, 0.1, 1.0, True)
    (same,) = compare({f"q{n}": {"hit": 1.0} for n in range(12)}, judged)
    assert (same.difference, same.sure) == (0.0, False)
    assert compare({}, judged) == ()


def test_one_word_is_never_its_letters() -> None:
    """A word, a number or a path without its list means itself: a leak of `a.md` is counted."""
    line = '{"question": "x", "answer_must_contain": 28, "answer_must_not_contain": "14","forbidden": "a.md"}'
    (one,) = read_questions(line)
    assert (one.must, one.must_not, one.forbidden) == (("28",), ("14",), ("a.md",))
    assert judge_search(one, [A], [])["leaks"] == 1.0


def test_odd_line_ends_and_a_byte_order_mark_are_read() -> None:
    """U+2028 in a question is no end of a line, and a mark before the first line is no word."""
    (one,) = read_questions('\ufeff{"question": "How\u2028many?"}\r\n\n')
    assert one.question == "How\u2028many?"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"question": "x", "language": "de"}', "language 'de'"),
        ('{"question": "x", "forbidden": {"a": 1}}', "no list of words"),
        ('{"id": 1, "question": "x"}\n{"id": "1", "question": "y"}', "line 2 has the id '1'"),
        ("[" * 100_000, "line 1"),
    ],
)
def test_what_cannot_be_a_question_is_named(line: str, why: str) -> None:
    """An unknown language, a wrong kind, a second id and endless brackets name their line."""
    with pytest.raises(ValueError, match=why):
        read_questions(line)


def test_no_question_gives_no_figure() -> None:
    """Of nothing there is no mean: no figure, no change, no division by zero."""
    assert summarise([]) == ()
    assert compare({}, []) == ()
