"""Ollama's own port: the same application, whose root says what Ollama's clients look for.

On the main port the root is our page. The listener decides, not a header: a client that probes sends the
same headers as a person's script.
"""

from __future__ import annotations

from inhouse.serve.wire import App, Receive, Scope, Send

__all__ = ["at_ollama_port"]


def at_ollama_port(app: App, port: int) -> App:
    """The application, in which `/` of that port is the root of Ollama's API."""

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/" and (scope.get("server") or ("", 0))[1] == port:
            scope = {**scope, "path": "/api/", "raw_path": b"/api/"}
        await app(scope, receive, send)

    return outer
