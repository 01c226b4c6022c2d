"""What the conformance suite asks of every index, in one language: pieces about topics.

A piece becomes a text with the topic's word for the word index, and a vector near the topic's direction for
the vectors. `Brute` is the reference: everything in a list, sorted for each question.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from inhouse.kernel.caller import EVERYONE, Caller, Readers, may_read
from inhouse.knowledge.edge.lexical import Entry, Lexical, analyzer
from inhouse.knowledge.edge.vectors import Vectors, unit
from inhouse.knowledge.index import (
    Counts,
    EmbeddingModel,
    Filed,
    Index,
    Mended,
    VectorEntry,
    VectorHit,
    text_sha,
)

DIMENSION = 24
MODEL = EmbeddingModel("test-embedder", DIMENSION, "none")
ALL: Readers = frozenset({EVERYONE})
BOSSES: Readers = frozenset({"bosses"})
NOBODY: Readers = frozenset()
ANYBODY = Caller()
BOSS = Caller("boss", frozenset({EVERYONE, "bosses"}))
AnyIndex = Index[Any, Any, Any]  # Any: the suite hands each index its own kind of entry and query


@dataclass(frozen=True, slots=True)
class Subject:
    """An index under test: how it is opened, and how a piece and a question look to it."""

    name: str
    open: Callable[[Path], AnyIndex]
    entry: Callable[[str, int, int], object]
    query: Callable[[int], object]
    exact: bool = True
    kept: bool = True  # what was put in is there after the process ended
    own_files: bool = True  # damage of any file is found; other processes read while one writes
    words: bool = False


def documents(
    subject: Subject,
    count: int,
    *,
    readers: Readers = ALL,
    topic: int = 0,
    prefix: str = "d",
    pieces: int = 2,
) -> list[Filed[Any]]:  # Any: as `AnyIndex`
    """`count` documents of some pieces each, about one topic."""
    return [
        (
            f"{prefix}{number}",
            readers,
            [subject.entry(f"{prefix}{number}", ordinal, topic) for ordinal in range(pieces)],
        )
        for number in range(count)
    ]


def found(
    subject: Subject,
    index: AnyIndex,
    caller: Caller = ANYBODY,
    *,
    topic: int = 0,
    limit: int = 1_000,
    within: Sequence[str] | None = None,
) -> list[str]:
    """The documents of the hits, best first. An index of vectors finds other topics, too, but later."""
    hits = index.search(caller, subject.query(topic), limit=limit, within=within)
    return list(dict.fromkeys(hit.document_id for hit in hits))


def scored(index: AnyIndex, caller: Caller, query: object, limit: int) -> list[tuple[str, int, float]]:
    """The hits with their scores."""
    return [(h.document_id, h.ordinal, h.score) for h in index.search(caller, query, limit=limit)]


def words_of(document_id: str, ordinal: int, topic: int) -> str:
    """A text about a topic; its length differs from piece to piece, and so does its score."""
    seed = sum(document_id.encode()) + ordinal
    return f"предмет{topic} тайна{document_id} " + " ".join(f"слово{(seed * 7 + n) % 50}" for n in range(9))


@functools.cache
def direction(seed: str, *, spread: float, topic: int) -> NDArray[numpy.float32]:
    """A unit vector near the topic's, always the same one for equal arguments."""
    centre = numpy.random.default_rng(topic).standard_normal(DIMENSION)
    number = int.from_bytes(text_sha(seed)[:12].encode(), "little")
    noise = numpy.random.default_rng(number).standard_normal(DIMENSION)
    return unit((centre + spread * noise).astype(numpy.float32), DIMENSION)


def word_entry(document_id: str, ordinal: int, topic: int) -> Entry:
    """A piece for the word index."""
    return Entry(document_id, ordinal, "", "", words_of(document_id, ordinal, topic))


def vector_entry(document_id: str, ordinal: int, topic: int) -> VectorEntry:
    """A piece for an index of vectors."""
    words = words_of(document_id, ordinal, topic)
    return VectorEntry(document_id, ordinal, text_sha(words), direction(words, spread=0.4, topic=topic))


def word_query(topic: int) -> list[str]:
    """A question about a topic, in stems."""
    return analyzer()(f"предмет{topic}")


def vector_query(topic: int) -> NDArray[numpy.float32]:
    """A question about a topic, as a vector."""
    return direction("question", spread=0.1, topic=topic)


class Brute:
    """The reference: no files, no shelves, no cleverness."""

    model = MODEL

    def __init__(self, _root: Path) -> None:
        self._kept: dict[str, tuple[Readers, list[VectorEntry]]] = {}

    def replace(self, documents: Sequence[Filed[VectorEntry]]) -> None:
        for document_id, readers, entries in documents:
            self._kept.pop(document_id, None)
            if entries:
                self._kept[document_id] = (readers, list(entries))

    def remove(self, document_ids: Sequence[str]) -> None:
        for document_id in document_ids:
            self._kept.pop(document_id, None)

    def refile(self, document_ids: Sequence[str], readers: Readers) -> None:
        for document_id in set(document_ids) & set(self._kept):
            self._kept[document_id] = (readers, self._kept[document_id][1])

    def search(
        self,
        caller: Caller,
        query: NDArray[numpy.float32],
        *,
        limit: int,
        within: Sequence[str] | None = None,
    ) -> list[VectorHit]:
        hits = [
            VectorHit(entry.document_id, entry.ordinal, float(entry.vector @ query))
            for document_id, (readers, entries) in self._kept.items()
            if may_read(caller, readers) and (within is None or document_id in within)
            for entry in entries
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.document_id, hit.ordinal))[:limit]

    def count(self, caller: Caller) -> int:
        return sum(len(entries) for readers, entries in self._kept.values() if may_read(caller, readers))

    def counts(self) -> Counts:
        shelves = {readers for readers, _ in self._kept.values()}
        return Counts(len(self._kept), len(list(self.entries())), 0, len(shelves), 0)

    def entries(self) -> Iterator[tuple[str, int]]:
        for document_id, (_, entries) in self._kept.items():
            for entry in entries:
                yield document_id, entry.ordinal

    def check(self) -> list[str]:
        return []

    def mend(self) -> Mended:
        return Mended()

    def compact(self) -> int:
        return 0

    def reset(self) -> None:
        self._kept.clear()


LEXICAL = Subject("lexical", Lexical, word_entry, word_query, words=True)
VECTORS = Subject("vectors", lambda root: Vectors(root, MODEL), vector_entry, vector_query)
BRUTE = Subject("brute", Brute, vector_entry, vector_query, kept=False, own_files=False)


def _chroma(root: Path) -> AnyIndex:
    from inhouse.knowledge.edge.chroma import ChromaStore

    return ChromaStore(folder=root).of(MODEL)


CHROMA = Subject("chroma", _chroma, vector_entry, vector_query, exact=False, own_files=False)
SUBJECTS = [LEXICAL, VECTORS, BRUTE] + ([CHROMA] if importlib.util.find_spec("chromadb") else [])
"""Chroma is asked where it is installed: 300 MB that nobody else needs, and the tests skip nothing silently:
the names of the tests that ran say which indexes they ran on."""
