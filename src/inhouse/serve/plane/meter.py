"""How many tokens one answer took, for the limits of whoever asked; also when it was left in the middle."""

from __future__ import annotations

from inhouse.gateway.facts import prompt_tokens
from inhouse.kernel.messages import ChatEvent, ChatRequest, ReasoningDelta, TextDelta, ToolDelta, UsageSeen
from inhouse.kernel.ports import EngineUsed
from inhouse.serve.plane.parts import Trip

__all__ = ["Meter"]

_TEXTS = (TextDelta, ReasoningDelta)


class Meter:
    """Counts the events of one answer."""

    __slots__ = ("_bytes", "_request", "_told", "_used")

    def __init__(self, request: ChatRequest | Trip) -> None:
        self._request = request
        self._used: EngineUsed | None = None
        self._told: int | None = None
        self._bytes = 0

    def opened(self, used: EngineUsed) -> None:
        """An engine began to answer."""
        self._used = used

    def count(self, event: ChatEvent) -> None:
        """Note one event."""
        # Not by `match`, which takes three times as long, for each piece of each answer.
        if isinstance(event, _TEXTS):
            self._bytes += len(event.text)
        elif isinstance(event, ToolDelta):
            self._bytes += len(event.arguments)
        elif isinstance(event, UsageSeen):
            self._told = event.usage.input_tokens + event.usage.output_tokens

    def tokens(self) -> int:
        """What the engine said, else an estimate; 0 where no engine worked."""
        if self._used is None or self._used.where == "none":
            return 0
        if self._told is not None:
            return self._told
        asked = self._request
        asked_tokens = prompt_tokens(asked) if isinstance(asked, ChatRequest) else asked.prompt_tokens
        return asked_tokens + (self._bytes + 3) // 4
