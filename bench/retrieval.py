"""Retrieval without a model: XQuAD paragraphs among a handbook and Russian manuals, all through ingest.

Prints R@1, R@5 and nDCG@10 of the document of the best passage per language, next to the index's own
order on the same candidates, and the time of a search.

    python -m bench.retrieval [DATA_FOLDER]
"""

from __future__ import annotations

import asyncio
import math
import tempfile
import time
from pathlib import Path

from bench.house import Asked, data_folder, fresh_house, interval, percentile, write_xquad
from inhouse.kernel.caller import Caller
from inhouse.knowledge.edge.lexical import Lexical, analyzer
from inhouse.knowledge.edge.retrieve import CANDIDATES
from inhouse.knowledge.words import Vocabulary, read_question
from inhouse.serve.parts import Parts

CALLER = Caller()


async def main() -> None:
    data = data_folder()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asked = write_xquad(data, folder / "corpus")
        async with fresh_house(folder) as parts:
            assert parts.ingest is not None
            sources = [*sorted((folder / "corpus").iterdir()), data / "handbook", data / "ru"]
            started = time.perf_counter()
            for source in sources:
                await asyncio.to_thread(parts.ingest.run, [source])
            counts = parts.library.counts(CALLER)
            print(
                f"{counts.total} documents, {counts.chunks} chunks"
                f" ingested in {time.perf_counter() - started:.1f} s"
            )
            names = _names(parts)
            await _report(parts, asked)
            _report_index_order(folder / "home" / "state" / "index" / "lexical", asked, names)


async def _report(parts: Parts, asked: list[Asked]) -> None:
    times: list[float] = []
    used: list[float] = []
    ranks: dict[str, list[int]] = {"ru": [], "en": []}
    for one in asked:
        started, worked = time.perf_counter(), time.process_time()
        passages = await parts.search.search(CALLER, one.question, k=10)
        times.append((time.perf_counter() - started) * 1000)
        used.append((time.process_time() - worked) * 1000)
        order = list(dict.fromkeys((p.source, p.document) for p in passages))
        gold = (f"xquad-{one.language}", one.document)
        ranks[one.language].append(order.index(gold) if gold in order else 99)
    for language, found in ranks.items():
        gain = sum(1 / math.log2(rank + 2) for rank in found if rank < 10) / len(found)
        print(
            f"{language}: R@1 {interval([rank == 0 for rank in found])}"
            f"  R@5 {interval([rank < 5 for rank in found])}  nDCG@10 {gain:.3f}"
        )
    print(
        f"search: p50 {percentile(times, 0.5):.1f} ms, p95 {percentile(times, 0.95):.1f} ms,"
        f" max {max(times):.1f} ms, n={len(times)};"
        f" CPU p50 {percentile(used, 0.5):.1f} ms, p95 {percentile(used, 0.95):.1f} ms"
    )


def _report_index_order(root: Path, asked: list[Asked], names: dict[str, tuple[str, str]]) -> None:
    """The same questions in the order that the index itself gives."""
    lexical, stems = Lexical(root), analyzer()
    vocabulary = Vocabulary.of(stems)
    first: dict[str, list[bool]] = {"ru": [], "en": []}
    among: dict[str, list[bool]] = {"ru": [], "en": []}
    for one in asked:
        stems_asked = read_question(one.question, vocabulary).content
        hits = lexical.search(CALLER, stems_asked, limit=CANDIDATES)
        found = [names[hit.document_id] for hit in hits]
        gold = (f"xquad-{one.language}", one.document)
        first[one.language].append(found[:1] == [gold])
        among[one.language].append(gold in found)
    for language in ("ru", "en"):
        print(
            f"{language}: in the index's own order R@1 {interval(first[language])},"
            f" among its first {CANDIDATES} {interval(among[language])}"
        )


def _names(parts: Parts) -> dict[str, tuple[str, str]]:
    listed = parts.library.list(CALLER, limit=100_000)
    return {one.document_id: (one.source, one.document) for one in listed.documents}


if __name__ == "__main__":
    asyncio.run(main())
