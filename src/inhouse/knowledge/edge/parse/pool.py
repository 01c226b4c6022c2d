"""Reads files in child processes that are watched: time, memory, life.

A child that hangs, grows or dies takes nobody with it: it is killed, its file gets a reason, and the next
file a fresh child. Children start when they are needed and stay for the next file.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inhouse.kernel.documents import PageSpan
from inhouse.knowledge.edge.parse.parsed import Parsed, ParseLimits, Refused, refusal

__all__ = ["Parsers", "ReadingStopped"]

CHILD = (sys.executable, "-m", "inhouse.knowledge.edge.parse.child")
TOTAL_FACTOR = 20
"""A file that shows signs of progress (pages of a long scan) may take this many times the limit."""
WATCH_EVERY_S = 0.1
RETIRE_SHARE = 0.5
"""A child that kept more than this share of its memory after a file is replaced by a fresh one."""


class ReadingStopped(Exception):
    """The reading was interrupted by us; nothing is known about the file."""


class _Failed(Exception):
    """The child gave no answer; `code` says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class _Answer:
    fields: dict[str, Any]  # JSON of our own child
    payload: bytes


class Parsers:
    """Up to `workers` children. Every method may be called from any thread and blocks until done."""

    def __init__(self, limits: ParseLimits, *, workers: int, command: Sequence[str] = CHILD) -> None:
        self.limits = limits
        self.workers = workers
        self._command = command
        self._free: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(workers):
            self._free.put(None)
        self._all: set[_Child] = set()
        self._turn = threading.Lock()
        self._closed = False

    def parse(self, path: Path, name: str) -> Parsed | Refused:
        """The text of `path`, or the reason why there is none; never raises for what the file is.

        Raises:
            ReadingStopped: if `interrupt` or `close` came meanwhile.
        """
        request = {"op": "parse", "name": name, "text_chars": self.limits.text_chars}
        request["ocr_languages"] = self.limits.ocr_languages
        try:
            answer = self._ask(request, path)
        except _Failed as failure:
            if failure.code == "timed_out":
                return refusal("timed_out", name, failure.detail)
            if failure.code == "out_of_memory":
                return refusal("out_of_memory", name, failure.detail)
            return refusal("parser_crashed", name, failure.detail)
        if "refused" in answer.fields:
            return Refused(**answer.fields["refused"])
        fields = answer.fields["parsed"]
        pages = tuple(PageSpan(*page) for page in fields.pop("pages"))
        doubts = tuple((start, end) for start, end in fields.pop("doubts"))
        return Parsed(text=answer.payload.decode("utf-8"), pages=pages, doubts=doubts, **fields)

    def draw(self, path: Path, page: int, *, width_px: int) -> bytes | None:
        """A page of a PDF or picture file as PNG; None if there is none or it takes more than the limits."""
        with contextlib.suppress(_Failed, ReadingStopped):
            answer = self._ask({"op": "draw", "page": page, "width_px": width_px}, path)
            return answer.payload or None
        return None

    def boxes(self, path: Path, page: int, quote: str, *, at: int = 0) -> list[list[float]]:
        """Where the quote stands on the page of a PDF or picture file, as shares; empty when not found.

        `at` is how many letters and digits of the page's text come before it.
        """
        request = {"op": "boxes", "page": page, "quote": quote, "at": at}
        request["ocr_languages"] = self.limits.ocr_languages
        with contextlib.suppress(_Failed, ReadingStopped):
            answer = self._ask(request, path)
            return [list(map(float, box)) for box in answer.fields["boxes"]]
        return []

    def pids(self) -> tuple[int, ...]:
        """Process ids of the living children."""
        with self._turn:
            return tuple(child.pid for child in self._all)

    def interrupt(self) -> None:
        """End the children; whoever waits for one gets `ReadingStopped`. Later calls start fresh ones."""
        with self._turn:
            at_work = list(self._all)
        for busy in at_work:
            busy.stopped = True
            busy.strike()  # whoever waits for it sees the end of its pipe and clears up

    def close(self) -> None:
        """End all children for good."""
        with self._turn:
            self._closed = True
        self.interrupt()
        idle: list[_Child | None] = []
        with contextlib.suppress(queue.Empty):
            while True:
                idle.append(self._free.get_nowait())
        for child in idle:
            self._end(child)
            self._free.put(None)

    def _ask(self, request: dict[str, Any], path: Path) -> _Answer:
        child = self._free.get()
        try:
            if child is not None and not child.is_usable():  # ended while it waited for work
                self._end(child)
                child = None
            if child is None:
                child = self._start()
            limits = self.limits
            full = request | {
                "path": str(path),
                "timeout_s": limits.timeout_s,
                "memory_mb": limits.memory_mb,
            }
            answer = child.ask(full, limits)
            if child.resident_mb() > RETIRE_SHARE * limits.memory_mb:
                self._end(child)
                child = None
            return answer
        except BaseException as error:
            stopped = self._closed or (child is not None and child.stopped)
            self._end(child)
            child = None
            if stopped and isinstance(error, _Failed):
                raise ReadingStopped from error
            raise
        finally:
            self._free.put(child)

    def _start(self) -> _Child:
        with self._turn:
            if self._closed:
                raise ReadingStopped
            child = _Child([*self._command, str(self.limits.memory_mb)])
            self._all.add(child)
            return child

    def _end(self, child: _Child | None) -> None:
        if child is not None:
            child.kill()
            with self._turn:
                self._all.discard(child)


class _Child:
    """One process and the two pipes to it."""

    def __init__(self, command: Sequence[str]) -> None:
        # Its own session: Ctrl+C in a terminal is for us, and the kill reaches what it started.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )
        self.pid = self._process.pid
        self._unread = bytearray()
        self.stopped = False

    def ask(self, request: dict[str, Any], limits: ParseLimits) -> _Answer:
        """Raises _Failed if the child did not answer within its limits."""
        stdin = self._process.stdin
        assert stdin is not None
        started = time.monotonic()
        try:
            stdin.write(json.dumps(request).encode() + b"\n")
        except OSError:
            raise _Failed("parser_crashed", "its process had ended") from None
        deadline = started + limits.timeout_s
        while True:
            frame = self._frame(deadline, limits)
            if not frame.fields.get("beat"):
                return frame
            now = time.monotonic()
            deadline = min(now + limits.timeout_s, started + TOTAL_FACTOR * limits.timeout_s)

    def _frame(self, deadline: float, limits: ParseLimits) -> _Answer:
        header = self._until(lambda: self._unread.find(b"\n") + 1, deadline, limits)
        fields = json.loads(header)
        size = fields.pop("payload")
        payload = (
            self._until(lambda: size if len(self._unread) >= size else 0, deadline, limits) if size else b""
        )
        return _Answer(fields, payload)

    def _until(self, ready: Any, deadline: float, limits: ParseLimits) -> bytes:
        """Take bytes off the pipe once `ready` says how many of them."""
        stdout = self._process.stdout
        assert stdout is not None
        while not (size := ready()):
            readable, _, _ = select.select([stdout], [], [], WATCH_EVERY_S)
            if readable:
                block = os.read(stdout.fileno(), 1 << 20)
                if not block:
                    raise _Failed("parser_crashed", self._last_words())
                self._unread += block
            elif time.monotonic() > deadline:
                raise _Failed("timed_out", f"{limits.timeout_s:g} s")
            elif self.resident_mb() > limits.memory_mb:
                raise _Failed("out_of_memory", f"{limits.memory_mb} MB")
        taken = bytes(self._unread[:size])
        del self._unread[:size]
        return taken

    def _last_words(self) -> str:
        code = self._process.wait()
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def resident_mb(self) -> float:
        """Memory in use by the child and all that it started."""
        return sum(map(_resident_bytes, _tree(self.pid))) / (1 << 20)

    def is_usable(self) -> bool:
        """False once it was struck or has ended by itself."""
        return not self.stopped and self._process.poll() is None

    def strike(self) -> None:
        """End the child and what it started, and do not wait; no error when it is gone."""
        if self._process.returncode is None:  # else its number may be somebody else's by now
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)

    def kill(self) -> None:
        """End the child and what it started, and give its pipes back."""
        self.strike()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _tree(pid: int) -> list[int]:
    """The process and its descendants; only itself where the system does not list them (macOS)."""
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError, ValueError):
            found += map(int, Path(f"/proc/{one}/task/{one}/children").read_text("ascii").split())
    return found


def _resident_bytes(pid: int) -> int:
    """0 when the process is gone."""
    if sys.platform != "linux":
        listed = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return int(listed.stdout.strip() or 0) << 10
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
