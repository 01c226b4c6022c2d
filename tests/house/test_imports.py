"""Importing opens nothing and loads little; what a module offers is there."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import PACKAGE, module_name

HEAVY = {
    "aiohttp",
    "alembic",
    "asyncio",
    "fastapi",
    "kreuzberg",
    "msgspec",
    "numpy",
    "pydantic",
    "pypdfium2",
    "socket",
    "sqlalchemy",
    "sqlite3",
    "starlette",
    "structlog",
    "tantivy",
    "uvicorn",
    "uvloop",
    "xllamacpp",
}
MODULES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if "migrations" not in path.parts and path.name != "__main__.py" and "__pycache__" not in path.parts
)


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after the statement."""
    code = f"{statement}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    result = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return set(result.stdout.split())


def test_import_inhouse_loads_nothing_heavy() -> None:
    """`import inhouse` brings none of the packages that do the work."""
    loaded = loaded_by("import inhouse")
    assert "inhouse" in loaded
    assert loaded & HEAVY == set()


def test_heavy_modules_are_noticed() -> None:
    """The control: the same look finds a heavy module that is imported."""
    assert "sqlite3" in loaded_by("import sqlite3")


def test_logs_do_without_rich(tmp_path: Path) -> None:
    """structlog, which takes rich where it is installed, does not find it; whoever else asks for it does."""
    (tmp_path / "rich").mkdir()
    for name, holds in (("__init__", ""), ("console", "Console = 1"), ("traceback", "Traceback = 1")):
        (tmp_path / "rich" / f"{name}.py").write_text(holds)
    here = f"import sys; sys.path.insert(0, {str(tmp_path)!r})"
    assert "rich" not in loaded_by(f"{here}; import inhouse.ops.edge.logs")
    assert "rich" in loaded_by(f"{here}; import inhouse.ops.edge.logs, rich")
    assert "rich" in loaded_by(f"{here}; import structlog")


def test_import_inhouse_opens_no_file_for_writing_and_no_socket(tmp_path: Path) -> None:
    """An audit hook sees neither a file opened to write nor a socket nor a child process."""
    code = (
        "import sys\n"
        "def watch(event, args):\n"
        "    if event in {'socket.__new__', 'subprocess.Popen', 'sqlite3.connect'}: sys.exit(event)\n"
        "    if event == 'open' and args[1] not in ('r', 'rb', None): sys.exit(str(args))\n"
        "sys.dont_write_bytecode = True\n"
        "sys.addaudithook(watch)\n"
        "import inhouse\n"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_all_is_sorted_and_true(path: Path) -> None:
    """Every name in `__all__` exists, once, constants first, then classes, then functions."""
    module = importlib.import_module(module_name(path))
    offered: list[str] = getattr(module, "__all__", [])
    assert [name for name in offered if not hasattr(module, name)] == []
    assert list(offered) == sorted(set(offered), key=sort_key)


def sort_key(name: str) -> tuple[int, str]:
    """CONSTANTS, then Classes, then the rest, as the linter sorts them."""
    if name.isupper() and len(name) > 1:
        return 0, name
    return (1, name) if name[:1].isupper() else (2, name)
