"""Keeps keys, prompts and answers out of logs, whatever a log line was given."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

__all__ = ["redact", "redact_text"]

MASK = "[masked]"
LEFT_OUT = "[not logged]"

_SECRET_NAME = re.compile(r"(?i)(^|[_-])(api[_-]?key|key|token|secret|password|authorization|cookie)$")
_CONTENT_NAME = re.compile(r"(?i)^(prompt|question|query|answer|messages|content|text|quote|body)$")
_SECRET_SHAPES = re.compile(
    r"(?P<bearer>(?i:bearer|basic) )[A-Za-z0-9._~+/=-]{8,}"
    r"|\b(?:sk|pk|rk)-[A-Za-z0-9_-]{8,}"  # OpenAI, Anthropic
    r"|\bih_[0-9a-f]{12}_[0-9a-f]{8,}"  # ours
    r"|\bAIza[A-Za-z0-9_-]{30,}"  # Google
)


def redact(event: Mapping[str, object], secrets: Collection[str] = ()) -> dict[str, object]:
    """The line with keys masked and texts of people left out; `secrets` are values known to be secret."""
    return {name: _value(name, value, secrets) for name, value in event.items()}


def redact_text(text: str, secrets: Collection[str] = ()) -> str:
    """The text with known secrets, and what looks like one, masked."""
    for secret in secrets:
        if len(secret) >= 6:  # a shorter one would mask ordinary words
            text = text.replace(secret, MASK)
    return _SECRET_SHAPES.sub(lambda found: (found["bearer"] or "") + MASK, text)


def _value(name: str, value: object, secrets: Collection[str]) -> object:
    if _SECRET_NAME.search(name):
        return MASK
    if _CONTENT_NAME.match(name):
        return LEFT_OUT
    if isinstance(value, str):
        return redact_text(value, secrets)
    if isinstance(value, Mapping):
        return redact({str(key): inner for key, inner in value.items()}, secrets)
    if isinstance(value, list | tuple):
        return [_value("", inner, secrets) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact_text(repr(value), secrets)
