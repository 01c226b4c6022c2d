"""Whether an answer is what a JSON schema asked for.

Engines differ: some enforce a schema, some only try, some accept it and ignore it. So the gateway checks
every answer itself. A schema comes from a caller and is not trusted: it cannot make us fetch anything,
and a regular expression in it that could run for minutes is not run.

Not promised: `format` is not checked, as JSON Schema 2020-12 leaves it open (section 7.2.1 of the
validation specification).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from inhouse.kernel.errors import BadRequest

__all__ = ["check_schema", "mismatch", "simple_pattern"]

MAX_SCHEMA_CHARS = 100_000
"""Larger than any schema that engines take (OpenAI allows 120,000 characters of names in total)."""
MAX_PATTERN_CHARS = 200
_REPEATED = re.compile(r"[*+}]\)?[*+{]|\([^()]*[*+}|][^()]*\)[*+{]|\\[1-9]|\(\?[=!<P]")
"""A repetition inside or behind a repetition, alternatives that repeat, back-references, look-arounds: the
shapes that can take exponential time in a backtracking engine."""


def check_schema(text: str) -> None:
    """Raises `BadRequest` if the text is no JSON schema that can be checked."""
    if len(text) > MAX_SCHEMA_CHARS:
        raise BadRequest(
            f"The JSON schema has {len(text)} characters, more than {MAX_SCHEMA_CHARS}",
            hint="send a smaller one",
        )
    _validator(text)


def mismatch(answer: str, schema: str) -> str:
    """Why the answer does not fit the schema, in words for a person; empty when it fits.

    Raises:
        BadRequest: if the schema itself is wrong.
    """
    validator = _validator(schema)
    try:
        document = json.loads(answer)
    except (ValueError, RecursionError) as error:
        return f"it is no JSON: {error}"
    try:
        wrong = next(validator.iter_errors(document), None)
    except RecursionError:
        return "it is nested too deeply to be checked"
    if wrong is None:
        return ""
    place = ".".join(str(part) for part in wrong.absolute_path) or "the whole"
    return f"at {place}: {wrong.message[:200]}"


def simple_pattern(pattern: str) -> bool:
    """True for a regular expression whose time is sure to stay small."""
    return len(pattern) <= MAX_PATTERN_CHARS and _REPEATED.search(pattern) is None


def _validator(text: str) -> Any:  # Any: jsonschema has no type for a validator class made at run time
    # Imported here: it takes 0.05 s, and most requests have no schema.
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import extend
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        schema = json.loads(text)
        if not isinstance(schema, dict | bool):
            raise BadRequest("The JSON schema is not an object", hint='give {"type": "object", …}')
        checked = extend(Draft202012Validator, {"pattern": _pattern})
        checked.check_schema(schema)
        validator = checked(schema, registry=Registry())
        _look_through(schema, validator)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The JSON schema is not JSON: {error}", hint="send a JSON object") from None
    except SchemaError as error:
        raise BadRequest(
            f"The JSON schema is wrong: {error.message[:300]}", hint="see json-schema.org, draft 2020-12"
        ) from None
    except Unresolvable as error:
        raise BadRequest(
            f"The JSON schema refers to {str(error.ref)[:200]!r}, which is not in it",
            hint="put every definition under $defs; nothing is fetched",
        ) from None
    return validator


def _look_through(schema: Any, validator: Any) -> None:  # Any: JSON, and a class made at run time
    """Raises `Unresolvable` for a reference to somewhere else, `BadRequest` for a dangerous expression."""
    resolver = validator._resolver  # noqa: SLF001  the only way to resolve without an instance
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            reference = part.get("$ref")
            if isinstance(reference, str):
                resolver.lookup(reference)
            names = part.get("patternProperties")
            for pattern in names if isinstance(names, dict) else ():
                if not simple_pattern(pattern):
                    raise BadRequest(
                        f"The JSON schema has the property pattern {pattern[:99]!r}, which may run for ever",
                        hint="write it without repetitions inside repetitions",
                    )
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Mapping[str, Any]) -> Any:
    """As jsonschema's own, but only for expressions that cannot run away. Any: its signature is open."""
    from jsonschema import ValidationError

    if isinstance(instance, str) and simple_pattern(pattern) and not re.search(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")
