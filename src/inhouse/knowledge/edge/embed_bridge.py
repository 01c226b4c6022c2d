"""From the threads that search to the event loop that speaks to engines, with a limit on time and faults."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from inhouse.kernel.errors import InhouseError

__all__ = ["Breaker", "Bridge", "Under"]

T = TypeVar("T")

FAULTS = 3
REST_S = 30.0


class Breaker:
    """After three faults in a row nobody asks for half a minute; then one may try. `clock` is monotonic."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._turn = threading.Lock()
        self._faults = 0
        self._until = 0.0
        self.said = ""

    def closed(self) -> bool:
        """True when asking makes sense."""
        with self._turn:
            return self._clock() >= self._until

    def went_well(self) -> None:
        """Forget the faults."""
        with self._turn:
            self._faults, self._until, self.said = 0, 0.0, ""

    def failed(self, words: str) -> None:
        """Note a fault in words."""
        with self._turn:
            self._faults += 1
            self.said = words
            if self._faults >= FAULTS:
                self._until = self._clock() + REST_S


class Under:
    """Something under way on the loop; `result` waits for it."""

    def __init__(
        self, future: concurrent.futures.Future[Any], timeout_s: float, breaker: Breaker
    ) -> None:  # Any: see T
        self._future = future
        self._timeout_s = timeout_s
        self._breaker = breaker

    def result(self) -> Any:  # Any: whatever the coroutine gives
        """What came of it, None when it failed or was not there in time."""
        try:
            found = self._future.result(self._timeout_s)
        except concurrent.futures.TimeoutError:
            self._future.cancel()
            self._breaker.failed(f"no answer within {self._timeout_s:g} s")
        except (InhouseError, ValueError) as error:
            self._breaker.failed(str(error) or type(error).__name__)
        except (concurrent.futures.CancelledError, RuntimeError):
            return None  # the house is closing
        else:
            self._breaker.went_well()
            return found
        return None


class Bridge:
    """Runs coroutines on `loop` for other threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def begin(
        self,
        make: Callable[[], Coroutine[Any, Any, T]],
        *,
        timeout_s: float,
        breaker: Breaker,  # Any: asyncio's
    ) -> Under | None:
        """Start what `make` makes; None when the loop is closed, and on its thread, which must not wait."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            return None
        if self._loop.is_closed() or not self._loop.is_running():
            return None
        return Under(asyncio.run_coroutine_threadsafe(make(), self._loop), timeout_s, breaker)
