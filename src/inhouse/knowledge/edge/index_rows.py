"""One shelf of vectors: float32 rows in a file that only grows, and a journal that says whose they are.

Rows are mapped into memory in blocks of `BLOCK_ROWS`; a full block is mapped once and for all, so a write
never loads anything again. A search works on a `View`, which later commits do not change. Deleted documents
keep their rows until the shelf is rewritten.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy
from numpy.typing import NDArray

from inhouse.kernel.caller import Readers
from inhouse.knowledge.edge import index_journal
from inhouse.knowledge.edge.index_journal import Added, Commit
from inhouse.knowledge.edge.index_shelves import ShelfDamaged, folder_size
from inhouse.knowledge.index import VectorEntry

__all__ = ["RowShelf", "View"]

Floats = NDArray[numpy.float32]
Numbers = NDArray[numpy.int64]

BLOCK_ROWS = 16_384
"""Rows of a mapping: 25 MB at 384 dimensions. A multiple of the pages of every system we know."""
SUM_ROWS = 4_096
MAPPED_BYTES = 1 << 20
"""A shorter last block is read instead of mapped: a mapping keeps a file open, and a thousand small shelves
would use up the usual limit of 1,024."""
GATHER_SHARE = 0.2
"""Up to this share of the rows are picked one by one for a search within documents; above it, all rows are
multiplied in order, which is as fast (bench/scale.py)."""
_ROWS, _JOURNAL = "vectors.f32", "journal"


@dataclass(frozen=True, slots=True)
class View:
    """A shelf as of one commit. Document number `n` has rows `starts[n]` to `starts[n + 1]`."""

    blocks: tuple[Floats, ...]
    rows: int
    dimension: int
    names: list[str]
    shas: list[bytes]
    numbers: dict[str, int]
    starts: Numbers
    ordinals: NDArray[numpy.uint32]
    dead: Numbers

    def scores(self, query: Floats) -> Floats:
        """The cosine of every row, -inf for deleted ones; (rows,) float32.

        Row by row and not as one product of a matrix: the memory is what limits, so that is as fast on one
        core, a row's score does not depend on its place, and no pool of threads waits for a busy core: with
        two other programs at work, p95 of 100,000 rows was 49 ms instead of 128 (n=60, two cores).
        """
        out = numpy.empty(self.rows, numpy.float32)
        at = 0
        for block in self.blocks:
            numpy.vecdot(block, query, out=out[at : at + len(block)])
            at += len(block)
        out[self.dead] = -numpy.inf
        return out

    def of(self, document_ids: Sequence[str]) -> Numbers:
        """The rows of these documents, ascending."""
        known = {self.numbers.get(document_id, -1) for document_id in document_ids}
        chosen = numpy.array(sorted(known - {-1}), numpy.int64)
        return _ranges(self.starts[chosen], self.starts[chosen + 1])

    def gather(self, rows: Numbers) -> Floats:
        """These rows, which ascend, as a matrix of their own."""
        out = numpy.empty((len(rows), self.dimension), numpy.float32)
        for at, block in enumerate(self.blocks):
            low, high = numpy.searchsorted(rows, (at * BLOCK_ROWS, at * BLOCK_ROWS + len(block)))
            out[low:high] = block[rows[low:high] - at * BLOCK_ROWS]
        return out

    def near(self, query: Floats, chunks: Sequence[tuple[str, int]]) -> dict[tuple[str, int], float]:
        """The cosine of these (document_id, ordinal), as far as they are here; reads their rows only."""
        rows: dict[int, tuple[str, int]] = {}
        for document_id, ordinal in chunks:
            number = self.numbers.get(document_id)
            if number is None or ordinal < 0:
                continue
            start, end = int(self.starts[number]), int(self.starts[number + 1])
            at = start + ordinal  # where it stands when a document's entries came in order and whole
            if at >= end or self.ordinals[at] != ordinal:
                found = numpy.flatnonzero(self.ordinals[start:end] == ordinal)
                if not len(found):
                    continue
                at = start + int(found[0])
            rows[at] = (document_id, ordinal)
        ascending = numpy.array(sorted(rows), numpy.int64)
        scores = numpy.vecdot(self.gather(ascending), query)
        return {rows[int(row)]: float(score) for row, score in zip(ascending, scores, strict=True)}

    def best(self, query: Floats, limit: int, within: Sequence[str] | None) -> list[tuple[float, str, int]]:
        """The `limit` nearest rows as (score, document_id, ordinal), in no order."""
        if within is None:
            scores, rows = self.scores(query), None
        else:
            rows = self.of(within)
            few = len(rows) <= GATHER_SHARE * self.rows
            scores = numpy.vecdot(self.gather(rows), query) if few else self.scores(query)[rows]
        if len(scores) > limit:
            top = numpy.argpartition(scores, len(scores) - limit)[len(scores) - limit :]
        else:
            top = numpy.arange(len(scores))
        top = top[scores[top] > -numpy.inf]
        chosen = top if rows is None else rows[top]
        owners = numpy.searchsorted(self.starts, chosen, side="right") - 1
        return [
            (float(score), self.names[owner], int(self.ordinals[row]))
            for score, owner, row in zip(scores[top], owners, chosen, strict=True)
        ]


class RowShelf:
    """The vectors that one set of readers may find. `dimension` is that of every row."""

    def __init__(self, folder: Path, readers: Readers, dimension: int) -> None:
        self.folder = folder
        self.readers = readers
        self.stale = True
        self._dimension = dimension
        self._row_bytes = 4 * dimension
        self._refreshing = threading.Lock()
        self._end = 0
        self._damage = ""
        self._full: list[Floats] = []
        self._sums: list[tuple[int, int, int]] = []
        self._view = _nothing(dimension)

    # ---- looking

    def view(self) -> View:
        """The newest committed state, also when another process committed it.

        Raises:
            ShelfDamaged: if the files cannot be trusted; `check` says which.
        """
        # Locked: somebody else is reading what was committed, and the state before may hold removed entries.
        if self.stale or self._refreshing.locked():
            with self._refreshing:
                if self.stale and not self._damage:
                    self.stale = False  # before looking: a commit in between sets it again
                    try:
                        self._refresh()
                    except ShelfDamaged as error:
                        self._damage = str(error)
                    except OSError:
                        self.stale = True
                        raise
        if self._damage:
            raise ShelfDamaged(self._damage)
        return self._view

    def living(self) -> int:
        """How many entries can be found."""
        view = self.view()
        return view.rows - len(view.dead)

    def deleted(self) -> int:
        """How many entries are deleted, but still in the file."""
        return len(self.view().dead)

    def documents(self) -> list[str]:
        """Every document that can be found."""
        return list(self.view().numbers)

    def entries(self, document_ids: Sequence[str] | None = None) -> Iterator[VectorEntry]:
        """What was put in for these documents, or for all."""
        view = self.view()
        for document_id in self.documents() if document_ids is None else document_ids:
            rows = view.of([document_id])
            if not len(rows):
                continue
            shas = view.shas[view.numbers[document_id]]
            for at, (row, vector) in enumerate(zip(rows, view.gather(rows), strict=True)):
                sha = shas[16 * at : 16 * at + 16].hex()
                yield VectorEntry(document_id, int(view.ordinals[row]), sha, vector)

    def chunks(self) -> Iterator[tuple[str, int]]:
        """Every (document_id, ordinal)."""
        view = self.view()
        for document_id, number in view.numbers.items():
            for ordinal in view.ordinals[view.starts[number] : view.starts[number + 1]]:
                yield document_id, int(ordinal)

    def size_bytes(self) -> int:
        """Bytes on the disk."""
        return folder_size(self.folder)

    # ---- writing

    def write(self, forget: Sequence[str], entries: Sequence[VectorEntry]) -> None:
        """Forget documents, put entries in; one commit.

        Raises:
            ShelfDamaged: if the shelf must be mended first.
        """
        view = self.view()
        grouped: dict[str, list[VectorEntry]] = {}
        for entry in entries:
            grouped.setdefault(entry.document_id, []).append(entry)
        removed = tuple(one for one in dict.fromkeys((*forget, *grouped)) if one in view.numbers)
        if not entries and not removed:
            return
        sums = []
        if entries:
            rows = [entry.vector for group in grouped.values() for entry in group]
            content = numpy.ascontiguousarray(rows, dtype="<f4").tobytes()
            index_journal.write_at(self.folder / _ROWS, content, at=view.rows * self._row_bytes)
            step = SUM_ROWS * self._row_bytes
            for at in range(0, len(content), step):
                piece = content[at : at + step]
                sums.append((len(piece) // self._row_bytes, zlib.crc32(piece)))
        added = tuple(_added(document_id, group) for document_id, group in grouped.items())
        index_journal.append(
            self.folder / _JOURNAL, Commit(view.rows, removed, added, tuple(sums)), at=self._end
        )
        self.stale = True

    def rewrite(self, folder: Path, *, without: frozenset[str] = frozenset()) -> None:
        """Put the living entries into another folder, all but those of some documents."""
        fresh = RowShelf(folder, self.readers, self._dimension)
        batch: list[VectorEntry] = []
        for document_id in self.documents():
            if document_id in without:
                continue
            batch.extend(self.entries([document_id]))
            if len(batch) >= SUM_ROWS:
                fresh.write((), batch)
                batch = []
        fresh.write((), batch)

    # ---- damage

    def check(self) -> tuple[list[str], frozenset[str] | None]:
        """What is wrong, and the documents that it concerns; None when all of the shelf is lost."""
        fresh = RowShelf(self.folder, self.readers, self._dimension)
        try:
            view = fresh.view()
        except ShelfDamaged as error:
            return [str(error)], None
        self._trust_again()
        wrong: list[str] = []
        lost: set[int] = set()
        for start, count in fresh._unlike_sums():
            wrong.append(f"{self.folder.name}/{_ROWS}, row {start}: content does not match its checksum")
            owners = numpy.searchsorted(view.starts, (start, start + count - 1), side="right") - 1
            lost.update(range(int(owners[0]), int(owners[1]) + 1))
        return wrong, frozenset(name for name, number in view.numbers.items() if number in lost)

    # ---- inside

    def _trust_again(self) -> None:
        """Forget a damage that somebody has mended on the disk since, a copy put back for one."""
        if self._damage:
            with self._refreshing:
                self._end, self._full, self._sums, self._view = 0, [], [], _nothing(self._dimension)
                self._damage, self.stale = "", True

    def _unlike_sums(self) -> Iterator[tuple[int, int]]:
        if not self._sums:
            return
        with (self.folder / _ROWS).open("rb") as file:
            for start, count, expected in self._sums:
                file.seek(start * self._row_bytes)
                if zlib.crc32(file.read(count * self._row_bytes)) != expected:
                    yield start, count

    def _refresh(self) -> None:
        found = index_journal.read(self.folder / _JOURNAL, at=self._end)
        if not found.commits:
            return
        old = self._view
        names, shas, numbers, sums = list(old.names), list(old.shas), dict(old.numbers), list(self._sums)
        bounds, gone = [int(old.starts[-1])], list[int]()
        ordinals = [old.ordinals]
        for commit in found.commits:
            if commit.start != bounds[-1]:
                raise ShelfDamaged(f"{self.folder.name}/{_JOURNAL}: a commit is missing")
            for document_id in commit.removed:
                number = numbers.pop(document_id, None)
                if number is not None:
                    gone.append(number)
            for added in commit.added:
                numbers[added.document_id] = len(names)
                names.append(added.document_id)
                shas.append(added.shas)
                ordinals.append(numpy.frombuffer(added.ordinals, "<u4"))
                bounds.append(bounds[-1] + len(added.shas) // 16)
            at = commit.start
            for count, expected in commit.sums:
                sums.append((at, count, expected))
                at += count
        rows = bounds[-1]
        starts = numpy.concatenate((old.starts, numpy.array(bounds[1:], numpy.int64)))
        lost = numpy.array(gone, numpy.int64)
        self._view = View(
            self._mapped(rows),
            rows,
            self._dimension,
            names,
            shas,
            numbers,
            starts,
            numpy.concatenate(ordinals),
            numpy.concatenate((old.dead, _ranges(starts[lost], starts[lost + 1]))),
        )
        self._end, self._sums = found.end, sums

    def _mapped(self, rows: int) -> tuple[Floats, ...]:
        path = self.folder / _ROWS
        if rows and (not path.exists() or path.stat().st_size < rows * self._row_bytes):
            raise ShelfDamaged(f"{self.folder.name}/{_ROWS}: shorter than its journal says")
        while (len(self._full) + 1) * BLOCK_ROWS <= rows:
            at = len(self._full) * BLOCK_ROWS
            self._full.append(self._map(path, at, BLOCK_ROWS))
        at = len(self._full) * BLOCK_ROWS
        tail = rows - at
        if not tail:
            return tuple(self._full)
        if tail * self._row_bytes > MAPPED_BYTES:
            last = self._map(path, at, tail)
        else:
            flat = numpy.fromfile(path, "<f4", tail * self._dimension, offset=at * self._row_bytes)
            last = flat.reshape(tail, self._dimension)
        return (*self._full, last)

    def _map(self, path: Path, at: int, rows: int) -> Floats:
        shape = (rows, self._dimension)
        return numpy.memmap(path, "<f4", mode="r", offset=at * self._row_bytes, shape=shape)


def _nothing(dimension: int) -> View:
    """A shelf before its first commit."""
    none = numpy.empty(0, numpy.int64)
    starts, ordinals = numpy.zeros(1, numpy.int64), numpy.empty(0, numpy.uint32)
    return View((), 0, dimension, [], [], {}, starts, ordinals, none)


def _ranges(starts: Numbers, ends: Numbers) -> Numbers:
    """Every number from each start to before its end, one after the other."""
    lengths = ends - starts
    before = numpy.cumsum(lengths) - lengths
    return numpy.repeat(starts - before, lengths) + numpy.arange(int(lengths.sum()))


def _added(document_id: str, entries: Sequence[VectorEntry]) -> Added:
    return Added(
        document_id,
        numpy.array([entry.ordinal for entry in entries], "<u4").tobytes(),
        b"".join(bytes.fromhex(entry.text_sha) for entry in entries),
    )
