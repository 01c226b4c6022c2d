"""Engines and clients that misbehave, met through a whole surface: what the client sees, byte by byte.

Every fault is met twice: where bytes pass through (OpenAI to OpenAI) and where they are translated (Ollama
to OpenAI). The fake engine counts that its fault fired; each group has a control.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from inhouse.gateway.edge.providers.http import HttpClient, HttpLimits
from inhouse.gateway.edge.providers.openai import OpenAIProvider
from inhouse.gateway.profiles import PROFILES
from inhouse.serve.plane.ollama import OllamaSurface
from inhouse.serve.plane.openai import OpenAISurface
from tests.serve.plane.house import Plane, open_plane
from tests.worlds.engines import WORDS, FakeEngine, Fault

LIMITS = HttpLimits(connect_timeout_s=5.0, first_event_timeout_s=0.2, idle_timeout_s=0.2, whole_timeout_s=0.2)
PATIENT = replace(LIMITS, first_event_timeout_s=9.0, idle_timeout_s=9.0, whole_timeout_s=9.0)
WAITS = {"hang", "hang_first", "keepalive", "stall", "drip"}
BEFORE: tuple[Fault, ...] = (
    "close",
    "hang",
    "hang_first",
    "keepalive",
    "reset_first",
    "garbage",
    "429",
    "500",
)
AFTER: tuple[Fault, ...] = ("stall", "reset", "half", "badjson", "huge", "mid_error")
WHOLE = "".join(WORDS)


@asynccontextmanager
async def plane_over(fake: FakeEngine, *, lean: bool = True, patient: bool = False) -> AsyncIterator[Plane]:
    """Both surfaces over one engine that may misbehave."""
    limits = LIMITS if fake.fault in WAITS and not patient else PATIENT
    http = HttpClient(limits, lean=lean)
    provider = OpenAIProvider("house", fake.url, PROFILES["vllm"], http)
    try:
        async with open_plane(OpenAISurface(), OllamaSurface(), provider=provider) as plane:
            yield plane
    finally:
        await http.close()


def asking(path: str, *, stream: bool, **more: object) -> bytes:
    """A whole request."""
    body = json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": "How many days?"}], "stream": stream} | more
    )
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return (head + body).encode()


async def ask(plane: Plane, path: str, *, stream: bool, **more: object) -> tuple[int, bytes]:
    """Status and body, chunks joined."""
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
    writer.write(asking(path, stream=stream, **more))
    raw = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    head, _, body = raw.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head:
        body = _dechunked(body)
    return int(head.split(b" ", 2)[1]), body


def _dechunked(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        if int(size, 16) == 0:
            return whole
        whole, body = whole + body[: int(size, 16)], body[int(size, 16) + 2 :]
    raise AssertionError("the reply was cut")


def text_of(path: str, body: bytes) -> str:
    """The answer's words out of a stream."""
    if path.startswith("/api/"):
        return "".join(json.loads(line).get("message", {}).get("content", "") for line in body.splitlines())
    datas = [line[6:] for line in body.split(b"\n\n") if line.startswith(b"data: {")]
    choices = [choice for data in datas for choice in json.loads(data).get("choices", [])]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


SPOKEN = ("/v1/chat/completions", "/api/chat")
CASES = [
    pytest.param(path, fault, marks=[pytest.mark.slow] if fault in WAITS else [])
    for path in SPOKEN
    for fault in AFTER
]


@pytest.mark.parametrize("lean", [True, False], ids=["lean", "aiohttp"])
@pytest.mark.parametrize("path", SPOKEN)
async def test_good_answer_is_whole(path: str, *, lean: bool) -> None:
    """Control: without a fault all words come, and the stream ends as its protocol wants it."""
    async with FakeEngine("vllm").running() as fake, plane_over(fake, lean=lean) as plane:
        status, body = await ask(plane, path, stream=True)
        assert (status, text_of(path, body)) == (200, WHOLE)
        assert body.rstrip().endswith(b"data: [DONE]" if path == SPOKEN[0] else b"}")
        assert b"error" not in body
        assert (plane.row.outcome, fake.fired) == ("ok", 0)


@pytest.mark.parametrize("lean", [True, False], ids=["lean", "aiohttp"])
@pytest.mark.parametrize(("path", "fault"), CASES)
async def test_fault_after_the_first_word_is_an_error_event(path: str, fault: Fault, *, lean: bool) -> None:
    """U04, U06, U07, U08, U14: what came stays, then comes an error event, and nothing after it."""
    async with FakeEngine("vllm", fault).running() as fake, plane_over(fake, lean=lean) as plane:
        status, body = await ask(plane, path, stream=True)
        assert status == 200
        assert text_of(path, body) == "".join(WORDS[:2])
        last = body.rstrip().splitlines()[-1]
        assert b'"error"' in last
        assert b"[DONE]" not in body
        assert (plane.row.outcome, fake.fired) == ("partial", 1)


@pytest.mark.parametrize("path", SPOKEN)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "fault", [pytest.param(each, marks=[pytest.mark.slow] if each in WAITS else []) for each in BEFORE]
)
async def test_fault_before_the_first_word_has_a_status(path: str, fault: Fault, *, stream: bool) -> None:
    """U01, U02, U03, U05, U09, U10, U12: never a 200 with nothing in it."""
    async with FakeEngine("vllm", fault).running() as fake, plane_over(fake) as plane:
        status, body = await ask(plane, path, stream=stream)
        assert status >= 500
        assert b"house" in body
        assert (plane.row.outcome, fake.fired) == ("failed", 1)


@pytest.mark.parametrize("path", SPOKEN)
@pytest.mark.parametrize("fault", ["no_usage", "twice_done", "whole"])
async def test_harmless_oddities_change_nothing(path: str, fault: Fault) -> None:
    """U17, U18: missing usage is estimated and marked, a second end is ignored, one document will do."""
    async with FakeEngine("vllm", fault).running() as fake, plane_over(fake) as plane:
        stream = fault != "whole"
        status, body = await ask(plane, path, stream=stream)
        assert status == 200
        if stream:
            assert text_of(path, body) == WHOLE
            assert body.count(b"[DONE]") == (path == SPOKEN[0])
        assert (plane.row.outcome, fake.fired) == ("ok", 1)
        assert plane.row.usage is not None
        assert plane.row.usage.estimated == (fault == "no_usage")


async def test_cut_bytes_give_the_same_answer() -> None:
    """U15: an answer that comes byte by byte, cut inside of letters, passes through unchanged."""
    words = ("Отпуск ", "— 28 дней ", "\U0001f334")
    outputs = []
    for fault in ("none", "drip"):
        fake = FakeEngine("vllm", fault, words=words)
        async with fake.running(), plane_over(fake, patient=True) as plane:
            status, body = await ask(plane, SPOKEN[0], stream=True)
            assert (status, text_of(SPOKEN[0], body)) == (200, "".join(words))
            outputs.append(body)
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize("path", SPOKEN)
@pytest.mark.parametrize("fault", ["stall", "keepalive", "hang"])
@pytest.mark.parametrize("lean", [True, False], ids=["lean", "aiohttp"])
async def test_leaving_client_frees_the_engine(path: str, fault: Fault, *, lean: bool) -> None:
    """C01: the engine sees within a second that nobody listens; the row says cancelled."""
    fake = FakeEngine("vllm", fault)
    async with fake.running(), plane_over(fake, lean=lean, patient=True) as plane:
        _, writer = await asyncio.open_connection("127.0.0.1", plane.port)
        writer.write(asking(path, stream=True))
        await asyncio.wait_for(fake.met.wait(), 5)
        assert not fake.left.is_set()
        writer.close()
        await asyncio.wait_for(fake.left.wait(), 1.0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert (plane.row.outcome, fake.fired) == ("cancelled", 1)


async def test_staying_client_is_not_cut() -> None:
    """Control: the same silence with a client that stays leaves the engine at work."""
    fake = FakeEngine("vllm", "keepalive")
    async with fake.running(), plane_over(fake, patient=True) as plane:
        _, writer = await asyncio.open_connection("127.0.0.1", plane.port)
        writer.write(asking(SPOKEN[0], stream=True))
        await asyncio.wait_for(fake.met.wait(), 5)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(fake.left.wait(), 0.3)
        assert plane.row.outcome is None
        writer.close()


async def test_name_in_the_prompt_is_not_touched() -> None:
    """Only the model's name is replaced: a prompt that holds the same words reaches the engine as it is."""
    prompt = 'Say {"model":"m"} and "model": "m", please'
    async with FakeEngine("vllm").running() as fake, plane_over(fake) as plane:
        message = {"role": "user", "content": prompt}
        status, body = await ask(plane, SPOKEN[0], stream=True, messages=[message], logit_bias={"5": 1})
        assert (status, text_of(SPOKEN[0], body)) == (200, WHOLE)
        (chat,) = fake.chats
        assert chat["messages"] == [message]
        assert chat["logit_bias"] == {"5": 1}, "what only the engine understands goes through"
        assert chat["stream_options"] == {"include_usage": True}
        assert b'"usage":{' not in body, "the caller had not asked for it"
