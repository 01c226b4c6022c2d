"""`inhouse acl check` in a whole house: nothing leaks, a leak is found, and nothing of it stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from inhouse import compose
from inhouse.cli.acl_check import PREFIX, check_access
from inhouse.cli.client import HouseClient
from inhouse.cli.transport import InProcess
from inhouse.config import load, open_home
from inhouse.kernel.caller import Caller
from inhouse.knowledge.edge import library
from inhouse.serve.app import build_app
from inhouse.serve.parts import Parts

pytestmark = pytest.mark.slow


@asynccontextmanager
async def house(tmp_path: Path) -> AsyncIterator[tuple[HouseClient, Parts]]:
    """A home with one document for everyone."""
    papers = tmp_path / "papers"
    papers.mkdir(exist_ok=True)
    (papers / "welcome.md").write_text("# Welcome\n\nThe tally of the canary is open to all.\n", "utf-8")
    environment = {"INHOUSE_ENGINES_PROBE_LOCAL_PORTS": "false", "INHOUSE_ENGINES_EMBEDDED": "off"}
    home = open_home(tmp_path / "home")
    loaded = load(home.root, environment=environment, folder=tmp_path)
    compose.start_logging(loaded, None, serving=False)
    async with compose.open_house(loaded, home, command="test", writer=True) as opened:
        assert opened.parts.ingest is not None
        await asyncio.to_thread(opened.parts.ingest.run, [papers])
        app = build_app(opened.parts, stopping=asyncio.Event())
        yield HouseClient(InProcess(app)), opened.parts


async def left_over(client: HouseClient, parts: Parts) -> list[str]:
    """Names of a check that are still there."""
    assert parts.sources is not None
    names = [one.source.name for one in parts.sources.all()]
    names += [one.user for one in (await client.users()).users]
    names += [one.group for one in (await client.groups()).groups]
    everything = Caller("all", frozenset({"everyone", *(name for name in names)}))
    names += [one.source for one in parts.library.list(everything).documents]
    return [name for name in names if name.startswith(PREFIX)]


async def test_nothing_leaks_and_nothing_stays(tmp_path: Path) -> None:
    """No finding, many positive controls, and a house that is as it was before."""
    async with house(tmp_path) as (client, parts):
        before = (parts.library.counts(Caller()).total, parts.chats.list(Caller()))
        report = await check_access(client)
        assert report.findings == ()
        assert report.tried > 400
        assert report.found > 30
        assert await left_over(client, parts) == []
        assert (parts.library.counts(Caller()).total, parts.chats.list(Caller())) == before
        print(f"{report.tried} requests, {report.found} found by who may")


async def test_a_leak_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with a list of documents that forgets to ask who reads, the roads are named."""

    def forgetful(caller: Caller, readers: frozenset[str]) -> bool:
        return True

    async with house(tmp_path) as (client, parts):
        monkeypatch.setattr(library, "may_read", forgetful)
        report = await check_access(client)
        leaks = {one.road for one in report.findings if one.what == "leaked"}
        assert {"documents ls", "documents show", "original"} <= leaks
        assert any("changed" in one.what for one in report.findings)
        assert await left_over(client, parts) == []


async def test_what_a_killed_check_left_goes_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check that ends without its clean-up leaves documents that nobody finds; the next removes them."""

    async def nothing(_client: HouseClient) -> None:
        return

    async def killed(*_given: object, may: bool) -> None:
        raise SystemExit(9)

    async with house(tmp_path) as (client, parts):
        with monkeypatch.context() as patch:
            patch.setattr("inhouse.cli.acl_check.clean", nothing)
            patch.setattr("inhouse.cli.acl_check._Check.history", killed)
            with pytest.raises(SystemExit):
                await check_access(client)
        assert await left_over(client, parts) != []
        assert parts.library.counts(Caller()).total == 1
        assert (await check_access(client)).findings == ()
        assert await left_over(client, parts) == []
