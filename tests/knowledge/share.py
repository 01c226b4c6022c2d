"""A Windows share on loopback: impacket's server in a process of its own, as it logs and warns a lot.

Run as a program it serves the folder that it is given and tells its port.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER, PASSWORD, SHARE = "reader", "not-a-real-password", "docs"


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """The port at which the folder is the share `docs` until the block ends."""
    child = subprocess.Popen(
        [sys.executable, __file__, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert child.stdout is not None
        yield int(child.stdout.readline())
    finally:
        child.kill()
        child.communicate()


def _serve(folder: str) -> None:
    from impacket.ntlm import compute_lmhash, compute_nthash
    from impacket.smbserver import SimpleSMBServer

    server = SimpleSMBServer("127.0.0.1", 0)
    server.addShare(SHARE, folder)
    server.setSMB2Support(True)
    server.addCredential(USER, 0, compute_lmhash(PASSWORD), compute_nthash(PASSWORD))
    sys.stdout.write(f"{server.getServer().socket.getsockname()[1]}\n")
    sys.stdout.flush()
    server.start()


if __name__ == "__main__":
    _serve(sys.argv[1])
