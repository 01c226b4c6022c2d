"""The words of a command as the body that the house takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from inhouse.kernel.errors import BadRequest

__all__ = ["body_of"]

ModelT = TypeVar("ModelT", bound=BaseModel)


def body_of(shape: type[ModelT], given: Mapping[str, object]) -> ModelT:
    """The body made of these values.

    Raises:
        BadRequest: if one of them is not what it may be.
    """
    try:
        return shape.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]).replace("_", "-")
        raise BadRequest(
            f"{name} = {str(first['input'])[:80]!r}: {first['msg']}", hint="`--help` says what is possible"
        ) from None
