"""Pictures of the pages of PDF and picture files, and where a quote stands on them."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Collection

from inhouse.kernel.caller import Caller
from inhouse.kernel.errors import BadRequest, NotFound
from inhouse.knowledge.edge.parse.pool import Parsers
from inhouse.knowledge.ports import Box, DocumentRecord, Library

__all__ = ["DocumentPages"]

CACHED_BYTES = 24 << 20
WIDEST_PX = 3_000
LONGEST_QUOTE = 20_000
PAGED = frozenset(
    {
        "application/pdf",
        "image/bmp",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/tiff",
        "image/webp",
    }
)


class DocumentPages:
    """`ports.PageImages`. Drawing happens in a child process; the last pictures are remembered."""

    def __init__(self, library: Library, parsers: Parsers) -> None:
        self._library = library
        self._parsers = parsers
        self._cache: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()
        self._turn = threading.Lock()

    async def image(self, caller: Caller, document_id: str, page: int, *, width_px: int) -> bytes:
        """See `ports.PageImages.image`. Raises BadRequest if the width is not 1 to 3,000 pixels."""
        if not 1 <= width_px <= WIDEST_PX:
            raise BadRequest(f"A page cannot be {width_px} pixels wide", hint=f"ask for 1 to {WIDEST_PX}")
        return await asyncio.to_thread(self._image, caller, document_id, page, width_px)

    async def boxes(
        self, caller: Caller, document_id: str, page: int, *, start: int, end: int
    ) -> tuple[Box, ...]:
        """See `ports.PageImages.boxes`. A quote that runs over pages is looked for on this one only."""
        return await asyncio.to_thread(self._boxes, caller, document_id, page, (start, end))

    def held(self, hashes: Collection[str]) -> int:
        """How many pictures of files with these SHA-256 are remembered."""
        with self._turn:
            return sum(sha256 in hashes for sha256, _, _ in self._cache)

    def forget(self, hashes: Collection[str]) -> None:
        """Drop the pictures of removed files."""
        with self._turn:
            for key in [key for key in self._cache if key[0] in hashes]:
                del self._cache[key]

    def _image(self, caller: Caller, document_id: str, page: int, width_px: int) -> bytes:
        record = self._paged(caller, document_id)
        key = (record.sha256, page, width_px)
        with self._turn:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        path = self._library.original(caller, record.document_id)
        drawn = self._parsers.draw(path, page, width_px=width_px)
        self._library.get(caller, document_id)  # it may have been removed meanwhile
        if drawn is None:
            raise NotFound(
                f"Page {page} of {record.document!r} cannot be drawn",
                hint=f"it has {len(record.pages)} pages; the original can be downloaded",
            )
        with self._turn:
            self._cache[key] = drawn
            while sum(map(len, self._cache.values())) > CACHED_BYTES:
                self._cache.popitem(last=False)
        return drawn

    def _boxes(self, caller: Caller, document_id: str, page: int, span: tuple[int, int]) -> tuple[Box, ...]:
        record = self._paged(caller, document_id)
        start, end, first = *span, 0
        for one in record.pages:
            if one.page == page:
                start, end, first = max(start, one.start), min(end, one.end), one.start
        if not 0 <= start < end:
            return ()
        text = self._library.text(caller, record.document_id)
        quote = text[start : min(end, start + LONGEST_QUOTE)]
        before = sum(map(str.isalnum, text[first:start]))
        path = self._library.original(caller, record.document_id)
        found = self._parsers.boxes(path, page, quote, at=before)
        return tuple((box[0], box[1], box[2], box[3]) for box in found)

    def _paged(self, caller: Caller, document_id: str) -> DocumentRecord:
        record = self._library.get(caller, document_id)
        if record.media_type not in PAGED:
            hint = "only PDF files and pictures have them"
            raise NotFound(f"{record.document!r} has no page pictures", hint=hint)
        return record
