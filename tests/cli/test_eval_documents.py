"""`inhouse eval retrieval|answers|golden` on a real home."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.cli.house import run_real

FILES = {
    "leave.md": "# Leave\n\nEvery employee has 28 calendar days of paid leave a year.\n",
    "old.md": "# Leave, old\n\nEvery employee has 24 calendar days of paid leave a year.\n",
    "отпуск.md": "# Отпуск\n\nЗаявление на отпуск подаётся за 14 календарных дней до начала.\n",
    "roof.md": "# Roof\n\nThe roof of the office was repaired by the landlord.\n",
}
QUESTIONS = [
    {
        "id": "a",
        "type": "conflict",
        "question": "How many days of paid leave does an employee have a year?",
        "answer_must_contain": ["28"],
        "evidence": [
            {"file": "leave.md", "quote": "28 calendar days"},
            {"file": "old.md", "quote": "24 calendar days"},
        ],
    },
    {
        "id": "b",
        "question": "За сколько дней подаётся заявление на отпуск?",
        "evidence": [{"file": "отпуск.md", "quote": "за 14 календарных дней"}],
    },
    {"id": "c", "type": "unanswerable", "question": "Who won the regatta in Sydney harbour?"},
    {
        "id": "d",
        "question": "Who repaired the roof?",
        "evidence": [{"file": "roof.md", "quote": "not there"}],
    },
]


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """A home without engines that holds the files; the questions wait in `q.jsonl`."""
    (tmp_path / "docs").mkdir()
    for name, text in FILES.items():
        (tmp_path / "docs" / name).write_text(text, "utf-8")
    (tmp_path / "q.jsonl").write_text("\n".join(json.dumps(one) for one in QUESTIONS), "utf-8")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "INHOUSE_HOME": str(tmp_path / "home"),
        "INHOUSE_ENGINES_EMBEDDED": "off",
        "INHOUSE_ENGINES_PROBE_LOCAL_PORTS": "false",
    }
    assert run(environment, "ingest", str(tmp_path / "docs")).exit_code == 0
    return environment


def run(home: dict[str, str], *words: str) -> Result:
    return run_real(home, *words)


def figures(result: Result) -> dict[tuple[str, str], dict[str, Any]]:
    """Figures by name and group."""
    assert result.exit_code == 0, result.stderr
    return {(one["name"], one["group"]): one for one in json.loads(result.stdout)["figures"]}


@pytest.mark.slow
def test_evaluating_a_home(home: dict[str, str]) -> None:
    """Searches and answers are judged, lost evidence is named, and the second run says what changed."""
    data = ("--data", str(Path(home["HOME"]) / "q.jsonl"), "--json")
    found = run(home, "eval", "retrieval", *data)
    assert figures(found)["recall@5", "all"]["value"] == 1.0
    assert figures(found)["recall@5", "all"]["n"] == 2
    assert json.loads(found.stdout)["without_evidence"] == ["d"]
    answered = run(home, "eval", "answers", *data)
    told = figures(answered)
    assert told["both_sides_cited", "type=conflict"]["value"] == 1.0
    assert told["conflict_stated", "all"]["value"] == 1.0
    assert told["citations_verified", "all"]["value"] == 1.0
    assert told["refused_unanswerable", "all"]["value"] == 1.0
    assert told["number_fidelity", "all"]["value"] == 1.0
    assert json.loads(answered.stdout)["before"] is None
    again = json.loads(run(home, "eval", "answers", *data).stdout)
    assert again["before"] is not None
    assert all(one["difference"] == 0 and not one["sure"] for one in again["changes"])
    readable = run(home, "eval", "answers", *data[:2], "--no-keep")
    assert "nothing changed" in readable.stdout
    assert "evidence not found" in readable.stderr


@pytest.mark.slow
def test_the_golden_set(home: dict[str, str]) -> None:
    """Questions are kept, listed, measured without a file, replaced by id and forgotten."""
    file = str(Path(home["HOME"]) / "q.jsonl")
    refused = run(home, "eval", "retrieval")
    assert refused.exit_code == 2
    assert "There are no questions" in refused.stderr
    for _ in range(2):
        assert "4 golden questions" in run(home, "eval", "golden", "add", file).stderr
    assert figures(run(home, "eval", "retrieval", "--json"))["recall@5", "all"]["n"] == 2
    assert run(home, "eval", "golden", "rm", "d").exit_code == 0
    assert len(json.loads(run(home, "eval", "golden", "ls", "--json").stdout)) == 3
    assert run(home, "eval", "golden", "rm", "d").exit_code == 2


def test_a_bad_question_file_is_refused(home: dict[str, str]) -> None:
    """A file that cannot be read, or a line that is no question, is named with its place."""
    bad = Path(home["HOME"]) / "bad.jsonl"
    bad.write_text('{"question": "x"}\n{', "utf-8")
    result = run(home, "eval", "retrieval", "--data", str(bad))
    assert result.exit_code == 2
    assert "line 2" in result.stderr
    assert run(home, "eval", "answers", "--data", str(bad.with_name("none.jsonl"))).exit_code == 2
