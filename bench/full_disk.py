"""Lets a real disk run full during ingest, removal and compaction, and looks what is left.

    mount -t tmpfs -o size=40m tmpfs /mnt/small
    python -m bench.full_disk /mnt/small [DATA] [TRIES]

Each try starts on a file system with a random amount of free space, does the work until it is told that the
disk is full, gets the space back, and starts again. Prints how many of n homes then equal an undisturbed one.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench.homes import open_home, shared_data
from bench.ingest_crash import WORKS, Print, finished, with_answers
from inhouse.kernel.errors import InhouseError

TRIES = 10
DOCUMENTS = 60
SHARES = {"ingest": 1.0, "removal": 0.5, "trash and restore": 0.2}
"""How much of what a whole home takes is free at most: more would be room enough each time."""


def few(handbook: Path, target: Path) -> Path:
    """A part of the handbook, so that a small disk holds its home."""
    target.mkdir()
    files = [path for path in sorted(handbook.rglob("*")) if path.is_file()]
    for number, path in enumerate(files[:DOCUMENTS]):
        shutil.copyfile(path, target / f"{number:03}{path.suffix}")
    return target


def fill(small: Path, leave_bytes: int) -> Path:
    """A file that leaves so much space on the disk."""
    ballast = small / "ballast"
    size = max(shutil.disk_usage(small).free - leave_bytes, 0)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(size, 1))
    return ballast


def disturbed(work: str, root: Path, folder: Path) -> str:
    """Do the work on the disk as it is; what was told, "" when there was room enough."""
    try:
        home = open_home(root)
    except InhouseError as error:
        return f"open: {error.code}"
    try:
        home.manifest.recover()
        WORKS[work](home, folder)
    except InhouseError as error:
        return error.code
    finally:
        home.close()
    return ""


def try_work(work: str, folder: Path, small: Path, tries: int) -> tuple[int, Counter[str]]:
    """How many homes ended equal to an undisturbed one, and what was told while the disk was full."""
    chance = random.Random(f"2026 {work}")
    told: Counter[str] = Counter()
    equal = 0
    with tempfile.TemporaryDirectory() as scratch:
        before = Path(scratch) / "before"
        if work == "ingest":
            before.mkdir()
        else:
            with_answers(before, folder)
        shutil.copytree(before, Path(scratch) / "control")
        control, _, _ = finished(work, Path(scratch) / "control", folder)
        needed = sum(path.stat().st_size for path in (Path(scratch) / "control").rglob("*") if path.is_file())
        for _ in range(tries):
            root = small / "home"
            shutil.copytree(before, root)
            ballast = fill(small, int(chance.uniform(0.0, SHARES[work]) * needed))
            told[disturbed(work, root, folder) or "room enough"] += 1
            ballast.unlink()
            result: Print = finished(work, root, folder)[0]
            equal += result == control
            shutil.rmtree(root)
    return equal, told


def main() -> int:
    small = Path(sys.argv[1])
    data = shared_data(sys.argv[2] if len(sys.argv) > 2 else None)
    tries = int(sys.argv[3]) if len(sys.argv) > 3 else TRIES
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = few(data / "handbook", Path(scratch) / "docs")
        for work in WORKS:
            equal, told = try_work(work, folder, small, tries)
            failed += tries - equal
            print(
                f"{work}: equal to the undisturbed home: {equal} of n={tries}; told: {dict(told)}", flush=True
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
