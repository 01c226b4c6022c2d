"""Clients that mean harm: what they send costs little, reaches no other request, and ends in time."""

from __future__ import annotations

import asyncio
import contextvars
import tracemalloc

import pytest
import structlog

from inhouse.serve.connection import SlowRequests, look_at
from inhouse.serve.middleware import Door
from inhouse.serve.wire import Receive, Scope, Send, send_reply
from tests.serve.raw import connected, echo, raw_server

GET = b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"POST /b HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nX-Mine: 1\r\n\r\n"
OFFER = b"GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
SHORTEST = b"GET / HTTP/1.1\r\n\r\n"


async def names(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the names of the headers."""
    while (await receive())["more_body"]:
        pass
    await send_reply(send, 200, b" ".join(name for name, _value in scope["headers"]), "text/plain")


@pytest.mark.parametrize("cut", [0, 1, 30])
async def test_what_comes_behind_a_body_is_no_header(cut: int) -> None:
    """Trailers name no host, no user and no proxy, neither of their own request nor of the next one."""
    trailers = b"Host: evil\r\nX-Inhouse-User: eva\r\nX-Forwarded-For: 10.0.0.9\r\n"
    whole = CHUNKED + b"2\r\nab\r\n0\r\n" + trailers + b"\r\n"
    async with raw_server(names) as connect:
        wire = await connect()
        wire.write(whole[: len(whole) - cut])
        await wire.writer.drain()
        await asyncio.sleep(0)
        wire.write(whole[len(whole) - cut :] + GET)
        assert (await wire.reply())[1] == b"host transfer-encoding x-mine"
        assert (await wire.reply())[1] == b"host"


@pytest.mark.parametrize("line", [b"a: b\r\n", b"x" * 1000])
async def test_endless_trailers_are_refused(line: bytes) -> None:
    """In many lines or in one: cut after 64 KB; a body of as many bytes in small chunks is the control."""
    async with raw_server(echo) as connect:
        wire = await connect()
        wire.write(CHUNKED + b"2\r\nab\r\n0\r\n")
        for _ in range(100_000 // len(line)):
            wire.write(line)
        assert (await wire.head()).startswith(b"HTTP/1.1 431 ")
        small = b"1\r\na\r\n" * 20_000
        wire = await connect()
        wire.write(CHUNKED)
        for at in range(0, len(small), 1001):
            wire.write(small[at : at + 1001])
            await wire.writer.drain()
        wire.write(b"0\r\n\r\n")
        assert (await wire.reply())[1] == b"POST /b " + b"a" * 20_000


async def test_a_crowd_of_requests_in_one_packet_takes_little_memory() -> None:
    """14000 requests of 18 bytes behind one that takes its time: held as bytes, read on when it is their
    turn, and all answered in their order."""
    gate, last, seen = asyncio.Event(), asyncio.Event(), 0

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        nonlocal seen
        seen += 1
        await gate.wait()
        await send_reply(send, 200, b"%d" % seen, "text/plain")
        if seen >= 14_000:
            last.set()

    connection, transport = connected(app)
    tracemalloc.start()
    connection.data_received(SHORTEST * 14_000)
    took = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert took < 8e6
    assert not transport.reads
    gate.set()
    await asyncio.wait_for(last.wait(), 30)
    assert b"".join(transport.writes).endswith(b"\r\n\r\n14000")
    assert transport.reads
    connection.data_received(GET)
    await asyncio.sleep(0)
    assert seen == 14_001


async def test_a_request_in_parts_behind_others() -> None:
    """However its bytes are cut while others are answered, a later request comes whole."""
    gate, last, left = asyncio.Event(), asyncio.Event(), 5

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal left
        await gate.wait()
        await echo(scope, receive, send)
        left -= 1
        if not left:
            last.set()

    body = b"x" * 150_000
    sent = GET * 3 + b"POST /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 150000\r\n\r\n" + body + GET
    connection, transport = connected(app)
    for at in range(0, len(sent), 50_000):
        connection.data_received(sent[at : at + 50_000])
    gate.set()
    await asyncio.wait_for(last.wait(), 30)
    assert transport.reads
    assert b"".join(transport.writes).count(b"GET /a ") == 4
    assert b"POST /b " + body in b"".join(transport.writes)


async def test_a_crowd_of_offers_is_declined() -> None:
    """Each offer of another protocol is read again; a thousand in one packet are answered like one."""
    async with raw_server(echo) as connect:
        wire = await connect()
        wire.write(OFFER * 1000)
        for _ in range(1000):
            assert (await wire.reply())[1] == b"GET /a "


async def test_after_what_is_no_request_nothing_is_read() -> None:
    """A head too long behind a request under way: its rest is dropped, and no part of it is a request."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await echo(scope, receive, send)

    connection, transport = connected(app)
    connection.data_received(GET + GET[:-2])
    for _ in range(12):
        connection.data_received(b"X-Long: " + b"x" * 8000 + b"\r\n")
    tracemalloc.start()
    for _ in range(100):
        connection.data_received(b"X-Long: " + b"x" * 8000 + b"\r\n")
    took = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert took < 100_000
    connection.data_received(b"\r\n" + GET)
    gate.set()
    await transport.wrote()
    await asyncio.sleep(0)
    assert transport.closed
    assert b"".join(transport.writes).count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("ending", ["slow", "broken"])
async def test_no_request_has_two_replies(ending: str) -> None:
    """One that was refused early and then comes too slowly, or broken, ends without another word."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send_reply(send, 413, b"no", "text/plain")

    connection, transport = connected(app)
    connection.data_received(CHUNKED)
    await transport.wrote()
    assert not transport.closed
    if ending == "slow":
        assert look_at([connection], asyncio.get_running_loop().time() + 21.0, SlowRequests()) == 1
    else:
        connection.data_received(b"no size of a chunk\r\n")
    assert transport.closed
    assert b"".join(transport.writes).count(b"HTTP/1.1 ") == 1


async def test_the_rest_of_a_body_that_was_refused_is_read() -> None:
    """A client that sends 20 MB whatever it is told must get them away, before it asks the next thing."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send_reply(send, 413, b"no", "text/plain")

    connection, transport = connected(app)
    connection.data_received(b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n")
    connection.data_received(b"x" * 100_000)
    assert not transport.reads, "control: nobody has taken it so far"
    await transport.wrote()
    for _ in range(199):
        assert transport.reads
        connection.data_received(b"x" * 100_000)
    connection.data_received(GET)
    await asyncio.sleep(0)
    assert b"".join(transport.writes).count(b"HTTP/1.1 413 ") == 2


@pytest.mark.parametrize("takes", [True, False])
async def test_a_reply_that_nobody_takes_is_cut(takes: bool) -> None:
    """Closing would wait for the reader for ever; one that takes some of it now and then is waited for."""
    limits = SlowRequests()
    connection, transport = connected(echo)
    connection.data_received(GET)
    await transport.wrote()
    transport.unsent = 1_000_000
    connection.pause_writing()
    now = asyncio.get_running_loop().time()
    for passed in range(0, 100, 5):
        look_at([connection], now + passed, limits)
        if takes and passed % 20 == 0:
            transport.unsent -= 10_000
    assert transport.closed, "it was idle, too"
    assert transport.aborted is not takes


async def test_the_next_request_knows_nothing_of_the_one_before() -> None:
    """What one request leaves in its context is none of the next one's, also of one that waited for it."""
    mark = contextvars.ContextVar("mark", default="none")
    seen = list[str]()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(mark.get())
        mark.set(f"of request {len(seen)}")
        await echo(scope, receive, send)

    async with raw_server(app) as connect:
        wire = await connect()
        wire.write(GET * 3)
        for _ in range(3):
            await wire.reply()
    assert seen == ["none"] * 3


@pytest.mark.parametrize("path", [b"/app/x", b"/v1/x"])
async def test_a_torn_reply_is_logged_with_its_name(path: bytes) -> None:
    """Also below the door, which is out of it by then."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    with structlog.testing.capture_logs() as lines:
        async with raw_server(Door(app, max_body_bytes=100)) as connect:
            wire = await connect()
            wire.write(GET.replace(b"/a", path).replace(b"\r\n\r\n", b"\r\nx-inhouse-request-id: r1\r\n\r\n"))
            await wire.rest()
    assert [line["request_id"] for line in lines if line["event"] == "reply not whole"] == ["r1"]


async def test_an_origin_that_is_none_is_a_foreign_one() -> None:
    """403 as for any other, not a fault of ours."""
    door = Door(echo, max_body_bytes=100)
    async with raw_server(door) as connect:
        wire = await connect()
        wire.write(b"POST /v1/b HTTP/1.1\r\nHost: localhost\r\nOrigin: http://[\r\nContent-Length: 0\r\n\r\n")
        assert (await wire.reply())[0].startswith(b"HTTP/1.1 403 ")
    assert door.failures == 0
