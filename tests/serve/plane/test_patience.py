"""Clients and engines that take their time: how long each is waited for, and what the other side sees."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator

import pytest

from inhouse.gateway.edge.providers.scripted import ScriptedProvider, Wait
from inhouse.kernel.errors import EngineBroke
from inhouse.kernel.messages import ChatEvent, ChatRequest, Finished, TextDelta
from inhouse.serve.connection import SlowRequests
from inhouse.serve.plane.ollama import OllamaSurface
from inhouse.serve.plane.openai import OpenAISurface
from inhouse.serve.plane.watch import Patience
from tests.serve.plane.house import HELLO, Plane, open_plane
from tests.serve.plane.test_faults import SPOKEN, asking, text_of

QUICK = Patience(look_s=0.02, early_s=0.1, slow_s=0.3, drain_s=0.3)


async def opened(plane: Plane, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection over which a streamed answer was asked for."""
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
    writer.write(asking(path, stream=True))
    return reader, writer


async def test_cold_model_gets_a_head_and_comments() -> None:
    """After some silence an event stream gets its head and comment lines, and then the whole answer."""
    gate = asyncio.Event()
    scripts = [(Wait(gate), *HELLO)]
    async with open_plane(OpenAISurface(), scripts=scripts, patience=QUICK) as plane:
        reader, writer = await opened(plane, SPOKEN[0])
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert head.startswith(b"HTTP/1.1 200")
        assert b"x-inhouse-where: none" in head
        assert b": waiting" in await asyncio.wait_for(reader.readuntil(b"\n\n"), 5)
        gate.set()
        rest = await asyncio.wait_for(reader.read(), 5)
        assert b"28 days." in rest
        assert b"[DONE]" in rest
        assert (plane.row.outcome, plane.row.used is not None) == ("ok", True)
        writer.close()


async def test_cold_model_that_fails_ends_in_an_error_event() -> None:
    """A failure after the early head is an error event and never a silent end."""
    gate = asyncio.Event()
    scripts = [(Wait(gate), EngineBroke("out of memory", engine="house"))]
    async with open_plane(OpenAISurface(), scripts=scripts, patience=QUICK) as plane:
        reader, writer = await opened(plane, SPOKEN[0])
        await asyncio.wait_for(reader.readuntil(b": waiting"), 5)
        gate.set()
        rest = await asyncio.wait_for(reader.read(), 5)
        assert b"out of memory" in rest
        assert b"[DONE]" not in rest
        assert plane.row.outcome == "failed"
        writer.close()


async def test_lines_of_json_never_get_an_early_head() -> None:
    """Control: NDJSON has no comments, so its head waits for the first word however long that takes."""
    gate = asyncio.Event()
    scripts = [(Wait(gate), *HELLO)]
    async with open_plane(OllamaSurface(), scripts=scripts, patience=QUICK) as plane:
        reader, writer = await opened(plane, SPOKEN[1])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.4)
        gate.set()
        assert b"28 days." in await asyncio.wait_for(reader.read(), 5)
        writer.close()


class Flood(ScriptedProvider):
    """Says far more than any buffer holds, and counts what was taken."""

    taken = 0

    async def stream(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
        """64 MB of words."""
        for _ in range(1000):
            self.taken += 1
            yield TextDelta("x" * 65_536)
        yield Finished()


@pytest.mark.parametrize("reads", [False, True])
async def test_reader_that_takes_nothing_is_cut(reads: bool) -> None:
    """C03: what waits for a slow reader is bounded, and it is cut after a while; one that reads is not."""
    flood = Flood()
    async with open_plane(OpenAISurface(), provider=flood, patience=QUICK) as plane:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", plane.port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=1 << 16)
        writer.write(asking(SPOKEN[0], stream=True))
        if reads:
            size = 0
            while data := await asyncio.wait_for(reader.read(1 << 20), 5):
                size += len(data)
            assert size > 64_000_000
            assert plane.row.outcome == "ok"
        else:
            async with asyncio.timeout(5):
                while plane.shelf.rows == [] or plane.row.outcome is None:  # noqa: ASYNC110  the row has no event
                    await asyncio.sleep(0.02)
            assert plane.row.outcome == "cancelled"
            assert 2 < flood.taken < 200, "control: it was under way, and stopped long before its end"
        writer.close()


@pytest.mark.parametrize(
    ("sent", "limits"),
    [
        (b"POST /v1/chat/completions HT", SlowRequests(head_s=0.2)),
        (asking(SPOKEN[0], stream=True)[:-20], SlowRequests(silence_s=0.2)),
        (asking(SPOKEN[0], stream=True)[:-20], SlowRequests(body_s=0.2, bytes_per_s=1e9)),
    ],
    ids=["head", "silent body", "slow body"],
)
async def test_request_that_never_becomes_whole_is_ended(sent: bytes, limits: SlowRequests) -> None:
    """C02: 408 and a closed connection; nothing was asked of any engine."""
    async with open_plane(OpenAISurface(), slow=limits) as plane:
        reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
        writer.write(sent)
        reply = await asyncio.wait_for(reader.read(), 5)
        assert reply.startswith(b"HTTP/1.1 408")
        assert json.loads(reply.partition(b"\r\n\r\n")[2])["error"]["code"] == "request_timeout"
        assert plane.seen == []
        writer.close()


async def test_slow_request_within_its_time_is_served() -> None:
    """Control: the same pieces with pauses are a request like any other."""
    async with open_plane(OpenAISurface(), slow=SlowRequests(silence_s=5.0)) as plane:
        reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
        whole = asking(SPOKEN[0], stream=True)
        for piece in (whole[:20], whole[20:-20], whole[-20:]):
            writer.write(piece)
            await asyncio.sleep(0.02)
        assert b"28 days." in await asyncio.wait_for(reader.read(), 5)
        writer.close()


@pytest.mark.parametrize("ends", [True, False])
async def test_closing_house_lets_answers_end(ends: bool) -> None:
    """P06: answers under way end in peace; those that outstay the house get its last word, not a cut."""
    gate = asyncio.Event()
    scripts = [(TextDelta("Leave is "), Wait(gate), *HELLO[1:])]
    async with open_plane(OpenAISurface(), scripts=scripts, patience=QUICK) as plane:
        readers = [await opened(plane, SPOKEN[0]) for _ in range(20)]
        for reader, _ in readers:
            await asyncio.wait_for(reader.readuntil(b"Leave"), 5)
        plane.parts.stopping.set()
        await asyncio.sleep(0.1)
        if ends:
            gate.set()
        bodies = [await asyncio.wait_for(reader.read(), 5) for reader, _ in readers]
        assert len(bodies) == 20
        for body in bodies:
            assert (b"[DONE]" in body) == ends
            assert (b"shutting_down" in body) != ends
            assert body.endswith(b"0\r\n\r\n"), "no connection was cut"
        outcomes = {row.outcome for row in plane.shelf.rows}
        assert outcomes == ({"ok"} if ends else {"cancelled"})
        for _, writer in readers:
            writer.close()


async def test_watch_is_empty_after_answers() -> None:
    """I6: no answer stays behind in the watch, however it ended."""
    async with open_plane(OpenAISurface(), patience=QUICK) as plane:
        for _ in range(3):
            reader, writer = await opened(plane, SPOKEN[0])
            body = await asyncio.wait_for(reader.read(), 5)
            assert text_of(SPOKEN[0], body[body.index(b"data: ") :].replace(b"\r\n", b"")) or body
            writer.close()
        assert plane.gate.under_way == 0
