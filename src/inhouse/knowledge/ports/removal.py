"""Taking documents away: into the trash, back from it, and for good with a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from inhouse.kernel.caller import Caller

__all__ = ["Certificate", "Discarded", "Erased", "Finding", "Trash", "TrashedDocument"]


@dataclass(frozen=True, slots=True)
class Discarded:
    """What became of documents that were taken away. `final_at` is UNIX seconds, None without any trashed."""

    removed: int
    trashed: int
    final_at: float | None = None


@dataclass(frozen=True, slots=True)
class TrashedDocument:
    """A document that nobody sees, and that can be restored until `final_at` (UNIX seconds)."""

    document_id: str
    document: str
    source: str
    title: str
    size_bytes: int
    trashed_at: float
    final_at: float


@dataclass(frozen=True, slots=True)
class Erased:
    """One document on a certificate, and how much of it there was.

    `blob_bytes` is 0 where its bytes are those of `shared_with` other documents, too, and were kept.
    `answers` counts the kept answers that quoted it and were rewritten.
    """

    document_id: str
    document: str
    source: str
    sha256: str
    size_bytes: int
    chunks: int
    vectors: int
    blob_bytes: int
    shared_with: int
    page_images: int
    answers: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at after the removal. `passed` is None where it could not be verified."""

    what: str
    passed: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was removed for good, what was verified about it, and what nobody here can vouch for.

    It names documents by path and hash, and holds nothing of their text.
    """

    erasure_id: str
    erased_at: float
    asked_by: str
    documents: tuple[Erased, ...]
    findings: tuple[Finding, ...]
    not_covered: tuple[str, ...]

    @property
    def verified(self) -> bool:
        """True when everything that was looked at is as it should be, and could be looked at."""
        return all(finding.passed for finding in self.findings)


class Trash(Protocol):
    """Takes documents away. Names are ids, paths below their source, or source/path."""

    def discard(self, caller: Caller, document_ids: Sequence[str], *, now: bool = False) -> Discarded:
        """Take away what the caller may see of these: few of them for good, many into the trash.

        `now` removes for good whatever their number.
        """
        ...

    def discard_source(self, source: str, *, now: bool = False) -> Discarded:
        """Take all documents of a source away; they can be restored unless `now`."""
        ...

    def trashed(self, *, source: str | None = None) -> tuple[TrashedDocument, ...]:
        """What can be restored, the last trashed first."""
        ...

    def restore(self, names: Sequence[str] = (), *, source: str | None = None) -> int:
        """Bring documents back with their ids; with neither names nor source all of them.

        Raises:
            NotFound: if a name is not in the trash (nothing was restored).
        """
        ...

    def empty(self, names: Sequence[str] = (), *, source: str | None = None) -> int:
        """Remove for good what is in the trash; with neither names nor source all of it.

        Raises:
            NotFound: if a name is not in the trash (nothing was removed).
        """
        ...

    def certify(self, caller: Caller, document_ids: Sequence[str]) -> Certificate:
        """Remove documents for good and look whether anything of them is left; the certificate is kept.

        Raises:
            NotFound: if the caller may not see one of them (nothing was removed).
        """
        ...

    def certificates(self) -> tuple[Certificate, ...]:
        """All that were given, the newest first."""
        ...
