"""A deleted or closed document in the whole house: answers, history, what a model is given, caches, files."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from inhouse.cli.client import HouseClient
from inhouse.cli.transport import InProcess
from inhouse.compose.house import House
from inhouse.gateway.edge.reply_cache import CachedChat
from inhouse.kernel.caller import Caller
from inhouse.knowledge.redact import GONE
from inhouse.serve.app import build_app
from tests.worlds.engines import FakeEngine
from tests.worlds.test_flow import QUESTION, TRUE, house

SAID = "28 calendar days"

pytestmark = pytest.mark.slow


def client_of(opened: House) -> tuple[HouseClient, InProcess]:
    transport = InProcess(build_app(opened.parts, stopping=asyncio.Event()))
    return HouseClient(transport), transport


async def asked(client: HouseClient, question: str = QUESTION, chat_id: str | None = None) -> Any:
    """The `done` event of one question."""  # Any: JSON
    return [event async for event in client.ask(question, chat_id=chat_id, keep=True)][-1][1]


async def got(transport: InProcess, target: str) -> str:
    async with transport.send("GET", target, headers={}, body=b"") as reply:
        return (await reply.body()).decode()


async def leave(opened: House) -> str:
    return opened.parts.library.get(Caller(), "leave.md").document_id


def holding(root: Path, words: str) -> list[str]:
    """Names of all files below `root` in which the words stand."""
    paths = [path for path in root.rglob("*") if path.is_file()]
    return sorted(path.name for path in paths if words.encode() in path.read_bytes())


async def test_answers_from_documents_are_never_cached(tmp_path: Path) -> None:
    """With every reply cached, a question is answered anew; the control, a plain request, once."""
    async with (
        FakeEngine("ollama", words=TRUE).running() as engine,
        house(tmp_path, engine, INHOUSE_CACHE_REPLIES="on") as opened,
    ):
        client, transport = client_of(opened)
        cache = opened.parts.chat
        assert isinstance(cache, CachedChat)
        for _ in range(2):
            assert SAID in (await asked(client))["answer"]
        assert (len(engine.chats), cache.size_bytes) == (2, 0)
        body = {"model": "m", "temperature": 0, "messages": [{"role": "user", "content": "Hello"}]}
        headers = {"content-type": "application/json"}
        for _ in range(2):
            content = json.dumps(body).encode()
            async with transport.send("POST", "/v1/chat/completions", headers=headers, body=content) as reply:
                assert reply.status == 200
                await reply.body()
        assert len(engine.chats) == 3
        assert cache.size_bytes > 0


async def test_a_certified_removal_leaves_nothing(tmp_path: Path) -> None:
    """Answer, export, history for the model, search, and every file of the home."""
    async with FakeEngine("ollama", words=TRUE).running() as engine, house(tmp_path, engine) as opened:
        client, transport = client_of(opened)
        chat_id = (await asked(client))["chat_id"]
        assert SAID in await got(transport, f"/app/chats/{chat_id}/export")
        given = await client.erase_documents([await leave(opened)])
        assert given.verified
        assert given.documents[0].answers == 1
        for target in ("", "/export", "/export?format=json"):
            assert SAID not in await got(transport, f"/app/chats/{chat_id}{target}")
        assert GONE["en"] in await got(transport, f"/app/chats/{chat_id}")
        assert (await client.search("annual leave days", k=5)).results == ()
        again = await asked(client, chat_id=chat_id)
        assert SAID not in json.dumps(again)
        told, *later = [SAID in json.dumps(chat) for chat in engine.chats]
        assert told
        assert not any(later)
        assert (await client.certificates()).certificates == (given,)
    assert holding(tmp_path / "home", SAID) == []
    assert holding(tmp_path / "papers", SAID) == ["leave.md"]


async def test_a_closed_document_is_not_told_from_history(tmp_path: Path) -> None:
    """The next turn gives the model nothing of it; when it is opened again, the old answer is whole."""
    async with FakeEngine("ollama", words=TRUE).running() as engine, house(tmp_path, engine) as opened:
        client, transport = client_of(opened)
        papers = tmp_path / "more"
        papers.mkdir()
        (papers / "canteen.md").write_text("# Canteen\n\nThe canteen opens at eleven every day.\n", "utf-8")
        assert opened.parts.ingest is not None
        await asyncio.to_thread(opened.parts.ingest.run, [papers])
        chat_id = (await asked(client))["chat_id"]
        ingest = opened.parts.ingest
        hr = frozenset({"hr"})
        await asyncio.to_thread(lambda: ingest.run([tmp_path / "papers"], readers=hr))
        shown = json.loads(await got(transport, f"/app/chats/{chat_id}"))["messages"][1]
        assert shown["text"] == GONE["en"]
        assert SAID not in json.dumps(shown)
        assert SAID not in await got(transport, f"/app/chats/{chat_id}/export")
        assert json.loads(await got(transport, "/app/chats?q=calendar"))["chats"] == []
        await asked(client, "When does the canteen open?", chat_id)
        assert len(engine.chats) >= 2
        assert SAID not in json.dumps(engine.chats[1:])
        await asyncio.to_thread(lambda: ingest.run([tmp_path / "papers"]))
        assert SAID in json.loads(await got(transport, f"/app/chats/{chat_id}"))["messages"][1]["text"]


async def test_the_trash_over_http(tmp_path: Path) -> None:
    """A source goes, is listed until its time, comes back with its id, and its old answer is whole again."""
    async with house(tmp_path, None) as opened:
        client, transport = client_of(opened)
        document_id, chat_id = await leave(opened), (await asked(client))["chat_id"]
        trash = opened.parts.trash
        assert trash is not None
        assert trash.discard_source("papers").trashed == 1
        (held,) = (await client.trash(source=None)).documents
        assert held.document_id == document_id
        assert SAID not in await got(transport, f"/app/chats/{chat_id}")
        assert (await client.documents()).total == 0
        assert (await client.change_trash("restore", ["papers/leave.md"], source=None)).documents == 1
        assert await leave(opened) == document_id
        assert SAID in await got(transport, f"/app/chats/{chat_id}")
        assert (await client.remove_documents([document_id], now=False)).removed == 1
        assert (await client.change_trash("empty", [], source=None)).documents == 0
