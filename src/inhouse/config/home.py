"""Where everything of one installation lies on disk."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from inhouse.kernel.errors import HomeUnusable

__all__ = ["Home", "default_root", "open_home"]


@dataclass(frozen=True, slots=True)
class Home:
    """The folders and files of a home; a value, it touches nothing."""

    root: Path

    @property
    def settings_file(self) -> Path:
        return self.root / "inhouse.toml"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def database(self) -> Path:
        return self.state / "inhouse.db"

    @property
    def lock(self) -> Path:
        return self.state / "lock"

    @property
    def blobs(self) -> Path:
        return self.state / "blobs"

    @property
    def incoming(self) -> Path:
        """Uploads that are not ingested yet."""
        return self.state / "incoming"

    @property
    def index(self) -> Path:
        return self.state / "index"

    @property
    def journal(self) -> Path:
        return self.state / "journal"

    @property
    def models(self) -> Path:
        """Model files of the house's own; not under `state`, for they can be fetched again."""
        return self.root / "models"

    @property
    def switch(self) -> Path:
        """The switch `routing.local` as it was turned by hand; missing when it was not."""
        return self.state / "switch.json"

    @property
    def learned_router(self) -> Path:
        """What `inhouse eval router --train` learned."""
        return self.state / "router.json"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def log_file(self) -> Path:
        return self.logs / "inhouse.log"

    @property
    def backups(self) -> Path:
        return self.root / "backups"


def default_root(environment: Mapping[str, str], platform: str = sys.platform) -> Path:
    """`INHOUSE_HOME`, or the place where programs of this system keep their data.

    Raises:
        HomeUnusable: if it depends on the user's own folder, and this user has none.
    """
    try:
        return _default_root(environment, platform)
    except RuntimeError:
        raise HomeUnusable(
            "This user has no folder of its own to keep a home in", hint="set INHOUSE_HOME to a folder"
        ) from None


def _default_root(environment: Mapping[str, str], platform: str) -> Path:
    if chosen := environment.get("INHOUSE_HOME"):
        return Path(chosen).expanduser().absolute()
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "inhouse"
    data = environment.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "inhouse"


def open_home(root: Path) -> Home:
    """The home at `root`, its folders made when missing, readable by its owner only.

    Raises:
        HomeUnusable: if it is not a folder, cannot be entered or written, or its disk is full.
    """
    home = Home(root)
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        for folder in (root, home.state, home.logs, home.backups):
            folder.mkdir(mode=0o700, exist_ok=True)
        _try_to_write(home.state)
    except OSError as error:
        raise HomeUnusable(f"The home {root} cannot be used: {_why(error)}", hint=_way_out(error)) from None
    return home


def _try_to_write(folder: Path) -> None:
    """A permission bit says little (other users' files, read-only mounts, quotas): one byte says all."""
    probe = folder / f".writable-{os.getpid()}"
    try:
        probe.write_bytes(b"1")
    finally:
        probe.unlink(missing_ok=True)


def _why(error: OSError) -> str:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"{error.filename} is not a folder"
    # A write that failed, on a full disk for one, names no file.
    return f"{error.strerror or error}" + (f" ({error.filename})" if error.filename else "")


def _way_out(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "free some space on that disk, or set INHOUSE_HOME to another one"
    if error.errno == errno.EROFS:
        return "that disk is read-only: set INHOUSE_HOME to a folder that can be written"
    if isinstance(error, PermissionError):
        return "check its owner and permissions, or set INHOUSE_HOME to another folder"
    return "set INHOUSE_HOME to a folder that can be written"
