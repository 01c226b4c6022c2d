"""Nothing gives document content without saying for whom: the ports, by their types."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.tree import PACKAGE, parse

PORTS = PACKAGE / "knowledge" / "ports"
FOR_A_CALLER = {"Answers", "Chats", "Library", "PageImages", "Search"}
"""Ports whose every method concerns what some caller may see."""
FOR_THE_HOUSE = {
    "Access": "readers and their reasons; its routes are for administrators",
    "EvalBook": "questions and figures; its routes are for administrators",
    "Glossary": "words of the house, no documents",
    "Ingest": "takes in, gives no content; its routes say who may",
    "Legs": "how the legs of a search stand, no content",
    "People": "users and groups, no content",
    "Sources": "where documents come from; its routes are for administrators",
    "Trash": "names of removed documents; its routes are for administrators, or take a caller",
}
"""The other ports, with why they need no caller. A new port has to be put into one of the two lists."""
INDEXES = {
    "knowledge/index.py": "Index",
    "knowledge/edge/lexical.py": "Lexical",
    "knowledge/edge/retrieve.py": "Retrieve",
}
LOOKING = ("search", "find", "frequencies", "count")
"""Methods by which an index tells what it holds; `counts`, `entries` and the like are for the house."""


def methods_without_caller(tree: ast.Module, class_name: str, names: tuple[str, ...] = ()) -> list[str]:
    """Public methods of a class (those of `names`, or all) whose first parameter is no caller."""
    found: list[str] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef) or node.name != class_name:
            continue
        for method in node.body:
            if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if method.name.startswith("_") or (names and method.name not in names):
                continue
            parameters = method.args.args[1:2]
            good = parameters and parameters[0].arg == "caller"
            annotated = good and ast.unparse(parameters[0].annotation or ast.Constant("")) == "Caller"
            required = not method.args.defaults or len(method.args.defaults) < len(method.args.args) - 1
            if not (annotated and required):
                found.append(f"{class_name}.{method.name}")
    return found


def protocols() -> list[tuple[Path, str]]:
    """Every protocol in the ports of the knowledge room."""
    return [
        (path, node.name)
        for path in sorted(PORTS.glob("*.py"))
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ClassDef) and any("Protocol" in ast.unparse(base) for base in node.bases)
    ]


@pytest.mark.parametrize("name", sorted(FOR_A_CALLER))
def test_ports_with_content_take_a_caller(name: str) -> None:
    """Every public method has `caller: Caller` as its first parameter, without a default."""
    places = [path for path, found in protocols() if found == name]
    assert len(places) == 1
    assert methods_without_caller(parse(places[0]), name) == []


@pytest.mark.parametrize(("path", "name"), sorted(INDEXES.items()))
def test_indexes_take_a_caller(path: str, name: str) -> None:
    """No index can be looked into without saying for whom."""
    assert methods_without_caller(parse(PACKAGE / path), name, LOOKING) == []


def test_every_port_is_judged() -> None:
    """A port that is new stands in one of the two lists, with its reason."""
    assert {name for _, name in protocols()} == FOR_A_CALLER | FOR_THE_HOUSE.keys()


def test_why_takes_a_caller() -> None:
    """Why a document was not found is told to somebody, too; the state of the legs is for everybody."""
    assert methods_without_caller(parse(PORTS / "search.py"), "Legs", ("why",)) == []


def test_a_search_without_a_caller_is_noticed() -> None:
    """The control: a missing caller, one of no type, and one with a default are each reported."""
    lines = (
        "class Search(Protocol):\n"
        "    def a(self, query: str): ...\n"
        "    def b(self, caller, query: str): ...\n"
        "    def c(self, caller: Caller = Caller(), query: str = ''): ...\n"
        "    def d(self, caller: Caller, query: str = ''): ...\n"
        "    async def e(self, query: str, caller: Caller): ...\n"
    )
    found = methods_without_caller(ast.parse(lines), "Search")
    assert found == ["Search.a", "Search.b", "Search.c", "Search.e"]
