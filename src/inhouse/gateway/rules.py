"""What the administrator decided about routing, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from inhouse.gateway.profiles import EngineKind

__all__ = ["ENGINE_ORDER", "Budget", "LocalSwitch", "Rules"]

LocalSwitch = Literal["auto", "true", "false", "force"]
"""`auto`: local first, cloud may take over. `true`: cloud only where no local engine is eligible.
`force`: never cloud. `false`: never local."""

ENGINE_ORDER: tuple[EngineKind, ...] = (
    "scripted",
    "mlx",
    "ollama",
    "vllm",
    "sglang",
    "lmstudio",
    "llama.cpp",
    "openai",
    "embedded",
    "anthropic",
    "gemini",
)
"""Order among engines of one place; local always stands before cloud. `scripted` exists in tests only."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Routing rules. `aliases` maps a name callers use to a name engines use."""

    cloud_allowed: bool = False
    local: LocalSwitch = "auto"
    allow_demo_answers: bool = False
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    order: tuple[EngineKind, ...] = ENGINE_ORDER
    max_attempts: int = 4


@dataclass(frozen=True, slots=True)
class Budget:
    """What may still be spent on cloud engines, in micro-units of money; None is no cap."""

    cloud_left_micros: int | None = None
