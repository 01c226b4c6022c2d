"""What `serve --role gateway` loads from its start on a new home over its first answer to its end."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.worlds.engines import FakeEngine

pytestmark = pytest.mark.slow

UNUSED = {
    "aiohttp",  # engines without TLS and proxy are asked by `http_lean`
    "alembic",  # a new home is made at once, and one that is up to date needs nothing
    "fastapi",
    "importlib.metadata",  # with email and zipfile: for SQLAlchemy only
    "inhouse.gateway.edge.ledger_reading",  # sums and rows are asked for by commands, in their own process
    "inhouse.knowledge.ports",
    "inhouse.ops.doctor",
    "inhouse.serve.shapes",
    "inhouse.store.alchemy",
    "jsonschema",
    "kreuzberg",
    "mako",
    "numpy",
    "pydantic",  # settings are read by msgspec; the shapes of `/app` are not served
    "pydantic_core",
    "rich.traceback",  # structlog would take it where it is installed
    "sqlalchemy",  # what a gateway asks while it serves is plain SQL
    "starlette",
    "tantivy",
    "tomllib",  # this home has no inhouse.toml
    "xllamacpp",
}
BODY = {"model": "m", "messages": [{"role": "user", "content": "How long is leave?"}]}

FOUND_S = 10.0
"""Far more than the engine takes to be found, for machines that are busy."""


async def loaded_by_gateway(folder: Path, engine: FakeEngine, *words: str) -> set[str]:
    """Every module that a gateway imports which answers one chat; `words` are more of Python's own."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "INHOUSE_HOME": str(folder / "home"),
        "INHOUSE_ENGINES_EMBEDDED": "off",
        "INHOUSE_ENGINES_PROBE_LOCAL_PORTS": "false",
        "INHOUSE_SERVER_OLLAMA_PORT": "0",
        "OLLAMA_URL": engine.url,
    }
    with (folder / "imports").open("wb") as said:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-X", "importtime", *words, "serve", "--role", "gateway", "--port", "0",
            env=environment, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=said,
        )  # fmt: skip
        try:
            assert child.stdout is not None
            line = (await asyncio.wait_for(child.stdout.readline(), 30)).decode()
            address = line.strip().removeprefix("inhouse is ready: ")
            assert await answered(address)
            child.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(child.wait(), 20) == 0
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
    return imported((folder / "imports").read_text("utf-8", "replace").splitlines())


def chat(address: str) -> int:
    """The status of one chat."""
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{address}/v1/chat/completions", json.dumps(BODY).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


async def answered(address: str) -> bool:
    """True when a chat is answered, which it is once the engine was found."""
    end = time.monotonic() + FOUND_S
    while await asyncio.to_thread(chat, address) != 200:
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.05)
    return True


def imported(lines: Sequence[str]) -> set[str]:
    """The names in the lines that `-X importtime` writes."""
    found = (re.fullmatch(r"import time: +\d+ \| +\d+ \| +(\S+)", line) for line in lines)
    return {match[1] for match in found if match}


async def test_the_gateway_alone_loads_only_what_it_needs(tmp_path: Path) -> None:
    """On a new home, through one answer of an engine near by, to its end, none of the unused comes in."""
    async with FakeEngine("ollama").running() as engine:
        loaded = await loaded_by_gateway(tmp_path, engine, "-m", "inhouse")
    assert {"msgspec", "sqlite3", "inhouse.serve.role"} <= loaded
    assert loaded & UNUSED == set()


async def test_a_budget_brings_in_nothing_heavy(tmp_path: Path) -> None:
    """With budgets, whose sums are read from the ledger at the start, the same modules stay out."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    scopes = ("house", "key", "user", "team", "model")
    blocks = [f'[[budget]]\nscope = "{each}"\nname = "*"\nperiod = "month"\nlimit = 5\n' for each in scopes]
    (home / "inhouse.toml").write_text("".join(blocks))
    async with FakeEngine("ollama").running() as engine:
        loaded = await loaded_by_gateway(tmp_path, engine, "-m", "inhouse")
    assert "tomllib" in loaded, "control: the settings were read"
    assert loaded & (UNUSED - {"tomllib"}) == set()


async def test_what_is_loaded_is_noticed(tmp_path: Path) -> None:
    """The control: the same look finds heavy modules where something brings them in."""
    code = "import sys, aiohttp, alembic, pydantic; from inhouse.cli.main import main; sys.exit(main())"
    async with FakeEngine("ollama").running() as engine:
        loaded = await loaded_by_gateway(tmp_path, engine, "-c", code)
    assert {"aiohttp", "alembic", "pydantic", "sqlalchemy"} <= loaded


async def test_what_the_start_made_is_left_alone(tmp_path: Path) -> None:
    """Once ready, the objects of the start are no longer looked through for cycles, and looks are rare."""
    code = (
        "import atexit, gc, json, sys\n"
        "from inhouse.cli.main import main\n"
        "facts = lambda: [gc.get_freeze_count(), gc.get_threshold(), gc.isenabled()]\n"
        "told = lambda: json.dump(facts(), open('cycles', 'w'))\n"
        "atexit.register(told)\n"
        "sys.exit(main())"
    )
    async with FakeEngine("ollama").running() as engine:
        await loaded_by_gateway(tmp_path, engine, "-c", code)
    frozen, threshold, looks = json.loads((tmp_path / "cycles").read_text())
    assert frozen > 50_000
    assert (threshold, looks) == ([5_000, 10, 10], True)
