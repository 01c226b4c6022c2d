"""What the administrator decided about routing, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from inhouse.gateway.fleet import Place
from inhouse.gateway.profiles import EngineKind
from inhouse.kernel.messages import Priority

__all__ = [
    "DEADLINES",
    "ENGINE_ORDER",
    "TASKS",
    "AliasRule",
    "Budget",
    "LocalSwitch",
    "OfferedNames",
    "PriceOf",
    "RouteRule",
    "Rules",
    "Scorer",
    "TaskRule",
]

LocalSwitch = Literal["auto", "true", "false", "force"]
"""`auto`: local first, cloud may take over. `true`: cloud only where no local engine is eligible, and for
the role L1. `force`: never cloud. `false`: never local."""

OfferedNames = Literal["exact", "class", "ceiling"]
"""What a name that an engine offers means: that model only, that model first and then its like, or any
model up to its class."""

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

DEADLINES: Mapping[Priority, float] = MappingProxyType(
    {"critical": 5.0, "high": 10.0, "medium": 30.0, "low": 120.0, "batch": float("inf")}
)
"""Seconds that a request may wait for a free slot or for a model to load before going elsewhere is better.
30 s is what loading a 20 GB model from a common disk takes; people leave a silent page after 10 s."""

Scorer = Callable[[str, str], float]
"""(prompt, task) -> 0-1, how much a stronger model would gain; pure, and it keeps nothing of the prompt."""

PriceOf = Callable[[str, str, int, int], int | None]
"""(engine, model, input tokens, output tokens) -> micro-units of money; None: not known."""


@dataclass(frozen=True, slots=True)
class TaskRule:
    """Which models a task wants, best first: shell patterns of names, or classes of models.

    `role` is the role that the task stands for when the caller names none. `shift` is added to the
    complexity of its prompts. `configured`: written by the administrator, who is obeyed before an
    engine's default model; what came with the package is not.
    """

    name: str
    models: tuple[str, ...] = ()
    role: Literal["L1", "L2", "L3"] | None = None
    shift: float = 0.0
    configured: bool = False


@dataclass(frozen=True, slots=True)
class AliasRule:
    """What a requested name (a shell pattern) means: the first of `models` that can answer.

    `models` are names, `engine/model`, or classes. `means` `ceiling`: no model above the largest of these.
    `keys` are patterns of key ids or teams that it holds for; empty: for everybody.
    """

    name: str
    models: tuple[str, ...]
    means: Literal["alias", "exact", "ceiling"] = "alias"
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteRule:
    """Wishes for requests that fit all of its patterns; what the caller said itself stays.

    `local_only` is never undone, by nobody. An empty pattern fits everything.
    """

    name: str
    task: str = ""
    model: str = ""
    key: str = ""
    team: str = ""
    local_only: bool = False
    role: Literal["L1", "L2", "L3"] | None = None
    priority: Priority | None = None
    prefer: Place | None = None
    force: Place | None = None
    use: str = ""


TASKS: tuple[TaskRule, ...] = (
    TaskRule("chat", ("mistral*14b*", "ministral*14b*", "mistral-nemo*", "medium")),
    TaskRule("analysis", ("qwen*32b*", "large"), shift=0.1),
    TaskRule("transcript", ("qwen2.5:7b*", "qwen2.5*7b*", "medium")),
    TaskRule("knowledge", ("qwen2.5:7b*", "qwen2.5*7b*", "medium")),
    TaskRule("technical", ("qwen2.5:7b*", "qwen2.5*7b*", "medium")),
    TaskRule("agent", ("llama3*8b*", "llama3.1*", "llama3.2*", "medium")),
    TaskRule("general", ("llama3*8b*", "llama3.1*", "llama3.2*", "medium")),
    TaskRule("summary", ("phi3*", "phi4-mini*", "small"), shift=-0.1),
    TaskRule("monitoring", ("phi3*", "phi4-mini*", "small"), shift=-0.1),
    TaskRule("logs", ("phi3*", "phi4-mini*", "small"), shift=-0.1),
    TaskRule("system", ("phi3*", "phi4-mini*", "small"), shift=-0.1),
    TaskRule("development", ("mistral:7b*", "mistral", "code")),
    TaskRule("prompt", ("mistral:7b*", "mistral", "medium")),
    TaskRule("reasoning", ("*70b*", "reasoning"), shift=0.2),
    TaskRule("coordination", ("large",), role="L1", shift=0.2),
    TaskRule("conflict", ("large",), role="L1", shift=0.2),
    TaskRule("review", ("large",), role="L1", shift=0.2),
)
"""The plans' models (DESIGN section 7): a `[[task]]` block of the same name replaces one."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Routing rules; what is left out has no effect.

    `scorer` judges complexity, None: nobody does. Prompts of `hard_from` and more are hard.
    `post_hoc`: single answers are judged too, not only the drafts of a cascade.
    """

    cloud_allowed: bool = False
    local: LocalSwitch = "auto"
    allow_demo_answers: bool = False
    aliases: tuple[AliasRule, ...] = ()
    order: tuple[EngineKind, ...] = ENGINE_ORDER
    max_attempts: int = 4
    offered_names: OfferedNames = "exact"
    unknown_names: Literal["class", "refuse"] = "class"
    tasks: Mapping[str, TaskRule] = field(default_factory=lambda: MappingProxyType({}))
    routes: tuple[RouteRule, ...] = ()
    deadlines: Mapping[Priority, float] = field(default_factory=lambda: DEADLINES)
    scorer: Scorer | None = None
    hard_from: float = 0.8
    accept: float = 0.85
    escalate_below: float = 0.70
    post_hoc: bool = False
    retries: int = 2


@dataclass(frozen=True, slots=True)
class Budget:
    """What may still be spent on cloud engines, in micro-units of money; None is no cap.

    `price_of` estimates what a request would cost; needed only where the caller set a limit of its own.
    `spent` says whose budget is used up and until when, empty while there is money left.
    """

    cloud_left_micros: int | None = None
    price_of: PriceOf | None = None
    spent: str = ""
