"""HTML to readable text: headings as `#`, lists, tables as pipe rows, the words of links.

Keeps what a reader of the page sees, in its order. Scripts, styles, forms' machinery and hidden parts
are gone; addresses of links are not kept, the description of a picture is marked as one. A label that
spans several rows of a table stands in each. Does not run anything and fetches nothing.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from inhouse.knowledge.edge.parse.drawn import described

__all__ = ["Page", "render"]

_SKIPPED = frozenset(
    {"script", "style", "template", "noscript", "svg", "math", "iframe", "object", "canvas", "select", "head"}
)
_BLOCKS = frozenset(
    "address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer"
    " form header hr html main nav p section summary pre ul ol table caption".split()
)
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_HEADING = re.compile(r"h[1-6]")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_MOST_JOINED = 100
"""A cell may span more columns or rows only by mistake, or to fill the memory."""
_SPACE = re.compile(r"[ \t\r\n\f\v]+")


class Page:
    """A rendered page: its text and its own title."""

    def __init__(self, text: str, title: str) -> None:
        self.text = text
        self.title = title


def render(html: str) -> Page:
    """The text of an HTML page or fragment; never fails, whatever the markup."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return Page(reader.text(), " ".join(reader.title.split()))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self._blocks: list[str] = []
        self._line: list[str] = []
        self._prefix = ""
        self._hidden: list[str] = []  # open elements inside a hidden one, outermost first
        self._lists: list[int | None] = []  # next number, None for bullets
        self._pre = 0
        self._in_title = False
        self._tables: list[list[list[str]]] = []
        self._cell: list[list[str]] = []  # text parts of the open cells, innermost last
        self._spans: list[tuple[int, int]] = []  # columns and rows that each open cell takes
        self._joined: list[dict[int, tuple[int, str]]] = []  # column -> rows left, words; for each open table

    def text(self) -> str:
        self._flush()
        return "\n\n".join(self._blocks).strip() + ("\n" if self._blocks else "")

    # ---- what the parser calls

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title":
            self._in_title = True
        elif self._hidden or tag in _SKIPPED or _is_hidden(attrs):
            if tag not in _VOID and tag != "body":
                self._hidden.append(tag)
        elif self._cell and tag not in ("td", "th", "tr", "table"):
            self._cell[-1].append(" ")
            self._show_image_words(tag, attrs)
        elif tag in ("table", "tr", "td", "th"):
            self._open_table_part(tag, attrs)
        elif _HEADING.fullmatch(tag):
            self._flush()
            self._prefix = "#" * int(tag[1]) + " "
        elif tag == "br":
            self._line.append("\n")
        elif tag in ("ul", "ol"):
            self._flush()
            self._lists.append(_number(attrs, "start", 1) if tag == "ol" else None)
        elif tag == "li":
            self._flush()
            if self._lists and self._lists[-1] is not None:
                self._lists[-1] = _number(attrs, "value", self._lists[-1])
            self._prefix = self._list_mark()
        elif tag in _BLOCKS:
            self._flush()
            self._pre += tag == "pre"
        else:
            self._show_image_words(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif self._hidden:
            if tag in self._hidden:
                while self._hidden.pop() != tag:
                    pass
            elif tag == "html":
                self._hidden.clear()
        elif tag in ("table", "tr", "td", "th"):
            self._close_table_part(tag)
        elif self._cell:
            self._cell[-1].append(" " if tag in _BLOCKS or tag == "li" else "")
        elif tag in ("ul", "ol"):
            self._flush()
            if self._lists:
                self._lists.pop()
        elif tag in _BLOCKS or tag == "li" or _HEADING.fullmatch(tag):
            self._flush()
            self._pre -= tag == "pre" and self._pre > 0

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif self._hidden:
            return
        elif self._cell:
            self._cell[-1].append(data)
        else:
            self._line.append(data if self._pre else _SPACE.sub(" ", data))

    # ---- blocks

    def _flush(self) -> None:
        raw, prefix = "".join(self._line), self._prefix
        self._line, self._prefix = [], ""
        if self._pre:
            block = raw.strip("\n").rstrip()
        else:
            lines = [_SPACE.sub(" ", line).strip() for line in raw.split("\n")]
            block = ("\n" if not prefix.startswith("#") else " ").join(line for line in lines if line)
        if not block.strip():
            self._prefix = prefix if prefix.strip() == "-" else ""
            return
        previous = self._blocks[-1] if self._blocks else ""
        item = _is_item(prefix)
        if item and _is_item(previous.rsplit("\n", 1)[-1]):
            self._blocks[-1] = f"{previous}\n{prefix}{block}"
        else:
            self._blocks.append(prefix + block)

    def _list_mark(self) -> str:
        indent = "  " * max(len(self._lists) - 1, 0)
        number = self._lists[-1] if self._lists else None
        if number is None:
            return f"{indent}- "
        self._lists[-1] = number + 1
        return f"{indent}{number}. "

    def _show_image_words(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            words = described(next((value for name, value in attrs if name == "alt" and value), ""))
            (self._cell[-1] if self._cell else self._line).append(f" {words} " if words else "")

    # ---- tables

    def _open_table_part(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            if not self._tables:
                self._flush()
            elif self._cell:
                self._cell[-1].append(" ")
            self._tables.append([])
            self._joined.append({})
        elif not self._tables:
            return
        elif tag == "tr":
            self._end_cell()
            self._end_row()
            self._tables[-1].append([])
        else:
            self._end_cell()
            if not self._tables[-1]:
                self._tables[-1].append([])
            self._cell.append([])
            self._spans.append((_span(attrs, "colspan"), _span(attrs, "rowspan")))

    def _end_cell(self) -> None:
        if self._cell and len(self._cell) == len(self._tables):
            words = _plain_cell("".join(self._cell.pop()))
            wide, tall = self._spans.pop()
            self._repeat_labels()
            row = self._tables[-1][-1]
            for column in range(len(row), len(row) + wide):
                if tall > 1:
                    self._joined[-1][column] = (tall - 1, words if column == len(row) else "")
            row += [words, *[""] * (wide - 1)]

    def _repeat_labels(self) -> None:
        """A label that spans several rows stands in each: a row must say by itself what it is about."""
        row, joined = self._tables[-1][-1], self._joined[-1]
        while len(row) in joined:
            left, words = joined.pop(len(row))
            if left > 1:
                joined[len(row)] = (left - 1, words)
            row.append(words)

    def _end_row(self) -> None:
        if self._tables[-1] and self._tables[-1][-1]:
            self._repeat_labels()

    def _close_table_part(self, tag: str) -> None:
        if not self._tables:
            return
        self._end_cell()
        if tag != "table":
            return
        self._end_row()
        self._joined.pop()
        rows = [row for row in self._tables.pop() if any(row)]
        if self._cell:  # a table inside a cell becomes words of that cell
            self._cell[-1].append(" ".join(" ".join(row) for row in rows) + " ")
        elif rows:
            self._blocks.append(_pipes(rows))


def _pipes(rows: list[list[str]]) -> str:
    """A table with one column is layout, not data: its cells become paragraphs."""
    width = max(len(row) for row in rows)
    if width == 1:
        return "\n\n".join(row[0].replace("\\|", "|") for row in rows)
    lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in rows]
    lines.insert(1, "|" + " --- |" * width)
    return "\n".join(lines)


def _plain_cell(text: str) -> str:
    return _SPACE.sub(" ", text).strip().replace("|", "\\|")


def _span(attrs: list[tuple[str, str | None]], name: str) -> int:
    value = next((value for key, value in attrs if key == name and value), "1").strip()
    return min(max(int(value), 1), _MOST_JOINED) if value.isdecimal() and len(value) < 9 else 1


def _number(attrs: list[tuple[str, str | None]], name: str, otherwise: int) -> int:
    """An attribute that says which number an item of a list has."""
    value = next((value for key, value in attrs if key == name and value), "").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 9 else otherwise


def _is_item(line: str) -> bool:
    return re.match(r"\s*(?:- |\d+\. )", line) is not None


def _is_hidden(attrs: list[tuple[str, str | None]]) -> bool:
    for name, value in attrs:
        if name == "hidden" or (name == "aria-hidden" and value == "true"):
            return True
        if name == "style" and value and _HIDDEN.search(value):
            return True
    return False
