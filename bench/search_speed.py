"""How long a search takes in a house of many documents: words alone, within a source, with vectors.

    python -m bench.search_speed [--documents 10000] [--queries 200]

The texts are made of common words, so every query has many candidates. The vectors are made up and stand in
this process: what an engine takes for the question's own vector comes on top.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy
from numpy.typing import NDArray
from sqlalchemy import insert

from inhouse.kernel.caller import EVERYONE, Caller
from inhouse.kernel.documents import Scope
from inhouse.knowledge.edge.lexical import Lexical
from inhouse.knowledge.edge.retrieve import Retrieve
from inhouse.knowledge.edge.tables import revisions
from inhouse.knowledge.edge.vectors import Vectors
from inhouse.knowledge.index import EmbeddingModel, VectorEntry, VectorHit, text_sha
from inhouse.knowledge.thesaurus import office_expansions
from inhouse.knowledge.words import STOP_WORDS, Language
from tests.knowledge.shelf import fill, open_database

DIMENSION = 384
BATCH = 1_000


class MadeUp:
    """A vector leg whose engine answers at once."""

    weight = 0.4

    def __init__(self, vectors: Vectors, dice: numpy.random.Generator) -> None:
        self._vectors = vectors
        self._dice = dice
        self._asked: NDArray[numpy.float32] = _some(dice)

    def ask(self, question: str, language: Language) -> MadeUp:
        self._asked = _some(self._dice)
        return self

    def near(self, caller: Caller, *, limit: int, within: Sequence[str] | None) -> Sequence[VectorHit]:
        return self._vectors.search(caller, self._asked, limit=limit, within=within)

    def score(self, caller: Caller, chunks: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], float]:
        return self._vectors.score(caller, self._asked, chunks)

    def counts_for(self, language: Language) -> bool:
        return True

    def assures(self, score: float, language: Language) -> bool:
        return False


def _some(dice: numpy.random.Generator) -> NDArray[numpy.float32]:
    return dice.standard_normal(DIMENSION).astype(numpy.float32)


def words_of(count: int, dice: random.Random) -> list[str]:
    letters = "оеаинтсрвлкмдпу"
    made = {"".join(dice.choice(letters) for _ in range(dice.randint(4, 9))) for _ in range(count)}
    return sorted(made - set(STOP_WORDS.split()))


def timed(search: Callable[[str], object], queries: Sequence[str]) -> str:
    """Wall time, and the CPU time of this thread, which a busy machine moves less."""
    took, used = [], []
    for query in queries:
        since, worked = time.perf_counter(), time.thread_time()
        search(query)
        took.append(1000 * (time.perf_counter() - since))
        used.append(1000 * (time.thread_time() - worked))
    parts = statistics.quantiles(took, n=20), statistics.quantiles(used, n=20)
    return (
        f"p50 {statistics.median(took):6.1f} ms, p95 {parts[0][18]:6.1f} ms;"
        f" CPU p50 {statistics.median(used):6.1f} ms, p95 {parts[1][18]:6.1f} ms (n = {len(took)})"
    )


def main() -> None:
    """Make the house and print the times."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=200)
    asked = parser.parse_args()
    dice = random.Random(4)
    vocabulary = words_of(6_000, dice)
    chances = [1 / (at + 1) for at in range(len(vocabulary))]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        database, lexical = open_database(root), Lexical(root / "lexical")
        vectors = Vectors(root / "vectors", EmbeddingModel("made-up", DIMENSION, ""))
        numbers = numpy.random.default_rng(4)
        for first in range(0, asked.documents, BATCH):
            texts = {
                f"s{at % 20}/{at}.md": " ".join(dice.choices(vocabulary, chances, k=120))
                for at in range(first, min(first + BATCH, asked.documents))
            }
            fill(database, lexical, texts)
            everyone = frozenset({EVERYONE})
            vectors.replace(
                [
                    (path, everyone, [VectorEntry(path, 0, text_sha(text), _some(numbers))])
                    for path, text in texts.items()
                ]
            )
        with database.write() as connection:
            connection.execute(insert(revisions).values(subject="documents", count=1))
        plain = Retrieve(database, lexical, common=office_expansions)
        both = Retrieve(database, lexical, common=office_expansions, vectors=MadeUp(vectors, numbers))
        queries = [" ".join(dice.choices(vocabulary, chances, k=6)) for _ in range(asked.queries)]
        caller, source = Caller(), Scope(sources=("s7",))
        print(f"{asked.documents:,} documents, one passage each")
        for name, search in (
            ("words", lambda query: plain.find(caller, query, k=10, scope=Scope())),
            ("words within a source", lambda query: plain.find(caller, query, k=10, scope=source)),
            ("words and vectors", lambda query: both.find(caller, query, k=10, scope=Scope())),
        ):
            timed(search, queries[:20])
            print(f"{name:24}{timed(search, queries)}")
        database.close()


if __name__ == "__main__":
    main()
