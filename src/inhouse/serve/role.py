"""The application of `serve --role gateway`: the wire surfaces and `/health`, nothing else.

Nothing here may load FastAPI, pages or the knowledge room.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from inhouse.kernel.errors import NotFound, ShuttingDown
from inhouse.ops.health import Check, combine
from inhouse.serve.middleware import Door, Doors
from inhouse.serve.plane.front import Front
from inhouse.serve.plane.idempotency import Repeats
from inhouse.serve.plane.parts import PlaneParts
from inhouse.serve.plane.surfaces import open_front
from inhouse.serve.wire import Receive, Scope, Send, send_reply

__all__ = ["GatewayRole", "build_gateway_app"]


@dataclass(frozen=True, slots=True)
class GatewayRole:
    """What the application is made of. `checks` takes microseconds."""

    plane: PlaneParts
    max_body_bytes: int
    allowed_hosts: tuple[str, ...]
    doors: Doors
    repeats: Repeats | None
    checks: Callable[[], Mapping[str, Check]]


def build_gateway_app(role: GatewayRole) -> Door:
    """The application over an open gateway."""
    front = open_front(role.plane, role.repeats)
    return Door(
        _Router(front, role),
        max_body_bytes=role.max_body_bytes,
        allowed_hosts=role.allowed_hosts,
        doors=role.doors,
        words=front.words,
    )


class _Router:
    """Health is answered here, everything else by a surface."""

    def __init__(self, front: Front, role: GatewayRole) -> None:
        self._front = front
        self._role = role

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith("/health"):
            await self._health(path, send)
        elif not await self._front(scope, receive, send):
            raise NotFound(
                f"There is nothing at {path[:200]}",
                hint="this server is a gateway only; pages come with `inhouse serve`",
            )

    async def _health(self, path: str, send: Send) -> None:
        if path == "/health/live":
            await send_reply(send, 200, b'{"status":"ok"}', "application/json")
            return
        if path not in ("/health", "/health/ready"):
            raise NotFound(
                f"There is nothing at {path[:200]}", hint="try /health, /health/live or /health/ready"
            )
        if path == "/health/ready" and self._role.plane.stopping.is_set():
            raise ShuttingDown("inhouse is being stopped", hint="ask again in a moment")
        health = combine({**self._role.checks(), "callers": self._front.refusals.check()})
        shape = {"status": health.status, "version": self._role.plane.version, "checks": health.checks}
        await send_reply(send, health.http_status, msgspec.json.encode(shape), "application/json")
