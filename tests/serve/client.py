"""Calls an ASGI application directly, and talks to a real server over a socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from inhouse.serve.app import build_app
from inhouse.serve.parts import Parts
from inhouse.serve.server import bind, serve
from inhouse.serve.wire import App, Message


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of an error reply; also asserts the shape of the error."""
        error = self.json()["error"]
        assert set(error) == {"code", "message", "hint"}
        assert self.headers["x-inhouse-request-id"]
        return str(error["code"])

    def events(self) -> list[tuple[str, Any]]:
        return read_events(self.body)


def read_events(body: bytes) -> list[tuple[str, Any]]:
    """(name, data) of each server-sent event."""
    found = []
    for block in body.decode().split("\n\n"):
        if block.startswith("event: "):
            name, data = block.split("\n", 1)
            found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


async def call(
    app: App,
    method: str,
    target: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    data: object = None,
    pieces: list[bytes] | None = None,
    leave: asyncio.Event | None = None,
    cut: bool = False,
) -> Reply:
    """One request; `leave` is when the client goes away, `pieces` a body that arrives in parts.

    With `cut` the last piece promises another one that never comes.
    """
    path, _, query = target.partition("?")
    sent = json.dumps(data).encode() if data is not None else body
    given = {"host": "127.0.0.1:8484", "content-type": "application/json"} | dict(headers or {})
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8484),
    }
    waiting = pieces if pieces is not None else [sent]
    messages: list[Message] = []

    async def receive() -> Message:
        if waiting:
            piece = waiting.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(waiting) or cut}
        await (leave or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, send)
    head = messages[0]
    content = b"".join(message.get("body", b"") for message in messages[1:])
    found = {key.decode().lower(): value.decode() for key, value in head["headers"]}
    return Reply(head["status"], found, content)


@contextlib.asynccontextmanager
async def running(parts: Parts, stopping: asyncio.Event) -> AsyncIterator[tuple[str, int]]:
    """A real server on a free port of the loopback; ends when the block does."""
    listener = bind("127.0.0.1", 0)
    ready = asyncio.Event()
    app = build_app(parts, stopping=stopping)
    host, port = listener.getsockname()
    server = asyncio.ensure_future(serve(app, listener, stopping=stopping, on_ready=ready.set))
    await asyncio.wait({server, asyncio.ensure_future(ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield host, port
    finally:
        stopping.set()
        await asyncio.wait_for(server, 15)
