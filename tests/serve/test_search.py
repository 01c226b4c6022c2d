"""The routes around a search."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from inhouse.serve.app import build_app
from tests.serve.client import call
from tests.serve.fake_search import FakeGlossary, FakeLegs
from tests.serve.fakes import FakeHouse

EVA = {"x-inhouse-user": "eva"}


async def test_why_a_document_was_not_found() -> None:
    """Its place, what would have been enough, the missing words, and the legs; 404 for an unknown one."""
    app = build_app(FakeHouse().parts, stopping=asyncio.Event())
    why = (await call(app, "GET", "/app/search/why?q=vacation+days&document=d1")).json()
    assert (why["sought"]["rank"], why["sought"]["needed"], why["sought"]["lacking"]) == (14, 0.9, ["days"])
    assert why["reasons"][0]["code"] == "outranked"
    assert [leg["leg"] for leg in why["legs"]] == ["words", "vectors"]
    unknown = await call(app, "GET", "/app/search/why?q=vacation&document=nothing")
    assert (unknown.status, unknown.code) == (404, "not_found")


async def test_the_legs_are_told() -> None:
    """Each with its state and what to do."""
    app = build_app(FakeHouse().parts, stopping=asyncio.Event())
    legs = (await call(app, "GET", "/app/search/legs")).json()["legs"]
    assert [(leg["state"], leg["remedy"]) for leg in legs] == [
        ("on", ""),
        ("off", "set retrieval.embedding_model"),
    ]


async def test_the_glossary_is_kept_by_administrators() -> None:
    """Everybody reads it; adding and removing is for administrators; a senseless term is refused whole."""
    glossary = FakeGlossary()
    app = build_app(replace(FakeHouse().parts, glossary=glossary), stopping=asyncio.Event())
    good = {"terms": [{"term": "PTO", "meanings": ["paid time off"]}]}
    assert (await call(app, "POST", "/app/admin/glossary", data=good, headers=EVA)).status == 403
    assert (await call(app, "POST", "/app/admin/glossary", data=good)).json() == {"added": 1, "total": 1}
    bad = {"terms": [{"term": "x", "meanings": ["y"]}, {"term": "?", "meanings": ["y"]}]}
    assert (await call(app, "POST", "/app/admin/glossary", data=bad)).status == 400
    read = await call(app, "GET", "/app/glossary", headers=EVA)
    assert read.json() == {"terms": [{"term": "PTO", "meanings": ["paid time off"]}]}
    assert (await call(app, "DELETE", "/app/admin/glossary/PTO", headers=EVA)).status == 403
    assert (await call(app, "DELETE", "/app/admin/glossary/PTO")).status == 204
    assert (await call(app, "DELETE", "/app/admin/glossary/PTO")).status == 404


async def test_a_document_is_marked_as_outdated_by_administrators() -> None:
    """The mark, and its end; nobody else may."""
    legs = FakeLegs()
    app = build_app(replace(FakeHouse().parts, legs=legs), stopping=asyncio.Event())
    where = "/app/admin/documents/d1/outdated"
    assert (await call(app, "PUT", where, data={"outdated": True}, headers=EVA)).status == 403
    assert (await call(app, "PUT", where, data={"outdated": True})).status == 204
    assert (await call(app, "PUT", where, data={"outdated": False})).status == 204
    assert legs.marks == [("d1", True), ("d1", False)]


async def test_a_house_without_documents_says_so() -> None:
    """No legs, no glossary: an error that names the way out."""
    parts = replace(FakeHouse().parts, legs=None, glossary=None)
    app = build_app(parts, stopping=asyncio.Event())
    for path in ("/app/search/legs", "/app/glossary"):
        assert (await call(app, "GET", path)).status == 503
