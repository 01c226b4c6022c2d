"""`/app/admin/keys`: API keys, made, listed, renewed and revoked.

Like all of `/app` it answers on this machine only, and to no page of another origin; of the users on record
only administrators may come here.
"""

from __future__ import annotations

import dataclasses
import secrets

from fastapi import APIRouter
from pydantic import Field

from inhouse.kernel.caller import ApiKey, Grant
from inhouse.kernel.errors import BadRequest, Unavailable
from inhouse.ops.keys import ID_BYTES, SECRET_BYTES, digest_of, expiry, scopes_in, secret_of, why_not
from inhouse.serve.callers import AdminOf
from inhouse.serve.parts import KeyBook, Parts
from inhouse.serve.router import open_router
from inhouse.serve.shapes import Shape

__all__ = ["KeyShape", "KeysShape", "NewKey", "NewKeyShape", "key_routes"]


class KeyShape(Shape):
    """A key as lists show it; its secret is known to whoever got it, and to nobody else."""

    id: str
    name: str
    user: str
    team: str
    scopes: tuple[str, ...]
    models: tuple[str, ...]
    cloud: bool
    requests_per_minute: int | None
    tokens_per_minute: int | None
    streams: int | None
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    state: str
    """`in use`, `was revoked` or `expired on …`."""


class KeysShape(Shape):
    """What `keys ls --json` prints."""

    keys: tuple[KeyShape, ...]


class NewKeyShape(Shape):
    """What `keys add --json` prints; `secret` is shown this once."""

    secret: str
    key: KeyShape


class NewKey(Shape):
    """What a key is to be. `expires` is a day (its end, UTC) or `90d`, `12h`, `30m`."""

    name: str = Field(min_length=1, max_length=80)
    user: str = Field(default="", max_length=128)
    team: str = Field(default="", max_length=128)
    scopes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    cloud: bool = True
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)
    streams: int | None = Field(default=None, ge=1)
    expires: str = ""


def key_routes(parts: Parts) -> APIRouter:
    """List, add, rotate and revoke."""
    routes = open_router()

    def book() -> KeyBook:
        if parts.keys is None:
            raise Unavailable("This server keeps no API keys", hint="use the one that holds the home")
        return parts.keys

    @routes.get("/app/admin/keys")
    def keys(caller: AdminOf) -> KeysShape:
        """Every API key, oldest first, without its secret; expired and revoked ones too."""
        now = parts.clock()
        return KeysShape(keys=tuple(key_shape(each, now) for each in book().all()))

    @routes.post("/app/admin/keys")
    def add_key(caller: AdminOf, wanted: NewKey) -> NewKeyShape:
        """Make an API key; its secret is in this reply and nowhere else."""
        now = parts.clock()
        secret, key = new_key(wanted, now)
        book().add(key)
        return NewKeyShape(secret=secret, key=key_shape(key, now))

    @routes.post("/app/admin/keys/{name}/rotate")
    def rotate_key(caller: AdminOf, name: str) -> NewKeyShape:
        """Give the key of that id or name a new id and secret; the old secret is refused from now on."""
        now = parts.clock()
        old = book().named(name)
        secret = _random_secret()
        new = renewed(old, secret, now)
        book().rotate(old, new, now)
        return NewKeyShape(secret=secret, key=key_shape(new, now))

    @routes.delete("/app/admin/keys/{name}")
    def revoke_key(caller: AdminOf, name: str) -> KeyShape:
        """Refuse the key of that id or name from the next request on."""
        now = parts.clock()
        return key_shape(book().revoke(name, now), now)

    return routes


def new_key(wanted: NewKey, now: float) -> tuple[str, ApiKey]:
    """A new secret and its key.

    Raises:
        BadRequest: if a name is not printable, a scope unknown, or the expiry over.
    """
    for field in (wanted.name, wanted.user, wanted.team, *wanted.models):
        if not field.isprintable():
            raise BadRequest(f"{field[:40]!r} is not a name", hint="use printable characters")
    secret = _random_secret()
    grant = Grant(
        key=secret.split("_")[1],
        user=wanted.user.strip() or wanted.name.strip(),
        team=wanted.team.strip(),
        scopes=scopes_in(wanted.scopes),
        models=wanted.models,
        cloud=wanted.cloud,
        requests_per_minute=wanted.requests_per_minute,
        tokens_per_minute=wanted.tokens_per_minute,
        streams=wanted.streams,
    )
    expires_at = expiry(wanted.expires, now) if wanted.expires else None
    return secret, ApiKey(grant, wanted.name.strip(), digest_of(secret), now, expires_at)


def renewed(old: ApiKey, secret: str, now: float) -> ApiKey:
    """The same key with another id and secret; it expires when the old one would have.

    Raises:
        BadRequest: if the old one has expired: how long the new one lives must be said.
    """
    if old.expires_at is not None and old.expires_at <= now:
        raise BadRequest(
            f"The key {old.name!r} {why_not(old, now)}", hint="revoke it, and add one with --expires"
        )
    grant = dataclasses.replace(old.grant, key=secret.split("_")[1])
    return ApiKey(grant, old.name, digest_of(secret), now, old.expires_at)


def key_shape(key: ApiKey, now: float) -> KeyShape:
    """The key as lists show it."""
    grant = key.grant
    return KeyShape(
        id=grant.key,
        name=key.name,
        user=grant.user,
        team=grant.team,
        scopes=tuple(sorted(grant.scopes)),
        models=grant.models,
        cloud=grant.cloud,
        requests_per_minute=grant.requests_per_minute,
        tokens_per_minute=grant.tokens_per_minute,
        streams=grant.streams,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        state=why_not(key, now) or "in use",
    )


def _random_secret() -> str:
    return secret_of(secrets.token_bytes(ID_BYTES), secrets.token_bytes(SECRET_BYTES))
