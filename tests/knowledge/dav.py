"""A WebDAV server on loopback: wsgidav over a folder, with a password."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from wsgidav.wsgidav_app import WsgiDAVApp

USER, PASSWORD = "reader", "not-a-real-password"


@dataclass
class Dav:
    """`broken` are paths that answer 500; `leads` are paths that answer with a redirect to elsewhere."""

    port: int
    asked: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    leads: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/files"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False  # clients keep their connections


class _Silent(WSGIRequestHandler):
    def log_message(self, *_words: object) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[Dav]:
    """The folder at `/files` until the block ends."""
    app = WsgiDAVApp(
        {
            "provider_mapping": {"/files": str(folder)},
            "simple_dc": {"user_mapping": {"*": {USER: {"password": PASSWORD}}}},
            "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
            "verbose": 0,
            "logging": {"enable": False},
        }
    )

    # Any: WSGI has no types
    def answer(environ: dict[str, Any], start: Any) -> Any:
        path = environ["PATH_INFO"]
        dav.asked.append(f"{environ['REQUEST_METHOD']} {path}")
        if path.rstrip("/") in dav.broken:
            start("500 Internal Server Error", [("Content-Length", "0")])
            return [b""]
        if path in dav.leads:
            start("302 Found", [("Location", dav.leads[path]), ("Content-Length", "0")])
            return [b""]
        return app(environ, start)

    server = make_server("127.0.0.1", 0, answer, server_class=_Server, handler_class=_Silent)
    dav = Dav(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield dav
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
