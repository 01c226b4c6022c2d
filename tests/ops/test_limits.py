"""Token buckets: what fits in a minute, what waits, and that only monotonic time counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.ops.limits import FULL, Bucket, Refused, Room, enter, leave, take


def go(
    room: Room,
    now: float,
    *,
    requests: int | None = None,
    tokens: int | None = None,
    streams: int | None = None,
) -> Room | Refused:
    """One more request."""
    return enter(room, requests_per_minute=requests, tokens_per_minute=tokens, streams=streams, now=now)


def inside(room: Room | Refused) -> Room:
    """The room, which must not be a refusal."""
    assert isinstance(room, Room)
    return room


def test_a_minutes_worth_may_come_at_once_and_no_more() -> None:
    """Six at once, the seventh waits ten seconds, and exactly then one fits."""
    room = FULL
    for _ in range(6):
        room = inside(go(room, 100.0, requests=6))
    refused = go(room, 100.0, requests=6)
    assert refused == Refused("requests per minute", 6, 10.0)
    assert isinstance(go(room, 109.9, requests=6), Refused)
    room = inside(go(room, 110.0, requests=6))
    assert isinstance(go(room, 110.0, requests=6), Refused)


@given(
    st.integers(1, 100),
    st.lists(st.floats(0.0, 30.0, allow_nan=False), min_size=1, max_size=200),
)
def test_never_more_than_twice_the_rate_in_any_minute(per_minute: int, waits: list[float]) -> None:
    """However the requests come, those let in within any 60 s are at most a full bucket and its refill."""
    room, now, entered = FULL, 0.0, list[float]()
    for wait in waits:
        now += wait
        if isinstance(tried := go(room, now, requests=per_minute), Room):
            room = tried
            entered.append(now)
    for start in entered:
        assert sum(start <= each < start + 60.0 for each in entered) <= 2 * per_minute


def test_tokens_are_settled_with_what_was_used() -> None:
    """A request enters on any balance above zero; what it used is paid back by waiting."""
    room = inside(go(FULL, 0.0, tokens=600))
    room = leave(room, tokens=900, tokens_per_minute=600, now=0.0)
    refused = go(room, 0.0, tokens=600)
    assert isinstance(refused, Refused)
    assert refused.what == "tokens per minute"
    assert refused.retry_after_s == pytest.approx(30.1)
    assert isinstance(go(room, 30.1, tokens=600), Room)


def test_streams_count_those_under_way() -> None:
    """The third of two waits until one has ended; an end too many does not make room."""
    room = inside(go(inside(go(FULL, 0.0, streams=2)), 0.0, streams=2))
    assert go(room, 0.0, streams=2) == Refused("answers at once", 2, 1.0)
    room = leave(room, tokens=0, tokens_per_minute=None, now=0.0)
    assert inside(go(room, 0.0, streams=2)).streams == 2
    assert leave(FULL, tokens=0, tokens_per_minute=None, now=0.0).streams == 0


def test_without_limits_nothing_is_refused() -> None:
    """The control: the same thousand requests pass where no limit is set."""
    room = FULL
    for _ in range(1000):
        room = inside(go(room, 0.0))
    assert room.streams == 1000


def test_a_lower_limit_counts_at_once() -> None:
    """A bucket filled under a higher limit holds no more than the new one."""
    assert take(Bucket(1000.0, 0.0), 10, 10, 0.0) == Bucket(0.0, 0.0)


def test_time_that_stands_still_or_goes_back_refills_nothing() -> None:
    """A stopwatch that did not move, or an earlier time, adds nothing."""
    empty = Bucket(0.0, 100.0)
    assert isinstance(take(empty, 60, 1, 100.0), float)
    assert isinstance(take(empty, 60, 1, 50.0), float)
    assert isinstance(take(empty, 60, 1, 101.0), Bucket)
