"""The numbers that Word writes before paragraphs by itself: `3.2.`, `b)`, `IV.`, bullets.

They are not in the text of the file, and people cite by them ("see 3.2"), so they are counted as Word does.
Source: ECMA-376 part 1, 17.9.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

__all__ = ["Lists", "W"]

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_LEVELS = 9
_ROMAN = tuple(
    (int(size), letters)
    for size, letters in (
        pair.split(":")
        for pair in "1000:m 900:cm 500:d 400:cd 100:c 90:xc 50:l 40:xl 10:x 9:ix 5:v 4:iv 1:i".split()
    )
)
_RUSSIAN = "абвгдежзиклмнопрстуфхцчшщэюя"


@dataclass(frozen=True, slots=True)
class _Level:
    kind: str
    pattern: str
    start: int
    plain: bool


class Lists:
    """Counts along with the document: ask once for each paragraph, in order."""

    def __init__(self, root: ET.Element | None) -> None:
        self._levels: dict[str, dict[int, _Level]] = {}
        self._abstract: dict[str, str] = {}
        self._counts: dict[str, list[int | None]] = {}
        if root is None:
            return
        abstract: dict[str, dict[int, _Level]] = {}
        styled: dict[str, str] = {}
        for one in root.findall(f"{W}abstractNum"):
            key = one.get(f"{W}abstractNumId", "")
            abstract[key] = {_int(level, "ilvl"): _level(level) for level in one.findall(f"{W}lvl")}
            style = one.find(f"{W}styleLink")
            if style is not None:
                styled[style.get(f"{W}val", "")] = key
        for one in root.findall(f"{W}abstractNum"):  # a list that takes its levels from a style
            link = one.find(f"{W}numStyleLink")
            if link is not None and link.get(f"{W}val", "") in styled:
                abstract[one.get(f"{W}abstractNumId", "")] = abstract[styled[link.get(f"{W}val", "")]]
        for number in root.findall(f"{W}num"):
            self._add(number, abstract)

    def _add(self, number: ET.Element, abstract: dict[str, dict[int, _Level]]) -> None:
        key, base = number.get(f"{W}numId", ""), number.find(f"{W}abstractNumId")
        source = base.get(f"{W}val", "") if base is not None else ""
        levels = dict(abstract.get(source, {}))
        own_counts = False
        for change in number.findall(f"{W}lvlOverride"):
            at, whole, start = _int(change, "ilvl"), change.find(f"{W}lvl"), change.find(f"{W}startOverride")
            if whole is not None:
                levels[at] = _level(whole)
            if start is not None and at in levels:
                level = levels[at]
                levels[at] = _Level(level.kind, level.pattern, _int(start, "val"), level.plain)
                own_counts = True
        self._levels[key] = levels
        self._abstract[key] = f"num {key}" if own_counts else source

    def mark(self, number: str, level: int) -> str:
        """What stands before the next paragraph of this list: `- `, `3.2. `, with the indent of its level."""
        levels = self._levels.get(number)
        if not levels or level not in levels or not 0 <= level < _LEVELS:
            return "- " if number != "0" and levels is None and number else ""
        counts = self._counts.setdefault(self._abstract[number], [None] * _LEVELS)
        this = levels[level]
        counts[level] = this.start if counts[level] is None else (counts[level] or 0) + 1
        for deeper in range(level + 1, _LEVELS):
            counts[deeper] = None
        if this.kind == "none":
            return ""
        indent = "  " * level
        if this.kind == "bullet":
            return f"{indent}- "

        def shown(match: re.Match[str]) -> str:
            at = int(match.group(1)) - 1
            one = levels.get(at)
            if one is None:
                return ""
            count = counts[at] if counts[at] is not None else one.start
            return _written(count or 0, "decimal" if this.plain else one.kind)

        words = re.sub(r"%([1-9])", shown, this.pattern).strip()
        return f"{indent if not re.search(r'[.].', words) else ''}{words} " if words else ""


def _level(element: ET.Element) -> _Level:
    def value(name: str, otherwise: str) -> str:
        found = element.find(f"{W}{name}")
        return found.get(f"{W}val", otherwise) if found is not None else otherwise

    start = value("start", "1")
    plain = element.find(f"{W}isLgl") is not None
    return _Level(
        value("numFmt", "decimal"), value("lvlText", ""), int(start) if start.isdigit() else 1, plain
    )


def _written(count: int, kind: str) -> str:
    if kind in ("lowerRoman", "upperRoman"):
        words, left = "", min(count, 4000)
        for size, letters in _ROMAN:
            words, left = words + letters * (left // size), left % size
        return words if kind == "lowerRoman" else words.upper()
    if kind in ("lowerLetter", "upperLetter"):
        words = chr(97 + (count - 1) % 26) * min((count - 1) // 26 + 1, 5) if count > 0 else ""
        return words if kind == "lowerLetter" else words.upper()
    if kind in ("russianLower", "russianUpper"):
        words = _RUSSIAN[(count - 1) % len(_RUSSIAN)] if count > 0 else ""
        return words if kind == "russianLower" else words.upper()
    return f"{count:02}" if kind == "decimalZero" else str(count)


def _int(element: ET.Element, name: str) -> int:
    value = element.get(f"{W}{name}", "0")
    return int(value) if value.lstrip("-").isdigit() else 0
