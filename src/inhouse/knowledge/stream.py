"""Cuts a model's growing answer into words to show now and sentences to check when they end.

Sans-IO: feed text as it comes, in pieces of any size. Citation marks never reach the reader: text from a
`[` on is held back until it is clear that it is no mark.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from inhouse.knowledge.cite import MARK

__all__ = ["AnswerText", "Cut"]

_BOUNDARY = re.compile(
    r"(?:(?<![.!?…])[.!?…]+[\"'»”)\]*]*(?:\s*\[\s*S[\d.,;\sS]*\])*(?=\s+[^\s\[])|(?:\s*\[\s*S[\d.,;\sS]*\])*\n)"
)
_HELD = re.compile(r"(?:\s+|\s*\[\s*(?:S[\d.,;\sS]*)?)$")
_NOT_AN_END = re.compile(
    r"(?:^|\s)(?:\d{1,2}|[A-ZА-ЯЁ]|т|д|п|г|ст|руб|тыс|млн|e\.g|i\.e|no|mr|dr)\.$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Cut:
    """What one piece brought: words to show, then sentences (raw, with marks) that have ended."""

    shown: str
    ended: tuple[str, ...]


class AnswerText:
    """The text of one answer as it grows."""

    def __init__(self) -> None:
        self._waiting = ""  # not shown yet: may become a mark
        self._open = ""  # the sentence under way, raw

    def feed(self, piece: str) -> Cut:
        """Take the next piece."""
        text = self._waiting + piece
        held = _HELD.search(text)
        self._waiting = text[held.start() :] if held else ""
        ready = text[: held.start()] if held else text
        self._open += ready
        return Cut(MARK.sub("", ready), self._cut())

    def finish(self) -> Cut:
        """Take the end: what waited is shown, what was open has ended."""
        ready, self._waiting = self._waiting, ""
        self._open += ready
        last = self._open
        self._open = ""
        return Cut(MARK.sub("", ready), (last.strip(),) if _says_something(last) else ())

    def _cut(self) -> tuple[str, ...]:
        ended = []
        at = 0
        for boundary in _BOUNDARY.finditer(self._open):
            sentence = self._open[at : boundary.end()]
            if _NOT_AN_END.search(MARK.sub("", sentence).rstrip("\n")):
                continue
            at = boundary.end()
            if _says_something(sentence):
                ended.append(sentence.strip())
        self._open = self._open[at:]
        return tuple(ended)


def _says_something(sentence: str) -> bool:
    """False for the rule of a table or a code fence: without a word there is nothing to check."""
    return any(character.isalnum() for character in MARK.sub("", sentence))
