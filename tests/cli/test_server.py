"""`serve` and `up` as whole commands: the ready line, signals, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from inhouse.serve.app import build_app
from inhouse.serve.parts import Parts
from inhouse.serve.server import address, bind, serve


@contextlib.contextmanager
def server_thread(parts: Parts) -> Iterator[str]:
    """A real server in another thread; gives its address."""
    listener = bind("127.0.0.1", 0)
    where = address(listener)
    ready = threading.Event()
    handles: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        stopping = asyncio.Event()
        handles.append((asyncio.get_running_loop(), stopping))
        app = build_app(parts, stopping=stopping)
        await serve(app, listener, stopping=stopping, on_ready=ready.set)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield where
    finally:
        loop, stopping = handles[0]
        loop.call_soon_threadsafe(stopping.set)
        thread.join(15)
        assert not thread.is_alive()
