"""Ollama, in its own dialect: its OpenAI surface drops `num_ctx` and cuts long prompts silently."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from inhouse.dialects import ollama
from inhouse.dialects.vectors import fitted
from inhouse.gateway.edge.providers.http import HttpClient, HttpPost, Wire, base_url
from inhouse.gateway.facts import estimate_tokens, facts_of
from inhouse.kernel.errors import EngineBroke, EngineError
from inhouse.kernel.messages import ChatEvent, ChatRequest, Embeddings, EmbedRequest, Usage

__all__ = ["WIRE", "OllamaProvider", "context_for"]

WIRE = Wire(ollama.EventReader, ollama.read_reply, ollama.read_error)

SMALLEST_CONTEXT = 4096
"""Ollama's own default on small machines; asking for less would only reload the model."""


class OllamaProvider:
    """One Ollama at `url`; see `providers.port.Provider`."""

    def __init__(self, name: str, url: str, http: HttpClient, *, key: str = "") -> None:
        self._name = name
        self._url = base_url(url)
        self._http = http
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def stream(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
        """See `Provider.stream`. Without messages the model is only loaded, or unloaded."""
        return self._http.events(self._asked(request, model), WIRE)

    def batches(self, request: ChatRequest, model: str) -> AsyncGenerator[Sequence[ChatEvent]]:
        """As `stream`, with those events together that came together."""
        return self._http.batches(self._asked(request, model), WIRE)

    def _asked(self, request: ChatRequest, model: str) -> HttpPost:
        path = "/api/generate" if ollama.wants_generate(request) else "/api/chat"
        context = context_for(request) if request.messages else None
        body = ollama.write_request(request, model=model, context_tokens=context)
        return HttpPost(self._name, self._url + path, body, self._headers)

    async def embed(self, request: EmbedRequest, model: str) -> Embeddings:
        """See `Provider.embed`. Vectors of their own length come one by one, from the older endpoint."""
        if request.normalise or not request.inputs:
            body = await self._reply("/api/embed", ollama.write_embed(request, model=model))
            try:
                found = ollama.read_vectors(body)
            except ValueError as error:
                raise EngineBroke(f"`{self._name}`: {error}", engine=self._name) from None
        else:
            vectors: list[tuple[float, ...]] = []
            for text in request.inputs:
                body = await self._reply(
                    "/api/embeddings", ollama.write_embedding(text, request, model=model)
                )
                try:
                    vectors.append(ollama.read_vector(body))
                except ValueError as error:
                    raise EngineBroke(f"`{self._name}`: {error}", engine=self._name) from None
            tokens = sum(estimate_tokens(text) for text in request.inputs)
            found = Embeddings(tuple(vectors), Usage(tokens, 0, estimated=True))
        try:
            return fitted(found.vectors, request, found.usage)
        except EngineError as error:
            raise type(error)(
                f"`{self._name}`: {error.message}", engine=self._name, hint=error.hint
            ) from None

    async def _reply(self, path: str, body: bytes) -> bytes:
        page = await self._http.page(HttpPost(self._name, self._url + path, body, self._headers))
        if page.status != 200:
            error = ollama.read_error(page.status, page.body, retry_after=page.headers.get("retry-after"))
            raise type(error)(f"`{self._name}`: {error.message}", engine=self._name, hint=error.hint)
        return page.body


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
