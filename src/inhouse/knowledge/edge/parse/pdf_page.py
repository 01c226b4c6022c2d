"""One page of a PDF as lines: what a person sees on it, its tables, what was filled in and noted on it."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from inhouse.knowledge.edge.parse.pdf_columns import aligned
from inhouse.knowledge.edge.parse.pdf_drawn import Drawn, drawn_on
from inhouse.knowledge.edge.parse.pdf_flow import Line, PageLines, lines_of
from inhouse.knowledge.edge.parse.pdf_hidden import sight
from inhouse.knowledge.edge.parse.pdf_rows import stretched
from inhouse.knowledge.edge.parse.pdf_tables import Table, ruled
from inhouse.knowledge.edge.parse.pdf_words import (
    Frame,
    Word,
    frame_of,
    layer_words,
    letters,
    main_turn,
    turned,
    unnamed_share,
)
from inhouse.knowledge.edge.parse.unseen import visible

__all__ = ["Laid", "Layer", "laid_out", "page_at", "read_layer"]

MOST_TABLE_WORDS = 6_000
"""A page with more words is a directory or a drawing; its rows are lines anyway."""
LONGEST_NOTE = 10_000
MOST_UNNAMED = 0.15
"""Share of letters of which the file does not say what they are; a page with more is read as a picture."""
_NOT_SHOWN = 2 | 32
"""Flags of a note: hidden, not for the screen. Source: ISO 32000-1, 12.5.3."""


@dataclass(frozen=True, slots=True)
class Laid:
    """Lines of a page that was laid so that most of its text can be read.

    `turn` is by how much (`pdf_words.turned`), `width` and `height` are those that the page has then, `slope`
    how far its lines fall to the right, for scans that were straightened.
    """

    lines: list[Line]
    turn: int
    width: float
    height: float
    slope: float = 0.0

    def page(self, titles: Mapping[str, int]) -> PageLines:
        """For `pdf_flow.assembled`; without the words, which would take 150 MB for a book of 1,000 pages."""
        lines = [replace(line, words=()) for line in self.lines]
        return PageLines(lines, self.height, dict(titles))


@dataclass(frozen=True, slots=True)
class Layer:
    """What the file itself says about a page.

    `letters` counts what can be seen; 0 where most of it has no names (a font that draws, but does not say
    which letters it draws), so that the page counts as a picture.
    """

    laid: Laid
    frame: Frame
    letters: int
    drawn: Drawn


def page_at(document: Any, index: int) -> tuple[Any, list[Line]]:
    """A page (counted from 0) with the values of its form fields as part of its text, and its notes.

    In memory only: pdfium keeps both apart from the text layer until they are printed into the page. Notes
    (`Comment: …`) come as lines, since they lie behind a symbol on the page.
    """
    from pypdfium2 import raw

    page = document[index]
    if raw.FPDFPage_GetAnnotCount(page.raw) <= 0:
        return page, []
    notes = list(_notes(page))
    if raw.FPDFPage_Flatten(page.raw, raw.FLAT_NORMALDISPLAY) != raw.FLATTEN_SUCCESS:
        return page, notes
    page.close()
    return document[index], notes


def read_layer(page: Any, notes: list[Line]) -> Layer:
    """The lines of a page from its text layer; `notes` are those of `page_at`."""
    frame = frame_of(page)
    looks: dict[int, Any] = {}  # pdf_words.Look by number
    layer = page.get_textpage()
    try:
        all_words = layer_words(layer, frame, looks)
        drawn = drawn_on(page, frame)
        found = sight(page, all_words, looks, drawn, frame)
        is_unnamed = unnamed_share(layer) > MOST_UNNAMED
    finally:
        layer.close()
    count = letters(" ".join([word.text for word in found.seen]))
    words = found.seen
    if found.layer and sum(letters(word.text) for word in found.layer) > count:
        kept = {id(word) for word in (*found.seen, *found.layer)}
        words = [word for word in all_words if id(word) in kept]
        count = sum(letters(word.text) for word in words)
    laid = laid_out(words, drawn, frame.width, frame.height)
    laid.lines.extend(_unheard(notes, laid.lines))
    return Layer(laid, frame, 0 if is_unnamed else count, drawn)


def laid_out(words: list[Word], drawn: Drawn | None, width: float, height: float) -> Laid:
    """The words as lines, those of tables as rows. OCR has no `drawn`."""
    turn = main_turn(words)
    if turn:
        words = turned(words, turn, width, height)
        width, height = (width, height) if turn == 180 else (height, width)
    straight = [word for word in words if not word.turn] if any(word.turn for word in words) else words
    filled = stretched(words)
    tables: list[Table] = []
    if len(words) <= MOST_TABLE_WORDS:
        tables = ruled(straight, drawn.rules()) if drawn and not turn else []
        inside = {id(word) for table in tables for word in table.words()}
        free = [word for word in straight if id(word) not in inside] if inside else straight
        tables += aligned(free, filled)
    return Laid(lines_of(words, tables, filled), turn, width, height)


# ---- forms and notes

_SPEAKING = (1, 3, 9, 10, 11, 12, 14)
"""Text, free text, highlight, underline, squiggly, strike-out, caret: notes that people write."""


def _notes(page: Any) -> Iterator[Line]:
    from pypdfium2 import raw

    frame = frame_of(page)
    for index in range(min(raw.FPDFPage_GetAnnotCount(page.raw), 2_000)):
        note = raw.FPDFPage_GetAnnot(page.raw, index)
        if not note:
            continue
        try:
            if raw.FPDFAnnot_GetFlags(note) & _NOT_SHOWN:
                continue
            kind = raw.FPDFAnnot_GetSubtype(note)
            if kind in _SPEAKING:
                words, opening = _string(note, "Contents"), "Comment: "
            elif kind == raw.FPDF_ANNOT_WIDGET:
                name, value = _string(note, "T"), _string(note, "V")
                words, opening = value, f"{name}: " if name else ""
            else:
                continue
            if words:
                yield _note(note, opening, words, frame)
        finally:
            raw.FPDFPage_CloseAnnot(note)


def _note(note: Any, opening: str, words: str, frame: Frame) -> Line:
    from pypdfium2 import raw

    place = raw.FS_RECTF()
    raw.FPDFAnnot_GetRect(note, place)
    box = frame.shown(place.left, place.bottom, place.right, place.top)
    text = " ".join((opening + words).split())
    return Line(text, 0, False, box[1], box[3], "note", (Word(text, *box, 0),))


def _string(note: Any, key: str) -> str:
    from pypdfium2 import raw

    size = raw.FPDFAnnot_GetStringValue(note, key.encode(), None, 0)
    if not 2 < size <= 4 * LONGEST_NOTE:
        return ""
    data = ctypes.create_string_buffer(size)
    raw.FPDFAnnot_GetStringValue(note, key.encode(), ctypes.cast(data, ctypes.POINTER(ctypes.c_ushort)), size)
    return visible(data.raw[: size - 2].decode("utf-16-le", "replace")).strip()


def _unheard(notes: list[Line], lines: list[Line]) -> list[Line]:
    """Notes whose words do not stand on the page already, as those of fields with an appearance do."""
    if not notes:
        return []
    said = "".join(char for line in lines for char in line.text if char.isalnum())
    out = []
    for note in notes:
        words = note.text.split(": ", 1)[-1]
        if "".join(char for char in words if char.isalnum()) not in said or note.text.startswith("Comment: "):
            out.append(note)
    return out
