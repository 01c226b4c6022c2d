"""Many people reading answers at once: how much later the first word comes than from the engine itself.

    python -m bench.streams [SECONDS] [USERS ...]

The engine writes 64 words at 25 ms each (40 a second). One serving process on core 1, the engine and the
readers on core 0. There are no serving workers beside the one yet, so both figures are of one process.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from bench.gateway import Figures, body, load, mock, ours, started

GAP_MS = 25.0


def main() -> None:
    """Measure, print."""
    seconds = float(sys.argv[1]) if sys.argv[1:] else 12.0
    users = [int(word) for word in sys.argv[2:]] or [1, 32, 50, 200]
    with tempfile.TemporaryDirectory() as name, mock(GAP_MS) as engine:
        folder = Path(name)
        target = ours("inhouse", folder / "home", engine)
        file = folder / "body.json"
        file.write_text(json.dumps(body(1, stream=True)))
        with started(target, Figures()):
            print(
                f"{'users':>6}{'':10}{'n':>7}{'errors':>8}{'first p50':>11}{'p95':>9}{'p99':>9}{'gap p99':>9}"
            )
            for count in users:
                firsts = []
                for what, port in (("direct", engine), ("inhouse", target.port)):
                    url = f"http://127.0.0.1:{port}/v1/chat/completions"
                    found = load(url, file, {}, count, seconds, stream=True)
                    firsts.append(found["first_ms"])
                    print(
                        f"{count:6} {what:9}{found['n']:7}{found['errors']:8}"
                        + "".join(f"{value:10.2f}" for value in found["first_ms"])
                        + f"{found['gap_ms'][2]:9.2f}"
                    )
                added = [mine - theirs for theirs, mine in zip(*firsts, strict=True)]
                print(f"{count:6} added    {'':15}" + "".join(f"{value:10.2f}" for value in added))
    print(f"load average now {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
