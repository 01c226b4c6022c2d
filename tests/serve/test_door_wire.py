"""The wire surfaces' own door: other machines, containers, pages of other origins, and crowds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
import structlog

from inhouse.serve.middleware import Door, Doors, is_wire
from inhouse.serve.server import bind, own_address
from inhouse.serve.wire import Message, Receive, Scope, Send
from tests.serve.client import Reply
from tests.serve.raw import raw_server

OPEN = Doors(exposed=True)
PAGE = "https://app.example"
CORS = Doors(cors_origins=frozenset({PAGE}))


async def hello(scope: Scope, _receive: Receive, send: Send) -> None:
    """An application that greets at every path."""
    head = [(b"content-type", b"text/plain"), (b"x-inhouse-engine", b"e")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


async def ask(
    door: Door,
    path: str,
    *,
    method: str = "GET",
    client: str = "127.0.0.1",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """One request from that address."""
    given = {"host": "127.0.0.1:8484"} | dict(headers or {})
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(name.encode(), text.encode()) for name, text in given.items()],
        "client": (client, 1),
    }
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    await door(scope, receive, send)
    found = {key.decode(): value.decode() for key, value in messages[0]["headers"]}
    return Reply(messages[0]["status"], found, b"".join(each.get("body", b"") for each in messages[1:]))


def door(doors: Doors, *, allowed_hosts: tuple[str, ...] = ()) -> Door:
    """A door before `hello`."""
    return Door(hello, max_body_bytes=100, doors=doors, allowed_hosts=allowed_hosts)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1beta/models/x:generateContent", "/api/tags"])
def test_wire_paths(path: str) -> None:
    """The protocols of other vendors; the pages, /app, /health and look-alikes are none."""
    assert is_wire(path)
    assert not any(is_wire(each) for each in ("/", "/app/ask", "/health", "/v1", "/apis/x", "/static/v1/x"))


async def test_other_machines_reach_nothing_unless_exposed() -> None:
    """Closed: not a path. Exposed: the wire surfaces and the two probes, never pages, /app or /health."""
    for path in ("/v1/models", "/", "/app/state", "/health", "/health/live"):
        closed = await ask(door(Doors()), path, client="10.0.0.9")
        opened = await ask(door(OPEN), path, client="10.0.0.9")
        assert closed.status == (200 if path == "/health/live" else 403)
        assert opened.status == (200 if path in ("/v1/models", "/health/live") else 403), path
        assert (await ask(door(OPEN), path)).status == 200


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "x-real-ip"])
async def test_a_proxy_of_this_machine_asks_for_somebody_else(name: str) -> None:
    """What it passes on reaches no page, and on the wire it is no caller of this machine."""
    headers = {name: "10.0.0.9"}
    assert (await ask(door(Doors()), "/app/state", headers=headers)).status == 403
    assert (await ask(door(Doors()), "/v1/models", headers=headers)).status == 200
    assert (await ask(door(Doors()), "/app/state")).status == 200


async def test_addresses_are_names_only_where_exposed() -> None:
    """By its address from the network, on the wire; the name of a stranger never, the pages never."""
    for host, path, doors, status in (
        ("10.0.0.5:8484", "/v1/models", OPEN, 200),
        ("[fd00::5]:8484", "/v1/models", OPEN, 200),
        ("10.0.0.5:8484", "/v1/models", Doors(), 403),
        ("10.0.0.5:8484", "/app/state", OPEN, 403),
        ("evil.example", "/v1/models", OPEN, 403),
    ):
        assert (await ask(door(doors), path, headers={"host": host})).status == status, (host, path)


@pytest.mark.parametrize("host", ["host.docker.internal:8484", "HOST.containers.internal"])
async def test_containers_call_the_wire_by_their_own_names(host: str) -> None:
    """Admitted to the wire surfaces unasked, to the pages only when the administrator names them."""
    assert (await ask(door(Doors()), "/api/tags", headers={"host": host})).status == 200
    assert (await ask(door(Doors()), "/app/state", headers={"host": host})).status == 403
    named = door(Doors(), allowed_hosts=("host.docker.internal", "host.containers.internal"))
    assert (await ask(named, "/app/state", headers={"host": host})).status == 200


async def test_pages_of_chosen_origins_may_ask_the_wire() -> None:
    """The request passes, the reply may be read with our headers, also when it is an error."""
    reply = await ask(door(CORS), "/v1/chat/completions", method="POST", headers={"origin": PAGE})
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, PAGE)
    for name in ("engine", "model", "where", "reason", "estimated", "request-id"):
        assert f"x-inhouse-{name}" in reply.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in reply.headers
    refused = await ask(door(CORS), "/v1/x", method="POST", headers={"origin": PAGE, "content-length": "101"})
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (413, PAGE)


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("/v1/chat/completions", "https://app.example.evil"),
        ("/v1/chat/completions", "http://app.example"),
        ("/v1/chat/completions", "https://app.example:8443"),
        ("/v1/chat/completions", "null"),
        ("/app/ask", PAGE),
    ],
)
async def test_other_pages_get_nothing(path: str, origin: str) -> None:
    """Not an origin that looks alike, and not a chosen origin at our own API."""
    for method in ("POST", "GET"):
        reply = await ask(door(CORS), path, method=method, headers={"origin": origin})
        assert "access-control-allow-origin" not in reply.headers
        assert reply.status == (403 if method == "POST" else 200)


async def test_without_the_setting_no_page_may_ask() -> None:
    """The control: the same origin is a stranger while the list is empty."""
    reply = await ask(door(Doors()), "/v1/chat/completions", method="POST", headers={"origin": PAGE})
    assert (reply.status, reply.code) == (403, "forbidden")
    assert b"server.cors_origins" in reply.body


async def test_preflights() -> None:
    """204 with the headers that clients of vendors send for a chosen origin; 403 and none for others."""
    wanted = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,x-stainless-lang,x-inhouse-prefer",
        "access-control-request-private-network": "true",
    }
    good = await ask(door(CORS), "/v1/x", method="OPTIONS", headers={"origin": PAGE, **wanted})
    assert (good.status, good.body) == (204, b"")
    assert good.headers["access-control-allow-origin"] == PAGE
    assert good.headers["access-control-allow-headers"] == wanted["access-control-request-headers"]
    assert good.headers["access-control-allow-private-network"] == "true"
    assert "POST" in good.headers["access-control-allow-methods"]
    for path, origin in (("/v1/x", "https://evil.example"), ("/app/ask", PAGE)):
        bad = await ask(door(CORS), path, method="OPTIONS", headers={"origin": origin, **wanted})
        assert "access-control-allow-origin" not in bad.headers
        assert "access-control-allow-methods" not in bad.headers
    odd = wanted | {"access-control-request-headers": "a\tb"}
    reply = await ask(door(CORS), "/v1/x", method="OPTIONS", headers={"origin": PAGE, **odd})
    assert "access-control-allow-headers" not in reply.headers


class Crowd:
    """An application that keeps everybody waiting until it is opened."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.opened = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count in, wait, count out."""
        if is_wire(scope["path"]):
            self.inside += 1
            self.most = max(self.most, self.inside)
            await self.opened.wait()
            self.inside -= 1
        await hello(scope, receive, send)


async def storm(most: int) -> tuple[list[Reply], Crowd]:
    """500 requests at once."""
    crowd = Crowd()
    entrance = Door(crowd, max_body_bytes=100, doors=Doors(max_in_flight=most))
    waiting = [asyncio.ensure_future(ask(entrance, "/v1/x", method="POST")) for _ in range(500)]
    for _ in range(100):
        await asyncio.sleep(0)
    assert sum(each.done() for each in waiting) + crowd.inside == 500
    # What is no wire surface is not in the queue.
    assert (await ask(entrance, "/health/live")).status == 200
    crowd.opened.set()
    return await asyncio.gather(*waiting), crowd


async def test_five_hundred_at_once_meet_a_bound() -> None:
    """C05: as many as allowed are inside, the others are told when to come again, and all is well after."""
    replies, crowd = await storm(40)
    assert crowd.most == 40
    refused = [reply for reply in replies if reply.status == 429]
    assert len(refused) == 460
    assert {(reply.code, reply.headers["retry-after"]) for reply in refused} == {("rate_limited", "1")}
    assert sum(reply.status == 200 for reply in replies) == 40


async def test_control_without_a_bound_all_are_inside() -> None:
    """C05, the control: the same storm without the bound is in memory at once."""
    _replies, crowd = await storm(0)
    assert crowd.most == 500


@pytest.mark.parametrize("path", ["/v1/models", "/health/live"])
@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"HTTP/1.1\r\nHost: localhost\r\n", 200),
        (b"HTTP/1.1\r\nHost: localhost\r\nAccept: a\r\nAccept: b\r\n", 200),
        (b"HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n", 400),
        (b"HTTP/1.1\r\nHost: localhost\r\nhost: evil.example\r\n", 400),
        (b"HTTP/1.1\r\nHost: evil.example\r\nHOST: localhost\r\n", 400),
        (b"HTTP/1.0\r\nHost: localhost\r\nHost: localhost\r\n", 400),
        (b"HTTP/1.1\r\n", 400),
        (b"HTTP/1.1\r\nHost:\r\n", 403),
        (b"HTTP/1.0\r\n", 403),
    ],
)
async def test_a_request_names_one_host(path: str, head: bytes, status: int) -> None:
    """Several, or none in HTTP/1.1, are refused, at once and after a good request of the same name."""
    async with raw_server(door(Doors())) as connect:
        wire = await connect()
        wire.write(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode())
        assert (await wire.head()).startswith(b"HTTP/1.1 200 ")
        wire = await connect()
        wire.write(b"GET %b %b\r\n" % (path.encode(), head))
        assert (await wire.head()).startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize("path", ["/v1/x", "/app/x"])
async def test_each_log_line_of_a_request_has_its_id(path: str) -> None:
    """Also of requests that are under way at the same time and of tasks they start; none after them."""
    log = structlog.get_logger("test")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0)
        log.info("said", by=scope["state"]["request_id"])
        await asyncio.gather(asyncio.to_thread(log.info, "said", by=scope["state"]["request_id"]))
        await hello(scope, receive, send)

    entrance = Door(app, max_body_bytes=100)
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        for name in ("a", "b"):
            await asyncio.create_task(ask(entrance, path, headers={"x-inhouse-request-id": name}))
            log.info("between")
        names = [f"c{number}" for number in range(5)]
        await asyncio.gather(*(ask(entrance, path, headers={"x-inhouse-request-id": n}) for n in names))
        assert [each.get("request_id") for each in lines if each["event"] == "between"] == [None, None]
    said = [each for each in lines if each["event"] == "said"]
    assert len(said) == 2 * 7
    assert all(each["request_id"] == each["by"] for each in said)


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", "http://127.0.0.1:"), ("0.0.0.0", "http://127.0.0.1:"), ("::1", "http://[::1]:")],
)
def test_commands_of_this_machine_come_by_loopback(host: str, own: str) -> None:
    """Wherever a server listens, the address it leaves for other commands is one that sees `/app`."""
    with bind(host, 0) as listener:
        assert own_address(listener).startswith(own)
