"""A whole answer out of its events, and the place of each tool call in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from inhouse.kernel.messages import (
    ChatEvent,
    Failed,
    Finished,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    TokenScore,
    ToolCall,
    ToolDelta,
    Usage,
    UsageSeen,
)

__all__ = ["GatheredAnswer", "ToolPlace", "ToolPlaces", "gather"]


@dataclass(slots=True)
class ToolPlace:
    """One call of an answer: its position among the calls, and the id that the caller sees.

    `said`: some of its arguments have come.
    """

    index: int
    call_id: str
    given_id: str
    said: bool = False


class ToolPlaces:
    """Gives every call its own place and id, however the engine numbers its pieces.

    An engine that repeats an index with another id means another call; one that gives no ids gets ids
    made of `seed`, because this dialect's clients send the id back with the result.
    """

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._open: dict[int, ToolPlace] = {}
        self.places: list[ToolPlace] = []
        """Calls so far."""

    def take(self, event: ToolDelta) -> tuple[ToolPlace, bool]:
        """The place of the call that this is a piece of, and whether it is the first piece."""
        known = self._open.get(event.index)
        if known is not None and (not event.call_id or known.given_id in ("", event.call_id)):
            known.said = known.said or bool(event.arguments)
            return known, False
        count = len(self.places)
        call_id = event.call_id or f"call_{self._seed.rpartition('-')[2]}_{count}"
        place = self._open[event.index] = ToolPlace(count, call_id, event.call_id, bool(event.arguments))
        self.places.append(place)
        return place, True


@dataclass(slots=True)
class GatheredAnswer:
    """Everything that the events of one answer said."""

    text: str = ""
    reasoning: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    scores: list[TokenScore] = field(default_factory=list)
    usage: Usage | None = None
    reason: FinishReason = "stop"


@dataclass(slots=True)
class _Pieces:
    place: ToolPlace
    name: str
    arguments: list[str]


def gather(events: Iterable[ChatEvent], seed: str) -> GatheredAnswer:
    """The answer that the events make; `seed` is for ids of calls without one."""
    answer, places, calls = GatheredAnswer(), ToolPlaces(seed), list[_Pieces]()
    text: list[str] = []
    reasoning: list[str] = []
    for event in events:
        match event:
            case TextDelta(words, scores):
                text.append(words)
                answer.scores += scores
            case ReasoningDelta(words):
                reasoning.append(words)
            case ToolDelta():
                place, first = places.take(event)
                if first:
                    calls.append(_Pieces(place, event.name, []))
                calls[place.index].arguments.append(event.arguments)
            case UsageSeen(usage):
                answer.usage = usage
            case Finished(reason):
                answer.reason = reason
            case Failed():
                pass  # the caller tells failures, what came before them is still an answer
    answer.text, answer.reasoning = "".join(text), "".join(reasoning)
    answer.calls = [
        ToolCall(each.place.call_id, each.name, "".join(each.arguments) or "{}") for each in calls
    ]
    return answer
