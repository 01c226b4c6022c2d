"""`/app/documents` and `/app/search`: what the house has, and where in it the words stand."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse

from inhouse.kernel.documents import DocumentStatus
from inhouse.kernel.documents import Scope as SearchScope
from inhouse.kernel.errors import HomeBusy
from inhouse.serve import shapes
from inhouse.serve.access_rights import check_removal
from inhouse.serve.callers import CallerOf
from inhouse.serve.document_shapes import (
    BoxesShape,
    DocumentDetail,
    DocumentRows,
    document_detail,
    document_row,
)
from inhouse.serve.parts import Parts
from inhouse.serve.router import open_router

__all__ = ["document_routes"]

SHOWN_INLINE = frozenset({"application/pdf", "image/png", "image/jpeg", "image/webp", "text/plain"})
"""Types that a browser shows without running anything in them."""


def document_routes(parts: Parts) -> APIRouter:
    """Search, the list, and single documents."""
    routes = open_router()
    _add_search(routes, parts)
    _add_list(routes, parts)
    _add_files(routes, parts)
    return routes


def _add_search(routes: APIRouter, parts: Parts) -> None:
    @routes.get("/app/search")
    async def search(
        caller: CallerOf,
        q: str = Query(max_length=100_000),
        k: int = Query(10, ge=1, le=200),
        source: Annotated[list[str] | None, Query()] = None,
    ) -> shapes.SearchDocument:
        """The best passages for some words, best first."""
        scope = SearchScope(sources=tuple(source or ()))
        return shapes.search_document(await parts.search.search(caller, q, k=k, scope=scope))


def _add_list(routes: APIRouter, parts: Parts) -> None:
    @routes.get("/app/documents")
    def documents(
        caller: CallerOf,
        *,
        q: str = Query("", max_length=1000),
        source: str | None = None,
        status: DocumentStatus | None = None,
        name: str | None = Query(None, max_length=4000),
        limit: int = Query(100, ge=1, le=1000),
        offset: int = Query(0, ge=0, le=2**53),
    ) -> DocumentRows:
        """Documents whose path or title contains `q`; `name` asks for one by id, path or source/path."""
        revision = parts.library.counts(caller).revision
        if name is not None:
            row = document_row(parts.library.get(caller, name))
            return DocumentRows(documents=(row,), total=1, revision=revision)
        found = parts.library.list(caller, query=q, source=source, status=status, limit=limit, offset=offset)
        rows = tuple(document_row(record) for record in found.documents)
        return DocumentRows(documents=rows, total=found.total, revision=revision)

    @routes.get("/app/documents/{document_id}")
    def document(document_id: str, caller: CallerOf) -> DocumentDetail:
        """One document with its text and its pages."""
        record = parts.library.get(caller, document_id)
        text = parts.library.text(caller, record.document_id)
        return document_detail(record, text, parts.library.layout(caller, record.document_id))

    @routes.delete("/app/documents/{document_id}", status_code=204)
    def remove(document_id: str, caller: CallerOf) -> None:
        """Remove a document from every place."""
        if parts.ingest is None:
            raise HomeBusy("Another inhouse process writes to this home", hint="wait for it, or stop it")
        record = parts.library.get(caller, document_id)
        check_removal(caller, [record])
        parts.library.remove(caller, [record.document_id])


def _add_files(routes: APIRouter, parts: Parts) -> None:
    @routes.get("/app/documents/{document_id}/original", response_class=FileResponse)
    def original(document_id: str, caller: CallerOf, *, inline: bool = False) -> Response:
        """The file as it was taken in. `inline=1` shows it, for types that cannot run anything."""
        record = parts.library.get(caller, document_id)
        path = parts.library.original(caller, record.document_id)
        shown = inline and record.media_type in SHOWN_INLINE
        name = record.document.rpartition("/")[2]
        disposition = f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{quote(name, safe='')}"
        media_type = record.media_type if shown else "application/octet-stream"
        return FileResponse(path, media_type=media_type, headers={"content-disposition": disposition})

    @routes.get("/app/documents/{document_id}/layout", response_class=Response)
    def layout(document_id: str, caller: CallerOf) -> Response:
        """Cells of sheets, boxes of slides or parts of a mail, by offsets into the text; `null` for none."""
        record = parts.library.get(caller, document_id)
        found = parts.library.layout(caller, record.document_id)
        return Response(found or "null", media_type="application/json")

    @routes.get("/app/documents/{document_id}/pages/{page}/image", response_class=Response)
    async def image(
        document_id: str, page: int, caller: CallerOf, width: int = Query(900, ge=50, le=4000)
    ) -> Response:
        """A page as PNG, `width` pixels wide."""
        png = await parts.pages.image(caller, document_id, page, width_px=width)
        return Response(png, media_type="image/png", headers={"cache-control": "private, max-age=3600"})

    @routes.get("/app/documents/{document_id}/pages/{page}/boxes")
    async def boxes(
        document_id: str,
        page: int,
        caller: CallerOf,
        start: int = Query(ge=0, le=2**53),
        end: int = Query(ge=0, le=2**53),
    ) -> BoxesShape:
        """Where `text[start:end]` stands on the page, as shares of its width and height."""
        return BoxesShape(boxes=await parts.pages.boxes(caller, document_id, page, start=start, end=end))
