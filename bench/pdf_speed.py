"""How fast PDF files become text with structure: pages per second of processor time, in this process.

    python -m bench.pdf_speed [DATA] [PAGES]    DATA defaults to ../shared/data, PAGES to 200 generated ones

Three generated files (prose, prose with tables without lines, pages with a ruled table) and the office files
that have a text layer; OCR is off. Compared in the same run with pdfium's bare text of the same pages, as
`get_text_range` gives it: no tables, no headings, no places. Aim: at least 70 pages a second with structure.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pypdfium2

from bench.homes import shared_data
from inhouse.knowledge.edge.parse.parsed import Means, Parsed
from inhouse.knowledge.edge.parse.pdf import read_pdf
from tests.knowledge.pdfs import Page, pdf

AIM = 70.0
_WORDS = (
    "The supplier delivers the goods within ten days of the order and bears the risk until they are handed"
    " over at the place that the contract names, unless both sides agree on another one in writing. "
)


def prose(number: int, lines: int = 46) -> Page:
    """A page of running text, 90 letters a line."""
    page = Page()
    page.text(60, 780, f"{number}. Delivery and acceptance", size=16)
    text = _WORDS * 40
    for line in range(lines):
        page.text(60, 750 - 15 * line, text[line * 90 : line * 90 + 90].strip())
    return page


def columns(number: int) -> Page:
    """Half a page of prose above a table without lines, 20 rows of five columns."""
    page = prose(number, lines=22)
    for row in range(20):
        cells = ("Part", "Place", "Count", "Price", "Total") if not row else _cells(number, row)
        for at, cell in enumerate(cells):
            page.text(60 + 100 * at, 400 - 16 * row, cell)
    return page


def grid(number: int) -> Page:
    """A ruled table, 30 rows of five columns, each line drawn on its own."""
    page = Page()
    for row in range(31):
        page.line(55, 770 - 20 * row, 555, 770 - 20 * row)
    for column in range(6):
        page.line(55 + 100 * column, 770, 55 + 100 * column, 170)
    for row in range(30):
        cells = ("Part", "Place", "Count", "Price", "Total") if not row else _cells(number, row)
        for at, cell in enumerate(cells):
            page.text(60 + 100 * at, 755 - 20 * row, cell)
    return page


def _cells(number: int, row: int) -> tuple[str, ...]:
    return f"SKU-{number}{row:02}", f"A-{row}", str(row * 7), f"{row}.50", f"{row * row}.00"


def main() -> int:
    """Print one line for each file and the slowest kind of generated pages."""
    data = shared_data(sys.argv[1] if len(sys.argv) > 1 else None)
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    slowest = float("inf")
    with tempfile.TemporaryDirectory() as folder:
        for name, make in (("prose", prose), ("columns", columns), ("grid", grid)):
            path = Path(folder) / f"{name}.pdf"
            path.write_bytes(pdf(*(make(number) for number in range(count))))
            slowest = min(slowest, _report(path, name))
        for path in _office(data / "office"):
            _report(path, path.name)
    print(f"slowest kind of generated pages: {slowest:.0f} pages per CPU second (aim {AIM:.0f})")
    return 0 if slowest >= AIM else 1


def _office(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob("*.pdf")):
        try:
            document = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError:
            continue
        try:
            if document[0].get_textpage().count_chars() > 20:
                yield path
        except pypdfium2.PdfiumError:
            continue
        finally:
            document.close()


def _report(path: Path, name: str) -> float:
    """Pages per CPU second with structure, printed, too. Small files are read several times."""
    pages, seconds, bare = 0, 0.0, 0.0
    rows = 0
    while seconds < 0.3:
        started = time.process_time()
        found = read_pdf(path, name, Means())
        seconds += time.process_time() - started
        if not isinstance(found, Parsed):
            print(f"{name}: {found.message}")
            return 0.0
        pages += len(found.pages)
        rows = sum(1 for line in found.text.split("\n") if line.startswith("| ") and "---" not in line)
        bare += _bare_s(path)
    print(
        f"{name}: n={pages} pages, {rows} table rows, {pages / seconds:.0f} pages per CPU second;"
        f" bare text of pdfium {pages / bare:.0f}"
    )
    return pages / seconds


def _bare_s(path: Path) -> float:
    started = time.process_time()
    document = pypdfium2.PdfDocument(path)
    for page in document:
        page.get_textpage().get_text_range()
    document.close()
    return time.process_time() - started


if __name__ == "__main__":
    sys.exit(main())
