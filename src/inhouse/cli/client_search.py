"""The house as a command sees it: what stands around a search."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from urllib.parse import urlencode

from inhouse.cli.transport import segment
from inhouse.knowledge.glossary import Term
from inhouse.serve.search import AddedTermsShape, GlossaryShape, LegsShape, WhyNotShape
from inhouse.serve.shapes import SearchDocument

__all__ = ["SearchCalls"]


class SearchCalls(ABC):
    """What `HouseClient` asks at `/app/search` and `/app/glossary`."""

    @abstractmethod
    async def _call(self, method: str, target: str, body: object = None) -> bytes: ...

    async def search(self, query: str, *, k: int, sources: Sequence[str] = ()) -> SearchDocument:
        asked = urlencode([("q", query), ("k", k), *(("source", one) for one in sources)], errors="replace")
        return SearchDocument.model_validate_json(await self._call("GET", f"/app/search?{asked}"))

    async def why(self, query: str, document: str, *, k: int, sources: Sequence[str] = ()) -> WhyNotShape:
        pairs = [("q", query), ("document", document), ("k", k), *(("source", one) for one in sources)]
        asked = urlencode(pairs, errors="replace")
        return WhyNotShape.model_validate_json(await self._call("GET", f"/app/search/why?{asked}"))

    async def legs(self) -> LegsShape:
        return LegsShape.model_validate_json(await self._call("GET", "/app/search/legs"))

    async def mark_outdated(self, document_id: str, *, outdated: bool) -> None:
        target = f"/app/admin/documents/{segment(document_id)}/outdated"
        await self._call("PUT", target, {"outdated": outdated})

    async def glossary(self) -> GlossaryShape:
        return GlossaryShape.model_validate_json(await self._call("GET", "/app/glossary"))

    async def add_terms(self, terms: Sequence[Term]) -> AddedTermsShape:
        body = {"terms": [{"term": one.term, "meanings": list(one.meanings)} for one in terms]}
        return AddedTermsShape.model_validate_json(await self._call("POST", "/app/admin/glossary", body))

    async def remove_term(self, term: str) -> None:
        await self._call("DELETE", f"/app/admin/glossary/{segment(term)}")
