"""Learns from outcomes how much a stronger model gains, and keeps none of their words.

What is learned is the gap (strong minus weak), not how often the weak one fails: prompts that both fail gain
nothing from the stronger one, and on the public data the difference is .66 against .56 of the area.

Words become numbers of a hashed table (signed, 2^14 places), weighted by how rare they are; the weights are a
ridge regression, solved by conjugate gradients in plain Python: 9,000 prompts take some seconds.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["FORMAT", "GapModel", "Outcome", "learn", "read_model", "write_model"]

FORMAT = 1
PLACES = 1 << 14
LOOKED_AT_WORDS = 300
"""Words of a prompt that are looked at: its first ones. More cost time and add nothing on the public data."""
RIDGE = 10.0
"""Weight of the penalty; 1, 3, 10 and 30 were tried (`bench/router.py`): the area moves by less than .02."""
STEPS = 25
TASK_PRIOR = 20.0
"""Outcomes that a task must have before half of its own mean counts against the mean of all."""
LEAST = 200
"""Outcomes below which nothing is learned: the mean gap of so few is mostly chance."""

_WORD = re.compile(r"\w+", re.UNICODE)

Row = dict[int, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a weak and a strong model made of one prompt, each 0 to 1."""

    prompt: str
    task: str
    weak: float
    strong: float


@dataclass(frozen=True, slots=True)
class GapModel:
    """What was learned. `score` is a rank: 0.8 means that four of five prompts would gain less.

    `rarity` and `weights` are by place, `tasks` the part that the task adds, `ranks` raw scores at equal
    steps of rank, smallest first.
    """

    n: int
    mean: float
    rarity: dict[int, float]
    weights: dict[int, float]
    tasks: dict[str, float]
    ranks: tuple[float, ...]

    def raw(self, prompt: str, task: str) -> float:
        """The gap that is expected, as a number without a scale."""
        row = _weighed(_counted(prompt), self.rarity)
        text = sum(self.weights.get(place, 0.0) * value for place, value in row.items())
        return self.mean + text + self.tasks.get(task, 0.0)

    def score(self, prompt: str, task: str) -> float:
        """0 to 1: the share of known prompts that gain less."""
        return bisect_right(self.ranks, self.raw(prompt, task)) / max(1, len(self.ranks))


def learn(outcomes: Sequence[Outcome], *, places: int = PLACES, ridge: float = RIDGE) -> GapModel:
    """The model of these outcomes.

    Raises:
        ValueError: if there are fewer than `LEAST`.
    """
    if len(outcomes) < LEAST:
        raise ValueError(f"{len(outcomes)} outcomes are too few to learn from, {LEAST} are needed")
    gaps = [each.strong - each.weak for each in outcomes]
    mean = sum(gaps) / len(gaps)
    tasks = _task_gaps(outcomes, gaps, mean)
    counted = [_counted(each.prompt, places) for each in outcomes]
    seen: Counter[int] = Counter(place for row in counted for place in row)
    rarity = {
        place: math.log((1 + len(counted)) / (1 + count)) + 1 for place, count in seen.items() if count > 1
    }
    rows = [_weighed(row, rarity) for row in counted]
    rest = [gap - mean - tasks.get(each.task, 0.0) for gap, each in zip(gaps, outcomes, strict=True)]
    weights = _ridge(rows, rest, ridge)
    model = GapModel(len(outcomes), mean, rarity, weights, tasks, ())
    raw = sorted(model.raw(each.prompt, each.task) for each in outcomes)
    ranks = tuple(raw[round(index * (len(raw) - 1) / 100)] for index in range(101))
    return GapModel(len(outcomes), mean, rarity, weights, tasks, ranks)


def _task_gaps(outcomes: Sequence[Outcome], gaps: Sequence[float], mean: float) -> dict[str, float]:
    """How much more or less than the mean each task gains, drawn to the mean where there are few."""
    totals: dict[str, tuple[int, float]] = {}
    for each, gap in zip(outcomes, gaps, strict=True):
        count, total = totals.get(each.task, (0, 0.0))
        totals[each.task] = count + 1, total + gap - mean
    return {task: total / (count + TASK_PRIOR) for task, (count, total) in totals.items()}


def _counted(prompt: str, places: int = PLACES) -> Row:
    """Places of the words of a prompt, and how often each occurs; signs keep collisions from adding up."""
    words = _WORD.findall(prompt[: LOOKED_AT_WORDS * 12].lower())[:LOOKED_AT_WORDS]
    row: Row = {}
    for word in words:
        number = zlib.crc32(word.encode("utf-8", "surrogatepass"))
        place = number % places
        row[place] = row.get(place, 0.0) + (1.0 if number & 0x80000000 else -1.0)
    return row


def _weighed(row: Row, rarity: dict[int, float]) -> Row:
    """The row with rare words counting more, of length 1; words that were never seen are left out."""
    weighed = {
        place: math.copysign(1 + math.log(max(1.0, abs(count))), count) * rarity[place]
        for place, count in row.items()
        if count and place in rarity
    }
    length = math.sqrt(sum(value * value for value in weighed.values())) or 1.0
    return {place: value / length for place, value in weighed.items()}


def _ridge(rows: Sequence[Row], wanted: Sequence[float], penalty: float) -> dict[int, float]:
    """Weights that come nearest to what is wanted, by conjugate gradients on the normal equations.

    Source: Golub, Van Loan, Matrix Computations, 4th edition, section 11.3
    """
    packed = [(tuple(row), tuple(row.values())) for row in rows]

    def transposed(values: Sequence[float]) -> dict[int, float]:
        total: dict[int, float] = {}
        for (places, numbers), value in zip(packed, values, strict=True):
            if value:
                for place, number in zip(places, numbers, strict=True):
                    total[place] = total.get(place, 0.0) + number * value
        return total

    def applied(vector: dict[int, float]) -> dict[int, float]:
        get = vector.get
        products = [
            sum(number * get(place, 0.0) for place, number in zip(places, numbers, strict=True))
            for places, numbers in packed
        ]
        result = transposed(products)
        for place, value in vector.items():
            result[place] = result.get(place, 0.0) + penalty * value
        return result

    residual = transposed(wanted)
    direction = dict(residual)
    weights: dict[int, float] = dict.fromkeys(residual, 0.0)
    size = sum(value * value for value in residual.values())
    for _ in range(STEPS):
        if size < 1e-9:
            break
        moved = applied(direction)
        step = size / sum(direction[place] * moved.get(place, 0.0) for place in direction)
        for place, value in direction.items():
            weights[place] += step * value
        for place, value in moved.items():
            residual[place] = residual.get(place, 0.0) - step * value
        new = sum(value * value for value in residual.values())
        turn = new / size
        direction = {place: value + turn * direction.get(place, 0.0) for place, value in residual.items()}
        for place in direction:
            weights.setdefault(place, 0.0)
        size = new
    return weights


def write_model(model: GapModel, *, made_at: str, source: str) -> str:
    """The model as JSON of some hundred kilobytes. It holds no word of any prompt, but names of tasks."""
    document = {
        "format": FORMAT,
        "made_at": made_at,
        "source": source,
        "n": model.n,
        "mean": round(model.mean, 5),
        "tasks": {task: round(value, 5) for task, value in sorted(model.tasks.items())},
        "places": {
            str(place): [round(model.rarity[place], 3), round(model.weights.get(place, 0.0), 5)]
            for place in sorted(model.rarity)
        },
        "ranks": [round(value, 5) for value in model.ranks],
    }
    return json.dumps(document, ensure_ascii=False)


def read_model(text: str) -> GapModel:
    """The model of a document that `write_model` made.

    Raises:
        ValueError: if it is none, or of another format.
    """
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise ValueError(f"its format is {document['format']}, {FORMAT} was expected")
        places = {int(place): (float(pair[0]), float(pair[1])) for place, pair in document["places"].items()}
        return GapModel(
            n=int(document["n"]),
            mean=float(document["mean"]),
            rarity={place: pair[0] for place, pair in places.items()},
            weights={place: pair[1] for place, pair in places.items()},
            tasks={str(task): float(value) for task, value in document["tasks"].items()},
            ranks=tuple(float(value) for value in document["ranks"]),
        )
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"it is no model of gaps: {error!r}") from None
