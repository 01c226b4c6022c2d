"""Exact search over vectors in files: no approximation, so nothing that a caller may read is ever missed.

One folder for each embedding model below `root`, in it one shelf for each set of readers, as in the word
index. A change of model fills a second folder while the first one answers; then `drop_model` removes that.
Everything here is derived: documents that `mend` names are embedded again.

Every row is read for a query (or those of the documents asked for): .1 ms per 1,000 rows of 384 numbers
(bench/scale.py). What that means beyond some hundred thousand rows stands in the decision about vectors.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec
import numpy
from numpy.typing import NDArray

from inhouse.kernel.caller import Caller, Readers
from inhouse.knowledge.edge.index_rows import RowShelf
from inhouse.knowledge.edge.index_shelves import COMPACT_SHARE, ShelfDamaged, Shelves, durable
from inhouse.knowledge.index import Counts, EmbeddingModel, Filed, Mended, VectorEntry, VectorHit, shelf_name

__all__ = ["FileVectors", "Vectors", "drop_model", "fingerprint", "stored_models", "unit"]

ROUNDING = 1e-6
_MODEL = "model.json"
_SHA = re.compile(r"[0-9a-f]{32}")


def fingerprint(model: EmbeddingModel) -> str:
    """The folder of a model: its name for people, and a hash of all that makes its vectors its own."""
    words = re.sub(r"[^a-z0-9]+", "-", model.name.lower()).strip("-")[:40]
    whole = f"{model.name}\n{model.dimension}\n{model.engine}"
    return f"{words or 'model'}-{hashlib.sha256(whole.encode()).hexdigest()[:12]}"


def stored_models(root: Path) -> list[EmbeddingModel]:
    """The models whose vectors are kept below `root`, by name."""
    found = []
    for path in root.glob(f"*/{_MODEL}"):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=EmbeddingModel))
        except (OSError, msgspec.DecodeError):
            continue  # half-written or damaged: whoever fills this model writes it again
    return sorted(found, key=fingerprint)


def drop_model(root: Path, model: EmbeddingModel) -> None:
    """Remove every vector of a model."""
    shutil.rmtree(root / fingerprint(model), ignore_errors=True)


class FileVectors:
    """Vectors in files below `root`, of whichever model."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def of(self, model: EmbeddingModel) -> Vectors:
        """The vectors of a model, there already or still to come."""
        return Vectors(self._root, model)

    def stored(self) -> list[EmbeddingModel]:
        """The models of which there are vectors."""
        return stored_models(self._root)

    def drop(self, model: EmbeddingModel) -> None:
        """Remove every vector of a model."""
        drop_model(self._root, model)


def unit(vector: Sequence[float] | NDArray[numpy.float32], dimension: int) -> NDArray[numpy.float32]:
    """The vector with length 1, (dimension,) float32.

    Raises:
        ValueError: if it has another dimension, a number that is none, or no length.
    """
    array = numpy.asarray(vector, numpy.float32)
    if array.shape != (dimension,):
        raise ValueError(f"A vector has shape {array.shape}, but the model's dimension is {dimension}")
    length = float(numpy.linalg.norm(array))
    if not numpy.isfinite(length) or length == 0.0:
        raise ValueError(f"A vector has length {length}: the model gave no direction")
    if abs(length - 1.0) <= ROUNDING:
        return array  # as it was given, so that what is kept can be compared with it
    return array / numpy.float32(length)


class Vectors:
    """The vectors of one model, an `Index`. Safe to use from several threads; writes take turns."""

    def __init__(self, root: Path, model: EmbeddingModel) -> None:
        self.model = model
        self._folder = root / fingerprint(model)
        open_shelf = partial(_open_shelf, dimension=model.dimension)
        self._shelves: Shelves[RowShelf] = Shelves(self._folder, open_shelf)
        self._turn = threading.Lock()

    # ---- writing

    def replace(self, documents: Sequence[Filed[VectorEntry]]) -> None:
        """Put the entries of these documents in place of all earlier ones. Vectors are made length 1.

        Raises:
            ValueError: if a vector or `text_sha` is not what this index takes; nothing is written then.
            ShelfDamaged: if a shelf must be mended first.
        """
        if not documents:
            return
        ready = [(document_id, readers, self._ready(entries)) for document_id, readers, entries in documents]
        with self._turn:
            fresh: dict[str, list[VectorEntry]] = {}
            for _, readers, entries in ready:
                if entries:
                    self._make(readers)
                    fresh.setdefault(shelf_name(readers), []).extend(entries)
            self._write([document_id for document_id, _, _ in ready], fresh)

    def remove(self, document_ids: Sequence[str]) -> None:
        """Forget these documents; no error for unknown ones."""
        if not document_ids:
            return
        with self._turn:
            self._write(document_ids, {})

    def refile(self, document_ids: Sequence[str], readers: Readers) -> None:
        """Move the vectors of these documents to the shelf of other readers; nothing is embedded."""
        with self._turn:
            target = shelf_name(readers)
            moving = [
                entry
                for name, shelf in self._shelves.all().items()
                if name != target
                for entry in shelf.entries(document_ids)
            ]
            if moving:
                self._make(readers)
                self._write(sorted({entry.document_id for entry in moving}), {target: moving})

    def compact(self) -> int:
        """Rewrite every shelf that holds deleted vectors; return how many were.

        Raises:
            ShelfDamaged: if one of them must be mended first.
        """
        with self._turn:
            chosen = [name for name, shelf in self._shelves.all().items() if shelf.deleted()]
            for name in chosen:
                wrong, _ = self._shelves.all()[name].check()
                if wrong:  # copied, it would look whole
                    raise ShelfDamaged(wrong[0])
                self._rewrite(name)
            for name in [name for name, shelf in self._shelves.all().items() if not shelf.living()]:
                self._shelves.drop(name)
            self._shelves.sweep()
            return len(chosen)

    def reset(self) -> None:
        """Empty the index of this model."""
        with self._turn:
            self._shelves.reset()

    # ---- looking

    def search(
        self,
        caller: Caller,
        query: NDArray[numpy.float32],
        *,
        limit: int,
        within: Sequence[str] | None = None,
    ) -> list[VectorHit]:
        """The `limit` chunks nearest to the query among all that the caller may read, best first.

        Exact. Equal scores stand in the order of document and ordinal. The query is made length 1.

        Raises:
            ValueError: if the query is no vector of this model.
            ShelfDamaged: if a shelf of the caller's cannot be trusted.
        """
        asked = unit(query, self.model.dimension)
        if limit < 1 or (within is not None and not within):
            return []
        found = self._shelves.each(caller, lambda shelf: shelf.view().best(asked, limit, within))
        merged = [hit for hits in found for hit in hits]
        merged.sort(key=lambda hit: (-hit[0], hit[1], hit[2]))
        return [VectorHit(document_id, ordinal, score) for score, document_id, ordinal in merged[:limit]]

    def score(
        self, caller: Caller, query: NDArray[numpy.float32], chunks: Sequence[tuple[str, int]]
    ) -> dict[tuple[str, int], float]:
        """The cosine of these (document_id, ordinal), without those that have no vector for the caller.

        For chunks that another index found; reads their rows and no others.
        """
        asked = unit(query, self.model.dimension)
        found = self._shelves.each(caller, lambda shelf: shelf.view().near(asked, chunks))
        near = {chunk: score for one in found for chunk, score in one.items()}
        return {chunk: near[chunk] for chunk in chunks if chunk in near}

    def held(self, document_ids: Sequence[str]) -> list[VectorEntry]:
        """What is kept of these documents, so that an unchanged text is not embedded again."""
        return [entry for shelf in self._shelves.all().values() for entry in shelf.entries(document_ids)]

    def documents(self) -> set[str]:
        """Every document that has a vector."""
        return {one for shelf in self._shelves.all().values() for one in shelf.documents()}

    def count(self, caller: Caller) -> int:
        """How many vectors the caller could find."""
        return sum(self._shelves.each(caller, RowShelf.living))

    def counts(self) -> Counts:
        """How much there is, on all shelves."""
        shelves = self._shelves.all().values()
        return Counts(
            documents=len(self.documents()),
            entries=sum(shelf.living() for shelf in shelves),
            deleted=sum(shelf.deleted() for shelf in shelves),
            shelves=len(shelves),
            size_bytes=sum(shelf.size_bytes() for shelf in shelves),
        )

    def entries(self) -> Iterator[tuple[str, int]]:
        """Every (document_id, ordinal) on all shelves, in no order; for comparing with the database."""
        for shelf in self._shelves.all().values():
            yield from shelf.chunks()

    # ---- damage

    def check(self) -> list[str]:
        """What is wrong with the files, empty when all is well. Reads every one of them."""
        with self._turn:
            wrong = list(self._shelves.unreadable().values())
            return wrong + [said for shelf in self._shelves.all().values() for said in shelf.check()[0]]

    def mend(self) -> Mended:
        """Throw away the documents whose rows are damaged, and shelves whose journal is."""
        with self._turn:
            lost: set[str] = set()
            gone = set(self._shelves.unreadable())
            for name, shelf in self._shelves.all().items():
                wrong, documents = shelf.check()
                if documents is None:
                    gone.add(name)
                elif wrong:
                    self._rewrite(name, without=documents)
                    lost |= documents
            for name in gone:
                self._shelves.drop(name)
            return Mended(frozenset(lost), frozenset(gone))

    # ---- inside

    def _ready(self, entries: Sequence[VectorEntry]) -> list[VectorEntry]:
        for entry in entries:
            if not _SHA.fullmatch(entry.text_sha):
                raise ValueError(f"text_sha is {entry.text_sha!r}, not 32 hex digits")
        return [
            VectorEntry(
                entry.document_id, entry.ordinal, entry.text_sha, unit(entry.vector, self.model.dimension)
            )
            for entry in entries
        ]

    def _make(self, readers: Readers) -> None:
        described = self._folder / _MODEL
        if not described.is_file():
            self._folder.mkdir(parents=True, exist_ok=True)
            durable(described, msgspec.json.encode(self.model))
        self._shelves.make(readers)

    def _write(self, forget: Sequence[str], fresh: dict[str, list[VectorEntry]]) -> None:
        """What comes is written first: a kill in between leaves an entry twice, which the count shows."""
        shelves = self._shelves.all()
        concerned = sorted(fresh) + [
            name
            for name, shelf in shelves.items()
            if name not in fresh and any(one in shelf.view().numbers for one in forget)
        ]
        for name in concerned:
            shelves[name].write(forget, fresh.get(name, ()))
        self._shelves.announce()
        for name in concerned:
            living, deleted = shelves[name].living(), shelves[name].deleted()
            if deleted > COMPACT_SHARE * (living + deleted) and not shelves[name].check()[0]:
                self._rewrite(name)

    def _rewrite(self, name: str, *, without: frozenset[str] = frozenset()) -> None:
        shelf = self._shelves.all()[name]
        if set(shelf.documents()) <= without:
            self._shelves.drop(name)
            return
        folder = self._shelves.beside(name, shelf.readers)
        shelf.rewrite(folder, without=without)
        self._shelves.publish(folder).view()  # opened here, so that no query waits for it


def _open_shelf(folder: Path, readers: Readers, *, dimension: int) -> RowShelf:
    return RowShelf(folder, readers, dimension)
