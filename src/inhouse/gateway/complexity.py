"""How much a stronger model would gain on a prompt, judged from outside: 0 nothing, 1 very much.

Two scores stand here that need no training. `cold_start` is the length in words, which on the public router
data is as good as most trained routers (`bench/router.py`); the task adds its part in the policy. `signals`
are what a person would look at. They are tried against it in every evaluation: a shade better on MMLU
(.597 against .587 of the area), worse on GSM8K (.602 against .610), and a hundred times the work, so the
length it is. What was learned from the house's own outcomes is in `gap_model`.
"""

from __future__ import annotations

import math
import re

__all__ = ["SIGNALS", "SIGNAL_WEIGHTS", "cold_start", "signal_score", "signals", "word_count"]

HALF_WORDS = 250.0
"""Words at which a prompt scores a half: a thousand of them is 0.8, from where prompts are hard."""
LOOKED_AT_CHARS = 16_000
"""Of a longer prompt the beginning is counted, and the rest taken to be like it."""


def word_count(text: str) -> int:
    """About how many words a text has, in microseconds even for long ones."""
    if len(text) > LOOKED_AT_CHARS:
        return word_count(text[:LOOKED_AT_CHARS]) * len(text) // LOOKED_AT_CHARS
    return text.count(" ") + text.count("\n") + 1 if text else 0


def cold_start(text: str, task: str) -> float:
    """The score of a house that has learned nothing yet. The task's own part is `TaskRule.shift`."""
    words = word_count(text)
    return words / (words + HALF_WORDS)


SIGNALS = ("words", "sentences", "questions", "steps", "constraints", "numbers", "code", "maths", "tables")
_PATTERNS = {
    "sentences": re.compile(r"[.!?…](?:\s|$)"),
    "questions": re.compile(r"\?"),
    "steps": re.compile(r"(?m)^\s*(?:\d+[.)]|[-*•])\s"),
    "constraints": re.compile(
        r"\b(?:must|should|only|except|unless|at least|at most|exactly|without|not|compare|prove|explain|why|"
        r"должн\w*|нужно|только|кроме|если|не более|не менее|ровно|без|сравни\w*|докажи\w*|объясни\w*|"
        r"почему)\b",
        re.IGNORECASE,
    ),
    "numbers": re.compile(r"\d+"),
    "code": re.compile(r"```|\bdef \w|\bclass \w|\bfunction\b|[{};]\s*$|\bSELECT\b|=>", re.MULTILINE),
    "maths": re.compile(r"[=+*/^<>√∑∫≤≥]|\\[a-z]+\{"),
    "tables": re.compile(r"(?m)^\s*\|.*\|\s*$|\t"),
}

SIGNAL_WEIGHTS = (1.0, 0.1, 0.1, 0.2, 0.3, 0.1, 0.3, 0.2, 0.2)
"""One weight each, of their logarithms; set by hand from what such signals are said to mean."""


def signals(text: str) -> tuple[float, ...]:
    """Counts that a person can check, in the order of `SIGNALS`."""
    counts = [float(word_count(text))]
    counts += [float(len(_PATTERNS[name].findall(text))) for name in SIGNALS[1:]]
    return tuple(counts)


def signal_score(text: str) -> float:
    """A transparent weighted sum over the signals; larger is harder, without a scale."""
    return sum(
        weight * math.log1p(count) for weight, count in zip(SIGNAL_WEIGHTS, signals(text), strict=True)
    )
