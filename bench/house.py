"""What the benchmarks share: the data folder, a fresh house without engines, and small statistics."""

from __future__ import annotations

import contextlib
import json
import math
import random
import statistics
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inhouse import compose
from inhouse.config import load, open_home
from inhouse.serve.parts import Parts

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
NO_ENGINES = {"INHOUSE_ENGINES_PROBE_LOCAL_PORTS": "false", "INHOUSE_ENGINES_EMBEDDED": "off"}


@dataclass(frozen=True, slots=True)
class Asked:
    """An XQuAD question, the file of the paragraph that answers it, and its language."""

    language: str
    document: str
    question: str


def data_folder() -> Path:
    """The first argument, or the data beside the checkout; ends the script when it is not there."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_DATA
    if not (folder / "xquad").is_dir():
        sys.exit(f"No data at {folder}. give it as the first argument")
    return folder


@contextlib.asynccontextmanager
async def fresh_house(folder: Path) -> AsyncIterator[Parts]:
    """A new home below `folder`, opened for writing, with no engine at all."""
    home = open_home(folder / "home")
    loaded = load(home.root, environment=NO_ENGINES, folder=folder)
    compose.start_logging(loaded, None, serving=False)
    async with compose.open_house(loaded, home, command="bench", writer=True) as house:
        yield house.parts


def write_xquad(data: Path, target: Path) -> list[Asked]:
    """One text file per paragraph below `target`, and the questions with the file that answers each."""
    asked: list[Asked] = []
    for language in ("ru", "en"):
        target_folder = target / f"xquad-{language}"
        target_folder.mkdir(parents=True)
        for number, paragraph in enumerate(_paragraphs(data / "xquad" / f"xquad.{language}.json")):
            name = f"{number:04d}.txt"
            (target_folder / name).write_text(paragraph["context"].lstrip("\ufeff"), "utf-8")
            asked += [Asked(language, name, qa["question"]) for qa in paragraph["qas"]]
    return asked


def question_file(path: Path) -> list[dict[str, Any]]:  # Any: rows of a JSON lines file
    """The rows of a question file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all values do not exceed."""
    return sorted(values)[min(len(values) - 1, math.ceil(share * len(values)) - 1)]


def interval(hits: Sequence[bool]) -> str:
    """Mean with a bootstrap 95 % interval (1,000 draws, fixed seed)."""
    draw = random.Random(1)
    means = sorted(statistics.fmean(draw.choices(hits, k=len(hits))) for _ in range(1000))
    return f"{statistics.fmean(hits):.3f} [{means[25]:.3f}–{means[974]:.3f}] n={len(hits)}"


def _paragraphs(path: Path) -> Iterator[dict[str, Any]]:
    for article in json.loads(path.read_text("utf-8"))["data"]:
        yield from article["paragraphs"]
