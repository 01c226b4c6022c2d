"""The layers of `decide` that send, choose and rank: each rule, and each conflict between two."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.gateway.facts import Facts
from inhouse.gateway.fleet import Engine, Fleet, Load, Model
from inhouse.gateway.policy import NoRoute, Route, decide, refusal
from inhouse.gateway.policy.what_if import what_if
from inhouse.gateway.rules import (
    TASKS,
    AliasRule,
    Budget,
    LocalSwitch,
    OfferedNames,
    RouteRule,
    Rules,
    TaskRule,
)
from inhouse.kernel.errors import Forbidden, NotFound, OverBudget
from inhouse.kernel.messages import NO_WISHES, Priority, Wishes

NOW = 1_795_000_000.0
FREE = Budget()
ASK = Facts(task="chat", data="any", model=None, prompt_tokens=100, reply_tokens=100)
PLAN_TASKS = {each.name: each for each in TASKS}
OPEN = Rules(cloud_allowed=True)
PLANS = replace(OPEN, tasks=PLAN_TASKS)

MODELS = ("qwen2.5:32b", "mistral-nemo:12b", "qwen2.5:7b", "llama3.2", "phi3", "nomic-embed-text")
OLLAMA = Engine(
    "ollama",
    "ollama",
    "local",
    "",
    "up",
    tuple(Model(name, chats="embed" not in name, loaded=True) for name in MODELS),
)
SMALL = Engine("small", "ollama", "local", "", "up", (Model("llama3.2", loaded=True),))
CLOUD = Engine(
    "openai",
    "openai",
    "cloud",
    "",
    "up",
    (Model("gpt-6-sol"), Model("gpt-6-luna"), Model("text-embedding-3-small", chats=False)),
    default_model="gpt-6-sol",
)
CLAUDE = Engine(
    "claude",
    "openai",
    "cloud",
    "",
    "up",
    (Model("claude-haiku-4-5"), Model("claude-opus-4-8"), Model("claude-opus-4-6")),
)


def first(*engines: Engine, facts: Facts = ASK, rules: Rules = PLANS, budget: Budget = FREE) -> str:
    """`engine/model` of the first attempt, or the layer that left none."""
    route = decide(facts, Fleet(engines), rules, budget, NOW)
    if isinstance(route, NoRoute):
        return f"no: {route.layer}"
    return f"{route.attempts[0].engine}/{route.attempts[0].model}"


def wishing(**wishes: object) -> Facts:
    """The plain request with these wishes."""
    return replace(ASK, wishes=replace(NO_WISHES, **wishes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "rules", "engine"),
    [
        (wishing(role="L1"), PLANS, "openai"),
        (wishing(role="L2"), PLANS, "ollama"),
        (wishing(role="L3"), PLANS, "ollama"),
        (wishing(role="L1"), replace(PLANS, local="true"), "openai"),
        (wishing(role="L2"), replace(PLANS, local="true"), "ollama"),
        (wishing(role="L1"), replace(PLANS, local="force"), "ollama"),
        (wishing(role="L1"), replace(PLANS, cloud_allowed=False), "ollama"),
        (replace(wishing(role="L1"), data="local_only"), PLANS, "ollama"),
        (replace(wishing(role="L1"), cloud=False), PLANS, "ollama"),
        (replace(ASK, task="coordination"), PLANS, "openai"),
        (replace(ASK, task="review"), PLANS, "openai"),
        (replace(wishing(role="L3"), task="review"), PLANS, "ollama"),
        (wishing(priority="critical"), PLANS, "openai"),
        (wishing(priority="high"), PLANS, "openai"),
        (wishing(priority="medium"), PLANS, "ollama"),
        (wishing(priority="low"), PLANS, "ollama"),
        (wishing(priority="batch"), PLANS, "ollama"),
        (wishing(role="L3", priority="critical"), PLANS, "ollama"),
        (wishing(role="L1", priority="low"), PLANS, "openai"),
        (wishing(prefer="cloud"), PLANS, "openai"),
        (wishing(prefer="cloud", role="L3"), PLANS, "openai"),
        (wishing(prefer="cloud"), replace(PLANS, local="true"), "openai"),
        (wishing(prefer="local"), replace(PLANS, local="false"), "openai"),
        (wishing(force="local"), replace(PLANS, local="false"), "ollama"),
        (wishing(force="cloud"), replace(PLANS, local="true"), "openai"),
        (wishing(force="cloud", prefer="local"), PLANS, "openai"),
        (wishing(force="local", role="L1"), PLANS, "ollama"),
    ],
)
def test_the_highest_layer_with_a_word_on_the_place_is_obeyed(
    facts: Facts, rules: Rules, engine: str
) -> None:
    """Force, preference, switch, role and priority, alone and against each other."""
    assert first(OLLAMA, CLOUD, facts=facts, rules=rules).split("/")[0] == engine


@pytest.mark.parametrize(
    ("facts", "rules", "layer"),
    [
        (wishing(force="cloud"), replace(PLANS, local="force"), "no: operator"),
        (wishing(force="cloud"), replace(PLANS, cloud_allowed=False), "no: explicit"),
        (replace(wishing(force="cloud"), data="local_only"), PLANS, "no: explicit"),
    ],
)
def test_bans_stand_above_force(facts: Facts, rules: Rules, layer: str) -> None:
    """Data policy, consent and the ban of the cloud are not undone by a header."""
    assert first(OLLAMA, CLOUD, facts=facts, rules=rules) == layer


def test_batch_work_waits_rather_than_go_out() -> None:
    """While the house has an engine at all, batch work is refused rather than sent to the cloud."""
    tired = replace(OLLAMA, rests_until=NOW + 9, rest_reason="died")
    assert first(tired, CLOUD, facts=wishing(priority="batch")) == "no: priority"
    assert first(tired, CLOUD) == "openai/gpt-6-sol"
    assert first(CLOUD, facts=wishing(priority="batch")) == "openai/gpt-6-sol"


@pytest.mark.parametrize(
    ("task", "model"),
    [
        ("chat", "mistral-nemo:12b"),
        ("analysis", "qwen2.5:32b"),
        ("transcript", "qwen2.5:7b"),
        ("summary", "phi3"),
        ("system", "phi3"),
        ("agent", "llama3.2"),
        ("reasoning", "qwen2.5:32b"),
    ],
)
def test_each_task_gets_the_model_of_the_plans(task: str, model: str) -> None:
    """The planning documents' models, each for its task."""
    assert first(OLLAMA, facts=replace(ASK, task=task)) == f"ollama/{model}"


def test_roles_without_a_task_are_agents_at_work() -> None:
    """L2 and L3 get the agents' model, the same request without a role the chat's."""
    assert first(OLLAMA, facts=wishing(role="L3")) == "ollama/llama3.2"
    assert first(OLLAMA) == "ollama/mistral-nemo:12b"


def test_the_administrator_is_obeyed_before_the_package() -> None:
    """An engine's chosen model stands above a built-in task, a configured task above both."""
    chosen = replace(OLLAMA, default_model="qwen2.5:7b")
    assert first(chosen) == "ollama/qwen2.5:7b"
    tasks = {**PLAN_TASKS, "chat": TaskRule("chat", ("phi3",), configured=True)}
    assert first(chosen, rules=replace(PLANS, tasks=tasks)) == "ollama/phi3"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gpt-4o", "ollama/qwen2.5:32b"),
        ("gpt-4o-mini", "ollama/llama3.2"),
        ("claude-3-5-sonnet-20241022", "ollama/mistral-nemo:12b"),
        ("haiku", "ollama/llama3.2"),
        ("opus", "ollama/qwen2.5:32b"),
        ("gemini-2.0-flash", "ollama/mistral-nemo:12b"),
        ("openai/gpt-4o", "ollama/qwen2.5:32b"),
        ("llama3.2:latest", "ollama/llama3.2"),
        ("qwen2.5:7b", "ollama/qwen2.5:7b"),
        ("inhouse/auto", "ollama/mistral-nemo:12b"),
        ("gpt-6-luna", "openai/gpt-6-luna"),
        ("nobody-knows-this", "no: explicit"),
    ],
)
def test_what_a_requested_name_means(name: str, expected: str) -> None:
    """Offered names mean themselves, names of other houses a model of their class, the rest is refused."""
    assert first(OLLAMA, CLOUD, facts=replace(ASK, model=name)) == expected


def test_a_foreign_name_is_refused_where_that_is_wanted() -> None:
    """With `unknown_names = refuse` only offered names and aliases are good."""
    strict = replace(PLANS, unknown_names="refuse")
    assert first(OLLAMA, facts=replace(ASK, model="gpt-4o"), rules=strict) == "no: explicit"
    assert first(OLLAMA, facts=replace(ASK, model="phi3"), rules=strict) == "ollama/phi3"


def test_a_large_model_that_the_house_lacks_is_asked_of_the_cloud() -> None:
    """`opus` goes out when nothing large is here, but not for L3, and never as `llama3.2` to Anthropic."""
    opus = replace(ASK, model="opus")
    assert first(SMALL, CLAUDE, facts=opus) == "claude/claude-opus-4-8"
    assert first(OLLAMA, CLAUDE, facts=opus) == "ollama/qwen2.5:32b"
    assert first(SMALL, CLAUDE, facts=replace(opus, wishes=Wishes(role="L3"))) == "small/llama3.2"
    assert first(SMALL, CLAUDE, facts=opus, rules=replace(PLANS, local="true")) == "small/llama3.2"
    forced = replace(ASK, model="llama3.2", wishes=Wishes(force="cloud"))
    assert first(SMALL, CLAUDE, facts=forced) == "no: explicit"
    assert first(SMALL, CLOUD, facts=forced) == "openai/gpt-6-sol"
    assert first(SMALL, CLAUDE, facts=replace(forced, model="haiku")) == "claude/claude-haiku-4-5"


@pytest.mark.parametrize(
    ("means", "name", "expected"),
    [
        ("exact", "qwen2.5:32b", ["ollama/qwen2.5:32b"]),
        ("class", "llama3.2", ["ollama/llama3.2", "openai/gpt-6-sol"]),
        ("ceiling", "qwen2.5:7b", ["ollama/mistral-nemo:12b"]),
    ],
)
def test_an_offered_name_means_what_the_administrator_says(
    means: OfferedNames, name: str, expected: list[str]
) -> None:
    """Exact: no other; class: it first, then its like; ceiling: nothing above it."""
    rules = replace(PLANS, offered_names=means)
    route = decide(replace(ASK, model=name), Fleet((OLLAMA, CLOUD)), rules, FREE, NOW)
    assert isinstance(route, Route)
    assert [f"{each.engine}/{each.model}" for each in route.attempts] == expected


def test_aliases_hold_for_keys_and_teams_in_order() -> None:
    """The first alias that fits the name and the payer; its models are tried in their order."""
    rules = replace(
        PLANS,
        aliases=(
            AliasRule("gpt-4*", ("phi3",), keys=("team-a",)),
            AliasRule("gpt-4*", ("missing", "qwen2.5:7b", "large")),
            AliasRule("cheap", ("small",), means="ceiling"),
        ),
    )
    asked = replace(ASK, model="gpt-4o")
    assert first(OLLAMA, facts=asked, rules=rules) == "ollama/qwen2.5:7b"
    assert first(OLLAMA, facts=replace(asked, team="team-a"), rules=rules) == "ollama/phi3"
    assert first(OLLAMA, facts=replace(asked, model="cheap"), rules=rules) in (
        "ollama/llama3.2",
        "ollama/phi3",
    )


def test_vectors_are_never_guessed() -> None:
    """One embedding model may stand for a foreign name; of two none does, and no other may take over."""
    embed = replace(ASK, task="embed", needs=frozenset({"embed"}))
    assert first(OLLAMA, CLOUD, facts=embed) == "ollama/nomic-embed-text"
    assert first(OLLAMA, facts=replace(embed, model="text-embedding-ada-002")) == "ollama/nomic-embed-text"
    two = replace(OLLAMA, models=(*OLLAMA.models, Model("bge-m3", chats=False)))
    refused = decide(replace(embed, model="text-embedding-ada-002"), Fleet((two,)), PLANS, FREE, NOW)
    assert isinstance(refused, NoRoute)
    assert "[[alias]]" in refused.hint
    other = Engine("other", "vllm", "local", "", "up", (Model("bge-m3", chats=False),))
    route = decide(embed, Fleet((OLLAMA, other)), PLANS, FREE, NOW)
    assert isinstance(route, Route)
    assert [each.engine for each in route.attempts] == ["ollama"]


def test_a_key_asks_only_for_its_models() -> None:
    """A name outside its patterns is forbidden; without a name only models inside them are used."""
    bound = replace(ASK, models=("phi*", "gpt-*"))
    refused = decide(replace(bound, model="qwen2.5:7b"), Fleet((OLLAMA,)), PLANS, FREE, NOW)
    assert isinstance(refused, NoRoute)
    assert isinstance(refusal(refused), Forbidden)
    assert first(OLLAMA, facts=bound) == "ollama/phi3"
    assert first(OLLAMA, facts=replace(bound, model="gpt-4o")) == "ollama/qwen2.5:32b"
    assert first(OLLAMA, facts=replace(bound, model="inhouse/auto")) == "ollama/phi3"
    rules = replace(PLANS, routes=(RouteRule("all", use="qwen2.5:7b"),))
    assert first(OLLAMA, facts=bound, rules=rules) == "ollama/qwen2.5:7b"


def test_refusals_are_the_right_errors() -> None:
    """An unknown name is not found, a spent budget is a budget's error."""
    unknown = decide(replace(ASK, model="zzz"), Fleet((OLLAMA,)), PLANS, FREE, NOW)
    broke = decide(ASK, Fleet((CLOUD,)), PLANS, Budget(0), NOW)
    assert isinstance(unknown, NoRoute)
    assert isinstance(broke, NoRoute)
    assert isinstance(refusal(unknown), NotFound)
    assert isinstance(refusal(broke), OverBudget)


def test_a_limit_of_the_request_needs_a_known_price() -> None:
    """What costs more, or nobody knows how much, is left out; control: what is cheap enough stays."""
    limited = wishing(force="cloud", max_cost_micros=100)

    def cheap(engine: str, model: str, tokens_in: int, tokens_out: int) -> int | None:
        return 100 if model == "gpt-6-sol" else None

    assert first(CLOUD, facts=limited) == "no: budget"
    assert first(CLOUD, facts=limited, budget=Budget(None, cheap)) == "openai/gpt-6-sol"
    assert first(CLOUD, facts=limited, budget=Budget(None, lambda *_: 101)) == "no: budget"
    assert first(OLLAMA, CLOUD, facts=wishing(max_cost_micros=0)).startswith("ollama/")


@pytest.mark.parametrize(
    ("complexity", "engines", "expected"),
    [
        (0.5, (SMALL, CLOUD), "small/llama3.2"),
        (0.9, (SMALL, CLOUD), "openai/gpt-6-sol"),
        (0.9, (OLLAMA, CLOUD), "ollama/qwen2.5:32b"),
        (None, (SMALL, CLOUD), "small/llama3.2"),
    ],
)
def test_hard_prompts_go_to_the_strongest(
    complexity: float | None, engines: tuple[Engine, ...], expected: str
) -> None:
    """A hard prompt goes out only where the cloud is stronger; one that nobody judged stays."""
    assert first(*engines, facts=replace(ASK, complexity=complexity)) == expected


def test_the_task_adds_to_how_hard_a_prompt_is() -> None:
    """The same prompt is hard as reasoning and easy as a summary."""
    facts = replace(ASK, complexity=0.75)
    assert first(SMALL, CLOUD, facts=replace(facts, task="reasoning")) == "openai/gpt-6-sol"
    assert first(SMALL, CLOUD, facts=replace(facts, task="summary")) == "small/llama3.2"


BUSY = Load(in_flight=8, slots=2, request_s=10.0)


@pytest.mark.parametrize(
    ("load", "facts", "engine"),
    [
        (Load(), ASK, "small"),
        (BUSY, ASK, "openai"),
        (replace(BUSY, slots=16), ASK, "small"),
        (replace(BUSY, slots=None), ASK, "small"),
        (Load(waiting=20, request_s=10.0), ASK, "openai"),
        (BUSY, wishing(priority="low"), "small"),
        (BUSY, wishing(priority="batch"), "small"),
        (BUSY, wishing(role="L3"), "small"),
        (BUSY, replace(ASK, data="local_only"), "small"),
        (BUSY, replace(ASK, model="llama3.2"), "small"),
    ],
)
def test_a_queue_spills_only_where_it_may(load: Load, facts: Facts, engine: str) -> None:
    """The own count counts where slots are known; batch, local roles, private data and names wait."""
    assert first(replace(SMALL, load=load), CLOUD, facts=facts).split("/")[0] == engine


def test_a_model_that_loads_too_slowly_gives_way() -> None:
    """A load beyond the deadline loses to a loaded model, then to the cloud; low priority waits."""
    cold = Engine(
        "big", "mlx", "local", "", "up", (Model("qwen2.5:32b", loaded=False),), load=Load(load_s=50.0)
    )
    analysis = replace(ASK, task="analysis")
    assert first(cold, facts=analysis) == "big/qwen2.5:32b"
    assert first(cold, SMALL, facts=analysis) == "small/llama3.2"
    assert first(cold, CLOUD, facts=analysis) == "openai/gpt-6-sol"
    assert first(cold, SMALL, facts=replace(analysis, wishes=Wishes(priority="low"))) == "big/qwen2.5:32b"
    quick = replace(cold, load=Load(load_s=5.0))
    assert first(quick, SMALL, facts=analysis) == "big/qwen2.5:32b"


def test_the_idlest_of_two_equal_engines_is_first() -> None:
    """Two engines of one kind with the same model: the one with less under way."""
    busy = replace(SMALL, name="a", load=Load(in_flight=3, slots=8))
    idle = replace(SMALL, name="b", load=Load(in_flight=1, slots=8))
    assert first(busy, idle) == "b/llama3.2"


def test_routes_add_wishes_and_tighten_data() -> None:
    """A `[[route]]` speaks for who says nothing, is overruled by who does, and keeps data in for all."""
    rules = replace(
        PLANS,
        routes=(
            RouteRule("planning", task="plan*", role="L1"),
            RouteRule("payroll", team="pay", local_only=True, use="phi3"),
        ),
    )
    plan = replace(ASK, task="planning")
    assert first(OLLAMA, CLOUD, facts=plan, rules=rules).startswith("openai/")
    said = replace(plan, wishes=Wishes(role="L3"))
    assert first(OLLAMA, CLOUD, facts=said, rules=rules).startswith("ollama/")
    pay = replace(ASK, team="pay", wishes=Wishes(prefer="cloud"))
    assert first(OLLAMA, CLOUD, facts=pay, rules=rules) == "ollama/phi3"


def test_after_the_answer_a_stronger_model_stands_ready() -> None:
    """The route names whom a weak answer is asked of again; nobody when the model was named."""
    route = decide(ASK, Fleet((SMALL, CLOUD)), PLANS, FREE, NOW)
    assert isinstance(route, Route)
    assert route.escalate_to is not None
    assert (route.escalate_to.engine, route.accept, route.escalate_below) == ("openai", 0.85, 0.70)
    named = decide(replace(ASK, model="llama3.2"), Fleet((SMALL, CLOUD)), PLANS, FREE, NOW)
    private = decide(replace(ASK, data="local_only"), Fleet((SMALL, CLOUD)), PLANS, FREE, NOW)
    assert isinstance(named, Route)
    assert isinstance(private, Route)
    assert named.escalate_to is None
    assert private.escalate_to is None


def test_every_layer_says_something_and_the_winner_has_its_reason() -> None:
    """A person reads thirteen steps, and the reason of the highest rule that counted."""
    route = decide(wishing(role="L1"), Fleet((OLLAMA, CLOUD)), PLANS, FREE, NOW)
    assert isinstance(route, Route)
    assert all(step.said for step in route.trace)
    assert len(route.trace) == 13
    assert route.attempts[0].reason == "cloud, openai: role L1: cloud first"
    assert "role L1" not in route.attempts[1].reason


def test_what_would_change_it_is_true() -> None:
    """Every change that is shown leads where it says; what makes no difference is not shown."""
    facts, fleet = replace(ASK, data="local_only"), Fleet((SMALL, CLOUD))
    changes = dict(what_if(facts, fleet, PLANS, FREE, NOW))
    assert "role: L1" not in changes
    assert changes["force: cloud"].startswith("nobody")
    opened = dict(what_if(ASK, fleet, PLANS, FREE, NOW))
    assert opened["role: L1"] == "openai/gpt-6-sol (cloud)"
    assert "routing.local = auto" not in opened


@pytest.mark.parametrize(
    ("need", "model", "reason"),
    [
        ("tools", Model("m", capabilities=frozenset({"completion"})), "cannot call functions"),
        ("vision", Model("m", capabilities=frozenset({"completion"})), "cannot see pictures"),
        ("embed", Model("m"), "does not give vectors"),
    ],
)
def test_models_that_cannot_are_left_out(need: str, model: Model, reason: str) -> None:
    """Tools, pictures and vectors need a model that has them; what nobody knows is tried."""
    facts = replace(ASK, needs=frozenset({need}))  # type: ignore[arg-type]
    engine = Engine("e", "ollama", "local", "", "up", (model,))
    refused = decide(facts, Fleet((engine,)), OPEN, FREE, NOW)
    assert isinstance(refused, NoRoute)
    assert reason in refused.message
    if need != "embed":
        unknown = replace(engine, models=(Model("m"),))
        assert first(unknown, facts=facts) == "e/m"


@pytest.mark.slow
@given(
    st.lists(st.sampled_from([OLLAMA, SMALL, CLOUD, CLAUDE]), unique_by=lambda each: each.name),
    st.sampled_from(get_args(LocalSwitch)),
    st.sampled_from([None, "L1", "L2", "L3"]),
    st.sampled_from([None, *get_args(Priority)]),
    st.sampled_from([None, "local", "cloud"]),
    st.sampled_from([None, "local", "cloud"]),
    st.sampled_from([None, "opus", "gpt-4o", "phi3", "gpt-6-sol", "nonsense", ""]),
    st.sampled_from([None, 0.0, 1.0]),
    st.booleans(),
)
def test_private_words_never_leave_whatever_is_wished(
    fleet: list[Engine],
    switch: LocalSwitch,
    role: str | None,
    priority: str | None,
    prefer: str | None,
    force: str | None,
    model: str | None,
    complexity: float | None,
    private: bool,
) -> None:
    """No wish, name or switch sends private words out, escalation included; the answer is always one."""
    wishes = Wishes(priority=priority, role=role, prefer=prefer, force=force)  # type: ignore[arg-type]
    facts = replace(ASK, wishes=wishes, model=model, complexity=complexity)
    facts = replace(facts, data="local_only") if private else replace(facts, cloud=False)
    busy = tuple(replace(each, load=BUSY) for each in fleet)
    route = decide(facts, Fleet(busy), replace(PLANS, local=switch), FREE, NOW)
    if isinstance(route, Route):
        assert {each.where for each in route.attempts} == {"local"}
        assert route.escalate_to is None or route.escalate_to.where == "local"
    else:
        assert route.message
        assert route.hint


def test_engine_and_name_together_in_any_spelling() -> None:
    """`engine/model` with or without `:latest`, in a request and in an alias."""
    latest = replace(SMALL, models=(Model("phi3:latest"), Model("llama3.2")))
    for name in ("small/phi3", "SMALL/Phi3:latest", "phi3"):
        assert first(latest, facts=replace(ASK, model=name)) == "small/phi3:latest"
        rules = replace(PLANS, aliases=(AliasRule("mine", (name,)),))
        assert first(latest, facts=replace(ASK, model="mine"), rules=rules) == "small/phi3:latest"
