"""The desk of sources, built from settings."""

from __future__ import annotations

import os
import time

import structlog

from inhouse.config import Home, Loaded
from inhouse.knowledge.edge.connect.folder import FolderConnector
from inhouse.knowledge.edge.connect.imap import ImapConnector
from inhouse.knowledge.edge.connect.look import Connector
from inhouse.knowledge.edge.connect.s3 import S3Connector
from inhouse.knowledge.edge.connect.smb import SmbConnector
from inhouse.knowledge.edge.connect.web import WebConnector
from inhouse.knowledge.edge.connect.webdav import WebdavConnector
from inhouse.knowledge.edge.manifest import Manifest
from inhouse.knowledge.edge.source_desk import SourceDesk
from inhouse.knowledge.edge.source_desk_look import DeskSettings, SourceLook, Taking
from inhouse.knowledge.edge.source_desk_rows import SourceRows
from inhouse.knowledge.edge.source_desk_shelves import ManifestShelves
from inhouse.knowledge.source_urls import host_port_in
from inhouse.store.database import Database

__all__ = ["open_sources"]

log = structlog.get_logger(__name__)


def open_sources(
    loaded: Loaded, home: Home, database: Database, manifest: Manifest, ingest: Taking | None
) -> SourceDesk:
    """The desk; it only shows when `ingest` is None. Call its `start` and `stop`."""
    connectors: dict[str, Connector] = {
        "folder": FolderConnector(leave_out=home.root),
        "web": WebConnector(),
        "imap": ImapConnector(),
        "s3": S3Connector(),
        "webdav": WebdavConnector(),
        "smb": SmbConnector(),
    }
    shelves = ManifestShelves(manifest)

    def tell(event: str, words: str) -> None:
        log.warning(event, detail=words)

    looks = None
    if ingest is not None:
        settings = DeskSettings(
            incoming=home.incoming / "fetched",
            max_bytes=loaded.settings.ingest.max_file_mb << 20,
            environment=os.environ,
            private_hosts=frozenset(host_port_in(pair) for pair in loaded.settings.sources.private_hosts),
        )
        looks = SourceLook(shelves, ingest, connectors, settings, now=time.time, log=tell)
    return SourceDesk(SourceRows(database), shelves, looks, now=time.time, log=tell)
