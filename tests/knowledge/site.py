"""A site on loopback: pages by path, and what was asked of it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = "intranet.test"


@dataclass
class Page:
    """What is answered at a path; `pieces` are sent one by one, and `before` is called before each."""

    content: bytes = b""
    media_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str = ""
    packed: bool = False
    pieces: Callable[[], Iterator[bytes]] | None = None


@dataclass
class Site:
    """The pages may be changed at any time; `asked` are the requests as `path` and headers."""

    port: int
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://{NAME}:{self.port}"

    @property
    def private(self) -> frozenset[tuple[str, int]]:
        return frozenset({(NAME, self.port)})

    def paths(self) -> list[str]:
        """The paths that were asked for, but for robots and sitemaps."""
        return [path for path, _ in self.asked if path not in ("/robots.txt", "/sitemap.xml")]

    def resolve(self, host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"] if host == NAME else []


def page(title: str, words: str, *links: str, **more: str) -> Page:
    """A page with a menu, a paragraph and links."""
    anchors = "".join(f'<a href="{link}">to {link}</a> ' for link in links)
    body = (
        f"<!DOCTYPE html><html><head><title>{title}</title></head><body><nav>Menu {anchors}</nav>"
        f"<main><h1>{title}</h1><p>{words}</p></main><footer>All rights reserved</footer></body></html>"
    )
    return Page(body.encode(), **more)  # type: ignore[arg-type]  # fields of Page that are texts


@contextmanager
def serving() -> Iterator[Site]:
    """A site until the block ends."""

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {key.lower(): value for key, value in self.headers.items()}
            site.asked.append((self.path, headers))
            found = site.pages.get(self.path, Page(b"nothing here", "text/plain", 404))
            if found.etag and headers.get("if-none-match") == found.etag:
                self._send(Page(status=304, etag=found.etag))
                return
            self._send(found)

        def _send(self, found: Page) -> None:
            content = gzip.compress(found.content) if found.packed else found.content
            self.send_response(found.status)
            if found.media_type:
                self.send_header("Content-Type", found.media_type)
            if found.etag:
                self.send_header("ETag", found.etag)
            if found.packed:
                self.send_header("Content-Encoding", "gzip")
            for key, value in found.headers.items():
                self.send_header(key, value)
            if found.pieces is None:
                self.send_header("Content-Length", str(len(content)))
            else:
                self.send_header("Connection", "close")
            self.end_headers()
            try:
                self.wfile.write(content)
                for piece in found.pieces() if found.pieces else ():
                    self.wfile.write(piece)
                    self.wfile.flush()
            except OSError:
                self.close_connection = True  # the other side has heard enough

        def log_message(self, *_words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    site = Site(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
