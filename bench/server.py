"""The server on a handbook of 236 files, no model: start, memory, first source card, whole answer, search.

Every time is taken by a client on loopback, from before the request was sent.

    python -m bench.server [DATA_FOLDER]
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

from bench.house import NO_ENGINES, data_folder, percentile, question_file

ROUNDS = 5


def main() -> None:
    data = data_folder()
    rows = question_file(data / "handbook_questions.jsonl")
    questions = [row["question"] for row in rows]
    with tempfile.TemporaryDirectory() as name:
        environment = {**os.environ, **NO_ENGINES, "INHOUSE_HOME": name}
        ingest = [sys.executable, "-m", "inhouse", "ingest", str(data / "handbook")]
        started = time.perf_counter()
        subprocess.run(ingest, env=environment, check=True, capture_output=True)
        print(f"ingest of the handbook by the command: {time.perf_counter() - started:.1f} s")
        starts = []
        for _ in range(ROUNDS):
            with served(environment) as (address, start_s, _pid):
                starts.append(start_s)
        print(
            f"start to first 200: median {percentile(starts, 0.5):.2f} s, max {max(starts):.2f} s, n={ROUNDS}"
        )
        with served(environment) as (address, _, pid):
            time.sleep(3)
            print(f"idle memory of the whole server: {resident_mb(pid):.0f} MB")
            measure(address, questions)
            print(f"memory after {ROUNDS * 2 * len(questions)} requests: {resident_mb(pid):.0f} MB")


def measure(address: str, questions: list[str]) -> None:
    """Times of asking and searching, printed."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    cards: list[float] = []
    ends: list[float] = []
    searches: list[float] = []
    for _ in range(ROUNDS):
        for question in questions:
            card, end = ask(connection, question)
            cards.append(card)
            ends.append(end)
            started = time.perf_counter()
            connection.request("GET", f"/app/search?q={quote(question)}&k=10")
            assert connection.getresponse().read()
            searches.append((time.perf_counter() - started) * 1000)
    for what, times in (("first source card", cards), ("whole answer", ends), ("search over HTTP", searches)):
        print(
            f"{what}: p50 {percentile(times, 0.5):.1f} ms, p95 {percentile(times, 0.95):.1f} ms,"
            f" n={len(times)}"
        )


def ask(connection: http.client.HTTPConnection, question: str) -> tuple[float, float]:
    """Milliseconds to the `passages` event and to `done`."""
    started = time.perf_counter()
    body = json.dumps({"question": question})
    connection.request("POST", "/app/ask", body, {"Content-Type": "application/json"})
    reply = connection.getresponse()
    card = 0.0
    for line in reply:
        if line.startswith(b"event: passages"):
            card = (time.perf_counter() - started) * 1000
        if line.startswith(b"event: done"):
            break
    reply.read()
    assert card, "the sources came before the answer"
    return card, (time.perf_counter() - started) * 1000


@contextmanager
def served(environment: dict[str, str]) -> Iterator[tuple[str, float, int]]:
    """Address, seconds from start to the first 200, and pid of a server."""
    command = [sys.executable, "-m", "inhouse", "serve", "--port", "0"]
    started = time.perf_counter()
    server = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert server.stdout is not None
        address = server.stdout.readline().strip().rsplit(" ", 1)[-1]
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
        connection.request("GET", "/health/live")
        assert connection.getresponse().status == 200
        yield address, time.perf_counter() - started, server.pid
    finally:
        server.terminate()
        server.wait(timeout=20)


def resident_mb(pid: int) -> float:
    """Resident memory of a process and all below it (Linux)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    own = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return own + sum(resident_mb(int(child)) for child in children)


if __name__ == "__main__":
    main()
