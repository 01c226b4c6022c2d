"""`inhouse.client` against a real server on loopback: the plans' names and keys, nothing heavy."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from msgspec import structs

from inhouse.client import LlmError, LLMService, SyncLLMService, chat_stream, format_context, search_documents
from inhouse.gateway.ports import LedgerRow
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import NoEngine
from inhouse.kernel.messages import ChatEvent, ChatRequest, Failed, Finished, TextDelta, Usage, UsageSeen
from inhouse.kernel.ports import EngineUsed
from inhouse.serve.parts import Parts
from inhouse.serve.plane.gate import Gate, GateRules
from tests.house.test_imports import HEAVY, loaded_by
from tests.serve.client import running
from tests.serve.fakes import FakeHouse, FakeLedger

WORDS: tuple[ChatEvent, ...] = (TextDelta("28 "), TextDelta("days."), UsageSeen(Usage(9, 2)), Finished())


@dataclass
class Engine:
    """Keeps what it was asked; waits in the middle while `hold` is set."""

    where: EngineUsed = field(default_factory=lambda: EngineUsed("ollama", "qwen2.5:7b", "local", "first"))
    events: tuple[ChatEvent, ...] = WORDS
    seen: list[tuple[ChatRequest, str]] = field(default_factory=list)
    refuse: NoEngine | None = None
    hold: asyncio.Event | None = None
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(
        self, request: ChatRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> Stream:
        """One call."""
        self.seen.append((request, user))
        if self.refuse is not None:
            raise self.refuse
        return Stream(self)

    def ready(self, request: ChatRequest) -> bool:
        """Always."""
        return True


class Stream:
    """The answer of that engine."""

    def __init__(self, engine: Engine) -> None:
        self.used = engine.where
        self._engine = engine
        self._events = self._play()

    async def _play(self) -> AsyncIterator[ChatEvent]:
        for number, event in enumerate(self._engine.events):
            if number == 1 and self._engine.hold is not None:
                await self._engine.hold.wait()
            yield event

    def __aiter__(self) -> AsyncIterator[ChatEvent]:
        return self._events

    async def aclose(self) -> None:
        """Say so."""
        self._engine.closed.set()


class Ledger(FakeLedger):
    """Knows the cost of every request."""

    def request(self, request_id: str) -> tuple[LedgerRow, ...]:
        """One row."""
        return (structs.replace(self.rows()[0], request_id=request_id, cost_micros=1500, total_ms=20.0),)


@dataclass
class World:
    """A running server and its engine."""

    engine: Engine
    url: str


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A house of fakes with a real gate, served on loopback."""
    house, engine = FakeHouse(), Engine()
    gate = Gate(house.keys, GateRules, clock=lambda: 0.0, stopwatch=lambda: 0.0)
    parts: Parts = replace(
        house.parts, chat=engine, gate=gate, ledger=Ledger(), clock=lambda: 1_795_000_000.0
    )
    async with running(parts, asyncio.Event()) as (host, port):
        yield World(engine, f"http://{host}:{port}")


def test_importing_it_loads_nothing_heavy() -> None:
    """Neither the server's packages, nor HTTP, nor an event loop, nor any other room."""
    loaded = loaded_by("import inhouse.client")
    assert loaded & (HEAVY | {"http", "ssl", "click", "httptools"}) == set()
    code = "import inhouse.client, sys; print(*[n for n in sys.modules if n.startswith('inhouse.')])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(shown.stdout.split()) == {"inhouse.client", "inhouse.client.service", "inhouse.client.wire"}


async def test_health_has_the_keys_of_the_plan(world: World) -> None:
    """Local model, cloud, and where to go; a server that is away is not available."""
    assert await LLMService(world.url).health_check() == {
        "local_llm": {"available": True, "url": "http://127.0.0.1:11434", "model": "qwen2.5:7b"},
        "cloud_llm": {"available": False, "provider": None},
        "recommended_routing": "local",
    }
    away = await LLMService("http://127.0.0.1:9").health_check()
    assert (away["local_llm"]["available"], away["recommended_routing"]) == (False, "none")


async def test_generate_has_the_keys_of_the_plan(world: World) -> None:
    """Text, model, source, tokens, cost, metadata; prompt, system and settings reach the engine."""
    llm = LLMService(world.url, user="анна")
    answer = await llm.generate("How long?", "Be short.", temperature=0.1, max_tokens=9)
    assert list(answer)[:4] == ["response", "model_used", "source", "cost"]
    assert (answer["response"], answer["model_used"], answer["source"]) == ("28 days.", "qwen2.5:7b", "local")
    assert (answer["tokens"], answer["cost"]) == (2, 0.0015)
    assert answer["metadata"]["prompt_eval_count"] == 9
    assert answer["metadata"]["total_duration"] == 20_000_000
    ((request, user),) = world.engine.seen
    assert user == "анна"
    assert [(turn.role, turn.content) for turn in request.messages] == [
        ("system", "Be short."),
        ("user", "How long?"),
    ]
    assert (request.temperature, request.max_tokens, request.model, request.data) == (0.1, 9, None, "any")
    assert (request.wishes.prefer, request.wishes.force) == (None, None)


async def test_the_cloud_is_asked_for_by_flags(world: World) -> None:
    """`force_cloud` and `prefer_local=False` become wishes; a cloud answer counts all its tokens."""
    world.engine.where = EngineUsed("openai", "gpt", "cloud", "forced")
    llm = LLMService(world.url, default_local_model="qwen2.5:7b")
    answer = await llm.generate("x", force_cloud=True)
    await llm.generate("x", prefer_local=False)
    assert (answer["source"], answer["tokens"]) == ("cloud", 11)
    forced, preferred = (request for request, _user in world.engine.seen)
    assert (forced.wishes.force, forced.model) == ("cloud", None)
    assert (preferred.wishes.prefer, preferred.model) == ("cloud", "qwen2.5:7b")


async def test_chat_and_usage_have_the_keys_of_the_plan(world: World) -> None:
    """A conversation in order; sums of the house's ledger, local and cloud."""
    llm = LLMService(world.url)
    turns = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]
    answer = await llm.chat(turns, model="m", temperature=0.0)
    assert list(answer)[:4] == ["response", "model_used", "source", "cost"]
    assert [turn.content for turn in world.engine.seen[0][0].messages] == ["a", "b", "c"]
    stats = await asyncio.to_thread(llm.get_usage_stats)
    assert stats["local"] == {"calls": 1, "tokens": 5, "cost": 0.0}
    assert set(stats["cloud"]) == {"calls", "input_tokens", "output_tokens", "cost"}
    assert {"timestamp", "total_cost", "cost_savings"} <= set(stats)
    assert stats["unpriced"] == 1
    assert stats["note"] == "the cost of 1 of 1 calls is unknown and not in these sums"


async def test_the_sync_service_is_the_same(world: World) -> None:
    """Every method without `await`, from a thread."""
    llm = SyncLLMService(world.url)

    def all_of_it() -> tuple[object, ...]:
        return (
            llm.health_check()["recommended_routing"],
            llm.generate("x")["response"],
            llm.chat([{"role": "user", "content": "x"}])["response"],
            llm.get_usage_stats()["local"]["calls"],
            list(llm.chat_stream("x")),
        )

    expected = ("local", "28 days.", "28 days.", 1, ["28 ", "days."])
    assert await asyncio.to_thread(all_of_it) == expected


async def test_documents_and_streams_of_the_first_plan(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """`search_documents`, `format_context`, `chat_stream` as the plan imports them; context stays here."""
    monkeypatch.setenv("INHOUSE_URL", world.url)
    found = await asyncio.to_thread(search_documents, "vacation")
    assert found[0]["source"] == "handbook/hr/leave.md"
    assert found[0]["content"] == "Vacation lasts 28 days."
    context = format_context(found)
    assert context == "[1] handbook/hr/leave.md\nVacation lasts 28 days."
    assert [piece async for piece in chat_stream("How long?", context)] == ["28 ", "days."]
    assert [piece async for piece in chat_stream("How long?")] == ["28 ", "days."]
    with_context, without = (request for request, _user in world.engine.seen)
    assert (with_context.data, without.data) == ("local_only", "any")
    assert context in with_context.messages[0].content


async def test_errors_name_the_thing_and_the_way_out(world: World) -> None:
    """A refusal before the answer, a failure in the middle, nobody there, and somebody else there."""
    llm = LLMService(world.url)
    world.engine.refuse = NoEngine("no engine may answer", hint="start Ollama")
    with pytest.raises(LlmError, match=r"no engine may answer\. hint: start Ollama") as caught:
        await llm.generate("x")
    assert (caught.value.code, caught.value.status) == ("no_engine", 503)
    world.engine.refuse = None
    world.engine.events = (TextDelta("28 "), Failed("engine_broke", "it died"))
    with pytest.raises(LlmError, match="it died"):
        await llm.generate("x")
    pieces = llm.chat_stream("x")
    assert await anext(pieces) == "28 "
    with pytest.raises(LlmError, match="it died"):
        await anext(pieces)
    with pytest.raises(LlmError, match="INHOUSE_URL"):
        await LLMService("http://127.0.0.1:9").generate("x")
    with pytest.raises(LlmError) as wrong:
        await LLMService(world.url, api_key="ih_nonsense").generate("x")
    assert (wrong.value.code, wrong.value.status) == ("unauthorized", 401)
    assert "ih_nonsense" not in str(wrong.value) + repr(llm)


@pytest.mark.parametrize("how", ["generate", "stream"])
async def test_leaving_ends_the_work_of_the_engine(world: World, how: str) -> None:
    """Cancelling a call, or stopping to read, reaches the engine within a second."""
    world.engine.hold = asyncio.Event()
    llm = LLMService(world.url)
    if how == "generate":
        work: asyncio.Future[object] = asyncio.ensure_future(llm.generate("x"))
        while not world.engine.seen:  # noqa: ASYNC110  the server runs in this loop, too
            await asyncio.sleep(0)
    else:
        pieces = llm.chat_stream("x")
        assert await anext(pieces) == "28 "
        work = asyncio.ensure_future(_next(pieces))
        await asyncio.sleep(0)
    assert not world.engine.closed.is_set()
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work
    await asyncio.wait_for(world.engine.closed.wait(), 1.0)


async def _next(pieces: AsyncIterator[str]) -> str:
    return await anext(pieces)
