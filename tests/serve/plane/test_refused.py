"""Whoever is turned away in front of the gateway leaves a row, too; strangers are counted."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from aiohttp import ClientSession

from inhouse.gateway.edge.providers.scripted import Wait
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import HomeUnusable, RateLimited
from inhouse.kernel.messages import Finished, TextDelta
from inhouse.serve.middleware import Doors
from inhouse.serve.plane.anthropic import AnthropicSurface
from inhouse.serve.plane.front import Surface
from inhouse.serve.plane.gemini import GeminiSurface
from inhouse.serve.plane.ollama import OllamaSurface
from inhouse.serve.plane.openai import OpenAISurface
from inhouse.serve.plane.refused import write_refusal
from inhouse.serve.plane.requests import requested_in, right_of
from tests.serve.plane.house import FakeGate, Plane, Row, open_plane

SURFACES: tuple[Surface, ...] = (AnthropicSurface(), GeminiSurface(), OpenAISurface(), OllamaSurface())
TURNS = [{"role": "user", "content": "hi"}]
FULL = RateLimited("The API key k1 may use 5 requests per minute, and has", hint="wait", retry_after_s=3.0)
EMBED_ONLY = Grant(key="k1", user="anna", team="sales", scopes=frozenset({"embed"}))
CHAT_ONLY = Grant(key="k1", user="anna", team="sales", scopes=frozenset({"chat"}))
ALL = Grant(key="k1", user="anna", team="sales")
GEMINI = {"contents": [{"parts": [{"text": "hi"}]}]}

CHATS = [
    ("/v1/chat/completions", {"model": "m", "messages": TURNS}),
    ("/v1/chat/completions", {"model": "m", "messages": TURNS, "stream": True}),
    ("/v1/completions", {"model": "m", "prompt": "hi"}),
    ("/v1/responses", {"model": "m", "input": "hi"}),
    ("/v1/messages", {"model": "m", "messages": TURNS, "max_tokens": 5}),
    ("/v1beta/models/m:generateContent", GEMINI),
    ("/v1/models/m:streamGenerateContent?alt=sse", GEMINI),
    ("/api/chat", {"model": "m", "messages": TURNS}),
    ("/api/generate", {"model": "m", "prompt": "hi"}),
]
EMBEDS = [
    ("/v1/embeddings", {"model": "m", "input": "hi"}),
    ("/api/embed", {"model": "m", "input": "hi"}),
    ("/api/embeddings", {"model": "m", "prompt": "hi"}),
    ("/v1beta/models/m:embedContent", {"content": {"parts": [{"text": "hi"}]}}),
]


async def post(plane: Plane, path: str, body: object, **headers: str) -> tuple[int, str]:
    """Status and body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"authorization": "Bearer s"} | {name.replace("_", "-"): text for name, text in headers.items()}
    async with ClientSession() as session, session.post(plane.url + path, data=data, headers=given) as reply:
        return reply.status, await reply.text()


@pytest.mark.parametrize(("path", "body"), [*CHATS, *EMBEDS])
async def test_a_limit_leaves_a_row(path: str, body: object) -> None:
    """429 by a key's limits on every path that asks a model: key, user, team, model, code; no engine."""
    gate = FakeGate(keys={"s": ALL}, refuse=FULL)
    async with open_plane(*SURFACES, gate=gate) as plane:
        status, _text = await post(plane, path, body, x_inhouse_request_id="r1")
        row = plane.row
    assert (status, plane.provider.seen, plane.embedder.seen) == (429, [], [])
    assert (row.request_id, row.user, row.key, row.team, row.requested) == ("r1", "anna", "k1", "sales", "m")
    assert (row.outcome, row.code) == ("refused", "rate_limited")
    assert row.task == ("chat" if (path, body) in CHATS else "embed")
    assert row.used is not None
    assert (row.used.engine, row.used.model, row.used.where) == ("none", None, "none")
    assert row.used.reason == f"limits: {FULL.message}"


@pytest.mark.parametrize(
    ("path", "body", "grant"),
    [*((*each, EMBED_ONLY) for each in CHATS), *((*each, CHAT_ONLY) for each in EMBEDS)],
)
async def test_a_scope_that_is_lacking_leaves_a_row(path: str, body: object, grant: Grant) -> None:
    """403 by a known key's scopes."""
    async with open_plane(*SURFACES, gate=FakeGate(keys={"s": grant})) as plane:
        status, _text = await post(plane, path, body)
        row = plane.row
    assert status == 403
    assert (row.outcome, row.code, row.key, row.user, row.requested) == (
        "refused",
        "forbidden",
        "k1",
        "anna",
        "m",
    )


async def test_a_name_of_ollamas_cloud_leaves_a_row() -> None:
    """It is refused by the data policy before the gateway is asked."""
    async with open_plane(*SURFACES, gate=FakeGate(keys={"s": ALL})) as plane:
        for path, body in (("/api/chat", {"messages": TURNS}), ("/api/embed", {"input": "hi"})):
            assert (await post(plane, path, {"model": "big:cloud", **body}))[0] == 403
        codes = [(row.task, row.outcome, row.code, row.requested) for row in plane.shelf.rows]
    assert codes == [
        ("chat", "refused", "forbidden", "big:cloud"),
        ("embed", "refused", "forbidden", "big:cloud"),
    ]


async def test_what_the_gateway_wrote_down_is_not_written_twice() -> None:
    """A model that the key may not use is forbidden by a rule of routing, which left its own row."""
    grant = replace(ALL, models=("other",))
    async with open_plane(*SURFACES, gate=FakeGate(keys={"s": grant})) as plane:
        status, _text = await post(plane, *CHATS[0])
        row = plane.row
    assert (status, row.outcome, row.code) == (403, "refused", "forbidden")
    assert row.used is not None
    assert row.used.reason.startswith("eligibility: ")


async def test_the_task_of_the_header_is_kept() -> None:
    """Sums by task show who was turned away."""
    async with open_plane(*SURFACES, gate=FakeGate(keys={"s": ALL}, refuse=FULL)) as plane:
        await post(plane, *CHATS[0], x_inhouse_task="summary")
        assert plane.row.task == "summary"


async def test_strangers_are_counted_and_leave_no_row() -> None:
    """401, three times."""
    async with open_plane(*SURFACES, gate=FakeGate(keys={"s": ALL})) as plane:
        for path, body in (CHATS[0], CHATS[4], CHATS[7]):
            status, _text = await post(plane, path, body, authorization="Bearer wrong")
            assert status == 401
        assert plane.shelf.rows == []
        assert plane.refusals.strangers == 3
        assert plane.refusals.check().message == "3 requests came without a good key"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/show", {"model": "m"}),
        ("/api/pull", {"model": "m"}),
        ("/v1/messages/count_tokens", {"model": "m", "messages": TURNS}),
        ("/v1beta/models/m:countTokens", GEMINI),
    ],
)
async def test_what_asks_no_model_leaves_no_row(path: str, body: object) -> None:
    """Lists, downloads and counts of a key without their scope: an answer would have none either."""
    grant = replace(ALL, scopes=frozenset[str]())  # type: ignore[arg-type]
    async with open_plane(*SURFACES, gate=FakeGate(keys={"s": grant})) as plane:
        assert (await post(plane, path, body))[0] == 403
        assert plane.shelf.rows == []


async def test_a_body_that_cannot_be_read_leaves_no_row() -> None:
    """400 says nothing of any model; a limit is not reached by it."""
    async with open_plane(*SURFACES, gate=FakeGate(keys={"s": ALL}, refuse=FULL)) as plane:
        assert (await post(plane, CHATS[0][0], b"{"))[0] == 400
        assert plane.shelf.rows == []


class Inside:
    """Says that the engine waits, and lets it go on."""

    def __init__(self) -> None:
        self.entered, self.go_on = asyncio.Event(), asyncio.Event()

    async def wait(self) -> object:
        """Until it may go on."""
        self.entered.set()
        return await self.go_on.wait()


async def test_the_full_house_leaves_a_row() -> None:
    """429 at the door, before the body is read: the model is known only where the path names it."""
    inside = Inside()
    async with open_plane(
        *SURFACES,
        gate=FakeGate(keys={"s": ALL}),
        scripts=((TextDelta("a"), Wait(inside), Finished()),),
        doors=Doors(max_in_flight=1),
    ) as plane:
        first = asyncio.ensure_future(post(plane, *CHATS[1]))
        await asyncio.wait_for(inside.entered.wait(), 5)
        for path, body in (CHATS[0], CHATS[5], EMBEDS[0]):
            assert (await post(plane, path, body, x_inhouse_task="summary"))[0] == 429
        assert (await post(plane, *CHATS[0], authorization="Bearer wrong"))[0] == 429
        inside.go_on.set()
        assert (await first)[0] == 200
        rows = plane.shelf.rows[1:]
    assert [(row.outcome, row.code, row.key, row.task, row.requested) for row in rows] == [
        ("refused", "rate_limited", "k1", "summary", None),
        ("refused", "rate_limited", "k1", "summary", "m"),
        ("refused", "rate_limited", "k1", "embed", None),
    ]
    assert plane.refusals.strangers == 1


class FullDisk:
    """Accounts that cannot be written."""

    def open(self, **_more: object) -> Row:
        """Never."""
        raise HomeUnusable("The journal could not be written: No space left on device")


async def test_a_full_disk_refuses_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    """The caller gets its own refusal, the log says what could not be written."""
    write_refusal(FullDisk(), FULL, ALL, request_id="r1", task="chat", requested="m")
    said = caplog.text
    assert "row_not_written" in said
    assert "No space left on device" in said


@pytest.mark.parametrize(
    ("path", "body", "right", "model"),
    [
        ("/v1/chat/completions", b'{"model":"m"}', "chat", "m"),
        ("/v1/chat/completions", b'{"model":5}', "chat", None),
        ("/v1/chat/completions", b'{"model":""}', "chat", None),
        ("/v1/chat/completions", b"\xff", "chat", None),
        ("/v1/chat/completions", b"", "chat", None),
        ("/v1/chat/completions", b'{"model":"%s"}' % (b"x" * 5000), "chat", "x" * 200),
        ("/v1beta/models/qwen2.5:7b:generateContent", b"{}", "chat", "qwen2.5:7b"),
        ("/v1/models/m:batchEmbedContents", b"", "embed", "m"),
        ("/v1/models/m:countTokens", b"", None, "m"),
        ("/v1/models", b"", None, None),
        ("/api/tags", b"", None, None),
    ],
)
def test_a_request_is_told_from_the_outside(
    path: str, body: bytes, right: str | None, model: str | None
) -> None:
    """What a path is for, and the model in it or in the body."""
    assert (right_of(path), requested_in(path, body)) == (right, model)
