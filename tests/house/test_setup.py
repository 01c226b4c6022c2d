"""The scripts behind `make run`, `make test` and `make stop` on machines that lack something."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inhouse.store.lock import HomeLock
from tests.house.tree import ROOT

TOOLS = ROOT / "tools"


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)


def run(
    *command: str | Path, path: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run with nothing on PATH but the folder `path` and the shell's own tools."""
    clean = {"PATH": str(path) if path else os.environ["PATH"], **environment}
    return subprocess.run(
        [str(part) for part in command], env=clean, capture_output=True, text=True, timeout=60, check=False
    )


def test_an_old_python_is_refused_with_the_remedy(tmp_path: Path) -> None:
    """Exit 3, naming the version that is needed and the Debian packages."""
    script(tmp_path / "python3", 'case "$1" in --version) echo Python 3.9.2;; *) exit 1;; esac')
    result = run("/bin/sh", TOOLS / "python.sh", "-c", "print(1)", path=tmp_path)
    assert result.returncode == 3
    assert "needs Python 3.11 or newer, found: Python 3.9.2" in result.stderr
    assert "apt-get install python3 python3-venv" in result.stderr


def test_a_newer_python_is_found_behind_an_old_one(tmp_path: Path) -> None:
    """The first that is new enough runs the command."""
    script(tmp_path / "python3", "exit 1")
    (tmp_path / "python3.12").symlink_to(sys.executable)
    result = run("/bin/sh", TOOLS / "python.sh", "-c", "print('found')", path=tmp_path)
    assert (result.returncode, result.stdout) == (0, "found\n")


def test_a_python_without_venv_is_refused_with_the_remedy() -> None:
    """Exit 3, and the Debian command with this Python's version."""
    code = (
        "import importlib.util, runpy, sys\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'ensurepip' else real(name, *rest)\n"
        f"module = runpy.run_path({str(TOOLS / 'environment.py')!r})\n"
        "module['create']()\n"
    )
    result = run(sys.executable, "-c", code)
    assert result.returncode == 3
    assert f"apt-get install python3.{sys.version_info.minor}-venv" in result.stderr


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_missing_programs_fail_in_ci_and_are_named_elsewhere(tmp_path: Path, ci: str, code: int) -> None:
    """Without apt-get the packages are named; with CI=true that is a failure."""
    for name in ("grep", "tr", "id"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    result = run("/bin/sh", TOOLS / "system_packages.sh", path=tmp_path, CI=ci)
    assert result.returncode == code
    assert "hint: sudo apt-get install tesseract-ocr tesseract-ocr-rus" in result.stderr
    assert "chromium" in result.stderr


def test_stop_says_when_nothing_runs(tmp_path: Path) -> None:
    """Exit 0 on a home that nobody holds."""
    result = run(sys.executable, TOOLS / "stop.py", INHOUSE_HOME=str(tmp_path))
    assert result.returncode == 0
    assert "nothing runs" in result.stderr


def test_stop_leaves_other_commands_alone(tmp_path: Path) -> None:
    """A home that an ingest holds: exit 2, named, not killed (this process is the holder, and lives)."""
    lock = HomeLock(tmp_path / "state" / "lock")
    lock.take("ingest")
    try:
        result = run(sys.executable, TOOLS / "stop.py", INHOUSE_HOME=str(tmp_path))
    finally:
        lock.release()
    assert result.returncode == 2
    assert f"`inhouse ingest` (process {os.getpid()})" in result.stderr


HOLDER = """\
import signal, sys
from pathlib import Path
from inhouse.store.lock import HomeLock
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
HomeLock(Path(sys.argv[1])).take("up")
print("holding", flush=True)
signal.pause()
"""


def test_stop_ends_the_server_that_holds_the_home(tmp_path: Path) -> None:
    """The holder gets SIGTERM and is gone when the script returns 0."""
    lock = tmp_path / "state" / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, lock], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"holding\n"
        result = run(sys.executable, TOOLS / "stop.py", INHOUSE_HOME=str(tmp_path))
        assert holder.wait(10) == 0
    assert result.returncode == 0
    assert f"process {holder.pid}" in result.stderr


def first_run(tmp_path: Path, *, documents: int, ingest_exit: int = 0) -> tuple[int, list[str]]:
    """Run the script with a fake `inhouse`; return its exit code and the commands that were called."""
    called = tmp_path / "called"
    called.write_text("", "utf-8")
    (tmp_path / "bin").mkdir(exist_ok=True)
    python = tmp_path / "bin" / "python"
    if not python.exists():
        python.symlink_to(Path(sys.executable).resolve())
    script(
        tmp_path / "bin" / "inhouse",
        f'echo "$1" >> {called}\n'
        f"""case "$1" in documents) echo '{{"total": {documents}}}';; *) exit {ingest_exit};; esac""",
    )
    copy = tmp_path / "tools" / "first_run.py"
    copy.parent.mkdir(exist_ok=True)
    copy.write_text((TOOLS / "first_run.py").read_text("utf-8"), "utf-8")
    sample = tmp_path / "sample"
    (sample / "company").mkdir(parents=True, exist_ok=True)
    (sample / "company" / "memo.md").touch()
    (sample / "dates.csv").write_text("file,written\nmemo.md,2023-03-10\n", "utf-8")
    result = run(python, copy, INHOUSE_HOME=str(tmp_path / "home"))
    return result.returncode, called.read_text("utf-8").split()


def test_the_sample_goes_into_an_empty_home_with_its_dates(tmp_path: Path) -> None:
    """Documents are counted, then taken in; the files carry the dates of the table."""
    assert first_run(tmp_path, documents=0) == (0, ["documents", "ingest"])
    assert (tmp_path / "sample/company/memo.md").stat().st_mtime == 1678449600.0


def test_the_sample_stays_out_of_a_home_with_documents(tmp_path: Path) -> None:
    """Nothing is added to what a person has put there."""
    assert first_run(tmp_path, documents=3) == (0, ["documents"])


def test_an_interrupted_sample_is_completed(tmp_path: Path) -> None:
    """After an ingest that failed the next run takes it up again, though documents are there now."""
    assert first_run(tmp_path, documents=0, ingest_exit=1) == (1, ["documents", "ingest"])
    assert first_run(tmp_path, documents=3) == (0, ["ingest"])
    assert first_run(tmp_path, documents=3) == (0, ["documents"])
