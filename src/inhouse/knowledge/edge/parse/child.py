"""The process that reads files: `python -m inhouse.knowledge.edge.parse.child`.

Takes one request per line on stdin and answers with frames on its first stdout: a JSON line, then as many
bytes as its `payload` says. A `beat` frame means "still at work". Whatever the libraries print goes to
nowhere. It opens no connection: an audit hook refuses, for the Python code at least. Nothing here decides
about limits of memory and time; it only asks the kernel to hold it to them, in case the parent is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from inhouse.knowledge.edge.parse import pdf_shown
from inhouse.knowledge.edge.parse.ocr import usable
from inhouse.knowledge.edge.parse.parsed import Means, Refused, refusal
from inhouse.knowledge.edge.parse.read import read

__all__ = ["Operation", "main"]

Operation = Callable[[dict[str, Any], Callable[[], None]], tuple[dict[str, Any], bytes]]
"""Arguments and beat to the answer's fields and payload; the fields are what JSON holds."""

ADDRESS_SPACE_SPARE_MB = 3_000
"""Address space is not memory: threads and mapped libraries take 2 GB of it before any work."""


def main(extra: Mapping[str, Operation] | None = None) -> None:
    """Serve requests until stdin ends. `extra` adds operations; tests use it for bad behaviour."""
    frames = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    _restrict(memory_mb=int(sys.argv[1]))
    operations: dict[str, Operation] = {"parse": _parse, "draw": _draw, "boxes": _boxes, **(extra or {})}
    for line in sys.stdin.buffer:
        request = json.loads(line)
        alarm_s = int(request["timeout_s"]) + 15

        def beat(alarm_s: int = alarm_s) -> None:
            signal.alarm(alarm_s)
            _send(frames, {"beat": True}, b"")

        signal.alarm(alarm_s)  # an orphan must not work for ever
        fields, payload = operations[request["op"]](request, beat)
        signal.alarm(0)
        _send(frames, fields, payload)


def _send(frames: BinaryIO, fields: dict[str, Any], payload: bytes) -> None:
    frames.write(json.dumps({**fields, "payload": len(payload)}).encode() + b"\n" + payload)
    frames.flush()


def _restrict(*, memory_mb: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 128,
    }
    if sys.platform == "linux":
        limits[resource.RLIMIT_AS] = (memory_mb + ADDRESS_SPACE_SPARE_MB) << 20
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        with contextlib.suppress(ValueError, OSError):  # a stricter limit is already in force
            resource.setrlimit(kind, (value, value if hard == resource.RLIM_INFINITY else min(value, hard)))

    def no_network(event: str, _arguments: object) -> None:
        if event in ("socket.connect", "socket.bind", "socket.getaddrinfo"):
            raise PermissionError("the reader of files opens no connection")

    sys.addaudithook(no_network)


def _parse(request: dict[str, Any], beat: Callable[[], None]) -> tuple[dict[str, Any], bytes]:
    name, means = request["name"], Means(usable(request["ocr_languages"]), beat)
    try:
        result = read(Path(request["path"]), name, text_chars=request["text_chars"], means=means)
    except subprocess.TimeoutExpired as error:  # a program that we started, tesseract
        result = refusal("timed_out", name, f"{error.timeout:g} s for one page")
    except MemoryError:
        result = refusal("out_of_memory", name, f"{request['memory_mb']} MB")
    except OSError as error:
        result = refusal("unreadable", name, error.strerror or type(error).__name__)
    except Exception as error:  # noqa: BLE001  the worker loop: parsers raise what they like, none may end it
        result = refusal("parser_crashed", name, f"{type(error).__name__}: {error}"[:200])
    if isinstance(result, Refused):
        return {"refused": asdict(result)}, b""
    text = result.text.encode("utf-8", "replace")
    fields = {
        "kind": result.kind,
        "media_type": result.media_type,
        "pages": [[page.page, page.start, page.end] for page in result.pages],
        "layout": result.layout,
        "doubts": result.doubts,
        "title": result.title,
        "modified_at": result.modified_at,
    }
    return {"parsed": fields}, text


def _draw(request: dict[str, Any], _beat: Callable[[], None]) -> tuple[dict[str, Any], bytes]:
    return {}, pdf_shown.draw_page(Path(request["path"]), request["page"], width_px=request["width_px"])


def _boxes(request: dict[str, Any], beat: Callable[[], None]) -> tuple[dict[str, Any], bytes]:
    means = Means(usable(request["ocr_languages"]), beat)
    quote, at = request["quote"], request["at"]
    boxes = pdf_shown.find_boxes(Path(request["path"]), request["page"], quote, at=at, means=means)
    return {"boxes": boxes}, b""


if __name__ == "__main__":
    main()
