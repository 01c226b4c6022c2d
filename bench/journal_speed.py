"""CPU that the journal takes of a request, and the mover of a row, in microseconds.

    python -m bench.journal_speed [ROUNDS]

Both ways to write alternate in one process, alone and beside a thread that computes without end, as other
threads of a server do for moments: then it shows who gives the interpreter away in the middle. The loop at
the beginning tells how fast this machine is just now.
"""

from __future__ import annotations

import logging
import secrets
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from inhouse.gateway.edge.journal import Journal
from inhouse.gateway.edge.journal_file import maps_here
from inhouse.gateway.edge.ledger_mover import Mover
from inhouse.gateway.edge.migrations import FOLDER, HEAD
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import EngineUsed
from inhouse.serve.ids import new_ids
from inhouse.store.database import Database, Migrations

ROUNDS = 9
REQUESTS = 4_000
USED = EngineUsed("ollama-1", "qwen2.5:7b", "local", "first in the order, it is warm")
USAGE = Usage(100, 50)


def main() -> None:
    """Measure and print."""
    # `make bench` gives every script the data folder, which is of no use here.
    rounds = next((int(word) for word in sys.argv[1:] if word.isdigit()), ROUNDS)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(f"calibration: 200,000 squares in {calibration():.1f} ms; n = {rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        ways = [False, True] if maps_here(Path(folder)) else [False]
        requests(Path(folder), ways, rounds, REQUESTS)
        stopping = threading.Event()
        other = threading.Thread(target=compute, args=(stopping,))
        other.start()
        print("beside a thread that computes:")
        requests(Path(folder), ways, rounds, REQUESTS // 10)
        stopping.set()
        other.join()
        rows(Path(folder), rounds)


def calibration() -> float:
    """Milliseconds for something that never changes."""
    began, total = time.thread_time(), 0
    for number in range(200_000):
        total += number * number
    return (time.thread_time() - began) * 1000


def compute(stopping: threading.Event) -> None:
    """Hold the interpreter whenever it can be had."""
    while not stopping.is_set():
        sum(range(1_000))


def requests(home: Path, ways: list[bool], rounds: int, count: int) -> None:
    """An opening and an end, as often as `count`."""
    found: dict[bool, list[tuple[float, float]]] = {mapped: [] for mapped in ways}
    for _ in range(rounds):
        for mapped in ways:
            with tempfile.TemporaryDirectory(dir=home) as folder:
                journal = Journal(Path(folder), clock=time.time, stopwatch=time.monotonic, mapped=mapped)
                journal.start()
                write(journal, 1, lambda: "first")  # begins the file
                cpu, wall = time.thread_time(), time.perf_counter()
                write(journal, count, lambda: "0123456789abcdef0123456789abcdef")
                cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
                journal.stop()
                found[mapped].append((cpu / count * 1e6, wall / count * 1e6))
    for mapped, times in found.items():
        cpus, walls = zip(*times, strict=True)
        print(
            f"a request, {'mapped' if mapped else 'plain '}: CPU least {min(cpus):5.2f}, median"
            f" {statistics.median(cpus):5.2f}; passed, median {statistics.median(walls):6.1f}"
        )


def write(journal: Journal, count: int, name: Callable[[], str]) -> None:
    """Requests with all that a request has."""
    for _ in range(count):
        entry = journal.open(
            request_id=name(), user="anna", task="chat", key="k_abc", team="sales", requested="qwen2.5:7b"
        )
        entry.close("ok", USED, USAGE, first_token_ms=12.5, cost_micros=12, saved_micros=400)


def rows(home: Path, rounds: int) -> None:
    """The mover, into a database of 30,000 rows, with names in order and in none."""
    for told, new in (("in order", new_ids()), ("in no order", lambda: secrets.token_hex(16))):
        with tempfile.TemporaryDirectory(dir=home) as name:
            folder, times = Path(name), []
            database = Database.open(
                folder / "inhouse.db", [Migrations(FOLDER, HEAD)], backups=folder / "backups"
            )
            mover = Mover(database, folder / "journal", 1.0)
            journal = Journal(folder / "journal", clock=time.time, stopwatch=time.monotonic)
            for number in range(30 + rounds):
                write(journal, 1_000, new)
                began = time.thread_time()
                moved = mover.move()
                if number >= 30:
                    times.append((time.thread_time() - began) / moved * 1e6)
            print(f"a row, names {told}: CPU least {min(times):.1f}, median {statistics.median(times):.1f}")
            journal.stop()
            database.close()


if __name__ == "__main__":
    main()
