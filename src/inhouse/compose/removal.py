"""The trash of the house: what waits to be removed for good, and who is told when it is."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence

import structlog

from inhouse.config import Home
from inhouse.knowledge.edge.certificate import Certifier, Places
from inhouse.knowledge.edge.lexical import Lexical
from inhouse.knowledge.edge.manifest import Manifest
from inhouse.knowledge.edge.pages import DocumentPages
from inhouse.knowledge.edge.shelving import Vectors
from inhouse.knowledge.edge.trash import DocumentTrash
from inhouse.store.blobs import Blobs
from inhouse.store.database import Database

__all__ = ["open_trash"]

log = structlog.get_logger(__name__)


def open_trash(
    home: Home,
    database: Database,
    manifest: Manifest,
    lexical: Lexical,
    *,
    pages: DocumentPages,
    vectors: Sequence[Vectors] = (),
) -> DocumentTrash:
    """The trash; `start` it in the process that writes. Pictures of pages go with their documents."""
    manifest.gone.append(lambda _ids, hashes: pages.forget(hashes))
    certifier = Certifier(
        database,
        manifest,
        Blobs(home.blobs),
        lexical,
        Places(index=home.index, backups=home.backups, logs=home.logs),
        now=time.time,
        new_id=lambda: secrets.token_hex(16),
        vectors=vectors,
        pictures=pages.held,
    )
    return DocumentTrash(
        database, manifest, certifier, log=lambda event, words: log.warning(event, detail=words)
    )
