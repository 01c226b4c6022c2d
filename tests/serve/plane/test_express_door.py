"""Behind the door, the short way keeps what the long one promises: where words go, rows, limits, ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from inhouse.gateway.edge.dispatch_express import Express
from inhouse.gateway.edge.prober import EngineSettings
from inhouse.gateway.edge.providers.http_port import HttpLimits
from inhouse.gateway.rules import RouteRule, Rules
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import RateLimited
from inhouse.serve.plane.anthropic import AnthropicSurface
from inhouse.serve.plane.openai import OpenAISurface
from inhouse.serve.plane.watch import Patience
from tests.gateway.house import PATIENT, House, house
from tests.serve.plane.house import FakeGate, Plane, open_plane
from tests.worlds.engines import FakeEngine, Fault

Form = Literal["stream", "whole", "anthropic"]
QUICK = Patience(look_s=0.02, early_s=5.0, slow_s=5.0, drain_s=0.1)
CLOUD = Rules(cloud_allowed=True)
FORMS: tuple[Form, ...] = ("stream", "whole", "anthropic")


@dataclass
class Building:
    """A door, the gateway behind it, and its two engines, the second of which is outside."""

    plane: Plane
    gateway: House
    near: FakeEngine
    far: FakeEngine
    taken: list[str]
    """Which short ways were taken."""

    async def ask(self, form: Form, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of one request."""
        reader, writer = await self.send(form, headers)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        body = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return int(head.split(b" ", 2)[1]), body

    async def send(
        self, form: Form, headers: dict[str, str] | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection over which a request went."""
        path = "/v1/messages" if form == "anthropic" else "/v1/chat/completions"
        words = {
            "model": "m",
            "max_tokens": 9,
            "messages": [{"role": "user", "content": "Where is the key?"}],
        }
        body = json.dumps(words | ({"stream": True} if form == "stream" else {})).encode()
        fields = {
            "host": "127.0.0.1",
            "connection": "close",
            "content-length": str(len(body)),
            **(headers or {}),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        reader, writer = await asyncio.open_connection("127.0.0.1", self.plane.port)
        writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        return reader, writer


@asynccontextmanager
async def building(
    home: Path,
    near: Fault,
    *,
    rules: Rules = CLOUD,
    grant: Grant | None = None,
    limits: HttpLimits = PATIENT,
    refuse: RateLimited | None = None,
) -> AsyncIterator[Building]:
    """All of it for the length of the block."""
    taken: list[str] = []

    def passes(model: str, _streamed: bool) -> bool:
        taken.append(model)
        return True

    async with FakeEngine("mlx", near).running() as inside, FakeEngine("vllm").running() as outside:
        engines = (
            EngineSettings("near", inside.url, "mlx"),
            EngineSettings("far", outside.url, "vllm", where="cloud"),
        )
        async with (
            house(home, engines, rules=rules, limits=limits) as gateway,
            open_plane(
                OpenAISurface(),
                AnthropicSurface(),
                chat=gateway.dispatch,
                express=Express(gateway.dispatch, passes),
                gate=FakeGate(grant or Grant(), refuse=refuse),
                patience=QUICK,
            ) as plane,
        ):
            yield Building(plane, gateway, inside, outside, taken)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("why", ["nothing", "header", "header twice", "force", "key", "rule", "consent"])
async def test_words_that_stay_here_never_fall_back_outside(tmp_path: Path, form: Form, why: str) -> None:
    """The engine of the house fails: the one outside hears of it only where nothing forbids that."""
    route = RouteRule("hush", key="k1", local_only=True)
    headers = {"header": {"x-inhouse-data": "local_only"}, "force": {"x-inhouse-force": "local"}}
    headers["header twice"] = {"x-inhouse-data": "any, local_only", "x-inhouse-prefer": "cloud"}
    rules = {"rule": Rules(cloud_allowed=True, routes=(route,)), "consent": Rules()}.get(why, CLOUD)
    grant = Grant(key="k1", cloud=why != "key")
    async with building(tmp_path, "500", rules=rules, grant=grant) as all_:
        status, body = await all_.ask(form, headers.get(why))
        assert all_.near.fired == 1
        wishes = why in ("force", "header twice")
        assert bool(all_.taken) != wishes or why == "header", "wishes take the long way"
        if why == "nothing":
            assert (status, len(all_.far.chats)) == (200, 1)
            assert b"28 days" in body
        else:
            assert status >= 400
            assert all_.far.chats == []
        (row,) = all_.gateway.ledger.rows()
        assert (row.outcome, row.key) == ("ok" if why == "nothing" else "failed", "k1")
        assert "key?" not in row.reason
        assert all_.plane.gate.under_way == 0


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fault", ["hang", "hang_first"])
@pytest.mark.parametrize("who", ["client", "house"])
async def test_engine_is_cut_off_when_nobody_waits(
    tmp_path: Path, form: Form, fault: Fault, who: str
) -> None:
    """The reader leaves, or the house closes: the engine notices within a second, and one row says so."""
    async with building(tmp_path, fault) as all_:
        reader, writer = await all_.send(form)
        await asyncio.wait_for(all_.near.met.wait(), 5)
        if who == "client":
            writer.transport.abort()
        else:
            all_.plane.parts.stopping.set()
        await asyncio.wait_for(all_.near.left.wait(), 1)
        if who == "house":
            assert b"stopped" in await asyncio.wait_for(reader.read(), 5)
            writer.close()
        assert all_.taken
        (row,) = all_.gateway.ledger.rows()
        assert (row.outcome, row.engine, row.estimated) == ("cancelled", "near", True)
        assert all_.plane.gate.under_way == 0
        assert all_.gateway.dispatch.in_flight() == {}
        assert all_.far.chats == []


@pytest.mark.parametrize("form", FORMS)
async def test_one_request_too_many_reaches_no_engine(tmp_path: Path, form: Form) -> None:
    """It is refused in the vendor's words, leaves its row, and nothing is counted as under way."""
    refuse = RateLimited("The house may use 1 request per minute", retry_after_s=7.0)
    async with building(tmp_path, "none", refuse=refuse) as all_:
        status, _body = await all_.ask(form)
        assert status == 429
        assert all_.taken
        assert all_.near.chats == []
        assert all_.plane.row.code == "rate_limited"
        assert all_.plane.row.requested == "m"
        assert all_.gateway.ledger.rows() == ()
        assert all_.plane.gate.under_way == 0
