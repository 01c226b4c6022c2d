"""What the house has: documents, their texts and pictures of their pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from inhouse.kernel.caller import Caller
from inhouse.kernel.documents import DocumentStatus, PageSpan

__all__ = ["Box", "DocumentList", "DocumentRecord", "Library", "LibraryCounts", "PageImages"]


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """One document as the house knows it. `document` is its path below `source`."""

    document_id: str
    document: str
    source: str
    title: str
    media_type: str
    size_bytes: int
    sha256: str
    status: DocumentStatus
    reason_code: str | None
    reason: str | None
    readers: tuple[str, ...]
    pages: tuple[PageSpan, ...]
    chunk_count: int
    modified_at: float
    ingested_at: float


@dataclass(frozen=True, slots=True)
class DocumentList:
    """A window of a list, with the length of the whole."""

    documents: tuple[DocumentRecord, ...]
    total: int


@dataclass(frozen=True, slots=True)
class LibraryCounts:
    """How many documents a caller may see, by status, and the names of their sources."""

    total: int
    indexed: int
    pending: int
    empty: int
    refused: int
    chunks: int
    sources: tuple[str, ...]
    revision: int
    """Another number after a change to what the caller may see; equal ones mean that nothing changed there.

    For administrators it is another one after every change.
    """


class Library(Protocol):
    """The documents of the house."""

    def list(
        self,
        caller: Caller,
        *,
        query: str = "",
        source: str | None = None,
        status: DocumentStatus | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> DocumentList:
        """Documents whose path or title contains `query`, newest ingest first."""
        ...

    def get(self, caller: Caller, document: str) -> DocumentRecord:
        """One document by its id, its path, or `source/path`.

        Raises:
            NotFound: if there is none that the caller may read.
        """
        ...

    def text(self, caller: Caller, document_id: str) -> str:
        """The extracted text, the base of every offset; empty when there is none."""
        ...

    def layout(self, caller: Caller, document_id: str) -> str:
        """How it looks, as JSON of `knowledge.layout`; empty when only its text is known."""
        ...

    def original(self, caller: Caller, document_id: str) -> Path:
        """The file as it was taken in.

        Raises:
            NotFound: if the caller may not read it, or its bytes were never kept (refused as too large).
        """
        ...

    def remove(self, caller: Caller, document_ids: Sequence[str]) -> int:
        """Remove documents from every place; return how many there were."""
        ...

    def counts(self, caller: Caller) -> LibraryCounts: ...


Box = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of the page's width and height, 0 at the top left."""


class PageImages(Protocol):
    """Pictures of PDF pages, drawn in a child process."""

    async def image(self, caller: Caller, document_id: str, page: int, *, width_px: int) -> bytes:
        """The page as PNG. Raises NotFound if the document has no page images or no such page."""
        ...

    async def boxes(
        self, caller: Caller, document_id: str, page: int, *, start: int, end: int
    ) -> tuple[Box, ...]:
        """Where `text[start:end]` stands on the page; empty when it could not be located."""
        ...
