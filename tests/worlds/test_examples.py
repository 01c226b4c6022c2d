"""The examples, run as their readers run them: against a server with the demo model behind it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.house import House, open_house

pytestmark = [pytest.mark.model, pytest.mark.slow]

EXAMPLES = Path(__file__).parents[2] / "examples"
SAID = {
    "anthropic_client.py": "tokens out:",
    "gemini_client.py": "",
    "llm_service.py": '"local"',
    "ollama_client.py": "tokens:",
    "openai_client.py": "checked against the schema:",
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A running house whose only engine is the demo model."""
    settings = {"INHOUSE_ENGINES_PROBE_LOCAL_PORTS": "false", "INHOUSE_SERVER_OLLAMA_PORT": "0"}
    with open_house(tmp_path_factory.mktemp("house") / "home", settings=settings) as running:
        yield running


def test_every_example_is_run() -> None:
    """A new example without a line above would never be run."""
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == sorted(SAID)


@pytest.mark.parametrize("name", sorted(SAID))
def test_an_example_ends_well(house: House, name: str) -> None:
    """It prints what it promises, and nothing to stderr."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("INHOUSE_")}
    found = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        env={**kept, "INHOUSE_URL": house.url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (found.returncode, found.stderr) == (0, ""), found.stderr[-2000:]
    assert SAID[name] in found.stdout
    assert len(found.stdout.strip()) > 10


def test_the_requests_of_the_examples_are_in_the_ledger(house: House) -> None:
    """Each left a row with its engine, and none of them cost anything unknown-as-zero."""
    found = house.call("GET", "/app/usage?limit=1000")
    assert {row["engine"] for row in found["rows"] if row["task"] == "chat"} == {"embedded"}
    assert len([row for row in found["rows"] if row["outcome"] == "ok"]) >= 8
