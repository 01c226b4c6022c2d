"""Commands beside a real `serve --role gateway`, which has no /app to ask."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.house import run_real
from tests.worlds.engines import FakeEngine

pytestmark = pytest.mark.slow

BODY = {"model": "m", "messages": [{"role": "user", "content": "How long is leave?"}]}
NOTICED_S = 10.0
"""Far more than the second that it takes, for machines that are busy."""


async def run(environment: Mapping[str, str], *words: str) -> tuple[int, str, str]:
    """One command beside the gateway's process: exit code, stdout, stderr."""
    done = await asyncio.to_thread(run_real, environment, *words)
    return done.exit_code, done.stdout, done.stderr


async def read(environment: Mapping[str, str], *words: str) -> Any:
    """The JSON document that a command prints."""
    code, out, error = await run(environment, *words, "--json")
    assert code == 0, error
    return json.loads(out)


@asynccontextmanager
async def gateway(tmp_path: Path, engine: FakeEngine) -> AsyncIterator[tuple[str, dict[str, str]]]:
    """A gateway alone over one engine: its address, and the environment of its home."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "INHOUSE_HOME": str(tmp_path / "home"),
        "INHOUSE_ENGINES_EMBEDDED": "off",
        "INHOUSE_ENGINES_PROBE_LOCAL_PORTS": "false",
        "INHOUSE_SERVER_OLLAMA_PORT": "0",
        "OLLAMA_URL": engine.url,
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "inhouse", "serve", "--role", "gateway", "--port", "0",
        env=environment, cwd=tmp_path, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert child.stdout is not None
        line = (await asyncio.wait_for(child.stdout.readline(), 30)).decode()
        yield line.strip().removeprefix("inhouse is ready: "), environment
        child.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(child.wait(), 20) == 0
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def chat(address: str, secret: str) -> int:
    """The status of one chat with that key."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {secret}"}
    body = json.dumps(BODY).encode()
    request = urllib.request.Request(f"{address}/v1/chat/completions", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


async def comes(address: str, secret: str, status: int) -> bool:
    """True when a chat ends so within the time that a change may take."""
    end = time.monotonic() + NOTICED_S
    while await asyncio.to_thread(chat, address, secret) != status:
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.05)
    return True


async def test_keys_work_beside_a_gateway_alone(tmp_path: Path) -> None:
    """A key made by a command works, and a rotated and a revoked one is refused, without a restart."""
    async with FakeEngine("ollama").running() as engine, gateway(tmp_path, engine) as (address, home):
        first = (await read(home, "keys", "add", "--name", "ci"))["secret"]
        assert await comes(address, first, 200)
        second = (await read(home, "keys", "rotate", "ci"))["secret"]
        assert await comes(address, second, 200)
        assert await comes(address, first, 401)
        assert (await run(home, "keys", "revoke", "ci"))[0] == 0
        assert await comes(address, second, 401)
        states = [each["state"] for each in (await read(home, "keys", "ls"))["keys"]]
        assert states == ["was revoked", "was revoked"]


async def test_every_reading_command_works_beside_a_gateway_alone(tmp_path: Path) -> None:
    """Usage holds what the gateway did; models, route, savings and roll-outs are read from the home."""
    async with FakeEngine("ollama").running() as engine, gateway(tmp_path, engine) as (address, home):
        assert await comes(address, "", 200)
        used = await read(home, "usage")
        assert used["totals"][0]["requests"] == 1
        assert "m" in (await run(home, "models", "ls"))[1]
        assert (await read(home, "route", "explain", "--model", "m"))["attempts"]
        for words in (("savings",), ("rollout", "status"), ("documents", "ls"), ("search", "leave")):
            code, _out, error = await run(home, *words)
            assert code == 0, (words, error)


async def test_a_rollout_begins_beside_a_gateway_alone(tmp_path: Path) -> None:
    """The gateway asks the other model soon after the command; documents cannot be taken in meanwhile."""
    models = ("m", "new")
    async with (
        FakeEngine("ollama", models=models).running() as engine,
        gateway(tmp_path, engine) as (address, home),
    ):
        code, _out, error = await run(
            home, "rollout", "start", "m", "--candidate", "new", "--stage", "50", "--manual"
        )
        assert code == 0, error
        code, _out, error = await run(home, "rollout", "promote", "m")
        assert code == 0, error
        end = time.monotonic() + NOTICED_S
        while engine.chats[-1:] == [] or engine.chats[-1]["model"] != "new":
            assert time.monotonic() < end
            await asyncio.to_thread(chat, address, "")
        (tmp_path / "docs").mkdir()
        (tmp_path / "docs" / "a.md").write_text("# Leave", "utf-8")
        code, _out, error = await run(home, "ingest", str(tmp_path / "docs"))
        assert code == 3, error
        assert "--role gateway" in error
