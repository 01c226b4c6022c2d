"""`inhouse eval tune` on a real home: a bad setting is found, a good one is left, nothing is changed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.house import run_real

ENDS = ("", "low", "high", "old", "new", "bay", "port")
TREES = ("Ash", "Birch", "Cedar", "Elm", "Fir", "Hazel", "Maple")
CITIES = [f"{tree}{end}ville" for tree in TREES for end in ENDS]
FILLER = "Doors are locked at night and the guard walks through the floors with a lamp.\n\n" * 45


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """Long sections whose ends only the headings tell apart, and a question for each."""
    (tmp_path / "docs").mkdir()
    sections = [f"## Office of {city}\n\n{FILLER}It opens at 9:{n:02}." for n, city in enumerate(CITIES)]
    (tmp_path / "docs" / "offices.md").write_text("# Offices\n\n" + "\n\n".join(sections), "utf-8")
    rows = [
        {
            "id": city,
            "question": f"When does the office of {city} open?",
            "evidence": [{"file": "offices.md", "quote": f"It opens at 9:{n:02}."}],
        }
        for n, city in enumerate(CITIES)
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (tmp_path / "few.jsonl").write_text("\n".join(map(json.dumps, rows[:10])), "utf-8")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "INHOUSE_HOME": str(tmp_path / "home"),
        "INHOUSE_ENGINES_EMBEDDED": "off",
        "INHOUSE_ENGINES_PROBE_LOCAL_PORTS": "false",
        "INHOUSE_RETRIEVAL_HEADINGS": "false",
        "INHOUSE_RETRIEVAL_ANYWHERE_WEIGHT": "1.0",
    }
    assert run_real(environment, "ingest", str(tmp_path / "docs")).exit_code == 0
    return environment


@pytest.mark.slow
def test_a_setting_that_wins_on_the_other_half_is_proposed(home: dict[str, str]) -> None:
    """Headings are proposed where they are off; the lines can be put in force; copies are gone after it."""
    data = str(Path(home["HOME"]) / "q.jsonl")
    result = run_real(home, "eval", "tune", "--data", data, "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["proposed"]
    assert "headings = true" in told["settings"]
    assert told["after"] > told["before"] + 0.2
    assert told["n"] == len(CITIES) // 2
    assert not list(Path(home["INHOUSE_HOME"]).rglob("tuning-*"))
    good = {**home, "INHOUSE_RETRIEVAL_HEADINGS": "true"}
    assert run_real(good, "ingest", str(Path(home["HOME"]) / "docs")).exit_code == 0
    found = json.loads(run_real(good, "eval", "retrieval", "--data", data, "--json").stdout)
    recall = next(one for one in found["figures"] if (one["name"], one["group"]) == ("recall@10", "all"))
    assert recall["value"] > 0.5, "in force, it does what was promised"


def test_few_questions_propose_nothing(home: dict[str, str]) -> None:
    """Too few questions, questions about other documents, and prompts without a model are refused."""
    folder = Path(home["HOME"])
    few = run_real(home, "eval", "tune", "--data", str(folder / "few.jsonl"))
    assert few.exit_code == 2
    assert "too few" in few.stderr
    other = run_real(home, "eval", "tune", "--data", str(folder / "q.jsonl"), "--source", "elsewhere")
    assert other.exit_code == 2
    assert "0 questions" in other.stderr
    prompts = run_real(home, "eval", "tune", "--data", str(folder / "q.jsonl"), "--prompts", str(folder))
    assert prompts.exit_code == 2
    assert "No model is ready" in prompts.stderr
