"""`/health`, `/health/live`, `/health/ready`."""

from __future__ import annotations

import asyncio

from inhouse.ops.health import Check
from inhouse.serve.app import build_app
from tests.serve.client import call
from tests.serve.fakes import FakeHouse


async def test_health_names_every_check() -> None:
    """The shape of the contract."""
    reply = await call(build_app(FakeHouse().parts, stopping=asyncio.Event()), "GET", "/health")
    assert reply.json() == {
        "status": "ok",
        "version": "0.1.0",
        "checks": {"database": {"status": "ok", "required": True, "message": "writable", "hint": ""}},
    }


async def test_only_a_required_check_makes_503() -> None:
    """Anything else that is not well is `degraded` with 200."""
    house = FakeHouse()
    house.checks["engines"] = Check("down", required=False, message="no engine", hint="start one")
    reply = await call(build_app(house.parts, stopping=asyncio.Event()), "GET", "/health")
    assert (reply.status, reply.json()["status"]) == (200, "degraded")
    house.checks["database"] = Check("down", required=True, message="read-only", hint="free space")
    app = build_app(house.parts, stopping=asyncio.Event())
    for target in ("/health", "/health/ready"):
        reply = await call(app, "GET", target)
        assert (reply.status, reply.json()["status"]) == (503, "down")
    assert (await call(app, "GET", "/health/live")).status == 200


async def test_asking_often_looks_once() -> None:
    """Ten questions at once are one look."""
    house = FakeHouse()
    app = build_app(house.parts, stopping=asyncio.Event())
    await asyncio.gather(*(call(app, "GET", "/health") for _ in range(10)))
    assert house.checked == 1


async def test_a_stopping_house_is_not_ready() -> None:
    """503 while it finishes what is in hand; it is still alive."""
    stopping = asyncio.Event()
    stopping.set()
    app = build_app(FakeHouse().parts, stopping=stopping)
    ready = await call(app, "GET", "/health/ready")
    assert (ready.status, ready.code) == (503, "shutting_down")
    assert (await call(app, "GET", "/health/live")).status == 200
