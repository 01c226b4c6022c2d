"""Walking folders: stopped on demand, never into the home, however deep."""

from __future__ import annotations

import os
import subprocess
from itertools import count
from pathlib import Path

import pytest

from inhouse.knowledge.edge.sources import WalkStopped, walk


def test_a_walk_stops_at_the_next_folder(tmp_path: Path) -> None:
    """Asked to stop, it ends before all folders are seen; never asked, it sees them all."""
    for number in range(20):
        (tmp_path / f"{number:02}").mkdir()
        (tmp_path / f"{number:02}" / "a.md").write_text("a", "utf-8")
    looks = count()
    with pytest.raises(WalkStopped):
        walk(tmp_path, stopped=lambda: next(looks) >= 5)
    assert next(looks) == 6
    assert len(walk(tmp_path).files) == 20


def test_our_own_home_is_passed_over(tmp_path: Path) -> None:
    """The home inside a folder is not taken in with it, also when a link leads to it; a control is."""
    home = tmp_path / "data" / "home"
    home.mkdir(parents=True)
    (home / "inhouse.db").write_text("x", "utf-8")
    (tmp_path / "data" / "a.md").write_text("a", "utf-8")
    (tmp_path / "data" / "link").symlink_to(home)
    assert [file.document for file in walk(tmp_path, leave_out=home).files] == ["data/a.md"]
    assert len(walk(tmp_path).files) == 3


@pytest.mark.slow
def test_a_very_deep_folder(tmp_path: Path) -> None:
    """Twelve hundred folders in each other are walked like one."""
    handle = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=handle)
        below = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(os.open("deep.md", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)
    try:
        assert [file.document.count("/") for file in walk(tmp_path).files] == [1200]
    finally:
        # Python's own rmtree would fail where walk must not: in pytest's clean-up, at its end.
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)
