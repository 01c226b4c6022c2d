"""A small S3 server on loopback: lists, heads and gets, and checks every signature.

moto's server knows all of Amazon and brings 30 packages; a look at a bucket needs three requests. What
could go wrong between a client and Amazon is in the signature, which is computed here from the specification.

Source: Amazon, "Signature Version 4", "ListObjectsV2", "GetObject" (read 2026-11).
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

KEY, SECRET, BUCKET = "AKIDEXAMPLE", "not-a-real-secret", "handbook"
PAGE = 2
"""Keys in one listing, so that every look goes on at least once."""


@dataclass
class Bucket:
    """`objects` are (content, time of the last change) by key; `asked` the requests as method and path."""

    port: int
    objects: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refused: int = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # clients keep their connections

    def __init__(self, *given: Any) -> None:  # Any: as the class above it is called
        super().__init__(*given)
        self.bucket = Bucket(self.server_address[1])


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        url = urlsplit(self.path)
        self.server.bucket.asked.append(f"{self.command} {self.path}")
        if not _signed(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}):
            self.server.bucket.refused += 1
            self._send(403, _error("SignatureDoesNotMatch"))
            return
        name, _, key = unquote(url.path).lstrip("/").partition("/")
        if name != BUCKET:
            self._send(404, _error("NoSuchBucket"))
        elif not key:
            self._send(200, _listing(self.server.bucket, dict(parse_qsl(url.query, keep_blank_values=True))))
        elif key not in self.server.bucket.objects:
            self._send(404, _error("NoSuchKey"))
        else:
            self._object(*self.server.bucket.objects[key])

    def _object(self, content: bytes, changed: float) -> None:
        status, sent = 200, content
        wanted = self.headers.get("Range", "")
        if wanted:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            status, sent = 206, content[int(first) : int(last or len(content)) + 1]
        stamp = format_datetime(datetime.fromtimestamp(changed, UTC), usegmt=True)
        self._send(status, sent, {"ETag": _etag(content), "Last-Modified": stamp})

    def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in (headers or {"Content-Type": "application/xml"}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_words: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Bucket]:
    """A bucket until the block ends."""

    server = _Server(("127.0.0.1", 0), _Answers)
    bucket = server.bucket
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _listing(bucket: Bucket, query: dict[str, str]) -> bytes:
    keys = sorted(key for key in bucket.objects if key.startswith(query.get("prefix", "")))
    start = int(query.get("continuation-token", "0"))
    shown = keys[start : start + PAGE]
    more = start + PAGE < len(keys)
    rows = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{len(bucket.objects[key][0])}</Size>"
        f"<LastModified>{datetime.fromtimestamp(bucket.objects[key][1], UTC):%Y-%m-%dT%H:%M:%S.000Z}"
        f"</LastModified><ETag>{escape(_etag(bucket.objects[key][0]))}</ETag>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
        for key in shown
    )
    token = f"<NextContinuationToken>{start + PAGE}</NextContinuationToken>" if more else ""
    return (
        '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{BUCKET}</Name><KeyCount>{len(shown)}</KeyCount>"
        f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>{token}{rows}</ListBucketResult>"
    ).encode()


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'


def _signed(method: str, target: str, headers: dict[str, str]) -> bool:
    """True when the request was signed with our secret: Signature Version 4, all steps."""
    given = headers.get("authorization", "")
    if not given.startswith("AWS4-HMAC-SHA256 "):
        return False
    parts = dict(part.strip().split("=", 1) for part in given.removeprefix("AWS4-HMAC-SHA256 ").split(","))
    key, day, region, service, _ = parts["Credential"].split("/")
    url = urlsplit(target)
    query = "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in sorted(parse_qsl(url.query, keep_blank_values=True))
    )
    lines = [f"{name}:{' '.join(headers[name].split())}" for name in parts["SignedHeaders"].split(";")]
    path = quote(unquote(url.path), safe="/-_.~")
    request = [method, path, query, *lines, "", parts["SignedHeaders"], headers["x-amz-content-sha256"]]
    scope = f"{day}/{region}/{service}/aws4_request"
    digest = hashlib.sha256("\n".join(request).encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{scope}\n{digest}"
    signing = f"AWS4{SECRET}".encode()
    for part in (day, region, service, "aws4_request"):
        signing = hmac.digest(signing, part.encode(), "sha256")
    wanted = hmac.new(signing, text.encode(), "sha256").hexdigest()
    return key == KEY and hmac.compare_digest(wanted, parts["Signature"])
