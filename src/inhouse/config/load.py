"""Settings from their sources: defaults < `inhouse.toml` < `.env` < environment < command line.

A wrong source is an error that names the setting, its value, where it came from and what was expected;
nothing is ignored in silence.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import asdict

from inhouse.config.table import ALIASES, Secrets, Settings, env_name
from inhouse.config.values import BLOCKS, Values, names, schema, unknown, validated
from inhouse.kernel.errors import BadRequest, HomeUnusable

__all__ = [
    "Loaded",
    "Row",
    "is_loopback",
    "load",
    "read_dotenv",
    "show",
]

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
            for name in Secrets.__struct_fields__
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
    settings = validated(values)
    _loopback_unless_exposed(settings, values)
    return Loaded(
        settings=settings,
        origins={name: origin for name, (_value, origin) in values.items()},
        environment={**dotenv, **environment},
    )


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
            given = [(key, value) for key, value in asdict(entry).items() if value not in (None, "", ())]
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
    import tomllib  # 7 ms, which a home without the file can do without

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
        if section not in Settings.__struct_fields__:
            raise unknown(section, Settings.__struct_fields__, f"section in {path}")
        if not isinstance(table, dict):
            raise BadRequest(
                f"{path}: `{section}` must be a section", hint=f"write [{section}] above its settings"
            )
        for key, value in table.items():
            name = f"{section}.{key}"
            if name not in names():
                raise unknown(name, names(), f"setting in {path}")
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
            raise unknown(variable, tuple(by_variable), f"setting in the {_place(origin)}")
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
