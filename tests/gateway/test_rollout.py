"""Changing the model behind a name: who gets which, when it goes on, when it goes back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.gateway.rollout import (
    STAGES,
    Arm,
    ArmStats,
    Gate,
    Limits,
    Rollout,
    advanced,
    arm_of,
    bucket_of,
    gate,
    rolled_back,
    verdict,
    wilson,
)

NONE = Gate("insufficient data", 0, 318)
START = Rollout("chat", Arm("old"), Arm("new"), 10, "running", 0.0, 0.0, limits=Limits(stage_s=60))
FINE = ArmStats(200, 2, (100.0,) * 100)


@given(st.text(), st.text())
def test_a_payer_stays_on_the_candidate(name: str, payer: str) -> None:
    """Once a payer has the candidate, no later stage takes it away, and the place never changes."""
    here = replace(START, name=name)
    sides = [arm_of(replace(here, stage=stage), payer).model for stage in STAGES]
    assert sides == sorted(sides, reverse=True)
    assert sides[0] == "old"
    assert sides[-1] == "new"
    assert 0 <= bucket_of(name, payer) < 100


def test_a_stage_holds_about_its_share() -> None:
    """Of 10,000 payers some 1,000 are on the candidate at 10 %, and other ones for another name."""
    payers = [f"user-{number}" for number in range(10_000)]
    first = {payer for payer in payers if bucket_of("chat", payer) < 10}
    second = {payer for payer in payers if bucket_of("code", payer) < 10}
    assert 900 < len(first) < 1100
    assert 50 < len(first & second) < 150


def test_a_roll_back_serves_the_baseline_to_all() -> None:
    """Whatever the stage was."""
    back = rolled_back(replace(START, stage=100), 5.0, "why")
    assert (back.status, back.reason, arm_of(back, "anna").model) == ("rolled_back", "why", "old")


def test_stages_go_on_to_the_end() -> None:
    """10, 50, 100, and then the name belongs to the candidate."""
    seen = []
    here = START
    while here.status == "running":
        here = advanced(here, 1.0, "")
        seen.append(here.stage)
    assert seen == [50, 100, 100]
    assert arm_of(here, "anyone").model == "new"


@pytest.mark.parametrize(
    ("candidate", "now", "action", "word"),
    [
        (ArmStats(5, 4), 1.0, "rollback", "4 of 5"),
        (ArmStats(200, 20), 1.0, "rollback", "20 of 200"),
        (ArmStats(200, 2, (160.0,) * 100), 1.0, "rollback", "from 100 to 160 ms"),
        (ArmStats(2, 2), 1.0, "wait", "59 s more"),
        (FINE, 59.0, "wait", "1 s more"),
        (ArmStats(20, 0), 61.0, "wait", "insufficient data: 20 of 100"),
        (FINE, 61.0, "promote", "200 requests"),
        (ArmStats(200, 4, (140.0,) * 100), 61.0, "promote", "200 requests"),
    ],
)
def test_verdicts(candidate: ArmStats, now: float, action: str, word: str) -> None:
    """Errors and latency take it back at once; time and requests carry it on; noise does neither."""
    found = verdict(START, FINE, candidate, NONE, now)
    assert (found.action, word in found.reason) == (action, True), found.reason


def test_quality_takes_it_back() -> None:
    """Judged pairs that are surely worse end the roll-out; too few of them do not."""
    worse = gate([(1.0, 0.0), *[(1.0, 1.0)] * 4] * 80)
    assert worse.answer == "worse"
    assert verdict(START, FINE, FINE, worse, 1.0).action == "rollback"
    few = gate([(1.0, 0.0), (1.0, 1.0)] * 10)
    assert (few.answer, verdict(START, FINE, FINE, few, 1.0).action) == ("insufficient data", "wait")


def test_shadow_waits_for_judged_pairs() -> None:
    """At stage 0 nobody sees the candidate, so only judged pairs carry it on."""
    shadow = replace(START, stage=0)
    assert "0 of 318 judged pairs" in verdict(shadow, FINE, ArmStats(), NONE, 61.0).reason
    better = gate([(0.0, 1.0), *[(1.0, 1.0)] * 9] * 40)
    assert verdict(shadow, FINE, ArmStats(), better, 61.0).action == "promote"


@pytest.mark.parametrize(
    ("pairs", "answer", "needed"),
    [
        ([(0.0, 1.0), *[(1.0, 1.0)] * 9] * 40, "better", 78),
        ([(0.0, 1.0), *[(1.0, 1.0)] * 9] * 7, "insufficient data", 78),
        ([(0.0, 1.0), *[(1.0, 1.0)] * 16] * 18, "insufficient data", 318),
        ([(0.0, 1.0), *[(1.0, 1.0)] * 16] * 20, "better", 318),
        ([(1.0, 1.0)] * 400, "not better", 318),
        ([], "insufficient data", 318),
    ],
)
def test_gate(pairs: list[tuple[float, float]], answer: str, needed: int) -> None:
    """Enough pairs for the rise that is seen, a rise of .05, and a lower bound above 0."""
    found = gate(pairs)
    assert (found.answer, found.needed, found.pairs) == (answer, needed, len(pairs))


def test_gate_is_the_same_every_time() -> None:
    """The bootstrap draws the same resamples for the same pairs, and holds the mean."""
    pairs = [(0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)] * 100
    first = gate(pairs)
    assert first == gate(pairs)
    assert first.low is not None
    assert first.high is not None
    assert first.low < 0.25 < first.high


def test_wilson() -> None:
    """The interval of Wilson's paper for 5 of 10, and the ends."""
    low, high = wilson(5, 10)
    assert (round(low, 3), round(high, 3)) == (0.237, 0.763)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 10)[0] == 0.0
