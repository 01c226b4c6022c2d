"""Anthropic, in its own dialect."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from inhouse.dialects import anthropic
from inhouse.gateway.edge.providers.http import HttpClient, HttpPost, Wire, base_url
from inhouse.kernel.errors import EngineRefused
from inhouse.kernel.messages import ChatEvent, ChatRequest, Embeddings, EmbedRequest

__all__ = ["WIRE", "AnthropicProvider", "headers_of"]

WIRE = Wire(anthropic.EventReader, anthropic.read_reply, anthropic.read_error)
VERSION = "2023-06-01"
"""Of the API. The next one, 2026-10-21, takes no sampling from any model; in this one older models do."""


class AnthropicProvider:
    """Anthropic at `url` (with or without `/v1`); see `providers.port.Provider`.

    Always asked for a stream: it refuses long answers in one piece, and a stream that falls silent is
    seen sooner.
    """

    def __init__(self, name: str, url: str, http: HttpClient, *, key: str) -> None:
        self._name = name
        self._url = base_url(url) + "/v1/messages"
        self._http = http
        self._headers = headers_of(key)

    async def stream(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
        """See `Provider.stream`."""
        try:
            body = anthropic.write_request(request, model=model)
        except EngineRefused as error:
            raise EngineRefused(f"`{self._name}`: {error.message}", engine=self._name) from None
        events = self._http.events(HttpPost(self._name, self._url, body, self._headers), WIRE)
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()

    async def embed(self, request: EmbedRequest, model: str) -> Embeddings:
        """See `Provider.embed`."""
        raise EngineRefused(f"`{self._name}` makes no embeddings", engine=self._name)


def headers_of(key: str) -> dict[str, str]:
    """What every request to Anthropic carries."""
    return {"x-api-key": key, "anthropic-version": VERSION}
