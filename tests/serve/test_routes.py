"""Every route of `/app`: what it gives, and what it says to a malformed request."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inhouse.gateway.fit import Machine
from inhouse.serve.app import build_api, build_app
from inhouse.serve.middleware import Door
from tests.serve.client import Reply, call
from tests.serve.fake_desks import FakePicks, FakeRollouts, FakeSwitch
from tests.serve.fakes import PNG, TEXT, FakeHouse

PATHS = {
    path: {method.upper() for method in methods}
    for path, methods in build_api(FakeHouse().parts, stopping=asyncio.Event()).openapi()["paths"].items()
}
ROUTES = sorted((method, path) for path, methods in PATHS.items() for method in methods)
BODIES = [b"", b"{", b"[]", b"null", b'"x"', b'{"question": 3}', b'{"unknown": 1}', b"\xff\xfe", b"[" * 9000]
BODIES += [b'{"question": ' + b"[" * depth + b"]" * depth + b"}" for depth in (400, 900, 990)]
BODIES.append(b'{"question": "a\\ud800", "title": "a\\ud800", "paths": ["/\\ud800"]}')


@pytest.fixture(scope="module")
def whole() -> Door:
    """A house with a gateway. One for all tests here: what they try changes nothing in it."""
    parts = replace(
        FakeHouse().parts,
        rollouts=FakeRollouts(),
        routing=FakeSwitch(),
        samples=FakePicks(),
        machine=lambda: Machine(1, 1, 1),
    )
    return build_app(parts, stopping=asyncio.Event())


async def ask(house: FakeHouse, method: str, target: str, **more: Any) -> Reply:
    return await call(build_app(house.parts, stopping=asyncio.Event()), method, target, **more)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_malformed_bodies_are_answered_in_our_shape(method: str, path: str, whole: Door) -> None:
    """No body crashes a route: a success, or a 4xx with a code; afterwards the house still answers."""
    target = path.replace("{page}", "x").replace("{", "").replace("}", "")
    for body in BODIES:
        reply = await call(whole, method, target, body=body)
        if reply.status >= 400:
            # `unavailable`: this house has no such desk, and says so.
            assert reply.code in ("bad_request", "not_found", "unavailable")
        assert reply.status < 500 or reply.code == "unavailable"
        assert b"Traceback" not in reply.body


@pytest.mark.parametrize("path", PATHS)
async def test_other_methods_are_refused(path: str, whole: Door) -> None:
    """A method that a route does not have is a 405 in our shape."""
    for method in {"PUT", "PATCH"} - PATHS[path]:
        reply = await call(whole, method, path.replace("{page}", "1"))
        assert (reply.status, reply.code) == (405, "bad_request")


@pytest.mark.parametrize(
    "target",
    [
        "/app/search",
        "/app/search?q=a&k=0",
        "/app/search?q=a&k=x",
        "/app/search?q=%21",
        "/app/documents?limit=-1",
        "/app/documents?status=lost",
        "/app/documents?offset=1e99",
        "/app/documents/d1/pages/x/image",
        "/app/documents/d1/pages/1/image?width=9999999",
        "/app/documents/d1/pages/1/boxes",
        "/app/usage?since=nan",
        "/app/chats/c9/export?format=exe",
    ],
)
async def test_wrong_parameters_are_named(target: str) -> None:
    """A wrong parameter is a 400 in our shape."""
    reply = await ask(FakeHouse(), "GET", target)
    assert (reply.status, reply.code) == (400, "bad_request")


@pytest.mark.parametrize(
    "target",
    [
        "/nothing",
        "/app/nothing",
        "/app/docs",
        "/app/redoc",
        "/app/documents/nope",
        "/app/documents/nope/original",
        "/app/documents/d1/pages/9/image",
        "/app/chats/nope",
        "/app/chats/nope/export",
        "/app/jobs/nope",
        "/health/nothing",
    ],
)
async def test_what_is_not_there_is_a_404(target: str) -> None:
    """An unknown address or id is `not_found`."""
    reply = await ask(FakeHouse(), "GET", target)
    assert (reply.status, reply.code) == (404, "not_found")


async def test_state_has_all_that_a_page_needs() -> None:
    """The keys of the contract are there."""
    state = (await ask(FakeHouse(), "GET", "/app/state")).json()
    assert set(state) == {
        "version",
        "documents",
        "chats_revision",
        "engines",
        "answering",
        "ingest",
        "recent_jobs",
        "limits",
        "ocr",
    }
    assert state["documents"]["revision"] == 7
    assert state["answering"] == {"engine": "ollama", "model": "qwen2.5:7b", "where": "local"}
    assert set(state["limits"]) == {"max_file_bytes", "free_bytes", "max_question_chars"}


async def test_search_gives_passages_with_their_scores() -> None:
    """`why` holds the legs; a leg that is off is null."""
    (result,) = (await ask(FakeHouse(), "GET", "/app/search?q=vacation")).json()["results"]
    assert result["why"] == {"lexical": 3.0, "vector": None, "rerank": None}
    assert result["text"] == TEXT[result["start"] : result["end"]]


async def test_a_document_can_be_asked_for_by_name() -> None:
    """`name` finds by id, path or source/path; what is not there is a 404."""
    for name in ("d1", "hr/leave.md", "handbook/hr/leave.md"):
        found = (await ask(FakeHouse(), "GET", f"/app/documents?name={name}")).json()
        assert [row["document_id"] for row in found["documents"]] == ["d1"]
    assert (await ask(FakeHouse(), "GET", "/app/documents?name=nope")).status == 404


async def test_a_document_is_shown_with_text_and_pages() -> None:
    """Row, pages and text in one object; groups are its readers."""
    shown = (await ask(FakeHouse(), "GET", "/app/documents/d1")).json()
    assert shown["text"] == TEXT
    assert shown["pages"] == [{"page": 1, "start": 0, "end": len(TEXT)}]
    assert shown["groups"] == ["everyone"]


async def test_a_document_is_removed_once() -> None:
    """204, then 404."""
    house = FakeHouse()
    assert (await ask(house, "DELETE", "/app/documents/d1")).status == 204
    assert (await ask(house, "DELETE", "/app/documents/d1")).status == 404


async def test_an_original_is_a_download(tmp_path: Path) -> None:
    """It comes as an attachment without a type that runs; html is never shown inline."""
    house = FakeHouse()
    house.library.folder = tmp_path
    reply = await ask(house, "GET", "/app/documents/d1/original?inline=1")
    assert reply.body == TEXT.encode()
    assert reply.headers["content-disposition"] == "attachment; filename*=UTF-8''leave.md"
    assert reply.headers["content-type"] == "application/octet-stream"


async def test_page_images_and_boxes() -> None:
    """A page is a PNG; boxes are shares of its size."""
    image = await ask(FakeHouse(), "GET", "/app/documents/d1/pages/1/image?width=300")
    assert (image.body, image.headers["content-type"]) == (PNG, "image/png")
    boxes = await ask(FakeHouse(), "GET", "/app/documents/d1/pages/1/boxes?start=0&end=3")
    assert boxes.json() == {"boxes": [[0.1, 0.2, 0.3, 0.4]]}


async def test_models_are_looked_at_when_asked() -> None:
    """`refresh=1` looks now; without it the last look is shown."""
    house = FakeHouse()
    await ask(house, "GET", "/app/models")
    assert house.fleet.refreshed == 0
    reply = await ask(house, "GET", "/app/models?refresh=1")
    assert house.fleet.refreshed == 1
    assert reply.json()["engines"][0]["models"][0]["name"] == "qwen2.5:7b"


async def test_usage_keeps_unknown_money_unknown() -> None:
    """A cost that is not known is null, not 0."""
    usage = (await ask(FakeHouse(), "GET", "/app/usage?since=0")).json()
    assert usage["rows"][0]["cost_micros"] is None
    assert usage["totals"][0]["unpriced"] == 1


async def test_settings_are_shown_with_their_origin() -> None:
    """Name, value, origin, unit, why, env."""
    (row,) = (await ask(FakeHouse(), "GET", "/app/config")).json()["settings"]
    assert list(row) == ["name", "value", "origin", "unit", "why", "env"]


async def test_chats_can_be_renamed_exported_and_removed() -> None:
    """The whole life of a chat over the API."""
    house = FakeHouse()
    await ask(house, "POST", "/app/ask", data={"question": "How long is vacation?"})
    (chat,) = (await ask(house, "GET", "/app/chats")).json()["chats"]
    path = f"/app/chats/{chat['chat_id']}"
    renamed = await ask(house, "PATCH", path, data={"title": " Отпуск "})
    assert renamed.json()["title"] == "Отпуск"
    assert (await ask(house, "PATCH", path, data={"title": "  "})).status == 400
    markdown = await ask(house, "GET", f"{path}/export?format=md")
    assert "> Vacation lasts 28 days. — *hr/leave.md, p. 1*" in markdown.body.decode()
    assert markdown.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%D0%9E")
    exported = await ask(house, "GET", f"{path}/export?format=json")
    assert json.loads(exported.body)["messages"][1]["answer"]["band"] == "answer"
    assert (await ask(house, "DELETE", path)).status == 204
    assert (await ask(house, "GET", path)).status == 404


async def test_chats_belong_to_their_caller() -> None:
    """`x-inhouse-user` names the caller; another one's chat is not found."""
    house = FakeHouse()
    anna = {"x-inhouse-user": "anna"}
    await ask(house, "POST", "/app/ask", data={"question": "vacation"}, headers=anna)
    assert len((await ask(house, "GET", "/app/chats", headers=anna)).json()["chats"]) == 1
    assert (await ask(house, "GET", "/app/chats")).json()["chats"] == []
    assert (await ask(house, "GET", "/app/chats/c1")).status == 404
    assert (await ask(house, "GET", "/app/chats", headers={"x-inhouse-user": "a\x07b"})).status == 400


async def test_reading_works_while_another_process_writes() -> None:
    """Without the right to write, reading is as ever and writing says why not."""
    house = FakeHouse(writable=False)
    assert (await ask(house, "GET", "/app/state")).status == 200
    for method, target in (
        ("DELETE", "/app/documents/d1"),
        ("POST", "/app/uploads?name=a.txt"),
        ("POST", "/app/ingest"),
    ):
        reply = await ask(house, method, target, data={"paths": ["/"]})
        assert (reply.status, reply.code) == (503, "home_busy")


async def test_the_api_describes_itself() -> None:
    """OpenAPI is at its address and names each route."""
    document = (await ask(FakeHouse(), "GET", "/app/openapi.json")).json()
    assert {"/app/ask", "/app/search", "/app/documents/{document_id}"} <= set(document["paths"])
