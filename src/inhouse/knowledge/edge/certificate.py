"""Removes documents for good, then looks everywhere whether anything of them is left, and says so honestly.

Before the removal a few stretches of each document are chosen that stand nowhere else in the house. They are
looked for afterwards in every file of the index and the database; whether they could be seen there before is
part of what is said, since not finding them proves nothing in a file that would have hidden them anyway.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, func, select

from inhouse.kernel.caller import Caller
from inhouse.knowledge.edge.lexical import Lexical, analyzer
from inhouse.knowledge.edge.manifest import Manifest
from inhouse.knowledge.edge.rows import batches
from inhouse.knowledge.edge.shelving import Vectors
from inhouse.knowledge.edge.tables import (
    abbreviations,
    chats,
    chunks,
    cited,
    documents,
    golden,
    messages,
    texts,
)
from inhouse.knowledge.ports.removal import Certificate, Erased, Finding
from inhouse.knowledge.samples import samples_of
from inhouse.store.blobs import Blobs
from inhouse.store.database import Database

__all__ = ["Certifier", "Places", "certificate_from_json", "certificate_to_json"]

SAMPLES_EACH = 3
MOST_SAMPLES = 12
"""Each is looked for in every file, about a second for each gigabyte."""
BLOCK_BYTES = 4 << 20
SEARCH_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Places:
    """Where this house keeps things: `index` and `backups` are folders, `logs` is where the log files lie."""

    index: Path
    backups: Path
    logs: Path


class Certifier:
    """Removes and verifies. `pictures` counts the page pictures that are remembered of some SHA-256."""

    def __init__(
        self,
        database: Database,
        manifest: Manifest,
        blobs: Blobs,
        lexical: Lexical,
        places: Places,
        *,
        now: Callable[[], float],
        new_id: Callable[[], str],
        vectors: Sequence[Vectors] = (),
        pictures: Callable[[Sequence[str]], int] = lambda _hashes: 0,
    ) -> None:
        self._database = database
        self._manifest = manifest
        self._blobs = blobs
        self._lexical = lexical
        self._vectors = vectors
        self._places = places
        self._now = now
        self._new_id = new_id
        self._pictures = pictures
        self._stems = analyzer()

    def erase(self, asked_by: str, document_ids: Sequence[str]) -> Certificate:
        """Remove these documents and say what was there, and what is left.

        Raises:
            HomeUnusable: if the disk is full or read-only. The documents are invisible then, and the removal
                is finished at the next start, without a certificate.
        """
        described = self._describe(document_ids)
        origins = self._origins(document_ids)
        samples = self._samples(document_ids)
        seen_before = self._files_with(samples)
        found_before = self._found(document_ids, samples)
        answers = self._manifest.erase(document_ids)
        wiped = self._manifest.wipe()
        erased = tuple(_with_answers(one, answers) for one in described)
        findings = (
            self._rows_left(document_ids),
            self._bytes_left(erased),
            self._search_left(document_ids, samples, found_before),
            self._index_left(document_ids),
            self._words_left(samples, seen_before, wiped),
        )
        return Certificate(
            erasure_id=self._new_id(),
            erased_at=self._now(),
            asked_by=asked_by,
            documents=erased,
            findings=findings,
            not_covered=(*self._backups(document_ids), *origins, *self._elsewhere()),
        )

    # ---- before

    def _describe(self, ids: Sequence[str]) -> list[Erased]:
        vectors: dict[str, int] = dict.fromkeys(ids, 0)
        for index in self._vectors:
            for document_id, _ in index.entries():
                if document_id in vectors:
                    vectors[document_id] += 1
        described: list[Erased] = []
        with self._database.read() as connection:
            for some in batches(ids):
                rows = connection.execute(select(documents).where(documents.c.document_id.in_(some)))
                for row in rows.all():
                    same = select(func.count()).where(
                        documents.c.sha256 == row.sha256,
                        documents.c.sha256 != "",
                        documents.c.document_id.not_in(ids),
                    )
                    shared = int(connection.execute(same).scalar_one())
                    held = self._blobs.path(row.sha256) if row.sha256 and not shared else None
                    described.append(
                        Erased(
                            document_id=row.document_id,
                            document=row.path,
                            source=row.source,
                            sha256=row.sha256,
                            size_bytes=row.size_bytes,
                            chunks=row.chunk_count,
                            vectors=vectors[row.document_id],
                            blob_bytes=held.stat().st_size if held and held.is_file() else 0,
                            shared_with=shared,
                            page_images=self._pictures([row.sha256]) if not shared else 0,
                            answers=0,
                        )
                    )
        return described

    def _origins(self, ids: Sequence[str]) -> list[str]:
        """What the files are that these documents were taken from: nobody here touches them."""
        told: list[str] = []
        with self._database.read() as connection:
            for some in batches(ids):
                rows = connection.execute(select(documents).where(documents.c.document_id.in_(some))).all()
                for row in rows:
                    if not row.origin:
                        continue
                    place = f"{row.origin.rstrip('/')}/{row.path}"
                    again = ""
                    if "://" not in place and Path(place).is_file():
                        again = ": it is still there, and the next look at the source takes it in again"
                    told.append(f"the file it came from, {place}{again}")
        return told

    def _samples(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Stretches of these documents that stand neither in another document nor in a question."""
        chosen: list[str] = []
        each = max(1, min(SAMPLES_EACH, MOST_SAMPLES // len(ids)))
        with self._database.read() as connection:
            for document_id in ids[:MOST_SAMPLES]:
                query = select(texts.c.text).where(texts.c.document_id == document_id)
                text = str(connection.execute(query).scalar() or "")
                own = (one for one in samples_of(text) if not _stands_elsewhere(connection, one, ids))
                chosen += [one for one, _ in zip(own, range(each), strict=False)]
        return tuple(chosen[:MOST_SAMPLES])

    # ---- after

    def _rows_left(self, ids: Sequence[str]) -> Finding:
        left = 0
        with self._database.read() as connection:
            for some in batches(ids):
                for table in (documents, texts, chunks, abbreviations, cited):
                    counted = select(func.count()).select_from(table).where(table.c.document_id.in_(some))
                    left += int(connection.execute(counted).scalar_one())
        detail = "no row of the database names them" if not left else f"{left} rows are left"
        return Finding("rows", not left, detail)

    def _bytes_left(self, erased: Sequence[Erased]) -> Finding:
        kept = [one for one in erased if one.sha256 and self._blobs.path(one.sha256).is_file()]
        shared = [one for one in kept if one.shared_with]
        if len(kept) > len(shared):
            return Finding("bytes", False, f"{len(kept) - len(shared)} files are left")
        if shared:
            others = sum(one.shared_with for one in shared)
            return Finding(
                "bytes", None, f"{len(shared)} were kept: {others} other documents have the same bytes"
            )
        return Finding("bytes", True, "no file with their bytes is kept")

    def _search_left(self, ids: Sequence[str], samples: Sequence[str], found_before: int) -> Finding:
        if not samples:
            return Finding("search", None, "they had no words of their own to search for")
        found = self._found(ids, samples)
        before = f"the same searches found {found_before} of {len(ids)} before"
        if found:
            return Finding("search", False, f"{found} documents are still found; {before}")
        return Finding("search", True, f"their words find none of them, whoever asks; {before}")

    def _index_left(self, ids: Sequence[str]) -> Finding:
        wanted = set(ids)
        entries = sum(document_id in wanted for document_id, _ in self._lexical.entries())
        waiting = self._lexical.counts().deleted
        for index in self._vectors:
            entries += sum(document_id in wanted for document_id, _ in index.entries())
            waiting += index.counts().deleted
        if entries or waiting:
            return Finding("index", False, f"{entries} entries are left, {waiting} are deleted but not wiped")
        return Finding("index", True, "no entry is left, and none is deleted without being wiped")

    def _words_left(self, samples: Sequence[str], before: Mapping[str, int], wiped: bool) -> Finding:
        if not samples:
            return Finding("files", None, "every stretch of them stands in other documents or questions, too")
        after = self._files_with(samples)
        if after:
            named = ", ".join(sorted(after))
            return Finding("files", False, f"words of them stand in {named}")
        seen = ", ".join(sorted(before)) or "no file, as all were compressed"
        detail = f"{len(samples)} stretches of them stand in no file of the index and the database;"
        detail += f" before they stood in {seen}"
        if not wiped:
            return Finding("files", None, f"{detail}; the log of the database could not be emptied yet")
        return Finding("files", True if before else None, detail)

    # ---- what is looked through

    def _found(self, ids: Sequence[str], samples: Sequence[str]) -> int:
        """How many of the documents a search for the samples brings up, asked for every set of readers."""
        with self._database.read() as connection:
            sets = connection.execute(select(documents.c.readers).distinct()).scalars().all()
        groups = [frozenset[str](json.loads(one)) for one in sets]
        groups.append(frozenset[str]().union(*groups))
        found: set[str] = set()
        for sample in samples:
            stems = list(dict.fromkeys(self._stems(sample)))
            for some in groups:
                hits = self._lexical.search(
                    Caller("certificate", some), stems, limit=SEARCH_LIMIT, within=ids
                )
                found.update(hit.document_id for hit in hits)
        return len(found & set(ids))

    def _files_with(self, samples: Sequence[str]) -> dict[str, int]:
        """File name to how many of the samples stand in it."""
        needles = [words.encode() for sample in samples for words in {sample, sample.replace("ё", "е")}]
        found: dict[str, int] = {}
        for path in self._files():
            try:
                count = len(_standing_in(path, needles))
            except FileNotFoundError:
                continue  # replaced by a commit since it was listed
            if count:
                found[path.name] = count
        return found

    def _files(self) -> Iterator[Path]:
        main = self._database.path
        yield from (path for path in (main, main.with_name(f"{main.name}-wal")) if path.is_file())
        yield from sorted(path for path in self._places.index.rglob("*") if path.is_file())

    def _backups(self, ids: Sequence[str]) -> list[str]:
        """Copies of the database that hold one of the documents, or may."""
        told: list[str] = []
        for path in sorted(self._places.backups.glob("*")):
            if not path.is_file():
                continue
            holds = _holds(path, ids)
            if holds is None:
                told.append(f"the backup {path}: it could not be looked into")
            elif holds:
                told.append(f"the backup {path} holds it: delete that file if it must go from there, too")
        return told

    def _elsewhere(self) -> list[str]:
        return [
            f"log files in {self._places.logs}: they may name a document, never its text",
            "questions that people typed, and answers that they copied, exported or sent",
            "questions for evaluation as people typed them, and the files that they were imported from",
            "what engines that wrote answers keep themselves",
            "what a disk keeps of deleted or overwritten files, and snapshots and backups of the disk",
        ]


def certificate_to_json(certificate: Certificate) -> str:
    """For `erasures.body`."""
    return json.dumps(asdict(certificate), ensure_ascii=False)


def certificate_from_json(body: str) -> Certificate:
    """What `certificate_to_json` wrote."""
    kept = json.loads(body)
    return Certificate(
        erasure_id=kept["erasure_id"],
        erased_at=kept["erased_at"],
        asked_by=kept["asked_by"],
        documents=tuple(Erased(**one) for one in kept["documents"]),
        findings=tuple(Finding(**one) for one in kept["findings"]),
        not_covered=tuple(kept["not_covered"]),
    )


def _with_answers(one: Erased, answers: Mapping[str, int]) -> Erased:
    return Erased(**{**asdict(one), "answers": answers.get(one.document_id, 0)})


def _stands_elsewhere(connection: Connection, sample: str, ids: Sequence[str]) -> bool:
    """True when the words are in another document, or in what a person typed."""
    others = select(texts.c.document_id).where(
        texts.c.document_id.not_in(ids), func.instr(texts.c.text, sample) > 0
    )
    typed = select(messages.c.message_id).where(
        messages.c.role == "user", func.instr(messages.c.text, sample) > 0
    )
    titled = select(chats.c.chat_id).where(func.instr(chats.c.title, sample) > 0)
    tested = select(golden.c.golden_id).where(func.instr(golden.c.question, sample) > 0)
    asked = (others, typed, titled, tested)
    return any(connection.execute(query.limit(1)).first() is not None for query in asked)


def _standing_in(path: Path, needles: Iterable[bytes]) -> set[bytes]:
    wanted = list(needles)
    overlap = max(map(len, wanted), default=0)
    found: set[bytes] = set()
    rest = b""
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            piece = rest + block
            found.update(needle for needle in wanted if needle in piece)
            rest = piece[-overlap:] if overlap else b""
    return found


def _holds(path: Path, ids: Sequence[str]) -> bool | None:
    """Whether a copy of the database has one of the documents, None when nobody can tell."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)) as copy:
            for some in batches(ids):
                marks = ",".join("?" * len(some))
                query = f"SELECT 1 FROM documents WHERE document_id IN ({marks}) LIMIT 1"  # noqa: S608  marks only
                if copy.execute(query, list(some)).fetchone():
                    return True
        return False
    except sqlite3.Error:
        return None
