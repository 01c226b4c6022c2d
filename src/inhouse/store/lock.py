"""One writer per home: an advisory file lock that dies with its process."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from inhouse.kernel.errors import HomeBusy, HomeUnusable

__all__ = ["HomeLock", "Owner"]


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds the home. `address` is where it serves HTTP, empty when it does not (yet).

    `role` is what it serves there: `all`, or `gateway` for the wire surfaces without `/app`.
    """

    pid: int
    command: str
    address: str = ""
    role: str = "all"


class HomeLock:
    """The right to write to a home, held from `take` to `release` or the end of the process.

    The kernel drops the lock when the process dies, however it dies; the text in the file is only
    information, believed only while the lock is held.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self, command: str) -> None:
        """Raises:
        HomeBusy: if another process holds it; the message names it.
        HomeUnusable: if its file cannot be opened, for example because another user made it.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HomeUnusable(
                f"The home's lock {self._path} cannot be opened: {error.strerror}",
                hint="check its owner and permissions, or set INHOUSE_HOME to another folder",
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            owner = _read(self._path)
            raise HomeBusy(
                f"The home {self._path.parent.parent} is in use by"
                f" {f'`inhouse {owner.command}` (process {owner.pid})' if owner else 'another process'}",
                hint="wait for it, stop it, or set INHOUSE_HOME to another folder",
            ) from None
        self._descriptor = descriptor
        self.announce(Owner(pid=os.getpid(), command=command))

    def announce(self, owner: Owner) -> None:
        """Tell other processes who holds the lock and where it serves."""
        if self._descriptor is None:
            raise RuntimeError("announce before take")
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps(asdict(owner)).encode(), 0)

    def release(self) -> None:
        """Give the right back; no error when it is not held."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def owner(self) -> Owner | None:
        """The process that holds the lock now, None when nobody does."""
        with contextlib.suppress(OSError):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return _read(self._path)
            finally:
                os.close(descriptor)
        return None

    def __enter__(self) -> HomeLock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _read(path: Path) -> Owner | None:
    try:
        record = json.loads(path.read_text("utf-8"))
        return Owner(
            pid=int(record["pid"]),
            command=str(record["command"]),
            address=str(record["address"]),
            role=str(record.get("role", "all")),
        )
    except (OSError, ValueError, KeyError):
        return None
