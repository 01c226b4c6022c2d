"""The names that callers of the wire surfaces see."""

from __future__ import annotations

from dataclasses import replace

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.catalogue import FleetCatalogue
from inhouse.gateway.fleet import Engine, Model
from inhouse.gateway.rules import AliasRule, Rules
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import Forbidden, NoEngine, NotFound

NOW = 1000.0
LOCAL = Engine(
    "ollama",
    "ollama",
    "local",
    "",
    "up",
    (
        Model("phi3:latest", 4096, digest="sha256:1", capabilities=frozenset({"completion", "tools"})),
        Model("nomic-embed-text", chats=False),
        Model("whisper", chats=False),
    ),
)
OTHER = Engine("vllm", "vllm", "local", "", "up", (Model("PHI3"), Model("mistral")))
CLOUD = Engine("openai", "openai", "cloud", "", "up", (Model("gpt-x"),), default_model="gpt-x")
OPEN = Rules(cloud_allowed=True)


def names(*engines: Engine, rules: Rules = OPEN, grant: Grant | None = None) -> list[str]:
    """What a caller sees."""
    return [each.name for each in catalogue(*engines, rules=rules).offers(grant or Grant())]


def catalogue(*engines: Engine, rules: Rules = OPEN) -> FleetCatalogue:
    """The catalogue over these engines."""
    board = FleetBoard(lambda: NOW)
    board.show(engines)
    return FleetCatalogue(board, lambda: rules, clock=lambda: NOW)


def test_each_name_once_best_engine_first() -> None:
    """The same model on two engines is one name, of the engine that is asked first; cloud is last."""
    offers = catalogue(CLOUD, OTHER, LOCAL).offers(Grant())
    assert [each.name for each in offers] == ["phi3:latest", "nomic-embed-text", "mistral", "gpt-x"]
    assert (offers[0].engine, offers[0].digest, offers[0].capabilities) == (
        "ollama",
        "sha256:1",
        ("completion", "tools"),
    )
    assert offers[1].capabilities == ("embedding",)


def test_only_what_the_caller_may_use_now() -> None:
    """Engines that are down or rest, clouds without consent and names outside the key's are left out."""
    assert names(CLOUD, rules=Rules()) == []
    assert names(CLOUD, grant=Grant(cloud=False)) == []
    assert names(replace(LOCAL, state="down")) == []
    tired = catalogue(LOCAL)
    tired._board.fleet = tired._board.fleet.with_engine(replace(LOCAL, rests_until=NOW + 5))
    assert tired.offers(Grant()) == ()
    assert names(LOCAL, OTHER, grant=Grant(models=("mis*", "ollama/nomic*"))) == [
        "nomic-embed-text",
        "mistral",
    ]


def test_why_nobody_answers() -> None:
    """Resting and down engines are said to be so, forbidden names to be forbidden; only what means nothing
    here is not found, and nothing is said of a name that answers."""
    tired = replace(LOCAL, rests_until=NOW + 5, rest_reason="it failed")
    for engine in (tired, replace(LOCAL, state="down", reason="refused")):
        for name in ("phi3", "ollama/phi3:latest", "nomic-embed-text"):
            error = catalogue(engine).why_not(name, Grant())
            assert isinstance(error, NoEngine), name
    assert isinstance(catalogue(LOCAL).why_not("phi3", Grant(models=("x",))), Forbidden)
    assert isinstance(catalogue(LOCAL).why_not("zzz", Grant()), NotFound)
    assert catalogue(LOCAL).why_not("phi3", Grant()) is None
    assert catalogue(LOCAL).why_not("nomic-embed-text", Grant()) is None


def test_what_a_loaded_model_takes_is_told() -> None:
    """Memory, and the part of it on a GPU, as the engine said."""
    loaded = Model("phi3", 4096, size_bytes=5, loaded=True, memory_bytes=9, gpu_bytes=7)
    (offer,) = catalogue(replace(LOCAL, models=(loaded,))).offers(Grant())
    assert (offer.size_bytes, offer.memory_bytes, offer.gpu_bytes) == (5, 9, 7)


def test_aliases_stand_first_as_what_runs() -> None:
    """An alias is offered with the model that would answer; patterns and others' aliases are not."""
    rules = replace(
        OPEN,
        aliases=(
            AliasRule("chat", ("missing", "mistral")),
            AliasRule("gpt-4*", ("phi3",)),
            AliasRule("secret", ("phi3",), keys=("k1",)),
            AliasRule("vectors", ("nomic-embed-text",)),
            AliasRule("nowhere", ("missing",)),
        ),
    )
    offers = catalogue(LOCAL, OTHER, rules=rules).offers(Grant())
    assert [(each.name, each.runs_as) for each in offers[:2]] == [
        ("chat", "mistral"),
        ("vectors", "nomic-embed-text"),
    ]
    assert "secret" not in [each.name for each in offers]
    assert names(LOCAL, OTHER, rules=rules, grant=Grant(key="k1", models=("secret",))) == ["secret"]


def test_names_that_stand_for_a_model_are_found() -> None:
    """A class name and `auto` mean what would answer a chat now, for this caller; the rest means nobody."""
    found = catalogue(LOCAL, OTHER, CLOUD)
    for name in ("llama3.2", "auto", "gpt-4o-mini", "PHI3"):
        offer = found.stands_for(name, Grant())
        assert offer is not None
        assert (offer.name, offer.where) == (name, "local")
    vectors = found.stands_for("text-embedding-ada-002", Grant())
    assert vectors is not None
    assert vectors.runs_as == "nomic-embed-text"
    large = found.stands_for("gpt-4o", Grant(cloud=False))
    assert large is not None
    assert large.where == "local"
    own = found.stands_for("gpt-x", Grant())
    assert own is not None
    assert own.where == "cloud"
    kept = found.stands_for("gpt-x", Grant(), "local_only")
    assert kept is not None
    assert kept.where == "local"
    assert found.stands_for("zzz", Grant()) is None
    assert found.stands_for("gpt-4o", Grant(models=("phi3",))) is None
