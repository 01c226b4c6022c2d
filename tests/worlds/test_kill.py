"""P01: a server killed in the middle of a chat; its request is found at the next start, and was not paid."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from inhouse.client import LLMService
from inhouse.gateway.edge.journal import Closed, Opened, read_records
from tests.worlds.engines import FakeEngine

pytestmark = pytest.mark.slow

READY = b"inhouse is ready: "


def environment(home: Path, engine: FakeEngine) -> dict[str, str]:
    """A home of its own that knows this one engine."""
    return {
        "PATH": os.environ["PATH"],
        "INHOUSE_HOME": str(home),
        "INHOUSE_ENGINES_PROBE_LOCAL_PORTS": "false",
        "INHOUSE_ENGINES_EMBEDDED": "off",
        "OLLAMA_URL": engine.url,
    }


@asynccontextmanager
async def server(home: Path, engine: FakeEngine) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A real server in a process of its own, and where it answers."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "inhouse",
        "up",
        "--port",
        "0",
        env=environment(home, engine),
        cwd=home.parent,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    try:
        address = ""
        while not address:
            line = await asyncio.wait_for(child.stdout.readline(), 60)
            assert line, "the server ended before it was ready"
            address = line.removeprefix(READY).decode().strip() if line.startswith(READY) else ""
        yield child, address
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
        await asyncio.wait_for(child.wait(), 30)


def usage(home: Path, engine: FakeEngine) -> list[dict[str, object]]:
    """The rows of the ledger, as the next process finds them."""
    command = [sys.executable, "-m", "inhouse", "usage", "--json"]
    done = subprocess.run(
        command, env=environment(home, engine), cwd=home.parent, capture_output=True, check=True, timeout=60
    )
    rows: list[dict[str, object]] = json.loads(done.stdout)["rows"]
    return [row for row in rows if row["task"] == "chat"]


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "control"])
async def test_kill_9_in_a_chat(tmp_path: Path, killed: bool) -> None:
    """Killed with two words out: one row `interrupted` at the next start. The control ends and is `ok`."""
    home = tmp_path / "home"
    async with FakeEngine("ollama", "stall" if killed else "none").running() as engine:
        async with server(home, engine) as (child, address):
            words = LLMService(address, user="anna").chat_stream("How long is leave?")
            heard = [await anext(words), await anext(words)]
            assert heard == ["Leave ", "is "]
            assert engine.met.is_set()
            if killed:
                child.kill()
                assert await child.wait() == -signal.SIGKILL
                (path,) = (home / "state" / "journal").glob("*.journal")
                records = read_records(path).records
                chats = [each for each in records if isinstance(each, Opened) and each.task == "chat"]
                assert len(chats) == 1
                # Whoever writes only how requests ended has nothing of this one.
                ends = [each.entry for each in records if isinstance(each, Closed)]
                assert chats[0].entry not in ends
            else:
                assert [word async for word in words] == ["28 days."]
            await words.aclose()
        (row,) = await asyncio.to_thread(usage, home, engine)
        assert (row["user"], row["outcome"]) == ("anna", "interrupted" if killed else "ok")
        assert row["code"] == ("interrupted" if killed else None)
        assert row["cost_micros"] is None or not killed
        assert engine.fired == (1 if killed else 0)
