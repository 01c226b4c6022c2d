"""The structure of a text: which stretch is a heading, a list item, a table row, a paragraph.

Reads Markdown and plain text alike, because office files, pages and notes all reach us as one of the
two. Works line by line with exact offsets; never changes the text. Knows nothing of pages or files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["Block", "BlockKind", "read_blocks"]

BlockKind = Literal["heading", "paragraph", "item", "row", "code", "meta", "markup"]


@dataclass(frozen=True, slots=True)
class Block:
    """`text[start:end]`, without the line ends around it. `level` is 1-6 for headings, else 0."""

    kind: BlockKind
    start: int
    end: int
    level: int = 0


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int  # without the newline
    text: str


_HEADING = re.compile(r"(#{1,6})\s+\S")
_UNDERLINE = re.compile(r"(=+|-{3,})\s*$")
_ITEM = re.compile(r"\s*(?:[-*+•–]|\(?\d{1,3}[.)]|\(?[a-zа-я]\))\s+\S")
_ROW = re.compile(r"\s*\|.*\|\s*$")
_FENCE = re.compile(r"\s*(```|~~~)")
_MARKUP = re.compile(r"\s*(?:\{%.*%\}|<!--.*-->|</?[a-zA-Z][^>]*>|\[[^\]]+\]:.*|[-*_]{3,})\s*$")


def read_blocks(text: str) -> tuple[Block, ...]:
    """The blocks of `text` in order; together they hold every character that is not white space."""
    lines = tuple(_lines(text))
    blocks: list[Block] = []
    at = _skip_front_matter(lines, blocks)
    while at < len(lines):
        if not lines[at].text.strip():
            at += 1
            continue
        block, at = _next_block(lines, at)
        blocks.append(block)
    return tuple(blocks)


def _lines(text: str) -> Iterator[_Line]:
    start = 0
    for piece in text.split("\n"):
        yield _Line(start, start + len(piece), piece)
        start += len(piece) + 1


def _skip_front_matter(lines: tuple[_Line, ...], blocks: list[Block]) -> int:
    """Take `---` … `---` at the top as one block of meta data."""
    if not lines or lines[0].text.strip() != "---":
        return 0
    for at in range(1, min(len(lines), 200)):
        if lines[at].text.strip() in {"---", "..."}:
            blocks.append(Block("meta", lines[0].start, lines[at].end))
            return at + 1
    return 0


def _next_block(lines: tuple[_Line, ...], at: int) -> tuple[Block, int]:
    line = lines[at]
    if _FENCE.match(line.text):
        return _fenced(lines, at)
    if heading := _HEADING.match(line.text):
        return Block("heading", line.start, line.end, len(heading.group(1))), at + 1
    if _ROW.match(line.text):
        return Block("row", line.start, line.end), at + 1
    if _MARKUP.match(line.text):
        return Block("markup", line.start, line.end), at + 1
    if at + 1 < len(lines) and _UNDERLINE.match(lines[at + 1].text) and not _ITEM.match(line.text):
        level = 1 if lines[at + 1].text.startswith("=") else 2
        return Block("heading", line.start, line.end, level), at + 2
    kind: BlockKind = "item" if _ITEM.match(line.text) else "paragraph"
    last = at
    while last + 1 < len(lines) and _continues(lines, last + 1):
        last += 1
    return Block(kind, _first_sign(line), lines[last].end), last + 1


def _first_sign(line: _Line) -> int:
    return line.start + len(line.text) - len(line.text.lstrip())


def _fenced(lines: tuple[_Line, ...], at: int) -> tuple[Block, int]:
    for last in range(at + 1, len(lines)):
        if _FENCE.match(lines[last].text):
            return Block("code", lines[at].start, lines[last].end), last + 1
    return Block("code", lines[at].start, lines[at].end), at + 1


def _continues(lines: tuple[_Line, ...], at: int) -> bool:
    """True when line `at` belongs to the paragraph or item above it."""
    text = lines[at].text
    if not text.strip():
        return False
    starts = (_HEADING, _ITEM, _ROW, _FENCE, _MARKUP)
    if any(start.match(text) for start in starts):
        return False
    after = lines[at + 1].text if at + 1 < len(lines) else ""
    return not _UNDERLINE.match(after) or after.startswith("-")
