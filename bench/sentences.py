"""Sentences without a model: is the one that holds the answer first?

Every sentence of every document is a unit: XQuAD in both languages, a handbook and Russian manuals, all
through ingest. The product's way (search, then the sentences of its passages in order) beside plain BM25
over all sentences, in the same run.

    python -m bench.sentences [DATA_FOLDER]
"""

from __future__ import annotations

import asyncio
import json
import math
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.house import data_folder, fresh_house, interval, percentile, write_xquad
from inhouse.kernel.caller import Caller
from inhouse.kernel.documents import Scope
from inhouse.knowledge.blocks import read_blocks
from inhouse.knowledge.edge.lexical import analyzer
from inhouse.knowledge.edge.retrieve import Retrieve
from inhouse.knowledge.lines import rank_sentences
from inhouse.knowledge.sentences import sentence_spans
from inhouse.knowledge.words import Vocabulary, read_question
from inhouse.serve.parts import Parts

CALLER = Caller()
PASSAGES = 30
"""Passages whose sentences are ordered."""

Place = tuple[str, str, int, int]
"""Source, document, and the offsets of a sentence or of an answer."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An XQuAD question and where its answer stands."""

    language: str
    question: str
    place: Place


async def main() -> None:
    data = data_folder()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_xquad(data, folder / "corpus")
        wanted = [one for language in ("ru", "en") for one in _wanted(data, language)]
        async with fresh_house(folder) as parts:
            assert parts.ingest is not None
            for source in (*sorted((folder / "corpus").iterdir()), data / "handbook", data / "ru"):
                await asyncio.to_thread(parts.ingest.run, [source])
            _report("search, then its sentences", wanted, await _product(parts, wanted))
            plain = _Plain(parts)
            _report(f"plain BM25 over {plain.count:,} sentences", wanted, [plain.best(one) for one in wanted])


def _wanted(data: Path, language: str) -> list[Wanted]:
    found = []
    number = 0
    for article in json.loads((data / "xquad" / f"xquad.{language}.json").read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            cut = len(paragraph["context"]) - len(paragraph["context"].lstrip("\ufeff"))
            for each in paragraph["qas"]:
                answer = each["answers"][0]
                start = answer["answer_start"] - cut
                place = (f"xquad-{language}", f"{number:04d}.txt", start, start + len(answer["text"]))
                found.append(Wanted(language, each["question"], place))
            number += 1
    return found


async def _product(parts: Parts, wanted: Sequence[Wanted]) -> list[list[Place]]:
    retrieve = parts.search
    assert isinstance(retrieve, Retrieve)
    orders: list[list[Place]] = []
    times: list[float] = []
    for one in wanted:
        started = time.perf_counter()
        found = await asyncio.to_thread(retrieve.find, CALLER, one.question, k=PASSAGES, scope=Scope())
        ranked = rank_sentences(found.asked, found.passages, retrieve.vocabulary)
        times.append((time.perf_counter() - started) * 1000)
        orders.append([(s.passage.source, s.passage.document, s.line.start, s.line.end) for s in ranked[:10]])
    print(f"search and sentences: p50 {percentile(times, 0.5):.1f} ms, p95 {percentile(times, 0.95):.1f} ms")
    return orders


class _Plain:
    """Okapi BM25, k1 1.2, b .75, over the stems of every sentence by itself."""

    def __init__(self, parts: Parts) -> None:
        self._vocabulary = Vocabulary.of(analyzer())
        self._holding: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._places: list[Place] = []
        counts: list[Counter[str]] = []
        for document in parts.library.list(CALLER, limit=100_000).documents:
            text = parts.library.text(CALLER, document.document_id)
            for start, end in sentence_spans(text, read_blocks(text)):
                self._places.append((document.source, document.document, start, end))
                counts.append(Counter(self._vocabulary.stems(text[start:end])))
        usual = sum(each.total() for each in counts) / len(counts)
        for at, each in enumerate(counts):
            norm = 1.2 * (0.25 + 0.75 * each.total() / usual)
            for stem, n in each.items():
                self._holding[stem].append((at, n * 2.2 / (n + norm)))
        self.count = len(counts)

    def best(self, wanted: Wanted) -> list[Place]:
        scores: dict[int, float] = defaultdict(float)
        for stem in read_question(wanted.question, self._vocabulary).content:
            holding = self._holding.get(stem, ())
            rarity = math.log(1 + (self.count - len(holding) + 0.5) / (len(holding) + 0.5))
            for at, gain in holding:
                scores[at] += rarity * gain
        order = sorted(scores, key=lambda at: (-scores[at], at))
        return [self._places[at] for at in order[:10]]


def _report(name: str, wanted: Sequence[Wanted], orders: Sequence[Sequence[Place]]) -> None:
    for language in ("ru", "en"):
        ranks = [
            next((at for at, place in enumerate(order) if _holds(place, one.place)), 99)
            for one, order in zip(wanted, orders, strict=True)
            if one.language == language
        ]
        gain = sum(1 / math.log2(rank + 2) for rank in ranks if rank < 10) / len(ranks)
        print(
            f"{name}, {language}: nDCG@10 {gain:.3f}  R@1 {interval([rank == 0 for rank in ranks])}"
            f"  R@5 {interval([rank < 5 for rank in ranks])}"
        )


def _holds(sentence: Place, answer: Place) -> bool:
    """True when the answer begins in the sentence."""
    return sentence[:2] == answer[:2] and sentence[2] <= answer[2] < sentence[3]


if __name__ == "__main__":
    asyncio.run(main())
