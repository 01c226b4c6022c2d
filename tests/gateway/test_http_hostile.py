"""The lean transport against engines that say more than they were asked, or never end a reply."""

from __future__ import annotations

import asyncio

import pytest

from inhouse.gateway.edge.providers.http import HttpPost
from inhouse.kernel.errors import EngineBroke
from tests.gateway.test_http_lean import STREAM, WHOLE, World, ask, client

SECOND = WHOLE.replace(b"200 OK", b"500 Oh").replace(b"{}", b"[]")


@pytest.mark.parametrize("more", [SECOND, b"x" * 10, b"0\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_what_stands_behind_a_reply_is_no_part_of_any(more: bytes) -> None:
    """The reply is what its length says; its connection is not used again, and the next answer is its own."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            await world.read(reader)
            writer.write(WHOLE + more if number == 1 else WHOLE)

    world = World(talk)
    async with world.running(), client() as http:
        for _ in range(3):
            page = await ask(http, world)
            assert (page.status, page.body) == (200, b"{}")
        assert world.connections == 2, "the first connection was cut, the second one kept"


@pytest.mark.parametrize(
    "endless",
    [b"0\r\n" + b"X-More: y\r\n" * 20_000, b"0\r\nX-More: " + b"y" * 200_000, b"5;" + b"e" * 200_000],
    ids=["trailers", "one trailer", "chunk extension"],
)
async def test_what_is_no_part_of_a_body_is_bounded(endless: bytes) -> None:
    """Trailers and extensions of chunks without an end are given up, as an endless head is."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _number: int) -> None:
        await world.read(reader)
        writer.write(STREAM.replace(b"text/event-stream", b"application/json") + b"2\r\n{}\r\n" + endless)
        await asyncio.Event().wait()

    world = World(talk)
    async with world.running(), client() as http:
        with pytest.raises(EngineBroke, match="no part of the body"):
            await http.page(HttpPost("e", world.url, b"{}"), timeout_s=2.0)


async def test_control_trailers_and_many_small_chunks_are_read() -> None:
    """What real servers send is far below that bound, however long their answers are."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _number: int) -> None:
        await world.read(reader)
        writer.write(STREAM.replace(b"text/event-stream", b"application/json"))
        writer.write(b"1;a=b\r\nx\r\n" * 50_000 + b"0\r\nX-Sum: 1\r\n\r\n")
        await asyncio.Event().wait()

    world = World(talk)
    async with world.running(), client() as http:
        page = await http.page(HttpPost("e", world.url, b"{}"), timeout_s=5.0)
        assert (page.status, len(page.body)) == (200, 50_000)
        assert "x-sum" not in page.headers
