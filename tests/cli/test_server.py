"""`serve` and `up` as whole commands: the ready line, signals, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from inhouse.serve.app import build_app
from inhouse.serve.parts import Parts
from inhouse.serve.server import address, bind, serve
from tests.serve.client import read_events


@contextlib.contextmanager
def server_thread(parts: Parts) -> Iterator[str]:
    """A real server in another thread; gives its address."""
    listener = bind("127.0.0.1", 0)
    where = address(listener)
    ready = threading.Event()
    handles: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        stopping = asyncio.Event()
        handles.append((asyncio.get_running_loop(), stopping))
        app = build_app(parts, stopping=stopping)
        await serve(app, listener, stopping=stopping, on_ready=ready.set)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield where
    finally:
        loop, stopping = handles[0]
        loop.call_soon_threadsafe(stopping.set)
        thread.join(15)
        assert not thread.is_alive()


@contextlib.contextmanager
def process(
    tmp_path: Path, *words: str, stream: int | None = None, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """`inhouse words…` with fakes behind it, killed at the end if it still runs.

    `stream` is one end of a terminal for all three streams; without it there are pipes.
    """
    given = {**os.environ, "INHOUSE_HOME": str(tmp_path / ".home"), **environment}
    command = [sys.executable, "-m", "tests.cli.fake_inhouse", *words]
    root = Path(__file__).parents[2]
    output = subprocess.PIPE if stream is None else stream
    with subprocess.Popen(
        command,
        cwd=root,
        env=given,
        stdin=stream if stream is not None else subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        text=True,
        start_new_session=stream is not None,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def ready_line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["up", "serve"])
def test_a_signal_ends_the_server_cleanly(tmp_path: Path, command: str, kind: signal.Signals) -> None:
    """The ready line is last on stdout, the server answers, a signal ends it with 0 and closes the house."""
    with process(tmp_path, command, "--port", "0") as child:
        address = ready_line(child).removeprefix("inhouse is ready: ")
        with urllib.request.urlopen(f"{address}/health/ready", timeout=5) as reply:
            assert reply.status == 200
        child.send_signal(kind)
        out, error = child.communicate(timeout=15)
    assert (child.returncode, out) == (0, "")
    assert "inhouse has stopped" in error
    assert "closed 1" in error


@pytest.mark.slow
def test_a_signal_ends_streams_and_keeps_their_text(tmp_path: Path) -> None:
    """An answer under way ends with the event shutting_down, and is kept before the house closes."""
    with process(tmp_path, "serve", "--port", "0", HOLD="1") as child:
        address = urlsplit(ready_line(child).removeprefix("inhouse is ready: "))
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
        connection.request(
            "POST", "/app/ask", b'{"question": "vacation"}', {"content-type": "application/json"}
        )
        response = connection.getresponse()
        seen = b""
        while b"event: delta" not in seen:
            seen += response.read1(65536)
        child.send_signal(signal.SIGTERM)
        seen += response.read()
        _out, error = child.communicate(timeout=15)
        connection.close()
    assert read_events(seen)[-1][1]["code"] == "shutting_down"
    assert "kept interrupted: Vacation lasts " in error
    assert child.returncode == 0


@pytest.mark.slow
def test_a_chat_on_a_terminal(tmp_path: Path) -> None:
    """Ctrl+C stops the answer and keeps it, Ctrl+D leaves with 0."""
    terminal, end = pty.openpty()
    with process(tmp_path, "chat", HOLD="1", TERMINAL="1", stream=end) as child:
        os.close(end)
        shown = read_until(terminal, b"? ")
        os.write(terminal, b"How long is vacation?\n")
        shown += read_until(terminal, b"Vacation lasts ")
        os.write(terminal, b"\x03")
        shown += read_until(terminal, b"is kept\r\n? ")
        os.write(terminal, b"\x04")
        shown += read_until(terminal, b"closed 1")
        assert child.wait(10) == 0
    os.close(terminal)
    assert b"kept cancelled: Vacation lasts " in shown


def read_until(terminal: int, words: bytes) -> bytes:
    """What a terminal shows up to some words; the test's own time limit is ten seconds."""
    seen = b""
    while words not in seen:
        ready, _, _ = select.select([terminal], [], [], 10)
        assert ready, seen
        seen += os.read(terminal, 4096)
    return seen


@pytest.mark.slow
def test_ctrl_c_ends_an_ingest_after_the_file_in_hand(tmp_path: Path) -> None:
    """The job is cancelled, its report shown, the house closed; the exit code says that it failed."""
    with process(tmp_path, "ingest", str(tmp_path), ENDLESS="1") as child:
        assert child.stderr is not None
        said = child.stderr.readline()
        child.send_signal(signal.SIGINT)
        _out, error = child.communicate(timeout=15)
    assert "1/2 files" in said
    assert "stopping after the file in hand" in error
    assert "closed 1" in error
    assert child.returncode == 1


@pytest.mark.slow
def test_watching_goes_on_until_ctrl_c(tmp_path: Path) -> None:
    """After the first run the house stays open; Ctrl+C is then the ordinary end: exit code 0."""
    with process(tmp_path, "ingest", str(tmp_path), "--watch") as child:
        assert child.stderr is not None
        while "nothing to do" not in child.stderr.readline():
            pass
        child.send_signal(signal.SIGINT)
        _out, error = child.communicate(timeout=15)
    assert "closed 1" in error
    assert child.returncode == 0
