"""An OpenAI-shaped engine that costs next to nothing, for measuring what stands before it.

    python -m bench.mock_engine PORT [CHUNK_GAP_MS]

Speaks just enough HTTP/1.1 on bare uvloop: `GET /v1/models`, and any POST answers 64 tokens, as a stream of
64 chunks when the body holds `"stream":true`, else as one document of 0.7 KB.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import cast

import uvloop

TOKENS = 64
MODEL = "mock-1"


def _frame(body: bytes, media_type: bytes = b"application/json") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
    return head % (media_type, len(body)) + body


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _event(choices: list[dict[str, object]], **more: object) -> bytes:
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    return b"data: " + json.dumps({**body, "choices": choices, **more}).encode() + b"\n\n"


USAGE = {"prompt_tokens": 21, "completion_tokens": TOKENS, "total_tokens": 21 + TOKENS}
WHOLE = _frame(
    json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": MODEL,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "word " * TOKENS},
                    "finish_reason": "stop",
                }
            ],
            "usage": USAGE,
        }
    ).encode()
)
MODELS = _frame(json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]}).encode())
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
)
PIECES = [
    _chunk(_event([{"index": 0, "delta": {"role": "assistant", "content": "word "}, "finish_reason": None}]))
    for _ in range(TOKENS)
]
TAIL = (
    _chunk(_event([{"index": 0, "delta": {}, "finish_reason": "stop"}]))
    + _chunk(_event([], usage=USAGE))
    + _chunk(b"data: [DONE]\n\n")
    + b"0\r\n\r\n"
)


class MockEngine(asyncio.Protocol):
    """One connection. `gap_s` is the pause between two chunks of a stream; 0 is none."""

    gap_s = 0.0

    def __init__(self) -> None:
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._data += data
        while True:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._data[:end].lower()
            at = head.find(b"content-length:")
            size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._data) < end + 4 + size:
                return
            body = self._data[end + 4 : end + 4 + size]
            self._data = self._data[end + 4 + size :]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        assert self._transport is not None
        if head.startswith(b"get /v1/models"):
            self._transport.write(MODELS)
        elif head.startswith(b"get "):
            self._transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        elif b'"stream":true' in body or b'"stream": true' in body:
            self._transport.write(HEAD)
            self._stream(0)
        else:
            self._transport.write(WHOLE)

    def _stream(self, number: int) -> None:
        if self._transport is None:
            return
        if self.gap_s == 0.0:
            for piece in PIECES:
                self._transport.write(piece)
            self._transport.write(TAIL)
            return
        self._transport.write(PIECES[number])
        if number + 1 < TOKENS:
            asyncio.get_running_loop().call_later(self.gap_s, self._stream, number + 1)
        else:
            self._transport.write(TAIL)


async def serve(port: int) -> None:
    """Serve for ever; prints the port first."""
    server = await asyncio.get_running_loop().create_server(MockEngine, "127.0.0.1", port, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    MockEngine.gap_s = float(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0.0
    uvloop.run(serve(int(sys.argv[1])))
