"""Times a first ingest, an unchanged second one, ten random edits, and removals.

    python -m bench.ingest_speed [DATA] [DOCUMENTS]

The handbook (Markdown), the same tree copied until it has 10,000 documents (or DOCUMENTS), and the PDF files
of office/ that have a text layer (pages per second, one child process).
"""

from __future__ import annotations

import os
import random
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.homes import Home, open_home, shared_data, tree_resident_bytes
from inhouse.kernel.caller import Caller
from inhouse.knowledge.edge.parse.parsed import Parsed
from inhouse.knowledge.edge.parse.read import read

PDF_SECONDS = 10.0
DOCUMENTS = 10_000
EDITS = 10
LOOK_S = 0.2


@contextmanager
def peak_of_tree() -> Iterator[list[int]]:
    """The most memory that this process and its children held together during the block, in bytes."""
    peak, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(LOOK_S):
            peak[0] = max(peak[0], tree_resident_bytes())

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


def timed_run(home: Home, folder: Path) -> float:
    started = time.monotonic()
    home.ingest.run([folder], source="speed")
    return time.monotonic() - started


def folder_twice(folder: Path, label: str, *, edits: bool = False) -> None:
    """First and second ingest of a folder into a fresh home, then edits of it."""
    with tempfile.TemporaryDirectory() as root, peak_of_tree() as peak:
        home = open_home(Path(root))
        home.ingest.run([Path(__file__)], source="warm-up")
        first, second = timed_run(home, folder), timed_run(home, folder)
        counts = home.library.counts(Caller())
        documents = counts.total - 1
        print(
            f"{label}: n={documents} documents, {counts.chunks} chunks; first {first:.2f} s"
            f" ({documents / first:.0f} documents/s, {counts.chunks / first:.0f} chunks/s),"
            f" unchanged second run {second:.3f} s"
        )
        if edits:
            edit(home, folder, label)
        home.close()
    print(f"{label}: peak memory of all processes {peak[0] / 1e6:.0f} MB")


def edit(home: Home, folder: Path, label: str) -> None:
    """Ten random edits, renames and deletions, the wiping of traces, other readers for a tenth."""
    chance = random.Random(2026)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    chosen = chance.sample(files, 3 * EDITS)
    for path in chosen[:EDITS]:
        path.write_text(path.read_text("utf-8") + "\nAn edited line.\n", "utf-8")
    edited = timed_run(home, folder)
    for path in chosen[EDITS : 2 * EDITS]:
        path.rename(path.with_name(f"renamed-{path.name}"))
    renamed = timed_run(home, folder)
    for path in chosen[2 * EDITS :]:
        path.unlink()
    home.manifest.wipe_soon = lambda: None  # as in a server: a little later, in a thread of its own
    deleted = timed_run(home, folder)
    started = time.monotonic()
    home.manifest.wipe()
    wiped = time.monotonic() - started
    ids = sorted(one.document_id for one in home.manifest.known("speed"))[: len(files) // 10]
    started = time.monotonic()
    home.manifest.refile(ids, frozenset({"hr"}), "bench")
    refiled = time.monotonic() - started
    started = time.monotonic()
    home.manifest.trash(ids)
    home.manifest.restore(ids)
    restored = time.monotonic() - started
    print(
        f"{label}: {EDITS} random edits {edited:.2f} s, {EDITS} renames {renamed:.2f} s,"
        f" {EDITS} deletions {deleted:.2f} s and {wiped:.2f} s to wipe their traces;"
        f" {len(ids)} documents refiled in {refiled:.2f} s, trashed and restored in {restored:.2f} s"
    )


def many(handbook: Path, target: Path, count: int) -> None:
    """Copy the handbook's files until there are `count`; each copy gets one line of its own."""
    files = [path for path in sorted(handbook.rglob("*")) if path.is_file()]
    for number in range(count):
        source = files[number % len(files)]
        copy = target / f"{number // len(files):03}" / f"{number % len(files):03}{source.suffix}"
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(f"{source.read_text('utf-8')}\ncopy {number}\n", "utf-8")


def pdf_pages(office: Path) -> None:
    """Pages per CPU second of PDF files with a text layer, in this process."""
    files = [path for path in sorted(office.glob("*.pdf")) if "ocr" not in path.name.lower()]
    pages, started = 0, time.monotonic()
    chosen = []
    for path in files:
        before = time.monotonic()
        result = read(path, path.name, text_chars=10**7)
        if isinstance(result, Parsed) and time.monotonic() - before < 0.4:  # the others are scans
            chosen.append(path)
    used = os.times().user
    started = time.monotonic()
    while time.monotonic() - started < PDF_SECONDS:
        for path in chosen:
            result = read(path, path.name, text_chars=10**7)
            pages += len(result.pages) if isinstance(result, Parsed) else 0
    used = os.times().user - used
    print(f"PDF with text layer: n={len(chosen)} files, {pages / used:.0f} pages per CPU-second")


def main() -> None:
    data = shared_data(sys.argv[1] if len(sys.argv) > 1 else None)
    count = int(sys.argv[2]) if len(sys.argv) > 2 else DOCUMENTS
    folder_twice(data / "handbook", "handbook")
    with tempfile.TemporaryDirectory() as copies:
        many(data / "handbook", Path(copies), count)
        folder_twice(Path(copies), f"{count:,} documents", edits=True)
    pdf_pages(data / "office")
    print(f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
