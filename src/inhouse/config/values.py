"""What each setting takes, and values of any source as the settings they stand for.

The sources differ in what they can write: TOML has numbers, a variable has text only. So text counts as the
number, date or yes that it spells, and nothing else is turned into anything.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType, NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from inhouse.config.section import About, Section
from inhouse.config.table import Settings, env_name
from inhouse.kernel.errors import BadRequest

__all__ = ["BLOCKS", "Values", "expected", "keys", "names", "schema", "unknown", "validated"]

Values = dict[str, tuple[object, str]]
"""Setting -> (value as written, origin)."""


def _kinds() -> Mapping[str, type[Section]]:
    found = {name: get_args(hint)[0] if get_args(hint) else hint for name, hint in _HINTS.items()}
    return MappingProxyType(found)


_HINTS = get_type_hints(Settings)
_KINDS = _kinds()
BLOCKS = tuple(name for name, hint in _HINTS.items() if get_origin(hint) is tuple)
"""Sections that are written as `[[name]]`, once for each."""

_TYPES = MappingProxyType(
    {str: "string", int: "integer", float: "number", Decimal: "number", bool: "boolean", date: "date"}
)
_TAKES = MappingProxyType(
    {
        "string": "text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "date": "a day like 2026-11-01",
        "array": "a list of names",
    }
)
_YES_OR_NO = MappingProxyType(
    dict.fromkeys(("1", "yes", "y", "on", "t", "true"), "true")
    | dict.fromkeys(("0", "no", "n", "off", "f", "false"), "false")
)


# ---- what is known


@functools.cache
def names() -> tuple[str, ...]:
    """Every `section.name`, in the order of the table; blocks such as `[[engine]]` apart."""
    return tuple(f"{section}.{key}" for section in _KINDS if section not in BLOCKS for key in keys(section))


def keys(section: str) -> tuple[str, ...]:
    """The settings of a section or block."""
    return _KINDS[section].__struct_fields__


@functools.cache
def schema(name: str) -> Mapping[str, Any]:  # Any: as in JSON schema, a default is of any type
    """What is known about `section.name`, in words of JSON schema; no `default` where one is needed."""
    section, key = name.split(".")
    kind = _KINDS[section]
    about, limits = kind.about[key], _limits(kind, key)
    found: dict[str, Any] = {"description": about.why, "unit": about.unit, **_type_of(kind.types()[key])}
    found |= {"minimum": limits.ge, "exclusiveMinimum": limits.gt, "maximum": limits.le}
    found["pattern"] = limits.pattern or None
    known = {word: value for word, value in found.items() if value is not None}
    return known if about.default is msgspec.UNSET else {**known, "default": about.default}


def _type_of(hint: Any) -> dict[str, object]:  # Any: a type as Python writes it
    plain = _plain(hint)
    if get_origin(plain) is Literal:
        return {"type": "string", "enum": get_args(plain)}
    return {"type": "array" if get_origin(plain) is tuple else _TYPES[plain]}


def _plain(hint: Any) -> Any:  # Any: types as Python writes them
    """The type without its None."""
    if NoneType in get_args(hint):
        return next(each for each in get_args(hint) if each is not NoneType)
    return hint


def _limits(kind: type[Section], key: str) -> About:
    """Those that were said, and that no amount is below 0."""
    about = kind.about[key]
    if _plain(kind.types()[key]) is Decimal and about.gt is None:
        return msgspec.structs.replace(about, ge=0)
    return about


def expected(name: str) -> str:
    """In words, what a setting takes."""
    about = schema(name)
    if name.startswith("secrets."):
        return "a reference, `env:NAME` or `file:PATH`, not the secret itself"
    if "enum" in about:
        return "one of " + ", ".join(about["enum"])
    words = _TAKES[about["type"]]
    if "exclusiveMinimum" in about:
        words += f" above {about['exclusiveMinimum']}"
    elif "minimum" in about:
        words += f" from {about['minimum']}"
    if "maximum" in about:
        words += f" to {about['maximum']}"
    return words


# ---- reading


class _Wrong(Exception):
    """A value that its setting does not take."""


def validated(values: Values) -> Settings:
    """The settings that these values make; names of sections are known to be right.

    Raises:
        BadRequest: if one is not what it should be.
    """
    sections: dict[str, dict[str, object]] = {}
    found: dict[str, Any] = {}  # Any: sections, and tuples of blocks
    for name, (value, origin) in values.items():
        if name in BLOCKS:
            found[name] = tuple(_block(name, number, each) for number, each in enumerate(_list(value), 1))
            continue
        section, key = name.split(".")
        try:
            sections.setdefault(section, {})[key] = _read(_KINDS[section], key, value)
        except _Wrong:
            raise _explained(name, value, origin) from None
    found |= {name: _KINDS[name](**given) for name, given in sections.items()}
    return Settings(**found)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _block(block: str, number: int, given: object) -> Section:
    kind, place = _KINDS[block], f"inhouse.toml, [[{block}]] number {number}"
    hint = f"docs/reference/settings.md lists what an [[{block}]] block holds"
    if not isinstance(given, dict):
        raise BadRequest(f"{place}: expected settings", hint=hint)
    read: dict[str, object] = {}
    for key, value in given.items():
        if key not in keys(block):
            near = _nearest(key, keys(block))
            meant = f"did you mean `{near}`? " if near else ""
            raise BadRequest(f"{place}, `{key}`: there is no such setting", hint=meant + hint)
        try:
            read[key] = _read(kind, key, value)
        except _Wrong:
            raise BadRequest(f"{place}, `{key}`: expected {_wanted(f'{block}.{key}')}", hint=hint) from None
    for key, about in kind.about.items():
        if about.default is msgspec.UNSET and key not in read:
            raise BadRequest(f"{place}, `{key}`: it is needed", hint=hint)
    return kind(**read)


def _read(kind: type[Section], key: str, written: object) -> object:
    hint, limits = kind.types()[key], _limits(kind, key)
    try:
        value: object = msgspec.convert(
            _spelt(hint, written), hint, strict=False, builtin_types=(date, Decimal)
        )
    except msgspec.ValidationError:
        raise _Wrong from None
    several = value if isinstance(value, tuple) else (value,)
    if (isinstance(value, tuple | str) and len(value) < limits.min_length) or any(
        _outside(limits, each) for each in several
    ):
        raise _Wrong
    return value


def _spelt(hint: Any, written: object) -> object:  # Any: a type as Python writes it
    """Words for yes and no, and an amount that was left empty, as the types know them."""
    plain = _plain(hint)
    if plain is Decimal and written == "" and plain is not hint:
        return None
    if plain is bool and isinstance(written, str):
        return _YES_OR_NO.get(written.strip().lower(), written)
    if get_origin(plain) is Literal and "true" in get_args(plain):
        # TOML's own `true`, and the plans' `1`.
        lower = str(written).strip().lower()
        return _YES_OR_NO.get(lower, lower) if isinstance(written, bool | str) else written
    return written.strip() if isinstance(written, str) and plain in (int, float, Decimal) else written


def _outside(limits: About, value: object) -> bool:
    if isinstance(value, str):
        return bool(limits.pattern) and re.fullmatch(limits.pattern, value) is None
    if isinstance(value, Decimal) and not value.is_finite():
        return True
    if not isinstance(value, int | float | Decimal):
        return False
    # Said the other way round, so that what is no number is outside, too.
    return not (
        (limits.ge is None or value >= limits.ge)
        and (limits.gt is None or value > limits.gt)
        and (limits.le is None or value <= limits.le)
    )


# ---- what is wrong


def _explained(name: str, value: object, origin: str) -> BadRequest:
    if name == "server.cors_origins":
        return _wrong_origins(value, origin)
    shown = "(not shown)" if name.startswith("secrets.") else repr(value)
    return BadRequest(
        f"Setting {name} = {shown} from {origin} is wrong: expected {_wanted(name)}",
        hint=f"set {name} in inhouse.toml or {env_name(name)}",
    )


def _wanted(name: str) -> str:
    """As `expected`, and more where only some texts are right."""
    about, wanted = schema(name), expected(name)
    pattern = about.get("pattern", "")
    if pattern and not name.startswith("secrets."):
        if "http" in pattern:
            return f"{wanted}, http:// or https:// first"
        like = about.get("default")
        return f"{wanted} like {like}" if like else f"{wanted} that fits {pattern}"
    return wanted


def _wrong_origins(value: object, origin: str) -> BadRequest:
    start = f"Setting server.cors_origins = {value!r} from {origin} is wrong"
    if "*" in str(value):
        return BadRequest(
            f"{start}: `*` is refused, for any page that a person opens could then use this machine's models",
            hint='list the exact origins of your own pages, e.g. ["https://app.example.com"]',
        )
    return BadRequest(
        f"{start}: expected a list of origins as a browser sends them, without a path",
        hint='e.g. ["https://app.example.com", "http://127.0.0.1:3000"]',
    )


def unknown(name: str, known: tuple[str, ...], what: str) -> BadRequest:
    """For a name that no setting has: the nearest that there is."""
    near = _nearest(name, known)
    hint = f"did you mean `{near}`?" if near else "docs/reference/settings.md lists all"
    return BadRequest(f"Unknown {what}: `{name}`", hint=hint)


def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.5)), None)
