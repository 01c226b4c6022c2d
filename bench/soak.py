"""Resident memory of the gateway over 100,000 requests, streams among them.

    python -m bench.soak [REQUESTS]

The slope is that of a straight line through the values after the first fifth, in MB per 10,000 requests.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from bench.gateway import Figures, body, mock, ours, resident_mb, started
from bench.load import ask_for, request_bytes

STEP = 2_500
WARM = 0.2


def main() -> None:
    """Ask, look, print."""
    total = next((int(word) for word in sys.argv[1:] if word.isdigit()), 100_000)
    with tempfile.TemporaryDirectory() as name, mock(0.0) as engine:
        target = ours("inhouse", Path(name) / "home", engine)
        url = f"http://127.0.0.1:{target.port}/v1/chat/completions"
        requests = [
            request_bytes(url, json.dumps(body(1, stream=stream)).encode()) for stream in (False, True)
        ]
        with started(target, Figures()) as pid:
            time.sleep(3)
            idle = resident_mb(pid)
            counts, sizes, errors, began = [0], [idle], 0, time.perf_counter()
            while counts[-1] < total:
                # Every tenth step is streams.
                request = requests[len(counts) % 10 == 0]
                tally = uvloop.run(ask_for(url, request, 32, 3600.0, limit=STEP))
                errors += tally.errors
                counts.append(counts[-1] + len(tally.whole))
                sizes.append(resident_mb(pid))
                if tally.errors:
                    print(f"error: {tally.told[:200]}")
            took = time.perf_counter() - began
    start = int(len(counts) * WARM)
    slope = statistics.linear_regression(counts[start:], sizes[start:]).slope * 10_000
    print(f"{counts[-1]} requests, {errors} errors, {took:.0f} s")
    print(f"resident: idle {idle:.1f} MB, end {sizes[-1]:.1f} MB, largest {max(sizes):.1f} MB")
    print(f"slope {slope:.2f} MB per 10,000 requests after the first {counts[start]}")


if __name__ == "__main__":
    main()
