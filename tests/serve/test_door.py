"""What every request passes: ids, hosts, origins, body sizes, headers, and the shape of our own faults."""

from __future__ import annotations

import asyncio

import pytest

from inhouse.serve.app import build_app
from inhouse.serve.middleware import Door
from inhouse.serve.parts import Limits
from inhouse.serve.wire import Receive, Scope, Send
from tests.serve.client import Reply, call
from tests.serve.fakes import FakeHouse


def door(house: FakeHouse | None = None) -> Door:
    return build_app((house or FakeHouse()).parts, stopping=asyncio.Event())


async def get(target: str = "/health/live", **headers: str) -> Reply:
    return await call(
        door(), "GET", target, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8484", "localhost:1", "LOCALHOST", "[::1]:8484", "[::1]"]
)
async def test_loopback_names_are_welcome(host: str) -> None:
    """Any port, any case."""
    assert (await get(host=host)).status == 200


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "localhost:8484:1", "::1", "10.0.0.1"]
)
async def test_other_hosts_are_refused(host: str) -> None:
    """A page whose name was rebound to 127.0.0.1 gets nothing."""
    reply = await get(host=host)
    assert (reply.status, reply.code) == (403, "forbidden")


async def test_names_of_the_administrator_are_welcome() -> None:
    """server.allowed_hosts adds names; the others stay out."""
    house = FakeHouse(limits=Limits(allowed_hosts=("ai.local",)))
    assert (await call(door(house), "GET", "/health/live", headers={"host": "ai.local:80"})).status == 200
    assert (await call(door(house), "GET", "/health/live", headers={"host": "b.local"})).status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 204),
        ({"origin": "http://127.0.0.1:8484", "sec-fetch-site": "same-origin"}, 204),
        ({"sec-fetch-site": "none"}, 204),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
async def test_unsafe_methods_come_from_our_own_page_only(headers: dict[str, str], status: int) -> None:
    """A foreign origin may not delete; reading needs no origin."""
    assert (await call(door(), "DELETE", "/app/documents/d1", headers=headers)).status == status
    assert (await call(door(), "GET", "/app/state", headers=headers)).status == 200


async def test_request_ids_are_made_or_passed_on() -> None:
    """A plain id of the caller is kept, anything else is replaced."""
    assert (await get(x_inhouse_request_id="abc-1")).headers["x-inhouse-request-id"] == "abc-1"
    for wrong in ("", "a b", "x" * 65, "a\r\nb"):
        made = (await get(x_inhouse_request_id=wrong)).headers["x-inhouse-request-id"]
        assert len(made) == 32


async def test_every_reply_has_the_security_headers() -> None:
    """Good replies and errors alike."""
    for target in ("/health/live", "/nothing", "/app/state", "/app/nothing", "/"):
        headers = (await get(target)).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


async def test_bodies_are_capped_by_what_arrives_too() -> None:
    """Over the limit by its header or by its bytes: 413; at the limit it passes."""
    app = door(FakeHouse(limits=Limits(max_body_bytes=100)))
    stated = await call(app, "POST", "/app/ask", headers={"content-length": "101"}, body=b"x")
    arrived = await call(app, "POST", "/app/ask", pieces=[b"x" * 60, b"x" * 60])
    assert (stated.status, stated.code, arrived.status, arrived.code) == (413, "too_large", 413, "too_large")
    fits = b'{"question": "vacation"}'.ljust(100)
    assert (await call(app, "POST", "/app/ask", pieces=[fits[:50], fits[50:]])).status == 200


async def test_a_fault_of_ours_shows_no_trace_and_is_counted() -> None:
    """500 in our shape from inside the API; the door counts and the next request is served."""
    house = FakeHouse()
    house.library.broken = KeyError("secret detail")
    app = door(house)
    reply = await call(app, "GET", "/app/state")
    assert (reply.status, reply.code) == (500, "internal_error")
    assert "secret" not in reply.body.decode()
    assert app.failures == 1
    house.library.broken = None
    assert (await call(app, "GET", "/app/state")).status == 200


async def test_a_fault_outside_the_api_has_the_same_shape() -> None:
    """The door itself answers when a raw route breaks, and stays silent when a reply has begun."""

    async def broken(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["path"] == "/late":
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("secret detail")

    app = Door(broken, max_body_bytes=100)
    early = await call(app, "GET", "/early")
    assert (early.status, early.code) == (500, "internal_error")
    late = await call(app, "GET", "/late")
    assert (late.status, late.body) == (200, b"")
    assert app.failures == 2
