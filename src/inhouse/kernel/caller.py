"""Who is asking, and who may read a thing."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EVERYONE", "Caller", "Readers", "may_read"]

EVERYONE = "everyone"
"""The group that every caller is in."""

Readers = frozenset[str]
"""Names of the groups that may read a document; empty means nobody."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The person or program on whose behalf something is done.

    `groups` always holds `everyone`; access is decided by groups alone, never by `user`.
    """

    user: str = "local"
    groups: frozenset[str] = frozenset({EVERYONE})


def may_read(caller: Caller, readers: Readers) -> bool:
    """True when the caller is in at least one of the groups."""
    return not caller.groups.isdisjoint(readers)
