"""`/health`, `/health/live` and `/health/ready`."""

from __future__ import annotations

import asyncio
import time

from inhouse.kernel.errors import NotFound, ShuttingDown
from inhouse.ops.health import Health, combine
from inhouse.serve.house_shapes import CheckShape, HealthShape
from inhouse.serve.parts import Parts
from inhouse.serve.plane.refused import Refusals
from inhouse.serve.wire import Receive, Scope, Send, send_reply

__all__ = ["HealthPages", "health_shape"]

FRESH_S = 5.0
"""Checks are repeated after this long at the earliest, so that asking often cannot hurt an engine."""


class HealthPages:
    """Live: the process answers. Ready: nothing required is down and it is not being stopped."""

    def __init__(self, parts: Parts, stopping: asyncio.Event, refusals: Refusals | None = None) -> None:
        self._parts = parts
        self._stopping = stopping
        self._refusals = refusals
        self._turn = asyncio.Lock()
        self._last: Health | None = None
        self._checked_at = 0.0

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        match scope["path"]:
            case "/health/live":
                await send_reply(send, 200, b'{"status":"ok"}', "application/json")
            case "/health/ready":
                if self._stopping.is_set():
                    raise ShuttingDown("inhouse is being stopped", hint="ask again in a moment")
                await self._send(send, await self.health())
            case "/health":
                await self._send(send, await self.health())
            case path:
                raise NotFound(
                    f"There is nothing at {path[:200]}", hint="try /health, /health/live or /health/ready"
                )

    async def health(self) -> Health:
        """All checks, at most `FRESH_S` old."""
        async with self._turn:
            if self._last is None or time.monotonic() - self._checked_at > FRESH_S:
                checks = await self._parts.checks()
                if self._refusals is not None:
                    checks = {**checks, "callers": self._refusals.check()}
                self._last = combine(checks)
                self._checked_at = time.monotonic()
            return self._last

    async def _send(self, send: Send, health: Health) -> None:
        shape = health_shape(health, self._parts.version)
        await send_reply(send, health.http_status, shape.model_dump_json().encode(), "application/json")


def health_shape(health: Health, version: str) -> HealthShape:
    """The health as JSON."""
    checks = {name: CheckShape.model_validate(check) for name, check in health.checks.items()}
    return HealthShape(status=health.status, version=version, checks=checks)
