"""`/app/admin/sources`: where documents come from, for administrators only."""

from __future__ import annotations

import asyncio

import pytest

from inhouse.serve.app import build_app
from tests.serve.client import Reply, call
from tests.serve.fakes import FakeHouse

NEW = {"name": "docs", "kind": "folder", "address": "/srv/docs", "groups": ["staff", "hr:2"]}


async def ask(house: FakeHouse, method: str, target: str, data: object = None, *, user: str = "") -> Reply:
    app = build_app(house.parts, stopping=asyncio.Event())
    headers = {"x-inhouse-user": user} if user else {}
    return await call(app, method, f"/app/admin/sources{target}", headers=headers, data=data)


async def test_a_source_is_added_and_shown() -> None:
    """With its groups, its rules and where they were written, and the pause in words."""
    house = FakeHouse()
    rules = {"name": "who.csv", "text": "path,groups\nhr,hr\n"}
    made = await ask(house, "POST", "", {**NEW, "rules": rules, "every": "15m"})
    assert made.status == 201
    shown = (await ask(house, "GET", "/docs")).json()
    assert shown == made.json()
    assert (shown["groups"], shown["every"], shown["owner"]) == (["hr:2", "staff"], "15m", "local")
    assert shown["rules"] == [{"where": "hr", "groups": ["hr"], "origin": "who.csv, line 2"}]
    assert [one["name"] for one in (await ask(house, "GET", "")).json()["sources"]] == ["docs"]


async def test_looked_at_paused_changed_and_removed() -> None:
    """Each deed answers with the source as it is then."""
    house = FakeHouse()
    await ask(house, "POST", "", NEW)
    looked = await ask(house, "POST", "/docs/run")
    assert (looked.status, looked.json()["last"]["added"]) == (202, 3)
    assert (await ask(house, "POST", "/docs/pause")).json()["state"] == "paused"
    assert (await ask(house, "POST", "/docs/resume")).json()["state"] == "resting"
    changed = (await ask(house, "PATCH", "/docs", {"groups": ["hr"], "every": "never"})).json()
    assert (changed["groups"], changed["every"], changed["address"]) == (["hr"], "never", "/srv/docs")
    gone = await ask(house, "DELETE", "/docs?now=1")
    assert gone.json() == {"documents": 3, "final": True}
    assert house.sources.removed == [("docs", True)]


async def test_rules_are_dropped_only_when_that_is_said() -> None:
    """A change that does not speak of rules leaves them."""
    house = FakeHouse()
    await ask(house, "POST", "", {**NEW, "rules": {"name": "who.csv", "text": "path,groups\nhr,hr\n"}})
    assert len((await ask(house, "PATCH", "/docs", {"owner": "ann"})).json()["rules"]) == 1
    assert (await ask(house, "PATCH", "/docs", {"drop_rules": True})).json()["rules"] == []


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({**NEW, "groups": []}, 400),
        ({**NEW, "kind": "ftp"}, 400),
        ({**NEW, "groups": ["a,b"]}, 400),
        ({**NEW, "every": "1s"}, 400),
        ({**NEW, "rules": {"name": "who.csv", "text": "nonsense"}}, 400),
        ({**NEW, "options": {"no_such": "1"}}, 400),
        ({**NEW, "unknown": 1}, 400),
    ],
)
async def test_what_is_refused(data: object, status: int) -> None:
    """Nobody to read it, no such kind, no group, no pause, no rules, no option."""
    house = FakeHouse()
    assert (await ask(house, "POST", "", data)).status == status
    assert house.sources.kept == {}


async def test_a_secret_is_refused_and_not_repeated() -> None:
    """A password in the body is an error that does not hold it."""
    wanted = {
        **NEW,
        "kind": "imap",
        "address": "imaps://mail.example.com",
        "options": {"password": "hunter2"},
    }
    refused = await ask(FakeHouse(), "POST", "", wanted)
    assert refused.status == 400
    assert b"hunter2" not in refused.body


async def test_only_administrators_come_here() -> None:
    """Every route: 403 for others, before anything is looked up, and an answer for a member of `admins`."""
    house = FakeHouse()
    await ask(house, "POST", "", NEW)
    house.people.add_user("anna", name="", level=9, groups=["staff"])
    house.people.add_user("olga", name="", level=0, groups=["admins"])
    asked = [("GET", ""), ("POST", ""), ("GET", "/docs"), ("PATCH", "/docs"), ("DELETE", "/docs")]
    asked += [("POST", f"/docs/{deed}") for deed in ("run", "pause", "resume")]
    bodies = {("POST", ""): {**NEW, "name": "other"}, ("PATCH", "/docs"): {"owner": "x"}}
    for method, target in asked:
        reply = await ask(house, method, target, bodies.get((method, target)), user="anna")
        assert (reply.status, reply.code) == (403, "forbidden")
    assert (list(house.sources.kept), house.sources.removed) == (["docs"], [])
    assert (await ask(house, "GET", "/docs", user="olga")).status == 200
