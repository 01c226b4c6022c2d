"""How far an answer can be trusted, from what the answer itself shows.

    confidence = the least of: deterministic gates (0 or 1), log-probabilities, agreement of samples

A model's own statement of confidence is not asked for. Log-probabilities measure how sure the model was
of its words, not whether they are true; until they were calibrated against people's verdicts a
confidence is called `uncalibrated`, and thresholds apply to it with that word in the receipt.

Source: docs/concepts/routing.md; thresholds .85 and .70 are the planning documents'. Isotonic calibration
of token margins: UCCI (arXiv 2605.18796), by pool-adjacent-violators.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from inhouse.gateway.agree import agreement
from inhouse.gateway.schema import mismatch
from inhouse.kernel.messages import ChatEvent, ChatRequest, Failed, Finished, TextDelta, TokenScore, ToolDelta

__all__ = [
    "ACCEPT",
    "ESCALATE_BELOW",
    "LEAST_LABELS",
    "Calibration",
    "Confidence",
    "calibrate",
    "confidence_of",
]

ACCEPT = 0.85
"""A draft of a cascade that is at least this sure is the answer."""
ESCALATE_BELOW = 0.70
"""A single answer that is less sure than this is asked again of a stronger model."""
LEAST_LABELS = 200
"""Fewer verdicts than this make no calibration: the curve would follow single cases."""

_LOOP_CHARS, _LOOP_TIMES = 20, 6
_GIVES_UP = re.compile(
    r"^\W*(i (cannot|can't|can not|am unable|am not able|don't know|do not know)|i'm (sorry|unable|not sure)"
    r"|as an ai|sorry,|я не (могу|знаю)|к сожалению, я|извините)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Confidence:
    """0 to 1, and what it rests on. `failed_gate` is empty when every gate was passed.

    `logprob` is the mean natural logarithm over the answer's tokens, None where the engine gave none;
    `agreement` the share of samples that say the same, None where only one was taken.
    """

    value: float
    basis: str
    calibrated: bool = False
    failed_gate: str = ""
    logprob: float | None = None
    agreement: float | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising step curve from raw confidence to the share of answers that were right.

    `edges` are the lower ends of the steps in rising order, `shares` their values.
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]
    labels: int

    def __call__(self, raw: float) -> float:
        """The share of right answers among those with this raw confidence."""
        value = self.shares[0]
        for edge, share in zip(self.edges, self.shares, strict=True):
            if raw >= edge:
                value = share
        return value


def confidence_of(
    request: ChatRequest,
    events: Sequence[ChatEvent],
    *,
    samples: Sequence[str] = (),
    calibration: Calibration | None = None,
) -> Confidence:
    """How far the answer can be trusted. `samples` are further answers to the same request."""
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    if gate := _failed_gate(request, events, text):
        return Confidence(0.0, f"gate: {gate}", calibrated=True, failed_gate=gate)
    scores = [score for event in events if isinstance(event, TextDelta) for score in event.scores]
    logprob = _mean_logprob(scores)
    agreed = agreement((text, *samples)) if samples else None
    parts = [value for value in (None if logprob is None else math.exp(logprob), agreed) if value is not None]
    if not parts:
        return Confidence(1.0, "gates only: the engine gives no log-probabilities")
    raw, basis = min(parts), _basis(logprob, agreed)
    if calibration is None or calibration.labels < LEAST_LABELS:
        return Confidence(raw, f"{basis}, uncalibrated", logprob=logprob, agreement=agreed)
    return Confidence(calibration(raw), basis, calibrated=True, logprob=logprob, agreement=agreed)


def calibrate(verdicts: Sequence[tuple[float, bool]]) -> Calibration | None:
    """The curve that fits (raw confidence, was right) best and never falls; None below `LEAST_LABELS`.

    Source: pool-adjacent-violators, Ayer et al. 1955.
    """
    if len(verdicts) < LEAST_LABELS:
        return None
    blocks: list[list[float]] = []  # lower edge, sum, count
    for raw, right in sorted(verdicts):
        blocks.append([raw, float(right), 1.0])
        while len(blocks) > 1 and blocks[-2][1] / blocks[-2][2] >= blocks[-1][1] / blocks[-1][2]:
            _edge, total, count = blocks.pop()
            blocks[-1][1] += total
            blocks[-1][2] += count
    return Calibration(
        tuple(block[0] for block in blocks), tuple(block[1] / block[2] for block in blocks), len(verdicts)
    )


def _failed_gate(request: ChatRequest, events: Sequence[ChatEvent], text: str) -> str:
    """Why the answer is certainly not good, empty when nothing shows that."""
    if reason := _bad_end(events[-1] if events else None):
        return reason
    if any(isinstance(event, ToolDelta) for event in events):
        return ""
    if not text.strip():
        return "it is empty"
    schema = request.json_schema or ('{"type": "object"}' if request.json_object else None)
    if schema is not None and (reason := mismatch(text, schema)):
        return f"it does not fit the schema, {reason}"
    if _GIVES_UP.search(text) and len(text) < 400:
        return "it gives up"
    tail = text[-_LOOP_CHARS:]
    if len(tail) == _LOOP_CHARS and tail.strip() and text.count(tail) >= _LOOP_TIMES:
        return "it repeats itself"
    return ""


def _bad_end(last: ChatEvent | None) -> str:
    if isinstance(last, Failed):
        return f"it broke off: {last.message}"
    if not isinstance(last, Finished):
        return "it has no end"
    reasons = {
        "content_filter": "the engine's filter stopped it",
        "length": "it was cut at its length limit",
    }
    return reasons.get(last.reason, "")


def _mean_logprob(scores: Sequence[TokenScore]) -> float | None:
    """Mean over tokens that carry a choice; ends and white space are certain and would flatter."""
    counted = [each.logprob for each in scores if each.token.strip()]
    return sum(counted) / len(counted) if counted else None


def _basis(logprob: float | None, agreed: float | None) -> str:
    words = []
    if logprob is not None:
        words.append(f"mean token probability {math.exp(logprob):.2f}")
    if agreed is not None:
        words.append(f"agreement {agreed:.2f}")
    return ", ".join(words)
