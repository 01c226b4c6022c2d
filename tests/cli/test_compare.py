"""`inhouse compare` and `inhouse rollout` over fakes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.desk import Desk
from inhouse.gateway.edge.rulebook import Rulebook
from inhouse.gateway.fleet import Engine, Model
from inhouse.gateway.rules import Rules
from inhouse.gateway.till import Free
from inhouse.kernel.errors import EngineBroke
from inhouse.serve.parts import Parts
from tests.cli.house import FakeBuilder, run
from tests.serve.fake_desks import FakePicks, FakeRollouts
from tests.serve.fakes import FakeHouse
from tests.serve.test_compare import Chat, Ledger


@dataclass
class House(FakeHouse):
    """A house with one model behind every name."""

    chat: Chat = field(default_factory=Chat)
    desk: FakeRollouts = field(default_factory=FakeRollouts)
    picks: FakePicks = field(default_factory=FakePicks)

    @property
    def parts(self) -> Parts:
        plain = super().parts
        return replace(
            plain,
            chat=self.chat,
            rollouts=self.desk,
            samples=self.picks,
            ledger=Ledger(),
            routing=self.routing(),
        )

    def routing(self) -> Desk:
        """The real desk over one engine that offers the models `a`, `b` and `j`."""
        board, rules = FleetBoard(lambda: 0.0), Rules()
        board.show([Engine("box", "scripted", "local", "", "up", (Model("a"), Model("b"), Model("j")))])
        nowhere = Path("/nonexistent")
        book = Rulebook(
            (rules, "default"), lambda: (rules, "default"), files=(), switch_file=nowhere, clock=lambda: 0.0
        )
        return Desk(board, book, Free(), clock=lambda: 0.0)


@pytest.fixture
def prompts(tmp_path: Path) -> str:
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "How long?"}\n{"question": "Сколько?"}\n', "utf-8")
    return str(path)


def test_every_model_gets_every_prompt(tmp_path: Path, prompts: str) -> None:
    """A line per model with its n, and a word on how few prompts there are."""
    house = House()
    found = run(tmp_path, "compare", "--models", "a,b", "--data", prompts, builder=FakeBuilder(house))
    assert found.exit_code == 0, found.output
    assert [(each.model, each.messages[-1].content) for each in house.chat.asked] == [
        ("a", "How long?"),
        ("b", "How long?"),
        ("a", "Сколько?"),
        ("b", "Сколько?"),
    ]
    assert "100%" in found.stdout
    assert "0.0000" in found.stdout
    assert "2 prompts" in found.stderr


def test_json_holds_figures_and_answers(tmp_path: Path, prompts: str) -> None:
    """One document; the judge is asked in both orders, so a fixed verdict scores both the same."""
    house = House(chat=Chat('{"better": "first"}'))
    words = ("compare", "--models", "a,b", "--data", prompts, "--limit", "1", "--judge", "j", "--json")
    found = json.loads(run(tmp_path, *words, builder=FakeBuilder(house)).stdout)
    assert found["prompts"] == 1
    assert [(each["model"], each["n"], each["judged"]) for each in found["models"]] == [
        ("a", 1, 0.5),
        ("b", 1, 0.5),
    ]
    assert len(found["answers"]) == 2


def test_a_persons_pick_is_asked_unnamed_and_kept(tmp_path: Path, prompts: str) -> None:
    """The answers are shown without their models; equal is half a point for both."""
    house = House()
    words = ("compare", "--models", "a,b", "--data", prompts, "--limit", "1", "--pick", "--json")
    found = run(tmp_path, *words, builder=FakeBuilder(house), typed="=\n")
    assert found.exit_code == 0, found.output
    assert [each["picked"] for each in json.loads(found.stdout)["models"]] == [0.5, 0.5]
    assert house.picks.kept[0][1] is None


@pytest.mark.parametrize(
    ("words", "text", "code"),
    [
        (("--models", "a"), '{"prompt": "x"}\n', 2),
        (("--models", "a,b"), "\n", 2),
        (("--models", "a,b"), '{"text": "x"}\n', 2),
        (("--models", "a,b"), "{broken\n", 2),
    ],
)
def test_wrong_use_is_told(tmp_path: Path, words: tuple[str, ...], text: str, code: int) -> None:
    """One model, an empty file, a line without a prompt and a broken line."""
    path = tmp_path / "p.jsonl"
    path.write_text(text, "utf-8")
    found = run(tmp_path, "compare", *words, "--data", str(path), builder=FakeBuilder(House()))
    assert found.exit_code == code
    assert "hint:" in found.stderr


@pytest.mark.parametrize("words", [("--models", "a,zzz"), ("--models", "a,b", "--judge", "zzz")])
def test_names_are_looked_up_before_anybody_is_asked(
    tmp_path: Path, prompts: str, words: tuple[str, ...]
) -> None:
    """An unknown model or judge ends the command before the first answer, which would be paid for nothing."""
    house = House()
    found = run(tmp_path, "compare", *words, "--data", prompts, builder=FakeBuilder(house))
    assert found.exit_code == 2
    assert "`zzz`" in found.stderr
    assert house.chat.asked == []


def test_no_answer_at_all_is_unavailable(tmp_path: Path, prompts: str) -> None:
    """Every failure is counted and told, and the command does not pretend to have compared."""
    house = House(chat=Chat(error=EngineBroke("gone")))
    found = run(tmp_path, "compare", "--models", "a,b", "--data", prompts, builder=FakeBuilder(house))
    assert found.exit_code == 3
    assert "gone" in found.stderr


def test_a_roll_out_from_the_terminal(tmp_path: Path) -> None:
    """Start, status, promote and rollback; nothing to show is said."""
    builder = FakeBuilder(House())
    assert "no model was rolled out" in run(tmp_path, "rollout", "status", builder=builder).stderr
    started = run(tmp_path, "rollout", "start", "chat", "--candidate", "new", builder=builder)
    assert started.exit_code == 0, started.output
    assert "chat: 10 %" in started.stdout
    assert "next: wait: so far" in run(tmp_path, "rollout", "status", builder=builder).stdout
    assert "chat: 50 %" in run(tmp_path, "rollout", "promote", "chat", builder=builder).stdout
    back = run(tmp_path, "rollout", "rollback", "chat", "--reason", "slow", "--json", builder=builder)
    assert json.loads(back.stdout)["status"] == "rolled_back"
    again = run(tmp_path, "rollout", "start", "chat", "--candidate", "new", builder=builder)
    assert again.exit_code == 2
