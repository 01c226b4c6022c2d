"""Raw bytes to a real server around any application, and a connection without a socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import uvicorn
from uvicorn.server import ServerState

from inhouse.serve.connection import Connection, SlowRequests
from inhouse.serve.server import bind, serve
from inhouse.serve.wire import App, Receive, Scope, Send, send_reply

__all__ = ["FakeTransport", "Wire", "connected", "echo", "raw_server"]


class Wire:
    """One client's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)

    async def head(self) -> bytes:
        """The next head."""
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)

    async def reply(self) -> tuple[bytes, bytes]:
        """Head and body of the next reply, whose length must be given."""
        head = await self.head()
        length = next(
            int(line.partition(b":")[2]) for line in head.splitlines() if line.startswith(b"content-length:")
        )
        return head, await asyncio.wait_for(self.reader.readexactly(length), 5)

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        return await asyncio.wait_for(self.reader.read(), 5)


@contextlib.asynccontextmanager
async def raw_server(
    app: App, *, slow: SlowRequests | None = None, stopping: asyncio.Event | None = None
) -> AsyncIterator[Callable[[], asyncio.Future[Wire]]]:
    """A real server around the application; what it gives opens a connection."""
    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    ready, ending = asyncio.Event(), stopping or asyncio.Event()
    server = asyncio.ensure_future(
        serve(app, listener, stopping=ending, on_ready=ready.set, slow=slow or SlowRequests())
    )
    started = asyncio.ensure_future(ready.wait())
    await asyncio.wait({server, started}, return_when=asyncio.FIRST_COMPLETED)
    wires: list[Wire] = []

    async def open_wire() -> Wire:
        wires.append(Wire(*await asyncio.open_connection("127.0.0.1", port)))
        return wires[-1]

    try:
        yield lambda: asyncio.ensure_future(open_wire())
    finally:
        ending.set()
        for wire in wires:
            wire.writer.close()
            with contextlib.suppress(OSError):
                await asyncio.wait_for(wire.writer.wait_closed(), 5)
        await asyncio.wait_for(server, 15)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with method, path and body."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        more = message["more_body"]
    text = f"{scope['method']} {scope['path']} ".encode()
    await send_reply(send, 200, text + body, "text/plain")


class FakeTransport(asyncio.Transport):
    """Remembers what was done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = self.aborted = False
        self.unsent = 0
        self.reads = True
        self._wrote = asyncio.Event()

    async def wrote(self) -> None:
        """Until something was written."""
        await asyncio.wait_for(self._wrote.wait(), 5)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))
        self._wrote.set()

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True


def connected(app: App) -> tuple[Connection, FakeTransport]:
    """A connection to the application whose bytes are given to it by hand."""
    config = uvicorn.Config(app, lifespan="off", log_config=None, proxy_headers=False, timeout_keep_alive=30)
    connection, transport = Connection(config, ServerState(), {}), FakeTransport()
    connection.connection_made(transport)
    return connection, transport
