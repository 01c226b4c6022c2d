"""Cuts a text into sentences with exact offsets, in Russian and English.

A sentence is the unit of a citation, so a wrong cut costs trust: an abbreviation, an initial, a number
or a soft line break inside a sentence must not end it. No dictionary; rules with their reasons below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from inhouse.knowledge.blocks import Block

__all__ = ["Span", "sentence_spans", "split_block"]

Span = tuple[int, int]

_END = re.compile(r"(?:(?<![.!?…])[.!?…]+[\"'»”’)\]*_]*(?=\s)|[;]\s*\n)")
_ABBREVIATIONS = frozenset(
    "г гг в вв н э т д п р е к ст стр рис табл см ср др пр им ул просп пер корп кв тел тыс млн млрд"
    " руб коп обл респ акад проф доц канд напр прим разд гл абз пп подп дн мин сек час экз"
    " mr mrs ms dr prof sr jr st no vs etc inc ltd co corp fig al approx dept est eq sec vol pp"
    " jan feb mar apr jun jul aug sep sept oct nov dec e.g i.e u.s u.k a.m p.m".split()
)
_OPENING = re.compile(r"\s+[\"'«“„(\[*_]*(?:[A-ZА-ЯЁ0-9§№]|[a-zа-яё]*[A-ZА-ЯЁ])")
_NAMED_LINE = re.compile(r"[A-ZА-ЯЁ][\w-]{1,20}: \S")
_LAST_WORD = re.compile(r"[\w.]+$")


def sentence_spans(text: str, blocks: Sequence[Block]) -> tuple[Span, ...]:
    """Sentences of all blocks that hold prose, in order; a table row or a list item is at least one."""
    spans: list[Span] = []
    for block in blocks:
        if block.kind in {"heading", "markup", "meta"}:
            continue
        spans.extend(split_block(text, block))
    return tuple(spans)


def split_block(text: str, block: Block) -> tuple[Span, ...]:
    """Sentences of one block; each is without white space at its ends."""
    if block.kind == "row":
        return (_trimmed(text, block.start, block.end),) if _has_words(text, block) else ()
    if block.kind == "code":
        return tuple(_lines_of(text, block.start, block.end))
    spans: list[Span] = []
    start = block.start
    for cut in _cuts(text, block.start, block.end):
        spans.append(_trimmed(text, start, cut))
        start = cut
    spans.append(_trimmed(text, start, block.end))
    return tuple(span for span in spans if span[1] > span[0])


def _cuts(text: str, start: int, end: int) -> Iterator[int]:
    """Offsets at which one sentence ends and another begins."""
    candidates = {match.end() for match in _END.finditer(text, start, end) if _ends(text, start, match)}
    candidates.update(_hard_line_ends(text, start, end))
    yield from sorted(candidate for candidate in candidates if start < candidate < end)


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    mark = match.group()
    if mark.startswith(";"):
        return True
    if not _OPENING.match(text, match.end()):
        return False
    if mark[0] != "." or mark.startswith(".."):
        return True
    before = _LAST_WORD.search(text, max(start, match.start() - 24), match.start())
    return before is None or not _goes_on(before.group(), opens_block=before.start() <= start + 2)


def _goes_on(word: str, *, opens_block: bool) -> bool:
    """True when a full stop after `word` does not end a sentence."""
    initial = len(word) == 1 and word.isalpha() and word.isupper()  # "А. С. Пушкин"
    list_number = word.isdigit() and opens_block  # "2. Заявление"
    return initial or list_number or word.lower() in _ABBREVIATIONS


def _hard_line_ends(text: str, start: int, end: int) -> Iterator[int]:
    """Line ends that are meant: the line is clearly shorter than its block is wide, and a new thought begins.

    Letters, memos and parsed office files put one fact on a line without a full stop; wrapped prose
    fills its lines; a line like "От: Анна" is always a thought of its own. 0.72 separates the two on
    wrapped text of 60 to 100 columns.
    """
    lines = list(_lines_of(text, start, end))
    if len(lines) < 2:
        return
    width = max(line_end - line_start for line_start, line_end in lines)
    for (line_start, line_end), (next_start, _) in pairwise(lines):
        short = line_end - line_start < 0.72 * width
        introduces = text[line_start:line_end].endswith((":", "\\"))
        opens = text[next_start : next_start + 3].lstrip("\"'«“„(*_[")[:1]
        if (
            _NAMED_LINE.match(text, next_start)
            or (short and (opens.isupper() or opens.isdigit()))
            or (introduces and opens.isupper())
        ):
            yield line_end


def _lines_of(text: str, start: int, end: int) -> Iterator[Span]:
    at = start
    while at < end:
        stop = text.find("\n", at, end)
        stop = end if stop < 0 else stop
        span = _trimmed(text, at, stop)
        if span[1] > span[0]:
            yield span
        at = stop + 1


def _trimmed(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _has_words(text: str, block: Block) -> bool:
    return any(character.isalnum() for character in text[block.start : block.end])
