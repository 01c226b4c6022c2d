"""The files of the documents, as they were taken in: kept before they are read, dropped when unneeded."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import select

from inhouse.knowledge.edge.tables import documents
from inhouse.store.blobs import Blobs
from inhouse.store.database import Database

__all__ = ["KeptBytes"]


class KeptBytes:
    """Bytes are needed while a document has their hash, or while somebody holds them for one to come."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs
        self._held: Counter[str] = Counter()
        self._turn = threading.Lock()

    def keep(self, path: Path) -> str:
        """Keep and hold the bytes of a file and return their hash; they stay until `settle` or `release`.

        Raises:
            OSError: if the file cannot be read or the disk is full.
        """
        while True:
            sha256 = self._blobs.put(path)
            with self._turn:
                self._held[sha256] += 1
                if self._blobs.path(sha256).is_file():
                    return sha256
            # A removal was faster than our hold. The file may have other bytes by now.
            self.release(sha256)

    def path(self, sha256: str) -> Path:
        """Where kept bytes lie."""
        return self._blobs.path(sha256)

    def settle(self, taken: Iterable[str], replaced: Iterable[str]) -> None:
        """The held bytes `taken` belong to documents now; `replaced` are what these had before."""
        with self._turn:
            self._held.subtract(sha256 for sha256 in taken if sha256)
        self.drop_unused(replaced)

    def release(self, sha256: str) -> None:
        """Give up a hold; bytes that nobody needs go."""
        self.settle([sha256], [sha256])

    def drop_unused(self, hashes: Iterable[str]) -> int:
        """Remove those of the bytes that no document and no hold refers to; return how many."""
        dropped = 0
        with self._turn:
            candidates = {sha256 for sha256 in hashes if sha256 and self._held[sha256] <= 0}
            if not candidates:
                return 0
            with self._database.read() as connection:
                used = set(connection.execute(select(documents.c.sha256).distinct()).scalars())
            for sha256 in candidates:
                del self._held[sha256]
                if sha256 not in used:
                    self._blobs.remove(sha256)
                    dropped += 1
        return dropped

    def sweep(self) -> int:
        """Remove everything that an interrupted process left; return how many files."""
        return self._blobs.sweep() + self.drop_unused(set(self._blobs.all()))
