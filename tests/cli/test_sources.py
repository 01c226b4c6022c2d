"""`inhouse sources` on fakes, and a folder on a real home."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import pytest

from inhouse.serve.sources import SourcesShape
from tests.cli.house import FakeBuilder, run, run_real


def test_add_show_and_list(tmp_path: Path) -> None:
    """What was told is shown; a relative folder becomes a whole path; a mapping file is read here."""
    builder = FakeBuilder()
    (tmp_path / "docs").mkdir()
    rules = tmp_path / "who.csv"
    rules.write_text("path,groups\nhr,hr:2\n", "utf-8")
    words = ("sources", "add", "docs", "folder", "docs", "--group", "staff", "--rules", str(rules))
    made = run(tmp_path, *words, "--every", "10m", "--owner", "ann", builder=builder)
    assert made.exit_code == 0, made.stderr
    assert f"folder  {tmp_path / 'docs'}" in made.stdout
    shown = run(tmp_path, "sources", "show", "docs", builder=builder).stdout
    assert "readers: staff" in shown
    assert "hr: hr:2  (who.csv, line 2)" in shown
    listed = run(tmp_path, "sources", "ls", builder=builder).stdout
    assert "staff + 1 rules" in listed
    assert "10m" in listed
    as_json = run(tmp_path, "sources", "ls", "--json", builder=builder).stdout
    assert SourcesShape.model_validate_json(as_json).sources[0].owner == "ann"


def test_look_change_pause_and_remove(tmp_path: Path) -> None:
    """`run` waits and tells the counts; the others say what they did."""
    builder = FakeBuilder()
    run(tmp_path, "sources", "add", "w", "web", "https://example.com/", "--group", "all", builder=builder)
    looked = run(tmp_path, "sources", "run", "w", builder=builder)
    assert looked.exit_code == 0
    assert "last look: done" in looked.stderr
    assert "3 added" in looked.stderr
    changed = run(
        tmp_path, "sources", "set", "w", "--group", "hr", "--option", "max_pages=7", builder=builder
    )
    assert "readers: hr" in changed.stdout
    assert "max_pages: 7" in changed.stdout
    assert "paused" in run(tmp_path, "sources", "pause", "w", builder=builder).stderr
    assert run(tmp_path, "sources", "resume", "w", builder=builder).exit_code == 0
    gone = run(tmp_path, "sources", "rm", "w", "--yes", "--json", builder=builder)
    assert json.loads(gone.stdout) == {"documents": 3, "final": False}
    assert builder.fakes.sources.removed == [("w", False)]


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        (("add", "d", "folder", "nowhere", "--group", "a"), 2, "no folder"),
        (("add", "d", "folder", "", "--group", "a"), 2, "needs its folder"),
        (("add", "d", "web", "https://e.com/"), 2, "Nobody"),
        (("add", "d", "ftp", "x", "--group", "a"), 2, "ftp"),
        (("add", "d", "web", "https://e.com/", "--group", "a", "--option", "x"), 2, "no option with a value"),
        (("add", "d", "web", "https://e.com/", "--group", "a", "--rules", "none.csv"), 2, "cannot be read"),
        (("set", "d", "--rules", "a.csv", "--no-rules"), 2, "cannot both be"),
        (("show", "d"), 2, "no source"),
        (("run", "d"), 2, "no source"),
    ],
)
def test_what_goes_wrong(tmp_path: Path, words: tuple[str, ...], exit_code: int, says: str) -> None:
    """Each says what is wrong, and nothing is kept."""
    builder = FakeBuilder()
    done = run(tmp_path, "sources", *words, builder=builder)
    assert done.exit_code == exit_code
    assert says in done.stderr
    assert builder.fakes.sources.kept == {}


@pytest.mark.slow
def test_a_folder_on_a_real_home(tmp_path: Path) -> None:
    """Added, looked at, found by its groups only, and removed again: without a server."""
    (tmp_path / "docs" / "hr").mkdir(parents=True)
    (tmp_path / "docs" / "a.md").write_text("Twenty eight days of leave.", "utf-8")
    (tmp_path / "docs" / "hr" / "pay.md").write_text("Pay comes on Friday.", "utf-8")
    (tmp_path / "who.csv").write_text("path,groups\nhr,hr\n", "utf-8")
    home = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "INHOUSE_HOME": str(tmp_path / "home"),
        "INHOUSE_ENGINES_EMBEDDED": "off",
        "INHOUSE_ENGINES_PROBE_LOCAL_PORTS": "false",
    }
    add = ("sources", "add", "docs", "folder", "docs", "--group", "everyone", "--rules", "who.csv")
    with contextlib.chdir(tmp_path):
        assert run_real(home, *add).exit_code == 0
        looked = json.loads(run_real(home, "sources", "run", "docs", "--json").stdout)
        again = json.loads(run_real(home, "sources", "run", "docs", "--json").stdout)
        shown = json.loads(run_real(home, "documents", "ls", "--json").stdout)
        gone = json.loads(run_real(home, "sources", "rm", "docs", "--yes", "--json").stdout)
        left = json.loads(run_real(home, "documents", "ls", "--json").stdout)
    assert (looked["last"]["state"], looked["last"]["added"], looked["documents"]) == ("done", 2, 2)
    assert again["last"]["unchanged"] == 2
    assert [one["document"] for one in shown["documents"]] == ["a.md"]
    assert (gone, left["total"]) == ({"documents": 2, "final": False}, 0)
