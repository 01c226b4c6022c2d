"""Google's `Schema` objects as JSON schemas.

They are OpenAPI 3.0's with types in capital letters: `nullable` instead of a type `null`, and an order of
properties. Source: Gemini API reference, Schema (2026-11).
"""

from __future__ import annotations

from typing import Any

__all__ = ["json_schema"]

_NAMED = ("properties", "$defs", "defs")
_PLAIN = ("items", "additionalProperties")
_LISTED = ("anyOf", "prefixItems")
_DROPPED = frozenset({"nullable", "propertyOrdering", "property_ordering", "example"})
_SNAKE = {
    "any_of": "anyOf",
    "min_items": "minItems",
    "max_items": "maxItems",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_properties": "minProperties",
    "max_properties": "maxProperties",
}
_COUNTS = frozenset(_SNAKE.values()) - {"anyOf"}


def json_schema(schema: Any) -> Any:  # Any: a schema is open-ended JSON
    """The same schema in the words of JSON Schema."""
    if not isinstance(schema, dict):
        return schema
    told: dict[str, Any] = {}
    for given, value in schema.items():
        name = str(_SNAKE.get(given, given))
        if given in _DROPPED:
            continue
        if name == "type" and isinstance(value, str):
            told["type"] = value.lower()
        elif name in _NAMED and isinstance(value, dict):
            told[name] = {key: json_schema(each) for key, each in value.items()}
        elif name in _LISTED and isinstance(value, list):
            told[name] = [json_schema(each) for each in value]
        elif name in _COUNTS and isinstance(value, str) and value.isascii() and value.isdigit():
            # 64-bit numbers are strings in Google's JSON.
            told[name] = int(value)
        else:
            told[name] = json_schema(value) if name in _PLAIN else value
    if told.get("type") == "type_unspecified":
        del told["type"]
    if schema.get("nullable") is True:
        return _or_null(told)
    return told


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" in schema:
        return schema | {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    if not isinstance(schema.get("type"), str):
        return schema
    enum = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return schema | {"type": [schema["type"], "null"]} | enum
