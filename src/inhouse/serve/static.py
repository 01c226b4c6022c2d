"""The page's files, straight from the package."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

from inhouse.kernel.errors import BadRequest, NotFound
from inhouse.serve.wire import Receive, Scope, Send, header, send_reply

__all__ = ["MEDIA_TYPES", "StaticFiles"]

MEDIA_TYPES: Mapping[str, str] = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "map": "application/json",
    "mjs": "text/javascript; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
}
"""Only these are served: the system's own table differs from machine to machine."""


LONGEST_NAME = 60
"""In characters, with the folders; longer than that of any file here."""


class StaticFiles:
    """Serves `/static/NAME` and the page itself at `/`.

    A browser keeps a file but asks each time (`no-cache` and an ETag of the content), so that a new
    version is never mixed with an old one.
    """

    def __init__(self, root: Traversable | None = None) -> None:
        self._root = root or files("inhouse.serve") / "static"

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise BadRequest(f"{scope['method']} is not possible here", hint="use GET")
        path = scope["path"]
        name = "index.html" if path == "/" else path.removeprefix("/static/")
        content = self._read(name)
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = [(b"etag", tag.encode()), (b"cache-control", b"no-cache")]
        if tag in header(scope, b"if-none-match"):
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        media_type = MEDIA_TYPES[name.rpartition(".")[2]]
        if scope["method"] == "HEAD":
            head = [(b"content-type", media_type.encode()), (b"content-length", str(len(content)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": head + headers})
            await send({"type": "http.response.body", "body": b""})
            return
        await send_reply(send, 200, content, media_type, headers=headers)

    def _read(self, name: str) -> bytes:
        """Each part of the name is looked up by itself, so that no name leads out of the folder."""
        parts = name.split("/")
        plain = all(part and not part.startswith(".") and not set(part) & set("\\:\0") for part in parts)
        # A longer name than a file may have is an error of the system's, not an answer.
        if plain and len(name) <= LONGEST_NAME and name.rpartition(".")[2] in MEDIA_TYPES:
            found = self._root
            for part in parts:
                found = found / part
            if found.is_file():
                return found.read_bytes()
        raise NotFound(f"There is no file {name[:200]!r} here", hint="the page is at /")
