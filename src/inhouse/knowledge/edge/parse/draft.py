"""A text in the making, which knows at every moment where it stands.

Readers of office files put their words here, and get back the span of each: layouts and pages are told by
these. Only words that a reader of the file would see come in (`unseen.visible`).

Doubts about words that OCR read travel inside the words, between two private characters (`marked`); the
draft takes these out and remembers what stood between them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from inhouse.kernel.documents import PageSpan
from inhouse.knowledge.edge.parse.unseen import visible

__all__ = ["Draft", "Span", "cell_words", "marked"]

Span = tuple[int, int]


_FROM, _TO = "\ue5d1", "\ue5d2"


class Draft:
    """Collects blocks, with an empty line between them. `pages` are those that were closed.

    A draft that is `within` another leaves the marks of doubts to that one.
    """

    def __init__(self, *, within: bool = False) -> None:
        self.doubts: list[Span] = []
        self._within = within
        self.pages: list[PageSpan] = []
        self.at = 0
        self._parts: list[str] = []
        self._page: tuple[int, int] | None = None

    def text(self) -> str:
        """All of it, with a newline at the end."""
        return "".join(self._parts) + ("\n" if self._parts else "")

    def block(self, words: str) -> Span:
        """A paragraph, a heading or a list; where it stands. Empty words leave no trace."""
        words = visible(words).strip("\n").rstrip()
        if not words.strip():
            return self.at, self.at
        self._open()
        return self._put_marked(words)

    def line(self, words: str) -> Span:
        """Like `block`, directly below what stands there already; the first of a page is a block."""
        words = visible(words).strip("\n").rstrip()
        if not words.strip():
            return self.at, self.at
        if not self.at or (self._page and self._page[1] < 0):
            self._open()
        else:
            self._put("\n")
        return self._put_marked(words)

    def table(self, rows: Sequence[Sequence[str]]) -> list[list[Span]]:
        """Pipe rows, the first one as header; the span of each cell's words. Cells as from `cell_words`."""
        if not rows:
            return []
        width = max(len(row) for row in rows)
        self._open()
        spans: list[list[Span]] = []
        for number, row in enumerate(rows):
            self._put("| " if not number else "\n| ")
            found: list[Span] = []
            for column in range(width):
                if column:
                    self._put(" | ")
                found.append(self._put(row[column] if column < len(row) else ""))
            self._put(" |" if number else " |\n|" + " --- |" * width)
            spans.append(found)
        return spans

    def start_page(self, number: int) -> None:
        """What follows is on this page, until `end_page`."""
        self._page = (number, -1)

    def end_page(self) -> None:
        """Close the page; one without words is not listed."""
        if self._page and self._page[1] >= 0:
            self.pages.append(PageSpan(self._page[0], self._page[1], self.at))
        self._page = None

    def _open(self) -> None:
        if self.at:
            self._put("\n\n")
        if self._page and self._page[1] < 0:
            self._page = (self._page[0], self.at)

    def _put_marked(self, words: str) -> Span:
        if self._within or _FROM not in words:
            return self._put(words)
        start, opened = self.at, self.at
        for piece in re.split(f"([{_FROM}{_TO}])", words):
            if piece == _FROM:
                opened = self.at
            elif piece == _TO:
                self.doubts.append((opened, self.at))
            else:
                self._put(piece)
        return start, self.at

    def _put(self, words: str) -> Span:
        start = self.at
        if words:
            self._parts.append(words)
            self.at += len(words)
        return start, self.at


def marked(words: str, doubts: Sequence[Span]) -> str:
    """The words with marks around what is in doubt, for a draft; the stretches do not overlap."""
    for start, end in sorted(doubts, reverse=True):
        words = f"{words[:start]}{_FROM}{words[start:end]}{_TO}{words[end:]}"
    return words


def cell_words(words: str) -> str:
    """The words of a table's cell on one line, so that nothing in them ends the cell."""
    return " ".join(visible(words).split()).replace("|", "\\|")
