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

__all__ = ["AnswerText", "Cut"]

_BOUNDARY = re.compile(
    r"(?:(?<![.!?…])[.!?…]+[\"'»”)\]*]*(?:\s*\[\s*S[\d.,;\sS]*\])*(?=\s+[^\s\[])|(?:\s*\[\s*S[\d.,;\sS]*\])*\n)"
)
_HELD = re.compile(r"(?:\s+|\s*\[\s*(?:S[\d.,;\sS]*)?)$")
_END = r"[^\s<>\"'`)\]|]"
_ADDRESS = re.compile(rf"(?:\b(?:https?|ftp):)?//{_END}+|\b(?:www\.|mailto:){_END}+", re.IGNORECASE)
_BEGINNINGS = sorted(
    {start[:length] for start in ("https:/", "ftp:/", "mailto", "www") for length in range(1, len(start) + 1)}
    | {"http:", "http:/"},
    key=len,
    reverse=True,
)
_MAY_BE_ADDRESS = re.compile(
    rf"(?:\b(?:{'|'.join(_BEGINNINGS)})|(?<!\w)/|(?:\b(?:https?|ftp):)?//{_END}*|\b(?:www\.|mailto:){_END}*)$",
    re.IGNORECASE,
)
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
        text = self._waiting + piece
        held = _HELD.search(text) or _MAY_BE_ADDRESS.search(text)
        keep = held is not None and len(text) - held.start() <= LONGEST_ADDRESS
        self._waiting = text[held.start() :] if held and keep else ""
        ready = self._without_strange_addresses(text[: held.start()] if held and keep else text)
        self._open += ready
        return Cut(MARK.sub("", ready), self._cut())

    def finish(self) -> Cut:
        """Take the end: what waited is shown, what was open has ended."""
        ready, self._waiting = self._without_strange_addresses(self._waiting), ""
        self._open += ready
        last = self._open
        self._open = ""
        return Cut(MARK.sub("", ready), (last.strip(),) if _says_something(last) else ())

    def _without_strange_addresses(self, text: str) -> str:
        return _ADDRESS.sub(lambda at: at.group() if self._known(at.group().rstrip(".,;:!?")) else "…", text)

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
