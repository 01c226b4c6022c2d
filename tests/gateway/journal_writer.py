"""A process that writes journal records as fast as it can and says aloud which ones it was promised.

    python journal_writer.py FOLDER ROTATE_BYTES

Each line on stdout is `o ID` after an opening returned, or `c ID` after an end did.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from inhouse.gateway.edge.journal import Journal
from inhouse.kernel.messages import Usage
from inhouse.kernel.ports import EngineUsed


def main() -> None:
    """Write until killed; every third request stays open for a while."""
    journal = Journal(
        Path(sys.argv[1]), clock=time.time, stopwatch=time.perf_counter, rotate_bytes=int(sys.argv[2])
    )
    journal.start()
    used = EngineUsed("ollama", "m", "local", "because")
    waiting = []
    for number in range(1_000_000):
        name = f"{os.getpid()}-{number}"
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
    main()
