"""The second port of a house that serves, where Ollama's clients look."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Callable

from inhouse.cli.output import note
from inhouse.config import Loaded
from inhouse.kernel.errors import PortTaken

__all__ = ["listen_for_ollama"]

SETTING = "server.ollama_port"


def listen_for_ollama(
    loaded: Loaded, main: socket.socket, *, holder: Callable[[int], str | None]
) -> tuple[Loaded, tuple[socket.socket, ...]]:
    """The second listener, if there is to be one, and the settings with the ports that are now our own.

    A port that nobody wrote down and that is taken is only noted. A server on any free port is a passing
    one and claims no port that others know, unless it was told to.

    Raises:
        PortTaken: if it was set, and another program holds it.
    """
    from inhouse.serve import server

    wanted, own = loaded.settings.server, main.getsockname()[1]
    explicit = SETTING in loaded.origins
    second: tuple[socket.socket, ...] = ()
    if wanted.ollama_port not in (0, own) and (explicit or wanted.port != 0):
        try:
            second = (server.bind(wanted.host, wanted.ollama_port, holder=holder),)
        except PortTaken as error:
            if explicit:
                raise PortTaken(
                    error.message,
                    hint="stop it, choose another with --ollama-port, or open none with --ollama-port 0",
                ) from None
            note(_bypassed(wanted.ollama_port, holder(wanted.ollama_port)))
    ports = frozenset({own, *(each.getsockname()[1] for each in second)})
    return dataclasses.replace(loaded, own_ports=loaded.own_ports | ports), second


def _bypassed(port: int, name: str | None) -> str:
    other = f"127.0.0.1:{port + 1}"
    return (
        f"port {port} is held by {name or 'another program'}: its clients bypass the policy and the ledger"
        f" of this house. hint: move it (for Ollama: OLLAMA_HOST={other} there, engines.ollama_url ="
        f" http://{other} here), then start inhouse again"
    )
