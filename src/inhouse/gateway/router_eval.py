"""How good a router is: what it keeps of a strong model's gain for each share of calls sent there.

Source: RouteLLM (arXiv 2406.18665), section 3: thresholds are the ten quantiles of the router's score, the
curve is accuracy against the share of strong calls. APGR is its area above the weak model, divided by that
of always asking the strong one; CPT(x) the share of strong calls that recovers x of the gap.
"""

from __future__ import annotations

import itertools
import json
import statistics
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from inhouse.gateway.complexity import cold_start, signal_score
from inhouse.gateway.gap_model import LEAST, GapModel, Outcome, learn

__all__ = ["FOLDS", "Judged", "RouterScore", "evaluate", "read_outcomes", "score_of"]

FOLDS = 5
DRAWS = 20
"""Of the random router, whose mean is shown."""


@dataclass(frozen=True, slots=True)
class RouterScore:
    """One router on one file. `cpt` maps a share of the gap to the share of strong calls it takes.

    `trained`: on the other four fifths of the same file, never on the prompts it is scored on.
    """

    router: str
    trained: bool
    n: int
    apgr: float
    cpt: Mapping[float, float | None]


@dataclass(frozen=True, slots=True)
class Judged:
    """An outcome with its id, which decides on its fold."""

    id: str
    outcome: Outcome


def read_outcomes(text: str, *, weak: str = "", strong: str = "") -> tuple[Judged, ...]:
    """The outcomes of a JSONL file in either form of `data/router`.

    A line holds `prompt` and `weak` and `strong` (numbers, or lists of them whose mean counts), or `scores`
    by model, of which the least and the most able are taken unless they are named. Scores above 1 are
    out of 10. The task is `task`, `domain` or nothing; lines of the task `mmlu` in files of `scores` are
    left out, because their prompts differ in format.

    Raises:
        ValueError: if a line is not like that; it says which.
    """
    lines = [json.loads(line) for line in text.split("\n") if line.strip()]
    if any("scores" in line for line in lines):
        lines = [line for line in lines if line.get("task") != "mmlu"]
        weak, strong = _ends(lines, weak, strong)
    found: list[Judged] = []
    for number, line in enumerate(lines, 1):
        try:
            scores = line.get("scores")
            low = scores[weak] if scores else line["weak"]
            high = scores[strong] if scores else line["strong"]
            task = str(line.get("domain") or line.get("task") or "")
            outcome = Outcome(str(line["prompt"]), task, _number(low), _number(high))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"line {number} is no outcome: {error!r}") from None
        found.append(Judged(str(line.get("id", number)), outcome))
    return tuple(found)


def _ends(lines: Sequence[dict[str, dict[str, float]]], weak: str, strong: str) -> tuple[str, str]:
    """The least and the most able model of a file of scores, unless they are named."""
    totals: dict[str, float] = {}
    for line in lines:
        for name, score in line["scores"].items():
            totals[name] = totals.get(name, 0.0) + float(score)
    ranked = sorted(totals, key=lambda name: (totals[name], name))
    return weak or ranked[0], strong or ranked[-1]


def _number(value: object) -> float:
    values = value if isinstance(value, list) else [value]
    mean = statistics.fmean(float(str(each)) for each in values)
    return mean / 10 if mean > 1 else mean


def score_of(scores: Sequence[float], outcomes: Sequence[Outcome]) -> tuple[float, dict[float, float | None]]:
    """APGR, and CPT at half and four fifths of the gap; 0 and None where the strong model gains nothing."""
    n = len(scores)
    low = sum(each.weak for each in outcomes) / n
    high = sum(each.strong for each in outcomes) / n
    if high <= low:
        return 0.0, {0.5: None, 0.8: None}
    cuts = [min(scores), *statistics.quantiles(scores, n=10, method="inclusive"), max(scores)]
    curve = {(0.0, low), (1.0, high)}
    for cut in cuts:
        sent = [score >= cut for score in scores]
        won = sum(each.strong if up else each.weak for up, each in zip(sent, outcomes, strict=True))
        curve.add((sum(sent) / n, won / n))
    points = sorted(curve)
    area = sum((right[0] - left[0]) * (left[1] + right[1]) / 2 for left, right in itertools.pairwise(points))
    wanted = {share: low + share * (high - low) for share in (0.5, 0.8)}
    return (area - low) / (high - low), {share: _reached(points, value) for share, value in wanted.items()}


def _reached(points: Sequence[tuple[float, float]], wanted: float) -> float | None:
    """The least share of strong calls with that accuracy, between two points in a straight line."""
    for left, right in itertools.pairwise(points):
        if right[1] >= wanted:
            if right[1] == left[1] or left[1] >= wanted:
                return left[0] if left[1] >= wanted else right[0]
            return left[0] + (wanted - left[1]) / (right[1] - left[1]) * (right[0] - left[0])
    return None


def evaluate(judged: Sequence[Judged]) -> tuple[RouterScore, ...]:
    """Every router that there is, on the same outcomes; trained ones on folds that they have not seen."""
    outcomes = [each.outcome for each in judged]
    table = [_random(judged)]
    plain: dict[str, Callable[[Outcome], float]] = {
        "length (what runs untrained)": lambda each: cold_start(each.prompt, each.task),
        "signals, weighted by hand": lambda each: signal_score(each.prompt),
    }
    for name, router in plain.items():
        apgr, cpt = score_of([router(each) for each in outcomes], outcomes)
        table.append(RouterScore(name, False, len(outcomes), apgr, cpt))
    if len(judged) < LEAST * FOLDS / (FOLDS - 1) + 1:
        return tuple(table)
    trained: dict[str, Callable[[GapModel, Outcome], float]] = {
        "text and task (what runs trained)": lambda model, each: model.raw(each.prompt, each.task),
    }
    if len({each.task for each in outcomes}) > 1:
        trained["mean gap per task"] = lambda model, each: model.tasks.get(each.task, 0.0)
    by_text = _out_of_fold(judged, {"text": lambda model, each: model.raw(each.prompt, "")}, tasks=False)
    scored = {"text": by_text["text"], **_out_of_fold(judged, trained, tasks=True)}
    for name, scores in scored.items():
        apgr, cpt = score_of(scores, outcomes)
        table.append(RouterScore(name, True, len(outcomes), apgr, cpt))
    return tuple(table)


def _out_of_fold(
    judged: Sequence[Judged], routers: Mapping[str, Callable[[GapModel, Outcome], float]], *, tasks: bool
) -> dict[str, list[float]]:
    scores = {name: [0.0] * len(judged) for name in routers}
    folds = [zlib.crc32(each.id.encode()) % FOLDS for each in judged]
    for fold in range(FOLDS):
        seen = [each.outcome for each, own in zip(judged, folds, strict=True) if own != fold]
        if not tasks:
            seen = [Outcome(each.prompt, "", each.weak, each.strong) for each in seen]
        model = learn(seen)
        for index, own in enumerate(folds):
            if own == fold:
                for name, router in routers.items():
                    scores[name][index] = router(model, judged[index].outcome)
    return scores


def _random(judged: Sequence[Judged]) -> RouterScore:
    """The mean of some drawings, made from the ids so that they are the same every time."""
    outcomes = [each.outcome for each in judged]
    draws = [
        score_of([zlib.crc32(f"{draw}/{each.id}".encode()) for each in judged], outcomes)
        for draw in range(DRAWS)
    ]
    cpt: dict[float, float | None] = {}
    for share in (0.5, 0.8):
        known = [value for _, each in draws if (value := each[share]) is not None]
        cpt[share] = statistics.fmean(known) if known else None
    return RouterScore("random", False, len(judged), statistics.fmean(apgr for apgr, _ in draws), cpt)
