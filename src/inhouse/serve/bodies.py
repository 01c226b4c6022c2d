"""What every JSON body of a request has in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

__all__ = ["Body"]


class Body(BaseModel):
    """A JSON object without unknown keys, whose texts are text.

    JSON can spell half of a character (`"\\ud800"`), which no database and no model takes: it is refused
    here, once, instead of failing somewhere later.
    """

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _only_text(cls, value: Any) -> Any:  # Any: not validated yet
        _check(value)
        return value


def _check(value: object) -> None:
    """Without recursion: a body may be nested as deep as the JSON reader allows."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            try:
                part.encode()
            except UnicodeEncodeError:
                raise ValueError("a text in it is not valid Unicode") from None
        elif isinstance(part, dict):
            waiting += [*part.keys(), *part.values()]
        elif isinstance(part, list | tuple):
            waiting += part
