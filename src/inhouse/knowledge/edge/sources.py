"""Looks at folders and files: what is there, and what was passed over and why.

Order is by path, so two walks over the same tree are equal. Symlinks are followed only to places below
the root, never in circles. Nothing is opened here, only looked at, but for the small files that say who may
read a folder (`reader_files`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from inhouse.kernel.caller import Readers
from inhouse.knowledge.acl_files import read_folder_file
from inhouse.knowledge.acl_rules import FOLDER_FILE, FolderFile
from inhouse.knowledge.plan import Found, Unreadable, Walk

__all__ = ["WalkStopped", "is_junk", "look_at_file", "reader_file", "reader_files", "shown_path", "walk"]

_Identity = tuple[int, int]
"""Device and inode."""
READER_FILE_BYTES = 64_000
NOBODY: Readers = frozenset()
_JUNK_FOLDERS = frozenset({"node_modules", "__pycache__", "$RECYCLE.BIN", "System Volume Information"})
_JUNK_FILES = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r"})


class WalkStopped(Exception):
    """The walk was asked to stop; nothing of it counts."""


def walk(root: Path, *, leave_out: Path | None = None, stopped: Callable[[], bool] = lambda: False) -> Walk:
    """Every file below the folder `root`, sorted; unreadable parts are listed, junk is only counted.

    `leave_out` is a folder that is passed over wherever it lies: our own home must not take itself in.

    Raises:
        WalkStopped: if `stopped` says so at one of the folders.
    """
    gathered = _Gathered(root, _identity(leave_out) if leave_out and leave_out.exists() else None)
    waiting: list[tuple[Path, tuple[_Identity, ...]]] = [(root, (_identity(root),))]
    while waiting:
        if stopped():
            raise WalkStopped
        waiting += gathered.enter(*waiting.pop())
    return Walk(
        files=tuple(sorted(gathered.files, key=lambda file: file.document)),
        unreadable=tuple(sorted(gathered.unreadable, key=lambda one: one.document)),
        skipped=gathered.skipped,
    )


def look_at_file(path: Path) -> Found | Unreadable:
    """One file that was named by a person; its document name is the file's own name."""
    try:
        status = path.stat()
    except OSError as error:
        return Unreadable(shown_path(path.name), _why(error))
    return _found(path, shown_path(path.name), status)


def shown_path(path: str) -> str:
    """A path that any database and any page can hold: bytes that are no UTF-8 become `\\xNN`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


class _Gathered:
    def __init__(self, root: Path, own: _Identity | None) -> None:
        self._root = root
        self._real_root = os.path.realpath(root)
        self._own = own
        self.files: list[Found] = []
        self.unreadable: list[Unreadable] = []
        self.skipped = 0

    def enter(self, folder: Path, above: tuple[_Identity, ...]) -> list[tuple[Path, tuple[_Identity, ...]]]:
        """Look at one folder; return the folders in it, each with the identities on the way down to it."""
        below: list[tuple[Path, tuple[_Identity, ...]]] = []
        for entry in self._entries(folder):
            path = Path(entry.path)
            if is_junk(entry.name):
                self.skipped += 1
                continue
            try:
                if entry.is_symlink() and not self._stays_inside(path):
                    found: Found | Unreadable = Unreadable(
                        self._document(path), "a link that leads out of the folder"
                    )
                elif entry.is_dir():
                    identity = _identity(path)
                    if identity in above or identity == self._own:  # a circle of links, or our own home
                        self.skipped += 1
                    else:
                        below.append((path, (*above, identity)))
                    continue
                else:
                    found = _found(path, self._document(path), entry.stat())
            except OSError as error:
                found = Unreadable(self._document(path), _why(error))
            if isinstance(found, Found):
                self.files.append(found)
            else:
                self.unreadable.append(found)
        return below

    def _entries(self, folder: Path) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                yield from sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self.unreadable.append(Unreadable(self._document(folder), _why(error)))

    def _document(self, path: Path) -> str:
        return shown_path(path.relative_to(self._root).as_posix())

    def _stays_inside(self, path: Path) -> bool:
        real = os.path.realpath(path)
        return real == self._real_root or real.startswith(self._real_root.rstrip("/") + "/")


def _found(path: Path, document: str, status: os.stat_result) -> Found | Unreadable:
    if not stat.S_ISREG(status.st_mode):
        return Unreadable(document, "neither a file nor a folder")
    return Found(document, path, status.st_size, status.st_mtime_ns)


def reader_files(root: Path, files: Iterable[Found]) -> tuple[FolderFile, ...]:
    """What the files that say who may read a folder say, for every folder that these lie in or below.

    One that is there and cannot be read lets nobody in: it was meant to keep people out. Folders are looked
    for where they lie: as a document has it, a name that is no UTF-8 is spelled otherwise.
    """
    places: dict[str, Path] = {"": root}
    for file in files:
        folder, place = file.document.rpartition("/")[0], Path(file.path).parent
        while folder not in places:
            places[folder] = place
            folder, place = folder.rpartition("/")[0], place.parent
    found: list[FolderFile] = []
    for folder, place in sorted(places.items()):
        try:
            with (place / FOLDER_FILE).open("rb") as stream:
                found.append(reader_file(stream.read(READER_FILE_BYTES + 1), folder))
        except FileNotFoundError:
            continue
        except OSError as error:
            found.append(FolderFile(folder, NOBODY, f"it cannot be read: {_why(error)}"))
    return tuple(found)


def reader_file(content: bytes, folder: str) -> FolderFile:
    """What such a file says; nobody may read where it is too long or no text."""
    if len(content) > READER_FILE_BYTES:
        return FolderFile(folder, NOBODY, f"it has more than {READER_FILE_BYTES:,} bytes")
    try:
        return read_folder_file(content.decode("utf-8"), folder=folder)
    except UnicodeDecodeError:
        return FolderFile(folder, NOBODY, "it is not text in UTF-8")


def is_junk(name: str) -> bool:
    """Hidden files, lock files of Office (`~$…`, `.~lock…`), folders of tools."""
    return name.startswith((".", "~$")) or name in _JUNK_FOLDERS or name.lower() in _JUNK_FILES


def _identity(path: Path) -> _Identity:
    status = path.stat()
    return status.st_dev, status.st_ino


def _why(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
