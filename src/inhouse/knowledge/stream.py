"""Cuts a model's growing answer into words to show now and sentences to check when they end.

Sans-IO: feed text as it comes, in pieces of any size. Citation marks never reach the reader: text from a
`[` on is held back until it is clear that it is no mark. Addresses that the sources do not hold never reach
the reader either: a document may order a model to send what it knows to one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from inhouse.knowledge.cite import MARK

__all__ = ["UNSEEN", "AnswerText", "Cut"]

_BOUNDARY = re.compile(
    r"(?:(?<![.!?…])[.!?…]+[\"'»”)\]*]*(?:\s*\[\s*S[\d.,;\sS]*\])*(?=\s+[^\s\[])|(?:\s*\[\s*S[\d.,;\sS]*\])*\n)"
)
_HELD = re.compile(r"(?:\s+|\s*\[\s*(?:S[\d.,;\sS]*)?)$")
_END = r"[^\s<>\"'`)\[\]|]"
_HOST = r"(?:(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_]{2,}|\d{1,3}(?:\.\d{1,3}){3})(?::\d+)?"
_ADDRESS = re.compile(
    rf"\b[a-z][a-z\d+.-]{{1,20}}:(?://|\\\\){_END}*|(?:\b(?:https?|ftp):)?//{_END}+|\bwww\.{_END}+"
    rf"|\b(?:mailto|javascript|vbscript|tel):{_END}+|\bdata:[\w.+-]+[/;,]{_END}*"
    rf"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?<![\w@/.-]){_HOST}[/?#]{_END}+",
    re.IGNORECASE,
)
UNSEEN = re.compile(
    "[\u00ad\u034f\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e01ef]"
)
"""Zero-width, direction and tag characters: a person does not see them, a model reads and writes them."""
LONGEST_ADDRESS = 2_000
"""Nothing is held back for longer; what is longer is cut, for it is no address of a document."""
_NOT_AN_END = re.compile(
    r"(?:^|\s)(?:\d{1,2}|[A-ZА-ЯЁ]|т|д|п|г|ст|руб|тыс|млн|e\.g|i\.e|no|mr|dr)\.$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Cut:
    """What one piece brought: words to show, then sentences (raw, with marks) that have ended."""

    shown: str
    ended: tuple[str, ...]


class AnswerText:
    """The text of one answer as it grows. `known` tells which addresses may be shown."""

    def __init__(self, known: Callable[[str], bool] = lambda _address: True) -> None:
        self._known = known
        self._waiting = ""  # not shown yet: may become a mark
        self._open = ""  # the sentence under way, raw

    def feed(self, piece: str) -> Cut:
        """Take the next piece."""
        text = self._waiting + UNSEEN.sub("", piece)
        mark = _HELD.search(text)
        cut = min(mark.start() if mark else len(text), _last_word(text))
        cut = next((whole.start() for whole in MARK.finditer(text) if whole.start() < cut < whole.end()), cut)
        cut = cut if len(text) - cut <= LONGEST_ADDRESS else len(text)
        self._waiting = text[cut:]
        ready = self._without_strange_addresses(text[:cut])
        self._open += ready
        return Cut(MARK.sub("", ready), self._cut())

    def finish(self) -> Cut:
        """Take the end: what waited is shown, what was open has ended."""
        ready, self._waiting = self._without_strange_addresses(self._waiting), ""
        self._open += ready
        ended = self._cut()
        last, self._open = self._open, ""
        return Cut(MARK.sub("", ready), (*ended, last.strip()) if _says_something(last) else ended)

    def _without_strange_addresses(self, text: str) -> str:
        def shown(at: re.Match[str]) -> str:
            address = at.group().rstrip(".,;:!?")
            return at.group() if self._known(address) else "…" + at.group()[len(address) :]

        return _ADDRESS.sub(shown, text)

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


def _last_word(text: str) -> int:
    """Where the word begins that has not ended yet, with the space before it: `evil` may become a host."""
    at = len(text)
    while at and len(text) - at <= LONGEST_ADDRESS and not text[at - 1].isspace():
        at -= 1
    while at and text[at - 1].isspace():
        at -= 1
    return at


def _says_something(sentence: str) -> bool:
    """False for the rule of a table or a code fence: without a word there is nothing to check."""
    return any(character.isalnum() for character in MARK.sub("", sentence))
