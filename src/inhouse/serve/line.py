"""The line to one client: how fast it is read and written."""

from __future__ import annotations

import asyncio

from uvicorn.server import ServerState

__all__ = ["Line"]


class Line(asyncio.Protocol):
    """Reading stops while nobody takes what comes; `full` says that the client does not take what is sent.

    `state` is what all connections of a server share: who is connected, which tasks answer, and the headers
    of every reply.
    """

    transport: asyncio.Transport

    def __init__(self, state: ServerState) -> None:
        self.state = state
        self.reading = True
        self.full: asyncio.Event | None = None
        """Set when the client takes again what is sent; None while it does."""
        self._unsent = 0
        self._untaken_since = 0.0

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        if self.full is None:
            self.full = asyncio.Event()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        full, self.full = self.full, None
        if full is not None:
            full.set()

    def pause_reading(self) -> None:
        """Take no more from the client for now."""
        if self.reading:
            self.reading = False
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Take again what comes."""
        if not self.reading:
            self.reading = True
            self.transport.resume_reading()

    def untaken(self, now: float, longest_s: float) -> bool:
        """True when the client has taken nothing for that long of what waits for it.

        Called again and again. Only lines that are full or closing are looked at: on others little can wait.
        """
        if self.full is None and not self.transport.is_closing():
            self._untaken_since = 0.0
            return False
        unsent, self._unsent = self._unsent, self.transport.get_write_buffer_size()
        if not self._untaken_since or self._unsent < unsent:
            self._untaken_since = now
        return now - self._untaken_since > longest_s
