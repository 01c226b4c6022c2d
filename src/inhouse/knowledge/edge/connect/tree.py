"""Goes through folders on another machine, whichever protocol lists them."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Protocol

from inhouse.kernel.errors import Unavailable
from inhouse.knowledge.acl_rules import FOLDER_FILE, FolderFile
from inhouse.knowledge.edge.connect.look import MOST_FILES, Ask, Seen, time_ns, write_limited
from inhouse.knowledge.edge.sources import NOBODY, is_junk, reader_file, shown_path
from inhouse.knowledge.plan import Found, Unreadable, Walk

__all__ = ["Entry", "Tree", "look_through"]

DEEPEST = 100
"""Folders in folders; deeper is a circle that the server made."""
MOST_FOLDERS = 200_000
"""A server that makes up folders must not keep us for ever."""
READER_FILE_BYTES = 64_001


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in a folder. `name` is its path below the root; `version` is an etag or the like."""

    name: str
    is_folder: bool
    size_bytes: int = 0
    modified_at: float = 0.0
    version: str = ""


class Tree(Protocol):
    """Folders on another machine, open for one look. Errors are OSError, with words for a person."""

    def entries(self, folder: str) -> Iterable[Entry]:
        """What lies in a folder, or all that lies below it; "" is the root."""
        ...

    def pieces(self, name: str) -> Iterator[bytes]:
        """The content of a file; called from several threads."""
        ...

    def close(self) -> None:
        """Give connections back."""
        ...


def look_through(tree: Tree, ask: Ask, where: str) -> Seen:
    """Everything below the root; `where` names it for a person. The tree is closed when it is not needed.

    Raises:
        Unavailable: if the root cannot be listed.
    """
    try:
        return _Look(tree, ask).run(where)
    except BaseException:
        tree.close()
        raise


class _Look:
    def __init__(self, tree: Tree, ask: Ask) -> None:
        self._tree = tree
        self._ask = ask
        self._files: list[Found] = []
        self._unreadable: list[Unreadable] = []
        self._readers: list[FolderFile] = []
        self._skipped = 0

    def run(self, where: str) -> Seen:
        waiting, looked = [""], 0
        while waiting:
            self._ask.check()
            folder = waiting.pop()
            looked += 1
            if looked > MOST_FOLDERS:
                raise Unavailable(f"{where} has more than {MOST_FOLDERS:,} folders", hint="name one of them")
            try:
                below = self._tree.entries(folder)
                waiting += [entry.name for entry in below if self._takes(entry, folder)]
            except OSError as error:
                if not folder:
                    words = f"{where} cannot be looked through: {_why(error)}"
                    raise Unavailable(words, hint="check the address and the password") from None
                self._unreadable.append(Unreadable(shown_path(folder), _why(error)))
        walk = Walk(
            tuple(sorted(self._files, key=lambda file: file.document)),
            tuple(self._unreadable),
            self._skipped,
        )
        return Seen(walk, tuple(self._readers), close=self._tree.close)

    def _takes(self, entry: Entry, folder: str) -> bool:
        """Note a file; True for a folder that is to be looked at."""
        parts = entry.name.split("/")
        if not entry.name.startswith(f"{folder}/" if folder else ""):
            self._skipped += 1  # it lies elsewhere, whatever the server says
            return False
        if parts[-1] == FOLDER_FILE and not entry.is_folder:
            self._readers.append(self._reader_file(entry))
            return False
        below = parts[folder.count("/") + 1 if folder else 0 :]
        if any(is_junk(part) or part in ("", ".", "..") or "\0" in part for part in below):
            self._skipped += 1
            return False
        if entry.is_folder:
            if len(parts) > DEEPEST:
                self._unreadable.append(Unreadable(shown_path(entry.name), "too many folders in folders"))
            return len(parts) <= DEEPEST
        if len(self._files) >= MOST_FILES:
            raise OSError(f"more than {MOST_FILES:,} files")
        self._files.append(self._found(entry))
        return False

    def _found(self, entry: Entry) -> Found:
        def fetch(target: PurePath) -> None:
            write_limited(Path(target), self._tree.pieces(entry.name), self._ask.max_bytes)

        place = hashlib.sha256(entry.name.encode("utf-8", "surrogatepass")).hexdigest()
        return Found(
            shown_path(entry.name),
            self._ask.incoming / place,
            entry.size_bytes,
            time_ns(entry.modified_at, entry.version),
            fetch,
        )

    def _reader_file(self, entry: Entry) -> FolderFile:
        folder = shown_path(entry.name.rpartition("/")[0])
        try:
            if entry.size_bytes >= READER_FILE_BYTES:
                return FolderFile(folder, NOBODY, "it is too long")
            content = b"".join(itertools.islice(self._tree.pieces(entry.name), 100))
        except OSError as error:
            return FolderFile(folder, NOBODY, f"it cannot be read: {_why(error)}")
        return reader_file(content, folder)


def _why(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
