"""Takes in a folder of office files in one batch and looks for what must be found in them.

    python -m bench.office [DATA]        DATA defaults to ../shared/data beside the checkout

Prints n, the phrases found (white space of any kind counts as one space), each one missing, each file
without text and its reason, the peak memory of the whole process tree, and the time.
Aim: at least 80 % of the "text" expectations, at most 2 GB, no crash, no hang.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from pathlib import Path

from bench.homes import open_home, shared_data, tree_resident_bytes
from inhouse.kernel.caller import Caller


def main() -> int:
    data = shared_data(sys.argv[1] if len(sys.argv) > 1 else None)
    lines = (data / "office_expectations.jsonl").read_text("utf-8").splitlines()
    expected = [record for record in map(json.loads, lines) if record["expect"] == "text"]
    done = threading.Event()
    peak = 0

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.05):
            peak = max(peak, tree_resident_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    with tempfile.TemporaryDirectory() as folder:
        home = open_home(Path(folder))
        started = time.monotonic()
        report = home.ingest.run([data / "office"], source="office")
        elapsed = time.monotonic() - started
        caller = Caller()
        texts = {
            record.document: " ".join(home.library.text(caller, record.document_id).split())
            for record in home.library.list(caller, limit=10_000).documents
        }
        home.close()
    done.set()
    watcher.join()

    missing = [one for one in expected if " ".join(one["phrase"].split()) not in texts.get(one["file"], "")]
    found = len(expected) - len(missing)
    print(f"files {len(texts)}: {report.added} with text, {report.empty} empty, {report.refused} refused")
    print(f"text expectations found: {found} of n={len(expected)} ({found / len(expected):.0%})")
    for one in missing:
        print(f"  missing in {one['file']}: {one['phrase']!r} ({one['class']})")
    for outcome in report.outcomes:
        if outcome.reason_code:
            print(f"  {outcome.action}: {outcome.document} [{outcome.reason_code}] {outcome.reason}")
    print(f"peak memory of the process tree: {peak / (1 << 20):.0f} MB")
    print(f"wall time: {elapsed:.1f} s with {home.parsers.workers} child process(es)")
    return 0 if found >= 0.8 * len(expected) and peak <= 2 << 30 else 1


if __name__ == "__main__":
    sys.exit(main())
