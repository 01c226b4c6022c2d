"""The second port, where Ollama's clients look: opened, noted or refused, and never taken for an engine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest
from aiohttp import ClientSession

from inhouse.cli.ollama_port import listen_for_ollama
from inhouse.compose.models import is_own
from inhouse.config import Loaded
from inhouse.config.table import Server, Settings
from inhouse.kernel.errors import PortTaken
from inhouse.serve import server
from inhouse.serve.plane.ollama_port import at_ollama_port
from inhouse.serve.wire import Receive, Scope, Send, send_reply


@pytest.fixture
def main() -> Iterator[socket.socket]:
    """The first listener of a house."""
    with server.bind("127.0.0.1", 0) as listener:
        yield listener


def free_port() -> int:
    """A port that was free a moment ago."""
    with server.bind("127.0.0.1", 0) as probe:
        port: int = probe.getsockname()[1]
    return port


def settings(ollama_port: int, *, port: int = 8484, explicit: bool = False) -> Loaded:
    """Settings with that second port, written down or not."""
    origins = {"server.ollama_port": "--ollama-port"} if explicit else {}
    return Loaded(Settings(server=Server(port=port, ollama_port=ollama_port)), origins, {})


def test_a_free_port_is_opened(main: socket.socket) -> None:
    """Both ports are then our own."""
    port = free_port()
    loaded, also = listen_for_ollama(settings(port), main, holder=lambda _port: None)
    with also[0] as second:
        assert second.getsockname() == ("127.0.0.1", port)
    assert loaded.own_ports == {port, main.getsockname()[1]}


def test_a_taken_port_is_noted(main: socket.socket, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody wrote it down: the house opens, says who bypasses it, and how to move that program."""
    with server.bind("127.0.0.1", 0) as other:
        port = other.getsockname()[1]
        loaded, also = listen_for_ollama(settings(port), main, holder=lambda _port: "ollama (pid 7)")
    said = capsys.readouterr().err
    assert also == ()
    assert loaded.own_ports == {main.getsockname()[1]}
    for words in ("ollama (pid 7)", "bypass the policy and the ledger", "OLLAMA_HOST", "engines.ollama_url"):
        assert words in said


def test_a_taken_port_that_was_wanted_is_an_error(main: socket.socket) -> None:
    """It was written down: exit code 3, with the way out."""
    with server.bind("127.0.0.1", 0) as other, pytest.raises(PortTaken) as caught:
        listen_for_ollama(settings(other.getsockname()[1], explicit=True), main, holder=lambda _port: None)
    assert caught.value.exit_code == 3
    assert "--ollama-port" in caught.value.hint


def test_no_second_port(main: socket.socket) -> None:
    """None is opened when it is 0, when it is the first one, or beside any free port."""
    own = main.getsockname()[1]
    for loaded in (settings(0, explicit=True), settings(own), settings(free_port(), port=0)):
        assert listen_for_ollama(loaded, main, holder=lambda _port: None)[1] == ()
    wanted = settings(free_port(), port=0, explicit=True)
    _loaded, (second,) = listen_for_ollama(wanted, main, holder=lambda _port: None)
    second.close()


def test_our_own_port_is_no_engine() -> None:
    """What answers on our second port is not another Ollama; the control: other hosts and ports are."""
    own = frozenset({11434})
    assert is_own("http://127.0.0.1:11434", own)
    assert is_own("http://localhost:11434/v1", own)
    for url in ("http://127.0.0.1:11435", "http://10.0.0.5:11434", "http://127.0.0.1", "http://h:bad"):
        assert not is_own(url, own)


async def test_the_root_tells_the_ports_apart() -> None:
    """One application on two ports: only on Ollama's own the root is the root of its API."""

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        await send_reply(send, 200, scope["path"].encode(), "text/plain")

    stopping, ready = asyncio.Event(), asyncio.Event()
    with server.bind("127.0.0.1", 0) as first, server.bind("127.0.0.1", 0) as second:
        port = second.getsockname()[1]
        work = asyncio.ensure_future(
            server.serve(
                at_ollama_port(app, port), first, stopping=stopping, on_ready=ready.set, also=(second,)
            )
        )
        await ready.wait()
        async with ClientSession() as session:
            seen = []
            for listener in (first, second):
                for path in ("/", "/api/tags"):
                    async with session.get(server.address(listener) + path) as reply:
                        seen.append(await reply.text())
        stopping.set()
        await work
    assert seen == ["/", "/api/tags", "/api/", "/api/tags"]
