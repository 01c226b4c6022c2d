"""A client on bare uvloop that asks one address as fast as its answers come, or with many paced streams.

    python -m bench.load URL BODY_FILE CONNECTIONS SECONDS [--stream]

Prints one JSON document: n, errors, requests per second, and in milliseconds the whole time and, of streams,
the time to the first byte with content and the largest gap between two pieces.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import httptools
import uvloop


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all values do not exceed; 0 without any."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else 0.0


@dataclass
class Tally:
    """What all connections saw together; times in seconds."""

    until: float
    whole: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    errors: int = 0
    told: str = ""
    limit: int = 1 << 60


class Asker(asyncio.Protocol):
    """One connection that asks again when its answer is whole."""

    def __init__(self, request: bytes, tally: Tally, done: asyncio.Future[None], marker: bytes) -> None:
        self._request = request
        self._tally = tally
        self.done = done
        self._marker = marker
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser = httptools.HttpResponseParser(self)
        self._sent = self._last = 0.0
        self._seen = False
        self._ended = False
        self._gap = 0.0
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended:
            self._tally.errors += 1
            self._tally.told = self._tally.told or f"connection lost: {exc}"
        if not self.done.done():
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self._marker:
            if not self._seen:
                if self._marker in data:
                    self._seen = True
                    self._tally.first.append(now - self._sent)
            else:
                self._gap = max(self._gap, now - self._last)
            self._last = now
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        if self._parser.get_status_code() != 200:
            self._body += body

    def on_message_complete(self) -> None:
        now, tally = time.perf_counter(), self._tally
        if self._parser.get_status_code() != 200:
            tally.errors += 1
            tally.told = tally.told or self._body[:300].decode("utf-8", "replace")
        else:
            tally.whole.append(now - self._sent)
            if self._marker:
                tally.gaps.append(self._gap)
        assert self._transport is not None
        if now >= tally.until or len(tally.whole) + tally.errors >= tally.limit:
            self._ended = True
            self._transport.close()
        elif self._parser.should_keep_alive():
            asyncio.get_running_loop().call_soon(self._ask)
        else:
            self._ended = True
            self._transport.close()

    def _ask(self) -> None:
        assert self._transport is not None
        if self._transport.is_closing():
            return
        self._parser = httptools.HttpResponseParser(self)
        self._seen, self._gap, self._body = False, 0.0, b""
        self._sent = time.perf_counter()
        self._transport.write(self._request)


def request_bytes(url: str, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """One POST."""
    parts = urlsplit(url)
    fields = {"Host": parts.netloc, "Content-Type": "application/json", **(headers or {})}
    lines = [f"POST {parts.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


async def ask_for(
    url: str,
    request: bytes,
    connections: int,
    seconds: float,
    *,
    marker: bytes = b"",
    limit: int = 1 << 60,
) -> Tally:
    """Ask over so many connections for so long (or so often). `marker` stands in every piece with content."""
    loop, parts = asyncio.get_running_loop(), urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    tally = Tally(time.perf_counter() + seconds, limit=limit)

    async def one() -> None:
        while time.perf_counter() < tally.until and len(tally.whole) + tally.errors < limit:
            asker = Asker(request, tally, loop.create_future(), marker)
            try:
                await loop.create_connection(partial(_itself, asker), host, port)
            except OSError as error:
                tally.errors += 1
                tally.told = tally.told or str(error)
                await asyncio.sleep(0.05)
                continue
            await asker.done

    await asyncio.gather(*(one() for _ in range(connections)))
    return tally


def _itself(asker: Asker) -> Asker:
    return asker


def report(tally: Tally, seconds: float) -> dict[str, object]:
    """The figures as plain values."""

    def spread(values: list[float]) -> list[float]:
        return [round(percentile(values, share) * 1000, 3) for share in (0.5, 0.95, 0.99)]

    return {
        "n": len(tally.whole),
        "errors": tally.errors,
        "told": tally.told,
        "per_second": round(len(tally.whole) / seconds, 1),
        "whole_ms": spread(tally.whole),
        "first_ms": spread(tally.first),
        "gap_ms": spread(tally.gaps),
    }


def main() -> None:
    """Ask, print."""
    url, body, connections, seconds = (
        sys.argv[1],
        Path(sys.argv[2]).read_bytes(),
        int(sys.argv[3]),
        float(sys.argv[4]),
    )
    headers = dict(word.split("=", 1) for word in sys.argv[5:] if "=" in word)
    marker = b"word" if "--stream" in sys.argv else b""
    started = time.perf_counter()
    tally = uvloop.run(ask_for(url, request_bytes(url, body, headers), connections, seconds, marker=marker))
    print(json.dumps(report(tally, time.perf_counter() - started)))


if __name__ == "__main__":
    main()
