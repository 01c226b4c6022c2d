"""Looks at all answers under way a few times a second, so that none needs a task or a timer of its own.

It ends the work on an answer whose reader left, whose reader takes nothing any more, or that is not done
when the house has waited long enough for its own end. An answer of a fraction of a second, which is most
of them, costs two operations on a set.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal

from inhouse.serve.wire import Receive

__all__ = ["Patience", "Visit", "Watch"]

End = Literal["gone", "stopping", "slow"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, in seconds.

    `look_s` is between two looks: a reader that left is noticed, and the engine told, within twice as long.
    `early_s` is how long a stream may be silent before its head is sent without a first word. `slow_s` is
    how long a reader may leave its buffer full. `drain_s` is what answers under way are given when the
    house closes; it ends before the server's own (`serve.server.GRACE_S`), which cuts without a word.
    """

    look_s: float = 0.25
    early_s: float = 10.0
    slow_s: float = 30.0
    drain_s: float = 8.0


class Visit:
    """One answer under way. `sending` holds the loop's time since when a piece waits to be taken, else 0."""

    # One is made for each request, and most are over before anything below is set: no slots, but defaults.
    _listener: asyncio.Task[None] | None = None
    _early: Callable[[], Coroutine[Any, Any, None]] | None = None
    sending = 0.0
    touched = False
    """Something is to be closed."""
    end: End | None = None
    """Why it was ended by the watch; None while it was not."""
    told: asyncio.Task[None] | None = None
    """The last sign of life that was sent before the first word."""

    def __init__(self, task: asyncio.Task[Any], receive: Receive, began: float) -> None:
        self._task = task
        self._receive = receive
        self.began = began

    def before_first_word(self, tell: Callable[[], Coroutine[Any, Any, None]] | None) -> None:
        """`tell` is called when nothing was sent for `early_s`, and again; None: the first word is there."""
        self._early = tell
        self.touched = True

    def stop(self, why: End) -> None:
        """Cancel the work; a second call does nothing."""
        if self.end is None and not self._task.done():
            self.end = why
            self._task.cancel()

    def look(self, now: float, patience: Patience, *, closing: bool) -> None:
        """One look."""
        if self._listener is None:
            self.touched = True
            self._listener = asyncio.ensure_future(self._listen())
        if closing:
            self.stop("stopping")
        elif self.sending and now - self.sending > patience.slow_s:
            self.stop("slow")
        elif self._early is not None and now - self.began > patience.early_s and not self._telling():
            self.began = now
            self.told = asyncio.ensure_future(self._early())

    def _telling(self) -> bool:
        return self.told is not None and not self.told.done()

    def close(self) -> None:
        """It is over."""
        self._early = None
        if self._listener is not None:
            self._listener.cancel()
        if self.told is not None:
            self.told.cancel()

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.stop("gone")


class Watch:
    """Holds the answers under way of one server."""

    def __init__(self, stopping: asyncio.Event, patience: Patience) -> None:
        self._stopping = stopping
        self.patience = patience
        self._visits: set[Visit] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closes_at = 0.0

    def __len__(self) -> int:
        return len(self._visits)

    def enter(self, receive: Receive) -> Visit:
        """Watch the current task from now on; `leave` must follow."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        visit = Visit(task, receive, loop.time())
        self._visits.add(visit)
        if self._timer is None:
            self._timer = loop.call_later(self.patience.look_s, self._look, loop)
        return visit

    def leave(self, visit: Visit) -> None:
        """Watch it no more."""
        self._visits.discard(visit)
        if visit.touched:
            visit.close()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        if self._stopping.is_set() and not self._closes_at:
            self._closes_at = now + self.patience.drain_s
        closing = bool(self._closes_at) and now >= self._closes_at
        for visit in tuple(self._visits):
            visit.look(now, self.patience, closing=closing)
        self._timer = None
        if self._visits:
            self._timer = loop.call_later(self.patience.look_s, self._look, loop)
