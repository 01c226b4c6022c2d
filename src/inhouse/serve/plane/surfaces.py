"""All wire surfaces behind one front, in the order in which they are asked.

Anthropic and Gemini come before OpenAI because all three have `/v1/models`, and know their own clients by
a header or by a method in the path.
"""

from __future__ import annotations

from inhouse.serve.plane.anthropic import AnthropicSurface
from inhouse.serve.plane.front import Front
from inhouse.serve.plane.gemini import GeminiSurface
from inhouse.serve.plane.idempotency import Repeats
from inhouse.serve.plane.ollama import OllamaSurface
from inhouse.serve.plane.openai import OpenAISurface
from inhouse.serve.plane.parts import PlaneParts

__all__ = ["open_front"]


def open_front(parts: PlaneParts, repeats: Repeats | None = None) -> Front:
    """The front with every surface; `repeats` answers an Idempotency-Key that came before."""
    return Front(
        parts, (AnthropicSurface(), GeminiSurface(), OpenAISurface(), OllamaSurface()), repeats=repeats
    )
