"""`decide` as tables: one line per rule and per conflict between rules."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.gateway.facts import Facts, estimate_tokens, facts_of
from inhouse.gateway.fleet import Engine, Fleet, Model
from inhouse.gateway.policy import LAYERS, NoRoute, Route, decide
from inhouse.gateway.profiles import PROFILES
from inhouse.gateway.rules import ENGINE_ORDER, AliasRule, Budget, LocalSwitch, Rules
from inhouse.kernel.messages import ChatMessage, ChatRequest

NOW = 1000.0
ASK = Facts(task="chat", data="any", model=None, prompt_tokens=100, reply_tokens=100)
PRIVATE = replace(ASK, data="local_only")
OPEN = Rules(cloud_allowed=True)
FREE = Budget()

MLX = Engine("mlx", "mlx", "local", "", "up", (Model("qwen2.5:32b"),))
OLLAMA = Engine("ollama", "ollama", "local", "", "up", (Model("qwen2.5:7b"), Model("phi3:latest")))
VLLM = Engine("vllm", "vllm", "local", "", "up", (Model("mistral", context_tokens=4096),))
LLAMA = Engine("llama", "llama.cpp", "local", "", "up", (Model("gemma", context_tokens=1024),))
DEMO = Engine("embedded", "embedded", "local", "", "up", (Model("tiny", 2048, demo=True),))
OPENAI = Engine("openai", "openai", "cloud", "", "up", (Model("gpt-x"),), default_model="gpt-x")
CLAUDE = Engine("anthropic", "anthropic", "cloud", "", "up", (Model("claude-x"),))
HIDDEN = replace(OPENAI, state="found_not_allowed")


def engines_of(*engines: Engine, facts: Facts = ASK, rules: Rules = OPEN, budget: Budget = FREE) -> list[str]:
    """Names of the attempts, or the layer that left none."""
    route = decide(facts, Fleet(engines), rules, budget, NOW)
    return [each.engine for each in route.attempts] if isinstance(route, Route) else [f"no: {route.layer}"]


def no_route(*engines: Engine, facts: Facts = ASK, rules: Rules = OPEN) -> NoRoute:
    """The refusal."""
    route = decide(facts, Fleet(engines), rules, FREE, NOW)
    assert isinstance(route, NoRoute)
    return route


def down(engine: Engine, reason: str = "no connection") -> Engine:
    """The same engine, down."""
    return replace(engine, state="down", reason=reason)


def test_layers_stand_in_the_documented_order() -> None:
    """The table holds the layers there are, in the order of precedence."""
    assert [name for name, _ in LAYERS] == [
        "eligibility",
        "data",
        "budget",
        "explicit",
        "operator",
        "role",
        "priority",
        "task",
        "complexity",
        "load",
        "order",
        "post_hoc",
        "errors",
    ]


def test_engine_order_is_mlx_ollama_vllm_llama_embedded_cloud() -> None:
    """Without any other rule the kinds decide, however the fleet is sorted; four attempts at most."""
    fleet = (OPENAI, DEMO, LLAMA, VLLM, OLLAMA, MLX)
    assert engines_of(*fleet) == engines_of(*fleet[::-1]) == ["mlx", "ollama", "vllm", "llama"]
    assert engines_of(OPENAI, DEMO, LLAMA) == ["llama", "openai"]
    assert engines_of(*fleet, rules=replace(OPEN, max_attempts=2)) == ["mlx", "ollama"]
    assert engines_of(MLX, OLLAMA, rules=replace(OPEN, order=("ollama",))) == ["ollama", "mlx"]
    assert set(ENGINE_ORDER) == set(PROFILES)


@pytest.mark.parametrize(
    ("engine", "facts", "reason"),
    [
        (down(OLLAMA), ASK, "no connection"),
        (replace(OLLAMA, models=()), ASK, "offers no model"),
        (replace(OLLAMA, rests_until=NOW + 7, rest_reason="died"), ASK, "rests for 7 s more: died"),
        (replace(OLLAMA, models=(Model("bge-m3", chats=False),)), ASK, "not a chat model"),
        (MLX, replace(ASK, needs=frozenset({"json_schema"})), "ignores a required answer format"),
        (LLAMA, replace(ASK, prompt_tokens=1000), "context of 1024 tokens is too short for about 1100"),
        (DEMO, replace(ASK, task="answer"), "does not answer from documents"),
    ],
)
def test_unfit_engines_are_left_out_with_a_reason(engine: Engine, facts: Facts, reason: str) -> None:
    """Each ground of ineligibility is named in the refusal and in the trace; control: a fit engine stays."""
    refusal = no_route(engine, facts=facts)
    assert refusal.layer == "eligibility"
    assert reason in refusal.message
    assert any(reason in why for _, why in refusal.trace[0].dropped)
    fit = Engine("fit", "vllm", "local", "", "up", (Model("m", 100_000),))
    assert engines_of(engine, fit, facts=facts) == ["fit"]


def test_rest_ends() -> None:
    """An engine that rested is eligible again at that second."""
    assert engines_of(replace(OLLAMA, rests_until=NOW)) == ["ollama"]


@pytest.mark.parametrize(
    ("facts", "rules", "fleet", "expected"),
    [
        (PRIVATE, OPEN, (OLLAMA, OPENAI), ["ollama"]),
        (PRIVATE, OPEN, (down(OLLAMA), OPENAI), ["no: data"]),
        (PRIVATE, Rules(cloud_allowed=True, local="false"), (OLLAMA, OPENAI), ["no: operator"]),
        (replace(PRIVATE, model="gpt-x"), OPEN, (OLLAMA, OPENAI), ["ollama"]),
        (ASK, Rules(), (OLLAMA, OPENAI), ["ollama"]),
        (ASK, Rules(), (OPENAI,), ["no: data"]),
        (ASK, Rules(), (HIDDEN,), ["no: data"]),
        (ASK, OPEN, (OPENAI,), ["openai"]),
        (ASK, OPEN, (OLLAMA, OPENAI), ["ollama", "openai"]),
    ],
)
def test_no_word_leaves_the_house_unless_both_allow_it(
    facts: Facts, rules: Rules, fleet: tuple[Engine, ...], expected: list[str]
) -> None:
    """`local_only` beats every other rule; without the administrator's word there is no cloud."""
    assert engines_of(*fleet, facts=facts, rules=rules) == expected


def test_remote_models_of_a_local_engine_are_cloud() -> None:
    """A model that Ollama only passes on to its own cloud does not count as local."""
    remote = replace(OLLAMA, models=(Model("gpt-oss:cloud", remote=True),))
    assert engines_of(remote, facts=PRIVATE) == ["no: data"]
    assert engines_of(remote, VLLM, facts=PRIVATE) == ["vllm"]
    mixed = replace(OLLAMA, models=(Model("gpt-oss:cloud", remote=True, loaded=True), Model("phi3")))
    route = decide(PRIVATE, Fleet((mixed,)), OPEN, FREE, NOW)
    assert isinstance(route, Route)
    assert (route.attempts[0].model, route.attempts[0].where) == ("phi3", "local")


@given(
    st.lists(
        st.sampled_from([MLX, OLLAMA, VLLM, DEMO, OPENAI, HIDDEN, CLAUDE, down(LLAMA)]),
        unique_by=lambda each: (each.name, each.state),
    ),
    st.sampled_from(["auto", "true", "false", "force"]),
    st.booleans(),
    st.sampled_from(["chat", "answer"]),
    st.none() | st.sampled_from(["gpt-x", "phi3", "tiny", "nonsense", ""]),
    st.sampled_from([None, 0, 5]),
    st.integers(0, 5),
)
def test_local_only_never_leaves_and_decide_is_total(
    fleet: list[Engine],
    switch: LocalSwitch,
    allowed: bool,
    task: str,
    model: str | None,
    left: int | None,
    attempts: int,
) -> None:
    """For any rules: an answer, never an exception; no cloud for private data, no demo for documents."""
    rules = Rules(cloud_allowed=allowed, local=switch, max_attempts=attempts)
    facts = replace(PRIVATE, task=task, model=model)
    for each in (facts, replace(facts, data="any")):
        route = decide(each, Fleet(tuple(fleet)), rules, Budget(left), NOW)
        assert route == decide(each, Fleet(tuple(fleet)), rules, Budget(left), NOW)
        if isinstance(route, NoRoute):
            assert route.message
            assert route.hint
            continue
        assert 1 <= len(route.attempts) <= max(1, attempts)
        wheres = {attempt.where for attempt in route.attempts}
        assert "cloud" not in wheres or (allowed and each.data == "any" and left != 0)
        assert task != "answer" or "embedded" not in {attempt.engine for attempt in route.attempts}


def test_demo_model_never_stands_beside_a_real_one() -> None:
    """It chats when it is alone or asked for by name; documents only when that is allowed."""
    answer = replace(ASK, task="answer")
    assert engines_of(DEMO) == ["embedded"]
    assert engines_of(DEMO, OLLAMA) == ["ollama"]
    assert engines_of(DEMO, OLLAMA, facts=replace(ASK, model="tiny")) == ["embedded"]
    assert engines_of(DEMO, facts=answer) == ["no: eligibility"]
    assert engines_of(DEMO, facts=replace(answer, model="tiny")) == ["no: eligibility"]
    assert engines_of(DEMO, facts=answer, rules=Rules(allow_demo_answers=True)) == ["embedded"]


@pytest.mark.parametrize(
    ("wanted", "engine", "model"),
    [
        ("phi3", "ollama", "phi3:latest"),
        ("PHI3:latest", "ollama", "phi3:latest"),
        ("qwen2.5:7b", "ollama", "qwen2.5:7b"),
        ("ollama/qwen2.5:7b", "ollama", "qwen2.5:7b"),
        ("chat", "vllm", "mistral"),
    ],
)
def test_named_models(wanted: str, engine: str, model: str) -> None:
    """A name, in any case and without `:latest`, an alias, or engine and name together."""
    rules = Rules(aliases=(AliasRule("chat", ("mistral",)),))
    route = decide(replace(ASK, model=wanted), Fleet((MLX, OLLAMA, VLLM)), rules, FREE, NOW)
    assert isinstance(route, Route)
    assert [(each.engine, each.model) for each in route.attempts] == [(engine, model)]
    assert f"`{wanted}` {'means' if wanted == 'chat' else 'was asked for'}" in route.attempts[0].reason


def test_unknown_model_names_near_ones() -> None:
    """A name nobody offers is refused with names that look like it, else with some that exist."""
    refusal = no_route(OLLAMA, VLLM, facts=replace(ASK, model="qwen2.5:7"))
    assert (refusal.layer, refusal.hint) == ("explicit", "did you mean `qwen2.5:7b`")
    assert "`qwen2.5:7`" in refusal.message
    assert "offered are `mistral`" in no_route(VLLM, facts=replace(ASK, model="zzzz")).hint


def test_known_model_on_an_engine_that_is_down() -> None:
    """The refusal says that the engine is down, not that the name is wrong."""
    refusal = no_route(down(OLLAMA), facts=replace(ASK, model="phi3"))
    assert (refusal.layer, "no connection" in refusal.message) == ("eligibility", True)


def test_cloud_engine_without_a_chosen_model_serves_names_only() -> None:
    """Which of a cloud's many models to pay for is not guessed."""
    undecided = replace(OPENAI, default_model=None)
    assert engines_of(undecided) == ["no: explicit"]
    assert engines_of(undecided, facts=replace(ASK, model="gpt-x")) == ["openai"]


def test_model_of_an_engine_chosen_then_loaded_then_first() -> None:
    """Without a name the administrator's choice, else a loaded model, else the first listed."""
    models = (Model("a"), Model("b", loaded=True), Model("c"))

    def chosen(engine: Engine) -> str:
        route = decide(ASK, Fleet((engine,)), OPEN, FREE, NOW)
        assert isinstance(route, Route)
        return route.attempts[0].model

    engine = replace(OLLAMA, models=models)
    assert chosen(replace(engine, default_model="C")) == "c"
    assert chosen(engine) == "b"
    assert chosen(replace(engine, models=models[::2])) == "a"


@pytest.mark.parametrize(
    ("switch", "fleet", "expected"),
    [
        ("auto", (OPENAI, OLLAMA), ["ollama", "openai"]),
        ("auto", (OPENAI,), ["openai"]),
        ("true", (OPENAI, OLLAMA), ["ollama"]),
        ("true", (OPENAI, down(OLLAMA)), ["openai"]),
        ("force", (OPENAI, OLLAMA), ["ollama"]),
        ("force", (OPENAI, down(OLLAMA)), ["no: operator"]),
        ("false", (OPENAI, OLLAMA), ["openai"]),
        ("false", (OLLAMA,), ["no: operator"]),
    ],
)
def test_operator_switch(switch: LocalSwitch, fleet: tuple[Engine, ...], expected: list[str]) -> None:
    """Each word of `routing.local`, with and without a local engine."""
    assert engines_of(*fleet, rules=replace(OPEN, local=switch)) == expected


def test_spent_budget_leaves_local_only() -> None:
    """At the cap the cloud is closed; below it, or without one, it is open."""
    assert engines_of(OLLAMA, OPENAI, budget=Budget(0)) == ["ollama"]
    assert engines_of(OPENAI, budget=Budget(0)) == ["no: budget"]
    assert engines_of(OLLAMA, OPENAI, budget=Budget(1)) == ["ollama", "openai"]


def test_empty_fleet_says_what_to_do() -> None:
    """No engine at all is a refusal with a way out."""
    refusal = no_route()
    assert refusal.message == "No language model was found"
    assert "Ollama" in refusal.hint


def test_trace_counts_what_each_layer_left() -> None:
    """Every layer leaves a step, with the candidates that remained and who was dropped why."""
    route = decide(PRIVATE, Fleet((OLLAMA, OPENAI, down(VLLM))), OPEN, FREE, NOW)
    assert [(step.layer, step.left) for step in route.trace] == [
        ("eligibility", 3),
        ("data", 2),
        ("budget", 2),
        ("explicit", 2),
        ("operator", 2),
        ("role", 2),
        ("priority", 2),
        ("task", 2),
        ("complexity", 2),
        ("load", 2),
        ("order", 1),
        ("post_hoc", 1),
        ("errors", 1),
    ]
    assert route.trace[1].dropped == (("openai/gpt-x", "the data may not leave the house"),)


def test_facts_count_and_never_quote() -> None:
    """A request's facts hold counts and wishes; Russian counts more tokens per letter than English."""
    request = ChatRequest((ChatMessage("user", "x" * 40), ChatMessage("user", "")), json_schema="{}")
    facts = facts_of(request)
    assert (facts.prompt_tokens, facts.reply_tokens) == (18, 512)
    assert facts.needs == frozenset({"json_schema"})
    assert (facts.data, facts.task, facts.model) == ("local_only", "chat", None)
    assert (estimate_tokens("four"), estimate_tokens("слово"), estimate_tokens("")) == (1, 3, 0)
