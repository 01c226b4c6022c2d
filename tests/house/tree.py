"""The files of this checkout, as the tests of the house read them."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

__all__ = ["PACKAGE", "ROOMS", "ROOT", "WRITTEN", "broad_handlers", "module_name", "parse", "tracked"]

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "src" / "inhouse"
ROOMS = ("kernel", "dialects", "gateway", "knowledge", "jobs", "ops", "skills")
"""Rooms whose files outside `edge/` are pure."""

WRITTEN = tuple(
    sorted(
        path
        for folder in ("src", "tests", "bench", "tools")
        for path in (ROOT / folder).rglob("*.py")
        if "__pycache__" not in path.parts
    )
)
"""Every Python file that a person wrote here."""


@cache
def parse(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text("utf-8"), filename=str(path))


def module_name(path: Path) -> str:
    """`src/inhouse/kernel/errors.py` -> `inhouse.kernel.errors`."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tracked() -> tuple[Path, ...]:
    """Every file under version control that is there."""
    listing = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=True, text=True
    )
    paths = (ROOT / name for name in listing.stdout.split("\0") if name)
    return tuple(path for path in paths if path.is_file())


def broad_handlers(tree: ast.Module) -> list[ast.AST]:
    """`except:`, `except Exception:`, `except BaseException:`, and `suppress` of either.

    Not those that only clean up, because they end with a plain `raise`: they keep nothing from anybody.
    """
    broad = {"Exception", "BaseException"}

    def names(node: ast.expr | None) -> set[str]:
        if node is None:
            return {"BaseException"}
        elements = node.elts if isinstance(node, ast.Tuple) else [node]
        return {element.id for element in elements if isinstance(element, ast.Name)}

    found: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and names(node.type) & broad:
            last = node.body[-1]
            if not (isinstance(last, ast.Raise) and last.exc is None):
                found.append(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"suppress", "contextlib.suppress"}:
            found.extend(node for argument in node.args if names(argument) & broad)
    return found
