"""The main part of a page, without menus and footers, found in a process of its own.

Pages come from outside, and what reads them is large: it gets no more memory and time than a page needs,
and when it fails, the page is taken as it is. Run as a program, this file reads pages from its standard
input and writes their main parts, each with its length in front.
"""

from __future__ import annotations

import html
import importlib.util
import os
import select
import struct
import subprocess
import sys
import threading
import time
from typing import IO

from inhouse.knowledge.source_pages import PageFacts

__all__ = ["MainText", "installed"]

PAGE_S = 20.0
MEMORY_MB = 1_000
_LENGTH = struct.Struct(">I")


def installed() -> bool:
    """True when the library that finds the main part is there."""
    return importlib.util.find_spec("trafilatura") is not None


class MainText:
    """Asks one child for many pages, for one thread at a time. Close it at the end."""

    def __init__(self, *, page_s: float = PAGE_S) -> None:
        self._page_s = page_s
        self._turn = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def of(self, content: bytes, facts: PageFacts) -> bytes:
        """The main part of a page as a page of its own, with its title; else the page as it is."""
        if not installed():
            return content
        try:
            with self._turn:  # else one thread would get the page of another
                found = self._ask(content)
        except OSError:
            return content
        if not found:
            return content
        title = html.escape(facts.title)
        head = f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>{title}</title></head>\n'
        return head.encode() + found.removeprefix(b"<html>").strip() + b"\n"

    def close(self) -> None:
        """End the child."""
        with self._turn:
            self._end()

    def _end(self) -> None:
        if self._child is None:
            return
        child, self._child = self._child, None
        child.kill()
        child.communicate()

    def _ask(self, content: bytes) -> bytes:
        try:
            return self._answer(self._child or self._start(), content)
        except OSError:
            self._end()  # the next page gets a new child
            raise

    def _answer(self, child: subprocess.Popen[bytes], content: bytes) -> bytes:
        assert child.stdin is not None
        assert child.stdout is not None
        until = time.monotonic() + self._page_s
        child.stdin.write(_LENGTH.pack(len(content)) + content)
        child.stdin.flush()
        length = _LENGTH.unpack(_read(child.stdout, _LENGTH.size, until))[0]
        return _read(child.stdout, length, until)

    def _start(self) -> subprocess.Popen[bytes]:
        self._child = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        return self._child


def _read(stream: IO[bytes], length: int, until: float) -> bytes:
    found = bytearray()
    while len(found) < length:
        left = until - time.monotonic()
        if left <= 0 or not select.select([stream], [], [], left)[0]:
            raise TimeoutError
        piece = os.read(stream.fileno(), length - len(found))
        if not piece:
            raise BrokenPipeError
        found += piece
    return bytes(found)


def _serve() -> None:
    import trafilatura

    _limit_memory()
    given, out = sys.stdin.buffer, sys.stdout.buffer
    while head := given.read(_LENGTH.size):
        content = given.read(_LENGTH.unpack(head)[0])
        found = trafilatura.extract(
            content,
            output_format="html",
            include_comments=False,
            include_formatting=True,
            include_links=False,
            include_tables=True,
            favor_recall=True,
        )
        reply = (found or "").encode()
        out.write(_LENGTH.pack(len(reply)) + reply)
        out.flush()


def _limit_memory() -> None:
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MB << 20, MEMORY_MB << 20))


if __name__ == "__main__":
    _serve()
