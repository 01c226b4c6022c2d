"""What every index of chunks can do: the word index, the vectors, and adapters of other vector stores.

An index is derived from the database and keeps its entries in shelves, one for each set of readers. A search
opens only the shelves that its caller may read, so forbidden documents move neither counts nor order nor
scores. There is no search without a caller.

How it is used. Taking in: `replace`. Removing: `remove`; for an erasure `compact` after it, because until
then the bytes of removed entries may still stand in the files. Other readers: `refile`, which neither parses
nor embeds. At start: `check`; if it names anything, `mend`, then `replace` for every document that
`Mended.lost` answers True for, or `reset` and all of them.

Not promised: that a query sees one moment of several shelves, or that two processes may write at once
(the home's lock lets one).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from inhouse.kernel.caller import Caller, Readers

if TYPE_CHECKING:
    import numpy

    Vector = numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.float32]]

__all__ = [
    "Counts",
    "EmbeddingModel",
    "Index",
    "Mended",
    "VectorEntry",
    "VectorHit",
    "VectorIndex",
    "VectorPlace",
    "shelf_name",
    "text_sha",
]

EntryT = TypeVar("EntryT")
EntryT_contra = TypeVar("EntryT_contra", contravariant=True)
QueryT_contra = TypeVar("QueryT_contra", contravariant=True)
HitT_co = TypeVar("HitT_co", covariant=True)

Filed = tuple[str, Readers, Sequence[EntryT]]
"""A document's id, who may read it, and all of its entries; none means that it has none."""


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """What made the vectors. Another name, dimension or engine is another index: vectors never mix."""

    name: str
    dimension: int
    engine: str


@dataclass(frozen=True, slots=True, eq=False)
class VectorEntry:
    """The vector of one chunk; `text_sha` (see `text_sha`) says of which text."""

    document_id: str
    ordinal: int
    text_sha: str
    vector: Vector


@dataclass(frozen=True, slots=True)
class VectorHit:
    """A chunk near the query: the cosine of the angle, -1 to 1; higher is nearer."""

    document_id: str
    ordinal: int
    score: float


@dataclass(frozen=True, slots=True)
class Counts:
    """What stands in the files. `deleted` entries are found by nobody, but `compact` has not dropped them."""

    documents: int
    entries: int
    deleted: int
    shelves: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Mended:
    """What was thrown away as damaged and must be put in again: some documents, whole shelves, or all."""

    document_ids: frozenset[str] = frozenset()
    shelves: frozenset[str] = frozenset()
    everything: bool = False

    def lost(self, document_id: str, readers: Readers) -> bool:
        """True when this document must be put in again."""
        return self.everything or document_id in self.document_ids or shelf_name(readers) in self.shelves


class Index(Protocol[EntryT_contra, QueryT_contra, HitT_co]):
    """An index of chunks behind access rules. Durable when a writing method returns; writes take turns."""

    def replace(self, documents: Sequence[Filed[EntryT_contra]]) -> None:
        """Put the entries of these documents in place of all earlier ones, on whatever shelf those were."""
        ...

    def remove(self, document_ids: Sequence[str]) -> None:
        """Forget these documents; no error for unknown ones."""
        ...

    def refile(self, document_ids: Sequence[str], readers: Readers) -> None:
        """Move what is known of these documents to the shelf of other readers; no error for unknown ones."""
        ...

    def search(
        self, caller: Caller, query: QueryT_contra, *, limit: int, within: Sequence[str] | None = None
    ) -> Sequence[HitT_co]:
        """The best entries that the caller may read, at most `limit`.

        `within` names the only documents to look at; None is all, an empty list finds nothing.
        """
        ...

    def count(self, caller: Caller) -> int:
        """How many entries the caller could find."""
        ...

    def counts(self) -> Counts:
        """How much there is, on all shelves; for the owner of the house only."""
        ...

    def entries(self) -> Iterator[tuple[str, int]]:
        """Every (document_id, ordinal) on all shelves, in no order; for comparing with the database."""
        ...

    def check(self) -> list[str]:
        """What is wrong with the files, in words; empty when all is well."""
        ...

    def mend(self) -> Mended:
        """Throw away what `check` names, keep the rest; say what must be put in again."""
        ...

    def compact(self) -> int:
        """Rewrite every shelf that holds deleted entries, so that no byte of theirs is left; how many."""
        ...

    def reset(self) -> None:
        """Empty the index, for a rebuild from the database."""
        ...


class VectorIndex(Index[VectorEntry, "Vector", VectorHit], Protocol):
    """An index of vectors of one model; `search` gives the best of all shelves in one order."""

    @property
    def model(self) -> EmbeddingModel:
        """What made the vectors."""
        ...

    def score(
        self, caller: Caller, query: Vector, chunks: Sequence[tuple[str, int]]
    ) -> dict[tuple[str, int], float]:
        """The cosine of these (document_id, ordinal), without those that have no vector for the caller."""
        ...

    def held(self, document_ids: Sequence[str]) -> list[VectorEntry]:
        """What is kept of these documents, so that an unchanged text is not embedded again."""
        ...

    def documents(self) -> set[str]:
        """Every document that has a vector."""
        ...


class VectorPlace(Protocol):
    """Where vectors are kept, of one model or of several while one takes over from another."""

    def of(self, model: EmbeddingModel) -> VectorIndex:
        """The vectors of a model, there already or still to come."""
        ...

    def stored(self) -> list[EmbeddingModel]:
        """The models of which there are vectors."""
        ...

    def drop(self, model: EmbeddingModel) -> None:
        """Remove every vector of a model."""
        ...


def shelf_name(readers: Readers) -> str:
    """The folder or collection of a set of readers: 16 hex digits, equal for equal sets."""
    return hashlib.sha256("\n".join(sorted(readers)).encode()).hexdigest()[:16]


def text_sha(text: str) -> str:
    """Which text a vector was made of: 32 hex digits of its SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
