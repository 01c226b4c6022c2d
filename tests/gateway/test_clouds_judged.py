"""The loopback clouds, judged by the vendors' own clients: they speak the real wire."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from google import genai
from google.genai import errors, types

from tests.worlds.cloud_wires import CALL, SEAL, TEXT, THOUGHT, CloudFault
from tests.worlds.clouds import FakeCloud

pytestmark = pytest.mark.slow

HI: Any = [{"role": "user", "content": "hi"}]
CLAUDE, GEMINI, GPT = "claude-opus-5-5", "gemini-3-pro", "gpt-4.1"
WEATHER: Any = {"name": "weather", "input_schema": {"type": "object", "properties": {}}}
WHOLE = "".join(TEXT)


@asynccontextmanager
async def google_client(cloud: FakeCloud, key: str = "") -> AsyncIterator[genai.Client]:
    """Google's client, which asks once."""
    async with httpx2.AsyncClient() as http:
        options = types.HttpOptions(base_url=cloud.url, httpx_async_client=http)
        made = genai.Client(api_key=key or cloud.key, http_options=options)
        try:
            yield made
        finally:
            made.close()


def anthropic_client(cloud: FakeCloud, key: str = "") -> anthropic.AsyncAnthropic:
    """Anthropic's client, which asks once."""
    return anthropic.AsyncAnthropic(base_url=cloud.url, api_key=key or cloud.key, max_retries=0)


def openai_client(cloud: FakeCloud, key: str = "") -> openai.AsyncOpenAI:
    """OpenAI's client, which asks once."""
    return openai.AsyncOpenAI(base_url=cloud.url, api_key=key or cloud.key, max_retries=0)


async def test_anthropic_speaks_to_its_client() -> None:
    """Models, a whole answer, a stream with a call: all typed by the client, usage beside the cache."""
    async with FakeCloud("anthropic").running() as cloud, anthropic_client(cloud) as real:
        names = [model.id async for model in real.models.list()]
        whole = await real.messages.create(model=CLAUDE, max_tokens=9, messages=HI)
        async with real.messages.stream(model=CLAUDE, max_tokens=9, messages=HI, tools=[WEATHER]) as stream:
            texts = [text async for text in stream.text_stream]
            final = await stream.get_final_message()
    assert CLAUDE in names
    assert [block.type for block in whole.content] == ["thinking", "text"]
    assert tuple(texts) == TEXT
    thought, _, call = final.content
    assert thought.type == "thinking"
    assert (thought.thinking, thought.signature) == (THOUGHT, SEAL)
    assert call.type == "tool_use"
    assert (call.name, call.input, final.stop_reason) == ("weather", CALL, "tool_use")
    for usage in (whole.usage, final.usage):
        assert (usage.input_tokens, usage.output_tokens) == (12, 9)
        assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (30, 5)


async def test_gemini_speaks_to_its_client() -> None:
    """The same for Google's client, with vectors."""
    tool = types.Tool(function_declarations=[types.FunctionDeclaration(name="weather")])
    config = types.GenerateContentConfig(
        tools=[tool], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
    )
    async with FakeCloud("gemini").running() as cloud, google_client(cloud) as real:
        names = [model.name async for model in await real.aio.models.list()]
        whole = await real.aio.models.generate_content(model=GEMINI, contents="hi")
        stream = await real.aio.models.generate_content_stream(model=GEMINI, contents="hi", config=config)
        chunks = [chunk async for chunk in stream]
        vectors = await real.aio.models.embed_content(model="gemini-embedding-001", contents=["a", "b"])
    assert f"models/{GEMINI}" in names
    assert whole.text == WHOLE
    assert whole.usage_metadata is not None
    assert whole.usage_metadata.total_token_count == 51
    assert "".join(chunk.text or "" for chunk in chunks) == WHOLE
    (call,) = chunks[-1].function_calls or []
    assert (call.name, call.args) == ("weather", CALL)
    assert len(vectors.embeddings or ()) == 2


async def test_openai_speaks_to_its_client() -> None:
    """The same for OpenAI's client, with vectors."""
    tool: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    async with FakeCloud("openai").running() as cloud, openai_client(cloud) as real:
        names = [model.id async for model in real.models.list()]
        whole = await real.chat.completions.create(model=GPT, messages=HI)
        stream = await real.chat.completions.create(model=GPT, messages=HI, tools=[tool], stream=True)
        chunks = [chunk async for chunk in stream]
        vectors = await real.embeddings.create(
            model="text-embedding-3-small", input=["a", "b"], encoding_format="float"
        )
    assert GPT in names
    assert whole.choices[0].message.content == WHOLE
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == WHOLE
    pieces = [call for choice in choices for call in choice.delta.tool_calls or ()]
    assert (
        json.loads("".join((piece.function and piece.function.arguments) or "" for piece in pieces)) == CALL
    )
    assert choices[-1].finish_reason == "tool_calls"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 51
    assert [each.embedding for each in vectors.data] == [[0.5, 0.25]] * 2


FAULTS: list[tuple[CloudFault, type[Exception], type[Exception], type[Exception]]] = [
    ("rate", anthropic.RateLimitError, errors.ClientError, openai.RateLimitError),
    ("quota", anthropic.RateLimitError, errors.ClientError, openai.RateLimitError),
    ("overloaded", anthropic.APIStatusError, errors.ServerError, openai.InternalServerError),
]


@pytest.mark.parametrize(("fault", "from_anthropic", "from_google", "from_openai"), FAULTS)
async def test_faults_are_the_clients_own_exceptions(
    fault: CloudFault,
    from_anthropic: type[Exception],
    from_google: type[Exception],
    from_openai: type[Exception],
) -> None:
    """Each fault is what the vendor's client knows it as, and it fired."""
    async with FakeCloud("anthropic", fault).running() as cloud, anthropic_client(cloud) as real:
        with pytest.raises(from_anthropic):
            await real.messages.create(model=CLAUDE, max_tokens=9, messages=HI)
        assert cloud.fired == 1
    async with FakeCloud("gemini", fault).running() as cloud, google_client(cloud) as google:
        with pytest.raises(from_google):
            await google.aio.models.generate_content(model=GEMINI, contents="hi")
        assert cloud.fired == 1
    async with FakeCloud("openai", fault).running() as cloud, openai_client(cloud) as gpt:
        with pytest.raises(from_openai):
            await gpt.chat.completions.create(model=GPT, messages=HI)
        assert cloud.fired == 1


async def test_wrong_keys_are_refused() -> None:
    """Anthropic and OpenAI say 401, Google 400."""
    async with FakeCloud("anthropic").running() as cloud, anthropic_client(cloud, "no") as real:
        with pytest.raises(anthropic.AuthenticationError):
            await real.models.list()
    async with FakeCloud("openai").running() as cloud, openai_client(cloud, "no") as gpt:
        with pytest.raises(openai.AuthenticationError):
            await gpt.models.list()
    async with FakeCloud("gemini").running() as cloud, google_client(cloud, "no") as google:
        with pytest.raises(errors.ClientError, match="API key not valid"):
            await google.aio.models.generate_content(model=GEMINI, contents="hi")


async def test_errors_in_the_middle_and_refusals() -> None:
    """Error events are raised by the clients; refusals are reasons of an end."""
    async with FakeCloud("anthropic", "mid_error").running() as cloud, anthropic_client(cloud) as real:
        with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
            async with real.messages.stream(model=CLAUDE, max_tokens=9, messages=HI) as stream:
                await stream.get_final_message()
        cloud.fault = "refused"
        whole = await real.messages.create(model=CLAUDE, max_tokens=9, messages=HI)
        assert whole.stop_reason == "refusal"
    async with FakeCloud("gemini", "mid_error").running() as cloud, google_client(cloud) as google:
        with pytest.raises(errors.ServerError, match="Overloaded"):
            async for _ in await google.aio.models.generate_content_stream(model=GEMINI, contents="hi"):
                pass
        cloud.fault = "blocked"
        blocked = await google.aio.models.generate_content(model=GEMINI, contents="hi")
        assert blocked.prompt_feedback is not None
        assert blocked.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
