"""Log lines end in the file as JSON, with the request's id and without secrets."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from inhouse.ops.edge.logs import LogChoices, start_logging


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "logs" / "inhouse.log"
    start_logging(LogChoices(file=path, max_bytes=2000, keep=2, secrets=("canary-secret",)))
    yield path
    start_logging(LogChoices())


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_lines_carry_the_request_id(log_file: Path) -> None:
    """Our lines and those of the standard library, in one form; the file is private."""
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger("inhouse.x").info("hello", count=3, question="private?")
        logging.getLogger("other").warning("from %s with canary-secret", "elsewhere")
    ours, other = lines(log_file)
    assert (ours["event"], ours["count"], ours["request_id"]) == ("hello", 3, "r1")
    assert ours["question"] == "[not logged]"
    assert (other["request_id"], other["level"]) == ("r1", "warning")
    assert other["event"] == "from elsewhere with [masked]"
    assert log_file.stat().st_mode & 0o777 == 0o600


def test_a_traceback_is_kept_without_its_secret(log_file: Path) -> None:
    """`log.exception` writes the reason for us, masked."""
    try:
        raise ValueError("canary-secret")
    except ValueError:
        structlog.get_logger("inhouse.x").exception("failed")
    (line,) = lines(log_file)
    assert "ValueError: [masked]" in str(line["exception"])


def test_files_rotate(log_file: Path) -> None:
    """A full file is put aside, only `keep` of them stay."""
    for number in range(100):
        structlog.get_logger("inhouse.x").info("line", number=number)
    names = sorted(path.name for path in log_file.parent.iterdir())
    assert names == ["inhouse.log", "inhouse.log.1", "inhouse.log.2"]


def test_stderr_shows_what_matters(log_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings appear readably, the rest is in the file only; stdout stays empty."""
    start_logging(LogChoices(file=log_file))
    structlog.get_logger("inhouse.x").info("quiet")
    structlog.get_logger("inhouse.x").warning("loud", engine="ollama")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "quiet" not in shown.err
    assert "loud" in shown.err
    assert "engine=ollama" in shown.err
