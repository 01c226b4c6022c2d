"""Listens, serves until it is asked to stop, and stops without losing anything."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import structlog
import uvicorn

from inhouse.kernel.errors import BadRequest, PortTaken
from inhouse.serve.connection import Connection, SlowRequests, look_at
from inhouse.serve.wire import App

__all__ = ["address", "bind", "own_address", "serve"]

LOOK_TICKS = 5
TICK_S = 0.1
"""As in uvicorn, which renews the date of its heads at every tenth."""
CLOSING_TICK_S = 0.01
"""How often a closing server looks whether its requests are done. uvicorn waits for 0.1 to 0.3 s even when
there is none, which was half the time of the tests that open a server."""
USUAL = SlowRequests()
GRACE_S = 10
"""Longest wait for requests under way once stopping began; then they are cancelled."""

_log = structlog.get_logger("inhouse.server")


def bind(host: str, port: int, *, holder: Callable[[int], str | None] = lambda _port: None) -> socket.socket:
    """A listening address of our own; port 0 takes any free one.

    Raises:
        PortTaken: if another program holds it; `holder` may know which.
        BadRequest: if this machine has no such address.
    """
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A server that just ended leaves connections in TIME_WAIT; they must not keep the next one out.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except PermissionError:
        listener.close()
        raise BadRequest(f"Port {port} is reserved for the system", hint="use one above 1023") from None
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            name = holder(port)
            raise PortTaken(
                f"Port {port} of {host} is held by {name or 'another program'}",
                hint="stop it, or choose another with --port",
            ) from None
        raise BadRequest(f"Cannot listen on {host}: {error.strerror}", hint="use 127.0.0.1") from None
    return listener


def address(listener: socket.socket) -> str:
    """`http://127.0.0.1:8484`."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def own_address(listener: socket.socket) -> str:
    """How programs on this machine reach it, empty when they cannot by a loopback address.

    Only what comes by one may see the pages and `/app`, which other commands ask.
    """
    host: str = listener.getsockname()[0]
    if host in ("0.0.0.0", "::") or host.startswith("127.") or host == "::1":  # noqa: S104  compared only
        return address(listener).replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")  # noqa: S104
    return ""


async def serve(
    app: App,
    listener: socket.socket,
    *,
    stopping: asyncio.Event,
    on_ready: Callable[[], None],
    also: Sequence[socket.socket] = (),
    slow: SlowRequests = USUAL,
) -> None:
    """Serve until SIGINT or SIGTERM sets `stopping`, or somebody else does.

    `also` are more addresses of the same application. `on_ready` is called once connections are accepted.
    A second signal does not wait for requests. `slow` says which requests come too slowly to be waited for.
    """
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # Who asks is told by the connection: a program on this machine could claim any other address.
        proxy_headers=False,
        timeout_keep_alive=30,
    )
    server = _Server(config, stopping, on_ready, slow)
    await server.serve(sockets=[listener, *also])


class _Server(uvicorn.Server):
    """uvicorn whose signals end streams first, and whose end is an ordinary return."""

    def __init__(
        self,
        config: uvicorn.Config,
        stopping: asyncio.Event,
        on_ready: Callable[[], None],
        slow: SlowRequests,
    ) -> None:
        super().__init__(config)
        self._slow = slow
        self._stopping = stopping
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def main_loop(self) -> None:
        """That of uvicorn, but over as soon as `stopping` is set."""
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % 864_000
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """That of uvicorn without its fixed waits: listen no more, let requests end, cut what is left."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        state = self.server_state
        try:
            async with asyncio.timeout(GRACE_S):
                while (state.connections or state.tasks) and not self.force_exit:
                    for connection in list(state.connections):
                        connection.shutdown()  # again and again: one may have come in this very moment
                    await asyncio.sleep(CLOSING_TICK_S)
        except TimeoutError:
            _log.warning("requests_cut", requests=len(state.tasks), after_s=GRACE_S)
            for task in state.tasks:
                task.cancel("the server is closing")

    async def on_tick(self, counter: int) -> bool:
        if counter % LOOK_TICKS == 0:
            look_at(self.server_state.connections, asyncio.get_running_loop().time(), self._slow)
        return await super().on_tick(counter) or self._stopping.is_set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn raises the signal again at the end, which would skip the closing of the house."""
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread can listen to signals; whoever started this one sets `stopping`
            return
        loop = asyncio.get_running_loop()
        kinds = (signal.SIGINT, signal.SIGTERM)
        for kind in kinds:
            loop.add_signal_handler(kind, self._stop)
        try:
            yield
        finally:
            for kind in kinds:
                loop.remove_signal_handler(kind)

    def _stop(self) -> None:
        self.force_exit = self._stopping.is_set()
        self._stopping.set()
