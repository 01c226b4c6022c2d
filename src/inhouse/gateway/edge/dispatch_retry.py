"""How often the same engine may be asked again, over all requests of this process."""

from __future__ import annotations

from collections.abc import Callable

from inhouse.gateway.policy import Attempt
from inhouse.kernel.errors import EngineError, EngineOverloaded

__all__ = ["RetryBudget", "retryable", "wait_before_retry"]

EARNED = 0.1
"""Every request earns a tenth of a retry: a fault of everything at once grows the load by 10 % at most."""
FLOOR = 10.0
"""A quiet house may still retry a few times at once."""
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 2.0


class RetryBudget:
    """Retries in hand. Only repeated questions to an engine that failed are counted; going to another
    engine is bounded by the route and takes load away from the one that failed.

    `dice` gives 0 to 1.
    """

    def __init__(self, dice: Callable[[], float]) -> None:
        self._dice = dice
        self._left = FLOOR

    def earn(self) -> None:
        """A request came."""
        if self._left < FLOOR:
            self._left = min(FLOOR, self._left + EARNED)

    def take(self, number: int, error: EngineError) -> float | None:
        """Seconds to wait before retry `number` (from 0) after that error; None when there is none."""
        wait_s = wait_before_retry(number, error, self._dice())
        if wait_s is None or self._left < 1:
            return None
        self._left -= 1
        return wait_s


def wait_before_retry(number: int, error: EngineError, dice: float) -> float | None:
    """0.1, 0.2, 0.4 … s, each between half and all of it; None when the same engine must not be asked.

    An engine that says how long it will be busy is believed, and not waited for when that is long.
    """
    if error.retry != "same_engine":
        return None
    wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**number) * (0.5 + dice / 2)
    if isinstance(error, EngineOverloaded) and error.retry_after_s is not None:
        wait_s = max(wait_s, error.retry_after_s * (1 + dice / 10))
    return wait_s if wait_s <= LONGEST_WAIT_S * 1.1 else None


def retryable(tried: list[tuple[Attempt, EngineError]]) -> list[tuple[Attempt, EngineError]]:
    """The last failure of each engine that may be asked again, in the order of the route."""
    last = {attempt.engine: (attempt, error) for attempt, error in tried}
    return [pair for pair in last.values() if pair[1].retry == "same_engine"]
