"""Ends the server of one home, and no other process. Run by `make stop`.

The home's lock says who holds it, and the kernel vouches that the holder lives; the server gets the
same signal as from Ctrl+C's cousin `kill`, finishes its streams and lets go of the lock.
Exit codes: 0 stopped or nothing was running, 1 it did not stop in time, 2 another command holds the home.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from inhouse.store.lock import HomeLock

PATIENCE_S = 20.0


def main() -> int:
    """Send SIGTERM to the holder of the lock and wait until it let go."""
    home = Path(os.environ["INHOUSE_HOME"])
    lock = HomeLock(home / "state" / "lock")
    owner = lock.owner()
    if owner is None:
        sys.stderr.write(f"nothing runs on {home}\n")
        return 0
    if owner.command.split(" ")[0] not in {"up", "serve"}:
        sys.stderr.write(f"`inhouse {owner.command}` (process {owner.pid}) works on {home}; left alone\n")
        return 2
    os.kill(owner.pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_S
    while lock.owner() is not None:
        if time.monotonic() > deadline:
            sys.stderr.write(f"process {owner.pid} still runs after {PATIENCE_S:.0f} s\n")
            return 1
        time.sleep(0.1)
    sys.stderr.write(f"stopped {owner.address or 'the server'} (process {owner.pid})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
