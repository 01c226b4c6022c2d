"""JSON documents, one per line, out of bytes that arrive in pieces of any size."""

from __future__ import annotations

from inhouse.dialects.lines import MAX_LINE_BYTES, LineReader

__all__ = ["NdjsonReader", "write_ndjson"]


class NdjsonReader:
    """Gives the lines that are not blank; whether they are JSON is for the dialect to find out."""

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._lines = LineReader(max_line_bytes)

    def read(self, data: bytes) -> list[bytes]:
        """The documents that `data` completes.

        Raises:
            LineTooLong: if a line is over the limit.
        """
        return [line for line in self._lines.read(data) if line.strip()]

    def end(self) -> list[bytes]:
        """The last line when its line break is missing: whole, or cut off."""
        rest = self._lines.rest()
        return [rest] if rest.strip() else []


def write_ndjson(document: bytes) -> bytes:
    """One line; `document` holds no line break."""
    return document + b"\n"
