"""What the door refuses before any surface sees it is told in the words of the protocol that was spoken."""

from __future__ import annotations

import json

import aiohttp
import anthropic
import ollama
import openai
import pytest

from inhouse.serve.plane.anthropic import AnthropicSurface
from inhouse.serve.plane.gemini import GeminiSurface
from inhouse.serve.plane.ollama import OllamaSurface
from inhouse.serve.plane.openai import OpenAISurface
from tests.serve.plane.house import open_plane

LONG = "x" * 2000
SURFACES = (AnthropicSurface(), GeminiSurface(), OpenAISurface(), OllamaSurface())


async def test_a_body_over_the_cap_is_understood_by_every_client() -> None:
    """Each vendor's own client reads status and message; before, Ollama's was given an object for a text."""
    async with open_plane(*SURFACES, max_body_bytes=1000) as plane:
        told = "The request body is over 0.001 MB. hint: server.max_body_mb holds this limit"
        turns = [{"role": "user", "content": LONG}]
        by_name = ollama.AsyncClient(plane.url)
        with pytest.raises(ollama.ResponseError) as by_ollama:
            await by_name.chat("m", turns)
        await by_name._client.aclose()
        assert (by_ollama.value.status_code, by_ollama.value.error) == (413, told)
        async with openai.AsyncOpenAI(base_url=f"{plane.url}/v1", api_key="k", max_retries=0) as client:
            with pytest.raises(openai.APIStatusError) as by_openai:
                await client.chat.completions.create(model="m", messages=[{"role": "user", "content": LONG}])
        assert (by_openai.value.status_code, by_openai.value.type) == (413, "invalid_request_error")
        async with anthropic.AsyncAnthropic(base_url=plane.url, api_key="k", max_retries=0) as other:
            with pytest.raises(anthropic.APIStatusError) as by_anthropic:
                await other.messages.create(
                    model="m", max_tokens=5, messages=[{"role": "user", "content": LONG}]
                )
        assert '"request_too_large"' in by_anthropic.value.response.text
        assert plane.shelf.rows == []


async def test_paths_of_no_surface_keep_our_own_words() -> None:
    """Control: /api/ of a house without Ollama's surface is nobody's path."""
    async with open_plane(OpenAISurface(), max_body_bytes=1000) as plane:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{plane.url}/api/chat", data=LONG) as reply,
        ):
            body = json.loads(await reply.read())
        assert (reply.status, body["error"]["code"]) == (413, "too_large")
