"""The OpenAI surface, judged by OpenAI's own Python client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from openai.types.responses import FunctionToolParam, ResponseInputItemParam
from pydantic import BaseModel

from inhouse.gateway.edge.providers.scripted import Scene
from inhouse.kernel import errors
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import EngineUnfit
from inhouse.kernel.messages import (
    Alternative,
    ChatMessage,
    Failed,
    Finished,
    Image,
    ReasoningDelta,
    TextDelta,
    TokenScore,
    Tool,
    ToolCall,
    ToolDelta,
    Usage,
    UsageSeen,
)
from inhouse.serve.plane.openai import OpenAISurface
from inhouse.serve.plane.parts import Offer
from tests.serve.plane.house import FakeGate, Plane, open_plane

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
HI: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
CALLS: tuple[Scene, ...] = (
    ToolDelta(0, "c1", "weather", '{"city":'),
    ToolDelta(0, "", "", '"Уфа"}'),
    UsageSeen(Usage(9, 4)),
    Finished("tool_calls"),
)


@asynccontextmanager
async def client(plane: Plane, *, key: str = "any", **headers: str) -> AsyncIterator[openai.AsyncOpenAI]:
    """The real client, pointed at us; it never tries again by itself."""
    # Reading this machine's certificates takes longer than most of these tests.
    async with (
        openai.DefaultAsyncHttpxClient(verify=False) as http,
        openai.AsyncOpenAI(
            base_url=plane.url + "/v1",
            api_key=key,
            max_retries=0,
            default_headers=headers,
            http_client=http,
        ) as made,
    ):
        yield made


async def test_chat_whole() -> None:
    """Text, reason and usage; the engine got the request, the ledger its row."""
    async with open_plane(OpenAISurface()) as plane, client(plane) as sdk:
        raw = await sdk.chat.completions.with_raw_response.create(
            model="m", messages=HI, max_completion_tokens=5, temperature=0.5, stop=["x"], seed=3
        )
        reply = raw.parse()
        assert reply.choices[0].message.content == "Leave is 28 days."
        assert (reply.choices[0].finish_reason, reply.model) == ("stop", "m")
        assert reply.usage is not None
        assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (21, 3)
        assert raw.headers["x-inhouse-engine"] == "house"
        assert raw.headers["x-inhouse-where"] == "local"
        assert raw.request_id == raw.headers["x-inhouse-request-id"] == plane.row.request_id
        request = plane.request
        assert (request.max_tokens, request.temperature, request.stop, request.seed) == (5, 0.5, ("x",), 3)
        assert (request.data, request.stream) == ("any", False)
        assert (plane.row.outcome, plane.row.requested) == ("ok", "m")
        assert plane.gate.under_way == 0


async def test_chat_without_a_model_leaves_the_choice_to_the_house() -> None:
    """An empty name is no name; the answer then names the model that ran."""
    async with open_plane(OpenAISurface()) as plane, client(plane) as sdk:
        reply = await sdk.chat.completions.create(model="", messages=HI)
        assert reply.model == "m"
        assert plane.row.requested is None


async def test_chat_stream() -> None:
    """One id, the role first, the pieces as they came, and the usage at the end."""
    async with open_plane(OpenAISurface()) as plane, client(plane) as sdk:
        stream = await sdk.chat.completions.create(
            model="m", messages=HI, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
        assert [chunk.choices[0].delta.content for chunk in chunks[:2]] == ["Leave is ", "28 days."]
        assert chunks[0].choices[0].delta.role == "assistant"
        assert chunks[2].choices[0].finish_reason == "stop"
        assert chunks[3].usage is not None
        assert chunks[3].usage.total_tokens == 24
        assert plane.request.stream


@pytest.mark.slow
async def test_the_synchronous_client() -> None:
    """The client that most programs use, in a thread of its own: whole and streamed."""
    async with open_plane(OpenAISurface()) as plane:

        def work() -> tuple[str | None, str]:
            with openai.OpenAI(base_url=plane.url + "/v1", api_key="x", max_retries=0) as sdk:
                whole = sdk.chat.completions.create(model="m", messages=HI)
                stream = sdk.chat.completions.create(model="m", messages=HI, stream=True)
                text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
                return whole.choices[0].message.content, text

        assert await asyncio.to_thread(work) == ("Leave is 28 days.", "Leave is 28 days.")


async def test_tools_there_and_back() -> None:
    """A call is streamed in pieces, sent back with its result, and answered."""
    async with open_plane(OpenAISurface(), scripts=(CALLS, (TextDelta("-5"), Finished()))) as plane:
        async with (
            client(plane) as sdk,
            sdk.chat.completions.stream(
                model="m", messages=HI, tools=[WEATHER], parallel_tool_calls=False
            ) as stream,
        ):
            first = (await stream.get_final_completion()).choices[0]
            (call,) = first.message.tool_calls or []
            assert (call.id, call.function.name, call.function.arguments) == (
                "c1",
                "weather",
                '{"city":"Уфа"}',
            )
            assert first.finish_reason == "tool_calls"
            assistant: ChatCompletionMessageParam = {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": call.id,
                        "type": "function",
                        "function": {"name": "weather", "arguments": call.function.arguments},
                    }
                ],
            }
            result: ChatCompletionMessageParam = {"role": "tool", "tool_call_id": call.id, "content": "-5"}
            reply = await sdk.chat.completions.create(
                model="m", messages=[*HI, assistant, result], tools=[WEATHER]
            )
            assert reply.choices[0].message.content == "-5"
        asked, answered = (request for request, _model in plane.seen)
        (tool,) = asked.tools
        assert (tool.name, tool.description) == ("weather", "The weather of a city")
        assert not asked.parallel_tools
        assert answered.messages[1].tool_calls == (ToolCall("c1", "weather", '{"city":"Уфа"}'),)
        assert answered.messages[2] == ChatMessage("tool", "-5", tool_call_id="c1", tool_name="weather")


async def test_tool_calls_in_a_whole_answer() -> None:
    """A forced tool reaches the engine as such, its call comes back as an object."""
    async with open_plane(OpenAISurface(), scripts=(CALLS,)) as plane, client(plane) as sdk:
        choice = {"type": "function", "function": {"name": "weather"}}
        reply = await sdk.chat.completions.create(
            model="m", messages=HI, tools=[WEATHER], extra_body={"tool_choice": choice}
        )
        message = reply.choices[0].message
        assert message.content is None
        assert message.tool_calls is not None
        assert reply.choices[0].finish_reason == "tool_calls"
        assert (plane.request.tool_choice, plane.request.tool_name) == ("required", "weather")


class City(BaseModel):
    """What the schema test asks for."""

    name: str
    people: int


async def test_answer_by_schema() -> None:
    """The client's own `parse` sends a schema, which arrives as it is, and reads the object."""
    script = (TextDelta('{"name":"Уфа","people":1100000}'), Finished())
    async with open_plane(OpenAISurface(), scripts=(script,)) as plane, client(plane) as sdk:
        reply = await sdk.chat.completions.parse(model="m", messages=HI, response_format=City)
        assert reply.choices[0].message.parsed == City(name="Уфа", people=1_100_000)
        schema = json.loads(plane.request.json_schema or "")
        assert set(schema["properties"]) == {"name", "people"}


async def test_pictures_scores_and_thoughts() -> None:
    """A picture as data, log-probabilities asked for and given, thinking asked for and shown."""
    scores = (TokenScore("red", -0.1, (Alternative("red", -0.1), Alternative("blue", -2.5))),)
    script = (ReasoningDelta("I look."), TextDelta("red", scores), Finished())
    async with open_plane(OpenAISurface(), scripts=(script,)) as plane, client(plane) as sdk:
        parts: ChatCompletionMessageParam = {
            "role": "user",
            "content": [
                {"type": "text", "text": "Which colour?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
            ],
        }
        reply = await sdk.chat.completions.create(
            model="m", messages=[parts], logprobs=True, top_logprobs=2, reasoning_effort="high"
        )
        message = reply.choices[0].message
        assert message.model_extra is not None
        assert message.model_extra["reasoning_content"] == "I look."
        logprobs = reply.choices[0].logprobs
        assert logprobs is not None
        assert logprobs.content is not None
        assert [top.token for top in logprobs.content[0].top_logprobs] == ["red", "blue"]
        request = plane.request
        assert request.messages[0].images == (Image("image/png", PIXEL),)
        assert (request.top_logprobs, request.thinking) == (2, "high")


async def test_completions() -> None:
    """The old conversation, whole and streamed."""
    async with open_plane(OpenAISurface()) as plane, client(plane) as sdk:
        whole = await sdk.completions.create(model="m", prompt="hi", max_tokens=5)
        assert whole.choices[0].text == "Leave is 28 days."
        stream = await sdk.completions.create(model="m", prompt="hi", stream=True)
        assert "".join([chunk.choices[0].text async for chunk in stream]) == "Leave is 28 days."
        assert [request.stream for request, _model in plane.seen] == [False, True]
        with pytest.raises(openai.BadRequestError, match="filling in the middle"):
            await sdk.completions.create(model="m", prompt="hi", suffix="end")


async def test_embeddings() -> None:
    """The client asks for base64 by itself; numbers, dimensions and usage come as well."""
    async with open_plane(OpenAISurface()) as plane, client(plane) as sdk:
        raw = await sdk.embeddings.with_raw_response.create(model="m", input=["hi", "отпуск"])
        assert [row.embedding for row in raw.parse().data] == [[2.0, 0.5, -2.0], [6.0, 0.5, -2.0]]
        assert raw.headers["x-inhouse-engine"] == "house"
        floats = await sdk.embeddings.create(model="m", input="hi", dimensions=2, encoding_format="float")
        assert floats.data[0].embedding == [2.0, 0.5]
        assert floats.usage.prompt_tokens == 2
        (first, _user, grant), (second, _user, _grant) = plane.embedder.seen
        assert (first.inputs, first.data, grant) == (("hi", "отпуск"), "any", Grant())
        assert second.dimensions == 2
        with pytest.raises(openai.BadRequestError, match="tokens"):
            await sdk.embeddings.create(model="m", input=[1, 2, 3])
        plane.embedder.error = EngineUnfit("the model makes 3 dimensions instead of 7")
        with pytest.raises(openai.BadRequestError, match="3 dimensions instead of 7"):
            await sdk.embeddings.create(model="m", input="hi", dimensions=7)


async def test_models_of_the_key() -> None:
    """The list holds what the key may use, and nothing else is found one by one."""
    offers = [
        Offer("qwen2.5:7b", "ollama-1", "ollama", "local", context_tokens=8192, modified_at=5.5),
        Offer("org/model", "vllm", "vllm", "local"),
        Offer("secret", "vllm", "vllm", "local"),
    ]
    gate = FakeGate(keys={"k": Grant(key="k1", models=("qwen2.5:7b", "org/model"))})
    async with (
        open_plane(OpenAISurface(), offers=offers, gate=gate) as plane,
        client(plane, key="k") as sdk,
    ):
        listed = [model async for model in sdk.models.list()]
        assert [model.id for model in listed] == ["qwen2.5:7b", "org/model"]
        assert (listed[0].created, listed[0].owned_by, listed[0].object) == (5, "ollama-1", "model")
        assert (await sdk.models.retrieve("org/model")).id == "org/model"
        assert (await sdk.models.retrieve("QWEN2.5:7b")).id == "qwen2.5:7b"
        with pytest.raises(openai.NotFoundError) as caught:
            await sdk.models.retrieve("secret")
        assert caught.value.code == "model_not_found"


@pytest.mark.slow
async def test_responses_whole_and_streamed() -> None:
    """Text, usage and the client's own accumulated answer."""
    async with open_plane(OpenAISurface()) as plane, client(plane) as sdk:
        whole = await sdk.responses.create(model="m", input="hi", instructions="Be brief.")
        assert (whole.output_text, whole.status) == ("Leave is 28 days.", "completed")
        assert whole.usage is not None
        assert whole.usage.total_tokens == 24
        async with sdk.responses.stream(model="m", input="hi") as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_response()
        assert kinds[0] == "response.created"
        assert kinds[-1] == "response.completed"
        assert final.output_text == "Leave is 28 days."
        first, _second = (request for request, _model in plane.seen)
        assert first.messages == (ChatMessage("system", "Be brief."), ChatMessage("user", "hi"))


async def test_responses_tools_there_and_back() -> None:
    """A call with its thoughts is streamed, sent back as items, and answered."""
    script = (ReasoningDelta("Which city?"), *CALLS)
    tool: FunctionToolParam = {
        "type": "function",
        "name": "weather",
        "parameters": {"type": "object"},
        "strict": False,
    }
    async with (
        open_plane(OpenAISurface(), scripts=(script, (TextDelta("-5"), Finished()))) as plane,
        client(plane) as sdk,
    ):
        async with sdk.responses.stream(model="m", input="hi", tools=[tool]) as stream:
            final = await stream.get_final_response()
        thought, call = final.output
        assert thought.type == "reasoning"
        assert thought.summary[0].text == "Which city?"
        assert call.type == "function_call"
        assert (call.call_id, call.arguments) == ("c1", '{"city":"Уфа"}')
        items: list[ResponseInputItemParam] = [
            {"role": "user", "content": "hi"},
            {
                "type": "reasoning",
                "id": thought.id,
                "summary": [{"type": "summary_text", "text": "Which city?"}],
            },
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": call.arguments},
            {"type": "function_call_output", "call_id": "c1", "output": "-5"},
        ]
        reply = await sdk.responses.create(model="m", input=items, tools=[tool])
        assert reply.output_text == "-5"
        request = plane.seen[1][0]
        assert request.tools == (Tool("weather", parameters='{"type":"object"}'),)
        assert request.messages[1].reasoning == "Which city?"
        assert request.messages[2] == ChatMessage("tool", "-5", tool_call_id="c1", tool_name="weather")


async def test_responses_by_schema() -> None:
    """The client's `parse` over this conversation."""
    script = (TextDelta('{"name":"Уфа","people":1}'), Finished())
    async with open_plane(OpenAISurface(), scripts=(script,)) as plane, client(plane) as sdk:
        reply = await sdk.responses.parse(model="m", input="hi", text_format=City)
        assert reply.output_parsed == City(name="Уфа", people=1)
        assert plane.request.json_schema is not None


async def test_responses_keep_nothing() -> None:
    """What refers to an earlier response is refused; a stored one is not found."""
    async with open_plane(OpenAISurface()) as plane, client(plane) as sdk:
        with pytest.raises(openai.BadRequestError) as caught:
            await sdk.responses.create(model="m", input="hi", previous_response_id="resp_1")
        assert caught.value.param == "previous_response_id"
        with pytest.raises(openai.NotFoundError):
            await sdk.responses.retrieve("resp_1")


TOO_LONG = errors.EngineRefused("the request exceeds the available context size")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (errors.EngineUnreachable("x"), openai.InternalServerError, "engine_unreachable"),
        (errors.EngineOverloaded("x", retry_after_s=2.5), openai.InternalServerError, "engine_overloaded"),
        (errors.EngineTimeout("x"), openai.InternalServerError, "engine_timeout"),
        (TOO_LONG, openai.BadRequestError, "context_length_exceeded"),
    ],
    ids=str,
)
async def test_engine_errors_are_the_clients_exceptions(
    error: errors.EngineError, kind: type[openai.APIStatusError], code: str, stream: bool
) -> None:
    """Whole and streamed alike: a fault before the first word is a status, and never an empty answer."""
    async with open_plane(OpenAISurface(), scripts=((error,),)) as plane, client(plane) as sdk:
        with pytest.raises(kind) as caught:
            await sdk.chat.completions.create(model="m", messages=HI, stream=stream)
        assert caught.value.code == code
        assert (plane.row.outcome, plane.row.request_id) == ("failed", caught.value.request_id)
        assert plane.gate.under_way == 0


async def test_refusals_are_the_clients_exceptions() -> None:
    """Keys, scopes, limits, budgets and unknown models have the class that programs catch."""
    keys = {"good": Grant(key="k"), "read": Grant(key="r", scopes=frozenset({"models"}))}
    gate = FakeGate(keys=keys)
    async with open_plane(OpenAISurface(), gate=gate) as plane:
        async with client(plane, key="bad") as sdk:
            with pytest.raises(openai.AuthenticationError) as wrong:
                await sdk.models.list()
            assert wrong.value.code == "invalid_api_key"
        async with client(plane, key="read") as sdk:
            with pytest.raises(openai.PermissionDeniedError):
                await sdk.chat.completions.create(model="m", messages=HI)
            with pytest.raises(openai.PermissionDeniedError):
                await sdk.embeddings.create(model="m", input="hi")
        async with client(plane, key="good") as sdk:
            with pytest.raises(openai.NotFoundError) as unknown:
                await sdk.chat.completions.create(model="no-such-model", messages=HI)
            assert unknown.value.code == "model_not_found"
            gate.refuse = errors.RateLimited("60 requests a minute are allowed", retry_after_s=1.2)
            with pytest.raises(openai.RateLimitError) as limited:
                await sdk.chat.completions.create(model="m", messages=HI)
            assert limited.value.response.headers["retry-after"] == "2"
            assert limited.value.code == "rate_limit_exceeded"
            gate.refuse = errors.OverBudget("the budget of `k` is used up")
            with pytest.raises(openai.RateLimitError) as spent:
                await sdk.responses.create(model="m", input="hi")
            assert spent.value.code == "insufficient_quota"
            assert spent.value.response.headers["x-should-retry"] == "false"
        assert plane.seen == []


STALLED = (TextDelta("Leave"), Failed("engine_timeout", "`house`: sent nothing for 30 s"))


async def test_failure_in_the_middle_is_an_exception_after_the_words() -> None:
    """The client gets the pieces, then an error; the row is `partial`."""
    async with open_plane(OpenAISurface(), scripts=(STALLED,)) as plane, client(plane) as sdk:
        stream = await sdk.chat.completions.create(model="m", messages=HI, stream=True)
        words: list[str | None] = []
        with pytest.raises(openai.APIError, match="sent nothing"):
            async for chunk in stream:
                words.append(chunk.choices[0].delta.content)  # noqa: PERF401  it must survive the error
        assert words == ["Leave"]
        assert plane.row.outcome == "partial"


async def test_failure_in_the_middle_of_a_response() -> None:
    """The last event says `failed` and holds what came before."""
    async with open_plane(OpenAISurface(), scripts=(STALLED,)) as plane, client(plane) as sdk:
        events = await sdk.responses.create(model="m", input="hi", stream=True)
        last = [event async for event in events][-1]
        assert last.type == "response.failed"
        assert last.response.output_text == "Leave"
        assert plane.row.outcome == "partial"


async def test_house_headers_reach_the_routing() -> None:
    """What a caller says in headers tightens the request, and a wrong word is refused."""
    wish = {"x-inhouse-data": "local_only", "x-inhouse-task": "summary", "x-inhouse-prefer": "local"}
    async with open_plane(OpenAISurface()) as plane:
        async with client(plane, **wish) as sdk:
            await sdk.chat.completions.create(model="m", messages=HI)
            await sdk.embeddings.create(model="m", input="hi")
        request = plane.request
        assert (request.data, request.task, request.wishes.prefer) == ("local_only", "summary", "local")
        assert plane.embedder.seen[0][0].data == "local_only"
        async with client(plane, **{"x-inhouse-force": "moon"}) as sdk:
            with pytest.raises(openai.BadRequestError, match="moon"):
                await sdk.chat.completions.create(model="m", messages=HI)
