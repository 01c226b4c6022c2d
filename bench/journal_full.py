"""A journal on a disk that fills up: what is acknowledged, what is refused, and whether it goes on.

    python -m bench.journal_full

The disk is a file system of 512 KB in memory, which a process of its own mounts where nobody else sees it
(`unshare`; some systems allow that to root only). The control makes the file longer without asking for room:
the process dies when a page of it finds none.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from inhouse.gateway.edge.journal import Closed, Journal, read_records
from inhouse.kernel.errors import HomeUnusable
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import EngineUsed

USED = EngineUsed("ollama", "m", "local", "because")
MOUNT = 'mount -t tmpfs -o size=512k none "$0" && exec "$@"'
SPARSE = "sparse"


def main() -> None:
    """Run both, print, and say by the exit code whether they were as they should be."""
    with tempfile.TemporaryDirectory() as folder:
        for way in ("allocated", SPARSE):
            command = [sys.executable, "-m", "bench.journal_full", "--write", folder, way]
            done = subprocess.run(["unshare", "-rm", "sh", "-c", MOUNT, folder, *command], check=False)
            print(f"{way}: exit code {done.returncode}", flush=True)
            if done.returncode != (-signal.SIGBUS if way == SPARSE else 0):
                sys.exit(1)


def write(folder: Path, way: str) -> None:
    """Fill, be refused twenty times, make room, go on, count."""
    if way == SPARSE:
        os.posix_fallocate = lambda descriptor, offset, length: os.ftruncate(descriptor, offset + length)
    filler = folder / "filler"
    filler.write_bytes(b"x" * (256 << 10))
    journal = Journal(
        folder / "journal", clock=time.time, stopwatch=time.monotonic, mapped=True, step_bytes=64 << 10
    )
    promised: list[str] = []
    refused, reason = 0, ""
    while refused < 20:
        name = f"r{len(promised)}"
        try:
            write_one(journal, name)
            promised.append(name)
        except HomeUnusable as error:
            refused, reason = refused + 1, error.message
    filler.unlink()
    write_one(journal, "after")
    journal.stop()
    ended = {
        record.row.request_id
        for path in (folder / "journal").glob("*.journal")
        for record in read_records(path).records
        if isinstance(record, Closed)
    }
    lost = {*promised, "after"} - ended
    print(f"acknowledged {len(promised)}, refused {refused} ({reason}), lost {len(lost)}", flush=True)
    sys.exit(1 if lost or not promised else 0)


def write_one(journal: Journal, name: str) -> None:
    """A request that begins and ends."""
    journal.open(request_id=name, user="anna", task="chat").close("ok", USED, Usage(1, 1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        write(Path(sys.argv[2]), sys.argv[3])
    else:
        main()
