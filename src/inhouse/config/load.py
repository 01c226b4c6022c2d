"""Settings from their sources: defaults < `inhouse.toml` < `.env` < environment < command line.

A wrong source is an error that names the setting, its value, where it came from and what was expected;
nothing is ignored in silence.
"""

from __future__ import annotations

import difflib
import functools
import ipaddress
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from inhouse.config.table import ALIASES, Secrets, Settings, env_name
from inhouse.kernel.errors import BadRequest, HomeUnusable

__all__ = [
    "BLOCKS",
    "Loaded",
    "Row",
    "expected",
    "is_loopback",
    "load",
    "names",
    "read_dotenv",
    "schema",
    "show",
]

Values = dict[str, tuple[object, str]]
"""Setting -> (value as written, origin)."""

BLOCKS = tuple(name for name, info in Settings.model_fields.items() if info.default == ())
"""Sections that are written as `[[name]]`, once for each."""

_NOT_SETTINGS = frozenset({"INHOUSE_HOME", "INHOUSE_URL", "INHOUSE_API_KEY"})
"""The home, and where `inhouse.client` finds its server: no settings of a server."""


@dataclass(frozen=True, slots=True)
class Row:
    """One setting in force. `value` is ready to show: a secret's is only its reference."""

    name: str
    value: str
    origin: str
    unit: str
    why: str
    env: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and where each of them came from (`default` when it is not in `origins`)."""

    settings: Settings
    origins: Mapping[str, str]
    environment: Mapping[str, str] = field(repr=False)
    own_ports: frozenset[int] = frozenset()
    """Where this process itself listens: nothing that answers there is an engine."""

    def secret(self, reference: str) -> str | None:
        """What an `env:` or `file:` reference points at, None when it is not there.

        Raises:
            BadRequest: if the file exists and cannot be read.
        """
        kind, _, place = reference.partition(":")
        if kind == "env":
            return next(
                (self.environment[name] for name in place.split(",") if self.environment.get(name)), None
            )
        try:
            return Path(place).expanduser().read_text("utf-8").strip() or None
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise BadRequest(
                f"The secret file {place} cannot be read: {error}", hint="check its path and permissions"
            ) from None

    def cloud_keys(self) -> tuple[str, ...]:
        """Names of the secrets that are set, never their values."""
        return tuple(
            name
            for name in Secrets.model_fields
            if self.secret(getattr(self.settings.secrets, name)) is not None
        )


def load(
    root: Path,
    *,
    environment: Mapping[str, str],
    folder: Path,
    overrides: Mapping[str, tuple[object, str]] | None = None,
) -> Loaded:
    """The settings of the home at `root`, for a process started in `folder`.

    `overrides` are values from the command line with their origin, e.g. `("8500", "--port")`.

    Raises:
        BadRequest: if a key is unknown, a value is wrong, or a file is not what it should be.
        HomeUnusable: if a settings file exists and cannot be read.
    """
    values: Values = _from_toml(root / "inhouse.toml")
    dotenv = read_dotenv(folder / ".env")
    values |= _from_variables(dotenv, ".env")
    values |= _from_variables(environment, "env")
    values |= dict(overrides or {})
    settings = _validated(values)
    _loopback_unless_exposed(settings, values)
    return Loaded(
        settings=settings,
        origins={name: origin for name, (_value, origin) in values.items()},
        environment={**dotenv, **environment},
    )


def names() -> tuple[str, ...]:
    """Every `section.name`, in the order of the table; blocks such as `[[engine]]` apart."""
    return tuple(
        f"{section}.{name}"
        for section, info in Settings.model_fields.items()
        if section not in BLOCKS
        for name in info.default.__class__.model_fields
    )


def schema(name: str) -> Mapping[str, Any]:  # Any: a JSON schema
    """JSON schema of one setting, with `unit`, `description` and limits."""
    section, key = name.split(".")
    found: Mapping[str, Any] = _section_schema(section)[key]
    return found


@functools.cache
def _section_schema(section: str) -> Mapping[str, Any]:  # Any: a JSON schema
    properties: Mapping[str, Any] = type(getattr(Settings(), section)).model_json_schema()["properties"]
    return properties


def show(loaded: Loaded) -> tuple[Row, ...]:
    """Every setting in force, in the order of the table, then the blocks such as `[[engine]]`."""
    rows = []
    for name in names():
        section, key = name.split(".")
        value = getattr(getattr(loaded.settings, section), key)
        origin = loaded.origins.get(name, "default")
        text = _text(value)
        if section == "secrets":
            found = loaded.secret(value) is not None
            text += " (found)" if found else " (not set)"
            origin = _secret_origin(loaded, value) if found else origin
        about = schema(name)
        rows.append(
            Row(name, text, origin, str(about.get("unit", "")), str(about["description"]), env_name(name))
        )
    for block in BLOCKS:
        for number, entry in enumerate(getattr(loaded.settings, block), 1):
            given = [(key, value) for key, value in entry if value not in (None, "", ())]
            written = ", ".join(f"{key}={_text(value)}" for key, value in given)
            rows.append(
                Row(
                    f"{block}.{getattr(entry, 'name', number)}",
                    written,
                    "inhouse.toml",
                    "",
                    f"a [[{block}]] block",
                    "",
                )
            )
    return tuple(rows)


def _secret_origin(loaded: Loaded, reference: str) -> str:
    kind, _, place = reference.partition(":")
    if kind == "file":
        return f"file {place}"
    return "env " + next(name for name in place.split(",") if loaded.environment.get(name))


def _text(value: object) -> str:
    if value is None:
        return "(not set)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value) or "(none)"
    return str(value)


# ---- the sources


def _from_toml(path: Path) -> Values:
    text = _read(path)
    if text is None:
        return {}
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadRequest(f"{path} is not valid TOML: {error}", hint="correct that line") from None
    values: Values = {}
    for section, table in tables.items():
        if section in BLOCKS and isinstance(table, list):
            values[section] = (table, "inhouse.toml")
            continue
        if section in BLOCKS:
            raise BadRequest(
                f"{path}: [{section}] must be [[{section}]], one block for each",
                hint=f"write [[{section}]] above it",
            )
        if section not in Settings.model_fields:
            raise _unknown(section, tuple(Settings.model_fields), f"section in {path}")
        if not isinstance(table, dict):
            raise BadRequest(
                f"{path}: `{section}` must be a section", hint=f"write [{section}] above its settings"
            )
        for key, value in table.items():
            name = f"{section}.{key}"
            if name not in names():
                raise _unknown(name, names(), f"setting in {path}")
            values[name] = (value, "inhouse.toml")
    return values


def _from_variables(variables: Mapping[str, str], origin: str) -> Values:
    by_variable = {env_name(name): name for name in names()}
    values: Values = {}
    for name, alias in ALIASES.items():
        if variables.get(alias):
            values[name] = (variables[alias], f"{origin} {alias}")
    for variable, value in variables.items():
        if not variable.startswith("INHOUSE_") or variable in _NOT_SETTINGS or not value:
            continue
        if variable not in by_variable:
            raise _unknown(variable, tuple(by_variable), f"setting in the {_place(origin)}")
        values[by_variable[variable]] = (_split(by_variable[variable], value), f"{origin} {variable}")
    return values


def _place(origin: str) -> str:
    return "environment" if origin == "env" else "file .env"


def _split(name: str, value: str) -> object:
    if schema(name).get("type") == "array":
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def read_dotenv(path: Path) -> dict[str, str]:
    """`NAME=value` lines; quotes around the value, `export` and comments are taken off."""
    found: dict[str, str] = {}
    for line in (_read(path) or "").splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if not equals or name.lstrip().startswith("#"):
            continue
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        else:
            value = value.split(" #", 1)[0].strip()
        found[name.strip()] = value
    return found


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError:
        raise BadRequest(f"{path} is a folder, a file was expected", hint="move it away") from None
    except UnicodeDecodeError:
        raise BadRequest(f"{path} is not UTF-8 text", hint="save it as UTF-8") from None
    except OSError as error:
        raise HomeUnusable(
            f"{path} cannot be read: {error.strerror or error}", hint="check its owner and permissions"
        ) from None


# ---- checks


def _validated(values: Values) -> Settings:
    tree: dict[str, Any] = {}  # Any: not validated yet, that is what follows
    for name, (value, _origin) in values.items():
        if name in BLOCKS:
            tree[name] = value
        else:
            section, key = name.split(".")
            tree.setdefault(section, {})[key] = value
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise _explained(error, values) from None


def _explained(error: ValidationError, values: Values) -> BadRequest:
    first = error.errors(include_url=False)[0]
    place = [str(part) for part in first["loc"]]
    if place[0] in BLOCKS:
        entry = f"[[{place[0]}]] number {int(place[1]) + 1}" if len(place) > 1 else f"[[{place[0]}]]"
        key = place[2] if len(place) > 2 else ""
        return BadRequest(
            f"inhouse.toml, {entry}{f', `{key}`' if key else ''}: {first['msg']}",
            hint=f"docs/reference/settings.md lists what an [[{place[0]}]] block holds",
        )
    name = ".".join(place[:2])
    value, origin = values[name]
    if name == "server.cors_origins":
        return _wrong_origins(value, origin)
    wanted, pattern = expected(name), schema(name).get("pattern", "")
    if pattern and not name.startswith("secrets."):
        # "Text" says too little where only some texts are right.
        wanted += ", http:// or https:// first" if "http" in pattern else f" like {schema(name)['default']}"
    shown = "(not shown)" if name.startswith("secrets.") else repr(value)
    return BadRequest(
        f"Setting {name} = {shown} from {origin} is wrong: expected {wanted}",
        hint=f"set {name} in inhouse.toml or {env_name(name)}",
    )


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


def expected(name: str) -> str:
    """In words, what a setting takes."""
    about = schema(name)
    if name.startswith("secrets."):
        return "a reference, `env:NAME` or `file:PATH`, not the secret itself"
    if "enum" in about:
        return "one of " + ", ".join(about["enum"])
    words = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "array": "a list of names",
        "string": "text",
    }[about["type"]]
    low = about.get("minimum", about.get("exclusiveMinimum"))
    if "exclusiveMinimum" in about:
        words += f" above {low}"
    elif low is not None:
        words += f" from {low}"
    if "maximum" in about:
        words += f" to {about['maximum']}"
    return words


def _unknown(name: str, known: tuple[str, ...], what: str) -> BadRequest:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}`?" if near else "docs/reference/settings.md lists all"
    return BadRequest(f"Unknown {what}: `{name}`", hint=hint)


def is_loopback(host: str) -> bool:
    """True for a name or address that only this machine can reach."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _loopback_unless_exposed(settings: Settings, values: Values) -> None:
    host = settings.server.host
    if not is_loopback(host) and not settings.server.expose:
        origin = values["server.host"][1]
        raise BadRequest(
            f"server.host = {host!r} from {origin}: other machines could reach it",
            hint="use 127.0.0.1, or make an API key (`inhouse keys add`) and set server.expose (--expose)",
        )
