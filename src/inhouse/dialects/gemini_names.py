"""Names of fields: Google's servers take `snake_case` beside `camelCase`, and its own examples mix both.

Source: protobuf JSON mapping; Gemini API reference (2026-11).
"""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["camel"]

_OPAQUE = frozenset(
    {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"}
)
"""Fields whose content is the caller's own and keeps its names."""


def camel(body: bytes) -> bytes:
    """The body with every name of the protocol in `camelCase`; the same bytes when none has an underscore.

    Raises:
        ValueError: if the body is not JSON.
    """
    if b"_" not in body:
        return body
    return msgspec.json.encode(_renamed(msgspec.json.decode(body)))


def _renamed(value: Any) -> Any:  # Any: any JSON value
    if isinstance(value, list):
        return [_renamed(each) for each in value]
    if not isinstance(value, dict):
        return value
    renamed: dict[str, Any] = {}
    for name, inner in value.items():
        first, *rest = name.split("_")
        new = first + "".join(word[:1].upper() + word[1:] for word in rest) if first else name
        renamed[new] = inner if new in _OPAQUE else _renamed(inner)
    return renamed
