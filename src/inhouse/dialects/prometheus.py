"""The text in which engines publish their metrics.

Source: Prometheus documentation, "Text-based exposition format" 0.0.4, 2026-11.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Sample", "largest", "read_samples", "total"]

_LINE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*$")
_LABEL = re.compile(r'\s*([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"\s*,?')
_ESCAPED = re.compile(r"\\(.)")
_RANKS = ("tp_rank", "pp_rank", "moe_ep_rank", "pid")
"""Labels that tell apart parts of one engine, all of which publish the same figure."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure and its labels."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def read_samples(body: bytes) -> dict[str, list[Sample]]:
    """The samples by metric name; lines that are no samples are left out, as Prometheus itself would not."""
    found: dict[str, list[Sample]] = {}
    for line in body.decode("utf-8", "replace").split("\n"):
        match = _LINE.match(line)
        value = _number(match[3]) if match is not None else None
        if match is not None and value is not None:
            found.setdefault(match[1], []).append(Sample(value, _labels(match[2] or "")))
    return found


def total(samples: Sequence[Sample] | None) -> float | None:
    """The sum over all models and workers; None where the metric is missing, which is not zero."""
    if not samples:
        return None
    parts: dict[tuple[tuple[str, str], ...], float] = {}
    for each in samples:
        key = tuple(sorted((name, value) for name, value in each.labels.items() if name not in _RANKS))
        parts[key] = max(each.value, parts.get(key, -math.inf))
    return sum(parts.values())


def largest(samples: Sequence[Sample] | None) -> float | None:
    """The largest over all models and workers; None where the metric is missing."""
    return max(each.value for each in samples) if samples else None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return None if math.isnan(value) else value


def _labels(text: str) -> dict[str, str]:
    return {
        match[1]: _ESCAPED.sub(lambda escape: "\n" if escape[1] == "n" else escape[1], match[2])
        for match in _LABEL.finditer(text)
    }
