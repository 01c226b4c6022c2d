"""What a caller is told when nobody can take a request, or only the demo model can."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inhouse.gateway.facts import Facts
from inhouse.gateway.fleet import Engine, Fleet, Model
from inhouse.gateway.policy import NoRoute, Route, decide, refusal
from inhouse.gateway.rules import Budget, Rules
from inhouse.kernel.errors import NotSupported
from inhouse.kernel.messages import DataPolicy, Wishes

NOW = 1000.0
ASK = Facts(task="chat", data="any", model=None, prompt_tokens=100, reply_tokens=100)
RULES, FREE = Rules(), Budget()
OLLAMA = Engine("ollama", "ollama", "local", "", "up", (Model("qwen2.5:7b"),))


@pytest.mark.parametrize("model", [None, "auto", "gpt-4o", "plain"])
def test_what_nobody_can_is_not_blamed_on_the_name(model: str | None) -> None:
    """A request that no model here can take says why, under every name that means something here, and is
    final; control: an engine that is down may come back, and a name without a meaning is told as such."""
    plain = Engine("one", "ollama", "local", "", "up", (Model("plain", 2048, capabilities=frozenset()),))
    facts = replace(ASK, model=model, needs=frozenset({"tools"}))
    able = decide(facts, Fleet((plain,)), RULES, FREE, NOW)
    assert isinstance(able, NoRoute)
    assert (able.layer, able.code) == ("eligibility", "not_supported")
    assert able.message == "No engine can take this request: `one/plain`: cannot call functions"
    assert (type(refusal(able)), refusal(able).status) == (NotSupported, 400)
    resting = decide(facts, Fleet((replace(plain, state="down"),)), RULES, FREE, NOW)
    assert isinstance(resting, NoRoute)
    assert resting.code == "no_engine"
    nobody = decide(replace(facts, model="zzz"), Fleet((plain,)), RULES, FREE, NOW)
    assert isinstance(nobody, NoRoute)
    assert "`zzz`" in nobody.message


@pytest.mark.parametrize("model", [None, "auto", "gpt-4o", "llama3.2"])
def test_the_demo_model_is_never_passed_off_as_another(model: str | None) -> None:
    """Where only the demo model can answer, the reason says so; control: beside a real one it is not said."""
    demo = Engine("embedded", "embedded", "local", "", "up", (Model("tiny", size_bytes=10**8, demo=True),))
    for fleet, told in ((Fleet((demo,)), True), (Fleet((demo, OLLAMA)), False)):
        route = decide(replace(ASK, model=model), fleet, RULES, FREE, NOW)
        assert isinstance(route, Route)
        assert ("nothing but the demo model is up, which knows nothing" in route.attempts[0].reason) is told


def test_a_force_that_nobody_can_follow_is_said_once() -> None:
    """The refusal names the force and what is missing, not every engine that is elsewhere."""
    facts = replace(ASK, wishes=Wishes(force="cloud"))
    route = decide(facts, Fleet((OLLAMA,)), RULES, FREE, NOW)
    assert isinstance(route, NoRoute)
    assert route.message == (
        "Nobody can take this request: the request forces cloud, and there is no cloud engine"
    )


@pytest.mark.parametrize(
    ("wishes", "data", "why"),
    [
        (Wishes(force="cloud"), "local_only", "the data may not leave the house"),
        (Wishes(max_cost_micros=0), "any", "its price is not known"),
    ],
)
def test_a_model_that_may_not_be_asked_is_not_called_unknown(
    wishes: Wishes, data: DataPolicy, why: str
) -> None:
    """A model of the cloud that data or money forbid exists: the refusal gives the rule's reason."""
    cloud = Engine("openai", "openai", "cloud", "", "up", (Model("gpt-4.1"),))
    facts = replace(ASK, model="gpt-4.1", wishes=wishes, data=data)
    route = decide(facts, Fleet((OLLAMA, cloud)), replace(RULES, cloud_allowed=True), FREE, NOW)
    assert isinstance(route, NoRoute)
    assert route.message.startswith("`gpt-4.1` cannot be had: ")
    assert f"`openai/gpt-4.1`: {why}" in route.message
    assert "did you mean" not in route.hint


@pytest.mark.parametrize(("prompt_tokens", "fits"), [(100, True), (2000, False)])
def test_a_high_limit_on_the_answer_is_no_need(prompt_tokens: int, fits: bool) -> None:
    """`num_predict` 8192 of the plans' scripts is served by a model with a context of 2048; control: a prompt
    that fills the context is not."""
    small = Engine("one", "ollama", "local", "", "up", (Model("small", 2048),))
    facts = replace(ASK, prompt_tokens=prompt_tokens, reply_tokens=8192)
    assert isinstance(decide(facts, Fleet((small,)), RULES, FREE, NOW), Route) is fits
