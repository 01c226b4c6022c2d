"""Lines of a page, and how they become paragraphs, headings and rows of a table.

The order of lines is that of the file, which is nearly always the order of reading; a table stands where
its first word stands.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from inhouse.knowledge.edge.parse.pdf_hyphens import without_hyphens
from inhouse.knowledge.edge.parse.pdf_rows import WIDE_GAP
from inhouse.knowledge.edge.parse.pdf_tables import Table
from inhouse.knowledge.edge.parse.pdf_words import SOFT, Word, letters

__all__ = ["Line", "PageLines", "assembled", "lines_of", "said"]

_BULLET = re.compile(r"[•▪◦●■–—*-]\s|\(?\d{1,3}[.)]\s|\(?[a-zа-я][.)]\s")
_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_DIGITS = re.compile(r"\d+")
EDGE_SHARE = 0.12
"""Running heads and feet stand within this share of the page's height from its end."""
RUNNING_PAGES = 3


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page, or a row of a table. `top` and `bottom` are points from the top of the page.

    `kind`: `text`, `head` (first row of a table), `row`, `turned` (runs across the others), `note`.
    """

    text: str
    size: float
    bold: bool
    top: float
    bottom: float
    kind: str = "text"
    words: tuple[Word, ...] = ()
    parted: bool = False
    """It has a gap as between columns, so that what stands below is no part of its sentence."""
    filled: bool = False
    """Its spaces were widened until it filled its column, so that its paragraph goes on below."""


@dataclass(frozen=True, slots=True)
class PageLines:
    """A page. `titles` are lines that the file's outline names, letters and digits only, with their level."""

    lines: list[Line]
    height: float
    titles: dict[str, int]


def lines_of(words: Sequence[Word], tables: Sequence[Table], filled: Collection[int] = ()) -> list[Line]:
    """Lines in the order of the words, rows of tables where the first word of the table stands."""
    within: dict[int, int] = {}
    for number, table in enumerate(tables):
        for word in table.words():
            within[id(word)] = number
    out: list[Line] = []
    current: list[Word] = []
    done: set[int] = set()
    for word in words:
        number = within.get(id(word), -1) if within else -1
        if current and (number >= 0 or not _is_same_line(current[-1], word)):
            out.append(_line(current, filled))
            current = []
        if number < 0:
            current.append(word)
        elif number not in done:
            done.add(number)
            out += _rows(tables[number])
    if current:
        out.append(_line(current, filled))
    return out


def _is_same_line(before: Word, word: Word) -> bool:
    """True for the next word of a line.

    Also where pdfium ends it though the next word stands beside: at wide gaps, as between a name and its
    value, and before raised figures.
    """
    if before.turn != word.turn:
        return False
    if before.line == word.line:
        return True
    if word.line != before.line + 1 or word.left < before.right - 1.5 or word.turn:
        return False
    shared = min(before.bottom, word.bottom) - max(before.top, word.top)
    return shared > 0.25 * min(before.bottom - before.top, word.bottom - word.top)


def _line(words: list[Word], filled: Collection[int]) -> Line:
    size = words[0].size
    if any(word.size != size for word in words):
        sizes: Counter[float] = Counter()
        for word in words:
            sizes[word.size] += len(word.text)
        size = sizes.most_common(1)[0][0]
    is_filled = words[-1].line in filled and words[0].line in filled
    return Line(
        said(words),
        size,
        all(word.bold for word in words),
        min([word.top for word in words]),
        max([word.bottom for word in words]),
        "turned" if words[0].turn else "text",
        tuple(words),
        not is_filled
        and any(after.left - before.right > WIDE_GAP * size for before, after in pairwise(words)),
        is_filled,
    )


def said(words: Sequence[Word]) -> str:
    """The words with spaces between them, none behind a hyphen at the end of a line."""
    text = " ".join([word.text for word in words])
    return text.replace(SOFT[0] + " ", SOFT[0]) if SOFT[0] in text else text


def _rows(table: Table) -> list[Line]:
    out = []
    if not table.has_head:
        first = table.rows[0]
        top = min(word.top for cell in first for word in cell)
        out.append(Line("|" + "  |" * len(first), 0, False, top, top, "head"))
    for number, row in enumerate(table.rows):
        words = [word for cell in row for word in _logical(cell)]
        cells = [said(_logical(cell)).replace("|", "\\|") for cell in row]
        out.append(
            Line(
                "| " + " | ".join(cells) + " |",
                0,
                False,
                min(word.top for word in words),
                max(word.bottom for word in words),
                "head" if table.has_head and not number else "row",
                tuple(words),
            )
        )
    return out


def _logical(cell: Sequence[Word]) -> Sequence[Word]:
    """Words of a cell in the order in which they are read; tables are read from places, left to right."""
    if len(cell) > 1 and sum(1 for word in cell if _RTL.search(word.text)) > len(cell) / 2:
        return sorted(cell, key=lambda word: (word.line, round(word.top / 4), -word.left))
    return cell


# ---- the whole document


def assembled(pages: Sequence[PageLines | str]) -> list[str]:
    """The text of each page; a page that is text already stays as it is."""
    laid = [page for page in pages if isinstance(page, PageLines)]
    sizes: Counter[float] = Counter()
    for one in laid:
        for line in one.lines:
            if line.kind == "text":
                sizes[line.size] += len(line.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    bold = sum(len(line.text) for one in laid for line in one.lines if line.bold)
    all_bold = bold > 0.5 * max(sum(sizes.values()), 1)
    running = _running(laid)
    texts = []
    for page in pages:
        if isinstance(page, str):
            texts.append(page.strip())
            continue
        lines = [line for line in page.lines if not running or not _is_repeated(line, page, running)]
        texts.append(_Flow(lines, body, page.titles, all_bold).text())
    return without_hyphens(texts)


def _edge_key(line: Line, page: PageLines) -> tuple[str, int] | None:
    if line.kind != "text" or len(line.text) > 200:
        return None
    if EDGE_SHARE * page.height < line.bottom and line.top < (1 - EDGE_SHARE) * page.height:
        return None
    return _DIGITS.sub("#", line.text), int(line.top > page.height / 2)


def _running(pages: Sequence[PageLines]) -> dict[tuple[str, int], int]:
    """Heads and feet on several pages; numbers in them may differ. The values count for `_is_repeated`."""
    counts: Counter[tuple[str, int]] = Counter()
    for page in pages:
        counts.update({key for line in page.lines if (key := _edge_key(line, page))})
    return {key: 0 for key, count in counts.items() if count >= RUNNING_PAGES}


def _is_repeated(line: Line, page: PageLines, running: dict[tuple[str, int], int]) -> bool:
    """True for a running head or foot that was there before: each stays where it stands first."""
    key = _edge_key(line, page)
    if key is None or key not in running:
        return False
    running[key] += 1
    return running[key] > 1


class _Flow:
    """Joins the lines of one page."""

    def __init__(self, lines: list[Line], body: float, titles: dict[str, int], all_bold: bool) -> None:
        self._lines = lines
        self._body = body
        self._titles = titles
        self._all_bold = all_bold
        lengths = sorted(
            len(line.text) for line in lines if line.kind == "text" and abs(line.size - body) < 0.6
        )
        self._full = lengths[min(int(0.9 * len(lengths)), len(lengths) - 1)] if lengths else 0

    def text(self) -> str:
        """Paragraphs with an empty line between them."""
        out: list[str] = []
        previous: Line | None = None
        before = ""
        for index, line in enumerate(self._lines):
            mark = self._mark(index)
            if line.kind == "head":
                rule = "|" + " --- |" * _cells(line.text)
                out.append(("\n\n" if previous else "") + line.text + "\n" + rule)
            elif line.kind == "row":
                out.append("\n" + line.text)
            elif previous is None:
                out.append(mark + line.text)
            elif {line.kind, previous.kind} != {"text"}:
                out.append("\n\n" + mark + line.text)
            elif mark or before:
                same = mark and mark == before and _is_near(previous, line)
                out.append((" " if same else "\n\n" + mark) + line.text)
            elif _goes_on(previous, line, self._full):
                _append(out, line.text)
            else:
                out.append(("\n" if _is_near(previous, line) else "\n\n") + line.text)
            previous, before = line, mark
        return "".join(out)

    def _mark(self, index: int) -> str:
        line = self._lines[index]
        if line.kind != "text" or len(line.text) > 160 or not any(char.isalpha() for char in line.text):
            return ""
        if self._titles:
            level = self._titles.get("".join(char for char in line.text if char.isalnum()).casefold())
            if level:
                return "#" * min(level, 4) + " "
        ratio = line.size / self._body if self._body else 0.0
        if ratio >= 1.6:
            return "# "
        if ratio >= 1.3:
            return "## "
        if ratio >= 1.12:
            return "### "
        return "### " if self._is_bold_title(index) else ""

    def _is_bold_title(self, index: int) -> bool:
        """A short line of heavy letters that stands for itself, above lines of plain ones."""
        line = self._lines[index]
        if not line.bold or self._all_bold or len(line.text) > 80 or line.size < 0.95 * self._body:
            return False
        if line.text[-1] in ".:;,-|" or letters(line.text) < 4 or _BULLET.match(line.text + " "):
            return False
        after = self._lines[index + 1] if index + 1 < len(self._lines) else None
        above = self._lines[index - 1] if index else None
        if after is None or (after.bold and after.kind == "text") or after.kind == "turned":
            return False
        return above is None or above.kind != "text" or not above.bold or not _is_near(above, line)


def _cells(row: str) -> int:
    return len(re.findall(r"(?<!\\)\|", row)) - 1


def _append(out: list[str], text: str) -> None:
    """Join a broken line; a hyphen at its end is marked, `without_hyphens` decides about it."""
    end = out[-1]
    if end and end[-1] in SOFT:
        out.append(text)
    elif len(end) > 1 and end[-1] in "-‐" and end[-2].isalpha() and text[0].islower():
        out[-1] = end[:-1] + SOFT[0]
        out.append(text)
    else:
        out.append(" " + text)


def _goes_on(previous: Line, line: Line, full: int) -> bool:
    """True when the line is the same paragraph: the one before was full, and nothing new begins."""
    if abs(previous.size - line.size) > 0.6 or not _is_near(previous, line) or _BULLET.match(line.text):
        return False
    if previous.text[-1] in SOFT:
        return True
    if previous.filled:
        return True
    if previous.parted or line.parted:
        return False
    if full < 30 or len(previous.text) < 0.72 * full:
        return False
    return not (previous.text[-1] in ".!?:" and len(previous.text) < 0.85 * full)


def _is_near(previous: Line, line: Line) -> bool:
    gap = line.top - previous.bottom
    return -2 * line.size < gap < 0.9 * max(line.size, previous.size)
