"""Rows lost or doubled when a process that writes the journal is killed with -9 again and again.

    python -m bench.journal_kills [KILLS]

Each round a process writes requests as fast as it can and says aloud which openings and ends were
acknowledged; it is killed after a random number of them while the mover reads along. Every third one writes
as where files cannot be mapped. The control counts the rows that stand in the database.
"""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import structlog

from inhouse.gateway.edge.journal import Journal
from inhouse.gateway.edge.ledger import SqlLedger
from inhouse.gateway.edge.migrations import FOLDER, HEAD
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import EngineUsed
from inhouse.store.database import Database, Migrations

ROTATE_BYTES = (2_000, 50_000, 16 << 20)
KILLS = 60
"""At some 2,500 ends before each, the routine run acknowledges more than 100,000."""


def main() -> None:
    """Kill, count, print."""
    # `make bench` gives every script the data folder, which is of no use here.
    kills = next((int(word) for word in sys.argv[1:] if word.isdigit()), KILLS)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    dice, started = random.Random(11), time.perf_counter()
    promised: dict[bytes, set[str]] = {b"o": set(), b"c": set()}
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "journal"
        database = Database.open(
            Path(home) / "inhouse.db", [Migrations(FOLDER, HEAD)], backups=Path(home) / "backups"
        )
        ledger = SqlLedger(database, folder)
        for _ in range(kills):
            write_and_kill(folder, ledger, dice, promised)
        rows = ledger.rows(limit=1 << 40)
        database.close()
    outcomes = {row.request_id: row.outcome for row in rows}
    lost_ends = sum(outcomes.get(name) != "ok" for name in promised[b"c"])
    lost_openings = sum(name not in outcomes for name in promised[b"o"])
    print(f"kills {kills}, acknowledged ends {len(promised[b'c'])}, openings {len(promised[b'o'])}")
    print(f"lost ends {lost_ends}, lost openings {lost_openings}, double rows {len(rows) - len(outcomes)}")
    print(f"rows by outcome {dict(Counter(outcomes.values()))}, {time.perf_counter() - started:.0f} s")
    sys.exit(1 if lost_ends or lost_openings or len(rows) != len(outcomes) else 0)


def write_and_kill(
    folder: Path, ledger: SqlLedger, dice: random.Random, promised: dict[bytes, set[str]]
) -> None:
    """One round."""
    command = [sys.executable, "-m", "bench.journal_kills", "--write", str(folder)]
    command += [str(dice.choice(ROTATE_BYTES)), dice.choice(("plain", "", ""))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for _ in range(dice.randrange(10, 10_000)):
            note(writer.stdout.readline(), promised)
            if dice.random() < 0.002:
                ledger.move()
        writer.kill()
        for line in writer.stdout.read().splitlines(keepends=True):
            if line.endswith(b"\n"):
                note(line, promised)


def note(line: bytes, promised: dict[bytes, set[str]]) -> None:
    """Remember what was acknowledged."""
    kind, name = line.split()
    promised[kind].add(name.decode())


def write(folder: Path, rotate_bytes: int, way: str) -> None:
    """Be the process that is killed; every third request stays open for a while."""
    journal = Journal(
        folder,
        clock=time.time,
        stopwatch=time.perf_counter,
        rotate_bytes=rotate_bytes,
        mapped=False if way == "plain" else None,
    )
    journal.start()
    used = EngineUsed("ollama", "m", "local", "because")
    waiting = []
    for number in range(1 << 40):
        name = f"{os.getpid()}-{time.time_ns()}"
        entry = journal.open(request_id=name, user="anna", task="chat")
        os.write(1, f"o {name}\n".encode())
        if number % 3 == 0:
            waiting.append((name, entry))
            if len(waiting) < 5:
                continue
            name, entry = waiting.pop(0)
        entry.close("ok", used, Usage(7, number))
        os.write(1, f"c {name}\n".encode())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        write(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    else:
        main()
