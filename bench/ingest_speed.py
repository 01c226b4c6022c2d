"""Times a first ingest and an unchanged second one.

    python -m bench.ingest_speed [DATA]

The handbook (Markdown), the same tree copied until it has 10,000 documents, and the PDF files of office/
that have a text layer (pages per second, one child process).
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from bench.homes import open_home, shared_data
from inhouse.kernel.caller import Caller
from inhouse.knowledge.edge.parse.parsed import Parsed
from inhouse.knowledge.edge.parse.read import read

PDF_SECONDS = 10.0


def folder_twice(folder: Path, label: str) -> None:
    """First and second ingest of a folder into a fresh home."""
    with tempfile.TemporaryDirectory() as root:
        home = open_home(Path(root))
        home.ingest.run([Path(__file__)], source="warm-up")
        times = []
        for _ in range(2):
            started = time.monotonic()
            report = home.ingest.run([folder], source="speed")
            times.append(time.monotonic() - started)
        counts = home.library.counts(Caller())
        home.close()
    first, second = times
    print(
        f"{label}: n={counts.total - 1} documents, {counts.chunks} chunks; first {first:.2f} s"
        f" ({counts.chunks / first:.0f} chunks/s), second {second:.3f} s, unchanged {report.unchanged}"
    )


def many(handbook: Path, target: Path, count: int) -> None:
    """Link the handbook's files until there are `count`; each copy gets one line of its own."""
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
    folder_twice(data / "handbook", "handbook")
    with tempfile.TemporaryDirectory() as copies:
        many(data / "handbook", Path(copies), 10_000)
        folder_twice(Path(copies), "10,000 documents")
    pdf_pages(data / "office")
    print(f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
