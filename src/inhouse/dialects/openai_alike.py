"""The events of one chat completion that differ from each other in nothing but their text.

An engine writes one such event for each token: the same id, time, model and brackets around a few letters.
Once one of them was read with care, those that follow are known by what stands before and behind their
text, which costs a fraction of reading JSON. Whatever looks otherwise is read as ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator

import msgspec

from inhouse.dialects.lines import MAX_LINE_BYTES, LineTooLong
from inhouse.dialects.sse import SseReader
from inhouse.dialects.status import UNREADABLE

__all__ = ["Alike", "Frames", "Run"]

Frame = tuple[str, bytes]
"""Name and data of an event."""

_START, _END = b"data: ", b"\n\n"
_plain = re.compile(rb"[ !#-\[\]-~]*").fullmatch
"""Letters that stand for themselves inside of JSON text, one byte each."""
_decode = msgspec.json.Decoder(str).decode
_PROBE = "?!"
_TRIES = 8


class Run:
    """Events that came one after the other and are alike: what stands in each, as JSON has it and read.

    `size` is how long the texts are in UTF-8.
    """

    __slots__ = ("end", "parts", "size", "texts")

    def __init__(self, parts: list[bytes], texts: list[str], size: int, end: int) -> None:
        self.parts = parts
        self.texts = texts
        self.size = size
        self.end = end
        """Where they end in the bytes that were looked at."""


class Alike:
    """Knows the events of one answer again by `head` and `tail`, which are empty while none was learned.

    An engine that puts a number of its own into each event is given up after a few of them.
    """

    __slots__ = ("_around", "_between", "_tries", "_used", "head", "tail")

    def __init__(self) -> None:
        self.head = self.tail = self._between = b""
        self._around = 0
        """How long head and tail are."""
        self._tries = _TRIES
        self._used = False

    def learn(self, data: bytes, text: str, same: Callable[[bytes, str], bool]) -> bool:
        """Remember an event whose one word is `text`; True when that was possible.

        `same` says whether another event means just what this one does, with that text in place of its own.
        """
        if self._used:
            self._tries, self._used = _TRIES, False
        told = text.encode("utf-8", "surrogatepass")
        if self._tries == 0 or not told or not _plain(told):
            return False
        self._tries -= 1
        for key in (b'"content":"', b'"content": "'):
            word = key + told + b'"'
            if data.count(word) == 1:
                head, _, tail = data.partition(word)
                if same(head + key + _PROBE.encode() + b'"' + tail, _PROBE):
                    self.head, self.tail = _START + head + key, b'"' + tail + _END
                    self._between = self.tail + self.head
                    self._around = len(self._between)
                    return True
                break
        return False

    def forget(self) -> None:
        """What was learned is of no use; learn from another one."""
        self.head = self.tail = b""

    def give_up(self) -> None:
        """Learn no more."""
        self.forget()
        self._tries, self._used = 0, False

    def alone(self, data: bytes) -> Run | None:
        """`data`, when it is nothing but whole events that are alike; most pieces of an answer are one."""
        head, tail = self.head, self.tail
        if not (head and data.startswith(head) and data.endswith(tail)):
            return None
        part = data[len(head) : -len(tail)]
        # No quote is in it, so there are not two events. Where both ends overlap, the lengths do not add up.
        if len(part) + self._around == len(data) and _plain(part):
            self._used = True
            return Run([part], [part.decode()], len(part), len(data))
        return self.run(data)

    def run(self, data: bytes, at: int = 0) -> Run | None:
        """The events from `at` on as far as they are alike; None where there is none, or one is spoiled."""
        head, tail = self.head, self.tail
        if not head or not data.startswith(head, at):
            return None
        begin = at + len(head)
        end = data.rfind(tail, begin)
        if end < 0:
            return None
        middle = data[begin:end]
        parts = middle.split(self._between)
        if len(parts) > 1:
            middle = b"".join(parts)
        if _plain(middle):
            texts = [middle.decode()] if len(parts) == 1 else [part.decode() for part in parts]
            size = len(middle)
        else:
            try:
                texts = [_decode(b'"' + part + b'"') for part in parts]
            except UNREADABLE:
                return None
            size = sum([len(text.encode("utf-8", "surrogatepass")) for text in texts])
        self._used = True
        return Run(parts, texts, size, end + len(tail))


class Frames:
    """The events of a stream, one by one, or several at once that are alike.

    Engines send `data: {…}` and a blank line, which needs no reading line by line; from the first thing that
    looks otherwise on, everything is read as the standard says.
    """

    def __init__(self, max_event_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self.alike = Alike()
        self._rest = b""
        self._careful: SseReader | None = None

    def alone(self, data: bytes) -> Run | None:
        """`data`, when it is nothing but whole events that are alike; most pieces of an answer are one."""
        return None if self._rest or len(data) > self._max_event_bytes else self.alike.alone(data)

    def read(self, data: bytes) -> Iterator[Frame | Run]:
        """The events that `data` completes; `alike` may learn between two of them.

        Raises:
            LineTooLong: if an event is over the limit.
        """
        if self._careful is None:
            if self._rest:
                data, self._rest = self._rest + data, b""
            at = yield from self._quickly(data)
            if at < 0:
                return
            self.alike.give_up()
            self._careful = SseReader(self._max_event_bytes)
            data = data[at:]
        for event in self._careful.read(data):
            yield event.name, event.data

    def _quickly(self, data: bytes) -> Generator[Frame | Run, None, int]:
        """Ends with the place from where on care is needed, -1 where it is not."""
        alike, most = self.alike, self._max_event_bytes
        at, looks = 0, len(data) <= most
        while True:
            if looks and alike.head and data.startswith(alike.head, at):
                run = alike.run(data, at)
                if run is not None:
                    at = run.end
                    yield run
                else:
                    looks = False  # a spoiled one is looked for once, however much came
                continue
            end = data.find(_END, at)
            if end < 0:
                break
            frame = data[at:end]
            if frame[:6] != _START or b"\n" in frame or b"\r" in frame:
                return at
            if len(frame) > most:
                raise LineTooLong(f"an event is longer than {most} bytes")
            at = end + 2
            yield "", frame[6:]
        rest = data[at:]
        if len(rest) > most:
            raise LineTooLong(f"an event is longer than {most} bytes")
        if b"\r" in rest:
            return at
        self._rest = rest
        return -1
