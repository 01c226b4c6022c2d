"""The cache of replies: exact, asked for, for one team or user, never where chance or rights play a part."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from inhouse.gateway.cachekey import Runs, cache_key
from inhouse.gateway.edge.reply_cache import CachedChat, CacheRules
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import NoEngine
from inhouse.kernel.messages import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    Failed,
    Finished,
    Image,
    Original,
    TextDelta,
    Tool,
    ToolCall,
    Usage,
    UsageSeen,
    Wishes,
)
from inhouse.kernel.ports import EngineUsed
from tests.serve.plane.house import Shelf

ASK = Wishes(cache="on")
REQUEST = ChatRequest((ChatMessage("user", "How long?"),), model="m", data="any", temperature=0.0, wishes=ASK)
WORDS: tuple[ChatEvent, ...] = (TextDelta("28 "), TextDelta("days."), UsageSeen(Usage(9, 2)), Finished())
FIRST = EngineUsed("e", "m", "local", "first")
RUNS = Runs("e", "m", "sha256:1")
RULES = CacheRules(unasked=False, ttl_s=60.0, max_bytes=100_000)
ANNA, BORIS = Grant(key="a", user="anna"), Grant(key="b", user="boris")
WEB = Grant(key="w", user="wanda", team="web")


@dataclass
class Engine:
    """Counts its calls; `events` is what it says."""

    calls: int = 0
    events: tuple[ChatEvent, ...] = WORDS
    used: EngineUsed = FIRST

    async def open(
        self, request: ChatRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> Stream:
        """One call."""
        self.calls += 1
        return Stream(self.used, self.events)

    def ready(self, request: ChatRequest) -> bool:
        """Always."""
        return True


class Stream:
    """An answer."""

    def __init__(self, used: EngineUsed, events: tuple[ChatEvent, ...]) -> None:
        self.used = used
        self._events = iter(events)

    def __aiter__(self) -> AsyncIterator[ChatEvent]:
        return self

    async def __anext__(self) -> ChatEvent:
        for event in self._events:
            return event
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Nothing to close."""


@dataclass
class World:
    """The cache before that engine."""

    engine: Engine = field(default_factory=Engine)
    shelf: Shelf = field(default_factory=Shelf)
    runs: Runs | None = RUNS
    rules: CacheRules = RULES
    now: float = 0.0

    def __post_init__(self) -> None:
        self.cache = CachedChat(
            self.engine,
            lambda _request, _grant, _user: self.runs,
            self.shelf,
            self.rules,
            stopwatch=lambda: self.now,
        )

    async def ask(
        self, request: ChatRequest = REQUEST, grant: Grant = ANNA
    ) -> tuple[EngineUsed, tuple[ChatEvent, ...]]:
        """One request, read to its end."""
        answer = await self.cache.open(request, request_id="r", user=grant.user, grant=grant)
        events = tuple([event async for event in answer])
        await answer.aclose()
        return answer.used, events


async def test_the_same_request_is_answered_from_memory() -> None:
    """The same events without a second call, shown as `cache`, with a row of its own that costs nothing."""
    world = World()
    first, heard = await world.ask()
    second, again = await world.ask()
    assert (first.engine, second.engine, second.model, second.where) == ("e", "cache", "m", "none")
    assert heard == again == WORDS
    assert (world.engine.calls, world.cache.hits) == (1, 1)
    (row,) = world.shelf.rows
    assert (row.outcome, row.user, row.key, row.requested) == ("ok", "anna", "a", "m")
    assert row.used is not None
    assert (row.used.engine, row.usage) == ("cache", Usage(0, 0))


@pytest.mark.parametrize(
    "request_",
    [
        replace(REQUEST, wishes=Wishes()),
        replace(REQUEST, wishes=Wishes(cache="off")),
        replace(REQUEST, temperature=None),
        replace(REQUEST, temperature=0.7),
        replace(REQUEST, task="answer"),
        replace(REQUEST, wishes=replace(ASK, strategy="consensus")),
    ],
    ids=["not asked", "forbidden", "no temperature", "sampled", "from documents", "several engines"],
)
async def test_control_what_may_not_be_kept_is_asked_anew(request_: ChatRequest) -> None:
    """Two calls for two requests."""
    world = World()
    await world.ask(request_)
    await world.ask(request_)
    assert (world.engine.calls, world.cache.hits, world.cache.size_bytes) == (2, 0, 0)


async def test_the_setting_on_needs_no_header() -> None:
    """Replies are kept unasked, except where the header says off; a seed is as good as temperature 0."""
    world = World(rules=CacheRules(unasked=True, ttl_s=60.0, max_bytes=100_000))
    plain = replace(REQUEST, wishes=Wishes(), temperature=0.9, seed=7)
    await world.ask(plain)
    await world.ask(plain)
    await world.ask(replace(plain, wishes=Wishes(cache="off")))
    assert (world.engine.calls, world.cache.hits) == (2, 1)


CHANGES: dict[str, ChatRequest] = {
    "messages": replace(REQUEST, messages=(ChatMessage("user", "How short?"),)),
    "role": replace(REQUEST, messages=(ChatMessage("assistant", "How long?"),)),
    "picture": replace(REQUEST, messages=(ChatMessage("user", "How long?", (Image("image/png", "aa"),)),)),
    "call": replace(
        REQUEST, messages=(ChatMessage("user", "How long?", tool_calls=(ToolCall("c", "f", "{}"),)),)
    ),
    "split": replace(REQUEST, messages=(ChatMessage("user", "How "), ChatMessage("user", "long?"))),
    "model": replace(REQUEST, model="other"),
    "tools": replace(REQUEST, tools=(Tool("f"),)),
    "tool choice": replace(REQUEST, tool_choice="required"),
    "schema": replace(REQUEST, json_schema="{}"),
    "json": replace(REQUEST, json_object=True),
    "seed": replace(REQUEST, seed=1),
    "max tokens": replace(REQUEST, max_tokens=5),
    "stop": replace(REQUEST, stop=("x",)),
    "top p": replace(REQUEST, top_p=0.5),
    "thinking": replace(REQUEST, thinking="on"),
    "logprobs": replace(REQUEST, top_logprobs=0),
    "context": replace(REQUEST, context_tokens=4096),
    "data": replace(REQUEST, data="local_only"),
    "wishes": replace(REQUEST, wishes=replace(ASK, force="local")),
    "task": replace(REQUEST, task="summary"),
    "own bytes": replace(REQUEST, original=Original("openai", b'{"logit_bias":{}}')),
}


def test_everything_that_matters_is_in_the_key() -> None:
    """Each change alone, the model that runs, its digest and the reader make another key; all differ."""
    runs = Runs("e", "m", "sha256:1")
    keys = [cache_key(request, runs, ANNA, "anna") for request in (REQUEST, *CHANGES.values())]
    others = (replace(runs, digest="sha256:2"), replace(runs, model="n"), replace(runs, engine="f"))
    keys += [cache_key(REQUEST, other, ANNA, "anna") for other in others]
    keys.append(cache_key(REQUEST, runs, BORIS, "boris"))
    keys.append(cache_key(REQUEST, runs, replace(ANNA, cloud=False), "anna"))
    keys.append(cache_key(REQUEST, runs, replace(ANNA, models=("m",)), "anna"))
    keys.append(cache_key(REQUEST, runs, WEB, "wanda"))
    for left, right in itertools.combinations(range(len(keys)), 2):
        assert keys[left] != keys[right], (left, right)


def test_what_changes_no_word_is_not() -> None:
    """Reading piece by piece, and how long the model stays loaded; and which key of a team asks."""
    runs = Runs("e", "m")
    whole = replace(REQUEST, stream=False, keep_alive_s=5.0)
    assert cache_key(REQUEST, runs, ANNA, "anna") == cache_key(whole, runs, ANNA, "anna")
    colleague = replace(WEB, key="v", user="viktor")
    assert cache_key(REQUEST, runs, WEB, "wanda") == cache_key(REQUEST, runs, colleague, "viktor")


async def test_users_do_not_read_each_others_replies() -> None:
    """The same request of another user is a call of its own; of a colleague in one team it is not."""
    world = World()
    for grant in (ANNA, BORIS, WEB, replace(WEB, key="v", user="viktor")):
        await world.ask(grant=grant)
    assert (world.engine.calls, world.cache.hits) == (3, 1)


@pytest.mark.parametrize(
    "events",
    [
        (TextDelta("28 "), Failed("engine_broke", "died")),
        (TextDelta("28 "), Finished("content_filter")),
        (TextDelta("28 "),),
    ],
    ids=["failed", "filtered", "cut"],
)
async def test_only_finished_replies_are_kept(events: tuple[ChatEvent, ...]) -> None:
    """What failed, was filtered or never ended is asked anew."""
    world = World()
    world.engine.events = events
    await world.ask()
    await world.ask()
    assert (world.engine.calls, world.cache.size_bytes) == (2, 0)


async def test_a_reply_left_in_the_middle_is_not_kept() -> None:
    """The reader went away after the first word."""
    world = World()
    answer = await world.cache.open(REQUEST, request_id="r", user="anna", grant=ANNA)
    assert await anext(aiter(answer)) == TextDelta("28 ")
    await answer.aclose()
    await world.ask()
    assert world.engine.calls == 2


async def test_another_engine_than_expected_is_not_kept() -> None:
    """The first engine failed and the next one answered: that is not what the key promises."""
    world = World()
    world.engine.used = EngineUsed("spare", "m", "local", "before it failed `e`")
    await world.ask()
    await world.ask()
    assert world.engine.calls == 2


async def test_what_may_not_be_answered_now_is_not_answered_from_memory() -> None:
    """After the rules changed there is no route, and the dispatch says so although a reply is kept."""
    world = World()
    await world.ask()
    world.runs = None

    async def refuse(*_: object, **__: object) -> Stream:
        raise NoEngine("the data may not leave the house")

    world.engine.open = refuse  # type: ignore[method-assign]
    with pytest.raises(NoEngine):
        await world.ask()


async def test_replies_grow_old() -> None:
    """The last second yes, the next no."""
    world = World()
    await world.ask()
    world.now = 59.9
    assert (await world.ask())[0].engine == "cache"
    world.now = 60.0
    assert (await world.ask())[0].engine == "e"


async def test_memory_is_bounded() -> None:
    """A thousand replies weigh no more than allowed; what was used last stays."""
    world = World(rules=CacheRules(unasked=False, ttl_s=60.0, max_bytes=5_000))
    for number in range(1000):
        await world.ask(replace(REQUEST, seed=number))
        await world.ask(replace(REQUEST, seed=0))
    assert 0 < world.cache.size_bytes <= 5_000
    assert world.engine.calls == 1000
    assert world.cache.hits == 1000
