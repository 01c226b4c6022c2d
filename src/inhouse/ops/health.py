"""Whether the house is well: single checks, and the one word they add up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["Check", "Health", "combine"]

CheckStatus = Literal["ok", "warn", "down"]
Overall = Literal["ok", "degraded", "down"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the house needs (`required`) or is better with.

    `message` says what is so, `hint` what to do about it; the hint is empty when all is well.
    """

    status: CheckStatus
    required: bool
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """All checks and their sum."""

    status: Overall
    checks: Mapping[str, Check]

    @property
    def http_status(self) -> int:
        """503 only when a required thing is down, so that a balancer never drops a usable house."""
        return 503 if self.status == "down" else 200


def combine(checks: Mapping[str, Check]) -> Health:
    """`down` when a required check is down, `degraded` when anything else is not ok."""
    if any(check.required and check.status == "down" for check in checks.values()):
        return Health("down", checks)
    if any(check.status != "ok" for check in checks.values()):
        return Health("degraded", checks)
    return Health("ok", checks)
