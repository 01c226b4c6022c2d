"""The main job on a real home: files in, checked answers out, beside a server and without one."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.house import run_real

FILES = {
    "leave.md": "# Leave\n\nEvery employee has 28 calendar days of paid leave a year.\n",
    "отпуск.md": "# Отпуск\n\nЗаявление на отпуск подаётся за 14 календарных дней до начала.\n",
    "empty.pdf": "",
}


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The environment of a fresh home without engines; three files wait in `docs`."""
    (tmp_path / "docs").mkdir()
    for name, text in FILES.items():
        (tmp_path / "docs" / name).write_text(text, "utf-8")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "INHOUSE_HOME": str(tmp_path / "home"),
        "INHOUSE_SERVER_PORT": "0",
        "INHOUSE_ENGINES_EMBEDDED": "off",
        "INHOUSE_ENGINES_PROBE_LOCAL_PORTS": "false",
    }


def start(home: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    command = [sys.executable, "-m", "inhouse", *words]
    return subprocess.run(
        command, env=home, cwd=home["HOME"], capture_output=True, text=True, timeout=60, check=False
    )


def run(home: dict[str, str], *words: str) -> Result:
    """The same command with the same parts in this process."""
    with contextlib.chdir(home["HOME"]):
        return run_real(home, *words)


def read(home: dict[str, str], *words: str) -> dict[str, object]:
    done = run(home, *words, "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


@pytest.fixture
def server(home: dict[str, str]) -> Iterator[str]:
    """The address of `inhouse up` on that home; stopped by a signal, which must end it with 0."""
    command = [sys.executable, "-m", "inhouse", "up", "--port", "0"]
    with subprocess.Popen(command, env=home, cwd=home["HOME"], stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            yield child.stdout.readline().strip().removeprefix("inhouse is ready: ")
            child.send_signal(signal.SIGTERM)
            assert child.wait(20) == 0
        finally:
            child.kill()


def check_main_job(home: dict[str, str]) -> None:
    """Ingest, list, ask, verify each quote against the document, ingest again, remove."""
    first = run(home, "ingest", "docs", "--json")
    assert first.exit_code == 0, first.stderr
    report = json.loads(first.stdout)
    assert (report["added"], report["empty"]) == (2, 1)
    assert "empty: 'empty.pdf'" in first.stderr
    assert read(home, "documents", "ls")["total"] == 3
    for question, document, words in (
        ("How many days of paid leave are there?", "leave.md", "28 calendar days"),
        ("За сколько дней подаётся заявление на отпуск?", "отпуск.md", "14 календарных дней"),
    ):
        answer = read(home, "ask", question)
        assert words in str(answer["answer"])
        text = str(read(home, "documents", "show", f"docs/{document}")["text"])
        sentences = answer["sentences"]
        assert isinstance(sentences, list)
        quotes = [citation for sentence in sentences for citation in sentence["citations"]]
        assert quotes
        for quote in (one for one in quotes if one["document"] == document):
            assert quote["quote"] == text[quote["start"] : quote["end"]]
    again = json.loads(run(home, "ingest", "docs", "--json").stdout)
    assert (again["added"], again["updated"], again["unchanged"]) == (0, 0, 3)
    assert run(home, "documents", "rm", "docs/leave.md").exit_code == 0
    assert read(home, "documents", "ls", "leave")["total"] == 0
    assert run(home, "doctor").exit_code == 0


@pytest.mark.slow
def test_the_main_job_without_a_server(home: dict[str, str]) -> None:
    """Every command opens the home by itself."""
    check_main_job(home)


@pytest.mark.slow
def test_the_main_job_beside_a_server(home: dict[str, str], server: str) -> None:
    """Every command goes through the server; a second server on the home is refused."""
    check_main_job(home)
    other = start(home, "ask", "За сколько дней подаётся заявление на отпуск?")
    assert (other.returncode, "14 календарных дней" in other.stdout) == (0, True)
    with urllib.request.urlopen(f"{server}/health", timeout=10) as reply:
        assert json.load(reply)["checks"]["database"]["status"] == "ok"
    with urllib.request.urlopen(f"{server}/", timeout=10) as reply:
        assert reply.headers["content-type"].startswith("text/html")
    second = start(home, "serve", "--port", "0")
    assert second.returncode == 3
    assert server in second.stderr
    log = (Path(home["INHOUSE_HOME"]) / "logs" / "inhouse.log").read_text("utf-8")
    assert "/app/ask" in log
    assert "paid leave" not in log


@pytest.mark.slow
def test_a_lost_index_is_rebuilt_by_the_next_question(home: dict[str, str]) -> None:
    """Said by doctor, then by the command that does it; without that, the answer would be a refusal."""
    assert run(home, "ingest", "docs").exit_code == 0
    shutil.rmtree(Path(home["INHOUSE_HOME"]) / "state" / "index")
    assert "index: its files are gone" in run(home, "doctor").stdout
    found = run(home, "search", "paid leave")
    assert "leave.md" in found.stdout
    assert "rebuilt from the database" in found.stderr
    assert run(home, "search", "paid leave").stderr == ""


@pytest.mark.slow
def test_a_lost_database_costs_no_document(home: dict[str, str]) -> None:
    """Nothing is opened until a copy is put back, and then everything is there."""
    assert start(home, "ingest", "docs").returncode == 0
    database = Path(home["INHOUSE_HOME"]) / "state" / "inhouse.db"
    kept = database.read_bytes()
    for lose in (database.unlink, lambda: database.write_bytes(b"")):
        lose()
        done = run(home, "ingest", "docs")
        assert (done.exit_code, "is gone or empty" in done.stderr) == (3, True)
        assert "database: The home" in run(home, "doctor").stdout
    database.write_bytes(kept)
    assert read(home, "ask", "How many days of paid leave are there?")["band"] == "answer"
    assert run(home, "documents", "show", "leave.md").exit_code == 0


@pytest.mark.slow
def test_doctor_tells_of_damaged_pages(home: dict[str, str]) -> None:
    """A database that opens and cannot be read is a finding with its remedy, not the end of the command."""
    assert run(home, "ingest", "docs").exit_code == 0
    database = Path(home["INHOUSE_HOME"]) / "state" / "inhouse.db"
    with database.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xa5" * 20 * 4096)
    done = run(home, "doctor")
    assert done.exit_code == 1
    assert "BAD   database:" in done.stdout
    assert "backups folder" in done.stdout


@pytest.mark.slow
def test_closed_and_full_streams_end_in_words(home: dict[str, str]) -> None:
    """What a shell can do to a command: no stdin, no stdout, no stderr, a full disk behind stdout."""
    command = [sys.executable, "-m", "inhouse"]
    for shell, words, code in (
        ('exec "$@" <&-', ("ask", "-"), 2),
        ('exec "$@" <&-', ("chat",), 0),
        ('exec "$@" >&-', ("ask", "paid leave"), 0),
        ('exec "$@" 2>&-', ("ask", "paid leave"), 0),
        ('exec "$@" >/dev/full', ("config", "show", "--json"), 1),
    ):
        done = subprocess.run(
            ["sh", "-c", shell, "sh", *command, *words],
            env=home,
            cwd=home["HOME"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, (shell, words, done.stderr)
        assert "Traceback" not in done.stderr
        assert ("could not be written" in done.stderr) == (code == 1)
