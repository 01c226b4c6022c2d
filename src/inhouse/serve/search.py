"""`/app/search/why`, `/app/search/legs`, `/app/glossary`: what stands around a search."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from inhouse.kernel.documents import Scope as SearchScope
from inhouse.kernel.errors import Unavailable
from inhouse.knowledge.glossary import checked_term
from inhouse.knowledge.ports.search import Glossary, Legs
from inhouse.serve.callers import AdminOf, CallerOf, administers
from inhouse.serve.parts import Parts
from inhouse.serve.router import open_router
from inhouse.serve.shapes import Shape

__all__ = [
    "AddedTermsShape",
    "GlossaryShape",
    "LegShape",
    "LegsShape",
    "OutdatedBody",
    "TermShape",
    "TermsBody",
    "WhyNotShape",
    "search_routes",
]


class LegShape(Shape):
    """One leg of the search: `on`, `part` (some languages), `off` or `failing`, and why in words."""

    leg: str
    state: str
    words: str
    remedy: str
    model: str
    documents: int
    waiting: int


class LegsShape(Shape):
    legs: tuple[LegShape, ...]


class ReasonShape(Shape):
    code: str
    words: str
    remedy: str


class SoughtShape(Shape):
    """A document as the search saw it; null where that says nothing."""

    document_id: str
    document: str
    source: str
    shown: bool
    rank: int | None
    score: float | None
    needed: float | None
    held: tuple[str, ...]
    lacking: tuple[str, ...]
    vector: float | None
    page: int | None


class WhyNotShape(Shape):
    """What `search --why DOCUMENT --json` prints; the most telling reason first."""

    sought: SoughtShape
    reasons: tuple[ReasonShape, ...]
    legs: tuple[LegShape, ...]


class TermShape(Shape):
    term: str
    meanings: tuple[str, ...]


class GlossaryShape(Shape):
    terms: tuple[TermShape, ...]


class TermsBody(Shape):
    terms: tuple[TermShape, ...] = Field(min_length=1, max_length=5000)


class AddedTermsShape(Shape):
    """How many terms were new; the others took the place of an earlier one."""

    added: int
    total: int


class OutdatedBody(Shape):
    outdated: bool


def search_routes(parts: Parts) -> APIRouter:
    """Why a document was not found, the legs, the words of the house."""
    routes = open_router()
    _add_why(routes, parts)
    _add_glossary(routes, parts)
    return routes


def _add_why(routes: APIRouter, parts: Parts) -> None:
    @routes.get("/app/search/legs")
    def legs(caller: CallerOf) -> LegsShape:
        """How the legs of the search are: words, vectors, reranker; counts are for administrators."""
        legs = _legs(parts).legs()
        if not administers(caller):
            # They are of all documents, and would tell how many there are that the caller may not read.
            legs = tuple(replace(one, documents=0, waiting=0) for one in legs)
        return LegsShape(legs=tuple(LegShape.model_validate(one) for one in legs))

    @routes.get("/app/search/why")
    async def why(
        caller: CallerOf,
        q: str = Query(max_length=100_000),
        document: str = Query(max_length=4000),
        k: int = Query(10, ge=1, le=200),
        source: Annotated[list[str] | None, Query()] = None,
    ) -> WhyNotShape:
        """Why `document` (id, path or source/path) is or is not among the results for `q`."""
        scope = SearchScope(sources=tuple(source or ()))
        return WhyNotShape.model_validate(await _legs(parts).why(caller, q, document, k=k, scope=scope))

    @routes.put("/app/admin/documents/{document_id}/outdated", status_code=204)
    def outdated(document_id: str, caller: AdminOf, wanted: OutdatedBody) -> None:
        """Mark a document as outdated, or take that back: it stays, marked, and stands a little lower."""
        record = parts.library.get(caller, document_id)
        _legs(parts).mark_outdated(caller, record.document_id, outdated=wanted.outdated)


def _add_glossary(routes: APIRouter, parts: Parts) -> None:
    @routes.get("/app/glossary")
    def terms(caller: CallerOf) -> GlossaryShape:
        """Abbreviations and words of the house, which everybody may see."""
        return GlossaryShape(terms=tuple(TermShape.model_validate(one) for one in _glossary(parts).terms()))

    @routes.post("/app/admin/glossary")
    def add(caller: AdminOf, wanted: TermsBody) -> AddedTermsShape:
        """Keep terms, each in place of an earlier one that is written alike."""
        glossary = _glossary(parts)
        checked = [checked_term(one.term, one.meanings) for one in wanted.terms]
        return AddedTermsShape(added=glossary.add(checked), total=len(glossary.terms()))

    @routes.delete("/app/admin/glossary/{term}", status_code=204)
    def remove(term: str, caller: AdminOf) -> None:
        """Forget a term."""
        _glossary(parts).remove(term)


def _legs(parts: Parts) -> Legs:
    if parts.legs is None:
        raise Unavailable("This house searches no documents", hint="pip install 'inhouse[knowledge]'")
    return parts.legs


def _glossary(parts: Parts) -> Glossary:
    if parts.glossary is None:
        raise Unavailable("This house has no glossary", hint="pip install 'inhouse[knowledge]'")
    return parts.glossary
