"""Nothing is too large to be read in one go."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.tree import PACKAGE, ROOMS, ROOT, WRITTEN, parse

FILE_LINES = 500
FUNCTION_LINES = 80
CLASS_LINES = 250
POSITIONAL = 5
ROOM_LINES = 4000
LARGER_ROOMS = {
    # The reasons stand in docs/decisions/0011-larger-rooms.md. Inner rooms (below) are counted apart.
    "knowledge": 21000,
    "dialects": 9000,
    "gateway": 19000,
    "serve": 10500,
    "cli": 6500,
}
INNER_ROOMS = {
    # Room inside a room -> its lines, and the only files of it that anybody outside may import. `compose`
    # opens each connector by itself, which is its work.
    "knowledge/edge/parse": (10000, {"ocr", "parsed", "pool"}),
    "knowledge/edge/connect": (4000, {"look"}),
}

DATA_TABLE = "data table"
"""A file whose docstring calls it that may be longer: a table of data is not read from end to end."""

STATIC = PACKAGE / "serve" / "static"
PAGE_FILES = sorted(
    path
    for path in STATIC.rglob("*")
    if path.suffix in {".js", ".css", ".html"} and "vendor" not in path.relative_to(STATIC).parts
)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


@pytest.mark.parametrize("path", WRITTEN, ids=relative)
def test_python_files_are_short(path: Path) -> None:
    """At most 500 lines, data tables excepted."""
    if DATA_TABLE not in (ast.get_docstring(parse(path)) or "").lower():
        assert lines(path) <= FILE_LINES


@pytest.mark.parametrize("path", PAGE_FILES, ids=relative)
def test_page_files_are_short(path: Path) -> None:
    """The page's own files are held to the same 500 lines."""
    assert lines(path) <= FILE_LINES


@pytest.mark.parametrize("path", WRITTEN, ids=relative)
def test_functions_and_classes_are_short(path: Path) -> None:
    """Functions at most 80 lines, classes at most 250."""
    long = [
        f"{node.name} ({size} lines)"
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and (size := (node.end_lineno or node.lineno) - node.lineno + 1)
        > (CLASS_LINES if isinstance(node, ast.ClassDef) else FUNCTION_LINES)
    ]
    assert long == []


@pytest.mark.parametrize("path", WRITTEN, ids=relative)
def test_functions_have_few_positional_parameters(path: Path) -> None:
    """At most five, `self` apart; the rest is keyword-only."""
    wide = []
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
            count = len(names) - (names[:1] in (["self"], ["cls"]))
            if count > POSITIONAL and not is_framework_function(path, node):
                wide.append(f"{node.name} ({count})")
    assert wide == []


def is_framework_function(path: Path, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Click fills the parameters of a command by name, FastAPI those of a route, pytest those of a test."""
    return bool(node.decorator_list) or (node.name.startswith("test_") and "tests" in path.parts)


@pytest.mark.parametrize("room", [*ROOMS, "store", "serve", "cli", "config"])
def test_rooms_are_small(room: str) -> None:
    """At most 4,000 lines of Python in a room; the exceptions stand above with their reason."""
    files = [path for path in (PACKAGE / room).rglob("*.py") if "__pycache__" not in path.parts]
    own = [path for path in files if not any(is_inside(path, inner) for inner in INNER_ROOMS)]
    assert own
    assert sum(map(lines, own)) <= LARGER_ROOMS.get(room, ROOM_LINES)


def is_inside(path: Path, room: str) -> bool:
    return path.is_relative_to(PACKAGE / room)


@pytest.mark.parametrize("room", INNER_ROOMS)
def test_inner_rooms_have_doors(room: str) -> None:
    """An inner room keeps to its own limit, and is entered by its doors only."""
    most, doors = INNER_ROOMS[room]
    files = list((PACKAGE / room).rglob("*.py"))
    assert sum(map(lines, files)) <= most
    name = f"inhouse.{room.replace('/', '.')}"
    for path in PACKAGE.rglob("*.py"):
        if is_inside(path, room) or is_inside(path, "compose"):
            continue
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{name}."):
                assert (node.module or "").removeprefix(f"{name}.") in doors, relative(path)
