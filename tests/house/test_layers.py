"""Who may know whom: the contracts of `.importlinter`."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT

CONTRACTS = {
    "Rooms: who may know whom": "layers",
    "Outside edge/ nothing touches the world": "forbidden",
    "Only compose opens an edge": "protected",
    "No cycles anywhere": "acyclic_siblings",
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_all_four_contracts_are_there() -> None:
    """The file holds the four contracts under their names; one that got lost would check nothing."""
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter", "utf-8")
    found = {config[section]["name"]: config[section]["type"] for section in config.sections()[1:]}
    assert found == CONTRACTS


@pytest.mark.slow
def test_all_four_contracts_are_kept() -> None:
    """import-linter reports every contract as kept."""
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout
    for name in CONTRACTS:
        assert f"{name} KEPT" in result.stdout
    assert "Contracts: 4 kept, 0 broken." in result.stdout


@pytest.mark.slow
def test_a_broken_contract_is_noticed(tmp_path: Path) -> None:
    """The control: the same tool reports a layer that imports upwards."""
    package = tmp_path / "cellar"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "roof.py").touch()
    (package / "ground.py").write_text("import cellar.roof\n", "utf-8")
    (tmp_path / ".importlinter").write_text(
        "[importlinter]\nroot_package = cellar\n"
        "[importlinter:contract:x]\nname = Down\ntype = layers\nlayers =\n  cellar.roof\n  cellar.ground\n",
        "utf-8",
    )
    result = lint(tmp_path)
    assert result.returncode == 1
    assert "Down BROKEN" in result.stdout
