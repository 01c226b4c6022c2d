"""What single checks add up to."""

from __future__ import annotations

import pytest

from inhouse.ops.health import Check, combine

OK = Check("ok", required=True, message="")


@pytest.mark.parametrize(
    ("check", "status", "http_status"),
    [
        (Check("ok", required=False, message=""), "ok", 200),
        (Check("warn", required=True, message=""), "degraded", 200),
        (Check("warn", required=False, message=""), "degraded", 200),
        (Check("down", required=False, message=""), "degraded", 200),
        (Check("down", required=True, message=""), "down", 503),
    ],
)
def test_checks_add_up(check: Check, status: str, http_status: int) -> None:
    """Only a required check that is down brings the house down."""
    health = combine({"a": OK, "b": check})
    assert (health.status, health.http_status) == (status, http_status)


def test_no_checks_are_well() -> None:
    """Nothing asked, nothing wrong."""
    assert combine({}).status == "ok"
