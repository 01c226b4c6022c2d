"""The gateway alone: the wire surfaces without pages, documents and FastAPI."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import structlog

import inhouse
from inhouse.compose.database import open_database
from inhouse.compose.door import cached_chat, doors_of, express_of, open_gate, repeats_of
from inhouse.compose.gateway import Gateway, open_gateway
from inhouse.config import Home, Loaded
from inhouse.gateway.edge.keys import StoredKeys
from inhouse.gateway.edge.rollouts import Rollouts
from inhouse.kernel.errors import HomeUnusable
from inhouse.ops.health import Check
from inhouse.serve.ids import new_ids
from inhouse.serve.plane.parts import PlaneParts
from inhouse.serve.role import GatewayRole
from inhouse.store.lock import HomeLock, Owner

__all__ = ["OpenGateway", "open_role"]

log = structlog.get_logger(__name__)

FOLLOW_S = 1.0
"""A revoked key is refused after this time at the latest; one look takes a tenth of a millisecond."""


@dataclass(frozen=True, slots=True)
class OpenGateway:
    """The open gateway and the lock that says who has the home open."""

    role: GatewayRole
    keys: StoredKeys
    lock: HomeLock
    command: str

    def announce(self, address: str) -> None:
        """Tell other commands where this gateway serves."""
        self.lock.announce(Owner(os.getpid(), self.command, address, role="gateway"))


@contextlib.asynccontextmanager
async def open_role(
    loaded: Loaded, home: Home, *, command: str, stopping: asyncio.Event
) -> AsyncIterator[OpenGateway]:
    """Open the home for the gateway alone, as its only writer.

    Raises:
        HomeBusy: if another process holds the home.
        HomeUnusable: if the home is newer, damaged, read-only, or its disk is full.
    """
    settings = loaded.settings
    async with contextlib.AsyncExitStack() as stack:
        lock = stack.enter_context(HomeLock(home.lock))
        lock.take(command)
        database = await asyncio.to_thread(open_database, home)
        stack.callback(database.close)
        gateway = await stack.enter_async_context(open_gateway(loaded, home, database, watch=True))
        keys = StoredKeys(database)
        plane = PlaneParts(
            version=inhouse.__version__,
            chat=cached_chat(settings, gateway),
            embedder=gateway.dispatch,
            accounts=gateway.journal,
            catalogue=gateway.catalogue,
            gate=open_gate(settings, keys),
            models=gateway.models,
            stopping=stopping,
            clock=time.time,
            new_id=new_ids(),
            express=express_of(settings, gateway),
        )
        follower = asyncio.create_task(_follow(keys, gateway.chat))
        stack.push_async_callback(_end, follower)
        role = GatewayRole(
            plane=plane,
            max_body_bytes=settings.server.max_body_mb * 1_000_000,
            allowed_hosts=settings.server.allowed_hosts,
            doors=doors_of(settings),
            repeats=repeats_of(settings),
            checks=lambda: _checks(gateway),
        )
        yield OpenGateway(role, keys, lock, command)


async def _follow(keys: StoredKeys, rollouts: Rollouts) -> None:
    """Take over what commands beside this process wrote: keys and roll-outs.

    They write to the database themselves, as this role has no `/app` where they could ask for it.
    """
    said = ""
    while True:
        await asyncio.sleep(FOLLOW_S)
        try:
            if await asyncio.to_thread(keys.refresh):
                log.info("keys_read_again", keys=len(keys.all()))
            await asyncio.to_thread(rollouts.refresh)
            said = ""
        except (HomeUnusable, sqlite3.Error) as error:
            if str(error) != said:
                said = str(error)
                log.error("changes_not_read", problem=said)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _checks(gateway: Gateway) -> Mapping[str, Check]:
    up = [each.name for each in gateway.board.fleet.engines if each.state == "up"]
    if up:
        return {"engines": Check("ok", required=False, message=f"{', '.join(up)} up")}
    hint = "start one, then `inhouse models ls`"
    return {"engines": Check("warn", required=False, message="no engine is up", hint=hint)}
