"""Uploads and jobs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from inhouse.serve.app import build_app
from inhouse.serve.parts import Limits
from tests.serve.client import Reply, call
from tests.serve.fakes import FakeHouse


async def upload(house: FakeHouse, target: str = "/app/uploads?name=a/b.txt", **more: object) -> Reply:
    app = build_app(house.parts, stopping=asyncio.Event())
    return await call(app, "POST", target, **more)  # type: ignore[arg-type]


async def test_a_body_is_streamed_to_the_ingest() -> None:
    """Pieces arrive as one file, larger than the cap of other bodies; the job can be followed."""
    house = FakeHouse(limits=Limits(max_body_bytes=10, max_file_bytes=1000))
    app = build_app(house.parts, stopping=asyncio.Event())
    reply = await call(app, "POST", "/app/uploads?name=a/b.txt", pieces=[b"x" * 300, b"", b"y" * 300])
    assert reply.status == 202
    assert house.ingest.uploads == {"a/b.txt": b"x" * 300 + b"y" * 300}
    job = f"/app/jobs/{reply.json()['job_id']}"
    assert (await call(app, "GET", "/app/state")).json()["ingest"][0]["state"] == "running"
    assert (await call(app, "GET", job)).json()["report"] is None
    assert (await call(app, "GET", job)).json()["report"]["state"] == "done"
    (recent,) = (await call(app, "GET", "/app/state")).json()["recent_jobs"]
    assert "outcomes" not in recent
    assert (await call(app, "POST", f"{job}/cancel")).status == 202
    assert house.ingest.cancelled == [reply.json()["job_id"]]


async def test_too_large_is_said_before_and_during() -> None:
    """413 by the header, and 413 when the bytes do not keep what the header said."""
    house = FakeHouse(limits=Limits(max_file_bytes=100))
    stated = await upload(house, headers={"content-length": "101"})
    assert (stated.status, stated.code, house.ingest.failed_uploads) == (413, "too_large", 0)
    arrived = await upload(house, pieces=[b"x" * 60, b"x" * 60])
    assert (arrived.status, arrived.code, house.ingest.failed_uploads) == (413, "too_large", 1)
    assert house.ingest.uploads == {}


async def test_a_full_disk_is_507() -> None:
    """Said before the first byte is read."""
    reply = await upload(FakeHouse(free=1000), body=b"x")
    assert (reply.status, reply.code) == (507, "home_unusable")


async def test_a_broken_off_upload_is_no_document() -> None:
    """The reader gets an error instead of an early end of the file; the whole one is the control."""
    house = FakeHouse()
    leave = asyncio.Event()
    leave.set()
    assert (await upload(house, pieces=[b"half", b""], leave=leave)).status == 202
    reply = await upload(house, "/app/uploads?name=b.txt", pieces=[b"half"], cut=True, leave=leave)
    assert (reply.status, reply.code) == (400, "bad_request")
    assert (list(house.ingest.uploads), house.ingest.failed_uploads) == (["a/b.txt"], 1)


@pytest.mark.parametrize("name", ["", "../a", "x" * 2000])
async def test_wrong_names_are_refused(name: str) -> None:
    """No name, a name that leads out, a name without end."""
    reply = await upload(FakeHouse(), f"/app/uploads?name={name}", body=b"x")
    assert (reply.status, reply.code) == (400, "bad_request")


@pytest.mark.parametrize("source", ["a/b", "%20", "a%0Ab", ""])
async def test_wrong_sources_are_refused(source: str) -> None:
    """As for an ingest of paths: `SOURCE/PATH` must name one document only."""
    reply = await upload(FakeHouse(), f"/app/uploads?name=a.txt&source={source}", body=b"x")
    assert (reply.status, reply.code) == (400, "bad_request")
    assert (await upload(FakeHouse(), "/app/uploads?name=a.txt&source=a%20b", body=b"x")).status == 202


@pytest.mark.parametrize(
    "body",
    [
        {"paths": []},
        {"paths": ["relative"]},
        {"paths": ["/no/such/path"]},
        {"paths": ["/a\0b"]},
        {"paths": "/"},
        {"paths": ["/"], "source": ""},
        {"paths": ["/"], "groups": [""]},
        {"paths": ["/" + "x" * 5000]},
    ],
)
async def test_wrong_paths_are_named(body: dict[str, object]) -> None:
    """Nothing is queued unless every path exists."""
    house = FakeHouse()
    reply = await upload(house, "/app/ingest", data=body)
    assert (reply.status, reply.code, house.ingest.submitted) == (400, "bad_request", [])


async def test_paths_become_a_job(tmp_path: Path) -> None:
    """202 with the job's id."""
    house = FakeHouse()
    reply = await upload(house, "/app/ingest", data={"paths": [str(tmp_path)], "source": "docs"})
    assert (reply.status, reply.json()) == (202, {"job_id": "job-1"})
    assert house.ingest.submitted == [((tmp_path,), "docs")]
