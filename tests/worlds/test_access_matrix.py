"""Every route of `/app` as everybody: who may use it, and that what is somebody else's is not there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from inhouse import compose
from inhouse.config import load, open_home
from inhouse.kernel.caller import Caller
from inhouse.serve.app import build_api, build_app
from inhouse.serve.parts import Parts
from inhouse.serve.wire import App
from tests.serve.client import Reply, call
from tests.serve.fakes import FakeHouse

pytestmark = pytest.mark.slow

Who = Literal["nobody", "stranger", "boris", "vera", "olga", "anna"]
NON_ADMINS: tuple[Who, ...] = ("stranger", "boris", "anna")
ADMINS: tuple[Who, ...] = ("nobody", "olga")
"""`nobody` gives no name; Olga is in `admins`. Vera has left; Anna is in hr; Boris is on record only."""

ADMIN = {
    *("GET /app/config", "POST /app/ingest", "POST /app/usage/reprice"),
    *("POST /app/models/pull", "DELETE /app/models"),
    *("POST /app/rollouts", "POST /app/rollouts/promote", "POST /app/rollouts/rollback"),
}
"""Routes for administrators beside those below `/app/admin/`."""

OWN: dict[str, tuple[str, object]] = {
    "GET /app/documents/{document_id}": ("/app/documents/DOC", None),
    "DELETE /app/documents/{document_id}": ("/app/documents/DOC", None),
    "GET /app/documents/{document_id}/layout": ("/app/documents/DOC/layout", None),
    "GET /app/documents/{document_id}/original": ("/app/documents/DOC/original", None),
    "GET /app/documents/{document_id}/pages/{page}/boxes": (
        "/app/documents/DOC/pages/1/boxes?start=0&end=5",
        None,
    ),
    "GET /app/documents/{document_id}/pages/{page}/image": ("/app/documents/DOC/pages/1/image", None),
    "GET /app/chats/{chat_id}": ("/app/chats/CHAT", None),
    "PATCH /app/chats/{chat_id}": ("/app/chats/CHAT", {"title": "mine"}),
    "DELETE /app/chats/{chat_id}": ("/app/chats/CHAT", None),
    "GET /app/chats/{chat_id}/export": ("/app/chats/CHAT/export", None),
    "POST /app/ask": ("/app/ask", {"question": "How much?", "chat_id": "CHAT"}),
}
"""What belongs to Anna: for everybody else it is not there, administrators included."""

OWN_OR_ADMIN: dict[str, tuple[str, object]] = {
    "GET /app/jobs/{job_id}": ("/app/jobs/JOB", None),
    "POST /app/jobs/{job_id}/cancel": ("/app/jobs/JOB/cancel", None),
}
"""What is Anna's and the administrators'."""

OPEN = {
    *("GET /app/chats", "GET /app/documents", "GET /app/search", "GET /app/state", "POST /app/uploads"),
    *("POST /app/compare/answer", "POST /app/compare/judge", "POST /app/compare/picks"),
    *("POST /app/llm/chat", "POST /app/llm/generate", "GET /app/llm/health", "GET /app/llm/usage"),
    *("GET /app/models", "GET /app/models/loaded", "GET /app/rollouts", "GET /app/roi"),
    *("POST /app/route/explain", "GET /app/route/outcomes", "GET /app/savings"),
    *("GET /app/usage", "GET /app/usage/{request_id}", "POST /app/documents/remove"),
    *("GET /app/search/why", "GET /app/search/legs", "GET /app/glossary"),
}
"""Routes for everybody who is here; what they give is tried by tests/worlds/test_access_roads.py."""


def routes() -> list[str]:
    """`METHOD path` of everything that the description of the API lists."""
    paths = build_api(FakeHouse().parts, stopping=asyncio.Event()).openapi()["paths"]
    return sorted(f"{method.upper()} {path}" for path, methods in paths.items() for method in methods)


def is_admin(route: str) -> bool:
    return route in ADMIN or route.split()[1].startswith("/app/admin/")


@pytest.mark.parametrize("route", routes())
def test_every_route_is_judged(route: str) -> None:
    """A route that nobody thought about when it was added is a failure here."""
    lists = (is_admin(route), route in OWN, route in OWN_OR_ADMIN, route in OPEN)
    assert sum(lists) == 1, f"say in this file who may use {route}"


@dataclass(frozen=True)
class Place:
    """An open house with a document, a chat and a job of Anna's."""

    app: App
    parts: Parts
    document_id: str
    chat_id: str
    job_id: str

    async def ask(self, who: Who, route: str, target: str = "", body: object = None) -> Reply:
        """One request in somebody's name, with the ids of Anna's things."""
        method, path = route.split()
        target = target or path.replace("{", "no-").replace("}", "")
        given = json.dumps({} if body is None else body).replace("CHAT", self.chat_id)
        for word, value in (("DOC", self.document_id), ("CHAT", self.chat_id), ("JOB", self.job_id)):
            target = target.replace(word, value)
        headers = {} if who == "nobody" else {"x-inhouse-user": who}
        return await call(self.app, method, target, headers=headers, body=given.encode())


@asynccontextmanager
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """A whole house, as it is served."""
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "pay.md").write_text("# Pay\n\nThe badger earns 900 coins.\n", "utf-8")
    environment = {"INHOUSE_ENGINES_PROBE_LOCAL_PORTS": "false", "INHOUSE_ENGINES_EMBEDDED": "off"}
    home = open_home(tmp_path / "home")
    loaded = load(home.root, environment=environment, folder=tmp_path)
    compose.start_logging(loaded, None, serving=False)
    async with compose.open_house(loaded, home, command="test", writer=True) as house:
        parts = house.parts
        assert parts.ingest is not None
        assert parts.people is not None
        for group in ("hr", "admins"):
            parts.people.add_group(group, title="")
        for user, groups in (("anna", ["hr"]), ("boris", []), ("vera", ["hr"]), ("olga", ["admins"])):
            parts.people.add_user(user, name="", level=0, groups=groups)
        await asyncio.to_thread(parts.ingest.run, [papers], readers=frozenset({"hr"}))
        anna = parts.people.caller("anna")
        document_id = parts.library.get(anna, "pay.md").document_id
        chat_id, message_id = parts.chats.begin(anna, None, "How much?")
        parts.chats.finish(anna, message_id, status="done", text="900 coins", answer_json=None)
        parts.chats.begin(parts.people.caller("vera"), None, "And I?")
        parts.people.leave("vera", chats="keep")
        app = build_app(parts, stopping=asyncio.Event())
        sent = await call(
            app, "POST", "/app/uploads?name=a.md", headers={"x-inhouse-user": "anna"}, body=b"badger"
        )
        yield Place(app, parts, document_id, chat_id, sent.json()["job_id"])


@dataclass(frozen=True)
class Expected:
    """A request and its status; None is any but 403 and 404."""

    who: Who
    route: str
    given: tuple[str, object]
    status: int | None


def expectations() -> Iterator[Expected]:
    """Every route × everybody; what Anna takes away comes last."""
    for route in routes():
        given = OWN.get(route) or OWN_OR_ADMIN.get(route) or ("", None)
        yield Expected("vera", route, given, 403)
        if is_admin(route):
            yield from (Expected(who, route, given, 403) for who in NON_ADMINS)
        elif route in OWN:
            yield from (Expected(who, route, given, 404) for who in ("nobody", "stranger", "boris", "olga"))
        elif route in OWN_OR_ADMIN:
            yield from (Expected(who, route, given, 404) for who in ("stranger", "boris"))
            yield from (Expected(who, route, given, None) for who in ("nobody", "olga", "anna"))
    # The control: Anna finds what is hers, or the 404 of the others says nothing.
    for route in sorted(OWN, key=lambda one: one.startswith("DELETE")):
        if "/pages/" not in route:  # a text has no pages
            status = 403 if route.startswith("DELETE /app/documents") else None
            yield Expected("anna", route, OWN[route], status)


async def test_the_matrix(tmp_path: Path) -> None:
    """403 for who may not or who left, 404 for what is somebody else's, and Anna finds what is hers."""
    wrong: list[str] = []
    tried = 0
    async with place(tmp_path) as here:
        for one in expectations():
            reply = await here.ask(one.who, one.route, *one.given)
            tried += 1
            good = reply.status == one.status if one.status else reply.status not in (403, 404)
            if not good or (one.status and b"badger" in reply.body):
                wrong.append(f"{one.who}: {one.route} gave {reply.status}, not {one.status or 'a way in'}")
        assert here.parts.library.get(Caller("anna", frozenset({"hr"})), "pay.md").document_id
    assert wrong == []
    print(f"{tried} requests on {len(routes())} routes")


async def test_who_may_come_in_does(tmp_path: Path) -> None:
    """The control of the 403: administrators everywhere, everybody who is here where all may."""
    async with place(tmp_path) as here:
        for route in [one for one in routes() if one.startswith("GET") and (is_admin(one) or one in OPEN)]:
            for who in ADMINS if is_admin(route) else (*NON_ADMINS, *ADMINS):
                assert (await here.ask(who, route)).status != 403, (who, route)


async def test_bulk_removal_takes_only_what_is_ones_own(tmp_path: Path) -> None:
    """A reader cannot take away what others put there; what cannot be read is not there."""
    async with place(tmp_path) as here:
        body = {"document_ids": [here.document_id]}
        for who, status in (("anna", 403), ("boris", 404), ("stranger", 404)):
            reply = await here.ask(who, "POST /app/documents/remove", "", body)  # type: ignore[arg-type]
            assert reply.status == status
        assert here.parts.library.get(here.parts.people.caller("anna"), "pay.md")  # type: ignore[union-attr]
