"""The lean transport's own promises: which connection is used again, and which request is sent twice."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from inhouse.gateway.edge.providers import http_lean, http_link
from inhouse.gateway.edge.providers.http import HttpClient, HttpLimits, HttpPage, HttpPost
from inhouse.gateway.edge.providers.http_lean import LeanTransport
from inhouse.gateway.edge.providers.http_port import Waits
from inhouse.kernel.errors import EngineBroke, EngineError, EngineUnreachable

LIMITS = HttpLimits(connect_timeout_s=5.0, first_event_timeout_s=5.0, idle_timeout_s=5.0)
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]]


class World:
    """A server that plays `talk` on every connection, and counts connections and requests."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self.connections = 0
        self.requests = 0
        self.url = ""

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """One request."""
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        self.requests += 1
        return head + await reader.readexactly(size)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        """Listen for the length of the block."""
        tasks: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            try:
                await self._talk(reader, writer, self.connections)
            except (asyncio.IncompleteReadError, ConnectionError):
                pass  # the client ended the connection between two requests
            finally:
                writer.close()

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(serve(reader, writer))
            tasks.add(task)

        server = await asyncio.start_server(begin, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/chat/completions"
        try:
            yield self
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def client(limits: HttpLimits = LIMITS) -> AsyncIterator[HttpClient]:
    """A client for the length of the block."""
    http = HttpClient(limits)
    try:
        yield http
    finally:
        await http.close()


async def ask(http: HttpClient, world: World) -> HttpPage:
    """One question."""
    return await http.page(HttpPost("e", world.url, b"{}"), timeout_s=5.0)


async def test_connection_is_used_again() -> None:
    """Ten whole answers need one connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _number: int) -> None:
        while True:
            await world.read(reader)
            writer.write(WHOLE)

    world = World(talk)
    async with world.running(), client() as http:
        for _ in range(10):
            assert (await ask(http, world)).body == b"{}"
        assert (world.connections, world.requests) == (1, 10)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def test_reset_of_a_kept_connection_is_asked_again() -> None:
    """A kept connection that is reset without a byte: the request was not read, and is sent once more."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await world.read(reader)
        writer.write(WHOLE)
        if number == 1:
            await reader.readexactly(1)  # of the second request: the rest is never read
            reset(writer)
            return
        while True:
            await world.read(reader)
            writer.write(WHOLE)

    world = World(talk)
    async with world.running(), client() as http:
        assert (await ask(http, world)).status == 200
        assert (await ask(http, world)).status == 200
        assert (world.connections, world.requests) == (2, 2)


@pytest.mark.parametrize("first", [True, False], ids=["new", "kept"])
async def test_closed_after_reading_is_never_asked_again(first: bool) -> None:
    """An engine that read the request and closed may have begun with it: an error, and no second request."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _number: int) -> None:
        if not first:
            await world.read(reader)
            writer.write(WHOLE)
        await world.read(reader)

    world = World(talk)
    async with world.running(), client() as http:
        if not first:
            await ask(http, world)
        with pytest.raises(EngineUnreachable, match="before any answer"):
            await ask(http, world)
        assert (world.connections, world.requests) == (1, 1 if first else 2)


async def test_reset_of_a_new_connection_is_never_asked_again() -> None:
    """Control: the same reset on a connection that is not kept is an error."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _number: int) -> None:
        await reader.readexactly(1)
        reset(writer)

    world = World(talk)
    async with world.running(), client() as http:
        with pytest.raises(EngineError):
            await ask(http, world)
        assert world.connections == 1


@pytest.mark.parametrize("closes", [True, False])
async def test_engine_that_closes_after_a_stream_is_found_out(
    closes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the first stream's connection is closed, every stream gets its own; elsewhere it is kept."""
    monkeypatch.setattr(http_lean, "TRIAL_S", 0.02)
    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _number: int) -> None:
        while True:
            await world.read(reader)
            writer.write(STREAM + b"2\r\n{}\r\n0\r\n\r\n")
            if closes:
                writer.close()
                ended.set()
                return

    world = World(talk)
    async with world.running(), client() as http:
        for _ in range(3):
            assert (await ask(http, world)).body == b"{}"
            await asyncio.sleep(0.03)
        assert world.requests == 3
        assert world.connections == (3 if closes else 1)
        assert ended.is_set() == closes


async def test_slow_reader_stops_the_engine() -> None:
    """At most a few buffers of what an engine sends are held while nobody reads."""
    sent = 0
    stuck = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _number: int) -> None:
        nonlocal sent
        await world.read(reader)
        writer.write(STREAM)
        while True:
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            sent += 0x10000
            try:
                await asyncio.wait_for(writer.drain(), 0.2)
            except TimeoutError:
                stuck.set()
                return

    world = World(talk)
    transport = LeanTransport(LIMITS)
    async with world.running():
        waits = Waits(LIMITS, asyncio.get_running_loop().time)
        reply = await transport.send(HttpPost("e", world.url, b"{}"), waits)
        await asyncio.wait_for(stuck.wait(), 20)
        assert reply._held_bytes < 2 * http_link.HIGH_WATER_BYTES
        assert sent > http_link.HIGH_WATER_BYTES, "control: the engine did send more than is held"
        reply.close()
        await transport.close()


async def test_endless_head_is_cut() -> None:
    """A head that never ends is given up at its cap."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _number: int) -> None:
        await world.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: " + b"y" * 1000 + b"\r\n")
            await writer.drain()

    world = World(talk)
    async with world.running(), client() as http:
        with pytest.raises(EngineBroke, match="head of the reply"):
            await ask(http, world)


@pytest.mark.parametrize(
    ("post", "words"),
    [
        (HttpPost("e", "http://127.0.0.1:9/x", b"", {"Authorization": "a\r\nX-Evil: 1"}), "line break"),
        (HttpPost("e", "http://:99999/x", b""), "not an address"),
        (HttpPost("e", "http://127.0.0.1:1/x", b""), "no connection"),
    ],
)
async def test_what_cannot_be_sent_says_why(post: HttpPost, words: str) -> None:
    """A header with a line break, an address that is none, and a port where nobody listens."""
    async with client() as http:
        with pytest.raises(EngineUnreachable, match=words):
            await http.page(post)


async def test_small_pieces_are_not_held_back() -> None:
    """Nagle's delay is switched off on connections to engines."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _number: int) -> None:
        await world.read(reader)
        writer.write(STREAM)
        await asyncio.Event().wait()

    world = World(talk)
    transport = LeanTransport(LIMITS)
    async with world.running():
        waits = Waits(LIMITS, asyncio.get_running_loop().time)
        reply = await transport.send(HttpPost("e", world.url, b"{}"), waits)
        assert reply._transport is not None
        sock: socket.socket = reply._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        reply.close()


async def test_begun_second_reply_is_never_the_next_answer() -> None:
    """What an engine sends behind its reply, be it only a part of a head, ends the use of its connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _number: int) -> None:
        await world.read(reader)
        writer.write(WHOLE + b"HTTP/1.1 500 Of Another\r\nX: ")
        await world.read(reader)
        writer.write(WHOLE)

    world = World(talk)
    async with world.running(), client() as http:
        for _ in range(3):
            assert (await ask(http, world)).status == 200
        assert world.connections == 3


@pytest.mark.parametrize("more", [b"", b"HTTP/1.1 500 Of Another\r\nContent-Length: 5\r\n\r\nab"])
async def test_reply_behind_the_end_of_a_stream_ends_its_connection(more: bytes) -> None:
    """Where the bytes that end a stream bring a second reply along, nobody gets that connection again."""
    told, cut = asyncio.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await world.read(reader)
        if number > 1:
            writer.write(WHOLE)
            await world.read(reader)
        writer.write(STREAM + b"2\r\n{}\r\n")
        await told.wait()
        writer.write(b"0\r\n\r\n" + more)
        if not await reader.read(1):
            cut.set()

    world = World(talk)
    transport = LeanTransport(LIMITS)
    async with world.running():
        waits = Waits(LIMITS, asyncio.get_running_loop().time)
        reply = await transport.send(HttpPost("e", world.url, b"{}"), waits)
        assert await reply.read(waits) == b"{}"
        reply.close(ended=True)
        told.set()
        if more:
            await asyncio.wait_for(cut.wait(), 5)
        else:
            with pytest.raises(TimeoutError):  # control: after a clean end the connection is kept
                await asyncio.wait_for(cut.wait(), 0.05)
        await transport.close()


@pytest.mark.parametrize("read", [False, True], ids=["unread", "read"])
async def test_connection_that_was_held_back_is_not_kept(read: bool) -> None:
    """A whole reply over the high water mark, left unread: nobody is sent down that connection again."""
    size = http_link.HIGH_WATER_BYTES + 1

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _number: int) -> None:
        await world.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        await world.read(reader)
        writer.write(WHOLE)

    world = World(talk)
    transport = LeanTransport(LIMITS)
    async with world.running():
        clock = asyncio.get_running_loop().time
        reply = await transport.send(HttpPost("e", world.url, b"{}"), Waits(LIMITS, clock))
        reply.data_received(b"x" * size)  # as it comes from a large buffer of the system
        assert reply._paused, "the fault did not fire"
        if read:
            assert len(await reply.read(Waits(LIMITS, clock))) == size
        reply.close()
        second = asyncio.ensure_future(transport.send(HttpPost("e", world.url, b"{}"), Waits(LIMITS, clock)))
        if read:
            assert (await second).status == 200
            assert world.connections == 1
        else:
            assert (await asyncio.wait_for(second, 2)).status == 200
            assert world.connections == 2
        (await second).close()
        await transport.close()


async def test_connection_with_an_unsent_request_is_not_kept() -> None:
    """An engine that answers before it read the request: the next one does not queue behind its rest."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        if number > 1:
            await world.read(reader)
            writer.write(WHOLE)
            return
        await reader.readuntil(b"\r\n\r\n")
        writer.write(WHOLE)
        await asyncio.Event().wait()

    world = World(talk)
    async with world.running(), client() as http:
        large = HttpPost("e", world.url, b"x" * (32 << 20))
        assert (await http.page(large, timeout_s=5.0)).status == 200
        assert (await http.page(HttpPost("e", world.url, b"{}"), timeout_s=2.0)).status == 200
        assert world.connections == 2


async def test_connection_lost_before_its_first_request_is_an_engine_s_fault() -> None:
    """One that is gone when the request is to be written says so: another engine may be asked then."""
    transport = LeanTransport(LIMITS)

    async def talk(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter, _number: int) -> None:
        await asyncio.Event().wait()

    world = World(talk)
    async with world.running():
        loop = asyncio.get_running_loop()
        parts = world.url.split("/")[2].split(":")
        address = http_lean._Address(parts[0], int(parts[1]))
        _, link = await loop.create_connection(
            lambda: http_link.Link(address, transport._watch, loop), parts[0], int(parts[1])
        )
        link.data_received(b"220 hello")  # nobody asked yet
        with pytest.raises(EngineUnreachable, match="before any answer"):
            await link.ask(b"", Waits(LIMITS, loop.time))
        await transport.close()


JSON_HEAD = b"Content-Type: application/json\r\n"
NEXT = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n?"
FRAMES: dict[str, tuple[bytes, bytes]] = {
    "plain": (b"HTTP/1.1 200 OK\r\n" + JSON_HEAD + b"Content-Length: 1\r\n\r\n", b""),
    "informed": (b"HTTP/1.1 103 Soon\r\nX: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", b""),
    "informed after": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", b"HTTP/1.1 100 Go on\r\n\r\n"),
    "line ends": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", b"\r\n\r\n"),
    "too long": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", b"???"),
    "twice": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", NEXT),
    "one and a half": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", NEXT[:-1]),
    "one and a word": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", NEXT[:3]),
    "trailers": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;ext=1\r\n",
        b"\r\n0\r\nX-Sum: 1\r\n\r\n",
    ),
    "chunks and more": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n",
        b"\r\n0\r\n\r\n" + NEXT,
    ),
    "last one": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n", NEXT),
    "old": (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", NEXT),
    "old and kept": (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n", b""),
}


@pytest.mark.parametrize("name", FRAMES)
async def test_every_request_gets_its_own_answer(name: str) -> None:
    """However an engine frames its answers, and whatever it sends behind them: nobody gets another's."""
    before, after = FRAMES[name]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _number: int) -> None:
        while True:
            number = (await world.read(reader))[-1:]
            writer.write(before + number + after)

    world = World(talk)
    async with world.running(), client() as http:
        for number in (b"1", b"2", b"3", b"4"):
            post = HttpPost("e", world.url, number)
            page = await http.page(post, timeout_s=5.0)
            assert (page.status, page.body) == (200, number)
        kept = name in ("plain", "informed", "line ends", "old and kept")
        assert world.connections == (1 if kept else 4)
