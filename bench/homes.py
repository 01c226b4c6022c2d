"""A throw-away home with the parts that an ingest needs, joined as `compose` joins them."""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from inhouse.knowledge.edge import migrations
from inhouse.knowledge.edge.ingest import DocumentIngest, IngestSettings
from inhouse.knowledge.edge.lexical import Lexical
from inhouse.knowledge.edge.library import DocumentLibrary
from inhouse.knowledge.edge.manifest import Manifest
from inhouse.knowledge.edge.parse.parsed import ParseLimits
from inhouse.knowledge.edge.parse.pool import Parsers
from inhouse.store.blobs import Blobs
from inhouse.store.database import Database, Migrations

__all__ = ["Home", "open_home", "shared_data", "tree_resident_bytes"]

MIGRATIONS = Migrations(migrations.FOLDER, migrations.HEAD)


@dataclass(frozen=True, slots=True)
class Home:
    """The open parts of a home."""

    database: Database
    lexical: Lexical
    manifest: Manifest
    library: DocumentLibrary
    parsers: Parsers
    ingest: DocumentIngest

    def close(self) -> None:
        self.ingest.stop()
        self.database.close()


def open_home(root: Path, *, limits: ParseLimits = ParseLimits(), workers: int = 0) -> Home:  # noqa: B008
    """Open or create a home at `root`; `workers` 0 means as the product chooses."""
    state = root / "state"
    database = Database.open(state / "inhouse.db", [MIGRATIONS], backups=root / "backups")
    blobs = Blobs(state / "blobs")
    lexical = Lexical(state / "index" / "lexical")
    manifest = Manifest(database, blobs, lexical, now=time.time, new_id=lambda: uuid.uuid4().hex)
    workers = workers or max((os.cpu_count() or 1) // 2, 1)
    parsers = Parsers(limits, workers=workers)
    ingest = DocumentIngest(
        manifest,
        parsers,
        state / "incoming",
        settings=IngestSettings(max_file_mb=100),
        new_id=lambda: uuid.uuid4().hex,
    )
    return Home(database, lexical, manifest, DocumentLibrary(database, blobs, manifest), parsers, ingest)


def shared_data(given: str | None) -> Path:
    """The folder with the data to try on: the argument, else `../shared/data` beside the checkout."""
    return Path(given) if given else Path(__file__).resolve().parents[2] / "shared" / "data"


def tree_resident_bytes() -> int:
    """Resident memory of this process and everything that it started (Linux)."""
    pids, total = [os.getpid()], 0
    for pid in pids:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf(
                "SC_PAGE_SIZE"
            )
            for task in Path(f"/proc/{pid}/task").iterdir():
                pids += map(int, (task / "children").read_text("ascii").split())
        except OSError:
            continue  # it ended while we looked
    return total
