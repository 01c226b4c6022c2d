"""Vectors in Chroma 1.5, in this process or on a server: one collection for each model and set of readers.

Collections are shelves here. Chroma could keep all in one and filter by metadata, but then its graph is
searched for everybody's neighbours and filtered after that, which loses what a caller may read (.947 of 20
neighbours found with a fifth readable), and forbidden documents would move what is found.

The graph is approximate: with the settings below recall is at least .97 in the conformance suite, not 1.0 as
in `vectors`. Vectors are always given, never made by Chroma; its telemetry is off. What this adapter cannot
do: find a flipped bit in the graph's files, which have no checksums; let a second process read an embedded
store while one writes. On a server, `compact` drops what was deleted from the collections, but the server's
own files shrink only by `chroma vacuum` there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from inhouse.kernel.caller import Caller, Readers, may_read
from inhouse.knowledge.edge.chroma_connection import (
    ChromaConnection,
    ChromaSilent,
    Collection,
    failures,
    spoken,
)
from inhouse.knowledge.edge.index_shelves import COMPACT_SHARE
from inhouse.knowledge.edge.vectors import fingerprint, unit
from inhouse.knowledge.index import Counts, EmbeddingModel, Filed, Mended, VectorEntry, VectorHit, shelf_name

__all__ = ["Chroma", "ChromaSilent", "ChromaStore"]

GRAPH = {"hnsw": {"space": "cosine", "ef_construction": 200, "ef_search": 400, "max_neighbors": 32}}
"""Chroma's own 100/100/16 found .801 of 20 neighbours among 100,000."""
NAMES_AT_ONCE = 500
"""Document ids in one filter; SQLite below an embedded store takes a limited number of values."""
_PREFIX = "inhouse-"
_FRESH = "-fresh"


class ChromaStore:
    """Vectors in one Chroma, of whichever model: files of this process below `folder`, or a server."""

    def __init__(self, *, folder: Path | None = None, url: str = "") -> None:
        self._connection = ChromaConnection(folder=folder, url=url)

    def of(self, model: EmbeddingModel) -> Chroma:
        """The vectors of a model, there already or still to come."""
        return Chroma(self._connection, model)

    @spoken
    def stored(self) -> list[EmbeddingModel]:
        """The models of which there are vectors."""
        found = self._connection.collections()
        models = {_model(one) for one in found if one.name.startswith(_PREFIX)}
        return sorted((model for model in models if model is not None), key=fingerprint)

    def drop(self, model: EmbeddingModel) -> None:
        """Remove every vector of a model."""
        self.of(model).reset()


class Chroma:
    """The vectors of one model in a Chroma store, an `Index`. For several threads; writes take turns."""

    def __init__(self, store: ChromaConnection, model: EmbeddingModel) -> None:
        self.model = model
        self._store = store
        self._turn = store.turn
        self._prefix = f"{_PREFIX}{fingerprint(model)[-12:]}-"

    # ---- writing

    @spoken
    def replace(self, documents: Sequence[Filed[VectorEntry]]) -> None:
        """Put the entries of these documents in place of all earlier ones. Vectors are made length 1."""
        if not documents:
            return
        with self._turn:
            fresh: dict[Readers, list[VectorEntry]] = {}
            for _, readers, entries in documents:
                if entries:
                    ready = [_ready(entry, self.model.dimension) for entry in entries]
                    fresh.setdefault(readers, []).extend(ready)
            self._forget([document_id for document_id, _, _ in documents])
            for readers, entries in fresh.items():
                _put(self._shelf(readers), entries, self._open().get_max_batch_size())
            self._tidy(COMPACT_SHARE)

    @spoken
    def remove(self, document_ids: Sequence[str]) -> None:
        """Forget these documents; no error for unknown ones."""
        if not document_ids:
            return
        with self._turn:
            self._forget(document_ids)
            self._tidy(COMPACT_SHARE)

    @spoken
    def refile(self, document_ids: Sequence[str], readers: Readers) -> None:
        """Move the vectors of these documents to the collection of other readers; nothing is embedded."""
        with self._turn:
            target = self._prefix + shelf_name(readers)
            for name, shelf in self._all().items():
                moving = list(_entries(shelf, document_ids)) if name != target else []
                if moving:
                    _put(self._shelf(readers), moving, self._open().get_max_batch_size())
                    self._forget(sorted({entry.document_id for entry in moving}), only=name)
            self._tidy(COMPACT_SHARE)

    @spoken
    def compact(self) -> int:
        """Write every collection with deleted vectors anew; embedded, its old files go, too."""
        with self._turn:
            rewritten = self._tidy(0.0)
            if rewritten:
                self._store.sweep()
            return rewritten

    @spoken
    def reset(self) -> None:
        """Remove the collections of this model."""
        with self._turn:
            for shelf in self._list():
                self._open().delete_collection(shelf.name)

    # ---- looking

    @spoken
    def search(
        self,
        caller: Caller,
        query: NDArray[numpy.float32],
        *,
        limit: int,
        within: Sequence[str] | None = None,
    ) -> list[VectorHit]:
        """The `limit` chunks nearest to the query among those that the caller may read, best first."""
        asked = unit(query, self.model.dimension)
        if limit < 1:
            return []
        hits: dict[tuple[str, int], VectorHit] = {}
        for shelf in self._readable(caller):
            for filter_ in _filters(within):
                for hit in _nearest(shelf, asked, limit, filter_):
                    hits[hit.document_id, hit.ordinal] = hit
        return sorted(hits.values(), key=lambda hit: (-hit.score, hit.document_id, hit.ordinal))[:limit]

    @spoken
    def score(
        self, caller: Caller, query: NDArray[numpy.float32], chunks: Sequence[tuple[str, int]]
    ) -> dict[tuple[str, int], float]:
        """The cosine of these (document_id, ordinal), without those that have no vector for the caller."""
        asked = unit(query, self.model.dimension)
        names = list(dict.fromkeys(document_id for document_id, _ in chunks))
        near = {
            (entry.document_id, entry.ordinal): float(numpy.dot(entry.vector, asked))
            for shelf in self._readable(caller)
            for entry in _entries(shelf, names)
        }
        return {chunk: near[chunk] for chunk in chunks if chunk in near}

    @spoken
    def held(self, document_ids: Sequence[str]) -> list[VectorEntry]:
        """What is kept of these documents, so that an unchanged text is not embedded again."""
        return [entry for shelf in self._all().values() for entry in _entries(shelf, document_ids)]

    @spoken
    def documents(self) -> set[str]:
        """Every document that has a vector."""
        return {document_id for document_id, _ in self.entries()}

    @spoken
    def count(self, caller: Caller) -> int:
        """How many vectors the caller could find."""
        return sum(shelf.count() for shelf in self._readable(caller))

    @spoken
    def counts(self) -> Counts:
        """How much there is, in all collections of this model."""
        shelves = self._all().values()
        return Counts(
            documents=len(self.documents()),
            entries=sum(shelf.count() for shelf in shelves),
            deleted=sum(_deleted(shelf) for shelf in shelves),
            shelves=len(shelves),
            size_bytes=self._store.size_bytes(),
        )

    def entries(self) -> Iterator[tuple[str, int]]:
        """Every (document_id, ordinal) in all collections, in no order; for comparing with the database."""
        for shelf in self._all().values():
            for row in shelf.get(include=["metadatas"])["metadatas"]:
                yield row["document_id"], row["ordinal"]

    # ---- health and damage

    def alive(self) -> str:
        """Empty when the store answers (a server: `/api/v2/heartbeat`), else what is wrong."""
        try:
            self._open().heartbeat()
        except ChromaSilent as error:
            return str(error)
        except failures() as error:
            return f"Chroma does not answer: {error}"
        return ""

    def check(self) -> list[str]:
        """What is wrong as far as it can be seen: the answer, SQLite's own check, and each count."""
        with self._turn:
            silent = self.alive()
            if silent:
                return [silent]
            wrong = [said] if (said := self._store.damage()) else []
            wrong += [
                f"{name}: holds vectors and finds none" for name, one in self._all().items() if _blind(one)
            ]
            return wrong

    def mend(self) -> Mended:
        """Chroma has no finer unit that could be trusted: everything goes, and must be put in again."""
        if not self.check():
            return Mended()
        with self._turn:
            if self._store.folder is None:
                self.reset()
            else:
                self._store.close()
                shutil.rmtree(self._store.folder, ignore_errors=True)
        return Mended(everything=True)

    # ---- inside

    def _open(self) -> Any:  # Any: chromadb.api.ClientAPI
        return self._store.client()

    def _list(self) -> list[Collection]:
        return [one for one in self._store.collections() if one.name.startswith(self._prefix)]

    def _all(self) -> dict[str, Collection]:
        """Name to collection, those that are whole and whose readers are what their name says."""
        return {
            one.name: one
            for one in self._list()
            if one.name == self._prefix + shelf_name(_readers(one)) and not one.name.endswith(_FRESH)
        }

    def _readable(self, caller: Caller) -> list[Collection]:
        return [shelf for shelf in self._all().values() if may_read(caller, _readers(shelf))]

    def _shelf(self, readers: Readers, suffix: str = "") -> Collection:
        return self._open().get_or_create_collection(
            self._prefix + shelf_name(readers) + suffix,
            configuration=GRAPH,
            embedding_function=None,
            metadata={
                "readers": json.dumps(sorted(readers)),
                "model": self.model.name,
                "dimension": self.model.dimension,
                "engine": self.model.engine,
                "deleted": 0,
            },
        )

    def _forget(self, document_ids: Sequence[str], *, only: str = "") -> None:
        for name, shelf in self._all().items():
            if only and name != only:
                continue
            for filter_ in _filters(document_ids):
                gone = shelf.get(where=filter_, include=[])["ids"]
                if gone:
                    # Noted first: a kill in between leaves a number that is too high, never a forgotten one.
                    shelf.modify(metadata={**shelf.metadata, "deleted": _deleted(shelf) + len(gone)})
                    shelf.delete(ids=gone)

    def _tidy(self, share: float) -> int:
        """Write collections of which more than a share is deleted anew, drop empty ones; how many."""
        rewritten = 0
        for name, shelf in self._all().items():
            living, deleted = shelf.count(), _deleted(shelf)
            if not living:
                self._open().delete_collection(name)
            elif deleted > share * (living + deleted):
                self._rewrite(name, shelf)
            else:
                continue
            rewritten += bool(deleted)
        return rewritten

    def _rewrite(self, name: str, shelf: Collection) -> None:
        """Copied, then put in place under the name; a copy that was left half-way begins anew."""
        fresh_name = name + _FRESH
        if any(one.name == fresh_name for one in self._list()):
            self._open().delete_collection(fresh_name)
        fresh = self._shelf(_readers(shelf), _FRESH)
        _put(fresh, list(_entries(shelf, None)), self._open().get_max_batch_size())
        self._open().delete_collection(name)
        fresh.modify(name=name)


def _filters(document_ids: Sequence[str] | None) -> list[dict[str, Any] | None]:  # Any: Chroma's filters
    """One filter that lets all through, or as many as the names need."""
    if document_ids is None:
        return [None]
    names = list(dict.fromkeys(document_ids))
    parts = [names[at : at + NAMES_AT_ONCE] for at in range(0, len(names), NAMES_AT_ONCE)]
    return [{"document_id": {"$in": part}} for part in parts]


def _nearest(
    shelf: Collection, query: NDArray[numpy.float32], limit: int, filter_: dict[str, Any] | None
) -> Iterator[VectorHit]:
    found = shelf.query(
        query_embeddings=[query], n_results=limit, where=filter_, include=["metadatas", "distances"]
    )
    for row, distance in zip(found["metadatas"][0], found["distances"][0], strict=True):
        yield VectorHit(row["document_id"], row["ordinal"], 1.0 - float(distance))


def _ready(entry: VectorEntry, dimension: int) -> VectorEntry:
    return VectorEntry(entry.document_id, entry.ordinal, entry.text_sha, unit(entry.vector, dimension))


def _put(shelf: Collection, entries: Sequence[VectorEntry], at_once: int) -> None:
    for at in range(0, len(entries), at_once):
        some = entries[at : at + at_once]
        shelf.upsert(
            ids=[f"{one.document_id}:{one.ordinal}" for one in some],
            embeddings=[one.vector for one in some],
            metadatas=[
                {"document_id": one.document_id, "ordinal": one.ordinal, "text_sha": one.text_sha}
                for one in some
            ],
        )


def _entries(shelf: Collection, document_ids: Sequence[str] | None) -> Iterator[VectorEntry]:
    for filter_ in _filters(document_ids):
        found = shelf.get(where=filter_, include=["metadatas", "embeddings"])
        for row, vector in zip(found["metadatas"], found["embeddings"], strict=True):
            array = numpy.asarray(vector, numpy.float32)
            yield VectorEntry(row["document_id"], row["ordinal"], row["text_sha"], array)


def _blind(shelf: Collection) -> bool:
    """True when a collection has vectors, and a search among them finds nothing."""
    some = shelf.get(limit=1, include=["embeddings"])["embeddings"]
    return len(some) > 0 and not list(_nearest(shelf, some[0], 1, None))


def _readers(shelf: Collection) -> Readers:
    try:
        return frozenset(json.loads((shelf.metadata or {}).get("readers", "")))
    except (ValueError, TypeError):
        return frozenset()


def _model(shelf: Collection) -> EmbeddingModel | None:
    described = shelf.metadata or {}
    try:
        return EmbeddingModel(described["model"], int(described["dimension"]), described["engine"])
    except (KeyError, TypeError, ValueError):
        return None  # not one of ours, or of a version that is not yet written


def _deleted(shelf: Collection) -> int:
    return int((shelf.metadata or {}).get("deleted", 0))
