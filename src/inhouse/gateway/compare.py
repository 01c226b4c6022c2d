"""Several models at the same prompts: what each did, with how many answers that was counted.

Kept per model: the share of answers that pass the gates (`escalate`), a judge's and a person's verdicts,
time to the first token, tokens per second and cost. Figures without enough answers are given with their
n all the same: the reader decides.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["ModelFigures", "OneAnswer", "figures"]


@dataclass(frozen=True, slots=True)
class OneAnswer:
    """One model's answer to one prompt. `error` is empty where it answered; times in milliseconds.

    `passed` says whether it passed the gates, `gate` which it failed. `cost_micros` None: not known.
    """

    model: str
    prompt: int
    text: str = ""
    error: str = ""
    passed: bool = False
    gate: str = ""
    confidence: float | None = None
    first_token_ms: float | None = None
    total_ms: float = 0.0
    output_tokens: int = 0
    cost_micros: int | None = None
    ran: str = ""


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """What one model did over all prompts; None where nothing was measured.

    `judged` and `picked` are mean scores (1 better, 0.5 equal, 0 worse) with their counts.
    """

    model: str
    n: int
    failed: int
    passed: float | None
    first_token_ms: float | None
    tokens_per_s: float | None
    cost_micros: int | None
    unpriced: int
    judged: float | None = None
    judged_n: int = 0
    picked: float | None = None
    picked_n: int = 0


def figures(
    answers: Sequence[OneAnswer],
    judged: Mapping[str, Sequence[float]],
    picked: Mapping[str, Sequence[float]],
) -> tuple[ModelFigures, ...]:
    """One line per model, in the order in which the models first appear.

    First-token times are medians; tokens per second are those after the first token, over all answers
    together, because the rate of a short answer is mostly noise.
    """
    found = []
    for model in dict.fromkeys(each.model for each in answers):
        mine = [each for each in answers if each.model == model]
        good = [each for each in mine if not each.error]
        times = [each.first_token_ms for each in good if each.first_token_ms is not None]
        known = [each.cost_micros for each in good if each.cost_micros is not None]
        judge, person = judged.get(model, ()), picked.get(model, ())
        found.append(
            ModelFigures(
                model=model,
                n=len(mine),
                failed=len(mine) - len(good),
                passed=sum(each.passed for each in good) / len(good) if good else None,
                first_token_ms=statistics.median(times) if times else None,
                tokens_per_s=_rate(good),
                cost_micros=sum(known) if known else None,
                unpriced=len(good) - len(known),
                judged=statistics.fmean(judge) if judge else None,
                judged_n=len(judge),
                picked=statistics.fmean(person) if person else None,
                picked_n=len(person),
            )
        )
    return tuple(found)


def _rate(answers: Sequence[OneAnswer]) -> float | None:
    timed = [each for each in answers if each.first_token_ms is not None and each.output_tokens > 1]
    seconds = sum(each.total_ms - (each.first_token_ms or 0.0) for each in timed) / 1000
    return sum(each.output_tokens - 1 for each in timed) / seconds if seconds > 0 else None
