"""Words of a chat with a language model: what is asked, and what comes back piece by piece.

Event grammar, kept by every provider and every dialect:

    (TextDelta | ReasoningDelta | ToolDelta)* UsageSeen? (Finished | Failed)

Exactly one of the last two ends a stream. This module knows no vendor and no wire format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "ChatEvent",
    "ChatMessage",
    "ChatRequest",
    "DataPolicy",
    "Failed",
    "FinishReason",
    "Finished",
    "ReasoningDelta",
    "Role",
    "TextDelta",
    "ToolDelta",
    "Usage",
    "UsageSeen",
]

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
DataPolicy = Literal["local_only", "any"]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a caller wants from a model, in no dialect.

    `model` is None when the house may choose. `data` is the strictest word of all that spoke:
    `local_only` is never widened on the way. `json_schema` is a JSON document as text, or None for prose.
    Sampling values are None when the caller did not set them, which is not the same as zero.
    """

    messages: tuple[ChatMessage, ...]
    model: str | None = None
    task: str = "chat"
    data: DataPolicy = "local_only"
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    json_schema: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one exchange, normalised: `input_tokens` includes those read from a cache.

    `estimated` is True when the engine did not say and we counted characters instead.
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """The next piece of what the model thinks aloud; not part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolDelta:
    """A piece of a tool call; `arguments` is a fragment of JSON text."""

    index: int
    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class UsageSeen:
    """What the exchange used; at most one, just before the end."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is complete as far as the engine is concerned."""

    reason: FinishReason = "stop"


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer ended early; what came before stays valid but is not whole."""

    code: str
    message: str
    hint: str = ""


ChatEvent = TextDelta | ReasoningDelta | ToolDelta | UsageSeen | Finished | Failed
