"""Fits the gate's curve on XQuAD, and says how a curve fitted on one half does on the other.

Each question is asked with its paragraph and without it (its chunks are taken out of the candidates). The
curve is fitted on one language and tried on the other, and fitted on every second paragraph and tried on the
rest; for each the share of near misses refused at 85 % answered is printed, and the answered at 85 % refused.
At the end the weights for `knowledge/gate.py`, from everything.

    python -m bench.fit_gate [DATA_FOLDER]
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.house import Asked, data_folder, fresh_house, write_xquad
from inhouse.kernel.caller import Caller
from inhouse.knowledge.edge.lexical import Lexical, analyzer
from inhouse.knowledge.edge.retrieve import CANDIDATES, MEAN_CHUNK_STEMS
from inhouse.knowledge.gate import features
from inhouse.knowledge.inquiry import rank_inquiry, read_inquiry
from inhouse.knowledge.rank import Candidate
from inhouse.knowledge.thesaurus import office_expansions
from inhouse.knowledge.words import Vocabulary
from inhouse.serve.parts import Parts

CALLER = Caller()
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Row:
    """One question, with or without its paragraph; no `seen` when nothing at all was found."""

    language: str
    paragraph: int
    answerable: bool
    seen: tuple[float, ...] | None


async def main() -> None:
    data = data_folder()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asked = write_xquad(data, folder / "corpus")
        async with fresh_house(folder) as parts:
            assert parts.ingest is not None
            for source in (*sorted((folder / "corpus").iterdir()), data / "handbook", data / "ru"):
                await asyncio.to_thread(parts.ingest.run, [source])
            names = _names(parts)
            lexical = Lexical(folder / "home" / "state" / "index" / "lexical")
            rows = [row for one in asked for row in _rows(one, lexical, names)]
    _report([row for row in rows if row.seen is not None])


def _rows(asked: Asked, lexical: Lexical, names: dict[str, tuple[str, str]]) -> list[Row]:
    stems = analyzer()
    vocabulary = Vocabulary.of(stems)
    inquiry = read_inquiry(asked.question, vocabulary, earlier="", expansions=_EXPANSIONS)
    wanted = [*inquiry.stems, *inquiry.others]
    hits = lexical.search(CALLER, wanted, limit=CANDIDATES)
    frequencies = lexical.frequencies(CALLER, wanted)
    candidates = [
        Candidate(
            hit.document_id, hit.ordinal, stems(hit.body), frozenset(stems(f"{hit.context} {hit.title}"))
        )
        for hit in hits
    ]
    ranking = rank_inquiry(
        inquiry,
        candidates,
        chunks=frequencies.chunks,
        chunks_with=frequencies.of_stem,
        mean_length=MEAN_CHUNK_STEMS,
    )
    gold = (f"xquad-{asked.language}", asked.document)
    ids = {one.document_id for one in candidates}
    rows = []
    for answerable in (True, False):
        kept = ranking.among(ids if answerable else {each for each in ids if names[each] != gold})
        question, weights = kept.asked[0]
        order = kept.orders[0]
        good = bool(order) and order[0].score > 0
        seen = features(question, order[0], weights.total) if good else None
        rows.append(Row(asked.language, int(asked.document[:4]), answerable, seen))
    return rows


def _report(rows: list[Row]) -> None:
    values = np.array([[*row.seen, 1.0] for row in rows if row.seen is not None])
    truth = np.array([row.answerable for row in rows], dtype=float)
    russian = np.array([row.language == "ru" for row in rows])
    odd = np.array([row.paragraph // 5 % 2 == 1 for row in rows])
    for name, tried in (("ru", russian), ("en", ~russian)):
        _say(
            f"{name}, fitted on the other language", values[tried] @ _fit(values, truth, ~tried), truth[tried]
        )
        scores = np.where(odd, values @ _fit(values, truth, ~odd), values @ _fit(values, truth, odd))
        _say(f"{name}, fitted on other paragraphs", scores[tried], truth[tried])
    whole = _fit(values, truth, np.ones(len(rows), dtype=bool))
    print("weights", [round(float(one), 2) for one in whole[:-1]], "bias", round(float(whole[-1]), 2))
    for name, tried in (("ru", russian), ("en", ~russian)):
        for least in (-0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3):
            strong = values[tried] @ whole >= least
            print(
                f"  {name} at {least:+.1f}: answered {strong[truth[tried] == 1].mean():.3f},"
                f" refused {1 - strong[truth[tried] == 0].mean():.3f}"
            )


def _say(name: str, scores: Floats, truth: Floats) -> None:
    good, bad = np.sort(scores[truth == 1]), np.sort(scores[truth == 0])
    refused = float((bad < good[int(0.15 * len(good))]).mean())
    answered = float((good >= bad[int(0.85 * len(bad))]).mean())
    print(
        f"{name}: refused {refused:.3f} at .85 answered,"
        f" answered {answered:.3f} at .85 refused, n={len(good)}"
    )


def _fit(values: Floats, truth: Floats, where: NDArray[np.bool_]) -> Floats:
    """Logistic regression by Newton's method, with a ridge of 1 on all but the bias."""
    inputs, outputs = values[where], truth[where]
    ridge = np.eye(inputs.shape[1])
    ridge[-1, -1] = 0.0
    weights = np.zeros(inputs.shape[1])
    for _ in range(40):
        likely = 1 / (1 + np.exp(-inputs @ weights))
        slope = inputs.T @ (likely - outputs) + ridge @ weights
        curve = (inputs * (likely * (1 - likely))[:, None]).T @ inputs + ridge
        weights = weights - np.linalg.solve(curve, slope)
    return weights


def _names(parts: Parts) -> dict[str, tuple[str, str]]:
    listed = parts.library.list(CALLER, limit=100_000)
    return {one.document_id: (one.source, one.document) for one in listed.documents}


_EXPANSIONS = office_expansions(analyzer())


if __name__ == "__main__":
    asyncio.run(main())
