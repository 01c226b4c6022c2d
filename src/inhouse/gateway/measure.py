"""How busy and how fast an engine is: from its own metrics, and from what our requests took.

What nobody told and nobody measured stays None, which is not zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from inhouse.dialects.prometheus import Sample, largest, total
from inhouse.gateway.fleet import Load
from inhouse.gateway.profiles import Profile

__all__ = [
    "NOTHING_LEARNED",
    "SHORTEST_WRITING_S",
    "Learned",
    "after_answer",
    "after_load",
    "scraped",
    "slow",
    "with_learned",
]

WEIGHT = 0.2
"""Part of the newest measurement: ten answers forget what was before by nine tenths."""
LOAD_WEIGHT = 0.5
"""Loads are few, and the last one says most: the file may be in the page cache now."""
FEWEST_TOKENS = 8
"""An answer with fewer tells nothing about speed."""
SHORTEST_WRITING_S = 0.02
"""What takes less came in one piece: then nobody saw how long it was written."""
SLOW_TOKENS_PER_S = 5.0
"""Slower than people read: below this somebody should choose a smaller model."""
LOAD_NOTICED_S = 0.3
"""Ollama calls even the look at a loaded model loading; that takes some 20 ms."""


@dataclass(frozen=True, slots=True)
class Learned:
    """Moving averages of one model on one engine. `answers` counts what `tokens_per_s` stands on."""

    tokens_per_s: float | None = None
    request_s: float | None = None
    load_s: float | None = None
    answers: int = 0


NOTHING_LEARNED = Learned()


def after_answer(learned: Learned, *, output_tokens: int, writing_s: float, whole_s: float) -> Learned:
    """What is known after an answer that took `whole_s`, of which `writing_s` after its first token."""
    request_s = _blend(learned.request_s, whole_s, WEIGHT)
    if output_tokens < FEWEST_TOKENS or writing_s < SHORTEST_WRITING_S:
        return Learned(learned.tokens_per_s, request_s, learned.load_s, learned.answers)
    rate = _blend(learned.tokens_per_s, (output_tokens - 1) / writing_s, WEIGHT)
    return Learned(rate, request_s, learned.load_s, learned.answers + 1)


def after_load(learned: Learned, load_s: float) -> Learned:
    """What is known after the model was loaded; too short a time was no loading."""
    if load_s < LOAD_NOTICED_S:
        return learned
    return replace(learned, load_s=_blend(learned.load_s, load_s, LOAD_WEIGHT))


def scraped(profile: Profile, samples: Mapping[str, Sequence[Sample]]) -> Load:
    """What an engine's metrics page says, in the names of its profile."""
    use = next((samples[name] for name in profile.usage_metrics if name in samples), None)
    share = largest(use)
    return Load(
        running=_whole(total(samples.get(profile.running_metric or ""))),
        waiting=_whole(total(samples.get(profile.waiting_metric or ""))),
        cache_use=None if share is None else min(1.0, max(0.0, share)),
    )


def with_learned(load: Load, learned: Sequence[Learned]) -> Load:
    """The load with what was learned of all models of the engine: the usual speed, the longest loading."""
    rates = [(each.tokens_per_s, each.answers) for each in learned if each.tokens_per_s is not None]
    times = [each.request_s for each in learned if each.request_s is not None]
    loads = [each.load_s for each in learned if each.load_s is not None]
    weights = sum(count for _, count in rates)
    return replace(
        load,
        tokens_per_s=sum(rate * count for rate, count in rates) / weights if weights else load.tokens_per_s,
        request_s=sum(times) / len(times) if times else load.request_s,
        load_s=max(loads) if loads else load.load_s,
    )


def slow(tokens_per_s: float | None) -> str:
    """What to tell a person about that speed; empty when all is well, or nothing is known."""
    if tokens_per_s is None or tokens_per_s >= SLOW_TOKENS_PER_S:
        return ""
    return f"only {tokens_per_s:.1f} tokens/s on this machine: choose a smaller or quantised model"


def _blend(before: float | None, now: float, weight: float) -> float:
    return now if before is None else before + (now - before) * weight


def _whole(value: float | None) -> int | None:
    return None if value is None else max(0, int(value))
