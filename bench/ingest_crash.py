"""Kills an ingest with SIGKILL at random moments; the next run must end as if nothing had happened.

    python -m bench.ingest_crash [DATA] [KILLS]

Prints for each kill how far the run was, and at the end how many of n homes are equal to an undisturbed
one: documents with their texts and chunks, the entries of the word index, and the kept bytes.
"""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import select

from bench.homes import Home, open_home, shared_data
from inhouse.knowledge.edge.tables import chunks, documents, texts

KILLS = 20


def fingerprint(home: Home, root: Path) -> tuple[str, int, int]:
    """What a home holds, without its random ids: a hash, and how many documents and index entries."""
    with home.database.read() as connection:
        rows = connection.execute(
            select(documents, texts.c.text).outerjoin(texts).order_by(documents.c.source, documents.c.path)
        ).all()
        names = {row.document_id: f"{row.source}/{row.path}" for row in rows}
        cut = sorted(
            (names[row.document_id], row.ordinal, row.start, row.end, row.context)
            for row in connection.execute(select(chunks))
        )
    indexed = sorted((names.get(key, "unknown"), ordinal) for key, ordinal in home.lexical.entries())
    kept = sorted(path.name for path in (root / "state" / "blobs").glob("*/*"))
    described = [(row.source, row.path, row.title, row.sha256, row.status, row.text) for row in rows]
    digest = hashlib.sha256(repr((described, cut, indexed, kept)).encode("utf-8", "replace")).hexdigest()
    return digest, len(rows), len(indexed)


def child(root: Path, folder: Path) -> None:
    """The process that is killed: one ingest, as `inhouse ingest` does it."""
    home = open_home(root)
    home.manifest.recover()
    print("ready", flush=True)
    home.ingest.run([folder], source="crash")
    home.close()


def killed(root: Path, folder: Path, after_s: float) -> bool:
    """Start an ingest and kill it `after_s` after it began; False if it had ended before."""
    command = [sys.executable, "-m", "bench.ingest_crash", "--child", str(root), str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def finished(root: Path, folder: Path) -> tuple[tuple[str, int, int], list[str]]:
    """Open the home anew, let it recover and run the ingest to its end."""
    home = open_home(root)
    done = home.manifest.recover()
    home.ingest.run([folder], source="crash")
    result = fingerprint(home, root)
    home.close()
    return result, done


def main() -> int:
    data = shared_data(sys.argv[1] if len(sys.argv) > 1 else None)
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else KILLS
    folder = data / "handbook"
    chance = random.Random(2026)
    with tempfile.TemporaryDirectory() as scratch:
        started = time.monotonic()
        control, _ = finished(Path(scratch) / "control", folder)
        whole_s = time.monotonic() - started
        print(f"undisturbed: {control[1]} documents, {control[2]} index entries, {whole_s:.1f} s")
        equal = hits = 0
        for number in range(kills):
            root = Path(scratch) / f"kill-{number}"
            after_s = chance.uniform(0.0, whole_s)
            hit = killed(root, folder, after_s)
            result, done = finished(root, folder)
            hits += hit
            equal += result == control
            state = "killed" if hit else "had ended"
            print(f"{state} after {after_s:.2f} s: equal={result == control} {done or ''}")
    print(f"equal to the undisturbed home: {equal} of n={kills} (killed while at work: {hits})")
    return 0 if equal == kills else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        sys.exit(main())
