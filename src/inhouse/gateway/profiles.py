"""What each kind of engine can do and how it is told apart; every quirk of an engine stands here.

Source: measured and read in source, 2026-11 (llama.cpp b10549, mlx-lm 0.32.4, Ollama 0.33.0-rc2); vLLM,
SGLang and LM Studio from their documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

__all__ = ["CAPABILITIES", "PROFILES", "WELL_KNOWN_PORTS", "Capability", "EngineKind", "Profile"]

EngineKind = Literal[
    "mlx",
    "ollama",
    "vllm",
    "sglang",
    "lmstudio",
    "llama.cpp",
    "embedded",
    "scripted",
    "openai",
    "anthropic",
    "gemini",
]

Capability = Literal["completion", "tools", "vision", "embedding", "thinking", "insert", "image", "audio"]
"""What one model can do, in the words of Ollama's `/api/tags`."""
CAPABILITIES: tuple[Capability, ...] = get_args(Capability)

WELL_KNOWN_PORTS = (11434, 8080, 8000, 30000, 1234)
"""Where Ollama, llama.cpp and MLX, vLLM, SGLang and LM Studio listen unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Capabilities of one kind of engine; metric names are None where the engine publishes none."""

    dialect: Literal["openai", "ollama", "anthropic", "gemini"] | None
    """None: cannot be dispatched to by this version."""
    honours_json_schema: bool
    """False where `response_format` is accepted and silently ignored."""
    usage_in_stream: bool
    """Understands `stream_options.include_usage`."""
    rejects_long_context: bool
    """False where a prompt that is too long is cut or accepted without a word."""
    fingerprint: str
    """What an unknown address must show to be taken for this engine."""
    running_metric: str | None = None
    waiting_metric: str | None = None
    usage_metrics: tuple[str, ...] = ()
    """Share of the key-value cache in use; several names, newest first."""
    logprobs: bool = True
    """False where log-probabilities cannot be had."""
    embeds: bool = True
    """False where no model gives vectors."""
    tools: bool = True
    """False where tools in a request are refused or never lead to a call."""
    forces_tools: bool = True
    """False where `tool_choice` is ignored without a word: forced tools go through a schema instead."""
    vision: bool = True
    """False where no model sees pictures."""
    thinking: bool = True
    """False where a model cannot be told how much to think aloud."""


PROFILES: Mapping[EngineKind, Profile] = MappingProxyType(
    {
        "mlx": Profile(
            dialect="openai",
            honours_json_schema=False,
            usage_in_stream=True,
            rejects_long_context=False,
            fingerprint="GET /v1/models and /health answer, GET /props is 404, Server is Python's BaseHTTP",
            embeds=False,
            forces_tools=False,
            thinking=False,
        ),
        "ollama": Profile(
            dialect="ollama",
            honours_json_schema=True,
            usage_in_stream=True,
            rejects_long_context=False,
            fingerprint="GET / says `Ollama is running`",
            forces_tools=False,
        ),
        "vllm": Profile(
            dialect="openai",
            honours_json_schema=True,
            usage_in_stream=True,
            rejects_long_context=True,
            fingerprint="a model is owned_by `vllm`",
            running_metric="vllm:num_requests_running",
            waiting_metric="vllm:num_requests_waiting",
            usage_metrics=("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"),
        ),
        "sglang": Profile(
            dialect="openai",
            honours_json_schema=True,
            usage_in_stream=True,
            rejects_long_context=True,
            fingerprint="a model is owned_by `sglang`, or GET /get_model_info answers",
            running_metric="sglang:num_running_reqs",
            waiting_metric="sglang:num_queue_reqs",
            usage_metrics=("sglang:token_usage",),
        ),
        "lmstudio": Profile(
            dialect="openai",
            honours_json_schema=True,
            usage_in_stream=True,
            rejects_long_context=False,
            fingerprint="GET /api/v1/models or /api/v0/models lists models with a type",
            forces_tools=False,
            thinking=False,
        ),
        "llama.cpp": Profile(
            dialect="openai",
            honours_json_schema=True,
            usage_in_stream=True,
            rejects_long_context=True,
            fingerprint="header `Server: llama.cpp`",
            running_metric="llamacpp:requests_processing",
            waiting_metric="llamacpp:requests_deferred",
            forces_tools=False,
        ),
        "embedded": Profile(
            dialect="openai",
            honours_json_schema=True,
            usage_in_stream=True,
            rejects_long_context=True,
            fingerprint="a child process of our own",
            running_metric="llamacpp:requests_processing",
            waiting_metric="llamacpp:requests_deferred",
            forces_tools=False,
            vision=False,
        ),
        "scripted": Profile(
            dialect=None,
            honours_json_schema=True,
            usage_in_stream=True,
            rejects_long_context=True,
            fingerprint="lives in this process and plays a script",
        ),
        "openai": Profile(
            dialect="openai",
            honours_json_schema=True,
            usage_in_stream=True,
            rejects_long_context=True,
            fingerprint="GET /v1/models lists models, and nothing above fits",
        ),
        "anthropic": Profile(
            dialect="anthropic",
            honours_json_schema=True,
            usage_in_stream=True,
            rejects_long_context=True,
            fingerprint="configured by its key",
            logprobs=False,
            embeds=False,
        ),
        "gemini": Profile(
            dialect="gemini",
            honours_json_schema=True,
            usage_in_stream=True,
            rejects_long_context=True,
            fingerprint="configured by its key",
        ),
    }
)
