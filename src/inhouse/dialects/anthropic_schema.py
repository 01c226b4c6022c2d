"""A JSON schema as Anthropic's structured outputs take it.

Their grammar knows no bounds (`minimum`, `maxLength`, ...) and no open objects. Bounds are left out: what
comes back is checked against the caller's own schema elsewhere. A schema that cannot be said at all is
given up, and the model is told in words.

Source: Anthropic, structured outputs (2026-11); `anthropic.transform_schema` of the SDK 2.12.
"""

from __future__ import annotations

from typing import Any

import msgspec

from inhouse.dialects.status import UNREADABLE

__all__ = ["output_schema"]

_KEPT = ("description", "title", "enum", "const", "$ref")
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)

# Any: a JSON schema is open-ended JSON.
_Schema = dict[str, Any]


def output_schema(text: str) -> _Schema | None:
    """The schema as far as it can be enforced, None when it cannot."""
    try:
        schema = msgspec.json.decode(text)
        return _strict(schema)
    except (*UNREADABLE, _Open):
        return None


class _Open(Exception):
    """Some part of the schema leaves open what may come."""


def _strict(schema: Any) -> _Schema:
    if not isinstance(schema, dict):
        raise _Open
    strict: _Schema = {name: schema[name] for name in _KEPT if name in schema}
    for group in ("$defs", "definitions"):
        if isinstance(schema.get(group), dict):
            strict[group] = {name: _strict(each) for name, each in schema[group].items()}
    if "$ref" in schema:
        return strict
    for name in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(name), list):
            strict["allOf" if name == "allOf" else "anyOf"] = [_strict(each) for each in schema[name]]
            return strict
    kinds = schema.get("type")
    if kinds is not None:
        return strict | {"type": kinds} | _typed(schema, kinds if isinstance(kinds, list) else [kinds])
    if "enum" in schema or "const" in schema:
        return strict
    raise _Open


def _typed(schema: _Schema, kinds: list[Any]) -> _Schema:
    """What stands beside the type."""
    strict: _Schema = {}
    if "object" in kinds:
        if schema.get("additionalProperties") or not isinstance(schema.get("properties"), dict):
            raise _Open
        strict["properties"] = {name: _strict(each) for name, each in schema["properties"].items()}
        strict["additionalProperties"] = False
        strict["required"] = schema.get("required", [])
    if "array" in kinds:
        strict["items"] = _strict(schema.get("items"))
        if schema.get("minItems") in (0, 1):
            strict["minItems"] = schema["minItems"]
    if schema.get("format") in _FORMATS:
        strict["format"] = schema["format"]
    return strict
