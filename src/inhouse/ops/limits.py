"""How much a key, or the house, may ask at once and by the minute. Pure: `now` is any monotonic seconds.

Rates are token buckets: a bucket holds a minute's worth and refills evenly, so a quiet caller may burst and
nobody can ask twice the rate around the turn of a minute, as with counters per calendar minute. The clock
is the monotonic one: a clock that is set a day forward or back neither frees nor blocks anybody.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "Bucket", "Refused", "Room", "enter", "leave", "settle", "take"]

MINUTE_S = 60.0
LONGEST_WAIT_S = 3600.0


@dataclass(slots=True)
class Bucket:
    """What is left of a minute's worth, and when that was. `level` is below 0 after a dear answer."""

    level: float
    at: float


@dataclass(slots=True)
class Room:
    """The state of one caller's limits; None for a rate that was never touched.

    Neither this nor a bucket is ever changed; not frozen, for that takes three times as long to make.
    """

    requests: Bucket | None = None
    tokens: Bucket | None = None
    streams: int = 0


FULL = Room()


@dataclass(frozen=True, slots=True)
class Refused:
    """One too many: of what, the limit, and in how many seconds it fits. No time for parallel streams,
    which end when they end: 1 s is then what a polite client waits."""

    what: str
    limit: int
    retry_after_s: float


def take(bucket: Bucket | None, per_minute: int, amount: float, now: float) -> Bucket | float:
    """The bucket without `amount`, or the seconds until that much is there."""
    level = _level(bucket, per_minute, now)
    if level >= amount:
        return Bucket(level - amount, now)
    return (amount - level) * MINUTE_S / per_minute


def settle(bucket: Bucket | None, per_minute: int, amount: float, now: float) -> Bucket:
    """The bucket less what was really used; it may be left in debt, which the next caller waits off."""
    return Bucket(_level(bucket, per_minute, now) - amount, now)


def enter(
    room: Room,
    *,
    requests_per_minute: int | None,
    tokens_per_minute: int | None,
    streams: int | None,
    now: float,
) -> Room | Refused:
    """The room with one more request in it, or why not; refused requests are not counted.

    Tokens are not known yet: a request enters while the bucket is above zero and pays at its end
    (`leave`), so one answer may overdraw it and those after it wait longer.
    """
    if streams is not None and room.streams >= streams:
        return Refused("answers at once", streams, 1.0)
    if tokens_per_minute is not None:
        level = _level(room.tokens, tokens_per_minute, now)
        if level <= 0:
            return _refused(
                "tokens per minute", tokens_per_minute, (1 - level) * MINUTE_S / tokens_per_minute
            )
    requests = room.requests
    if requests_per_minute is not None:
        taken = take(requests, requests_per_minute, 1, now)
        if not isinstance(taken, Bucket):
            return _refused("requests per minute", requests_per_minute, taken)
        requests = taken
    return Room(requests, room.tokens, room.streams + 1)


def leave(room: Room, *, tokens: int, tokens_per_minute: int | None, now: float) -> Room:
    """The room after a request ended that used so many tokens."""
    bucket = room.tokens
    if tokens_per_minute is not None and tokens:
        bucket = settle(bucket, tokens_per_minute, tokens, now)
    return Room(room.requests, bucket, max(0, room.streams - 1))


def _level(bucket: Bucket | None, per_minute: int, now: float) -> float:
    """What is in the bucket now; a limit that was lowered meanwhile counts at once."""
    if bucket is None:
        return float(per_minute)
    passed = max(0.0, now - bucket.at)
    return min(float(per_minute), bucket.level + passed * per_minute / MINUTE_S)


def _refused(what: str, limit: int, wait_s: float) -> Refused:
    return Refused(what, limit, min(wait_s, LONGEST_WAIT_S))
