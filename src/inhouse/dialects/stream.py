"""What every reader of a streamed answer has in common: the event grammar, and one end.

(TextDelta | ReasoningDelta | ToolDelta)* UsageSeen? (Finished | Failed)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from inhouse.kernel.errors import EngineBroke
from inhouse.kernel.messages import ChatEvent, Failed, Finished, FinishReason, Timing, Usage, UsageSeen

__all__ = ["Ending", "EventReader", "broken"]


class EventReader(Protocol):
    """Turns the bytes of one answer into events, whatever the size of the pieces they come in."""

    def read(self, data: bytes) -> Sequence[ChatEvent]:
        """The events that `data` completes; none after the end."""
        ...

    def end(self) -> Sequence[ChatEvent]:
        """What is left to say when no more bytes will come; empty when the end was already given."""
        ...


class Ending:
    """Remembers what the end of an answer needs, and gives that end once."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.timing: Timing | None = None
        self.reason: FinishReason | None = None
        self.stop_sequence: str | None = None
        self.over = False

    def finish(self) -> list[ChatEvent]:
        """Usage when it is known, then `Finished`."""
        return self._give(Finished(self.reason or "stop", self.stop_sequence))

    def fail(self, failed: Failed) -> list[ChatEvent]:
        """Usage when it is known, then the failure."""
        return self._give(failed)

    def _give(self, last: Finished | Failed) -> list[ChatEvent]:
        if self.over:
            return []
        self.over = True
        return [UsageSeen(self.usage, self.timing), last] if self.usage else [last]


def broken(message: str) -> Failed:
    """The failure of an answer that cannot be read any further."""
    return Failed(EngineBroke.code, message)
