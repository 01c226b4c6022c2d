"""What every section of settings is made with.

Structs of msgspec, for they cost nothing at the start: pydantic's models of the same table took 0.2 s and
15 MB of every command, a quarter of what a gateway may take in all. Values are read by `values`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, ClassVar, dataclass_transform, get_type_hints

import msgspec

__all__ = ["About", "Section", "needed", "setting"]

Number = int | float


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a setting beside its type. `pattern` and limits hold for each of several."""

    default: Any = msgspec.UNSET  # Any: a default of any type may stand here; UNSET where one is needed
    why: str
    unit: str = ""
    ge: Number | None = None
    gt: Number | None = None
    le: Number | None = None
    pattern: str = ""
    min_length: int = 0


@dataclass_transform(frozen_default=True, kw_only_default=True)
class _Kind(msgspec.StructMeta):
    """Takes what `setting` and `needed` say out of the class, and leaves the defaults."""

    def __new__(
        cls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],  # Any: the body of a class
    ) -> _Kind:
        about = {key: value for key, value in namespace.items() if isinstance(value, About)}
        for key, each in about.items():
            namespace[key] = each.default
            if each.default is msgspec.UNSET:
                del namespace[key]
        made = super().__new__(cls, name, bases, namespace, frozen=True, kw_only=True)
        made.about = about  # type: ignore[attr-defined]  # stands in Section, which this class makes
        return made


class Section(msgspec.Struct, metaclass=_Kind):
    """A section of `inhouse.toml`, or one of several blocks of a name."""

    about: ClassVar[Mapping[str, About]]

    @classmethod
    def types(cls) -> Mapping[str, Any]:  # Any: types as Python writes them
        """The type of each setting, in the order of the table."""
        return _types(cls)


@functools.cache
def _types(kind: type[Section]) -> Mapping[str, Any]:  # Any: types as Python writes them
    found = get_type_hints(kind)
    return {key: found[key] for key in kind.__struct_fields__}


# Any: what is said about a setting stands where its value will be, which may be of any type.
def setting(default: Any, why: str, unit: str = "", **limits: Any) -> Any:
    """A setting with its default, reason and unit, which the reference shows."""
    return About(default=default, why=why, unit=unit, **limits)


# Any: as above.
def needed(why: str, **limits: Any) -> Any:
    """A setting that every block of its kind must say."""
    return About(why=why, **limits)
