"""Words about documents that more than one room speaks: text, places in it, and quotes from it.

Every offset is a count of Unicode code points from the start of the document's extracted text, whose
newlines are `\\n`. `text[start:end]` is always the original, never something that we added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Band", "Citation", "DocumentStatus", "PageSpan", "Passage", "Scope"]

DocumentStatus = Literal["pending", "indexed", "empty", "refused"]
"""`pending` waits for the index, `empty` has no text, `refused` could not be read (see its reason)."""

Band = Literal["answer", "hedge", "refuse"]
"""How sure the house is that its documents hold the answer."""


@dataclass(frozen=True, slots=True)
class PageSpan:
    """Page `page` (counted from 1; a slide or a sheet is a page too) is `text[start:end]`."""

    page: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a document that a question was matched with.

    `text` is verbatim `document_text[start:end]`. `modified_at` is the file's own date, UNIX seconds.
    `vector` and `rerank` are the scores of those legs, None while they are off. `superseded` is True when a
    newer edition of the document is there, or a person marked it as outdated. `doubts` are stretches with
    figures that OCR was not sure of, as (start, end) in the document's text.
    """

    document_id: str
    document: str
    source: str
    title: str
    page: int | None
    heading: tuple[str, ...]
    start: int
    end: int
    text: str
    score: float
    lexical: float
    modified_at: float
    vector: float | None = None
    rerank: float | None = None
    superseded: bool = False
    doubts: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote and where it stands; `verified` is True when code found it there and it carries the claim.

    `doubtful` is True when the quote holds a figure that OCR read without being sure. `modified_at` is the
    date of the document, UNIX seconds, None where it is not known.
    """

    document_id: str
    document: str
    source: str
    page: int | None
    start: int
    end: int
    quote: str
    verified: bool
    doubtful: bool = False
    modified_at: float | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a question is limited to; empty means all that the caller may read."""

    sources: tuple[str, ...] = ()
    document_ids: tuple[str, ...] = ()
