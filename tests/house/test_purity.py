"""Files outside `edge/` take values and give values: what they may import is a list.

The wildcard of the import contract sees one level only and knows only what it forbids; this list knows
what is allowed, so a new clock or disk cannot slip in under a name that nobody thought of.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.tree import PACKAGE, ROOMS, module_name, parse

ALLOWED = {
    "__future__",
    "abc",
    "base64",
    "bisect",
    "collections",
    "collections.abc",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "enum",
    "fnmatch",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "hmac",
    "html",
    "html.parser",
    "ipaddress",
    "itertools",
    "json",
    "jsonschema",
    "jsonschema.validators",
    "math",
    "msgspec",
    "numpy",
    "operator",
    "re",
    "referencing",
    "referencing.exceptions",
    "shlex",
    "statistics",
    "string",
    "struct",
    "textwrap",
    "tomllib",
    "types",
    "typing",
    "unicodedata",
    "urllib.parse",
    "zlib",
}
TYPES_ONLY = {"pathlib": {"Path", "PurePath", "PurePosixPath"}}
"""Importable in `ports.py` and `ports/`, whose protocols name them; elsewhere only the pure kinds."""

HOUSE = {"inhouse.kernel", *(f"inhouse.{room}" for room in ROOMS)}
IMPURE_CALLS = {"open", "input", "print", "exec", "eval", "compile", "__import__", "breakpoint"}
IMPURE_ATTRIBUTES = {"now", "utcnow", "today", "urandom", "file_digest"}


def pure_files() -> list[Path]:
    files = (path for room in ROOMS for path in (PACKAGE / room).rglob("*.py"))
    return sorted(path for path in files if "edge" not in path.parts and "__pycache__" not in path.parts)


def impurities(tree: ast.Module, file_name: str) -> list[str]:
    """What a pure file must not have, as `line: what`."""
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if not may_import(alias.name)]
            found.extend(f"{node.lineno}: import {name}" for name in names)
        elif isinstance(node, ast.ImportFrom):
            found.extend(wrong_from(node, file_name))
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in IMPURE_CALLS or (
                isinstance(node.func, ast.Attribute) and node.func.attr in IMPURE_ATTRIBUTES
            ):
                found.append(f"{node.lineno}: {name}()")
    return found


def may_import(name: str) -> bool:
    parts = name.split(".")
    if parts[0] != "inhouse":
        return name in ALLOWED
    return "edge" not in parts and any(name == room or name.startswith(room + ".") for room in HOUSE)


def wrong_from(node: ast.ImportFrom, file_name: str) -> list[str]:
    module = node.module or ""
    names = [alias.name for alias in node.names]
    if node.level:
        return [f"{node.lineno}: relative import"]
    if module in TYPES_ONLY:
        allowed = TYPES_ONLY[module] - (set() if file_name == "ports.py" else {"Path"})
        return [f"{node.lineno}: from {module} import {name}" for name in names if name not in allowed]
    if module == "inhouse":
        return [f"{node.lineno}: from inhouse import {name}" for name in names if name not in ROOMS]
    if "edge" in names or not may_import(module):
        return [f"{node.lineno}: from {module} import {', '.join(names)}"]
    return []


@pytest.mark.parametrize("path", pure_files(), ids=module_name)
def test_pure_files_import_only_pure_things(path: Path) -> None:
    """No clock, disk, network, randomness, threads, database or web package outside `edge/`."""
    in_ports = "ports" in path.parts
    assert impurities(parse(path), "ports.py" if in_ports else path.name) == []


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "import os.path",
        "from pathlib import Path",
        "from time import monotonic",
        "import random",
        "import asyncio",
        "import threading",
        "import logging",
        "import sqlite3",
        "import httpx",
        "from inhouse.gateway.edge import dispatch",
        "from inhouse.gateway import edge",
        "from inhouse.store.database import Database",
        "from inhouse import store",
        "from inhouse.config import Settings",
        "import inhouse.compose",
        "from . import facts",
        "f = open('x')",
        "t = datetime.now()",
    ],
)
def test_impure_lines_are_noticed(line: str) -> None:
    """The control: each of these lines is reported."""
    assert impurities(ast.parse(line), "decide.py")


def test_pure_lines_pass() -> None:
    """The control: what pure files need is not reported."""
    lines = "import math\nfrom inhouse.kernel.errors import BadRequest\nfrom datetime import datetime\n"
    assert impurities(ast.parse(lines), "decide.py") == []
    assert impurities(ast.parse("from pathlib import Path"), "ports.py") == []
