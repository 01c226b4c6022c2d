"""One shelf of the word index: a tantivy index in a folder, with a checksum of every file.

The text itself is stored: ranking needs it for each candidate, and cutting it out of the database's long
texts is slower. What is deleted stays in the files until tantivy merges them, which it does when it likes;
`rewrite` copies the living entries into a new folder, and then nothing of the rest is left.
"""

from __future__ import annotations

import json
import math
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import tantivy

from inhouse.kernel.caller import Readers
from inhouse.knowledge.edge.index_shelves import durable, folder_size

__all__ = ["FIELDS", "Entry", "Frequent", "Glance", "Hit", "WordShelf", "folded", "words"]

WRITER_HEAP_BYTES = 32_000_000
REWRITE_HEAP_BYTES = 64_000_000
FIELDS = ("body", "context", "title")
_CHECK = "CHECK.json"
_META = "meta.json"
_VOLATILE = frozenset({_CHECK, ".tantivy-meta.lock", ".tantivy-writer.lock"})


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
    """A chunk that matches, with tantivy's BM25 score; higher is better."""

    document_id: str
    ordinal: int
    score: float
    title: str
    context: str
    body: str


@dataclass(frozen=True, slots=True)
class Glance:
    """A shelf at one moment: its entries, and for each stem in how many of them it stands, by field."""

    searcher: tantivy.Searcher | None
    entries: int
    having: Sequence[tuple[int, ...]]

    def best(
        self, stems: Sequence[str], limit: int, within: Sequence[str] | None, whole: Frequent
    ) -> list[tuple[float, tantivy.DocAddress]]:
        """The best `limit` entries with any of the stems, scored by how common these are in the `whole`."""
        if self.searcher is None:
            return []
        query = _query(stems, within, self, whole)
        return list(self.searcher.search(query, limit=limit, count=False).hits)

    def hit(self, score: float, address: tantivy.DocAddress) -> Hit:
        """The entry at an address."""
        assert self.searcher is not None
        return _hit(self.searcher.doc(address).to_dict(), score)


class Frequent(Protocol):
    """How common stems are in all that a caller may read; see `Glance`."""

    @property
    def entries(self) -> int: ...

    @property
    def having(self) -> Sequence[tuple[int, ...]]: ...


class WordShelf:
    """One tantivy index and the groups that may read it. Opened when it is first asked."""

    def __init__(self, folder: Path, readers: Readers) -> None:
        self.folder = folder
        self.readers = readers
        self.stale = True
        self._open: tuple[tantivy.Index, tantivy.Searcher] | None = None
        self._seen: tuple[int, int, int] | None = None
        self._opening = threading.Lock()

    # ---- looking

    def searcher(self) -> tantivy.Searcher | None:
        """The newest committed state, also when another process committed it; None before the first."""
        # Locked: somebody else is opening what was committed, and the state before may hold removed entries.
        if self.stale or self._open is None or self._opening.locked():
            with self._opening:
                if self.stale or self._open is None:
                    self._refresh()
        return self._open[1] if self._open else None

    def _refresh(self) -> None:
        self.stale = False  # before looking: a commit in between sets it again
        try:
            seen = self._meta_seen()
            if seen is not None and (self._open is None or seen != self._seen):
                index = self._open[0] if self._open else self._index()
                index.reload()
                self._open, self._seen = (index, index.searcher()), seen
        except (OSError, ValueError):
            self.stale = True
            raise

    def glance(self, stems: Sequence[str]) -> Glance:
        """How common these stems are here, and the state in which that is so."""
        searcher = self.searcher()
        if searcher is None or not searcher.num_docs:
            return Glance(None, 0, [(0,) * len(FIELDS)] * len(stems))
        return Glance(
            searcher,
            int(searcher.num_docs),
            [tuple(searcher.doc_freq(field, stem) for field in FIELDS) for stem in stems],
        )

    def living(self) -> int:
        """How many entries can be found."""
        searcher = self.searcher()
        return int(searcher.num_docs) if searcher else 0

    def deleted(self) -> int:
        """How many entries are deleted, but still in the files."""
        try:
            meta = json.loads((self.folder / _META).read_text("utf-8"))
        except FileNotFoundError:
            return 0
        return sum((segment["deletes"] or {}).get("num_deleted_docs", 0) for segment in meta["segments"])

    def entries(self) -> Iterator[tuple[str, int]]:
        """Every (document_id, ordinal)."""
        for document in self._documents(tantivy.Query.all_query(), self.searcher()):
            fields = document.to_dict()
            yield str(fields["document_id"][0]), int(fields["ordinal"][0])

    def of(self, document_ids: Sequence[str]) -> list[Entry]:
        """The entries of these documents, as they were put in (`ё` as `е`)."""
        wanted = tantivy.Query.term_set_query(_SCHEMA, "document_id", list(document_ids))
        found = [_hit(one.to_dict(), 0.0) for one in self._documents(wanted, self.searcher())]
        return [Entry(hit.document_id, hit.ordinal, hit.title, hit.context, hit.body) for hit in found]

    def holds(self, document_ids: Sequence[str]) -> bool:
        """True when an entry of any of these documents is here."""
        searcher = self.searcher()
        if searcher is None:
            return False
        return any(searcher.doc_freq("document_id", document_id) for document_id in document_ids)

    def size_bytes(self) -> int:
        """Bytes on the disk."""
        return folder_size(self.folder)

    # ---- writing

    def write(self, forget: Sequence[str], entries: Sequence[Entry]) -> None:
        """Forget documents, put entries in; one commit."""
        writer = self._index().writer(heap_size=WRITER_HEAP_BYTES, num_threads=1)
        for document_id in forget:
            writer.delete_documents_by_term("document_id", document_id)
        for entry in entries:
            writer.add_document(
                tantivy.Document(
                    document_id=entry.document_id,
                    ordinal=entry.ordinal,
                    title=folded(entry.title),
                    context=folded(entry.context),
                    body=folded(entry.body),
                )
            )
        writer.commit()
        writer.wait_merging_threads()
        _record_checksums(self.folder)
        self.stale = True

    def rewrite(self, folder: Path) -> None:
        """Put the living entries into another folder, as the only commit of an index of its own."""
        index = _index_at(folder)
        writer = index.writer(heap_size=REWRITE_HEAP_BYTES, num_threads=1)
        for document in self._documents(tantivy.Query.all_query(), self.searcher()):
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        _record_checksums(folder)

    # ---- damage

    def check(self) -> list[str]:
        """What is wrong with the files."""
        recorded = self.folder / _CHECK
        if not (self.folder / _META).is_file():
            return [f"{self.folder.name}/{_META}: missing"] if recorded.is_file() else []
        try:
            known = json.loads(recorded.read_text("utf-8"))
        except (OSError, ValueError) as error:
            return [f"{self.folder.name}: {error}"]
        # Files first: opening a truncated segment through a memory map can end the process.
        found = _checksums(self.folder, {})
        wrong = sorted(name for name in known.keys() | found.keys() if known.get(name) != found.get(name))
        if wrong:
            return [f"{self.folder.name}/{name}: content does not match its checksum" for name in wrong]
        try:
            self.searcher()
        except ValueError as error:
            return [f"{self.folder.name}: {error}"]
        return []

    # ---- inside

    def _index(self) -> tantivy.Index:
        return _index_at(self.folder)

    def _meta_seen(self) -> tuple[int, int, int] | None:
        try:
            found = (self.folder / _META).stat()
        except FileNotFoundError:
            if not self.folder.is_dir():
                raise  # rewritten meanwhile: the newer folder must be asked
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _documents(
        self, query: tantivy.Query, searcher: tantivy.Searcher | None
    ) -> Iterator[tantivy.Document]:
        if searcher is None or not searcher.num_docs:
            return
        for _, address in searcher.search(query, limit=searcher.num_docs, count=False).hits:
            yield searcher.doc(address)


def words() -> tantivy.TextAnalyzer:
    """Lower case, then Russian, then English endings cut."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in (
        tantivy.Filter.lowercase(),
        tantivy.Filter.stemmer("russian"),
        tantivy.Filter.stemmer("english"),
    ):
        builder = builder.filter(step)
    return builder.build()


def folded(text: str) -> str:
    """The text with `ё` as `е`."""
    return text.replace("ё", "е").replace("Ё", "Е")


def _index_at(folder: Path) -> tantivy.Index:
    index = tantivy.Index(_SCHEMA, path=str(folder), reuse=True)
    # Otherwise tantivy reloads by itself, from a thread of its own, while files are being checked or swapped.
    index.config_reader(reload_policy="Manual")
    index.register_tokenizer("words", words())
    return index


def _record_checksums(folder: Path) -> None:
    recorded = folder / _CHECK
    try:
        known = json.loads(recorded.read_text("utf-8"))
    except (OSError, ValueError):
        known = {}
    durable(recorded, json.dumps(_checksums(folder, known)).encode())


def _checksums(folder: Path, known: dict[str, list[int]]) -> dict[str, list[int]]:
    """Name to [size, CRC-32]. Segment files never change, so a known one of the same size is not read."""
    sums: dict[str, list[int]] = {}
    for path in folder.iterdir():
        if path.name in _VOLATILE or path.suffix == ".partial":
            continue
        size = path.stat().st_size
        before = known.get(path.name)
        immutable = path.suffix != ".json"
        sums[path.name] = before if immutable and before and before[0] == size else [size, _crc(path)]
    return sums


def _crc(path: Path) -> int:
    sum_ = 0
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            sum_ = zlib.crc32(piece, sum_)
    return sum_


def _query(
    stems: Sequence[str], within: Sequence[str] | None, here: Glance, whole: Frequent
) -> tantivy.Query:
    """Any stem in any field; the fields' weights only choose candidates, `rank` decides the order."""
    anywhere = [
        (
            tantivy.Occur.Should,
            tantivy.Query.disjunction_max_query(
                [
                    _term(field, stem, _rarity(whole.entries, all_), _rarity(here.entries, mine))
                    for field, all_, mine in zip(FIELDS, whole.having[at], here.having[at], strict=True)
                    if mine
                ],
                tie_breaker=0.3,
            ),
        )
        for at, stem in enumerate(stems)
        if any(here.having[at])
    ]
    query = tantivy.Query.boolean_query(anywhere)
    if within is not None:
        only = tantivy.Query.term_set_query(_SCHEMA, "document_id", list(within))
        only = tantivy.Query.const_score_query(only, 0.0)
        query = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, only)])
    return query


def _term(field: str, stem: str, rarity: float, rarity_here: float) -> tantivy.Query:
    """tantivy weighs a word by how rare it is on its shelf; it must weigh the same on all of them."""
    query = tantivy.Query.term_query(_SCHEMA, field, stem)
    return query if rarity == rarity_here else tantivy.Query.boost_query(query, rarity / rarity_here)


def _rarity(entries: int, having: int) -> float:
    """As tantivy has it; a deleted entry may still be counted among those that have the word."""
    having = min(having, entries)
    return math.log(1 + (entries - having + 0.5) / (having + 0.5))


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
    for name in FIELDS:
        builder.add_text_field(name, stored=True, tokenizer_name="words", index_option="freq")
    return builder.build()


_SCHEMA = _schema()
