"""A real house for the browser: `inhouse serve` in a child process, on a home that nobody else has."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["House", "open_house", "pdf_of"]

READY = "inhouse is ready: "
STOP_S = 20.0


@dataclass(slots=True)
class House:
    """A running server and what to say to it without a browser."""

    url: str
    home: Path
    process: subprocess.Popen[str]

    def call(self, method: str, path: str, body: bytes | None = None) -> Any:  # Any: JSON of every route
        """One request; the parsed JSON of its answer, None for an empty one."""
        request = urllib.request.Request(self.url + path, data=body, method=method)
        request.add_header("content-type", "application/octet-stream")
        with urllib.request.urlopen(request, timeout=30) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def add(self, files: Mapping[str, bytes]) -> None:
        """Upload files and return when the house has read them all."""
        jobs = [self.call("POST", f"/app/uploads?name={urllib.parse.quote(name)}", content)["job_id"]
                for name, content in files.items()]  # fmt: skip
        for job in jobs:
            while self.call("GET", f"/app/jobs/{job}")["report"] is None:
                self.process.poll()
                assert self.process.returncode is None, "the server ended"
                threading.Event().wait(0.05)  # another process works; there is nothing to be told by

    def stop(self) -> None:
        """Ctrl+C, and wait until it is gone."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(STOP_S)


@contextlib.contextmanager
def open_house(home: Path, port: int = 0, *, settings: Mapping[str, str] | None = None) -> Iterator[House]:
    """Serve a home on a free loopback port until the block ends; `settings` are environment variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INHOUSE_", "OLLAMA_"))}
    log = (home.parent / f"{home.name}.log").open("w", encoding="utf-8")
    with log:
        process = subprocess.Popen(
            [sys.executable, "-m", "inhouse", "serve", "--port", str(port)],
            env={**kept, **(settings or {}), "INHOUSE_HOME": str(home)},
            cwd=home.parent, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        house = House("", home, process)
        try:
            house.url = _address(process)
            assert house.url, Path(log.name).read_text("utf-8")[-2000:]
            yield house
        finally:
            house.stop()
            if process.stdout:
                process.stdout.close()


def _address(process: subprocess.Popen[str]) -> str:
    """Where it listens, from its ready line; empty when it ended before that."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(READY):
            return line.removeprefix(READY).strip().rstrip("/")
    return ""


def pdf_of(*pages: str) -> bytes:
    """A PDF with one line of Latin text per page. Source: ISO 32000-1, 7.5 (file structure)."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b""]
    objects.append(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>")
    kids = []
    for text in pages:
        drawn = f"BT /F1 14 Tf 72 700 Td ({text}) Tj ET".encode("latin-1")
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(drawn), drawn))
        kids.append(len(objects) + 1)
        page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R" % len(objects)
        objects.append(page + b"/Resources<</Font<</F1 3 0 R>>>>>>")
    listed = b" ".join(b"%d 0 R" % kid for kid in kids)
    objects[1] = b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(kids), listed)
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, content)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(out)
