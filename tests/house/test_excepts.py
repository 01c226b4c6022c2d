"""Errors are caught by name, except where a process must outlive any of them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.tree import PACKAGE, broad_handlers, parse

ALLOWED = {
    "serve/middleware.py": "the outermost place of a request",
    "serve/ask.py": "the outermost place of a stream, whose head is already sent",
    "gateway/edge/prober.py": "the prober: one strange engine must not hide the others",
    "knowledge/edge/ingest.py": "the worker loop: the queue outlives any one job",
    "knowledge/edge/source_desk_look.py": "the worker loop: one strange source must not end the others",
    "knowledge/edge/parse/child.py": "the worker loop of a reading process: parsers raise what they like",
}
"""Path below the package -> why anything may be caught there; exactly one handler each."""

SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_broad_excepts_stand_only_in_the_listed_places(path: Path) -> None:
    """One broad handler in each listed place, none elsewhere, and none that swallows."""
    found = broad_handlers(parse(path))
    name = path.relative_to(PACKAGE).as_posix()
    assert len(found) == (1 if name in ALLOWED else 0), [getattr(node, "lineno", 0) for node in found]
    for handler in found:
        assert isinstance(handler, ast.ExceptHandler), "suppress(Exception) says nothing to anybody"
        assert not all(isinstance(line, ast.Pass | ast.Return | ast.Continue) for line in handler.body)


@pytest.mark.parametrize(
    "handler",
    [
        "except:",
        "except Exception:",
        "except BaseException as error:",
        "except (OSError, Exception):",
    ],
)
def test_broad_excepts_are_noticed(handler: str) -> None:
    """The control: each way of writing it is found."""
    assert len(broad_handlers(ast.parse(f"try:\n    f()\n{handler}\n    pass\n"))) == 1


def test_clean_up_passes() -> None:
    """The control: a handler that raises again at its end is no catch; one that raises half-way is."""
    assert broad_handlers(ast.parse("try:\n    f()\nexcept BaseException:\n    g()\n    raise\n")) == []
    half = "try:\n    f()\nexcept Exception:\n    if x:\n        raise\n    g()\n"
    assert len(broad_handlers(ast.parse(half))) == 1


def test_suppress_of_everything_is_noticed() -> None:
    """The control: the context manager is found, and one that names its error is not."""
    assert len(broad_handlers(ast.parse("with contextlib.suppress(Exception):\n    f()\n"))) == 1
    assert broad_handlers(ast.parse("with suppress(OSError):\n    f()\n")) == []
