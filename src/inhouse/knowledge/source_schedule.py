"""When a source is looked at again. Pure.

After a failure the pause doubles with each further one, from a minute or the source's own pause on, up to
six hours: a server that is down is not asked every 30 seconds, and one that is back is noticed the same day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from inhouse.kernel.errors import BadRequest
from inhouse.knowledge.source import Source

__all__ = ["due_at", "next_due", "pause_in_words", "read_pause"]

CLOCK_S = 60.0
"""By as much a clock may be corrected without any source being looked at for it."""
LEAST_S = 5
MOST_S = 366 * 86_400
RETRY_S = 60.0
LONGEST_RETRY_S = 6 * 3600.0
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def due_at(source: Source, now: float) -> float | None:
    """The UNIX second from which the source is to be looked at; None when nobody asked for that.

    A last look that lies in the future was dated by a clock that has been set back since: it is due.
    """
    if source.paused or source.every_s <= 0:
        return None
    if source.looked_at is None:
        return min(source.created_at, now)
    if source.looked_at > now + CLOCK_S:
        return now
    failures = source.outcome.failures if source.outcome else 0
    if failures == 0:
        return source.looked_at + source.every_s
    retry = min(max(RETRY_S, source.every_s) * 2.0 ** min(failures - 1, 12), LONGEST_RETRY_S)
    return source.looked_at + max(retry, source.every_s)


def next_due(sources: Iterable[Source], now: float) -> tuple[float, Source] | None:
    """The source that has been due for longest, or comes next; None when none is on a schedule."""
    dated = [(at, source.name, source) for source in sources if (at := due_at(source, now)) is not None]
    if not dated:
        return None
    at, _, source = min(dated, key=lambda one: one[:2])
    return at, source


def read_pause(text: str) -> int:
    """`15m`, `1h`, `30s`, `2d` as seconds; `never` is 0: only when asked.

    Raises:
        BadRequest: if it is none of these, shorter than five seconds, or longer than a year.
    """
    word = text.strip().lower()
    if word in ("never", "0"):
        return 0
    match = re.fullmatch(r"([0-9]{1,8})([smhdw])", word)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not LEAST_S <= seconds <= MOST_S:
        raise BadRequest(
            f"{text[:40]!r} is no pause between two looks", hint="write 30s, 15m, 1h, 1d or never"
        )
    return seconds


def pause_in_words(every_s: int) -> str:
    """`15m`; the inverse of `read_pause`."""
    for unit, length in reversed(_UNITS.items()):
        if every_s and every_s % length == 0:
            return f"{every_s // length}{unit}"
    return "never"
