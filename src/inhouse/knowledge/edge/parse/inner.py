"""Documents inside documents: attachments of mail and PDF, files embedded in office documents.

Everything that is read out of another file comes through here, and stays within these limits:

    MAX_DEPTH  a mail in a mail in a mail is read; what is attached to that one is named only
    MAX_FILES  of one document
    MAX_BYTES  of one inner file

Archives that explode, too much text and broken files are refused as they are on their own; the document
around them is read nevertheless.
"""

from __future__ import annotations

import csv
import io
import os
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree as ET

from inhouse.knowledge.edge.parse.archived import MAX_BYTES, InnerFile, unpacked
from inhouse.knowledge.edge.parse.csv_table import separator
from inhouse.knowledge.edge.parse.draft import Draft, cell_words, marked
from inhouse.knowledge.edge.parse.parsed import Means, Parsed, Refused, refusal

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_FILES",
    "PARSER_ERRORS",
    "InnerFile",
    "Taken",
    "append",
    "read_inner",
    "read_part",
    "shown_name",
]

MAX_DEPTH = 2
MAX_FILES = 10
INNER_CHARS = 2_000_000
"""A book of 1,000 pages; a longer attachment is named only, as it would drown the letter it came with."""

_MOST_LINES = 50_000

PARSER_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    ET.ParseError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What readers raise on files that are not what they claim to be; not memory, not interrupts."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an inner file: the span of its words in the draft, or the reason why there are none."""

    name: str
    media_type: str
    size_bytes: int
    start: int
    end: int
    reason: str = ""


def read_inner(data: bytes, name: str, means: Means) -> Parsed | Refused:
    """The text of a file that lies inside another; `means` are those of the file around it.

    Never raises for what the file is. Nothing is written to the disk where the system has files in memory.
    """
    if means.depth >= MAX_DEPTH or means.reader is None:
        return refusal("too_deep", name, f"{means.depth + 1} documents")
    if len(data) > MAX_BYTES:
        return refusal("too_large", name, f"{len(data):,} bytes")
    return _read(data, name, replace(means, depth=means.depth + 1))


def read_part(data: bytes, name: str, means: Means) -> Parsed | Refused:
    """The text of something that is a part of the document at hand and no document of its own: a picture."""
    if len(data) > MAX_BYTES:
        return refusal("too_large", name, f"{len(data):,} bytes")
    return _read(data, name, means)


def _read(data: bytes, name: str, means: Means) -> Parsed | Refused:
    if means.reader is None:
        return refusal("not_supported", name, "a file inside another one")
    try:
        with _as_path(data) as path:
            return means.reader(path, name, INNER_CHARS, means)
    except subprocess.TimeoutExpired as error:  # tesseract
        return refusal("timed_out", name, f"{error.timeout:g} s for one page")
    except PARSER_ERRORS as error:
        return refusal("damaged", name, f"{type(error).__name__}: {error}"[:200])


def append(draft: Draft, files: Sequence[InnerFile], means: Means, *, title: str) -> tuple[Taken, ...]:
    """Read these files and put their words below the draft, each under the heading `title: name`."""
    taken: list[Taken] = []
    for number, file in enumerate(unpacked(files)):
        name = shown_name(file.name)
        if number >= MAX_FILES:
            result: Parsed | Refused = refusal("too_deep", name, f"{MAX_FILES} others in the same document")
        elif not file.data and file.whole_size:
            result = refusal("too_large", name, f"{file.whole_size:,} bytes")
        else:
            result = _opened(file, name, means) if file.opened else read_inner(file.data, name, means)
            means.beat()
        media_type = file.media_type or result.media_type
        if isinstance(result, Refused):
            taken.append(Taken(name, media_type, file.size_bytes, draft.at, draft.at, result.message))
            continue
        draft.block(f"## {title}: {name}")
        start, end = draft.block(_lowered(replace(result, text=marked(result.text, result.doubts))))
        taken.append(Taken(name, media_type, file.size_bytes, start, end))
    return tuple(taken)


def _opened(file: InnerFile, name: str, means: Means) -> Parsed | Refused:
    if means.depth >= MAX_DEPTH or file.opened is None:
        return refusal("too_deep", name, f"{means.depth + 1} documents")
    try:
        return file.opened(replace(means, depth=means.depth + 1))
    except PARSER_ERRORS as error:
        return refusal("damaged", name, f"{type(error).__name__}: {error}"[:200])


def shown_name(name: str) -> str:
    """The last part of a path in either spelling, on one line and not longer than file names are."""
    last = PurePosixPath(name.replace("\\", "/")).name or "attachment"
    return " ".join("".join(char if char.isprintable() else " " for char in last).split())[:255]


def _lowered(parsed: Parsed) -> str:
    """Headings two levels down: those of a part must not end the section that names it. CSV as a table."""
    if parsed.kind == "table":
        table = Draft(within=True)
        rows = csv.reader(io.StringIO(parsed.text, newline=""), delimiter=separator(parsed.text))
        try:
            kept = [row for row in islice(rows, _MOST_LINES) if any(map(str.strip, row))]
        except csv.Error:  # a cell longer than any cell is: no table
            return parsed.text
        table.table([[cell_words(cell) for cell in row] for row in kept])
        return table.text()
    if parsed.kind != "markdown":
        return parsed.text
    return re.sub(r"(?m)^(#{1,4})(?=\s)", r"##\1", parsed.text)


@contextmanager
def _as_path(data: bytes) -> Iterator[Path]:
    """A path for readers that want one; in memory on Linux, so that a killed child leaves nothing behind."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("inner", os.MFD_CLOEXEC)
        try:
            with os.fdopen(os.dup(descriptor), "wb") as stream:
                stream.write(data)
            yield Path(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)
    else:
        with tempfile.NamedTemporaryFile() as stream:
            stream.write(data)
            stream.flush()
            yield Path(stream.name)
