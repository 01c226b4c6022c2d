"""What people may do besides reading: uploads, removals, jobs and the ledger."""

from __future__ import annotations

import asyncio
import unicodedata

import pytest

from inhouse.kernel.caller import Caller
from inhouse.serve.access_rights import UPLOADS, place_of_upload
from inhouse.serve.app import build_app
from tests.serve.client import Reply, call
from tests.serve.fakes import FakeHouse


async def ask(house: FakeHouse, user: str, method: str, target: str, body: bytes = b"") -> Reply:
    """One request in somebody's name, "" for none."""
    app = build_app(house.parts, stopping=asyncio.Event())
    return await call(app, method, target, headers={"x-inhouse-user": user} if user else {}, body=body)


def peopled() -> FakeHouse:
    """Anna in hr, Olga in admins."""
    house = FakeHouse()
    house.people.add_user("anna", name="", level=1, groups=["hr"])
    house.people.add_user("olga", name="", level=0, groups=["admins"])
    return house


async def test_uploads_of_people_lie_apart() -> None:
    """Each in a folder of their own, so that nobody replaces a document; administrators where they say."""
    house = peopled()
    for user in ("anna", "stranger", "a/b", "..", "~2e2e", "*", "olga", ""):
        assert (await ask(house, user, "POST", "/app/uploads?name=a.md", b"x")).status == 202
    assert sorted(house.ingest.uploads) == [
        "a.md",
        "anna/a.md",
        "stranger/a.md",
        "~2a/a.md",
        "~2e2e/a.md",
        "~612f62/a.md",
        "~7e32653265/a.md",
    ]
    for user, status in (("anna", 403), ("olga", 202), ("", 202)):
        reply = await ask(house, user, "POST", "/app/uploads?name=a.md&source=handbook", b"x")
        assert reply.status == status


def test_names_that_look_alike_are_two_folders() -> None:
    """A letter made of two signs is not the letter: rules for paths hold them for equal."""
    one, other = (Caller(unicodedata.normalize(form, "jos\u00e9")) for form in ("NFC", "NFD"))
    folders = {place_of_upload(caller, UPLOADS, "a.md") for caller in (one, other)}
    assert len({unicodedata.normalize("NFC", folder) for folder in folders}) == 2


@pytest.mark.parametrize(
    ("user", "groups", "status"),
    [
        ("anna", ["hr"], 202),
        ("anna", ["hr:1", "everyone"], 202),
        ("anna", ["hr:2"], 403),
        ("anna", ["board"], 403),
        ("anna", ["hr", "board"], 403),
        ("stranger", ["everyone"], 202),
        ("stranger", ["hr"], 403),
        ("olga", ["board"], 202),
        ("", ["board:3"], 202),
        ("", ["nobody"], 400),
        ("", ["a,b"], 400),
    ],
)
async def test_readers_of_an_upload(user: str, groups: list[str], status: int) -> None:
    """Groups of one's own; kept before the file is queued; nothing is kept when it is refused."""
    house = peopled()
    chosen = "".join(f"&group={group}" for group in groups)
    parts = house.parts
    app = build_app(parts, stopping=asyncio.Event())
    headers = {"x-inhouse-user": user} if user else {}
    reply = await call(app, "POST", f"/app/uploads?name=a.md{chosen}", headers=headers, body=b"x")
    assert reply.status == status
    assert bool(house.ingest.uploads) is (status == 202)
    done = parts.access.done  # type: ignore[union-attr]  # the fake
    assert len(done) == (status == 202)
    if done:
        assert done[0][2:-1] == tuple(sorted(groups))


async def test_removal_of_what_others_put_there() -> None:
    """A reader is no owner: 403, and the document stays; administrators may."""
    house = peopled()
    assert (await ask(house, "anna", "DELETE", "/app/documents/d1")).status == 403
    assert "d1" in house.library.records
    assert (await ask(house, "olga", "DELETE", "/app/documents/d1")).status == 204


async def test_jobs_are_shown_to_who_started_them() -> None:
    """A job names files: to others it is not there, neither by its id nor in the state of the house."""
    house = peopled()
    app = build_app(house.parts, stopping=asyncio.Event())

    async def get(user: str, target: str) -> Reply:
        return await call(app, "GET", target, headers={"x-inhouse-user": user})

    sent = await call(app, "POST", "/app/uploads?name=a.md", headers={"x-inhouse-user": "anna"}, body=b"x")
    job = f"/app/jobs/{sent.json()['job_id']}"
    assert [len((await get(user, "/app/state")).json()["ingest"]) for user in ("anna", "bob", "olga")] == [
        1,
        0,
        1,
    ]
    assert [(await get(user, job)).status for user in ("bob", "anna", "olga")] == [404, 200, 200]
    await get("anna", job)
    state = {user: (await get(user, "/app/state")).json()["recent_jobs"] for user in ("anna", "bob")}
    assert (len(state["anna"]), len(state["bob"])) == (1, 0)


async def test_the_ledger_is_ones_own() -> None:
    """Rows of other people are neither listed nor found by their id; administrators see all."""
    house = peopled()
    assert (await ask(house, "anna", "GET", "/app/usage/r1")).status == 404
    assert (await ask(house, "olga", "GET", "/app/usage/r1")).status == 200
    assert (await ask(house, "", "GET", "/app/usage/r1")).status == 200


async def test_who_left_is_let_in_nowhere() -> None:
    """403 with words, also where no route asks who comes."""
    house = peopled()
    house.people.leave("anna", chats="keep")
    for target in ("/app/state", "/app/chats", "/app/llm/health", "/app/search?q=a"):
        reply = await ask(house, "anna", "GET", target)
        assert (reply.status, reply.code) == (403, "forbidden")
