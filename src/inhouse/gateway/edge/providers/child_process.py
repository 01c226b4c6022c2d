"""A program in a process of its own that ends with us, and whose last words are kept.

Knows nothing of models: what is started, and what its words mean, is the caller's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Mapping, Sequence

import structlog

from inhouse.kernel.errors import EngineUnreachable

__all__ = ["PASSED_ON", "ChildProcess", "cores", "environment"]

log = structlog.get_logger(__name__)

PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
)
"""A list of what may pass, because the environment may hold keys that are none of the child's business."""
KEPT_LINES, LONGEST_LINE_BYTES = 200, 4096


class ChildProcess:
    """One run of one program. Its standard input stays open until `end`: a good child ends with it."""

    def __init__(self, name: str, command: Sequence[str], *, stop_timeout_s: float) -> None:
        self.name = name
        self._command = command
        self._stop_timeout_s = stop_timeout_s
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._said: deque[str] = deque(maxlen=KEPT_LINES)

    @property
    def running(self) -> bool:
        """True from `start` until the process has ended, by itself or by `end`."""
        return self._process is not None and self._process.returncode is None

    @property
    def process_id(self) -> int:
        """Its number; 0 while there is none."""
        return self._process.pid if self._process is not None else 0

    @property
    def exit_code(self) -> int | None:
        """How it ended (negative: by that signal); None while it runs or before it was started."""
        return self._process.returncode if self._process is not None else None

    async def start(self, environment: Mapping[str, str]) -> None:
        """Start it.

        Raises:
            EngineUnreachable: if it cannot be started at all.
        """
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=dict(environment),
                # Ctrl+C in the terminal reaches the whole group: answers under way are to end in peace.
                start_new_session=True,
            )
        except OSError as error:
            raise EngineUnreachable(f"its process cannot be started: {error}") from error
        self._said.clear()
        self._reader = asyncio.create_task(self._listen(self._process))

    async def tell(self, line: bytes) -> None:
        """Write one line to it; nothing happens when it ended at once, its last words say why."""
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(line + b"\n")
            await self._process.stdin.drain()

    async def next_line(self) -> bytes:
        """The next line that it prints; empty when it has ended, and then its last words are all here."""
        assert self._process is not None
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            await self.ended()
        return line

    async def ended(self) -> int:
        """Its exit code, once it has ended."""
        assert self._process is not None
        code = await self._process.wait()
        if self._reader is not None:
            await asyncio.shield(self._reader)
        return code

    def last_words(self) -> tuple[str, ...]:
        """The last lines that it said on stderr."""
        return tuple(self._said)

    def kill(self) -> None:
        """End it without asking."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def end(self) -> None:
        """Ask the process to end by closing its stdin, and insist after a while."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(self._stop_timeout_s):
                await process.wait()
        except TimeoutError:
            log.warning("model_killed", model=self.name, process=process.pid)
            process.kill()
            await process.wait()
        if self._reader is not None:
            await self._reader
            self._reader = None

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Keep the last lines that the child said, and never let its pipe fill."""
        assert process.stderr is not None
        rest = b""
        while data := await process.stderr.read(4096):
            *lines, rest = (rest + data).split(b"\n")
            self._said.extend(line.decode("utf-8", "replace").rstrip() for line in lines if line.strip())
            rest = rest[-LONGEST_LINE_BYTES:]
        if rest.strip():
            self._said.append(rest.decode("utf-8", "replace").rstrip())


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """What a child gets of our environment, and `more`."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | dict(more)


def cores() -> int:
    """Cores that this process may use; macOS knows only how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
