"""The indexes at size: 100,000 chunks behind access rules, or a million.

    python -m bench.scale [CHUNKS] [--million]

Text of made-up words, two thirds Russian, with the frequencies of a language (Zipf); vectors of 384 numbers
in clusters. Callers may read 1 %, 20 % and 100 %. Prints for each: p50 and p95 of the word index, of exact
vectors, and of both one after the other with their scores joined (what the legs of a search cost, without
ranking and the database); recall of the vectors against one plain product of all readable rows; leaks; then
the first query after a write, build time, sizes and resident memory. Seeds are fixed.
"""

from __future__ import annotations

import itertools
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy
from numpy.typing import NDArray

from bench.house import percentile
from inhouse.kernel.caller import EVERYONE, Caller, Readers
from inhouse.knowledge.edge.lexical import Entry, Lexical, analyzer
from inhouse.knowledge.edge.vectors import Vectors
from inhouse.knowledge.index import EmbeddingModel, VectorEntry, text_sha

DIMENSION = 384
PIECES = 10  # chunks of a document
WORDS_PER_CHUNK = 90
BATCH_DOCUMENTS = 64  # as the ingest writes
QUERIES = 200
LIMIT = 60  # candidates of each leg, as retrieval asks
CLUSTERS = 400
MODEL = EmbeddingModel("synthetic", DIMENSION, "bench")
SHARES = {"1 %": 0.01, "20 %": 0.20, "100 %": 1.0}
SMALL: Readers = frozenset({"board"})
MIDDLE: Readers = frozenset({"sales"})
REST: Readers = frozenset({"works"})
CALLERS = {
    "1 %": Caller("a", frozenset({EVERYONE, "board"})),
    "20 %": Caller("b", frozenset({EVERYONE, "board", "sales"})),
    "100 %": Caller("c", frozenset({EVERYONE, "board", "sales", "works"})),
}
Floats = NDArray[numpy.float32]


@dataclass(frozen=True, slots=True)
class Built:
    """The filled indexes, the rows as they were given, and who may read each document."""

    lexical: Lexical
    vectors: Vectors
    rows: Floats
    readers: list[Readers]
    vocabulary: list[str]
    centres: Floats


def readers_of(document: int) -> Readers:
    """1 % of the documents for the board, 19 % for sales, the rest for the works."""
    place = (document * 37) % 100
    return SMALL if place == 0 else MIDDLE if place < 20 else REST


def vocabulary() -> list[str]:
    """30,000 made-up words, two thirds in Cyrillic; the first are the most frequent."""
    draw = numpy.random.default_rng(1)
    syllables = {
        "ru": [a + b for a in "бвгдклмнпрст" for b in "аеиоуы"],
        "en": [a + b for a in "bcdfglmnprst" for b in "aeiou"],
    }
    words: dict[str, None] = {}
    for number in itertools.count():
        kind = syllables["en" if number % 3 == 2 else "ru"]
        words["".join(draw.choice(kind, size=draw.integers(2, 5)))] = None
        if len(words) == 30_000:
            return list(words)
    raise AssertionError("unreachable")


def texts(words: list[str], count: int) -> Iterator[str]:
    """Endless prose without sense; rank decides frequency."""
    draw = numpy.random.default_rng(2)
    weights = 1.0 / numpy.arange(3, len(words) + 3)
    cumulated = numpy.cumsum(weights / weights.sum())
    for at in range(0, count, 1_000):
        picks = numpy.searchsorted(cumulated, draw.random((min(1_000, count - at), WORDS_PER_CHUNK)))
        for row in numpy.minimum(picks, len(words) - 1):
            yield " ".join(words[one] for one in row)


def build(root: Path, chunks: int) -> Built:
    """Fill both indexes in batches, as an ingest does."""
    draw = numpy.random.default_rng(3)
    centres = draw.standard_normal((CLUSTERS, DIMENSION), dtype=numpy.float32)
    rows = numpy.empty((chunks, DIMENSION), numpy.float32)
    for at in range(0, chunks, 50_000):
        part = rows[at : at + 50_000]
        part[:] = centres[draw.integers(0, CLUSTERS, len(part))]
        part += 0.8 * draw.standard_normal(part.shape, dtype=numpy.float32)
        part /= numpy.linalg.norm(part, axis=1, keepdims=True)
    words = vocabulary()
    lexical, vectors = Lexical(root / "lexical"), Vectors(root / "vectors", MODEL)
    readers = [readers_of(number) for number in range(chunks // PIECES)]
    spent = {"text": 0.0, "lexical": 0.0, "vectors": 0.0}
    sha = text_sha("")
    written = texts(words, chunks)
    # A million in batches of an ingest takes most of an hour of commits, which is not what is asked here.
    step = BATCH_DOCUMENTS if chunks <= 200_000 else 64 * BATCH_DOCUMENTS
    for at in range(0, len(readers), step):
        started = time.perf_counter()
        batch = range(at, min(at + step, len(readers)))
        names = {number: f"document-{number:07d}" for number in batch}
        entries = [
            (name, readers[n], [Entry(name, o, "", "", next(written)) for o in range(PIECES)])
            for n, name in names.items()
        ]
        near = [
            (name, readers[n], [VectorEntry(name, o, sha, rows[n * PIECES + o]) for o in range(PIECES)])
            for n, name in names.items()
        ]
        middle = time.perf_counter()
        lexical.replace(entries)
        later = time.perf_counter()
        vectors.replace(near)
        spent["text"] += middle - started
        spent["lexical"] += later - middle
        spent["vectors"] += time.perf_counter() - later
    for name, index in (("lexical", lexical), ("vectors", vectors)):
        size = index.counts().size_bytes / 1e6
        print(f"build {name}: {spent[name]:.1f} s, {chunks / spent[name]:,.0f} chunks/s, {size:,.0f} MB")
    return Built(lexical, vectors, rows, readers, words, centres)


def timed(ask: Callable[[int], object], count: int) -> str:
    """p50 and p95 in milliseconds."""
    taken = []
    for number in range(count):
        started = time.perf_counter()
        ask(number)
        taken.append((time.perf_counter() - started) * 1e3)
    return f"p50 {statistics.median(taken):6.1f}  p95 {percentile(taken, 0.95):6.1f} ms  n={count}"


def questions(built: Built) -> tuple[list[list[str]], Floats]:
    """Stems of 4-9 words, frequent and rare, and vectors near the clusters."""
    draw, stems = numpy.random.default_rng(4), analyzer()
    asked = []
    for _ in range(QUERIES):
        ranks = numpy.minimum(draw.zipf(1.3, draw.integers(4, 10)) + 20, len(built.vocabulary) - 1)
        asked.append(stems(" ".join(built.vocabulary[rank] for rank in ranks)))
    near = built.centres[draw.integers(0, CLUSTERS, QUERIES)]
    near = near + 0.8 * draw.standard_normal(near.shape, dtype=numpy.float32)
    return asked, near.astype(numpy.float32)


def report(built: Built) -> None:
    """One block for each caller."""
    asked, near = questions(built)
    lexical, vectors = built.lexical, built.vectors

    def hybrid(caller: Caller, number: int) -> None:
        hits = lexical.search(caller, asked[number], limit=LIMIT)
        lexical.frequencies(caller, asked[number])
        vectors.search(caller, near[number], limit=LIMIT)
        vectors.score(caller, near[number], [(hit.document_id, hit.ordinal) for hit in hits])

    for share, caller in CALLERS.items():
        lexical.search(caller, asked[0], limit=LIMIT)
        vectors.search(caller, near[0], limit=LIMIT)
        print(f"--- readable: {share} ({lexical.count(caller):,} of {len(built.rows):,} chunks)")

        def words(number: int, who: Caller = caller) -> None:
            lexical.search(who, asked[number], limit=LIMIT)
            lexical.frequencies(who, asked[number])

        def exact(number: int, who: Caller = caller) -> None:
            vectors.search(who, near[number], limit=LIMIT)

        def both(number: int, who: Caller = caller) -> None:
            hybrid(who, number)

        print(f"lexical {timed(words, QUERIES)}")
        print(f"vectors {timed(exact, QUERIES)}")
        print(f"hybrid  {timed(both, QUERIES)}")
        recall, leaks = truth(built, caller, asked, near)
        print(f"recall@{LIMIT} of vectors {recall:.4f} n={QUERIES}; leaks {leaks} in n={2 * QUERIES} answers")


def truth(built: Built, caller: Caller, asked: list[list[str]], near: Floats) -> tuple[float, int]:
    """Recall against a plain product of the readable rows, and hits that the caller may not read."""
    allowed = [bool(caller.groups & readers) for readers in built.readers]
    rows = numpy.flatnonzero(numpy.repeat(numpy.array(allowed), PIECES))
    hit = wanted = leaks = 0
    best = numpy.full((QUERIES, LIMIT), -numpy.inf, numpy.float32)
    for at in range(0, len(rows), 50_000):
        scores = (built.rows[rows[at : at + 50_000]] @ near.T).T / numpy.linalg.norm(near, axis=1)[:, None]
        best = numpy.sort(numpy.concatenate((best, scores), axis=1), axis=1)[:, -LIMIT:]
    for number in range(QUERIES):
        found = built.vectors.search(caller, near[number], limit=LIMIT)
        words = built.lexical.search(caller, asked[number], limit=LIMIT)
        names = [one.document_id for one in found] + [one.document_id for one in words]
        leaks += sum(not allowed[int(name.rsplit("-", 1)[1])] for name in names)
        worst = best[number][numpy.isfinite(best[number])][0]
        hit += sum(one.score >= worst - 1e-5 for one in found)
        wanted += int(numpy.isfinite(best[number]).sum())
    return hit / wanted, leaks


def after_writes(built: Built) -> None:
    """The first query after a write, in the writing process and in one that only reads; then a removal."""
    caller = CALLERS["100 %"]
    asked, near = questions(built)
    folder = built.lexical._shelves.root.parent
    readers = (Lexical(folder / "lexical"), Vectors(folder / "vectors", MODEL))
    sha = text_sha("")
    firsts: dict[str, list[float]] = {}
    usual: dict[str, list[float]] = {}
    for number in range(20):
        name = f"document-{number:07d}"
        group = built.readers[number]
        built.lexical.replace([(name, group, [Entry(name, 0, "", "", "новое слово")])])
        built.vectors.replace([(name, group, [VectorEntry(name, 0, sha, built.rows[number])])])
        for label, lexical, vectors in (
            ("writer", built.lexical, built.vectors),
            ("reader", *readers),
        ):
            for kept in (firsts, usual):
                started = time.perf_counter()
                lexical.search(caller, asked[number], limit=LIMIT)
                middle = time.perf_counter()
                vectors.search(caller, near[number], limit=LIMIT)
                kept.setdefault(f"{label} lexical", []).append((middle - started) * 1e3)
                kept.setdefault(f"{label} vectors", []).append((time.perf_counter() - middle) * 1e3)
    for label, times in firsts.items():
        later = [max(a - b, 0.0) for a, b in zip(times[1:], usual[label][1:], strict=True)]
        print(
            f"first query after a write, {label}: {statistics.median(times[1:]):.1f} ms,"
            f" slower than the next by p50 {statistics.median(later):.1f} max {max(later):.1f} ms"
            f" n={len(later)}"
        )
    for label, index in (("lexical", built.lexical), ("vectors", built.vectors)):
        started = time.perf_counter()
        index.remove([f"document-{number:07d}" for number in range(100, 110)])
        removed = time.perf_counter()
        shelves = index.compact()
        print(
            f"{label}: 10 documents removed in {(removed - started) * 1e3:.0f} ms,"
            f" {shelves} shelves compacted in {time.perf_counter() - removed:.1f} s"
        )


def main() -> None:
    """Build, ask, print."""
    million = "--million" in sys.argv
    given = [int(one) for one in sys.argv[1:] if one.isdigit()]
    chunks = 1_000_000 if million else given[0] if given else 100_000
    print(f"{chunks:,} chunks, {DIMENSION} dimensions, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        built = build(Path(folder), chunks)
        report(built)
        after_writes(built)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        own = built.rows.nbytes / 1e6
        print(f"peak RSS {peak:,.0f} MB, {own:,.0f} MB of it the rows that answers are checked against")
        started = time.perf_counter()
        wrong = built.lexical.check() + built.vectors.check()
        print(f"check of every file: {time.perf_counter() - started:.1f} s, {len(wrong)} wrong")


if __name__ == "__main__":
    main()
