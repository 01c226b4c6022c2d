"""How many watts this machine draws, where it can tell, and whose work they were for.

Read from the counters of the processor package (RAPL, Linux) and from `nvidia-smi`. Neither needs more
than to be readable; where neither is, watts are what the administrator wrote down.
"""

from __future__ import annotations

import bisect
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import structlog

__all__ = ["GpuPower", "PowerMeter", "PowerSource", "Rapl", "Shares", "sources_here"]

log = structlog.get_logger(__name__)

INTERVAL_S = 2.0
"""nvidia-smi takes 30-60 ms of a core; at this pace that is 2 %, and a request of seconds is still seen."""
KEPT = 1800
_LAST = float("inf")
RAPL_FOLDER = Path("/sys/class/powercap")


class Shares:
    """How much of a machine's time each of its requests had.

    Between two changes everybody at work has the same share; so of two requests that run side by side for
    10 s each pays for 5 s, and all shares add up to the time that the machine was busy.
    """

    def __init__(self, kept: int = 4096) -> None:
        self._points: list[tuple[float, float]] = [(0.0, 0.0)]
        """(moment, share-seconds that one request, present all the time, would have had until then)"""
        self._kept = kept
        self._at_work = 0

    def begin(self, now: float) -> None:
        """One request more."""
        self._advance(now)
        self._at_work += 1

    def end(self, now: float) -> None:
        """One request less."""
        self._advance(now)
        self._at_work = max(0, self._at_work - 1)

    def of(self, began: float, ended: float) -> float:
        """The share-seconds of a request that was at work from `began` to `ended`, at most all of them."""
        whole = max(0.0, ended - began)
        share = self._until(ended) - self._until(began)
        # Nobody was counted: the request came by a way that does not tell, or the clock was set.
        return min(whole, share) if share > 0 else whole

    def _advance(self, now: float) -> None:
        last, share = self._points[-1]
        if now <= last:
            return
        if self._at_work:
            share += (now - last) / self._at_work
        self._points.append((now, share))
        if len(self._points) > 2 * self._kept:
            del self._points[: self._kept]

    def _until(self, moment: float) -> float:
        last, share = self._points[-1]
        if moment >= last:
            return share + ((moment - last) / self._at_work if self._at_work else 0.0)
        place = bisect.bisect_right(self._points, (moment, _LAST))
        if place == 0:
            return self._points[0][1]
        (start, before), (end, after) = self._points[place - 1], self._points[place]
        return before + (after - before) * (moment - start) / (end - start)


class PowerSource(Protocol):
    """Something that knows watts."""

    def watts(self, now: float) -> float | None:
        """Watts now, or on average since the last call; None when it cannot tell this time."""
        ...


class Rapl:
    """The processor packages of this machine, by their counters of microjoules."""

    def __init__(self, folder: Path = RAPL_FOLDER) -> None:
        self._counters = [
            zone / "energy_uj"
            for zone in sorted(folder.glob("intel-rapl:*"))
            if zone.name.count(":") == 1 and _reads(zone / "energy_uj")
        ]
        self._last: tuple[float, tuple[int, ...]] | None = None

    def __bool__(self) -> bool:
        return bool(self._counters)

    def watts(self, now: float) -> float | None:
        """See `PowerSource.watts`; a counter that began anew is left out once."""
        try:
            counts = tuple(int(path.read_text("ascii")) for path in self._counters)
        except (OSError, ValueError):
            return None
        last, self._last = self._last, (now, counts)
        if last is None or now <= last[0] or any(new < old for new, old in zip(counts, last[1], strict=True)):
            return None
        return (sum(counts) - sum(last[1])) / 1e6 / (now - last[0])


class GpuPower:
    """All NVIDIA cards of this machine together."""

    def __init__(self, command: str = "nvidia-smi") -> None:
        self._command = shutil.which(command)

    def __bool__(self) -> bool:
        return self._command is not None

    def watts(self, now: float) -> float | None:
        """See `PowerSource.watts`."""
        if self._command is None:
            return None
        query = [self._command, "--query-gpu=power.draw", "--format=csv,noheader,nounits"]
        try:
            said = subprocess.run(query, capture_output=True, text=True, timeout=5, check=True).stdout
            return sum(float(line) for line in said.split())
        except (OSError, ValueError, subprocess.SubprocessError):
            return None


def sources_here() -> tuple[PowerSource, ...]:
    """Everything on this machine that tells watts."""
    found: tuple[Rapl | GpuPower, ...] = (Rapl(), GpuPower())
    return tuple(each for each in found if each)


class PowerMeter:
    """Reads the watts of this machine every two seconds in its own thread, and keeps an hour of them."""

    def __init__(
        self,
        sources: tuple[PowerSource, ...],
        *,
        clock: Callable[[], float],
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._sources = sources
        self._clock = clock
        self._interval_s = interval_s
        self._samples: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to read, where there is anything to read."""
        if not self._sources:
            log.warning("power_not_measured", message="neither RAPL counters nor nvidia-smi can be read")
            return
        self._thread = threading.Thread(target=self._loop, name="power-meter", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def sample(self) -> None:
        """Read once. A source that cannot tell this time makes no sample, since half of it is no sum."""
        now = self._clock()
        watts = [source.watts(now) for source in self._sources]
        known = [each for each in watts if each is not None]
        if known and len(known) == len(watts):
            self._samples.append((now, sum(known)))

    def average(self, began: float, ended: float) -> float | None:
        """Mean watts of a stretch of time; None when nothing was read in it or just after."""
        found = [watts for at, watts in tuple(self._samples) if began <= at <= ended + self._interval_s]
        return sum(found) / len(found) if found else None

    def idle(self) -> float | None:
        """The lowest watts of the last hour: what is drawn when nobody asks."""
        return min((watts for _at, watts in tuple(self._samples)), default=None)

    def _loop(self) -> None:
        self.sample()
        while not self._stopping.wait(self._interval_s):
            self.sample()


def _reads(path: Path) -> bool:
    try:
        path.read_text("ascii")
    except OSError:
        return False  # readable by root only, since 2020 on most systems
    return True
