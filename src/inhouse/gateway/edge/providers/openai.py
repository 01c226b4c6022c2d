"""Engines that speak the OpenAI dialect: llama.cpp, MLX, vLLM, SGLang, LM Studio, OpenAI."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from inhouse.dialects import openai
from inhouse.gateway.edge.providers.http import HttpClient, HttpPost, Wire, base_url
from inhouse.gateway.profiles import Profile
from inhouse.kernel.errors import EngineRefused
from inhouse.kernel.messages import ChatEvent, ChatRequest, Embeddings, EmbedRequest

__all__ = ["WIRE", "OpenAIProvider"]

WIRE = Wire(openai.EventReader, openai.read_reply, openai.read_error)


class OpenAIProvider:
    """One such engine at `url` (with or without `/v1`); see `providers.port.Provider`."""

    def __init__(self, name: str, url: str, profile: Profile, http: HttpClient, *, key: str = "") -> None:
        self._name = name
        self._url = base_url(url) + "/v1/chat/completions"
        self._profile = profile
        self._http = http
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def stream(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
        """See `Provider.stream`."""
        body = openai.write_request(request, model=model, ask_usage=self._profile.usage_in_stream)
        return self._http.events(HttpPost(self._name, self._url, body, self._headers), WIRE)

    async def embed(self, request: EmbedRequest, model: str) -> Embeddings:
        """See `Provider.embed`."""
        raise EngineRefused(f"`{self._name}` makes no embeddings", engine=self._name)
