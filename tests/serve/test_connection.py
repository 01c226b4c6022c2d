"""The connection with raw bytes: what HTTP/1.1 promises to those who speak it, and to those who do not."""

from __future__ import annotations

import asyncio
import json

import pytest

from inhouse.serve.connection import SlowRequests, look_at
from inhouse.serve.wire import Receive, Scope, Send, send_reply
from tests.serve.raw import connected, echo, raw_server

GET = b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEAD = b"HEAD /a HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"


async def stream(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answers in pieces of no given length."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"one", "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": True})
    await send({"type": "http.response.body", "body": b"two"})


async def ignore(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answers without a look at the request."""
    await send_reply(send, 413, b"no", "text/plain")


async def test_one_connection_answers_again_and_again() -> None:
    """Request after request on one connection, each reply with a date, without a word of closing."""
    async with raw_server(echo) as connect:
        wire = await connect()
        for sent, said in ((GET, b"GET /a "), (POST, b"POST /b hello"), (GET, b"GET /a ")):
            wire.write(sent)
            head, body = await wire.reply()
            assert (head.split(b"\r\n")[0], body) == (b"HTTP/1.1 200 OK", said)
            assert head.count(b"\r\ndate: ") == 1
            assert b"connection:" not in head


async def test_requests_sent_at_once_are_answered_in_order() -> None:
    """Pipelined ones wait for each other: the second is not begun before the first is answered."""
    gate, begun, seen = asyncio.Event(), asyncio.Event(), list[str]()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["path"])
        begun.set()
        if len(seen) == 1:
            await gate.wait()
        await echo(scope, receive, send)

    async with raw_server(app) as connect:
        wire = await connect()
        wire.write(GET + POST + POST + GET)
        await asyncio.wait_for(begun.wait(), 5)
        assert seen == ["/a"]
        gate.set()
        bodies = [(await wire.reply())[1] for _ in range(4)]
        assert bodies == [b"GET /a ", b"POST /b hello", b"POST /b hello", b"GET /a "]


async def test_a_request_in_single_bytes() -> None:
    """However it is cut, it is the same request; so is one in chunks with a trailer."""
    chunked = (
        b"POST /c?x=%41 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
    )
    async with raw_server(echo) as connect:
        wire = await connect()
        for sent, said in ((POST, b"POST /b hello"), (chunked, b"POST /c abcde")):
            for at in range(len(sent)):
                wire.write(sent[at : at + 1])
                await wire.writer.drain()
                await asyncio.sleep(0)
            assert (await wire.reply())[1] == said


async def test_head_has_the_length_and_no_body() -> None:
    """HEAD of a known length, and of none; the next reply begins right behind the head."""
    async with raw_server(echo) as connect:
        wire = await connect()
        wire.write(HEAD + GET)
        assert b"content-length: 8\r\n" in await wire.head()
        assert (await wire.reply())[1] == b"GET /a "
    async with raw_server(stream) as connect:
        wire = await connect()
        wire.write(HEAD + HEAD.replace(b"1.1", b"1.0"))
        told = await wire.rest()
        assert told.count(b"HTTP/1.1 200") == 2
        assert b"one" not in told
        assert b"chunked" not in told


async def test_streams_come_in_chunks_but_to_old_clients() -> None:
    """HTTP/1.1 gets chunks and may go on; HTTP/1.0 gets bare bytes until the end of the connection."""
    async with raw_server(stream) as connect:
        wire = await connect()
        for _ in range(2):
            wire.write(GET)
            assert b"\r\ntransfer-encoding: chunked\r\n" in await wire.head()
            chunks = await asyncio.wait_for(wire.reader.readuntil(b"0\r\n\r\n"), 5)
            assert chunks == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
        wire.write(GET.replace(b"1.1", b"1.0"))
        head, _, body = (await wire.rest()).partition(b"\r\n\r\n")
        assert b"connection: close" in head
        assert b"chunked" not in head
        assert body == b"onetwo"


@pytest.mark.parametrize(
    "last", [GET.replace(b"1.1", b"1.0"), GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")]
)
async def test_the_last_request_of_a_connection(last: bytes) -> None:
    """Closed after its reply, which says so; what is sent behind it is not answered."""
    async with raw_server(echo) as connect:
        wire = await connect()
        wire.write(last + POST)
        told = await wire.rest()
        assert told.count(b"HTTP/1.1 200") == 1
        assert b"connection: close\r\n" in told
        assert told.endswith(b"GET /a ")


async def test_a_body_is_asked_for_when_it_is_wanted() -> None:
    """Expect: 100-continue gets its 100 when the application reads, and none when the body is there."""
    expecting = POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-Continue\r\n\r\n")
    async with raw_server(echo) as connect:
        wire = await connect()
        wire.write(expecting[:-5])
        assert await wire.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.write(b"hello")
        assert (await wire.reply())[1] == b"POST /b hello"
        wire.write(expecting)
        head, body = await wire.reply()
        assert head.startswith(b"HTTP/1.1 200")
        assert body == b"POST /b hello"


async def test_a_body_that_is_not_wanted_ends_the_connection() -> None:
    """The client was not told to send it: what the next bytes are, nobody could say. The control may stay."""
    expecting = POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    async with raw_server(ignore) as connect:
        wire = await connect()
        wire.write(expecting[:-5])
        told = await wire.rest()
        assert told.startswith(b"HTTP/1.1 413")
        assert b"connection: close" in told
        wire = await connect()
        wire.write(POST[:-5])
        assert b"connection: close" not in (await wire.reply())[0]
        wire.write(b"hello" + GET)
        assert (await wire.reply())[1] == b"no"


async def test_an_offer_of_another_protocol_is_declined() -> None:
    """Java's client offers HTTP/2 with every request: its body is read, and the connection goes on."""
    offer = b"\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n\r\n"
    async with raw_server(echo) as connect:
        wire = await connect()
        whole = POST.replace(b"\r\n\r\n", offer)
        for cut in (len(whole), len(whole) - 3, whole.index(b"\r\n\r\n") + 4, 30):
            wire.write(whole[:cut])
            await wire.writer.drain()
            await asyncio.sleep(0)
            wire.write(whole[cut:] + GET)
            assert (await wire.reply())[1] == b"POST /b hello"
            assert (await wire.reply())[1] == b"GET /a "


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00",
        b"GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\n\r\n",
        "GET /ä HTTP/1.1\r\nHost: localhost\r\n\r\n".encode("latin-1"),
    ],
)
async def test_what_is_no_request_is_told_so(sent: bytes) -> None:
    """400 in the shape of all errors, and the end of the connection; the application is not asked."""
    async with raw_server(echo) as connect:
        wire = await connect()
        wire.write(sent)
        head, _, body = (await wire.rest()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert json.loads(body)["error"]["code"] == "bad_request"


async def test_nonsense_behind_a_request_does_not_touch_its_reply() -> None:
    """What was asked before is answered whole, then the connection ends without another word."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await stream(scope, receive, send)

    async with raw_server(app) as connect:
        wire = await connect()
        wire.write(GET + b"\x00\x00 nonsense\r\n\r\n")
        gate.set()
        told = await wire.rest()
        assert told.count(b"HTTP/1.1") == 1
        assert told.endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


async def test_endless_heads_are_refused() -> None:
    """431 once a head is over 64 KB, before all of memory is; the control is a long one that ends."""
    line = b"X-Long: " + b"x" * 8000 + b"\r\n"
    async with raw_server(echo) as connect:
        wire = await connect()
        wire.write(GET[:-2] + line * 7 + b"\r\n")
        assert (await wire.reply())[1] == b"GET /a "
        wire.write(GET[:-2])
        for _ in range(80):
            wire.write(line)
        assert (await wire.head()).startswith(b"HTTP/1.1 431 ")


async def test_the_application_hears_that_the_client_left() -> None:
    """In the middle of its body, and after it; what is sent then goes nowhere and raises nothing."""
    heard: asyncio.Queue[list[str]] = asyncio.Queue()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        kinds = list[str]()
        while not kinds or kinds[-1] != "http.disconnect":
            kinds.append((await receive())["type"])
        await send_reply(send, 200, b"too late", "text/plain")
        heard.put_nowait(kinds)

    async with raw_server(app) as connect:
        for sent in (POST, POST[:-2], POST[:-5]):
            wire = await connect()
            wire.write(sent)
            await wire.writer.drain()
            wire.writer.close()
            assert (await asyncio.wait_for(heard.get(), 5))[-1] == "http.disconnect"


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        ([b"too long"], b""),
        ([b"ab", b"too long"], b"ab"),
        ([b"abc"], b"abc"),
        (None, b""),
    ],
)
async def test_a_torn_reply_ends_with_its_connection(pieces: list[bytes] | None, told: bytes) -> None:
    """A body of another length than was said, or none at all: the head, what was right of it, and the end."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        for at, piece in enumerate(pieces or []):
            last = at + 1 == len(pieces or [])
            await send({"type": "http.response.body", "body": piece, "more_body": not last})

    async with raw_server(app) as connect:
        wire = await connect()
        wire.write(GET + GET)
        head, _, body = (await wire.rest()).partition(b"\r\n\r\n")
        assert b"content-length: 5" in head
        assert body == told


@pytest.mark.parametrize(
    "headers", [None, [(b"x", b"a\r\nset-cookie: b=c")], [(b"x: y\r\nz", b"1")], [(b"x", b"a\x00")]]
)
async def test_a_reply_that_cannot_be_sent_is_a_fault(headers: list[tuple[bytes, bytes]] | None) -> None:
    """500 and the end of the connection where the application gives no head, or one that holds another."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        if headers is not None:
            await send({"type": "http.response.start", "status": 200, "headers": headers})

    async with raw_server(app) as connect:
        wire = await connect()
        wire.write(GET)
        told = await wire.rest()
        assert told.startswith(b"HTTP/1.1 500 ")
        assert b"set-cookie" not in told
        assert json.loads(told.partition(b"\r\n\r\n")[2])["error"]["code"] == "internal"


async def test_a_long_body_is_read_as_fast_as_it_is_taken() -> None:
    """Over 64 KB that nobody takes, the client is not read; taking it reads on."""
    gate, sizes = asyncio.Event(), list[int]()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        more = True
        while more:
            message = await receive()
            sizes.append(len(message["body"]))
            more = message["more_body"]
        await send_reply(send, 200, b"", "text/plain")

    connection, transport = connected(app)
    connection.data_received(b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n")
    connection.data_received(b"x" * 65_536)
    assert transport.reads
    connection.data_received(b"x" * 34_464)
    assert not transport.reads
    gate.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert transport.reads
    connection.data_received(b"x" * 100_000)
    await transport.wrote()
    assert sizes == [100_000, 100_000]
    assert transport.writes[0].startswith(b"HTTP/1.1 200 OK\r\n")


async def test_a_reader_that_takes_nothing_stops_the_writer() -> None:
    """While the transport is full nothing is sent, then in order; a client that leaves frees the writer."""
    sent = list[int]()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for at in range(3):
            await send({"type": "http.response.body", "body": b"%d" % at, "more_body": True})
            sent.append(at)
            if at == 0:
                connection.pause_writing()
        await send({"type": "http.response.body", "body": b""})
        sent.append(9)

    for leaves in (False, True):
        sent.clear()
        connection, transport = connected(app)
        connection.data_received(GET)
        for _ in range(5):
            await asyncio.sleep(0)
        assert sent == [0]
        if leaves:
            connection.connection_lost(None)
        else:
            connection.resume_writing()
        for _ in range(5):
            await asyncio.sleep(0)
        assert sent == [0, 1, 2, 9]
        assert b"".join(transport.writes).endswith(b"1\r\n0\r\n" if leaves else b"1\r\n2\r\n0\r\n\r\n")


async def test_a_whole_reply_is_one_write() -> None:
    """Head and body go out together, so that a client is woken once; a large body is not copied for it."""
    for size, writes in ((10, 1), (100_000, 2)):

        async def app(_scope: Scope, _receive: Receive, send: Send, size: int = size) -> None:
            await send_reply(send, 200, b"x" * size, "text/plain")

        connection, transport = connected(app)
        connection.data_received(GET)
        await transport.wrote()
        assert len(transport.writes) == writes
        assert b"".join(transport.writes).endswith(b"\r\n\r\n" + b"x" * size)


async def test_time_is_looked_at_for_all_at_once() -> None:
    """Idle ones are closed after 30 s, also those that never said a word; who waits for a reply is none."""
    gate, limits = asyncio.Event(), SlowRequests()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/a":
            await gate.wait()
        await echo(scope, receive, send)

    silent, asking, asked = connected(app), connected(app), connected(app)
    asking[0].data_received(GET)
    asked[0].data_received(POST)
    await asked[1].wrote()
    now = asyncio.get_running_loop().time()
    all_of_them = [each[0] for each in (silent, asking, asked)]
    assert look_at(all_of_them, now + 29.0, limits) == 0
    assert not any(each[1].closed for each in (silent, asking, asked))
    assert look_at(all_of_them, now + 31.0, limits) == 0
    assert [each[1].closed for each in (silent, asking, asked)] == [True, False, True]
    gate.set()
    await asking[1].wrote()
    asking[0].data_received(GET[:10])
    later = asyncio.get_running_loop().time()
    assert look_at(all_of_them[1:2], later + 9.0, limits) == 0
    assert look_at(all_of_them[1:2], later + 11.0, limits) == 1
    assert asking[1].writes[-1].startswith(b"HTTP/1.1 408 ")


async def test_a_slow_second_request_does_not_cut_the_first_ones_reply() -> None:
    """Its time counts from when it is its turn: until then it is read for nobody's sake but ours."""
    gate, limits = asyncio.Event(), SlowRequests()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await echo(scope, receive, send)

    connection, transport = connected(app)
    connection.data_received(GET + GET[:10])
    now = asyncio.get_running_loop().time()
    assert look_at([connection], now + 60.0, limits) == 0
    gate.set()
    await transport.wrote()
    assert b"GET /a " in transport.writes[0]
    assert look_at([connection], now + 69.0, limits) == 0
    assert look_at([connection], now + 71.0, limits) == 1


async def test_a_closing_server_lets_go_of_idle_connections() -> None:
    """Idle ones end at once, one with a reply under way after it; nobody is cut."""
    gate, begun, stopping = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/b":
            begun.set()
            await gate.wait()
        await echo(scope, receive, send)

    async with raw_server(app, stopping=stopping) as connect:
        idle, busy = await connect(), await connect()
        idle.write(GET)
        assert (await idle.reply())[1] == b"GET /a "
        busy.write(POST)
        await asyncio.wait_for(begun.wait(), 5)
        stopping.set()
        assert await idle.rest() == b""
        gate.set()
        assert (await busy.rest()).endswith(b"POST /b hello")


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/a/b?c=d&e", "/a/b", b"c=d&e"),
        (b"/a%20b%2Fc?x=%20", "/a b/c", b"x=%20"),
        (b"/a?b?c", "/a", b"b?c"),
        (b"/a?b#c", "/a", b"b"),
        (b"//a/b", "//a/b", b""),
        (b"http://127.0.0.1:80/x?y=z", "/x", b"y=z"),
        (b"http://127.0.0.1", "/", b""),
        (b"/", "/", b""),
    ],
)
async def test_targets(target: bytes, path: str, query: bytes) -> None:
    """Path and query of each form of a request target."""
    scopes = list[Scope]()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await echo(scope, receive, send)

    connection, transport = connected(app)
    connection.data_received(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % target)
    await transport.wrote()
    assert (scopes[0]["path"], scopes[0]["query_string"]) == (path, query)
