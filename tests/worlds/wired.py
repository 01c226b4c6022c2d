"""A whole house over one fake engine, with its real keys, limits, wire surfaces and log file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from inhouse import compose
from inhouse.config import Home, load, open_home
from inhouse.gateway.ports import LedgerRow
from inhouse.serve.app import build_app
from inhouse.serve.keys import NewKey, new_key
from inhouse.serve.middleware import Door
from inhouse.serve.parts import Parts
from tests.worlds.engines import FakeEngine


@dataclass(frozen=True)
class Wired:
    """The open house and its door."""

    door: Door
    parts: Parts
    home: Home

    def key(self, name: str = "ci", **wanted: object) -> str:
        """The secret of a new key."""
        assert self.parts.keys is not None
        secret, key = new_key(NewKey.model_validate({"name": name, **wanted}), self.parts.clock())
        self.parts.keys.add(key)
        return secret

    async def rows(self) -> tuple[LedgerRow, ...]:
        """The ledger, newest first."""
        return await asyncio.to_thread(self.parts.ledger.rows, limit=1000)


@asynccontextmanager
async def wired(tmp_path: Path, engine: FakeEngine, **more: str) -> AsyncIterator[Wired]:
    """The house for the length of the block; `more` are settings as environment variables."""
    environment = {
        "INHOUSE_ENGINES_PROBE_LOCAL_PORTS": "false",
        "INHOUSE_ENGINES_EMBEDDED": "off",
        "INHOUSE_LOGS_LEVEL": "debug",
        "OLLAMA_URL": engine.url,
    }
    home = open_home(tmp_path / "home")
    loaded = load(home.root, environment=environment | more, folder=tmp_path)
    compose.start_logging(loaded, home, serving=True)
    async with compose.open_house(loaded, home, command="test", writer=True) as opened:
        await opened.parts.fleet.refresh()
        yield Wired(build_app(opened.parts, stopping=asyncio.Event()), opened.parts, home)
