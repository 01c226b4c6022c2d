"""Figures of several models at the same prompts."""

from __future__ import annotations

import pytest

from inhouse.gateway.compare import OneAnswer, figures

GOOD = OneAnswer(
    "a", 0, "x", passed=True, first_token_ms=100.0, total_ms=1100.0, output_tokens=21, cost_micros=5
)


def test_figures_count_what_was_answered() -> None:
    """Rates over all answers together, medians of first tokens, money of those whose price is known."""
    answers = [
        GOOD,
        OneAnswer("a", 1, "y", passed=False, first_token_ms=300.0, total_ms=1300.0, output_tokens=11),
        OneAnswer("a", 2, error="gone"),
        OneAnswer("b", 0, error="gone"),
    ]
    first, second = figures(answers, {"a": [1.0, 0.0, 0.5]}, {"b": [0.0]})
    assert (first.model, first.n, first.failed, first.passed) == ("a", 3, 1, 0.5)
    assert (first.first_token_ms, first.cost_micros, first.unpriced) == (200.0, 5, 1)
    assert first.tokens_per_s == pytest.approx(15.0)
    assert (first.judged, first.judged_n, first.picked) == (0.5, 3, None)
    assert (second.n, second.failed, second.passed, second.tokens_per_s) == (1, 1, None, None)
    assert (second.cost_micros, second.picked, second.picked_n) == (None, 0.0, 1)


def test_nothing_asked_gives_nothing() -> None:
    """No answers, no lines."""
    assert figures([], {}, {}) == ()
