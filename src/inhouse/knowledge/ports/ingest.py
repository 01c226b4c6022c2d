"""Taking documents in, as values and a protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from inhouse.kernel.caller import EVERYONE

__all__ = ["Action", "FileOutcome", "Ingest", "IngestProgress", "IngestReport", "IngestState"]

IngestState = Literal["queued", "running", "done", "cancelled", "failed"]
Action = Literal[
    "added", "updated", "unchanged", "removed", "empty", "refused", "trashed", "restored", "moved", "refiled"
]
"""`trashed` can be restored for a while, `moved` kept its document, `refiled` has other readers now."""


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file. `reason_code` is documented in docs/reference/file-reasons.md."""

    document: str
    source: str
    action: Action
    document_id: str | None = None
    reason_code: str | None = None
    reason: str | None = None
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """A moment of a run. `eta_s` is None until there is something to judge by.

    A failed run says why in `error`, and with which code of the error tree in `error_code`.
    """

    job_id: str
    state: IngestState
    source: str
    total_files: int = 0
    done_files: int = 0
    total_bytes: int = 0
    done_bytes: int = 0
    elapsed_s: float = 0.0
    eta_s: float | None = None
    current: str = ""
    error: str | None = None
    error_code: str | None = None


@dataclass(frozen=True, slots=True)
class IngestReport:
    """A finished run. `outcomes` leaves out the unchanged files."""

    job_id: str
    state: IngestState
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    empty: int = 0
    refused: int = 0
    elapsed_s: float = 0.0
    outcomes: tuple[FileOutcome, ...] = ()
    notes: tuple[str, ...] = ()
    """Things the person should know, e.g. "empty folder: nothing was removed"."""
    trashed: int = 0
    restored: int = 0
    moved: int = 0
    refiled: int = 0


class Ingest(Protocol):
    """Takes documents in. One run at a time; further ones wait in a queue."""

    def run(
        self,
        paths: Sequence[Path],
        *,
        source: str | None = None,
        readers: frozenset[str] = frozenset({EVERYONE}),
        on_progress: Callable[[IngestProgress], None] = lambda _progress: None,
    ) -> IngestReport:
        """Take in folders and files and return when all is done; blocking.

        `source` defaults to the folder's name. Same source and path replaces; files that are gone from
        below a given folder are removed; an empty or unreadable root removes nothing and says so.

        Raises:
            BadRequest: if a path does not exist (nothing was done).
        """
        ...

    def submit(
        self,
        paths: Sequence[Path],
        *,
        source: str | None = None,
        readers: frozenset[str] = frozenset({EVERYONE}),
    ) -> str:
        """Queue a run and return its job id."""
        ...

    def upload(self, name: str, stream: BinaryIO, *, source: str = "uploads") -> str:
        """Keep one uploaded file safely on disk, queue it, return its job id.

        The file waits in the home, so that a stop between upload and ingest loses nothing.

        Raises:
            BadRequest: if the name is not a plain relative path.
            TooLarge: if it is over `ingest.max_file_mb`.
        """
        ...

    def progress(self, job_id: str) -> IngestProgress:
        """Raises NotFound if there is no such job in this process."""
        ...

    def report(self, job_id: str) -> IngestReport | None:
        """None while the job is not finished."""
        ...

    def active(self) -> tuple[IngestProgress, ...]:
        """Jobs that wait or run."""
        ...

    def cancel(self, job_id: str) -> None:
        """Stop after the file in hand; what was taken in stays."""
        ...
