"""The routing rules now in force: read again when their files change, with the switch on top.

New rules count from the next request on. Rules that are wrong change nothing: the old ones stay in force,
and `problem` says what is wrong until the file is right.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast, get_args

import structlog

from inhouse.gateway.desk import SwitchState
from inhouse.gateway.rules import LocalSwitch, Rules
from inhouse.kernel.errors import HomeUnusable, InhouseError

__all__ = ["Rulebook"]

log = structlog.get_logger(__name__)

LOOK_S = 1.0
"""Time between two looks at the files; each is a `stat` of three files, microseconds."""

Stamp = tuple[int, int, int] | None


class Rulebook:
    """Gives the same `Rules` object until something changes, so that what was worked out from it stays good.

    `read` reads rules and where their switch came from; it is called in a thread. `switch_file` holds the
    switch as it was turned by hand, for all processes of the home. `clock` is UNIX seconds.
    """

    def __init__(
        self,
        first: tuple[Rules, str],
        read: Callable[[], tuple[Rules, str]],
        *,
        files: Sequence[Path],
        switch_file: Path,
        clock: Callable[[], float],
    ) -> None:
        self._configured, self._origin = first
        self._read = read
        self._files = tuple(files)
        self._switch_file = switch_file
        self._clock = clock
        self._loaded_at = clock()
        self._problem = ""
        self._turned: tuple[LocalSwitch, str] | None = None
        self._stamps = self._look()
        self._rules = self._configured
        self._task: asyncio.Task[None] | None = None
        self._take_switch()

    def rules(self) -> Rules:
        """The rules in force."""
        return self._rules

    def state(self) -> SwitchState:
        """How the switch stands, and whether newer rules wait to be corrected."""
        origin = self._turned[1] if self._turned else self._origin
        return SwitchState(self._rules.local, origin, self._loaded_at, self._problem)

    def start(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Look at the files again and again; needs a running event loop."""
        self._task = asyncio.create_task(self._look_forever(sleep))

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _look_forever(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        while True:
            await sleep(LOOK_S)
            await self.refresh()

    async def refresh(self) -> bool:
        """Read what changed; True when something did."""
        stamps = self._look()
        if stamps == self._stamps:
            return False
        changed_rules = stamps[:-1] != self._stamps[:-1]
        self._stamps = stamps
        if changed_rules:
            try:
                self._configured, self._origin = await asyncio.to_thread(self._read)
            except InhouseError as error:
                self._problem = str(error)
                log.error("rules_kept", problem=str(error))
            else:
                self._problem = ""
                self._loaded_at = self._clock()
                log.info("rules_read", local=self._configured.local, cloud=self._configured.cloud_allowed)
        self._take_switch()
        return True

    def turn(self, word: LocalSwitch | None, by: str) -> SwitchState:
        """Turn the switch; see `desk.RoutingDesk.switch`. Writes a small file."""
        try:
            if word is None:
                self._switch_file.unlink(missing_ok=True)
            else:
                document = {"local": word, "by": by, "at": round(self._clock(), 3)}
                new = self._switch_file.with_suffix(f".{secrets.token_hex(4)}.new")
                new.write_text(json.dumps(document), "utf-8")
                new.replace(self._switch_file)
        except OSError as error:
            raise HomeUnusable(
                f"The switch could not be written to {self._switch_file}: {error.strerror or error}",
                hint="free some space, or set routing.local in inhouse.toml",
            ) from None
        self._stamps = (*self._stamps[:-1], _stamp(self._switch_file))
        self._take_switch()
        log.info("switch_turned", local=self._rules.local, by=by)
        return self.state()

    def _take_switch(self) -> None:
        """Put the switch that was turned by hand on top of the rules."""
        self._turned = None
        try:
            document = json.loads(self._switch_file.read_text("utf-8"))
            word = document["local"]
            if word in get_args(LocalSwitch):
                self._turned = cast("LocalSwitch", word), f"switch, turned by {document['by']}"
            else:
                log.error("switch_unknown", word=str(word))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.error("switch_unreadable", file=str(self._switch_file), reason=repr(error))
        local = self._turned[0] if self._turned else self._configured.local
        self._rules = (
            self._configured if local == self._configured.local else replace(self._configured, local=local)
        )

    def _look(self) -> tuple[Stamp, ...]:
        return tuple(_stamp(path) for path in (*self._files, self._switch_file))


def _stamp(path: Path) -> Stamp:
    """What changes when a file is written or replaced; None without a file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
