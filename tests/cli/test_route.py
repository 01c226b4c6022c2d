"""`inhouse route` and `inhouse eval router`: what a person reads, and what a program reads."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import Result

from inhouse.compose.routing import rules_of
from inhouse.config import Home, load
from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.desk import Desk
from inhouse.gateway.edge.rulebook import Rulebook
from inhouse.gateway.fleet import Engine, Model
from inhouse.gateway.gap_model import Outcome
from inhouse.gateway.policy import Attempt
from inhouse.gateway.rules import Rules
from inhouse.gateway.till import Free
from inhouse.kernel.caller import ApiKey, Grant
from inhouse.serve.parts import Parts
from inhouse.serve.plane.gate import Gate, GateRules
from tests.cli.house import FakeBuilder, run
from tests.serve.fakes import FakeHouse

NOW = 1_795_000_000.0
ENGINES = (
    Engine("ollama", "ollama", "local", "", "up", (Model("mistral-nemo:12b"), Model("phi3"))),
    Engine("openai", "openai", "cloud", "", "up", (Model("gpt-6-sol"),), default_model="gpt-6-sol"),
    Engine("vllm", "vllm", "local", "", "down", reason="no connection"),
)


class Priced(Free):
    """A till that knows what the cloud costs."""

    def estimate(self, attempt: Attempt, input_tokens: int, output_tokens: int, now: float) -> int | None:
        """A cent in the cloud, unknown in the house."""
        return 10_000 if attempt.where == "cloud" else None


@dataclass
class RoutingHouse(FakeHouse):
    """A house whose routing is the real one, over these engines."""

    folder: Path = Path()
    rules: Rules | None = None
    seen: tuple[Outcome, ...] = ()

    @property
    def parts(self) -> Parts:
        gate = Gate(
            self.keys,
            lambda: GateRules(keyless=frozenset({"chat"})),
            clock=lambda: NOW,
            stopwatch=lambda: NOW,
        )
        board = FleetBoard(lambda: NOW)
        board.show(ENGINES)
        home = Home(self.folder / "state")
        home.state.mkdir(parents=True, exist_ok=True)
        read = load(home.root, environment={}, folder=self.folder)
        rules = self.rules or replace(rules_of(read, home), cloud_allowed=True)
        book = Rulebook(
            (rules, "default"),
            lambda: (rules, "default"),
            files=(),
            switch_file=home.switch,
            clock=lambda: NOW,
        )
        return replace(
            super().parts,
            routing=Desk(board, book, Priced(), clock=lambda: NOW, outcomes=lambda: self.seen),
            gate=gate,
        )


def route(tmp_path: Path, *words: str) -> Result:
    """`inhouse route …` over the engines above."""
    return run(tmp_path, "route", *words, builder=FakeBuilder(fakes=RoutingHouse(folder=tmp_path)))


@pytest.mark.slow
def test_a_person_reads_who_answers_and_why(tmp_path: Path) -> None:
    """First who and why, then all thirteen rules in order, then what would change it."""
    said = route(tmp_path, "explain").stdout
    lines = said.splitlines()
    assert lines[0] == "ollama/mistral-nemo:12b would answer, local"
    assert "suits the task `chat` best" in lines[1]
    assert "then     openai/gpt-6-sol, cloud (0.0100)" in said
    numbers = [line[:3].strip() for line in lines if line[:3].strip().isdigit()]
    assert numbers == [str(number) for number in range(13)]
    assert "- vllm: no connection" in said
    change = next(line for line in lines if "role: L1" in line)
    assert change.split() == ["role:", "L1", "openai/gpt-6-sol", "(cloud)"]


@pytest.mark.parametrize(
    ("words", "first", "reason"),
    [
        (("--role", "L1"), "openai", "role L1: cloud first"),
        (("--priority", "high"), "openai", "priority high: cloud first"),
        (("--priority", "high", "--data", "local_only"), "ollama", "suits the task `chat` best"),
        (("--prefer", "cloud"), "openai", "the request prefers cloud"),
        (("--force", "cloud", "--model", "phi3"), "openai", "the request forces cloud"),
        (("--task", "summary"), "ollama", "suits the task `summary` best"),
        (("--model", "phi3"), "ollama", "`phi3` was asked for"),
        (("--tokens", "9000"), "openai", "a hard prompt, and the cloud has a stronger model"),
        (("--max-cost-micros", "1", "--role", "L1"), "ollama", "suits the task `chat` best"),
    ],
)
def test_every_option_is_a_wish(tmp_path: Path, words: tuple[str, ...], first: str, reason: str) -> None:
    """Each option has the effect of its header, in JSON with its reason."""
    found = json.loads(route(tmp_path, "explain", "--json", *words).stdout)
    assert found["attempts"][0]["engine"] == first
    assert reason in found["attempts"][0]["reason"]
    assert len(found["layers"]) == 13


@pytest.mark.slow
def test_no_word_of_the_prompt_is_shown(tmp_path: Path) -> None:
    """A prompt is judged and counted, and none of its words come back."""
    file = tmp_path / "prompt.txt"
    file.write_text("Zwischenzeugnis " * 2000, "utf-8")
    for more in ((), ("--json",)):
        result = route(tmp_path, "explain", "--file", str(file), *more)
        assert result.exit_code == 0
        assert "Zwischenzeugnis" not in result.output
    found = json.loads(route(tmp_path, "explain", "--file", str(file), "--json").stdout)
    assert found["tokens_in"] == 8004
    assert found["complexity"] == pytest.approx(2000 / 2250, abs=0.01)


@pytest.mark.slow
def test_a_refusal_says_which_rule_and_the_way_out(tmp_path: Path) -> None:
    """Nobody answers: the message, the hint, the rules up to the one that left none, and exit code 3."""
    result = route(tmp_path, "explain", "--model", "mistral-nem0:12b")
    assert result.exit_code == 3
    assert result.stdout.startswith("Nobody would answer: No engine that may be used offers the model")
    assert "hint: did you mean `mistral-nemo:12b`" in result.stdout
    found = json.loads(route(tmp_path, "explain", "--model", "mistral-nem0:12b", "--json").stdout)
    assert (found["refused"]["code"], found["refused"]["layer"]) == ("not_found", "explicit")
    assert [each["layer"] for each in found["layers"]][-1] == "explicit"
    missing = route(tmp_path, "explain", "--file", str(tmp_path / "nothing"))
    assert missing.exit_code == 2


@pytest.mark.slow
def test_the_switch_is_shown_turned_and_given_back(tmp_path: Path) -> None:
    """What is turned holds for the next command, with who turned it."""
    assert route(tmp_path, "switch").stdout == "routing.local is auto (default)\n"
    assert route(tmp_path, "switch", "false").stdout.startswith("routing.local is false (switch, turned by")
    assert route(tmp_path, "explain").stdout.startswith("openai/gpt-6-sol would answer, cloud")
    found = json.loads(route(tmp_path, "switch", "--json").stdout)
    assert (found["local"], found["problem"]) == ("false", "")
    assert route(tmp_path, "switch", "default").stdout == "routing.local is auto (default)\n"
    assert route(tmp_path, "switch", "maybe").exit_code == 2


def test_without_a_gateway_it_is_unavailable(tmp_path: Path) -> None:
    """A house that has no gateway says so."""
    result = run(tmp_path, "route", "explain")
    assert result.exit_code == 3
    assert "no gateway" in result.stderr


def outcome_file(folder: Path, count: int = 260) -> Path:
    """Outcomes in which long prompts gain."""
    lines = [
        {
            "id": str(index),
            "domain": "a",
            "prompt": "word " * (1 + index % 9) + ("integral" if index % 9 > 4 else "capital"),
            "weak": 0 if index % 9 > 4 else 1,
            "strong": 1,
        }
        for index in range(count)
    ]
    file = folder / "own.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines), "utf-8")
    return file


@pytest.mark.slow
def test_eval_router_prints_every_router_with_its_n(tmp_path: Path) -> None:
    """Chance, length and what was learned stand in one table, each with the count."""
    file = outcome_file(tmp_path)
    said = run(tmp_path, "eval", "router", "--data", str(file)).stdout
    assert "own.jsonl: n = 260" in said
    found = json.loads(run(tmp_path, "eval", "router", "--data", str(file), "--json").stdout)
    routers = {each["router"].partition(" (")[0]: each for each in found["files"][0]["routers"]}
    assert {"random", "length", "signals, weighted by hand", "text", "text and task"} <= set(routers)
    assert routers["length"]["apgr"] > 0.7
    assert {each["n"] for each in routers.values()} == {260}
    assert found["learned"] is None


@pytest.mark.slow
def test_what_is_learned_is_kept_for_the_rules(tmp_path: Path) -> None:
    """`--train` writes a model into the home, from which the rules judge; too few teach nothing."""
    file = outcome_file(tmp_path)
    found = json.loads(run(tmp_path, "eval", "router", "--data", str(file), "--train", "--json").stdout)
    home = Home(tmp_path / ".home")
    assert found["learned"] == str(home.learned_router)
    assert found["learned_from"] == 260
    rules = rules_of(load(home.root, environment={}, folder=tmp_path), home)
    assert rules.scorer is not None
    assert rules.scorer("word word integral", "a") > rules.scorer("word capital", "a")
    few = outcome_file(tmp_path, 20)
    refused = run(tmp_path, "eval", "router", "--data", str(few), "--train")
    assert refused.exit_code == 2
    assert "too few" in refused.stderr


def test_a_file_that_holds_no_outcomes_is_refused(tmp_path: Path) -> None:
    """The file and the line are named."""
    file = tmp_path / "wrong.jsonl"
    file.write_text('{"prompt": "p"}\n', "utf-8")
    result = run(tmp_path, "eval", "router", "--data", str(file))
    assert result.exit_code == 2
    assert "line 1 is no outcome" in result.stderr


@pytest.mark.slow
def test_own_outcomes_teach_the_gap_of_each_task(tmp_path: Path) -> None:
    """What shadow traffic and picks showed is learned by task; without any there is nothing to evaluate."""
    seen = tuple(Outcome("", *((("maths", 0.0, 1.0), ("mail", 1.0, 1.0))[index % 2])) for index in range(300))
    builder = FakeBuilder(fakes=RoutingHouse(folder=tmp_path, seen=seen))
    said = run(tmp_path, "eval", "router", "--own", "--train", "--json", builder=builder)
    found = json.loads(said.stdout)
    routers = {each["router"]: each for each in found["files"][0]["routers"]}
    assert (found["learned_from"], found["files"][0]["n"]) == (300, 300)
    assert routers["mean gap per task"]["apgr"] > 0.7 > routers["length (what runs untrained)"]["apgr"]
    home = Home(tmp_path / ".home")
    scorer = rules_of(load(home.root, environment={}, folder=tmp_path), home).scorer
    assert scorer is not None
    assert scorer("any words", "maths") > scorer("any words", "mail")
    empty = FakeBuilder(fakes=RoutingHouse(folder=tmp_path))
    assert run(tmp_path, "eval", "router", "--own", builder=empty).exit_code == 2
    assert "give --data FILE" in run(tmp_path, "eval", "router").stderr


@pytest.mark.slow
def test_a_key_and_a_program_without_one_are_explained_as_they_are(tmp_path: Path) -> None:
    """`--key` explains with that key's rights, `--keyless` and `--user` with those of callers without one,
    who lose the cloud with the first key; control: the administrator has it."""
    house = RoutingHouse(folder=tmp_path)

    def explain(*words: str) -> Result:
        """The route of a request that would go out."""
        words = ("explain", "--prefer", "cloud", *words)
        return run(tmp_path, "route", *words, builder=FakeBuilder(fakes=house))

    def first(*words: str) -> str:
        """The first engine."""
        engine = json.loads(explain("--json", *words).stdout)["attempts"][0]["engine"]
        assert isinstance(engine, str)
        return engine

    assert first() == first("--keyless") == "openai"
    grant = Grant(key="k1", user="anna", cloud=False, models=("phi*",))
    house.keys.add(ApiKey(grant, "laptop", "", NOW))
    house.keys.add(ApiKey(Grant(key="k2"), "server", "", NOW))
    assert (first(), first("--key", "server")) == ("openai", "openai")
    assert first("--key", "laptop") == first("--key", "k1") == "ollama"
    assert first("--keyless") == first("--user", "anna") == "ollama"
    said = explain("--key", "laptop").stdout
    assert said.startswith("ollama/phi3 would answer")
    assert "  sent by  the key 'laptop'" in said
    assert "this key may not use the cloud" in said
    assert "sent by" not in explain().stdout
    assert explain("--key", "nobody").exit_code == 2
    assert explain("--key", "laptop", "--user", "anna").exit_code == 2


@pytest.mark.slow
def test_nothing_is_promised_that_is_not_done(tmp_path: Path) -> None:
    """A second question is announced only where single answers are judged, `no model named` only where one
    was, and a small amount is not told as nothing."""
    said = route(tmp_path, "explain", "--task", "summary", "--model", "auto", "--max-cost-micros", "1").stdout
    assert "is asked again" not in said
    assert "weak     is not looked for (strategies.post_hoc); a cascade would ask ollama/mistral" in said
    assert "no model named" not in said
    assert "this request at most 0.000001" in said
    assert "no model named" in route(tmp_path, "explain", "--model", "phi3").stdout
    (tmp_path / "state" / "inhouse.toml").write_text("[strategies]\npost_hoc = true\n", "utf-8")
    said = route(tmp_path, "explain", "--task", "summary").stdout
    assert (
        "weak     a whole answer with confidence below 0.7 is asked again of openai/gpt-6-sol, cloud" in said
    )
