"""The connection to Chroma: files of this process, or a server; and its errors in our words."""

from __future__ import annotations

import functools
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

from inhouse.kernel.errors import MissingExtra

__all__ = ["ChromaConnection", "ChromaSilent", "Collection", "failures", "spoken"]

P = ParamSpec("P")
T = TypeVar("T")
Collection = Any  # chromadb is an extra, and its types with it


class ChromaSilent(OSError):
    """The Chroma server does not answer."""


def spoken(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:  # Any: self
    """Turn the errors of chromadb and of its connection into `ChromaSilent`."""

    @functools.wraps(method)
    def guarded(self: Any, /, *given: P.args, **named: P.kwargs) -> T:  # Any: as above
        try:
            return method(self, *given, **named)
        except failures() as error:
            raise ChromaSilent(f"Chroma does not answer: {error}") from error

    return guarded


class ChromaConnection:
    """One Chroma: files of this process below `folder`, or the server at `url`. Connects when it is asked."""

    def __init__(self, *, folder: Path | None = None, url: str = "") -> None:
        self.folder = folder
        self.turn = threading.RLock()
        self._url = url
        self._client: Any = None  # chromadb.api.ClientAPI

    def client(self) -> Any:  # Any: see `_client`
        """The connection.

        Raises:
            MissingExtra: if chromadb is not installed.
            ChromaSilent: if the server does not answer.
        """
        with self.turn:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def close(self) -> None:
        """Give the files or the connection back."""
        with self.turn:
            if self._client is not None:
                self._client.close()
                self._client = None

    def collections(self) -> list[Collection]:
        """Every collection there is."""
        found: list[Collection] = []
        size = 1_000
        while True:
            page = self.client().list_collections(limit=size, offset=len(found))
            found += page
            if len(page) < size:
                return found

    def size_bytes(self) -> int:
        """Bytes of the files of this process; 0 for a server, which does not say."""
        if self.folder is None:
            return 0
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def damage(self) -> str:
        """What SQLite itself finds wrong with the files of this process; empty when all is well."""
        database = self.folder / "chroma.sqlite3" if self.folder else None
        if database is None or not database.is_file():
            return ""
        with closing(sqlite3.connect(database)) as connection:
            said = str(connection.execute("PRAGMA integrity_check").fetchone()[0])
        return "" if said == "ok" else f"{database.name}: {said}"

    def sweep(self) -> None:
        """Remove the graphs of collections that are gone, and the free pages of the database."""
        if self.folder is None:
            return
        self.close()
        with closing(sqlite3.connect(self.folder / "chroma.sqlite3", isolation_level=None)) as connection:
            living = {row[0] for row in connection.execute("SELECT id FROM segments")}
            connection.execute("VACUUM")
        for path in self.folder.iterdir():
            if path.is_dir() and path.name not in living:
                shutil.rmtree(path, ignore_errors=True)

    def _connect(self) -> Any:  # Any: see `_client`
        chromadb, settings = library()
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            return chromadb.PersistentClient(str(self.folder), settings=settings)
        parts = urlsplit(self._url)
        tls = parts.scheme == "https"
        port = parts.port or (443 if tls else 80)
        refusals: tuple[type[Exception], ...] = (ValueError, *failures())  # it makes ValueErrors of some
        try:
            return chromadb.HttpClient(host=parts.hostname, port=port, ssl=tls, settings=settings)
        except refusals as error:
            raise ChromaSilent(f"Chroma at {self._url} does not answer: {error}") from error


def failures() -> tuple[type[Exception], ...]:
    """What chromadb raises when the store or the connection fails, beside `OSError`."""
    try:
        import httpx
        from chromadb.errors import ChromaError
    except ImportError:
        return ()  # not installed: nothing of it is raised, and `library` says so

    return ChromaError, httpx.HTTPError


def library() -> tuple[Any, Any]:  # Any: the module and its settings, see `Collection`
    try:
        import chromadb
        from chromadb.config import Settings
    except ImportError as error:
        raise MissingExtra(
            f"retrieval.vectors is `chroma`, but chromadb cannot be imported: {error}",
            hint='pip install "inhouse[chroma]", or set retrieval.vectors to `files`',
        ) from error
    return chromadb, Settings(anonymized_telemetry=False)
