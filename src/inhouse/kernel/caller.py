"""Who is asking, and who may read a thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["EVERYONE", "ApiKey", "Caller", "Grant", "Readers", "Scope", "may_read"]

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


Scope = Literal["chat", "embed", "models", "pull", "documents", "usage", "admin"]
"""What a key may be used for: `models` lists them, `pull` changes which are there."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What whoever sent a request to a wire surface may do, and who pays.

    `key` is the public id of an API key, empty for a caller without one. `models` are shell patterns of
    requested names, empty for all. `cloud` only ever narrows what the administrator allowed for the house.
    Limits are None where there is none; `streams` are answers under way at once.
    """

    key: str = ""
    user: str = "local"
    team: str = ""
    scopes: frozenset[Scope] = frozenset({"chat", "embed", "models"})
    models: tuple[str, ...] = ()
    cloud: bool = True
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    streams: int | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as it is kept: everything but the secret, of which only the SHA-256 (hex) is known.

    `grant.key` is its public id. Times are UNIX seconds; None where it never expires, or was not revoked.
    """

    grant: Grant
    name: str
    digest: str
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None


def may_read(caller: Caller, readers: Readers) -> bool:
    """True when the caller is in at least one of the groups."""
    return not caller.groups.isdisjoint(readers)
