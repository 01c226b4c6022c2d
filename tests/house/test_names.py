"""Names say the thing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.tree import ROOT, WRITTEN, parse

FILE_NAMES = {"utils", "util", "common", "misc", "helpers", "helper", "tools", "shared", "base", "stuff"}
SUFFIXES = ("Manager", "Helper", "Helpers", "Util", "Utils", "Handler", "Service", "Processor")

PROMISED = {"LLMService", "SyncLLMService"}
"""Names that other people's programs import already: those of the planning documents."""


def bad_classes(tree: ast.Module) -> list[str]:
    """Classes whose name says that they do something, but not what."""
    return [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name.endswith(SUFFIXES)
    ]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_of_files_and_classes(path: Path) -> None:
    """No file that could hold anything, no class named after a role instead of a thing."""
    assert path.stem not in FILE_NAMES
    assert set(bad_classes(parse(path))) <= PROMISED


def test_bad_names_are_noticed() -> None:
    """The control: a class of each forbidden kind is reported."""
    classes = "\n".join(f"class Index{suffix}: ..." for suffix in SUFFIXES)
    assert len(bad_classes(ast.parse(classes))) == len(SUFFIXES)
