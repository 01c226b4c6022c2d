"""The short way asks whom the long way would ask, over any order of requests, failures, load and reloads."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from inhouse.dialects import openai
from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.dispatch import Dispatch
from inhouse.gateway.edge.dispatch_express import Express, Trip
from inhouse.gateway.edge.providers.http import HttpClient, HttpLimits
from inhouse.gateway.edge.providers.openai import OpenAIProvider
from inhouse.gateway.facts import facts_of
from inhouse.gateway.fleet import Engine, Load, Model
from inhouse.gateway.policy import Attempt, Route, decide
from inhouse.gateway.profiles import PROFILES
from inhouse.gateway.rules import TASKS, AliasRule, Budget, RouteRule, Rules
from inhouse.gateway.till import Free
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import EngineBroke, EngineExhausted
from inhouse.kernel.messages import ChatRequest, DataPolicy
from tests.gateway.test_dispatch import Book

V = Engine("v", "vllm", "local", "http://10.0.0.1:1", "up", (Model("qwen2.5:7b", 4096), Model("phi3", 600)))
W = Engine("w", "vllm", "local", "http://10.0.0.2:1", "up", (Model("qwen2.5:7b", 32768),), load=Load(slots=2))
C = Engine("c", "openai", "cloud", "http://c.example", "up", (Model("gpt-5", 200_000), Model("phi3")))
LOOKS = (
    (V, W, C),
    (V, W),
    (replace(V, where="cloud"), W, C),
    (replace(V, url="http://10.0.0.3:1"), W, C),
    (V, replace(W, models=(Model("qwen2.5:7b", 32768, remote=True), Model("phi3"))), C),
    (V, replace(W, state="down"), C),
    (replace(V, kind="ollama"), replace(W, default_model="qwen2.5:7b"), C),
)
TABLE = {each.name: each for each in TASKS}
RULES = (
    Rules(cloud_allowed=True, tasks=TABLE),
    Rules(cloud_allowed=True, local="false", offered_names="ceiling", tasks=TABLE),
    Rules(order=("ollama", "vllm"), offered_names="class", tasks=TABLE, max_attempts=1),
    Rules(
        cloud_allowed=True,
        scorer=lambda prompt, _task: len(prompt) % 100 / 100,
        hard_from=0.5,
        offered_names="class",
        tasks=TABLE,
    ),
    Rules(
        cloud_allowed=True,
        tasks=TABLE,
        aliases=(
            AliasRule("fast", ("phi3", "gpt-5")),
            AliasRule("phi3", ("gpt-5",), keys=("k2",)),
            AliasRule("qwen*", ("small",), means="ceiling", keys=("blue",)),
        ),
        routes=(
            RouteRule("hush", key="k1", local_only=True),
            RouteRule("out", team="blue", model="phi3", force="cloud"),
            RouteRule("sum", task="summary", prefer="cloud", priority="critical"),
            RouteRule("none", model="", team="red", use="phi3"),
        ),
    ),
)
GRANTS = (
    Grant(),
    Grant(user="anna"),
    Grant(key="k1", team="blue"),
    Grant(key="k2", team="blue", cloud=False),
    Grant(key="k2", team="red", models=("phi*",)),
    Grant(key="k3", team="red", models=("qwen*", "fast")),
)
STEPS = [
    *[""] * 20,
    "begin v",
    "begin w",
    "end v",
    "end w",
    "fail v",
    "fail w",
    "exhaust w",
    "serve v",
    "answer w",
]
STEPS += ["later 0.4", "later 1.9", "later 40", "spend", "earn", *(f"look {at}" for at in range(len(LOOKS)))]


@dataclass(frozen=True)
class Question:
    """One request and what happens before it."""

    step: str
    rules: int
    grant: int
    model: str
    size: int
    most: int | None
    stream: bool
    carried: bool
    data: DataPolicy
    task: str

    def body(self) -> bytes:
        """As a plain chat completion."""
        words: dict[str, object] = {
            "model": self.model,
            "messages": [{"role": "user", "content": "x" * self.size}],
            "stream": self.stream,
        }
        return json.dumps(words | ({} if self.most is None else {"max_tokens": self.most})).encode()

    def request(self) -> ChatRequest:
        """In the kernel's words; one that is carried may be stricter, and of any task."""
        if not self.carried:
            return openai.read_chat(self.body(), data="any")[0]
        read = openai.read_chat(self.body(), data=self.data)[0]
        return replace(read, task=self.task, stream=False, original=None)


questions = st.lists(
    st.builds(
        Question,
        step=st.sampled_from(STEPS),
        rules=st.sampled_from([0, 0, 0, *range(len(RULES))]),
        grant=st.sampled_from([0, 0, 0, *range(len(GRANTS))]),
        model=st.sampled_from(
            ["phi3", "phi3", "phi3", "PHI3:latest", "qwen2.5:7b", "gpt-5", "fast", "v/phi3", "nobody"]
        ),
        size=st.sampled_from([1, 51, 320, 340, 2400, 16_000, 60_000]),
        most=st.sampled_from([None, 1, 300, 4000]),
        stream=st.booleans(),
        carried=st.booleans(),
        data=st.sampled_from(get_args(DataPolicy)),
        task=st.sampled_from(["chat", "chat", "summary", "answer"]),
    ),
    min_size=1,
    max_size=30,
)


class Purse(Free):
    """Budgets of `anna` and of the model `gpt-5`, which can be spent."""

    def __init__(self) -> None:
        self.left = 5

    def budget(self, grant: Grant | None, user: str, model: str | None, now: float) -> Budget:
        """See `Till.budget`."""
        return Budget(self.left) if user == "anna" or model == "gpt-5" else Budget()


class House:
    """A dispatch with its short way, and everything that can happen around it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.rules = RULES[0]
        self.till = Purse()
        self.board = FleetBoard(lambda: self.now)
        self.board.show(LOOKS[0])
        self.under_way: Counter[str] = Counter()
        self._http = HttpClient(HttpLimits())
        self._made: dict[tuple[str, str, str], OpenAIProvider] = {}
        self.dispatch = Dispatch(
            self.board,
            self.provider,
            Book(),
            lambda: self.rules,
            clock=lambda: self.now,
            stopwatch=lambda: self.now,
            till=self.till,
        )
        self.express = Express(self.dispatch, lambda _model, _streamed: True)

    def provider(self, engine: Engine) -> OpenAIProvider:
        """One provider for each place, as `Providers` keeps them."""
        place = (engine.name, engine.kind, engine.url)
        if place not in self._made:
            self._made[place] = OpenAIProvider(engine.name, engine.url, PROFILES[engine.kind], self._http)
        return self._made[place]

    def happen(self, step: str) -> None:
        """One thing, before the next request."""
        word, _, name = step.partition(" ")
        if word == "begin":
            self.under_way[name] += 1
            self.board.begin(name)
        elif word == "end" and self.under_way[name]:
            self.under_way[name] -= 1
            self.board.end(name, undecided=True)
        elif word == "fail":
            self.board.failed(name, EngineBroke("died"))
        elif word == "exhaust":
            self.board.failed(name, EngineExhausted("no money"))
        elif word == "serve":
            self.board.served(name)
        elif word == "answer":
            self.board.answers(name)
        elif word == "later":
            self.now += float(name)
        elif word == "look":
            self.board.show(LOOKS[int(name)])
        elif word in ("spend", "earn"):
            self.till.left = 0 if word == "spend" else 5

    def trip(self, asked: Question) -> Trip | None:
        """The short way of a request."""
        grant = GRANTS[asked.grant]
        if asked.carried:
            return self.express.carry(asked.request(), grant)
        return self.express.trip(asked.body(), grant)

    def attempts(self, asked: Question) -> tuple[Attempt, ...]:
        """Whom the long way would ask without any memory, nobody where it would refuse."""
        grant = GRANTS[asked.grant]
        facts = facts_of(asked.request(), grant, self.rules.scorer)
        budget = self.till.budget(grant, grant.user, facts.model, self.now)
        found = decide(facts, self.board.current(), self.rules, budget, self.now)
        return found.attempts if isinstance(found, Route) else ()


@given(questions)
def test_short_way_asks_whom_the_long_one_would(asked: list[Question]) -> None:
    """Same attempts in the same order, at the engine's present address; outside first is the long way's."""
    house = House()
    for each in asked:
        house.happen(each.step)
        house.rules = RULES[each.rules]
        wanted, trip = house.attempts(each), house.trip(each)
        if not wanted or wanted[0].where != "local":
            assert trip is None
            continue
        assert trip is not None
        way = trip._way
        assert way.route.attempts == wanted
        assert way.attempt == wanted[0]
        engine = house.board.fleet.engine(wanted[0].engine)
        assert engine is not None
        assert way.road._post.url == f"{engine.url}/v1/chat/completions"
        assert way.road._model == wanted[0].model
        assert way.engine.where == "local"
        facts = facts_of(each.request(), GRANTS[each.grant])
        assert (trip.prompt_tokens, trip.reply_tokens) == (facts.prompt_tokens, facts.reply_tokens)
        if facts.data == "local_only" or not facts.cloud:
            assert all(attempt.where == "local" for attempt in way.route.attempts)


def test_high_limit_on_an_answer_is_no_need() -> None:
    """A short question that allows a long answer decides nothing for one that needs as many tokens."""
    house = House()
    short = Question("", 0, 0, "phi3", 1, 4000, False, False, "local_only", "chat")
    long = replace(short, size=2400, most=300)
    for asked in (short, long, replace(short, carried=True), replace(long, carried=True)):
        wanted, trip = house.attempts(asked), house.trip(asked)
        assert (trip is not None) == (bool(wanted) and wanted[0].where == "local")
        assert trip is None or trip._way.route.attempts == wanted


def test_memory_is_used() -> None:
    """Control: two requests that differ in their words only share their way, those of two callers do not."""
    house = House()
    plain = Question("", 0, 0, "phi3", 1, None, False, False, "any", "chat")
    first, second = house.trip(plain), house.trip(replace(plain, size=3))
    other = house.trip(replace(plain, grant=1))
    assert first is not None
    assert second is not None
    assert other is not None
    assert first._way is second._way
    house.happen("look 3")
    moved = house.trip(plain)
    assert moved is not None
    assert moved._way is not first._way
