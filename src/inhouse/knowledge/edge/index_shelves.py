"""The folders of an index that is kept in shelves: one for each set of readers, `<name>.<generation>`.

A shelf is rewritten beside itself and put in place by one rename; of two generations the higher counts, and
the next sweep removes the lower. `COMMITS` changes with every commit, so that a reader looks at one small
file per query, however many shelves there are, and opens anew only what may have changed.

Knows nothing of what stands in a shelf.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from inhouse.kernel.caller import Caller, Readers, may_read
from inhouse.knowledge.index import shelf_name

__all__ = ["COMPACT_SHARE", "Shelf", "ShelfDamaged", "Shelves", "durable", "folder_size", "sync_folder"]

COMPACT_SHARE = 0.2
"""A shelf is rewritten once more than this share of its entries is deleted: each entry that stays is then
copied about four times for one that goes, and a fifth of the disk at most is wasted."""
ATTEMPTS = 3
_COMMITS = "COMMITS"
_READERS = "readers.json"
_PARTIAL = ".partial"


class ShelfDamaged(ValueError):
    """What stands in a shelf is not what was written; `mend` throws it away."""


class Shelf(Protocol):
    """What stands in one folder. `stale` is set when another commit may have changed its files."""

    folder: Path
    readers: Readers
    stale: bool


S = TypeVar("S", bound=Shelf)
T = TypeVar("T")


class Shelves(Generic[S]):
    """The shelves below `root`. Reading is safe from several threads; one process and thread writes."""

    def __init__(self, root: Path, open_shelf: Callable[[Path, Readers], S]) -> None:
        self.root = root
        self._open = open_shelf
        self._shelves: Mapping[str, S] = {}
        self._unreadable: Mapping[str, str] = {}
        self._seen: bytes | None = None
        self._looking = threading.Lock()

    # ---- looking

    def all(self) -> Mapping[str, S]:
        """Name to shelf, as of the newest commit of any process. A mapping that was given never changes."""
        seen = self._commits()
        if seen != self._seen:
            with self._looking:
                if seen != self._seen:
                    self._discover()
                    self._seen = seen
        return self._shelves

    def readable(self, caller: Caller) -> list[S]:
        """The shelves that the caller may read."""
        return [shelf for shelf in self.all().values() if may_read(caller, shelf.readers)]

    def unreadable(self) -> Mapping[str, str]:
        """Name to trouble of folders whose set of readers is damaged; nobody reads them."""
        self.all()
        return self._unreadable

    def each(self, caller: Caller, ask: Callable[[S], T]) -> list[T]:
        """What every readable shelf answers; asked anew when one was rewritten while it was being opened.

        Raises:
            ShelfDamaged: if a shelf cannot be read for another reason.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                return [ask(shelf) for shelf in self.readable(caller)]
            except (OSError, ValueError):
                self._seen = None
        try:
            return [ask(shelf) for shelf in self.readable(caller)]
        except (OSError, ValueError) as error:
            raise ShelfDamaged(str(error)) from error

    # ---- writing

    def make(self, readers: Readers) -> S:
        """The shelf of these readers, made if there is none."""
        name = shelf_name(readers)
        known = self.all().get(name)
        return known or self.publish(self.beside(name, readers))

    def beside(self, name: str, readers: Readers) -> Path:
        """An empty folder for the next generation of a shelf; nobody reads it before `publish`."""
        generations = [number for one, number, _ in _folders(self.root) if one == name]
        folder = self.root / f"{name}.{max(generations, default=0) + 1}{_PARTIAL}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        durable(folder / _READERS, json.dumps(sorted(readers)).encode())
        return folder

    def publish(self, folder: Path) -> S:
        """Put a folder that `beside` made in place of the generation before, which is removed."""
        final = folder.with_name(folder.name.removesuffix(_PARTIAL))
        name = final.name.partition(".")[0]
        before = self._shelves.get(name)
        sync_folder(folder)
        folder.rename(final)
        sync_folder(self.root)
        self.announce()
        if before is not None:
            self._away(before.folder)
        return self.all()[name]

    def drop(self, name: str) -> None:
        """Remove a shelf, all its generations and its set of readers."""
        for one, number, partial in _folders(self.root):
            if one == name:
                self._away(self.root / f"{name}.{number}{_PARTIAL if partial else ''}")
        self.announce()

    def announce(self) -> None:
        """Tell every reader, also of other processes, that there is a commit."""
        if self.root.is_dir():
            durable(self.root / _COMMITS, f"{time.time_ns()} {os.getpid()} {os.urandom(4).hex()}\n".encode())

    def sweep(self) -> None:
        """Remove generations that were replaced and folders that were never put in place."""
        newest = self._newest()
        for name, number, partial in _folders(self.root):
            if partial or number != newest[name]:
                self._away(self.root / f"{name}.{number}{_PARTIAL if partial else ''}")

    def reset(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.root, ignore_errors=True)
        self._shelves, self._unreadable, self._seen = {}, {}, None

    # ---- inside

    def _away(self, folder: Path) -> None:
        """Remove a folder. It is renamed first: one that is half gone must not look like a shelf."""
        away = folder.with_name(f"{folder.name.removesuffix(_PARTIAL)}{_PARTIAL}")
        if away != folder:
            shutil.rmtree(away, ignore_errors=True)
            folder.rename(away)
        shutil.rmtree(away, ignore_errors=True)

    def _commits(self) -> bytes:
        try:
            return (self.root / _COMMITS).read_bytes()
        except OSError:
            return b""

    def _newest(self) -> dict[str, int]:
        newest: dict[str, int] = {}
        for name, number, partial in _folders(self.root):
            if not partial:
                newest[name] = max(number, newest.get(name, 0))
        return newest

    def _discover(self) -> None:
        shelves, unreadable = {}, {}
        for name, number in sorted(self._newest().items()):
            folder = f"{name}.{number}"
            known = self._shelves.get(name)
            if known is not None and known.folder.name == folder:
                known.stale = True
                shelves[name] = known
                continue
            try:
                readers: Readers = frozenset(json.loads((self.root / folder / _READERS).read_text("utf-8")))
            except (OSError, ValueError) as error:
                unreadable[name] = f"{folder}/{_READERS}: {error}"
                continue
            if shelf_name(readers) != name:
                unreadable[name] = f"{folder}/{_READERS}: content does not match the folder's name"
                continue
            shelves[name] = self._open(self.root / folder, readers)
        self._shelves, self._unreadable = shelves, unreadable


def durable(path: Path, content: bytes) -> None:
    """Write a small file that is there whole or not at all, also after a power cut."""
    partial = path.with_name(path.name + _PARTIAL)
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def folder_size(folder: Path) -> int:
    """Bytes of the files in a folder, without those of folders in it."""
    total = 0
    with os.scandir(folder) as found:
        for one in found:
            total += one.stat().st_size
    return total


def _folders(root: Path) -> list[tuple[str, int, bool]]:
    """(name, generation, partial) of folders that are named like shelves; other things are not ours."""
    try:
        found = list(os.scandir(root))
    except FileNotFoundError:
        return []
    folders = []
    for one in found:
        name, _, number = one.name.partition(".")
        whole = number.removesuffix(_PARTIAL)
        if len(name) == 16 and whole.isdigit() and one.is_dir():
            folders.append((name, int(whole), whole != number))
    return folders


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
