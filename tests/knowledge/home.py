"""A home for tests: the real database, index and bytes; files are read in this process, or by a fake."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from inhouse.knowledge.edge.certificate import Certifier, Places
from inhouse.knowledge.edge.chats import StoredChats
from inhouse.knowledge.edge.ingest import DocumentIngest, IngestSettings
from inhouse.knowledge.edge.lexical import Lexical
from inhouse.knowledge.edge.library import DocumentLibrary
from inhouse.knowledge.edge.manifest import UNDO_S, Manifest
from inhouse.knowledge.edge.parse.parsed import Parsed, ParseLimits, Refused
from inhouse.knowledge.edge.parse.pool import Parsers
from inhouse.knowledge.edge.parse.read import read
from inhouse.knowledge.edge.source_desk_rows import SourceRows
from inhouse.knowledge.edge.trash import DocumentTrash
from inhouse.store.blobs import Blobs
from inhouse.store.database import Database
from tests.knowledge.shelf import open_database

NOW = 1_900_000_000.0


class InProcess(Parsers):
    """Reads files without a child; `before` is called with each name and may raise or wait."""

    def __init__(self, *, workers: int = 1) -> None:
        super().__init__(ParseLimits(ocr_languages=""), workers=workers)
        self.read_names: list[str] = []
        self.before: Callable[[str], None] = lambda _name: None

    def parse(self, path: Path, name: str) -> Parsed | Refused:
        self.before(name)
        self.read_names.append(name)
        return read(path, name, text_chars=self.limits.text_chars)


@dataclass(slots=True)
class Home:
    """The open parts; `reopen` is what the next process sees."""

    root: Path
    database: Database
    blobs: Blobs
    lexical: Lexical
    manifest: Manifest
    library: DocumentLibrary
    ingest: DocumentIngest
    parsers: InProcess
    trash: DocumentTrash
    chats: StoredChats
    clock: list[float]
    _closed: list[bool] = field(default_factory=list)

    def reopen(self) -> Home:
        self.close()
        return open_home(self.root)

    def close(self) -> None:
        if not self._closed:
            self._closed.append(True)
            self.ingest.stop()
            self.database.close()

    def blob_names(self) -> set[str]:
        return set(self.blobs.all())


def open_home(root: Path, *, max_file_mb: int = 1, undo_s: float = UNDO_S) -> Home:
    database = open_database(root)
    blobs = Blobs(root / "blobs")
    lexical = Lexical(root / "lexical")
    ids = itertools.count()
    prefix = sum(1 for _ in root.glob("opened-*"))
    (root / f"opened-{prefix}").touch()
    clock = [NOW]
    manifest = Manifest(
        database,
        blobs,
        lexical,
        now=lambda: clock[0],
        new_id=lambda: f"doc-{prefix}-{next(ids)}",
        undo_s=undo_s,
    )
    parsers = InProcess()
    ingest = DocumentIngest(
        manifest,
        parsers,
        root / "incoming",
        settings=IngestSettings(max_file_mb=max_file_mb),
        new_id=lambda: f"job-{prefix}-{next(ids)}",
        on_record=SourceRows(database),
    )
    library = DocumentLibrary(database, blobs, manifest)
    places = Places(index=root / "lexical", backups=root / "backups", logs=root / "logs")
    certifier = Certifier(
        database,
        manifest,
        blobs,
        lexical,
        places,
        now=lambda: clock[0],
        new_id=lambda: f"erasure-{prefix}-{next(ids)}",
    )
    chats = StoredChats(database, now=lambda: clock[0], new_id=lambda: f"chat-{prefix}-{next(ids)}")
    trash = DocumentTrash(database, manifest, certifier)
    return Home(root, database, blobs, lexical, manifest, library, ingest, parsers, trash, chats, clock)


def write(folder: Path, files: dict[str, str]) -> Path:
    """Put these files into the folder and return it."""
    for name, words in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(words, "utf-8")
    return folder
