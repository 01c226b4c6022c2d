"""The Gemini API, judged by Google's own Python client and by raw bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from aiohttp import ClientSession
from google import genai
from google.genai import errors, types

from inhouse.dialects.gemini_calls import join_id
from inhouse.gateway.edge.providers.scripted import Scene, Wait
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import EngineOverloaded, EngineRefused, RateLimited
from inhouse.kernel.messages import (
    ChatMessage,
    Failed,
    Finished,
    Image,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolDelta,
    Usage,
    UsageSeen,
)
from inhouse.serve.plane.gemini import GeminiSurface
from inhouse.serve.plane.openai import OpenAISurface
from inhouse.serve.plane.parts import Offer
from inhouse.serve.plane.surfaces import open_front
from tests.serve.plane.house import HELLO, FakeGate, Plane, open_plane

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
HI = {"contents": [{"parts": [{"text": "hi"}]}]}
CALL: tuple[Scene, ...] = (
    ReasoningDelta("Hm."),
    TextDelta("Let me look."),
    ToolDelta(0, join_id("c1", "Eo+/Cg=="), "weather", ""),
    ToolDelta(0, "", "", '{"city":"Paris"}'),
    UsageSeen(Usage(100, 30, 40, reasoning_tokens=5)),
    Finished("tool_calls"),
)
WEATHER = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="weather",
            description="Says the weather",
            parameters=types.Schema(
                type=types.Type.OBJECT,
                properties={"city": types.Schema(type=types.Type.STRING, nullable=True)},
                required=["city"],
            ),
        )
    ]
)
NO_HELP = types.AutomaticFunctionCallingConfig(disable=True)


@asynccontextmanager
async def client(plane: Plane, key: str = "g-key") -> AsyncIterator[genai.Client]:
    """The real client, pointed at us; it asks once."""
    async with httpx2.AsyncClient() as http:
        options = types.HttpOptions(base_url=plane.url, httpx_async_client=http)
        made = genai.Client(api_key=key, http_options=options)
        try:
            yield made
        finally:
            made.close()


async def send(
    plane: Plane, method: str, path: str, body: object = b"", **headers: str
) -> tuple[int, bytes, dict[str, str]]:
    """One request as it is; a body that is no bytes goes as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with (
        ClientSession() as session,
        session.request(method, plane.url + path, data=data, headers=headers) as reply,
    ):
        return reply.status, await reply.read(), {k.lower(): v for k, v in reply.headers.items()}


async def test_whole_answer() -> None:
    """Text, counts, reason and name; settings of the generation reach the engine."""
    config = types.GenerateContentConfig(
        system_instruction="Be short",
        temperature=0.5,
        top_p=0.9,
        top_k=7,
        max_output_tokens=64,
        stop_sequences=["END"],
        seed=3,
        safety_settings=[
            types.SafetySetting(
                category=types.HarmCategory.HARM_CATEGORY_HARASSMENT,
                threshold=types.HarmBlockThreshold.BLOCK_NONE,
            )
        ],
    )
    async with open_plane(GeminiSurface(), models=("qwen2.5:7b",)) as plane, client(plane) as real:
        reply = await real.aio.models.generate_content(model="qwen2.5:7b", contents="hi", config=config)
    assert reply.text == "Leave is 28 days."
    assert reply.model_version == "qwen2.5:7b"
    assert reply.candidates is not None
    assert reply.candidates[0].finish_reason == types.FinishReason.STOP
    usage = reply.usage_metadata
    assert usage is not None
    assert (usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count) == (21, 3, 24)
    request = plane.request
    assert request.messages == (ChatMessage("system", "Be short"), ChatMessage("user", "hi"))
    assert (request.temperature, request.top_p, request.top_k, request.seed) == (0.5, 0.9, 7, 3)
    assert (request.max_tokens, request.stop, request.stream) == (64, ("END",), False)
    assert plane.gate.seen == ["g-key"]
    assert plane.row.requested == "qwen2.5:7b"


async def test_stream_with_thoughts_and_calls() -> None:
    """Chunks put together by the client; the seal of a call stands in its own field."""
    config = types.GenerateContentConfig(
        tools=[WEATHER],
        automatic_function_calling=NO_HELP,
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=2048),
    )
    async with open_plane(GeminiSurface(), scripts=[CALL]) as plane, client(plane) as real:
        stream = await real.aio.models.generate_content_stream(model="m", contents="hi", config=config)
        chunks = [chunk async for chunk in stream]
    parts = [
        part
        for chunk in chunks
        for candidate in chunk.candidates or ()
        for part in (candidate.content and candidate.content.parts) or ()
    ]
    assert [(part.text, part.thought) for part in parts[:2]] == [("Hm.", True), ("Let me look.", None)]
    call = parts[2].function_call
    assert call is not None
    assert (call.id, call.name, call.args) == ("c1", "weather", {"city": "Paris"})
    assert parts[2].thought_signature == b"\x12\x8f\xbf\x0a"
    usage = chunks[-1].usage_metadata
    assert usage is not None
    assert (usage.candidates_token_count, usage.thoughts_token_count, usage.cached_content_token_count) == (
        25,
        5,
        40,
    )
    assert plane.request.thinking == "low"


async def test_tools_go_there_and_back() -> None:
    """The client's chat sends the call back with its seal and the result with its name."""
    config = types.GenerateContentConfig(
        tools=[WEATHER],
        automatic_function_calling=NO_HELP,
        tool_config=types.ToolConfig(
            function_calling_config=types.FunctionCallingConfig(
                mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["weather"]
            )
        ),
    )
    async with open_plane(GeminiSurface(), scripts=[CALL, HELLO]) as plane, client(plane) as real:
        chat = real.aio.chats.create(model="m", config=config)
        first = await chat.send_message("hi")
        assert first.function_calls is not None
        result = types.Part.from_function_response(name="weather", response={"result": "rain"})
        second = await chat.send_message(result)
    assert second.text == "Leave is 28 days."
    (asked, _), (again, _) = plane.seen
    schema = {"type": "object", "properties": {"city": {"type": ["string", "null"]}}, "required": ["city"]}
    (tool,) = asked.tools
    assert (tool.name, tool.description, json.loads(tool.parameters)) == (
        "weather",
        "Says the weather",
        schema,
    )
    assert (asked.tool_choice, asked.tool_name) == ("required", "weather")
    assert again.messages[1:] == (
        ChatMessage(
            "assistant",
            "Let me look.",
            tool_calls=(ToolCall(join_id("c1", "Eo+/Cg=="), "weather", '{"city":"Paris"}'),),
        ),
        ChatMessage("tool", "rain", tool_name="weather"),
    )


async def test_pictures_and_schemas_reach_the_engine() -> None:
    """Inline data, Google's schema and a JSON schema; without a schema any object will do."""
    picture = types.Part.from_bytes(data=b"\x89PNG", mime_type="image/png")
    schema = types.Schema(
        type=types.Type.OBJECT,
        properties={"a": types.Schema(type=types.Type.INTEGER)},
        property_ordering=["a"],
    )
    kind = "application/json"
    scripts: list[list[Scene]] = [[TextDelta(text), Finished()] for text in ('{"a": 1}', "[]", "{}")]
    async with open_plane(GeminiSurface(), scripts=scripts) as plane, client(plane) as real:
        for config in (
            types.GenerateContentConfig(response_mime_type=kind, response_schema=schema),
            types.GenerateContentConfig(response_mime_type=kind, response_json_schema={"type": "array"}),
            types.GenerateContentConfig(response_mime_type=kind),
        ):
            await real.aio.models.generate_content(model="m", contents=[picture, "What?"], config=config)
    first, second, third = (request for request, _ in plane.seen)
    assert first.messages == (ChatMessage("user", "What?", (Image("image/png", "iVBORw=="),)),)
    assert json.loads(first.json_schema or "") == {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
    }
    assert json.loads(second.json_schema or "") == {"type": "array"}
    assert (third.json_schema, third.json_object) == (None, True)


async def test_both_spellings_of_a_field_are_read() -> None:
    """Google's curl examples use `snake_case`; arguments of calls keep their own names."""
    body = {
        "system_instruction": {"parts": {"text": "Be short"}},
        "contents": [
            {"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": PIXEL}}]},
            {"role": "model", "parts": [{"function_call": {"name": "f", "args": {"my_name": 1}}}]},
            {"role": "function", "parts": [{"function_response": {"name": "f", "response": {"a_b": 2}}}]},
        ],
        "generation_config": {"max_output_tokens": 9, "stop_sequences": ["x"]},
    }
    async with open_plane(GeminiSurface()) as plane:
        status, _, _ = await send(plane, "POST", "/v1/models/m:generateContent?key=k", body)
    assert status == 200
    request = plane.request
    assert (request.max_tokens, request.stop) == (9, ("x",))
    assert request.messages == (
        ChatMessage("system", "Be short"),
        ChatMessage("user", "", (Image("image/png", PIXEL),)),
        ChatMessage("assistant", "", tool_calls=(ToolCall("", "f", '{"my_name":1}'),)),
        ChatMessage("tool", '{"a_b":2}', tool_name="f"),
    )
    assert plane.gate.seen == ["k"]


async def test_stream_without_sse_is_one_array() -> None:
    """Without `alt=sse` the reply is a JSON array that grows."""
    async with open_plane(GeminiSurface()) as plane:
        _, body, headers = await send(plane, "POST", "/v1beta/models/m:streamGenerateContent", HI)
    chunks = json.loads(body)
    assert headers["content-type"] == "application/json"
    texts = [chunk["candidates"][0]["content"]["parts"][0]["text"] for chunk in chunks]
    assert texts == ["Leave is ", "28 days.", ""]
    assert chunks[-1]["usageMetadata"]["totalTokenCount"] == 24


async def test_count_is_an_estimate_and_says_so() -> None:
    """`countTokens` in both of its shapes; no engine is asked."""
    async with open_plane(GeminiSurface()) as plane, client(plane) as real:
        counted = await real.aio.models.count_tokens(model="m", contents="hello there")
        assert (counted.total_tokens or 0) > 2
        body = {"generateContentRequest": {"model": "models/m", **HI}}
        _, text, headers = await send(plane, "POST", "/v1beta/models/m:countTokens", body)
    assert json.loads(text)["totalTokens"] > 2
    assert headers["x-inhouse-estimated"] == "true"
    assert plane.seen == []


async def test_vectors() -> None:
    """One text, and several with a number of dimensions."""
    async with open_plane(GeminiSurface()) as plane, client(plane) as real:
        several = await real.aio.models.embed_content(
            model="m", contents=["a", "bcd"], config=types.EmbedContentConfig(output_dimensionality=2)
        )
        body = {"content": {"parts": [{"text": "ab"}]}}
        _, text, _ = await send(plane, "POST", "/v1beta/models/m:embedContent", body)
    assert several.embeddings is not None
    assert [each.values for each in several.embeddings] == [[1.0, 0.5], [3.0, 0.5]]
    assert json.loads(text)["embedding"]["values"] == [2.0, 0.5, -2.0]
    assert plane.embedder.seen[0][0].model == "m"


async def test_models() -> None:
    """The list and one model, with what it can do; without a sign of Google they stay with OpenAI."""
    offers = [
        Offer("m", "house", "scripted", "local", context_tokens=8192),
        Offer("bge", "house", "scripted", "local", capabilities=("embedding",)),
        Offer("small", "house", "scripted", "local", capabilities=("completion", "embedding")),
    ]
    async with open_plane(GeminiSurface(), OpenAISurface(), offers=offers) as plane, client(plane) as real:
        models = [model async for model in await real.aio.models.list()]
        one = await real.aio.models.get(model="bge")
        both = await real.aio.models.get(model="small")
        with pytest.raises(errors.ClientError) as caught:
            await real.aio.models.get(model="nobody")
        _, body, _ = await send(plane, "GET", "/v1/models/m")
        _, listed, _ = await send(plane, "GET", "/v1beta/models")
        _, keyed, _ = await send(plane, "GET", "/v1/models?key=k")
    assert len(json.loads(listed)["models"]) == len(json.loads(keyed)["models"]) == 3
    assert [(model.name, model.input_token_limit) for model in models] == [
        ("models/m", 8192),
        ("models/bge", None),
        ("models/small", None),
    ]
    assert one.supported_actions == ["embedContent", "batchEmbedContents"]
    assert set(both.supported_actions or ()) >= {"generateContent", "embedContent"}
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")
    assert json.loads(body)["object"] == "model"


async def test_all_surfaces_together_leave_google_its_paths() -> None:
    """Behind the one front, a method in the path or a header of Google's is enough below `/v1/`, too."""
    async with open_plane(GeminiSurface()) as plane:
        front = open_front(plane.parts)
        for method, path, own, shape in (
            ("GET", "/v1/models", [(b"x-goog-api-client", b"x")], "models"),
            ("GET", "/v1/models", [], "data"),
            ("GET", "/v1/models", [(b"anthropic-version", b"x")], "has_more"),
            ("POST", "/v1/models/m:countTokens", [], "totalTokens"),
        ):
            sent: list[dict[str, Any]] = []

            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": json.dumps(HI).encode()}

            async def keep(message: Any, sent: list[dict[str, Any]] = sent) -> None:
                sent.append(message)

            scope: dict[str, Any] = {
                "type": "http",
                "method": method,
                "path": path,
                "headers": own,
                "query_string": b"",
            }
            scope |= {"state": {"request_id": "r"}, "client": ("127.0.0.1", 1)}
            assert await front(scope, receive, keep)
            assert shape in json.loads(sent[-1]["body"])


async def test_key_in_the_query_and_in_the_header() -> None:
    """Both name the caller; a wrong key is refused."""
    gate = FakeGate(keys={"k1": Grant(key="k1", user="anna")})
    path = "/v1beta/models/m:generateContent"
    async with open_plane(GeminiSurface(), gate=gate) as plane:
        assert (await send(plane, "POST", f"{path}?key=k1", HI))[0] == 200
        assert (await send(plane, "POST", path, HI, **{"x-goog-api-key": "k1"}))[0] == 200
        status, text, _ = await send(plane, "POST", f"{path}?key=no", HI)
    assert [row.user for row in plane.shelf.rows] == ["anna", "anna"]
    assert (status, json.loads(text)["error"]["status"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (EngineOverloaded("busy"), 503, "UNAVAILABLE"),
        (EngineRefused("too long"), 502, "UNAVAILABLE"),
        (RateLimited("slow down", retry_after_s=7), 429, "RESOURCE_EXHAUSTED"),
    ],
)
async def test_failures_before_the_first_word_have_a_status(error: Any, code: int, status: str) -> None:
    """The client's own exceptions, for whole answers and for streams."""
    gate = FakeGate(refuse=error) if isinstance(error, RateLimited) else FakeGate()
    scripts: list[list[Scene]] = [[error]] if not gate.refuse else [[]]
    async with open_plane(GeminiSurface(), scripts=scripts, gate=gate) as plane, client(plane) as real:
        with pytest.raises(errors.APIError) as whole:
            await real.aio.models.generate_content(model="m", contents="hi")
        with pytest.raises(errors.APIError) as streamed:
            stream = await real.aio.models.generate_content_stream(model="m", contents="hi")
            assert [chunk async for chunk in stream] == []
    for found in (whole.value, streamed.value):
        assert (found.code, found.status) == (code, status)


async def test_unknown_model_is_not_found() -> None:
    """As at Google, a name that nobody offers is a 404."""
    async with open_plane(GeminiSurface()) as plane, client(plane) as real:
        with pytest.raises(errors.ClientError, match="nobody"):
            await real.aio.models.generate_content(model="nobody", contents="hi")


async def test_failure_in_the_middle_is_an_error_chunk() -> None:
    """What was said stays; the client raises; the row is partial."""
    scripts: list[list[Scene]] = [[TextDelta("Leave"), Failed("engine_overloaded", "busy")]]
    async with open_plane(GeminiSurface(), scripts=scripts) as plane, client(plane) as real:
        got: list[str | None] = []
        with pytest.raises(errors.ServerError, match="busy"):
            async for chunk in await real.aio.models.generate_content_stream(model="m", contents="hi"):
                got += [chunk.text]
    assert got == ["Leave"]
    assert plane.row.outcome == "partial"


async def test_reader_who_leaves_cancels_the_engine() -> None:
    """The engine's work ends when the client does."""
    scripts: list[list[Scene]] = [[TextDelta("Leave"), Wait(asyncio.Event()), Finished()]]
    async with open_plane(GeminiSurface(), scripts=scripts) as plane:
        async with (
            ClientSession() as session,
            session.post(f"{plane.url}/v1beta/models/m:streamGenerateContent?alt=sse", json=HI) as reply,
        ):
            await reply.content.readany()
        for _ in range(200):
            if plane.row.outcome:
                break
            await asyncio.sleep(0.005)
    assert plane.row.outcome == "cancelled"


def with_config(**config: Any) -> dict[str, Any]:
    """A request with these settings of the generation."""
    return HI | {"generationConfig": config}


def with_part(part: dict[str, Any]) -> dict[str, Any]:
    """A request with this part."""
    return {"contents": [{"parts": [part]}]}


WRONG: list[tuple[dict[str, Any] | bytes, str]] = [
    (b"{", "The body is not JSON"),
    (b'{"a_b":"\xff"}', "The body is not JSON"),
    (b'{"a_b":' + b"[" * 200_000, "The body is not JSON"),
    (b"[]", "Expected `object`"),
    ({}, "contents: at least one is required"),
    ({"contents": [{"role": "robot", "parts": []}]}, "contents[0].role"),
    ({"contents": [{"parts": [{"text": 5}]}]}, "contents[0].parts[0].text"),
    (with_part({"fileData": {"fileUri": "gs://x"}}), "contents[0].parts[0].fileData"),
    (with_part({"inlineData": {"mimeType": "audio/wav", "data": "x"}}), "audio/wav"),
    (with_part({"executableCode": {"code": "1"}}), "code execution"),
    (HI | {"cachedContent": "cachedContents/x"}, "cachedContent"),
    (HI | {"tools": [{"googleSearch": {}}]}, "tools[0].googleSearch"),
    (HI | {"tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations"),
    (HI | {"toolConfig": {"functionCallingConfig": {"mode": "MAYBE"}}}, "mode"),
    (
        HI | {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}},
        "allowedFunctionNames",
    ),
    (with_config(temperature=3), "temperature"),
    (with_config(topP=2), "topP"),
    (with_config(maxOutputTokens=0), "maxOutputTokens"),
    (with_config(candidateCount=2), "candidateCount"),
    (with_config(responseModalities=["IMAGE"]), "IMAGE"),
    (with_config(responseMimeType="text/x.enum"), "text/x.enum"),
    (with_config(responseSchema={"type": "OBJECT"}), "responseMimeType"),
]


async def test_wrong_requests_name_the_field() -> None:
    """Every wrong request is a 400 in Google's shape that names what is wrong; no engine is asked."""
    async with open_plane(GeminiSurface()) as plane:
        for body, words in WRONG:
            status, text, _ = await send(plane, "POST", "/v1beta/models/m:generateContent", body)
            error = json.loads(text)["error"]
            assert (status, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT"), (body, text)
            assert words in error["message"]
    assert plane.seen == []


async def test_other_paths_and_methods() -> None:
    """What is not offered is named; a method of Google's with GET is wrong; other paths belong to others."""
    async with open_plane(GeminiSurface()) as plane:
        for method, path, expected in (
            ("POST", "/v1beta/models/m:predict", 404),
            ("POST", "/v1beta/files", 404),
            ("GET", "/v1beta/models/m:generateContent", 400),
        ):
            status, text, _ = await send(plane, method, path)
            assert (status, json.loads(text)["error"]["code"]) == (expected, expected)
    assert GeminiSurface().route("POST", "/v1/chat/completions") is None
