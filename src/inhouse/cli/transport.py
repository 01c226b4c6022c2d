"""Two ways to reach the house with one kind of request: over HTTP, or inside this process.

Both speak to the same application, so that a command gives the same whether a server runs or not.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, unquote, urlsplit

from inhouse.kernel.errors import Unavailable
from inhouse.serve.wire import App, Message, Scope

__all__ = ["InProcess", "OverHttp", "Reply", "Transport", "segment"]


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply whose body may still be arriving."""

    status: int
    chunks: AsyncIterator[bytes]

    async def body(self) -> bytes:
        """The rest of the body."""
        return b"".join([chunk async for chunk in self.chunks])


class Transport(Protocol):
    """Sends one request. Leaving the block early ends the request."""

    def send(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> contextlib.AbstractAsyncContextManager[Reply]: ...


class OverHttp:
    """Requests to a running server. One connection each; `http.client` heeds no proxy variables."""

    def __init__(self, address: str) -> None:
        self._address = address

    @contextlib.asynccontextmanager
    async def send(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> AsyncIterator[Reply]:
        """Raises:
        Unavailable: if the server does not answer, or stops in the middle.
        """
        place = urlsplit(self._address)
        connection = http.client.HTTPConnection(place.hostname or "", place.port)
        try:
            with self._explained():
                await asyncio.to_thread(
                    connection.request, method, target, body=body, headers={**headers, "host": place.netloc}
                )
                response = await asyncio.to_thread(connection.getresponse)
            yield Reply(response.status, self._chunks(response))
        finally:
            # A thread may still be reading: only closing the connection under it wakes it up.
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()

    async def _chunks(self, response: http.client.HTTPResponse) -> AsyncIterator[bytes]:
        while True:
            with self._explained():
                chunk = await asyncio.to_thread(response.read1, 65536)
            if not chunk:
                return
            yield chunk

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(
                f"The inhouse server at {self._address} does not answer ({error})",
                hint="look at its log, or stop it and try again",
            ) from None


class InProcess:
    """Requests to an application in this process, without a socket."""

    def __init__(self, app: App) -> None:
        self._app = app

    @contextlib.asynccontextmanager
    async def send(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> AsyncIterator[Reply]:
        path, _, query = target.partition("?")
        given = {"host": "127.0.0.1", "content-length": str(len(body)), **headers}
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(key.encode(), value.encode("latin-1")) for key, value in given.items()],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 0),
            # Whoever opens the home in a process of his own has all of it; no request over a socket says so.
            "extensions": {"inhouse.owner": {}},
        }
        messages: asyncio.Queue[Message | None] = asyncio.Queue()
        left = asyncio.Event()
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if waiting:
                return waiting.pop()
            await left.wait()
            return {"type": "http.disconnect"}

        async def run() -> None:
            try:
                await self._app(scope, receive, messages.put)
            finally:
                messages.put_nowait(None)

        work = asyncio.ensure_future(run())
        try:
            head = await messages.get()
            if head is None:
                await work
                raise RuntimeError("the application ended without a reply")
            yield Reply(head["status"], _chunks(messages))
        finally:
            left.set()
            await asyncio.wait({work})
        work.result()


async def _chunks(messages: asyncio.Queue[Message | None]) -> AsyncIterator[bytes]:
    while (message := await messages.get()) is not None:
        if chunk := message.get("body", b""):
            yield chunk


def segment(text: str) -> str:
    """Text as one part of a path."""
    return quote(text, safe="")
