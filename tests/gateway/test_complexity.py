"""Scores of complexity: untrained, learned from outcomes, and how a router is measured."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from inhouse.gateway.complexity import cold_start, signal_score, signals, word_count
from inhouse.gateway.gap_model import GapModel, Outcome, learn, read_model, write_model
from inhouse.gateway.router_eval import Judged, evaluate, read_outcomes, score_of

HARD, EASY = ("integral", "eigenvalue", "topology"), ("capital", "colour", "weekday")


def outcomes(count: int = 400) -> list[Outcome]:
    """Prompts of which a strong model gains on those with a hard word only."""
    chance = random.Random(7)
    made = []
    for index in range(count):
        hard = index % 2 == 0
        words = [chance.choice(HARD if hard else EASY), "please", "answer", f"number{chance.randrange(40)}"]
        chance.shuffle(words)
        made.append(Outcome(" ".join(words), "maths" if hard else "trivia", 0.0 if hard else 1.0, 1.0))
    return made


def test_cold_start_grows_with_length_and_stays_below_one() -> None:
    """Nothing is 0, a thousand words 0.8, and a megabyte takes no longer than its first pages."""
    scores = [cold_start("word " * count, "chat") for count in (0, 10, 250, 1000, 500_000)]
    assert scores == sorted(scores)
    assert scores[0] == 0.0
    assert scores[3] == pytest.approx(0.8, abs=0.01)
    assert scores[-1] < 1.0
    assert word_count("two words") == 2


def test_signals_are_counts_a_person_can_check() -> None:
    """Questions, steps, constraints in two languages, numbers, code and tables are counted."""
    text = "Почему так?\n1. Only 3 must fit\n- but ровно 2\n```\nx = 1;\n```\n| a | b |"
    found = dict(
        zip(("words", "sentences", "questions", "steps", "constraints"), signals(text), strict=False)
    )
    assert (found["questions"], found["steps"], found["constraints"]) == (1, 2, 4)
    assert signal_score(text) > signal_score("Hello there")


def test_what_was_learned_is_the_gap() -> None:
    """Prompts with a hard word score above those without, also ones that were never seen."""
    model = learn(outcomes())
    assert model.raw("please explain the eigenvalue", "") > model.raw("please, the capital", "")
    assert model.score("the eigenvalue", "maths") > 0.5 > model.score("the capital", "trivia")
    assert model.raw("please", "maths") > model.raw("please", "trivia")


def test_too_few_outcomes_teach_nothing() -> None:
    """Chance is not learned."""
    with pytest.raises(ValueError, match="too few"):
        learn(outcomes(100))


def test_the_kept_model_scores_the_same_and_holds_no_word() -> None:
    """Written and read again it says the same to three digits; no word of a prompt is in the file."""
    model = learn(outcomes())
    text = write_model(model, made_at="2026-11-21T12:00:00+00:00", source="own.jsonl")
    again = read_model(text)
    for prompt in ("an integral", "a weekday", "neither"):
        assert again.raw(prompt, "maths") == pytest.approx(model.raw(prompt, "maths"), abs=1e-3)
    assert not any(word in text for word in (*HARD, *EASY, "please"))
    assert json.loads(text)["n"] == 400


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 2}', '{"format": 1, "places": {"x": 1}}'])
def test_damaged_models_are_refused(text: str) -> None:
    """A file that is no model is an error with words, never a wrong score."""
    with pytest.raises(ValueError, match=r".+"):
        read_model(text)


def test_the_measure_knows_the_best_and_the_worst() -> None:
    """A router that knows has the largest area, its opposite the smallest, one that sees nothing a half."""
    made = outcomes()
    gaps = [each.strong - each.weak for each in made]
    best, cpt = score_of(gaps, made)
    worst, _ = score_of([-gap for gap in gaps], made)
    middle, even = score_of([float(index // 2 % 20) for index in range(len(made))], made)
    assert best == pytest.approx(0.75)
    assert worst == pytest.approx(0.25)
    assert middle == pytest.approx(0.5, abs=0.01)
    assert cpt[0.5] == pytest.approx(0.25)
    assert even[0.8] == pytest.approx(0.8, abs=0.02)


def test_a_strong_model_that_gains_nothing_has_no_area() -> None:
    """Nothing to gain is 0 and unknown, not a division by zero."""
    same = [replace(each, strong=each.weak) for each in outcomes(20)]
    assert score_of([1.0] * 20, same) == (0.0, {0.5: None, 0.8: None})


@pytest.mark.slow
def test_evaluation_scores_unseen_prompts_only() -> None:
    """Text wins where text tells, on folds it has not seen; labels without a pattern are not learned."""
    judged = [Judged(str(index), each) for index, each in enumerate(outcomes())]
    scores = {each.router.partition(" (")[0]: each for each in evaluate(judged)}
    assert scores["text"].apgr > 0.7
    assert scores["text"].trained
    assert scores["random"].apgr == pytest.approx(0.5, abs=0.03)
    assert {each.n for each in scores.values()} == {400}
    chance = random.Random(3)
    blind = [
        Judged(each.id, Outcome(each.outcome.prompt, "", float(chance.random() < 0.5), 1.0))
        for each in judged
    ]
    assert {each.router: each for each in evaluate(blind)}["text"].apgr < 0.6


def test_both_forms_of_files_are_read() -> None:
    """RouteLLM's pairs, means of turns out of ten, and scores by model without the task `mmlu`."""
    pair = read_outcomes('{"id": "a", "domain": "d", "prompt": "p\u2028q", "weak": 0, "strong": 1}\n')
    assert pair[0].outcome == Outcome("p\u2028q", "d", 0.0, 1.0)
    turns = read_outcomes('{"id": "a", "prompt": "p", "weak": [4, 6], "strong": [9, 9]}')
    assert (turns[0].outcome.weak, turns[0].outcome.strong) == (0.5, 0.9)
    many = (
        '{"id": 1, "task": "t", "prompt": "p", "scores": {"a": 0, "b": 1}}\n'
        '{"id": 2, "task": "mmlu", "prompt": "q", "scores": {"a": 1, "b": 0}}\n'
    )
    assert [each.outcome for each in read_outcomes(many)] == [Outcome("p", "t", 0.0, 1.0)]
    assert read_outcomes(many, weak="b", strong="a")[0].outcome.weak == 1.0
    with pytest.raises(ValueError, match="line 1"):
        read_outcomes('{"prompt": "p"}')


def test_an_empty_model_scores_nothing() -> None:
    """A model without ranks says 0 rather than fail."""
    assert GapModel(0, 0.0, {}, {}, {}, ()).score("x", "") == 0.0
