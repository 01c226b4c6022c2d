"""Ollama, in its own dialect: its OpenAI surface drops `num_ctx` and cuts long prompts silently."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from inhouse.dialects import ollama
from inhouse.gateway.edge.providers.http import HttpClient, HttpPost, Wire, base_url
from inhouse.gateway.facts import facts_of
from inhouse.kernel.errors import EngineRefused
from inhouse.kernel.messages import ChatEvent, ChatRequest, Embeddings, EmbedRequest

__all__ = ["WIRE", "OllamaProvider", "context_for"]

WIRE = Wire(ollama.EventReader, ollama.read_reply, ollama.read_error)

SMALLEST_CONTEXT = 4096
"""Ollama's own default on small machines; asking for less would only reload the model."""


class OllamaProvider:
    """One Ollama at `url`; see `providers.port.Provider`."""

    def __init__(self, name: str, url: str, http: HttpClient, *, key: str = "") -> None:
        self._name = name
        self._url = base_url(url) + "/api/chat"
        self._http = http
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def stream(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
        """See `Provider.stream`."""
        body = ollama.write_request(request, model=model, context_tokens=context_for(request))
        return self._http.events(HttpPost(self._name, self._url, body, self._headers), WIRE)

    async def embed(self, request: EmbedRequest, model: str) -> Embeddings:
        """See `Provider.embed`."""
        raise EngineRefused(f"`{self._name}` makes no embeddings", engine=self._name)


def context_for(request: ChatRequest) -> int:
    """Tokens of context to ask for: half as much again as estimated, in doubling steps from 4096.

    In steps, because every new value makes Ollama load the model again.
    """
    facts = facts_of(request)
    needed = facts.prompt_tokens * 3 // 2 + facts.reply_tokens
    context = SMALLEST_CONTEXT
    while context < needed:
        context *= 2
    return context
