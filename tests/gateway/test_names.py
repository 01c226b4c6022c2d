"""The dated table of model names, and what a name tells about a model."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest

from inhouse.gateway.names import (
    class_of,
    distance,
    entry_of,
    known_names,
    matches,
    parameters_of,
    plain_name,
    trades_of,
)
from inhouse.gateway.names_table import NAMES, ModelClass, NameEntry, Source


@pytest.mark.parametrize("entry", NAMES, ids=lambda entry: entry.pattern)
def test_every_entry_is_dated_and_reachable(entry: NameEntry) -> None:
    """Dates are dates, words are words, and no entry above swallows a name that is written out."""
    assert date.fromisoformat(entry.read_on)
    assert not entry.retired_on or date.fromisoformat(entry.retired_on)
    assert entry.means in get_args(ModelClass)
    assert entry.source in get_args(Source)
    example = entry.pattern.replace("*", "x")
    found = entry_of(entry.pattern if "*" not in entry.pattern else example)
    assert found is not None
    assert found.means == entry.means or "*" in entry.pattern


@pytest.mark.parametrize(
    ("name", "means", "retired_on"),
    [
        ("gpt-4o", "large", "2027-01-14"),
        ("gpt-4o-mini", "small", "2027-01-14"),
        ("gpt-3.5-turbo", "small", "2026-10-23"),
        ("claude-3-5-sonnet-20241022", "medium", "2025-10-28"),
        ("claude-opus-4-8", "large", ""),
        ("models/gemini-1.5-flash", "small", "2025-09-29"),
        ("anthropic/claude-haiku-4-5", "small", ""),
        ("LLAMA3.2:latest", "small", ""),
        ("qwen2.5-coder:7b", "code", ""),
        ("deepseek-r1:70b", "reasoning", ""),
        ("text-embedding-3-small", "embedding", ""),
    ],
)
def test_known_names(name: str, means: ModelClass, retired_on: str) -> None:
    """Vendors' names in any case, with their prefix or with `:latest`."""
    entry = entry_of(name)
    assert entry is not None
    assert (entry.means, entry.retired_on) == (means, retired_on)


@pytest.mark.parametrize("name", ["", "qwen2.5:7", "my-finetune", "nonsense"])
def test_names_that_nobody_knows(name: str) -> None:
    """A slip of the pen is no known name."""
    assert entry_of(name) is None


@pytest.mark.parametrize(
    ("name", "told", "size_bytes", "expected"),
    [
        ("anything", "7.6B", None, 7.6e9),
        ("mixtral:8x7b", "", None, 56e9),
        ("smollm2-135m", "", None, 135e6),
        ("Qwen2.5-0.5B-Instruct-4bit", "", None, 0.5e9),
        ("gpt-4o", "", None, None),
        ("gemini-2.5-flash", "", None, None),
        ("x", "", 6_200_000_000, 1e10),
    ],
)
def test_parameters(name: str, told: str, size_bytes: int | None, expected: float | None) -> None:
    """As the engine says, else as the name says, else by size; a version is no size."""
    found = parameters_of(name, told, size_bytes)
    assert found == pytest.approx(expected) if expected else found is None


def test_classes_of_models() -> None:
    """By size first; a vendor's unknown model counts as large, a local one as unknown."""
    assert class_of("qwen2.5:32b") == "large"
    assert class_of("phi3") == "small"
    assert class_of("own", "13B") == "medium"
    assert class_of("own") is None
    assert class_of("own", remote=True) == "large"
    assert trades_of("qwen2.5-coder:7b") == {"code"}
    assert trades_of("bge-m3") == {"embedding"}
    assert trades_of("qwen2.5:7b") == frozenset()


def test_a_larger_model_is_nearer_than_a_smaller_one() -> None:
    """Whoever asked for medium rather gets large than small; a trade beats every size."""
    ranks = [distance("medium", size, frozenset()) for size in ("medium", "large", "small", None)]
    assert ranks == sorted(ranks)
    assert distance("code", "small", frozenset({"code"})) < distance("code", "medium", frozenset())


def test_patterns_and_plain_names() -> None:
    """`*` and `?` are the only signs with a meaning, and case has none."""
    assert matches("gpt-4*", "GPT-4o")
    assert matches("a.b?", "a.bc")
    assert not matches("a.b", "axb")
    assert not matches("gpt", "gpt-4")
    assert plain_name(" Phi3:latest ") == "phi3"
    assert "llama3.2" in known_names()
