"""The word index: tantivy with Russian and English stems, one shelf for each set of readers.

A query opens only the shelves that its caller may read, so a forbidden document can move neither counts
nor order nor scores. Everything here is derived: `reset` and a rebuild from the database is always safe.

Durable when `replace` or `remove` returns. Each of them opens a writer, waits for its merges and records
a checksum of every file, so that `check` finds a flipped bit that tantivy itself would not.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import tantivy

from inhouse.kernel.caller import Caller, Readers, may_read

__all__ = ["Entry", "Frequencies", "Hit", "Lexical", "analyzer"]

WRITER_HEAP_BYTES = 32_000_000
_CHECK = "CHECK.json"
_READERS = "readers.json"
_VOLATILE = frozenset({_CHECK, ".tantivy-meta.lock", ".tantivy-writer.lock"})
_FIELDS = ("body", "context", "title")

Replacement = tuple[str, Readers, Sequence["Entry"]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One chunk as it is indexed: `body` is its text, `context` and `title` help to find it."""

    document_id: str
    ordinal: int
    title: str
    context: str
    body: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that matches, with tantivy's BM25 score within its shelf; higher is better."""

    document_id: str
    ordinal: int
    score: float
    title: str
    context: str
    body: str


@dataclass(frozen=True, slots=True)
class Frequencies:
    """In how many of `chunks` each stem occurs, over the shelves that a caller may read."""

    chunks: int
    of_stem: dict[str, int]


def analyzer() -> Callable[[str], list[str]]:
    """Text to stems as the index makes them: lower case, `ё` as `е`, Russian then English endings cut."""
    words = _words()
    return lambda text: list(words.analyze(_folded(text)))


class Lexical:
    """The shelves below `root`. Safe to use from several threads; writes take turns."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._shelves: dict[str, _Shelf] = {}
        self._turn = threading.Lock()

    def replace(self, documents: Sequence[Replacement]) -> None:
        """Put the entries of these documents in place of all earlier ones; durable on return."""
        if not documents:
            return
        with self._turn:
            self._discover()
            wanted = {_shelf_name(readers): readers for _, readers, entries in documents if entries}
            for name, readers in wanted.items():
                if name not in self._shelves:
                    self._shelves[name] = _Shelf.create(self._root / name, readers)
            ids = [document_id for document_id, _, _ in documents]
            for name, shelf in self._shelves.items():
                fresh = [
                    entry
                    for _, readers, entries in documents
                    if _shelf_name(readers) == name
                    for entry in entries
                ]
                shelf.write(ids, fresh)

    def remove(self, document_ids: Sequence[str]) -> None:
        """Forget these documents; durable on return, no error for unknown ones."""
        if not document_ids:
            return
        with self._turn:
            self._discover()
            for shelf in self._shelves.values():
                shelf.write(document_ids, ())

    def search(
        self, caller: Caller, stems: Sequence[str], *, limit: int, document_ids: Sequence[str] = ()
    ) -> list[Hit]:
        """Chunks that hold any of the stems, at most `limit` from each readable shelf, best first.

        Scores of different shelves are not comparable; `knowledge.rank` scores them anew.
        """
        return [hit for shelf in self._readable(caller) for hit in shelf.search(stems, limit, document_ids)]

    def frequencies(self, caller: Caller, stems: Sequence[str]) -> Frequencies:
        """How common each stem is for this caller."""
        chunks, of_stem = 0, dict.fromkeys(stems, 0)
        for shelf in self._readable(caller):
            searcher = shelf.searcher()
            chunks += searcher.num_docs
            for stem in of_stem:
                of_stem[stem] += max(searcher.doc_freq(field, stem) for field in _FIELDS)
        return Frequencies(chunks, of_stem)

    def entries(self) -> Iterator[tuple[str, int]]:
        """Every (document_id, ordinal) on all shelves, in no order; for comparing with the database."""
        self._discover()
        for shelf in self._shelves.values():
            yield from shelf.entries()

    def check(self) -> list[str]:
        """What is wrong with the files, empty when all is well.

        Waits for a write of this process; another process in the middle of one can look like damage.
        """
        with self._turn:
            self._discover()
            return [wrong for shelf in self._shelves.values() for wrong in shelf.check()]

    def reset(self) -> None:
        """Empty the index, for a rebuild from the database."""
        with self._turn:
            self._shelves.clear()
            shutil.rmtree(self._root, ignore_errors=True)

    def _readable(self, caller: Caller) -> list[_Shelf]:
        self._discover()
        return [shelf for shelf in self._shelves.values() if may_read(caller, shelf.readers)]

    def _discover(self) -> None:
        if not self._root.is_dir():
            return
        for folder in sorted(self._root.iterdir()):
            if folder.name not in self._shelves and (folder / _READERS).is_file():
                self._shelves[folder.name] = _Shelf(folder)


class _Shelf:
    """One tantivy index and the groups that may read it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.readers: Readers = frozenset(json.loads((folder / _READERS).read_text("utf-8")))
        self._open: tuple[tantivy.Index, tantivy.Searcher] | None = None
        self._seen = 0

    @classmethod
    def create(cls, folder: Path, readers: Readers) -> _Shelf:
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{_READERS}.partial"
        partial.write_text(json.dumps(sorted(readers)), "utf-8")
        partial.replace(folder / _READERS)
        return cls(folder)

    def searcher(self) -> tantivy.Searcher:
        """The newest committed state, also when another process committed it."""
        meta = self._folder / "meta.json"
        seen = meta.stat().st_mtime_ns if meta.is_file() else 0
        if self._open is None or seen != self._seen:
            index = self._index()
            index.reload()
            self._open, self._seen = (index, index.searcher()), seen
        return self._open[1]

    def write(self, forget: Sequence[str], entries: Sequence[Entry]) -> None:
        writer = self._index().writer(heap_size=WRITER_HEAP_BYTES, num_threads=1)
        for document_id in forget:
            writer.delete_documents_by_term("document_id", document_id)
        for entry in entries:
            writer.add_document(
                tantivy.Document(
                    document_id=entry.document_id,
                    ordinal=entry.ordinal,
                    title=_folded(entry.title),
                    context=_folded(entry.context),
                    body=_folded(entry.body),
                )
            )
        writer.commit()
        writer.wait_merging_threads()
        self._record_checksums()

    def search(self, stems: Sequence[str], limit: int, document_ids: Sequence[str]) -> list[Hit]:
        searcher = self.searcher()
        query = _query(stems, document_ids)
        if not searcher.num_docs or query is None:
            return []
        found = searcher.search(query, limit=limit, count=False).hits
        return [_hit(searcher.doc(address).to_dict(), float(score)) for score, address in found]

    def entries(self) -> Iterator[tuple[str, int]]:
        searcher = self.searcher()
        if not searcher.num_docs:
            return
        found = searcher.search(tantivy.Query.all_query(), limit=searcher.num_docs, count=False).hits
        for _, address in found:
            fields = searcher.doc(address).to_dict()
            yield str(fields["document_id"][0]), int(fields["ordinal"][0])

    def check(self) -> list[str]:
        recorded = self._folder / _CHECK
        if not (self._folder / "meta.json").is_file():
            return []
        try:
            known = json.loads(recorded.read_text("utf-8"))
        except (OSError, ValueError) as error:
            return [f"{self._folder.name}: {error}"]
        # Files first: opening a truncated segment through a memory map can end the process.
        found = _checksums(self._folder, {})
        wrong = sorted(name for name in known.keys() | found.keys() if known.get(name) != found.get(name))
        if wrong:
            return [f"{self._folder.name}/{name}: content does not match its checksum" for name in wrong]
        try:
            self.searcher()
        except ValueError as error:
            return [f"{self._folder.name}: {error}"]
        return []

    def _index(self) -> tantivy.Index:
        index = tantivy.Index(_SCHEMA, path=str(self._folder), reuse=True)
        index.register_tokenizer("words", _words())
        return index

    def _record_checksums(self) -> None:
        recorded = self._folder / _CHECK
        try:
            known = json.loads(recorded.read_text("utf-8"))
        except (OSError, ValueError):
            known = {}
        partial = recorded.with_suffix(".partial")
        partial.write_text(json.dumps(_checksums(self._folder, known)), "utf-8")
        partial.replace(recorded)


def _checksums(folder: Path, known: dict[str, list[int]]) -> dict[str, list[int]]:
    """Name to [size, CRC-32]. Segment files never change, so a known one of the same size is not read."""
    sums: dict[str, list[int]] = {}
    for path in folder.iterdir():
        if path.name in _VOLATILE or path.suffix == ".partial":
            continue
        size = path.stat().st_size
        before = known.get(path.name)
        immutable = path.suffix != ".json"
        if immutable and before and before[0] == size:
            sums[path.name] = before
        else:
            sums[path.name] = [size, zlib.crc32(path.read_bytes())]
    return sums


def _query(stems: Sequence[str], document_ids: Sequence[str]) -> tantivy.Query | None:
    """Any stem in any field; the fields' weights only choose candidates, `rank` decides the order."""
    if not stems:
        return None
    anywhere = [
        (
            tantivy.Occur.Should,
            tantivy.Query.disjunction_max_query(
                [tantivy.Query.term_query(_SCHEMA, field, stem) for field in _FIELDS], tie_breaker=0.3
            ),
        )
        for stem in stems
    ]
    query = tantivy.Query.boolean_query(anywhere)
    if document_ids:
        within = tantivy.Query.term_set_query(_SCHEMA, "document_id", list(document_ids))
        within = tantivy.Query.const_score_query(within, 0.0)
        query = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, within)])
    return query


def _hit(fields: dict[str, list[object]], score: float) -> Hit:
    def text(name: str) -> str:
        return str(fields.get(name, [""])[0])

    return Hit(
        document_id=text("document_id"),
        ordinal=int(text("ordinal")),
        score=score,
        title=text("title"),
        context=text("context"),
        body=text("body"),
    )


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("document_id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("ordinal", stored=True)
    for name in _FIELDS:
        builder.add_text_field(name, stored=True, tokenizer_name="words", index_option="freq")
    return builder.build()


def _words() -> tantivy.TextAnalyzer:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in (
        tantivy.Filter.lowercase(),
        tantivy.Filter.stemmer("russian"),
        tantivy.Filter.stemmer("english"),
    ):
        builder = builder.filter(step)
    return builder.build()


def _folded(text: str) -> str:
    return text.replace("ё", "е").replace("Ё", "Е")


def _shelf_name(readers: Readers) -> str:
    return hashlib.sha256("\n".join(sorted(readers)).encode()).hexdigest()[:16]


_SCHEMA = _schema()
