"""The word index: tantivy with Russian and English stems, one shelf for each set of readers.

A query opens only the shelves that its caller may read, so a forbidden document can move neither counts
nor order nor scores. Everything here is derived: `reset` and a rebuild from the database is always safe.

Durable when a writing method returns. A write opens a writer for each shelf that it concerns, waits for its
merges and records a checksum of every file, so that `check` finds a flipped bit that tantivy would not. A
shelf of which more than a fifth is deleted is rewritten then and there; `compact` does it for every shelf
with a deleted entry, so that no word of it is left on the disk.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from inhouse.kernel.caller import Caller, Readers
from inhouse.knowledge.edge.index_shelves import COMPACT_SHARE, ShelfDamaged, Shelves
from inhouse.knowledge.edge.index_words import (
    FIELDS,
    Entry,
    Frequent,
    Glance,
    Hit,
    WordShelf,
    folded,
    words,
)
from inhouse.knowledge.index import Counts, Filed, Mended, shelf_name

__all__ = ["Entry", "Frequencies", "Hit", "Lexical", "analyzer"]


@dataclass(frozen=True, slots=True)
class Frequencies:
    """In how many of `chunks` each stem occurs, over the shelves that a caller may read."""

    chunks: int
    of_stem: dict[str, int]


def analyzer() -> Callable[[str], list[str]]:
    """Text to stems as the index makes them: lower case, `ё` as `е`, Russian then English endings cut."""
    analyze = words().analyze
    return lambda text: list(analyze(folded(text)))


@dataclass(frozen=True, slots=True)
class _Whole:
    """All that a caller may read, as one shelf; see `index_words.Frequent`."""

    entries: int
    having: Sequence[tuple[int, ...]]

    @staticmethod
    def of(glances: Sequence[Glance], stems: int) -> Frequent:
        if len(glances) == 1:
            return glances[0]
        having = [
            tuple(sum(one.having[at][field] for one in glances) for field in range(len(FIELDS)))
            for at in range(stems)
        ]
        return _Whole(sum(one.entries for one in glances), having)


class Lexical:
    """The shelves below `root`, an `Index`. Safe to use from several threads; writes take turns."""

    def __init__(self, root: Path) -> None:
        self._shelves = Shelves(root, WordShelf)
        self._turn = threading.Lock()

    # ---- writing

    def replace(self, documents: Sequence[Filed[Entry]]) -> None:
        """Put the entries of these documents in place of all earlier ones."""
        if not documents:
            return
        with self._turn:
            fresh: dict[str, list[Entry]] = {}
            for _, readers, entries in documents:
                if entries:
                    self._shelves.make(readers)
                    fresh.setdefault(shelf_name(readers), []).extend(entries)
            self._write([document_id for document_id, _, _ in documents], fresh)

    def remove(self, document_ids: Sequence[str]) -> None:
        """Forget these documents; no error for unknown ones."""
        if not document_ids:
            return
        with self._turn:
            self._write(document_ids, {})

    def refile(self, document_ids: Sequence[str], readers: Readers) -> None:
        """Move what is known of these documents to the shelf of other readers."""
        if not document_ids:
            return
        with self._turn:
            target = shelf_name(readers)
            moving = [
                entry
                for name, shelf in self._shelves.all().items()
                if name != target and shelf.holds(document_ids)
                for entry in shelf.of(document_ids)
            ]
            if moving:
                self._shelves.make(readers)
                self._write(sorted({entry.document_id for entry in moving}), {target: moving})

    def compact(self) -> int:
        """Rewrite every shelf that holds deleted entries; return how many were.

        Raises:
            ShelfDamaged: if one of them must be mended first.
        """
        with self._turn:
            chosen = [name for name, shelf in self._shelves.all().items() if shelf.deleted()]
            for name in chosen:
                self._rewrite(name)
            for name in [name for name, shelf in self._shelves.all().items() if not shelf.living()]:
                self._shelves.drop(name)
            self._shelves.sweep()
            return len(chosen)

    def reset(self) -> None:
        """Empty the index, for a rebuild from the database."""
        with self._turn:
            self._shelves.reset()

    # ---- looking

    def search(
        self,
        caller: Caller,
        query: Sequence[str],
        *,
        limit: int,
        within: Sequence[str] | None = None,
        document_ids: Sequence[str] = (),
    ) -> list[Hit]:
        """The `limit` best chunks that hold any of the stems, best first.

        `within` names the only documents to look at; None is all. `document_ids` is its older name, where
        none means all. A word weighs what it weighs in all that the caller may read, whichever shelf it
        stands on, so that a house of many shelves proposes what a house of one would. Not the same are the
        usual lengths of texts, which each shelf has of its own; `knowledge.rank` scores the chunks anew.
        """
        only = within if within is not None else (document_ids or None)
        asked = tuple(dict.fromkeys(query))
        if limit < 1 or not asked or (only is not None and not only):
            return []

        glances = self._shelves.each(caller, lambda one: one.glance(asked))
        whole = _Whole.of(glances, len(asked))
        try:
            found = [(hit, one) for one in glances for hit in one.best(asked, limit, only, whole)]
            if len(glances) > 1:
                found.sort(key=lambda each: -each[0][0])  # stable: equal scores stay in the order of shelves
            return [one.hit(float(score), address) for (score, address), one in found[:limit]]
        except ValueError as error:
            raise ShelfDamaged(str(error)) from error

    def frequencies(self, caller: Caller, stems: Sequence[str]) -> Frequencies:
        """How common each stem is for this caller: in how many chunks, in the field where most have it."""
        asked = tuple(dict.fromkeys(stems))
        counted = self._shelves.each(caller, lambda one: one.glance(asked))
        of_stem = {stem: sum(max(one.having[at]) for one in counted) for at, stem in enumerate(asked)}
        return Frequencies(sum(one.entries for one in counted), of_stem)

    def count(self, caller: Caller) -> int:
        """How many entries the caller could find."""
        return sum(self._shelves.each(caller, WordShelf.living))

    def counts(self) -> Counts:
        """How much there is, on all shelves."""
        shelves = self._shelves.all().values()
        return Counts(
            documents=len({document_id for document_id, _ in self.entries()}),
            entries=sum(shelf.living() for shelf in shelves),
            deleted=sum(shelf.deleted() for shelf in shelves),
            shelves=len(shelves),
            size_bytes=sum(shelf.size_bytes() for shelf in shelves),
        )

    def entries(self) -> Iterator[tuple[str, int]]:
        """Every (document_id, ordinal) on all shelves, in no order; for comparing with the database."""
        for shelf in self._shelves.all().values():
            yield from shelf.entries()

    # ---- damage

    def check(self) -> list[str]:
        """What is wrong with the files, empty when all is well.

        Waits for a write of this process; another process in the middle of one can look like damage.
        """
        with self._turn:
            wrong = list(self._shelves.unreadable().values())
            return wrong + [said for shelf in self._shelves.all().values() for said in shelf.check()]

    def mend(self) -> Mended:
        """Throw away the shelves in which anything is wrong."""
        with self._turn:
            damaged = set(self._shelves.unreadable())
            damaged |= {name for name, shelf in self._shelves.all().items() if shelf.check()}
            for name in damaged:
                self._shelves.drop(name)
            return Mended(shelves=frozenset(damaged))

    # ---- inside

    def _write(self, forget: Sequence[str], fresh: dict[str, list[Entry]]) -> None:
        """What comes is written first: a kill in between leaves an entry twice, which the count shows."""
        shelves = self._shelves.all()
        concerned = sorted(fresh) + [
            name for name, shelf in shelves.items() if name not in fresh and shelf.holds(forget)
        ]
        for name in concerned:
            shelves[name].write(forget, fresh.get(name, ()))
        self._shelves.announce()
        for name in concerned:
            living, deleted = shelves[name].living(), shelves[name].deleted()
            if deleted > COMPACT_SHARE * (living + deleted) and not shelves[name].check():
                self._rewrite(name)

    def _rewrite(self, name: str) -> None:
        shelf = self._shelves.all()[name]
        if not shelf.living():
            self._shelves.drop(name)
            return
        wrong = shelf.check()
        if wrong:  # copied, it would look whole
            raise ShelfDamaged(wrong[0])
        folder = self._shelves.beside(name, shelf.readers)
        shelf.rewrite(folder)
        self._shelves.publish(folder).searcher()  # opened here, so that no query waits for it
