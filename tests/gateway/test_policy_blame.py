"""What a caller is told whose model some layer took away, and who gets a model of its class instead."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.facts import Facts
from inhouse.gateway.fleet import Engine, Fleet, Model
from inhouse.gateway.policy import NoRoute, Route, decide, refusal
from inhouse.gateway.rules import AliasRule, Budget, Rules
from inhouse.kernel.errors import Forbidden, InhouseError, NoEngine, NotFound, NotSupported, OverBudget
from inhouse.kernel.messages import Wishes

NOW = 1_795_000_000.0
FREE = Budget()
OPEN = Rules(cloud_allowed=True)
SPENT = Budget(0, spent="the budget of team `sales` for this month is used up until 2026-12-01 00:00")
ASK = Facts(task="chat", data="any", model=None, prompt_tokens=100, reply_tokens=100)
FORCED = Wishes(force="cloud")
OLLAMA = Engine("ollama", "ollama", "local", "", "up", (Model("qwen2.5:7b"), Model("phi3")))
GPU = Engine("gpu", "vllm", "local", "", "up", (Model("mistral-nemo:12b"),))
DEMO = Engine("embedded", "embedded", "local", "", "up", (Model("tiny", demo=True),))
CLAUDE = Engine(
    "anthropic",
    "anthropic",
    "cloud",
    "",
    "up",
    (Model("claude-sonnet-4-5"), Model("claude-haiku-4-5"), Model("claude-opus-4-8")),
    default_model="claude-sonnet-4-5",
)
SONNET = replace(ASK, model="claude-sonnet-4-5")
KEYLESS = replace(SONNET, cloud=False)
RESTING = replace(CLAUDE, rests_until=NOW + 9, rest_reason="answered 529")


def refused(
    facts: Facts, *engines: Engine, rules: Rules = OPEN, budget: Budget = FREE
) -> tuple[NoRoute, InhouseError]:
    """The refusal and the error that it becomes."""
    route = decide(facts, Fleet(engines), rules, budget, NOW)
    assert isinstance(route, NoRoute)
    return route, refusal(route)


@pytest.mark.parametrize(
    ("facts", "engine", "rules", "budget", "error", "said"),
    [
        (SONNET, RESTING, OPEN, FREE, NoEngine, "rests for 9 s more: answered 529"),
        (SONNET, replace(CLAUDE, state="down"), OPEN, FREE, NoEngine, "is down"),
        (SONNET, CLAUDE, OPEN, SPENT, OverBudget, "the budget of team `sales` for this month is used up"),
        (replace(KEYLESS, wishes=FORCED), CLAUDE, OPEN, FREE, Forbidden, "without an API key"),
        (replace(KEYLESS, key="k1", wishes=FORCED), CLAUDE, OPEN, FREE, Forbidden, "this key may not"),
        (replace(SONNET, wishes=FORCED), CLAUDE, Rules(), FREE, Forbidden, "are not allowed"),
        (
            replace(SONNET, data="local_only", wishes=FORCED),
            CLAUDE,
            OPEN,
            FREE,
            Forbidden,
            "may not leave the house",
        ),
        (
            replace(SONNET, needs=frozenset({"tools"})),
            replace(CLAUDE, models=(Model("claude-sonnet-4-5", capabilities=frozenset()),)),
            OPEN,
            FREE,
            NotSupported,
            "cannot call functions",
        ),
    ],
)
def test_the_layer_that_took_the_model_gives_words_and_code(
    facts: Facts, engine: Engine, rules: Rules, budget: Budget, error: type[InhouseError], said: str
) -> None:
    """A name that is offered is never told to be unknown: what keeps its engine away is named, with a way
    out; control: the same request with nothing in its way is answered by that engine."""
    route, told = refused(facts, OLLAMA, engine, rules=rules, budget=budget)
    assert type(told) is error
    assert "`claude-sonnet-4-5`" in told.message
    assert said in told.message
    assert told.hint
    assert "did you mean" not in told.hint
    assert route.layer == "explicit"
    good = decide(
        replace(facts, data="any", cloud=True, needs=frozenset()), Fleet((CLAUDE,)), OPEN, FREE, NOW
    )
    assert isinstance(good, Route)
    assert good.attempts[0].engine == "anthropic"


@pytest.mark.parametrize(
    ("facts", "rules", "hint"),
    [
        (replace(KEYLESS, wishes=FORCED), OPEN, "inhouse keys add"),
        (replace(KEYLESS, key="k1", wishes=FORCED), OPEN, "inhouse keys"),
        (replace(SONNET, wishes=FORCED), Rules(), "cloud.allowed"),
        (replace(SONNET, data="local_only", wishes=FORCED), Rules(), "x-inhouse-data"),
    ],
)
def test_who_may_not_go_out_is_told_the_way_out_that_helps(facts: Facts, rules: Rules, hint: str) -> None:
    """The hint names what is in the way, and nothing that would change nothing."""
    _, told = refused(facts, OLLAMA, CLAUDE, rules=rules)
    assert hint in told.hint
    assert ("cloud.allowed" in told.hint) is (hint == "cloud.allowed")


@pytest.mark.parametrize("model", [None, "auto", "opus", "claude-sonnet-4-5"])
def test_a_forced_cloud_says_what_is_in_its_way(model: str | None) -> None:
    """Money, rest and leave are told apart, whatever the name; without any cloud engine that is said."""
    facts = replace(ASK, model=model, wishes=FORCED)
    _, told = refused(facts, OLLAMA, CLAUDE, budget=SPENT)
    assert type(told) is OverBudget
    assert "of team `sales`" in told.message
    assert "cloud.allowed" not in str(told)
    _, told = refused(facts, OLLAMA, RESTING)
    assert (type(told), "rests for 9 s" in told.message) == (NoEngine, True)
    _, told = refused(replace(facts, cloud=False), OLLAMA, CLAUDE)
    assert type(told) is Forbidden
    _, told = refused(facts, OLLAMA)
    assert (type(told), "no cloud engine" in told.message) == (NoEngine, True)


def test_a_spent_budget_is_named_where_no_name_was_asked() -> None:
    """Whose budget it is stands in the refusal of every request that only the cloud could take."""
    _, told = refused(ASK, CLAUDE, budget=SPENT)
    assert type(told) is OverBudget
    assert "of team `sales`" in told.message


@pytest.mark.parametrize(
    ("facts", "rules", "why"),
    [
        (KEYLESS, OPEN, "callers without an API key may not use the cloud"),
        (replace(KEYLESS, key="k1"), OPEN, "this key may not use the cloud"),
        (SONNET, Rules(), "cloud engines are not allowed"),
        (replace(SONNET, data="local_only"), OPEN, "the data may not leave the house"),
    ],
)
@pytest.mark.parametrize("cloud", [CLAUDE, replace(CLAUDE, state="down")])
def test_who_may_not_go_out_gets_the_local_model_of_that_class(
    facts: Facts, rules: Rules, why: str, cloud: Engine
) -> None:
    """A client that worked before a cloud engine was there works on, and the reason says so; control: who
    may go out gets the very model, and who forces the cloud is refused."""
    route = decide(facts, Fleet((OLLAMA, GPU, cloud)), rules, FREE, NOW)
    assert isinstance(route, Route)
    assert route.attempts[0].engine == "ollama"
    assert all(each.where == "local" for each in route.attempts)
    assert why in route.attempts[0].reason
    assert "means a medium model here" in route.attempts[0].reason
    free = decide(SONNET, Fleet((OLLAMA, GPU, CLAUDE)), OPEN, FREE, NOW)
    assert isinstance(free, Route)
    assert [each.model for each in free.attempts] == ["claude-sonnet-4-5"]
    _, told = refused(replace(facts, wishes=FORCED), OLLAMA, GPU, CLAUDE, rules=rules)
    assert type(told) is Forbidden


def test_names_that_must_be_exact_do_not_fall_back() -> None:
    """What the house itself runs a request as, vectors, and names in a house that refuses foreign ones."""
    for facts, rules in (
        (replace(KEYLESS, exactly=True), OPEN),
        (KEYLESS, replace(OPEN, unknown_names="refuse")),
    ):
        _, told = refused(facts, OLLAMA, CLAUDE, rules=rules)
        assert type(told) is Forbidden
    vectors = Engine("openai", "openai", "cloud", "", "up", (Model("text-embedding-3-small", chats=False),))
    own = replace(OLLAMA, models=(Model("nomic-embed-text", chats=False),))
    asked = replace(
        ASK, task="embed", model="text-embedding-3-small", needs=frozenset({"embed"}), cloud=False
    )
    _, told = refused(asked, own, vectors)
    assert type(told) is Forbidden
    assert isinstance(decide(asked, Fleet((own,)), OPEN, FREE, NOW), Route)


def test_without_a_local_engine_the_ban_is_what_is_told() -> None:
    """Where nobody is left in the house it is final, where a local engine is only down it may come back."""
    _, told = refused(KEYLESS, CLAUDE)
    assert type(told) is Forbidden
    assert "inhouse keys add" in told.hint
    _, told = refused(KEYLESS, CLAUDE, replace(OLLAMA, state="down"))
    assert type(told) is NoEngine


def test_an_alias_tells_why_none_of_its_models_can_be_had() -> None:
    """Its models are named with their reasons; one that nobody offers is told as such."""
    rules = replace(OPEN, aliases=(AliasRule("fast", ("claude-sonnet-4-5",)), AliasRule("none", ("zzz",))))
    _, told = refused(replace(ASK, model="fast"), OLLAMA, RESTING, rules=rules)
    assert (type(told), "rests for 9 s" in told.message) == (NoEngine, True)
    _, told = refused(replace(ASK, model="fast", cloud=False), OLLAMA, CLAUDE, rules=rules)
    assert type(told) is Forbidden
    _, told = refused(replace(ASK, model="none"), OLLAMA, rules=rules)
    assert "`zzz`" in told.message


def test_a_class_of_cloud_models_of_which_none_is_chosen_says_so() -> None:
    """A foreign name is not told to be unknown when only the choice of a cloud model is missing."""
    undecided = replace(CLAUDE, default_model=None)
    _, told = refused(replace(ASK, model="llama3.2", wishes=FORCED), OLLAMA, undecided)
    assert "no model is chosen" in told.message
    assert "[[engine]]" in told.hint


def test_near_names_are_neither_itself_nor_retired() -> None:
    """`did you mean` names what can be asked for today."""
    _, told = refused(
        replace(ASK, model="claude-3-opus"), OLLAMA, rules=replace(OPEN, unknown_names="refuse")
    )
    assert type(told) is NotFound
    for name in ("gpt-4-32", "claude-3-opuss", "text-davinci-00", "gpt-3.5-turb"):
        other = refusal_or_none(name)
        hint = "" if other is None else other.hint
        assert "text-davinci-003" not in hint
        assert f"`{name}`" not in hint


def refusal_or_none(name: str) -> InhouseError | None:
    """The error for a name, None when it is answered."""
    route = decide(replace(ASK, model=name), Fleet((OLLAMA,)), OPEN, FREE, NOW)
    return refusal(route) if isinstance(route, NoRoute) else None


def test_a_name_of_an_engine_that_went_down_is_not_unknown() -> None:
    """What an engine offered until it went down is 503 with its reason, as long as it is down, and not after
    a look that says otherwise; control: a name that it never offered is not found."""
    board = FleetBoard(lambda: NOW)
    own = Engine("box", "vllm", "local", "", "up", (Model("our-writer"),))
    gone = replace(own, state="down", models=(), reason="no connection")
    for look in ((OLLAMA, own), (OLLAMA, gone), (OLLAMA, gone)):
        board.show(look)
    for name in ("our-writer", "box/our-writer", "OUR-WRITER:latest"):
        _, told = refused(replace(ASK, model=name), *board.fleet.engines)
        assert (type(told), "`box`: no connection" in told.message) == (NoEngine, True)
    _, told = refused(replace(ASK, model="our-writer"), board.fleet.engines[1])
    assert (type(told), told.message) == (NoEngine, "`our-writer` cannot be had: `box`: no connection")
    _, told = refused(replace(ASK, model="our-painter"), *board.fleet.engines)
    assert type(told) is NotFound
    board.show((OLLAMA, replace(own, models=(Model("another"),))))
    _, told = refused(replace(ASK, model="our-writer"), *board.fleet.engines)
    assert type(told) is NotFound
