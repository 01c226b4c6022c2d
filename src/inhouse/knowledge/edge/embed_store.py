"""The vectors of the house: those that answer, those that a new model is filling, and what was examined.

`legs.json` beside the vectors says which model answers and how the examinations of the legs ended, so that
a process that only reads knows it, too.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy
from numpy.typing import NDArray

from inhouse.kernel.caller import Readers
from inhouse.knowledge.edge.vectors import FileVectors, fingerprint
from inhouse.knowledge.index import Counts, EmbeddingModel, Mended, VectorEntry, VectorIndex, VectorPlace
from inhouse.knowledge.selfcheck import Checked

__all__ = ["Examined", "LegBook", "LegNotes", "VectorStore"]

SPARE = 20_000
"""Vectors of removed passages kept in memory: most passages of a changed document come back unchanged."""


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """An examination: of which model, when (UNIX seconds), on how many passages the house had then."""

    model: str
    at: float
    chunks: int
    checks: tuple[Checked, ...] = ()

    def of(self, language: str) -> Checked | None:
        """How it ended for a language."""
        return next((check for check in self.checks if check.language == language), None)


class LegNotes(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the legs. `trouble` says why the work on vectors stands still, "" when it does not."""

    active: EmbeddingModel | None = None
    vectors: Examined | None = None
    rerank: Examined | None = None
    trouble: str = ""
    done: int = 0
    wanted: int = 0


class LegBook:
    """The notes in a file; safe in several threads, one process writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._notes = LegNotes()

    def notes(self) -> LegNotes:
        """What was noted last, also by another process."""
        with self._turn:
            try:
                found = self._path.stat()
                seen = (found.st_mtime_ns, found.st_ino)
                if seen != self._seen:
                    self._notes = msgspec.json.decode(self._path.read_bytes(), type=LegNotes)
                    self._seen = seen
            except (OSError, msgspec.DecodeError):
                self._notes, self._seen = LegNotes(), None
            return self._notes

    def note(self, **changes: object) -> LegNotes:
        """Change some of it."""
        before = self.notes()
        after = msgspec.structs.replace(before, **changes)
        if after == before:
            return before
        with self._turn:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial = self._path.with_suffix(".partial")
            partial.write_bytes(msgspec.json.format(msgspec.json.encode(after)))
            partial.replace(self._path)
            self._notes, self._seen = after, None
        return after


class VectorStore:
    """Every model's vectors as one, for whoever removes documents or checks files; safe in threads."""

    def __init__(self, root: Path, place: VectorPlace | None = None) -> None:
        self._place = place or FileVectors(root)
        self.book = LegBook(root / "legs.json")
        self._turn = threading.Lock()
        self._open: dict[str, VectorIndex] = {}
        self._spare: OrderedDict[tuple[str, str], NDArray[numpy.float32]] = OrderedDict()

    # ---- which

    def active(self) -> VectorIndex | None:
        """The vectors that answer; None before the first model is ready."""
        model = self.book.notes().active
        return self.of(model) if model is not None else None

    def of(self, model: EmbeddingModel) -> VectorIndex:
        """The vectors of a model, there already or still to come."""
        with self._turn:
            name = fingerprint(model)
            if name not in self._open:
                self._open[name] = self._place.of(model)
            return self._open[name]

    def stored(self) -> list[VectorIndex]:
        """Those that have files."""
        return [self.of(model) for model in self._place.stored()]

    def promote(self, model: EmbeddingModel) -> None:
        """Let this model answer from now on, and drop the others."""
        self.book.note(active=model)
        for other in self._place.stored():
            if other != model:
                with self._turn:
                    self._open.pop(fingerprint(other), None)
                self._place.drop(other)

    def spare(self, model: EmbeddingModel, text_sha: str) -> NDArray[numpy.float32] | None:
        """The vector of a text that was embedded before, as far as it is remembered."""
        with self._turn:
            return self._spare.get((fingerprint(model), text_sha))

    def remember(self, model: EmbeddingModel, entries: Sequence[VectorEntry]) -> None:
        """Keep vectors in memory, so that equal texts need not be embedded again."""
        with self._turn:
            for entry in entries:
                self._spare[fingerprint(model), entry.text_sha] = entry.vector
            while len(self._spare) > SPARE:
                self._spare.popitem(last=False)

    # ---- as `knowledge.edge.shelving` wants it

    def remove(self, document_ids: Sequence[str]) -> None:
        """Forget these documents in every model's vectors."""
        for index in self.stored():
            self.remember(index.model, index.held(document_ids))
            index.remove(document_ids)

    def refile(self, document_ids: Sequence[str], readers: Readers) -> None:
        """Move these documents to the shelf of other readers."""
        for index in self.stored():
            index.refile(document_ids, readers)

    def compact(self) -> int:
        """Leave nothing of what was removed, neither in files nor in memory."""
        with self._turn:
            self._spare.clear()
        return sum(index.compact() for index in self.stored())

    def check(self) -> list[str]:
        """What is wrong with the files."""
        return [wrong for index in self.stored() for wrong in index.check()]

    def mend(self) -> Mended:
        """Throw away what is damaged."""
        mended = [index.mend() for index in self.stored()]
        return Mended(
            frozenset(one for each in mended for one in each.document_ids),
            frozenset(one for each in mended for one in each.shelves),
            everything=any(each.everything for each in mended),
        )

    def counts(self) -> Counts:
        """How much there is; a passage that two models know counts once."""
        each = [index.counts() for index in self.stored()]
        if len(each) == 1:
            return each[0]
        return Counts(
            documents=len({one for index in self.stored() for one in index.documents()}),
            entries=len(set(self.entries())),
            deleted=sum(one.deleted for one in each),
            shelves=sum(one.shelves for one in each),
            size_bytes=sum(one.size_bytes for one in each),
        )

    def entries(self) -> Iterator[tuple[str, int]]:
        """Every (document_id, ordinal) once."""
        yield from {one for index in self.stored() for one in index.entries()}
