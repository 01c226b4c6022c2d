"""Asks the web for one thing at a time, under the rules of `source_urls`.

A name is resolved once, every address of it is looked at, and the connection goes to an address that was
looked at: what the name leads to a moment later changes nothing. Each redirect is a new request under the
same rules. Bytes are counted after unpacking; a request has a time by which it is over, however slowly the
other side sends. No proxy of the environment is used, no cookie is kept, no secret is sent.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from inhouse.kernel.errors import BadRequest
from inhouse.knowledge.source_urls import MOST_REDIRECTS, Url, address_refused, port_refused, read_url

__all__ = ["FetchFailed", "Fetcher", "Reply", "resolve"]

CONNECT_S = 10.0
TOTAL_S = 60.0
PIECE_BYTES = 1 << 16
LONGEST_WORDS = 200
MOST_ADDRESSES = 4
"""Of a name with many addresses that all keep silent, no more are tried."""
REDIRECTS = (301, 302, 303, 307, 308)

Resolve = Callable[[str, int], Sequence[str]]
"""A host and a port, to every address that the host has."""


class FetchFailed(Exception):
    """Nothing came of a request. `refused`: our rules forbid it, so that asking again is of no use."""

    def __init__(self, words: str, *, refused: bool = False) -> None:
        super().__init__(words)
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Reply:
    """What came, from where it came in the end; names of headers are in lower case."""

    url: Url
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str:
        _, _, told = self.headers.get("content-type", "").lower().partition("charset=")
        return told.partition(";")[0].strip(" \"'")


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses that this machine knows for a name; none when it knows none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return ()
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@dataclass(frozen=True, slots=True)
class Fetcher:
    """How to ask. `private` are exact pairs of host and port that may lie inside the network."""

    agent: str
    private: Collection[tuple[str, int]] = ()
    trust: ssl.SSLContext | None = None
    resolve: Resolve = resolve
    total_s: float = TOTAL_S

    def get(
        self,
        url: Url,
        *,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
        allowed: Callable[[Url], bool] = lambda _url: True,
        cut: bool = False,
    ) -> Reply:
        """What is at this address, at most five redirects further.

        `allowed` says of each redirect whether it may be followed; none leads from https to http, where
        anybody on the way could change what comes. With `cut`, what is beyond the limit is left out.

        Raises:
            FetchFailed: if it is refused by the rules, out of reach, too slow, too large or nonsense.
        """
        for _ in range(MOST_REDIRECTS + 1):
            reply = self._ask(url, max_bytes=max_bytes, headers=headers or {}, cut=cut)
            location = reply.headers.get("location", "")
            if reply.status not in REDIRECTS or not location:
                return reply
            try:
                target = read_url(location.partition("#")[0], url)
            except BadRequest as error:
                raise FetchFailed(
                    f"it leads to a place that may not be asked: {error}", refused=True
                ) from None
            if url.scheme == "https" and target.scheme == "http":
                raise FetchFailed(f"it leads to {target}, which is not protected", refused=True)
            if not allowed(target):
                raise FetchFailed(f"it leads to {target}, which may not be read", refused=True)
            url = target
        raise FetchFailed(f"it leads on more than {MOST_REDIRECTS} times")

    def _ask(self, url: Url, *, max_bytes: int, headers: Mapping[str, str], cut: bool) -> Reply:
        addresses = list(self.resolve(url.host, url.port))
        why = port_refused(url, self.private) or (
            address_refused(url, addresses, self.private) if addresses else ""
        )
        if why:
            raise FetchFailed(why, refused=True)
        if not addresses:
            raise FetchFailed(f"the name {url.host} is not known")
        wanted = {
            "Host": url.authority,
            "User-Agent": self.agent,
            "Accept": "*/*",
            "Accept-Encoding": "gzip, identity",
            "Connection": "close",
            **headers,
        }
        over = threading.Event()
        try:
            with self._connected(url, addresses, over) as connection:
                connection.request("GET", url.target, headers=wanted)
                with contextlib.closing(connection.getresponse()) as response:
                    told = {key.lower(): value for key, value in response.getheaders()}
                    content = b""
                    if response.status not in (*REDIRECTS, 304):
                        content = b"".join(_unpacked(response, told, max_bytes, cut=cut))
                if over.is_set():  # without a stated length, being cut looks like an end
                    raise TimeoutError
                return Reply(url, response.status, told, content)
        except (OSError, http.client.HTTPException, ValueError, zlib.error) as error:
            # They may be the server's own, of any length and with signs that move the cursor of a terminal.
            words = repr(str(error))[1:-1][:LONGEST_WORDS] or type(error).__name__
            if over.is_set():
                words = f"it was not through after {self.total_s:g} s"
            raise FetchFailed(f"{url.host} gave no answer: {words}") from None

    @contextlib.contextmanager
    def _connected(
        self, url: Url, addresses: Sequence[str], over: threading.Event
    ) -> Iterator[http.client.HTTPConnection]:
        """A connection to one of these addresses; it is cut, and `over` set, when the time is up."""
        live = [_first(addresses, url.port)]
        # A timeout of the socket begins anew with each byte; this one does not.
        timer = threading.Timer(self.total_s, _cut, [live, over])
        timer.daemon = True
        timer.start()
        try:
            if url.scheme == "https":
                context = self.trust or ssl.create_default_context()
                shielded = context.wrap_socket(
                    live[0], server_hostname=url.host, do_handshake_on_connect=False
                )
                live[0] = shielded
                shielded.do_handshake()
            connection = http.client.HTTPConnection(url.host, url.port)
            connection.response_class = _Response
            connection.sock = live[0]  # connected already, to an address that was looked at
            yield connection
        finally:
            timer.cancel()
            live[0].close()


class _Response(http.client.HTTPResponse):
    """Refuses a chunk of a negative length, for which the library would read all that comes into memory."""

    def _read_next_chunk_size(self) -> int:
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]  # private, and overridden as such
        if size < 0:
            raise http.client.IncompleteRead(b"")
        return size


def _first(addresses: Sequence[str], port: int) -> socket.socket:
    failure: OSError = OSError("no address")
    for address in addresses[:MOST_ADDRESSES]:
        try:
            return socket.create_connection((address, port), timeout=CONNECT_S)
        except OSError as error:
            failure = error
    raise failure


def _cut(live: Sequence[socket.socket], over: threading.Event) -> None:
    over.set()
    with contextlib.suppress(OSError):  # it has ended by itself
        live[0].shutdown(socket.SHUT_RDWR)


def _unpacked(
    response: http.client.HTTPResponse, headers: Mapping[str, str], max_bytes: int, *, cut: bool
) -> Iterator[bytes]:
    """The content in pieces; nothing is unpacked beyond the limit."""
    encoding = headers.get("content-encoding", "identity").strip().lower() or "identity"
    if encoding not in ("gzip", "x-gzip", "identity"):
        raise FetchFailed(f"it came packed as {encoding[:40]!r}, which was not asked for", refused=True)
    unpack = zlib.decompressobj(31) if encoding != "identity" else None
    size, open_member = 0, False
    while packed := response.read(PIECE_BYTES):
        while packed:
            if unpack is None:
                piece, packed = packed, b""
            else:
                piece = unpack.decompress(packed, PIECE_BYTES)
                packed, open_member = unpack.unconsumed_tail, not unpack.eof
                if unpack.eof:
                    packed = unpack.unused_data
                    unpack = zlib.decompressobj(31)
            size += len(piece)
            if size > max_bytes and cut:
                yield piece[: len(piece) - (size - max_bytes)]
                return
            if size > max_bytes:
                raise FetchFailed(f"it has more than {max_bytes:,} bytes", refused=True)
            yield piece
    if response.length or open_member:  # what was promised and did not come
        raise FetchFailed("it broke off")
