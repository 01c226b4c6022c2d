"""`inhouse up` and `inhouse serve`: the house with its doors open."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from inhouse.cli.ollama_port import listen_for_ollama
from inhouse.cli.output import note, say
from inhouse.cli.setup import Setup, setup_of
from inhouse.config import Home, Loaded, is_loopback
from inhouse.kernel.errors import BadRequest, HomeBusy
from inhouse.ops.keys import why_not

if TYPE_CHECKING:
    from inhouse.serve.parts import KeyBook, Parts
    from inhouse.serve.wire import App

__all__ = ["serve", "up"]

LOOK_S = 1.5
"""Longest wait for engines before serving; slower ones are found by the next look."""

_host = click.option("--host", help="Address to listen on (server.host)")
_expose = click.option(
    "--expose", is_flag=True, help="Let other machines ask /v1 and /api, each with an API key (server.expose)"
)
_port = click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes any free one (server.port)")
_ollama_port = click.option(
    "--ollama-port",
    type=click.IntRange(0, 65535),
    help="Second port for Ollama's clients, 11434 when it is free; 0 opens none (server.ollama_port)",
)


@click.command()
@_host
@_port
@_ollama_port
@_expose
@click.pass_context
def up(
    context: click.Context, *, host: str | None, port: int | None, ollama_port: int | None, expose: bool
) -> None:
    """Find engines, open the home, serve, and say where."""
    _run(context, "up", host, port, ollama_port=ollama_port, expose=expose)


@click.command()
@_host
@_port
@_ollama_port
@_expose
@click.option(
    "--role",
    type=click.Choice(("all", "gateway")),
    default="all",
    help="`gateway` serves /v1, /v1beta, /api and /health only, in half the memory",
)
@click.pass_context
def serve(
    context: click.Context,
    *,
    host: str | None,
    port: int | None,
    ollama_port: int | None,
    expose: bool,
    role: str,
) -> None:
    """Serve in the foreground until Ctrl+C, without a word about engines."""
    _run(context, "serve", host, port, ollama_port=ollama_port, expose=expose, role=role)


def _run(
    context: click.Context,
    command: str,
    host: str | None,
    port: int | None,
    *,
    ollama_port: int | None,
    expose: bool,
    role: str = "all",
) -> None:
    given: dict[str, tuple[object, str]] = {}
    if host is not None:
        given["server.host"] = (host, "--host")
    if port is not None:
        given["server.port"] = (port, "--port")
    if ollama_port is not None:
        given["server.ollama_port"] = (ollama_port, "--ollama-port")
    if expose:
        given["server.expose"] = (True, "--expose")
    setup = setup_of(context)
    with _loading():
        loaded, home = setup.settings(given), setup.home()
        setup.builder.start_logging(loaded, home, serving=True)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        if role == "gateway":
            runner.run(_serve_gateway(setup, loaded, home, command))
        else:
            runner.run(_serve(setup, loaded, home, command))
    note("inhouse has stopped")


@contextlib.contextmanager
def _loading() -> Iterator[None]:
    """Modules that are imported in the block stay for good, and are never looked through for cycles.

    To look while they are loaded takes a tenth of the start; to look once at the end takes 50 ms, for 0.6 MB.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _freeze() -> None:
    """What was made so far stays for good: looking through it again and again stops requests for 20 ms."""
    gc.freeze()
    # A request leaves hardly a cycle behind; the usual 700 would mean a look every second request.
    gc.set_threshold(5_000, 10, 10)


def _check_free(setup: Setup, home: Home) -> None:
    owner = setup.builder.owner(home)
    if owner is not None:
        raise HomeBusy(
            f"The home {home.root} is already open: `inhouse {owner.command}` (process {owner.pid})"
            + (f" serves it at {owner.address}" if owner.address else ""),
            hint="use that one, stop it, or set INHOUSE_HOME to another folder",
        )


async def _serve_gateway(setup: Setup, loaded: Loaded, home: Home, command: str) -> None:
    """The wire surfaces alone; loads neither FastAPI nor what reads documents."""
    with _loading():
        from inhouse.compose.role import open_role
        from inhouse.serve import server
        from inhouse.serve.role import build_gateway_app

    _check_free(setup, home)
    wanted = loaded.settings.server
    listener = server.bind(wanted.host, wanted.port, holder=setup.builder.port_holder)
    with contextlib.ExitStack() as sockets:
        sockets.enter_context(listener)
        inner = sockets.enter_context(_reached_from_here(listener, setup))
        loaded, also = listen_for_ollama(loaded, listener, holder=setup.builder.port_holder)
        for each in also:
            sockets.enter_context(each)
        stopping = asyncio.Event()
        async with open_role(loaded, home, command=command, stopping=stopping) as gateway:
            _check_exposed(loaded, gateway.keys, time.time())
            address, own = server.address(listener), server.own_address(inner)

            def ready() -> None:
                gateway.announce(own)
                say(f"inhouse is ready: {address}")
                sys.stdout.flush()
                _freeze()

            app = _with_ollama_port(build_gateway_app(gateway.role), also)
            more = [*also, *({inner} - {listener})]
            await server.serve(app, listener, stopping=stopping, on_ready=ready, also=more)
            note("stopping: finishing what is in hand")


async def _serve(setup: Setup, loaded: Loaded, home: Home, command: str) -> None:
    with _loading():
        from inhouse.serve import server
        from inhouse.serve.app import build_app

        open_house = setup.builder.open_house  # imports what it needs

    _check_free(setup, home)
    wanted = loaded.settings.server
    listener = server.bind(wanted.host, wanted.port, holder=setup.builder.port_holder)
    with contextlib.ExitStack() as sockets:
        sockets.enter_context(listener)
        inner = sockets.enter_context(_reached_from_here(listener, setup))
        loaded, also = listen_for_ollama(loaded, listener, holder=setup.builder.port_holder)
        for each in also:
            sockets.enter_context(each)
        stopping = asyncio.Event()
        async with open_house(loaded, home, command=command, writer=True) as house:
            _check_exposed(loaded, house.parts.keys, house.parts.clock())
            address, own = server.address(listener), server.own_address(inner)

            def ready() -> None:
                house.announce(own)
                say(f"inhouse is ready: {address}")
                sys.stdout.flush()
                _freeze()

            if command == "up":
                await _find_engines(house.parts)
            app = _with_ollama_port(build_app(house.parts, stopping=stopping), also)
            more = [*also, *({inner} - {listener})]
            await server.serve(app, listener, stopping=stopping, on_ready=ready, also=more)
            note("stopping: finishing what is in hand")


def _with_ollama_port(app: App, also: Sequence[socket.socket]) -> App:
    from inhouse.serve.plane.ollama_port import at_ollama_port

    for each in also:
        port = each.getsockname()[1]
        app = at_ollama_port(app, port)
        note(f"Ollama's clients are answered on port {port}, too")
    return app


def _reached_from_here(listener: socket.socket, setup: Setup) -> socket.socket:
    """The listener, or a second one on loopback where it listens on one address of the network only.

    Pages and `/app` answer on loopback only, and other commands of this home ask there.
    """
    from inhouse.serve import server

    if server.own_address(listener):
        return listener
    return server.bind("127.0.0.1", listener.getsockname()[1], holder=setup.builder.port_holder)


def _check_exposed(loaded: Loaded, keys: KeyBook | None, now: float) -> None:
    """An open port without a key in use would serve nobody, or, with a fault of ours, everybody."""
    host = loaded.settings.server.host
    if is_loopback(host):
        return
    if keys is None or all(why_not(key, now) for key in keys.all()):
        raise BadRequest(
            f"server.host = {host!r}: other machines could reach it, and there is no API key in use",
            hint="make one with `inhouse keys add` first, or listen on 127.0.0.1",
        )
    note("other machines reach /v1, /v1beta and /api with an API key; the pages stay for this machine")


async def _find_engines(parts: Parts) -> None:
    """Look once and say what is there; none is no error, answers are then quotes."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LOOK_S):
            await parts.fleet.refresh()
    found = [engine for engine in parts.fleet.engines() if engine.state != "down"]
    for engine in found:
        names = ", ".join(model.name for model in engine.models[:4]) or "no model"
        if engine.state == "up":
            note(f"engine {engine.name} ({engine.where}): {names}")
        else:
            note(f"engine {engine.name} found, not used: {engine.reason}")
    answering = parts.answering()
    if answering is None or answering.where == "none":
        note("no language model answers yet: answers are exact quotes from your documents")


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it exists; it is not made for Windows."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
