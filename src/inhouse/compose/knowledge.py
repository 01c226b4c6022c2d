"""The knowledge room, built from settings."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import structlog
from sqlalchemy import select

from inhouse.config import Home, Loaded
from inhouse.kernel.errors import MissingExtra
from inhouse.kernel.ports import Embedder
from inhouse.ops.edge import probes
from inhouse.store.blobs import Blobs
from inhouse.store.database import Database
from inhouse.store.lock import HomeLock

if "knowledge" in probes.missing_extras():
    raise MissingExtra(
        "The parts that read documents are not installed", hint="pip install 'inhouse[knowledge]'"
    )

from inhouse.compose.legs import open_legs, open_store
from inhouse.compose.removal import open_trash
from inhouse.compose.sources import open_sources
from inhouse.knowledge.chunk import Cut
from inhouse.knowledge.edge.glossary import StoredGlossary
from inhouse.knowledge.edge.ingest import DocumentIngest, IngestSettings
from inhouse.knowledge.edge.lexical import Lexical
from inhouse.knowledge.edge.library import DocumentLibrary
from inhouse.knowledge.edge.manifest import Manifest
from inhouse.knowledge.edge.pages import DocumentPages
from inhouse.knowledge.edge.parse.ocr import installed as ocr_installed
from inhouse.knowledge.edge.parse.parsed import ParseLimits
from inhouse.knowledge.edge.parse.pool import Parsers
from inhouse.knowledge.edge.recut import recut
from inhouse.knowledge.edge.retrieve import Retrieve
from inhouse.knowledge.edge.retrieve_desk import SearchDesk
from inhouse.knowledge.edge.source_desk import SourceDesk
from inhouse.knowledge.edge.source_desk_rows import SourceRows
from inhouse.knowledge.edge.tables import documents
from inhouse.knowledge.edge.trash import DocumentTrash

__all__ = ["Knowledge", "index_is_gone", "open_knowledge"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The open room. `ingest` is None when this process may not write."""

    library: DocumentLibrary
    manifest: Manifest
    lexical: Lexical
    retrieve: Retrieve
    search_desk: SearchDesk
    glossary: StoredGlossary
    pages: DocumentPages
    trash: DocumentTrash
    sources: SourceDesk
    ingest: DocumentIngest | None
    ocr: bool


@contextlib.asynccontextmanager
async def open_knowledge(
    loaded: Loaded, home: Home, database: Database, *, writer: bool, embedder: Embedder | None = None
) -> AsyncIterator[Knowledge]:
    """The room for the time of the block; a writer first finishes what a dead process left half done.

    `embedder` makes vectors of texts; without it words alone are searched.
    """
    lexical = Lexical(home.index / "lexical")
    store = open_store(loaded, home)
    manifest = Manifest(
        database,
        Blobs(home.blobs),
        lexical,
        now=time.time,
        new_id=lambda: secrets.token_hex(16),
        vectors=[store],
        undo_s=loaded.settings.ingest.undo_hours * 3600.0,
        cut=_cut(loaded),
    )
    await asyncio.to_thread(_heal, home, database, lexical, manifest, writer=writer)
    parsers = Parsers(_limits(loaded), workers=_workers(loaded))
    # Its own child, so that a page is drawn at once while a long scan is being read.
    painter = Parsers(_limits(loaded), workers=1)
    library = DocumentLibrary(database, Blobs(home.blobs), manifest)
    ingest = None
    if writer:
        ingest = DocumentIngest(
            manifest,
            parsers,
            home.incoming,
            settings=IngestSettings(max_file_mb=loaded.settings.ingest.max_file_mb, workers=parsers.workers),
            new_id=lambda: secrets.token_hex(16),
            log=lambda event, words: log.warning(event, detail=words),
            leave_out=home.root,
            on_record=SourceRows(database),
        )
        ingest.start()
    pages = DocumentPages(library, painter)
    trash = open_trash(home, database, manifest, lexical, pages=pages, vectors=[store])
    if writer:
        trash.start()
    legs = open_legs(loaded, database, lexical, library, store=store, embedder=embedder, writer=writer)
    manifest.gone.append(lambda ids, _hashes: legs.retrieve.forget(ids))
    legs.start()
    try:
        yield Knowledge(
            library=library,
            manifest=manifest,
            lexical=lexical,
            retrieve=legs.retrieve,
            search_desk=legs.desk,
            glossary=legs.glossary,
            pages=pages,
            trash=trash,
            sources=open_sources(loaded, home, database, manifest, ingest),
            ingest=ingest,
            ocr=ocr_installed(),
        )
    finally:
        await legs.stop()
        if ingest is not None:
            await asyncio.to_thread(ingest.stop)
            await asyncio.to_thread(trash.stop)
        await asyncio.to_thread(parsers.close)
        await asyncio.to_thread(painter.close)


def index_is_gone(home: Home, database: Database) -> bool:
    """True when there are documents to find and nothing to find them with."""
    if any((home.index / "lexical").glob("*/meta.json")):
        return False
    searchable = select(documents.c.document_id).where(
        documents.c.status == "indexed", documents.c.chunk_count > 0
    )
    with database.read() as connection:
        return connection.execute(searchable.limit(1)).first() is not None


def _heal(home: Home, database: Database, lexical: Lexical, manifest: Manifest, *, writer: bool) -> None:
    """Finish half-done work and rebuild a damaged index; a reader does so only when nobody else can."""
    if writer:
        anew = recut(database, manifest.cut)
        said = [f"{anew} documents were cut anew, as retrieval.* says"] if anew else []
        _say([*said, *manifest.recover()])
    elif (lexical.check() or index_is_gone(home, database)) and HomeLock(home.lock).owner() is None:
        with HomeLock(home.lock) as lock:
            lock.take("repair")
            _say(manifest.recover())


def _say(done: list[str]) -> None:
    for words in done:
        log.warning("repaired", detail=words)


def _limits(loaded: Loaded) -> ParseLimits:
    ingest = loaded.settings.ingest
    return ParseLimits(
        timeout_s=float(ingest.parse_timeout_s),
        memory_mb=ingest.parse_memory_mb,
        text_chars=ingest.max_text_chars,
        ocr_languages=ingest.ocr_languages if ingest.ocr == "auto" else "",
    )


def _cut(loaded: Loaded) -> Cut:
    wanted = loaded.settings.retrieval
    return Cut(wanted.chunk_chars, wanted.overlap_sentences, wanted.headings)


def _workers(loaded: Loaded) -> int:
    """Half of the cores by default: reading documents must not slow answers down."""
    return loaded.settings.ingest.workers or max(1, (os.cpu_count() or 2) // 2)
