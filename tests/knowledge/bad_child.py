"""A reader of files that misbehaves in the way that the file's name says. Started by `test_pool.py`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from inhouse.knowledge.edge.parse.child import main

NEVER = threading.Event()
GROW = "data = bytearray(600 << 20); data[::4096] = b'x' * len(data[::4096]); import signal; signal.pause()"


def misbehave(request: dict[str, Any], beat: Callable[[], None]) -> tuple[dict[str, Any], bytes]:
    """Hang, grow, die, or work slowly and say so."""
    name = request["name"]
    if name == "hang":
        NEVER.wait()
    if name == "grow":
        kept = bytearray(600 << 20)
        kept[::4096] = b"x" * len(kept[::4096])
        NEVER.wait()
    if name == "grow-below":
        subprocess.run([sys.executable, "-c", GROW], check=False)
    if name == "exit":
        os._exit(3)
    if name == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if name == "slow":
        for _ in range(4):
            NEVER.wait(0.25)
            beat()
    if name == "chatter":
        print("words that nobody asked for", flush=True)
    fields: dict[str, Any] = {
        "kind": "text",
        "media_type": "text/plain",
        "pages": [],
        "doubts": [],
        "title": "",
        "modified_at": None,
    }
    return {"parsed": fields}, b"fine"


if __name__ == "__main__":
    main({"parse": misbehave})
