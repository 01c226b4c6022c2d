"""What every section of settings is made with."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Section", "setting", "word"]


class Section(BaseModel):
    """A section of `inhouse.toml`, or one of several blocks of a name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# Any: pydantic's Field returns Any by design, it stands where a default of any type may stand.
def setting(default: Any, why: str, unit: str = "", **limits: Any) -> Any:
    """A field with its reason and unit, which the reference shows."""
    return Field(default, description=why, json_schema_extra={"unit": unit}, **limits)


def word(value: object) -> object:
    """TOML's and the plans' `true` and `1` as the words of a setting."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        lower = value.strip().lower()
        return {"1": "true", "yes": "true", "on": "true", "0": "false", "no": "false", "off": "false"}.get(
            lower, lower
        )
    return value
