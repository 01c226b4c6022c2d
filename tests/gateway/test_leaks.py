"""Roads by which a word could leave the house against its rules, each closed: one test for each road."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from inhouse.dialects import openai
from inhouse.dialects.openai_pass import PassReader, write_passed_request
from inhouse.gateway.edge.prober import EngineSettings, ProbeSettings
from inhouse.gateway.facts import Facts
from inhouse.gateway.fleet import Engine, Fleet, Model, place_of
from inhouse.gateway.policy import NoRoute, decide
from inhouse.gateway.rules import AliasRule, Budget, Rules
from inhouse.kernel.errors import NoEngine
from inhouse.kernel.messages import ChatMessage, ChatRequest, Failed, Finished
from tests.gateway.house import House, house
from tests.worlds.engines import FakeEngine, Kind

ANY = ChatRequest((ChatMessage("user", "How long is leave?"),), data="any")


@pytest.mark.parametrize(
    "url",
    [
        "http://api\u3002openai\u3002com",
        "http://api\uff0eopenai\uff0ecom/v1",
        "http://[2001:0:1234::1]:8000",
        "http://\u0430",
    ],
)
def test_an_address_in_disguise_is_not_local(url: str) -> None:
    """Names whose dots are other characters are spelt out by the resolver; Teredo holds a public address."""
    assert place_of(url) == "cloud"


@pytest.mark.parametrize("key", ["Model", "MODEL", "mOdel"])
def test_another_spelling_of_the_models_key_is_never_passed_on(key: str) -> None:
    """Engines in Go read keys whatever their case, the last one counts: `Model` would undo the routing."""
    body = b'{"model":"small","messages":[{"role":"user","content":"x"}],"%s":"far:cloud"}' % key.encode()
    assert openai.read_request(body).model == "small"
    assert write_passed_request(body, model="small", ask_usage=False) is None
    plain = b'{"model":"small","messages":[{"role":"user","content":"the Model"}]}'
    assert write_passed_request(plain, model="small", ask_usage=False) is not None, "control"


async def kept(gateway: House, request: ChatRequest) -> str:
    """The reason why nobody may answer."""
    with pytest.raises(NoEngine) as caught:
        await gateway.ask(request)
    return str(caught.value)


@pytest.mark.parametrize("configured", [False, True])
@pytest.mark.parametrize(
    ("kind", "mark"), [("openai", "x-litellm-version"), ("ollama", "x-inhouse-request-id")]
)
async def test_a_gateway_beside_us_is_not_local(
    tmp_path: Path, kind: Kind, mark: str, configured: bool
) -> None:
    """Another gateway on this machine may send words on; only an administrator's word makes it local."""
    fake = FakeEngine(kind, models=("anything",), headers={mark: "1"})
    async with fake.running():
        box = EngineSettings("box", fake.url, "ollama" if kind == "ollama" else "auto")
        probe = ProbeSettings(ports=(fake.port,)) if not configured else ProbeSettings((box,), discover=False)
        async with house(tmp_path, probe=probe) as gateway:
            (engine,) = gateway.board.fleet.engines
            assert (engine.where, engine.state) == ("cloud", "found_not_allowed")
            assert "is a gateway" in engine.reason
            await kept(gateway, replace(ANY, data="local_only"))
            await kept(gateway, ANY)
        said = ProbeSettings((EngineSettings("box", fake.url, where="local"),), discover=False)
        async with house(tmp_path, probe=said) as gateway:
            assert (await gateway.ask(ANY))[1][-1] == Finished(), "control: the administrator may say so"
    assert len(fake.chats) == 1


async def test_a_vendors_model_beside_us_is_not_local(tmp_path: Path) -> None:
    """A server that offers models which only their vendors run must be sending words to them."""
    async with FakeEngine("openai", models=("gpt-4o", "claude-sonnet-4-5", "qwen2.5:7b")).running() as fake:
        async with house(tmp_path, probe=ProbeSettings(ports=(fake.port,))) as gateway:
            (engine,) = gateway.board.fleet.engines
            assert [each.remote for each in engine.models] == [True, True, False]
            with contextlib.suppress(NoEngine):  # or a model of the house stands in for it
                await gateway.ask(replace(ANY, data="local_only", model="gpt-4o"))
            assert (await gateway.ask(replace(ANY, model="qwen2.5:7b")))[1][-1] == Finished(), "control"
        assert {each["model"] for each in fake.chats} == {"qwen2.5:7b"}
        rules = Rules(cloud_allowed=True)
        async with house(tmp_path, probe=ProbeSettings(ports=(fake.port,)), rules=rules) as gateway:
            assert (await gateway.ask(replace(ANY, model="gpt-4o")))[1][-1] == Finished()
        assert fake.chats[-1]["model"] == "gpt-4o", "control"


FLEET = Fleet(
    (
        Engine("far", "openai", "cloud", "https://x", "up", (Model("gpt-x-70b"),), default_model="gpt-x-70b"),
        Engine("near", "ollama", "local", "http://127.0.0.1:1", "up", (Model("llama3.1:8b"),)),
        Engine("more", "ollama", "local", "http://127.0.0.1:2", "up", (Model("qwen2.5:7b"),)),
    )
)


def engines_for(name: str | None, *patterns: str, rules: Rules | None = None) -> list[str]:
    """Where a key with these patterns gets when it asks for the name."""
    facts = Facts("chat", "any", name, 10, 10, models=patterns)
    route = decide(facts, FLEET, rules or Rules(cloud_allowed=True), Budget(), 0.0)
    return [] if isinstance(route, NoRoute) else [each.engine for each in route.attempts]


def test_a_key_for_some_names_is_not_sent_to_another_cloud_model() -> None:
    """A name that nobody offers means its like; for a key with patterns that is never a cloud model beside
    them. Controls: without patterns, with a pattern for it, and by the administrator's own alias it is."""
    asked = "qwen2.5:72b"
    assert "far" in engines_for(asked), "control"
    assert sorted(engines_for(asked, "qwen*")) == ["more", "near"]
    assert "far" in engines_for(asked, "qwen*", "gpt-x*"), "control"
    alias = Rules(cloud_allowed=True, aliases=(AliasRule(asked, ("far/gpt-x-70b",)),))
    assert engines_for(asked, "qwen*", rules=alias) == ["far"], "control"


def test_a_key_may_name_the_engine_of_its_model() -> None:
    """`engine/model` is the same model; consensus asks for its opinions so."""
    assert engines_for("more/qwen2.5:7b", "qwen*") == ["more"]
    assert engines_for("near/llama3.1:8b", "qwen*") == []


def test_what_comes_before_the_first_word_is_bounded() -> None:
    """Events without a word are held until there is one; an engine that sends nothing else is given up."""
    empty = b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
    reader = PassReader(10_000, model="m", with_usage=False)
    told = [event for _ in range(1000) for event in reader.read(empty)]
    assert isinstance(told[-1], Failed)
    assert len(reader._held) <= 20_000
    patient = PassReader(10_000, model="m", with_usage=False)
    assert patient.read(empty * 3 + empty.replace(b'""', b'"x"')), "control: a few of them are no fault"
