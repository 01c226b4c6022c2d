"""Lines out of bytes that arrive in pieces of any size."""

from __future__ import annotations

__all__ = ["MAX_LINE_BYTES", "LineReader", "LineTooLong"]

MAX_LINE_BYTES = 1 << 20
"""One event of an answer is a few hundred bytes; 1 MiB is room for a whole answer sent as one event."""


class LineTooLong(ValueError):
    """A line is longer than the limit that the message names; the bytes seen so far are dropped."""


class LineReader:
    """Splits at LF, CR or CRLF; a line is given once its end was seen, without that end.

    Holds at most `max_line_bytes` of an unfinished line.
    """

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_line_bytes = max_line_bytes
        self._rest = bytearray()
        self._after_cr = False

    def read(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes.

        Raises:
            LineTooLong: if a line, finished or not, is over the limit.
        """
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        lines: list[bytes] = []
        for piece in data.splitlines(keepends=True):
            self._rest += piece
            if len(self._rest) > self._max_line_bytes:
                self._rest.clear()
                raise LineTooLong(f"a line is longer than {self._max_line_bytes} bytes")
            if piece.endswith((b"\n", b"\r")):
                lines.append(bytes(self._rest).rstrip(b"\r\n"))
                self._rest.clear()
        self._after_cr = data.endswith(b"\r") or (self._after_cr and not data)
        return lines

    def rest(self) -> bytes:
        """What came after the last line end; asked once, when no more bytes will come."""
        left = bytes(self._rest)
        self._rest.clear()
        return left
