"""What each generation of Anthropic's models takes; every difference between them stands here.

Source: Anthropic, migration guides up to Opus 5.5, Sonnet 5.5 and Haiku 5.5 (2026-09), and the 400 answers
that gateways met (2026-11). A name without a version, or one newer than these, is taken for the newest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["Manners", "manners_of"]

NEWEST = (99, 0)
_VERSION = re.compile(r"(?<![\d.])(\d{1,2})(?:[-.](\d{1,2}))?(?![\d.])")
_ALWAYS_THINKS = ("fable", "mythos")


@dataclass(frozen=True, slots=True)
class Manners:
    """What a model may be asked. `off` is how it is kept from thinking first, None: it cannot be told to.

    `default_tokens` is the limit for callers who set none, which this protocol does not allow; thinking
    counts against it where a model thinks without being asked.
    """

    sampling: bool
    """`temperature`, `top_p` and `top_k`."""
    adaptive: bool
    """Thinking is asked for by effort, not by a budget of tokens."""
    off: Literal["omit", "disabled", "between_tools"] | None
    forced_tools: bool
    default_tokens: int


def manners_of(model: str) -> Manners:
    """What the model of that name takes."""
    name = model.lower()
    found = _VERSION.search(name)
    version = (int(found[1]), int(found[2] or 0)) if found else NEWEST
    always = any(family in name for family in _ALWAYS_THINKS)
    oldest_new = (4, 6) if "haiku" in name else (4, 7)
    sampling = version < oldest_new and not always
    return Manners(
        sampling=sampling,
        adaptive=version >= (4, 6) or always,
        off=None if always else _off(name, version),
        forced_tools=version < ((5, 1) if always else (5, 5)),
        default_tokens=4096 if sampling else 16384,
    )


def _off(name: str, version: tuple[int, int]) -> Literal["omit", "disabled", "between_tools"] | None:
    if version < (5, 0):
        return "omit"
    if version < (5, 5):
        return "disabled"
    return "between_tools" if "sonnet" in name else None
