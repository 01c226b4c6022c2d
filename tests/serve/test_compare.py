"""`/app/compare` and `/app/rollouts`: one prompt through one model, verdicts, and roll-outs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from inhouse.cli.client import HouseClient
from inhouse.cli.transport import InProcess, OverHttp
from inhouse.gateway.edge.providers.scripted import Scene, ScriptedProvider
from inhouse.gateway.ports import LedgerRow
from inhouse.gateway.rollout import Arm
from inhouse.kernel.caller import ApiKey, Grant
from inhouse.kernel.errors import EngineBroke
from inhouse.kernel.messages import ChatEvent, ChatRequest, Finished, TextDelta, Usage, UsageSeen
from inhouse.kernel.ports import ChatStream, EngineUsed
from inhouse.ops.keys import digest_of, id_in, secret_of
from inhouse.serve.app import build_app
from inhouse.serve.plane.gate import Gate, GateRules
from inhouse.serve.wire import App
from tests.serve.client import call
from tests.serve.fake_desks import FakePicks, FakeRollouts
from tests.serve.fakes import FakeHouse, FakeLedger
from tests.serve.raw import raw_server

USED = EngineUsed("ollama", "qwen", "local", "asked for")


@dataclass
class Chat:
    """Answers every request with the same words."""

    text: str = "28 days"
    error: EngineBroke | None = None
    asked: list[ChatRequest] = field(default_factory=list)
    grants: list[Grant | None] = field(default_factory=list)

    async def open(
        self, request: ChatRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> ChatStream:
        self.asked.append(request)
        self.grants.append(grant)
        if self.error is not None:
            raise self.error
        script: list[Scene] = [TextDelta(self.text), UsageSeen(Usage(7, 3)), Finished()]
        return _Stream(ScriptedProvider(script).stream(request, request.model or ""))

    def ready(self, request: ChatRequest) -> bool:
        return True


@dataclass
class _Stream:
    events: AsyncGenerator[ChatEvent]
    used: EngineUsed = USED

    def __aiter__(self) -> AsyncIterator[ChatEvent]:
        return self.events

    async def aclose(self) -> None:
        await self.events.aclose()


class Ledger(FakeLedger):
    """Knows what the one request cost."""

    def request(self, request_id: str) -> tuple[LedgerRow, ...]:
        return (
            LedgerRow(
                request_id=request_id,
                started_at=0.0,
                user="local",
                task="compare",
                engine="ollama",
                model="qwen",
                where="local",
                outcome="ok",
                code=None,
                input_tokens=7,
                output_tokens=3,
                cached_tokens=0,
                estimated=False,
                cost_micros=12,
                first_token_ms=1.0,
                total_ms=2.0,
                reason="",
            ),
        )


@dataclass
class House:
    """The application over these fakes."""

    chat: Chat = field(default_factory=Chat)
    desk: FakeRollouts = field(default_factory=FakeRollouts)
    picks: FakePicks = field(default_factory=FakePicks)
    gate: Gate | None = None

    @property
    def app(self) -> App:
        parts = replace(
            FakeHouse().parts,
            chat=self.chat,
            rollouts=self.desk,
            samples=self.picks,
            ledger=Ledger(),
            gate=self.gate,
        )
        return build_app(parts, stopping=asyncio.Event())


async def test_an_answer_is_measured() -> None:
    """Text, gates, tokens, times and money of the named model, which gets the prompt and no other task."""
    house = House()
    body = {"model": "qwen", "prompt": "How long?", "system": "Be short.", "data": "local_only"}
    found = (await call(house.app, "POST", "/app/compare/answer", data=body)).json()
    assert (found["text"], found["passed"], found["gate"]) == ("28 days", True, "")
    assert (found["ran"], found["output_tokens"], found["cost_micros"]) == ("ollama/qwen", 3, 12)
    assert found["total_ms"] >= found["first_token_ms"] >= 0
    asked = house.chat.asked[0]
    assert (asked.model, asked.task, asked.data, asked.temperature) == ("qwen", "compare", "local_only", 0.0)
    assert [each.role for each in asked.messages] == ["system", "user"]


class Ring:
    """One key, which may use the cloud."""

    secret = secret_of(b"1" * 6, b"2" * 32)
    grant = Grant(key=id_in(secret) or "", user="boss")

    def all(self) -> tuple[ApiKey, ...]:
        return (ApiKey(self.grant, "boss", digest_of(self.secret), 0.0),)

    def find(self, key_id: str) -> ApiKey | None:
        return self.all()[0] if key_id == self.grant.key else None


@pytest.mark.parametrize("what", ["answer", "judge"])
async def test_comparing_is_no_way_around_the_keys(what: str) -> None:
    """A program without a key has its own rights here too, a key gives its own, a wrong one none."""
    rules = GateRules()
    house = House(gate=Gate(Ring(), lambda: rules, clock=lambda: 1.0, stopwatch=lambda: 1.0))
    body = {"model": "qwen", "judge": "j", "prompt": "p", "first": "a", "second": "b"}
    wanted = ("model", "prompt") if what == "answer" else ("judge", "prompt", "first", "second")
    data = {name: body[name] for name in wanted}

    async def status(**headers: str) -> int:
        return (await call(house.app, "POST", f"/app/compare/{what}", data=data, headers=headers)).status

    assert await status() == 200
    assert await status(authorization=f"Bearer {Ring.secret}") == 200
    without, with_key = house.chat.grants
    assert without is not None
    assert (without.cloud, without.key) == (False, "")
    assert with_key is not None
    assert (with_key.cloud, with_key.user) == (True, "boss")
    assert await status(authorization=f"Bearer {Ring.secret[:-1]}x") == 401
    rules = GateRules(keyless=frozenset({"models"}))
    assert await status() == 403
    rules = GateRules(keyless=frozenset())
    assert await status() == 401
    assert len(house.chat.asked) == 2, "who was turned away asked nobody"


async def test_commands_ask_with_their_key_or_as_the_house() -> None:
    """Over a socket with INHOUSE_API_KEY, if there is one; in a process that opened the home as its owner."""
    rules = GateRules()
    house = House(gate=Gate(Ring(), lambda: rules, clock=lambda: 1.0, stopwatch=lambda: 1.0))
    body = {"model": "qwen", "prompt": "p"}
    async with raw_server(house.app) as connect:
        port = (await connect()).writer.get_extra_info("peername")[1]
        for key in ("", Ring.secret):
            client = HouseClient(OverHttp(f"http://127.0.0.1:{port}"), key=key)
            assert (await client.compare_answer(body)).text == "28 days"
    assert (await HouseClient(InProcess(house.app)).compare_answer(body)).text == "28 days"
    without, with_key, owner = house.chat.grants
    assert without is not None
    assert with_key is not None
    assert (without.cloud, with_key.cloud, owner) == (False, True, None)


async def test_a_failing_model_is_an_error() -> None:
    """Not an empty answer that would be counted."""
    house = House(Chat(error=EngineBroke("gone")))
    reply = await call(house.app, "POST", "/app/compare/answer", data={"model": "qwen", "prompt": "x"})
    assert (reply.status, reply.code) == (502, "engine_broke")


@pytest.mark.parametrize(
    ("said", "scores"), [('{"better": "first"}', [1.0, 0.0]), ("I like both", [None, None])]
)
async def test_the_judge_is_read(said: str, scores: list[float | None]) -> None:
    """Its JSON becomes two scores; anything else is no verdict."""
    house = House(Chat(said))
    body = {"judge": "j", "prompt": "p", "first": "a", "second": "b"}
    found = (await call(house.app, "POST", "/app/compare/judge", data=body)).json()
    assert [found["first"], found["second"]] == scores
    assert house.chat.asked[0].json_schema is not None


async def test_a_pick_is_kept() -> None:
    """Which of the two was better, and no word of them."""
    house = House()
    body = {"name": "compare", "models": ["a", "b"], "better": "b"}
    assert (await call(house.app, "POST", "/app/compare/picks", data=body)).status == 204
    assert house.picks.kept == [(("a", "b"), "b")]


async def test_a_roll_out_from_start_to_end() -> None:
    """Start, look, promote, take back; a second start for the name is refused."""
    house = House()
    body = {"name": "chat", "candidate": "new", "stage": 10}
    made = await call(house.app, "POST", "/app/rollouts", data=body)
    assert made.status == 201
    assert made.json()["baseline"] == {
        "model": "chat",
        "digest": "",
        "requests": 3,
        "failed": 1,
        "first_token_ms": 3.0,
    }
    assert house.desk.now is not None
    assert house.desk.now.rollout.baseline == Arm("chat")
    assert (await call(house.app, "POST", "/app/rollouts", data=body)).status == 409
    found = (await call(house.app, "GET", "/app/rollouts")).json()["rollouts"]
    assert [(each["name"], each["stage"], each["why"]) for each in found] == [("chat", 10, "so far")]
    promoted = await call(house.app, "POST", "/app/rollouts/promote", data={"name": "chat"})
    assert promoted.json()["stage"] == 50
    back = await call(house.app, "POST", "/app/rollouts/rollback", data={"name": "chat", "reason": "slow"})
    assert (back.json()["status"], back.json()["reason"]) == ("rolled_back", "slow")


@pytest.mark.parametrize("body", [{}, {"name": "x", "candidate": "y", "stage": 20}, {"name": "x"}])
async def test_wrong_roll_outs_are_refused(body: dict[str, object]) -> None:
    """A missing name and a stage that does not exist are the caller's fault."""
    assert (await call(House().app, "POST", "/app/rollouts", data=body)).status == 400


async def test_a_house_without_a_gateway_says_so() -> None:
    """Nothing is pretended where there is no desk, no chat and no book."""
    app = build_app(FakeHouse().parts, stopping=asyncio.Event())
    assert (await call(app, "GET", "/app/rollouts")).status == 503
    body = json.dumps({"model": "m", "prompt": "p"}).encode()
    assert (await call(app, "POST", "/app/compare/answer", body=body)).status == 503
    pick = {"name": "c", "models": ["a", "b"]}
    assert (await call(app, "POST", "/app/compare/picks", data=pick)).status == 503
