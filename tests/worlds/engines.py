"""Real loopback servers that speak as engines do, well or badly.

Written on bare sockets, because an HTTP library would not let us be this rude. Each fake counts how often
its fault fired, so that a test can prove that it met the fault and not something else.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from inhouse.dialects import ollama, openai
from inhouse.kernel.messages import ChatEvent, Failed, Finished, TextDelta, Usage, UsageSeen

Kind = Literal["llama.cpp", "vllm", "mlx", "lmstudio", "sglang", "openai", "ollama", "web"]
Fault = Literal[
    "none",
    "close",  # takes the request and hangs up
    "hang",  # takes the request and says nothing
    "hang_first",  # head of the answer, then nothing
    "keepalive",  # head of the answer, then comments for ever, never an event
    "stall",  # two pieces, then nothing
    "drip",  # one byte every now and then
    "reset_first",  # head of the answer, then a TCP reset
    "reset",  # two pieces, then a TCP reset
    "half",  # two pieces, half of a third, then the end
    "garbage",  # 200 and something that is no answer
    "badjson",  # two pieces, then a broken event
    "huge",  # two pieces, then an event of 32 MB
    "429",
    "500",
    "no_usage",
    "twice_done",
    "whole",  # one JSON document although a stream was asked for
    "mid_error",  # two pieces, then an error event
]

WORDS = ("Leave ", "is ", "28 days.")
USAGE = Usage(21, 3)
PING = 0.002


@dataclass
class FakeEngine:
    """One fake engine. `fault` applies to chat requests; the other pages always work."""

    kind: Kind
    fault: Fault = "none"
    models: Sequence[str] = ("m",)
    key: str = ""
    retry_after: str = ""
    words: Sequence[str] = WORDS
    fired: int = 0
    chats: list[dict[str, object]] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the other side closed the connection while a chat was under way."""
    met: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a chat request arrived."""
    port: int = 0
    extra: dict[str, str] = field(default_factory=dict)
    """More pages by path, such as `/metrics`."""
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with every reply."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FakeEngine]:
        """Listen for the length of the block."""
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # a connection that is closed between two requests is no fault
        finally:
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, path, _ = head.split("\r\n", 1)[0].split(" ")
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(fields.get("content-length", "0")))
        if self.key and fields.get("authorization") != f"bearer {self.key}".lower():
            await self._send(writer, 401, b'{"error":{"message":"Invalid API Key"}}')
        elif method == "POST":
            self.chats.append(json.loads(body))
            self.met.set()
            gone = asyncio.create_task(reader.read(1))
            chat = asyncio.create_task(self._chat_until_left(writer))
            await asyncio.wait({gone, chat}, return_when=asyncio.FIRST_COMPLETED)
            if not chat.done():
                chat.cancel()
                self.left.set()
            gone.cancel()
            await asyncio.gather(gone, chat, return_exceptions=True)
            return False
        else:
            self.pages.append(path)
            await self._send(writer, *self._page(path))
        return True

    async def _chat_until_left(self, writer: asyncio.StreamWriter) -> None:
        try:
            await self._chat(writer)
        except ConnectionError:
            self.left.set()

    def _page(self, path: str) -> tuple[int, bytes]:
        text: str | None = None
        if path in self.extra:
            return 200, self.extra[path].encode()
        if self.kind == "web":
            return (200, b"<html>not an engine") if path == "/" else (404, b"nothing here")
        if self.kind == "ollama":
            tags = [{"name": name, "size": 5, "details": {"context_length": 8192}} for name in self.models]
            pages = {
                "/": "Ollama is running",
                "/api/tags": json.dumps({"models": tags}),
                "/api/ps": json.dumps({"models": [{"name": self.models[0]}] if self.models else []}),
            }
            text = pages.get(path)
        elif path == "/v1/models":
            text = json.dumps({"object": "list", "data": [self._entry(name) for name in self.models]})
        elif self.kind == "mlx" and path == "/health":
            text = '{"status":"ok"}'
        elif self.kind == "llama.cpp" and path == "/props":
            text = '{"default_generation_settings":{"n_ctx":1024}}'
        elif self.kind == "sglang" and path == "/get_model_info":
            text = "{}"
        elif self.kind == "lmstudio" and path == "/api/v1/models":
            one = {"type": "llm", "key": self.models[0], "max_context_length": 4096, "loaded_instances": [{}]}
            text = json.dumps({"models": [one]})
        return (200, text.encode()) if text is not None else (404, b'{"error":"not found"}')

    def _entry(self, name: str) -> dict[str, object]:
        more: dict[str, dict[str, object]] = {
            "llama.cpp": {"owned_by": "llamacpp", "meta": {"n_ctx": 2048, "size": 7}},
            "vllm": {"owned_by": "vllm", "max_model_len": 32768},
        }
        return {"id": name, "object": "model"} | more.get(self.kind, {})

    async def _send(self, writer: asyncio.StreamWriter, status: int, body: bytes, *more: str) -> None:
        writer.write(self._head(status, "application/json", f"Content-Length: {len(body)}", *more) + body)
        await writer.drain()

    def _head(self, status: int, media_type: str, *more: str) -> bytes:
        servers = {"llama.cpp": "llama.cpp", "mlx": "BaseHTTP/0.6 Python/3.11.7", "vllm": "uvicorn"}
        lines = [f"HTTP/1.1 {status} X", f"Content-Type: {media_type}", *more]
        if self.kind in servers:
            lines.append(f"Server: {servers[self.kind]}")
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def _chat(self, writer: asyncio.StreamWriter) -> None:
        if self.fault != "none":
            self.fired += 1
        match self.fault:
            case "close":
                return
            case "hang":
                await asyncio.Event().wait()
            case "429":
                advice = [f"Retry-After: {self.retry_after}"] if self.retry_after else []
                await self._send(writer, 429, b'{"error":"slow down"}', *advice)
            case "500":
                await self._send(writer, 500, b'{"error":"boom"}')
            case "garbage":
                body = b"<html><body>It works!</body></html>\n" * 3
                head = self._head(200, "text/html", f"Content-Length: {len(body)}")
                writer.write(head + body)
                await writer.drain()
            case "whole":
                await self._send(writer, 200, self._whole(), "Connection: close")
            case _:
                await self._stream(writer)

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        media_type = "application/x-ndjson" if self.kind == "ollama" else "text/event-stream"
        writer.write(self._head(200, media_type, "Connection: close"))
        pieces = self._pieces()
        match self.fault:
            case "hang_first":
                await _wait_forever(writer)
            case "keepalive":
                while True:
                    await _write(writer, b"\n" if self.kind == "ollama" else b": keepalive 1/2\n\n")
                    await asyncio.sleep(PING)
            case "reset_first":
                await writer.drain()
                _reset(writer)
            case "drip":
                for byte in b"".join(pieces):
                    await _write(writer, bytes([byte]))
                    await asyncio.sleep(PING / 4)
            case "none" | "no_usage" | "twice_done":
                await _write(writer, b"".join(pieces))
            case _:
                await _write(writer, b"".join(pieces[:2]))
                await self._spoil(writer, pieces[2])

    async def _spoil(self, writer: asyncio.StreamWriter, third: bytes) -> None:
        """The rest of an answer that went well for two pieces."""
        prefix = b"" if self.kind == "ollama" else b"data: "
        match self.fault:
            case "stall":
                await _wait_forever(writer)
            case "reset":
                _reset(writer)
            case "half":
                await _write(writer, third[: len(third) // 2])
            case "badjson":
                await _write(writer, prefix + b'{"choices": [}\n\n')
            case "huge":
                await _write(writer, prefix)
                for _ in range(32):
                    await _write(writer, b"x" * (1 << 20))
            case "mid_error":
                await _write(writer, self._written([Failed("engine_broke", "the runner died")]))

    def _pieces(self) -> list[bytes]:
        events: list[ChatEvent] = [TextDelta(word) for word in self.words]
        if self.fault != "no_usage":
            events.append(UsageSeen(USAGE))
        events.append(Finished())
        pieces = [self._written([event]) for event in events[: len(self.words)]]
        pieces.append(self._written(events[len(self.words) :]))
        if self.fault == "twice_done":
            pieces.append(pieces[-1])
        return pieces

    def _written(self, events: Sequence[ChatEvent]) -> bytes:
        writer = (
            ollama.EventWriter(model="m", created_at="2026-11-01T00:00:00Z")
            if self.kind == "ollama"
            else openai.EventWriter(reply_id="c", model="m", created=1)
        )
        return b"".join(writer.write(event) for event in events)

    def _whole(self) -> bytes:
        text = "".join(self.words)
        if self.kind == "ollama":
            return json.dumps({"message": {"content": text}, "done": True, "eval_count": 3}).encode()
        choice = {"message": {"content": text}, "finish_reason": "stop"}
        return json.dumps({"choices": [choice], "usage": {"prompt_tokens": 21}}).encode()


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def _wait_forever(writer: asyncio.StreamWriter) -> None:
    await writer.drain()
    await asyncio.Event().wait()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST: the other side's next read fails."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
