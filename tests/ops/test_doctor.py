"""Facts in, findings out: each problem has its remedy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inhouse.ops.doctor import EngineFact, GpuFact, SourceFact, examine
from tests.ops.facts import GOOD

UP = EngineFact("ollama", "local", "up", 2, "", "yes", 0.4)


def test_a_good_machine_has_no_problem() -> None:
    """Nothing but `ok`, nothing to do."""
    assert {(finding.level, finding.remedy) for finding in examine(GOOD)} == {("ok", "")}


@pytest.mark.parametrize(
    ("change", "subject", "level", "words"),
    [
        ({"python": (3, 10)}, "python", "problem", "3.10 is too old"),
        ({"free_bytes": 10**8}, "disk", "problem", "0.1 GB free"),
        ({"free_bytes": 10**9}, "disk", "note", "will not last"),
        ({"home_is_ours": False}, "home", "problem", "another user"),
        ({"home_mode": 0o755}, "home", "note", "mode 755"),
        ({"database": "malformed"}, "database", "problem", "malformed"),
        ({"index": "a segment is damaged"}, "index", "problem", "damaged"),
        ({"port_holder": "nginx (process 3)"}, "port", "problem", "nginx"),
        ({"ollama_port_holder": "ollama (process 9)"}, "ollama port", "note", "do not pass through"),
        ({"missing_extras": ("knowledge",)}, "install", "problem", "[knowledge]"),
        ({"tesseract": None}, "scans", "note", "not installed"),
        ({"tesseract_languages": ("eng",)}, "scans", "note", "lacks rus"),
        ({"cloud_keys": ("openai_api_key",)}, "cloud", "note", "found, not used"),
        ({"gpus": (GpuFact("H200", 143360, ()),)}, "gpu", "note", "H200, 140 GB is not in use"),
        ({"engines": ()}, "engines", "note", "exact quotes"),
        (
            {"engines": (replace(UP, state="down", reason="refused"),)},
            "engine ollama",
            "note",
            "down: refused",
        ),
        ({"engines": (replace(UP, models=0),)}, "engine ollama", "note", "no model"),
        ({"engines": (replace(UP, failure="HTTP 500"),)}, "engine ollama", "problem", "HTTP 500"),
        (
            {"engines": (UP, replace(UP, name="gemini", state="found_not_allowed", reason="no consent"))},
            "engine gemini",
            "note",
            "no consent",
        ),
    ],
)
def test_each_lack_is_found(change: dict[str, Any], subject: str, level: str, words: str) -> None:
    """The finding names the subject and the fact."""
    found = [finding for finding in examine(replace(GOOD, **change)) if finding.level != "ok"]
    matching = [finding for finding in found if finding.subject == subject]
    assert [(finding.level, words in finding.message) for finding in matching] == [(level, True)]
    assert all(finding.remedy for finding in found if finding.level == "problem")


def test_a_source_that_fails_is_named() -> None:
    """Why it fails and where to look; the others are one word, and none at all is none."""
    facts = replace(GOOD, sources=(SourceFact("docs"), SourceFact("mail", "the server is down")))
    found = [one for one in examine(facts) if "source" in one.subject]
    assert [(one.subject, one.level, one.message) for one in found] == [
        ("source mail", "note", "the server is down"),
        ("sources", "ok", "1 looked at without trouble"),
    ]
    assert found[0].remedy == "inhouse sources show mail"


def test_allowed_keys_and_used_cards_are_well() -> None:
    """The controls: consent given, card in use or unknown, our own server on the port."""
    facts = replace(
        GOOD,
        cloud_keys=("openai_api_key",),
        cloud_allowed=True,
        gpus=(GpuFact("H200", None, ("vllm",)), GpuFact("A", None, None)),
        server="http://127.0.0.1:8484",
        port_holder="inhouse (process 5)",
    )
    assert {finding.level for finding in examine(facts)} == {"ok"}
