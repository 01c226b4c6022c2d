"""A whole house with an engine beside it: documents in, question over HTTP's own route, row in the ledger."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from inhouse import compose
from inhouse.cli.client import HouseClient
from inhouse.cli.transport import InProcess
from inhouse.compose.house import House
from inhouse.config import load, open_home
from inhouse.kernel.caller import Caller
from inhouse.serve.app import build_app
from tests.worlds.engines import FakeEngine, Fault

QUESTION = "How many days of annual leave are there?"
TEXT = "# Leave\n\nAnnual leave is 28 calendar days. Ask for it 14 days before it begins.\n"
TRUE = ("Annual leave is 28 ", "calendar days [S1", ".1]. ")
FALSE = ("Annual leave is 35 calendar days [S1.1]. ",)

pytestmark = pytest.mark.slow


@asynccontextmanager
async def house(tmp_path: Path, engine: FakeEngine | None, **more: str) -> AsyncIterator[House]:
    """A home with one document and, perhaps, one Ollama."""
    documents = tmp_path / "papers"
    documents.mkdir()
    (documents / "leave.md").write_text(TEXT, "utf-8")
    environment = {"INHOUSE_ENGINES_PROBE_LOCAL_PORTS": "false", "INHOUSE_ENGINES_EMBEDDED": "off"}
    if engine is not None:
        environment["OLLAMA_URL"] = engine.url
    home = open_home(tmp_path / "home")
    loaded = load(home.root, environment=environment | more, folder=tmp_path)
    compose.start_logging(loaded, None, serving=False)
    async with compose.open_house(loaded, home, command="test", writer=True) as opened:
        assert opened.parts.ingest is not None
        report = await asyncio.to_thread(opened.parts.ingest.run, [documents])
        assert report.added == 1
        await opened.parts.fleet.refresh()
        yield opened


async def ask(opened: House, question: str = QUESTION) -> list[tuple[str, Any]]:
    """The events of one question, as the page gets them."""
    client = HouseClient(InProcess(build_app(opened.parts, stopping=asyncio.Event())), user="")
    return [event async for event in client.ask(question, keep=True)]


def text_of(events: Sequence[tuple[str, Any]]) -> str:
    return "".join(data["text"] for name, data in events if name == "delta")


async def rows(opened: House) -> list[tuple[str, str, str | None]]:
    """Engine, outcome and model of every row, once the journal has been moved."""
    await asyncio.to_thread(opened.parts.ledger.move)  # type: ignore[attr-defined]
    return [(row.engine, row.outcome, row.model) for row in opened.parts.ledger.rows()]


async def test_a_model_answers_with_checked_sources(tmp_path: Path) -> None:
    """Sources, words without marks, a supported sentence, a local receipt, a kept chat, one ledger row."""
    async with FakeEngine("ollama", words=TRUE).running() as engine, house(tmp_path, engine) as opened:
        events = await ask(opened)
        names = [name for name, _ in events]
        assert names[:2] == ["started", "passages"]
        assert names[-2:] == ["receipt", "done"]
        assert text_of(events).strip() == "Annual leave is 28 calendar days."
        done = events[-1][1]
        (sentence,) = done["sentences"]
        (citation,) = sentence["citations"]
        assert sentence["supported"]
        assert citation["quote"] == "Annual leave is 28 calendar days."
        text = opened.parts.library.text(Caller(), citation["document_id"])
        assert text[citation["start"] : citation["end"]] == citation["quote"]
        assert (done["receipt"]["where"], done["receipt"]["model"]) == ("local", "m")
        assert done["receipt"]["tokens_in"] == 21
        assert await rows(opened) == [("ollama", "ok", "m")]
        kept = opened.parts.chats.get(Caller(), done["chat_id"])
        assert [message.status for message in kept.messages] == ["done", "done"]
        assert "<source id=S1" in json.dumps(engine.chats[0])


async def test_a_model_that_lies_is_marked(tmp_path: Path) -> None:
    """A figure that the source does not hold is unsupported, and the true quotes follow."""
    async with FakeEngine("ollama", words=FALSE).running() as engine, house(tmp_path, engine) as opened:
        done = (await ask(opened))[-1][1]
        assert done["sentences"][0]["supported"] is False
        assert done["band"] == "hedge"
        assert any("28 calendar days" in one["text"] and one["supported"] for one in done["sentences"])


@pytest.mark.parametrize(("fault", "asked"), [("close", 3), ("500", 1), ("garbage", 1)])
async def test_an_engine_that_fails_at_once(tmp_path: Path, fault: Fault, asked: int) -> None:
    """The fault fired, the person still has an answer of quotes, and the ledger has both rows.

    A lost connection is the only one of these that may be gone a moment later: it is asked twice again.
    """
    engine = FakeEngine("ollama", fault)
    async with engine.running(), house(tmp_path, engine) as opened:
        done = (await ask(opened))[-1][1]
        assert engine.fired == asked
        assert done["receipt"]["where"] == "none"
        assert "28 calendar days" in done["answer"]
        assert sorted(await rows(opened)) == [("none", "ok", None), ("ollama", "failed", "m")]


@pytest.mark.parametrize("fault", ["reset", "half", "badjson", "mid_error"])
async def test_an_engine_that_dies_in_mid_answer(tmp_path: Path, fault: Fault) -> None:
    """What it said so far stays, the quotes follow, the stream ends with `done`, the row is partial."""
    engine = FakeEngine("ollama", fault, words=("Annual leave is ", "28 calendar days [S1.1]. ", "And more"))
    async with engine.running(), house(tmp_path, engine) as opened:
        events = await ask(opened)
        done = events[-1][1]
        assert engine.fired == 1
        assert events[-1][0] == "done"
        assert done["band"] == "hedge"
        assert "28 calendar days" in done["answer"]
        assert await rows(opened) == [("ollama", "partial", "m")]


async def test_control_without_faults_or_engines(tmp_path: Path) -> None:
    """The same house without an engine answers with quotes and one row of its own."""
    async with house(tmp_path, None) as opened:
        done = (await ask(opened))[-1][1]
        assert done["receipt"]["engine"] == "none"
        assert await rows(opened) == [("none", "ok", None)]


async def test_cloud_is_never_asked_without_consent(tmp_path: Path) -> None:
    """A key alone changes nothing: the engine is shown as found and not allowed, and quotes answer."""
    async with house(tmp_path, None, OPENAI_API_KEY="sk-test") as opened:
        done = (await ask(opened))[-1][1]
        assert done["receipt"]["where"] == "none"
        states = {engine.name: engine.state for engine in opened.parts.fleet.engines()}
        assert states["openai"] == "found_not_allowed"
