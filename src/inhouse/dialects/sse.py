"""Server-sent events out of bytes that arrive in pieces of any size.

Source: WHATWG HTML, section 9.2.6 "Interpreting an event stream" (2026-06).
"""

from __future__ import annotations

from dataclasses import dataclass

from inhouse.dialects.lines import MAX_LINE_BYTES, LineReader, LineTooLong

__all__ = ["SseEvent", "SseReader", "write_sse"]


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event; `name` is empty when the stream gave none."""

    name: str
    data: bytes


class SseReader:
    """Gives events in order. Comments, `id` and `retry` are dropped; so is an event without its blank line.

    The field `error`, which is not in the standard, is read as data of an event named `error`: older
    llama.cpp servers report a failure in the middle of an answer that way.
    """

    def __init__(self, max_event_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._lines = LineReader(max_event_bytes)
        self._name = ""
        self._data: list[bytes] = []
        self._first = True

    def read(self, data: bytes) -> list[SseEvent]:
        """The events that `data` completes.

        Raises:
            LineTooLong: if a line or an event is over the limit.
        """
        events: list[SseEvent] = []
        for line in self._lines.read(data):
            if self._first:
                self._first = False
                line = line.removeprefix(b"\xef\xbb\xbf")  # noqa: PLW2901  a byte order mark, once
            if line:
                self._take_field(line)
            else:
                if self._data:
                    events.append(SseEvent(self._name, b"\n".join(self._data)))
                self._name, self._data = "", []
        return events

    def _take_field(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            self._name = value.decode("utf-8", "replace")
        elif field == b"error":
            self._name, self._data = "error", [value]
        elif field == b"data":
            self._data.append(value)
            if len(self._data) > 1 and sum(map(len, self._data)) > self._max_event_bytes:
                raise LineTooLong(f"an event is longer than {self._max_event_bytes} bytes")


def write_sse(data: bytes, *, name: str = "") -> bytes:
    """One event as bytes; `data` holds no line break."""
    head = b"event: " + name.encode() + b"\n" if name else b""
    return head + b"data: " + data + b"\n\n"
