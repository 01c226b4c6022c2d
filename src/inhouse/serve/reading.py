"""What a client sends, given to llhttp in parts that cannot become too much.

Callbacks of llhttp are methods of the class that reads (`connection.Connection`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque

import httptools
from uvicorn.server import ServerState

from inhouse.serve.heads import plain_reply
from inhouse.serve.line import Line
from inhouse.serve.turn import Turn

__all__ = ["Reading"]

LONGEST_HEAD_BYTES = 65_536
READ_BYTES = 16_384
"""So much is given to the parser at once: in 18 bytes there may be a whole request, which takes 2 KB here."""
MOST_HELD_BYTES = 65_536
"""Reading stops when more than this waits behind requests that wait."""
_BROKEN = plain_reply(400, "bad_request", "This is no HTTP request", "send HTTP/1.1 as RFC 9112 describes it")
_TOO_LONG = plain_reply(431, "too_large", "The head of the request is over 64 KB", "send shorter headers")


class Reading(Line):
    """Reads until requests wait for others to be answered; what comes behind those is kept as bytes.

    `began` is when the first byte of the request that is coming came (the loop's time), 0.0 while none is.
    """

    def __init__(self, state: ServerState) -> None:
        super().__init__(state)
        self._parser = self._new_parser()
        self.began = 0.0
        self._headed = False
        """The head of the request that is coming is whole."""
        self._offers_upgrade = False
        self._fresh = False
        """What came last began the request that is coming, or held some of its body."""
        self._deaf = False
        """Whatever comes is not read any more."""
        self._held = b""
        self._head_bytes = 0
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._waiting = deque[Turn]()

    @abstractmethod
    def _break_off(self, reply: bytes) -> None:
        """What comes is no request: answer those that came before it, then say so if it can be said."""

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._deaf:
            return
        if self._waiting:
            self._hold(self._held + data)
        elif len(data) <= READ_BYTES:
            self._read(data)
        else:
            self._read_in_parts(data)

    def _read_in_parts(self, data: bytes) -> None:
        for at in range(0, len(data), READ_BYTES):
            if self._deaf:
                return
            if self._waiting:
                self._hold(data[at:])
                return
            self._read(data[at : at + READ_BYTES])

    def _hold(self, data: bytes) -> None:
        """Keep what comes behind requests that wait as bytes. It is read as long as it is short: a client
        that leaves is noticed by nothing else."""
        self._held = data
        if len(data) > MOST_HELD_BYTES:
            self.pause_reading()

    def _read(self, data: bytes) -> None:
        self._fresh = False
        while data:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                data = self._decline_upgrade(data[offer.args[0] :])
                continue
            except httptools.HttpParserError:
                self._break_off(_BROKEN)
            else:
                if self.began and not self._fresh:
                    self._head_bytes += len(data)
                    if self._head_bytes > LONGEST_HEAD_BYTES:
                        self._break_off(_TOO_LONG)
            return

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # A client may send more behind a request that was to be its last; that is not answered.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def _decline_upgrade(self, rest: bytes) -> bytes:
        """The request again as one that offers no other protocol: a server may go on in this one.

        llhttp takes everything behind such a head for the other protocol, the body of the request with it.
        Source: RFC 9110, section 7.8.
        """
        self._offers_upgrade = False
        method = self._parser.get_method()
        if method == b"CONNECT":
            self._break_off(_BROKEN)
            return b""
        lines = [b"%b %b HTTP/%b" % (method, self._url, self._parser.get_http_version().encode())]
        lines += [b"%b: %b" % pair for pair in self._headers if pair[0] != b"upgrade"]
        self._parser = self._new_parser()
        return b"\r\n".join(lines) + b"\r\n\r\n" + rest

    def _read_held(self) -> None:
        """A request was answered: read on where that is its turn."""
        if self._held and not self._waiting:
            held, self._held = self._held, b""
            self._read_in_parts(held)
        if not self.reading:
            self.resume_reading()

    def resume_reading(self) -> None:
        """See `Line`; not while enough waits."""
        if len(self._held) <= MOST_HELD_BYTES:
            super().resume_reading()

    def _read_no_more(self) -> None:
        self._deaf = True
        self._held = b""
        self._waiting.clear()
        del self._parser  # it holds this connection, which would wait for the garbage collector
