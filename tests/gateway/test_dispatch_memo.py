"""Remembered routes are exactly those that `decide` would give."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.dispatch_memo import RouteMemo
from inhouse.gateway.facts import Facts, Need
from inhouse.gateway.fleet import Engine, Load, Model
from inhouse.gateway.policy import Route, decide
from inhouse.gateway.rules import TASKS, Budget, Rules
from inhouse.kernel.errors import EngineBroke
from inhouse.kernel.messages import DataPolicy, Wishes

ENGINES = (
    Engine("o", "ollama", "local", "http://a", "up", (Model("qwen2.5:7b", 4096), Model("phi3", 128))),
    Engine("v", "vllm", "local", "http://b", "up", (Model("qwen2.5:7b", 32768),), load=Load(slots=2)),
    Engine("c", "openai", "cloud", "http://c", "up", (Model("gpt-5", 200_000),), default_model="gpt-5"),
)
RULES = (
    Rules(cloud_allowed=True, tasks={each.name: each for each in TASKS}),
    Rules(local="force", order=("vllm", "ollama")),
)

questions = st.lists(
    st.tuples(
        st.builds(
            Facts,
            task=st.sampled_from(["chat", "summary", "answer"]),
            data=st.sampled_from(["any", "local_only"]),
            model=st.sampled_from([None, "phi3", "qwen2.5:7b", "gpt-5", "nobody"]),
            prompt_tokens=st.sampled_from([1, 100, 127, 128, 129, 4000, 4096, 5000, 40_000, 300_000]),
            reply_tokens=st.sampled_from([1, 28, 96, 512, 8192]),
            needs=st.sampled_from([frozenset[Need](), frozenset[Need]({"json_schema"})]),
            wishes=st.sampled_from([Wishes(), Wishes(prefer="cloud"), Wishes(priority="critical")]),
            cloud=st.booleans(),
            complexity=st.sampled_from([None, 0.1, 0.9]),
        ),
        st.sampled_from([Budget(), Budget(5), Budget(7), Budget(0)]),
        st.sampled_from(["ask", "begin o", "begin v", "end o", "end v", "fail o", "serve o", "later"]),
        st.integers(0, 1),
    ),
    max_size=40,
)


@given(questions)
def test_same_attempts_as_without_memory(
    asked: list[tuple[Facts, Budget, str, Literal[0, 1]]],
) -> None:
    """Over any order of questions, failures, load and time, the attempts are those of `decide`."""
    now = [1000.0]
    board = FleetBoard(lambda: now[0])
    board.show(ENGINES)
    memo = RouteMemo(board)
    under_way = {"o": 0, "v": 0}
    for facts, budget, step, number in asked:
        word, _, name = step.partition(" ")
        if word == "begin":
            under_way[name] += 1
            board.begin(name)
        elif word == "end" and under_way[name]:
            under_way[name] -= 1
            board.end(name, undecided=False)
        elif word == "fail":
            board.failed(name, EngineBroke("died"))
        elif word == "serve":
            board.served(name)
        elif word == "later":
            now[0] += 0.4
        rules = RULES[number]
        found = memo.decide(facts, rules, budget, now[0])
        wanted = decide(facts, board.current(), rules, budget, now[0])
        assert type(found) is type(wanted)
        if isinstance(found, Route) and isinstance(wanted, Route):
            assert replace(found, trace=()) == replace(wanted, trace=())
        else:
            assert found == wanted


def test_memory_is_used() -> None:
    """Control: a second question of the same kind gets the very same object, one of another kind does not."""
    board = FleetBoard(lambda: 1000.0)
    board.show(ENGINES)
    memo = RouteMemo(board)
    policy: DataPolicy = "any"
    facts = Facts("chat", policy, None, 10, 10)
    first = memo.decide(facts, RULES[0], Budget(), 1000.0)
    assert memo.decide(replace(facts, prompt_tokens=12), RULES[0], Budget(), 1000.0) is first
    assert memo.decide(replace(facts, prompt_tokens=5000), RULES[0], Budget(), 1000.0) is not first
    assert memo.decide(facts, RULES[0], Budget(), 1001.5) is not first


def test_high_limit_on_an_answer_is_remembered_as_no_need() -> None:
    """A short question that allows a long answer shares no route with a long one of the same sum."""
    board = FleetBoard(lambda: 1000.0)
    board.show(ENGINES)
    memo = RouteMemo(board)
    policy: DataPolicy = "local_only"
    short = Facts("chat", policy, "qwen2.5:7b", 100, 5000)
    counts: list[int] = []
    for facts in (short, replace(short, prompt_tokens=4600, reply_tokens=500)):
        found = memo.decide(facts, RULES[0], Budget(), 1000.0)
        wanted = decide(facts, board.current(), RULES[0], Budget(), 1000.0)
        assert isinstance(found, Route)
        assert isinstance(wanted, Route)
        assert found.attempts == wanted.attempts
        counts.append(len(wanted.attempts))
    assert counts == [2, 1], "the second one does not fit everywhere"
