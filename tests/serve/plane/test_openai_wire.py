"""The OpenAI surface by raw bytes: cut requests, bad bodies, wrong paths, readers who leave."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import pytest
from aiohttp import ClientSession

from inhouse.gateway.edge.providers.scripted import Scene, Wait
from inhouse.kernel.errors import EngineUnreachable
from inhouse.kernel.messages import Failed, Finished, TextDelta
from inhouse.serve.plane.openai import OpenAISurface
from tests.serve.plane.house import HELLO, Plane, open_plane

CHAT = "/v1/chat/completions"
ASK = '{"model":"m","messages":[{"role":"user","content":"Привет"}]}'.encode()
ASKS: dict[str, dict[str, object]] = {
    CHAT: {"messages": [{"role": "user", "content": "x"}]},
    "/v1/completions": {"prompt": "x"},
    "/v1/responses": {"input": "x"},
}


class Left:
    """A gate that never opens, and that says when whoever waited at it was cancelled."""

    def __init__(self) -> None:
        self.waiting = asyncio.Event()
        self.left = asyncio.Event()

    async def wait(self) -> None:
        """For ever."""
        self.waiting.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()


async def send(
    plane: Plane, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, bytes, dict[str, str]]:
    """One request as it is."""
    async with (
        ClientSession() as session,
        session.request(method, plane.url + path, data=body, headers=headers) as reply,
    ):
        return reply.status, await reply.read(), {k.lower(): v for k, v in reply.headers.items()}


async def raw(plane: Plane, *pieces: bytes) -> bytes:
    """The answer to bytes that arrive in these pieces."""
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        return await reader.read()
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def head(more: str) -> bytes:
    """The head of a chat request."""
    return f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{more}\r\n\r\n".encode()


@pytest.mark.slow
async def test_request_cut_at_every_byte() -> None:
    """A request in two pieces, cut at any byte of head or body, also inside a letter, is the same request."""
    whole = head(f"Content-Length: {len(ASK)}") + ASK
    async with open_plane(OpenAISurface()) as plane:
        for cut in range(1, len(whole)):
            answer = await raw(plane, whole[:cut], whole[cut:])
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"Leave is 28 days." in answer
        assert {request.messages[0].content for request, _model in plane.seen} == {"Привет"}
        assert len(plane.seen) == len(whole) - 1


async def test_request_in_chunks_of_one_byte() -> None:
    """A chunked body of single bytes is read as well."""
    chunks = b"".join(b"1\r\n" + bytes([byte]) + b"\r\n" for byte in ASK) + b"0\r\n\r\n"
    async with open_plane(OpenAISurface()) as plane:
        assert (await raw(plane, head("Transfer-Encoding: chunked") + chunks)).startswith(b"HTTP/1.1 200")
        assert plane.request.messages[0].content == "Привет"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no body"),
        (b"{", "not JSON"),
        (b"[1]", "object"),
        (b'{"messages":[],"x":' + b"[" * 100_000, "too deeply"),
        (b'{"messages":[{"role":"user","content":"\xff"}]}', "not UTF-8"),
        (b'{"messages":[{"role":"user","content":5}]}', "`messages[0].content`"),
    ],
    ids=["empty", "broken", "list", "deep", "not utf-8", "wrong type"],
)
async def test_bad_bodies(body: bytes, words: str) -> None:
    """Every surface below `/v1/` answers 400 in this vendor's shape, and nothing reaches an engine."""
    async with open_plane(OpenAISurface()) as plane:
        for path in (CHAT, "/v1/completions", "/v1/embeddings", "/v1/responses"):
            status, text, headers = await send(plane, "POST", path, body)
            error = json.loads(text)["error"]
            assert (status, error["type"]) == (400, "invalid_request_error")
            assert set(error) == {"message", "type", "param", "code"}
            assert headers["content-type"] == "application/json"
            assert headers["x-inhouse-request-id"]
            if path == CHAT:
                assert words in error["message"]
        assert plane.shelf.rows == []
        assert plane.door.failures == 0


async def test_huge_body_is_refused() -> None:
    """A body over the cap is 413, and nothing reaches an engine."""
    async with open_plane(OpenAISurface(), max_body_bytes=1000) as plane:
        status, _text, _headers = await send(plane, "POST", CHAT, ASK + b" " * 1000)
        assert status == 413
        assert plane.shelf.rows == []


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", CHAT, 405, "bad_request"),
        ("DELETE", "/v1/embeddings", 405, "bad_request"),
        ("POST", "/v1/models", 405, "bad_request"),
        ("DELETE", "/v1/models/m", 405, "bad_request"),
        ("GET", "/v1/models/none", 404, "model_not_found"),
        ("GET", "/v1/files", 404, "unknown_url"),
        ("POST", "/v1/audio/speech", 404, "unknown_url"),
        ("GET", "/v1/responses/resp_1", 404, "unknown_url"),
        ("GET", "/v1/models/", 404, "unknown_url"),
    ],
)
async def test_wrong_paths_and_methods(method: str, path: str, status: int, code: str) -> None:
    """405 names the method that is possible, 404 says what there is."""
    async with open_plane(OpenAISurface()) as plane:
        found, text, headers = await send(plane, method, path)
        assert (found, json.loads(text)["error"]["code"]) == (status, code)
        assert ("allow" in headers) == (status == 405)


def test_what_belongs_to_others_is_left_alone() -> None:
    """Anthropic's path below `/v1/` and everything outside it is not taken."""
    surface = OpenAISurface()
    for path in ("/v1/messages", "/v1/messages/count_tokens", "/v1beta/models/m", "/api/chat", "/", "/v1"):
        assert surface.route("POST", path) is None


async def test_stream_as_bytes() -> None:
    """The stream's head, its frames and its end, as they are on the wire."""
    body = json.dumps({"messages": [{"role": "user", "content": "hi"}], "stream": True}).encode()
    async with open_plane(OpenAISurface()) as plane:
        status, text, headers = await send(plane, "POST", CHAT, body)
        assert status == 200
        assert headers["content-type"].startswith("text/event-stream")
        assert headers["x-inhouse-model"] == "m"
        assert text.endswith(b"data: [DONE]\n\n")
        assert all(line.startswith(b"data: {") for line in text.split(b"\n\n")[:-2])
        assert b"usage" not in text


@pytest.mark.slow
@pytest.mark.parametrize("path", ASKS)
@pytest.mark.parametrize("stream", [True, False])
async def test_reader_who_leaves_ends_the_work(path: str, stream: bool) -> None:
    """The engine is let go within a second, the row says `cancelled`, and no place stays taken."""
    gate = Left()
    script: tuple[Scene, ...] = (TextDelta("Leave"), Wait(gate), Finished())
    ask = {**ASKS[path], "stream": stream}
    async with open_plane(OpenAISurface(), scripts=(script,)) as plane:
        async with ClientSession() as session:
            request = asyncio.ensure_future(session.post(plane.url + path, json=ask))
            await asyncio.wait_for(gate.waiting.wait(), 5)
            if stream:
                reply = await request
                assert b"Leave" in await reply.content.readuntil(b"Leave")
                reply.close()
            else:
                request.cancel()
            await asyncio.wait_for(gate.left.wait(), 1)
        assert plane.row.outcome == "cancelled"
        assert plane.gate.under_way == 0


async def test_failure_in_the_middle_is_an_event() -> None:
    """After the first word a fault is the error object in the stream, and the stream ends there."""
    script = (TextDelta("Leave"), Failed("engine_broke", "`house`: the connection was lost"))
    body = json.dumps({"messages": [{"role": "user", "content": "hi"}], "stream": True}).encode()
    async with open_plane(OpenAISurface(), scripts=(script,)) as plane:
        status, text, _headers = await send(plane, "POST", CHAT, body)
        last = json.loads(text.split(b"\n\n")[-2].removeprefix(b"data: "))
        assert status == 200
        assert last["error"]["code"] == "engine_broke"
        assert b"[DONE]" not in text
        status, text, _headers = await send(plane, "POST", "/v1/completions", b'{"prompt":"x"}')
        assert status in (502, 503)


async def test_whole_answer_that_fails_late_is_a_status() -> None:
    """Nothing was sent yet, so a fault after the first word is still a status of its own."""
    script = (TextDelta("Leave"), Failed("engine_timeout", "`house`: silent"))
    async with open_plane(OpenAISurface(), scripts=(script,)) as plane:
        status, text, _headers = await send(plane, "POST", CHAT, ASK)
        assert (status, json.loads(text)["error"]["code"]) == (504, "engine_timeout")
        assert plane.row.outcome == "partial"


async def test_unreachable_engine_is_told_before_any_byte() -> None:
    """A stream that never began is a status and an error object, not an empty stream."""
    body = json.dumps({"messages": [{"role": "user", "content": "hi"}], "stream": True}).encode()
    async with open_plane(OpenAISurface(), scripts=((EngineUnreachable("no connection"),), HELLO)) as plane:
        status, text, headers = await send(plane, "POST", CHAT, body)
        assert (status, headers["content-type"]) == (502, "application/json")
        assert json.loads(text)["error"]["type"] == "api_error"
