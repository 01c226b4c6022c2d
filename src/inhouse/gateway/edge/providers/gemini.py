"""Gemini, in its own dialect: the key goes in a header, never in the address, which proxies write down."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from urllib.parse import quote

from inhouse.dialects import gemini
from inhouse.dialects.status import UNREADABLE
from inhouse.dialects.vectors import fitted
from inhouse.gateway.edge.providers.http import HttpClient, HttpPost, Wire
from inhouse.gateway.facts import estimate_tokens
from inhouse.kernel.errors import EngineBroke, EngineError, EngineRefused
from inhouse.kernel.messages import ChatEvent, ChatRequest, Embeddings, EmbedRequest

__all__ = ["WIRE", "GeminiProvider", "gemini_url", "headers_of"]

WIRE = Wire(gemini.EventReader, gemini.read_reply, gemini.read_error)


class GeminiProvider:
    """Gemini at `url` (with or without `/v1beta`); see `providers.port.Provider`."""

    def __init__(self, name: str, url: str, http: HttpClient, *, key: str) -> None:
        self._name = name
        self._url = gemini_url(url) + "/v1beta/models/"
        self._http = http
        self._headers = headers_of(key)

    async def stream(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
        """See `Provider.stream`."""
        try:
            body = gemini.write_request(request, model=model)
        except EngineRefused as error:
            raise EngineRefused(f"`{self._name}`: {error.message}", engine=self._name) from None
        events = self._http.events(self._post(model, "streamGenerateContent?alt=sse", body), WIRE)
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()

    async def embed(self, request: EmbedRequest, model: str) -> Embeddings:
        """See `Provider.embed`."""
        body = gemini.write_embed_request(request, model=model)
        page = await self._http.page(self._post(model, "batchEmbedContents", body))
        if page.status != 200:
            error = gemini.read_error(page.status, page.body, retry_after=page.headers.get("retry-after"))
            error.engine = self._name
            raise error
        try:
            found = gemini.read_embeddings(page.body, estimate=sum(map(estimate_tokens, request.inputs)))
        except UNREADABLE as error:
            raise EngineBroke(f"`{self._name}`: its vectors cannot be read: {error}") from None
        try:
            return fitted(found.vectors, request, found.usage)
        except EngineError as error:
            raise type(error)(
                f"`{self._name}`: {error.message}", engine=self._name, hint=error.hint
            ) from None

    def _post(self, model: str, verb: str, body: bytes) -> HttpPost:
        return HttpPost(self._name, f"{self._url}{quote(model, safe='')}:{verb}", body, self._headers)


def gemini_url(url: str) -> str:
    """The address without a trailing `/` or version, which people write both with and without."""
    return url.rstrip("/").removesuffix("/v1beta").removesuffix("/v1").rstrip("/")


def headers_of(key: str) -> dict[str, str]:
    """What every request to Gemini carries."""
    return {"x-goog-api-key": key}
