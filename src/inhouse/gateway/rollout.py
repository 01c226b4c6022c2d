"""Changing the model behind a name step by step, and back when it does worse.

Everybody stays on one side: a payer's place from 0 to 99 is fixed for a name, and a growing stage only
adds payers to the candidate. `verdict` says after every look whether to wait, go on or go back.

Source: reference figures of docs/concepts/rollout.md: for 80 % power with paired answers and 10 %
discordance 318 pairs show a rise of 5 points and 78 pairs one of 10; fewer are `insufficient data`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

__all__ = [
    "LEAST_PAIRS",
    "STAGES",
    "Arm",
    "ArmStats",
    "Gate",
    "Limits",
    "Rollout",
    "RolloutDesk",
    "RolloutView",
    "Verdict",
    "advanced",
    "arm_of",
    "bucket_of",
    "gate",
    "rolled_back",
    "verdict",
    "wilson",
]

STAGES = (0, 10, 50, 100)
"""Percent of payers on the candidate; 0 is shadow traffic only: it answers, and nobody sees it."""
LEAST_PAIRS = 318
SMALL_PAIRS = 78
"""Enough when the rise seen is at least 10 points."""
RESAMPLES = 2000

Status = Literal["running", "done", "rolled_back"]


@dataclass(frozen=True, slots=True)
class Arm:
    """One side. `model` as the routing names it; `digest` pins its bytes, empty where engines have none."""

    model: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """When to go on and when to go back. Rates are shares, times seconds.

    `error_rise` and `latency_ratio` are what the candidate may be worse by; `least_requests` per side
    before a stage is judged good, `least_failures` before it is judged bad.
    """

    error_rise: float = 0.02
    latency_ratio: float = 1.5
    quality_fall: float = 0.02
    least_requests: int = 100
    least_failures: int = 3
    stage_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Rollout:
    """The change behind one requested name. `auto`: stages go on by themselves."""

    name: str
    baseline: Arm
    candidate: Arm
    stage: int
    status: Status
    started_at: float
    stage_at: float
    auto: bool = True
    judge: str = ""
    shadow_share: float = 0.1
    reason: str = ""
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class ArmStats:
    """What one side did in this stage; first-token times in milliseconds, unsorted."""

    requests: int = 0
    failed: int = 0
    first_token_ms: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Gate:
    """Is the candidate better? `uplift` is the mean difference of paired scores of 0 to 1.

    `low` and `high` bound it at 95 % by a paired bootstrap.
    """

    answer: Literal["better", "not better", "worse", "insufficient data"]
    pairs: int
    needed: int
    uplift: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do now, and why."""

    action: Literal["wait", "promote", "rollback"]
    reason: str


@dataclass(frozen=True, slots=True)
class RolloutView:
    """A roll-out with what its two sides did since the stage began, and what follows from that."""

    rollout: Rollout
    baseline: ArmStats
    candidate: ArmStats
    quality: Gate
    verdict: Verdict


class RolloutDesk(Protocol):
    """Starts, watches and ends roll-outs. Every method may block on the disk."""

    def views(self) -> tuple[RolloutView, ...]:
        """All of them, the last changed first."""
        ...

    def begin(self, rollout: Rollout) -> RolloutView:
        """Start it.

        Raises:
            Conflict: if one is running for this name.
            NotFound: if no engine offers one of its models.
        """
        ...

    def promote(self, name: str) -> RolloutView:
        """Go to the next stage now.

        Raises:
            NotFound: if none is running for this name.
        """
        ...

    def roll_back(self, name: str, reason: str) -> RolloutView:
        """The baseline serves every new request from now on.

        Raises:
            NotFound: if there is none for this name.
        """
        ...


def bucket_of(name: str, payer: str) -> int:
    """The payer's place from 0 to 99 for this name; other names give it other places."""
    digest = hashlib.sha256(f"{name}\0{payer}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % 100


def arm_of(rollout: Rollout, payer: str) -> Arm:
    """The side that serves this payer."""
    if rollout.status == "rolled_back":
        return rollout.baseline
    if rollout.status == "done" or bucket_of(rollout.name, payer) < rollout.stage:
        return rollout.candidate
    return rollout.baseline


def advanced(rollout: Rollout, now: float, reason: str) -> Rollout:
    """The next stage; after the last one the candidate has the name for good."""
    later = [stage for stage in STAGES if stage > rollout.stage]
    if not later:
        return replace(rollout, status="done", stage_at=now, reason=reason)
    return replace(rollout, stage=later[0], stage_at=now, reason=reason)


def rolled_back(rollout: Rollout, now: float, reason: str) -> Rollout:
    """The baseline serves everybody again."""
    return replace(rollout, status="rolled_back", stage_at=now, reason=reason)


def verdict(rollout: Rollout, baseline: ArmStats, candidate: ArmStats, quality: Gate, now: float) -> Verdict:
    """Wait, go on or go back, from what both sides did since the stage began.

    Going back needs little: the lower end of what the candidate's error rate may be lies above what is
    tolerated. Going on needs time, requests on both sides, and no sign against it.
    """
    if bad := _regression(rollout, baseline, candidate, quality):
        return Verdict("rollback", bad)
    limits, age = rollout.limits, now - rollout.stage_at
    if age < limits.stage_s:
        return Verdict("wait", f"this stage lasts {limits.stage_s - age:.0f} s more")
    if rollout.stage > 0 and candidate.requests < limits.least_requests:
        return Verdict(
            "wait",
            f"insufficient data: {candidate.requests} of {limits.least_requests} requests on the candidate",
        )
    if rollout.stage == 0 and quality.answer == "insufficient data":
        return Verdict("wait", f"insufficient data: {quality.pairs} of {quality.needed} judged pairs")
    return Verdict("promote", f"{candidate.requests} requests without a sign against it")


def gate(pairs: Sequence[tuple[float, float]]) -> Gate:
    """Whether the second score of each pair is better than the first: by .05 or more, and surely above 0.

    Below `LEAST_PAIRS` (or 78 where the rise is 10 points or more) the answer is `insufficient data`.
    """
    if not pairs:
        return Gate("insufficient data", 0, LEAST_PAIRS)
    differences = [after - before for before, after in pairs]
    uplift = sum(differences) / len(differences)
    needed = SMALL_PAIRS if abs(uplift) >= 0.10 else LEAST_PAIRS
    if len(pairs) < needed:
        return Gate("insufficient data", len(pairs), needed, uplift)
    low, high = _bootstrap(differences)
    if uplift >= 0.05 and low > 0:
        return Gate("better", len(pairs), needed, uplift, low, high)
    return Gate("worse" if high < 0 else "not better", len(pairs), needed, uplift, low, high)


def wilson(failed: int, requests: int) -> tuple[float, float]:
    """Between which shares the true failure rate lies with 95 %. Source: Wilson 1927."""
    if requests == 0:
        return 0.0, 1.0
    z, rate = 1.96, failed / requests
    middle = rate + z * z / (2 * requests)
    spread = z * math.sqrt(rate * (1 - rate) / requests + z * z / (4 * requests * requests))
    scale = 1 + z * z / requests
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def _regression(rollout: Rollout, baseline: ArmStats, candidate: ArmStats, quality: Gate) -> str:
    limits = rollout.limits
    usual = baseline.failed / baseline.requests if baseline.requests else 0.0
    low, _high = wilson(candidate.failed, candidate.requests)
    if candidate.failed >= limits.least_failures and low > usual + limits.error_rise:
        return (
            f"{candidate.failed} of {candidate.requests} requests failed on the candidate,"
            f" {baseline.failed} of {baseline.requests} on the baseline"
        )
    if min(len(candidate.first_token_ms), len(baseline.first_token_ms)) >= limits.least_requests // 2:
        before, after = _p95(baseline.first_token_ms), _p95(candidate.first_token_ms)
        if after > before * limits.latency_ratio:
            return f"first token p95 rose from {before:.0f} to {after:.0f} ms"
    surely = quality.uplift is not None and quality.high is not None and quality.high < 0
    if surely and quality.uplift is not None and quality.uplift < -limits.quality_fall:
        return f"judged quality fell by {-quality.uplift:.3f} over {quality.pairs} pairs"
    return ""


def _p95(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(0.95 * len(ordered)) - 1)]


def _bootstrap(differences: Sequence[float]) -> tuple[float, float]:
    """2.5 % and 97.5 % points of the mean over resamples; the same numbers give the same bounds."""
    count, state = len(differences), 0x9E3779B97F4A7C15
    means = []
    for _ in range(RESAMPLES):
        total = 0.0
        for _ in range(count):
            # Knuth's MMIX generator; its upper bits are even enough to draw indexes from.
            state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
            total += differences[(state >> 33) % count]
        means.append(total / count)
    means.sort()
    return means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES) - 1]
