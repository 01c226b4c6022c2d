"""Cuts a document into the stretches that are indexed, found and shown as passages.

A chunk never cuts a sentence, a list item or a table row, so that every citation lies inside one chunk;
it follows the headings, and it knows its page. Sizes are in characters:

    TARGET  a section is packed until it would grow beyond this
    LIMIT   a single paragraph longer than this is cut between sentences

Tried with `python -m bench.questions` (quotes found of 20 en + 14 ru) and `python -m bench.retrieval`
(R@1 ru): 800/1,200 17 + 12, .933; 1,000/1,400 16 + 13, .932; 1,500/2,000 18 + 13, .933;
2,000/2,600 18 + 13, .926.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from inhouse.kernel.documents import PageSpan
from inhouse.knowledge.blocks import Block, read_blocks
from inhouse.knowledge.grid import delimiter_of, pipe_cells, row_said, separated_cells
from inhouse.knowledge.sentences import sentence_spans, split_block

__all__ = ["LIMIT", "TARGET", "Chunk", "Cut", "TextKind", "chunk"]

TextKind = Literal["markdown", "text", "table"]
TARGET = 1_500
LIMIT = 2_000
_SEPARATOR_ROW = re.compile(r"[\s|:+-]+$")


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text[start:end]` of a document. `heading` is the path of headings, outermost first.

    `context` is indexed with the chunk and never quoted: the heading path and, for a part of a table, its
    header row and each row said as `header: value`.
    """

    start: int
    end: int
    page: int | None
    heading: tuple[str, ...]
    context: str


@dataclass(frozen=True, slots=True)
class Cut:
    """How texts are cut. `target` is in characters; a paragraph longer than a third more is cut itself.

    `overlap` is how many of the sentences before a chunk are indexed with it, and `headings` whether the
    headings above it are; neither is ever quoted.
    """

    target: int = TARGET
    overlap: int = 0
    headings: bool = True

    @property
    def limit(self) -> int:
        """The longest paragraph that stays whole."""
        return self.target * LIMIT // TARGET

    @property
    def name(self) -> str:
        """Equal for equal cuts: documents cut otherwise are cut anew."""
        return f"{self.target}/{self.overlap}/{'h' if self.headings else '-'}"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A block or a part of one, with what is known around it."""

    start: int
    end: int
    heading: tuple[str, ...]
    page: int | None
    table_header: str = ""
    opens_section: bool = False
    said: str = ""


def chunk(
    text: str,
    *,
    pages: Sequence[PageSpan] = (),
    kind: TextKind = "markdown",
    cut: Cut = Cut(),
) -> tuple[Chunk, ...]:
    """The chunks of `text` in order, not overlapping; white space between them belongs to none."""
    table = kind == "table"
    pieces = _table_pieces(text, pages, cut) if table else _prose_pieces(text, pages, cut)
    packed = tuple(_packed(pieces, cut))
    return packed if table or not cut.overlap else tuple(_overlapping(text, packed, cut.overlap))


def _overlapping(text: str, chunks: Sequence[Chunk], sentences: int) -> Iterator[Chunk]:
    """Each with the last sentences of the one before it in its context, where both share a section."""
    before: Chunk | None = None
    for one in chunks:
        if before is None or before.heading != one.heading:
            yield one
        else:
            words = text[before.start : before.end]
            spans = sentence_spans(words, read_blocks(words))[-sentences:]
            led = "\n".join(words[start:end] for start, end in spans)
            yield replace(one, context=f"{one.context}\n{led}")
        before = one


def _packed(pieces: Iterator[_Piece], cut: Cut) -> Iterator[Chunk]:
    waiting: list[_Piece] = []
    for piece in pieces:
        if waiting and not _fits(waiting, piece, cut):
            yield _joined(waiting, cut)
            waiting = []
        waiting.append(piece)
    if waiting:
        yield _joined(waiting, cut)


def _fits(waiting: list[_Piece], piece: _Piece, cut: Cut) -> bool:
    first, last = waiting[0], waiting[-1]
    # A heading goes with the table below it; other prose and a table are indexed apart.
    other_table = piece.table_header != last.table_header and not all(one.opens_section for one in waiting)
    if piece.page != last.page or other_table:
        return False
    length = piece.end - first.start
    if piece.opens_section:
        # A heading starts a new chunk, unless what waits is too short to stand alone.
        return last.end - first.start < cut.target // 4 and length <= cut.target
    return length <= cut.target


def _joined(pieces: list[_Piece], cut: Cut) -> Chunk:
    first = pieces[0]
    heading = _shared([piece.heading for piece in pieces if not piece.opens_section] or [first.heading])
    said = "\n".join(piece.said for piece in pieces if piece.said)[: cut.limit]
    above = heading if cut.headings else ()
    context = "\n".join(part for part in (*above, pieces[-1].table_header, said) if part)
    return Chunk(first.start, pieces[-1].end, first.page, heading, context)


def _shared(paths: list[tuple[str, ...]]) -> tuple[str, ...]:
    """What the heading paths have in common from the outside in; short sections share a chunk."""
    shared: list[str] = []
    for level in zip(*paths, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return tuple(shared)


def _prose_pieces(text: str, pages: Sequence[PageSpan], cut: Cut) -> Iterator[_Piece]:
    heading: list[tuple[int, str]] = []
    header_row, columns = "", tuple[str, ...]()
    previous: Block | None = None
    page_at = _PageAt(pages)
    for block in read_blocks(text):
        if block.kind == "heading":
            heading = [one for one in heading if one[0] < block.level]
            heading.append((block.level, _plain(text[block.start : block.end])))
        path = tuple(title for _, title in heading)
        if block.kind == "row" and (previous is None or previous.kind != "row"):
            header_row = _plain(text[block.start : block.end])
            columns = pipe_cells(text[block.start : block.end])
        row = block.kind == "row"
        table = header_row if row else ""
        said = row_said(columns, pipe_cells(text[block.start : block.end])) if row else ""
        for start, end in _bites(text, block, cut):
            yield _Piece(start, end, path, page_at(start), table, block.kind == "heading", said)
        previous = block


def _bites(text: str, block: Block, cut: Cut) -> Iterator[tuple[int, int]]:
    """The block whole, or cut between sentences when it is longer than the limit."""
    target, limit = cut.target, cut.limit
    if block.end - block.start <= limit:
        yield block.start, block.end
        return
    start = end = block.start
    for sentence_start, sentence_end in split_block(text, block):
        if end > start and sentence_end - start > target:
            yield start, end
            start = sentence_start
        end = sentence_end
        while end - start > limit:  # one endless sentence: minified text, base64, a wide table row
            at = text.rfind(" ", start + target // 2, start + limit)
            at = at if at > 0 else start + limit
            yield start, at
            start = at + 1 if text[at : at + 1] == " " else at
    if end > start:
        yield start, end


def _table_pieces(text: str, pages: Sequence[PageSpan], cut: Cut) -> Iterator[_Piece]:
    """One piece per line; the first line with words is the header of all others."""
    page_at = _PageAt(pages)
    header, start = "", 0
    delimiter, columns = "", tuple[str, ...]()
    for line in text.split("\n"):
        end = start + len(line)
        if line.strip():
            if not header:
                header = line.strip()[: cut.target // 2]
                delimiter = delimiter_of(line)
                columns = separated_cells(line, delimiter)
            said = row_said(columns, separated_cells(line, delimiter))
            for at in range(start, end, cut.limit):
                yield _Piece(at, min(at + cut.limit, end), (), page_at(start), header, said=said)
        start = end + 1


class _PageAt:
    """Which page an offset is on; offsets are asked for in rising order."""

    def __init__(self, pages: Sequence[PageSpan]) -> None:
        self._pages = sorted(pages, key=lambda page: page.start)
        self._at = 0

    def __call__(self, offset: int) -> int | None:
        while self._at + 1 < len(self._pages) and self._pages[self._at + 1].start <= offset:
            self._at += 1
        return self._pages[self._at].page if self._pages else None


def _plain(line: str) -> str:
    """A heading or a row without its marks, as people read it."""
    if _SEPARATOR_ROW.match(line):
        return ""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line)
    words = re.sub(r"\{[#:.][^}]*\}|[*_`]{1,3}", "", words)
    return " ".join(words.strip().strip("#|").split())
