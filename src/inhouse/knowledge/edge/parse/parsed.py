"""What reading a file gives: its text, or the reason why there is none. Shared by both sides of the pipe."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from inhouse.kernel.documents import PageSpan
from inhouse.knowledge.chunk import TextKind

__all__ = ["PARSER_VERSION", "Means", "ParseLimits", "Parsed", "ReasonCode", "Refused", "refusal"]

PARSER_VERSION = 5
"""Grows when the same file would give another text; documents of an older version are read again."""

ReasonCode = Literal[
    "binary",
    "bomb",
    "damaged",
    "empty_file",
    "encrypted",
    "needs_ocr",
    "no_text",
    "not_supported",
    "out_of_memory",
    "parser_crashed",
    "timed_out",
    "too_deep",
    "too_large",
    "too_much_text",
    "unreadable",
]
"""Documented in docs/reference/file-reasons.md."""

_MESSAGES: dict[ReasonCode, str] = {
    "binary": "The content of {name} is not text, whatever its name says; only documents can be read",
    "bomb": "{name} would unpack to far more than a document holds ({detail}); it was not opened",
    "damaged": "{name} is damaged or incomplete ({detail}). Save it anew in its own program",
    "empty_file": "{name} has 0 bytes",
    "encrypted": "{name} is protected by a password. Save a copy without the password and take that in",
    "needs_ocr": "{name} is a picture of text, and reading it needs tesseract (and ingest.ocr on). Run:"
    " apt-get install tesseract-ocr tesseract-ocr-rus (macOS: brew install tesseract tesseract-lang)",
    "no_text": "{name} holds no text",
    "not_supported": "{name} is {detail}, which cannot be read. Save it as PDF, DOCX, XLSX, PPTX or text",
    "out_of_memory": "{name} needed more than {detail} of memory. Split it, or raise ingest.parse_memory_mb",
    "parser_crashed": "The reader broke down on {name} ({detail}). Save it anew in its own program",
    "timed_out": "{name} took longer than {detail} to read. Split it, or raise ingest.parse_timeout_s",
    "too_deep": "{name} lies inside {detail}; save it as a file of its own to have it read",
    "too_large": "{name} has {detail}. Split it, or raise ingest.max_file_mb",
    "too_much_text": "{name} holds {detail}. Split it, or raise ingest.max_text_chars",
    "unreadable": "{name} could not be read ({detail}). Check its permissions and its disk",
}


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """What reading one file may take. `memory_mb` is resident, of the child and the programs it starts.

    `ocr_languages` are tesseract's names joined by `+`; "" leaves pictures of text unread.
    """

    timeout_s: float = 120.0
    memory_mb: int = 1_500
    text_chars: int = 20_000_000
    ocr_languages: str = "rus+eng"


@dataclass(frozen=True, slots=True)
class Means:
    """What a reader may use. `beat` is to be called as a sign of progress, after a page.

    `languages` are those that OCR can read here, joined by `+`; "" means that there is no OCR. `reader`
    (path, name, most characters, means) reads a file that lies inside another one, `depth` levels below the
    outermost (`inner.read_inner` asks both); `read` sets it.
    """

    languages: str = ""
    beat: Callable[[], None] = lambda: None
    reader: Callable[[Path, str, int, Means], Parsed | Refused] | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file's text. `title` is "" and `modified_at` None (else UNIX seconds) when the file does not say.

    `layout` is JSON of `knowledge.layout`, "" for none. `doubts` are stretches that OCR read without being
    sure and that hold a figure, as (start, end).
    """

    text: str
    kind: TextKind
    media_type: str
    pages: tuple[PageSpan, ...] = ()
    title: str = ""
    modified_at: float | None = None
    layout: str = ""
    doubts: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a file has no text here; `message` names the file and the way out."""

    code: ReasonCode
    message: str
    media_type: str = "application/octet-stream"


def refusal(code: ReasonCode, name: str, detail: str = "", *, media_type: str = "") -> Refused:
    """The reason in words. `name` is shown quoted when it holds unusual characters."""
    shown = name if name.isprintable() else json.dumps(name)
    message = _MESSAGES[code].format(name=shown, detail=detail or "no details")
    return Refused(code, message, media_type or "application/octet-stream")
