"""What the names that clients ask for stand for: a data table, each entry with its date and source.

Read from the vendors' own lists on 2026-11-21:

* anthropic: https://platform.claude.com/docs/en/about-claude/model-deprecations
* openai: https://developers.openai.com/api/docs/deprecations
* gemini: https://ai.google.dev/gemini-api/docs/deprecations
* ollama: https://ollama.com/library (sizes behind a bare name are those of its default tag)
* plans: the table in the plan for an agent platform (haiku, sonnet and opus as models of this house)

A class says how much a model can do, not who made it: `small` answers short and simple things, `medium` is
for everyday work, `large` for hard work. Retirement is the day from which the vendor refuses the name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["NAMES", "READ_ON", "ModelClass", "NameEntry", "Source"]

ModelClass = Literal["small", "medium", "large", "code", "reasoning", "embedding"]
Source = Literal["anthropic", "openai", "gemini", "ollama", "plans"]

READ_ON = "2026-11-21"


@dataclass(frozen=True, slots=True)
class NameEntry:
    """One pattern of names. `family` is what the same vendor calls the line of models it belongs to."""

    pattern: str
    means: ModelClass
    source: Source
    family: str = ""
    retired_on: str = ""
    read_on: str = READ_ON


def _anthropic(pattern: str, means: ModelClass, family: str, retired_on: str = "") -> NameEntry:
    return NameEntry(pattern, means, "anthropic", family, retired_on)


def _openai(pattern: str, means: ModelClass, family: str = "", retired_on: str = "") -> NameEntry:
    return NameEntry(pattern, means, "openai", family, retired_on)


def _gemini(pattern: str, means: ModelClass, family: str, retired_on: str = "") -> NameEntry:
    return NameEntry(pattern, means, "gemini", family, retired_on)


def _ollama(pattern: str, means: ModelClass) -> NameEntry:
    return NameEntry(pattern, means, "ollama")


NAMES: tuple[NameEntry, ...] = (
    NameEntry("haiku", "small", "plans", "claude-*haiku*"),
    NameEntry("sonnet", "medium", "plans", "claude-*sonnet*"),
    NameEntry("opus", "large", "plans", "claude-*opus*"),
    # Anthropic, dated names that are gone first.
    _anthropic("claude-instant-*", "small", "claude-*haiku*", "2024-11-06"),
    _anthropic("claude-2*", "medium", "claude-*sonnet*", "2025-07-21"),
    _anthropic("claude-3-sonnet-20240229", "medium", "claude-*sonnet*", "2025-07-21"),
    _anthropic("claude-3-5-sonnet-2024*", "medium", "claude-*sonnet*", "2025-10-28"),
    _anthropic("claude-3-opus-20240229", "large", "claude-*opus*", "2026-01-05"),
    _anthropic("claude-3-5-haiku-20241022", "small", "claude-*haiku*", "2026-02-19"),
    _anthropic("claude-3-7-sonnet-20250219", "medium", "claude-*sonnet*", "2026-02-19"),
    _anthropic("claude-sonnet-4-20250514", "medium", "claude-*sonnet*", "2026-06-15"),
    _anthropic("claude-opus-4-20250514", "large", "claude-*opus*", "2026-06-15"),
    _anthropic("claude-*haiku*", "small", "claude-*haiku*"),
    _anthropic("claude-*sonnet*", "medium", "claude-*sonnet*"),
    _anthropic("claude-*opus*", "large", "claude-*opus*"),
    _anthropic("claude-*", "large", "claude-*"),
    # OpenAI.
    _openai("text-embedding-*", "embedding"),
    _openai("gpt-3.5-turbo*", "small", "gpt-*", "2026-10-23"),
    _openai("gpt-4-turbo*", "large", "gpt-*", "2026-10-23"),
    _openai("gpt-4", "large", "gpt-*", "2026-10-23"),
    _openai("gpt-4-0613", "large", "gpt-*", "2026-10-23"),
    _openai("gpt-4-1106-preview", "large", "gpt-*", "2026-10-23"),
    _openai("gpt-4o-2024-05-13", "large", "gpt-*", "2026-10-23"),
    _openai("gpt-4.1-nano*", "small", "gpt-*", "2026-10-23"),
    _openai("chatgpt-4o-latest", "large", "gpt-*", "2026-02-17"),
    _openai("o1", "reasoning", "gpt-*", "2026-10-23"),
    _openai("o1-*", "reasoning", "gpt-*", "2026-10-23"),
    _openai("o3-mini*", "reasoning", "gpt-*", "2026-10-23"),
    _openai("o4-mini*", "reasoning", "gpt-*", "2026-10-23"),
    _openai("o3", "reasoning", "gpt-*", "2026-12-11"),
    _openai("o3-*", "reasoning", "gpt-*", "2026-12-11"),
    _openai("gpt-4o-mini*", "small", "gpt-*mini*", "2027-01-14"),
    _openai("gpt-4o*", "large", "gpt-*", "2027-01-14"),
    _openai("gpt-4.1-mini*", "small", "gpt-*mini*", "2027-01-14"),
    _openai("gpt-4.1*", "large", "gpt-*", "2027-01-14"),
    _openai("gpt-5-nano*", "small", "gpt-*", "2026-12-11"),
    _openai("gpt-5-mini*", "medium", "gpt-*mini*", "2026-12-11"),
    _openai("gpt-5", "large", "gpt-*", "2026-12-11"),
    _openai("gpt-5-*", "large", "gpt-*", "2026-12-11"),
    _openai("gpt-*-nano*", "small", "gpt-*nano*"),
    _openai("gpt-*-mini*", "medium", "gpt-*mini*"),
    _openai("gpt-*-luna*", "small", "gpt-*luna*"),
    _openai("gpt-*-terra*", "medium", "gpt-*terra*"),
    _openai("gpt-*-sol*", "large", "gpt-*sol*"),
    _openai("gpt-*codex*", "code", "gpt-*codex*"),
    _openai("gpt-oss:20b*", "medium"),
    _openai("gpt-oss-20b*", "medium"),
    _openai("gpt-oss*", "large"),
    _openai("gpt-*", "large", "gpt-*"),
    # Google.
    _gemini("gemini-embedding-*", "embedding", ""),
    _gemini("text-embedding-004", "embedding", "", "2026-01-14"),
    _gemini("gemini-1*flash*", "small", "gemini-*flash*", "2025-09-29"),
    _gemini("gemini-1*", "large", "gemini-*pro*", "2025-09-29"),
    _gemini("gemini-pro", "large", "gemini-*pro*", "2025-02-15"),
    _gemini("gemini-2.5-pro", "large", "gemini-*", "2026-12-01"),
    _gemini("gemini-2.5-flash", "medium", "gemini-*flash*", "2026-12-01"),
    _gemini("gemini-*flash-lite*", "small", "gemini-*flash-lite*"),
    _gemini("gemini-*flash*", "medium", "gemini-*flash*"),
    _gemini("gemini-*", "large", "gemini-*"),
    # Open models under their names in Ollama's library.
    _ollama("nomic-embed-text*", "embedding"),
    _ollama("mxbai-embed-*", "embedding"),
    _ollama("bge-*", "embedding"),
    _ollama("all-minilm*", "embedding"),
    _ollama("snowflake-arctic-embed*", "embedding"),
    _ollama("embeddinggemma*", "embedding"),
    _ollama("qwen3-embedding*", "embedding"),
    _ollama("qwen2.5-coder*", "code"),
    _ollama("qwen3-coder*", "code"),
    _ollama("codellama*", "code"),
    _ollama("codestral*", "code"),
    _ollama("devstral*", "code"),
    _ollama("starcoder2*", "code"),
    _ollama("deepseek-coder*", "code"),
    _ollama("deepseek-r1*", "reasoning"),
    _ollama("qwq*", "reasoning"),
    _ollama("magistral*", "reasoning"),
    _ollama("phi4-reasoning*", "reasoning"),
    _ollama("llama3.2", "small"),
    _ollama("llama3.2:*b*", "small"),
    _ollama("llama3.1", "medium"),
    _ollama("llama3", "medium"),
    _ollama("llama3.3", "large"),
    _ollama("llama3.3:70b*", "large"),
    _ollama("llama3.1:70b*", "large"),
    _ollama("llama3.1:405b*", "large"),
    _ollama("llama3:70b*", "large"),
    _ollama("llama3:8b*", "medium"),
    _ollama("llama3.1:8b*", "medium"),
    _ollama("llama2", "medium"),
    _ollama("llama2:70b*", "large"),
    _ollama("phi3", "small"),
    _ollama("phi3:mini*", "small"),
    _ollama("phi3:3.8b*", "small"),
    _ollama("phi3:medium*", "medium"),
    _ollama("phi3:14b*", "medium"),
    _ollama("phi4", "medium"),
    _ollama("phi4-mini*", "small"),
    _ollama("mistral", "medium"),
    _ollama("mistral:7b*", "medium"),
    _ollama("mistral-nemo*", "medium"),
    _ollama("mistral-small*", "medium"),
    _ollama("mistral-medium*", "large"),
    _ollama("mistral-large*", "large"),
    _ollama("ministral*", "medium"),
    _ollama("mixtral*", "large"),
    _ollama("qwen2.5", "medium"),
    _ollama("qwen2.5:0.5b*", "small"),
    _ollama("qwen2.5:1.5b*", "small"),
    _ollama("qwen2.5:3b*", "small"),
    _ollama("qwen2.5:7b*", "medium"),
    _ollama("qwen2.5:14b*", "medium"),
    _ollama("qwen2.5:32b*", "large"),
    _ollama("qwen2.5:72b*", "large"),
    _ollama("qwen3", "medium"),
    _ollama("qwen3:4b*", "small"),
    _ollama("qwen3:8b*", "medium"),
    _ollama("qwen3:14b*", "medium"),
    _ollama("qwen3:30b*", "large"),
    _ollama("qwen3:32b*", "large"),
    _ollama("gemma2", "medium"),
    _ollama("gemma2:2b*", "small"),
    _ollama("gemma2:9b*", "medium"),
    _ollama("gemma2:27b*", "large"),
    _ollama("gemma3", "small"),
    _ollama("gemma3:1b*", "small"),
    _ollama("gemma3:4b*", "small"),
    _ollama("gemma3:12b*", "medium"),
    _ollama("gemma3:27b*", "large"),
    _ollama("tinyllama*", "small"),
    _ollama("smollm*", "small"),
)
"""First match wins."""
