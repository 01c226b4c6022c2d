"""`/app/models`: what fits, what is loaded, and how a download is told."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from inhouse.gateway.fit import Machine
from inhouse.serve.app import build_app
from tests.serve.client import Reply, call
from tests.serve.fakes import FakeHouse

GB = 10**9
OFFICE = Machine(16 * GB, 32 * GB, 100 * GB)
LAPTOP = Machine(4 * GB, 8 * GB, 100 * GB)
FULL = Machine(64 * GB, 64 * GB, GB)


async def ask(method: str, target: str, machine: Machine | None = OFFICE, body: object = None) -> Reply:
    """A reply of a house whose machine is that one."""
    parts = replace(FakeHouse().parts, machine=(lambda: machine) if machine is not None else None)
    app = build_app(parts, stopping=asyncio.Event())
    return await call(app, method, target, body=b"" if body is None else json.dumps(body).encode())


@pytest.mark.parametrize(("machine", "word"), [(OFFICE, "fits"), (LAPTOP, "does not fit")])
async def test_what_fits_is_said_when_asked(machine: Machine, word: str) -> None:
    """Each model of a local engine has a verdict with numbers, and the machine is described."""
    document = json.loads((await ask("GET", "/app/models?fit=1", machine)).body)
    (model,) = document["engines"][0]["models"]
    assert (model["fit"]["word"], document["machine"]["ram_total_bytes"]) == (word, machine.ram_total_bytes)
    assert "5.3 GB" in model["fit"]["reason"]
    plain = json.loads((await ask("GET", "/app/models", machine)).body)
    assert (plain["engines"][0]["models"][0]["fit"], plain["machine"]) == (None, None)


async def test_loaded_models_and_hits() -> None:
    """Only what is in memory, and how often it was needed."""
    document = json.loads((await ask("GET", "/app/models/loaded")).body)
    assert [model["name"] for model in document["engines"][0]["models"]] == ["qwen2.5:7b"]
    assert document["hits"] == {"asked": 4, "warm": 3, "rate": 0.75}


def events(reply: Reply) -> list[tuple[str, dict[str, object]]]:
    """Names and data of a stream of events."""
    blocks = reply.body.decode().strip().split("\n\n")
    pairs = (dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks)
    return [(each["event"], json.loads(each["data"])) for each in pairs]


async def test_a_download_is_told_from_verdict_to_end() -> None:
    """First whether it fits, then how far it is, at last that it is there."""
    told = events(await ask("POST", "/app/models/pull", body={"model": "qwen2.5:7b"}))
    assert [name for name, _ in told] == ["fit", "progress", "progress", "done"]
    assert told[0][1]["word"] == "fits"
    assert told[1][1] == {"status": "pulling", "done_bytes": 1, "total_bytes": 2, "digest": ""}
    assert told[-1][1] == {"model": "qwen2.5:7b"}


@pytest.mark.parametrize(("machine", "reason"), [(LAPTOP, "free memory"), (FULL, "more disk")])
async def test_what_does_not_fit_is_not_downloaded_unasked(machine: Machine, reason: str) -> None:
    """Refused with the figures and the way out before anything is fetched; `force` fetches it."""
    told = events(await ask("POST", "/app/models/pull", machine, {"model": "qwen2.5:7b"}))
    assert [name for name, _ in told] == ["fit", "error"]
    assert reason in str(told[1][1]["message"])
    assert "--force" in str(told[1][1]["hint"])
    forced = await ask("POST", "/app/models/pull", machine, {"model": "qwen2.5:7b", "force": True})
    assert events(forced)[-1][0] == "done"


async def test_a_model_is_removed_or_the_refusal_passed_on() -> None:
    """The store's own word is the answer."""
    assert json.loads((await ask("DELETE", "/app/models?model=qwen2.5:7b")).body) == {"model": "qwen2.5:7b"}
    assert (await ask("DELETE", "/app/models?model=other")).status == 502
