"""What every connector is asked, and what it gives back: the same value as a walk over a folder.

A connector lists; it fetches nothing that is known and unchanged. An entry of another machine has a
function that brings its bytes to a place in the home, with a limit. Whoever cannot be reached at all is
`Unavailable`; a part that cannot be listed is `Unreadable`, and what is known below it stays.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from inhouse.kernel.errors import Unavailable
from inhouse.knowledge.acl_rules import FolderFile
from inhouse.knowledge.plan import Known, Walk
from inhouse.knowledge.source import Source

__all__ = [
    "MOST_FILES",
    "Ask",
    "Connector",
    "LookStopped",
    "Seen",
    "read_secret",
    "secret_at",
    "time_ns",
    "too_big",
    "write_limited",
]

MOST_FILES = 1_000_000
"""A listing without an end must not fill the memory."""
SECRET_BYTES = 10_000


class LookStopped(Exception):
    """The look was asked to stop; nothing of it counts."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One look at a source. `known` gives its documents by path; `incoming` is an empty folder of its own.

    `private_hosts` are the exact pairs of host and port inside the network that the web may lead to.
    """

    source: Source
    known: Callable[[], Mapping[str, Known]]
    incoming: Path
    max_bytes: int
    environment: Mapping[str, str]
    now: float
    private_hosts: Collection[tuple[str, int]] = ()
    stopped: Callable[[], bool] = lambda: False

    def check(self) -> None:
        """Raises LookStopped if the look is to end."""
        if self.stopped():
            raise LookStopped


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found. `files` are those that narrow readers, `words` are for the person.

    `close` is called when nothing will be fetched any more.
    """

    walk: Walk
    files: tuple[FolderFile, ...] = ()
    words: tuple[str, ...] = ()
    cursor: str = ""
    close: Callable[[], None] = lambda: None


class Connector(Protocol):
    """Looks at the sources of one kind."""

    def check(self, source: Source) -> None:
        """Nothing, if a source like this can be looked at by this installation; asks no other machine.

        Raises:
            BadRequest: if its address or options cannot be.
            MissingExtra: if what it needs is not installed.
        """
        ...

    def look(self, ask: Ask) -> Seen:
        """What is there now; blocking, called in a thread.

        Raises:
            Unavailable: if the place cannot be reached, or does not let us in.
            MissingExtra: if what it needs is not installed.
            LookStopped: if `ask.stopped` said so.
        """
        ...


def secret_at(ask: Ask, name: str) -> str:
    """The secret that an option refers to; empty when none was told.

    Raises:
        Unavailable: if it is not where it should be. The message has the place and never the secret.
    """
    return read_secret(ask.source, name, ask.environment)


def read_secret(source: Source, name: str, environment: Mapping[str, str]) -> str:
    """As `secret_at`, outside of a look."""
    reference = source.options.get(name, "")
    kind, _, place = reference.partition(":")
    if not reference:
        return ""
    if kind == "env":
        if not environment.get(place):
            raise Unavailable(f"The variable {place} holds no {name}", hint=f"set {place} where inhouse runs")
        return environment[place]
    try:
        with Path(place).open("rb") as stream:
            found = stream.read(SECRET_BYTES).decode("utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Unavailable(f"The {name} in {place} cannot be read: {why}", hint="check the file") from None
    if not found:
        raise Unavailable(f"The file {place} holds no {name}", hint="write it there")
    return found


def time_ns(modified_at: float, version: str) -> int:
    """A time that changes with the version, too: whole seconds, and the version within the second.

    Many servers tell times in seconds only, and a file may change twice in one; an etag tells the two apart.
    """
    if not version:
        return int(modified_at * 1e9)
    within = int.from_bytes(hashlib.sha256(version.encode()).digest()[:4]) % 1_000_000_000
    return int(modified_at) * 1_000_000_000 + within


def write_limited(path: Path, pieces: Iterable[bytes], max_bytes: int) -> int:
    """Write what comes and return how many bytes it was.

    Raises:
        OSError: if it is more than that (EFBIG), or the disk is full; nothing is left behind.
    """
    size = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("wb") as out:
            for piece in pieces:
                size += len(piece)
                if size > max_bytes:
                    raise too_big(max_bytes)
                out.write(piece)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return size


def too_big(max_bytes: int) -> OSError:
    """The error of a file that is larger than what is taken in."""
    return OSError(errno.EFBIG, f"more than {max_bytes:,} bytes")
