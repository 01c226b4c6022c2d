"""Fetches a GGUF file from the address that a person named, and from no other server on its own account.

A download that was cut off goes on where it stopped. Redirects are followed, as the large hosts of models
send everybody on to their stores, but never from https to http and never from outside to this network.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

from inhouse.gateway.edge.model_store_bytes import settle
from inhouse.gateway.edge.model_store_dropped import name_of_file
from inhouse.gateway.edge.model_store_files import Arrival, ModelFiles
from inhouse.gateway.fleet import Place, place_of
from inhouse.gateway.ports import InstalledModel, PullProgress
from inhouse.kernel.errors import (
    BadRequest,
    EngineBroke,
    EngineError,
    EngineRefused,
    EngineTimeout,
    EngineUnreachable,
    NotFound,
)

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Fetching", "Source", "is_address", "read_address"]

SILENCE_S = 60.0
PIECE_BYTES = 4 << 20
MOST_REDIRECTS = 5
MOST_TRIES = 5
"""Attempts in a row that bring something before they break; one that brings nothing is the last."""
_HASH = "sha256="


@dataclass(frozen=True, slots=True)
class Source:
    """A file to fetch: its address, what to call it, and the SHA-256 it must have (empty: any)."""

    url: str
    name: str
    sha256: str = ""

    @property
    def origin(self) -> str:
        """The address without what may be secret in it: user, password and query."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def is_address(model: str) -> bool:
    """True for an address, False for a name that only an Ollama can know."""
    return model.lower().startswith(("http://", "https://"))


def read_address(address: str) -> Source:
    """What to fetch; the model is called like its file.

    Raises:
        BadRequest: if this cannot be the address of a GGUF file.
    """
    url, fragment = urldefrag(address.strip())
    parts = urlsplit(url)
    file = PurePosixPath(unquote(parts.path)).name
    if not parts.hostname or not file.lower().endswith(".gguf"):
        raise BadRequest(f"{Source(url, '').origin!r} is not the address of a .gguf file")
    sha256 = fragment.removeprefix(_HASH).lower()
    if fragment and (
        not fragment.startswith(_HASH) or len(sha256) != 64 or set(sha256) - set("0123456789abcdef")
    ):
        raise BadRequest("Behind # stands no SHA-256", hint="write #sha256= and 64 hexadecimal digits")
    return Source(url, name_of_file(file), sha256)


class Fetching:
    """Downloads into `ModelFiles`; two pulls of one address wait for each other."""

    def __init__(
        self,
        files: ModelFiles,
        *,
        silence_s: float = SILENCE_S,
        place: Callable[[str], Place] = place_of,
    ) -> None:
        self._files = files
        self._place = place
        self._silence_s = silence_s
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def fetch(self, source: Source) -> AsyncGenerator[PullProgress]:
        """The moments of one download; see `ModelStore.pull`."""
        import aiohttp

        yield PullProgress("pulling manifest")
        async with self._turns[source.url]:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=self._silence_s)
            async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
                download = _Download(self._files, source, session, self._place)
                async for done in download.run():
                    yield PullProgress(download.status, done, download.total, download.digest)
            if download.known is None:
                yield PullProgress("verifying sha256 digest")
                arrival = await asyncio.to_thread(download.arrived)
                yield PullProgress("writing manifest")
                await asyncio.to_thread(self._files.install, source.name, arrival)
        yield PullProgress("success")


class _Download:
    """One file on its way: `total` is its size where the server says it."""

    def __init__(
        self,
        files: ModelFiles,
        source: Source,
        session: aiohttp.ClientSession,
        place: Callable[[str], Place],
    ) -> None:
        mark = hashlib.sha256(source.url.encode()).hexdigest()
        self._files = files
        self._source = source
        self._session = session
        self._place = place
        self._part = files.incoming / f"fetch-{mark}"
        self._tag_file = files.incoming / f"fetch-{mark}.etag"
        self._etag = ""
        self.total: int | None = None
        self.known: InstalledModel | None = None
        """The file, when it was here already in the version that the server has."""
        self.digest = f"sha256:{source.sha256 or mark}"
        self.status = f"pulling {(source.sha256 or mark)[:12]}"

    async def run(self) -> AsyncGenerator[int]:
        """Bytes that are here, again and again, until all are; a broken line is taken up again."""
        for attempt in range(1, MOST_TRIES + 1):
            before = self._size()
            try:
                async for done in self._once():
                    yield done
            except EngineBroke:
                if attempt == MOST_TRIES or self._size() <= before:
                    raise
            else:
                return

    def arrived(self) -> Arrival:
        """The complete file with its digest.

        Raises:
            BadRequest: if it is not the file that was wanted; it is gone then.
        """
        got = hashlib.sha256()
        with self._part.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                got.update(piece)
        wanted = self._source.sha256
        self._tag_file.unlink(missing_ok=True)
        if wanted and got.hexdigest() != wanted:
            self._part.unlink()
            raise BadRequest(f'digest mismatch, expected "sha256:{wanted}", got "sha256:{got.hexdigest()}"')
        return Arrival(self._part, got.hexdigest(), self._source.origin, self._etag)

    def _size(self) -> int:
        return self._part.stat().st_size if self._part.is_file() else 0

    async def _once(self) -> AsyncGenerator[int]:
        import aiohttp

        begun = False
        try:
            reply = await self._open()
            begun = True
            async with reply:
                if await asyncio.to_thread(self._take_head, reply):
                    async for done in self._take_body(reply):
                        yield done
        except TimeoutError:
            raise EngineTimeout(f"{self._source.origin} was silent for too long", hint=_AGAIN) from None
        except (aiohttp.ClientError, OSError) as error:
            kind: type[EngineError] = EngineBroke if begun else EngineUnreachable
            words = str(error) or type(error).__name__
            if isinstance(error, aiohttp.ClientConnectorError) and not isinstance(
                error, aiohttp.ClientSSLError
            ):
                # Its own words speak of TLS, also where none was wanted.
                number = error.os_error.errno
                words = f"no connection: {os.strerror(number) if number else error.os_error}"
            raise kind(f"{self._source.origin}: {words}", hint=_AGAIN) from error

    async def _open(self) -> aiohttp.ClientResponse:
        """The reply that brings the bytes, after the redirects."""
        url = self._source.url
        headers = await asyncio.to_thread(self._headers)
        for _ in range(MOST_REDIRECTS + 1):
            reply = await self._session.get(url, headers=headers, allow_redirects=False)
            if reply.status not in (301, 302, 303, 307, 308):
                return reply
            target = urljoin(url, reply.headers.get("Location", ""))
            reply.close()
            if not is_address(target) or (url.startswith("https:") and not target.startswith("https:")):
                raise EngineRefused(f"{self._source.origin} sends on to an address that is not safe")
            if self._place(target) == "local" and self._place(url) != "local":
                raise EngineRefused(f"{self._source.origin} sends on to an address of this network")
            url = target
        raise EngineRefused(f"{self._source.origin} sends on more than {MOST_REDIRECTS} times")

    def _headers(self) -> dict[str, str]:
        """From where on, and of which version: another one begins anew."""
        headers = {"Accept-Encoding": "identity"}
        have = self._size()
        tag = self._tag_file.read_text() if self._tag_file.is_file() else ""
        if have and (tag or self._source.sha256):
            headers["Range"] = f"bytes={have}-"
        if have and tag:
            headers["If-Range"] = tag
        return headers

    def _take_head(self, reply: aiohttp.ClientResponse) -> bool:
        """Look at the head; False when the file need not be read."""
        origin = self._source.origin
        if reply.status == 404:
            raise NotFound(f"There is nothing at {origin}")
        if reply.status in (401, 403):
            raise EngineRefused(f"{origin} asks for a key", hint="fetch the file by hand and upload it")
        have = self._size()
        if reply.status == 416:
            self._part.unlink(missing_ok=True)
            raise EngineBroke(f"{origin} cannot go on at {have} bytes", hint=_AGAIN)
        if reply.status not in (200, 206):
            raise EngineRefused(f"{origin} answers with HTTP {reply.status}")
        goes_on = reply.status == 206 and reply.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if reply.status == 206 and not goes_on:
            self._part.unlink(missing_ok=True)
            raise EngineBroke(f"{origin} sent another part than the one that was missing", hint=_AGAIN)
        self._etag = _version_of(reply.headers)
        if not goes_on and self._is_known():
            return False
        more = reply.content_length
        self.total = None if more is None else more + (have if goes_on else 0)
        self._files.need_room(more or 0)
        self._files.incoming.mkdir(parents=True, exist_ok=True)
        if not goes_on:
            self._part.unlink(missing_ok=True)
            self._tag_file.write_text(self._etag)
        return True

    def _is_known(self) -> bool:
        found = self._files.find(self._source.name)
        wanted = self._source.sha256
        same = found is not None and found.origin == self._source.origin
        if found is None or not same or not self._etag or self._files.etag_of(found) != self._etag:
            return False
        if wanted and found.sha256 != wanted:
            return False
        self.known = found
        return True

    async def _take_body(self, reply: aiohttp.ClientResponse) -> AsyncGenerator[int]:
        done = self._size()
        with await asyncio.to_thread(self._part.open, "ab") as file:
            waiting = bytearray()
            pieces = reply.content.iter_any()
            while piece := await self._next(pieces, file, waiting):
                waiting += piece
                if done == 0 and len(waiting) >= 4 and waiting[:4] != b"GGUF":
                    await asyncio.to_thread(self._part.unlink)
                    raise BadRequest(f"What {self._source.origin} gives is no GGUF file")
                if len(waiting) >= PIECE_BYTES:
                    await asyncio.to_thread(self._keep, file, waiting)
                    done, waiting = done + len(waiting), bytearray()
                    yield done
            await asyncio.to_thread(self._keep, file, waiting)
            await asyncio.to_thread(settle, file)
            done += len(waiting)
        yield done
        if self.total is not None and done != self.total:
            raise EngineBroke(f"{self._source.origin} gave {done} of {self.total} bytes", hint=_AGAIN)

    async def _next(self, pieces: AsyncIterator[bytes], file: BinaryIO, waiting: bytearray) -> bytes:
        """The next piece, empty at the end; when the line breaks, what came before is kept."""
        import aiohttp

        try:
            return await anext(pieces, b"")
        except (aiohttp.ClientError, OSError):
            await asyncio.to_thread(self._keep, file, waiting)
            raise

    def _keep(self, file: BinaryIO, data: bytearray) -> None:
        """Write to the disk, which others fill, too."""
        self._files.need_room(len(data))
        file.write(data)
        file.flush()


_AGAIN = "pull again: it goes on where it stopped"


def _version_of(headers: Mapping[str, str]) -> str:
    """What names exactly these bytes: a strong tag, else the date; a weak tag cannot carry on a download.

    Source: RFC 9110 section 13.1.5.
    """
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")
