"""Files kept under the hash of their content, so that equal content is stored once."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["Blobs"]

CHUNK_BYTES = 1 << 20


class Blobs:
    """A folder of immutable files named by their SHA-256 in lower-case hex.

    A file is complete as soon as its name exists: it is written beside and renamed. Who still refers
    to a blob is not known here; `remove` is the caller's decision.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, source: Path | BinaryIO) -> str:
        """Keep the content and return its hash.

        Raises:
            OSError: if the source cannot be read or the disk is full; nothing is left behind.
        """
        self._root.mkdir(parents=True, exist_ok=True)
        incoming = self._root / f"incoming-{os.getpid()}-{os.urandom(6).hex()}"
        digest = hashlib.sha256()
        try:
            with incoming.open("wb") as out:
                if isinstance(source, Path):
                    with source.open("rb") as stream:
                        _copy(stream, out, digest)
                else:
                    _copy(source, out, digest)
                out.flush()
                os.fsync(out.fileno())
            target = self.path(digest.hexdigest())
            target.parent.mkdir(exist_ok=True)
            incoming.replace(target)
        finally:
            incoming.unlink(missing_ok=True)
        return digest.hexdigest()

    def path(self, sha256: str) -> Path:
        """Where the content lies, or would lie; ask `.is_file()` of it."""
        return self._root / sha256[:2] / sha256

    def remove(self, sha256: str) -> None:
        """Forget the content; no error when it is not there."""
        self.path(sha256).unlink(missing_ok=True)

    def all(self) -> Iterator[str]:
        """Hashes of everything kept, in no order."""
        for path in self._root.glob("[0-9a-f][0-9a-f]/*"):
            yield path.name

    def sweep(self) -> int:
        """Remove what an interrupted `put` left; return how many."""
        left = list(self._root.glob("incoming-*")) if self._root.is_dir() else []
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def free_bytes(self) -> int:
        """Free space on the disk that holds the blobs."""
        folder = self._root if self._root.is_dir() else self._root.parent
        return shutil.disk_usage(folder).free


def _copy(stream: BinaryIO, out: BinaryIO, digest: hashlib._Hash) -> None:
    while block := stream.read(CHUNK_BYTES):
        digest.update(block)
        out.write(block)
