"""How a document looks, told by offsets into its text: cells of sheets, boxes of slides, parts of a mail.

The source panel draws from this, and a quote is marked wherever its offsets fall. Kept as one JSON text
beside the document's text; all `start` and `end` are code points of that text. A document without a layout
is shown as its text.
"""

from __future__ import annotations

import msgspec

__all__ = [
    "Cell",
    "Layout",
    "MailField",
    "MailLayout",
    "MailPart",
    "Row",
    "Shape",
    "Sheet",
    "SheetLayout",
    "Slide",
    "SlideLayout",
    "read_layout",
    "write_layout",
]


class Cell(msgspec.Struct, frozen=True, array_like=True):
    """One cell: its column counted from 1, and where its words stand."""

    column: int
    start: int
    end: int


class Row(msgspec.Struct, frozen=True, array_like=True):
    """A row of a sheet, counted from 1 as in the file, with its cells that are not empty."""

    row: int
    cells: tuple[Cell, ...]


class Sheet(msgspec.Struct, frozen=True):
    """A sheet; `page` is its number in the text's pages. `cut` is True when rows or columns were left out."""

    page: int
    name: str
    rows: tuple[Row, ...]
    cut: bool = False


class SheetLayout(msgspec.Struct, frozen=True, tag="sheets"):
    """A workbook, or a CSV file as its only sheet."""

    sheets: tuple[Sheet, ...]


class Shape(msgspec.Struct, frozen=True):
    """Words on a slide; the box in shares of the slide, 0 at the top left, `size` in shares of its height."""

    left: float
    top: float
    width: float
    height: float
    start: int
    end: int
    role: str = "text"
    """`title`, `text`, `table` or `note`; a note stands below the slide."""
    size: float = 0.0


class Slide(msgspec.Struct, frozen=True):
    """One slide, in the order of the show."""

    page: int
    shapes: tuple[Shape, ...]


class SlideLayout(msgspec.Struct, frozen=True, tag="slides"):
    """A presentation; `ratio` is width by height."""

    ratio: float
    slides: tuple[Slide, ...]


class MailField(msgspec.Struct, frozen=True):
    """A line of a mail's head; `name` is `from`, `to`, `cc`, `date` or `subject`, the span is its value."""

    name: str
    start: int
    end: int


class MailPart(msgspec.Struct, frozen=True):
    """An attachment; the span is its text, empty when it could not be read (`reason` says why)."""

    name: str
    media_type: str
    size_bytes: int
    start: int
    end: int
    reason: str = ""


class MailLayout(msgspec.Struct, frozen=True, tag="mail"):
    """A mail: its head, where the body stands, and what was attached."""

    fields: tuple[MailField, ...]
    body_start: int
    body_end: int
    parts: tuple[MailPart, ...] = ()


Layout = SheetLayout | SlideLayout | MailLayout

_READER = msgspec.json.Decoder(Layout)


def write_layout(layout: Layout | None) -> str:
    """As JSON; "" for none."""
    return msgspec.json.encode(layout).decode() if layout else ""


def read_layout(text: str) -> Layout | None:
    """What `write_layout` wrote. Raises msgspec.ValidationError if it is something else."""
    return _READER.decode(text) if text else None
