"""JSON shapes of `/app/llm`, with the names of the planning documents."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from inhouse.serve.bodies import Body
from inhouse.serve.shapes import Shape

__all__ = [
    "ChatBody",
    "ChatReply",
    "CloudLlm",
    "CloudUse",
    "GenerateBody",
    "GenerateReply",
    "LlmHealth",
    "LocalLlm",
    "LocalUse",
    "Metadata",
    "Turn",
    "UsageStats",
]

DEFAULT_TEMPERATURE = 0.7
"""Of the plans; a model's own default differs from engine to engine."""


class LocalLlm(Shape):
    available: bool
    url: str | None
    model: str | None


class CloudLlm(Shape):
    available: bool
    provider: str | None


class LlmHealth(Shape):
    """Where a request would go now."""

    local_llm: LocalLlm
    cloud_llm: CloudLlm
    recommended_routing: Literal["local", "cloud", "none"]


class _LenientBody(Body):
    """Unknown keys are ignored: clients were written after several plans."""

    model_config = ConfigDict(extra="ignore")


class GenerateBody(_LenientBody):
    prompt: str
    system: str | None = None
    model: str | None = None
    temperature: float = Field(default=DEFAULT_TEMPERATURE, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1)
    prefer_local: bool = True
    force_cloud: bool = False
    task: str = Field(default="chat", max_length=64)
    data: Literal["any", "local_only"] = "any"


class Turn(Shape):
    role: Literal["system", "user", "assistant"]
    content: str


class ChatBody(_LenientBody):
    messages: tuple[Turn, ...] = Field(min_length=1)
    model: str | None = None
    temperature: float = Field(default=DEFAULT_TEMPERATURE, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1)
    prefer_local: bool = True
    stream: bool = False
    task: str = Field(default="chat", max_length=64)
    data: Literal["any", "local_only"] = "any"


class Metadata(Shape):
    """Durations are nanoseconds, as in Ollama; null where the engine does not say."""

    total_duration: int
    load_duration: int | None
    prompt_eval_count: int
    input_tokens: int
    output_tokens: int
    stop_reason: str | None


class ChatReply(Shape):
    response: str
    model_used: str | None
    source: Literal["local", "cloud", "none"]
    cost: float | None
    request_id: str


class GenerateReply(ChatReply):
    """`tokens` are those written by a local model, and all that a cloud model counts."""

    tokens: int
    metadata: Metadata


class LocalUse(Shape):
    calls: int
    tokens: int
    cost: float


class CloudUse(Shape):
    calls: int
    input_tokens: int
    output_tokens: int
    cost: float


class UsageStats(Shape):
    """Money is of the calls whose price is known; `unpriced` counts the others, and `note` says so."""

    timestamp: str
    local: LocalUse
    cloud: CloudUse
    total_cost: float
    cost_savings: float
    unpriced: int
    note: str = ""
