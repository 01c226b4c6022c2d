"""Words of the house: abbreviations that documents explain themselves, and lists that a person gives. Pure.

An abbreviation counts only where its letters are the initials of the words beside it, so that "(см. ФНС)" or
"Moscow (RU)" explain nothing.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from inhouse.kernel.errors import BadRequest
from inhouse.knowledge.expansions import Expansions, group_meanings

__all__ = ["Abbreviation", "Term", "abbreviations_in", "as_expansions", "checked_term", "read_terms"]

MOST_PER_DOCUMENT = 200
MOST_MEANINGS = 20
LONGEST_TERM, LONGEST_MEANING = 80, 200
TERM_WEIGHT = 0.9
"""Another name from the house's own list is nearly as good as the word itself."""

_SHORT = r"[A-ZА-ЯЁ](?:[\w&/-]{0,8}[A-ZА-ЯЁ0-9])(?:[a-zа-яё]{0,2})"
_IN_BRACKETS = re.compile(
    rf"\((?:(?:далее|в дальнейшем|hereinafter|hereafter)[^()\n]{{0,30}}?)?"
    rf"[\"'«“]?(?P<short>{_SHORT})[\"'»”]?\)"
)
_BEFORE_BRACKETS = re.compile(rf"(?<![\w-])(?P<short>{_SHORT}) \((?P<full>[^()\n]{{5,120}})\)")
_DEFINED = re.compile(
    rf"^[|*_ \t-]*(?P<short>{_SHORT})[*_ ]*(?:—|–| - |:|\||\t|;)[*_ |]*(?P<full>[^\n|;]{{5,120}})",
    re.MULTILINE,
)
_WORD = re.compile(r"[^\W_]+")
_SMALL = frozenset(
    "и в во на по о об от до из с со к для при за без над под the of and for in on to a an at by with".split()
)
_EDGES = " \t\n\"'«»“”*_,-–—"
REACH_CHARS = 140
MOST_SMALL = 4


@dataclass(frozen=True, slots=True)
class Abbreviation:
    """`short` as it is written, `full` the words that it stands for."""

    short: str
    full: str


@dataclass(frozen=True, slots=True)
class Term:
    """A line of the house's glossary: an abbreviation or a house word, and what it may also be called."""

    term: str
    meanings: tuple[str, ...]


def abbreviations_in(text: str) -> tuple[Abbreviation, ...]:
    """What the text explains, first explanation of each, at most 200."""
    found: dict[str, str] = {}
    for match in _IN_BRACKETS.finditer(text):
        before = text[max(0, match.start() - REACH_CHARS) : match.start()]
        full = _ending_with(before, match["short"])
        if full:
            found.setdefault(match["short"], full)
        if len(found) >= MOST_PER_DOCUMENT:
            break
    for pattern in (_BEFORE_BRACKETS, _DEFINED):
        for match in pattern.finditer(text):
            if len(found) >= MOST_PER_DOCUMENT:
                break
            full = _beginning_with(match["full"], match["short"])
            if full:
                found.setdefault(match["short"], full)
    return tuple(Abbreviation(short, full) for short, full in found.items())


def as_expansions(terms: Iterable[Term], stems: Callable[[str], list[str]]) -> Expansions:
    """Other names for parts of a question."""
    return group_meanings(((TERM_WEIGHT, (term.term, *term.meanings)) for term in terms), stems)


def checked_term(term: str, meanings: Sequence[str]) -> Term:
    """A term with its spaces put in order.

    Raises:
        BadRequest: if the term or a meaning is empty or too long, or there is none or too many.
    """
    plain = " ".join(term.split())
    said = tuple(dict.fromkeys(" ".join(one.split()) for one in meanings if one.strip()))
    said = tuple(one for one in said if one.casefold() != plain.casefold())
    if not _WORD.search(plain) or len(plain) > LONGEST_TERM:
        raise BadRequest(f"A term has a word in it and at most {LONGEST_TERM} characters", hint="e.g. PTO")
    if not said or not all(_WORD.search(one) for one in said):
        raise BadRequest(f"The term {plain!r} needs a meaning in words", hint="e.g. PTO 'paid time off'")
    if len(said) > MOST_MEANINGS or max(map(len, said)) > LONGEST_MEANING:
        raise BadRequest(
            f"A term has at most {MOST_MEANINGS} meanings of at most {LONGEST_MEANING} characters",
            hint="one line for each word that people use",
        )
    return Term(plain, said)


def read_terms(text: str) -> tuple[Term, ...]:
    """The terms of a file: CSV (comma, semicolon, tab); the first column is the term, all others mean it.

    `TERM = meaning; meaning` and `TERM — meaning` are read, too; empty lines and those with `#` are not.
    Lines of one term are joined.

    Raises:
        BadRequest: naming the line that cannot be understood.
    """
    found: dict[str, list[str]] = {}
    for number, line in enumerate(text.lstrip("﻿").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        cells = _cells(line)
        if number == 1 and cells and cells[0].casefold() in {"term", "термин", "сокращение", "abbreviation"}:
            continue
        if len(cells) < 2:
            raise BadRequest(
                f"Line {number} has no meaning: {line.strip()[:60]!r}", hint="TERM,meaning,another meaning"
            )
        found.setdefault(cells[0], []).extend(cells[1:])
    return tuple(checked_term(term, meanings) for term, meanings in found.items())


def _cells(line: str) -> list[str]:
    pair = re.match(r"\s*([^=—–;,\t]+?)\s*(?:=| [—–] )\s*(.+)", line)
    if pair:
        return [pair[1], *(part.strip() for part in pair[2].split(";") if part.strip())]
    separator = max("\t;,", key=line.count)
    cells = next(csv.reader([line], delimiter=separator), [])
    return [cell.strip() for cell in cells if cell.strip()]


def _letters(short: str) -> list[str]:
    """The capitals and digits of an abbreviation: `ПДн` is П, Д."""
    return [letter.casefold() for letter in short if letter.isupper()]


def _ending_with(before: str, short: str) -> str:
    """The words at the end of `before` whose initials are `short`, "" if there are none."""
    words = list(_WORD.finditer(before))
    if not words or before[words[-1].end() :].strip(_EDGES):
        return ""
    used = _fitting([word.group() for word in reversed(words)], _letters(short)[::-1])
    full = before[words[-used].start() :] if used else ""
    return "" if "\n\n" in full else " ".join(full.strip(_EDGES).split())


def _beginning_with(after: str, short: str) -> str:
    """As `_ending_with`, at the beginning of `after`."""
    words = list(_WORD.finditer(after))
    used = _fitting([word.group() for word in words], _letters(short))
    return " ".join(after[: words[used - 1].end()].strip(_EDGES).split()) if used else ""


def _fitting(words: Sequence[str], letters: Sequence[str]) -> int:
    """How many of the first words have these initials, 0 if they do not; small words may be left out."""
    if len(letters) < 2:
        return 0

    def fits(word: int, letter: int) -> int:
        if letter == len(letters):
            return word
        if word == len(words) or word - letter > MOST_SMALL:
            return 0
        small = words[word].casefold() in _SMALL
        without = fits(word + 1, letter) if small else 0
        if without:
            return without
        return fits(word + 1, letter + 1) if words[word][0].casefold() == letters[letter] else 0

    return fits(0, 0)
