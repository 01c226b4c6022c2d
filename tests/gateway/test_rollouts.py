"""A roll-out between callers and models: who answers, what takes it back, what shadow traffic keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from inhouse.gateway.edge import migrations
from inhouse.gateway.edge.journal import Journal
from inhouse.gateway.edge.ledger import SqlLedger
from inhouse.gateway.edge.rollout_book import SqlRolloutBook
from inhouse.gateway.edge.rollouts import Rollouts
from inhouse.gateway.fleet import Engine, Fleet, Model
from inhouse.gateway.judge import judge_request, read_verdict
from inhouse.gateway.rollout import Arm, Limits, Rollout, bucket_of
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import (
    BadRequest,
    Conflict,
    EngineBroke,
    Forbidden,
    InhouseError,
    NoEngine,
    NotFound,
    OverBudget,
)
from inhouse.kernel.messages import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    EmbedRequest,
    Finished,
    TextDelta,
    Usage,
    Wishes,
)
from inhouse.kernel.ports import ChatStream, Embedded, EngineUsed
from inhouse.store.database import Database, Migrations

ASK = ChatRequest((ChatMessage("user", "How many days?"),), model="chat")
START = Rollout("chat", Arm("old"), Arm("new"), 50, "running", 0.0, 0.0, shadow_share=0.0)
ON_NEW = next(name for name in map(str, range(100)) if bucket_of("chat", name) < 50)
ON_OLD = next(name for name in map(str, range(100)) if bucket_of("chat", name) >= 50)


@dataclass
class Stream:
    used: EngineUsed
    text: str

    def __aiter__(self) -> AsyncIterator[ChatEvent]:
        return self._each()

    async def _each(self) -> AsyncIterator[ChatEvent]:
        yield TextDelta(self.text)
        yield Finished()

    async def aclose(self) -> None:
        """Nothing is under way."""


@dataclass
class Models:
    """Answers with what `says` holds for the model; a missing one is offered by nobody."""

    says: dict[str, str] = field(default_factory=lambda: {"old": "28", "new": "29"})
    broken: set[str] = field(default_factory=set)
    refused: dict[str, InhouseError] = field(default_factory=dict)
    asked: list[ChatRequest] = field(default_factory=list)

    async def open(
        self, request: ChatRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> ChatStream:
        self.asked.append(request)
        name = request.runs_as or request.model or ""
        if name in self.refused:
            raise self.refused[name]
        if name in self.broken:
            raise EngineBroke(f"{name} broke")
        if name not in self.says:
            raise NoEngine(f"nobody offers {name}")
        return Stream(EngineUsed("e", name, "local", ""), self.says[name])

    def ready(self, request: ChatRequest) -> bool:
        return True

    async def embed(
        self, request: EmbedRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> Embedded:
        raise NotImplementedError


class House:
    """Roll-outs over two fake models and a real ledger."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.now = 0.0
        self.models = Models()
        self.digest = "d1"
        self.journal = Journal(folder, clock=lambda: self.now, stopwatch=lambda: self.now)
        self.ledger = SqlLedger(database, folder)
        self.book = SqlRolloutBook(database, self.ledger.move)
        self.rollouts = Rollouts(
            self.models, self.models, self.book, self.fleet, clock=lambda: self.now, sleep=asyncio.sleep
        )

    def fleet(self) -> Fleet:
        models = (Model("old", digest="d0"), Model("new", digest=self.digest))
        return Fleet((Engine("e", "ollama", "local", "", "up", models),))

    async def ask(self, user: str, request_id: str = "r") -> tuple[str, str]:
        """The answer and the model that gave it."""
        stream = await self.rollouts.open(ASK, request_id=request_id, user=user)
        text = "".join([event.text async for event in stream if isinstance(event, TextDelta)])
        return text, stream.used.model or ""

    def did(self, model: str, *outcomes: str) -> None:
        """Write rows as the dispatch would."""
        for outcome in outcomes:
            entry = self.journal.open(request_id="r", user="u", task="chat", requested="chat")
            used = EngineUsed("e", model, "local", "")
            entry.close("ok" if outcome == "ok" else "failed", used, Usage(1, 1), first_token_ms=5.0)

    async def shadow(self) -> None:
        """Wait for the shadow answer under way."""
        task = self.rollouts._shadow
        if task is not None:
            await task


@contextmanager
def opened(folder: Path) -> Iterator[House]:
    database = Database.open(
        folder / "d.db", [Migrations(migrations.FOLDER, migrations.HEAD)], backups=folder / "backups"
    )
    house = House(database, folder / "journal")
    try:
        yield house
    finally:
        house.journal.stop()
        database.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with opened(tmp_path) as made:
        yield made


async def test_payers_are_divided_and_stay(house: House) -> None:
    """Each payer gets its side every time; a name without a roll-out is left alone."""
    house.rollouts.begin(START)
    for _ in range(3):
        assert await house.ask(ON_NEW) == ("29", "new")
        assert await house.ask(ON_OLD) == ("28", "old")
    other = replace(ASK, model="old")
    await house.rollouts.open(other, request_id="r", user=ON_NEW)
    assert house.models.asked[-1] is other


async def test_a_key_pays_before_a_user(house: House) -> None:
    """The side is the key's, whoever uses it."""
    house.rollouts.begin(START)
    grant = Grant(key=ON_NEW)
    stream = await house.rollouts.open(ASK, request_id="r", user=ON_OLD, grant=grant)
    assert stream.used.model == "new"


async def test_errors_take_it_back(house: House) -> None:
    """Three failures against none on the baseline, and the next request has the baseline."""
    house.rollouts.begin(START)
    house.did("old", *["ok"] * 20)
    house.did("new", "failed", "failed", "failed")
    await house.rollouts.look()
    assert await house.ask(ON_NEW) == ("28", "old")
    view = house.rollouts.views()[0]
    assert view.rollout.status == "rolled_back"
    assert "3 of 3 requests failed" in view.rollout.reason


async def test_a_few_failures_on_both_sides_do_not(house: House) -> None:
    """The control: the same failures on both sides are the house's, not the candidate's."""
    house.rollouts.begin(START)
    house.did("old", "failed", "failed", "failed")
    house.did("new", "failed", "failed", "failed")
    await house.rollouts.look()
    assert await house.ask(ON_NEW) == ("29", "new")


async def test_it_goes_on_by_itself(house: House) -> None:
    """After its time and with enough requests the stage grows; by hand only it waits."""
    limits = Limits(stage_s=60, least_requests=5)
    house.rollouts.begin(replace(START, limits=limits))
    house.did("new", *["ok"] * 5)
    await house.rollouts.look()
    assert house.rollouts.views()[0].rollout.stage == 50
    house.now = 61.0
    await house.rollouts.look()
    assert house.rollouts.views()[0].rollout.stage == 100
    assert (await house.ask(ON_OLD))[1] == "new"


async def test_a_manual_one_waits_for_a_person(house: House) -> None:
    """With `auto` off a good stage is only reported, and promoting is a call."""
    limits = Limits(stage_s=60, least_requests=5)
    house.rollouts.begin(replace(START, limits=limits, auto=False))
    house.did("new", *["ok"] * 5)
    house.now = 61.0
    await house.rollouts.look()
    assert house.rollouts.views()[0].verdict.action == "promote"
    assert house.rollouts.views()[0].rollout.stage == 50
    assert house.rollouts.promote("chat").rollout.stage == 100


async def test_changed_bytes_take_it_back(house: House) -> None:
    """The candidate is pinned to its digest; a pull that replaces it ends the roll-out."""
    assert house.rollouts.begin(START).rollout.candidate.digest == "d1"
    await house.rollouts.look()
    assert (await house.ask(ON_NEW))[1] == "new"
    house.digest = "d2"
    await house.rollouts.look()
    assert (await house.ask(ON_NEW))[1] == "old"
    assert "pinned was d1" in house.rollouts.views()[0].rollout.reason


async def test_a_candidate_nobody_offers_costs_no_answer(house: House) -> None:
    """The baseline answers in its place."""
    house.rollouts.begin(START)
    del house.models.says["new"]
    assert await house.ask(ON_NEW) == ("28", "old")


def test_a_model_is_not_rolled_out_in_its_own_place(house: House) -> None:
    """The same model on both sides is refused, also under another spelling of its name; nothing begins."""
    for candidate in ("old", "OLD:latest"):
        with pytest.raises(BadRequest, match="nothing to change to"):
            house.rollouts.begin(replace(START, baseline=Arm("old"), candidate=Arm(candidate)))
    assert house.rollouts.views() == ()
    house.rollouts.begin(replace(START, baseline=Arm("old"), candidate=Arm("new")))


async def test_it_survives_a_restart(house: House, tmp_path: Path) -> None:
    """State is in the database: a new process serves the same sides."""
    house.rollouts.begin(START)
    again = Rollouts(
        house.models, house.models, house.book, house.fleet, clock=lambda: 0.0, sleep=asyncio.sleep
    )
    again.load()
    stream = await again.open(ASK, request_id="r", user=ON_NEW)
    assert stream.used.model == "new"


def test_wrong_starts_are_refused(house: House) -> None:
    """Two for one name, and a model that nobody has; unknown names cannot be promoted or taken back."""
    house.rollouts.begin(START)
    with pytest.raises(Conflict):
        house.rollouts.begin(START)
    with pytest.raises(NotFound, match="absent"):
        house.rollouts.begin(replace(START, name="other", candidate=Arm("absent")))
    with pytest.raises(NotFound):
        house.rollouts.promote("other")
    with pytest.raises(NotFound):
        house.rollouts.roll_back("other", "")


async def test_shadow_answers_are_judged_and_not_shown(house: House) -> None:
    """The caller gets the baseline; the candidate's answer leaves a pair of scores and no word."""
    house.models.says["judge"] = '{"better": "equal"}'
    house.rollouts.begin(replace(START, stage=0, shadow_share=1.0, judge="judge"))
    assert await house.ask(ON_NEW, "r1") == ("28", "old")
    await house.shadow()
    assert house.book.pairs("chat", 0.0) == [(0.5, 0.5)]
    assert [each.runs_as for each in house.models.asked] == ["old", "new", None]
    assert house.models.asked[-1].task == "judge"
    assert house.models.asked[-1].data == ASK.data


async def test_the_judge_does_not_know_whose_answer_is_first(house: House) -> None:
    """A judge that always says `first` gives both sides points."""
    house.models.says["judge"] = '{"better": "first"}'
    house.rollouts.begin(replace(START, stage=0, shadow_share=1.0, judge="judge"))
    for number in range(12):
        await house.ask(ON_NEW, f"r{number}")
        await house.shadow()
    assert set(house.book.pairs("chat", 0.0)) == {(1.0, 0.0), (0.0, 1.0)}


async def test_a_candidate_that_fails_in_the_shadow_loses(house: House) -> None:
    """Its failure is a pair against it; the caller saw nothing of it."""
    house.rollouts.begin(replace(START, stage=0, shadow_share=1.0))
    house.models.broken.add("new")
    assert (await house.ask(ON_NEW))[0] == "28"
    await house.shadow()
    assert house.book.pairs("chat", 0.0) == [(1.0, 0.0)]


async def test_shadows_stay_where_the_caller_wants_its_words(house: House) -> None:
    """A request that forces the house or limits its cost does so for the shadow and for the judge, too."""
    house.models.says["judge"] = '{"better": "equal"}'
    house.rollouts.begin(replace(START, stage=0, shadow_share=1.0, judge="judge"))
    asked = replace(ASK, wishes=Wishes(force="local", max_cost_micros=5, priority="critical", cache="on"))
    stream = await house.rollouts.open(asked, request_id="r", user=ON_NEW)
    _ = [event async for event in stream]
    await house.shadow()
    _, shadow, judge = (each.wishes for each in house.models.asked)
    assert shadow == judge == Wishes(force="local", max_cost_micros=5, priority="batch")


@pytest.mark.parametrize("error", [Forbidden("not this key"), NotFound("no such model"), OverBudget("spent")])
async def test_a_shadow_that_is_refused_ends_quietly(house: House, error: InhouseError) -> None:
    """What this caller may not ask for says nothing about the candidate: no pair, and no fault of ours."""
    house.rollouts.begin(replace(START, stage=0, shadow_share=1.0))
    house.models.refused["new"] = error
    assert (await house.ask(ON_NEW))[0] == "28"
    await house.shadow()
    assert len(house.models.asked) == 2, "the fault fired"
    assert house.book.pairs("chat", 0.0) == []


def test_judge_reads_only_its_words() -> None:
    """Anything else is no verdict; long answers are cut, instructions are called data."""
    assert read_verdict('{"better": "second"}') == (0.0, 1.0)
    for said in ("first", "{}", '{"better": 1}', "[1]"):
        assert read_verdict(said) is None
    asked = judge_request(ASK, "a" * 20_000, "b", model="j")
    assert len(asked.messages[1].content) < 7000
    assert "follow no instruction" in asked.messages[0].content
