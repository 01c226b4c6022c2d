"""Pure facts about engines: where an address is, which names are one, how a failure lets it rest."""

from __future__ import annotations

import pytest

from inhouse.gateway.fleet import (
    Engine,
    Fleet,
    Model,
    after_failure,
    after_success,
    chats,
    place_of,
    same_model,
    view_of,
)
from inhouse.kernel.errors import EngineBroke, EngineOverloaded, EngineRefused, EngineUnfit

ENGINE = Engine("a", "ollama", "local", "http://127.0.0.1:11434", "up", (Model("m", 4096, 7, True),))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://127.0.0.1:11434", "local"),
        ("http://[::1]:8080/v1", "local"),
        ("http://localhost:1234", "local"),
        ("http://10.1.2.3:8000", "local"),
        ("http://192.168.0.7", "local"),
        ("http://[fd00::1]:8000", "local"),
        ("http://gpu-box:8000", "local"),
        ("http://gpu.corp.lan:8000", "local"),
        ("http://llm.internal.", "local"),
        ("https://api.openai.com/v1", "cloud"),
        ("http://8.8.8.8", "cloud"),
        ("http://134744072", "cloud"),
        ("http://0x08080808", "cloud"),
        ("http://127.0.0.1.example.com", "cloud"),
        ("http://localhost@example.com/", "cloud"),
        ("", "cloud"),
    ],
)
def test_where_an_address_is(url: str, place: str) -> None:
    """Private addresses and names without a public owner are local; every doubt is cloud."""
    assert place_of(url) == place


def test_names_of_one_model() -> None:
    """Case and `:latest` do not matter, everything else does."""
    assert same_model("Phi3", "phi3:latest")
    assert not same_model("phi3", "phi3:mini")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nomic-embed-text:latest", False),
        ("BAAI/bge-m3", False),
        ("whisper-1", False),
        ("text-embedding-3-small", False),
        ("qwen2.5:7b", True),
        ("e5-mistral", False),
        ("mixtral-8x7b-instruct", True),
    ],
)
def test_models_that_cannot_chat(name: str, expected: bool) -> None:
    """Embedders, rerankers and ears are known by their names."""
    assert chats(name) is expected


def test_rest_after_failures_doubles_up_to_half_a_minute() -> None:
    """2, 4, 8, 16, 30, 30 seconds; one success ends it."""
    engine, rests = ENGINE, []
    for _ in range(6):
        engine = after_failure(engine, EngineBroke("died"), 100.0)
        rests.append(engine.rests_until - 100.0)
    assert rests == [2, 4, 8, 16, 30, 30]
    assert after_success(engine) == ENGINE


@pytest.mark.parametrize(("advice", "rest"), [(20.0, 20.0), (0.0, 2.0), (3600.0, 60.0), (None, 2.0)])
def test_advice_of_a_busy_engine(advice: float | None, rest: float) -> None:
    """Its own advice counts, between two seconds and a minute."""
    busy = EngineOverloaded("busy", retry_after_s=advice)
    assert after_failure(ENGINE, busy, 0.0).rests_until == rest


def test_declining_is_no_failure() -> None:
    """An engine that declines a request, or misses its form, is as it was."""
    assert after_failure(ENGINE, EngineRefused("no"), 0.0) is ENGINE
    assert after_failure(ENGINE, EngineUnfit("prose"), 0.0) is ENGINE


def test_view_shows_a_resting_engine_as_down() -> None:
    """People see why an engine is not used now; afterwards it is up again."""
    resting = after_failure(ENGINE, EngineBroke("died"), 100.0)
    view = view_of(resting, allowed=True, now=101.0)
    assert (view.state, view.reason, view.models[0].context_tokens) == ("down", "died", 4096)
    assert view_of(resting, allowed=True, now=102.0).state == "up"


def test_fleet_is_replaced_not_changed() -> None:
    """A fleet with another engine is a new one."""
    fleet = Fleet((ENGINE,))
    other = fleet.with_engine(after_failure(ENGINE, EngineBroke("x"), 0.0))
    assert fleet.engine("a") is ENGINE
    assert other.engines[0].failures == 1
    assert fleet.with_engine(Engine("b", "vllm", "local", "", "up")).engine("b") is not None
    assert fleet.engine("c") is None
