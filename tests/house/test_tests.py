"""The tests of the tests."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.tree import ROOT, parse

FILES = sorted(path for path in (ROOT / "tests").rglob("test_*.py") if "__pycache__" not in path.parts)

SKIPS = {"pytest.skip", "pytest.importorskip", "pytest.xfail"} | {
    f"pytest.mark.{name}" for name in ("skip", "skipif", "xfail")
}


def named_tests(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_test_says_what_it_asserts(path: Path) -> None:
    """A docstring in every test."""
    assert [node.name for node in named_tests(parse(path)) if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_test_sleeps_or_is_skipped(path: Path) -> None:
    """Neither `sleep` with a duration, nor a skip: a lack is a failure, time is an argument."""
    found = []
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep"}:
            found.append(f"{node.lineno}: sleep")
        if isinstance(node, ast.Attribute) and ast.unparse(node) in SKIPS:
            found.append(f"{node.lineno}: {node.attr}")
    assert found == []
