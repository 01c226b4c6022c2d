"""Removal of many, the trash and certificates over HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from inhouse.kernel.caller import Caller
from inhouse.serve.app import build_app
from inhouse.serve.parts import Parts
from tests.serve.client import Reply, call
from tests.serve.fake_trash import FakeTrash
from tests.serve.fakes import FakeHouse


async def ask(parts: Parts, method: str, target: str, **more: Any) -> Reply:  # Any: what `call` takes
    return await call(build_app(parts, stopping=asyncio.Event()), method, target, **more)


@pytest.fixture
def trash() -> FakeTrash:
    return FakeTrash()


@pytest.fixture
def parts(trash: FakeTrash) -> Parts:
    return replace(FakeHouse().parts, trash=trash)


async def test_documents_are_removed_by_id_or_by_source(parts: Parts, trash: FakeTrash) -> None:
    """What became of them is told; naming nothing is an error."""
    reply = await ask(parts, "POST", "/app/documents/remove", data={"document_ids": ["x", "y"]})
    assert reply.json() == {"removed": 0, "trashed": 2, "final_at": 7.0}
    source = parts.library.get(Caller(), "d1").source
    await ask(parts, "POST", "/app/documents/remove", data={"source": source, "now": True})
    assert trash.asked[0] == ("local", (("x", "y"), False))
    assert trash.asked[1] == ("local", (("d1",), True))
    assert (await ask(parts, "POST", "/app/documents/remove", data={})).code == "bad_request"


async def test_the_trash_is_listed_restored_and_emptied(parts: Parts, trash: FakeTrash) -> None:
    """By names, by source, or all of it."""
    shown = (await ask(parts, "GET", "/app/admin/trash?source=hr")).json()
    assert shown["documents"][0]["final_at"] == 2.0
    assert (await ask(parts, "POST", "/app/admin/trash/restore", data={"names": ["a.md"]})).json() == {
        "documents": 1
    }
    assert (await ask(parts, "POST", "/app/admin/trash/empty", data={"source": "hr"})).json() == {
        "documents": 2
    }
    assert trash.asked == [("trashed", "hr"), ("restore", (("a.md",), None)), ("empty", ((), "hr"))]


async def test_certificates_say_whether_all_was_verified(parts: Parts) -> None:
    """One thing that could not be verified, and it is not."""
    reply = await ask(parts, "POST", "/app/admin/erasures", data={"document_ids": ["id-1"]})
    assert (reply.json()["verified"], reply.json()["documents"][0]["answers"]) == (False, 3)
    listed = (await ask(parts, "GET", "/app/admin/erasures")).json()
    assert listed["certificates"] == [reply.json()]
    assert (await ask(parts, "POST", "/app/admin/erasures", data={"document_ids": []})).status == 400


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/app/admin/trash"),
        ("POST", "/app/admin/trash/restore"),
        ("POST", "/app/admin/trash/empty"),
        ("POST", "/app/admin/erasures"),
        ("GET", "/app/admin/erasures"),
    ],
)
async def test_only_administrators_reach_the_trash(
    parts: Parts, trash: FakeTrash, method: str, target: str
) -> None:
    """A 403 before anything is looked at."""
    data = {"document_ids": ["id-1"]} if target.endswith("erasures") else {}
    reply = await ask(parts, method, target, headers={"x-inhouse-user": "eve"}, data=data)
    assert (reply.status, trash.asked) == (403, [])


async def test_another_writer_has_the_home(parts: Parts) -> None:
    """The trash can be looked into, and nothing changed."""
    reading = replace(parts, ingest=None)
    assert (await ask(reading, "GET", "/app/admin/trash")).status == 200
    assert (
        await ask(reading, "POST", "/app/documents/remove", data={"document_ids": ["x"]})
    ).code == "home_busy"
